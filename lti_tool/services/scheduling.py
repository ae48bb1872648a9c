"""Schedules: kept, shown, and carried out by workers with the token of the person who made them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import structlog

from allocation import AllocationError
from allocation.sentences import N_, sentence
from lti_tool.applying.answers import ReadFailed
from lti_tool.persistence.schedules import Result, Schedules, StoredSchedule
from lti_tool.planning.ids import AssignmentId
from lti_tool.planning.reminders import Audience
from lti_tool.planning.rules import PlanRules
from lti_tool.planning.schedule import LOOK_AGAIN, Schedule, ScheduleKind, ScheduleOutcome
from lti_tool.services.errors import NotHere, NothingToSend, ServiceError
from lti_tool.services.follow_up_cases import FollowUpCases
from lti_tool.services.use_cases import Actor, PlanningCases, ReadingCases, RunningCases
from lti_tool.services.watching import Watching

log = structlog.get_logger(__name__)


class Scheduling:
    """Implements ``ScheduleCases``; workers call `carry_out_due`."""

    def __init__(
        self,
        store: Schedules,
        reading: ReadingCases,
        planning: PlanningCases,
        running: RunningCases,
        following_up: FollowUpCases,
        watching: Watching,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._reading = reading
        self._planning = planning
        self._running = running
        self._following_up = following_up
        self._watching = watching
        self._now = now

    def schedules(self, actor: Actor, assignment: AssignmentId | None = None) -> tuple[StoredSchedule, ...]:
        """The schedules of the course, or of one assignment."""
        return self._store.of_course(actor.canvas, actor.course_id, assignment)

    def add_schedule(self, actor: Actor, assignment: AssignmentId, schedule: Schedule) -> str:
        """Keep a schedule of this person; gives its id."""
        facts = self._reading.snapshot(actor, assignment).assignment
        first = schedule.first(facts.due_at, self._now())
        if first is None:
            first = self._now() + LOOK_AGAIN
        elif schedule.after_due_hours is not None:
            first = min(first, self._now() + LOOK_AGAIN)
        return self._store.add(
            actor.canvas,
            actor.course_id,
            assignment,
            schedule,
            by=actor.user_id,
            by_name=actor.name,
            next_at=first,
            at=self._now(),
        )

    def remove_schedule(self, actor: Actor, schedule_id: str) -> None:
        """Forget a schedule of this course.

        Raises:
            NotHere: there is none.
        """
        if not self._store.remove(actor.canvas, actor.course_id, schedule_id):
            raise NotHere(N_("There is no such schedule in this course."))

    def carry_out_due(self) -> int:
        """Carry out everything whose time has come, each once; gives how many."""
        count = 0
        while (due := self._store.claim_due(self._now())) is not None:
            with structlog.contextvars.bound_contextvars(schedule=due.id):
                result, next_at = self._carry_out(due)
                log.info("schedule carried out", kind=due.schedule.kind, outcome=result.outcome)
            self._store.settle(due.id, result, at=self._now(), next_at=next_at)
            count += 1
        return count

    def _carry_out(self, due: StoredSchedule) -> tuple[Result, datetime | None]:
        actor = Actor(due.canvas, due.course_id, due.user_id, due.user_name)
        schedule, now = due.schedule, self._now()
        following = schedule.following(now)
        try:
            if (later := self._too_early(actor, due)) is not None:
                return Result(ScheduleOutcome.NOT_YET), later
            return self._act(actor, due), following
        except (ServiceError, ReadFailed, AllocationError) as error:
            # What happens only once is tried again until it works or is removed: a teacher who reconnects
            # to Canvas after a week still gets it.
            why = (error.words or sentence(str(error))).named(lambda mention: mention.id)
            log.warning("schedule failed", kind=schedule.kind, error=str(why))
            return Result(ScheduleOutcome.FAILED, why.packed()), following or now + LOOK_AGAIN

    def _too_early(self, actor: Actor, due: StoredSchedule) -> datetime | None:
        """When to look again, where the assignment's due date has moved on or does not exist yet."""
        schedule, now = due.schedule, self._now()
        if schedule.after_due_hours is None or (
            due.last_at is not None and due.outcome is not ScheduleOutcome.NOT_YET
        ):
            return None
        facts = self._reading.snapshot(actor, due.assignment_id, fresh=True).assignment
        first = schedule.first(facts.due_at, now)
        if first is not None and first <= now:
            return None
        return min(first or now + LOOK_AGAIN, now + LOOK_AGAIN)

    def _act(self, actor: Actor, due: StoredSchedule) -> Result:
        match due.schedule.kind:
            case ScheduleKind.ALLOCATE | ScheduleKind.TOP_UP:
                return self._plan(actor, due)
            case ScheduleKind.REMIND:
                return self._remind(actor, due)
            case ScheduleKind.WATCH:
                found = self._watching.look(actor, due.assignment_id, fresh=True)
                outcome = ScheduleOutcome.FOUND if found.alarms else ScheduleOutcome.NOTHING
                return Result(outcome, str(len(found.alarms)) if found.alarms else "")

    def _plan(self, actor: Actor, due: StoredSchedule) -> Result:
        """Plan with the rules of the assignment; open reviews are always kept, whatever the rules say."""
        assignment = due.assignment_id
        rules: PlanRules = self._planning.rules(actor, assignment).model_copy(update={"existing": "keep"})
        self._reading.snapshot(actor, assignment, fresh=True)
        plan = self._planning.make_plan(actor, assignment, rules)
        if not plan.writes:
            return Result(ScheduleOutcome.NOTHING)
        if due.schedule.approval == "ask":
            return Result(ScheduleOutcome.WAITS, str(len(plan.writes)), plan.id)
        run = self._running.start(actor, plan.id)
        return Result(ScheduleOutcome.APPLIED, str(len(plan.writes)), plan.id, run)

    def _remind(self, actor: Actor, due: StoredSchedule) -> Result:
        template = due.schedule.template
        assert template is not None, "a reminder has words"
        cases, assignment = self._following_up, due.assignment_id
        self._reading.snapshot(actor, assignment, fresh=True)
        found = cases.settings(actor, assignment).reviews_due_at
        when = found.isoformat(sep=" ", timespec="minutes") if found else "–"
        audience = Audience(overdue_only=due.schedule.overdue_only)
        view = cases.preview_reminders(actor, assignment, template, audience, due=when)
        try:
            batch = cases.send_reminders(
                actor, assignment, template, audience, due=when, approved=view.plan.recipients
            )
        except NothingToSend:
            return Result(ScheduleOutcome.NOTHING)
        sent = sum(len(one.message.recipients) for one in batch.messages if one.state == "sent")
        return Result(ScheduleOutcome.SENT, str(sent))
