"""Undo takes back what the run did, and only that."""

from __future__ import annotations

import pytest

from lti_tool.planning.ids import ReviewId
from lti_tool.planning.plan import ChangeKind, ChangeReason
from lti_tool.planning.undo import Effect, undo_changes
from tests.builders import review, row, snapshot, user


def created(reviewer: int, author: int, id_: str) -> Effect:
    return Effect(
        created=True,
        reviewer=user(reviewer),
        author=user(author),
        submission=row(author),
        review_id=ReviewId(id_),
    )


def deleted(reviewer: int, author: int, id_: str) -> Effect:
    return Effect(
        created=False,
        reviewer=user(reviewer),
        author=user(author),
        submission=row(author),
        review_id=ReviewId(id_),
    )


def test_created_reviews_are_deleted_and_deleted_ones_created() -> None:
    base = snapshot(6, reviews=[review(1, 2, id_="mine"), review(3, 4, id_="others")])
    lines = undo_changes(base, [created(1, 2, "mine"), deleted(5, 6, "old")])
    assert [(line.kind, line.reviewer, line.reason) for line in lines] == [
        (ChangeKind.CREATE, user(5), ChangeReason.UNDO_DELETED),
        (ChangeKind.DELETE, user(1), ChangeReason.UNDO_CREATED),
        (ChangeKind.KEEP, user(3), ChangeReason.NOT_PART_OF_UNDO),
    ]


def test_a_review_completed_since_stays() -> None:
    base = snapshot(6, reviews=[review(1, 2, id_="mine", completed=True)])
    (line,) = undo_changes(base, [created(1, 2, "mine")])
    assert (line.kind, line.reason) == (ChangeKind.KEEP, ChangeReason.COMPLETED)


def test_a_review_that_others_made_anew_is_not_touched() -> None:
    base = snapshot(6, reviews=[review(1, 2, id_="theirs")])
    (line,) = undo_changes(base, [created(1, 2, "mine")])
    assert (line.kind, line.reason) == (ChangeKind.KEEP, ChangeReason.NOT_PART_OF_UNDO)


def test_a_deleted_review_that_is_back_is_not_created_again() -> None:
    base = snapshot(6, reviews=[review(1, 2, id_="again")])
    assert [line.kind for line in undo_changes(base, [deleted(1, 2, "old")])] == [ChangeKind.KEEP]


def test_a_doubled_pair_is_blocked() -> None:
    base = snapshot(6, reviews=[review(1, 2, id_="mine"), review(1, 2, id_="theirs")])
    lines = undo_changes(base, [created(1, 2, "mine")])
    assert {line.review_id: line.reason for line in lines}[ReviewId("mine")] is ChangeReason.DUPLICATE


@pytest.mark.parametrize(("state", "reason"), [({"state": "inactive"}, ChangeReason.REVIEWER_LEFT)])
def test_people_who_left_block_in_both_directions(state: dict[str, object], reason: ChangeReason) -> None:
    base = snapshot(6, reviews=[review(1, 2, id_="mine")], change_people={1: state})
    lines = undo_changes(base, [created(1, 2, "mine"), deleted(1, 3, "old")])
    assert [(line.kind, line.reason) for line in lines] == [(ChangeKind.BLOCKED, reason)] * 2


def test_a_deleted_review_that_a_later_run_replaced_is_not_restored_beyond_the_rules() -> None:
    base = snapshot(6, reviews=[review(1, 3, id_="later"), review(5, 2, id_="other")])
    lines = undo_changes(
        base, [deleted(1, 4, "old"), deleted(6, 2, "old2"), deleted(4, 6, "old3")], at_most=1
    )
    assert {(line.kind, line.reviewer) for line in lines if line.reason is ChangeReason.REPLACED_SINCE} == {
        (ChangeKind.BLOCKED, user(1)),
        (ChangeKind.BLOCKED, user(6)),
    }
    assert [line.reviewer for line in lines if line.kind is ChangeKind.CREATE] == [user(4)]
