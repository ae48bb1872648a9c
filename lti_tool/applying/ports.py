"""The driver's view of the outside: Canvas, the journal and time. Adapters live elsewhere."""

from __future__ import annotations

from typing import Protocol

from lti_tool.applying.answers import Answer
from lti_tool.planning.ids import SubmissionId, UserId
from lti_tool.planning.snapshot import Review, Snapshot


class CanvasReviews(Protocol):
    """One assignment in one Canvas, read and written as the person who started the run.

    Safe to call from several threads. Reads raise ``ReadFailed``; writes never raise for anything that
    Canvas or the network does, they return an ``Answer``. Pacing happens inside; a call may wait.
    """

    def read_snapshot(self) -> Snapshot:
        """Everything that a plan rests on, read anew."""
        ...

    def reviews(self) -> tuple[Review, ...]:
        """All peer reviews of the assignment."""
        ...

    def reviews_of(self, submission: SubmissionId) -> tuple[Review, ...]:
        """The peer reviews of one submission."""
        ...

    def create(self, submission: SubmissionId, author: UserId, reviewer: UserId) -> Answer:
        """Ask Canvas to create one review. Repeating it would mail the reviewer again."""
        ...

    def delete(self, submission: SubmissionId, author: UserId, reviewer: UserId) -> Answer:
        """Ask Canvas to delete the first review of this pair, whatever its state."""
        ...


class Clock(Protocol):
    """Time as the driver needs it: a monotonic clock and waiting, both replaceable in tests."""

    def monotonic(self) -> float:
        """Seconds; never goes back."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...
