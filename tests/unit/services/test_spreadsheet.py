"""Cells that a spreadsheet must take for text."""

from __future__ import annotations

import csv
import io

import pytest

from lti_tool.services.spreadsheet import Cell, csv_bytes, safe_cell

FORMULAS = [
    "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1", "＋1", "－1", "＠x", ' =1', '"=1', "'=1",
    "\u00a0=1", "\u200b=1", "\ufeff=1", "\u202e=1", "=cmd|' /C calc'!A0", "|x", "%0A=1",
]  # fmt: skip


@pytest.mark.parametrize("text", FORMULAS)
def test_what_could_be_a_formula_gets_an_apostrophe(text: str) -> None:
    assert safe_cell(text).startswith("'")


@pytest.mark.parametrize(
    "text", ["Ada", "a=b", "O'Neil", "1~23", "9007199254740993", "李", "", "x\ny", "e-mail@x"]
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert safe_cell(text) == text


def test_numbers_stay_numbers_and_nothing_stays_empty() -> None:
    assert (safe_cell(-3), safe_cell(None)) == ("-3", "")


def test_what_turns_the_direction_is_made_visible() -> None:
    assert safe_cell("a\u202eb\x00") == "a<U+202E>b<U+0000>"


def test_the_file_reads_back_with_its_quotes_and_line_breaks() -> None:
    rows: list[list[Cell]] = [['say "hi"', "two\nlines", "a,b;c", 7]]
    content = csv_bytes(["w", "x", "y", "z"], rows)
    assert content.startswith(b"\xef\xbb\xbf")
    read = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    assert read == [["w", "x", "y", "z"], ['say "hi"', "two\nlines", "a,b;c", "7"]]
