"""Dashboard, and a person's own settings with the access tokens made there."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request
from werkzeug.wrappers import Response

from lti_tool.simulator.pages.context import PageProblem, simulator
from lti_tool.simulator.pages.visitor import current_person, require_person, signed_in
from lti_tool.simulator.people import standing
from lti_tool.simulator.records import EnrollmentType

blueprint = Blueprint("home", __name__)

NO_PURPOSE = "No purpose given"


@blueprint.get("/")
def dashboard() -> str:
    """The courses, with what the person is in each; everybody may look into every course here."""
    state, person = simulator().state, current_person()
    with state.lock:
        cards = [
            {
                "course": course,
                "standing": standing(state, person, course) if person is not None else "",
                "students": len(
                    {
                        row.user_id
                        for row in state.enrollments_of(course.id)
                        if row.type == EnrollmentType.STUDENT
                    }
                ),
                "sections": len(state.sections_of(course.id)),
                "assignments": len(state.assignments_of(course.id)),
            }
            for course in state.courses.values()
        ]
    return render_template("dashboard.html", cards=cards)


@blueprint.get("/profile/settings")
@signed_in
def settings() -> str:
    return _settings_page(None)


@blueprint.post("/profile/tokens")
@signed_in
def make_token() -> str:
    """Make a personal access token. It is shown in this answer and never again, as in Canvas."""
    purpose = request.form.get("purpose", "").strip()
    grant = simulator().state.make_personal_token(require_person().id, purpose=purpose)
    return _settings_page(grant.token)


@blueprint.post("/profile/tokens/<grant_id>/delete")
@signed_in
def delete_token(grant_id: str) -> Response:
    state = simulator().state
    grant = state.grants.get(grant_id)
    if grant is None or grant.user_id != require_person().id:
        raise PageProblem(
            404, "There is no such token", "Go back to your settings; it may be deleted already."
        )
    state.revoke_grant(grant)
    flash("The token was deleted. Whoever still uses it gets a 401 from now on.")
    return redirect("/profile/settings", code=303)


def _settings_page(fresh_token: str | None) -> str:
    state, person = simulator().state, require_person()
    with state.lock:
        grants = [row for row in state.grants.values() if row.user_id == person.id and not row.revoked]
        rows = [
            (row, state.keys[row.client_id].name if row.client_id else row.purpose or NO_PURPOSE)
            for row in grants
        ]
    return render_template("settings.html", rows=rows, fresh_token=fresh_token)
