"""The states of a run and of its steps, and which may follow which, as data.

The journal refuses every transition that is not listed here. Nothing in this file acts.
"""

from __future__ import annotations

from enum import StrEnum


class RunState(StrEnum):
    """Where one application of one plan stands."""

    QUEUED = "queued"
    CHECKING = "checking"
    """Canvas is read again and compared with what the plan was made from."""
    APPLYING = "applying"
    RESOLVING = "resolving"
    """Nothing is left to send; steps without a valid answer are read back after a wait."""
    VERIFYING = "verifying"
    """Canvas is read once more and compared with what the journal says."""
    CANCELLING = "cancelling"
    PAUSED_AUTH = "paused_auth"
    """The access was withdrawn; the person who started the run can connect again."""
    PAUSED_PERMISSION = "paused_permission"
    """Canvas refuses this person or this developer key; goes on when somebody says so."""
    PAUSED_CANVAS = "paused_canvas"
    """Canvas does not answer properly; tried again by itself for a while."""
    PAUSED_STORAGE = "paused_storage"
    """Our own database could not be written; nothing is sent without a journal row."""
    PAUSED_BY_PERSON = "paused_by_person"
    """Somebody asked for a pause; goes on when somebody says so."""
    PAUSED_RESTORED = "paused_restored"
    """Our database was restored from a backup and knows less than Canvas; goes on when somebody says so."""
    DONE = "done"
    DONE_WITH_ISSUES = "done_with_issues"
    NEEDS_REVIEW = "needs_review"
    """The plan is out of date: Canvas changed what it relies on, or the assignment is gone."""
    CANCELLED = "cancelled"
    FAILED_INTEGRITY = "failed_integrity"
    """Canvas answered for other people than asked; nothing more was sent."""
    OF_LATER_VERSION = "of_later_version"
    """As which a state reads that only a later version of this program knows; never stored, left alone."""


class StepState(StrEnum):
    """Where one create or delete stands."""

    PENDING = "pending"
    SENT = "sent"
    """Committed before the bytes leave: from here on it may have happened."""
    UNKNOWN = "unknown"
    """It may have happened or may still happen; settled by reading, never by sending again."""
    DONE = "done"
    ALREADY_THERE = "already_there"
    ALREADY_GONE = "already_gone"
    KEPT_COMPLETED = "kept_completed"
    KEPT_UNREPLACED = "kept_unreplaced"
    """A delete that was not sent, because what was to replace the review could not be created."""
    STUDENT_LEFT = "student_left"
    CONFLICT = "conflict"
    REFUSED = "refused"
    GAVE_UP = "gave_up"
    CANCELLED = "cancelled"
    OF_LATER_VERSION = "of_later_version"
    """As above."""


class StepClass(StrEnum):
    """The class under which a report counts a step; over a run the counts add up to the plan's writes."""

    DONE = "done"
    ALREADY_THERE = "already_there"
    ALREADY_GONE = "already_gone"
    KEPT_COMPLETED = "kept_completed"
    KEPT_UNREPLACED = "kept_unreplaced"
    STUDENT_LEFT = "student_left"
    CONFLICT = "conflict"
    REFUSED = "refused"
    GAVE_UP = "gave_up"
    CANCELLED = "cancelled"
    PENDING = "pending"
    """Not sent yet; in a run that is over: not sent, and will not be."""
    PAUSED = "paused"
    OF_LATER_VERSION = "of_later_version"
    """Only a later version of this program can say."""


class Whose(StrEnum):
    """Whose doing the present state of a pair is; undo takes back only what is OURS."""

    NONE = "none"
    OURS = "ours"
    ADOPTED = "adopted"
    """The review was there already, made by somebody else."""


PAUSED = frozenset(
    {
        RunState.PAUSED_AUTH,
        RunState.PAUSED_PERMISSION,
        RunState.PAUSED_CANVAS,
        RunState.PAUSED_STORAGE,
        RunState.PAUSED_BY_PERSON,
        RunState.PAUSED_RESTORED,
    }
)
WORKING = frozenset({RunState.CHECKING, RunState.APPLYING, RunState.RESOLVING, RunState.VERIFYING})
TERMINAL = frozenset(
    {
        RunState.DONE,
        RunState.DONE_WITH_ISSUES,
        RunState.NEEDS_REVIEW,
        RunState.CANCELLED,
        RunState.FAILED_INTEGRITY,
    }
)
ACTIVE = frozenset(RunState) - TERMINAL - {RunState.OF_LATER_VERSION}
"""At most one run of an assignment is in one of these; the database holds it by a partial unique index."""

DOUBTFUL = frozenset({StepState.SENT, StepState.UNKNOWN})
OPEN = DOUBTFUL | {StepState.PENDING}
SETTLED = frozenset(StepState) - OPEN - {StepState.OF_LATER_VERSION}

_STOPS = PAUSED | {RunState.NEEDS_REVIEW, RunState.FAILED_INTEGRITY, RunState.CANCELLING}

RUN_TRANSITIONS: dict[RunState, frozenset[RunState]] = {
    RunState.QUEUED: PAUSED | {RunState.CHECKING, RunState.CANCELLING, RunState.CANCELLED},
    # A worker that takes a run over begins by checking, whatever the one before it was doing.
    RunState.CHECKING: WORKING | _STOPS,
    RunState.APPLYING: WORKING | _STOPS,
    RunState.RESOLVING: WORKING | _STOPS,
    RunState.VERIFYING: WORKING | _STOPS | {RunState.DONE, RunState.DONE_WITH_ISSUES},
    RunState.CANCELLING: frozenset({RunState.CANCELLED, RunState.PAUSED_STORAGE}),
    **{
        paused: frozenset(
            {
                RunState.QUEUED,
                RunState.CHECKING,
                RunState.CANCELLING,
                RunState.CANCELLED,
                RunState.PAUSED_STORAGE,
                RunState.PAUSED_BY_PERSON,
                RunState.PAUSED_RESTORED,
            }
        )
        for paused in PAUSED
    },
    **{terminal: frozenset() for terminal in TERMINAL | {RunState.OF_LATER_VERSION}},
}

_SKIPPED = frozenset(
    {
        StepState.ALREADY_THERE,
        StepState.ALREADY_GONE,
        StepState.KEPT_COMPLETED,
        StepState.STUDENT_LEFT,
        StepState.CONFLICT,
    }
)

STEP_TRANSITIONS: dict[StepState, frozenset[StepState]] = {
    # DONE: an earlier send that was read back as absent was executed after all, later than anyone waited.
    StepState.PENDING: _SKIPPED
    | {
        StepState.SENT,
        StepState.DONE,
        StepState.REFUSED,
        StepState.CANCELLED,
        StepState.KEPT_UNREPLACED,
    },
    StepState.SENT: _SKIPPED
    | {StepState.DONE, StepState.UNKNOWN, StepState.PENDING, StepState.REFUSED, StepState.GAVE_UP},
    StepState.UNKNOWN: _SKIPPED | {StepState.DONE, StepState.PENDING, StepState.GAVE_UP},
    **{settled: frozenset() for settled in SETTLED | {StepState.OF_LATER_VERSION}},
}


def run_state(stored: str) -> RunState:
    """The state that a row names. While versions follow each other, a later one may have written it."""
    try:
        return RunState(stored)
    except ValueError:
        return RunState.OF_LATER_VERSION


def step_state(stored: str) -> StepState:
    """As ``run_state``, of a step."""
    try:
        return StepState(stored)
    except ValueError:
        return StepState.OF_LATER_VERSION


class IllegalTransition(RuntimeError):
    """The program tried a transition that is not in the table: a defect of the program, not of Canvas."""


def require_run_transition(old: RunState, new: RunState) -> None:
    """Raise ``IllegalTransition`` unless a run may go from ``old`` to ``new``."""
    if new not in RUN_TRANSITIONS[old]:
        raise IllegalTransition(f"a run cannot go from {old} to {new}")


def require_step_transition(old: StepState, new: StepState) -> None:
    """Raise ``IllegalTransition`` unless a step may go from ``old`` to ``new``."""
    if new not in STEP_TRANSITIONS[old]:
        raise IllegalTransition(f"a step cannot go from {old} to {new}")


def step_class(step: StepState, run: RunState) -> StepClass:
    """The report class of a step within a run that is in state ``run``."""
    if step in SETTLED or step is StepState.OF_LATER_VERSION:
        return StepClass(step.value)
    return StepClass.PAUSED if run in PAUSED else StepClass.PENDING


ISSUES = frozenset(
    {
        StepClass.KEPT_COMPLETED,
        StepClass.KEPT_UNREPLACED,
        StepClass.STUDENT_LEFT,
        StepClass.CONFLICT,
        StepClass.REFUSED,
        StepClass.GAVE_UP,
    }
)
"""Classes that make a finished run "done with issues": the plan's line is not what Canvas shows."""
