"""What happens by itself, and when: allocate, top up, remind, watch; pure.

Moments are absolute. Repetitions are counted from the first planned time, never from when one was carried
out. Whole days, between two times or before and after a date, keep the local time of day of the person who
asked, also when clocks change; any other number of hours is counted in hours. A time of day that the clocks
skip is the first moment after the gap; one that they repeat is the first of the two.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
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
        description="First time: hours after a due date; before it, where negative",
    )
    counted_from: Literal["assignment", "reviews"] = Field(
        default="assignment", description="Whose due date: Canvas's of the assignment, or ours of the reviews"
    )
    every_hours: int | None = Field(default=None, ge=1, le=24 * 60, description="Again after so many hours")
    until: AwareDatetime | None = Field(default=None, description="Not after this moment")
    own_dates: bool = Field(
        default=False,
        description="Go on until the last due date of a student's own, instead of stopping after one time",
    )
    zone: str = Field(default="UTC", description="Time zone whose time of day whole days keep")
    approval: Literal["ask", "automatic"] = Field(
        default="ask", description="Plans wait for approval, or are applied at once"
    )
    template: Template | None = Field(default=None, description="Words of a reminder")
    overdue_only: bool = Field(default=False, description="Remind only those who are late")
    section: str = Field(default="", max_length=64, description="Remind only this section")
    tell: Literal["me", "teachers"] = Field(
        default="me", description="Whom a notice goes to: the person herself, or the other teachers too"
    )
    locale: str = Field(
        default="en", max_length=35, pattern=r"^[A-Za-z0-9_-]+$", description="Language of what is written"
    )

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
        if self.own_dates and not self.plans:
            raise ValueError("only what allocates waits for the due dates of single students")
        if self.own_dates and (self.after_due_hours is None or self.counted_from == "reviews"):
            raise ValueError("own due dates count only where the first time hangs on the assignment's")
        if self.until is not None and self.at is not None and self.until < self.at:
            raise ValueError("it would end before it begins")
        return self

    @property
    def plans(self) -> bool:
        """Whether a plan comes of it."""
        return self.kind in (ScheduleKind.ALLOCATE, ScheduleKind.TOP_UP)

    def first(self, due: datetime | None, now: datetime) -> datetime | None:
        """When it is first due; None while there is no due date to count from."""
        if self.at is not None:
            return self.at
        if self.after_due_hours is None:
            return now
        return None if due is None else self._later(due, self.after_due_hours)

    def following(
        self, now: datetime, first: datetime, own_dates: Sequence[datetime] = ()
    ) -> datetime | None:
        """The first planned time after ``now``, however many were missed before; None when it is over.

        Args:
            first: the first planned time (`first`), from which repetitions are counted.
            own_dates: the due dates that count for somebody, where the schedule follows them.
        """
        after = None if self.every_hours is None else self._planned(first, self.every_hours, now)
        if self.own_dates:
            grace = max(0, self.after_due_hours or 0)
            ahead = sorted(end for date in own_dates if (end := self._later(date, grace)) > now)
            if not ahead:
                return None
            after = ahead[0] if after is None else min(after, ahead[-1])
        return None if after is not None and self.until is not None and after > self.until else after

    def _planned(self, first: datetime, every: int, now: datetime) -> datetime:
        """The first of ``first``, ``first`` + ``every`` hours, ... that is after ``now``."""
        if first > now:
            return first
        if every % HOURS_A_DAY:
            interval = timedelta(hours=every)
            return first.astimezone(UTC) + ((now - first) // interval + 1) * interval
        zone = ZoneInfo(self.zone)
        days = (now.astimezone(zone).date() - first.astimezone(zone).date()).days
        count = max(1, days * HOURS_A_DAY // every)
        while (planned := self._later(first, count * every)) <= now:
            count += 1
        return planned

    def _later(self, moment: datetime, hours: int) -> datetime:
        days, rest = divmod(hours, HOURS_A_DAY)
        if rest or not days:
            return moment.astimezone(UTC) + timedelta(hours=hours)
        zone = ZoneInfo(self.zone)
        return _first_moment(moment.astimezone(zone).replace(tzinfo=None) + timedelta(days=days), zone)


def _first_moment(wall: datetime, zone: ZoneInfo) -> datetime:
    """The first moment at which clocks in the zone show this time of day, or a later one if they skip it."""
    latest = wall.replace(tzinfo=zone).astimezone(UTC)
    if latest.astimezone(zone).replace(tzinfo=None) == wall:
        return latest
    # In a gap, fold 1 counts with the offset after it and so lies before the change (PEP 495). Clocks change
    # at whole seconds.
    earliest = wall.replace(tzinfo=zone, fold=1).astimezone(UTC).replace(microsecond=0)
    seconds = range((latest - earliest) // timedelta(seconds=1) + 1)
    skipped = bisect_left(
        seconds,
        True,
        key=lambda past: (earliest + timedelta(seconds=past)).astimezone(zone).replace(tzinfo=None) > wall,
    )
    return earliest + timedelta(seconds=skipped)
