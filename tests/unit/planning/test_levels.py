"""Levels from the points of another assignment: who is strong, and whom the works get."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import pytest
from pydantic import ValidationError

from allocation import allocate
from lti_tool.planning.engine_input import engine_input
from lti_tool.planning.engine_people import abilities
from lti_tool.planning.ids import AssignmentId
from lti_tool.planning.rules import Levels, PlanRules
from lti_tool.planning.snapshot import Scores, Snapshot
from tests.builders import snapshot, user

SOURCE = AssignmentId("71")


def read(people: int, points: dict[int, float]) -> Snapshot:
    known = tuple((user(number), value) for number, value in points.items())
    return replace(snapshot(people), scores=(Scores(SOURCE, "Quiz", known),))


def rules(levels: Levels, **more: object) -> PlanRules:
    return PlanRules.model_validate({"levels": levels, "levels_from": SOURCE, **more})


def test_the_share_of_others_who_have_no_more_is_the_level() -> None:
    found = abilities(read(5, {1: 10, 2: 8, 3: 8, 4: 2}), rules("strong"))
    assert found == {user(1): 1.0, user(2): pytest.approx(2 / 3), user(3): pytest.approx(2 / 3), user(4): 0.0}
    assert user(5) not in found, "who has no points has no level"


def test_equal_points_make_everybody_strong() -> None:
    assert set(abilities(read(4, dict.fromkeys(range(1, 5), 7)), rules("strong")).values()) == {1.0}


@pytest.mark.parametrize("levels", ["strong", "mixed"])
def test_works_get_the_reviewers_that_the_rule_asks_for(levels: Levels) -> None:
    people = 24
    given = engine_input(read(people, {number: number for number in range(1, people + 1)}), rules(levels))
    strong = {one.id for one in given.roster.participants if (one.ability or 0) >= 0.5}
    assert len(strong) == people // 2
    reviewers = defaultdict[str, list[bool]](list)
    for pair in allocate(given.roster, given.rules, seed="levels").pairs:
        reviewers[pair.submission].append(pair.reviewer in strong)
    assert all(any(kinds) for kinds in reviewers.values())
    assert levels == "strong" or not any(all(kinds) for kinds in reviewers.values())


def test_most_reviews_stay_within_a_level() -> None:
    people = 24
    given = engine_input(read(people, {number: number for number in range(1, people + 1)}), rules("same"))
    strong = {one.id for one in given.roster.participants if (one.ability or 0) >= 0.5}
    author = {work.id: work.authors[0] for work in given.roster.submissions}
    pairs = allocate(given.roster, given.rules, seed="levels").pairs
    across = [pair for pair in pairs if (pair.reviewer in strong) != (author[pair.submission] in strong)]
    assert len(across) <= len(pairs) // 8


def test_points_are_no_part_of_what_a_plan_is_checked_against() -> None:
    assert read(4, {1: 3}).fingerprint == snapshot(4).fingerprint


def test_levels_without_a_source_are_refused() -> None:
    with pytest.raises(ValidationError, match="levels_from"):
        PlanRules(levels="same")
