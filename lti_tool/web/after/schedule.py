"""What happens by itself for one assignment: shown, added, removed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from flask import Blueprint, Response, render_template, request, url_for
from flask_babel import get_locale
from flask_babel import gettext as _
from pydantic import ValidationError

from allocation.promise import keeps, reviews_to_ask
from lti_tool.planning.ids import AssignmentId
from lti_tool.planning.reminders import DEFAULT_BODY, DEFAULT_SUBJECT, Template
from lti_tool.planning.schedule import Schedule, ScheduleKind
from lti_tool.services.use_cases import UseCases
from lti_tool.web.after import words
from lti_tool.web.after.board import page_zone
from lti_tool.web.answers import go_to
from lti_tool.web.session import visit

PLANNING = (ScheduleKind.ALLOCATE, ScheduleKind.TOP_UP)
DROPPING = (5, 10, 20, 30)
"""Shares of reviewers, in per cent, for which the promise is told."""


def schedule_blueprint(services: UseCases) -> Blueprint:
    """Pages under ``/assignments/<id>/schedule``."""
    pages = Blueprint("schedule", __name__, url_prefix="/assignments/<assignment_id>/schedule")

    def show(course_id: str, assignment_id: str, errors: dict[str, str]) -> tuple[str, int]:
        actor, assignment = visit().actor, AssignmentId(assignment_id)
        snapshot = services.reading.snapshot(actor, assignment)
        each = services.planning.rules(actor, assignment).reviews_per_reviewer
        page = render_template(
            "schedule.html",
            course_id=course_id,
            assignment_id=assignment_id,
            facts=snapshot.assignment,
            schedules=services.scheduling.schedules(actor, assignment),
            kinds=words.KINDS,
            outcomes=words.OUTCOMES,
            telling=words.TELLING,
            sections={section.id: section.name for section in snapshot.sections},
            zone=page_zone().key,
            each=each,
            promises=[(share, round(100 * keeps(each, share / 100, max(1, each - 1)))) for share in DROPPING],
            advice=reviews_to_ask(2, 0.1),
            errors=errors,
            form=request.form,
        )
        return page, 422 if errors else 200

    @pages.get("")
    def schedules(course_id: str, assignment_id: str) -> tuple[str, int]:
        return show(course_id, assignment_id, {})

    @pages.post("")
    def add(course_id: str, assignment_id: str) -> Response | tuple[str, int]:
        schedule, errors = read_schedule(request.form)
        if schedule is None:
            return show(course_id, assignment_id, errors)
        services.scheduling.add_schedule(visit().actor, AssignmentId(assignment_id), schedule)
        return go_to(_here(course_id, assignment_id))

    @pages.post("/<schedule_id>/remove")
    def remove(course_id: str, assignment_id: str, schedule_id: str) -> Response:
        services.scheduling.remove_schedule(visit().actor, schedule_id)
        return go_to(_here(course_id, assignment_id))

    return pages


def read_schedule(form: Mapping[str, str]) -> tuple[Schedule | None, dict[str, str]]:
    """The schedule of the form, or what is wrong with it."""
    errors: dict[str, str] = {}
    kind = form.get("kind", "")
    if kind not in set(ScheduleKind):
        errors["kind"] = _("Choose one of the answers.")
    start = form.get("start", "now")
    at = _moment(form, "at", errors) if start == "at" else None
    if start == "at" and at is None and "at" not in errors:
        errors["at"] = _("Give day and time, such as 2026-12-01T23:59.")
    after = _number(form, "after_due_hours", errors) if start == "due" else None
    if start == "due" and after is None and "after_due_hours" not in errors:
        after = 0
    every = _number(form, "every_hours", errors)
    until = _moment(form, "until", errors)
    if errors:
        return None, errors
    try:
        return Schedule(
            kind=ScheduleKind(kind),
            at=at,
            after_due_hours=after,
            every_hours=every,
            until=until,
            own_dates=start == "due" and kind in PLANNING and bool(form.get("own_dates")),
            zone=page_zone().key,
            locale=str(get_locale() or "en"),
            approval="automatic" if form.get("approval") == "automatic" else "ask",
            tell="teachers" if form.get("tell") == "teachers" else "me",
            template=_template() if kind == ScheduleKind.REMIND else None,
        ), {}
    except ValidationError as error:
        ends_early = any("before it begins" in item["msg"] for item in error.errors())
        field = "until" if ends_early else "every_hours"
        sentence = _("It would end before it begins.") if ends_early else _("Give a number from 1 to 1440.")
        return None, {field: sentence}


def _template() -> Template:
    return Template(subject=str(_(DEFAULT_SUBJECT)), body=str(_(DEFAULT_BODY)))


def _moment(form: Mapping[str, str], name: str, errors: dict[str, str]) -> datetime | None:
    text = form.get(name, "").strip()
    try:
        return datetime.fromisoformat(text).replace(tzinfo=page_zone()) if text else None
    except ValueError:
        errors[name] = _("Give day and time, such as 2026-12-01T23:59.")
        return None


def _number(form: Mapping[str, str], name: str, errors: dict[str, str]) -> int | None:
    text = form.get(name, "").strip()
    if text and not (text.isascii() and text.isdigit() and len(text) < 6):
        errors[name] = _("Give a whole number of hours.")
        return None
    return int(text) if text else None


def _here(course_id: str, assignment_id: str) -> str:
    return url_for("course.schedule.schedules", course_id=course_id, assignment_id=assignment_id)
