"""Table of the chores that some worker does now and then."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from lti_tool.persistence.base import Base, UTCDateTime

SWEEP = "sweep"
"""The chore that every worker does every few seconds: looking for runs that want driving."""


class ChoreRow(Base):
    """When a chore was last done, by any worker."""

    __tablename__ = "chore"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    done_at: Mapped[datetime] = mapped_column(UTCDateTime())
