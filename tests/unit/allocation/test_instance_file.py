"""Reading instances and writing allocations: errors name the key; remedies can be applied."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from allocation import Goal, Infeasible, InstanceError, Pair, Rules, allocate
from allocation.instance_file import read_instance, write_allocation


def content(**changes: Any) -> dict[str, Any]:
    base = {
        "format": "peer-instance/1",
        "name": "small",
        "k": 1,
        "seed": 7,
        "rules": {"sections": "any"},
        "students": [{"id": "a"}, {"id": "b", "sections": ["S"], "groups": ["G"], "gives": 1, "ability": 1}],
        "submissions": [{"id": "x", "authors": ["a"]}, {"id": "y", "authors": ["b"], "receives": [0, 2]}],
    }
    return base | changes


def test_reads_every_key(tmp_path: Path) -> None:
    full = content(
        family="plain",
        rules={
            "sections": "different",
            "groups": "different",
            "reciprocal": "any",
            "receives": [0, 3],
            "section_pairs": [["S", "S"]],
            "goals": ["repeats", "moved"],
        },
        forbidden=[["a", "y"]],
        required=[["b", "x"]],
        kept=[["b", "x"]],
        avoid=[["b", "x"]],
        avoid_is="hard",
        existing=[["gone", "x"]],
        strong_at=0.5,
    )
    file = tmp_path / "instance.json"
    file.write_text(json.dumps(full), encoding="utf-8")
    name, roster, rules, seed = read_instance(file)
    assert (name, seed) == ("small", "7")
    assert roster.participants[1].sections == {"S"}
    assert roster.participants[1].ability == 1
    assert roster.submissions[1].receives == (0, 2)
    pair = frozenset({Pair("b", "x")})
    assert rules == Rules(
        reviews_per_reviewer=1,
        sections="different",
        groups="different",
        reciprocal="any",
        forbidden=frozenset({Pair("a", "y")}),
        required=pair,
        kept=pair,
        avoid=pair,
        avoid_is="hard",
        existing=frozenset({Pair("gone", "x")}),
        strong_at=0.5,
        receives=(0, 3),
        section_pairs=frozenset({("S", "S")}),
        goals=(Goal.REPEATS, Goal.MOVED),
    )


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"format": "peer-instance/2"}, "format"),
        ({"forbiden": []}, "forbiden"),
        ({"rules": {"section": "same"}}, "rules: unknown key 'section'"),
        ({"rules": {"sections": "some"}}, "sections"),
        ({"k": -1}, "k: expected a whole number from 0 to 1000, found -1"),
        ({"k": 3.0}, "k: expected a whole number, found 3.0"),
        ({"k": "3"}, "k: expected a whole number, found '3'"),
        ({"k": None}, "k: expected a whole number, found nothing"),
        ({"k": True}, "k: expected a whole number"),
        ({"k": 10**9}, "k: expected a whole number from 0 to 1000"),
        ({"seed": 1.5}, "seed"),
        ({"strong_at": 2}, "strong_at"),
        ({"students": [{"id": "a"}, {"id": "a"}]}, "'a' occurs twice"),
        ({"students": [{"id": "a"}]}, "at least two people"),
        ({"students": [{"id": "a"}, {"id": "b", "gives": -2}]}, "'b' gives -2"),
        ({"students": [{"id": "a"}, {"id": "b", "ability": 7}]}, "ability 7"),
        ({"students": [{"id": "a"}, {"name": "b"}]}, r"students\[1\]: unknown key 'name'"),
        ({"students": [{"id": "a"}, {}]}, r"students\[1\].id"),
        ({"submissions": [{"id": "x", "authors": []}]}, "'x' has no author"),
        ({"submissions": [{"id": "x", "authors": ["z"]}]}, "'z' is not a participant"),
        ({"submissions": [{"id": "x", "authors": ["a"], "receives": [2, 1]}]}, "receives at least 2"),
        ({"submissions": []}, "nothing to review"),
        ({"forbidden": [["a"]]}, r"forbidden\[0\]"),
        ({"existing": "all"}, "existing: expected a list"),
        ({"name": 3}, "name: expected a text"),
        ({"family": []}, "family: expected a text"),
        ({"name": "\ud800"}, "name: .*surrogate"),
        ({"seed": "\udfff"}, "seed: .*surrogate"),
        ({"seed": True}, "seed: expected a text, a whole number or null, found True"),
        ({"seed": [1]}, "seed"),
        ({"rules": None}, "rules: expected an object"),
        ({"rules": []}, "rules: expected an object"),
        ({"rules": {"sections": ["same"]}}, "sections"),
        ({"rules": {"groups": "own"}}, "groups"),
        ({"rules": {"groups": None}}, "groups"),
        ({"rules": {"reciprocal": True}}, "reciprocal"),
        ({"rules": {"receives": 3}}, "rules.receives: expected a list"),
        ({"rules": {"receives": [1, 2, 3]}}, r"rules.receives: expected \[fewest, most\]"),
        ({"rules": {"receives": [0, 1.5]}}, "rules.receives: expected a whole number"),
        ({"rules": {"receives": [3, 1]}}, "receives"),
        ({"rules": {"section_pairs": [["S"]]}}, r"rules.section_pairs\[0\]: expected two texts"),
        ({"rules": {"section_pairs": [["S", "T"]]}}, "section_pairs: Nobody is in section T"),
        ({"rules": {"goals": "moved"}}, "rules.goals: expected a list"),
        ({"rules": {"goals": ["fair"]}}, "rules.goals: 'fair' is none of moved"),
        ({"rules": {"goals": [["moved"]]}}, "rules.goals"),
        ({"rules": {"goals": ["moved", "moved"]}}, "goals"),
        ({"avoid_is": "weak"}, "avoid_is"),
        ({"avoid_is": None}, "avoid_is"),
        ({"strong_at": "high"}, "strong_at: expected a number"),
        ({"strong_at": True}, "strong_at: expected a number"),
        ({"strong_at": -0.1}, "strong_at"),
        ({"strong_at": 10**400}, "strong_at"),
        ({"students": {}}, "students: expected a list"),
        ({"students": ["a", "b"]}, r"students\[0\]: expected an object"),
        ({"students": [{"id": "a"}, {"id": ""}]}, "not empty"),
        ({"students": [{"id": 1}, {"id": "b"}]}, r"students\[0\].id: expected a text"),
        (
            {"students": [{"id": "a", "sections": "S"}, {"id": "b"}]},
            r"students\[0\].sections: expected a list",
        ),
        ({"students": [{"id": "a", "sections": [1]}, {"id": "b"}]}, r"students\[0\].sections\[0\]"),
        ({"students": [{"id": "a", "groups": [""]}, {"id": "b"}]}, "'a': groups contains ''"),
        ({"students": [{"id": "a", "groups": [None]}, {"id": "b"}]}, r"students\[0\].groups\[0\]"),
        ({"students": [{"id": "a", "gives": "2"}, {"id": "b"}]}, r"students\[0\].gives: expected a whole"),
        ({"students": [{"id": "a", "gives": 1e3}, {"id": "b"}]}, r"students\[0\].gives: expected a whole"),
        ({"students": [{"id": "a", "gives": 1001}, {"id": "b"}]}, "'a' gives 1001"),
        (
            {"students": [{"id": "a", "ability": "1"}, {"id": "b"}]},
            r"students\[0\].ability: expected a number",
        ),
        ({"students": [{"id": "a", "ability": 10**400}, {"id": "b"}]}, "'a' has the ability"),
        ({"submissions": "x"}, "submissions: expected a list"),
        ({"submissions": [{"id": "x", "authors": "a"}]}, r"submissions\[0\].authors: expected a list"),
        ({"submissions": [{"id": "x", "authors": ["a", "a"]}]}, "'x' names an author twice"),
        ({"submissions": [{"id": "x"}]}, "'x' has no author"),
        ({"submissions": [{"authors": ["a"]}]}, r"submissions\[0\].id: expected a text, found nothing"),
        ({"submissions": [{"id": "x", "authors": ["a"], "weight": 1}]}, "unknown key 'weight'"),
        ({"submissions": [{"id": "x", "authors": ["a"]}] * 2}, "'x' occurs twice"),
        ({"submissions": [{"id": "x", "authors": ["a"], "receives": [1]}]}, r"submissions\[0\].receives"),
        ({"submissions": [{"id": "x", "authors": ["a"], "receives": [-1, 1]}]}, "'x' receives"),
        ({"forbidden": [["a", "z"]]}, "forbidden: .*'z', which does not exist"),
        ({"avoid": [["z", "x"]]}, "avoid: .*'z', who is not a participant"),
        ({"required": [["a", "x"]]}, "required: 'a' is an author of 'x'"),
        ({"kept": [["a", "x"]]}, "kept: 'a' is an author of 'x'"),
        ({"kept": {"a": "y"}}, "kept: expected a list"),
        ({"existing": [["a", 1]]}, r"existing\[0\]\[1\]: expected a text"),
    ],
)
def test_an_error_names_the_key(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(InstanceError, match=named):
        read_instance(json.dumps(content(**changes)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"format": NaN}',
        '{"a": 1, "a": 2}',
        "[" * 100_000,
        '{"k": ' + "9" * 5000 + "}",
    ],
)
def test_what_is_no_instance_is_refused(text: str) -> None:
    with pytest.raises(InstanceError):
        read_instance(text)


@pytest.mark.parametrize("key", ["format", "students", "submissions"])
def test_what_must_be_there_is_named_when_it_is_missing(key: str) -> None:
    some = content()
    del some[key]
    with pytest.raises(InstanceError, match=key):
        read_instance(json.dumps(some))


def test_only_format_students_and_submissions_must_be_there() -> None:
    some = {key: content()[key] for key in ("format", "students", "submissions")}
    assert read_instance(json.dumps(some))[2:] == (Rules(), None)


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    file = tmp_path / "instance.json"
    file.write_text(json.dumps(content()), encoding="utf-8-sig")
    assert read_instance(file).name == "small"


def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "instance.json"
    file.write_bytes(json.dumps(content(name="ü"), ensure_ascii=False).encode("latin-1"))
    with pytest.raises(InstanceError, match="UTF-8"):
        read_instance(file)


def test_the_names_of_all_languages_come_back_as_they_were() -> None:
    people = [{"id": "Žofie 👩🏽‍🎓"}, {"id": "משה"}]
    works = [{"id": "作文", "authors": ["משה"]}]
    some = content(students=people, submissions=works, rules={"receives": [0, 2]})
    some["students"][1]["gives"] = 0
    name, roster, rules, seed = read_instance(json.dumps(some))
    written = json.loads(write_allocation(name, allocate(roster, rules, seed=seed)))
    assert written["edges"] == [["Žofie 👩🏽‍🎓", "作文"]]


def test_the_same_instance_gives_the_same_bytes_in_any_order() -> None:
    some = content(k=2, students=[{"id": one} for one in "abcde"])
    some["submissions"] = [{"id": one.upper(), "authors": [one]} for one in "abcde"]
    texts = set()
    for turned in (False, True):
        if turned:
            some["students"].reverse()
            some["submissions"].reverse()
        name, roster, rules, seed = read_instance(json.dumps(some))
        texts.add(write_allocation(name, allocate(roster, rules, seed=seed)))
    assert len(texts) == 1


def test_writes_an_allocation() -> None:
    name, roster, rules, seed = read_instance(json.dumps(content()))
    written = json.loads(write_allocation(name, allocate(roster, rules, seed=seed)))
    assert written["format"] == "peer-allocation/1"
    assert (written["instance"], written["seed"], written["status"]) == ("small", 7, "ok")
    assert written["edges"] == [["a", "y"], ["b", "x"]]
    assert written["reasons"] == []
    assert written["quality"]["loads"]["given"] == {"a": 1, "b": 1}
    assert written["quality"]["reciprocal"] == 1


def test_writes_reasons_with_remedies_that_can_be_applied() -> None:
    name, roster, rules, seed = read_instance(json.dumps(content(forbidden=[["a", "y"]])))
    with pytest.raises(Infeasible) as caught:
        allocate(roster, rules, seed=seed)
    written = json.loads(write_allocation(name, caught.value.best))
    assert written["status"] == "partial"
    (reason,) = written["reasons"]
    assert (reason["code"], reason["people"], reason["need"], reason["have"]) == ("people_short", ["a"], 1, 0)
    assert {
        "code": "allow_forbidden",
        "params": {"forbidden": []},
        "text": "Lift the forbidden pairs.",
    } in reason["remedies"]
