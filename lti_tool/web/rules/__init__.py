"""Rules: five questions with good defaults, and a sentence that says at once whether they can work."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, Response, jsonify, render_template, request, url_for
from flask_babel import gettext as _
from pydantic import ValidationError

from allocation import Infeasible
from lti_tool.planning.ids import AssignmentId
from lti_tool.planning.rules import PlanRules
from lti_tool.services.errors import NobodyToAllocate
from lti_tool.services.use_cases import Actor, UseCases
from lti_tool.web import words
from lti_tool.web.answers import go_to
from lti_tool.web.limits import Kind, limited
from lti_tool.web.session import visit


def rules_blueprint(services: UseCases) -> Blueprint:
    """Pages under ``/assignments/<id>/rules``."""
    pages = Blueprint("rules", __name__, url_prefix="/assignments/<assignment_id>/rules")

    def show(
        course_id: str, assignment_id: str, rules: PlanRules, errors: dict[str, str], status: int = 200
    ) -> tuple[str, int]:
        actor, assignment = visit().actor, AssignmentId(assignment_id)
        snapshot = services.reading.snapshot(actor, assignment)
        wrong_fields = errors.keys() - {"feasibility"}
        answer = {} if wrong_fields else verdict(services, actor, assignment, rules)
        page = render_template(
            "rules.html",
            course_id=course_id,
            assignment_id=assignment_id,
            snapshot=snapshot,
            rules=rules,
            typed=request.form if request.method == "POST" else {},
            completed=sum(review.completed for review in snapshot.reviews),
            errors=errors,
            **answer,
        )
        return page, status

    @pages.get("")
    def rules(course_id: str, assignment_id: str) -> tuple[str, int]:
        saved = services.planning.rules(visit().actor, AssignmentId(assignment_id))
        return show(course_id, assignment_id, saved, {})

    @pages.post("")
    @limited(Kind.PREVIEW)
    def plan(course_id: str, assignment_id: str) -> Response | tuple[str, int]:
        actor, assignment = visit().actor, AssignmentId(assignment_id)
        saved = services.planning.rules(actor, assignment)
        chosen, errors = read_rules(request.form, saved)
        if errors:
            return show(course_id, assignment_id, saved, errors, 422)
        try:
            made = services.planning.make_plan(actor, assignment, chosen)
        except (Infeasible, NobodyToAllocate):
            services.planning.save_rules(actor, assignment, chosen)
            return show(
                course_id, assignment_id, chosen, {"feasibility": _("These rules cannot work together.")}, 422
            )
        return go_to(url_for("course.preview.preview", course_id=course_id, plan_id=made.id))

    @pages.post("/feasibility")
    def feasibility(course_id: str, assignment_id: str) -> Response:  # noqa: ARG001 - the address has it
        actor, assignment = visit().actor, AssignmentId(assignment_id)
        chosen, errors = read_rules(request.form, services.planning.rules(actor, assignment))
        if errors:
            return jsonify(html=render_template("_feasibility.html", errors=errors))
        answer = verdict(services, actor, assignment, chosen)
        return jsonify(html=render_template("_feasibility.html", errors={}, **answer))

    return pages


def verdict(
    services: UseCases, actor: Actor, assignment: AssignmentId, rules: PlanRules
) -> dict[str, object]:
    """What ``_feasibility.html`` says about rules."""
    try:
        feasibility = services.planning.feasibility(actor, assignment, rules)
    except NobodyToAllocate as nobody:
        return {"too_few": nobody.words}
    return {
        "feasibility": feasibility,
        "obstacles": words.obstacles(feasibility),
        "ways_out": words.ways_out(feasibility.reasons, rules),
    }


def read_rules(form: Mapping[str, str], saved: PlanRules) -> tuple[PlanRules, dict[str, str]]:
    """The rules of a form on top of the saved ones, and a sentence for each field that cannot be used."""
    given: dict[str, object] = saved.model_dump()
    given.update(
        {
            name: form.get(name, "").strip()
            for name in ("reviews_per_reviewer", "sections", "own_group", "existing")
        }
    )
    given["balance"] = form.get("balance", saved.balance)
    given["seed"] = form.get("seed", "").strip() or None
    try:
        return PlanRules.model_validate(given), {}
    except ValidationError as error:
        return saved, {str(one["loc"][0]): _sentence(str(one["loc"][0])) for one in error.errors()}


def _sentence(field: str) -> str:
    sentences: dict[str, str] = {
        "reviews_per_reviewer": _("Write a whole number from 1 to 50."),
        "seed": _("Use at most 64 letters, digits or signs without spaces."),
    }
    return sentences.get(field) or str(_("Choose one of the answers."))
