"""What a teacher settles for the time after an allocation: when reviews are due, reminders, credit; pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

OWN_COLUMN = "own"
"""Stands where Canvas's number of an assignment would: a column of the tool's own."""
NO_TARGET = ""
"""Chosen on purpose: points are shown and downloaded only."""
CreditMode = Literal["proportional", "all_or_nothing", "threshold"]


class CreditRules(BaseModel):
    """Points for completed reviews.

    Canvas's list of peer reviews tells whether one is completed, not when (canvas-lms
    lib/api/v1/assessment_request.rb). The deduction is therefore for what is known alone: reviews that a
    reading after the date showed open.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: CreditMode = Field(
        default="proportional",
        description="Points in proportion to what is completed; only for all; or only from a number on",
    )
    points: float = Field(default=10, gt=0, le=10_000, allow_inf_nan=False, description="Full credit")
    threshold: int = Field(default=1, ge=1, le=50, description="Completed reviews for full credit")
    target: str | None = Field(
        default=None, max_length=64, description="Canvas assignment that receives the points, or own"
    )
    late_deduction: int = Field(
        default=0, ge=0, le=100, description="Per cent of a late review's share that is taken off; 0: none"
    )
    grace_hours: int = Field(
        default=0, ge=0, le=24 * 30, description="So long after the due date of the reviews none is late"
    )


class FollowUp(BaseModel):
    """The settings of one assignment after its allocation."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reviews_due_at: AwareDatetime | None = Field(
        default=None, description="When reviews are due; Canvas itself keeps no such date"
    )
    remind_every_hours: int = Field(
        default=48, ge=1, le=24 * 60, description="Nobody is reminded again within so many hours"
    )
    credit: CreditRules = CreditRules()

    @property
    def late_from(self) -> datetime | None:
        """From when on a review is late for the points; None without a due date."""
        if self.reviews_due_at is None:
            return None
        return self.reviews_due_at.astimezone(UTC) + timedelta(hours=self.credit.grace_hours)

    def overdue(self, now: datetime) -> bool:
        """Whether open reviews are late at ``now``."""
        return self.reviews_due_at is not None and self.reviews_due_at <= now


class Sending(StrEnum):
    """How far a message is. After `sending` nobody sends it again, whatever became of it."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"


class ScoreState(StrEnum):
    """How far one student's score in a column of the tool's own is."""

    WAITING = "waiting"
    SENT = "sent"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    """Canvas gave no answer. It is sent again with the next posting, which harms nothing."""


class Posting(StrEnum):
    """How far a posting of credit is."""

    SENDING = "sending"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
