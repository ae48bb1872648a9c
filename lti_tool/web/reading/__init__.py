"""While Canvas is read: how far it is, and then on to the page that waited for it.

Pages that need a reading lead here when there is none yet; small courses are read before anybody notices.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from flask import Blueprint, Response, jsonify, render_template, request, url_for
from flask_babel import gettext as _

from allocation.sentences import N_
from lti_tool.applying.answers import ReadFailed
from lti_tool.planning.ids import AssignmentId
from lti_tool.services.long_work import ReadingProgress, ReadingState
from lti_tool.services.use_cases import BackgroundCases, UseCases
from lti_tool.web import words
from lti_tool.web.answers import go_to
from lti_tool.web.session import visit

PATIENCE_S = 0.7
"""A reading that ends within this is not worth a page."""
JUST_NOW = timedelta(seconds=5)
"""A reading that ended so lately is the one that the page waited for."""


def reading_blueprint(services: UseCases) -> Blueprint:
    """Pages under ``/assignments/<id>/reading``."""
    pages = Blueprint("reading", __name__, url_prefix="/assignments/<assignment_id>/reading")

    @pages.get("")
    def reading(course_id: str, assignment_id: str) -> str | Response:
        progress = read_lately(services.background, AssignmentId(assignment_id), JUST_NOW)
        after = within_course(request.args.get("next", ""), course_id)
        if not progress.reading:  # a form is sent only where it makes a plan
            return go_to(after, post=after.endswith(("/undo", "/again", "/renew")))
        return render_template(
            "reading.html",
            course_id=course_id,
            assignment_id=assignment_id,
            **progress_words(progress),
        )

    @pages.get("/progress")
    def how_far(course_id: str, assignment_id: str) -> Response:  # noqa: ARG001 - the address has it
        progress = services.background.state(visit().actor, AssignmentId(assignment_id))
        if progress is None or not progress.reading:
            return jsonify(over=True)
        shown = progress_words(progress)
        return jsonify(
            html=render_template("_reading.html", **shown),
            done=progress.done,
            total=progress.total,
            over=False,
            says=spoken(progress),
        )

    return pages


def read_first(services: UseCases) -> Callable[[], Response | None]:
    """A ``before_request`` function: pages of an assignment without a good snapshot wait for a new one."""

    def check() -> Response | None:
        seen = request.view_args or {}
        assignment = AssignmentId(seen.get("assignment_id", ""))
        actor = visit().actor
        if request.method != "GET" or services.background.current(actor, assignment):
            return None
        if read_lately(services.background, assignment, JUST_NOW, PATIENCE_S).reading:
            return go_to(waiting_for(seen["course_id"], assignment, request.full_path.rstrip("?")))
        return None

    return check


def read_lately(
    background: BackgroundCases, assignment: AssignmentId, lately: timedelta, patience_s: float = PATIENCE_S
) -> ReadingProgress:
    """A reading that goes on or ended lately; begun if there is none.

    Raises:
        ReadFailed: it ended in vain.
    """
    since = datetime.now(UTC) - lately
    progress = background.begin(visit().actor, assignment, since=since, patience_s=patience_s)
    if progress.state is ReadingState.FAILED:
        raise ReadFailed(progress.why, N_("Canvas could not be read."), scope=progress.scope)
    return progress


def waiting_for(course_id: str, assignment: AssignmentId, after: str) -> str:
    """The address of the page that waits and then goes on to ``after``."""
    return url_for("course.reading.reading", course_id=course_id, assignment_id=assignment, next=after)


def within_course(path: str, course_id: str) -> str:
    """A path inside this course; its home for anything else."""
    home = url_for("course.home.home", course_id=course_id)
    inside = path.startswith(f"{home}/") and "//" not in path and "\\" not in path
    return path if inside else home


def progress_words(progress: ReadingProgress) -> dict[str, object]:
    """What the pages show of a reading."""
    return {
        "progress": progress,
        "parts": [(words.READ_PARTS.get(part.what, part.what), part) for part in progress.parts],
        "left": words.seconds_left(progress.seconds_left),
    }


def spoken(progress: ReadingProgress) -> str:
    """How far a reading is, for a screen reader."""
    percent = 100 * progress.done // progress.total if progress.total else 0
    left = words.seconds_left(progress.seconds_left)
    return str(_("%(percent)s percent read. %(left)s", percent=percent, left=left)).strip()
