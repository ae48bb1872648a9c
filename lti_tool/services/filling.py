"""Filling up: what there is to fill, and the plan that does it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime

from lti_tool.planning.holes import HoleKind, find_holes, not_waited_for
from lti_tool.planning.ids import AssignmentId
from lti_tool.planning.plan import Plan
from lti_tool.planning.rules import PlanRules
from lti_tool.planning.taking_part import taking_part
from lti_tool.services.actor import Actor
from lti_tool.services.follow_up_cases import FillingView, FollowUpCases
from lti_tool.services.use_cases import PlanningCases, ReadingCases


class Filling:
    """Implements ``FillingCases``."""

    def __init__(
        self,
        reading: ReadingCases,
        planning: PlanningCases,
        following_up: FollowUpCases,
        now: Callable[[], datetime],
    ) -> None:
        self._reading = reading
        self._planning = planning
        self._following_up = following_up
        self._now = now

    def look(self, actor: Actor, assignment: AssignmentId, *, fresh: bool = False) -> FillingView:
        """Late authors and holes, from the last reading or from a new one."""
        snapshot = self._reading.snapshot(actor, assignment, fresh=fresh)
        rules = self._planning.rules(actor, assignment)
        due = self._following_up.settings(actor, assignment).reviews_due_at
        part = taking_part(snapshot, rules)
        reviewed = {review.assessee for review in snapshot.reviews}
        if snapshot.assignment.is_group_assignment:
            groups = {work.group for work in snapshot.works if work.group and work.author in reviewed}
            reviewed |= {work.author for work in snapshot.works if work.group in groups}
        return FillingView(
            snapshot=snapshot,
            rules=rules,
            due=due,
            late=tuple(person for person in part.authors if person.id not in reviewed),
            holes=find_holes(snapshot, due, self._now(), {*rules.spare, *rules.extras}),
        )

    def plan(
        self, actor: Actor, assignment: AssignmentId, kinds: Collection[HoleKind], *, delete: bool
    ) -> Plan:
        """Remember that the open reviews of these kinds aren't waited for any more, and make and store the
        plan that fills up.

        Raises:
            AnotherRunActive: an update of the assignment is under way.
            NobodyToAllocate, RulesUnfit, allocation.Infeasible: as ``PlanningCases.make_plan``.
        """
        self._reading.snapshot(actor, assignment, to_plan=True)  # what is looked at next is planned from
        holes = self.look(actor, assignment).holes

        def change(rules: PlanRules) -> PlanRules:
            reasons = {kind: kind.value for kind in HoleKind}
            return rules.model_copy(
                update={
                    "existing": "keep",
                    "not_coming": not_waited_for(holes, kinds, rules.not_coming, reasons),
                    "not_coming_reviews": "delete" if delete else "stay",
                }
            )

        rules = self._planning.change_rules(actor, assignment, change)
        return self._planning.make_plan(actor, assignment, rules)
