"""A list of levels from a spreadsheet: what it says, and what is wrong with it by row and column."""

from __future__ import annotations

import pytest

from lti_tool.planning.people_list import Directory
from lti_tool.services.levels_table import LevelsRead, levels_of_table
from lti_tool.services.spreadsheet_reading import CellTrouble, TableUnusable, read_table
from tests.builders import snapshot, user

PEOPLE = Directory(snapshot(6).people)


def read(text: str) -> LevelsRead:
    return levels_of_table(read_table(text.encode()), PEOPLE)


def troubles(text: str) -> list[tuple[CellTrouble, int, str]]:
    with pytest.raises(TableUnusable) as caught:
        read(text)
    return [(one.trouble, one.row, one.column) for one in caught.value.problems]


def test_numbers_by_id_name_or_sortable_name_with_point_or_comma() -> None:
    found = read("id;Student;Level\n101;;3,5\n;Student 2;1\n;0003, Student;87 %\n104;;\n")
    assert dict(found.levels) == {user(1): 3.5, user(2): 1.0, user(3): 87.0}
    assert not found.in_words
    assert found.unmatched == ()


def test_words_say_who_is_strong() -> None:
    found = read("Student id,Strong\n101,strong\n102,Other\n103,YES\n104,no\n")
    assert dict(found.levels) == {user(1): 1.0, user(2): 0.0, user(3): 1.0, user(4): 0.0}
    assert found.in_words


def test_rows_that_fit_nobody_are_told_apart_from_those_that_are_wrong() -> None:
    found = read("Student,Level\nNobody Known,3\n102,2\n")
    assert [(row, match.text) for row, match in found.unmatched] == [(2, "Nobody Known")]
    assert dict(found.levels) == {user(2): 2.0}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Student\n101\n", [(CellTrouble.COLUMN_MISSING, 1, "Level")]),
        ("Level\n3\n", [(CellTrouble.COLUMN_MISSING, 1, "Student")]),
        ("id,Level,Strong\n101,3,yes\n", [(CellTrouble.COLUMN_TWICE, 1, "Strong")]),
        ("id,Level\n101,high\n102,2\n", [(CellTrouble.NOT_A_LEVEL, 2, "Level")]),
        ("id,Level\n101,2\n102,strong\n", [(CellTrouble.NOT_A_LEVEL, 3, "Level")]),
        (
            "id,Level\n101,nan\n102,1e400\n103,1_0\n",
            [(CellTrouble.NOT_A_LEVEL, row, "Level") for row in (2, 3, 4)],
        ),
        ("id,Level\n101,=1+1\n", [(CellTrouble.NOT_A_LEVEL, 2, "Level")]),
        ("Student,Level\n=cmd(),2\n", [(CellTrouble.FORMULA, 2, "Student")]),
        ("id,Level\n101,1\n101,2\n", [(CellTrouble.TWICE, 3, "id")]),
        ("id,Student,Level\n,,2\n", [(CellTrouble.NOBODY, 2, "Student")]),
        ("", [(CellTrouble.EMPTY, 0, "")]),
    ],
)
def test_what_is_wrong_is_told_by_row_and_column(
    text: str, expected: list[tuple[CellTrouble, int, str]]
) -> None:
    assert troubles(text) == expected
