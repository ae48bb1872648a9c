"""Levels as a table: a number for each student, or in words who is strong. Nothing of it is guessed.

Numbers are compared with each other, whatever their scale; words stand as they are. A file has one or the
other. Who is not in it, or has an empty cell, has no level.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from lti_tool.planning.ids import UserId
from lti_tool.planning.people_list import Directory, Match
from lti_tool.planning.snapshot import ListedLevels
from lti_tool.services.people_table import ENGLISH_PEOPLE, NAMING
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

ENGLISH_COLUMNS: Final[Mapping[str, Sequence[str]]] = {
    **{key: ENGLISH_PEOPLE[key] for key in NAMING},
    "level": ("Level", "Levels", "Strong", "Points", "Score"),
}
ENGLISH_STRONG: Final[Mapping[bool, Sequence[str]]] = {
    True: ("strong", "yes", "y", "true"),
    False: ("other", "not strong", "weak", "no", "n", "false"),
}


@dataclass(frozen=True, slots=True)
class LevelVocabulary:
    """The words that a file may use: headers, and for strong or not."""

    columns: Mapping[str, Sequence[str]]
    strong: Mapping[bool, Sequence[str]]


ENGLISH: Final = LevelVocabulary(ENGLISH_COLUMNS, ENGLISH_STRONG)


@dataclass(frozen=True, slots=True)
class LevelsRead:
    """What a file says, and the rows that fit nobody or several."""

    levels: tuple[tuple[UserId, float], ...]
    in_words: bool
    unmatched: tuple[tuple[int, Match], ...]

    def listed(self, at: datetime) -> ListedLevels:
        """As a reading keeps it."""
        return ListedLevels(at, self.levels, self.in_words)


def levels_of_table(table: Table, directory: Directory, vocabulary: LevelVocabulary = ENGLISH) -> LevelsRead:
    """Read a file.

    Raises:
        TableUnusable: with row and column of every cell that cannot be understood.
    """
    columns = Columns(table, {key: tuple(names) for key, names in vocabulary.columns.items()})
    if not any(key in columns for key in NAMING):
        raise TableUnusable([CellProblem(CellTrouble.COLUMN_MISSING, 1, vocabulary.columns["name"][0])])
    if "level" not in columns:
        raise TableUnusable([CellProblem(CellTrouble.COLUMN_MISSING, 1, vocabulary.columns["level"][0])])
    reader = _Reader(columns, directory, vocabulary)
    for row in table.rows:
        reader.read(row)
    if reader.problems:
        raise TableUnusable(reader.problems)
    return LevelsRead(tuple(sorted(reader.levels.items())), bool(reader.in_words), tuple(reader.unmatched))


def levels_of_entries(
    entries: Mapping[UserId, str], directory: Directory, vocabulary: LevelVocabulary = ENGLISH
) -> LevelsRead:
    """Read a column of the gradebook; students who are no longer there are left out.

    Raises:
        TableUnusable: with the student of every entry that cannot be understood, in place of a column.
    """
    known = {user: person for user in entries if (person := directory.with_id(user)) is not None}
    rows = tuple(Row(number, (user, entries[user])) for number, user in enumerate(known, 2))
    header = vocabulary.columns["id"][0], vocabulary.columns["level"][0]
    try:
        return levels_of_table(Table(header, rows), directory, vocabulary)
    except TableUnusable as unusable:
        names = [person.name for person in known.values()]
        told = [replace(one, row=0, column=names[one.row - 2]) for one in unusable.problems if one.row > 1]
        raise TableUnusable(told) from None


class _Reader:
    def __init__(self, columns: Columns, directory: Directory, vocabulary: LevelVocabulary) -> None:
        self._columns = columns
        self._directory = directory
        self._words = {
            word.casefold(): float(strong) for strong, words in vocabulary.strong.items() for word in words
        }
        self._rows: dict[UserId, int] = {}
        self.in_words: bool | None = None
        self.levels: dict[UserId, float] = {}
        self.unmatched: list[tuple[int, Match]] = []
        self.problems: list[CellProblem] = []

    def read(self, row: Row) -> None:
        level = self._level(row)
        match = self._match(row)
        if match is None or level is None:
            return
        if match.person is None:
            self.unmatched.append((row.number, match))
        elif match.person.id in self._rows:
            self._wrong(CellTrouble.TWICE, row, "name", "", str(self._rows[match.person.id]))
        else:
            self._rows[match.person.id] = row.number
            self.levels[match.person.id] = level

    def _match(self, row: Row) -> Match | None:
        """By the first cell that names exactly one; formulas are mistakes."""
        tried: Match | None = None
        for key in NAMING:
            raw = self._columns.cell(row, key)
            text = shown_text(raw)
            if not text:
                continue
            if key == "id":
                person = self._directory.with_id(text)
                tried = Match(text, () if person is None else (person,))
            else:
                tried = self._directory.find(text)
            if tried.person is not None:
                return tried
            if raw == text and is_formula(raw):
                self._wrong(CellTrouble.FORMULA, row, key, text)
                return None
        if tried is None:
            self._wrong(CellTrouble.NOBODY, row, "name", "")
        return tried

    def _level(self, row: Row) -> float | None:
        text = shown_text(self._columns.cell(row, "level"))
        if not text:
            return None
        in_words = text.casefold() in self._words
        value = self._words[text.casefold()] if in_words else _number(text)
        if value is None or (self.in_words is not None and in_words is not self.in_words):
            self._wrong(CellTrouble.NOT_A_LEVEL, row, "level", text)
            return None
        self.in_words = in_words
        return value

    def _wrong(self, trouble: CellTrouble, row: Row, key: str, value: str, also: str = "") -> None:
        titles = self._columns.title
        column = titles.get(key) or next((titles[one] for one in NAMING if one in titles), key)
        self.problems.append(CellProblem(trouble, row.number, column, value[:80], also))


def _number(text: str) -> float | None:
    """A number with a decimal point or comma, of at most 15 characters; a per cent sign may follow."""
    bare = text.removesuffix("%").strip().replace(",", ".")
    if len(bare) > 15 or not bare.isascii() or bare.lower() in ("nan", "inf", "-inf", "infinity"):
        return None
    try:
        value = float(bare)
    except ValueError:
        return None
    return value if math.isfinite(value) and "_" not in bare else None
