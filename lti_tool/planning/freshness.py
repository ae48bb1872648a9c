"""The one place that decides whether a stored snapshot is still good, and a plan can still be applied.

A snapshot and every plan that rests on it remember which update of ours they came after (``after_run``). That
is read from the journal before the first request to Canvas, so no clock decides what came first: an update
that wrote anything while Canvas was read is never the one that the snapshot names.

An update counts from its start until it ends, and afterwards if it sent anything or was verified. One that
ended before its first request (stopped, or refused because Canvas had changed) left Canvas as it was. If it
was refused, no snapshot from before is good any more; whether another plan from before still is, its own
update finds out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from lti_tool.planning.ids import RunId, UserId

NO_RUN = RunId("")
"""What a snapshot of an assignment comes after that no update of ours has touched."""


@dataclass(frozen=True, slots=True)
class OurRun:
    """The newest update of an assignment that counts. ``ended`` is None while it may still send something."""

    id: RunId
    by: UserId
    by_name: str
    began: datetime
    ended: datetime | None
    undo: bool = False


@dataclass(frozen=True, slots=True)
class OurRuns:
    """What the journal says about the updates of one assignment at one moment."""

    last: OurRun | None = None
    refuted: datetime | None = None
    """When an update last found that Canvas had changed: no snapshot from before that is good."""

    @property
    def active(self) -> OurRun | None:
        """The update that is under way or paused, if there is one."""
        return self.last if self.last is not None and self.last.ended is None else None

    @property
    def settled(self) -> RunId | None:
        """What a snapshot that begins now comes after; None while an update is under way."""
        if self.last is None:
            return NO_RUN
        return self.last.id if self.last.ended is not None else None


@dataclass(frozen=True, slots=True)
class FreshFor:
    """How old a snapshot may be: to plan from, and to look at."""

    planning: timedelta
    looking: timedelta


def overtaken_by(after_run: RunId | None, runs: OurRuns) -> OurRun | None:
    """The update that came after a snapshot, or is under way; None while the snapshot's state still holds.

    Args:
        after_run: the update that the snapshot came after; None where that isn't known (it was taken during
            an update, or by an older version), which no update can settle.
    """
    if runs.last is None or (runs.active is None and after_run == runs.last.id):
        return None
    return runs.last


def good_to_plan(
    taken_at: datetime, after_run: RunId | None, runs: OurRuns, now: datetime, limits: FreshFor
) -> bool:
    """Whether a new plan may rest on a stored snapshot."""
    good = after_run is not None and after_run == runs.settled and now - taken_at <= limits.planning
    return good and not _refuted(taken_at, runs)


def good_to_look_at(
    taken_at: datetime, after_run: RunId | None, runs: OurRuns, now: datetime, limits: FreshFor
) -> bool:
    """Whether a page may show a stored snapshot, with its age.

    While an update is under way no snapshot is final, and each page would read Canvas in competition with
    the update; so its age alone decides until the update ends.
    """
    if now - taken_at > limits.looking or _refuted(taken_at, runs):
        return False
    return runs.active is not None or after_run == runs.settled


def _refuted(taken_at: datetime, runs: OurRuns) -> bool:
    return runs.refuted is not None and taken_at <= runs.refuted
