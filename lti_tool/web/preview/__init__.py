"""Preview and confirm: what would change, in words, pictures and a table; nothing is changed by looking."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, render_template, request, url_for
from flask_babel import gettext as _

from lti_tool.planning.ids import PlanId
from lti_tool.planning.plan import ChangeKind
from lti_tool.services.spreadsheet import Cell
from lti_tool.services.use_cases import UseCases
from lti_tool.web import words
from lti_tool.web.answers import csv_file, go_to
from lti_tool.web.paging import page_of
from lti_tool.web.preview.view import Filters, figures, filtered, lines, must_confirm
from lti_tool.web.session import visit


def preview_blueprint(services: UseCases) -> Blueprint:
    """Pages under ``/plans/<id>``."""
    pages = Blueprint("preview", __name__, url_prefix="/plans/<plan_id>")

    @pages.get("")
    def preview(course_id: str, plan_id: str) -> str:
        view = services.planning.plan(visit().actor, PlanId(plan_id))
        filters = Filters.read(request.args)
        shown = filtered(lines(view.plan.changes, view.snapshot), filters, view.snapshot)
        return render_template(
            "preview.html",
            course_id=course_id,
            view=view,
            plan=view.plan,
            snapshot=view.snapshot,
            counts=view.plan.counts,
            kinds=ChangeKind,
            figures=figures(view, request.args.get("person")),
            filters=filters,
            page=page_of(shown, request.args.get("page")),
            must_confirm=must_confirm(view),
        )

    @pages.get("/drift")
    def drift(course_id: str, plan_id: str) -> Response:
        actor = visit().actor
        view = services.planning.plan(actor, PlanId(plan_id))
        names = {one.id: one.name for one in view.snapshot.people}
        found = words.drift_lines(services.planning.drift(actor, PlanId(plan_id)), names)
        return jsonify(
            html=render_template(
                "_drift.html", drift=found, course_id=course_id, assignment_id=view.plan.assignment_id
            )
        )

    @pages.get("/changes.csv")
    def download(course_id: str, plan_id: str) -> Response:  # noqa: ARG001 - the address has it
        view = services.planning.plan(visit().actor, PlanId(plan_id))
        rows: list[list[Cell]] = [
            [
                str(words.KINDS[one.change.kind]),
                one.reviewer,
                one.change.reviewer,
                one.author,
                one.change.author,
                one.change.submission,
                str(words.REASONS[one.change.reason]),
                one.change.review_id,
            ]
            for one in lines(view.plan.changes, view.snapshot)
        ]
        header = [
            _("Change"), _("Reviewer"), _("Reviewer id"), _("Reviews the work of"), _("Author id"),
            _("Submission id"), _("Why"), _("Review id"),
        ]  # fmt: skip
        return csv_file(f"plan-{plan_id}.csv", header, rows)

    @pages.get("/confirm")
    def confirm(course_id: str, plan_id: str) -> tuple[str, int]:
        return ask(course_id, plan_id, {}, 200)

    def ask(course_id: str, plan_id: str, errors: dict[str, str], status: int) -> tuple[str, int]:
        view = services.planning.plan(visit().actor, PlanId(plan_id))
        page = render_template(
            "confirm.html",
            course_id=course_id,
            view=view,
            plan=view.plan,
            snapshot=view.snapshot,
            counts=view.plan.counts,
            kinds=ChangeKind,
            errors=errors,
            ticked=request.form,
        )
        return page, status

    @pages.post("/apply")
    def apply(course_id: str, plan_id: str) -> Response | tuple[str, int]:
        actor = visit().actor
        view = services.planning.plan(actor, PlanId(plan_id))
        if must_confirm(view):
            missing = {}
            if view.plan.counts[ChangeKind.DELETE] and not request.form.get("deletes"):
                missing["deletes"] = _("Tick that reviews are deleted, or go back to the preview.")
            if view.notified and not request.form.get("notices"):
                missing["notices"] = _("Tick that students are notified, or go back to the preview.")
            if missing:
                return ask(course_id, plan_id, missing, 422)
        run_id = services.running.start(actor, view.plan.id)
        return go_to(url_for("course.runs.run", course_id=course_id, run_id=run_id))

    return pages
