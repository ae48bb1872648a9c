"""Home: the assignments of the course with their state, earlier runs, and switching peer reviews on."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, render_template, request, url_for

from lti_tool.applying.answers import ReadFailed
from lti_tool.planning.ids import AssignmentId
from lti_tool.services.errors import NotConnected
from lti_tool.services.shown import CourseOverview
from lti_tool.services.use_cases import UseCases
from lti_tool.web.answers import go_to
from lti_tool.web.paging import page_of
from lti_tool.web.session import visit

PLANS = 20
"""Plans on the history page, the newest."""
LATEST = 5
"""Runs on the home page; the history has all."""


def home_blueprint(services: UseCases) -> Blueprint:
    """Pages ``/`` and ``/history`` of a course."""
    pages = Blueprint("home", __name__)

    @pages.get("")
    def home(course_id: str) -> str | Response:
        actor = visit().actor
        if not services.connecting.connected(actor):
            return go_to(url_for("course.connect.connect", course_id=course_id))
        try:
            overview = services.reading.overview(actor, counted=False)
        except NotConnected:
            return go_to(url_for("course.connect.connect", course_id=course_id))
        return render_template(
            "home.html",
            course_id=course_id,
            overview=overview,
            latest=overview.runs[:LATEST],
            waiting=services.scheduling.waiting(actor),
            assignment_names=_names(overview),
        )

    @pages.get("/assignments/<assignment_id>/counts")
    def counts(course_id: str, assignment_id: str) -> Response:
        try:
            found = services.reading.counts(visit().actor, AssignmentId(assignment_id))
        except ReadFailed:  # the page itself says what is wrong with Canvas, once
            found = None
        html = render_template("_counts.html", course_id=course_id, assignment_id=assignment_id, counts=found)
        return jsonify(html=html)

    @pages.get("/history")
    def history(course_id: str) -> str:
        actor = visit().actor
        return render_template(
            "history.html",
            course_id=course_id,
            page=page_of(services.running.history(actor), request.args.get("page")),
            plans=services.planning.listed(actor)[:PLANS],
            assignment_names={facts.id: facts.name for facts in services.reading.assignments(actor)},
        )

    @pages.get("/help")
    def help_page(course_id: str) -> str:
        return render_template("help.html", course_id=course_id)

    @pages.post("/assignments/<assignment_id>/peer-reviews")
    def switch_on(course_id: str, assignment_id: str) -> Response:
        services.reading.enable_peer_reviews(visit().actor, AssignmentId(assignment_id))
        return go_to(url_for("course.participants.people", course_id=course_id, assignment_id=assignment_id))

    return pages


def _names(overview: CourseOverview) -> dict[str, str]:
    rows = [row.facts for row in overview.with_peer_reviews] + list(overview.without_peer_reviews)
    return {facts.id: facts.name for facts in rows}
