"""Long work as pages and the command line see it: how far reading or planning is, and how it ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from allocation.stages import Effort
from lti_tool.applying.answers import Why
from lti_tool.planning.ids import PlanId

Progress = Callable[[str, int, int | None], None]
"""Told while a long reading goes on: what is being read (a template marked with ``N_``), how many so far, of
how many if known."""


def silent(_words: str, _done: int, _total: int | None) -> None:
    """No progress wanted."""


class ReadingState(StrEnum):
    """Where a reading in the background stands."""

    READING = "reading"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ReadingPart:
    """One list of a reading: rows so far, of about how many where Canvas lets on."""

    what: str
    done: int
    total: int | None


@dataclass(frozen=True, slots=True)
class ReadingProgress:
    """A reading in the background. ``told_at`` is when it was heard of last; of one that is over, its end."""

    state: ReadingState
    started_at: datetime
    told_at: datetime
    parts: tuple[ReadingPart, ...] = ()
    why: Why = Why.NONE
    """Why it failed."""
    scope: str = ""
    """The scope that is missing, where that is why."""

    @property
    def reading(self) -> bool:
        """Whether it goes on."""
        return self.state is ReadingState.READING

    @property
    def done(self) -> int:
        """Rows read, of the lists whose length is known."""
        return sum(min(part.done, part.total) for part in self.parts if part.total)

    @property
    def total(self) -> int:
        """Rows of the lists whose length is known."""
        return sum(part.total or 0 for part in self.parts)

    @property
    def seconds_left(self) -> float | None:
        """At the pace so far; None while that is a guess."""
        passed = (self.told_at - self.started_at).total_seconds()
        if passed < 2 or self.done * 20 < self.total or not self.done:
            return None
        return passed * (self.total - self.done) / self.done


class Watch(Protocol):
    """Whoever waits for a plan."""

    def hear(self, effort: Effort) -> None:
        """How far the engine is."""
        ...

    def cancelled(self) -> bool:
        """Whether the plan is not wanted any more."""
        ...


class MakingState(StrEnum):
    """Where the making of a plan stands."""

    MAKING = "making"
    MADE = "made"
    IMPOSSIBLE = "impossible"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Making:
    """A plan that is being made, or was. ``told_at`` is when it was heard of last; at its end, the end."""

    state: MakingState
    started_at: datetime
    told_at: datetime
    effort: Effort | None = None
    """None while what the plan rests on is read."""
    plan: PlanId | None = None
    why: Why = Why.NONE

    @property
    def making(self) -> bool:
        """Whether it goes on."""
        return self.state is MakingState.MAKING

    @property
    def seconds_so_far(self) -> float:
        """Since it began."""
        return (self.told_at - self.started_at).total_seconds()

    @property
    def seconds_left(self) -> float | None:
        """At the pace so far; None while that is a guess."""
        fraction = self.effort.fraction if self.effort else 0.0
        if self.seconds_so_far < 2 or fraction < 0.05:
            return None
        return self.seconds_so_far * (1 - fraction) / fraction
