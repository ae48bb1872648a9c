"""Columns of the tool's own: where a course's are, and the postings into them, one claim at a time.

A posting is written down with every score before the first is sent; whoever carries it holds a claim that
ends by itself, so that another goes on where a process died. Claims also keep two from making the column
twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_, select, update

from lti_tool.persistence.database import Database, one_at_a_time
from lti_tool.persistence.follow_up_rows import CreditPostRow, CreditScoreRow, GradeServiceRow
from lti_tool.persistence.follow_ups import Assignment, CreditScore
from lti_tool.persistence.plans import new_id
from lti_tool.planning.follow_up import OWN_COLUMN, Posting, ScoreState
from lti_tool.planning.ids import AssignmentId, CanvasOrigin, CourseId, UserId

CLAIM = timedelta(minutes=5)
"""Longer than a batch of scores takes; renewed with each."""


@dataclass(frozen=True, slots=True)
class ServiceRecord:
    """Where the columns of a course are, and whose launch said so."""

    issuer: str
    client_id: str
    lineitems: str
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClaimedPost:
    """A posting that nobody else carries now."""

    id: str
    of: Assignment
    label: str
    maximum: float
    waiting: tuple[CreditScore, ...]


@dataclass(frozen=True, slots=True)
class SentScore:
    """The last score of a student that Canvas took."""

    points: str
    maximum: float
    result_id: str | None
    sent_at: datetime


class GradeColumns:
    """The repository; each method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def service(self, canvas: CanvasOrigin, course: CourseId) -> ServiceRecord | None:
        """What the last launch from a course said."""
        with self._database.read() as session:
            row = session.get(GradeServiceRow, (canvas, course))
        if row is None:
            return None
        return ServiceRecord(row.issuer, row.client_id, row.lineitems, tuple(row.scopes.split()))

    def remember(
        self, canvas: CanvasOrigin, course: CourseId, said: ServiceRecord | None, at: datetime
    ) -> None:
        """Keep what a launch said in place of what was said before; None: it offered nothing."""
        if said == self.service(canvas, course):
            return
        with self._database.begin() as session:
            if said is None:
                row = session.get(GradeServiceRow, (canvas, course))
                if row is not None:
                    session.delete(row)
                return
            one_at_a_time(session, f"grade service {canvas} {course}")
            session.merge(
                GradeServiceRow(
                    canvas=canvas,
                    course_id=course,
                    issuer=said.issuer,
                    client_id=said.client_id,
                    lineitems=said.lineitems,
                    scopes=" ".join(said.scopes),
                    saved_at=at,
                )
            )

    def open_post(
        self,
        of: Assignment,
        points: Mapping[UserId, str],
        *,
        label: str,
        maximum: float,
        by: UserId,
        by_name: str,
        at: datetime,
    ) -> str | None:
        """Write a posting down before it is sent; None while another of this assignment is under way."""
        with self._database.begin() as session:
            one_at_a_time(session, f"own column {of}")
            under_way = select(CreditPostRow.id).where(
                CreditPostRow.canvas == of.canvas,
                CreditPostRow.course_id == of.course_id,
                CreditPostRow.assignment_id == of.assignment_id,
                CreditPostRow.target == OWN_COLUMN,
                CreditPostRow.state == Posting.RUNNING,
            )
            if session.scalar(under_way.limit(1)) is not None:
                return None
            row = CreditPostRow(
                id=new_id(),
                canvas=of.canvas,
                course_id=of.course_id,
                assignment_id=of.assignment_id,
                target=OWN_COLUMN,
                posted_by=by,
                posted_by_name=by_name,
                created_at=at,
                state=Posting.RUNNING,
                jobs="{}",
                note="",
                body="{}",
                label=label,
                maximum=maximum,
                column_id=None,
                claimed_until=None,
            )
            session.add(row)
            session.flush()
            session.add_all(
                CreditScoreRow(
                    post_id=row.id,
                    user_id=user,
                    points=value,
                    state=ScoreState.WAITING,
                    why="",
                    result_id=None,
                    sent_at=None,
                )
                for user, value in points.items()
            )
            return row.id

    def waiting_posts(self, now: datetime) -> tuple[str, ...]:
        """Postings that are under way and that nobody carries, oldest first."""
        with self._database.read() as session:
            rows = session.scalars(
                select(CreditPostRow.id)
                .where(
                    CreditPostRow.target == OWN_COLUMN,
                    CreditPostRow.state == Posting.RUNNING,
                    or_(CreditPostRow.claimed_until.is_(None), CreditPostRow.claimed_until <= now),
                )
                .order_by(CreditPostRow.created_at)
            )
            return tuple(rows)

    def claim(self, post_id: str, now: datetime) -> ClaimedPost | None:
        """Take a posting to carry it; None when somebody else does, or when it is over."""
        with self._database.begin() as session:
            taken = session.connection().execute(
                update(CreditPostRow)
                .where(
                    CreditPostRow.id == post_id,
                    CreditPostRow.target == OWN_COLUMN,
                    CreditPostRow.state == Posting.RUNNING,
                    or_(CreditPostRow.claimed_until.is_(None), CreditPostRow.claimed_until <= now),
                )
                .values(claimed_until=now + CLAIM)
            )
            if taken.rowcount != 1:
                return None
            row = session.get_one(CreditPostRow, post_id)
            scores = session.scalars(
                select(CreditScoreRow)
                .where(CreditScoreRow.post_id == post_id, CreditScoreRow.state == ScoreState.WAITING)
                .order_by(CreditScoreRow.user_id)
            )
            return ClaimedPost(
                id=row.id,
                of=Assignment(
                    CanvasOrigin(row.canvas), CourseId(row.course_id), AssignmentId(row.assignment_id)
                ),
                label=row.label or "",
                maximum=row.maximum or 0.0,
                waiting=tuple(
                    CreditScore(UserId(one.user_id), one.points, ScoreState.WAITING) for one in scores
                ),
            )

    def save_scores(self, post_id: str, column_id: str, scores: Iterable[CreditScore], now: datetime) -> None:
        """Record what became of some scores, and hold the posting a while longer."""
        with self._database.begin() as session:
            row = session.get(CreditPostRow, post_id)
            if row is None:  # its course was erased meanwhile
                return
            row.column_id, row.claimed_until = column_id, now + CLAIM
            for score in scores:
                session.merge(
                    CreditScoreRow(
                        post_id=post_id,
                        user_id=score.user,
                        points=score.points,
                        state=score.state,
                        why=score.why,
                        result_id=score.result_id,
                        sent_at=score.sent_at,
                    )
                )

    def end(self, post_id: str, state: Posting, note: str = "") -> None:
        """A posting is over, well or not."""
        with self._database.begin() as session:
            row = session.get(CreditPostRow, post_id)
            if row is not None:
                row.state, row.note, row.claimed_until = state, note, None

    def release(self, post_id: str) -> None:
        """Let somebody else carry a posting that is not over."""
        with self._database.begin() as session:
            row = session.get(CreditPostRow, post_id)
            if row is not None:
                row.claimed_until = None

    def sent_scores(self, of: Assignment, column_id: str) -> Mapping[UserId, SentScore]:
        """The last score of each student that Canvas took into a column."""
        with self._database.read() as session:
            rows = session.execute(
                select(CreditScoreRow, CreditPostRow.maximum)
                .join(CreditPostRow, CreditPostRow.id == CreditScoreRow.post_id)
                .where(
                    CreditPostRow.canvas == of.canvas,
                    CreditPostRow.course_id == of.course_id,
                    CreditPostRow.assignment_id == of.assignment_id,
                    CreditPostRow.column_id == column_id,
                    CreditScoreRow.state == ScoreState.SENT,
                )
                .order_by(CreditScoreRow.sent_at)
            )
            return {
                UserId(score.user_id): SentScore(score.points, maximum, score.result_id, score.sent_at)
                for score, maximum in rows
                if maximum and score.sent_at is not None
            }
