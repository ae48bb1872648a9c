"""Tables of what was read and planned: snapshots, remembered rules, plans and their lines."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from lti_tool.persistence.base import Base, UTCDateTime


class SnapshotRow(Base):
    """One reading of one assignment by one person; ``body`` is compressed JSON."""

    __tablename__ = "snapshot"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    canvas: Mapped[str] = mapped_column(String(255))
    course_id: Mapped[str] = mapped_column(String(64))
    assignment_id: Mapped[str] = mapped_column(String(64))
    user_id: Mapped[str] = mapped_column(String(64))
    fingerprint: Mapped[str] = mapped_column(String(64))
    taken_at: Mapped[datetime] = mapped_column(UTCDateTime())
    after_run: Mapped[str | None] = mapped_column(String(32))
    body: Mapped[bytes] = mapped_column(LargeBinary())

    __table_args__ = (Index(None, "canvas", "assignment_id", "user_id", "taken_at"),)


class SavedRulesRow(Base):
    """The rules remembered for an assignment; versions count the saves (``persistence.saved_rules``)."""

    __tablename__ = "saved_rules"

    canvas: Mapped[str] = mapped_column(String(255), primary_key=True)
    course_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    assignment_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    body: Mapped[str] = mapped_column(Text())
    version: Mapped[int] = mapped_column(server_default="1")
    choices_version: Mapped[int] = mapped_column(server_default="1")
    saved_by: Mapped[str] = mapped_column(String(64))
    saved_by_name: Mapped[str | None] = mapped_column(Text())
    saved_at: Mapped[datetime] = mapped_column(UTCDateTime())


class RuleSetRow(Base):
    """Rules under a name, for any assignment of the course; ``name_key`` is the name without its case."""

    __tablename__ = "rule_set"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    canvas: Mapped[str] = mapped_column(String(255))
    course_id: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(100))
    name_key: Mapped[str] = mapped_column(String(300))
    body: Mapped[str] = mapped_column(Text())
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    saved_by: Mapped[str] = mapped_column(String(64))
    saved_by_name: Mapped[str] = mapped_column(Text())
    saved_at: Mapped[datetime] = mapped_column(UTCDateTime())

    __table_args__ = (UniqueConstraint("canvas", "course_id", "name_key"),)


class PlanRow(Base):
    """One plan; never changed after it was made."""

    __tablename__ = "plan"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    canvas: Mapped[str] = mapped_column(String(255))
    course_id: Mapped[str] = mapped_column(String(64))
    assignment_id: Mapped[str] = mapped_column(String(64))
    snapshot_id: Mapped[str] = mapped_column(ForeignKey("snapshot.id"))
    fingerprint: Mapped[str] = mapped_column(String(64))
    rules: Mapped[str] = mapped_column(Text())
    seed: Mapped[str] = mapped_column(String(64))
    created_by: Mapped[str] = mapped_column(String(64))
    created_by_name: Mapped[str] = mapped_column(Text())
    created_at: Mapped[datetime] = mapped_column(UTCDateTime())
    undo_of: Mapped[str | None] = mapped_column(String(32))
    based_on: Mapped[str | None] = mapped_column(String(32))

    __table_args__ = (Index(None, "canvas", "course_id", "created_at"),)


class PlanLineRow(Base):
    """One line of a plan's diff."""

    __tablename__ = "plan_line"

    plan_id: Mapped[str] = mapped_column(ForeignKey("plan.id", ondelete="CASCADE"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    reviewer: Mapped[str] = mapped_column(String(64))
    author: Mapped[str] = mapped_column(String(64))
    submission: Mapped[str] = mapped_column(String(64))
    review_id: Mapped[str | None] = mapped_column(String(64))
    reason: Mapped[str] = mapped_column(String(40))

    __table_args__ = (UniqueConstraint("plan_id", "review_id"),)
