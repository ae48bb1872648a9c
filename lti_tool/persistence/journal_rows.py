"""Tables of the run journal: runs, their steps, each send, their history, and what Canvas showed.

Ids of Canvas are text. ``run.plan_id`` is unique, so that one plan is applied once however often somebody
presses the button; a partial unique index keeps a second active run off the same assignment.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, LargeBinary, String, Table, Text, false
from sqlalchemy.orm import Mapped, mapped_column

from lti_tool.applying.states import TERMINAL
from lti_tool.defects import Defect
from lti_tool.persistence.base import Base, UTCDateTime

REQUEST_ID_LENGTH = 120


class RunRow(Base):
    """One application of one plan, with its lease. ``fence`` grows with every claim."""

    __tablename__ = "run"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    plan_id: Mapped[str] = mapped_column(String(32), unique=True)
    canvas: Mapped[str] = mapped_column(String(255))
    course_id: Mapped[str] = mapped_column(String(64))
    assignment_id: Mapped[str] = mapped_column(String(64))
    undo_of: Mapped[str | None] = mapped_column(String(32))
    started_by: Mapped[str] = mapped_column(String(64))
    started_by_name: Mapped[str] = mapped_column(Text())
    engine_version: Mapped[int]
    state: Mapped[str] = mapped_column(String(24))
    reason: Mapped[str] = mapped_column(String(40), default="")
    words: Mapped[str] = mapped_column(Text(), default="")
    waiting_until: Mapped[datetime | None] = mapped_column(UTCDateTime())
    pauses: Mapped[int] = mapped_column(default=0)
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    pause_requested: Mapped[bool] = mapped_column(default=False, server_default=false())
    fence: Mapped[int] = mapped_column(default=0)
    owner: Mapped[str | None] = mapped_column(String(120))
    lease_until: Mapped[datetime | None] = mapped_column(UTCDateTime())
    created_at: Mapped[datetime] = mapped_column(UTCDateTime())
    finished_at: Mapped[datetime | None] = mapped_column(UTCDateTime())
    last_progress_at: Mapped[datetime | None] = mapped_column(UTCDateTime())
    verification: Mapped[str | None] = mapped_column(Text())

    __table_args__ = (
        Index(None, "canvas", "course_id", "created_at"),
        Index(None, "state"),
    )


def table_of(row: type[Base]) -> Table:
    """The plain table below a mapped class."""
    table = row.__table__
    if not isinstance(table, Table):
        raise Defect(f"{row.__name__} is not mapped to one table")
    return table


# Terminal, not active, states are listed: a state that a later version adds blocks rather than lets through.
_ACTIVE = RunRow.state.not_in(sorted(TERMINAL))
Index(
    "ux_run_active",
    RunRow.canvas,
    RunRow.assignment_id,
    unique=True,
    sqlite_where=_ACTIVE,
    postgresql_where=_ACTIVE,
)


class StepRow(Base):
    """One approved create or delete. ``sends`` counts calls, ``attempts`` those that count against it."""

    __tablename__ = "run_step"

    run_id: Mapped[str] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(String(16))
    reviewer: Mapped[str] = mapped_column(String(64))
    author: Mapped[str] = mapped_column(String(64))
    submission: Mapped[str] = mapped_column(String(64))
    expected_review: Mapped[str | None] = mapped_column(String(64))
    reason: Mapped[str] = mapped_column(String(40))
    state: Mapped[str] = mapped_column(String(24))
    sends: Mapped[int] = mapped_column(default=0)
    attempts: Mapped[int] = mapped_column(default=0)
    doubts: Mapped[int] = mapped_column(default=0)
    fence: Mapped[int | None]
    sent_at: Mapped[datetime | None] = mapped_column(UTCDateTime())
    resolved_at: Mapped[datetime | None] = mapped_column(UTCDateTime())
    whose: Mapped[str] = mapped_column(String(8), default="none")
    review: Mapped[str | None] = mapped_column(String(64))
    why: Mapped[str] = mapped_column(String(24), default="none")
    status: Mapped[int | None]
    note: Mapped[str] = mapped_column(Text(), default="")

    __table_args__ = (Index(None, "run_id", "state"), Index(None, "run_id", "resolved_at"))


class AttemptRow(Base):
    """One send of one step; what the answer was is filled in once, or stays empty if none was recorded."""

    __tablename__ = "run_step_attempt"

    run_id: Mapped[str] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    n: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    fence: Mapped[int]
    sent_at: Mapped[datetime] = mapped_column(UTCDateTime())
    answered_at: Mapped[datetime | None] = mapped_column(UTCDateTime())
    outcome: Mapped[str | None] = mapped_column(String(24))
    why: Mapped[str | None] = mapped_column(String(24))
    status: Mapped[int | None]
    request_id: Mapped[str | None] = mapped_column(String(REQUEST_ID_LENGTH))


class RunEventRow(Base):
    """One line of a run's history; never changed. ``id`` is the cursor for polling."""

    __tablename__ = "run_event"

    # SQLite numbers rows by itself only for a primary key that is exactly INTEGER.
    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(UTCDateTime())
    type: Mapped[str] = mapped_column(String(24))
    details: Mapped[str] = mapped_column(Text())

    __table_args__ = (Index(None, "run_id", "id"),)


class RunSnapshotRow(Base):
    """What Canvas showed before the first and after the last change; ``body`` is compressed JSON."""

    __tablename__ = "run_snapshot"

    run_id: Mapped[str] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    phase: Mapped[str] = mapped_column(String(8), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    taken_at: Mapped[datetime] = mapped_column(UTCDateTime())
    body: Mapped[bytes] = mapped_column(LargeBinary())
