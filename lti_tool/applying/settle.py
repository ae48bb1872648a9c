"""From an answer, or from what a later reading shows, to the next state of a step; pure."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace

from allocation.sentences import N_
from lti_tool.applying.answers import Answer, Outcome, Why
from lti_tool.applying.reconcile import delete_verdict, found
from lti_tool.applying.records import Settlement, StepRecord
from lti_tool.applying.states import StepState, Whose
from lti_tool.planning.ids import ReviewId
from lti_tool.planning.plan import ChangeKind
from lti_tool.planning.snapshot import Review

COMPLETED_MEANWHILE = N_("the review was completed between our last look and Canvas's deletion")
REPLACED_MEANWHILE = N_("Canvas deleted another row of this pair than the one approved")


def applied(step: StepRecord, settlement: Settlement) -> StepRecord:
    """The step as the journal has it after this settlement."""
    return replace(
        step,
        state=settlement.to,
        whose=settlement.whose,
        review=settlement.review,
        why=settlement.why,
        status=settlement.status,
        note=settlement.note,
        attempts=step.attempts + settlement.counted,
        doubts=step.doubts + (settlement.to is StepState.UNKNOWN),
    )


def speaks_of(step: StepRecord, review: Review) -> bool:
    """Whether Canvas's answer is about the people and the submission that were asked for."""
    return (review.assessor, review.assessee, review.submission) == (
        step.reviewer,
        step.author,
        step.submission,
    )


def after_answer(step: StepRecord, answer: Answer, before: Set[ReviewId]) -> Settlement:
    """Where a sent step goes with this answer.

    Every answer that proves that nothing happened sends the step back to pending, also those for which
    the run will stop or the people be looked up; the caller decides that from ``answer.why``.
    """
    base = Settlement(
        StepState.PENDING,
        why=answer.why,
        status=answer.status,
        request_id=answer.request_id,
        note=answer.note,
    )
    if answer.why is Why.WRONG_IDS or (answer.review is not None and not speaks_of(step, answer.review)):
        return replace(base, to=StepState.CONFLICT, why=Why.WRONG_IDS)
    if answer.outcome is Outcome.OK:
        return _done(step, answer.review, before, base)
    if answer.outcome is Outcome.UNKNOWN:
        return replace(base, to=StepState.UNKNOWN, counted=True)
    if answer.outcome is Outcome.NOT_DONE or answer.why in _ABOUT_MORE_THAN_THE_PAIR:
        return base
    return replace(base, to=StepState.REFUSED, counted=True)


_ABOUT_MORE_THAN_THE_PAIR = frozenset(
    {Why.ACCESS_LOST, Why.SCOPE_MISSING, Why.NOT_PERMITTED, Why.NOT_FOUND, Why.THROTTLED, Why.UNREACHABLE}
)


def _done(step: StepRecord, review: Review | None, before: Set[ReviewId], base: Settlement) -> Settlement:
    if step.kind is ChangeKind.DELETE:
        note = base.note
        if review is not None and review.completed:
            note = COMPLETED_MEANWHILE
        elif review is not None and review.id != step.expected_review:
            note = REPLACED_MEANWHILE
        gone = review.id if review is not None else step.expected_review
        return replace(base, to=StepState.DONE, whose=Whose.OURS, review=gone, note=note)
    if review is not None and review.id in before:
        return replace(base, to=StepState.ALREADY_THERE, whose=Whose.ADOPTED, review=review.id)
    return replace(
        base, to=StepState.DONE, whose=Whose.OURS, review=review.id if review is not None else None
    )


def after_refused_delete(step: StepRecord, rows: Sequence[Review]) -> Settlement:
    """A DELETE answered "Delete failed", and what the submission shows then.

    Canvas says this when there is no such row, which after a lost answer means success, and which a
    second reader may have caused; if the row is there, it is tried once more.
    """
    # This send is answered, so that only earlier ones can be in doubt.
    verdict = delete_verdict(replace(step, state=StepState.PENDING), rows)
    if verdict is not None:
        return replace(verdict, why=Why.REFUSED)
    if step.attempts == 0:
        return Settlement(StepState.PENDING, why=Why.REFUSED, counted=True)
    return Settlement(StepState.REFUSED, why=Why.REFUSED, counted=True, note=N_("Canvas does not delete it"))


def read_back(
    step: StepRecord, rows: Sequence[Review], before: Set[ReviewId], *, may_send_again: bool
) -> Settlement:
    """A doubtful step after its wait: settled by what Canvas shows, or pending again, or given up."""
    if step.kind is ChangeKind.CREATE:
        seen = found(step, rows, before) if rows else None
    else:
        seen = delete_verdict(step, rows)
    if seen is not None:
        return seen
    if may_send_again:
        return Settlement(StepState.PENDING, why=step.why, note=step.note)
    return Settlement(
        StepState.GAVE_UP,
        why=step.why,
        status=step.status,
        note=step.note or N_("Canvas never answered, and the change is not there"),
    )
