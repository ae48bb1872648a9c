"""Rows of the journal as the driver and the report see them: frozen, without a database behind them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from lti_tool.applying.answers import Why
from lti_tool.applying.states import RunState, StepState, Whose
from lti_tool.planning.ids import (
    AssignmentId,
    CanvasOrigin,
    CourseId,
    PlanId,
    ReviewId,
    RunId,
    SubmissionId,
    UserId,
)
from lti_tool.planning.plan import ChangeKind
from lti_tool.planning.snapshot import AssignmentFacts, Review, Snapshot


class Phase(StrEnum):
    """When a stored snapshot was taken."""

    BEFORE = "before"
    """At the run's first check, before anything was sent."""
    AFTER = "after"
    """At the verification."""


@dataclass(frozen=True, slots=True)
class Actor:
    """The person who starts a run; Canvas is asked with this person's token."""

    user: UserId
    name: str


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to drive a run until the lease ends; ``fence`` tells this claim from every other one."""

    run: RunId
    owner: str
    fence: int


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One application of one plan. Moments are UTC.

    ``reason`` is the machine word for why a run is paused or stopped, ``words`` the sentence for people
    (``Sentence.packed``, like every ``note`` of a step); ``waiting_until`` is when a waiting run will try
    again, none when it waits for a person.
    """

    id: RunId
    plan_id: PlanId
    canvas: CanvasOrigin
    course_id: CourseId
    assignment_id: AssignmentId
    started_by: UserId
    started_by_name: str
    state: RunState
    cancel_requested: bool
    pause_requested: bool
    reason: str
    words: str
    waiting_until: datetime | None
    pauses: int
    undo_of: RunId | None
    created_at: datetime
    finished_at: datetime | None
    last_progress_at: datetime | None
    verification: str | None
    """The stored result of ``verification.verify``, as JSON."""
    lease_until: datetime | None = None
    """Until when a worker has the run to itself; none where no worker has it."""


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One create or delete within a run.

    ``expected_review`` is the review that a delete was approved for. ``review`` is what the step left
    behind or took away: the id of the created or found review, or of the deleted one. ``attempts`` counts
    answers that count against the limit (throttling and a Canvas out of reach do not); ``doubts`` counts
    sends whose outcome was ever unknown.
    """

    seq: int
    kind: ChangeKind
    reviewer: UserId
    author: UserId
    submission: SubmissionId
    expected_review: ReviewId | None
    reason: str
    state: StepState = StepState.PENDING
    attempts: int = 0
    doubts: int = 0
    whose: Whose = Whose.NONE
    review: ReviewId | None = None
    why: Why = Why.NONE
    status: int | None = None
    note: str = ""
    resolved_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Settlement:
    """Where a step goes next, and what is to be remembered about it.

    ``counted`` adds one to the step's attempts. ``status`` and ``request_id`` are of Canvas's answer.
    """

    to: StepState
    whose: Whose = Whose.NONE
    review: ReviewId | None = None
    why: Why = Why.NONE
    status: int | None = None
    request_id: str | None = None
    note: str = ""
    counted: bool = False


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a run stops here, and when it may go on by itself (seconds; none: when a person says so)."""

    to: RunState
    reason: str
    words: str
    retry_in: float | None = None


@dataclass(frozen=True, slots=True)
class Glance:
    """What a look in the middle of a run shows: the settings that can stop it, and all reviews."""

    assignment: AssignmentFacts
    new_allocation_feature: bool
    reviews: tuple[Review, ...]

    def over(self, snapshot: Snapshot) -> Snapshot:
        """The snapshot with what was just seen; people and submissions as they were."""
        return replace(
            snapshot,
            assignment=self.assignment,
            new_allocation_feature=self.new_allocation_feature,
            reviews=self.reviews,
        )


@dataclass(frozen=True, slots=True)
class RunEvent:
    """One line of a run's append-only history; ``id`` is the cursor for polling."""

    id: int
    at: datetime
    type: str
    details: dict[str, object]
