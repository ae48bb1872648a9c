"""An allocation is found whenever one exists; otherwise the most that is possible, with a proof."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings

from allocation import Infeasible, Roster, Rules, allocate, certificate_holds, feasibility, verify
from tests.unit.allocation.instances import instances
from tests.unit.allocation.oracle import best_coverage, read


@settings(max_examples=80, deadline=None)
@given(instances())
def test_finds_an_allocation_exactly_when_one_exists(instance: tuple[Roster, Rules]) -> None:
    roster, rules = instance
    possible, most = best_coverage(read(roster, rules))
    if possible:
        found = allocate(roster, rules, seed=1)
        assert verify(roster, rules, found.pairs) == ()
        assert list(found.pairs) == sorted(set(found.pairs))
        return
    with pytest.raises(Infeasible) as caught:
        allocate(roster, rules, seed=1)
    refused = caught.value
    assert refused.reasons
    assert all(certificate_holds(roster, rules, reason) for reason in refused.reasons)
    assert len(refused.best.pairs) == most
    left = {broken.code for broken in verify(roster, rules, refused.best.pairs)}
    assert left in ({"gives"}, {"receives"}, {"gives", "receives"})
    for remedy in refused.reasons[0].remedies:
        mended = remedy.apply(rules)
        assert verify(roster, mended, allocate(roster, mended, seed=2).pairs) == ()


@settings(max_examples=40, deadline=None)
@given(instances())
def test_the_quick_check_agrees_with_the_allocation(instance: tuple[Roster, Rules]) -> None:
    roster, rules = instance
    possible, _ = best_coverage(read(roster, rules))
    assert (feasibility(roster, rules) == ()) is possible


@settings(max_examples=25, deadline=None)
@given(instances())
def test_what_is_possible_stays_possible_without_a_rule(instance: tuple[Roster, Rules]) -> None:
    roster, rules = instance
    if feasibility(roster, rules) == ():
        for looser in (
            replace(rules, sections="any"),
            replace(rules, groups="any"),
            replace(rules, forbidden=frozenset()),
            replace(rules, section_pairs=None),
        ):
            assert feasibility(roster, looser) == ()
