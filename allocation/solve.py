"""From a compiled problem to pairs: the stages in order, and how much effort each gets. Effort is counted
in moves, never in seconds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from allocation.errors import Cancelled
from allocation.problem import Problem
from allocation.result import GoalReport
from allocation.rules import Goal, Rules
from allocation.stages import Stage, Stages, Tell
from allocation.strategies.board import Board
from allocation.strategies.circles import join_islands, late_people
from allocation.strategies.costs import cheapest, pair_costs
from allocation.strategies.cycles import PRICED, cancel, prices
from allocation.strategies.exact import fill
from allocation.strategies.search import aim, anneal, fixed_reciprocal, lower_bounds
from allocation.strategies.start import random_start
from allocation.strategies.tally import Tally, lexicographic, measure, most_people, mutual_people
from allocation.strategies.walk import Walk
from allocation.stream import Stream

MIXING, SWEEPS = 12_000, 20
"""Moves of mixing for a problem of moderate size, and at most so many for each pair; a large problem gets one
for each pair, up to a number beyond which its random start needs no more:"""
LARGEST_MIXING = 20_000
THOROUGH_MIXING, THOROUGH_SWEEPS = 40_000, 40
"""The same where the random start left more than 2 in 100 pairs to completion, or where costs decided."""
MIXING_STEPS = 200_000
"""Steps after which mixing ends, beside a few for each pair; only where moves hardly ever close."""
ANNEALING = 60
"""Moves of annealing for each pair, and at most so many in all:"""
ANNEALING_MOST = 30_000


_STAGES = {
    "start": Stage.START,
    "completion": Stage.COMPLETION,
    "costs": Stage.COSTS,
    "aimed": Stage.SEARCH,
    "annealing": Stage.SEARCH,
    "aimed again": Stage.SEARCH,
    "mixing": Stage.MIXING,
    "islands": Stage.ISLANDS,
}
"""The stage of each stream of random numbers; all others belong to the cycles and what follows them."""


@dataclass(slots=True)
class Solved:
    """Pairs on a board, whether all quotas are met (and would be if people might review each other), and what
    became of the goals."""

    board: Board
    complete: bool
    quotas_fit: bool = True
    goals: tuple[GoalReport, ...] = ()
    mutual: list[tuple[int, int]] = field(default_factory=list)
    mutual_bound: int = 0


def solve(
    problem: Problem,
    rules: Rules,
    seed: str,
    key: bytes,
    cancelled: Callable[[], bool],
    *,
    mix: bool = True,
    tell: Tell | None = None,
) -> Solved:
    """Run all stages; ``tell`` hears how far it is.

    Raises
    ------
    Cancelled
    """

    def check() -> None:
        if cancelled():
            raise Cancelled("The allocation was cancelled.")

    goals = active_goals(problem, rules)
    stages = Stages(goals, tell)

    def stream(purpose: str) -> Stream:
        stages.enter(_STAGES.get(purpose, Stage.CYCLES))
        return Stream(seed, key, purpose, check, stages.moves)

    board = random_start(problem, stream("start"), without=problem.avoid if Goal.REPEATS in goals else None)
    left = sum(board.short)
    complete = fill(board, stream("completion"))
    if Goal.MOVED in goals or (Goal.REPEATS in goals and left):
        costs = pair_costs(problem, *_linear_weights(problem, goals))
        board = cheapest(problem, costs, stream("costs"), quotas_fit=complete)
        left = sum(problem.gives)
    bounds = lower_bounds(problem, board, goals)
    bounds |= measure(board, [goal for goal in goals if goal in (Goal.MOVED, Goal.REPEATS)])
    board = _search(board, goals, bounds, stream)
    board = _proven(board, goals, bounds, stream)
    if mix:
        _mix(board, goals, stream("mixing"), thorough=50 * left > sum(problem.gives))
    islands = 0
    if Goal.CONNECTED in goals:
        tally = Tally(board, lexicographic(problem, goals))
        late = late_people(problem, _named(problem, rules))
        islands = join_islands(board, tally, stream("islands"), bounds[Goal.CONNECTED], late)
    solved = Solved(board, complete, quotas_fit=complete)
    if rules.reciprocal == "forbid":
        _drop_mutual(solved, bounds[Goal.RECIPROCAL])
    counted = [goal for goal in goals if goal is not Goal.CONNECTED or solved.mutual]
    values = {Goal.CONNECTED: islands} | measure(solved.board, counted)
    solved.goals = tuple(
        GoalReport(goal.value, values[goal], min(values[goal], bounds[goal])) for goal in goals
    )
    return solved


def active_goals(problem: Problem, rules: Rules) -> list[Goal]:
    """The goals that the rules ask for and that have something to count, in order of importance."""
    asked = {
        Goal.MOVED: bool(problem.existing),
        Goal.REPEATS: bool(problem.avoid),
        Goal.RECIPROCAL: rules.reciprocal == "avoid",
        Goal.STRONG: problem.strong is not None,
        Goal.SAME_LEVEL: problem.strong is not None,
        Goal.MIXED: problem.strong is not None,
        Goal.CONNECTED: True,
    }
    goals = [goal for goal in rules.goals if asked[goal]]
    return [Goal.RECIPROCAL, *goals] if rules.reciprocal == "forbid" else goals


def _named(problem: Problem, rules: Rules) -> set[str]:
    """People whom the existing pairs name, as reviewers or as authors."""
    number = {one: s for s, one in enumerate(problem.works)} if rules.existing else {}
    named = {reviewer for reviewer, _ in rules.existing}
    for submission in {submission for _, submission in rules.existing} & number.keys():
        for a in problem.authors[number[submission]]:
            named.update(problem.names(a))
    return named


def _linear_weights(problem: Problem, goals: Sequence[Goal]) -> tuple[int, int]:
    """Costs of a moved pair and of a repeat, the earlier goal above all of the later one."""
    large = 1 + sum(problem.gives) * most_people(problem)
    linear = [goal for goal in goals if goal in (Goal.MOVED, Goal.REPEATS)]
    weight = {goal: large if i == 0 and len(linear) == 2 else 1 for i, goal in enumerate(linear)}
    return weight.get(Goal.MOVED, 0), weight.get(Goal.REPEATS, 0)


def _search(
    board: Board, goals: Sequence[Goal], bounds: dict[Goal, int], stream: Callable[[str], Stream]
) -> Board:
    """Aimed moves, then annealing where a defect is left that the bounds do not excuse."""
    problem = board.problem
    searched = [goal for goal in goals if goal in (Goal.RECIPROCAL, Goal.STRONG, Goal.MIXED)]
    if not searched:
        return board
    aim(board, Tally(board, lexicographic(problem, goals)), stream("aimed"), bounds)
    counted = [goal for goal in goals if goal is not Goal.CONNECTED]
    before = measure(board, counted)
    if all(before[goal] <= bounds[goal] for goal in searched):
        return board
    moves = min(ANNEALING_MOST, ANNEALING * sum(problem.gives))
    other = anneal(board, goals, stream("annealing"), moves)
    aim(other, Tally(other, lexicographic(problem, goals)), stream("aimed again"), bounds)
    after = measure(other, counted)
    return other if list(after.values()) < list(before.values()) else board


def _proven(
    board: Board, goals: Sequence[Goal], bounds: dict[Goal, int], stream: Callable[[str], Stream]
) -> Board:
    """The exact optimum of the goals that prices can tell, where the search may have missed it. Sets their
    bounds, and returns the better of both boards."""
    problem = board.problem
    priced = [goal for goal in goals if goal in PRICED]
    by_level = {Goal.STRONG, Goal.SAME_LEVEL, Goal.MIXED}.intersection(priced)
    if not by_level or problem.mates is not None or not board.complete():
        return board
    before = measure(board, priced)
    if all(before[goal] <= bounds[goal] for goal in priced):
        return board
    other = board.copy()
    if not cancel(other, prices(problem, goals), stream("cycles")):
        return board
    bounds |= measure(other, priced)
    other = _search(other, goals, bounds, lambda purpose: stream(f"{purpose} after cycles"))
    counted = [goal for goal in goals if goal is not Goal.CONNECTED]
    found = [list(measure(one, counted).values()) for one in (board, other)]
    return other if found[1] <= found[0] else board


def _mix(board: Board, goals: Sequence[Goal], stream: Stream, *, thorough: bool) -> None:
    """Walk among the allocations that are as good, so that what was found first has no advantage."""
    weights = lexicographic(board.problem, goals)
    walk = Walk(board, Tally(board, weights) if weights else None, stream)
    pairs = len(walk.rev)
    if pairs:
        most, about = (THOROUGH_SWEEPS, THOROUGH_MIXING) if thorough else (SWEEPS, MIXING)
        sweeps = max(1, min(most, about // pairs))
        moves = sweeps * pairs if thorough else min(sweeps * pairs, LARGEST_MIXING)
        walk.sweep(moves, MIXING_STEPS + 8 * pairs)
        walk.store()


def _drop_mutual(solved: Solved, bound: int) -> None:
    """Where nobody may review each other, take back a review of each such pair of people that the search
    left."""
    board = solved.board
    problem = board.problem
    excused = fixed_reciprocal(problem)
    left = [(a, b) for a, b in mutual_people(board) if not _fixed_both(problem, a, b)]
    if not left:
        return
    solved.complete = False
    solved.mutual = left
    solved.mutual_bound = max(0, bound - excused)
    fixed = set(problem.locked)
    for a, b in left:
        for giver, taker in ((a, b), (b, a)):
            seats = _seats_of(problem, giver)
            mine = [(r, s) for r in seats for s in problem.own[taker] if s in board.out[r]]
            if mine and fixed.isdisjoint(mine):
                for r, s in mine:
                    board.remove(r, s)
                break


def _fixed_both(problem: Problem, a: int, b: int) -> bool:
    fixed, mine, theirs = problem.locked, _seats_of(problem, a), _seats_of(problem, b)
    forth = any(r in mine and b in problem.authors[s] for r, s in fixed)
    return forth and any(r in theirs and a in problem.authors[s] for r, s in fixed)


def _seats_of(problem: Problem, r: int) -> tuple[int, ...]:
    """All seats of whoever sits there."""
    return (r,) if problem.alike is None else problem.alike[r]
