"""What a run did and does, for people: report, line in the history, progress, effects; pure.

Contract for the pages and the command line; built from journal rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from lti_tool.applying.answers import Why
from lti_tool.applying.records import RunRecord, StepRecord
from lti_tool.applying.states import (
    PAUSED,
    SETTLED,
    TERMINAL,
    RunState,
    StepClass,
    StepState,
    Whose,
    step_class,
)
from lti_tool.applying.verification import Verification
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
from lti_tool.planning.staleness import Judged
from lti_tool.planning.undo import Effect

RATE_WINDOW = timedelta(seconds=60)
NO_DRIFT = Judged()
LATEST = 5
"""Changes that a page shows while a run goes on."""


WORKER_LATELY = timedelta(seconds=60)
"""A worker sweeps every 15 seconds; one that was silent for four sweeps is not there."""


class Attendance(StrEnum):
    """Whether anything is there that drives a run on."""

    NOT_NEEDED = "not_needed"
    """The run is over, or waits for a person."""
    DRIVEN = "driven"
    """A worker drives it."""
    HELD = "held"
    """A command that waits drives it, or somebody who is gone since less than a lease: nobody can say yet."""
    EXPECTED = "expected"
    """Nobody drives it yet; a worker is there and takes it up within seconds, or when its pause ends."""
    MISSING = "missing"
    """Nobody drives it, and no worker was heard of for ``WORKER_LATELY``."""


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One run as a line of the history; ``counts`` by public class add up to ``total``.

    ``state`` is a ``RunState`` value; ``undo_of`` the run that this one takes back, if any.
    """

    id: RunId
    plan_id: PlanId
    assignment_id: AssignmentId
    state: str
    started_by: UserId
    started_by_name: str
    created_at: datetime
    finished_at: datetime | None
    counts: dict[str, int]
    total: int
    undo_of: RunId | None = None


@dataclass(frozen=True, slots=True)
class ReportedStep:
    """One approved change and what became of it. ``note`` (``Sentence.packed``) has no personal data."""

    kind: ChangeKind
    reviewer: UserId
    author: UserId
    submission: SubmissionId
    step_class: StepClass
    review_id: ReviewId | None
    whose: Whose
    why: Why
    note: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: ``done`` of ``total`` changes are settled, which never goes back.

    ``waiting`` is a sentence (``Sentence.packed``) while the run waits, ``waiting_until`` when it goes on by
    itself (none: a person must act), ``waits_s`` how many seconds that is from now. ``seconds_left`` is
    extrapolated from the last minute, in which Canvas may have slowed us down; none while that says nothing.
    ``latest`` are the changes that were settled last, the newest first.
    """

    plan_id: PlanId
    state: RunState
    done: int
    total: int
    counts: Mapping[StepClass, int]
    waiting: str
    waiting_until: datetime | None
    waits_s: float | None
    seconds_left: float | None
    latest: tuple[ReportedStep, ...] = ()
    attendance: Attendance = Attendance.NOT_NEEDED

    @property
    def over(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in TERMINAL


@dataclass(frozen=True, slots=True)
class RunReport:
    """Everything that is said about one run; ``words`` is ``Sentence.packed``.

    ``counts`` has every class and adds up to the steps.
    """

    id: RunId
    plan_id: PlanId
    canvas: CanvasOrigin
    course_id: CourseId
    assignment_id: AssignmentId
    state: RunState
    reason: str
    words: str
    started_by: UserId
    started_by_name: str
    undo_of: RunId | None
    created_at: datetime
    finished_at: datetime | None
    cancel_requested: bool
    pause_requested: bool
    progress: Progress
    steps: tuple[ReportedStep, ...]
    verification: Verification | None
    drift: Judged = NO_DRIFT
    """What others had changed in Canvas since the preview, when the run last compared."""

    @property
    def counts(self) -> Mapping[StepClass, int]:
        """Steps by class."""
        return self.progress.counts


def counts_by_class(states: Mapping[StepState, int], run: RunState) -> dict[StepClass, int]:
    """Steps by report class, every class present, from steps by state."""
    counts = dict.fromkeys(StepClass, 0)
    for state, number in states.items():
        counts[step_class(state, run)] += number
    return counts


def progress_of(
    run: RunRecord,
    states: Mapping[StepState, int],
    lately: int,
    window: timedelta,
    now: datetime,
    latest: Iterable[StepRecord] = (),
    worker_seen: datetime | None = None,
) -> Progress:
    """Progress from the number of steps by state; ``lately`` of them were settled within ``window``.

    A run that Canvas slows down still moves, so that its time is told beside its waiting.
    """
    total = sum(states.values())
    done = sum(number for state, number in states.items() if state in SETTLED)
    until = run.waiting_until if run.waiting_until is not None and run.waiting_until > now else None
    waits = run.state in PAUSED or until is not None
    moving = lately > 0 and run.state not in PAUSED | TERMINAL
    return Progress(
        plan_id=run.plan_id,
        state=run.state,
        done=done,
        total=total,
        counts=counts_by_class(states, run.state),
        waiting=run.words if waits else "",
        waiting_until=run.waiting_until if waits else None,
        waits_s=None if until is None else (until - now).total_seconds(),
        seconds_left=(total - done) * window.total_seconds() / lately if moving else None,
        latest=tuple(_reported(step, run.state) for step in latest),
        attendance=attendance_of(run, worker_seen, now),
    )


def attendance_of(run: RunRecord, worker_seen: datetime | None, now: datetime) -> Attendance:
    """Whether anything drives ``run`` on; ``worker_seen`` is when a worker was last heard of."""
    if run.state in TERMINAL | {RunState.OF_LATER_VERSION}:
        return Attendance.NOT_NEEDED
    if run.state in PAUSED and run.waiting_until is None and not run.cancel_requested:
        return Attendance.NOT_NEEDED
    there = worker_seen is not None and now - worker_seen < WORKER_LATELY
    if run.lease_until is not None and run.lease_until > now:
        return Attendance.DRIVEN if there else Attendance.HELD
    return Attendance.EXPECTED if there else Attendance.MISSING


def latest_of(steps: Iterable[StepRecord]) -> list[StepRecord]:
    """The changes that were settled last, the newest first."""
    settled = [(step.resolved_at, step.seq, step) for step in steps if step.resolved_at is not None]
    return [step for _, _, step in sorted(settled, key=lambda one: one[:2], reverse=True)[:LATEST]]


def report_of(
    run: RunRecord,
    steps: Sequence[StepRecord],
    now: datetime,
    *,
    worker_seen: datetime | None = None,
    drift: Judged = NO_DRIFT,
) -> RunReport:
    """The report of a run, at any time of its life.

    ``worker_seen`` is when a worker was last heard of, ``drift`` what the run noted when it last compared.
    """
    age = max(now - run.created_at, timedelta(seconds=1))
    window = min(RATE_WINDOW, age)
    lately = sum(step.resolved_at is not None and step.resolved_at > now - window for step in steps)
    return RunReport(
        id=run.id,
        plan_id=run.plan_id,
        canvas=run.canvas,
        course_id=run.course_id,
        assignment_id=run.assignment_id,
        state=run.state,
        reason=run.reason,
        words=run.words,
        started_by=run.started_by,
        started_by_name=run.started_by_name,
        undo_of=run.undo_of,
        created_at=run.created_at,
        finished_at=run.finished_at,
        cancel_requested=run.cancel_requested,
        pause_requested=run.pause_requested,
        progress=progress_of(
            run, Counter(step.state for step in steps), lately, window, now, latest_of(steps), worker_seen
        ),
        steps=tuple(_reported(step, run.state) for step in steps),
        verification=Verification.from_json(run.verification) if run.verification else None,
        drift=drift,
    )


def _reported(step: StepRecord, run: RunState) -> ReportedStep:
    return ReportedStep(
        kind=step.kind,
        reviewer=step.reviewer,
        author=step.author,
        submission=step.submission,
        step_class=step_class(step.state, run),
        review_id=step.review,
        whose=step.whose,
        why=step.why,
        note=step.note,
    )


def worth_trying(report: RunReport) -> list[ReportedStep]:
    """What a run that is over did not make and another plan could; nothing after wrong answers of Canvas."""
    if not report.progress.over or report.state is RunState.FAILED_INTEGRITY:
        return []
    return [step for step in report.steps if step.step_class in _TRY_AGAIN]


_TRY_AGAIN = frozenset(
    {
        StepClass.KEPT_UNREPLACED,
        StepClass.STUDENT_LEFT,
        StepClass.CONFLICT,
        StepClass.REFUSED,
        StepClass.GAVE_UP,
        StepClass.CANCELLED,
        StepClass.PENDING,
    }
)


def effects_of(steps: Iterable[StepRecord]) -> tuple[Effect, ...]:
    """What the run itself changed in Canvas, for undo; adopted and skipped steps are no effects."""
    return tuple(
        Effect(step.kind is ChangeKind.CREATE, step.reviewer, step.author, step.submission, step.review)
        for step in steps
        if step.whose is Whose.OURS and step.review is not None
    )
