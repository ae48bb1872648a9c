"""What Canvas will hold after a plan is applied in numbers, and what Canvas's own method would have given."""

from __future__ import annotations

from dataclasses import dataclass, replace

from allocation import Pair, Quality, RosterError, quality
from lti_tool.planning.canvas_method import Draws, Measured, canvas_draws, measured
from lti_tool.planning.engine_input import EngineInput, engine_input
from lti_tool.planning.plan import ChangeKind, ChangeReason, Plan
from lti_tool.planning.same_pairs import SamePairs, same_pairs
from lti_tool.planning.snapshot import Snapshot

NO_REVIEWS = Quality(
    given={}, received={}, sections={}, reciprocal=0, repeats=0, moved=0, weak=0, components=0
)


@dataclass(frozen=True, slots=True)
class Afterwards:
    """The state after applying, among those who take part. ``knows`` names what can be told of them at all.

    ``measured`` is None where no review is left.
    """

    quality: Quality
    measured: Measured | None
    knows: frozenset[str]
    again: SamePairs | None
    """How many pairs are those of another assignment, where the rules ask for them."""


NOTHING = Afterwards(NO_REVIEWS, None, frozenset(), None)


def afterwards(snapshot: Snapshot, plan: Plan) -> Afterwards:
    """Measure a plan's state after applying."""
    try:
        given = engine_input(snapshot, plan.rules)
    except RosterError:  # an undo after everybody has left
        return NOTHING
    pairs = _pairs_after(given, plan)
    found = quality(given.roster, replace(given.rules, existing=given.existing), pairs)
    again = same_pairs(snapshot, plan.rules, given, frozenset(pairs))
    if not pairs:
        return Afterwards(found, None, frozenset(), again)
    history = given.history
    known = {"repeats": history.again, "returns": history.back, "weak": given.rules.strong_at is not None}
    silent = {name for name, told in known.items() if not told}
    names = set(Measured.__dataclass_fields__) - silent
    numbers = measured(given.roster, given.rules, pairs, found, history)
    return Afterwards(found, numbers, frozenset(names), again)


def canvas_instead(snapshot: Snapshot, plan: Plan) -> Draws | None:
    """What Canvas's own method makes of the same class, from the same reviews; None where nobody is left.

    The same plan is always told the same.
    """
    try:
        given = engine_input(snapshot, plan.rules)
    except RosterError:
        return None
    people = {one.id for one in given.roster.participants}
    works = {one.id for one in given.roster.submissions}
    stay = given.rules.kept | given.existing
    start = [pair for pair in stay if pair.reviewer in people and pair.submission in works]
    return canvas_draws(given.roster, given.rules, plan.seed, start, given.history)


def _pairs_after(given: EngineInput, plan: Plan) -> list[Pair]:
    reviewers = {participant.id for participant in given.roster.participants}
    works = {submission.id for submission in given.roster.submissions}
    pairs = {
        Pair(change.reviewer, given.work_for_row.get(change.submission, change.submission))
        for change in plan.changes
        if change.kind in (ChangeKind.CREATE, ChangeKind.KEEP)
        and change.reason is not ChangeReason.NOT_COMING
    }
    return sorted(pair for pair in pairs if pair.reviewer in reviewers and pair.submission in works)
