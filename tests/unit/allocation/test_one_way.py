"""``reciprocal="forbid"``: an allocation whenever there is one, and proofs that are proofs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allocation import (
    Goal,
    Infeasible,
    Pair,
    Roster,
    Rules,
    allocate,
    feasibility,
    quality,
    read_instance,
    verify,
)
from allocation.problem import compile_problem
from allocation.strategies.oneway import decide
from allocation.stream import Stream
from tests.unit.allocation.instances import instances, plain, wishes
from tests.unit.allocation.oracle import every_allocation, read

CASES = Path(__file__).parent / "cases"


@pytest.mark.parametrize("name", ["uneven_only", "fixed_teams", "group_rules"])
def test_an_allocation_that_exists_is_found_with_every_seed(name: str) -> None:
    case = read_instance(CASES / f"{name}.json")
    assert feasibility(case.roster, case.rules) == ()
    for seed in range(25):
        found = allocate(case.roster, case.rules, seed=seed)
        assert verify(case.roster, case.rules, found.pairs) == ()


def test_less_even_loads_are_taken_only_when_the_most_even_ones_cannot_be() -> None:
    case = read_instance(CASES / "uneven_only.json")
    found = allocate(case.roster, case.rules, seed=1)
    assert sorted(found.quality.received.values()) == [0, 1, 1, 2], (
        "1, 1, 1, 1 has two people review each other"
    )
    free = allocate(case.roster, replace(case.rules, forbidden=frozenset()), seed=1)
    assert set(free.quality.received.values()) == {1}


@pytest.mark.parametrize(("name", "goal", "possible"), [("levels", "mixed", 2), ("history", "repeats", 2)])
def test_no_bound_is_above_what_is_possible(name: str, goal: str, possible: int) -> None:
    """An independent solver found these values; the engine once called one more of each proven."""
    case = read_instance(CASES / f"{name}.json")
    for seed in range(10):
        found = allocate(case.roster, case.rules, seed=seed)
        report = next(one for one in found.goals if one.name == goal)
        assert report.bound <= possible, report.text


def test_a_refusal_is_a_proof_and_its_remedies_work_with_every_seed() -> None:
    seen = set()

    @settings(max_examples=160, deadline=None, derandomize=True)
    @given(st.one_of(instances(5), wishes()))
    def compare(instance: tuple[Roster, Rules]) -> None:
        roster, rules = instance[0], replace(instance[1], reciprocal="forbid", goals=())
        every = every_allocation(read(roster, rules))
        possible = any(not verify(roster, rules, pairs) for pairs in every)
        if possible:
            assert verify(roster, rules, allocate(roster, rules, seed=1).pairs) == ()
            return
        with pytest.raises(Infeasible) as caught:
            allocate(roster, rules, seed=1)
        best = caught.value.best
        assert {one.code for one in verify(roster, rules, best.pairs)} <= {"gives", "receives"}
        for remedy in caught.value.reasons[0].remedies:
            mended = remedy.apply(rules)
            for seed in range(3):
                assert verify(roster, mended, allocate(roster, mended, seed=seed).pairs) == ()
            seen.add(remedy.code)

    compare()
    assert {"allow_reciprocal", "lower_k"} <= seen


def test_less_even_loads_are_offered_where_they_help() -> None:
    case = read_instance(CASES / "uneven_only.json")
    rules = replace(case.rules, receives=None)
    (reason,) = feasibility(case.roster, rules)
    remedy = next(one for one in reason.remedies if one.code == "allow_uneven")
    assert remedy.params == {"receives": (0, 2)}
    for seed in range(10):
        assert allocate(case.roster, remedy.apply(rules), seed=seed).status == "ok"


def test_the_loads_are_the_most_even_ones_that_keep_people_from_reviewing_each_other() -> None:
    seen = []

    @settings(max_examples=80, deadline=None, derandomize=True)
    @given(wishes())
    def compare(instance: tuple[Roster, Rules]) -> None:
        roster, rules = instance[0], replace(instance[1], reciprocal="forbid", receives=(0, 4), goals=())
        measured = [
            sum(number * number for number in quality(roster, rules, pairs).received.values())
            for pairs in every_allocation(read(roster, rules))
            if not verify(roster, rules, pairs)
        ]
        if measured:
            found = allocate(roster, rules, seed=1)
            assert sum(number * number for number in found.quality.received.values()) == min(measured)
            seen.append(min(measured))

    compare()
    assert len(seen) > 20


def test_a_class_that_is_too_crowded_is_refused_with_a_proof() -> None:
    """6 people, 3 reviews each: 18 reviews for 15 pairs of people. In 7, every pair is needed once."""
    with pytest.raises(Infeasible) as caught:
        allocate(plain(6), Rules(3, reciprocal="forbid"), seed=1)
    assert "at least 3 such pairs" in caught.value.reasons[0].text
    assert len(caught.value.best.pairs) == 15
    assert len(allocate(plain(7), Rules(3, reciprocal="forbid"), seed=1).pairs) == 21


def test_beyond_the_exact_search_the_answer_is_not_found_and_never_impossible() -> None:
    """90 people in a ring who each may review only their two neighbours or the next but one, so that three
    reviews each go both ways somewhere; the search cannot prove it."""
    n = 90
    roster = plain(n)
    near = {(i, (i + d) % n) for i in range(n) for d in (-2, -1, 1, 2)}
    barred = frozenset(
        Pair(f"p{i:03}", f"w{j:03}") for i in range(n) for j in range(n) if i != j and (i, j) not in near
    )
    with pytest.raises(Infeasible) as caught:
        allocate(roster, Rules(3, reciprocal="forbid", forbidden=barred, goals=()), seed=1)
    assert "no proof" in caught.value.reasons[0].text
    assert {one.code for one in verify(roster, caught.value.best.rules, caught.value.best.pairs)} <= {
        "gives", "receives",
    }  # fmt: skip


def test_the_exact_search_decides_classes_of_sixty() -> None:
    """Rings as above, of 60: two reviews each fit in one way round only, three do not."""
    n = 60
    near = {(i, (i + d) % n) for i in range(n) for d in (-2, -1, 1, 2)}
    barred = frozenset(
        Pair(f"p{i:03}", f"w{j:03}") for i in range(n) for j in range(n) if i != j and (i, j) not in near
    )
    for k, possible in ((2, True), (3, False)):
        rules = Rules(k, reciprocal="forbid", forbidden=barred)
        answer = decide(compile_problem(plain(n), rules), Stream("", b"", "test"), quotas=True)
        assert (answer.board is not None, answer.proven) == (possible, True)


def test_people_who_review_each_other_by_fixed_pairs_are_no_reason_to_refuse() -> None:
    base = plain(6)
    fixed = frozenset({Pair("p000", "w001"), Pair("p001", "w000")})
    found = allocate(base, Rules(1, reciprocal="forbid", kept=fixed, goals=(Goal.CONNECTED,)), seed=1)
    assert verify(base, found.rules, found.pairs) == ()
    assert found.quality.reciprocal == 1
