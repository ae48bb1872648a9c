"""CSV that a spreadsheet opens as text and never as formulas.

UTF-8 with a byte order mark (Excel reads other UTF-8 as its own code page), RFC 4180 quoting. Text that a
spreadsheet could take for a formula gets a leading apostrophe, also when the sign hides behind spaces or
quotes or is a full-width form; whole numbers given as ``int`` stay numbers.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from lti_tool.planning.unicode_forms import normal_form

Cell = str | int | None

STARTERS = frozenset("=+-@\t\r\n|%")
_HIDING = " \"'\u00a0\u200b\u2060\ufeff"


def safe_cell(cell: Cell) -> str:
    """The text of one cell, defused; control and direction characters are made visible."""
    if cell is None:
        return ""
    if isinstance(cell, int):
        return str(cell)
    if cell[:1] in STARTERS or _starts_a_formula(cell):
        return "'" + _visible(cell)
    return _visible(cell)


def _starts_a_formula(text: str) -> bool:
    bare = normal_form("NFKC", text).lstrip(_HIDING + "".join(_INVISIBLE))
    return bare[:1] in STARTERS


_INVISIBLE = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u061c")


def _visible(text: str) -> str:
    return "".join(
        f"<U+{ord(char):04X}>" if char in _INVISIBLE or (ord(char) < 32 and char not in "\t\r\n") else char
        for char in text
    )


def csv_bytes(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """The whole file."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([safe_cell(name) for name in header])
    for row in rows:
        writer.writerow([safe_cell(cell) for cell in row])
    return b"\xef\xbb\xbf" + text.getvalue().encode("utf-8", errors="replace")
