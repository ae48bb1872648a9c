"""Plans from plans: edit by hand, draw again, read an edited file, put two side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flask import Blueprint, Response, render_template, request, url_for
from flask_babel import force_locale, get_babel
from flask_babel import gettext as _

from lti_tool.planning.edits import Edit, EditKind
from lti_tool.planning.ids import PlanId, UserId
from lti_tool.planning.plan import ChangeKind
from lti_tool.planning.rules import PlanRules
from lti_tool.planning.ways_out import apply_way_out
from lti_tool.services.edit_words import broken_sentences, cell_sentence, offers
from lti_tool.services.errors import EditRefused
from lti_tool.services.plan_table import ENGLISH_COLUMNS, ENGLISH_KINDS, Vocabulary
from lti_tool.services.shown import Edited
from lti_tool.services.spreadsheet_reading import (
    MOST_BYTES,
    CellProblem,
    CellTrouble,
    TableUnusable,
)
from lti_tool.services.use_cases import UseCases
from lti_tool.web import words
from lti_tool.web.answers import go_to
from lti_tool.web.editing.view import compared
from lti_tool.web.limits import Kind, limited
from lti_tool.web.people_fields import PeopleFields, suggestions
from lti_tool.web.session import visit
from lti_tool.web.voice import Words

LONGEST_REASON = 500
Answer = Response | tuple[str, int]


def editing_blueprint(services: UseCases) -> Blueprint:
    """Pages under ``/plans/<id>`` that make other plans."""
    pages = Blueprint("editing", __name__, url_prefix="/plans/<plan_id>")

    def show_edit(
        course_id: str,
        plan_id: str,
        typed: Mapping[str, str],
        errors: Mapping[str, Words],
        done: Edited | None = None,
        status: int = 200,
    ) -> tuple[str, int]:
        view = services.planning.plan(visit().actor, PlanId(plan_id))
        names = {one.id: one.name for one in view.snapshot.people}
        answer: dict[str, object] = {}
        if done is not None and done.feasibility is not None:
            answer = {
                "obstacles": words.obstacles(done.feasibility),
                "offers": offers(done.feasibility.reasons, done.rules),
            }
        page = render_template(
            "edit.html",
            course_id=course_id,
            view=view,
            plan=view.plan,
            snapshot=view.snapshot,
            names=names,
            people=suggestions(view.snapshot.people),
            typed=typed,
            errors=errors,
            broken=broken_sentences(done.broken, view.snapshot) if done and not done.feasibility else [],
            **answer,
        )
        return page, status

    @pages.get("/edit")
    def edit(course_id: str, plan_id: str) -> tuple[str, int]:
        view = services.planning.plan(visit().actor, PlanId(plan_id))
        fields = PeopleFields(view.snapshot, {})
        typed: dict[str, str] = {}
        for field in ("reviewer", "author"):
            person = view.snapshot.people_by_id.get(UserId(request.args.get(field, "")))
            if person is not None:
                label = fields.directory.label(person)
                typed |= {field: label, f"swap_{field}": label}
                if field == "reviewer":
                    typed["person"] = label
        return show_edit(course_id, plan_id, typed, {})

    @pages.post("/edit")
    def make_edit(course_id: str, plan_id: str) -> Answer:
        actor, form = visit().actor, request.form
        view = services.planning.plan(actor, PlanId(plan_id))
        wanted, errors = read_edit(form, PeopleFields(view.snapshot, form))
        if wanted is None:
            return show_edit(course_id, plan_id, form, errors, status=422)
        try:
            done = services.editing.edit(
                actor, PlanId(plan_id), wanted, anyway=bool(form.get("anyway")), change=_way_out(form)
            )
        except EditRefused as refused:
            return show_edit(course_id, plan_id, form, {_first_field(wanted): refused.words}, status=422)
        if done.plan is None:
            return show_edit(course_id, plan_id, form, {}, done, 422)
        return go_to(
            url_for("course.editing.compare", course_id=course_id, plan_id=plan_id, other_id=done.plan.id)
        )

    @pages.post("/again")
    def again(course_id: str, plan_id: str) -> Response:
        made = services.editing.again(visit().actor, PlanId(plan_id))
        return go_to(
            url_for("course.editing.compare", course_id=course_id, plan_id=plan_id, other_id=made.id)
        )

    @pages.get("/compare/<other_id>")
    def compare(course_id: str, plan_id: str, other_id: str) -> str:
        found = services.editing.compare(visit().actor, PlanId(plan_id), PlanId(other_id))
        return render_template(
            "compare.html",
            course_id=course_id,
            plan_id=plan_id,
            other_id=other_id,
            snapshot=found.after.snapshot,
            **compared(found, request.args.get("page")),
        )

    @pages.post("/keep")
    def keep(course_id: str, plan_id: str) -> Response:
        instead = request.form.get("instead", "")
        services.editing.keep(visit().actor, PlanId(plan_id), PlanId(instead) if instead else None)
        return go_to(url_for("course.preview.preview", course_id=course_id, plan_id=plan_id))

    def show_import(
        course_id: str, plan_id: str, problems: TableUnusable | None = None, *, same: bool = False
    ) -> tuple[str, int]:
        view = services.planning.plan(visit().actor, PlanId(plan_id))
        found = problems.problems if problems else ()
        page = render_template(
            "import.html",
            course_id=course_id,
            plan=view.plan,
            snapshot=view.snapshot,
            same=same,
            errors={"file": _("The file cannot be used; nothing of it was.")} if problems else {},
            problems=[(one, cell_sentence(one)) for one in found],
            more=problems.more if problems else 0,
        )
        return page, 422 if problems else 200

    @pages.get("/import")
    def choose_file(course_id: str, plan_id: str) -> tuple[str, int]:
        return show_import(course_id, plan_id)

    @pages.post("/import")
    @limited(Kind.IMPORT)
    def import_file(course_id: str, plan_id: str) -> Answer:
        request.max_content_length = MOST_BYTES + 100_000
        sent = request.files.get("file")
        content = b""
        if sent:
            content = sent.stream.read(MOST_BYTES + 1)
            sent.close()  # a large file lies on the disk
        try:
            if not sent or not sent.filename:
                raise TableUnusable([CellProblem(CellTrouble.EMPTY)])
            done = services.editing.import_table(visit().actor, PlanId(plan_id), content, vocabulary())
        except TableUnusable as unusable:
            return show_import(course_id, plan_id, unusable)
        if done.plan is None:
            return show_import(course_id, plan_id, same=True)
        return go_to(
            url_for("course.editing.compare", course_id=course_id, plan_id=plan_id, other_id=done.plan.id)
        )

    return pages


def read_edit(form: Mapping[str, str], fields: PeopleFields) -> tuple[Edit | None, dict[str, Words]]:
    """The edit that a form asks for, and a sentence for each field that is unclear."""
    kind = form.get("do", "")
    reason = form.get("reason", "").strip()
    if len(reason) > LONGEST_REASON:
        fields.errors["reason"] = _("Use at most %(n)s characters for the reason.", n=LONGEST_REASON)
    found: Edit | None = None
    if kind in (EditKind.PIN, EditKind.FORBID):
        found = Edit(EditKind(kind), ((fields.person("reviewer"), fields.person("author")),), reason=reason)
    elif kind == EditKind.SWAP:
        first = fields.person("swap_reviewer"), fields.person("swap_author")
        second = fields.person("other_reviewer"), fields.person("other_author")
        found = Edit(EditKind.SWAP, (first, second))
    elif kind == EditKind.LEAVE_OUT:
        found = Edit(EditKind.LEAVE_OUT, person=fields.person("person"), reason=reason)
    elif kind == EditKind.FREE:
        found = Edit(EditKind.FREE, ((UserId(form.get("reviewer", "")), UserId(form.get("author", ""))),))
    elif kind == EditKind.TAKE_IN:
        found = Edit(EditKind.TAKE_IN, person=UserId(form.get("person", "")))
    elif kind == EditKind.REPAIR:
        found = Edit(EditKind.REPAIR)
    else:
        fields.errors["do"] = _("Choose what shall be done.")
    return (None if fields.errors else found), fields.errors


def _first_field(edit: Edit) -> str:
    if edit.kind is EditKind.SWAP:
        return "swap_reviewer"
    return "reviewer" if edit.pairs else "person"


def _way_out(form: Mapping[str, str]) -> Callable[[PlanRules], PlanRules] | None:
    way = form.get("way", "")
    return (lambda rules: apply_way_out(rules, way) or rules) if way else None


def vocabulary() -> Vocabulary:
    """The words of the download in every language that the pages speak, so that any of them can come back."""
    columns = {key: list(names) for key, names in ENGLISH_COLUMNS.items()}
    kinds = {kind: list(names) for kind, names in ENGLISH_KINDS.items()}
    for locale in get_babel().instance.list_translations():
        with force_locale(locale):
            titles = {
                "change": _("Change"), "reviewer": _("Reviewer"), "reviewer_id": _("Reviewer id"),
                "author": _("Reviews the work of"), "author_id": _("Author id"), "review_id": _("Review id"),
            }  # fmt: skip
            for key, title in titles.items():
                columns[key].append(title)
            for kind in ChangeKind:
                kinds[kind].append(str(words.KINDS[kind]))
    return Vocabulary(columns, kinds)
