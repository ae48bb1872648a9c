"""Families of instances for measuring the allocation engine. Every family is a function of size, reviews
each, and a seed.

Drawn with `random.Random`, whose `random()` is the same on every Python; nothing here needs to be
unpredictable.
"""

# ruff: noqa: ARG001, ARG005 - families share one signature
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

from allocation import Goal, Infeasible, Pair, Participant, Roster, Rules, Submission, allocate

Instance = tuple[Roster, Rules]


def people(n: int, **given: Callable[[int], Any]) -> tuple[Participant, ...]:
    """n people; each keyword gives an attribute from the number of a person."""
    return tuple(
        replace(Participant(f"p{i:06}"), **{name: make(i) for name, make in given.items()}) for i in range(n)
    )


def each_one(persons: tuple[Participant, ...]) -> Roster:
    """Everybody handed in one work."""
    return Roster(persons, tuple(Submission(f"w{i:06}", (one.id,)) for i, one in enumerate(persons)))


def below(random: Random, n: int) -> int:
    return int(random.random() * n)


def some_pairs(n: int, each: int, seed: int) -> frozenset[Pair]:
    random = Random(seed)
    return frozenset(
        Pair(f"p{i:06}", f"w{(i + 1 + below(random, n - 1)) % n:06}") for i in range(n) for _ in range(each)
    )


def sections_of(n: int, size: int = 25) -> Callable[[int], frozenset[str]]:
    number = max(1, n // size)
    return lambda i: frozenset({f"S{i % number:04}"})


def plain(n: int, k: int, seed: int) -> Instance:
    return each_one(people(n)), Rules(k)


def same_section(n: int, k: int, seed: int) -> Instance:
    return each_one(people(n, sections=sections_of(n))), Rules(k, sections="same")


def other_section(n: int, k: int, seed: int) -> Instance:
    return each_one(people(n, sections=sections_of(n, max(2, n // 4)))), Rules(k, sections="different")


def half_section(n: int, k: int, seed: int) -> Instance:
    """One section is exactly half of the class, and everybody reviews outside his own."""

    def section(i: int) -> frozenset[str]:
        return frozenset({"big" if i < n // 2 else f"S{i % 5}"})

    return each_one(people(n - n % 2, sections=section)), Rules(k, sections="different")  # fmt: skip


def several_sections(n: int, k: int, seed: int) -> Instance:
    random, number = Random(seed), max(2, n // 25)

    def section(i: int) -> frozenset[str]:
        return frozenset({f"S{i % number:04}", f"S{below(random, number):04}"})

    return each_one(people(n, sections=section)), Rules(k, sections="same")  # fmt: skip


def groups(n: int, k: int, seed: int) -> Instance:
    return each_one(people(n, groups=lambda i: frozenset({f"g{i // 4}"}))), Rules(k, groups="different")


def group_work(n: int, k: int, seed: int) -> Instance:
    persons = people(n)
    works = tuple(Submission(f"w{i:06}", tuple(one.id for one in persons[i : i + 3])) for i in range(0, n, 3))
    return Roster(persons, works), Rules(k)


def hard_history(n: int, k: int, seed: int) -> Instance:
    return each_one(people(n)), Rules(k, avoid=some_pairs(n, 2 * k, seed), avoid_is="hard")


def soft_history(n: int, k: int, seed: int) -> Instance:
    return each_one(people(n)), Rules(k, avoid=some_pairs(n, 2 * k, seed))


def quotas(n: int, k: int, seed: int) -> Instance:
    random = Random(seed)
    return each_one(people(n, gives=lambda i: 1 + below(random, 2 * k - 1))), Rules(k)


def mixed(n: int, k: int, seed: int) -> Instance:
    random, number = Random(seed), max(1, n // 30)
    persons = people(
        n,
        sections=lambda i: frozenset({f"S{i % number:04}"}),
        groups=lambda i: frozenset({f"g{i // (3 * number)}-{i % number}"}),
        gives=lambda i: k if random.random() < 0.9 else k - 1,
    )
    rules = Rules(
        k, sections="same", groups="different", forbidden=some_pairs(n, 1, seed), receives=(k - 1, k + 1)
    )
    return each_one(persons), rules


def ability(n: int, k: int, seed: int) -> Instance:
    random = Random(seed)
    return each_one(people(n, ability=lambda i: random.random())), Rules(k, strong_at=0.6)


def top_up(n: int, k: int, seed: int) -> Instance:
    """A twelfth of the class hands in late."""
    persons = people(n)
    early = each_one(persons[: n - max(1, n // 12)])
    rules = Rules(min(k, len(early.participants) - 1), goals=())
    old = allocate(early, rules, seed=seed).pairs
    return each_one(persons), Rules(k, existing=frozenset(old))


def drop_out(n: int, k: int, seed: int) -> Instance:
    """A twelfth of the class is gone."""
    persons = people(n)
    old = allocate(each_one(persons), Rules(k, goals=()), seed=seed).pairs
    stay = persons[max(1, n // 12) :]
    return Roster(stay, tuple(Submission("w" + one.id[1:], (one.id,)) for one in stay)), Rules(
        k, existing=frozenset(old)
    )


def unique(n: int, k: int, seed: int) -> Instance:
    """About 80 % of all pairs are forbidden; what is left hardly leaves a choice."""
    k = min(k, n - 1)
    allowed = {(i, (i + d) % n) for i in range(n) for d in range(1, k + 1)}
    random = Random(seed)
    for i in range(n):
        for _ in range(n // 4):
            j = below(random, n)
            if j > i + k:
                continue
            allowed.add((i, j))
    return each_one(people(n)), Rules(k, forbidden=_complement(n, allowed))


def one_solution(n: int, k: int, seed: int) -> Instance:
    """Three quarters of all pairs are forbidden, and the others leave a single allocation.

    People and works come in blocks of k. Everybody may review the works of his own block and a random half of
    those of the blocks before. So the first block must review its own works, which are then full, hence the
    second must, and so on. The works of a block are written by the block behind it.
    """
    n -= n % k
    random = Random(seed)
    forbidden = {
        Pair(f"p{i:06}", f"w{j:06}") for i in range(n) for j in range(n)
        if j // k > i // k or (j // k < i // k and random.random() < 0.5)
    }  # fmt: skip
    persons = people(n)
    works = tuple(Submission(f"w{j:06}", (persons[(j + k) % n].id,)) for j in range(n))
    return Roster(persons, works), Rules(k, forbidden=frozenset(forbidden))


def ring(n: int, k: int, seed: int) -> Instance:
    """Two allocations that differ in every pair."""
    return each_one(people(n)), Rules(
        1, forbidden=_complement(n, {(i, (i + d) % n) for i in range(n) for d in (1, 2)})
    )


def _complement(n: int, allowed: set[tuple[int, int]]) -> frozenset[Pair]:
    return frozenset(
        Pair(f"p{i:06}", f"w{j:06}") for i in range(n) for j in range(n) if i != j and (i, j) not in allowed
    )


def complete(n: int, k: int, seed: int) -> Instance:
    """Everybody reviews everybody."""
    return each_one(people(k + 1)), Rules(k)


def tournament(n: int, k: int, seed: int) -> Instance:
    """Just enough people that nobody has to review each other."""
    return each_one(people(2 * k + 1)), Rules(k)


def section_short(n: int, k: int, seed: int) -> Instance:
    """One section has no more people than reviews are asked for: impossible."""

    def section(i: int) -> frozenset[str]:
        return frozenset({"short" if i < k else f"S{i % max(1, n // 25):04}"})

    return each_one(people(n, sections=section)), Rules(k, sections="same")  # fmt: skip


def majority(n: int, k: int, seed: int) -> Instance:
    """One section is more than half of the class and may not review itself: impossible."""

    def section(i: int) -> frozenset[str]:
        return frozenset({"big" if i <= n // 2 else f"S{i % 5}"})

    return each_one(people(n, sections=section)), Rules(k, sections="different")  # fmt: skip


def hall_short(n: int, k: int, seed: int) -> Instance:
    """k + 1 people may review only the same k works: each of them alone has enough, together they do not."""
    barred = {(i, j) for i in range(n - k - 1, n) for j in range(k, n)}
    return each_one(people(n)), Rules(
        k, forbidden=frozenset(Pair(f"p{i:06}", f"w{j:06}") for i, j in barred if i != j)
    )


def short_by_one(n: int, k: int, seed: int) -> Instance:
    """`one_solution` without one of its pairs: one review too few, and only a search can tell why."""
    roster, rules = one_solution(n, k, seed)
    middle = len(roster.participants) // (2 * k) * k
    pair = Pair(f"p{middle:06}", f"w{middle:06}")
    return roster, replace(rules, forbidden=rules.forbidden | {pair})


def with_levels(n: int, k: int, seed: int, goals: tuple[Goal, ...]) -> Instance:
    """Sections of 25 who review inside, two earlier assignments, 40 % strong."""
    random = Random(seed)
    roster = each_one(people(n, sections=sections_of(n), ability=lambda i: random.random()))
    number = max(1, n // 25)
    before = frozenset(
        Pair(f"p{i:06}", f"w{j:06}")
        for i in range(n)
        for _ in range(2)
        if (j := below(random, (n - 1 - i % number) // number + 1) * number + i % number) != i
    )
    return roster, Rules(k, sections="same", strong_at=0.6, avoid=before, goals=goals)


def strong_levels(n: int, k: int, seed: int) -> Instance:
    return with_levels(n, k, seed, (Goal.REPEATS, Goal.RECIPROCAL, Goal.STRONG, Goal.CONNECTED))


def same_level(n: int, k: int, seed: int) -> Instance:
    return with_levels(n, k, seed, (Goal.REPEATS, Goal.RECIPROCAL, Goal.SAME_LEVEL, Goal.CONNECTED))


def both_levels(n: int, k: int, seed: int) -> Instance:
    return with_levels(n, k, seed, (Goal.REPEATS, Goal.RECIPROCAL, Goal.MIXED, Goal.CONNECTED))


def seven_goals(n: int, k: int, seed: int) -> Instance:
    """All of them, after a twelfth of each section has submitted late."""
    roster, rules = with_levels(n, k, seed, tuple(Goal))
    stay = n - max(1, n // 12)
    early = Roster(roster.participants[:stay], roster.submissions[:stay])
    old = allocate(early, Rules(k, sections="same", goals=(Goal.RECIPROCAL,)), seed=seed).pairs
    return roster, replace(rules, existing=frozenset(old))


LOOSE = {
    "plain": plain, "same section": same_section, "other section": other_section, "groups": groups,
    "hard history": hard_history,
}  # fmt: skip
HARDER = {
    "several sections": several_sections,
    "mixed": mixed,
    "soft history": soft_history,
    "ability": ability,
    "top-up": top_up,
    "drop-out": drop_out,
    "quotas": quotas,
    "group work": group_work,
}
TIGHT = {"half section": half_section, "section short": section_short, "majority": majority}
LEVELS = {
    "strong reviewers": strong_levels,
    "same level": same_level,
    "both levels": both_levels,
    "all seven goals": seven_goals,
}
SMALL = {
    "unique": unique,
    "one solution": one_solution,
    "ring": ring,
    "complete": complete,
    "tournament": tournament,
    "hall short": hall_short,
    "short by one": short_by_one,
}
FIXED_SIZE = ("complete", "tournament")
ALL = LOOSE | HARDER | TIGHT | LEVELS | SMALL


def solved(instance: Instance, seed: int) -> bool:
    try:
        allocate(*instance, seed=seed)
    except Infeasible:
        return False
    return True
