"""Rules: five questions with good defaults, and a sentence that says at once whether they can work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Blueprint, Response, jsonify, render_template, request, url_for
from flask_babel import gettext as _
from pydantic import ValidationError

from allocation import Infeasible
from lti_tool.planning.ids import AssignmentId
from lti_tool.planning.pool import INSTEAD, NOT_ACROSS, cross_listed
from lti_tool.planning.rule_changes import RulesChange, steps_between, with_choices
from lti_tool.planning.rules import PlanRules
from lti_tool.planning.snapshot import Section, Snapshot
from lti_tool.planning.ways_out import apply_way_out
from lti_tool.services.actor import Actor
from lti_tool.services.edit_words import offers
from lti_tool.services.errors import NobodyToAllocate, RulesUnfit
from lti_tool.services.planning import coverage
from lti_tool.services.shown import Feasibility, Kept
from lti_tool.services.use_cases import UseCases
from lti_tool.web import words
from lti_tool.web.answers import go_to
from lti_tool.web.limits import Kind, limited
from lti_tool.web.session import visit

PATIENCE_S = 1.5
"""A plan that is made within this is not worth a page."""


def rules_blueprint(services: UseCases) -> Blueprint:
    """Pages under ``/assignments/<id>/rules``."""
    pages = Blueprint("rules", __name__, url_prefix="/assignments/<assignment_id>/rules")

    def show(
        course_id: str,
        assignment_id: str,
        rules: PlanRules,
        errors: dict[str, str],
        status: int = 200,
        *,
        typed: Mapping[str, str] | None = None,
        answered: bool = False,
    ) -> tuple[str, int]:
        actor, assignment = visit().actor, AssignmentId(assignment_id)
        snapshot = services.reading.snapshot(actor, assignment)
        wrong_fields = errors.keys() - {"feasibility"}
        answer = {} if wrong_fields else verdict(services, actor, assignment, rules, request.form)
        saved = services.planning.saved_rules(actor, assignment)
        shown = version_of(request.form) if wrong_fields else None
        page = render_template(
            "rules.html",
            course_id=course_id,
            assignment_id=assignment_id,
            snapshot=snapshot,
            rules=rules,
            version=saved.version if shown is None else shown,
            typed=typed if typed is not None else (request.form if request.method == "POST" else {}),
            answered=answered,
            group_sets=group_sets(snapshot),
            sections=sections_of(snapshot),
            cross_listed=cross_listed(snapshot),
            pool=(NOT_ACROSS, INSTEAD),
            shares={f"{one.reviewers}.{one.authors}": one.reviews for one in rules.section_shares},
            completed=sum(review.completed for review in snapshot.reviews),
            errors=errors,
            **answer,
        )
        return page, status

    def save(
        actor: Actor, assignment: AssignmentId, chosen: PlanRules, besides: RulesChange | None = None
    ) -> PlanRules:
        """Keep the choices of the form, and a change ``besides``, over the version that the form shows.

        Raises:
            RulesChanged: somebody else has saved other choices meanwhile.
        """
        choose = with_choices(chosen)

        def change(current: PlanRules) -> PlanRules:
            return choose(current) if besides is None else besides(choose(current))

        return services.planning.change_rules(actor, assignment, change, over=version_of(request.form))

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
        chosen = save(actor, assignment, chosen)
        try:
            making = services.making.begin(actor, assignment, chosen, patience_s=PATIENCE_S)
        except (Infeasible, NobodyToAllocate, RulesUnfit):  # the rules are kept all the same
            return show(
                course_id, assignment_id, chosen, {"feasibility": _("These rules cannot work together.")}, 422
            )
        if making.plan is None:
            return go_to(url_for("course.making.making", course_id=course_id, assignment_id=assignment_id))
        return go_to(url_for("course.preview.preview", course_id=course_id, plan_id=making.plan))

    @pages.post("/way-out")
    def take_way_out(course_id: str, assignment_id: str) -> tuple[str, int]:
        """A way out that was offered, put upon what is typed in the form, and saved."""
        actor, assignment = visit().actor, AssignmentId(assignment_id)
        chosen, errors = read_rules(request.form, services.planning.rules(actor, assignment))
        if errors:
            return show(course_id, assignment_id, chosen, errors, 422)
        changed = apply_way_out(chosen, request.form.get("way", "")) or chosen
        changed = save(actor, assignment, changed, besides=steps_between(chosen, changed))
        return show(course_id, assignment_id, changed, {}, typed={}, answered=True)

    @pages.post("/save/<target>")
    def save_and_go(course_id: str, assignment_id: str, target: str) -> Response | tuple[str, int]:
        """Keep what is typed, and go to one of the pages beside this one."""
        actor, assignment = visit().actor, AssignmentId(assignment_id)
        saved = services.planning.rules(actor, assignment)
        chosen, errors = read_rules(request.form, saved)
        if errors:
            return show(course_id, assignment_id, saved, errors, 422)
        save(actor, assignment, chosen)
        endpoints = {
            "pairs": "course.pairs.pairs",
            "levels": "course.levels.levels",
            "sets": "course.rule_sets.sets",
            "people": "course.participants.people",
        }
        endpoint = endpoints.get(target, "course.rules.rules")
        return go_to(url_for(endpoint, course_id=course_id, assignment_id=assignment_id))

    @pages.post("/feasibility")
    def feasibility(course_id: str, assignment_id: str) -> Response:
        actor, assignment = visit().actor, AssignmentId(assignment_id)
        chosen, errors = read_rules(request.form, services.planning.rules(actor, assignment))
        answer = {} if errors else verdict(services, actor, assignment, chosen, request.form)
        page = render_template(
            "_feasibility.html", course_id=course_id, assignment_id=assignment_id, errors=errors, **answer
        )
        return jsonify(html=page)

    return pages


def verdict(
    services: UseCases,
    actor: Actor,
    assignment: AssignmentId,
    rules: PlanRules,
    form: Mapping[str, str] | None = None,
) -> dict[str, object]:
    """What ``_feasibility.html`` says about rules; with a form also what works keep if people drop out."""
    try:
        feasibility = services.planning.feasibility(actor, assignment, rules)
    except RulesUnfit as unfit:
        return {"unfit": unfit.words}
    except NobodyToAllocate as nobody:
        return {"too_few": nobody.words}
    return {
        "feasibility": feasibility,
        "kept": promised(feasibility, form or {}) if feasibility.works and form is not None else None,
        "obstacles": words.obstacles(feasibility),
        "ways_out": offers(feasibility.reasons, rules),
    }


def version_of(form: Mapping[str, str]) -> int | None:
    """The version of the saved rules that a form was made from; None where it does not say."""
    text = form.get("version", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


DROPPING = 10
"""Share of the reviewers, in per cent, for which the promise is told where none is asked about."""


def promised(found: Feasibility, form: Mapping[str, str]) -> Kept:
    """What works keep, for the numbers that are typed in the form."""
    fewest = min(found.received)
    at_least = _whole(form.get("keep", ""), 1, 50) or max(1, fewest - 1)
    return coverage(found, at_least, _whole(form.get("dropping", ""), 1, 99) or DROPPING)


def _whole(text: str, low: int, high: int) -> int | None:
    text = text.strip()
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= 2 else 0
    return number if low <= number <= high else None


@dataclass(frozen=True, slots=True)
class GroupSet:
    """One set of groups of the course. Canvas tells sets' names to few; the groups' names say which it is."""

    id: str
    groups: tuple[str, ...]


MOST_SECTIONS = 12
"""More sections than this make a table that nobody fills in."""


def sections_of(snapshot: Snapshot) -> list[Section]:
    """The sections of a matrix, by name; none where there is nothing to choose between."""
    used = {section for person in snapshot.people if person.reachable for section in person.sections}
    found = sorted((one for one in snapshot.sections if one.id in used), key=lambda one: (one.name, one.id))
    return found if 2 <= len(found) <= MOST_SECTIONS else []


def group_sets(snapshot: Snapshot) -> list[GroupSet]:
    """The sets to choose from: none in a group assignment, which has its own."""
    if snapshot.assignment.is_group_assignment:
        return []
    names: dict[str, list[str]] = {}
    for group in snapshot.groups:
        if group.set_id:
            names.setdefault(group.set_id, []).append(group.name)
    return [
        GroupSet(found, tuple(sorted(names[found])))
        for found in sorted(names, key=lambda one: (len(one), one))
    ]


def read_rules(form: Mapping[str, str], saved: PlanRules) -> tuple[PlanRules, dict[str, str]]:
    """The rules of a form on top of the saved ones, and a sentence for each field that cannot be used."""
    given: dict[str, object] = saved.model_dump()
    given.update(
        {
            name: form.get(name, "").strip()
            for name in ("reviews_per_reviewer", "sections", "own_group", "existing")
        }
    )
    for name in ("balance", "late_work", "mutual", "co_authors"):
        given[name] = form.get(name, getattr(saved, name))
    given["group_set"] = form.get("group_set", saved.group_set or "") or None
    if "shares" in form:
        given["section_shares"] = [
            {"reviewers": cell[1], "authors": cell[2], "reviews": text.strip()}
            for name, text in form.items()
            if len(cell := name.split(".")) == 3 and cell[0] == "share" and text.strip()
        ]
    given["seed"] = form.get("seed", "").strip() or None
    try:
        return PlanRules.model_validate(given), {}
    except ValidationError as error:
        wrong = [str(one["loc"][0]) if one["loc"] else "section_shares" for one in error.errors()]
        return saved, {name: _sentence(name) for name in wrong}


def _sentence(field: str) -> str:
    sentences: dict[str, str] = {
        "reviews_per_reviewer": _("Write a whole number from 1 to 50."),
        "section_shares": _("Write whole numbers, in each row together no more than each student gives."),
        "seed": _("Use at most 64 letters, digits or signs without spaces."),
    }
    return sentences.get(field) or str(_("Choose one of the answers."))
