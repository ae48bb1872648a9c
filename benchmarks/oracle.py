"""Compare the engine with an independent exact solver on thousands of random instances: ``python -m
benchmarks.oracle``.

Every family of the benchmarks and some more, of many sizes, and mixtures of all rules. For each instance:
feasibility, the largest number of reviews where it is not feasible, the least moved pairs, repeats and works
without a strong reviewer, on small ones the least reciprocal pairs; and the engine's own proofs: `verify`,
`certificate_holds`, the bounds of the goals. The solver (`benchmarks.oracle_solver`) is a process of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
from argparse import ArgumentParser
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any

from allocation import (
    Allocation,
    Goal,
    Infeasible,
    Pair,
    Participant,
    Reason,
    Roster,
    RosterError,
    Rules,
    RulesError,
    Share,
    Submission,
    allocate,
    certificate_holds,
    verify,
)
from allocation.instance_file import write_instance
from benchmarks import engine_families
from benchmarks.engine_families import Instance, each_one, people, sections_of, some_pairs

Family = Callable[[int, int, int], Instance]
CERTIFICATES_UP_TO = 60
"""People up to whom the proofs of infeasibility are recounted (that looks at every pair)."""


class Oracle:
    """The solver's process: a question in, an answer out."""

    def __init__(self, module: str = "benchmarks.oracle_solver") -> None:
        self.module = module

    def __enter__(self) -> Oracle:
        self.process = subprocess.Popen(
            [sys.executable, "-m", self.module],
            cwd=Path(__file__).resolve().parents[1],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8",
        )  # fmt: skip
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()

    def ask(self, instance: Instance) -> dict[str, Any]:
        return self._answer(write_instance("", *instance))

    def put(self, question: dict[str, Any]) -> dict[str, Any]:
        """The same for a question that is more than an instance."""
        return self._answer(json.dumps(question) + "\n")

    def _answer(self, text: str) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(text)
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the solver ended without an answer to {text[:2000]}")
        answer: dict[str, Any] = json.loads(line)
        return answer


def in_teams(persons: tuple[Participant, ...], random: Random) -> Roster:
    """Works by one to four people each."""
    ids = [one.id for one in persons]
    works: list[Submission] = []
    while ids:
        size = min(len(ids), 1 + int(random.random() * 4))
        works.append(Submission(f"w{len(works):06}", tuple(ids[:size])))
        ids = ids[size:]
    return Roster(persons, tuple(works))


def co_authors_differ(n: int, k: int, seed: int) -> Instance:
    roster = in_teams(people(n, sections=sections_of(n, max(4, n // 3))), Random(seed))
    return roster, Rules(k, co_authors="different", forbidden=_others(roster, n, seed))


def co_authors_agree(n: int, k: int, seed: int) -> Instance:
    roster = in_teams(people(n), Random(seed))
    existing = frozenset(pair for pair in _others(roster, 2 * n, seed + 1))
    return roster, Rules(k, co_authors="same", forbidden=_others(roster, n // 2, seed), existing=existing)


def shares(n: int, k: int, seed: int) -> Instance:
    """Everybody owes most reviews to his own section and one to the next."""
    number = max(2, min(6, n // 8))
    persons = people(n, sections=lambda i: frozenset({f"S{i % number}"}))
    random = Random(seed)
    cells = {Share(f"S{i}", f"S{(i + 1) % number}", 1) for i in range(number)}
    cells |= {Share(f"S{i}", f"S{i}", k - 1) for i in range(number) if random.random() < 0.8}
    roster = each_one(persons)
    return roster, Rules(k, section_shares=frozenset(cells), forbidden=_others(roster, n, seed))


def levels(n: int, k: int, seed: int) -> Instance:
    """Goals of ability, in any order, beside existing pairs and repeats."""
    random = Random(seed)
    persons = people(n, ability=lambda _: random.random(), sections=sections_of(n, max(5, n // 2)))
    roster = each_one(persons)
    some = list(Goal)
    order = [some.pop(int(random.random() * len(some))) for _ in range(len(some))]
    goals = tuple(goal for goal in order if random.random() < 0.7)
    rules = Rules(
        k, strong_at=0.3 + 0.6 * random.random(), goals=goals, sections="same",
        avoid=some_pairs(n, 2, seed), existing=_others(roster, k * n // 2, seed + 2),
    )  # fmt: skip
    return roster, rules


def nobody_returns(n: int, k: int, seed: int) -> Instance:
    """Reciprocal pairs are forbidden, in a small class with bans."""
    roster = each_one(people(min(n, 14)))
    size = len(roster.participants)
    return roster, Rules(k, reciprocal="forbid", forbidden=_others(roster, size, seed), receives=(0, 2 * k))


def _others(roster: Roster, number: int, seed: int) -> frozenset[Pair]:
    """So many random pairs of somebody and a work of others."""
    random = Random(seed)
    persons, works = roster.participants, roster.submissions
    found = set()
    for _ in range(number):
        one, work = (persons[int(random.random() * len(persons))], works[int(random.random() * len(works))])
        if one.id not in work.authors:
            found.add(Pair(one.id, work.id))
    return frozenset(found)


def mixture(n: int, k: int, seed: int) -> Instance:
    """Every rule may be there; about as often impossible as possible."""
    random = Random(seed)

    def chance(share: float) -> bool:
        return random.random() < share

    n = min(n, 40)
    several, graded, own = chance(0.2), chance(0.4), chance(0.2)
    names = [f"S{i}" for i in range(1 + int(random.random() * 3))]

    def section(_: int) -> frozenset[str]:
        return frozenset({random.choice(names), random.choice(names)} if several else {random.choice(names)})

    persons = people(
        n,
        sections=section,
        groups=lambda i: frozenset({f"g{i % max(1, n // 4)}"}) if n % 3 else frozenset(),
        gives=lambda _: random.choice([None, None, 0, k, k + 1]) if own else None,
        ability=lambda _: random.random() if graded else None,
    )
    roster = in_teams(persons, random) if chance(0.5) else each_one(persons)

    def some(most: int, share: float) -> frozenset[Pair]:
        return (
            _others(roster, int(random.random() * most), int(random.random() * 1e9))
            if chance(share)
            else frozenset()
        )

    cells: set[Share] = set()
    have = sorted({name for one in persons for name in one.sections})
    for giver in have if chance(0.3) else ():
        left = k
        for taker in have:
            number = int(random.random() * (left + 1))
            left -= number
            cells.add(Share(giver, taker, number))
    rules = Rules(
        k,
        sections=random.choice(["any", "any", "any", "same", "different"]),
        groups=random.choice(["any", "different", "different", "same"] if chance(0.4) else ["any"]),
        co_authors=random.choice(["any", "any", "different", "same"]),
        section_shares=frozenset(cells) if cells else None,
        forbidden=some(2 * n, 0.5), required=some(3, 0.2), kept=some(3, 0.2), avoid=some(2 * n, 0.4),
        avoid_is=random.choice(["soft", "soft", "hard"]), existing=some(2 * n, 0.4),
        receives=random.choice([None, None, (0, 2 * k), (1, k + 2)]),
        strong_at=0.6 if graded else None,
        reciprocal=random.choice(["avoid", "avoid", "avoid", "any", "forbid"]) if n <= 10 else "avoid",
    )  # fmt: skip
    return roster, rules


FAMILIES: dict[str, Family] = {
    **engine_families.ALL,
    "co-authors differ": co_authors_differ,
    "co-authors agree": co_authors_agree,
    "shares": shares,
    "levels": levels,
    "nobody returns": nobody_returns,
    "mixture": mixture,
}
DENSE = ("unique", "ring", "hall short")
"""Families whose instances are lists of almost all pairs: smaller ones are enough."""


@dataclass
class Comparison:
    """What was compared in one family, and what differed."""

    instances: int = 0
    feasible: int = 0
    largest: int = 0
    searched: int = 0
    searched_best: int = 0
    proven: int = 0
    differences: list[str] | None = None


def compare(instance: Instance, answer: dict[str, Any], into: Comparison, label: str) -> None:
    """Count, and note each difference."""
    roster, rules = instance
    if rules.existing:  # late people may be joined to the others by one moved pair more than the fewest
        rules = replace(rules, goals=tuple(goal for goal in rules.goals if goal is not Goal.CONNECTED))
    notes: list[str] = []
    into.instances += 1
    into.largest = max(into.largest, len(roster.participants))
    reasons: tuple[Reason, ...] = ()
    try:
        found = allocate(roster, rules, seed=label)
    except Infeasible as error:
        found, reasons = error.best, error.reasons
    unseen = rules.reciprocal == "forbid" and "possible" in (answer.get("searched") or {})
    if rules.reciprocal == "forbid" and answer["feasible"]:
        if unseen:
            into.searched += 1
            into.searched_best += (found.status == "ok") == answer["searched"]["possible"]
    elif (found.status == "ok") != answer["feasible"]:
        notes.append(f"status {found.status}, solver says {'yes' if answer['feasible'] else 'no'}")
    broken = {one.code for one in verify(roster, rules, found.pairs)}
    if broken and (found.status == "ok" or not broken <= {"gives", "receives", "section_share"}):
        notes.append(f"broken rules {sorted(broken)} at status {found.status}")
    if not answer["feasible"]:
        if rules.reciprocal != "forbid" and reviews_counted(found) != answer["coverage"]:
            notes.append(f"{reviews_counted(found)} reviews of {answer['coverage']}")
        if len(roster.participants) <= CERTIFICATES_UP_TO:
            notes += [f"no proof: {one.text}" for one in reasons if not certificate_holds(roster, rules, one)]
        if not reasons:
            notes.append("no reason")
    elif found.status == "ok":
        into.feasible += 1
        _compare_goals(found, answer, into, notes)
    if notes:
        into.differences = [*(into.differences or []), f"{label}: {'; '.join(notes)}"]


def reviews_counted(found: Allocation) -> int:
    """Reviews, those of co-authors who review together as one."""
    if found.rules.co_authors != "same":
        return len(found.pairs)
    usual = found.rules.reviews_per_reviewer
    gives = {one.id: usual if one.gives is None else one.gives for one in found.roster.participants}
    first = {
        one: min(some)
        for work in found.roster.submissions
        if len(work.authors) > 1 and (some := [a for a in work.authors if gives[a]])
        for one in some
    }
    return len({(first.get(one, one), work) for one, work in found.pairs})


def _compare_goals(found: Allocation, answer: dict[str, Any], into: Comparison, notes: list[str]) -> None:
    """Linear goals must be optimal unless a searched goal comes before them; searched ones nearly always."""
    reports = {one.name: one for one in found.goals}
    before = True
    for report in found.goals:
        if report.name == "reciprocal":
            before = False
            continue
        best = (answer.get("goals") or {}).get(report.name)
        if best is None:
            continue
        if report.bound > best and before:
            notes.append(f"{report.name}: bound {report.bound} above the optimum {best}")
        if before and report.value != best:
            notes.append(f"{report.name}: {report.value}, optimum {best}")
        if not before and report.value != best:
            into.searched += 1
            into.searched_best += (
                bool(answer.get("searched")) and answer["searched"].get(report.name) == report.value
            )
    best_of = answer.get("searched") or {}
    if "reciprocal" in best_of and "reciprocal" in reports:
        into.searched += 1
        ours = [reports[name].value if name in reports else 0 for name in best_of]
        into.searched_best += ours == list(best_of.values())
        if ours < list(best_of.values()):
            notes.append(f"{dict(zip(best_of, ours, strict=True))} is better than the solver's {best_of}")
        if reports["reciprocal"].bound > best_of["reciprocal"]:
            notes.append(f"reciprocal: bound {reports['reciprocal'].bound} above {best_of['reciprocal']}")
    into.proven += all(one.proven for one in found.goals)


def size_of(random: Random, family: str) -> int:
    """Mostly small, now and then large (the small ones are asked first)."""
    at = random.random()
    top = 3000 if at < 0.001 else 1000 if at < 0.004 else 200 if at < 0.04 else 40 if at < 0.4 else 12
    if family in DENSE:
        top = min(top, 100)
    return max(4, int(top * (0.3 + 0.7 * random.random())))


def main() -> None:
    parser = ArgumentParser(description=__doc__, prog="python -m benchmarks.oracle")
    parser.add_argument("--instances", type=int, default=4200)
    parser.add_argument("--first", type=int, default=0, help="number of the first instance")
    parser.add_argument("--family", action="append", choices=sorted(FAMILIES), help="only these families")
    asked = parser.parse_args()
    table: dict[str, Comparison] = defaultdict(Comparison)
    names = asked.family or list(FAMILIES)
    refused: Counter[str] = Counter()
    questions = []
    for number in range(asked.first, asked.first + asked.instances):
        family = names[number % len(names)]
        random = Random(f"{family} {number}")
        questions.append((size_of(random, family), 1 + int(random.random() * 5), number, family))
    with Oracle() as oracle, suppress(KeyboardInterrupt):  # Ctrl-C shows what has been compared
        for n, k, number, family in sorted(questions):
            label = f"{family} n={n} k={k} seed={number}"
            try:
                instance = FAMILIES[family](n, k, number)
                answer = oracle.ask(instance) if accepted(instance) else None
            except (Infeasible, RosterError):  # a family that cannot be made so small
                answer = None
            if answer is None:
                refused[family] += 1
                continue
            compare(instance, answer, table[family], label)
            for note in (table[family].differences or [])[-1:]:
                if note.startswith(label):
                    print(note, file=sys.stderr, flush=True)
    show(table, refused)
    sys.exit(any(one.differences for one in table.values()))


def accepted(instance: Instance) -> bool:
    """Whether the rules make sense for this roster."""
    from allocation.check import check

    try:
        check(*instance)
    except RulesError:
        return False
    return True


def show(table: dict[str, Comparison], refused: Counter[str]) -> None:
    print(
        f"{'family':<20}{'instances':>10}{'feasible':>10}{'largest n':>10}{'differences':>12}"
        f"{'all proven':>11}{'searched':>9}{'optimal':>8}"
    )
    total = Comparison()
    for family, one in table.items():
        wrong = len(one.differences or [])
        print(
            f"{family:<20}{one.instances:>10}{one.feasible:>10}{one.largest:>10}{wrong:>12}"
            f"{one.proven:>11}{one.searched:>9}{one.searched_best:>8}"
        )
        total = replace(
            total, instances=total.instances + one.instances, feasible=total.feasible + one.feasible,
            largest=max(total.largest, one.largest), searched=total.searched + one.searched,
            searched_best=total.searched_best + one.searched_best, proven=total.proven + one.proven,
            differences=[*(total.differences or []), *(one.differences or [])],
        )  # fmt: skip
    print(
        f"{'all':<20}{total.instances:>10}{total.feasible:>10}{total.largest:>10}"
        f"{len(total.differences or []):>12}{total.proven:>11}{total.searched:>9}{total.searched_best:>8}"
    )
    print(f"drawn, but refused because the rules contradict themselves: {sum(refused.values())}")


if __name__ == "__main__":
    main()
