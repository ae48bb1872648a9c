"""Pursue the goals beyond moved pairs and repeats, and work out what is proven about each.

Moves aimed at defects (`search.aim`), cycles (`cycles.improve`), and where neither reaches the bounds, kicks:
a few random moves, cycles again, and the better of both. Effort is counted in moves and labels, never in
seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from allocation.problem import Problem
from allocation.rules import Goal
from allocation.strategies.board import Board
from allocation.strategies.cycles import PRICED, cancel, improve, prices
from allocation.strategies.search import aim, unreachable
from allocation.strategies.tally import Tally, lexicographic, measure
from allocation.strategies.walk import LONG, Walk
from allocation.stream import Stream

IMPROVING = 600_000
"""Effort of the first `improve`, beside some for each person and submission."""
KICKING = 1_500_000
"""Effort of all kicks together."""
LARGEST_TWICE = 1000
"""People up to whom the search is made from the relaxed optimum as well."""
LARGEST_KICKED = 120
"""People up to whom kicks are worth their time: in a larger class one kick is lost among all reviews."""
KICKS = 60
"""Kicks in a row without a better result, after which it is enough."""
SEARCHED = (Goal.RECIPROCAL, Goal.STRONG, Goal.SAME_LEVEL, Goal.MIXED)

Streams = Callable[[str], Stream]


@dataclass(frozen=True, slots=True)
class Relaxed:
    """What is possible when nobody minds people who review each other, nor islands.

    Attributes
    ----------
    values : mapping
        The goals that prices tell at their optimum, each given those before it.
    alone : mapping
        Numbers that hold whatever the other goals are.
    """

    values: Mapping[Goal, int]
    alone: Mapping[Goal, int]
    final: bool = False
    """The loads are not the most even ones, or reviews are missing: there is no exact optimum to look for."""

    def bounds(self, goals: Sequence[Goal], reached: Mapping[Goal, int]) -> dict[Goal, int]:
        """For each goal a bound given what the goals before it have reached.

        The optimum given the optima before holds only where these were reached: otherwise an earlier goal
        leaves the later one more freedom.
        """
        result: dict[Goal, int] = {}
        as_relaxed = True
        for goal in goals:
            alone = self.alone.get(goal, 0)
            known = self.values.get(goal)
            result[goal] = alone if known is None or not as_relaxed else max(alone, known)
            as_relaxed = as_relaxed and (known is None or reached[goal] == known)
        return result


def alone(problem: Problem, goals: Sequence[Goal]) -> dict[Goal, int]:
    """Bounds by flows that look at one goal only, whatever the loads."""
    found = {}
    if Goal.STRONG in goals:
        found[Goal.STRONG] = unreachable(problem, strong=True)
    if Goal.MIXED in goals:
        found[Goal.MIXED] = unreachable(problem, strong=True) + unreachable(problem, strong=False)
    return found


def pursue(board: Board, goals: Sequence[Goal], relaxed: Relaxed, stream: Streams) -> tuple[Board, Relaxed]:
    """The best board that was found, and what is known about the goals without reciprocal pairs."""
    counted = [goal for goal in goals if goal is not Goal.CONNECTED]
    if not set(SEARCHED).intersection(counted):
        return board, relaxed

    def done(one: Board) -> bool:
        reached = measure(one, counted)
        bounds = relaxed.bounds(counted, reached)
        return all(reached[goal] <= bounds[goal] for goal in counted)

    aim(board, _tally(board, goals), stream("aimed"), relaxed.bounds(counted, measure(board, counted)))
    if done(board):
        return board, relaxed
    size = len(board.out) + len(board.load)
    improve(board, counted, stream("cycles"), IMPROVING + 400 * size)
    if done(board):
        return board, relaxed
    board, relaxed = _relax(board, counted, relaxed, stream)
    if done(board):
        return board, relaxed
    if len(board.out) <= LARGEST_KICKED:
        board = _kicked(board, counted, done, stream("kicks"))
    return board, relaxed


def _tally(board: Board, goals: Sequence[Goal]) -> Tally:
    return Tally(board, lexicographic(board.problem, goals))


def _values(board: Board, goals: Sequence[Goal]) -> list[int]:
    return list(measure(board, goals).values())


def _relax(board: Board, counted: Sequence[Goal], relaxed: Relaxed, stream: Streams) -> tuple[Board, Relaxed]:
    """The exact optimum of the goals that prices tell; the board that has it, made better in the others, if
    that is the better one."""
    priced = [goal for goal in counted if goal in PRICED]
    by_level = {Goal.STRONG, Goal.SAME_LEVEL, Goal.MIXED}.intersection(priced)
    if relaxed.final or not by_level or board.problem.mates is not None or not board.complete():
        return board, relaxed
    other = board.copy()
    if cancel(other, prices(board.problem, priced), stream("relaxed")):
        relaxed = Relaxed(measure(other, priced), relaxed.alone)
    if Goal.RECIPROCAL in counted and len(board.out) <= LARGEST_TWICE:
        aim(other, _tally(other, counted), stream("aimed after cycles"), dict(relaxed.values))
        size = len(board.out) + len(board.load)
        improve(other, counted, stream("cycles after cycles"), IMPROVING + 100 * size)
    return min(board, other, key=lambda one: _values(one, counted)), relaxed


def _kicked(board: Board, counted: Sequence[Goal], done: Callable[[Board], bool], stream: Stream) -> Board:
    """Kick the board a little, improve it, and go on from the better one (iterated local search)."""
    best = _values(board, counted)
    effort, in_vain = KICKING, 0
    while effort > 0 and in_vain < KICKS:
        other = board.copy()
        walk = Walk(other, None, stream)
        slots = len(walk.rev)
        if slots < 2:
            break
        for _ in range(1 + stream.below(1 + min(8, slots // 4))):
            walk.move(stream.below(slots), walk.weight, LONG, 0)
        walk.store()
        effort = improve(other, counted, stream, effort - 4 * slots)
        found = _values(other, counted)
        in_vain = 0 if found < best else in_vain + 1
        if found <= best:
            board, best = other, found
            if not in_vain and done(board):
                break
    return board
