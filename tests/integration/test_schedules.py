"""Schedules on the simulated Canvas: once each, late if need be, with the right token, or said why not."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from lti_tool.simulator.coursework import attach_rubric, complete_review, enroll_late, submit
from lti_tool.simulator.records import Assignment, Course
from tests.integration.test_after_allocation import canvas, course, essay, terminal
from tests.integration.test_command_line import TOKEN, Terminal

__all__ = ["canvas", "course", "essay", "terminal"]
PAST = "2020-01-01T00:00+00:00"


def add(terminal: Terminal, course: Course, essay: Assignment, *words: str) -> str:
    made: str = terminal.json("schedule", "add", *terminal.where(course, essay), *words)["id"]
    return made


def carried_out(terminal: Terminal, course: Course, essay: Assignment) -> list[dict[str, Any]]:
    terminal.run("schedule", "run")
    found: list[dict[str, Any]] = terminal.json("schedule", "list", *terminal.where(course, essay))
    return found


def hand_in_late(terminal: Terminal, course: Course, essay: Assignment, name: str) -> str:
    state = terminal.canvas.state
    late = enroll_late(state, course.id, name, section_id=None)
    submit(state, late.id, essay.id, body="Here at last.", at=state.now() + timedelta(minutes=1))
    return late.id


def work(terminal: Terminal, run: str) -> None:
    """Drive the run as a worker would."""
    terminal.run("runs", "resume", run, "--wait", expect=0)


def test_late_work_is_filled_up_and_everything_completed_stays(
    terminal: Terminal, course: Course, essay: Assignment
) -> None:
    state = terminal.canvas.state
    for request in state.reviews_of(essay.id)[:10]:
        complete_review(state, request.id, comment="Good.")
    completed = {
        (row.assessor_id, row.user_id)
        for row in state.reviews_of(essay.id)
        if row.workflow_state == "completed"
    }
    late = hand_in_late(terminal, course, essay, "Zoé Latecomer")
    before = terminal.canvas.reviews(essay)

    add(terminal, course, essay, "--kind", "top_up", "--every", "6")
    (row,) = carried_out(terminal, course, essay)
    assert row["outcome"] == "waits"
    assert row["next_at"] > row["last_at"]
    assert terminal.canvas.reviews(essay) == before, "a plan that waits changes nothing"

    terminal.json("apply", row["plan"], "--wait")
    after = terminal.canvas.reviews(essay)
    assert completed <= after
    assert Counter(author for _, author in after)[late] == 3
    assert Counter(reviewer for reviewer, _ in after)[late] == 3
    assert set(Counter(author for _, author in after).values()) == {3}


def test_a_missed_time_is_made_up_for_once(terminal: Terminal, course: Course, essay: Assignment) -> None:
    add(terminal, course, essay, "--kind", "watch", "--at", PAST, "--every", "1")
    (row,) = carried_out(terminal, course, essay)
    assert row["outcome"] == "nothing"
    assert row["next_at"] > row["last_at"], "the thousands of hours since are not made up for"
    (again,) = carried_out(terminal, course, essay)
    assert again["last_at"] == row["last_at"]


def test_automatic_applies_in_the_teacher_s_name(
    terminal: Terminal, course: Course, essay: Assignment
) -> None:
    hand_in_late(terminal, course, essay, "Zoé Latecomer")
    add(terminal, course, essay, "--kind", "top_up", "--automatic")
    (row,) = carried_out(terminal, course, essay)
    assert row["outcome"] == "applied"
    assert row["next_at"] is None
    report = terminal.json("runs", "show", row["run"])
    assert report["id"] == row["run"]


def test_nothing_before_the_due_date_and_its_grace(
    terminal: Terminal, course: Course, essay: Assignment
) -> None:
    essay.due_at = terminal.canvas.state.now() + timedelta(days=3)
    add(terminal, course, essay, "--kind", "allocate", "--after-due", "24")
    (row,) = carried_out(terminal, course, essay)
    assert row["outcome"] == "not_yet", "the due date moved after the last reading"
    assert row["plan"] is None
    assert row["next_at"] > row["last_at"], "it looks again in some hours"


def test_reminders_by_themselves_reach_nobody_twice(
    terminal: Terminal, course: Course, essay: Assignment
) -> None:
    add(terminal, course, essay, "--kind", "remind", "--at", PAST)
    add(terminal, course, essay, "--kind", "remind", "--at", PAST)
    outcomes = sorted(row["outcome"] for row in carried_out(terminal, course, essay))
    assert outcomes == ["nothing", "sent"]
    told = Counter(message.recipient_id for message in terminal.canvas.state.messages)
    assert set(told.values()) == {1}


def test_a_revoked_token_is_said_and_tried_again(
    terminal: Terminal, course: Course, essay: Assignment
) -> None:
    add(terminal, course, essay, "--kind", "top_up", "--at", PAST)
    state = terminal.canvas.state
    grant = next(one for one in state.grants.values() if one.token == terminal.environment[TOKEN])
    grant.revoked = True
    (row,) = carried_out(terminal, course, essay)
    assert row["outcome"] == "failed"
    assert row["note"]
    assert row["next_at"] is not None


@pytest.mark.parametrize("what", ["removed", "rubric"])
def test_the_watch_tells_what_changed_behind_the_plan(
    terminal: Terminal, course: Course, essay: Assignment, what: str
) -> None:
    quiet = terminal.json("watch", *terminal.where(course, essay))
    assert quiet["alarms"] == []
    state = terminal.canvas.state
    victim = state.reviews_of(essay.id)[0]
    if what == "removed":
        state.remove_request(victim)
    else:
        complete_review(state, victim.id, comment="Good.")
        complete_before = terminal.json("watch", *terminal.where(course, essay))
        assert complete_before["alarms"] == [], "work that is done is no alarm"
        attach_rubric(state, essay.id, "Criteria")
    kinds = {
        one["kind"] for one in terminal.json("watch", *terminal.where(course, essay), expect=1)["alarms"]
    }
    assert kinds == ({"review_gone"} if what == "removed" else {"rubric_changed"})
    if what == "removed":
        plan = terminal.plan(course, essay)
        assert plan["counts"]["creates"] == 1
        terminal.json("apply", plan["id"], "--wait")
        assert terminal.json("watch", *terminal.where(course, essay))["alarms"] == []
