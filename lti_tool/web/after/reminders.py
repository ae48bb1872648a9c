"""Reminders: whom, with which words, seen before they are sent; and the log of what was sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from flask import Blueprint, Response, render_template, request, url_for
from flask_babel import get_locale
from flask_babel import gettext as _
from pydantic import ValidationError

from lti_tool.planning.ids import AssignmentId, UserId
from lti_tool.planning.reminders import (
    DEFAULT_BODY,
    DEFAULT_SUBJECT,
    PLACEHOLDERS,
    Audience,
    Template,
    unknown_placeholders,
)
from lti_tool.planning.schedule import Schedule, ScheduleKind
from lti_tool.services.use_cases import UseCases
from lti_tool.web.after import words
from lti_tool.web.after.board import page_zone
from lti_tool.web.answers import go_to
from lti_tool.web.letters import Letter
from lti_tool.web.session import visit

MOST_DAYS = 60


@dataclass(frozen=True, slots=True)
class Draft:
    """The form of the page."""

    subject: str
    body: str
    audience: Audience
    errors: dict[str, str]

    @property
    def template(self) -> Template | None:
        """The template, where the form holds a good one."""
        try:
            return None if self.errors.keys() - {"later"} else Template(subject=self.subject, body=self.body)
        except ValidationError:
            return None


def reminders_blueprint(services: UseCases) -> Blueprint:
    """Pages under ``/assignments/<id>/reminders``."""
    pages = Blueprint("reminders", __name__, url_prefix="/assignments/<assignment_id>/reminders")

    def show(course_id: str, assignment_id: str, draft: Draft, *, seen: bool) -> tuple[str, int]:
        actor, assignment = visit().actor, AssignmentId(assignment_id)
        board = services.following_up.board(actor, [assignment])
        view = None
        if seen and draft.template is not None:
            view = services.following_up.preview_reminders(
                actor, assignment, draft.template, draft.audience, voice=page_voice()
            )
        page = render_template(
            "reminders.html",
            course_id=course_id,
            assignment_id=assignment_id,
            board=board.board,
            read_at=board.read_at[assignment],
            settings=board.settings[assignment],
            draft=draft,
            view=view,
            log=services.following_up.reminder_log(actor, assignment),
            names={line.person.id: line.person.name for line in board.board.lines},
            sending=words.SENDING,
            not_reminded=words.NOT_REMINDED,
            placeholders=PLACEHOLDERS,
            errors=draft.errors,
            form=request.form,
        )
        return page, 422 if draft.errors else 200

    @pages.get("")
    def reminders(course_id: str, assignment_id: str) -> tuple[str, int]:
        audience = Audience(
            section=request.args.get("section", ""),
            people=frozenset(filter(None, request.args.getlist("person"))),
            overdue_only=bool(request.args.get("overdue")),
        )
        return show(
            course_id,
            assignment_id,
            Draft(str(_(DEFAULT_SUBJECT)), str(_(DEFAULT_BODY)), audience, {}),
            seen=False,
        )

    @pages.post("/preview")
    def preview(course_id: str, assignment_id: str) -> tuple[str, int]:
        return show(course_id, assignment_id, read_draft(), seen=True)

    @pages.post("/send")
    def send(course_id: str, assignment_id: str) -> Response | tuple[str, int]:
        draft, assignment = read_draft(), AssignmentId(assignment_id)
        if draft.template is None:
            return show(course_id, assignment_id, draft, seen=False)
        services.following_up.send_reminders(
            visit().actor,
            assignment,
            draft.template,
            draft.audience,
            voice=page_voice(),
            approved=[UserId(user) for user in request.form.getlist("to")],
        )
        return go_to(_log(course_id, assignment_id))

    @pages.post("/later")
    def later(course_id: str, assignment_id: str) -> Response | tuple[str, int]:
        actor, assignment = visit().actor, AssignmentId(assignment_id)
        draft = read_draft()
        due = services.following_up.settings(actor, assignment).reviews_due_at
        schedule = read_later(draft, due)
        if schedule is None:
            return show(course_id, assignment_id, draft, seen=draft.template is not None)
        services.scheduling.add_schedule(actor, assignment, schedule)
        return go_to(url_for("course.schedule.schedules", course_id=course_id, assignment_id=assignment_id))

    @pages.post("/<batch_id>/rest")
    def send_rest(course_id: str, assignment_id: str, batch_id: str) -> Response:
        services.following_up.send_rest(visit().actor, AssignmentId(assignment_id), batch_id)
        return go_to(_log(course_id, assignment_id))

    return pages


def page_voice() -> Letter:
    """The language and time zone of the page."""
    return Letter(str(get_locale() or ""), page_zone().key)


def read_draft() -> Draft:
    """What the form says, with what is wrong about it."""
    form = request.form
    subject, body = form.get("subject", "").strip(), form.get("body", "").replace("\r\n", "\n").strip()
    errors = {}
    for name, text, longest in (("subject", subject, 255), ("body", body, 4_000)):
        unknown = unknown_placeholders(text)
        if not text:
            errors[name] = _("Write something here.")
        elif len(text) > longest:
            errors[name] = _("Use at most %(n)s characters.", n=longest)
        elif unknown:
            errors[name] = _("{%(name)s} is no placeholder.", name=unknown[0])
    audience = Audience(
        section=form.get("section", ""),
        people=frozenset(filter(None, form.getlist("person"))),
        overdue_only=form.get("who") == "overdue",
    )
    return Draft(subject, body, audience, errors)


def read_later(draft: Draft, due: datetime | None) -> Schedule | None:
    """The reminder of the form as something that happens by itself; None, and why in ``draft.errors``."""
    text = request.form.get("later", "").strip()
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:4]) <= MOST_DAYS):
        draft.errors["later"] = _("Give a number of days from 1 to %(most)s.", most=MOST_DAYS)
    template = draft.template
    if template is None or "later" in draft.errors:
        return None
    days = int(text) if request.form.get("side") == "after" else -int(text)
    schedule = Schedule(
        kind=ScheduleKind.REMIND,
        after_due_hours=24 * days,
        counted_from="reviews",
        zone=page_zone().key,
        locale=str(get_locale() or "en"),
        template=template,
        overdue_only=draft.audience.overdue_only,
        section=draft.audience.section,
    )
    first = schedule.first(due, datetime.now(UTC))
    if first is not None and first <= datetime.now(UTC):
        draft.errors["later"] = _("That moment has passed. Send the message now, or choose another day.")
        return None
    return schedule


def _log(course_id: str, assignment_id: str) -> str:
    return url_for(
        "course.reminders.reminders", course_id=course_id, assignment_id=assignment_id, _anchor="log"
    )
