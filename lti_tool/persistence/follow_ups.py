"""Stores the time after an allocation: settings, the log of reminders, postings of credit.

A reminder is never sent twice: a message is marked `sending` and committed before the call to Canvas, and
whatever is not known to have failed counts as sent when the next reminders are planned.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from lti_tool.persistence.database import Database, one_at_a_time
from lti_tool.persistence.follow_up_rows import (
    CreditPostRow,
    CreditScoreRow,
    FollowUpRow,
    ReminderBatchRow,
    ReminderMessageRow,
    ReminderRow,
)
from lti_tool.persistence.open_reviews import first_reading, seen_open
from lti_tool.persistence.plans import new_id
from lti_tool.planning.follow_up import OWN_COLUMN, FollowUp, Posting, ScoreState, Sending
from lti_tool.planning.ids import AssignmentId, CanvasOrigin, CourseId, ReviewId, UserId
from lti_tool.planning.reminders import Message, ReminderPlan


@dataclass(frozen=True, slots=True)
class Assignment:
    """The assignment that everything here hangs on."""

    canvas: CanvasOrigin
    course_id: CourseId
    assignment_id: AssignmentId


@dataclass(frozen=True, slots=True)
class LoggedMessage:
    """One message of the log; ``note`` says why it failed."""

    seq: int
    message: Message
    state: Sending
    settled_at: datetime | None
    note: str


@dataclass(frozen=True, slots=True)
class LoggedBatch:
    """Reminders that were approved at once."""

    id: str
    sent_by_name: str
    created_at: datetime
    messages: tuple[LoggedMessage, ...]

    def people_in(self, *states: Sending) -> int:
        """Number of recipients of messages in these states."""
        return sum(len(one.message.recipients) for one in self.messages if one.state in states)


@dataclass(frozen=True, slots=True)
class CreditScore:
    """One student's points in a column of the tool's own. ``why`` is empty, or says why it was not taken."""

    user: UserId
    points: str
    state: ScoreState
    why: str = ""
    result_id: str | None = None
    sent_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CreditPost:
    """One posting of points."""

    id: str
    target: AssignmentId
    posted_by_name: str
    created_at: datetime
    state: Posting
    jobs: Mapping[str, Posting]
    """Canvas's jobs by id. Each call of a large posting makes one, and each has to end well."""
    note: str
    points: Mapping[UserId, str]
    scores: tuple[CreditScore, ...] = ()
    """Of a column of the tool's own: what became of each."""

    @property
    def own(self) -> bool:
        """Whether it goes into a column of the tool's own."""
        return self.target == OWN_COLUMN

    def in_state(self, state: ScoreState) -> tuple[CreditScore, ...]:
        """The scores that are so far."""
        return tuple(score for score in self.scores if score.state is state)


class FollowUps:
    """The repository; each method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def settings(self, of: Assignment) -> FollowUp:
        """The settings of an assignment, or the defaults."""
        with self._database.read() as session:
            row = session.get(FollowUpRow, (of.canvas, of.course_id, of.assignment_id))
        return FollowUp() if row is None else FollowUp.model_validate_json(row.body)

    def save_settings(self, of: Assignment, settings: FollowUp, *, by: UserId, at: datetime) -> None:
        """Keep settings in place of the earlier ones."""
        with self._database.begin() as session:
            one_at_a_time(session, f"follow-up {of}")
            session.merge(
                FollowUpRow(
                    canvas=of.canvas,
                    course_id=of.course_id,
                    assignment_id=of.assignment_id,
                    body=settings.model_dump_json(),
                    saved_by=by,
                    saved_at=at,
                )
            )

    def seen_open(self, of: Assignment) -> Mapping[ReviewId, datetime]:
        """When each review was last seen open after the due date of the reviews."""
        with self._database.read() as session:
            return seen_open(session, of.canvas, of.course_id, of.assignment_id)

    def first_reading(self, of: Assignment, since: datetime) -> datetime | None:
        """The first reading at or after ``since`` that was looked through for open reviews."""
        with self._database.read() as session:
            return first_reading(session, of.canvas, of.course_id, of.assignment_id, since)

    def last_told(self, of: Assignment) -> Mapping[UserId, datetime]:
        """When each person was last sent a reminder, or may have been."""
        with self._database.read() as session:
            return _last_told(session, of)

    def reserve_reminders(
        self,
        of: Assignment,
        plan: Callable[[Mapping[UserId, datetime]], ReminderPlan],
        *,
        by: UserId,
        by_name: str,
        at: datetime,
    ) -> LoggedBatch:
        """Write down what will be sent; two people who press at once cannot both remind somebody.

        Args:
            plan: makes the plan from who was told when; called inside the transaction.
        """
        with self._database.begin() as session:
            one_at_a_time(session, f"reminders {of}")
            messages = plan(_last_told(session, of)).messages
            batch = ReminderBatchRow(
                id=new_id(),
                canvas=of.canvas,
                course_id=of.course_id,
                assignment_id=of.assignment_id,
                sent_by=by,
                sent_by_name=by_name,
                created_at=at,
            )
            session.add(batch)
            session.flush()
            for seq, message in enumerate(messages):
                session.add(_message_row(batch.id, seq, message))
                session.add_all(
                    ReminderRow(batch_id=batch.id, user_id=user, seq=seq) for user in message.recipients
                )
            session.flush()
            return _logged(session, batch)

    def begin_sending(self, batch_id: str, seq: int) -> bool:
        """Take a queued message; False when somebody else has it. Commit comes before the call."""
        with self._database.begin() as session:
            taken = session.execute(
                update(ReminderMessageRow)
                .where(
                    ReminderMessageRow.batch_id == batch_id,
                    ReminderMessageRow.seq == seq,
                    ReminderMessageRow.state == Sending.QUEUED,
                )
                .values(state=Sending.SENDING)
            )
            return bool(taken.rowcount)  # type: ignore[attr-defined]  # an UPDATE has one

    def settle_message(
        self, batch_id: str, seq: int, state: Sending, *, at: datetime, note: str = ""
    ) -> None:
        """Record what Canvas said."""
        with self._database.begin() as session:
            row = session.get_one(ReminderMessageRow, (batch_id, seq))
            row.state, row.settled_at, row.note = state, at, note

    def reminder_log(self, of: Assignment) -> tuple[LoggedBatch, ...]:
        """All reminders of an assignment, newest first."""
        with self._database.read() as session:
            rows = session.scalars(
                select(ReminderBatchRow)
                .where(*_of(ReminderBatchRow, of))
                .order_by(ReminderBatchRow.created_at.desc())
            )
            return tuple(_logged(session, row) for row in rows)

    def open_credit_post(
        self,
        of: Assignment,
        target: AssignmentId,
        points: Mapping[UserId, str],
        *,
        by: UserId,
        by_name: str,
        at: datetime,
    ) -> str:
        """Write down a posting before it is sent; gives its id."""
        row = CreditPostRow(
            id=new_id(),
            canvas=of.canvas,
            course_id=of.course_id,
            assignment_id=of.assignment_id,
            target=target,
            posted_by=by,
            posted_by_name=by_name,
            created_at=at,
            state=Posting.SENDING,
            jobs="{}",
            note="",
            body=json.dumps(dict(points), sort_keys=True),
        )
        with self._database.begin() as session:
            session.add(row)
        return row.id

    def add_credit_job(self, post_id: str, job: str) -> None:
        """Canvas has taken some of the points as a job."""
        self.settle_credit_job(post_id, job, Posting.RUNNING)

    def settle_credit_job(self, post_id: str, job: str, state: Posting) -> None:
        """Record how far one of Canvas's jobs is."""
        with self._database.begin() as session:
            row = session.get_one(CreditPostRow, post_id, with_for_update=True)
            row.jobs = json.dumps(json.loads(row.jobs) | {job: state})

    def settle_credit_post(self, post_id: str, state: Posting, *, note: str = "") -> None:
        """Record how far a posting is."""
        with self._database.begin() as session:
            row = session.get_one(CreditPostRow, post_id)
            row.state, row.note = state, note

    def credit_posts(self, of: Assignment) -> tuple[CreditPost, ...]:
        """Postings of an assignment, newest first."""
        with self._database.read() as session:
            rows = session.scalars(
                select(CreditPostRow).where(*_of(CreditPostRow, of)).order_by(CreditPostRow.created_at.desc())
            )
            return tuple(credit_post(session, row) for row in rows)


def credit_post(session: Session, row: CreditPostRow) -> CreditPost:
    """A posting with what became of its scores."""
    scores: tuple[CreditScore, ...] = ()
    if row.target == OWN_COLUMN:
        found = session.scalars(
            select(CreditScoreRow).where(CreditScoreRow.post_id == row.id).order_by(CreditScoreRow.user_id)
        )
        scores = tuple(
            CreditScore(
                UserId(one.user_id), one.points, ScoreState(one.state), one.why, one.result_id, one.sent_at
            )
            for one in found
        )
    points = {UserId(user): value for user, value in json.loads(row.body).items()}
    return CreditPost(
        id=row.id,
        target=AssignmentId(row.target),
        posted_by_name=row.posted_by_name,
        created_at=row.created_at,
        state=Posting(row.state),
        jobs={job: Posting(state) for job, state in json.loads(row.jobs).items()},
        note=row.note,
        points=points or {score.user: score.points for score in scores},
        scores=scores,
    )


def _of(
    table: type[ReminderBatchRow] | type[CreditPostRow], of: Assignment
) -> tuple[ColumnElement[bool], ...]:
    return (
        table.canvas == of.canvas,
        table.course_id == of.course_id,
        table.assignment_id == of.assignment_id,
    )


def _last_told(session: Session, of: Assignment) -> Mapping[UserId, datetime]:
    rows = session.execute(
        select(
            ReminderRow.user_id, func.max(ReminderBatchRow.created_at, type_=ReminderBatchRow.created_at.type)
        )
        .join(ReminderBatchRow, ReminderBatchRow.id == ReminderRow.batch_id)
        .join(
            ReminderMessageRow,
            (ReminderMessageRow.batch_id == ReminderRow.batch_id)
            & (ReminderMessageRow.seq == ReminderRow.seq),
        )
        .where(*_of(ReminderBatchRow, of), ReminderMessageRow.state != Sending.FAILED)
        .group_by(ReminderRow.user_id)
    )
    return {UserId(user): at for user, at in rows}


def _message_row(batch_id: str, seq: int, message: Message) -> ReminderMessageRow:
    return ReminderMessageRow(
        batch_id=batch_id,
        seq=seq,
        subject=message.subject,
        body=message.body,
        state=Sending.QUEUED,
        settled_at=None,
        note="",
    )


def _logged(session: Session, batch: ReminderBatchRow) -> LoggedBatch:
    people: dict[int, list[UserId]] = {}
    for row in session.scalars(
        select(ReminderRow).where(ReminderRow.batch_id == batch.id).order_by(ReminderRow.user_id)
    ):
        people.setdefault(row.seq, []).append(UserId(row.user_id))
    messages = session.scalars(
        select(ReminderMessageRow)
        .where(ReminderMessageRow.batch_id == batch.id)
        .order_by(ReminderMessageRow.seq)
    )
    return LoggedBatch(
        id=batch.id,
        sent_by_name=batch.sent_by_name,
        created_at=batch.created_at,
        messages=tuple(
            LoggedMessage(
                seq=row.seq,
                message=Message(tuple(people.get(row.seq, ())), row.subject, row.body),
                state=Sending(row.state),
                settled_at=row.settled_at,
                note=row.note,
            )
            for row in messages
        ),
    )
