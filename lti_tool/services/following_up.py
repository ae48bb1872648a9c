"""Board and reminders: reads, asks ``planning``, sends once, keeps the log."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import available_timezones

from allocation.sentences import N_, Voice
from lti_tool.applying.answers import Outcome
from lti_tool.canvas.pacing import Lane
from lti_tool.persistence.follow_ups import Assignment, FollowUps, LoggedBatch
from lti_tool.persistence.schedules import Schedules
from lti_tool.planning.board import Board, make_board
from lti_tool.planning.follow_up import FollowUp, Sending
from lti_tool.planning.ids import AssignmentId, UserId
from lti_tool.planning.reminders import Audience, ReminderPlan, Template, plan_reminders
from lti_tool.planning.schedule import Schedule, ScheduleKind
from lti_tool.planning.snapshot import Snapshot
from lti_tool.services.actor import Actor
from lti_tool.services.canvas_access import CanvasAccess
from lti_tool.services.errors import NotHere, NothingToSend
from lti_tool.services.follow_up_cases import BoardView, ReminderView
from lti_tool.services.use_cases import ReadingCases

NOT_SENT = (Outcome.NOT_DONE, Outcome.PERMANENT)


class FollowingUp:
    """Implements ``FollowUpCases``."""

    def __init__(
        self,
        store: FollowUps,
        reading: ReadingCases,
        access: CanvasAccess,
        schedules: Schedules,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._reading = reading
        self._access = access
        self._schedules = schedules
        self._now = now

    def settings(self, actor: Actor, assignment: AssignmentId) -> FollowUp:
        """What was settled for an assignment, or the defaults."""
        return self._store.settings(place(actor, assignment))

    def save_settings(
        self, actor: Actor, assignment: AssignmentId, settings: FollowUp, locale: str = "en"
    ) -> None:
        """Keep it; what is to happen before or after the due date of the reviews moves with it.

        Where late reviews cost points, somebody has to look at the date; a schedule does.

        Args:
            locale: language of what that schedule may have to tell.
        """
        now, before = self._now(), self.settings(actor, assignment)
        self._store.save_settings(place(actor, assignment), settings, by=actor.user_id, at=now)
        self._schedules.date_moved(actor.canvas, actor.course_id, assignment, settings.reviews_due_at, now)
        matters = settings.credit.late_deduction > 0 and settings.late_from is not None
        if matters and (settings.late_from != before.late_from or not before.credit.late_deduction):
            self._look_when_late(actor, assignment, settings, locale)

    def _look_when_late(
        self, actor: Actor, assignment: AssignmentId, settings: FollowUp, locale: str
    ) -> None:
        """Have Canvas read when reviews begin to be late, unless a schedule is there that does."""
        wanted = Schedule(
            kind=ScheduleKind.WATCH,
            after_due_hours=settings.credit.grace_hours,
            counted_from="reviews",
            locale=locale,
        )
        now = self._now()
        first = wanted.first(settings.reviews_due_at, now)
        for one in self._schedules.of_course(actor.canvas, actor.course_id, assignment):
            same = one.schedule.kind is wanted.kind and one.schedule.counted_from == wanted.counted_from
            ahead = one.next_at is not None or (one.last_at is not None and one.last_at >= (first or now))
            if same and one.schedule.after_due_hours == wanted.after_due_hours and ahead:
                return
        self._schedules.add(
            actor.canvas,
            actor.course_id,
            assignment,
            wanted,
            by=actor.user_id,
            by_name=actor.name,
            next_at=first,
            at=now,
        )

    def reviewed(self, actor: Actor) -> list[AssignmentId]:
        """The assignments of a board over the whole course: published ones with peer reviews; one list."""
        return [one.id for one in self._reading.assignments(actor) if one.peer_reviews and one.published]

    def board(self, actor: Actor, assignments: Sequence[AssignmentId], *, fresh: bool = False) -> BoardView:
        """Who owes what, who received what, from the last readings or from new ones.

        Raises:
            NotHere: no assignment is named.
        """
        if not assignments:
            raise NotHere(N_("No assignment of this course uses peer reviews."))
        settings = {one: self.settings(actor, one) for one in assignments}
        snapshots = self._reading.snapshots(actor, assignments, fresh=fresh)
        due = {one: found.reviews_due_at for one, found in settings.items()}
        return BoardView(
            board=make_board(snapshots, due, self._now()),
            read_at={snapshot.assignment.id: snapshot.taken_at for snapshot in snapshots},
            settings=settings,
        )

    def course_zone(self, actor: Actor) -> str:
        """The IANA name of the course's time zone in Canvas; UTC where Canvas names none that we know."""
        zone = self._access.client(actor.canvas, actor.user_id, Lane.PAGE).course(actor.course_id).time_zone
        return zone if zone in available_timezones() else "UTC"

    def preview_reminders(
        self,
        actor: Actor,
        assignment: AssignmentId,
        template: Template,
        audience: Audience,
        *,
        voice: Voice,
    ) -> ReminderView:
        """Who would be sent what, in the language and time zone of ``voice``."""
        snapshot = self._reading.snapshot(actor, assignment)
        told = self._store.last_told(place(actor, assignment))
        plan = self._plan(actor, snapshot, template, audience, voice, told)
        return ReminderView(plan, {user: one.name for user, one in snapshot.people_by_id.items()})

    def send_reminders(
        self,
        actor: Actor,
        assignment: AssignmentId,
        template: Template,
        audience: Audience,
        *,
        voice: Voice,
        approved: Sequence[UserId],
        fresh: bool = True,
    ) -> LoggedBatch:
        """Read Canvas again and remind those of ``approved`` who still owe; raises ``NothingToSend``.

        Without ``fresh`` the last reading counts, for callers that have just made it.
        """
        snapshot = self._reading.snapshot(actor, assignment, fresh=fresh)
        narrowed = Audience(audience.section, frozenset(approved), audience.overdue_only)

        def plan(told: Mapping[UserId, datetime]) -> ReminderPlan:
            made = self._plan(actor, snapshot, template, narrowed, voice, told)
            if not approved or not made.messages:
                raise NothingToSend(
                    N_(
                        "Nobody is left to remind: everybody chosen has finished, has left, or was reminded "
                        "a short while ago. Nothing was sent."
                    )
                )
            return made

        batch = self._store.reserve_reminders(
            place(actor, assignment), plan, by=actor.user_id, by_name=actor.name, at=self._now()
        )
        return self._send(actor, assignment, batch)

    def send_rest(self, actor: Actor, assignment: AssignmentId, batch_id: str) -> LoggedBatch:
        """Send what a process that died had not begun to send; raises ``NotHere``."""
        return self._send(actor, assignment, self._batch(actor, assignment, batch_id))

    def reminder_log(self, actor: Actor, assignment: AssignmentId) -> tuple[LoggedBatch, ...]:
        """Who was told what when, newest first."""
        return self._store.reminder_log(place(actor, assignment))

    def _plan(
        self,
        actor: Actor,
        snapshot: Snapshot,
        template: Template,
        audience: Audience,
        voice: Voice,
        told: Mapping[UserId, datetime],
    ) -> ReminderPlan:
        settings, now = self.settings(actor, snapshot.assignment.id), self._now()
        due = settings.reviews_due_at
        board: Board = make_board([snapshot], {snapshot.assignment.id: due}, now)
        return plan_reminders(
            board.lines,
            template,
            audience,
            {
                "assignment": snapshot.assignment.name,
                "course": snapshot.course_name,
                "due": voice.gettext(N_("no date is set")) if due is None else voice.moment(due),
                "link": snapshot.assignment.html_url,
            },
            voice=voice,
            last_told=told,
            interval=timedelta(hours=settings.remind_every_hours),
            now=now,
        )

    def _send(self, actor: Actor, assignment: AssignmentId, batch: LoggedBatch) -> LoggedBatch:
        """Each queued message once. An answer that never came leaves it at `sending`: perhaps it was sent."""
        client = self._access.client(actor.canvas, actor.user_id, Lane.PAGE)
        for one in batch.messages:
            if not self._store.begin_sending(batch.id, one.seq):
                continue
            answer = client.send_message(
                actor.course_id, one.message.recipients, one.message.subject, one.message.body
            )
            if answer.outcome is Outcome.OK:
                self._store.settle_message(batch.id, one.seq, Sending.SENT, at=self._now())
            elif answer.outcome in NOT_SENT:
                self._store.settle_message(batch.id, one.seq, Sending.FAILED, at=self._now(), note=answer.why)
        return self._batch(actor, assignment, batch.id)

    def _batch(self, actor: Actor, assignment: AssignmentId, batch_id: str) -> LoggedBatch:
        for batch in self._store.reminder_log(place(actor, assignment)):
            if batch.id == batch_id:
                return batch
        raise NotHere(N_("There are no such reminders in this course."))


def place(actor: Actor, assignment: AssignmentId) -> Assignment:
    """Where records of this assignment are kept."""
    return Assignment(actor.canvas, actor.course_id, assignment)
