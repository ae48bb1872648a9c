"""Levels from the points of another assignment: who is strong, and whom the works get."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import pytest
from pydantic import ValidationError

from allocation import allocate
from lti_tool.planning.engine_input import engine_input
from lti_tool.planning.ids import AssignmentId
from lti_tool.planning.levels import abilities, mean_points
from lti_tool.planning.rules import Levels, PlanRules
from lti_tool.planning.snapshot import ListedLevels, Scores, Snapshot
from lti_tool.services.errors import RulesUnfit
from lti_tool.services.planning import changes_of
from tests.builders import NOON, snapshot, user

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


def test_of_several_assignments_the_mean_of_the_shares_counts() -> None:
    """30 of 40 and 2 of 10 are less than 18 of 40 and 9 of 10, although they are more points."""
    other = AssignmentId("72")
    first = Scores(SOURCE, "Quiz", ((user(1), 30.0), (user(2), 18.0)), 40.0)
    second = Scores(other, "Essay", ((user(1), 2.0), (user(2), 9.0), (user(3), 5.0)), 10.0)
    useless = Scores(AssignmentId("73"), "Survey", ((user(3), 0.0),), 0.0)
    base = replace(snapshot(4), scores=(first, second, useless))
    both = PlanRules.model_validate({"levels": "strong", "levels_from": [SOURCE, other, "73"]})
    assert mean_points(base, both.levels_from) == {
        user(1): pytest.approx(0.475),
        user(2): pytest.approx(0.675),
        user(3): pytest.approx(0.5),
    }
    found = abilities(base, both)
    assert sorted(found, key=lambda one: found[one]) == [user(1), user(3), user(2)]


def test_a_list_in_numbers_is_ranked_and_one_in_words_stands() -> None:
    rules = PlanRules(levels="strong", levels_by="list")
    numbers = ListedLevels(NOON, ((user(1), 4.0), (user(2), 2.0), (user(3), 2.0)), in_words=False)
    assert abilities(replace(snapshot(4), listed=numbers), rules) == {
        user(1): 1.0,
        user(2): 0.5,
        user(3): 0.5,
    }
    words = ListedLevels(NOON, ((user(1), 1.0), (user(2), 0.0), (user(3), 0.0)), in_words=True)
    given = engine_input(replace(snapshot(4), listed=words), rules.model_copy(update={"strong_share": 90}))
    strong = [
        one.id for one in given.roster.participants if (one.ability or 0) >= (given.rules.strong_at or 0)
    ]
    assert strong == [user(1)], "whatever share of the class is said to be strong"


def test_without_the_list_that_the_rules_ask_for_nothing_is_planned() -> None:
    rules = PlanRules(levels="strong", levels_by="list")
    with pytest.raises(RulesUnfit, match="list of levels is not there"):
        changes_of(snapshot(6), rules, "s")
    listed = replace(snapshot(6), listed=ListedLevels(NOON, ((user(1), 1.0),), in_words=True))
    assert changes_of(listed, rules, "s")
    assert listed.fingerprint == snapshot(6).fingerprint, "levels are not part of what Canvas said"


def test_rules_that_were_saved_with_one_assignment_still_hold() -> None:
    old = PlanRules.model_validate_json('{"levels": "mixed", "levels_from": "71"}')
    assert old.levels_from == ("71",)
    assert PlanRules.model_validate_json('{"levels_from": null}').levels_from == ()
