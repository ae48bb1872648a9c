"""Complete a placement exactly: as many reviews as the rules allow, then the most even loads.

Maximum flow by augmenting paths (`paths`). No path from a person below quota to a work with room is left if
and only if the number of reviews is the largest possible (Ford and Fulkerson). Loads are evened out by paths
of the same kind from a work with too many reviews to one with fewer; no such path is left if and only if the
loads are optimal for every convex measure (Harvey, Ladner, Lovász, Tamir: Semi-matchings for bipartite
graphs, 2006).
"""

from __future__ import annotations

from allocation.problem import Problem
from allocation.strategies.board import Board
from allocation.strategies.paths import Phase, take
from allocation.stream import Stream

UNREACHED = 1 << 20
"""Added to the level of a unit above a work's fewest reviews: those come after everything else."""


def augment(board: Board, stream: Stream, most: list[int]) -> None:
    """Add reviews until their number is the largest that leaves every work at or below ``most``."""
    load, short = board.load, board.short
    order = list(range(len(load)))
    stream.shuffle(order)
    while True:
        starts = [r for r, wanted in enumerate(short) if wanted > 0]
        goal = [a < b for a, b in zip(load, most, strict=True)]
        if not starts or not any(goal):
            return
        stream.check()
        phase = Phase(board, goal, order)
        stream.shuffle(starts)
        if not phase.augment(starts, most):
            return


def level(problem: Problem, s: int, unit: int) -> int:
    """What the unit-th review of a work costs: the emptier the work the less, and less still below its
    fewest."""
    return unit if unit <= problem.low[s] else UNREACHED + unit


def even_out(board: Board, stream: Stream) -> None:
    """Move reviews from works that have many to works that have few, until no movement makes the loads more
    even.

    Keeps the number of reviews. "More even" is by `level`: first bring works to their fewest reviews.
    """
    problem, load = board.problem, board.load
    order = list(range(len(load)))
    stream.shuffle(order)
    moved = True
    while moved:
        moved = False
        now = [level(problem, s, load[s]) if board.into[s] else -1 for s in order]
        for height in sorted(set(now), reverse=True):
            stream.check()
            goal = [
                load[s] < problem.high[s] and level(problem, s, load[s] + 1) < height
                for s in range(len(load))
            ]
            if any(goal):
                givers = [s for s, own in zip(order, now, strict=True) if own == height]
                moved |= _lower(board, givers, goal, order, height)


def _lower(board: Board, givers: list[int], goal: list[bool], order: list[int], height: int) -> bool:
    """One phase of `even_out`: each of the givers passes on at most one review."""
    problem, load = board.problem, board.load
    phase = Phase(board, goal, order)
    for s in givers:
        phase.see(s)
    moved = False
    for s in givers:
        if level(problem, s, load[s]) != height:
            continue
        for x in list(board.into[s]):
            path = phase.search(x)
            if path is not None:
                board.remove(x, s)
                take(board, path)
                end = path[-1][1]
                again = load[end] < problem.high[end] and level(problem, end, load[end] + 1) < height
                phase.arrived(end, again=again)
                moved = True
                break
    return moved


def share_shortage(board: Board, stream: Stream) -> None:
    """Spread the reviews that cannot be given evenly over the people, without changing the load of any
    work."""
    order = list(range(len(board.load)))
    stream.shuffle(order)
    moved = True
    while moved:
        moved = False
        for worst in sorted({wanted for wanted in board.short if wanted > 1}, reverse=True):
            ends = [wanted <= worst - 2 for wanted in board.short]
            phase = Phase(board, [False] * len(board.load), order, ends)
            stream.check()
            for r, wanted in enumerate(board.short):
                path = phase.search(r) if wanted == worst else None
                if path is not None:
                    take(board, path)
                    ends[path[-1][0]] = board.short[path[-1][0]] <= worst - 2
                    moved = True


def fill(board: Board, stream: Stream) -> bool:
    """Bring the board to the largest number of reviews and, among these, to the most even loads.

    Returns
    -------
    bool
        Whether every quota is met. The answer is exact: if not, no allocation meets them all.
    """
    if board.complete():
        return True
    augment(board, stream, board.problem.low)
    if board.complete():  # every work has exactly its fewest reviews: nothing is more even
        return True
    augment(board, stream, board.problem.high)
    even_out(board, stream)
    share_shortage(board, stream)
    return board.complete()
