"""``reciprocal="forbid"``: an allocation in which nobody reviews each other, or why there is none.

First the quick ways: moves aimed at such pairs, and cycles. What they leave is decided exactly in classes of
up to `oneway.LARGEST` people; larger ones get several independent starts. Quotas come first, then the number
of reviews, then how even the loads are: if only less even loads keep people apart, they are taken.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from allocation.problem import Problem
from allocation.rules import Goal
from allocation.strategies.board import Board
from allocation.strategies.cycles import improve
from allocation.strategies.exact import augment, fill, level
from allocation.strategies.oneway import LARGEST, Conflicts, decide
from allocation.strategies.search import aim, fixed_reciprocal
from allocation.strategies.start import draw, random_start
from allocation.strategies.tally import Tally, lexicographic, reciprocal_people
from allocation.stream import Stream

STARTS = 6
"""Independent starts in a class that is too large for the exact search."""
EFFORT = 300_000
"""Effort of `improve` for one start, beside some for each person and submission."""
PARTIAL = 1_500
"""Nodes of the exact search for the largest number of reviews, where not all fit."""


@dataclass(frozen=True, slots=True)
class Freed:
    """What came of it.

    Attributes
    ----------
    board : Board
        Nobody reviews each other on it, except where fixed pairs say so.
    attempt : Board
        The best attempt with all reviews, for the reason where ``missing``.
    missing : bool
        Not every quota is met.
    proven : bool
        Where ``missing``: no allocation meets them all.
    as_even : bool
        The loads are the most even ones, as without the rule.
    """

    board: Board
    attempt: Board
    missing: bool
    proven: bool
    as_even: bool


def free(board: Board, complete: bool, stream: Callable[[str], Stream]) -> Freed:
    """The best board without people who review each other; ``board`` is the best one with them."""
    problem = board.problem
    excused = fixed_reciprocal(problem)
    if complete:
        _try(board, stream("one way"))
        if reciprocal_people(board) <= excused:
            return Freed(board, board, missing=False, proven=False, as_even=True)
        found, proven = _elsewhere(problem, stream)
        if found is not None:
            even = _levels(found) == _levels(board)
            return Freed(found, board, missing=False, proven=False, as_even=even)
        return Freed(_most(board, stream), board, missing=True, proven=proven, as_even=False)
    if reciprocal_people(board) <= excused:
        return Freed(board, board, missing=True, proven=True, as_even=True)
    return Freed(_most(board, stream), board, missing=True, proven=True, as_even=False)


def _try(board: Board, stream: Stream) -> None:
    """Moves and cycles that look at nothing else."""
    goals = [Goal.RECIPROCAL]
    bounds = {Goal.RECIPROCAL: fixed_reciprocal(board.problem)}
    aim(board, Tally(board, lexicographic(board.problem, goals)), stream, bounds)
    if reciprocal_people(board) > bounds[Goal.RECIPROCAL]:
        improve(board, goals, stream, EFFORT + 20 * (len(board.out) + len(board.load)))


def _elsewhere(problem: Problem, stream: Callable[[str], Stream]) -> tuple[Board | None, bool]:
    """A complete board from the exact search or from other starts, and whether the answer is proven."""
    if len(problem.people) <= LARGEST:
        answer = decide(problem, stream("exact search"), quotas=True)
        return answer.board, answer.proven
    excused = fixed_reciprocal(problem)
    for start in range(STARTS):
        words = stream(f"start {start}")
        if start % 2:  # other loads, as far as the bounds of the submissions let them be
            board = Board(problem)
            draw(board, words, problem.high)
            augment(board, words, problem.low)
            augment(board, words, problem.high)
            if not board.complete():
                fill(board, words)
        else:
            board = random_start(problem, words)
            fill(board, words)
        _try(board, words)
        if reciprocal_people(board) <= excused:
            return board, False
    return None, False


def _most(board: Board, stream: Callable[[str], Stream]) -> Board:
    """As many reviews as possible without people who review each other (as many as were found)."""
    problem = board.problem
    best = _dropped(board, stream("what is left"))
    if len(problem.people) <= LARGEST:
        found = decide(problem, stream("most reviews"), quotas=False, nodes=PARTIAL).board
        if found is not None:
            best = min(best, found, key=lambda one: (sum(one.short), _levels(one)))
    return best


def _dropped(board: Board, stream: Stream) -> Board:
    """Take back a review of each two people who review each other, then place what fits elsewhere."""
    problem, conflicts = board.problem, Conflicts(board.problem)
    board = board.copy()
    fixed = set(problem.locked)

    def answered(r: int, s: int) -> bool:
        return any(any(barred >> t & 1 for t in board.out[x]) for x, barred in conflicts.answers(r, s))

    for r, works in enumerate(board.out):
        for s in sorted(works):
            if (r, s) not in fixed and answered(r, s):
                board.remove(r, s)
    order = [r for r, short in enumerate(board.short) if short > 0]
    stream.shuffle(order)
    for r in order:
        for s in sorted(problem.pool[r], key=lambda s: board.load[s]):
            if board.short[r] <= 0:
                break
            if (
                board.load[s] < problem.high[s] and s not in board.out[r] and problem.allowed(r, s)
                and problem.holder(r, s, board.out) < 0 and not answered(r, s)
            ):  # fmt: skip
                board.place(r, s)
    return board


def _levels(board: Board) -> int:
    problem = board.problem
    return sum(level(problem, s, unit) for s, load in enumerate(board.load) for unit in range(1, load + 1))


def fixed_both(problem: Problem, a: int, b: int) -> bool:
    """Whether fixed pairs say that these two review each other."""
    fixed, mine, theirs = problem.locked, _seats_of(problem, a), _seats_of(problem, b)
    forth = any(r in mine and b in problem.authors[s] for r, s in fixed)
    return forth and any(r in theirs and a in problem.authors[s] for r, s in fixed)


def _seats_of(problem: Problem, r: int) -> tuple[int, ...]:
    """All seats of the person who has this seat."""
    return (r,) if problem.alike is None else problem.alike[r]
