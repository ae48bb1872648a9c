"""A plan as a table and back: what the download has, and which pairs an edited file asks for.

Rows that say *create* or *keep* (or nothing) are pairs that shall be; rows that say *delete* or *blocked* are
not. A person is known by the id, and by the name where the id is missing or was turned into a number by the
spreadsheet. A name that contradicts the id is a mistake, never a guess.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lti_tool.planning.edits import PersonPair
from lti_tool.planning.engine_input import EngineInput, engine_pairs
from lti_tool.planning.explain import REASON_WORDS
from lti_tool.planning.ids import UserId
from lti_tool.planning.people_list import Directory
from lti_tool.planning.plan import ChangeKind, Plan
from lti_tool.planning.snapshot import Person, Snapshot
from lti_tool.services.spreadsheet import Cell, safe_cell
from lti_tool.services.spreadsheet_reading import (
    CellProblem,
    CellTrouble,
    Columns,
    Row,
    Table,
    TableUnusable,
    is_formula,
    shown_text,
)

ENGLISH_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "change": ("Change",),
    "reviewer": ("Reviewer",),
    "reviewer_id": ("Reviewer id", "reviewer_id"),
    "author": ("Reviews the work of", "Author"),
    "author_id": ("Author id", "author_id"),
    "review_id": ("Review id", "review_id"),
}
"""Names of the columns that mean something; a file may have others, and any order."""

ENGLISH_HEADER = (
    "Change", "Reviewer", "Reviewer id", "Reviews the work of", "Author id", "Submission id", "Why",
    "Review id",
)  # fmt: skip

ENGLISH_KINDS: Mapping[ChangeKind, tuple[str, ...]] = {
    kind: (kind.value, kind.value.capitalize()) for kind in ChangeKind
}

_MANGLED = re.compile(r"^\d([.,]\d+)?E\+?\d+$", re.IGNORECASE)
"""What spreadsheets make of long ids: 1.04E+16."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words that a file may use, in every language that the download is offered in."""

    columns: Mapping[str, Sequence[str]]
    kinds: Mapping[ChangeKind, Sequence[str]]


ENGLISH = Vocabulary(ENGLISH_COLUMNS, ENGLISH_KINDS)


@dataclass(frozen=True, slots=True)
class ImportedPairs:
    """The pairs that a file asks for, and the row of each."""

    rows: Mapping[PersonPair, int]


def pairs_of_table(
    table: Table, snapshot: Snapshot, given: EngineInput, vocabulary: Vocabulary = ENGLISH
) -> ImportedPairs:
    """Read the pairs that shall be.

    Raises:
        TableUnusable: with row and column of every mistake.
    """
    columns = Columns(table, {key: tuple(names) for key, names in vocabulary.columns.items()})
    missing = [
        names[0]
        for key, names in ENGLISH_COLUMNS.items()
        if key in ("reviewer", "author") and key not in columns and f"{key}_id" not in columns
    ]
    if missing:
        raise TableUnusable([CellProblem(CellTrouble.COLUMN_MISSING, 1, name) for name in missing])
    return _Reader(columns, snapshot, given, vocabulary).read(table)


class _Reader:
    def __init__(
        self, columns: Columns, snapshot: Snapshot, given: EngineInput, vocabulary: Vocabulary
    ) -> None:
        self._columns = columns
        self._given = given
        self._directory = Directory(snapshot.people)
        self._there = {(review.assessor, review.assessee) for review in snapshot.reviews}
        self._not_wanted = {
            word.casefold()
            for kind in (ChangeKind.DELETE, ChangeKind.BLOCKED)
            for word in vocabulary.kinds[kind]
        }
        self._problems: list[CellProblem] = []
        self._rows: dict[PersonPair, int] = {}
        self._reviews: dict[PersonPair, str] = {}

    def read(self, table: Table) -> ImportedPairs:
        for row in table.rows:
            if shown_text(self._columns.cell(row, "change")).casefold() in self._not_wanted:
                continue
            pair = self._pair(row)
            if pair is not None:
                self._add(row, pair)
        if self._problems:
            raise TableUnusable(self._problems)
        return ImportedPairs(self._rows)

    def _pair(self, row: Row) -> PersonPair | None:
        """The two people; ids of reviews that exist are taken as they are, though one of them be unseen."""
        ids = tuple(UserId(shown_text(self._columns.cell(row, key))) for key in ("reviewer_id", "author_id"))
        if (ids[0], ids[1]) in self._there:
            return ids[0], ids[1]
        reviewer, author = self._person(row, "reviewer"), self._person(row, "author")
        return (reviewer.id, author.id) if reviewer and author else None

    def _person(self, row: Row, role: str) -> Person | None:
        id_key = f"{role}_id"
        raw_id, raw_name = self._columns.cell(row, id_key), self._columns.cell(row, role)
        user, name = shown_text(raw_id), shown_text(raw_name)
        by_name = self._directory.find(name).people if name else ()
        if user and is_formula(raw_id):
            return self._wrong(CellTrouble.FORMULA, row, id_key, user)
        if user and not _MANGLED.match(user):
            person = self._directory.with_id(user)
            if person is None:
                return self._wrong(CellTrouble.UNKNOWN_PERSON, row, id_key, user)
            if name and person not in by_name and shown_text(safe_cell(person.name)) != name:
                return self._wrong(CellTrouble.NAME_AND_ID_DIFFER, row, role, name, person.name)
            return person
        if not name:
            trouble = CellTrouble.MANGLED_ID if user else CellTrouble.NOBODY
            return self._wrong(trouble, row, id_key if id_key in self._columns else role, user)
        if len(by_name) == 1:
            return by_name[0]
        if not by_name and raw_name == name and is_formula(raw_name):
            return self._wrong(CellTrouble.FORMULA, row, role, name)
        several = CellTrouble.SEVERAL_PEOPLE if by_name else CellTrouble.UNKNOWN_PERSON
        return self._wrong(several, row, role, name, str(len(by_name)))

    def _add(self, row: Row, pair: PersonPair) -> None:
        reviewer, author = pair
        review = shown_text(self._columns.cell(row, "review_id"))
        if pair in self._rows:
            if not review or review == self._reviews[pair]:  # two rows of one pair that Canvas has twice pass
                self._wrong(CellTrouble.TWICE, row, "reviewer", "", str(self._rows[pair]))
            return
        if pair not in self._there:
            if reviewer == author:
                self._wrong(CellTrouble.OWN_WORK, row, "author", self._columns.cell(row, "author"))
            elif not engine_pairs(self._given, [pair]):
                self._no_part(row, pair)
        self._rows[pair], self._reviews[pair] = row.number, review

    def _no_part(self, row: Row, pair: PersonPair) -> None:
        reviewers = {person.id for person in self._given.taking_part.reviewers}
        role = "author" if pair[0] in reviewers else "reviewer"
        name = self._columns.cell(row, role) or self._columns.cell(row, f"{role}_id")
        group = pair[0] in reviewers and pair[1] not in self._given.taking_part.left_out
        self._wrong(CellTrouble.OWN_WORK if group else CellTrouble.TAKES_NO_PART, row, role, shown_text(name))

    def _wrong(self, trouble: CellTrouble, row: Row, key: str, value: str, also: str = "") -> Person | None:
        """Note a mistake; gives nobody."""
        column = self._columns.title.get(key) or self._columns.title.get(f"{key}_id", key)
        self._problems.append(CellProblem(trouble, row.number, column, value[:80], also))
        return None


def plan_rows(plan: Plan, snapshot: Snapshot) -> tuple[list[str], list[list[Cell]]]:
    """Header and rows of a plan's download in English; the pages have their own with the reader's words."""
    people = snapshot.people_by_id

    def name(user: UserId) -> str:
        return people[user].name if user in people else user

    rows: list[list[Cell]] = [
        [
            line.kind.capitalize(), name(line.reviewer), line.reviewer, name(line.author), line.author,
            line.submission, REASON_WORDS[line.reason], line.review_id,
        ]
        for line in plan.changes
    ]  # fmt: skip
    return list(ENGLISH_HEADER), rows
