"""One full reading against the journal: every way to differ has its name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lti_tool.applying.records import StepRecord
from lti_tool.applying.settle import COMPLETED_MEANWHILE
from lti_tool.applying.states import StepState
from lti_tool.applying.verification import MismatchKind, Verification, verify
from lti_tool.planning.snapshot import Review
from tests.builders import assignment, review, snapshot
from tests.unit.applying.steps import create_step, delete_step

DONE = StepState.DONE
CREATED = create_step(state=DONE)
DELETED = delete_step(state=DONE, review=review(1, 2).id)


@pytest.mark.parametrize(
    ("step", "before", "after", "kinds"),
    [
        (CREATED, [], [review(1, 2)], []),
        (CREATED, [], [], [MismatchKind.MISSING]),
        (CREATED, [], [review(1, 2), review(1, 2, id_="x")], [MismatchKind.DUPLICATE]),
        (DELETED, [review(1, 2)], [], []),
        (DELETED, [review(1, 2)], [review(1, 2)], [MismatchKind.STILL_THERE]),
        (
            replace(DELETED, note=COMPLETED_MEANWHILE),
            [review(1, 2)],
            [],
            [MismatchKind.COMPLETED_WAS_DELETED],
        ),
        (create_step(state=StepState.GAVE_UP, doubts=3), [], [review(1, 2)], [MismatchKind.ARRIVED_LATE]),
        (create_step(state=StepState.GAVE_UP, doubts=3), [], [], []),
        (delete_step(state=StepState.GAVE_UP, doubts=3), [review(1, 2)], [], [MismatchKind.ARRIVED_LATE]),
        (CREATED, [], [review(1, 2), review(5, 6)], [MismatchKind.ADDED_BY_OTHERS]),
        (CREATED, [review(5, 6)], [review(1, 2)], [MismatchKind.REMOVED_BY_OTHERS]),
    ],
)
def test_kinds(
    step: StepRecord, before: list[Review], after: list[Review], kinds: list[MismatchKind]
) -> None:
    result = verify([step], snapshot(reviews=before), snapshot(reviews=after))
    assert [mismatch.kind for mismatch in result.mismatches] == kinds


def test_rows_that_were_double_before_are_no_duplicates_of_ours() -> None:
    double = [review(3, 4), review(3, 4, id_="x")]
    result = verify([CREATED], snapshot(reviews=double), snapshot(reviews=[*double, review(1, 2)]))
    assert result.mismatches == ()


def test_only_what_was_claimed_is_expected_and_only_what_was_seen_is_confirmed() -> None:
    steps = [CREATED, create_step(2, 3, state=DONE), create_step(3, 4, state=StepState.REFUSED)]
    result = verify(steps, snapshot(), snapshot(reviews=[review(1, 2)]))
    assert (result.confirmed, result.expected) == (1, 2)
    assert not result.clean


def test_changes_of_the_assignment_are_named_and_no_fault_of_the_run() -> None:
    before, after = snapshot(), snapshot(reviews=[review(1, 2)])
    after = replace(after, assignment=assignment(anonymous_peer_reviews=True, due_at=None))
    result = verify([CREATED], before, after)
    assert [one.detail for one in result.mismatches] == ["anonymous_switched", "due_date_changed"]
    assert result.clean


@pytest.mark.parametrize("change", [{"rubric_id": "9"}, {"peer_reviews": False}, {"published": False}])
def test_what_canvas_works_against_is_never_clean(change: dict[str, object]) -> None:
    before, after = snapshot(), snapshot(reviews=[review(1, 2)])
    result = verify([CREATED], before, replace(after, assignment=assignment(**change)))
    assert [one.kind for one in result.mismatches] == [MismatchKind.ASSIGNMENT_UNFIT]
    assert not result.clean


def test_the_stored_form_says_the_same() -> None:
    result = verify([CREATED], snapshot(reviews=[review(5, 6)]), snapshot())
    assert len(result.mismatches) == 2
    assert Verification.from_json(result.as_json()) == result
