"""Who is reminded with which words; pure. Sending is ``services.reminding``'s.

Equal texts go out together: Canvas takes up to 100 recipients in one call and gives each of them a private
thread (canvas-lms app/controllers/conversations_controller.rb).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, model_validator

from allocation.sentences import ENGLISH, N_, Voice, counted
from lti_tool.planning.board import BoardLine
from lti_tool.planning.ids import UserId

RECIPIENTS = 100
"""At most so many in one call; with more Canvas answers 400."""

PLACEHOLDERS = ("assignment", "course", "due", "reviews", "open", "done", "link")
"""``reviews`` is ``open`` with its noun in the right form: "1 peer review", "2 peer reviews"."""
DEFAULT_SUBJECT = N_("Peer reviews to complete: {assignment}")
DEFAULT_BODY = N_(
    "Hi,\n\nYou still have {reviews} to complete for {assignment} in {course}.\nDue: {due}\n\n"
    "Open it here: {link}\n\nThank you!"
)
_PLACE = re.compile(r"\{([^{}]*)\}")


class NotReminded(StrEnum):
    """Why somebody gets no message."""

    NOTHING_OPEN = "nothing_open"
    LEFT_COURSE = "left_course"
    TOLD_RECENTLY = "told_recently"
    EXCUSED = "excused"
    """Excused from the assignment; reminded only when named."""
    MORE_TIME = "more_time"
    """The date of the reviews has passed, her own due date has not: nothing of hers is late."""


class Template(BaseModel):
    """Subject and text of a reminder; ``PLACEHOLDERS`` in braces are filled in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    subject: str = Field(min_length=1, max_length=255)
    body: str = Field(min_length=1, max_length=4_000)

    @model_validator(mode="after")
    def _placeholders_known(self) -> Template:
        unknown = unknown_placeholders(self.subject + self.body)
        if unknown:
            raise ValueError(f"{{{unknown[0]}}} is no placeholder; use {{{'}, {'.join(PLACEHOLDERS)}}}")
        return self


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom to remind: everybody who owes, or of them a section, named people, or those who are late."""

    section: str = ""
    people: frozenset[str] = frozenset()
    overdue_only: bool = False

    def includes(self, line: BoardLine) -> bool:
        """Whether a line of the board is meant at all."""
        return (
            (not self.section or self.section in line.person.sections)
            and (not self.people or line.person.id in self.people)
            and (not self.overdue_only or line.overdue > 0)
        )


@dataclass(frozen=True, slots=True)
class Message:
    """One call to Canvas: the same text to each recipient in a thread of her own."""

    recipients: tuple[UserId, ...]
    subject: str
    body: str


@dataclass(frozen=True, slots=True)
class ReminderPlan:
    """What would be sent, and who would get nothing, with why."""

    messages: tuple[Message, ...]
    left_alone: Mapping[UserId, NotReminded]

    @property
    def recipients(self) -> tuple[UserId, ...]:
        """Everybody who would get a message."""
        return tuple(user for message in self.messages for user in message.recipients)


def unknown_placeholders(text: str) -> list[str]:
    """Placeholders that mean nothing, in order."""
    return [name for name in _PLACE.findall(text) if name not in PLACEHOLDERS]


def fill(text: str, values: Mapping[str, str]) -> str:
    """Put values in; braces inside a value are left as they are."""
    return _PLACE.sub(lambda place: values.get(place[1], place[0]), text)


def plan_reminders(
    lines: Iterable[BoardLine],
    template: Template,
    audience: Audience,
    words: Mapping[str, str],
    *,
    voice: Voice = ENGLISH,
    last_told: Mapping[UserId, datetime],
    interval: timedelta,
    now: datetime,
) -> ReminderPlan:
    """One message per different text, in batches; nobody within ``interval`` of the last message.

    Args:
        words: values of the placeholders that are the same for all (assignment, course, due, link).
        voice: the language in which reviews are counted.
        last_told: when each person was last sent a reminder for this assignment, or may have been.
    """
    texts: dict[tuple[str, str], list[UserId]] = {}
    left_alone: dict[UserId, NotReminded] = {}
    for line in lines:
        if not audience.includes(line):
            continue
        named = line.person.id in audience.people
        why = _why_not(line, last_told.get(line.person.id), interval, now, named=named)
        if why is not None:
            left_alone[line.person.id] = why
            continue
        reviews = counted("%(num)s peer review", "%(num)s peer reviews", line.to_do).said(voice)
        values = {**words, "reviews": reviews, "open": str(line.to_do), "done": str(line.done)}
        text = fill(template.subject, values)[:255], fill(template.body, values)
        texts.setdefault(text, []).append(line.person.id)
    messages = [
        Message(tuple(batch), subject, body)
        for (subject, body), people in texts.items()
        for batch in _batches(people, RECIPIENTS)
    ]
    return ReminderPlan(tuple(messages), left_alone)


def _why_not(
    line: BoardLine, told: datetime | None, interval: timedelta, now: datetime, *, named: bool
) -> NotReminded | None:
    if line.to_do == 0:
        return NotReminded.NOTHING_OPEN
    if not line.person.reachable:
        return NotReminded.LEFT_COURSE
    if line.excused and not named:
        return NotReminded.EXCUSED
    if line.extended == line.to_do:
        return NotReminded.MORE_TIME
    if told is not None and now - told < interval:
        return NotReminded.TOLD_RECENTLY
    return None


def _batches(people: Sequence[UserId], size: int) -> Iterable[Sequence[UserId]]:
    return (people[start : start + size] for start in range(0, len(people), size))
