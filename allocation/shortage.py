"""Find the people and works that cannot all be satisfied, and make such a set as small as it goes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from allocation.classes import Classes, Shortage, Side, join_alike
from allocation.counts import Counts
from allocation.errors import EngineError
from allocation.roster import Roster
from allocation.rules import Rules
from allocation.strategies.board import Board
from allocation.strategies.paths import Phase
from allocation.stream import go_on

RECOUNTS = 3_000_000
"""Effort for making a set smaller, in people and works looked at."""

MOST = 4
"""At most so many reasons for each side; sections that lack the same are one."""


def find_shortages(
    roster: Roster, rules: Rules, board: Board, check: Callable[[], None] = go_on
) -> list[Shortage]:
    """Sets that break Hall's condition; ``board`` comes from `exact.fill` and is not complete.

    Looks at each person who is short, and each work: is his whole section short, his group, he alone, all
    together? If not, closes his choices under "whoever reviews there could move", and makes the closure
    smaller while it still proves the shortage. ``check`` is called now and then, and may raise.
    """
    problem = board.problem
    counts = Counts(problem)
    classes = Classes(roster, rules, counts)
    starts: dict[Side, list[int]] = {
        "people": [r for r, wanted in enumerate(board.short) if wanted > 0],
        "works": [s for s, load in enumerate(board.load) if load < problem.low[s]],
    }
    found = {side: _of_side(side, some, board, counts, classes, check) for side, some in starts.items()}
    return _tell_once(found["people"], found["works"], counts)


def _of_side(
    side: Side, starts: list[int], board: Board, counts: Counts, classes: Classes, check: Callable[[], None]
) -> list[Shortage]:
    close: Callable[[Board, int], list[int]] = _people_closure if side == "people" else _works_closure
    named: set[int] = set()
    found: list[Shortage] = []
    searched = 0
    for start in starts:
        check()
        if start in named:
            continue
        shortage = classes.shortage(side, start)
        if shortage is None:
            if searched == MOST:
                continue
            searched += 1
            closure = close(board, start)
            named.update(closure)
            members = _shrink(counts, side, closure, check)
            count = counts.count(side, members)
            if count.lack <= 0:
                raise EngineError(
                    f"A shortage of {side} could not be counted again ({count.need} of {count.have}). "
                    "This is an error of the engine: please report it with the roster and the rules."
                )
            shortage = Shortage(side, tuple(members), tuple(count.others), count.need, count.have)
        named.update(shortage.members)
        found.append(shortage)
    return join_alike(found, counts)[:MOST]


def _tell_once(people: list[Shortage], works: list[Shortage], counts: Counts) -> list[Shortage]:
    """A lack on one side mostly shows as one on the other; tell it from the side with the fewer members.

    It is the same lack if there would be none could those who are told review, or be reviewed by, anybody.
    """

    def members(some: list[Shortage]) -> int:
        return sum(len(one.members) for one in some)

    first, second = (people, works) if members(people) <= members(works) else (works, people)
    if not first:
        return second
    told = frozenset(one for shortage in first for one in shortage.members)
    if len(told) == len(counts.problem.people if first is people else counts.problem.works):
        return first
    rest = []
    for one in second:
        need, have, _ = counts.count(one.side, list(one.members), told)
        if need > have:
            rest.append(one)
    return first + rest


def _people_closure(board: Board, start: int) -> list[int]:
    phase = Phase(board, [False] * len(board.load), list(range(len(board.load))))
    phase.search(start)
    return [r for r, seen in enumerate(phase.seen_reviewer) if seen]


def _works_closure(board: Board, start: int) -> list[int]:
    """Works whose reviewers would have to move for the first one to gain a review."""
    problem = board.problem
    waiting: list[list[int]] = [[] for _ in problem.reach_set]
    for r, kind in enumerate(problem.kind_of):
        waiting[kind].append(r)
    kinds_at: dict[int, list[int]] = defaultdict(list)
    for kind, reached in enumerate(problem.reach_set):
        for b in reached:
            kinds_at[b].append(kind)
    holds: list[list[int]] = [[] for _ in problem.people]
    for s, reviewers in enumerate(board.into):
        for r in reviewers:
            holds[r].append(s)
    seen = {start}
    stack = [start]
    gone: set[int] = set()

    def reach(r: int) -> None:
        """r could give more; so could a co-author who might take a work over from r."""
        if r in gone:
            return
        gone.add(r)
        for other in holds[r]:
            if other not in seen:
                seen.add(other)
                stack.append(other)
        for x in problem.mates[r] if problem.mates is not None else ():
            if any(problem.allowed(x, other) and other not in board.out[x] for other in holds[r]):
                reach(x)

    while stack:
        s = stack.pop()
        for kind in kinds_at[problem.bucket_of[s]]:
            stay = []
            for r in waiting[kind]:
                if s in problem.blocked[r] or s in board.out[r] or problem.holder(r, s, board.out) >= 0:
                    stay.append(r)
                    continue
                reach(r)
            waiting[kind] = stay
    return sorted(seen)


def _shrink(counts: Counts, side: Side, members: list[int], check: Callable[[], None]) -> list[int]:
    """Leave out ever smaller pieces while what is left is still a proof. Minimal unless the effort runs
    out."""
    counts.tabulate()
    recounts = max(8, RECOUNTS // counts.effort)
    piece = max(1, len(members) // 2)
    while recounts:
        smaller = False
        at = 0
        while at < len(members) and recounts:
            check()
            rest = members[:at] + members[at + piece :]
            recounts -= 1
            if rest and counts.count(side, rest).lack > 0:
                members = rest
                smaller = True
                continue
            at += piece
        if piece == 1 and not smaller:
            break
        piece = max(1, piece // 2)
    return members
