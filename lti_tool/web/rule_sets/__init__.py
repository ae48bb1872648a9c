"""Rules under a name: save those of an assignment, use them in another, rename, delete, download."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, render_template, request, url_for
from flask_babel import gettext as _

from lti_tool.planning.ids import AssignmentId
from lti_tool.services.errors import NameInUse
from lti_tool.services.use_cases import UseCases
from lti_tool.web.answers import go_to
from lti_tool.web.rules import version_of
from lti_tool.web.session import visit
from lti_tool.web.voice import Words


def rule_sets_blueprint(services: UseCases) -> Blueprint:
    """Pages under ``/assignments/<id>/rules/named``."""
    pages = Blueprint("rule_sets", __name__, url_prefix="/assignments/<assignment_id>/rules/named")

    def show(
        course_id: str,
        assignment_id: str,
        errors: dict[str, Words],
        status: int = 200,
        taken: int | None = None,
    ) -> tuple[str, int]:
        actor, assignment = visit().actor, AssignmentId(assignment_id)
        page = render_template(
            "rule_sets.html",
            course_id=course_id,
            assignment_id=assignment_id,
            snapshot=services.reading.snapshot(actor, assignment),
            rules=services.planning.rules(actor, assignment),
            sets=services.rule_sets.all(actor),
            typed=request.form,
            errors=errors,
            taken=taken,
            version=services.planning.saved_rules(actor, assignment).version,
        )
        return page, status

    def here(course_id: str, assignment_id: str) -> str:
        return url_for("course.rule_sets.sets", course_id=course_id, assignment_id=assignment_id)

    @pages.get("")
    def sets(course_id: str, assignment_id: str) -> tuple[str, int]:
        return show(course_id, assignment_id, {})

    @pages.post("")
    def save(course_id: str, assignment_id: str) -> Response | tuple[str, int]:
        actor, assignment = visit().actor, AssignmentId(assignment_id)
        rules = services.planning.rules(actor, assignment)
        replace = bool(request.form.get("replace"))
        over = version_of(request.form) if replace else None
        try:
            services.rule_sets.save(actor, request.form.get("name", ""), rules, replace=replace, over=over)
        except NameInUse as used:
            return show(course_id, assignment_id, {"name": used.words}, 422, taken=used.version)
        except ValueError:
            return show(course_id, assignment_id, {"name": _wanted_name()}, 422)
        return go_to(here(course_id, assignment_id))

    @pages.post("/<set_id>/use")
    def use(course_id: str, assignment_id: str, set_id: str) -> Response:
        over = version_of(request.form)
        services.rule_sets.use(visit().actor, set_id, AssignmentId(assignment_id), over=over)
        return go_to(url_for("course.rules.rules", course_id=course_id, assignment_id=assignment_id))

    @pages.post("/<set_id>/rename")
    def rename(course_id: str, assignment_id: str, set_id: str) -> Response | tuple[str, int]:
        field = f"name-{set_id}"
        try:
            services.rule_sets.rename(
                visit().actor, set_id, request.form.get(field, ""), over=version_of(request.form)
            )
        except NameInUse as used:
            return show(course_id, assignment_id, {field: used.words}, 422)
        except ValueError:
            return show(course_id, assignment_id, {field: _wanted_name()}, 422)
        return go_to(here(course_id, assignment_id))

    @pages.post("/<set_id>/delete")
    def delete(course_id: str, assignment_id: str, set_id: str) -> Response:
        services.rule_sets.delete(visit().actor, set_id, over=version_of(request.form))
        return go_to(here(course_id, assignment_id))

    @pages.get("/rules.json")
    def download(course_id: str, assignment_id: str) -> Response:  # noqa: ARG001 - the address has it
        """The rules of this assignment, as the command line takes them."""
        rules = services.planning.rules(visit().actor, AssignmentId(assignment_id))
        answer = make_response(rules.model_dump_json(indent=2) + "\n")
        answer.mimetype = "application/octet-stream"
        answer.headers["Content-Disposition"] = 'attachment; filename="rules.json"'
        return answer

    return pages


def _wanted_name() -> str:
    return str(_("Write a name of 1 to 100 letters."))
