"""What somebody else changed in Canvas while a run was approved, waiting or working; pure.

Drift never causes a write. Two changes end the run, because the approval no longer describes what a
create would do; everything else is told beside it. The kinds are those of ``planning.drift``; here only
the run's own doings are taken out of the comparison.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from allocation.sentences import N_
from lti_tool.applying.reconcile import pair_of
from lti_tool.applying.records import StepRecord
from lti_tool.planning.drift import Drift, DriftKind, find_drift
from lti_tool.planning.ids import UserId
from lti_tool.planning.plan import ChangeKind
from lti_tool.planning.snapshot import Snapshot

RUBRIC_CHANGED = N_(
    "The rubric of the assignment was attached, replaced or removed. Canvas would make a second review for "
    "pairs that exist; make a new preview."
)
"""canvas-lms ``Submission#assign_assessor`` finds a review by its rubric association too."""

NEW_ALLOCATION_ON = N_(
    "Canvas's own peer review allocation was switched on in this course and would replace the reviews made "
    "here; make a new preview."
)
"""On switching the feature on, Canvas can turn requests made through the API into rules of its own."""


DRIFT = "drift"
"""The type of the line in a run's history that holds what ``drift_note`` made."""


def drift_note(found: Iterable[Drift]) -> dict[str, object]:
    """Drift as the details of a line in the run's history."""
    return {
        "found": [
            {
                "kind": one.kind.value,
                "people": list(one.people),
                "on": one.on,
                "at": None if one.at is None else one.at.isoformat(),
            }
            for one in found
        ]
    }


def drift_from(note: Mapping[str, Any]) -> tuple[Drift, ...]:
    """What ``drift_note`` wrote; kinds of a later version, and notes of an older one, are passed over."""
    known = set(DriftKind)
    return tuple(
        Drift(
            DriftKind(one["kind"]),
            tuple(UserId(user) for user in one["people"]),
            one.get("on"),
            None if one.get("at") is None else datetime.fromisoformat(one["at"]),
        )
        for one in note["found"]
        if one["kind"] in known and "on" in one
    )


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


def stopping_words(then: Snapshot, now: Snapshot) -> tuple[str, str] | None:
    """(machine word, sentence) when the run may not go on with its approval."""
    if then.assignment.rubric_id != now.assignment.rubric_id:
        return "rubric_changed", RUBRIC_CHANGED
    if now.new_allocation_feature and not then.new_allocation_feature:
        return "new_allocation_on", NEW_ALLOCATION_ON
    return None
