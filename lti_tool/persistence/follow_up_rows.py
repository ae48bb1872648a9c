"""Tables of what happens after an allocation: settings, reminders, credit."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Float, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from lti_tool.persistence.base import Base, UTCDateTime


class FollowUpRow(Base):
    """The settings of one assignment after its allocation."""

    __tablename__ = "follow_up"

    canvas: Mapped[str] = mapped_column(String(255), primary_key=True)
    course_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    assignment_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    body: Mapped[str] = mapped_column(Text())
    saved_by: Mapped[str] = mapped_column(String(64))
    saved_at: Mapped[datetime] = mapped_column(UTCDateTime())


class ReminderBatchRow(Base):
    """Reminders that one person approved at once."""

    __tablename__ = "reminder_batch"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    canvas: Mapped[str] = mapped_column(String(255))
    course_id: Mapped[str] = mapped_column(String(64))
    assignment_id: Mapped[str] = mapped_column(String(64))
    sent_by: Mapped[str] = mapped_column(String(64))
    sent_by_name: Mapped[str] = mapped_column(Text())
    created_at: Mapped[datetime] = mapped_column(UTCDateTime())

    __table_args__ = (Index(None, "canvas", "course_id", "assignment_id", "created_at"),)


class ReminderMessageRow(Base):
    """One call to Canvas: one text, up to a hundred recipients. The text holds no names of students."""

    __tablename__ = "reminder_message"

    batch_id: Mapped[str] = mapped_column(
        ForeignKey("reminder_batch.id", ondelete="CASCADE"), primary_key=True
    )
    seq: Mapped[int] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(String(255))
    body: Mapped[str] = mapped_column(Text())
    state: Mapped[str] = mapped_column(String(16))
    settled_at: Mapped[datetime | None] = mapped_column(UTCDateTime())
    note: Mapped[str] = mapped_column(Text())


class ReminderRow(Base):
    """One recipient of one message."""

    __tablename__ = "reminder"

    batch_id: Mapped[str] = mapped_column(
        ForeignKey("reminder_batch.id", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    seq: Mapped[int]


class CreditPostRow(Base):
    """One posting of points to a column of the gradebook; ``body`` holds ids and points, no names."""

    __tablename__ = "credit_post"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    canvas: Mapped[str] = mapped_column(String(255))
    course_id: Mapped[str] = mapped_column(String(64))
    assignment_id: Mapped[str] = mapped_column(String(64))
    target: Mapped[str] = mapped_column(String(64))
    posted_by: Mapped[str] = mapped_column(String(64))
    posted_by_name: Mapped[str] = mapped_column(Text())
    created_at: Mapped[datetime] = mapped_column(UTCDateTime())
    state: Mapped[str] = mapped_column(String(16))
    jobs: Mapped[str] = mapped_column(Text())
    """Canvas's jobs that enter the points, with the last known state of each; JSON."""
    note: Mapped[str] = mapped_column(Text())
    body: Mapped[str] = mapped_column(Text())
    label: Mapped[str | None] = mapped_column(Text())
    """With ``maximum``: of a column of the tool's own; the scores are in their own rows."""
    maximum: Mapped[float | None] = mapped_column(Float())
    column_id: Mapped[str | None] = mapped_column(String(255))
    claimed_until: Mapped[datetime | None] = mapped_column(UTCDateTime())

    __table_args__ = (Index(None, "canvas", "course_id", "assignment_id", "created_at"),)


class CreditScoreRow(Base):
    """One student's points of a posting into a column of the tool's own."""

    __tablename__ = "credit_score"

    post_id: Mapped[str] = mapped_column(ForeignKey("credit_post.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    points: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16))
    why: Mapped[str] = mapped_column(String(16))
    result_id: Mapped[str | None] = mapped_column(String(255))
    sent_at: Mapped[datetime | None] = mapped_column(UTCDateTime())


class GradeServiceRow(Base):
    """Where a course's columns are, as the last launch from it said."""

    __tablename__ = "grade_service"

    canvas: Mapped[str] = mapped_column(String(255), primary_key=True)
    course_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    issuer: Mapped[str] = mapped_column(String(255))
    client_id: Mapped[str] = mapped_column(String(255))
    lineitems: Mapped[str] = mapped_column(Text())
    scopes: Mapped[str] = mapped_column(Text())
    saved_at: Mapped[datetime] = mapped_column(UTCDateTime())
