"""How others allocate, written anew from descriptions, on the families of `engine_families`:
`python benchmarks/baselines.py [SIZE ...]`.

Each method gets what the original knows of the rules, and no more: Canvas's automatic method bars own groups,
its method on request knows own sections and forbidden pairs, Moodle knows separate groups. None takes a
choice back. What they say afterwards is compared with `verify`.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from random import Random
from statistics import mean
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent))

from engine_families import ALL, Instance

from allocation import Infeasible, Pair, Roster, Rules, allocate, feasibility, quality, verify
from lti_tool.planning import canvas_method

SEEDS = 5
RETRIES = 100


class Answer(NamedTuple):
    """Pairs, and whether the method takes them for complete."""

    pairs: frozenset[Pair]
    content: bool


Method = Callable[[Roster, Rules, Random], Answer]


class Place:
    """The roster as the scripts see it: who gives how many, whose work is whose."""

    def __init__(self, roster: Roster, rules: Rules) -> None:
        self.roster, self.rules = roster, rules
        self.people = {one.id: one for one in roster.participants}
        self.authors = {one.id: one.authors for one in roster.submissions}
        self.works = [one.id for one in roster.submissions]
        self.own: dict[str, set[str]] = defaultdict(set)
        for work, writers in self.authors.items():
            for author in writers:
                self.own[author].add(work)
        usual = rules.reviews_per_reviewer
        self.gives = {one.id: usual if one.gives is None else one.gives for one in roster.participants}
        self.most = -(-sum(self.gives.values()) // len(self.works))

    def reviewers(self, random: Random) -> list[str]:
        return shuffled([one for one, number in self.gives.items() if number], random)

    def labels(self, work: str, name: str) -> set[str]:
        return {label for author in self.authors[work] for label in getattr(self.people[author], name)}

    def share(self, person: str, work: str, name: str) -> bool:
        return bool(getattr(self.people[person], name) & self.labels(work, name))


def shuffled(items: list[str], random: Random) -> list[str]:
    return sorted(items, key=lambda _: random.random())


def canvas_automatic(roster: Roster, rules: Rules, random: Random) -> Answer:
    """Canvas at the due date, from the reviews that exist: the method that the preview compares with."""
    here = {one.id for one in roster.participants} | {one.id for one in roster.submissions}
    start = {pair for pair in rules.kept | rules.existing if here.issuperset(pair)}
    added = canvas_method.canvas_automatic(roster, rules, str(random.random()), start)
    return Answer(frozenset(start.union(added)), True)


def canvas_on_request(roster: Roster, rules: Rules, random: Random) -> Answer:
    """Canvas on request: whoever asks gets all his works at once, the least reviewed, then the earliest."""
    place = Place(roster, rules)
    handed_in = {s: at for at, s in enumerate(shuffled(place.works, random))}
    load: Counter[str] = Counter()
    chosen: set[Pair] = set()
    content = True
    for r in place.reviewers(random):
        free = [
            s for s in place.works
            if s not in place.own[r] and Pair(r, s) not in rules.forbidden
            and not (rules.sections == "same" and not place.share(r, s, "sections"))
        ]  # fmt: skip
        taken = sorted(free, key=lambda s: (load[s], handed_in[s]))[: rules.reviews_per_reviewer]
        content &= len(taken) == rules.reviews_per_reviewer
        load.update(taken)
        chosen.update(Pair(r, s) for s in taken)
    return Answer(frozenset(chosen), content)


def moodle(roster: Roster, rules: Rules, random: Random) -> Answer:
    """Moodle's random allocation: pass by pass, everybody gets one of the least reviewed."""
    place = Place(roster, rules)
    load: Counter[str] = Counter()
    chosen: set[Pair] = set()
    content = True
    for turn in range(rules.reviews_per_reviewer):
        for r in place.reviewers(random):
            free = [
                s for s in place.works
                if s not in place.own[r] and Pair(r, s) not in chosen
                and not (rules.sections == "same" and not place.share(r, s, "sections"))
            ]  # fmt: skip
            if turn >= place.gives[r] or not free:
                content &= bool(free)
                continue
            least = min(load[s] for s in free)
            s = shuffled([s for s in free if load[s] == least], random)[0]
            load[s] += 1
            chosen.add(Pair(r, s))
    return Answer(frozenset(chosen), content)


def shuffle_and_shift(roster: Roster, rules: Rules, random: Random) -> Answer:
    """The usual script: in random order, each reviews the next in the circle; by section if asked for."""
    place = Place(roster, rules)
    circles: dict[str, list[str]] = defaultdict(list)
    for s in shuffled(place.works, random):
        labels = sorted(place.labels(s, "sections")) if rules.sections == "same" else []
        circles[labels[0] if labels else ""].append(s)
    chosen = set()
    for circle in circles.values():
        for at, s in enumerate(circle):
            for r in place.authors[s]:
                following = (circle[(at + step) % len(circle)] for step in range(1, place.gives[r] + 1))
                chosen.update(Pair(r, t) for t in following if t != s)
    return Answer(frozenset(chosen), True)


def greedy_with_retries(roster: Roster, rules: Rules, random: Random) -> Answer:
    """The careful script: everybody draws from what the rules allow and has room; again if stuck."""
    place = Place(roster, rules)
    everything = [Pair(r, s) for r in place.gives for s in place.works]
    wrong = {
        (one.reviewer, one.submission) for one in verify(roster, rules, everything)
        if one.reviewer and one.submission and one.code not in ("required", "kept", "reciprocal")
    }  # fmt: skip
    able = {r: [s for s in place.works if (r, s) not in wrong] for r in place.gives}
    best: frozenset[Pair] = frozenset()
    for _ in range(RETRIES):
        load: Counter[str] = Counter()
        chosen: set[Pair] = set()
        for r in place.reviewers(random):
            taken = shuffled([s for s in able[r] if load[s] < place.most], random)[: place.gives[r]]
            load.update(taken)
            chosen.update(Pair(r, s) for s in taken)
        if len(chosen) > len(best):
            best = frozenset(chosen)
        if len(chosen) == sum(place.gives.values()):
            return Answer(best, True)
    return Answer(best, False)


def ours(roster: Roster, rules: Rules, random: Random) -> Answer:
    try:
        return Answer(frozenset(allocate(roster, rules, seed=str(random.random())).pairs), True)
    except Infeasible as refused:
        return Answer(frozenset(refused.best.pairs), False)


METHODS: dict[str, Method] = {
    "Canvas, automatic": canvas_automatic,
    "Canvas, on request": canvas_on_request,
    "Moodle, random": moodle,
    "shuffle and shift": shuffle_and_shift,
    "greedy, 100 tries": greedy_with_retries,
    "this engine": ours,
}


def print_tables(sizes: list[int]) -> None:
    """One row for each method and size over all families that make sense at that size; then how often each
    method is valid, family by family (on infeasible ones: how often it says that all is well)."""
    print("| method | n | valid % | wrong ok % | reviews % | spread | reciprocal |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    tries: dict[tuple[str, int], dict[str, list[Try]]] = {}
    for n in sizes:
        instances = {
            name: [family(n, 3, seed) for seed in range(1, SEEDS + 1)] for name, family in ALL.items()
        }
        possible = {name: [not feasibility(*one) for one in some] for name, some in instances.items()}
        for name, method in METHODS.items():
            found = {
                family: [
                    _try(method, instance, seed, possible=can)
                    for seed, (instance, can) in enumerate(zip(some, possible[family], strict=True))
                ]
                for family, some in instances.items()
            }
            tries[name, n] = found
            print(row(name, n, [one for some in found.values() for one in some]), flush=True)
    print(f"\n| family | {' | '.join(f'{name}, n = {n}' for name, n in tries)} |")
    print(f"|---|{'--:|' * len(tries)}")
    for family in ALL:
        cells = [cell(found[family]) for found in tries.values()]
        print(f"| {family} | {' | '.join(cells)} |")


class Try(NamedTuple):
    """What became of one instance."""

    possible: bool
    valid: bool
    content: bool
    placed: float
    spread: int
    reciprocal: int


def _try(method: Method, instance: Instance, seed: int, *, possible: bool) -> Try:
    roster, rules = instance
    answer = method(roster, rules, Random(seed))
    measured = quality(roster, rules, answer.pairs)
    return Try(
        possible,
        not verify(roster, rules, answer.pairs),
        answer.content,
        min(1, len(answer.pairs) / sum(Place(roster, rules).gives.values())),
        max(measured.received.values()) - min(measured.received.values()),
        measured.reciprocal,
    )


def row(name: str, n: int, tries: list[Try]) -> str:
    able = [one for one in tries if one.possible]
    wrong = [one.content and not one.valid for one in tries]
    return (
        f"| {name} | {n} | {100 * mean(one.valid for one in able):.0f} | {100 * mean(wrong):.0f} "
        f"| {100 * mean(one.placed for one in able):.0f} | {mean(one.spread for one in able):.1f} "
        f"| {mean(one.reciprocal for one in able):.1f} |"
    )


def cell(tries: list[Try]) -> str:
    able = [one.valid for one in tries if one.possible]
    if able:
        return f"{100 * mean(able):.0f}"
    return f"says ok: {100 * mean(one.content for one in tries):.0f}"


if __name__ == "__main__":
    print_tables([int(size) for size in sys.argv[1:]] or [30])
