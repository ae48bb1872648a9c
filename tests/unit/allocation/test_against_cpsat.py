"""A sample of `python -m benchmarks.fuzz`: rules and goals combined, against CP-SAT in another process."""

from __future__ import annotations

from allocation import AllocationError
from benchmarks.fuzz import Found, compare, instance
from benchmarks.oracle import Oracle, accepted

CLASSES = 500


def test_no_refusal_and_no_bound_is_wrong_and_goals_are_at_their_optimum() -> None:
    found = Found()
    with Oracle("benchmarks.fuzz_solver") as solver:
        for number in range(CLASSES):
            try:
                one = instance(number)
            except AllocationError:
                continue
            if accepted(one):
                compare(one, solver, found, f"class {number}", brief=True)
    assert found.wrong == []
    assert found.compared > 0.9 * CLASSES
    assert found.possible > CLASSES / 3
    assert found.refused > CLASSES / 3
    assert found.goals > CLASSES
    assert found.best >= 0.99 * found.goals, found.misses
    assert found.undecided < CLASSES / 50
