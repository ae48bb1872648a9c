"""While a plan is made: which stage of how many, how long it takes, and a button that ends it.

Plans of ordinary classes are made before anybody sees this page.
"""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, render_template, url_for
from flask_babel import gettext as _

from allocation.sentences import N_
from lti_tool.applying.answers import ReadFailed, Why
from lti_tool.defects import PLAN_BROKEN, PlanBroken
from lti_tool.planning.ids import AssignmentId
from lti_tool.services.long_work import Making, MakingState
from lti_tool.services.use_cases import UseCases
from lti_tool.web import words
from lti_tool.web.answers import go_to
from lti_tool.web.session import visit


def making_blueprint(services: UseCases) -> Blueprint:
    """Pages under ``/assignments/<id>/making``."""
    pages = Blueprint("making", __name__, url_prefix="/assignments/<assignment_id>/making")

    def back_to_rules(course_id: str, assignment_id: str) -> Response:
        return go_to(url_for("course.rules.rules", course_id=course_id, assignment_id=assignment_id))

    @pages.get("")
    def making(course_id: str, assignment_id: str) -> str | Response:
        found = services.making.state(visit().actor, AssignmentId(assignment_id))
        if found is not None and found.plan is not None:
            return go_to(url_for("course.preview.preview", course_id=course_id, plan_id=found.plan))
        if found is not None and found.state is MakingState.FAILED:
            if found.why is Why.NONE:
                raise PlanBroken(PLAN_BROKEN)
            raise ReadFailed(found.why, N_("Canvas could not be read."))
        if found is None or not found.making:  # the rules say what is wrong with them
            return back_to_rules(course_id, assignment_id)
        return render_template(
            "making.html", course_id=course_id, assignment_id=assignment_id, **making_words(found)
        )

    @pages.get("/progress")
    def how_far(course_id: str, assignment_id: str) -> Response:  # noqa: ARG001 - the address has it
        found = services.making.state(visit().actor, AssignmentId(assignment_id))
        if found is None or not found.making:
            return jsonify(over=True)
        shown = making_words(found)
        return jsonify(
            html=render_template("_making.html", **shown),
            done=shown["percent"],
            total=100,
            over=False,
            says=spoken(found),
        )

    @pages.post("/cancel")
    def cancel(course_id: str, assignment_id: str) -> Response:
        services.making.cancel(visit().actor, AssignmentId(assignment_id))
        return back_to_rules(course_id, assignment_id)

    return pages


def making_words(found: Making) -> dict[str, object]:
    """What the pages show of a plan that is being made."""
    return {
        "making": found,
        "percent": percent_of(found),
        "stage": words.STAGES[found.effort.stage] if found.effort else "",
        "so_far": int(found.seconds_so_far),
        "left": words.seconds_left(found.seconds_left),
    }


def percent_of(found: Making) -> int:
    """Roughly the share of the time that has passed."""
    return int(100 * found.effort.fraction) if found.effort else 0


def spoken(found: Making) -> str:
    """How far it is, for a screen reader."""
    effort = found.effort
    if effort is None:
        return str(_("Reading what the plan rests on."))
    said = _(
        "Planning: %(stage)s, step %(number)s of %(of)s. %(left)s",
        stage=words.STAGES[effort.stage],
        number=effort.number,
        of=effort.of,
        left=words.seconds_left(found.seconds_left),
    )
    return str(said).strip()
