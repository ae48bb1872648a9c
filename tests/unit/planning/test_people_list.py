"""Students found by what people write of them; what is unclear is never guessed."""

from __future__ import annotations

import pytest

from lti_tool.planning.pair_list import pair_lines
from lti_tool.planning.people_list import Contact, Directory, entries
from tests.builders import person, user

PEOPLE = (
    person(1, name="Ada Kim", sortable_name="Kim, Ada"),
    person(2, name="Ada Kim", sortable_name="Kim, Ada"),
    person(3, name="Élodie D'Arc", sortable_name="D'Arc, Élodie"),
    person(4, name="\u202eevil", sortable_name="evil"),
)
CONTACTS = {
    user(3): Contact("elodie", "0042", "elodie@example.edu"),
    user(4): Contact("evil", str(user(1)), "evil@example.edu"),
}


@pytest.mark.parametrize(
    "text",
    [
        str(user(3)), "Élodie D'Arc", "  élodie   d'arc ", "D'Arc, Élodie", "D'Arc Élodie", "ELODIE", "0042",
        "Elodie@Example.edu", "E\u0301lodie D'Arc", f"D'Arc, Élodie ({user(3)})",
    ],
)  # fmt: skip
def test_one_person_by_many_names(text: str) -> None:
    found = Directory(PEOPLE, CONTACTS).find(text).person
    assert found is not None
    assert found.id == user(3)


def test_two_of_one_name_and_an_id_that_is_a_student_number_too_are_not_guessed() -> None:
    directory = Directory(PEOPLE, CONTACTS)
    assert [one.id for one in directory.find("ada kim").people] == [user(1), user(2)]
    assert directory.find("ada kim").person is None
    assert {one.id for one in directory.find(str(user(1))).people} == {user(1), user(4)}
    label = directory.label(PEOPLE[1])
    assert directory.find(label).person == PEOPLE[1]
    assert directory.label(PEOPLE[2]) == "D'Arc, Élodie"


@pytest.mark.parametrize("text", ["", " ", "nobody", f"Ada Kim ({user(3)})", "(", "*", "' OR 1=1 --"])
def test_nonsense_names_nobody(text: str) -> None:
    assert Directory(PEOPLE, CONTACTS).find(text).people == ()


def test_lists_are_split_at_lines_semicolons_and_tabs_never_at_commas() -> None:
    assert entries("Kim, Ada\r\n\r\n 101 ;102\tx") == ("Kim, Ada", "101", "102", "x")


def test_pairs_keep_the_number_of_their_line() -> None:
    directory = Directory(PEOPLE, CONTACTS)
    text = f"elodie > evil > second draft\n\n{user(3)}\t{user(4)}\nelodie\nelodie -> elodie\nelodie → nobody"
    lines = pair_lines(text, directory)
    assert [(line.number, line.pair) for line in lines] == [
        (1, (user(3), user(4))), (3, (user(3), user(4))), (4, None), (5, None), (6, None),
    ]  # fmt: skip
    assert lines[0].reason == "second draft"
