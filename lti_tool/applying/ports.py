"""The driver's view of the outside: Canvas, the journal and time. Adapters live elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from lti_tool.applying.answers import Answer
from lti_tool.applying.records import Claim, Glance, Phase, RunRecord, Settlement, StepRecord, Stop
from lti_tool.applying.states import RunState
from lti_tool.planning.ids import RunId, SubmissionId, UserId
from lti_tool.planning.snapshot import Review, Snapshot


class CanvasReviews(Protocol):
    """One assignment in one Canvas, read and written as the person who started the run.

    Safe to call from several threads. Reads raise ``ReadFailed``; writes never raise for anything that
    Canvas or the network does, they return an ``Answer``. Pacing happens inside: a call outside
    a turn may wait.
    """

    def read_snapshot(self) -> Snapshot:
        """Everything that a plan rests on, read anew."""
        ...

    def glance(self) -> Glance:
        """The assignment's settings and its reviews, and nothing else: for a look in the middle of a run."""
        ...

    def reviews(self) -> tuple[Review, ...]:
        """All peer reviews of the assignment."""
        ...

    def reviews_of(self, submission: SubmissionId) -> tuple[Review, ...]:
        """The peer reviews of one submission."""
        ...

    def turn(self) -> AbstractContextManager[None]:
        """Wait for a place among this person's open requests and hold it; calls inside wait no more."""
        ...

    def create(self, submission: SubmissionId, author: UserId, reviewer: UserId) -> Answer:
        """Ask Canvas to create one review. Repeating it would mail the reviewer again."""
        ...

    def delete(self, submission: SubmissionId, author: UserId, reviewer: UserId) -> Answer:
        """Ask Canvas to delete the first review of this pair, whatever its state."""
        ...


class Clock(Protocol):
    """Time as the driver needs it: a monotonic clock, waiting and a beat; replaceable in tests."""

    def monotonic(self) -> float:
        """Seconds; never goes back."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...

    def every(self, seconds: float, action: Callable[[], None]) -> Callable[[], None]:
        """Call ``action`` again and again in the background; returns what ends it."""
        ...


class RunJournal(Protocol):
    """The only truth about runs. Each method is one committed transaction; safe from several threads.

    Every method that takes a claim raises ``LeaseLost`` when the claim's fence is not the run's any more
    or the row is not in the expected state, and every method raises ``JournalUnavailable`` when the
    database cannot do it.
    """

    def claim(self, run: RunId, owner: str) -> Claim | None:
        """Take the lease if the run wants driving and nobody holds it; steps left ``sent`` become unknown."""
        ...

    def heartbeat(self, claim: Claim) -> None:
        """Renew the lease."""
        ...

    def release(self, claim: Claim) -> None:
        """Give the lease back without changing the state, so that another worker goes on at once."""
        ...

    def load(self, run: RunId) -> RunRecord:
        """The run. Raises ``UnknownRun``."""
        ...

    def steps(self, run: RunId) -> tuple[StepRecord, ...]:
        """All steps of the run, by seq."""
        ...

    def mark_sent(self, claim: Claim, step: StepRecord) -> None:
        """Commit that a pending step is about to be sent. Raises ``CancelRequested`` or
        ``PauseRequested`` when somebody asked for that."""
        ...

    def settle(self, claim: Claim, step: StepRecord, settlement: Settlement) -> None:
        """Commit what became of a step that is in state ``step.state``."""
        ...

    def settle_all(self, claim: Claim, settlements: Sequence[tuple[StepRecord, Settlement]]) -> None:
        """Commit what became of several steps, all or none."""
        ...

    def cancel_pending(self, claim: Claim) -> None:
        """Commit that no pending step will be sent."""
        ...

    def move(self, claim: Claim, old: RunState, new: RunState) -> None:
        """Commit that the run works on something else now; a wait that was told is over."""
        ...

    def stop(self, claim: Claim, old: RunState, stop: Stop) -> None:
        """Commit that the run is paused or over, and give the lease back."""
        ...

    def finish(self, claim: Claim, old: RunState, new: RunState, verification: str | None) -> None:
        """Commit the end with the result of the verification (JSON), and give the lease back."""
        ...

    def tell_waiting(self, claim: Claim, words: str, seconds: float) -> None:
        """Say on the run why nothing seems to move, for the next ``seconds``."""
        ...

    def keep_snapshot(self, claim: Claim, phase: Phase, snapshot: Snapshot) -> None:
        """Store a snapshot; BEFORE is kept from the first time on, AFTER is replaced."""
        ...

    def snapshot(self, run: RunId, phase: Phase) -> Snapshot | None:
        """A stored snapshot, if there is one."""
        ...

    def note(self, claim: Claim, type: str, details: Mapping[str, object]) -> None:
        """Add a line to the run's history."""
        ...
