"""Reads a table that somebody edited in a spreadsheet: CSV of any program, or a file that is none.

UTF-8 and UTF-16 with or without a byte order mark, or Windows' own code page; comma, semicolon or tab.
Nothing is guessed about the content: what cannot be read says in which row and column. Bounded in bytes,
rows, columns and letters a cell, so that no file keeps the server busy.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from lti_tool.services.spreadsheet import STARTERS

MOST_BYTES = 4_000_000
MOST_ROWS = 50_000
MOST_COLUMNS = 60
MOST_LETTERS = 2_000
MOST_PROBLEMS = 50
"""At most so many mistakes are told at once."""


class CellTrouble(StrEnum):
    """What is wrong with a file, a row or a cell."""

    EMPTY = "empty"
    TOO_LARGE = "too_large"
    TOO_MANY_ROWS = "too_many_rows"
    TOO_WIDE = "too_wide"
    CELL_TOO_LONG = "cell_too_long"
    NOT_TEXT = "not_text"
    NOT_CSV = "not_csv"
    COLUMN_MISSING = "column_missing"
    COLUMN_TWICE = "column_twice"
    ROW_TOO_LONG = "row_too_long"
    CUT_OFF = "cut_off"
    FORMULA = "formula"
    MANGLED_ID = "mangled_id"
    UNKNOWN_PERSON = "unknown_person"
    SEVERAL_PEOPLE = "several_people"
    NAME_AND_ID_DIFFER = "name_and_id_differ"
    NOBODY = "nobody"
    OWN_WORK = "own_work"
    TAKES_NO_PART = "takes_no_part"
    TWICE = "twice"
    NOT_A_NUMBER = "not_a_number"
    NOT_A_LEVEL = "not_a_level"
    NOT_YES_OR_NO = "not_yes_or_no"
    REASON_TOO_LONG = "reason_too_long"


@dataclass(frozen=True, slots=True)
class CellProblem:
    """One mistake. ``row`` counts as a spreadsheet does, the header is row 1; 0 is the whole file.

    ``value`` is what stands there (shortened), ``also`` what it is compared with: a row, a name, a number.
    """

    trouble: CellTrouble
    row: int = 0
    column: str = ""
    value: str = ""
    also: str = ""


class TableUnusable(Exception):
    """The file cannot be used; nothing of it was."""

    def __init__(self, problems: Sequence[CellProblem]) -> None:
        self.problems = tuple(problems[:MOST_PROBLEMS])
        self.more = max(0, len(problems) - MOST_PROBLEMS)
        super().__init__(f"{len(problems)} problems")


@dataclass(frozen=True, slots=True)
class Row:
    """One row; ``number`` as the spreadsheet shows it, ``cells`` by the header's texts."""

    number: int
    cells: Sequence[str]


@dataclass(frozen=True, slots=True)
class Table:
    """Header and rows. Empty rows are left out; every row has as many cells as the header."""

    header: tuple[str, ...]
    rows: tuple[Row, ...]


def read_table(content: bytes) -> Table:
    """Parse a file.

    Raises:
        TableUnusable: it is too large, no text, or no table.
    """
    if len(content) > MOST_BYTES:
        raise _whole(CellTrouble.TOO_LARGE, str(MOST_BYTES // 1_000_000))
    text = _decoded(content)
    if not text.strip():
        raise _whole(CellTrouble.EMPTY)
    lines = _records(text)
    first = next(lines, None)
    if first is None:
        raise _whole(CellTrouble.EMPTY)
    header = tuple(shown_text(cell) for cell in first[1])
    if len(header) > MOST_COLUMNS:
        raise _whole(CellTrouble.TOO_WIDE, str(MOST_COLUMNS))
    rows: list[Row] = []
    problems: list[CellProblem] = []
    short: list[int] = []
    for number, cells in lines:
        if not any(cell.strip() for cell in cells):
            continue
        if len(rows) >= MOST_ROWS:
            raise _whole(CellTrouble.TOO_MANY_ROWS, str(MOST_ROWS))
        if any(cell.strip() for cell in cells[len(header) :]):
            problems.append(CellProblem(CellTrouble.ROW_TOO_LONG, number, also=str(len(header))))
        for name, cell in zip(header, cells, strict=False):
            if len(cell) > MOST_LETTERS:
                problems.append(CellProblem(CellTrouble.CELL_TOO_LONG, number, name, also=str(MOST_LETTERS)))
        if len(cells) < len(header):
            short.append(number)
        padded = [*cells, *[""] * len(header)][: len(header)]
        rows.append(Row(number, [cell.strip() for cell in padded]))
    if len(rows) > 1 and short == [rows[-1].number] and not text.endswith(("\n", "\r")):
        # Programs write every row with the same cells; only an incomplete download ends like this.
        problems.append(CellProblem(CellTrouble.CUT_OFF, rows[-1].number))
    if problems:
        raise TableUnusable(problems)
    return Table(header, tuple(rows))


def shown_text(cell: str) -> str:
    """The text that a cell stands for: without the apostrophe that keeps it from being a formula."""
    bare = cell.strip()
    if bare[:1] == "'" and len(bare) > 1:
        return bare[1:]
    return bare


def is_formula(cell: str) -> bool:
    """Whether a spreadsheet would calculate this cell."""
    return cell[:1] in STARTERS and not cell.lstrip("+-").replace(".", "", 1).isdigit()


def _decoded(content: bytes) -> str:
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if content.startswith(mark):
            return _checked(content, (encoding,))
    nulls = content[:200].count(0)
    if nulls * 3 > len(content[:200]) > 1:  # UTF-16 without a mark: every other byte of Latin text is zero
        return _checked(content, ("utf-16-le" if content[1] == 0 else "utf-16-be",))
    return _checked(content, ("utf-8", "cp1252"))


def _checked(content: bytes, encodings: Sequence[str]) -> str:
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        row = next((at + 1 for at, line in enumerate(text.split("\n")) if _has_controls(line)), None)
        if row is not None:
            raise TableUnusable([CellProblem(CellTrouble.NOT_TEXT, row)])
        return text
    raise _whole(CellTrouble.NOT_TEXT)


_CONTROLS = frozenset(map(chr, range(32))) - frozenset("\t\r\n")


def _has_controls(line: str) -> bool:
    return not _CONTROLS.isdisjoint(line)


def _records(text: str) -> Iterator[tuple[int, list[str]]]:
    """Records with the number of the row; the separator is the one that the first line has most of."""
    lines = text.splitlines(keepends=True)
    first = next(line for line in lines if line.strip())
    start = 0
    separator = max(",;\t", key=first.count)
    if first.lower().startswith("sep=") and len(first.strip()) == 5:  # Excel's own hint, not a row of data
        separator, start = first.strip()[4], 1
    body = text if not start else "".join(lines[lines.index(first) + 1 :])
    reader = csv.reader(io.StringIO(body, newline=""), delimiter=separator, strict=True)
    number = start
    try:
        for cells in reader:
            number += 1
            if number == start + 1 and not any(cell.strip() for cell in cells):
                start += 1
                continue
            yield number, cells
    except csv.Error:
        raise TableUnusable([CellProblem(CellTrouble.NOT_CSV, number + 1)]) from None


def _whole(trouble: CellTrouble, also: str = "") -> TableUnusable:
    return TableUnusable([CellProblem(trouble, also=also)])


class Columns:
    """Finds the columns of a table by any of their names.

    Args:
        names: key of a column -> the headers that mean it, in any case.
    """

    def __init__(self, table: Table, names: dict[str, Sequence[str]]) -> None:
        self._place: dict[str, int] = {}
        self.title: dict[str, str] = {}
        known = {_folded(text): key for key, texts in names.items() for text in texts}
        for place, text in enumerate(table.header):
            key = known.get(_folded(text))
            if key is None:
                continue
            if key in self._place:
                raise TableUnusable([CellProblem(CellTrouble.COLUMN_TWICE, 1, text)])
            self._place[key], self.title[key] = place, text

    def __contains__(self, key: str) -> bool:
        return key in self._place

    def cell(self, row: Row, key: str) -> str:
        """The cell of a column, as it stands; empty where the table has no such column."""
        return row.cells[self._place[key]] if key in self._place else ""


def _folded(text: str) -> str:
    return " ".join(shown_text(text).replace("_", " ").casefold().split())
