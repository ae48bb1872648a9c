"""A plan made again from Canvas as it is now: what exists stays wherever the rules allow, then the old pairs.

In two steps, because an allocation near both would trade a review that exists for a pair that was only
planned: first the fewest moves from what exists, then, holding all that stays, the pairs nearest to the old
plan.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from allocation import Pair
from lti_tool.planning.edits import PersonPair
from lti_tool.planning.engine_input import EngineInput, engine_pairs
from lti_tool.planning.plan import Plan
from lti_tool.planning.snapshot import Snapshot
from lti_tool.services.planning import allocated, prepared


def allocated_from_now(base: Plan, then: Snapshot, now: Snapshot) -> tuple[EngineInput, tuple[Pair, ...]]:
    """Allocate by the rules of ``base``, which was made from ``then``.

    Where its rules replace open reviews, those that came since stay: nobody asked for these to go.

    Raises:
        NobodyToAllocate, RulesUnfit, allocation.Infeasible, PlanBroken: as ``allocated``.
    """
    keep = base.rules.existing == "keep"
    there = _that_may_stay(base, then, now)
    held: frozenset[Pair] = frozenset()
    if there:
        given, pairs = allocated(now, base.rules, base.seed, None if keep else there)
        held = (engine_pairs(given, there) & frozenset(pairs)) - given.extras
    return allocated(now, base.rules, base.seed, base.chosen | there, hold=held)


def _that_may_stay(base: Plan, then: Snapshot, now: Snapshot) -> AbstractSet[PersonPair]:
    """The open reviews in Canvas that fit the rules, and that the rules do not replace."""
    to_go = frozenset() if base.rules.existing == "keep" else {review.id for review in then.reviews}
    standings = prepared(now, base.rules).standings
    return frozenset(
        (review.assessor, review.assessee)
        for review, standing in standings
        if standing.fits and review.id not in to_go
    )
