"""What happens by itself, and when: allocate, top up, remind, watch; pure.

Moments are absolute. A repetition of whole days keeps the local time of day of the person who asked, also
when clocks change; any other number of hours is counted in hours.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator, model_validator

from lti_tool.planning.reminders import Template

HOURS_A_DAY = 24
LOOK_AGAIN = timedelta(hours=6)
"""How often a schedule that hangs on the due date looks whether Canvas has another one."""


class ScheduleKind(StrEnum):
    """What is done."""

    ALLOCATE = "allocate"
    TOP_UP = "top_up"
    REMIND = "remind"
    WATCH = "watch"


class ScheduleOutcome(StrEnum):
    """What came of it the last time."""

    APPLIED = "applied"
    WAITS = "waits"
    """A plan waits for somebody to look at it and apply it."""
    NOTHING = "nothing"
    SENT = "sent"
    FOUND = "found"
    """The watch found that pairs were changed behind the plan."""
    NOT_YET = "not_yet"
    """The due date moved, so it is not time."""
    FAILED = "failed"


class Schedule(BaseModel):
    """One thing that shall happen by itself; repeated where ``every_hours`` is given."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ScheduleKind
    at: AwareDatetime | None = Field(default=None, description="First time; none: by due date, or now")
    after_due_hours: int | None = Field(
        default=None,
        ge=-24 * 60,
        le=24 * 365,
        description="First time: hours after Canvas's due date",
    )
    every_hours: int | None = Field(default=None, ge=1, le=24 * 60, description="Again after so many hours")
    until: AwareDatetime | None = Field(default=None, description="Not after this moment")
    zone: str = Field(default="UTC", description="Time zone whose time of day whole days keep")
    approval: Literal["ask", "automatic"] = Field(
        default="ask", description="Plans wait for approval, or are applied at once"
    )
    template: Template | None = Field(default=None, description="Words of a reminder")
    overdue_only: bool = Field(default=False, description="Remind only those who are late")

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            return ZoneInfo(value).key
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"{value!r} is no time zone; write one like Europe/Berlin") from error

    @model_validator(mode="after")
    def _makes_sense(self) -> Schedule:
        if self.at is not None and self.after_due_hours is not None:
            raise ValueError("give a moment or a distance from the due date, not both")
        if (self.kind is ScheduleKind.REMIND) != (self.template is not None):
            raise ValueError("a reminder needs words, and nothing else has any")
        if self.until is not None and self.at is not None and self.until < self.at:
            raise ValueError("it would end before it begins")
        return self

    def first(self, due: datetime | None, now: datetime) -> datetime | None:
        """When it is first due; None while the assignment has no due date to count from."""
        if self.at is not None:
            return self.at
        if self.after_due_hours is None:
            return now
        return None if due is None else due + timedelta(hours=self.after_due_hours)

    def following(self, last: datetime) -> datetime | None:
        """When it is due after ``last``; None when it is over. Times that were missed are not made up for."""
        if self.every_hours is None:
            return None
        days, hours = divmod(self.every_hours, HOURS_A_DAY)
        if hours:
            after = last.astimezone(UTC) + timedelta(hours=self.every_hours)
        else:
            local = last.astimezone(ZoneInfo(self.zone))
            after = (local + timedelta(days=days)).astimezone(UTC)
        return None if self.until is not None and after > self.until else after
