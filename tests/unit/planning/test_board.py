"""The board counts what Canvas says, and only that."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from lti_tool.planning.board import BoardLine, Standing, make_board
from lti_tool.planning.ids import AssignmentId
from lti_tool.planning.snapshot import PersonState
from tests.builders import ASSIGNMENT, NOON, review, snapshot, user

REVIEWS = [
    review(1, 2, completed=True),
    review(1, 3),
    review(2, 1),
    review(3, 1, completed=True),
    review(4, 2),
]


def line(lines: tuple[BoardLine, ...], number: int) -> BoardLine:
    return next(one for one in lines if one.person.id == user(number))


def test_each_review_is_counted_for_who_gives_and_who_gets() -> None:
    board = make_board([snapshot(4, reviews=REVIEWS)], {}, NOON)
    first = line(board.lines, 1)
    assert (first.done, first.to_do, first.received, first.awaited) == (1, 1, 1, 1)
    assert board.totals.done == sum(one.received for one in board.lines) == 2
    assert board.totals.to_do == sum(one.awaited + one.lost for one in board.lines) == 3
    assert board.totals.share_done == 40
    assert board.totals.owing == 3


def test_open_reviews_are_overdue_from_their_date_on_and_completed_ones_never() -> None:
    read = snapshot(4, reviews=REVIEWS)
    before = make_board([read], {ASSIGNMENT: NOON + timedelta(minutes=1)}, NOON)
    after = make_board([read], {ASSIGNMENT: NOON}, NOON)
    assert before.totals.overdue == 0
    assert after.totals.overdue == 3
    assert line(after.lines, 3).overdue == 0, "has done hers"
    assert [one.person.id for one in after.filtered(Standing.OVERDUE)] == [user(1), user(2), user(4)]


def test_a_reviewer_who_left_leaves_a_hole_and_owes_nothing_more() -> None:
    read = snapshot(4, reviews=REVIEWS, change_people={4: {"state": "inactive"}})
    board = make_board([read], {}, NOON)
    assert line(board.lines, 2).lost == 1
    assert line(board.lines, 2).awaited == 0
    assert [one.person.id for one in board.filtered(Standing.HOLES)] == [user(2)]
    assert [one.person.id for one in board.filtered(Standing.GONE)] == [user(4)]
    assert user(4) not in [one.person.id for one in board.filtered(Standing.OWES)]


def test_several_assignments_add_up_and_the_oldest_reading_is_named() -> None:
    first = snapshot(4, reviews=REVIEWS)
    second = snapshot(4, reviews=[review(1, 4, completed=True)], id=AssignmentId("71"), name="Report")
    board = make_board([replace(first, taken_at=NOON - timedelta(hours=1)), second], {}, NOON)
    assert line(board.lines, 1).done == 2
    assert set(board.assignments.values()) == {"Essay", "Report"}
    assert board.read_at == NOON - timedelta(hours=1)


def test_filters_by_section_group_and_part_of_a_name() -> None:
    read = snapshot(4, sections=2, groups={"red": [1, 2]}, reviews=REVIEWS)
    board = make_board([read], {}, NOON)
    assert {one.person.id for one in board.filtered(section="s1")} == {user(1), user(3)}
    assert {one.person.id for one in board.filtered(group="g-red")} == {user(1), user(2)}
    assert {one.person.id for one in board.filtered(name="STUDENT 3")} == {user(3)}
    assert sum(sums.done for sums in board.by_section.values()) == board.totals.done


def test_the_test_student_is_not_on_the_board() -> None:
    board = make_board([snapshot(3, change_people={3: {"test_student": True}})], {}, NOON)
    assert len(board.lines) == 2


def test_no_reading_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="at least one reading"):
        make_board([], {}, NOON)


def test_whose_own_due_date_has_not_passed_is_late_with_nothing() -> None:
    read = snapshot(4, reviews=REVIEWS)
    late, extended = NOON - timedelta(days=1), NOON + timedelta(days=1)
    works = tuple(replace(work, due_at=extended if work.author == user(1) else late) for work in read.works)
    board = make_board([replace(read, works=works)], {ASSIGNMENT: late}, NOON)
    first, second = line(board.lines, 1), line(board.lines, 2)
    assert (first.to_do, first.overdue, first.extended) == (1, 0, 1)
    assert (second.to_do, second.overdue, second.extended) == (1, 1, 0)
    assert [one.person.id for one in board.filtered(Standing.OVERDUE)] == [user(2), user(4)]
    later = make_board([replace(read, works=works)], {ASSIGNMENT: late}, extended)
    assert line(later.lines, 1).overdue == 1, "from her own date on"


@pytest.mark.parametrize("state", ["inactive", "concluded", "left"])
def test_a_review_whose_author_left_is_owed_by_nobody(state: PersonState) -> None:
    base = snapshot(
        4, reviews=[review(1, 2, completed=True), review(1, 3, completed=True), review(1, 4), review(4, 1)]
    )
    gone = replace(base.people[3], state=state)
    if state == "left":
        base = replace(base, people=base.people[:3], left=(gone,))
    else:
        base = replace(base, people=(*base.people[:3], gone))
    board = make_board([base], {base.assignment.id: NOON - timedelta(days=1)}, NOON)
    first = line(board.lines, 1)
    assert (first.done, first.to_do, first.overdue, first.author_left) == (2, 0, 0, 1)
    assert first.stands(Standing.DONE)
    assert not first.stands(Standing.OWES)
    assert board.totals.author_left == 1
    assert line(board.lines, 4).stands(Standing.GONE), "left the course with a review open"
    assert line(board.lines, 1).lost == 1


def test_a_reviewer_whom_the_viewer_cannot_see_is_awaited_and_not_lost() -> None:
    base = replace(snapshot(3, reviews=[review(9, 1)]), sees_everybody=False)
    first = line(make_board([base], {}, NOON).lines, 1)
    assert (first.awaited, first.lost) == (1, 0)
