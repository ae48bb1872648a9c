"""Preview and confirm: what would change, in words, pictures and a table; nothing is changed by looking."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TypedDict

from flask import Blueprint, Response, jsonify, render_template, request, url_for
from flask_babel import LazyString, gettext, ngettext
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from lti_tool.planning.canvas_method import Draws
from lti_tool.planning.drift_words import drift_lines
from lti_tool.planning.ids import PlanId
from lti_tool.planning.late_work import top_up_sentences
from lti_tool.planning.plan import ChangeKind
from lti_tool.planning.staleness import Relied, judge
from lti_tool.services.long_work import ReadingState
from lti_tool.services.shown import PlanView
from lti_tool.services.spreadsheet import Cell
from lti_tool.services.use_cases import UseCases
from lti_tool.web import words
from lti_tool.web.answers import csv_file, go_to
from lti_tool.web.paging import Page, page_of
from lti_tool.web.preview.changes import Filters, Line, SortBy, filtered, lines, reasons_of
from lti_tool.web.preview.quality import QualityRow, quality_rows
from lti_tool.web.preview.staff import staff_lines, staff_list
from lti_tool.web.preview.view import Who, figures, must_confirm, who
from lti_tool.web.reading import JUST_NOW, PATIENCE_S, progress_words, read_lately, waiting_for
from lti_tool.web.session import visit

DRIFT_STANDS = timedelta(seconds=15)
"""For so long a comparison with Canvas counts as one with Canvas as it is now."""


def preview_blueprint(services: UseCases) -> Blueprint:
    """Pages under ``/plans/<id>``; parts of the page are asked for by themselves as one types."""
    pages = Blueprint("preview", __name__, url_prefix="/plans/<plan_id>")

    @pages.get("")
    def preview(course_id: str, plan_id: str) -> str:
        view = services.planning.plan(visit().actor, PlanId(plan_id))
        return render_template(
            "preview.html",
            course_id=course_id,
            view=view,
            plan=view.plan,
            snapshot=view.snapshot,
            counts=view.plan.counts,
            kinds=ChangeKind,
            figures=figures(view),
            reasons=reasons_of(view.plan.changes),
            must_confirm=must_confirm(view),
            names={user: person.name for user, person in view.snapshot.people_by_id.items()},
            top_up=top_up_sentences(view.top_up, view.snapshot) if view.top_up else (),
            staff=staff_list(view),
            **the_quality(view, None),
            **the_changes(view),
            **the_people(view),
        )

    @pages.get("/changes")
    def changes(course_id: str, plan_id: str) -> Response:
        view = services.planning.plan(visit().actor, PlanId(plan_id))
        part = the_changes(view)
        return jsonify(
            html=render_template("_changes.html", course_id=course_id, plan=view.plan, **part),
            says=ngettext("%(num)s change", "%(num)s changes", part["page"].total),
        )

    @pages.get("/who")
    def who_reviews_whom(course_id: str, plan_id: str) -> Response:
        view = services.planning.plan(visit().actor, PlanId(plan_id))
        part = the_people(view)
        return jsonify(
            html=render_template("_who.html", course_id=course_id, view=view, plan=view.plan, **part),
            says="" if view.partial else who_words(part["who"]),
        )

    @pages.get("/quality")
    def compared(course_id: str, plan_id: str) -> Response:  # noqa: ARG001 - the address has it
        actor = visit().actor
        draws = services.planning.canvas_instead(actor, PlanId(plan_id))
        view = services.planning.plan(actor, PlanId(plan_id))
        return jsonify(
            html="" if view.partial else render_template("_quality.html", **the_quality(view, draws))
        )

    @pages.get("/drift")
    def drift(course_id: str, plan_id: str) -> Response:
        actor = visit().actor
        view = services.planning.plan(actor, PlanId(plan_id))
        if view.partial:  # the plan's snapshot holds students whom the viewer's own doesn't
            return jsonify(html="", again=False)
        since = max(view.plan.created_at, datetime.now(UTC) - DRIFT_STANDS)
        reading = services.background.begin(
            actor, view.plan.assignment_id, since=since, patience_s=PATIENCE_S
        )
        if reading.state is not ReadingState.DONE:
            return jsonify(
                html=render_template("_comparing.html", **progress_words(reading)), again=reading.reading
            )
        now = services.reading.snapshot(actor, view.plan.assignment_id)  # who joined is in this one only
        names = {one.id: one.name for one in (*view.snapshot.people, *now.people)}
        drift = services.planning.drift(actor, view.plan.id, fresh=False)
        found = judge(drift, Relied.on(view.plan, view.snapshot))
        return jsonify(
            html=render_template(
                "_drift.html",
                out_of_date=drift_lines(found.out_of_date, names),
                harmless=drift_lines(found.harmless, names),
                course_id=course_id,
                plan=view.plan,
            ),
            again=False,
        )

    @pages.get("/changes.csv")
    def download(course_id: str, plan_id: str) -> Response:  # noqa: ARG001 - the address has it
        view = services.planning.plan(visit().actor, PlanId(plan_id))
        filters = Filters.read(request.args)
        every = lines(view.plan.changes, view.snapshot)
        shown = filtered(every, filters, view.snapshot) if filters.any else every
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
            for one in shown
        ]
        header = [
            _("Change"), _("Reviewer"), _("Reviewer id"), _("Reviews the work of"), _("Author id"),
            _("Submission id"), _("Why"), _("Review id"),
        ]  # fmt: skip
        return csv_file(f"plan-{plan_id}{'-part' if filters.any else ''}.csv", header, rows)

    @pages.get("/for-staff.csv")
    def for_staff(course_id: str, plan_id: str) -> Response:  # noqa: ARG001 - the address has it
        view = services.planning.plan(visit().actor, PlanId(plan_id))
        header = [_("Author"), _("Author id"), _("To come"), _("Missing"), _("SpeedGrader")]
        rows: list[list[Cell]] = [
            [", ".join(one.names), ", ".join(one.authors), one.coming, one.missing, one.link]
            for one in staff_lines(view)
        ]
        return csv_file(f"for-staff-{plan_id}.csv", header, rows)

    @pages.get("/confirm")
    def confirm(course_id: str, plan_id: str) -> Response | tuple[str, int]:
        view = services.planning.plan(visit().actor, PlanId(plan_id))
        # An old tab, or a viewer who may not apply: the preview shows why.
        if view.run_id is not None or view.overtaken is not None or not view.may_apply:
            return go_to(url_for("course.preview.preview", course_id=course_id, plan_id=plan_id))
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
        if view.may_apply and must_confirm(view) and view.run_id is None:
            missing = {}
            if view.plan.counts[ChangeKind.DELETE] and not request.form.get("deletes"):
                missing["deletes"] = _("Tick that reviews are deleted, or go back to the preview.")
            if view.notified and not request.form.get("notices"):
                missing["notices"] = _("Tick that students are notified, or go back to the preview.")
            if missing:
                return ask(course_id, plan_id, missing, 422)
        run_id = services.running.start(actor, view.plan.id)
        return go_to(url_for("course.runs.run", course_id=course_id, run_id=run_id))

    @pages.post("/renew")
    def renew(course_id: str, plan_id: str) -> Response:
        """Plan again from Canvas as it is now, by the same rules, in place of a plan that is out of date."""
        actor = visit().actor
        old = services.planning.plan(actor, PlanId(plan_id)).plan
        assignment = old.assignment_id
        if read_lately(services.background, assignment, JUST_NOW).reading:
            return go_to(waiting_for(course_id, assignment, request.path))
        if old.undo_of is not None:
            made = services.running.undo(actor, old.undo_of, fresh=False)
        else:
            made = services.editing.from_now(actor, old.id)
        return go_to(url_for("course.preview.preview", course_id=course_id, plan_id=made.id))

    return pages


class ChangesPart(TypedDict):
    """What ``_changes.html`` shows."""

    filters: Filters
    page: Page[Line]
    sorts: tuple[tuple[SortBy, LazyString], ...]
    kept: int


class PeoplePart(TypedDict):
    """What ``_who.html`` shows."""

    who: Who


class QualityPart(TypedDict):
    """What ``_quality.html`` shows; ``draws`` is 0 while Canvas's own method is at work."""

    quality_rows: list[QualityRow]
    draws: int


_COLUMNS: tuple[tuple[SortBy, LazyString], ...] = (
    ("kind", _l("Change")),
    ("reviewer", _l("Reviewer")),
    ("author", _l("Reviews the work of")),
    ("reason", _l("Why")),
)


def the_changes(view: PlanView) -> ChangesPart:
    """The page of changes that the address asks for."""
    filters = Filters.read(request.args)
    shown = filtered(lines(view.plan.changes, view.snapshot), filters, view.snapshot)
    kept = 0 if filters.kind or filters.reason else view.plan.counts[ChangeKind.KEEP]
    return {
        "filters": filters,
        "page": page_of(shown, request.args.get("page")),
        "sorts": _COLUMNS,
        "kept": kept,
    }


def the_people(view: PlanView) -> PeoplePart:
    """Who reviews whom, for the person that the address asks for."""
    return {"who": who(view, request.args)}


def the_quality(view: PlanView, draws: Draws | None) -> QualityPart:
    """The plan beside Canvas's own method, or alone while that is worked out."""
    rows = quality_rows(view.measured, view.knows, draws) if view.measured else []
    return {"quality_rows": rows, "draws": len(draws.all) if draws else 0}


def who_words(shown: Who) -> str:
    """What a search or a choice led to, for a screen reader."""
    if shown.chosen:
        return str(
            gettext(
                "%(name)s reviews %(out)s and is reviewed by %(back)s.",
                name=shown.chosen.person.name,
                out=len(shown.chosen.reviews),
                back=len(shown.chosen.reviewed_by),
            )
        )
    if not shown.find:
        return ""
    number = len(shown.found) + shown.more
    return str(ngettext("%(num)s student fits", "%(num)s students fit", number))
