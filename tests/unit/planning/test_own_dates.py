"""Students with a due date of their own: who they are, and what a plan makes of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from lti_tool.planning.holes import find_holes
from lti_tool.planning.own_dates import first_due, own_due_dates, with_more_time
from lti_tool.planning.rules import PlanRules
from lti_tool.planning.snapshot import Snapshot
from lti_tool.planning.taking_part import LeftOut, taking_part
from tests.builders import NOON, review, snapshot, user

DAY = timedelta(days=1)


def dated(read: Snapshot, *dates: datetime | None, missing: tuple[int, ...] = ()) -> Snapshot:
    """The reading with these due dates, and without the work of the students with these numbers."""
    absent = {user(number) for number in missing}
    works = tuple(
        replace(work, due_at=date, submitted=work.author not in absent)
        for work, date in zip(read.works, dates, strict=True)
    )
    return replace(read, works=works)


def test_only_who_may_still_hand_in_has_more_time() -> None:
    read = dated(snapshot(4), NOON - DAY, NOON - DAY, NOON + DAY, NOON + DAY, missing=(2, 3))
    assert with_more_time(read) == {user(3)}
    assert own_due_dates(read) == (NOON - DAY, NOON + DAY)


def test_before_the_first_due_date_nobody_has_more_time_than_the_rest() -> None:
    assert with_more_time(dated(snapshot(2), NOON + DAY, NOON + 2 * DAY, missing=(1, 2))) == frozenset()
    assert with_more_time(dated(snapshot(2), None, None, missing=(1, 2))) == frozenset()


@pytest.mark.parametrize("rule", ["leave_out", "review_only"])
def test_an_extension_is_not_having_failed_to_hand_in(rule: str) -> None:
    rules = PlanRules.model_validate({"without_submission": rule})
    read = dated(snapshot(5), NOON - DAY, NOON - DAY, NOON - DAY, NOON - DAY, NOON + DAY, missing=(4, 5))
    part = taking_part(read, rules)
    assert part.left_out == {user(4): LeftOut.NOT_SUBMITTED, user(5): LeftOut.MORE_TIME}
    reviewers = {person.id for person in part.reviewers}
    assert (user(4) in reviewers) == (rule == "review_only")
    assert user(5) not in reviewers, "comes in after her own date"
    passed = taking_part(replace(read, taken_at=NOON + DAY), rules)
    assert passed.left_out[user(5)] is LeftOut.NOT_SUBMITTED


def test_who_was_given_reviews_already_keeps_them() -> None:
    read = dated(snapshot(3, reviews=[review(3, 1)]), NOON - DAY, NOON - DAY, NOON + DAY, missing=(3,))
    part = taking_part(read, PlanRules(without_submission="review_only"))
    assert user(3) in {person.id for person in part.reviewers}


def test_without_a_date_for_everybody_the_first_own_date_counts() -> None:
    read = dated(snapshot(2), NOON + DAY, NOON)
    facts = read.assignment
    assert first_due(replace(read, assignment=replace(facts, due_at=None))) == NOON
    assert first_due(replace(read, assignment=replace(facts, due_at=NOON - DAY))) == NOON - DAY
    only = replace(facts, due_at=NOON - DAY, only_visible_to_overrides=True)
    assert first_due(replace(read, assignment=only)) == NOON


def test_a_review_of_somebody_with_more_time_is_no_hole() -> None:
    read = dated(snapshot(3, reviews=[review(1, 2), review(3, 1)]), NOON - DAY, NOON - DAY, NOON + DAY)
    assert [hole.review.assessor for hole in find_holes(read, NOON - DAY, NOON)] == [user(1)]
    later = find_holes(read, NOON - DAY, NOON + DAY)
    assert [hole.review.assessor for hole in later] == [user(1), user(3)]
