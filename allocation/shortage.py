"""Find the people and works that cannot all be satisfied (Hall's condition), and recount such a set.

Hall's condition, in the form of Ore and of Hoffman: the quotas can be met if and only if

* for every set R of people, the sum of what they give <= sum over works of min(most, people of R who may
review it), and
* for every set X of works, the sum of their fewest <= sum over people of min(gives, works of X that he may
review).

Fixed pairs count beforehand, on both sides. A set that breaks an inequality proves that nothing can be done
under the rules.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from allocation.problem import Problem
from allocation.strategies.board import Board
from allocation.strategies.exact import Phase

RECOUNTS = 3_000_000
"""Effort for making a set smaller, in people and works looked at."""


@dataclass(frozen=True, slots=True)
class Shortage:
    """A set that breaks Hall's condition: people who cannot give, or works that cannot get, what they
    must."""

    side: str  # "people" or "works"
    members: tuple[int, ...]
    others: tuple[int, ...]
    need: int
    have: int


class Counts:
    """Recounts both sides of Hall's condition for any set, in O(people + works + blocked pairs)."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.gives = list(problem.gives)
        self.high = list(problem.high)
        self.low = list(problem.low)
        self.fixed: dict[int, set[int]] = defaultdict(set)
        for r, s in problem.locked:
            self.gives[r] -= 1
            self.high[s] -= 1
            self.low[s] -= 1
            self.fixed[r].add(s)
        self.size = len(problem.people) + len(problem.works)

    def for_people(self, members: list[int]) -> tuple[int, int, list[int]]:
        """Reviews that these people must give, how many of them fit, and the works where they do."""
        problem = self.problem
        kinds: dict[int, int] = defaultdict(int)
        for r in members:
            kinds[problem.kind_of[r]] += 1
        at_bucket = [0] * len(problem.buckets)
        for kind, number in kinds.items():
            for b in problem.reach[kind]:
                at_bucket[b] += number
        takers = [at_bucket[b] for b in problem.bucket_of]
        for r in members:
            reached = problem.reach_set[problem.kind_of[r]]
            for s in problem.blocked[r] | self.fixed[r] if r in self.fixed else problem.blocked[r]:
                if problem.bucket_of[s] in reached:
                    takers[s] -= 1
        need = sum(self.gives[r] for r in members)
        have = sum(min(most, number) for most, number in zip(self.high, takers, strict=True) if most > 0)
        return need, have, [s for s, number in enumerate(takers) if number and self.high[s] > 0]

    def for_works(self, members: list[int]) -> tuple[int, int, list[int]]:
        """Reviews that these works must get, how many of them people can give, and who can."""
        problem = self.problem
        inside = set(members)
        at_bucket = [0] * len(problem.buckets)
        for s in members:
            at_bucket[problem.bucket_of[s]] += 1
        of_kind = [sum(at_bucket[b] for b in reached) for reached in problem.reach]
        need = sum(max(0, self.low[s]) for s in members)
        have = 0
        helpers = []
        for r, wanted in enumerate(self.gives):
            free = of_kind[problem.kind_of[r]]
            if not wanted or not free:
                continue
            reached = problem.reach_set[problem.kind_of[r]]
            barred = problem.blocked[r] | self.fixed[r] if r in self.fixed else problem.blocked[r]
            small, large = (barred, inside) if len(barred) < len(inside) else (inside, barred)
            free -= sum(1 for s in small if s in large and problem.bucket_of[s] in reached)
            if free:
                have += min(wanted, free)
                helpers.append(r)
        return need, have, helpers

    def count(self, side: str, members: list[int]) -> tuple[int, int, list[int]]:
        return self.for_people(members) if side == "people" else self.for_works(members)


def find_shortages(board: Board, most: int = 4) -> list[Shortage]:
    """Up to ``most`` sets that break Hall's condition; ``board`` comes from `exact.fill` and is not complete.

    Starts from one person who is short (or one work), closes his choices under "whoever reviews there could
    move", and makes the
    closure smaller while it still proves the shortage.
    """
    problem = board.problem
    counts = Counts(problem)
    found: list[Shortage] = []
    named: set[tuple[str, int]] = set()
    shares: dict[str, list[int]] = {
        "works": [s for s, load in enumerate(board.load) if load < problem.low[s]],
        "people": [r for r, wanted in enumerate(board.short) if wanted > 0],
    }
    for side, starts in (("people", shares["people"]), ("works", shares["works"])):
        close: Callable[[Board, int], list[int]] = _people_closure if side == "people" else _works_closure
        for start in starts:
            if len(found) >= most:
                break
            if (side, start) in named:
                continue
            closure = close(board, start)
            shortage = _smallest(counts, side, start, closure)
            found.append(shortage)
            named.update((side, one) for one in (*closure, *shortage.members))
    return _tell_once(found)


def _tell_once(found: list[Shortage]) -> list[Shortage]:
    """A lack on one side often shows as one on the other; keep those of the side that needs fewer names."""
    sides = {side: [one for one in found if one.side == side] for side in ("people", "works")}
    if not sides["people"] or not sides["works"]:
        return found
    size = {side: min(len(one.members) + len(one.others) for one in ones) for side, ones in sides.items()}
    first = "people" if size["people"] <= size["works"] else "works"
    touched = {r for one in sides[first] for r in (one.members if first == "people" else one.others)}
    rest = [
        one for one in sides["works" if first == "people" else "people"]
        if not touched.intersection(one.others if first == "people" else one.members)
    ]  # fmt: skip
    return sides[first] + rest


def _people_closure(board: Board, start: int) -> list[int]:
    phase = Phase(board, [False] * len(board.load), list(range(len(board.load))))
    phase.search(start)
    return [r for r, seen in enumerate(phase.seen_reviewer) if seen]


def _works_closure(board: Board, start: int) -> list[int]:
    """Works whose reviewers would have to move for the first one to gain a review."""
    problem = board.problem
    waiting: list[list[int]] = [[] for _ in problem.reach]
    for r, kind in enumerate(problem.kind_of):
        waiting[kind].append(r)
    kinds_at: dict[int, list[int]] = defaultdict(list)
    for kind, reached in enumerate(problem.reach):
        for b in reached:
            kinds_at[b].append(kind)
    holds: list[list[int]] = [[] for _ in problem.people]
    for s, reviewers in enumerate(board.into):
        for r in reviewers:
            holds[r].append(s)
    seen = {start}
    stack = [start]
    while stack:
        s = stack.pop()
        for kind in kinds_at[problem.bucket_of[s]]:
            stay = []
            for r in waiting[kind]:
                if s in problem.blocked[r] or s in board.out[r]:
                    stay.append(r)
                    continue
                for other in holds[r]:
                    if other not in seen:
                        seen.add(other)
                        stack.append(other)
            waiting[kind] = stay
    return sorted(seen)


def _smallest(counts: Counts, side: str, start: int, closure: list[int]) -> Shortage:
    """The start alone, all of its kind, or everybody, whichever lacks most; else the closure, made
    smaller."""
    problem = counts.problem
    alike = problem.kind_of if side == "people" else problem.bucket_of
    best: Shortage | None = None
    for members in (
        [start],
        [one for one, kind in enumerate(alike) if kind == alike[start]],
        list(range(len(alike))),
    ):
        need, have, others = counts.count(side, members)
        if need - have > (best.need - best.have if best else 0):
            best = Shortage(side, tuple(members), tuple(others), need, have)
    if best is not None:
        return best
    members = _shrink(counts, side, closure)
    need, have, others = counts.count(side, members)
    assert need > have, "a closure always breaks Hall's condition"
    return Shortage(side, tuple(members), tuple(others), need, have)


def _shrink(counts: Counts, side: str, members: list[int]) -> list[int]:
    """Leave out ever smaller pieces while what is left is still a proof. Minimal unless the effort runs
    out."""
    recounts = max(8, RECOUNTS // counts.size)
    piece = max(1, len(members) // 2)
    while recounts:
        smaller = False
        at = 0
        while at < len(members) and recounts:
            rest = members[:at] + members[at + piece :]
            recounts -= 1
            if rest:
                need, have, _ = counts.count(side, rest)
                if need > have:
                    members = rest
                    smaller = True
                    continue
            at += piece
        if piece == 1 and not smaller:
            break
        piece = max(1, piece // 2)
    return members
