"""Pairs: those that must be, those that must not, and those of earlier assignments."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, Response, render_template, request, url_for
from flask_babel import gettext as _
from pydantic import ValidationError

from lti_tool.planning.edits import Edit, EditKind, edited_rules, with_pairs
from lti_tool.planning.history import wanted_assignments
from lti_tool.planning.ids import AssignmentId, UserId
from lti_tool.planning.pair_list import PairLine, pair_lines
from lti_tool.planning.people_list import Directory
from lti_tool.planning.rules import PlanRules
from lti_tool.planning.snapshot import Snapshot
from lti_tool.services.edit_words import unmatched_sentence
from lti_tool.services.errors import RulesUnfit
from lti_tool.services.use_cases import UseCases
from lti_tool.web.answers import go_to
from lti_tool.web.people_fields import PeopleFields, suggestions
from lti_tool.web.rules import verdict
from lti_tool.web.session import visit
from lti_tool.web.voice import Words, say_plainly

LONGEST_REASON = 500
SAID = 20
"""At most so many unclear lines are told at once."""


def pairs_blueprint(services: UseCases) -> Blueprint:
    """Pages under ``/assignments/<id>/rules/pairs``."""
    pages = Blueprint("pairs", __name__, url_prefix="/assignments/<assignment_id>/rules/pairs")

    def show(
        course_id: str,
        assignment_id: str,
        errors: Mapping[str, Words],
        status: int = 200,
        unclear: list[str] | None = None,
    ) -> tuple[str, int]:
        actor, assignment = visit().actor, AssignmentId(assignment_id)
        rules = services.planning.rules(actor, assignment)
        snapshot = services.reading.snapshot(actor, assignment)
        others = [one for one in services.reading.assignments(actor) if one.id != assignment]
        page = render_template(
            "pairs.html",
            course_id=course_id,
            assignment_id=assignment_id,
            snapshot=snapshot,
            rules=rules,
            names={one.id: one.name for one in snapshot.people},
            idle=idle_pairs(snapshot, rules),
            people=suggestions(snapshot.people),
            others=[one for one in others if one.peer_reviews or one.id in wanted_assignments(rules)],
            gone=[one for one in wanted_assignments(rules) if one not in {other.id for other in others}],
            typed=request.form,
            errors=errors,
            unclear=unclear or [],
            **verdict(services, actor, assignment, rules),
        )
        return page, status

    def here(course_id: str, assignment_id: str, part: str) -> str:
        return url_for("course.pairs.pairs", course_id=course_id, assignment_id=assignment_id, _anchor=part)

    @pages.get("")
    def pairs(course_id: str, assignment_id: str) -> tuple[str, int]:
        return show(course_id, assignment_id, {})

    @pages.post("/one")
    def add_one(course_id: str, assignment_id: str) -> Response | tuple[str, int]:
        actor, assignment = visit().actor, AssignmentId(assignment_id)
        fields = PeopleFields(services.reading.snapshot(actor, assignment), request.form)
        kind = EditKind.PIN if request.form.get("do") == "pin" else EditKind.FORBID
        pair = fields.person("reviewer"), fields.person("author")
        reason = request.form.get("reason", "").strip()
        if not fields.errors and pair[0] == pair[1]:
            fields.errors["author"] = _("Nobody reviews the own work. Write somebody else.")
        if len(reason) > LONGEST_REASON:
            fields.errors["reason"] = _("Use at most %(n)s characters for the reason.", n=LONGEST_REASON)
        if fields.errors:
            return show(course_id, assignment_id, fields.errors, 422)
        edit = Edit(kind, (pair,), reason=reason)
        services.planning.change_rules(actor, assignment, lambda rules: edited_rules(rules, edit))
        return go_to(here(course_id, assignment_id, "held"))

    @pages.post("/list")
    def add_list(course_id: str, assignment_id: str) -> Response | tuple[str, int]:
        actor, assignment = visit().actor, AssignmentId(assignment_id)
        directory = Directory(services.reading.snapshot(actor, assignment).people)
        lines = pair_lines(request.form.get("list", ""), directory)
        wrong = [line for line in lines if line.pair is None]
        if not lines or (wrong and not request.form.get("those_that_fit")):
            sentence = _("Write one pair a line.") if not lines else _("Nothing was added yet.")
            unclear = [unclear_line(line, directory) for line in wrong[:SAID]]
            return show(course_id, assignment_id, {"list": sentence}, 422, unclear)
        kind = EditKind.PIN if request.form.get("do") == "pin" else EditKind.FORBID
        reasons = {line.pair: line.reason[:LONGEST_REASON] for line in lines if line.pair is not None}
        services.planning.change_rules(actor, assignment, lambda rules: with_pairs(rules, kind, reasons))
        return go_to(here(course_id, assignment_id, "held"))

    @pages.post("/free")
    def free(course_id: str, assignment_id: str) -> Response:
        actor, assignment = visit().actor, AssignmentId(assignment_id)
        pair = UserId(request.form.get("reviewer", "")), UserId(request.form.get("author", ""))
        edit = Edit(EditKind.FREE, (pair,))
        services.planning.change_rules(actor, assignment, lambda rules: edited_rules(rules, edit))
        return go_to(here(course_id, assignment_id, "held"))

    @pages.post("/earlier")
    def choose_earlier(course_id: str, assignment_id: str) -> Response | tuple[str, int]:
        actor, assignment = visit().actor, AssignmentId(assignment_id)
        known = {one.id for one in services.reading.assignments(actor)} - {assignment}
        changes = {
            "earlier": tuple(one for one in request.form.getlist("earlier") if one in known),
            "repeats": "forbid" if request.form.get("repeats") == "forbid" else "avoid",
            "returns": request.form.get("returns", "allowed"),
        }
        return keep(course_id, assignment_id, changes, "earlier")

    @pages.post("/same")
    def choose_same(course_id: str, assignment_id: str) -> Response | tuple[str, int]:
        actor, assignment = visit().actor, AssignmentId(assignment_id)
        known = {one.id for one in services.reading.assignments(actor)} - {assignment}
        chosen = request.form.get("same_pairs_as", "")
        kind = "fix" if request.form.get("same_pairs") == "fix" else "wish"
        changes = {"same_pairs_as": chosen if chosen in known else None, "same_pairs": kind}
        return keep(course_id, assignment_id, changes, "same_pairs_as")

    def keep(
        course_id: str, assignment_id: str, changes: Mapping[str, object], part: str
    ) -> Response | tuple[str, int]:
        """Save the rules with these changes, or say what contradicts itself."""
        actor, assignment = visit().actor, AssignmentId(assignment_id)
        try:
            services.planning.change_rules(
                actor,
                assignment,
                lambda rules: PlanRules.model_validate({**rules.model_dump(), **changes}),
            )
        except (ValidationError, RulesUnfit):
            said = _("The pairs of one assignment cannot both be the same and not come again.")
            return show(course_id, assignment_id, {part: said}, 422)
        return go_to(here(course_id, assignment_id, part))

    return pages


def unclear_line(line: PairLine, directory: Directory) -> str:
    """What is wrong with a line of a list, with its number."""
    if line.author is None:
        why = _("Write the reviewer, then > and the author.")
    elif line.reviewer.person is None:
        why = say_plainly(unmatched_sentence(line.reviewer, directory))
    elif line.author.person is None:
        why = say_plainly(unmatched_sentence(line.author, directory))
    else:
        why = _("Nobody reviews the own work.")
    return str(_("Line %(n)s: %(why)s", n=line.number, why=why))


def idle_pairs(snapshot: Snapshot, rules: PlanRules) -> set[tuple[str, str]]:
    """Pairs of the rules that have no effect, since one of the two takes no part."""
    handed_in = {work.author for work in snapshot.works if work.submitted}
    reachable = {person.id for person in snapshot.people if person.reachable} - rules.excluded
    return {
        pair.who
        for pair in (*rules.fixed, *rules.forbidden)
        if pair.reviewer not in reachable or pair.author not in reachable & handed_in
    }
