"""Pause Python's collector of cycles. The engine makes millions of small objects and no cycles, and the
collector would look through all of them again and again: up to half of the time for a class of 30 000."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused() -> Iterator[None]:
    """No collection of cycles meanwhile, unless another thread switches it on; afterwards as it was."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
