"""Many students at once: left out by a pasted list, or everything by a file from a spreadsheet."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, Response, render_template, request, url_for
from flask_babel import force_locale, get_babel
from flask_babel import gettext as _

from lti_tool.planning.ids import AssignmentId, UserId
from lti_tool.planning.name_order import name_order
from lti_tool.planning.people_list import Directory, entries
from lti_tool.services.edit_words import cell_sentence, unmatched_sentence
from lti_tool.services.people_table import (
    ENGLISH_ANSWERS,
    ENGLISH_PEOPLE,
    LONGEST_REASON,
    PeopleVocabulary,
    Read,
    Wish,
    directory_for,
    people_rows,
    table_texts,
    wishes_of_list,
    wishes_of_table,
    with_wishes,
)
from lti_tool.services.spreadsheet_reading import (
    MOST_BYTES,
    CellProblem,
    CellTrouble,
    TableUnusable,
    read_table,
)
from lti_tool.services.use_cases import UseCases
from lti_tool.web.answers import csv_file, go_to
from lti_tool.web.limits import Kind, limited
from lti_tool.web.people_fields import extra_sentence, is_extra
from lti_tool.web.session import visit
from lti_tool.web.voice import Words

Answer = Response | tuple[str, int]
SAID = 50
"""At most so many entries that fit nobody are told at once."""


def many_people_blueprint(services: UseCases) -> Blueprint:
    """Pages under ``/assignments/<id>/people/many``."""
    pages = Blueprint("many_people", __name__, url_prefix="/assignments/<assignment_id>/people/many")

    def show(
        course_id: str,
        assignment_id: str,
        errors: dict[str, Words],
        problems: Sequence[tuple[int, str, Words]] = (),
        more: int = 0,
        clear: int = 0,
    ) -> tuple[str, int]:
        actor, assignment = visit().actor, AssignmentId(assignment_id)
        page = render_template(
            "many_people.html",
            course_id=course_id,
            assignment_id=assignment_id,
            snapshot=services.reading.snapshot(actor, assignment),
            typed=request.form,
            errors=errors,
            problems=problems,
            more=more,
            clear=clear,
        )
        return page, 422 if errors else 200

    def take(course_id: str, assignment_id: str, found: Read, directory: Directory, field: str) -> Answer:
        """Grant the wishes; while some entries are unclear only if that was asked for."""
        actor, assignment = visit().actor, AssignmentId(assignment_id)
        if not found.wishes or (found.unmatched and not request.form.get("those_that_fit")):
            said = [(row, "", unmatched_sentence(match, directory)) for row, match in found.unmatched[:SAID]]
            errors: dict[str, Words] = {field: _("Nobody is named here.")}
            if found.unmatched:
                errors = {field: _("Some entries are unclear; nothing of it was used yet.")}
            more = max(0, len(found.unmatched) - SAID)
            return show(course_id, assignment_id, errors, said, more, len(found.wishes))
        services.planning.change_rules(actor, assignment, lambda rules: with_wishes(rules, found.wishes))
        here = url_for("course.participants.people", course_id=course_id, assignment_id=assignment_id)
        named = any(wish.spare or wish.extra for wish in found.wishes)
        return go_to(f"{here}#{'stand-in' if named else 'left-out'}")

    @pages.get("")
    def many(course_id: str, assignment_id: str) -> tuple[str, int]:
        return show(course_id, assignment_id, {})

    @pages.post("/list")
    def by_list(course_id: str, assignment_id: str) -> Answer:
        actor = visit().actor
        reason = request.form.get("reason", "").strip()
        if len(reason) > LONGEST_REASON:
            sentence = _("Use at most %(n)s characters for the reason.", n=LONGEST_REASON)
            return show(course_id, assignment_id, {"reason": sentence})
        role, text = request.form.get("role", "leave_out"), request.form.get("up_to", "").strip() or "1"
        if role == "volunteer" and (not is_extra(text)):
            return show(course_id, assignment_id, {"up_to": extra_sentence()})
        lines = entries(request.form.get("list", ""))
        snapshot = services.reading.snapshot(actor, AssignmentId(assignment_id))
        directory = directory_for(snapshot, lines, lambda: services.reading.contacts(actor))

        def wish(user: UserId) -> Wish:
            if role == "spare":
                return Wish(user, spare=True)
            if role == "volunteer":
                return Wish(user, extra=int(text))
            return Wish(user, left_out=True, reason=reason)

        return take(course_id, assignment_id, wishes_of_list(lines, directory, wish), directory, "list")

    @pages.post("/file")
    @limited(Kind.IMPORT)
    def by_file(course_id: str, assignment_id: str) -> Answer:
        actor = visit().actor
        request.max_content_length = MOST_BYTES + 100_000
        sent, words = request.files.get("file"), people_vocabulary()
        content = b""
        if sent:
            content = sent.stream.read(MOST_BYTES + 1)
            sent.close()
        try:
            if not sent or not sent.filename:
                raise TableUnusable([CellProblem(CellTrouble.EMPTY)])
            table = read_table(content)
            snapshot = services.reading.snapshot(actor, AssignmentId(assignment_id))
            directory = directory_for(
                snapshot, table_texts(table, words), lambda: services.reading.contacts(actor)
            )
            found = wishes_of_table(table, directory, words)
        except TableUnusable as unusable:
            said = [(one.row, one.column, cell_sentence(one)) for one in unusable.problems]
            errors: dict[str, Words] = {"file": _("The file cannot be used; nothing of it was.")}
            return show(course_id, assignment_id, errors, said, unusable.more)
        return take(course_id, assignment_id, found, directory, "file")

    @pages.get("/people.csv")
    def download(course_id: str, assignment_id: str) -> Response:  # noqa: ARG001 - the address has it
        actor, assignment = visit().actor, AssignmentId(assignment_id)
        people = services.reading.snapshot(actor, assignment).people
        in_order = sorted(people, key=lambda one: (name_order(one.sortable_name), one.id))
        rows = people_rows(in_order, services.planning.rules(actor, assignment), _("yes"), _("no"))
        header = [
            _("Student id"),
            _("Student"),
            _("Takes part"),
            _("Gives"),
            _("Spare"),
            _("Extra"),
            _("Reason"),
        ]
        return csv_file("people.csv", header, rows)

    return pages


def people_vocabulary() -> PeopleVocabulary:
    """The words of the download in every language that the pages speak."""
    columns = {key: list(names) for key, names in ENGLISH_PEOPLE.items()}
    answers = {answer: list(names) for answer, names in ENGLISH_ANSWERS.items()}
    for locale in get_babel().instance.list_translations():
        with force_locale(locale):
            titles = {
                "id": _("Student id"), "name": _("Student"), "takes_part": _("Takes part"),
                "gives": _("Gives"), "spare": _("Spare"), "extra": _("Extra"), "reason": _("Reason"),
            }  # fmt: skip
            for key, title in titles.items():
                columns[key].append(title)
            answers[True].append(_("yes"))
            answers[False].append(_("no"))
    return PeopleVocabulary(columns, answers)
