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
        ({"k": -1}, "reviews_per_reviewer"),
        ({"k": True}, "k: expected a whole number"),
        ({"k": 10**9}, "reviews_per_reviewer"),
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
    ],
)
def test_an_error_names_the_key(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(InstanceError, match=named):
        read_instance(json.dumps(content(**changes)))


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": NaN}', '{"a": 1, "a": 2}', "[" * 100_000])
def test_what_is_no_instance_is_refused(text: str) -> None:
    with pytest.raises(InstanceError):
        read_instance(text)


def test_writes_an_allocation() -> None:
    name, roster, rules, seed = read_instance(json.dumps(content()))
    written = json.loads(write_allocation(name, allocate(roster, rules, seed=seed)))
    assert written["format"] == "peer-allocation/1"
    assert (written["instance"], written["seed"], written["status"]) == ("small", "7", "ok")
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
