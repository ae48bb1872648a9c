"""The watch: what Canvas or somebody else changed since the last run was verified, behind the plan's back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from lti_tool.applying.records import Phase
from lti_tool.applying.report import RunSummary
from lti_tool.planning.drift import Drift, DriftKind, find_drift
from lti_tool.planning.ids import AssignmentId, RunId
from lti_tool.planning.snapshot import Snapshot
from lti_tool.services.actor import Actor
from lti_tool.services.use_cases import ReadingCases

BEHIND_THE_PLAN = frozenset(
    {
        DriftKind.REVIEW_ADDED,
        DriftKind.REVIEW_DOUBLED,
        DriftKind.REVIEW_GONE,
        DriftKind.REVIEW_REOPENED,
        DriftKind.RUBRIC_CHANGED,
        DriftKind.NEW_ALLOCATION_SWITCHED,
        DriftKind.PEER_REVIEWS_SWITCHED,
        DriftKind.AUTOMATIC_SWITCHED,
        DriftKind.ANONYMOUS_SWITCHED,
        DriftKind.UNPUBLISHED,
    }
)
"""Changes of pairs, or of what makes or unmakes pairs. The rest is life: people come, go and hand in."""
TO_FILL_UP = frozenset({DriftKind.WORK_SUBMITTED, DriftKind.PERSON_JOINED, DriftKind.PERSON_LEFT})

History = Callable[[Actor, AssignmentId], tuple[RunSummary, ...]]
AtVerification = Callable[[RunId, Phase], Snapshot | None]


@dataclass(frozen=True, slots=True)
class WatchReport:
    """What changed since a run; ``run`` is None when no run was ever verified, and then nothing is known."""

    run: RunSummary | None
    alarms: tuple[Drift, ...]
    to_fill_up: tuple[Drift, ...]
    snapshot: Snapshot
    since: datetime | None


class Watching:
    """Compares the last verified state with the last reading.

    ``history`` lists the runs of an assignment, newest first; ``at`` gives a run's own readings.
    """

    def __init__(self, reading: ReadingCases, history: History, at: AtVerification) -> None:
        self._reading = reading
        self._history = history
        self._at = at

    def look(self, actor: Actor, assignment: AssignmentId, *, fresh: bool = False) -> WatchReport:
        """Every difference that matters, from the last reading or from a new one."""
        now = self._reading.snapshot(actor, assignment, fresh=fresh)
        for run in self._history(actor, assignment):
            then = self._at(run.id, Phase.AFTER)
            if then is None:
                continue
            drift = find_drift(then, now)
            return WatchReport(
                run=run,
                alarms=tuple(one for one in drift if one.kind in BEHIND_THE_PLAN),
                to_fill_up=tuple(one for one in drift if one.kind in TO_FILL_UP),
                snapshot=now,
                since=then.taken_at,
            )
        return WatchReport(None, (), (), now, None)
