"""Rules under a name: kept for the course, used in any of its assignments."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from allocation.sentences import N_
from lti_tool.persistence import rule_sets as store
from lti_tool.persistence.database import Database
from lti_tool.persistence.rule_sets import NameTaken, StoredRuleSet
from lti_tool.planning.ids import AssignmentId
from lti_tool.planning.rules import PlanRules
from lti_tool.services.actor import Actor
from lti_tool.services.errors import NameInUse, NotHere
from lti_tool.services.shown import RuleSet
from lti_tool.services.use_cases import PlanningCases

LONGEST_NAME = 100


class RuleSets:
    """Implements ``RuleSetCases``."""

    def __init__(self, database: Database, planning: PlanningCases, now: Callable[[], datetime]) -> None:
        self._database = database
        self._planning = planning
        self._now = now

    def all(self, actor: Actor) -> tuple[RuleSet, ...]:
        """The sets of the course, by name."""
        with self._database.read() as session:
            return tuple(map(_shown, store.rule_sets(session, actor.canvas, actor.course_id)))

    def save(self, actor: Actor, name: str, rules: PlanRules, *, replace: bool = False) -> RuleSet:
        """Keep rules under a name; the seed and the reviews that are not waited for belong to one
        assignment and are not among them.

        Raises:
            NameInUse: another set has it, and ``replace`` does not say to overwrite.
            ValueError: no name, or one that is too long.
        """
        kept = rules.model_copy(update={"seed": None, "not_coming": ()})
        try:
            with self._database.begin() as session:
                made = store.put_rule_set(
                    session, actor.canvas, actor.course_id, _name(name), kept,
                    by=actor.user_id, by_name=actor.name, at=self._now(), replace=replace,
                )  # fmt: skip
        except NameTaken:
            raise _in_use(name) from None
        return _shown(made)

    def get(self, actor: Actor, set_id: str) -> RuleSet:
        """One set of the course. Raises NotHere."""
        with self._database.read() as session:
            found = store.rule_set(session, actor.canvas, actor.course_id, set_id)
        if found is None:
            raise NotHere(N_("There is no set of rules %(id)s in this course."), id=set_id)
        return _shown(found)

    def rename(self, actor: Actor, set_id: str, name: str) -> None:
        """Give a set another name. Raises NotHere, NameInUse, ValueError."""
        self.get(actor, set_id)
        try:
            with self._database.begin() as session:
                store.rename_rule_set(session, actor.canvas, actor.course_id, set_id, _name(name))
        except NameTaken:
            raise _in_use(name) from None

    def delete(self, actor: Actor, set_id: str) -> None:
        """Forget a set; plans made with it keep their rules. Raises NotHere."""
        self.get(actor, set_id)
        with self._database.begin() as session:
            store.delete_rule_set(session, actor.canvas, actor.course_id, set_id)

    def use(self, actor: Actor, set_id: str, assignment: AssignmentId) -> PlanRules:
        """Make a set the rules of an assignment, which is never its own earlier one. Raises NotHere."""
        rules = self.get(actor, set_id).rules
        earlier = tuple(one for one in rules.earlier if one != assignment)
        same = None if rules.same_pairs_as == assignment else rules.same_pairs_as
        rules = rules.model_copy(update={"earlier": earlier, "same_pairs_as": same})
        self._planning.save_rules(actor, assignment, rules)
        return rules


def _name(text: str) -> str:
    name = " ".join(text.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise ValueError("a set of rules needs a name of 1 to 100 letters")
    return name


def _in_use(name: str) -> NameInUse:
    return NameInUse(N_("Another set of rules of this course has the name “%(name)s”."), name=name.strip())


def _shown(found: StoredRuleSet) -> RuleSet:
    return RuleSet(found.id, found.name, found.rules, found.saved_by_name, found.saved_at)
