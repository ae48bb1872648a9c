"""Levels: how strong and other reviewers are mixed, and what tells who is strong."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from flask import Blueprint, Response, render_template, request, url_for
from flask_babel import force_locale, get_babel
from flask_babel import gettext as _
from pydantic import ValidationError

from lti_tool.planning.ids import AssignmentId
from lti_tool.planning.people_list import Directory
from lti_tool.planning.rules import PlanRules
from lti_tool.services.edit_words import cell_sentence, unmatched_sentence
from lti_tool.services.levels_table import (
    ENGLISH_COLUMNS,
    ENGLISH_STRONG,
    LevelsRead,
    LevelVocabulary,
    levels_of_entries,
    levels_of_table,
)
from lti_tool.services.people_table import PeopleVocabulary, directory_for, table_texts
from lti_tool.services.spreadsheet_reading import (
    MOST_BYTES,
    CellProblem,
    CellTrouble,
    TableUnusable,
    read_table,
)
from lti_tool.services.use_cases import UseCases
from lti_tool.web.answers import go_to
from lti_tool.web.limits import Kind, limited
from lti_tool.web.rules import verdict
from lti_tool.web.session import visit
from lti_tool.web.voice import Words

SAID = 50
"""At most so many rows that fit nobody are told at once."""


def levels_blueprint(services: UseCases) -> Blueprint:
    """Pages under ``/assignments/<id>/rules/levels``."""
    pages = Blueprint("levels", __name__, url_prefix="/assignments/<assignment_id>/rules/levels")

    def show(
        course_id: str,
        assignment_id: str,
        errors: dict[str, Words],
        problems: Sequence[tuple[int, str, Words]] = (),
        more: int = 0,
        clear: int = 0,
    ) -> tuple[str, int]:
        actor, assignment = visit().actor, AssignmentId(assignment_id)
        rules = services.planning.rules(actor, assignment)
        others = [one for one in services.reading.assignments(actor) if one.id != assignment]
        page = render_template(
            "levels.html",
            course_id=course_id,
            assignment_id=assignment_id,
            snapshot=services.reading.snapshot(actor, assignment),
            rules=rules,
            sources=others,
            columns=services.reading.level_columns(actor),
            typed=request.form,
            errors=errors,
            problems=problems,
            more=more,
            clear=clear,
            **verdict(services, actor, assignment, rules),
        )
        return page, 422 if errors else 200

    def here(course_id: str, assignment_id: str) -> str:
        return url_for("course.levels.levels", course_id=course_id, assignment_id=assignment_id)

    @pages.get("")
    def levels(course_id: str, assignment_id: str) -> tuple[str, int]:
        return show(course_id, assignment_id, {})

    @pages.post("")
    def choose(course_id: str, assignment_id: str) -> Response | tuple[str, int]:
        actor, assignment = visit().actor, AssignmentId(assignment_id)
        known = {one.id for one in services.reading.assignments(actor)} - {assignment}
        given = {
            "levels": request.form.get("levels", "off"),
            "levels_by": request.form.get("levels_by", "points"),
            "levels_from": [one for one in request.form.getlist("levels_from") if one in known],
            "strong_share": request.form.get("strong_share", "").strip() or "0",
        }
        try:
            PlanRules.model_validate(given)  # what is wrong with these fields by themselves
        except ValidationError as error:
            names = {str(one["loc"][0]) if one["loc"] else "levels_from" for one in error.errors()}
            return show(course_id, assignment_id, {name: _sentence(name) for name in names})
        services.planning.change_rules(
            actor, assignment, lambda rules: PlanRules.model_validate(rules.model_dump() | given)
        )
        return go_to(here(course_id, assignment_id))

    @pages.post("/file")
    @limited(Kind.IMPORT)
    def by_file(course_id: str, assignment_id: str) -> Response | tuple[str, int]:
        actor, assignment = visit().actor, AssignmentId(assignment_id)
        request.max_content_length = MOST_BYTES + 100_000
        sent, words = request.files.get("file"), level_vocabulary()
        content = b""
        if sent:
            content = sent.stream.read(MOST_BYTES + 1)
            sent.close()
        try:
            if not sent or not sent.filename:
                raise TableUnusable([CellProblem(CellTrouble.EMPTY)])
            table = read_table(content)
            snapshot = services.reading.snapshot(actor, assignment)
            naming = PeopleVocabulary(words.columns, {})
            directory = directory_for(
                snapshot, table_texts(table, naming), lambda: services.reading.contacts(actor)
            )
            found = levels_of_table(table, directory, words)
        except TableUnusable as unusable:
            said = [(one.row, one.column, cell_sentence(one)) for one in unusable.problems]
            errors: dict[str, Words] = {"file": _("The file cannot be used; nothing of it was.")}
            return show(course_id, assignment_id, errors, said, unusable.more)
        if not found.levels or (found.unmatched and not request.form.get("those_that_fit")):
            unclear = [(row, "", unmatched_sentence(match, directory)) for row, match in found.unmatched]
            errors = {"file": _("No row has a level.")}
            if unclear:
                errors = {"file": _("Some entries are unclear; nothing of it was used yet.")}
            more = max(0, len(unclear) - SAID)
            return show(course_id, assignment_id, errors, unclear[:SAID], more, len(found.levels))
        return take(course_id, assignment_id, found)

    @pages.post("/column")
    @limited(Kind.IMPORT)
    def by_column(course_id: str, assignment_id: str) -> Response | tuple[str, int]:
        actor, assignment = visit().actor, AssignmentId(assignment_id)
        column = request.form.get("column", "")
        if column not in services.reading.level_columns(actor):
            return show(course_id, assignment_id, {"column": _("Choose one of the columns.")})
        directory = Directory(services.reading.snapshot(actor, assignment).people)
        try:
            found = levels_of_entries(
                services.reading.level_entries(actor, column), directory, level_vocabulary()
            )
        except TableUnusable as unusable:
            said = [(one.row, one.column, cell_sentence(one)) for one in unusable.problems]
            errors: dict[str, Words] = {"column": _("The column cannot be used; nothing of it was.")}
            return show(course_id, assignment_id, errors, said, unusable.more)
        if not found.levels:
            return show(course_id, assignment_id, {"column": _("No row has a level.")})
        return take(course_id, assignment_id, found)

    def take(course_id: str, assignment_id: str, found: LevelsRead) -> Response:
        """Put the levels to the reading, and mix them."""
        actor, assignment = visit().actor, AssignmentId(assignment_id)
        services.reading.give_levels(actor, assignment, found.listed(datetime.now(UTC)))

        def by_list(rules: PlanRules) -> PlanRules:
            mixing = "strong" if rules.levels == "off" else rules.levels
            return rules.model_copy(update={"levels": mixing, "levels_by": "list"})

        services.planning.change_rules(actor, assignment, by_list)
        return go_to(here(course_id, assignment_id))

    @pages.post("/forget")
    def forget(course_id: str, assignment_id: str) -> Response:
        """Throw the list away; rules that asked for it look at no levels."""
        actor, assignment = visit().actor, AssignmentId(assignment_id)
        services.reading.give_levels(actor, assignment, None)

        def without_list(rules: PlanRules) -> PlanRules:
            if rules.levels_by != "list":
                return rules
            return rules.model_copy(update={"levels": "off", "levels_by": "points"})

        services.planning.change_rules(actor, assignment, without_list)
        return go_to(here(course_id, assignment_id))

    return pages


def _sentence(field: str) -> str:
    sentences: dict[str, str] = {
        "levels_from": _("Choose at least one assignment whose points tell the levels."),
        "strong_share": _("Write a whole number from 1 to 99."),
    }
    return sentences.get(field) or str(_("Choose one of the answers."))


def level_vocabulary() -> LevelVocabulary:
    """The words that a file may use in every language that the pages speak."""
    columns = {key: list(names) for key, names in ENGLISH_COLUMNS.items()}
    strong = {answer: list(names) for answer, names in ENGLISH_STRONG.items()}
    for locale in get_babel().instance.list_translations():
        with force_locale(locale):
            for key, title in (("id", _("Student id")), ("name", _("Student")), ("level", _("Level"))):
                columns[key].append(title)
            strong[True] += [_("strong"), _("yes")]
            strong[False] += [_("not strong"), _("no")]
    return LevelVocabulary(columns, strong)
