"""A Canvas of our own: stateful, seeded, and as rude as the real one.

Everything lives in memory, in one `state.CanvasState`. The package imports nothing of the product, so that a
mistake in our client cannot hide behind the same mistake in here.
"""
