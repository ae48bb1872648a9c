"""Schedules on the simulated Canvas: once each, late if need be, with the right token, or said why not."""

from __future__ import annotations

import sqlite3
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lti_tool.simulator.coursework import attach_rubric, complete_review, enroll_late, submit
from lti_tool.simulator.records import Assignment, Course, EnrollmentType
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


DAY = timedelta(days=1)


def daily(hours_ago: int = 29) -> tuple[list[str], datetime]:
    """Every day at a time that was missed yesterday; when it is planned next."""
    missed = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=hours_ago)
    return ["--at", missed.isoformat(), "--every", "24"], missed + 2 * DAY


def test_a_daily_time_that_was_caught_up_late_keeps_its_hour(
    terminal: Terminal, course: Course, essay: Assignment
) -> None:
    options, planned = daily()
    made = add(terminal, course, essay, "--kind", "watch", *options)
    (row,) = carried_out(terminal, course, essay)
    assert row["outcome"] == "nothing"
    assert datetime.fromisoformat(row["next_at"]) == planned
    due_again(terminal, made)
    (again,) = carried_out(terminal, course, essay)
    assert again["last_at"] > row["last_at"]
    assert datetime.fromisoformat(again["next_at"]) == planned, "it doesn't creep"


def test_what_repeats_from_now_on_keeps_the_second_it_was_asked_for(
    terminal: Terminal, course: Course, essay: Assignment
) -> None:
    made = add(terminal, course, essay, "--kind", "watch", "--every", "24")
    (asked,) = terminal.json("schedule", "list", *terminal.where(course, essay))
    for _ in range(2):
        (row,) = carried_out(terminal, course, essay)
        assert datetime.fromisoformat(row["next_at"]) == datetime.fromisoformat(asked["next_at"]) + DAY
        due_again(terminal, made)


def test_what_repeats_from_the_due_date_on_keeps_its_hour(
    terminal: Terminal, course: Course, essay: Assignment
) -> None:
    terminal.run("board", *terminal.where(course, essay))
    now = terminal.canvas.state.now().replace(microsecond=0)
    essay.due_at = now - timedelta(hours=77)
    made = add(terminal, course, essay, "--kind", "watch", "--after-due", "0", "--every", "24")
    due_again(terminal, made)
    (row,) = carried_out(terminal, course, essay)
    assert row["outcome"] == "nothing"
    assert datetime.fromisoformat(row["next_at"]) == essay.due_at + 4 * DAY


def test_what_fails_keeps_its_hour(terminal: Terminal, course: Course, essay: Assignment) -> None:
    options, planned = daily()
    add(terminal, course, essay, "--kind", "watch", *options)
    state = terminal.canvas.state
    grant = next(one for one in state.grants.values() if one.token == terminal.environment[TOKEN])
    grant.revoked = True
    terminal.run("schedule", "run")
    terminal.environment[TOKEN] = state.make_personal_token(terminal.canvas.user("teacher").id).token
    terminal.run("connect", "--canvas", terminal.canvas.url, "--token-env", TOKEN)
    (row,) = terminal.json("schedule", "list", *terminal.where(course, essay))
    assert row["outcome"] == "failed"
    assert datetime.fromisoformat(row["next_at"]) == planned


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
    terminal.run("board", *terminal.where(course, essay))
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
    terminal.run("schedule", "run")
    terminal.run("schedule", "list", *terminal.where(course, essay), expect=2)
    terminal.environment[TOKEN] = state.make_personal_token(terminal.canvas.user("teacher").id).token
    terminal.run("connect", "--canvas", terminal.canvas.url, "--token-env", TOKEN)
    (row,) = terminal.json("schedule", "list", *terminal.where(course, essay))
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


def due_again(terminal: Terminal, schedule: str) -> None:
    """As if its next time had come."""
    (file,) = Path(terminal.environment["PEER_ALLOCATOR_INSTANCE"]).glob("*allocator*.sqlite3")
    with sqlite3.connect(file) as database:
        database.execute(
            "UPDATE schedule SET next_at = '2020-01-01 00:00:00.000000' WHERE id = ?", [schedule]
        )
    database.close()


def due_dates(terminal: Terminal, essay: Assignment) -> None:
    """The general date was yesterday; one student, who has not handed in, has until tomorrow."""
    state = terminal.canvas.state
    essay.due_at = state.now() - timedelta(days=1)
    state.refresh_submissions(essay)


def extend(terminal: Terminal, essay: Assignment, student: str, days: int) -> None:
    state = terminal.canvas.state
    override = state.add_override(essay, "Extension")
    override.student_ids, override.due_at = [student], state.now() + timedelta(days=days)
    state.refresh_submissions(essay)


def to_oneself(terminal: Terminal) -> list[str]:
    """Subjects of what the teacher was told by herself."""
    return [one.subject for one in terminal.canvas.state.messages if one.sender_id == one.recipient_id]


def test_a_plan_that_waits_is_told_once_until_canvas_changes(
    terminal: Terminal, course: Course, essay: Assignment
) -> None:
    hand_in_late(terminal, course, essay, "Zoé Latecomer")
    add(terminal, course, essay, "--kind", "top_up", "--every", "1")
    (first,) = carried_out(terminal, course, essay)
    assert (first["outcome"], first["told"]) == ("waits", "sent")
    (message,) = [one for one in terminal.canvas.state.messages if one.sender_id == one.recipient_id]
    assert message.recipient_id == terminal.canvas.user("teacher").id
    assert "Essay 1" in message.subject
    creates = terminal.json("plan", "show", first["plan"])["counts"]["creates"]
    assert f"Reviews to create: {creates}" in message.body
    assert f"/courses/{course.id}" in message.body

    due_again(terminal, first["id"])
    (again,) = carried_out(terminal, course, essay)
    assert again["last_at"] > first["last_at"]
    assert again["plan"] == first["plan"], "nothing changed, so the same plan waits"
    assert len(to_oneself(terminal)) == 1

    hand_in_late(terminal, course, essay, "Another Latecomer")
    due_again(terminal, first["id"])
    (third,) = carried_out(terminal, course, essay)
    assert third["plan"] != first["plan"]
    assert len(to_oneself(terminal)) == 2


def test_what_could_not_be_done_is_told_once(
    terminal: Terminal, course: Course, essay: Assignment, tmp_path: Path
) -> None:
    rules = tmp_path / "impossible.json"
    rules.write_text('{"reviews_per_reviewer": 50}', encoding="utf-8")
    terminal.run("rules", "set", *terminal.where(course, essay), "--rules", str(rules))
    schedule = add(terminal, course, essay, "--kind", "top_up", "--every", "1")
    for _ in range(2):
        (row,) = carried_out(terminal, course, essay)
        assert row["outcome"] == "failed"
        due_again(terminal, schedule)
    assert len(to_oneself(terminal)) == 1
    body = terminal.canvas.state.messages[-1].body
    assert row["note"] in body


def test_the_other_teachers_are_told_where_that_was_asked(
    terminal: Terminal, course: Course, essay: Assignment
) -> None:
    state = terminal.canvas.state
    colleague = state.enroll_late(course.id, "Dr. Second Teacher")
    enrollment = next(row for row in state.enrollments_of(course.id) if row.user_id == colleague.id)
    enrollment.type = EnrollmentType.TEACHER
    hand_in_late(terminal, course, essay, "Zoé Latecomer")
    add(terminal, course, essay, "--kind", "top_up", "--tell", "teachers")
    carried_out(terminal, course, essay)
    told = {one.recipient_id for one in state.messages}
    assert told == {terminal.canvas.user("teacher").id, colleague.id}


def test_an_extension_is_respected_until_its_own_date(
    terminal: Terminal, course: Course, essay: Assignment
) -> None:
    state = terminal.canvas.state
    late = state.enroll_late(course.id, "Zoé Latecomer")
    due_dates(terminal, essay)
    extend(terminal, essay, late.id, 1)
    schedule = add(
        terminal, course, essay, "--kind", "top_up", "--after-due", "0", "--own-dates", "--automatic"
    )
    (row,) = carried_out(terminal, course, essay)
    assert row["outcome"] == "nothing"
    own = max(one.cached_due_date for one in state.submissions_of(essay.id) if one.cached_due_date)
    assert row["next_at"] == own.replace(microsecond=0).isoformat(), "it goes on until the extension ends"
    assert late.id not in {one for pair in terminal.canvas.reviews(essay) for one in pair}

    submit(state, late.id, essay.id, body="In time.", at=state.now())
    override = state.overrides_of(essay.id)[0]
    override.due_at = state.now() - timedelta(minutes=1)
    state.refresh_submissions(essay)
    due_again(terminal, schedule)
    (run,) = terminal.json("schedule", "run", "--wait")["runs"]
    (row,) = terminal.json("schedule", "list", *terminal.where(course, essay))
    assert (row["outcome"], row["run"]) == ("applied", run)
    assert row["next_at"] is None, "nobody has a later date"
    assert Counter(author for _, author in terminal.canvas.reviews(essay))[late.id] == 3


def test_a_scheduled_reminder_reads_once_and_speaks_the_teacher_s_language(
    terminal: Terminal, course: Course, essay: Assignment
) -> None:
    where = terminal.where(course, essay)
    terminal.run("follow-up", *where, "--due", "2020-01-10T22:59+00:00")
    words = ["--zone", "Europe/Berlin", "--locale", "de"]
    add(terminal, course, essay, "--kind", "remind", "--after-reviews-due", "24", *words)
    before = len(terminal.canvas.state.received(path_part="/peer_reviews"))
    (row,) = carried_out(terminal, course, essay)
    assert row["outcome"] == "sent"
    assert len(terminal.canvas.state.received(path_part="/peer_reviews")) == before + 1
    message = terminal.canvas.state.messages[0]
    assert "10. Januar 2020" in message.body
    assert "23:59" in message.body
    log = terminal.json("remind", *where, "--log")
    assert sum(len(one["to"]) for batch in log for one in batch["messages"]) == len(
        terminal.canvas.state.messages
    )


def test_a_reminder_follows_the_due_date_of_the_reviews(
    terminal: Terminal, course: Course, essay: Assignment
) -> None:
    where = terminal.where(course, essay)
    add(terminal, course, essay, "--kind", "remind", "--after-reviews-due", "-48", "--zone", "Europe/Berlin")
    (row,) = terminal.json("schedule", "list", *where)
    assert row["next_at"] is None, "there is no date yet"
    terminal.run("follow-up", *where, "--due", "2099-03-30T21:59+00:00")
    (row,) = terminal.json("schedule", "list", *where)
    assert row["next_at"] == "2099-03-28T22:59:00+00:00", "23:59 in Berlin, also across the change of clocks"
    (row,) = carried_out(terminal, course, essay)
    assert row["last_at"] is None
