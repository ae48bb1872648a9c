"""Who takes part as a table: read with every name for a student, and back as it was downloaded."""

from __future__ import annotations

import pytest

from lti_tool.planning.people_list import Contact, Directory
from lti_tool.planning.rules import Exclusion, Load, PlanRules, Volunteer
from lti_tool.services.people_table import (
    Read,
    directory_for,
    people_rows,
    table_texts,
    wishes_of_table,
    with_wishes,
)
from lti_tool.services.spreadsheet import csv_bytes
from lti_tool.services.spreadsheet_reading import CellTrouble, TableUnusable, read_table
from tests.builders import snapshot, user

CLASS = snapshot(6)


def read(text: str) -> Read:
    return wishes_of_table(read_table(text.encode()), Directory(CLASS.people))


def test_a_download_read_again_gives_the_same_rules() -> None:
    rules = PlanRules(
        exclude=(Exclusion(user=user(2), reason="=ill"),),
        loads=(Load(user=user(3), gives=5),),
        spare=(user(1),),
        volunteers=(Volunteer(user=user(4), up_to=2),),
    )
    table = csv_bytes(
        ["Student id", "Student", "Takes part", "Gives", "Spare", "Extra", "Reason"],
        people_rows(CLASS.people, rules),
    )
    found = wishes_of_table(read_table(table), Directory(CLASS.people))
    assert with_wishes(rules, found.wishes) == rules
    assert with_wishes(PlanRules(), found.wishes) == rules


def test_a_file_of_names_leaves_these_out() -> None:
    found = read(f"Student;Reason\nStudent 1;conflict of interest\n{user(2)};\n")
    assert with_wishes(PlanRules(), found.wishes).exclude == (
        Exclusion(user=user(1), reason="conflict of interest"),
        Exclusion(user=user(2)),
    )


def test_who_is_not_in_the_file_stays_as_is() -> None:
    before = PlanRules(exclude=(Exclusion(user=user(1), reason="x"),), loads=(Load(user=user(4), gives=0),))
    found = read(f"id,gives\n{user(2)},1\n")
    after = with_wishes(before, found.wishes)
    assert after.exclude == before.exclude
    assert after.gives == {user(4): 0, user(2): 1}


def test_rows_that_fit_nobody_are_told_apart_from_wrong_ones() -> None:
    found = read(f"Student,Gives\nNobody,3\n{user(1)},2\n")
    assert [(row, match.text) for row, match in found.unmatched] == [(2, "Nobody")]
    assert [wish.gives for wish in found.wishes] == [2]


@pytest.mark.parametrize(
    ("row", "trouble", "column"),
    [
        (f"{user(1)},maybe,,", CellTrouble.NOT_YES_OR_NO, "Takes part"),
        (f"{user(1)},,51,", CellTrouble.NOT_A_NUMBER, "Gives"),
        (f"{user(1)},,-1,", CellTrouble.NOT_A_NUMBER, "Gives"),
        (f"{user(1)},,2.5,", CellTrouble.NOT_A_NUMBER, "Gives"),
        (f"{user(1)},,²,", CellTrouble.NOT_A_NUMBER, "Gives"),
        (f"{user(1)},,,{'x' * 501}", CellTrouble.REASON_TOO_LONG, "Reason"),
        ("=1+1,,,", CellTrouble.FORMULA, "Student"),
        (",no,,", CellTrouble.NOBODY, "Student"),
        (f"{user(2)},,,", CellTrouble.TWICE, "Student"),
    ],
)
def test_wrong_cells_are_told_by_row_and_column(row: str, trouble: CellTrouble, column: str) -> None:
    with pytest.raises(TableUnusable) as refused:
        read(f"Student,Takes part,Gives,Reason\n{user(2)},yes,,\n{row}\n")
    (problem,) = refused.value.problems
    assert (problem.trouble, problem.row, problem.column) == (trouble, 3, column)


def test_a_file_without_anybody_s_name_is_refused() -> None:
    with pytest.raises(TableUnusable):
        read("Points,Reason\n1,x\n")


def test_contacts_are_asked_for_only_where_names_and_ids_do_not_do() -> None:
    asked = []

    def contacts() -> dict[object, Contact]:
        asked.append(1)
        return {user(1): Contact("one", "77", "one@example.edu")}

    plain = directory_for(CLASS, ["Student 1"], contacts)  # type: ignore[arg-type]  # ids are texts
    assert not asked
    assert plain.find("77").people == ()
    assert directory_for(CLASS, ["one@example.edu"], contacts).find("77").person  # type: ignore[arg-type]  # as above
    table = read_table(f"Student id,Student\n{user(1)},Student 1\n".encode())
    assert table_texts(table) == [], "the Canvas id says it all"
