"""The same seed gives the same pairs everywhere; different seeds draw evenly from all valid allocations."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from random import Random

import pytest

from allocation import Allocation, Pair, Participant, Roster, Rules, Submission, allocate, quality
from tests.unit.allocation.instances import plain
from tests.unit.allocation.oracle import every_allocation, read


def fingerprint(allocation: Allocation) -> str:
    return sha256("".join(f"{r}>{s};" for r, s in allocation.pairs).encode()).hexdigest()[:16]


SAME_SECTION = replace(Rules(), sections="same", reviews_per_reviewer=2)
OLD = frozenset({Pair("p001", "w002"), Pair("p002", "w001")})
DONE = frozenset(Pair("p000", f"w{i:03}") for i in range(1, 7))
GOLDEN: list[tuple[str, Roster, Rules, str]] = [
    ("plain", plain(30), Rules(), "ceb7c6b87eff0277"),
    ("same section", plain(24, sections=3), SAME_SECTION, "63d2fa101e507063"),
    ("other section", plain(24, sections=3), Rules(sections="different"), "575343a7c131a8fd"),
    ("top-up", plain(12), Rules(existing=OLD), "36444fda82322e4c"),
    ("repeats", plain(9), Rules(avoid=DONE), "a26db929867028ce"),
]


@pytest.mark.parametrize(("name", "roster", "rules", "expected"), GOLDEN, ids=[case[0] for case in GOLDEN])
def test_a_seed_gives_the_same_pairs_in_every_release(
    name: str, roster: Roster, rules: Rules, expected: str
) -> None:
    assert fingerprint(allocate(roster, rules, seed="golden")) == expected


def test_the_order_of_the_input_does_not_matter() -> None:
    roster = plain(25, sections=3)
    people, works = list(roster.participants), list(roster.submissions)
    Random(1).shuffle(people)
    Random(2).shuffle(works)
    again = Roster(tuple(people), tuple(works))
    assert allocate(roster, SAME_SECTION, seed=3).pairs == allocate(again, SAME_SECTION, seed=3).pairs


def test_string_hashing_does_not_matter() -> None:
    program = (
        "from allocation import *\n"
        "one = lambda i: Participant(f'p{i}', frozenset({f'S{i % 3}', 'a'}), frozenset({f'g{i // 4}'}))\n"
        "people = tuple(map(one, range(24)))\n"
        "roster = Roster(people, tuple(Submission('w' + one.id, (one.id,)) for one in people))\n"
        "pairs = frozenset(Pair(f'p{i}', f'wp{(i + 5) % 24}') for i in range(24))\n"
        "rules = Rules(groups='different', avoid=pairs, existing=frozenset(list(sorted(pairs))[:9]))\n"
        "print(allocate(roster, rules, seed=5).pairs)\n"
    )
    root = Path(__file__).resolve().parents[3]
    answers = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": value, "PYTHONPATH": str(root)},
            capture_output=True,
            check=True,
        ).stdout
        for value in ("1", "2")
    }
    assert len(answers) == 1


def test_without_a_seed_every_allocation_differs_and_can_be_repeated() -> None:
    roster = plain(20)
    first, second = allocate(roster, Rules()), allocate(roster, Rules())
    assert first.pairs != second.pairs
    assert allocate(roster, Rules(), seed=first.seed).pairs == first.pairs


def ring(n: int) -> tuple[Roster, Rules]:
    """Each may review only the next two: two moves far apart, no exchange of two pairs is allowed."""
    roster = plain(n)
    allowed = {Pair(f"p{i:03}", f"w{(i + d) % n:03}") for i in range(n) for d in (1, 2)}
    every = {Pair(one.id, work.id) for one in roster.participants for work in roster.submissions}
    return roster, Rules(
        reviews_per_reviewer=1, forbidden=frozenset(every - allowed), reciprocal="any", goals=()
    )


def group_work() -> tuple[Roster, Rules]:
    people = tuple(Participant(f"p{i}") for i in range(6))
    works = tuple(Submission(f"w{i}", (f"p{2 * i}", f"p{2 * i + 1}")) for i in range(3))
    return Roster(people, works), Rules(reviews_per_reviewer=1, receives=(1, 3), goals=())


def quotas() -> tuple[Roster, Rules]:
    people = tuple(Participant(f"p{i}", gives=gives) for i, gives in enumerate((2, 1, 1, 1)))
    return Roster(people, tuple(Submission(f"w{i}", (f"p{i}",)) for i in range(4))), Rules(goals=())


FREE = Rules(reviews_per_reviewer=2, goals=(), reciprocal="any")
EVEN = [
    ("plain 4, 2", plain(4), FREE),
    ("plain 5, 1", plain(5), replace(FREE, reviews_per_reviewer=1)),
    ("two sections", plain(6, sections=2), replace(FREE, sections="different")),
    ("ring", *ring(7)),
    ("group work", *group_work()),
    ("loads differ", *quotas()),
    ("least reciprocal", plain(4), replace(FREE, reciprocal="avoid", goals=Rules().goals)),
    (
        "repeats",
        plain(4),
        replace(
            FREE,
            goals=Rules().goals,
            reciprocal="any",
            avoid=frozenset({Pair("p000", "w001"), Pair("p000", "w002")}),
        ),
    ),
]


@pytest.mark.parametrize(("name", "roster", "rules"), EVEN, ids=[case[0] for case in EVEN])
def test_draws_evenly_from_all_best_allocations(name: str, roster: Roster, rules: Rules) -> None:
    def worth(pairs: frozenset[Pair]) -> tuple[int, int, int]:
        measured = quality(roster, rules, pairs)
        uneven = sum(number * number for number in measured.received.values())
        soft = bool(rules.goals)
        return (
            uneven,
            measured.repeats if soft else 0,
            measured.reciprocal if soft and rules.reciprocal == "avoid" else 0,
        )

    everything = list(every_allocation(read(roster, rules)))
    best = min(map(worth, everything))
    expected = {pairs for pairs in everything if worth(pairs) == best}
    draws = max(200, 5 * len(expected))
    counted = Counter(frozenset(allocate(roster, rules, seed=seed).pairs) for seed in range(draws))
    assert set(counted) <= expected
    mean = draws / len(expected)
    chi = sum((counted[pairs] - mean) ** 2 / mean for pairs in expected)
    freedom = max(1, len(expected) - 1)
    assert abs(chi - freedom) / (2 * freedom) ** 0.5 < 4
