"""Whether something takes time in proportion to its input: measured by growth, not by a number of seconds."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

STEP = 4
"""The input grows by this. Linear work grows alike, quadratic work by the square."""
MOST_GROWTH = STEP * 2.4
TOO_SHORT_S = 0.004
"""Less than this is noise, whatever it was before."""
TRIES = 4


def seconds(work: Callable[[], object]) -> float:
    """Processor time of this thread, without what the garbage collector finds of other tests."""
    gc.disable()
    try:
        began = time.thread_time()
        work()
        return time.thread_time() - began
    finally:
        gc.enable()


def growth(work: Callable[[str], object], text_of: Callable[[int], str], size: int) -> float:
    """How many times longer ``STEP`` times the size takes; 1 where both are too short to tell.

    The best of some tries, since a busy machine makes single ones longer.
    """
    best = float("inf")
    small, large = text_of(size), text_of(STEP * size)
    for _ in range(TRIES):
        before, after = seconds(lambda: work(small)), seconds(lambda: work(large))
        if after < TOO_SHORT_S:
            return 1.0
        best = min(best, after / max(before, TOO_SHORT_S / STEP))
        if best < MOST_GROWTH:
            break
    return best


def assert_linear(work: Callable[[str], object], text_of: Callable[[int], str], limit: int) -> None:
    """``limit``: the longest input that is accepted, in characters. Starts small: a bad one fails soon."""
    size = 500
    while size * STEP <= limit:
        grown = growth(work, text_of, size)
        assert grown < MOST_GROWTH, f"{size} to {STEP * size} characters take {grown:.1f} times as long"
        size *= STEP
    if size < limit:
        grown = growth(work, text_of, limit // STEP)
        assert grown < MOST_GROWTH, f"up to {limit} characters it takes {grown:.1f} times as long"
