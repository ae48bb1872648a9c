"""Small classes with all rules and goals combined, against CP-SAT: ``python -m benchmarks.fuzz``.

For each class of 2 to 14 people: is a refusal right, is the number of reviews the largest and their loads the
most even, is no bound above what is possible given the goals before, and how often is each goal at its
optimum. ``--sizes 24 60`` draws classes like real ones instead, with levels. The solver
(`benchmarks.fuzz_solver`) is a process of its own. Ends with 1 when something is wrong.
"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from time import process_time
from typing import Any

from allocation import (
    Allocation,
    AllocationError,
    Goal,
    Infeasible,
    Pair,
    Participant,
    Reason,
    Roster,
    Rules,
    Share,
    Submission,
    allocate,
    verify,
)
from allocation.instance_file import write_instance
from benchmarks.oracle import Oracle, accepted

Instance = tuple[Roster, Rules]
ABILITIES = (None, 0.1, 0.4, 0.5, 0.8, 1.0)


def instance(number: int, smallest: int = 2, largest: int = 14) -> Instance:
    """Class ``number``: every rule may be there, and every goal in any order.

    Raises
    ------
    AllocationError
        What was drawn contradicts itself.
    """
    random = Random(f"fuzz {number}")
    n = random.randint(smallest, largest)
    k = random.choice([0, 1, 1, 2, 2, 2, 3, 3, min(4, n // 3 + 1)])
    several, graded = random.random() < 0.2, random.random() < 0.6
    names = list("ABCD")[: random.randint(1, 4)]
    people = tuple(
        Participant(
            f"p{i}",
            frozenset(random.choices(names, k=random.randint(1, 2) if several else 1)),
            frozenset(random.choices(["g1", "g2", "g3", "g4"], k=1) if random.random() < 0.4 else ()),
            random.choice([None] * 6 + [0, 1, k + 1]) if number % 3 == 0 else None,
            random.choice(ABILITIES) if graded else None,
        )
        for i in range(n)
    )
    roster = Roster(people, _works(random, [one.id for one in people], k))
    goals = random.sample(list(Goal), len(Goal)) if graded else [Goal.MOVED, Goal.REPEATS, Goal.RECIPROCAL]
    existing = _pairs(random, roster, n * k, 0.4)
    if existing:  # late people may be joined to the others by one moved pair more than the fewest
        goals = [goal for goal in goals if goal is not Goal.CONNECTED]
    rules = Rules(
        k,
        sections=random.choice(["any", "any", "any", "any", "same", "different"]),
        groups=random.choice(["any", "any", "different", "same" if number % 9 == 0 else "any"]),
        co_authors=random.choice(["any", "any", "any", "different", "same"]),
        section_pairs=_matrix(random, names),
        section_shares=_shares(random, names, k),
        forbidden=_pairs(random, roster, random.choice([2, n, 2 * n]), 0.5),
        required=_pairs(random, roster, 3, 0.25),
        kept=_pairs(random, roster, 2, 0.15),
        avoid=_pairs(random, roster, 3 * n, 0.4),
        avoid_is=random.choice(["soft", "soft", "hard"]),
        existing=existing,
        receives=random.choice([None, None, None, (0, 2 * k), (1, k + 2), (0, k)]),
        strong_at=0.5 if graded else None,
        reciprocal=random.choice(["avoid", "avoid", "forbid", "forbid", "any"]),
        goals=tuple(goal for goal in goals if random.random() < 0.85),
    )
    return roster, rules


def _works(random: Random, ids: list[str], k: int) -> tuple[Submission, ...]:
    """One work each, or teams; some people without, some works with bounds of their own."""
    rest = list(ids)
    works: list[Submission] = []
    in_teams = random.random() < 0.35
    random.shuffle(rest)
    while rest:
        size = random.randint(1, min(3, len(rest))) if in_teams else 1
        authors, rest = tuple(rest[:size]), rest[size:]
        bounds = (low := random.randint(0, k), low + random.randint(0, 2)) if random.random() < 0.05 else None
        if random.random() < 0.95 or not works:
            works.append(Submission(f"w{len(works)}", authors, bounds))
    return tuple(works)


def _pairs(random: Random, roster: Roster, most: int, share: float) -> frozenset[Pair]:
    if random.random() >= share:
        return frozenset()
    found = set()
    for _ in range(random.randint(0, most)):
        one, work = random.choice(roster.participants), random.choice(roster.submissions)
        if one.id not in work.authors:
            found.add(Pair(one.id, work.id))
    return frozenset(found)


def _matrix(random: Random, names: list[str]) -> frozenset[tuple[str, str]] | None:
    if random.random() < 0.9:
        return None
    return frozenset((random.choice(names), random.choice(names)) for _ in range(2 * len(names)))


def _shares(random: Random, names: list[str], k: int) -> frozenset[Share] | None:
    if random.random() < 0.9 or not k:
        return None
    return frozenset({Share(one, random.choice(names), random.randint(0, k)) for one in names})


def like_a_course(number: int, smallest: int, largest: int) -> Instance:
    """A class as courses have them, with levels: sections or none, a history or none, existing pairs or
    none."""
    random = Random(f"course {number}")
    n, k = random.randint(smallest, largest), random.choice([2, 3, 3, 4])
    sections = random.choice([0, 0, 2, 3])
    people = tuple(
        Participant(f"p{i}", frozenset({f"S{i % sections}"} if sections else ()), ability=random.random())
        for i in range(n)
    )
    roster = Roster(people, tuple(Submission(f"w{i}", (f"p{i}",)) for i in range(n)))
    levels = [Goal.STRONG, Goal.SAME_LEVEL, Goal.MIXED]
    some = random.sample(levels, random.randint(1, 3))
    goals = [goal for goal in (Goal.MOVED, Goal.REPEATS) if random.random() < 0.4]
    goals += [Goal.RECIPROCAL, *some] if random.random() < 0.8 else [*some, Goal.RECIPROCAL]
    rules = Rules(
        k, sections=random.choice(["any", "same", "different"]) if sections else "any",
        avoid=_pairs(random, roster, 2 * n, 0.5), existing=_pairs(random, roster, n, 0.3),
        strong_at=random.choice([0.3, 0.5, 0.7]), goals=tuple(goals),
    )  # fmt: skip
    return roster, rules


@dataclass
class Found:
    """What came out, and what was wrong."""

    compared: int = 0
    possible: int = 0
    refused: int = 0
    undecided: int = 0
    goals: int = 0
    best: int = 0
    proven: int = 0
    off: Counter[int] = field(default_factory=Counter)
    misses: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0


def compare(
    one: Instance, solver: Oracle, found: Found, label: str, *, trusted: bool = False, brief: bool = False
) -> None:
    """Allocate, ask the solver, and count.

    Parameters
    ----------
    trusted : bool
        Do not ask about goals whose bound is reached (small classes confirm these; in large ones the solver
        would take minutes for each).
    brief : bool
        Ask about a refusal only whether it is right.
    """
    roster, rules = one
    reasons: tuple[Reason, ...] = ()
    begin = process_time()
    try:
        ours = allocate(roster, rules, seed=1)
    except Infeasible as error:
        ours, reasons = error.best, error.reasons
    found.seconds += process_time() - begin
    found.compared += 1
    broken = {one.code for one in verify(roster, rules, ours.pairs)}
    if broken - (set() if ours.status == "ok" else {"gives", "receives", "section_share"}):
        found.wrong.append(f"{label}: broken {sorted(broken)}")
        return
    asked = question(ours)
    if trusted:
        asked["sure"] = [one.name for one in ours.goals if one.proven]
    theirs = solver.put(asked | {"brief": brief})
    if ours.status != "ok":
        found.refused += 1
        if theirs["possible"]:
            found.wrong.append(f"{label}: refused, but possible: {[one.text for one in reasons]}")
        if theirs["possible"] or theirs["possible"] is None:
            return
        if not reasons:
            found.wrong.append(f"{label}: no reason")
        if theirs.get("most") is not None and theirs["most"] != number_of(ours):
            found.misses.append(f"{label}: {number_of(ours)} reviews of {theirs['most']}")
            return
    found.possible += ours.status == "ok"
    if "uneven" in theirs and theirs["uneven"][1] is not None and theirs["uneven"][0] != theirs["uneven"][1]:
        into = found.wrong if ours.status == "ok" else found.misses
        into.append(f"{label}: uneven {theirs['uneven']}")
    _compare_goals(ours, theirs, found, label)


def _compare_goals(ours: Allocation, theirs: dict[str, Any], found: Found, label: str) -> None:
    for report in ours.goals:
        if report.name not in theirs.get("goals", ()):
            continue
        best = theirs["goals"][report.name]
        if best is None:
            found.undecided += 1
            continue
        if ours.status == "ok":
            found.goals += 1
            found.proven += report.proven
            found.best += report.value == best
        if report.bound > best or report.value < best:
            found.wrong.append(f"{label}: {report.text}, but {best} is the optimum")
        elif report.value != best and ours.status == "ok":
            found.off[report.value - best] += 1
            found.misses.append(f"{label}: {report.text}, optimum {best}")


def question(ours: Allocation) -> dict[str, Any]:
    """What the solver is asked. Co-authors who review the same submissions count once in its loads."""
    loads = Counter(work for _, work in _as_units(ours))
    return {
        "instance": json.loads(write_instance("", ours.roster, ours.rules)),
        "status": ours.status,
        "loads": [loads[one.id] for one in ours.roster.submissions],
        "goals": [(one.name, one.value) for one in ours.goals],
    }


def number_of(ours: Allocation) -> int:
    return len(_as_units(ours))


def _as_units(ours: Allocation) -> set[tuple[str, str]]:
    if ours.rules.co_authors != "same":
        return set(ours.pairs)
    usual = ours.rules.reviews_per_reviewer
    gives = {one.id: usual if one.gives is None else one.gives for one in ours.roster.participants}
    first: dict[str, str] = {}
    for work in ours.roster.submissions:
        some = [one for one in work.authors if gives[one]] if len(work.authors) > 1 else []
        first.update(dict.fromkeys(some, min(some, default="")))
    return {(first.get(one, one), work) for one, work in ours.pairs}


def main() -> None:
    parser = ArgumentParser(description=__doc__, prog="python -m benchmarks.fuzz")
    parser.add_argument("--instances", type=int, default=20_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first class")
    parser.add_argument("--sizes", type=int, nargs=2, metavar=("FEWEST", "MOST"), help="classes like courses")
    parser.add_argument("--misses", action="store_true", help="show where an optimum was missed")
    asked = parser.parse_args()
    found = Found()
    with Oracle("benchmarks.fuzz_solver") as solver, suppress(KeyboardInterrupt):
        for number in range(asked.first, asked.first + asked.instances):
            try:
                one = like_a_course(number, *asked.sizes) if asked.sizes else instance(number)
            except AllocationError:
                continue
            if accepted(one):
                before = len(found.wrong), len(found.misses)
                compare(one, solver, found, f"{number}", trusted=asked.sizes is not None)
                for note in found.wrong[before[0] :]:
                    print("WRONG", note, file=sys.stderr, flush=True)
                for note in found.misses[before[1] :] if asked.misses else ():
                    print("missed", note, file=sys.stderr, flush=True)
    show(found)
    sys.exit(bool(found.wrong))


def show(found: Found) -> None:
    share = 100 * found.best / max(1, found.goals)
    print(
        f"{found.compared} classes, {found.possible} possible, {found.refused} refused, "
        f"{len(found.wrong)} wrong; goals at the optimum {found.best} of {found.goals} ({share:.2f} %), "
        f"off by {dict(sorted(found.off.items()))}, proven {found.proven}, undecided by the solver "
        f"{found.undecided}; engine {found.seconds:.0f} s"
    )


if __name__ == "__main__":
    main()
