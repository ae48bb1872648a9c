"""Plans from plans: edited by hand, drawn again, read from a file; and two plans side by side.

Every call gives a new plan and changes neither the old one nor Canvas. Where the wanted pairs break no rule,
they are the plan; else the engine finds the one that moves the fewest pairs.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Protocol

from allocation import Infeasible, Pair, verify
from allocation.sentences import N_, Mention
from lti_tool.persistence.plans import StoredPlan
from lti_tool.planning.edits import (
    PAIR_CODES,
    Broken,
    Edit,
    EditKind,
    PersonPair,
    broken_rules,
    difference,
    edited_rules,
    wanted_pairs,
)
from lti_tool.planning.engine_input import EngineInput, engine_pairs
from lti_tool.planning.ids import AssignmentId, PlanId, ReviewId, RunId
from lti_tool.planning.plan import Change, Plan, chosen_pairs
from lti_tool.planning.rule_changes import RulesChange, steps_between
from lti_tool.planning.rules import PlanRules
from lti_tool.planning.snapshot import Snapshot
from lti_tool.services.actor import Actor
from lti_tool.services.edit_words import mention
from lti_tool.services.errors import EditRefused, NobodyToAllocate
from lti_tool.services.from_now import allocated_from_now
from lti_tool.services.plan_table import ENGLISH, Vocabulary, pairs_of_table
from lti_tool.services.planning import (
    allocated,
    compared,
    feasibility_of,
    prepared,
    with_balance,
    with_extras,
)
from lti_tool.services.shown import Comparison, Edited, Imported, PlanView
from lti_tool.services.spreadsheet_reading import read_table


class Plans(Protocol):
    """What editing needs of planning."""

    def basis(self, actor: Actor, assignment: AssignmentId, rules: PlanRules) -> Snapshot: ...
    def ours(self, actor: Actor, assignment: AssignmentId) -> AbstractSet[ReviewId]: ...
    def stored(self, actor: Actor, plan_id: PlanId) -> StoredPlan: ...
    def plan(self, actor: Actor, plan_id: PlanId) -> PlanView: ...
    def change_rules(self, actor: Actor, assignment: AssignmentId, change: RulesChange) -> PlanRules: ...
    def make_plan(
        self, actor: Actor, assignment: AssignmentId, rules: PlanRules, based_on: PlanId | None = None
    ) -> Plan: ...
    def store(
        self,
        actor: Actor,
        snapshot: Snapshot,
        rules: PlanRules,
        seed: str,
        changes: Iterable[Change],
        undo_of: RunId | None = None,
        based_on: PlanId | None = None,
    ) -> Plan: ...


@dataclass(frozen=True, slots=True)
class _Draft:
    """Rules and pairs that shall become a plan."""

    base: Plan
    snapshot: Snapshot
    rules: PlanRules
    wanted: frozenset[PersonPair]


class Editing:
    """Implements ``EditingCases``."""

    def __init__(self, plans: Plans, draw: Callable[[], str] = lambda: secrets.token_hex(16)) -> None:
        self._plans = plans
        self._draw = draw

    def edit(
        self,
        actor: Actor,
        plan_id: PlanId,
        edit: Edit,
        *,
        anyway: bool = False,
        change: Callable[[PlanRules], PlanRules] | None = None,
    ) -> Edited:
        """Make the plan that holds an edit and moves the fewest other pairs.

        ``anyway``: also where a fixed pair breaks another rule. ``change`` is put upon the edited rules,
        such as a way out that was offered.

        Raises:
            EditRefused: it cannot be whatever the rules say; says why.
        """
        base = self._current(actor, plan_id)
        rules = edited_rules(base.rules, edit)
        rules = change(rules) if change else rules
        snapshot = self._plans.basis(actor, base.assignment_id, rules)
        _refuse_impossible(edit, base, snapshot, rules)
        broken = _broken_by_new_pairs(edit, base, snapshot, rules)
        if broken and not anyway:
            return Edited(rules, None, broken, None)
        draft = _Draft(base, snapshot, rules, wanted_pairs(base, edit))
        try:
            changes = self._close_to(actor, draft)
        except Infeasible:
            return Edited(rules, None, broken, feasibility_of(snapshot, rules))
        return Edited(rules, self._keep(actor, draft, changes), broken, None)

    def again(self, actor: Actor, plan_id: PlanId) -> Plan:
        """Another draw with the same rules, from the last reading; a seed that was set is set no longer.

        Where the reviews in Canvas changed since the plan was made, the plan from now instead: another draw
        of what nobody has applied would take away what somebody has.

        Raises:
            EditRefused: the plan is an undo.
            allocation.Infeasible: Canvas was read again meanwhile, and the rules no longer work.
        """
        base = self._current(actor, plan_id)
        if base.id != plan_id:
            return base
        unseeded: RulesChange = lambda rules: rules.model_copy(update={"seed": None})  # noqa: E731
        rules = unseeded(base.rules)
        self._plans.change_rules(actor, base.assignment_id, unseeded)
        return self._plans.make_plan(actor, base.assignment_id, rules, based_on=plan_id)

    def from_now(self, actor: Actor, plan_id: PlanId) -> Plan:
        """The plan by the same rules from Canvas as it is: what exists stays wherever the rules allow.

        Raises:
            EditRefused: the plan is an undo.
            NobodyToAllocate, RulesUnfit, allocation.Infeasible: the rules no longer work.
        """
        base, then = self._editable(actor, plan_id), self._plans.stored(actor, plan_id).snapshot
        now = self._plans.basis(actor, base.assignment_id, base.rules)
        given, pairs = allocated_from_now(base, then, now)
        changes = compared(base.rules, given, pairs, self._plans.ours(actor, base.assignment_id))
        return self._plans.store(actor, now, base.rules, base.seed, changes, based_on=base.id)

    def import_table(
        self, actor: Actor, plan_id: PlanId, content: bytes, vocabulary: Vocabulary = ENGLISH
    ) -> Imported:
        """Make the plan that an edited download of a plan asks for, exactly; a file without edits makes none.

        Raises:
            TableUnusable: with row and column of every mistake; nothing is made.
            EditRefused: the plan is an undo.
        """
        base = self._editable(actor, plan_id)
        table = read_table(content)
        snapshot = self._plans.basis(actor, base.assignment_id, base.rules)
        given = prepared(snapshot, base.rules)
        asked_for = frozenset(pairs_of_table(table, snapshot, given, vocabulary).rows)
        if asked_for == base.pairs_after:
            return Imported(None, ())
        pairs = engine_pairs(given, asked_for) | given.rules.kept
        draft = _Draft(base, snapshot, base.rules, asked_for)
        changes = compared(base.rules, given, pairs, self._plans.ours(actor, base.assignment_id))
        chosen = engine_pairs(given, chosen_pairs(changes)) | given.rules.kept
        broken = _broken(given, base.rules, chosen)
        return Imported(self._keep(actor, draft, changes), broken)

    def compare(self, actor: Actor, before: PlanId, after: PlanId) -> Comparison:
        """Two plans of one assignment, pair by pair.

        Raises:
            EditRefused: they are of two assignments.
        """
        one, other = self._plans.plan(actor, before), self._plans.plan(actor, after)
        if one.plan.assignment_id != other.plan.assignment_id:
            raise EditRefused(N_("These plans are of two assignments. Compare plans of the same assignment."))
        found = difference(one.plan.pairs_after, other.plan.pairs_after)
        return Comparison(one, other, found, broken_by(other.plan, other.snapshot))

    def keep(self, actor: Actor, plan_id: PlanId, instead: PlanId | None = None) -> None:
        """Go on with this plan: what its rules have that those of ``instead`` have not is remembered.

        Without ``instead`` the plan that it was made from counts. What others saved meanwhile stays.
        """
        plan = self._plans.stored(actor, plan_id).plan
        other = instead or plan.based_on
        before = plan.rules if other is None else self._plans.stored(actor, other).plan.rules
        self._plans.change_rules(actor, plan.assignment_id, steps_between(before, plan.rules))

    def _current(self, actor: Actor, plan_id: PlanId) -> Plan:
        """The plan to edit; where the reviews in Canvas changed since it was made, the one made from now."""
        base, then = self._editable(actor, plan_id), self._plans.stored(actor, plan_id).snapshot
        now = self._plans.basis(actor, base.assignment_id, base.rules)
        if {review.id for review in now.reviews} == {review.id for review in then.reviews}:
            return base
        return self.from_now(actor, plan_id)

    def _editable(self, actor: Actor, plan_id: PlanId) -> Plan:
        plan = self._plans.stored(actor, plan_id).plan
        if plan.undo_of is not None:
            raise EditRefused(
                N_("This plan takes a run back, exactly; it cannot be edited. Make a new plan.")
            )
        return plan

    def _close_to(self, actor: Actor, draft: _Draft) -> tuple[Change, ...]:
        """The wanted pairs where they break no rule, else what the engine finds nearest to them."""
        given = prepared(draft.snapshot, draft.rules, draft.wanted)
        pairs: Iterable[Pair] = engine_pairs(given, draft.wanted) | given.rules.kept
        if _broken(given, draft.rules, pairs):
            given, pairs = allocated(draft.snapshot, draft.rules, draft.base.seed, draft.wanted)
        else:
            beyond = given.reserve.beyond(pairs)
            given, pairs = with_extras(given, frozenset(pairs) - beyond, draft.base.seed, beyond)
        return compared(draft.rules, given, pairs, self._plans.ours(actor, draft.base.assignment_id))

    def _keep(self, actor: Actor, draft: _Draft, changes: tuple[Change, ...]) -> Plan:
        base = draft.base
        plan = self._plans.store(actor, draft.snapshot, draft.rules, base.seed, changes, based_on=base.id)
        self._plans.change_rules(actor, base.assignment_id, steps_between(base.rules, draft.rules))
        return plan


def broken_by(plan: Plan, snapshot: Snapshot) -> tuple[Broken, ...]:
    """The rules that the pairs of a plan break: none, unless it was read from a file."""
    if plan.undo_of is not None:
        return ()
    try:
        given = prepared(snapshot, plan.rules)
    except NobodyToAllocate:
        return ()
    return _broken(given, plan.rules, engine_pairs(given, plan.chosen) | given.rules.kept)


def _broken(given: EngineInput, rules: PlanRules, pairs: Iterable[Pair]) -> tuple[Broken, ...]:
    ordinary = frozenset(pairs)
    ordinary -= given.reserve.beyond(ordinary)
    return broken_rules(verify(given.roster, with_balance(given, rules), sorted(ordinary)), given)


def _broken_by_new_pairs(edit: Edit, base: Plan, snapshot: Snapshot, rules: PlanRules) -> tuple[Broken, ...]:
    """What the new pairs of an edit would break if they were not fixed."""
    new = set(edit.new_pairs)
    if not new:
        return ()
    loose = tuple(pair for pair in rules.fixed if pair.who not in new)
    unpinned = rules.model_copy(update={"fixed": loose})
    given = prepared(snapshot, unpinned)
    before = set(_broken(given, unpinned, engine_pairs(given, base.chosen)))
    after = _broken(given, unpinned, engine_pairs(given, wanted_pairs(base, edit)))
    return tuple(one for one in after if one.code in PAIR_CODES and one not in before)


def _refuse_impossible(edit: Edit, base: Plan, snapshot: Snapshot, rules: PlanRules) -> None:
    """What no rule can make possible, in words."""
    for user in (*(one for pair in edit.pairs for one in pair), *filter(None, [edit.person])):
        if user not in snapshot.people_by_id:
            raise EditRefused(
                N_("There is no student %(user)s in this course any more. Make a new preview."), user=user
            )
    if edit.kind is EditKind.SWAP and not set(edit.pairs) <= base.chosen:
        raise EditRefused(
            N_("One of these two reviews is not for the plan to change, so they cannot be swapped.")
        )

    given = prepared(snapshot, rules)
    for pair in edit.new_pairs:
        who = _named(snapshot, pair)
        if pair[0] == pair[1]:
            raise EditRefused(N_("%(reviewer)s cannot review the own work."), **who)
        if not engine_pairs(given, [pair]):
            raise EditRefused(
                N_(
                    "%(reviewer)s cannot review %(author)s: one of them takes no part, or they handed in "
                    "together."
                ),
                **who,
            )
        if edit.kind is EditKind.SWAP and pair in base.pairs_after:
            raise EditRefused(
                N_("%(reviewer)s reviews %(author)s already, so these two reviews cannot be swapped."), **who
            )
    fixed = {(review.assessor, review.assessee) for review, standing in given.standings if standing.fixed}
    for pair in edit.gone_pairs:
        if pair in fixed:
            raise EditRefused(
                N_(
                    "The review of %(author)s by %(reviewer)s stays whatever is planned: it is completed, or "
                    "Canvas does not let you see or remove it."
                ),
                **_named(snapshot, pair),
            )


def _named(snapshot: Snapshot, pair: PersonPair) -> dict[str, Mention]:
    return {"reviewer": mention(snapshot, pair[0]), "author": mention(snapshot, pair[1])}
