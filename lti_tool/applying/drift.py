"""What others changed in Canvas while a run was approved, waiting or working, and what it means; pure.

Drift never causes a write. The kinds are those of ``planning.drift``, what they mean is decided in
``planning.staleness``; here only the run's own doings are taken out of the comparison.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from allocation.sentences import N_, Sentence, in_a_row, sentence
from lti_tool.applying.reconcile import pair_of
from lti_tool.applying.records import RunRecord, StepRecord, Stop
from lti_tool.applying.states import DOUBTFUL, RunState, StepState
from lti_tool.planning.drift import Drift, DriftKind, find_drift
from lti_tool.planning.ids import UserId
from lti_tool.planning.plan import ChangeKind
from lti_tool.planning.rules import PlanRules
from lti_tool.planning.snapshot import Snapshot
from lti_tool.planning.staleness import Judged, Meaning, Relied, judge, people_in

OUT_OF_DATE = "out_of_date"
"""The machine word of a run that ended because its plan is out of date."""

NOT_BEGUN = N_("This plan is out of date: Canvas changed since the preview. Nothing was assigned or removed.")
BEGUN = N_(
    "This plan is out of date: Canvas changed while it was being applied. What was done until then is listed "
    "here; nothing more was sent."
)
FIRST: Mapping[DriftKind, str] = {
    DriftKind.PEER_REVIEWS_SWITCHED: N_("Turn on peer reviews for the assignment in Canvas."),
    DriftKind.UNPUBLISHED: N_("Publish the assignment in Canvas."),
    DriftKind.AUTOMATIC_SWITCHED: N_(
        '"Automatically assign peer reviews" is on in Canvas. Turn it off so that Canvas doesn\'t add its '
        "own."
    ),
    DriftKind.NEW_ALLOCATION_SWITCHED: N_(
        "Canvas's own peer review allocation is on in this course and would replace the reviews made here. "
        "Turn it off."
    ),
    DriftKind.RUBRIC_CHANGED: N_(
        "The rubric was attached, replaced or removed, so Canvas would make a second review of pairs that "
        "exist."
    ),
}
"""What to know or do before planning again. The rubric: canvas-lms ``Submission#assign_assessor`` finds a
review by its rubric association too. The new allocation: on switching it on, Canvas can turn requests made
through the API into rules of its own."""
THEN = N_("Preview again to plan from Canvas as it is now.")


DRIFT = "drift"
"""The type of the line in a run's history that holds what ``drift_note`` made."""


def drift_note(found: Judged) -> dict[str, object]:
    """Drift as the details of a line in the run's history."""
    return {
        "found": [
            {
                "kind": one.kind.value,
                "people": list(one.people),
                "on": one.on,
                "at": None if one.at is None else one.at.isoformat(),
                "means": meaning.value,
            }
            for meaning, some in found.by_meaning.items()
            for one in some
        ]
    }


def drift_from(note: Mapping[str, Any]) -> Judged:
    """What ``drift_note`` wrote; kinds of a later version, and notes of an older one, are passed over."""
    known, meanings = set(DriftKind), set(Meaning)
    found: dict[Meaning, list[Drift]] = {meaning: [] for meaning in Meaning}
    for one in note["found"]:
        means = one.get("means", Meaning.HARMLESS)
        if one["kind"] in known and "on" in one and means in meanings:
            people = tuple(UserId(user) for user in one["people"])
            at = None if one.get("at") is None else datetime.fromisoformat(one["at"])
            found[Meaning(means)].append(Drift(DriftKind(one["kind"]), people, one["on"], at))
    return Judged.of(found)


def drift_of_others(then: Snapshot, now: Snapshot, steps: Iterable[StepRecord]) -> tuple[Drift, ...]:
    """Everything that differs, save what ``steps`` (of the run that asks) did or may have done."""
    steps = tuple(steps)
    created = {pair_of(step) for step in steps if step.kind is ChangeKind.CREATE}
    deleted = {step.expected_review for step in steps if step.kind is ChangeKind.DELETE}
    old = {review.id for review in then.reviews}
    there = {review.id for review in now.reviews}
    without_us = tuple(
        review
        for review in now.reviews
        if review.id in old or (review.assessor, review.submission) not in created
    ) + tuple(review for review in then.reviews if review.id in deleted and review.id not in there)
    return find_drift(then, replace(now, reviews=without_us))


def begun(steps: Iterable[StepRecord]) -> bool:
    """Whether Canvas may have executed a write of the run."""
    sent = DOUBTFUL | {StepState.DONE}
    return any(step.state in sent or step.doubts > 0 or step.attempts > 0 for step in steps)


def relied_on(
    steps: Sequence[StepRecord], preview: Snapshot, *, rules: PlanRules | None, undo: bool
) -> Relied:
    """What is left of a run, for the judgement of drift."""
    creates = [step for step in steps if step.kind is ChangeKind.CREATE]
    deletes = [step for step in steps if step.kind is ChangeKind.DELETE]
    open_ = [step for step in creates if step.state is StepState.PENDING or step.state in DOUBTFUL]
    return Relied(
        begun=begun(steps),
        people=people_in(preview, _pairs(steps)),
        creates=_pairs(creates),
        open=_pairs(open_),
        deletes=_pairs(deletes),
        rules=rules,
        exact=undo,
    )


def _pairs(steps: Iterable[StepRecord]) -> frozenset[tuple[UserId, UserId]]:
    return frozenset((step.reviewer, step.author) for step in steps)


def judged(
    run: RunRecord, preview: Snapshot, now: Snapshot, steps: Sequence[StepRecord], rules: PlanRules | None
) -> Judged:
    """What others changed since the preview, by what it means for what is left of the run."""
    relied = relied_on(steps, preview, rules=rules, undo=run.undo_of is not None)
    return judge(drift_of_others(preview, now, steps), relied)


def out_of_date(found: Judged, *, has_begun: bool) -> Stop:
    """The end of a run whose plan is out of date; what changed is in its report, by name."""
    kinds = {one.kind for one in found.out_of_date}
    said: list[Sentence] = [sentence(BEGUN if has_begun else NOT_BEGUN)]
    said += [sentence(words) for kind, words in FIRST.items() if kind in kinds]
    return Stop(RunState.NEEDS_REVIEW, OUT_OF_DATE, in_a_row([*said, sentence(THEN)]).packed())
