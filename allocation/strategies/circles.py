"""Join separate review circles (*islands* of the comparison graph) by exchanging two reviews.

Taking a -> s and b -> t from two islands and placing a -> t and b -> s joins them wherever both pairs lie on
a cycle; each join is checked by counting again. No exchange makes another goal worse, with one exception: a
*late circle*, an island of people of whom nobody is in the existing allocation, may give up one existing pair
to join the others. So at most one pair is moved for each late circle, and none when nobody is late.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from collections.abc import Set as AbstractSet

from allocation.problem import Problem
from allocation.rules import Goal
from allocation.strategies.board import Board
from allocation.strategies.tally import Tally, islands, number_of_islands
from allocation.stream import Stream

JOINS = 400
"""Exchanges tried for each island."""
RECOUNTS = 20
"""Exchanges of these that keep the score without joining anything, until the next island has its turn."""

Slots = list[tuple[int, int]]


def join_islands(
    board: Board, tally: Tally, stream: Stream, fewest: int, late: Collection[int] = frozenset()
) -> int:
    """Join islands of the comparison graph; ``late`` are the people of whom no existing pair names anybody.

    Returns
    -------
    int
        The number of islands that are left.
    """
    number = number_of_islands(board)
    while number > fewest:
        parts = _parts(board)
        if len(parts) < 2:
            return number
        if not any(_join(board, tally, stream, part, parts, number, 0) for part in parts[:-1]):
            break
        number = number_of_islands(board)
    for circle in late_circles(board, late) if late and Goal.MOVED in tally.weights else ():
        parts = _parts(board)
        mine = next((part for part in parts if not circle.isdisjoint(part)), None)
        if number <= fewest or mine is None or circle != frozenset(mine):
            continue  # joined meanwhile, by the exchange of another late circle
        if _join(board, tally, stream, mine, parts, number, 1):
            number = number_of_islands(board)
    return number


def late_people(problem: Problem, named: AbstractSet[str]) -> frozenset[int]:
    """People whom no existing pair names: ``named`` are its reviewers and the authors of its submissions."""
    return frozenset(r for r in range(len(problem.people)) if named and named.isdisjoint(problem.names(r)))


def late_circles(board: Board, late: Collection[int]) -> list[frozenset[tuple[int, int]]]:
    """The reviews of each island of late people alone, the smallest island first."""
    problem = board.problem
    return [
        frozenset(part)
        for part in _parts(board)
        if all(r in late and all(a in late for a in problem.authors[s]) for r, s in part)
    ]


def _parts(board: Board) -> list[Slots]:
    """The reviews of each island that may be moved, the smallest island first."""
    island = islands(board)
    members: dict[int, Slots] = defaultdict(list)
    for s, reviewers in enumerate(board.into):
        for r in reviewers:
            members[island[r]].append((r, s))
    return sorted(members.values(), key=len)


def _join(
    board: Board, tally: Tally, stream: Stream, part: Slots, parts: list[Slots], number: int, budget: int
) -> bool:
    """Try exchanges between this circle and the others that give up at most ``budget`` existing pairs."""
    others = [pair for other in parts if other is not part for pair in other]
    problem, out = board.problem, board.out
    price = tally.weights.get(Goal.MOVED, 0)
    recounts = RECOUNTS
    for _ in range(JOINS if others else 0):
        a, s = part[stream.below(len(part))]
        b, t = others[stream.below(len(others))]
        if a == b or t in out[a] or s in out[b] or not problem.allowed(a, t) or not problem.allowed(b, s):
            continue
        if not board.takes_over(a, t, b) or not board.takes_over(b, s, a):
            continue
        moved = 0
        if price:
            moved = sum(problem.existing.get(one, 0) for one in ((a, s), (b, t)))
            moved -= sum(problem.existing.get(one, 0) for one in ((a, t), (b, s)))
        if moved > budget:
            continue
        change = exchange(board, tally, a, s, b, t)
        if change <= moved * price:
            recounts -= 1
            if number_of_islands(board) < number:
                return True
        exchange(board, tally, a, t, b, s)
        if not recounts:
            return False
    return False


def exchange(board: Board, tally: Tally, a: int, s: int, b: int, t: int) -> int:
    """Replace a -> s and b -> t by a -> t and b -> s. Returns the change of the score."""
    board.remove(a, s)
    change = tally.loss(a, s)
    board.remove(b, t)
    change += tally.loss(b, t)
    change += tally.gain(a, t)
    board.place(a, t)
    change += tally.gain(b, s)
    board.place(b, s)
    return change
