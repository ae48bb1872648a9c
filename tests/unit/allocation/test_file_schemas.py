"""The published schemas agree with what is read and written."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from jsonschema import Draft202012Validator, ValidationError

from allocation import Infeasible, InstanceError, Pair, Roster, Rules, Share, allocate
from allocation.file_schemas import allocation_schema, instance_schema
from allocation.instance_file import PAIR_LISTS, RULES, TOP, read_instance, write_allocation, write_instance
from allocation.rules import Goal
from tests.unit.allocation.instances import instances, plain
from tests.unit.allocation.test_instance_file import content

INSTANCE = Draft202012Validator(instance_schema())
ALLOCATION = Draft202012Validator(allocation_schema())


def written(roster: Roster, rules: Rules) -> dict[str, Any]:
    try:
        allocation = allocate(roster, rules, seed=1)
    except Infeasible as error:
        allocation = error.best
    result: dict[str, Any] = json.loads(write_allocation("some", allocation))
    return result


def test_they_are_schemas() -> None:
    Draft202012Validator.check_schema(instance_schema())
    Draft202012Validator.check_schema(allocation_schema())


def test_they_know_every_key() -> None:
    properties = instance_schema()["properties"]
    assert set(properties) == set(TOP)
    assert set(properties["rules"]["properties"]) == set(RULES)
    assert set(PAIR_LISTS) <= set(TOP)


@settings(max_examples=12, deadline=None)
@given(instances(6))
def test_what_is_written_fits_and_comes_back(instance: tuple[Roster, Rules]) -> None:
    roster, rules = instance
    text = write_instance("some", roster, rules, "7")
    INSTANCE.validate(json.loads(text))
    again = read_instance(text)
    assert (again.roster, again.rules, again.seed) == (roster, rules, "7")
    ALLOCATION.validate(written(roster, rules))


def test_the_newer_rules_fit_and_come_back() -> None:
    shares = frozenset({Share("S0", "S1", 1), Share("S1", "S0", 1)})
    goals = (Goal.MIXED, Goal.SAME_LEVEL)
    rules = Rules(1, section_shares=shares, co_authors="different", strong_at=0.5, goals=goals)
    text = write_instance("some", plain(6, sections=2), rules)
    INSTANCE.validate(json.loads(text))
    assert read_instance(text).rules == rules
    ALLOCATION.validate(written(plain(6, sections=2), rules))
    short = written(plain(7, sections=2), Rules(3, section_shares=frozenset({Share("S0", "S1", 3)})))
    ALLOCATION.validate(short)
    assert short["reasons"][0]["shares"]


def test_reasons_of_all_kinds_fit() -> None:
    ALLOCATION.validate(written(plain(4), Rules(3, reciprocal="forbid")))
    ALLOCATION.validate(written(plain(2), Rules(1, forbidden=frozenset({Pair("p000", "w001")}))))


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "peer-instance/2"}, {"k": -1}, {"k": 1.5}, {"forbiden": []},
        {"rules": {"sections": "some"}},
        {"rules": {"section_shares": [["S", "S"]]}}, {"rules": {"co_authors": "both"}}, {"strong_at": 2},
        {"students": [{"id": "a"}]}, {"submissions": []}, {"submissions": [{"id": "x", "authors": []}]},
        {"students": [{"id": "a"}, {"id": "b", "gives": -2}]}, {"forbidden": [["a"]]}, {"avoid_is": "weak"},
    ],
)  # fmt: skip
def test_what_the_schema_refuses_the_engine_refuses(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        INSTANCE.validate(content(**changes))
    with pytest.raises(InstanceError):
        read_instance(json.dumps(content(**changes)))
