"""What Canvas's API has confirmed about LTI's ids: which person a ``sub`` is, which course a context is.

A row is made from an answer to the person's own token, never from a launch. It belongs to one registration:
two institutions may share an issuer, and their ids mean nothing to each other.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String, delete
from sqlalchemy.orm import Mapped, mapped_column

from lti_tool.persistence.base import Base, UTCDateTime
from lti_tool.persistence.database import Database, one_at_a_time
from lti_tool.planning.ids import CanvasOrigin, CourseId, UserId


class PersonRow(Base):
    """One person of one registration."""

    __tablename__ = "lti_person"

    issuer: Mapped[str] = mapped_column(String(255), primary_key=True)
    client_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    subject: Mapped[str] = mapped_column(String(255), primary_key=True)
    canvas: Mapped[str] = mapped_column(String(255))
    user_id: Mapped[str] = mapped_column(String(255))
    confirmed_at: Mapped[datetime] = mapped_column(UTCDateTime(), index=True)


class CourseRow(Base):
    """One course of one registration."""

    __tablename__ = "lti_course"

    issuer: Mapped[str] = mapped_column(String(255), primary_key=True)
    client_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    context_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    canvas: Mapped[str] = mapped_column(String(255))
    course_id: Mapped[str] = mapped_column(String(255))
    confirmed_at: Mapped[datetime] = mapped_column(UTCDateTime(), index=True)


class IdentityRows:
    """Both tables. A later confirmation replaces an earlier one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def person(self, issuer: str, client_id: str, subject: str, canvas: CanvasOrigin) -> UserId | None:
        """Who a subject is, if that was confirmed by this Canvas."""
        with self._database.read() as session:
            row = session.get(PersonRow, (issuer, client_id, subject))
        return UserId(row.user_id) if row is not None and row.canvas == canvas else None

    def course(self, issuer: str, client_id: str, context_id: str, canvas: CanvasOrigin) -> CourseId | None:
        """Which course a context is, if that was confirmed by this Canvas."""
        with self._database.read() as session:
            row = session.get(CourseRow, (issuer, client_id, context_id))
        return CourseId(row.course_id) if row is not None and row.canvas == canvas else None

    def keep_person(
        self, issuer: str, client_id: str, subject: str, canvas: CanvasOrigin, user: UserId, now: datetime
    ) -> None:
        """Remember who a subject is."""
        with self._database.begin() as session:
            one_at_a_time(session, f"lti_person {issuer} {client_id} {subject}")
            session.merge(
                PersonRow(
                    issuer=issuer,
                    client_id=client_id,
                    subject=subject,
                    canvas=canvas,
                    user_id=user,
                    confirmed_at=now,
                )
            )

    def forget_person(self, issuer: str, client_id: str, subject: str) -> None:
        """Forget who a subject was."""
        with self._database.begin() as session:
            session.execute(
                delete(PersonRow).where(
                    PersonRow.issuer == issuer,
                    PersonRow.client_id == client_id,
                    PersonRow.subject == subject,
                )
            )

    def keep_course(
        self,
        issuer: str,
        client_id: str,
        context_id: str,
        canvas: CanvasOrigin,
        course: CourseId,
        now: datetime,
    ) -> None:
        """Remember which course a context is."""
        with self._database.begin() as session:
            one_at_a_time(session, f"lti_course {issuer} {client_id} {context_id}")
            session.merge(
                CourseRow(
                    issuer=issuer,
                    client_id=client_id,
                    context_id=context_id,
                    canvas=canvas,
                    course_id=course,
                    confirmed_at=now,
                )
            )
