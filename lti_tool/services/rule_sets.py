"""Rules under a name: kept for the course, used in any of its assignments."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from allocation.sentences import N_
from lti_tool.persistence import rule_sets as store
from lti_tool.persistence.database import Database
from lti_tool.persistence.rule_sets import NameTaken, SetChanged, StoredRuleSet
from lti_tool.planning.ids import AssignmentId
from lti_tool.planning.rules import PlanRules
from lti_tool.services.actor import Actor
from lti_tool.services.errors import NameInUse, NotHere, RulesChanged
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

    def save(
        self, actor: Actor, name: str, rules: PlanRules, *, replace: bool = False, over: int | None = None
    ) -> RuleSet:
        """Keep rules under a name; the seed and the reviews that are not waited for belong to one
        assignment and are not among them.

        Raises:
            NameInUse: another set has it, and ``replace`` does not say to overwrite.
            RulesChanged: it says so, and the set isn't version ``over`` any more.
            ValueError: no name, or one that is too long.
        """
        kept = rules.model_copy(update={"seed": None, "not_coming": ()})
        try:
            with self._database.begin() as session:
                made = store.put_rule_set(
                    session, actor.canvas, actor.course_id, _name(name), kept,
                    by=actor.user_id, by_name=actor.name, at=self._now(), replace=replace, over=over,
                )  # fmt: skip
        except NameTaken as error:
            raise _in_use(name, error.taken) from None
        except SetChanged as error:
            raise _changed(kept, error.now) from None
        return _shown(made)

    def get(self, actor: Actor, set_id: str) -> RuleSet:
        """One set of the course. Raises NotHere."""
        with self._database.read() as session:
            found = store.rule_set(session, actor.canvas, actor.course_id, set_id)
        if found is None:
            raise NotHere(N_("There is no set of rules %(id)s in this course."), id=set_id)
        return _shown(found)

    def rename(self, actor: Actor, set_id: str, name: str, *, over: int | None = None) -> None:
        """Give a set another name. Raises NotHere, NameInUse, RulesChanged, ValueError."""
        mine = self.get(actor, set_id)
        try:
            with self._database.begin() as session:
                store.rename_rule_set(session, actor.canvas, actor.course_id, set_id, _name(name), over=over)
        except NameTaken as error:
            raise _in_use(name, error.taken) from None
        except SetChanged as error:
            raise _changed(mine.rules, error.now) from None

    def delete(self, actor: Actor, set_id: str, *, over: int | None = None) -> None:
        """Forget a set; plans made with it keep their rules. Raises NotHere, RulesChanged."""
        mine = self.get(actor, set_id)
        try:
            with self._database.begin() as session:
                store.delete_rule_set(session, actor.canvas, actor.course_id, set_id, over=over)
        except SetChanged as error:
            raise _changed(mine.rules, error.now) from None

    def use(
        self, actor: Actor, set_id: str, assignment: AssignmentId, *, over: int | None = None
    ) -> PlanRules:
        """Make a set the rules of an assignment, which is never its own earlier one.

        Raises NotHere; RulesChanged where the assignment's rules aren't version ``over`` any more.
        """
        rules = self.get(actor, set_id).rules
        earlier = tuple(one for one in rules.earlier if one != assignment)
        same = None if rules.same_pairs_as == assignment else rules.same_pairs_as
        rules = rules.model_copy(update={"earlier": earlier, "same_pairs_as": same})
        self._planning.save_rules(actor, assignment, rules, over=over)
        return rules


def _name(text: str) -> str:
    name = " ".join(text.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise ValueError("a set of rules needs a name of 1 to 100 letters")
    return name


def _in_use(name: str, taken: StoredRuleSet) -> NameInUse:
    words = N_("Another set of rules of this course has the name “%(name)s”.")
    return NameInUse(words, version=taken.version, name=name.strip())


def _changed(mine: PlanRules, now: StoredRuleSet) -> RulesChanged:
    return RulesChanged(mine, now.rules, version=now.version, by=now.saved_by_name, at=now.saved_at)


def _shown(found: StoredRuleSet) -> RuleSet:
    return RuleSet(found.id, found.name, found.rules, found.saved_by_name, found.saved_at, found.version)
