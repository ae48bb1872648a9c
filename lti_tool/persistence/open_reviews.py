"""Which reviews a reading after the due date of the reviews found open: the only proof that one is late.

Canvas does not tell when a review was completed. What the tool saw open after the date, and sees completed
now, was completed late; nothing is known of the rest. Ids only, no names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice

from sqlalchemy import ColumnElement, Index, String, func, insert, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from lti_tool.persistence.base import Base, UTCDateTime
from lti_tool.persistence.database import one_at_a_time
from lti_tool.persistence.follow_up_rows import FollowUpRow
from lti_tool.planning.follow_up import FollowUp
from lti_tool.planning.ids import AssignmentId, CanvasOrigin, CourseId, ReviewId
from lti_tool.planning.snapshot import Review, Snapshot

AT_ONCE = 500
"""Reviews in one statement; databases bound the number of values."""


class OpenReviewRow(Base):
    """A review that was open after the date; ``open_at`` is the latest reading that showed it so."""

    __tablename__ = "open_review"

    canvas: Mapped[str] = mapped_column(String(255), primary_key=True)
    course_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    assignment_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    review_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    reviewer_id: Mapped[str] = mapped_column(String(64))
    open_at: Mapped[datetime] = mapped_column(UTCDateTime())

    __table_args__ = (Index(None, "canvas", "reviewer_id"),)


class DueReadingRow(Base):
    """That an assignment was read after the date of its reviews, whatever was found."""

    __tablename__ = "due_reading"

    canvas: Mapped[str] = mapped_column(String(255), primary_key=True)
    course_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    assignment_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    read_at: Mapped[datetime] = mapped_column(UTCDateTime(), primary_key=True)


def note_open(session: Session, snapshot: Snapshot) -> None:
    """Write down which reviews a reading shows open, if the date of the reviews had passed then.

    A review that has been begun is left out: attaching a rubric sets completed reviews back to open
    (canvas-lms app/models/rubric_association.rb), so it may have been completed in time.
    """
    place = (snapshot.canvas, snapshot.course_id, snapshot.assignment.id)
    settled = session.get(FollowUpRow, place)
    if settled is None or not FollowUp.model_validate_json(settled.body).overdue(snapshot.taken_at):
        return
    one_at_a_time(session, f"open reviews {place}")
    columns = dict(zip(("canvas", "course_id", "assignment_id"), place, strict=True))
    at = snapshot.taken_at
    session.merge(DueReadingRow(**columns, read_at=at))
    known = set(session.scalars(select(OpenReviewRow.review_id).where(*_of(OpenReviewRow, *place))))
    still_open = [review for review in snapshot.reviews if not review.written]
    for some in _batches([review for review in still_open if review.id in known]):
        session.execute(
            update(OpenReviewRow)
            .where(
                *_of(OpenReviewRow, *place),
                OpenReviewRow.review_id.in_([review.id for review in some]),
                OpenReviewRow.open_at < at,
            )
            .values(open_at=at)
        )
    for some in _batches([review for review in still_open if review.id not in known]):
        session.execute(
            insert(OpenReviewRow),
            [
                {**columns, "review_id": review.id, "reviewer_id": review.assessor, "open_at": at}
                for review in some
            ],
        )


def seen_open(
    session: Session, canvas: CanvasOrigin, course: CourseId, assignment: AssignmentId
) -> Mapping[ReviewId, datetime]:
    """When each review was last seen open after the date; whoever is missing never was."""
    rows = session.execute(
        select(OpenReviewRow.review_id, OpenReviewRow.open_at).where(
            *_of(OpenReviewRow, canvas, course, assignment)
        )
    )
    return {ReviewId(review): at for review, at in rows}


def first_reading(
    session: Session, canvas: CanvasOrigin, course: CourseId, assignment: AssignmentId, since: datetime
) -> datetime | None:
    """The first reading at or after a moment that was looked through for open reviews, if any."""
    return session.scalar(
        select(func.min(DueReadingRow.read_at, type_=UTCDateTime())).where(
            *_of(DueReadingRow, canvas, course, assignment), DueReadingRow.read_at >= since
        )
    )


def _of(
    row: type[OpenReviewRow] | type[DueReadingRow],
    canvas: CanvasOrigin,
    course: CourseId,
    assignment: AssignmentId,
) -> tuple[ColumnElement[bool], ...]:
    return (row.canvas == canvas, row.course_id == course, row.assignment_id == assignment)


def _batches(reviews: Sequence[Review]) -> Iterator[Sequence[Review]]:
    left = iter({review.id: review for review in reviews}.values())
    while some := list(islice(left, AT_ONCE)):
        yield some
