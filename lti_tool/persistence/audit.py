"""The table of the audit trail. Code adds lines and erases those whose time is over, nothing else; a trigger
in the database refuses to change a line."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import Index, String, select
from sqlalchemy.orm import Mapped, mapped_column

from lti_tool.persistence.base import Base, UTCDateTime
from lti_tool.persistence.database import Database


@dataclass(frozen=True, slots=True)
class AuditLine:
    """One line. ``user`` is empty where an operator or nobody known did it; ``real_user`` is who acted as
    ``user`` ("Act as user" in Canvas), as far as Canvas says."""

    id: str
    at: datetime
    source: str
    event: str
    canvas: str
    course: str
    assignment: str
    user: str
    real_user: str
    object: str
    detail: str


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which lines are wanted; None and empty text leave a filter out."""

    canvas: str = ""
    since: datetime | None = None
    user: str = ""
    course: str = ""
    event: str = ""
    limit: int = 1_000


class AuditRow(Base):
    """One line: Canvas's numbers, no names."""

    __tablename__ = "audit_event"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    at: Mapped[datetime] = mapped_column(UTCDateTime(), index=True)
    source: Mapped[str] = mapped_column(String(16))
    event: Mapped[str] = mapped_column(String(40))
    canvas: Mapped[str] = mapped_column(String(255))
    course: Mapped[str] = mapped_column(String(64))
    assignment: Mapped[str] = mapped_column(String(64))
    user: Mapped[str] = mapped_column("user_id", String(64))
    real_user: Mapped[str] = mapped_column("real_user_id", String(64))
    object: Mapped[str] = mapped_column(String(200))
    detail: Mapped[str] = mapped_column(String(200))

    __table_args__ = (Index(None, "canvas", "at"),)


FIELDS = tuple(field.name for field in fields(AuditLine))


class AuditRows:
    """Adds lines and finds them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, line: AuditLine) -> None:
        """Add one line."""
        with self._database.begin() as session:
            session.add(AuditRow(**{name: getattr(line, name) for name in FIELDS}))

    def find(self, wanted: AuditFilter) -> tuple[AuditLine, ...]:
        """Lines, newest first."""
        query = select(AuditRow).order_by(AuditRow.at.desc(), AuditRow.id).limit(wanted.limit)
        for column, value in (
            (AuditRow.canvas, wanted.canvas),
            (AuditRow.user, wanted.user),
            (AuditRow.course, wanted.course),
            (AuditRow.event, wanted.event),
        ):
            if value:
                query = query.where(column == value)
        if wanted.since is not None:
            query = query.where(AuditRow.at >= wanted.since)
        with self._database.read() as session:
            return tuple(
                AuditLine(**{name: getattr(row, name) for name in FIELDS}) for row in session.scalars(query)
            )
