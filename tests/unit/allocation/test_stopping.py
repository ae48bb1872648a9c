"""A caller can stop the engine inside every stage, and asking changes nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from allocation import Cancelled, Pair, Participant, Roster, Rules, Submission, allocate, feasibility
from tests.unit.allocation.instances import plain


def after(calls: int) -> Callable[[], bool]:
    """Answers true from then on."""
    left = [calls]

    def cancelled() -> bool:
        left[0] -= 1
        return left[0] < 0

    return cancelled


def asked(roster: Roster, rules: Rules) -> int:
    """How often the engine asks when nobody stops it."""
    times = 0

    def cancelled() -> bool:
        nonlocal times
        times += 1
        return False

    allocate(roster, rules, seed=1, cancelled=cancelled)
    return times


def test_the_engine_asks_within_its_stages_and_stops_at_each_answer() -> None:
    people = tuple(Participant(f"p{i:03}", ability=(i % 10) / 10) for i in range(20))
    roster = Roster(people, tuple(Submission(f"w{i:03}", (one.id,)) for i, one in enumerate(people)))
    old = frozenset(Pair(f"p{i:03}", f"w{(i + d) % 20:03}") for i in range(17) for d in (1, 19))
    rules = Rules(2, existing=old, avoid=old, strong_at=0.8)
    times = asked(roster, rules)
    assert times > 30, "many more than there are stages"
    for calls in range(0, times, max(1, times // 6)):
        with pytest.raises(Cancelled):
            allocate(roster, rules, seed=1, cancelled=after(calls))


def test_asking_does_not_change_the_result() -> None:
    roster = plain(40)
    free = allocate(roster, Rules(), seed=1)
    assert allocate(roster, Rules(), seed=1, cancelled=lambda: False).pairs == free.pairs


def test_the_search_for_reasons_can_be_stopped() -> None:
    people = tuple(Participant(f"p{i:02}", frozenset({"D" if i < 3 else "A"})) for i in range(30))
    roster = Roster(people, tuple(Submission("w" + one.id, (one.id,)) for one in people))
    rules = Rules(sections="same")
    assert feasibility(roster, rules, cancelled=lambda: False)
    for calls in range(0, 12, 3):
        with pytest.raises(Cancelled):
            feasibility(roster, rules, cancelled=after(calls))
