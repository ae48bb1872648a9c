"""The board: who owes which reviews and who received what, of one assignment or of all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, render_template, request, url_for
from flask_babel import get_locale, get_timezone, to_user_timezone
from flask_babel import gettext as _

from allocation.sentences import Sentence
from lti_tool.planning.board import BoardLine, Standing
from lti_tool.planning.drift_words import drift_lines
from lti_tool.planning.follow_up import FollowUp
from lti_tool.planning.ids import AssignmentId
from lti_tool.services.follow_up_cases import BoardView
from lti_tool.services.spreadsheet import Cell
from lti_tool.services.use_cases import UseCases
from lti_tool.web.after import words
from lti_tool.web.answers import csv_file, go_to
from lti_tool.web.paging import page_of
from lti_tool.web.session import visit


@dataclass(frozen=True, slots=True)
class WatchView:
    """What changed since the last verified run, in words."""

    since: datetime | None
    alarms: list[Sentence]
    to_fill_up: list[Sentence]
    under_way: bool = False
    """The data is from during an update, so nothing can be compared yet."""


FILTERS = ("standing", "section", "group", "q")


def board_blueprint(services: UseCases) -> Blueprint:
    """Pages ``/board`` and ``/assignments/<id>/board``."""
    pages = Blueprint("board", __name__)

    def wanted(assignment_id: str | None) -> list[AssignmentId]:
        if assignment_id is not None:
            return [AssignmentId(assignment_id)]
        return services.following_up.reviewed(visit().actor)

    def show(
        course_id: str, assignment_id: str | None, errors: dict[str, str], status: int = 200
    ) -> tuple[str, int]:
        view = services.following_up.board(visit().actor, wanted(assignment_id))
        lines = filtered(view)
        page = render_template(
            "board.html",
            course_id=course_id,
            assignment_id=assignment_id,
            view=view,
            board=view.board,
            totals=view.board.totals,
            page=page_of(lines, request.args.get("page")),
            filters={name: request.args.get(name, "") for name in FILTERS},
            standings=words.STANDINGS,
            settings=view.settings[AssignmentId(assignment_id)] if assignment_id else None,
            due_field=_due_field(view, assignment_id),
            watch=_watch(services, assignment_id),
            waiting=services.scheduling.waiting(
                visit().actor, None if assignment_id is None else AssignmentId(assignment_id)
            ),
            assignment_names=view.board.assignments,
            errors=errors,
            form=request.form,
        )
        return page, status

    @pages.get("/board")
    def all_assignments(course_id: str) -> tuple[str, int]:
        return show(course_id, None, {})

    @pages.get("/assignments/<assignment_id>/board")
    def one_assignment(course_id: str, assignment_id: str) -> tuple[str, int]:
        return show(course_id, assignment_id, {})

    @pages.post("/board/read")
    def read_all(course_id: str) -> Response:
        services.following_up.board(visit().actor, wanted(None), fresh=True)
        return go_to(url_for("course.board.all_assignments", course_id=course_id))

    @pages.post("/assignments/<assignment_id>/board/read")
    def read_one(course_id: str, assignment_id: str) -> Response:
        services.following_up.board(visit().actor, wanted(assignment_id), fresh=True)
        return go_to(url_for("course.board.one_assignment", course_id=course_id, assignment_id=assignment_id))

    @pages.get("/board.csv")
    def download_all(course_id: str) -> Response:
        view = services.following_up.board(visit().actor, wanted(None))
        return _csv(f"board-{course_id}.csv", view)

    @pages.get("/assignments/<assignment_id>/board.csv")
    def download_one(course_id: str, assignment_id: str) -> Response:  # noqa: ARG001 - the address has it
        view = services.following_up.board(visit().actor, wanted(assignment_id))
        return _csv(f"board-{assignment_id}.csv", view)

    @pages.post("/assignments/<assignment_id>/follow-up")
    def settle(course_id: str, assignment_id: str) -> Response | tuple[str, int]:
        actor, assignment = visit().actor, AssignmentId(assignment_id)
        found = services.following_up.settings(actor, assignment)
        settled, errors = read_settings(found, request.form)
        if settled is None:
            return show(course_id, assignment_id, errors, 422)
        services.following_up.save_settings(actor, assignment, settled, str(get_locale() or "en"))
        return go_to(url_for("course.board.one_assignment", course_id=course_id, assignment_id=assignment_id))

    return pages


def filtered(view: BoardView) -> tuple[BoardLine, ...]:
    """The lines that fit the address's filters; an unknown standing counts as none."""
    asked = request.args.get("standing", "")
    standing = Standing(asked) if asked in set(Standing) else Standing.ALL
    return view.board.filtered(
        standing,
        section=request.args.get("section", ""),
        group=request.args.get("group", ""),
        name=request.args.get("q", "").strip(),
    )


def read_settings(found: FollowUp, form: dict[str, str]) -> tuple[FollowUp | None, dict[str, str]]:
    """The settings with what the form says, or what is wrong with it."""
    errors: dict[str, str] = {}
    due = found.reviews_due_at
    text = form.get("reviews_due_at", "").strip()
    try:
        due = datetime.fromisoformat(text).replace(tzinfo=page_zone()) if text else None
    except ValueError:
        errors["reviews_due_at"] = _("Give day and time, such as 2026-12-01T23:59.")
    hours = form.get("remind_every_hours", "").strip()
    if not (hours.isascii() and hours.isdigit() and 1 <= int(hours[:6]) <= 24 * 60):
        errors["remind_every_hours"] = _("Give a number of hours from 1 to 1440.")
    if errors:
        return None, errors
    return found.model_copy(update={"reviews_due_at": due, "remind_every_hours": int(hours)}), {}


def _watch(services: UseCases, assignment_id: str | None) -> WatchView | None:
    if assignment_id is None:
        return None
    found = services.watching.look(visit().actor, AssignmentId(assignment_id))
    names = {user: person.name for user, person in found.snapshot.people_by_id.items()}
    return WatchView(
        found.since,
        drift_lines(found.alarms, names),
        drift_lines(found.to_fill_up, names),
        found.under_way,
    )


def page_zone() -> ZoneInfo:
    return ZoneInfo(str(get_timezone() or "UTC"))  # Babel's own object has odd offsets when put on a time


def _due_field(view: BoardView, assignment_id: str | None) -> str:
    if assignment_id is None:
        return ""
    due = view.settings[AssignmentId(assignment_id)].reviews_due_at
    return "" if due is None else to_user_timezone(due).strftime("%Y-%m-%dT%H:%M")


def _csv(name: str, view: BoardView) -> Response:
    board = view.board
    header = [
        _("Student"), _("User id"), _("Sections"), _("Groups"), _("Reviews to do"), _("Overdue"),
        _("Reviews done"), _("Reviews received"), _("Reviews to come"), _("Will not come"),
        _("Can't be completed: the author left"),
    ]  # fmt: skip
    rows: list[list[Cell]] = [
        [
            line.person.sortable_name,
            line.person.id,
            ", ".join(board.sections.get(one, one) for one in line.person.sections),
            ", ".join(board.groups.get(one, one) for one in line.groups),
            line.to_do,
            line.overdue,
            line.done,
            line.received,
            line.awaited,
            line.lost,
            line.author_left,
        ]
        for line in filtered(view)
    ]
    return csv_file(name, header, rows)
