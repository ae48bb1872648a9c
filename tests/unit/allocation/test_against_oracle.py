"""A sample of `python -m benchmarks.oracle`: every family, small, against OR-tools in another process."""

from __future__ import annotations

from allocation import Infeasible
from benchmarks.oracle import FAMILIES, Comparison, Oracle, accepted, compare

MORE = {"mixture": 20, "levels": 5, "shares": 5, "co-authors differ": 5, "co-authors agree": 5}
"""Instances of the families that only the oracle knows; two of the others."""


def test_an_independent_exact_solver_agrees() -> None:
    seen = Comparison()
    with Oracle() as oracle:
        for family, make in FAMILIES.items():
            for seed in range(MORE.get(family, 2)):
                n, k = 5 + (3 * seed) % 7, 1 + seed % 3
                try:
                    instance = make(n, k, seed)
                except Infeasible:
                    continue
                if accepted(instance):
                    compare(instance, oracle.ask(instance), seen, f"{family} n={n} k={k} seed={seed}")
    assert seen.differences is None
    assert seen.instances > 70
    assert 15 < seen.feasible < seen.instances - 15, "about as often possible as not"
    assert seen.searched_best >= 0.9 * seen.searched > 15


def test_the_comparison_sees_a_difference() -> None:
    instance = FAMILIES["plain"](6, 2, 1)
    with Oracle() as oracle:
        answer = oracle.ask(instance)
    assert answer["feasible"] is True
    seen = Comparison()
    compare(instance, answer | {"feasible": False, "coverage": 11}, seen, "wrong")
    assert len(seen.differences or []) == 1
