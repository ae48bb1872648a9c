"""Students who leave a simulated class, in each way that Canvas has, and what the commands say."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from lti_tool.simulator.faults import FaultKind
from lti_tool.simulator.records import Assignment, Course, EnrollmentState
from tests.integration.test_after_allocation import canvas, course, essay, finish, terminal
from tests.integration.test_command_line import Terminal

__all__ = ["canvas", "course", "essay", "terminal"]

WAYS = ["inactive", "completed", "deleted", "rejected"]


@pytest.mark.parametrize("way", WAYS)
def test_the_reviews_of_somebody_who_leaves_are_given_to_others(
    terminal: Terminal, course: Course, essay: Assignment, way: str
) -> None:
    where = terminal.where(course, essay)
    before = terminal.canvas.reviews(essay)
    gone = min(reviewer for reviewer, _ in before)
    waiting = {author for reviewer, author in before if reviewer == gone}
    terminal.canvas.state.drop(gone, course.id, state=EnrollmentState(way))

    holes = terminal.json("holes", *where)["holes"]
    assert {(one["reviewer"], one["kind"]) for one in holes} == {
        (gone, "inactive" if way == "inactive" else "left")
    }
    assert {one["author"] for one in holes} == waiting
    board = terminal.json("board", "--canvas", terminal.canvas.url, "--course", course.id)["students"]
    assert {row["user"] for row in board if row["lost"]} == waiting, "the board counts the same ones"
    assert sum(row["author_left"] for row in board) == sum(author == gone for _, author in before)

    plan = terminal.json("fill-up", *where)
    assert plan["counts"]["creates"] == len(waiting)
    assert plan["counts"]["deletes"] == 0, "nobody's review is moved"
    assert {line["author"] for line in plan["creates"]} == waiting
    assert terminal.json("apply", plan["id"], "--wait")["state"] == "done"
    again = terminal.json("fill-up", *where)
    assert (again["counts"]["creates"], again["counts"]["deletes"]) == (0, 0)


def test_a_class_list_that_comes_empty_takes_nobody_for_gone(
    terminal: Terminal, course: Course, essay: Assignment
) -> None:
    terminal.canvas.state.faults.plant(FaultKind.EMPTY_LIST, method="GET", path="/enrollments$", times=999)
    said = terminal.run("holes", *terminal.where(course, essay), expect=2).output
    assert "Canvas's lists don't agree." in said
    assert "12 students" in said


def test_whoever_completed_every_review_that_can_be_done_gets_all_points_and_no_reminder(
    terminal: Terminal, course: Course, essay: Assignment
) -> None:
    state, where = terminal.canvas.state, terminal.where(course, essay)
    one = min(state.reviews_of(essay.id), key=lambda row: int(row.id))
    state.drop(one.user_id, course.id, state=EnrollmentState.DELETED)
    for row in state.reviews_of(essay.id):
        if row.assessor_id == one.assessor_id and row.user_id != one.user_id:
            state.complete_review(row.id)
    reminded = terminal.json("remind", *where)
    assert one.assessor_id not in {user for message in reminded["messages"] for user in message["to"]}
    column = terminal.canvas.assignment(course, "Essay 2")
    seen = terminal.json("credit", *where, "--target", column.id, "--points", "10")
    (mine,) = [row for row in seen["students"] if row["user"] == one.assessor_id]
    assert mine["then"] == "10.00"


def test_excused_students_get_no_points_until_the_teacher_names_them(
    terminal: Terminal, course: Course, essay: Assignment
) -> None:
    state, where = terminal.canvas.state, terminal.where(course, essay)
    column = terminal.canvas.assignment(course, "Essay 2")
    first, second, *_ = sorted({row.assessor_id for row in state.reviews_of(essay.id)})
    state.excuse(first, essay.id)
    state.excuse(second, column.id)
    seen = terminal.json("credit", *where, "--target", column.id)
    changes = {row["user"]: row["change"] for row in seen["students"]}
    assert (changes[first], changes[second]) == ("excused", "excused")
    reminded = terminal.json("remind", *where)
    assert reminded["left_alone"][first] == "excused"
    assert second not in reminded["left_alone"], "that is another assignment"

    posted = terminal.json("credit", *where, "--post")
    assert {first, second}.isdisjoint(posted["points"])
    finish(terminal.canvas, essay, of=second)
    more = terminal.json("credit", *where, "--post", "--despite-excused", second)
    assert set(more["points"]) == {second}


def test_a_reminder_on_the_command_line_is_in_plain_words(
    terminal: Terminal, course: Course, essay: Assignment
) -> None:
    where = terminal.where(course, essay)
    course.time_zone = "America/New_York"
    terminal.run("follow-up", *where, "--due", "2026-12-05T04:59+00:00")
    said = terminal.run("remind", *where).output
    assert "December 4, 2026" in said
    assert "11:59" in said
    assert "EST" in said
    assert "review(s)" not in said
    assert "3 peer reviews to complete for Essay 1" in said
    elsewhere = terminal.run("remind", *where, "--zone", "Europe/Berlin").output
    assert "December 5, 2026" in elsewhere
    refused = terminal.run("remind", *where, "--zone", "Berlin", expect=2).output
    assert "'Berlin' isn't a time zone; use a name like America/New_York" in refused


def test_a_pair_that_others_delete_and_add_again_is_no_alarm(
    terminal: Terminal, course: Course, essay: Assignment
) -> None:
    state, where = terminal.canvas.state, terminal.where(course, essay)
    assert terminal.json("watch", *where)["alarms"] == []
    row = state.reviews_of(essay.id)[0]
    state.unassign(row.id)
    state.assign_assessor(state.submissions[row.submission_id], row.assessor_id)
    assert terminal.json("watch", *where)["alarms"] == []
    state.unassign(state.reviews_of(essay.id)[-1].id)
    found = terminal.run("watch", *where, "--format", "json", expect=1)
    assert [one["kind"] for one in json.loads(found.stdout)["alarms"]] == ["review_gone"]


def test_a_term_of_drop_outs_leaves_every_submission_whole_or_named(
    terminal: Terminal, course: Course, essay: Assignment
) -> None:
    """One student after another leaves, each in another way; after each the class is filled up."""
    state, where = terminal.canvas.state, terminal.where(course, essay)
    gone: set[str] = set()
    for way in WAYS:
        leaver = min(user for pair in terminal.canvas.reviews(essay) for user in pair if user not in gone)
        gone.add(leaver)
        state.drop(leaver, course.id, state=EnrollmentState(way))
        plan = terminal.json("fill-up", *where)
        assert plan["late_work"]["proven"], "no plan could move fewer"
        if plan["counts"]["creates"]:
            assert terminal.json("apply", plan["id"], "--wait")["state"] == "done"
        named = {author for row in plan["for_staff"] for author in row["authors"]}
        coming = Counter(
            author for reviewer, author in terminal.canvas.reviews(essay) if reviewer not in gone
        )
        students = {row.user_id for row in state.submissions_of(essay.id) if row.submission_type} - gone
        assert all(coming[one] >= 3 or one in named for one in students), way
        again = terminal.json("fill-up", *where)
        assert (again["counts"]["creates"], again["counts"]["deletes"]) == (0, 0)
