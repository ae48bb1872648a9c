"""Points for reviews: exact, and only what differs is sent."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lti_tool.planning.board import make_board
from lti_tool.planning.credit import CreditKind, count_late, plan_credit, points
from lti_tool.planning.follow_up import CreditMode, CreditRules
from tests.builders import NOON, review, snapshot, user


@pytest.mark.parametrize(
    ("mode", "done", "assigned", "expected"),
    [
        ("proportional", 2, 3, "6.67"),
        ("proportional", 1, 3, "3.33"),
        ("proportional", 3, 3, "10.00"),
        ("all_or_nothing", 2, 3, "0.00"),
        ("all_or_nothing", 3, 3, "10.00"),
        ("threshold", 1, 3, "0.00"),
        ("threshold", 2, 3, "10.00"),
        ("threshold", 1, 1, "10.00"),
    ],
)
def test_points_by_mode(mode: CreditMode, done: int, assigned: int, expected: str) -> None:
    assert points(CreditRules(mode=mode, points=10, threshold=2), done, assigned) == Decimal(expected)


@given(
    mode=st.sampled_from(["proportional", "all_or_nothing", "threshold"]),
    full=st.floats(0.5, 1000),
    assigned=st.integers(1, 12),
    threshold=st.integers(1, 12),
)
def test_more_reviews_never_give_fewer_points_and_all_give_full_ones(
    mode: CreditMode, full: float, assigned: int, threshold: int
) -> None:
    rules = CreditRules(mode=mode, points=full, threshold=threshold)
    given_points = [points(rules, done, assigned) for done in range(assigned + 1)]
    assert given_points == sorted(given_points)
    assert given_points[0] == 0
    assert abs(given_points[-1] - Decimal(str(full))) <= Decimal("0.005")


def test_only_what_differs_is_sent() -> None:
    reviews = [review(1, 2, completed=True), review(2, 3, completed=True), review(3, 4), review(4, 1)]
    board = make_board([snapshot(6, reviews=reviews)], {}, NOON)
    held = {user(1): Decimal("10"), user(2): Decimal(4), user(3): None, user(5): None}
    plan = plan_credit(board.lines, CreditRules(points=10), held)
    assert plan.writes == {user(2): Decimal("10.00"), user(3): Decimal("0.00")}
    assert {line.user: line.kind for line in plan.lines} == {
        user(1): CreditKind.SAME,
        user(2): CreditKind.CHANGE,
        user(3): CreditKind.SET,
        user(4): CreditKind.NOT_GRADEABLE,
        user(5): CreditKind.NO_REVIEWS,
        user(6): CreditKind.NO_REVIEWS,
    }


@given(
    mode=st.sampled_from(["proportional", "all_or_nothing", "threshold"]),
    full=st.floats(0.5, 1000),
    assigned=st.integers(0, 12),
    done=st.integers(0, 12),
    threshold=st.integers(1, 12),
    deduction=st.integers(0, 100),
)
def test_late_reviews_never_give_more_than_those_on_time_and_nothing_is_taken_unasked(
    mode: CreditMode, full: float, assigned: int, done: int, threshold: int, deduction: int
) -> None:
    done = min(done, assigned)
    rules = CreditRules(mode=mode, points=full, threshold=threshold)
    on_time = points(rules, done, assigned)
    assert {points(rules, done, assigned, late) for late in range(done + 1)} == {on_time}, "0 is off"

    strict = rules.model_copy(update={"late_deduction": deduction})
    by_late = [points(strict, done, assigned, late) for late in range(done + 1)]
    assert by_late == sorted(by_late, reverse=True)
    assert by_late[0] == on_time <= max(on_time, Decimal(str(full)).quantize(Decimal("0.01")))
    assert all(value >= 0 for value in by_late)
    all_late = on_time * (100 - deduction) / 100
    assert abs(by_late[-1] - all_late) <= Decimal("0.01"), "all late: all loses the deduction"


@pytest.mark.parametrize(
    ("mode", "done", "late", "expected"),
    [
        ("proportional", 3, 1, "9.17"),
        ("proportional", 2, 2, "5.00"),
        ("all_or_nothing", 3, 1, "9.17"),
        ("all_or_nothing", 2, 1, "0.00"),
        ("threshold", 2, 1, "8.75"),
    ],
)
def test_a_late_review_loses_its_part(mode: CreditMode, done: int, late: int, expected: str) -> None:
    rules = CreditRules(mode=mode, points=10, threshold=2, late_deduction=25)
    assert points(rules, done, 3, late) == Decimal(expected)


def test_late_is_what_was_seen_open_from_the_date_on_and_is_completed_now() -> None:
    reviews = [review(1, n, completed=True) for n in (2, 3, 4)] + [review(1, 5)]
    just, before = NOON, NOON - timedelta(seconds=1)
    seen = {reviews[0].id: just, reviews[1].id: before, reviews[3].id: just}
    assert count_late(reviews, seen, NOON) == {user(1): 1}
    plan = plan_credit(
        make_board([snapshot(5, reviews=reviews)], {}, NOON).lines,
        CreditRules(late_deduction=50),
        {},
        count_late(reviews, seen, NOON),
    )
    line = next(line for line in plan.lines if line.user == user(1))
    assert (line.done, line.late, line.then) == (3, 1, Decimal("6.25"))


def test_reviews_whose_author_left_cost_nobody_points() -> None:
    """Two of three completed, and the author of the third left: every review that could be done is done."""
    base = snapshot(
        5,
        reviews=[review(1, 2, completed=True), review(1, 3, completed=True), review(1, 4)],
        change_people={4: {"state": "inactive"}},
    )
    for rules in (CreditRules(points=10), CreditRules(points=10, mode="all_or_nothing")):
        plan = plan_credit(make_board([base], {}, NOON).lines, rules, {user(1): None})
        assert plan.writes == {user(1): Decimal("10.00")}


def test_excused_students_keep_what_they_have_unless_somebody_decides_otherwise() -> None:
    base = snapshot(
        4,
        reviews=[review(1, 2), review(2, 3), review(3, 4, completed=True)],
        change_works={1: {"submitted": False, "excused": True}},
    )
    held = dict.fromkeys([user(1), user(2), user(3)])
    plan = plan_credit(make_board([base], {}, NOON).lines, CreditRules(points=10), held, excused={user(2)})
    kinds = {one.user: one.kind for one in plan.lines}
    assert kinds[user(1)] is kinds[user(2)] is CreditKind.EXCUSED, "from the work, and in the column"
    assert plan.writes == {user(3): Decimal("10.00")}
    assert plan.with_excused({user(2), user(4)}) == {user(2): Decimal("0.00"), user(3): Decimal("10.00")}
