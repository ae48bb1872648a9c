"""The one entry: `allocate`, and the quick answer whether it can work, `feasibility`.

What happens, in order: compile to numbers; random start; exact completion; exact costs (moved pairs,
repeats); search for the goals that
are not linear (reciprocal pairs, strong reviewers, islands); mixing. See docs/allocation.md for why the
result is exact and how random it is.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from itertools import chain

from allocation.collector import paused
from allocation.digest import digest
from allocation.errors import Cancelled, Infeasible
from allocation.explain import explain, explain_mutual
from allocation.problem import Problem, compile_problem, with_quotas
from allocation.quality import quality
from allocation.remedies import find_remedies
from allocation.result import Allocation, Reason
from allocation.roster import Roster
from allocation.rules import Goal, Pair, Rules
from allocation.shortage import find_shortages
from allocation.solve import Solved, solve
from allocation.stages import Tell
from allocation.strategies.board import Board

STRATEGY = "hole-walk/4"


@paused()
def allocate(
    roster: Roster,
    rules: Rules,
    *,
    seed: str | int | None = None,
    cancelled: Callable[[], bool] | None = None,
    progress: Tell | None = None,
) -> Allocation:
    """Allocate reviews so that every rule holds and every quota is met.

    Parameters
    ----------
    roster, rules
        Who and what takes part, and what is allowed and wished for.
    seed : str or int, optional
        The same roster, rules and seed give the same pairs, on every machine. Without a seed 128 random
        bits are drawn; nobody
        can then predict a pair, and the result names the seed.
    cancelled : callable, optional
        Asked about every millisecond of searching, in every stage; when it answers true, the search stops.
        It does not change the result otherwise.
    progress : callable, optional
        Told which stage of how many is under way, and how many moves of its budget are made
        (`allocation.stages.Effort`), a few hundred times at most. It does not change the result.

    Raises
    ------
    RulesError
        The rules name something that the roster does not have.
    Infeasible
        Not every quota can be met; carries the reasons and the best that can be done.
    Cancelled
        The caller wanted to stop.

    Examples
    --------
    >>> from allocation import Participant, Roster, Rules, Submission, allocate, verify
    >>> people = [Participant(name) for name in ("ada", "bob", "cleo", "dan")]
    >>> roster = Roster(tuple(people), tuple(Submission("by-" + one.id, (one.id,)) for one in people))
    >>> found = allocate(roster, Rules(reviews_per_reviewer=2), seed="first draw")
    >>> found.status, len(found.pairs), verify(roster, found.rules, found.pairs)
    ('ok', 8, ())
    """
    named = secrets.token_hex(16) if seed is None else str(seed)
    problem = compile_problem(roster, rules)
    stop = cancelled or _never
    solved = solve(problem, rules, named, digest(roster, rules), stop, tell=progress)
    reasons = () if solved.complete else _reasons(roster, rules, problem, solved, stop)
    pairs = _pairs(problem, solved.board)
    allocation = Allocation(
        pairs=pairs,
        status="ok" if solved.complete else "partial" if pairs else "infeasible",
        reasons=reasons,
        quality=quality(roster, rules, pairs),
        seed=named,
        strategy=STRATEGY,
        goals=solved.goals,
        roster=roster,
        rules=rules,
    )
    if not solved.complete:
        raise Infeasible(reasons, allocation)
    return allocation


@paused()
def feasibility(
    roster: Roster, rules: Rules, *, cancelled: Callable[[], bool] | None = None
) -> tuple[Reason, ...]:
    """Reasons why the quotas cannot all be met; empty when they can. As exact as `allocate`, and quicker.

    Raises
    ------
    RulesError
        The rules name something that the roster does not have.
    Cancelled
        ``cancelled`` answered true.
    """
    stop = cancelled or _never
    problem = compile_problem(roster, rules)
    solved = _quick(problem, rules, stop)
    return () if solved.complete else _reasons(roster, rules, problem, solved, stop)


@paused()
def can_work(roster: Roster, rules: Rules) -> bool:
    """Whether all quotas can be met. Exact, except that forbidden reciprocal pairs are a search."""
    return _quick(compile_problem(roster, rules), rules, _never).complete


@paused()
def fewest_moved(roster: Roster, rules: Rules) -> int:
    """The smallest number of existing pairs that any allocation under these rules gives up.

    Exact (a cheapest flow) as long as reciprocal pairs are not forbidden; else a number that cannot be gone
    below.

    Examples
    --------
    >>> from allocation import Pair, Participant, Roster, Rules, Submission
    >>> people = [Participant(name) for name in "abc"]
    >>> roster = Roster(tuple(people), tuple(Submission("by-" + one.id, (one.id,)) for one in people))
    >>> fewest_moved(roster, Rules(1, existing=frozenset({Pair("a", "by-b"), Pair("b", "by-a")})))
    1
    """
    problem = compile_problem(roster, rules)
    if not problem.existing:
        return 0
    plain = replace(rules, goals=(Goal.MOVED,), reciprocal="any")
    solved = solve(problem, plain, "", b"fewest moved", _never, mix=False)
    return next((goal.value for goal in solved.goals if goal.name == Goal.MOVED), 0)


def _pairs(problem: Problem, board: Board) -> tuple[Pair, ...]:
    """All pairs in order. Where every person is a seat, the numbers are in the order of the ids."""
    if problem.members is None:
        people, works = problem.people, problem.works
        return tuple([Pair(people[r], works[s]) for r, mine in enumerate(board.out) for s in sorted(mine)])
    return tuple(sorted(chain(*(problem.pairs(r, s) for r, mine in enumerate(board.out) for s in mine))))


def _never() -> bool:
    return False


def _quick(problem: Problem, rules: Rules, cancelled: Callable[[], bool]) -> Solved:
    """Solve without goals; only a forbidden reciprocal pair needs the search."""
    plain = replace(rules, goals=(), reciprocal="forbid" if rules.reciprocal == "forbid" else "any")
    return solve(problem, plain, "", b"feasibility", cancelled, mix=False)


def _reasons(
    roster: Roster, rules: Rules, problem: Problem, solved: Solved, cancelled: Callable[[], bool]
) -> tuple[Reason, ...]:
    def check() -> None:
        if cancelled():
            raise Cancelled("The allocation was cancelled.")

    def can_work(other: Rules) -> bool:
        """Exact, except that forbidden reciprocal pairs are a search."""
        quotas = replace(other, reviews_per_reviewer=rules.reviews_per_reviewer, receives=rules.receives)
        same = quotas == rules
        changed = with_quotas(problem, roster, other) if same else compile_problem(roster, other)
        return _quick(changed, other, cancelled).complete

    remedies = tuple(find_remedies(roster, rules, problem, can_work))
    if rules.reciprocal == "forbid" and not solved.quotas_fit:
        solved = _quick(problem, replace(rules, reciprocal="any"), cancelled)
    if solved.mutual:
        return (explain_mutual(problem, solved.mutual, solved.mutual_bound, remedies),)
    return explain(roster, rules, problem, find_shortages(roster, rules, solved.board, check), remedies)
