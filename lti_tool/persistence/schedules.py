"""Stores schedules, and hands one that is due to one worker at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Index, String, Text, delete, or_, select, update
from sqlalchemy.orm import Mapped, mapped_column

from lti_tool.persistence.base import Base, UTCDateTime
from lti_tool.persistence.database import Database
from lti_tool.persistence.plans import new_id
from lti_tool.planning.follow_up import Sending
from lti_tool.planning.ids import AssignmentId, CanvasOrigin, CourseId, PlanId, RunId, UserId
from lti_tool.planning.schedule import Schedule, ScheduleOutcome

LEASE = timedelta(minutes=15)
"""Longer than reading a large course and planning it takes; a worker that died gives its schedule back so."""


class ScheduleRow(Base):
    """One schedule. ``next_at`` is empty when it is over, or waits for the assignment to get a due date."""

    __tablename__ = "schedule"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    canvas: Mapped[str] = mapped_column(String(255))
    course_id: Mapped[str] = mapped_column(String(64))
    assignment_id: Mapped[str] = mapped_column(String(64))
    user_id: Mapped[str] = mapped_column(String(64))
    user_name: Mapped[str] = mapped_column(Text())
    body: Mapped[str] = mapped_column(Text())
    created_at: Mapped[datetime] = mapped_column(UTCDateTime())
    next_at: Mapped[datetime | None] = mapped_column(UTCDateTime())
    lease_until: Mapped[datetime | None] = mapped_column(UTCDateTime())
    last_at: Mapped[datetime | None] = mapped_column(UTCDateTime())
    outcome: Mapped[str | None] = mapped_column(String(16))
    note: Mapped[str] = mapped_column(Text())
    plan_id: Mapped[str | None] = mapped_column(String(32))
    run_id: Mapped[str | None] = mapped_column(String(32))
    told: Mapped[str | None] = mapped_column(Text())
    """Keys of what its person was told, the last of each kind; none of them is told again."""
    telling: Mapped[str | None] = mapped_column(String(16))
    told_at: Mapped[datetime | None] = mapped_column(UTCDateTime())

    __table_args__ = (
        Index(None, "next_at"),
        Index(None, "canvas", "course_id", "assignment_id"),
    )


@dataclass(frozen=True, slots=True)
class StoredSchedule:
    """A schedule with whose it is and what came of it."""

    id: str
    canvas: CanvasOrigin
    course_id: CourseId
    assignment_id: AssignmentId
    user_id: UserId
    user_name: str
    schedule: Schedule
    created_at: datetime
    next_at: datetime | None
    last_at: datetime | None
    outcome: ScheduleOutcome | None
    note: str
    plan_id: PlanId | None
    run_id: RunId | None
    telling: Sending | None = None
    """How far the message about it is; ``sending`` means that no answer came."""
    told_at: datetime | None = None

    @property
    def first_at(self) -> datetime:
        """When it was planned for the first time, where that doesn't hang on a due date."""
        return self.schedule.at or self.created_at


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one time."""

    outcome: ScheduleOutcome
    note: str = ""
    plan_id: PlanId | None = None
    run_id: RunId | None = None


class Schedules:
    """The repository; each method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        canvas: CanvasOrigin,
        course: CourseId,
        assignment: AssignmentId,
        schedule: Schedule,
        *,
        by: UserId,
        by_name: str,
        next_at: datetime | None,
        at: datetime,
    ) -> str:
        """Keep a schedule; gives its id."""
        row = ScheduleRow(
            id=new_id(),
            canvas=canvas,
            course_id=course,
            assignment_id=assignment,
            user_id=by,
            user_name=by_name,
            body=schedule.model_dump_json(),
            created_at=at,
            next_at=next_at,
            lease_until=None,
            last_at=None,
            outcome=None,
            note="",
            plan_id=None,
            run_id=None,
            told=None,
            telling=None,
            told_at=None,
        )
        with self._database.begin() as session:
            session.add(row)
        return row.id

    def of_course(
        self, canvas: CanvasOrigin, course: CourseId, assignment: AssignmentId | None = None
    ) -> tuple[StoredSchedule, ...]:
        """The schedules of a course, or of one assignment of it, oldest first."""
        wanted: list[ColumnElement[bool]] = [ScheduleRow.canvas == canvas, ScheduleRow.course_id == course]
        if assignment is not None:
            wanted.append(ScheduleRow.assignment_id == assignment)
        with self._database.read() as session:
            rows = session.scalars(
                select(ScheduleRow).where(*wanted).order_by(ScheduleRow.created_at, ScheduleRow.id)
            )
            return tuple(_stored(row) for row in rows)

    def remove(self, canvas: CanvasOrigin, course: CourseId, schedule_id: str) -> bool:
        """Forget a schedule of this course; False when there is none."""
        with self._database.begin() as session:
            gone = session.connection().execute(
                delete(ScheduleRow).where(
                    ScheduleRow.id == schedule_id,
                    ScheduleRow.canvas == canvas,
                    ScheduleRow.course_id == course,
                )
            )
            return gone.rowcount == 1

    def claim_due(self, now: datetime) -> StoredSchedule | None:
        """One schedule whose time has come and that no other worker holds."""
        free = or_(ScheduleRow.lease_until.is_(None), ScheduleRow.lease_until <= now)
        while True:
            with self._database.begin() as session:
                row = session.scalar(
                    select(ScheduleRow)
                    .where(ScheduleRow.next_at <= now, free)
                    .order_by(ScheduleRow.next_at)
                    .limit(1)
                )
                if row is None:
                    return None
                taken = session.connection().execute(
                    update(ScheduleRow).where(ScheduleRow.id == row.id, free).values(lease_until=now + LEASE)
                )
                if taken.rowcount == 1:
                    return _stored(row)

    def settle(self, schedule_id: str, result: Result, *, at: datetime, next_at: datetime | None) -> None:
        """Record what came of it and when it is due again; nothing when it was removed meanwhile."""
        with self._database.begin() as session:
            row = session.get(ScheduleRow, schedule_id)
            if row is None:
                return
            row.last_at, row.next_at, row.lease_until = at, next_at, None
            row.outcome, row.note = result.outcome, result.note
            row.plan_id, row.run_id = result.plan_id, result.run_id
            if result.outcome not in (ScheduleOutcome.FAILED, ScheduleOutcome.NOT_YET):
                row.told = _without(row.told, "failed")  # should it fail again, that is news

    def begin_telling(self, schedule_id: str, key: str) -> bool:
        """Take a notice to send; False when it was sent before, or may have been. Commit comes first."""
        with self._database.begin() as session:
            row = session.get(ScheduleRow, schedule_id)
            if row is None or key in (row.told or "").splitlines():
                return False
            row.told = f"{_without(row.told, _kind(key))}{key}\n"
            row.telling, row.told_at = Sending.SENDING, None
            return True

    def settle_telling(self, schedule_id: str, key: str, telling: Sending, *, at: datetime) -> None:
        """Record what became of a notice; one that was certainly not sent may be sent another time."""
        with self._database.begin() as session:
            row = session.get(ScheduleRow, schedule_id)
            if row is not None:
                row.telling, row.told_at = telling, at
                if telling is Sending.FAILED:
                    row.told = _without(row.told, _kind(key))

    def date_moved(
        self,
        canvas: CanvasOrigin,
        course: CourseId,
        assignment: AssignmentId,
        due: datetime | None,
        now: datetime,
    ) -> None:
        """Follow the due date of the reviews with what hangs on it and has not happened."""
        with self._database.begin() as session:
            for row in session.scalars(
                select(ScheduleRow).where(
                    ScheduleRow.canvas == canvas,
                    ScheduleRow.course_id == course,
                    ScheduleRow.assignment_id == assignment,
                    or_(ScheduleRow.last_at.is_(None), ScheduleRow.outcome == ScheduleOutcome.NOT_YET),
                )
            ):
                schedule = Schedule.model_validate_json(row.body)
                if schedule.after_due_hours is not None and schedule.counted_from == "reviews":
                    row.next_at = schedule.first(due, now)


def _kind(key: str) -> str:
    return key.partition(" ")[0]


def _without(told: str | None, kind: str) -> str:
    return "".join(f"{key}\n" for key in (told or "").splitlines() if _kind(key) != kind)


def _stored(row: ScheduleRow) -> StoredSchedule:
    return StoredSchedule(
        id=row.id,
        canvas=CanvasOrigin(row.canvas),
        course_id=CourseId(row.course_id),
        assignment_id=AssignmentId(row.assignment_id),
        user_id=UserId(row.user_id),
        user_name=row.user_name,
        schedule=Schedule.model_validate_json(row.body),
        created_at=row.created_at,
        next_at=row.next_at,
        last_at=row.last_at,
        outcome=None if row.outcome is None else ScheduleOutcome(row.outcome),
        note=row.note,
        plan_id=None if row.plan_id is None else PlanId(row.plan_id),
        run_id=None if row.run_id is None else RunId(row.run_id),
        telling=None if row.telling is None else Sending(row.telling),
        told_at=row.told_at,
    )
