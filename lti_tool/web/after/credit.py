"""Credit: points for completed reviews, seen beside those in Canvas before any is sent."""

from __future__ import annotations

import math
from collections.abc import Mapping

from flask import Blueprint, Response, render_template, request, url_for
from flask_babel import get_locale
from flask_babel import gettext as _

from lti_tool.planning.credit import CreditKind
from lti_tool.planning.follow_up import OWN_COLUMN, CreditRules, ScoreState
from lti_tool.planning.ids import AssignmentId, UserId
from lti_tool.services.follow_up_cases import TITLE
from lti_tool.services.gradebook import gradebook_csv
from lti_tool.services.use_cases import UseCases
from lti_tool.web.after import words
from lti_tool.web.answers import file_to_save, go_to
from lti_tool.web.paging import page_of
from lti_tool.web.session import visit

MOST_GRACE_HOURS = 720


def credit_blueprint(services: UseCases) -> Blueprint:
    """Pages under ``/assignments/<id>/credit``."""
    pages = Blueprint("credit", __name__, url_prefix="/assignments/<assignment_id>/credit")

    def show(
        course_id: str, assignment_id: str, errors: dict[str, str], status: int = 200
    ) -> tuple[str, int]:
        actor, assignment = visit().actor, AssignmentId(assignment_id)
        board = services.following_up.board(actor, [assignment])
        view = services.crediting.preview_credit(actor, assignment, _(TITLE))
        wanted = request.args.get("kind", "")
        lines = [line for line in view.plan.lines if wanted in ("", line.kind)]
        page = render_template(
            "credit.html",
            course_id=course_id,
            assignment_id=assignment_id,
            assignment_name=board.board.assignments[assignment],
            read_at=board.read_at[assignment],
            view=view,
            plan=view.plan,
            rules=view.plan.rules,
            kinds=CreditKind,
            excused=[line for line in view.plan.lines if line.kind is CreditKind.EXCUSED],
            kind=wanted,
            page=page_of(lines, request.args.get("page")),
            targets=services.crediting.credit_targets(actor, assignment),
            own=services.crediting.own_column_offered(actor),
            own_target=OWN_COLUMN,
            score_states=ScoreState,
            posts=services.crediting.credit_posts(actor, assignment),
            modes=words.MODES,
            credit_words=words.CREDIT,
            posting=words.POSTING,
            not_taken=words.NOT_TAKEN,
            errors=errors,
            form=request.form,
        )
        return page, status

    @pages.get("")
    def credit(course_id: str, assignment_id: str) -> tuple[str, int]:
        return show(course_id, assignment_id, {})

    @pages.post("/rules")
    def settle(course_id: str, assignment_id: str) -> Response | tuple[str, int]:
        actor, assignment = visit().actor, AssignmentId(assignment_id)
        targets = {facts.id for facts in services.crediting.credit_targets(actor, assignment)}
        if services.crediting.own_column_offered(actor):
            targets.add(AssignmentId(OWN_COLUMN))
        rules, errors = read_rules(request.form, targets)
        if rules is None:
            return show(course_id, assignment_id, errors, 422)
        found = services.following_up.settings(actor, assignment)
        services.following_up.save_settings(
            actor, assignment, found.model_copy(update={"credit": rules}), str(get_locale() or "en")
        )
        return go_to(_here(course_id, assignment_id))

    @pages.post("/post")
    def post(course_id: str, assignment_id: str) -> Response:
        services.crediting.post_credit(
            visit().actor,
            AssignmentId(assignment_id),
            request.form.get("fingerprint", ""),
            _(TITLE),
            despite=[UserId(user) for user in request.form.getlist("despite")],
        )
        return go_to(_here(course_id, assignment_id) + "#posts")

    @pages.get("/gradebook.csv")
    def gradebook(course_id: str, assignment_id: str) -> Response:  # noqa: ARG001 - the address has it
        actor, assignment = visit().actor, AssignmentId(assignment_id)
        board = services.following_up.board(actor, [assignment]).board
        plan = services.crediting.preview_credit(actor, assignment).plan
        title = _(TITLE, assignment=board.assignments[assignment])
        return file_to_save(f"gradebook-{assignment_id}.csv", gradebook_csv(board, plan, title))

    return pages


def read_rules(
    form: Mapping[str, str], targets: set[AssignmentId]
) -> tuple[CreditRules | None, dict[str, str]]:
    """The rules of the form, or what is wrong with them."""
    errors: dict[str, str] = {}
    mode = form.get("mode", "")
    if mode not in words.MODES:
        errors["mode"] = _("Choose one of the answers.")
    points = _number(form.get("points", ""))
    if points is None or not 0 < points <= 10_000:
        errors["points"] = _("Give a number of points above 0, at most 10000.")
    threshold = form.get("threshold", "").strip() or "1"
    if not (threshold.isascii() and threshold.isdigit() and 1 <= int(threshold[:3]) <= 50):
        errors["threshold"] = _("Give a number of reviews from 1 to 50.")
    deduction = _whole(form, "late_deduction", 100)
    if deduction is None:
        errors["late_deduction"] = _("Give a number of per cent from 0 to 100; 0 for no deduction.")
    grace = _whole(form, "grace_hours", MOST_GRACE_HOURS)
    if grace is None:
        errors["grace_hours"] = _("Give a number of hours from 0 to 720.")
    target = form.get("target", "")
    if target and target not in targets:
        errors["target"] = _("Choose an assignment from the list.")
    if errors:
        return None, errors
    return CreditRules.model_validate(
        {
            "mode": mode,
            "points": points,
            "threshold": int(threshold),
            "target": target,
            "late_deduction": deduction,
            "grace_hours": grace,
        }
    ), {}


def _whole(form: Mapping[str, str], name: str, most: int) -> int | None:
    """A whole number from 0 to ``most``, 0 where nothing is said; None when it is something else."""
    text = form.get(name, "").strip() or "0"
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 and int(text) <= most else None


def _number(text: str) -> float | None:
    try:
        number = float(text.strip().replace(",", "."))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _here(course_id: str, assignment_id: str) -> str:
    return url_for("course.credit.credit", course_id=course_id, assignment_id=assignment_id)
