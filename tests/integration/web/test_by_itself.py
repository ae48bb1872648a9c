"""What happens by itself, on the pages: notices of what waits, and reminders before and after a date."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flask import Flask

from lti_tool.persistence.schedules import Result, Schedules
from lti_tool.planning.rules import PlanRules
from lti_tool.planning.schedule import Schedule, ScheduleKind, ScheduleOutcome
from tests.integration.web.course import ASSIGNMENT, CANVAS, COURSE, NOW, TEACHER, Course, a_course, web_of

HOME = f"/app/courses/{COURSE}"
BEARER = {"Authorization": "Bearer teacher"}
REMINDERS = f"{HOME}/assignments/{ASSIGNMENT}/reminders"
DRAFT = {"subject": "Essay", "body": "You have {open} to do.", "who": "overdue", "section": "s1"}


def page(app: Flask, path: str) -> str:
    answer = app.test_client().get(path, headers=BEARER)
    assert answer.status_code == 200
    return answer.text


def kept(course: Course, result: Result) -> tuple[Schedules, str]:
    """A schedule of the teacher that came to this."""
    store = course.schedules
    made = store.add(
        CANVAS,
        COURSE,
        ASSIGNMENT,
        Schedule(kind=ScheduleKind.TOP_UP),
        by=TEACHER.user_id,
        by_name="",
        next_at=None,
        at=NOW,
    )
    store.settle(made, result, at=NOW, next_at=None)
    return store, made


def test_home_and_board_lead_to_a_plan_that_waits_until_it_is_applied() -> None:
    course = a_course()
    app = web_of(course)
    assert "waits for your approval" not in page(app, HOME)
    plan = course.make_plan(TEACHER, ASSIGNMENT, PlanRules())
    kept(course, Result(ScheduleOutcome.WAITS, "3", plan.id))
    for path in (HOME, f"{HOME}/assignments/{ASSIGNMENT}/board"):
        shown = page(app, path)
        assert "A plan waits for your approval" in shown
        assert f'href="{HOME}/plans/{plan.id}"' in shown
        assert 'role="status"' in shown
    course.start_run(TEACHER, plan.id)
    assert "waits for your approval" not in page(app, HOME)


def test_home_says_what_could_not_be_done() -> None:
    course = a_course()
    kept(course, Result(ScheduleOutcome.FAILED, "Canvas withdrew the access."))
    shown = page(web_of(course), HOME)
    assert "could not be done by itself" in shown
    assert "Canvas withdrew the access." in shown


def test_a_reminder_is_seen_and_then_added_for_a_day_before_or_after() -> None:
    course = a_course()
    app = web_of(course)
    client = app.test_client()
    seen = client.post(f"{REMINDERS}/preview", headers=BEARER, data=DRAFT)
    assert "Or send it by itself" in seen.text
    added = client.post(f"{REMINDERS}/later", headers=BEARER, data=DRAFT | {"later": "2", "side": "before"})
    assert added.status_code in (200, 303), added.text
    (one,) = course.schedules.of_course(CANVAS, COURSE, ASSIGNMENT)
    assert one.schedule.kind is ScheduleKind.REMIND
    assert (one.schedule.after_due_hours, one.schedule.counted_from) == (-48, "reviews")
    assert (one.schedule.overdue_only, one.schedule.section) == (True, "s1")
    assert one.schedule.template is not None
    assert one.schedule.template.body == DRAFT["body"]
    assert one.schedule.zone == "Europe/Berlin"
    assert one.next_at is None, "no date of the reviews is set"

    due = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    settle = {"reviews_due_at": due, "remind_every_hours": "48"}
    client.post(f"{HOME}/assignments/{ASSIGNMENT}/follow-up", headers=BEARER, data=settle)
    (one,) = course.schedules.of_course(CANVAS, COURSE, ASSIGNMENT)
    assert one.next_at is not None, "it follows the date"
    for wrong, says in (("2", "That moment has passed"), ("two", "Give a number of days")):
        refused = client.post(
            f"{REMINDERS}/later", headers=BEARER, data=DRAFT | {"later": wrong, "side": "before"}
        )
        assert refused.status_code == 422
        assert says in refused.text
        assert DRAFT["body"] in refused.text, "nothing that was written is lost"
    assert len(course.schedules.of_course(CANVAS, COURSE, ASSIGNMENT)) == 1


def test_a_deduction_for_late_reviews_has_somebody_look_at_the_date() -> None:
    course = a_course()
    app = web_of(course)
    credit = f"{HOME}/assignments/{ASSIGNMENT}/credit"
    form = {"mode": "proportional", "points": "10", "late_deduction": "101", "grace_hours": "-1"}
    refused = app.test_client().post(f"{credit}/rules", headers=BEARER, data=form)
    assert refused.status_code == 422
    assert "Give a number of per cent from 0 to 100" in refused.text
    assert "Give a number of hours from 0 to 720" in refused.text
    assert 'value="101"' in refused.text, "what was typed is not lost"

    form |= {"late_deduction": "25", "grace_hours": "24"}
    app.test_client().post(f"{credit}/rules", headers=BEARER, data=form)
    assert "nobody has said when they are due" in page(app, credit)
    assert course.schedules.of_course(CANVAS, COURSE, ASSIGNMENT) == ()

    board = {"reviews_due_at": "2026-10-01T12:00", "remind_every_hours": "48"}
    follow_up = f"{HOME}/assignments/{ASSIGNMENT}/follow-up"
    app.test_client().post(follow_up, headers=BEARER, data=board)
    (one,) = course.schedules.of_course(CANVAS, COURSE, ASSIGNMENT)
    assert (one.schedule.kind, one.schedule.after_due_hours) == (ScheduleKind.WATCH, 24)
    assert one.next_at == datetime(2026, 10, 2, 10, tzinfo=UTC), "noon in Berlin, a day later"
    assert "It has not looked since then." in page(app, credit)
    assert "Oct 2, 2026, 12:00" in page(app, f"{HOME}/assignments/{ASSIGNMENT}/schedule")
