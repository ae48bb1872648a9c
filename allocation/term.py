"""Several assignments of one class: nobody reviews the same work twice for as long as that is possible.

How many assignments that are is known exactly. Ask everybody for m times his reviews at once, and let every
work get between m times its fewest and m times its most. If that works, the pairs can be dealt out to m
assignments such that each meets the quotas (equitable edge colouring of a bipartite graph: de Werra, 1971).
If it does not, no m assignments without a repeat exist, because together they would be such a set of pairs.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from itertools import chain

from allocation.engine import allocate, can_work
from allocation.errors import RulesError
from allocation.problem import compile_problem
from allocation.result import Allocation
from allocation.roster import MOST_REVIEWS, Roster, is_count
from allocation.rules import DEFAULT_GOALS, Goal, Rules, Share

DRAWS = 4
"""Free draws of one assignment before it is taken out of pairs that certainly leave enough for the others."""


@dataclass(frozen=True, slots=True)
class Term:
    """Allocations of the assignments of a term, in order.

    Attributes
    ----------
    allocations : tuple of Allocation
    without_repeats : int
        So many of them, the first ones, repeat no earlier pair. The largest number that any plan can reach,
        up to the number of assignments asked for.
    """

    allocations: tuple[Allocation, ...]
    without_repeats: int


def assignments_without_repeats(roster: Roster, rules: Rules, *, most: int = 20) -> int:
    """How many assignments, up to ``most``, can be held before somebody must review a work again.

    Works of the same authors count as the same work. Pairs of ``rules.avoid`` count as held before.

    Raises
    ------
    RulesError
        Required, kept or existing pairs, or forbidden reciprocal pairs, for which nothing can be promised.

    Examples
    --------
    >>> from allocation import Participant, Roster, Rules, Submission
    >>> people = tuple(Participant(f"p{i}") for i in range(10))
    >>> roster = Roster(people, tuple(Submission(one.id, (one.id,)) for one in people))
    >>> assignments_without_repeats(roster, Rules(reviews_per_reviewer=2))
    4
    """
    _check(rules)
    return _possible(roster, replace(rules, avoid_is="hard"), most)


def plan_term(roster: Roster, rules: Rules, assignments: int, *, seed: str | int | None = None) -> Term:
    """Allocate several assignments together.

    As many as possible repeat no pair (`assignments_without_repeats`); the later ones repeat as few as
    possible of all earlier pairs. Every assignment has its own draw and meets the rules and goals by itself.

    Raises
    ------
    RulesError
        See `assignments_without_repeats`; or not even one assignment is wanted.
    Infeasible
        Not even a single assignment can meet the quotas.
    """
    _check(rules)
    if not is_count(assignments) or not assignments:
        raise RulesError(f"assignments is {assignments!r}. Say a whole number from 1 to {MOST_REVIEWS}.")
    named = secrets.token_hex(16) if seed is None else str(seed)
    hard = replace(rules, avoid_is="hard")
    possible = _possible(roster, hard, assignments)
    found: list[Allocation] = []
    held = rules.avoid
    for i in range(assignments):
        name = f"{named}/{i + 1}"
        if i < possible:
            one = _leaving_enough(roster, replace(hard, avoid=held), possible - i - 1, name)
        else:
            goals = rules.goals if Goal.REPEATS in rules.goals else DEFAULT_GOALS
            one = allocate(roster, replace(rules, avoid=held, avoid_is="soft", goals=goals), seed=name)
        found.append(one)
        held = held.union(one.pairs)
    return Term(tuple(found), possible)


def _check(rules: Rules) -> None:
    for name in ("required", "kept", "existing"):
        if getattr(rules, name):
            raise RulesError(f"{name}: a term is planned from the start; leave these pairs out.")
    if rules.co_authors != "any":
        raise RulesError(
            f"co_authors is {rules.co_authors!r}. How many assignments that leaves cannot be told; "
            "say 'any' for a term."
        )
    if rules.reciprocal == "forbid":
        raise RulesError(
            "reciprocal is 'forbid'. How many assignments that leaves cannot be told; say 'avoid' for a term."
        )


def _possible(roster: Roster, rules: Rules, most: int) -> int:
    """The largest number of assignments up to ``most``, by halving: fewer are always possible too."""
    fewest = [(one.receives or rules.receives or (0, 0))[0] for one in roster.submissions]
    largest = max(1, *_gives(roster, rules).values(), *fewest)
    low, high = 0, min(most, MOST_REVIEWS // largest)
    while low < high:
        middle = (low + high + 1) // 2
        if can_work(*_at_once(roster, rules, middle)):
            low = middle
        else:
            high = middle - 1
    return low


def _gives(roster: Roster, rules: Rules) -> dict[str, int]:
    usual = rules.reviews_per_reviewer
    return {one.id: usual if one.gives is None else one.gives for one in roster.participants}


def _at_once(roster: Roster, rules: Rules, number: int) -> tuple[Roster, Rules]:
    """So many assignments as a single one."""
    gives = _gives(roster, rules)
    floor, rest = divmod(sum(gives.values()), len(roster.submissions))
    default = rules.receives or (floor, floor + (1 if rest else 0))
    people = tuple(replace(one, gives=number * gives[one.id]) for one in roster.participants)
    works = []
    for work in roster.submissions:
        fewest, most = work.receives or default
        works.append(replace(work, receives=(number * fewest, min(number * most, MOST_REVIEWS))))
    shares = rules.section_shares
    if shares is not None:
        shares = frozenset(Share(giver, taker, number * reviews) for giver, taker, reviews in shares)
    together = replace(rules, goals=(), reciprocal="any", section_shares=shares)
    return Roster(people, tuple(works)), together


def _leaving_enough(roster: Roster, rules: Rules, after: int, name: str) -> Allocation:
    """An assignment after which so many others are possible without a repeat."""
    for draw in range(DRAWS):
        one = allocate(roster, rules, seed=f"{name}/{draw}" if draw else name)
        later = replace(rules, avoid=rules.avoid.union(one.pairs))
        if not after or can_work(*_at_once(roster, later, after)):
            return one
    return _taken_from_all(roster, rules, after + 1, name)


def _taken_from_all(roster: Roster, rules: Rules, number: int, name: str) -> Allocation:
    """One of ``number`` assignments out of pairs that are enough for all; each work gives an even part."""
    together = allocate(*_at_once(roster, rules, number), seed=f"{name}/all")
    problem = compile_problem(roster, rules)
    pairs = set(together.pairs)
    others = {
        pair
        for r in range(len(problem.people))
        for pair in chain(*(problem.pairs(r, s) for s in problem.pool[r] if problem.allowed(r, s)))
        if pair not in pairs
    }
    gets = together.quality.received
    works = tuple(
        replace(work, receives=(gets[work.id] // number, -(-gets[work.id] // number)))
        for work in roster.submissions
    )
    narrowed = replace(rules, forbidden=rules.forbidden.union(others))
    one = allocate(Roster(roster.participants, works), narrowed, seed=name)
    return replace(one, roster=roster, rules=rules)
