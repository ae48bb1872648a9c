"""From a compiled problem to pairs: the stages in order, and how much effort each gets. Effort is counted
in moves, never in seconds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from allocation.errors import Cancelled
from allocation.forbid import Freed, fixed_both, free
from allocation.problem import Problem
from allocation.result import GoalReport
from allocation.rules import Goal, Rules
from allocation.stages import Stage, Stages, Tell
from allocation.strategies.board import Board
from allocation.strategies.circles import join_islands, late_people
from allocation.strategies.costs import cheapest, pair_costs
from allocation.strategies.exact import fill
from allocation.strategies.pursue import Relaxed, alone, pursue
from allocation.strategies.search import crowded, fewest_islands, fixed_reciprocal
from allocation.strategies.start import random_start
from allocation.strategies.tally import Tally, lexicographic, measure, most_people, mutual_people
from allocation.strategies.walk import Walk
from allocation.stream import Stream

MIXING, SWEEPS = 12_000, 20
"""Moves of mixing for a problem of moderate size, and at most so many for each pair; a large problem gets one
for each pair, up to a number beyond which its random start needs no more:"""
LARGEST_MIXING = 20_000
THOROUGH_MIXING, THOROUGH_SWEEPS = 24_000, 40
"""The same where the random start left more than 2 in 100 pairs to completion, or where costs decided."""
MIXING_STEPS = 200_000
"""Steps after which mixing ends, beside a few for each pair; only where moves hardly ever close."""


_STAGES = {
    "start": Stage.START,
    "completion": Stage.COMPLETION,
    "costs": Stage.COSTS,
    "one way": Stage.SEARCH,
    "aimed": Stage.SEARCH,
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
    linear = [goal for goal in goals if goal in (Goal.MOVED, Goal.REPEATS)]
    relaxed = Relaxed(measure(board, linear), _bounds_alone(problem, board, goals))
    solved = Solved(board, complete, quotas_fit=complete)
    if rules.reciprocal == "forbid":
        freed = free(board, complete, stream)
        relaxed = _settle(solved, freed, relaxed)
    board, relaxed = pursue(solved.board, goals, relaxed, stream)
    if mix:
        _mix(board, goals, stream("mixing"), thorough=50 * left > sum(problem.gives))
    if Goal.CONNECTED in goals:
        tally = Tally(board, lexicographic(problem, goals))
        late = late_people(problem, _named(problem, rules))
        join_islands(board, tally, stream("islands"), relaxed.alone[Goal.CONNECTED], late)
    solved.board = board
    values = measure(board, goals)
    bounds = relaxed.bounds(goals, values)
    solved.goals = tuple(GoalReport(goal.value, values[goal], bounds[goal]) for goal in goals)
    return solved


def _settle(solved: Solved, freed: Freed, relaxed: Relaxed) -> Relaxed:
    """Take over the board on which nobody reviews each other, and what then still holds of the bounds."""
    problem = solved.board.problem
    if freed.missing:
        solved.complete = False
        if solved.quotas_fit:
            before = mutual_people(freed.attempt)
            solved.mutual = [(a, b) for a, b in before if not fixed_both(problem, a, b)]
            crowd = relaxed.alone.get(Goal.RECIPROCAL, 0) - fixed_reciprocal(problem)
            solved.mutual_bound = max(crowd, int(freed.proven))
    solved.board = freed.board
    if freed.as_even and not freed.missing:
        return relaxed
    # with other loads, or fewer reviews, only what looks at no loads is still a bound
    still = alone(problem, [Goal.STRONG, Goal.MIXED] if problem.strong is not None else [])
    still[Goal.RECIPROCAL] = fixed_reciprocal(problem)
    still[Goal.CONNECTED] = int(any(freed.board.load)) if freed.missing else fewest_islands(problem)
    return Relaxed({}, still, final=True)


def _bounds_alone(problem: Problem, board: Board, goals: Sequence[Goal]) -> dict[Goal, int]:
    bounds = alone(problem, goals)
    if Goal.RECIPROCAL in goals:
        bounds[Goal.RECIPROCAL] = max(fixed_reciprocal(problem), crowded(problem) if board.complete() else 0)
    if Goal.CONNECTED in goals:
        bounds[Goal.CONNECTED] = fewest_islands(problem) if board.complete() else int(any(board.load))
    return bounds


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
