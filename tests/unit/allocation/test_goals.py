"""The soft goals, in their order, against complete enumeration."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allocation import (
    Goal,
    Pair,
    Participant,
    Quality,
    Roster,
    Rules,
    Submission,
    allocate,
    quality,
    verify,
)
from tests.unit.allocation.instances import instances, plain, wishes
from tests.unit.allocation.oracle import every_allocation, read


def unevenness(measured: Quality) -> int:
    return sum(number * number for number in measured.received.values())


def test_moved_pairs_and_repeats_are_the_fewest_possible() -> None:
    seen = set()

    @settings(max_examples=80, deadline=None, derandomize=True)
    @given(st.one_of(wishes(), wishes(), instances(5)))
    def compare(instance: tuple[Roster, Rules]) -> None:
        roster, rules = instance
        measured = [quality(roster, rules, pairs) for pairs in every_allocation(read(roster, rules))]
        if not measured:
            return
        soft = rules.avoid_is == "soft"
        best = min((unevenness(one), one.moved, one.repeats if soft else 0) for one in measured)
        without = replace(rules, goals=(Goal.MOVED, Goal.REPEATS, Goal.RECIPROCAL, Goal.STRONG))
        found = allocate(roster, without, seed=1).quality
        assert (unevenness(found), found.moved, found.repeats if soft else 0) == best
        seen.add(best[1:])
        other = replace(rules, goals=(Goal.REPEATS, Goal.MOVED))
        best = min((unevenness(one), one.repeats if soft else 0, one.moved) for one in measured)
        found = allocate(roster, other, seed=1).quality
        assert (unevenness(found), found.repeats if soft else 0, found.moved) == best

    compare()
    assert len(seen) > 5


def test_reciprocal_pairs_and_weak_works_are_nearly_always_the_fewest_possible() -> None:
    outcomes = []

    @settings(max_examples=60, deadline=None, derandomize=True)
    @given(wishes())
    def compare(instance: tuple[Roster, Rules]) -> None:
        roster, rules = instance
        measured = [quality(roster, rules, pairs) for pairs in every_allocation(read(roster, rules))]
        if not measured:
            return
        allocation = allocate(roster, rules, seed=1)
        found = allocation.quality
        best = min((one.moved, one.repeats, one.reciprocal, one.weak) for one in measured)
        outcomes.append((found.moved, found.repeats, found.reciprocal, found.weak) == best)
        for report in allocation.goals:
            assert report.bound <= report.value
            if report.name == "reciprocal":
                assert report.bound <= min(one.reciprocal for one in measured)
            if report.name == "strong":
                assert report.bound <= min(one.weak for one in measured)

    compare()
    assert sum(outcomes) >= 0.97 * len(outcomes) > 20


def test_nobody_reviews_each_other_in_an_ordinary_class() -> None:
    for seed in range(3):
        found = allocate(plain(30), Rules(), seed=seed)
        assert found.quality.reciprocal == 0
        assert found.quality.components == 1


def test_forbidden_reciprocal_pairs_leave_none() -> None:
    roster = plain(7)
    rules = Rules(reciprocal="forbid")
    assert verify(roster, rules, allocate(roster, rules, seed=4).pairs) == ()


def test_every_work_gets_a_strong_reviewer_even_when_there_are_just_enough() -> None:
    base = plain(12)
    people = tuple(
        Participant(one.id, ability=0.9 if i < 4 else 0.1) for i, one in enumerate(base.participants)
    )
    roster = Roster(people, base.submissions)
    for seed in range(5):
        assert allocate(roster, Rules(strong_at=0.5), seed=seed).quality.weak == 0


def test_one_review_each_still_joins_everybody() -> None:
    for seed in range(5):
        assert allocate(plain(40), Rules(reviews_per_reviewer=1), seed=seed).quality.components == 1


def test_top_up_with_nothing_new_changes_nothing() -> None:
    roster = plain(40)
    first = allocate(roster, Rules(), seed="old")
    again = allocate(roster, Rules(existing=frozenset(first.pairs)), seed="new")
    assert again.pairs == first.pairs


def test_top_up_keeps_what_it_can_when_people_come_and_go() -> None:
    first = allocate(plain(40), Rules(), seed="old")
    everybody = plain(44)
    late = Roster(everybody.participants[3:], everybody.submissions[3:])
    rules = Rules(existing=frozenset(first.pairs))
    found = allocate(late, rules, seed="new")
    assert verify(late, rules, found.pairs) == ()
    stay = {one.id for one in late.participants}
    left = [pair for pair in first.pairs if pair.reviewer in stay and "p" + pair.submission[1:] in stay]
    assert found.quality.moved == sum(1 for pair in left if pair not in found.pairs)
    assert found.quality.moved <= 3


def late_class(early: int, late: int) -> tuple[Roster, Rules]:
    """A class that was allocated before the last ones handed in."""
    first = allocate(plain(early), Rules(), seed="old")
    return plain(early + late), Rules(existing=frozenset(first.pairs))


def test_people_who_hand_in_late_do_not_stay_among_themselves() -> None:
    for late in (5, 8):
        roster, rules = late_class(40, late)
        found = allocate(roster, rules, seed="new")
        assert verify(roster, rules, found.pairs) == ()
        assert (found.quality.components, found.quality.moved) == (1, 1)
        reports = {report.name: report for report in found.goals}
        assert (reports["connected"].value, reports["connected"].proven) == (1, True)
        assert (reports["moved"].value, reports["moved"].bound, reports["moved"].proven) == (1, 0, False)


def test_nothing_is_moved_for_islands_where_the_goal_is_off_or_nobody_is_new() -> None:
    roster, rules = late_class(40, 5)
    apart = allocate(roster, replace(rules, goals=(Goal.MOVED, Goal.RECIPROCAL)), seed="new")
    assert (apart.quality.components, apart.quality.moved) == (2, 0)
    again = allocate(roster, Rules(existing=frozenset(apart.pairs)), seed="again")
    assert again.pairs == apart.pairs


def circles_of(number: int, size: int) -> tuple[list[str], frozenset[Pair]]:
    """People in circles of one review each."""
    names = [[f"c{c}m{m}" for m in range(size)] for c in range(number)]
    pairs = [Pair(some[m], f"w-{some[(m + 1) % size]}") for some in names for m in range(size)]
    return [one for some in names for one in some], frozenset(pairs)


def each_wrote_one(names: list[str]) -> Roster:
    return Roster(tuple(map(Participant, names)), tuple(Submission(f"w-{one}", (one,)) for one in names))


@pytest.mark.parametrize("late", [1, 2, 3])
def test_a_late_circle_moves_one_pair_and_the_other_circles_stay(late: int) -> None:
    """Late people who can only review each other are let into one circle, not into all of them."""
    names, existing = circles_of(8, 3)
    pairs = [(f"late{i}a", f"late{i}b") for i in range(late)]
    roster = each_wrote_one(names + [one for pair in pairs for one in pair])
    for seed in range(4):
        found = allocate(roster, Rules(1, existing=existing), seed=seed)
        assert found.quality.moved <= late
        assert found.quality.components == 8, "each late circle joins one of the circles that were there"


def test_nothing_is_moved_for_circles_when_somebody_leaves_and_nobody_is_late() -> None:
    names, existing = circles_of(4, 6)
    roster = each_wrote_one(names[1:])
    for seed in range(4):
        found = allocate(roster, Rules(1, existing=existing), seed=seed)
        assert (found.quality.moved, found.quality.components) == (0, 4)


@pytest.mark.parametrize("k", [0, 1])
def test_goals_and_qualities_count_the_same(k: int) -> None:
    """Also where nobody reviews, and where fixed pairs are all that a submission gets."""
    people = tuple(Participant(f"p{i}", ability=0.9 if i == 0 else 0.1) for i in range(5))
    works = tuple(Submission(f"w{i}", (f"p{i}",), (0, 0) if i < 2 else None) for i in range(5))
    for fixed in (frozenset[Pair](), frozenset({Pair("p2", "w0"), Pair("p0", "w1")})):
        rules = Rules(k, required=fixed, strong_at=0.5, receives=(0, 4), goals=tuple(Goal))
        found = allocate(Roster(people, works), rules, seed=1)
        reports = {report.name: report.value for report in found.goals}
        measured = found.quality
        assert reports["connected"] == measured.components
        assert reports["strong"] == measured.weak
        assert reports["mixed"] == measured.one_sided
        assert reports["same_level"] == measured.across


def test_kept_pairs_stay_although_the_rules_forbid_them() -> None:
    pair = Pair("p000", "w001")
    rules = Rules(kept=frozenset({pair}), forbidden=frozenset({pair}))
    assert pair in allocate(plain(8), rules, seed=1).pairs
