"""Several assignments together: no pair twice while that is possible, and how long that is."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allocation import (
    Infeasible,
    Pair,
    Roster,
    Rules,
    RulesError,
    assignments_without_repeats,
    plan_term,
    verify,
)
from tests.unit.allocation.instances import plain
from tests.unit.allocation.oracle import every_allocation, read


def longest(roster: Roster, rules: Rules, most: int) -> int:
    """The largest number of allocations no two of which share a pair, by trying all."""
    every = list(every_allocation(read(roster, rules)))

    def extend(used: frozenset[Pair], start: int) -> int:
        best = 0
        for i in range(start, len(every)):
            if not used & every[i]:
                best = max(best, 1 + extend(used | every[i], i + 1))
                if best >= most:
                    break
        return best

    return extend(frozenset(), 0)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_the_number_of_assignments_is_the_largest_possible(data: st.DataObject) -> None:
    n = data.draw(st.integers(3, 5))
    roster = plain(n, sections=data.draw(st.sampled_from((0, 2))))
    if data.draw(st.booleans()):
        roster = Roster(roster.participants, roster.submissions[:-1])
    apart = st.builds(
        lambda i, d: Pair(f"p{i:03}", f"w{(i + d) % n:03}"), st.integers(0, n - 1), st.integers(1, n - 1)
    )
    works = {one.id for one in roster.submissions}
    barred = frozenset(
        pair for pair in data.draw(st.frozensets(apart, max_size=4)) if pair.submission in works
    )
    rules = Rules(
        data.draw(st.integers(1, 2)),
        sections=data.draw(st.sampled_from(("any", "different"))),
        forbidden=barred,
    )
    possible = longest(roster, rules, 4)
    assert assignments_without_repeats(roster, rules, most=4) == possible
    if possible:
        term = plan_term(roster, rules, possible, seed=1)
        together = Counter(pair for one in term.allocations for pair in one.pairs)
        assert max(together.values()) == 1
        assert all(verify(roster, rules, one.pairs) == () for one in term.allocations)


def test_a_class_meets_everybody_before_anybody_twice() -> None:
    roster = plain(13)
    term = plan_term(roster, Rules(), 6, seed=2)
    assert term.without_repeats == 4
    first = [pair for one in term.allocations[:4] for pair in one.pairs]
    assert len(set(first)) == 13 * 12
    assert [one.quality.repeats for one in term.allocations] == [0, 0, 0, 0, 39, 39]
    assert all(verify(roster, Rules(), one.pairs) == () for one in term.allocations)


def test_after_the_last_new_pair_as_few_as_possible_repeat() -> None:
    term = plan_term(plain(12), Rules(), 4, seed=2)
    assert term.without_repeats == 3
    assert [one.quality.repeats for one in term.allocations] == [0, 0, 0, 36 - 12 * 2]


def test_a_draw_that_would_spoil_the_later_ones_is_not_taken() -> None:
    """Of the 13 allocations that there are only two can be held one after the other."""
    works = ([1, 2, 3, 4], [3, 5], [1, 3], [0, 4, 5], [1, 2, 3], [0, 1, 2, 3, 4])
    barred = frozenset(
        Pair(f"p{i:03}", f"w{j:03}") for i, may in enumerate(works) for j in range(6) if j not in may
    )
    roster, rules = plain(6), Rules(1, forbidden=barred)
    every = list(every_allocation(read(roster, rules)))
    assert sum(any(not one & other for other in every) for one in every) == 2 < len(every)
    for seed in range(8):
        first, second = plan_term(roster, rules, 2, seed=seed).allocations
        assert not set(first.pairs) & set(second.pairs)
        assert verify(roster, rules, first.pairs) == verify(roster, rules, second.pairs) == ()


def test_a_term_is_reproducible_and_each_draw_is_its_own() -> None:
    one, again = (plan_term(plain(20), Rules(2), 3, seed="s") for _ in range(2))
    assert [a.pairs for a in one.allocations] == [a.pairs for a in again.allocations]
    assert len({a.seed for a in one.allocations}) == 3


def test_what_cannot_be_promised_is_refused() -> None:
    pair = frozenset({Pair("p000", "w001")})
    for rules in (Rules(required=pair), Rules(kept=pair), Rules(existing=pair), Rules(reciprocal="forbid")):
        with pytest.raises(RulesError):
            assignments_without_repeats(plain(8), rules)
    with pytest.raises(RulesError, match="assignments is 0"):
        plan_term(plain(8), Rules(), 0)
    with pytest.raises(Infeasible):
        plan_term(plain(3), Rules(), 2)


def test_earlier_assignments_count() -> None:
    roster = plain(9)
    first = plan_term(roster, Rules(2), 1, seed=1).allocations[0]
    assert assignments_without_repeats(roster, Rules(2)) == 4
    assert assignments_without_repeats(roster, replace(Rules(2), avoid=frozenset(first.pairs))) == 3
