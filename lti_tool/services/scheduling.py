"""Schedules: kept, shown, and carried out by workers with the token of the person who made them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from allocation import AllocationError
from allocation.sentences import N_, Sentence
from lti_tool.applying.answers import ReadFailed
from lti_tool.defects import present
from lti_tool.persistence.schedules import Result, Schedules, StoredSchedule
from lti_tool.planning.explain import name_in
from lti_tool.planning.ids import AssignmentId
from lti_tool.planning.own_dates import first_due, own_due_dates
from lti_tool.planning.plan import Plan
from lti_tool.planning.reminders import Audience
from lti_tool.planning.rules import PlanRules
from lti_tool.planning.schedule import LOOK_AGAIN, Schedule, ScheduleKind, ScheduleOutcome
from lti_tool.planning.snapshot import Snapshot
from lti_tool.services.actor import Actor
from lti_tool.services.errors import NotHere, NothingToSend, ServiceError
from lti_tool.services.follow_up_cases import FollowUpCases
from lti_tool.services.notices import Notice, Notices, changes_found, not_done, plan_waits
from lti_tool.services.use_cases import PlanningCases, ReadingCases, RunningCases
from lti_tool.services.watching import Watching

AFTER_UPDATE = timedelta(minutes=10)
"""When a watch looks again that fell into an update."""
log = structlog.get_logger(__name__)


class _NotYet(Exception):
    """The date that the schedule hangs on has moved on or does not exist; ``again`` is when to look."""

    def __init__(self, again: datetime | None) -> None:
        super().__init__()
        self.again = again


@dataclass(frozen=True, slots=True)
class _Done:
    """What came of one time, and what somebody should be told about it."""

    result: Result
    notice: Notice | None = None


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
        notices: Notices,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._reading = reading
        self._planning = planning
        self._running = running
        self._following_up = following_up
        self._watching = watching
        self._notices = notices
        self._now = now

    def schedules(self, actor: Actor, assignment: AssignmentId | None = None) -> tuple[StoredSchedule, ...]:
        """The schedules of the course, or of one assignment."""
        return self._store.of_course(actor.canvas, actor.course_id, assignment)

    def waiting(self, actor: Actor, assignment: AssignmentId | None = None) -> tuple[StoredSchedule, ...]:
        """Schedules that wait for somebody: for approval of a plan that nobody has applied, or for help with
        what failed."""
        return tuple(
            one
            for one in self.schedules(actor, assignment)
            if one.outcome is ScheduleOutcome.FAILED or self._to_approve(actor, one)
        )

    def add_schedule(self, actor: Actor, assignment: AssignmentId, schedule: Schedule) -> str:
        """Keep a schedule of this person; gives its id."""
        now = self._now()
        if schedule.after_due_hours is None:
            first = schedule.first(None, now)
        elif schedule.counted_from == "reviews":
            first = schedule.first(self._following_up.settings(actor, assignment).reviews_due_at, now)
        else:
            due = first_due(self._reading.snapshot(actor, assignment))
            first = min(schedule.first(due, now) or now + LOOK_AGAIN, now + LOOK_AGAIN)
        return self._store.add(
            actor.canvas,
            actor.course_id,
            assignment,
            schedule,
            by=actor.user_id,
            by_name=actor.name,
            next_at=first,
            at=now,
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
            actor = Actor(due.canvas, due.course_id, due.user_id, due.user_name)
            with structlog.contextvars.bound_contextvars(schedule=due.id):
                done, next_at = self._carry_out(actor, due)
                log.info("schedule carried out", kind=due.schedule.kind, outcome=done.result.outcome)
                self._store.settle(due.id, done.result, at=self._now(), next_at=next_at)
                if done.notice is not None:
                    self._notices.tell(actor, due, done.notice)
            count += 1
        return count

    def _carry_out(self, actor: Actor, due: StoredSchedule) -> tuple[_Done, datetime | None]:
        schedule, now = due.schedule, self._now()
        try:
            first, snapshot = self._read(actor, due)
            return self._act(actor, due, snapshot), schedule.following(now, first, own_due_dates(snapshot))
        except _NotYet as error:
            return _Done(Result(ScheduleOutcome.NOT_YET)), error.again
        except (ServiceError, ReadFailed, AllocationError) as error:
            # What happens only once is tried again until it works or is removed: a teacher who reconnects
            # to Canvas after a week still gets it.
            log.warning("schedule failed", kind=schedule.kind, error=str(error))  # people by their ids
            why = self._why(actor, due, error)
            return (
                _Done(Result(ScheduleOutcome.FAILED, why.packed()), not_done(why, self._name(actor, due))),
                self._after_failure(actor, due, now),
            )

    def _read(self, actor: Actor, due: StoredSchedule) -> tuple[datetime, Snapshot]:
        """The first planned time, and the one reading that everything rests on.

        A due date in Canvas is asked for separately before the class is read.

        Raises:
            _NotYet: the due date is not there, or its time has not come.
        """
        schedule, assignment = due.schedule, due.assignment_id
        if schedule.after_due_hours is None:
            return due.first_at, self._reading.snapshot(actor, assignment, fresh=True)
        now = self._now()
        if schedule.counted_from == "reviews":
            first = schedule.first(self._following_up.settings(actor, assignment).reviews_due_at, now)
            if first is None or first > now:
                raise _NotYet(first)
            return first, self._reading.snapshot(actor, assignment, fresh=True)
        facts = self._reading.facts(actor, assignment)
        if facts.due_at is not None and not facts.only_visible_to_overrides:
            self._or_not_yet(schedule, facts.due_at)
        snapshot = self._reading.snapshot(actor, assignment, fresh=True)
        return self._or_not_yet(schedule, first_due(snapshot)), snapshot

    def _or_not_yet(self, schedule: Schedule, due: datetime | None) -> datetime:
        now = self._now()
        first = schedule.first(due, now)
        if first is None or first > now:
            raise _NotYet(min(first or now + LOOK_AGAIN, now + LOOK_AGAIN))
        return first

    def _after_failure(self, actor: Actor, due: StoredSchedule, now: datetime) -> datetime:
        """The next planned time; soon where there is none, or nobody knows the date it hangs on."""
        schedule = due.schedule
        first: datetime | None = None
        if schedule.after_due_hours is None:
            first = due.first_at
        elif schedule.counted_from == "assignment" and (last := self._last_reading(actor, due)) is not None:
            first = schedule.first(first_due(last), now)
        if first is None or first > now:
            every = schedule.every_hours
            return now + (LOOK_AGAIN if every is None else min(LOOK_AGAIN, timedelta(hours=every)))
        return schedule.following(now, first) or now + LOOK_AGAIN

    def _act(self, actor: Actor, due: StoredSchedule, snapshot: Snapshot) -> _Done:
        match due.schedule.kind:
            case ScheduleKind.ALLOCATE | ScheduleKind.TOP_UP:
                return self._plan(actor, due, snapshot)
            case ScheduleKind.REMIND:
                return _Done(self._remind(actor, due))
            case ScheduleKind.WATCH:
                found = self._watching.look(actor, due.assignment_id)
                if found.under_way:
                    raise _NotYet(self._now() + AFTER_UPDATE)
                if not found.alarms:
                    return _Done(Result(ScheduleOutcome.NOTHING))
                result = Result(ScheduleOutcome.FOUND, str(len(found.alarms)))
                return _Done(result, changes_found(found.alarms, snapshot))

    def _plan(self, actor: Actor, due: StoredSchedule, snapshot: Snapshot) -> _Done:
        """Plan with the rules of the assignment; open reviews are always kept, whatever the rules say.

        A plan that waits already is kept while Canvas and the rules are as they were, so that what is asked
        every hour makes one plan and not many.
        """
        assignment = due.assignment_id
        rules: PlanRules = self._planning.rules(actor, assignment).model_copy(update={"existing": "keep"})
        plan = self._waits(actor, due)
        if plan is None or not _rests_on(plan, snapshot) or plan.rules != rules:
            plan = self._planning.make_plan(actor, assignment, rules)
        if not plan.writes:
            return _Done(Result(ScheduleOutcome.NOTHING))
        count = str(len(plan.writes))
        if due.schedule.approval == "ask":
            return _Done(Result(ScheduleOutcome.WAITS, count, plan.id), plan_waits(plan, snapshot))
        run = self._running.start(actor, plan.id)
        return _Done(Result(ScheduleOutcome.APPLIED, count, plan.id, run))

    def _waits(self, actor: Actor, due: StoredSchedule) -> Plan | None:
        """The plan of this schedule that waits for approval, unless somebody applied or erased it."""
        if due.plan_id is None or not self._to_approve(actor, due):
            return None
        return self._planning.plan(actor, due.plan_id).plan

    def _to_approve(self, actor: Actor, one: StoredSchedule) -> bool:
        return (
            one.outcome is ScheduleOutcome.WAITS
            and one.plan_id is not None
            and self._planning.to_approve(actor, one.plan_id)
        )

    def _remind(self, actor: Actor, due: StoredSchedule) -> Result:
        schedule, cases, assignment = due.schedule, self._following_up, due.assignment_id
        template = present(schedule.template, "a reminder has words")
        voice = self._notices.voice(schedule)
        audience = Audience(section=schedule.section, overdue_only=schedule.overdue_only)
        view = cases.preview_reminders(actor, assignment, template, audience, voice=voice)
        try:
            batch = cases.send_reminders(
                actor,
                assignment,
                template,
                audience,
                voice=voice,
                approved=view.plan.recipients,
                fresh=False,
            )
        except NothingToSend:
            return Result(ScheduleOutcome.NOTHING)
        sent = sum(len(one.message.recipients) for one in batch.messages if one.state == "sent")
        return Result(ScheduleOutcome.SENT, str(sent))

    def _why(
        self, actor: Actor, due: StoredSchedule, error: ServiceError | ReadFailed | AllocationError
    ) -> Sentence:
        """The error in words that the pages translate, people by their names as far as they are known."""
        words = error.words or Sentence(str(error))
        last = self._last_reading(actor, due)
        return words.named(name_in(last) if last is not None else lambda mention: mention.id)

    def _name(self, actor: Actor, due: StoredSchedule) -> str:
        """The assignment's name as last read; its id where that is all that is known."""
        last = self._last_reading(actor, due)
        return due.assignment_id if last is None else last.assignment.name

    def _last_reading(self, actor: Actor, due: StoredSchedule) -> Snapshot | None:
        """None where there is none, or the person may not see it any more."""
        try:
            return self._reading.last(actor, due.assignment_id)
        except (ServiceError, ReadFailed):
            return None


def _rests_on(plan: Plan, snapshot: Snapshot) -> bool:
    """Whether a plan could have been made from this snapshot."""
    return (plan.fingerprint, plan.after_run) == (snapshot.fingerprint, snapshot.after_run)
