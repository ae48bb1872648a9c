"""Tells a Canvas that is down from one that is merely busy; pure, one per drive of a run.

Throttled answers are not reported to it at all: being asked to slow down is not a fault.
"""

from __future__ import annotations

from collections import deque


class Breaker:
    """Opens after ``in_a_row`` failures, or when more than half of the last ``window`` calls failed."""

    def __init__(self, in_a_row: int, window: int) -> None:
        self._in_a_row = in_a_row
        self._recent: deque[bool] = deque(maxlen=window)
        self.streak = 0
        """Failures in a row."""

    def succeeded(self) -> None:
        """A call was answered properly, whatever the answer."""
        self._recent.append(True)
        self.streak = 0

    def failed(self) -> None:
        """A call was not answered, or by something that is not Canvas."""
        self._recent.append(False)
        self.streak += 1

    @property
    def is_open(self) -> bool:
        """Whether to leave Canvas alone for a while."""
        if self.streak >= self._in_a_row:
            return True
        full = len(self._recent) == self._recent.maxlen
        return full and self._recent.count(False) * 2 > len(self._recent)
