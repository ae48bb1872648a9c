"""The one entry: `allocate`, and the quick answer whether it can work, `feasibility`.

What happens, in order: compile to numbers; random start; exact completion; exact costs (moved pairs,
repeats); search for the goals that
are not linear (reciprocal pairs, strong reviewers, islands); mixing. See docs/allocation.md for why the
result is exact and how random it is.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

from allocation.errors import Cancelled, Infeasible
from allocation.explain import explain
from allocation.problem import compile_problem, digest
from allocation.quality import quality
from allocation.result import Allocation, GoalReport, Reason
from allocation.roster import Roster
from allocation.rules import Rules
from allocation.shortage import find_shortages
from allocation.strategies.board import Board
from allocation.strategies.exact import fill
from allocation.strategies.start import random_start
from allocation.stream import Stream

STRATEGY = "hole-walk/1"


def allocate(
    roster: Roster,
    rules: Rules,
    *,
    seed: str | int | None = None,
    cancelled: Callable[[], bool] | None = None,
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
        Asked now and then; when it answers true, the search stops.

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
    key = digest(roster, rules)
    board = random_start(problem, Stream(named, key, "start"), without=problem.avoid)
    complete = fill(board, Stream(named, key, "completion"))
    reasons = () if complete else _reasons(roster, rules, board)
    reports: tuple[GoalReport, ...] = ()
    if cancelled is not None and cancelled():
        raise Cancelled("The allocation was cancelled.")
    pairs = _pairs(board)
    allocation = Allocation(
        pairs=pairs,
        status="ok" if complete else "partial" if pairs else "infeasible",
        reasons=reasons,
        quality=quality(roster, rules, pairs),
        seed=named,
        strategy=STRATEGY,
        goals=reports,
        roster=roster,
        rules=rules,
    )
    if not complete:
        raise Infeasible(reasons, allocation)
    return allocation


def feasibility(roster: Roster, rules: Rules) -> tuple[Reason, ...]:
    """Reasons why the quotas cannot all be met; empty when they can. As exact as `allocate`, and quicker.

    Raises
    ------
    RulesError
        The rules name something that the roster does not have.
    """
    board = _filled(roster, rules)
    return () if board.complete() else _reasons(roster, rules, board)


def can_work(roster: Roster, rules: Rules) -> bool:
    """Whether all quotas can be met."""
    return _filled(roster, rules).complete()


def _filled(roster: Roster, rules: Rules) -> Board:
    problem = compile_problem(roster, rules)
    board = random_start(problem, Stream("", b"", "feasibility"))
    fill(board, Stream("", b"", "feasibility, completion"))
    return board


def _reasons(roster: Roster, rules: Rules, board: Board) -> tuple[Reason, ...]:
    return explain(roster, rules, board.problem, find_shortages(board), can_work)


def _pairs(board: Board) -> tuple:  # type: ignore[type-arg]
    problem = board.problem
    return tuple(sorted(problem.pair(r, s) for r, works in enumerate(board.out) for s in works))
