"""The goals of ability: a strong reviewer each, the same level, a mixture; in any order, proven."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from time import process_time

import pytest
from hypothesis import given, settings

from allocation import (
    Goal,
    Pair,
    Participant,
    Quality,
    Roster,
    Rules,
    RulesError,
    Submission,
    allocate,
    quality,
    verify,
)
from allocation.strategies import cycles, pursue
from benchmarks.engine_families import seven_goals
from benchmarks.fuzz import like_a_course
from tests.unit.allocation.instances import plain, wishes
from tests.unit.allocation.oracle import every_allocation, read

PRICED = (Goal.MOVED, Goal.REPEATS, Goal.STRONG, Goal.SAME_LEVEL, Goal.MIXED)


def graded(size: int, strong: int) -> Roster:
    base = plain(size)
    people = tuple(
        Participant(one.id, ability=0.9 if i < strong else 0.1) for i, one in enumerate(base.participants)
    )
    return Roster(people, base.submissions)


def values(measured: Quality) -> dict[Goal, int]:
    return {
        Goal.MOVED: measured.moved,
        Goal.REPEATS: measured.repeats,
        Goal.STRONG: measured.weak,
        Goal.SAME_LEVEL: measured.across,
        Goal.MIXED: measured.one_sided,
    }


@settings(max_examples=20, deadline=None, derandomize=True)
@given(wishes())
def test_every_order_of_the_goals_that_prices_tell_is_proven_optimal(instance: tuple[Roster, Rules]) -> None:
    roster, rules = instance
    rules = replace(rules, strong_at=0.5, reciprocal="any")
    measured = [values(quality(roster, rules, pairs)) for pairs in every_allocation(read(roster, rules))]
    if not measured:
        return
    for goals in list(permutations(PRICED))[:: 29 + len(measured) % 5]:
        best = min(tuple(one[goal] for goal in goals) for one in measured)
        found = allocate(roster, replace(rules, goals=goals), seed=1)
        assert verify(roster, rules, found.pairs) == ()
        assert tuple(values(found.quality)[goal] for goal in goals) == best
        assert all(report.proven for report in found.goals)


@pytest.mark.parametrize("size", [24, 90])
def test_strong_people_review_each_other_where_that_is_wished_for(size: int) -> None:
    rules = Rules(3, strong_at=0.5, goals=(Goal.SAME_LEVEL, Goal.RECIPROCAL, Goal.CONNECTED))
    found = allocate(graded(size, size // 3), rules, seed=1)
    assert found.quality.across == 0
    assert found.quality.reciprocal == 0
    assert all(report.proven for report in found.goals if report.name != "connected")


def test_a_few_strong_people_cross_levels_no_more_than_they_must() -> None:
    found = allocate(graded(20, 2), Rules(3, strong_at=0.5, goals=(Goal.SAME_LEVEL,)), seed=1)
    assert found.quality.across == 8, (
        "each of the two finds one work of his level, and so does each of their works"
    )


def test_a_mixture_has_both() -> None:
    found = allocate(graded(30, 12), Rules(2, strong_at=0.5, goals=(Goal.MIXED,)), seed=1)
    assert found.quality.one_sided == 6, "24 strong reviews reach 24 of 30 works"
    assert found.goals[0].proven
    other = allocate(graded(30, 15), Rules(2, strong_at=0.5, goals=(Goal.MIXED,)), seed=1)
    assert other.quality.one_sided == 0


def test_a_top_up_that_pins_nearly_everything_still_finds_the_last_strong_reviewer() -> None:
    roster = graded(12, 4)
    first = allocate(roster, Rules(2, strong_at=0.5, goals=()), seed=3)
    for seed in range(5):
        kept = frozenset(pair for i, pair in enumerate(first.pairs) if i % 4 != seed % 4)
        goals = (Goal.STRONG, Goal.MOVED)
        found = allocate(roster, Rules(2, strong_at=0.5, existing=kept, goals=goals), seed=seed)
        assert found.quality.weak == 4, "8 strong reviews for 12 works"
        assert all(report.proven for report in found.goals)


def test_a_goal_that_is_left_out_is_not_pursued_and_the_first_one_wins() -> None:
    roster = graded(8, 4)
    cross = frozenset(Pair(f"p{i:03}", f"w{(i + 4) % 8:03}") for i in range(8))
    base = Rules(1, strong_at=0.5, existing=cross)
    moved_first = allocate(roster, replace(base, goals=(Goal.MOVED, Goal.SAME_LEVEL)), seed=1).quality
    level_first = allocate(roster, replace(base, goals=(Goal.SAME_LEVEL, Goal.MOVED)), seed=1).quality
    without = allocate(roster, replace(base, goals=(Goal.SAME_LEVEL,)), seed=1)
    assert (moved_first.moved, moved_first.across) == (0, 8)
    assert (level_first.moved, level_first.across) == (8, 0)
    assert [report.name for report in without.goals] == ["same_level"]


def test_goals_of_ability_need_a_threshold() -> None:
    for goal in (Goal.SAME_LEVEL, Goal.MIXED):
        with pytest.raises(RulesError, match=f"'{goal}' needs strong_at"):
            Rules(goals=(goal,))


def test_group_work_is_strong_when_one_author_is() -> None:
    people = tuple(Participant(f"p{i}", ability=0.9 if i < 2 else 0.1) for i in range(6))
    works = tuple(Submission(f"w{i}", (f"p{i}", f"p{i + 3}")) for i in range(3))
    rules = Rules(1, strong_at=0.5, goals=(Goal.SAME_LEVEL,), receives=(0, 6))
    found = allocate(Roster(people, works), rules, seed=1)
    assert found.quality.across == 4 - 2, "w2 alone is not strong; p3 and p4 review it, p2 and p5 cannot"
    assert found.goals[0].proven


@pytest.mark.parametrize("strong", [8, 12])
def test_levels_behind_reciprocal_pairs_are_pursued(strong: int) -> None:
    """Strong people can review each other alone, and nobody needs to review back."""
    rules = Rules(3, strong_at=0.5, goals=(Goal.RECIPROCAL, Goal.SAME_LEVEL))
    for seed in range(6):
        found = allocate(graded(24, strong), rules, seed=seed)
        assert (found.quality.reciprocal, found.quality.across) == (0, 0)
        assert all(report.proven for report in found.goals)


def test_a_search_that_runs_out_keeps_what_it_has_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Too little effort for a proof: the values stay those of the board, and nothing is called optimal that
    was not proven."""
    roster, rules = like_a_course(0, 60, 60)
    rules = replace(rules, goals=(Goal.SAME_LEVEL, Goal.MIXED, Goal.RECIPROCAL), existing=frozenset())
    best = allocate(roster, rules, seed=1)
    assert best.goals[0].proven
    for module, name in ((cycles, "EFFORT"), (pursue, "IMPROVING"), (pursue, "KICKING")):
        monkeypatch.setattr(module, name, -(10**6))
    poor = allocate(roster, rules, seed=1)
    assert verify(roster, rules, poor.pairs) == ()
    for report, reached in zip(poor.goals, best.goals, strict=True):
        assert report.bound <= reached.value or report.name != "same_level"
    assert poor.goals[0].value >= best.goals[0].value
    assert poor.goals[0].value == quality(roster, rules, poor.pairs).across


def test_a_class_of_six_hundred_with_all_seven_goals_takes_no_time() -> None:
    roster, rules = seven_goals(600, 3, 1)
    begin = process_time()
    found = allocate(roster, rules, seed=1)
    assert process_time() - begin < 3, "half a second on a quiet machine"
    assert found.status == "ok"
