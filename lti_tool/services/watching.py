"""The watch: what Canvas or somebody else changed since the last run was verified, behind the plan's back.

A snapshot is compared with what the update left behind that it was read after, never with a newer one: it
cannot raise an alarm about what happened after it. One that was read during an update is compared with
nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from lti_tool.applying.records import Phase
from lti_tool.applying.report import RunSummary
from lti_tool.planning.drift import Drift, DriftKind, find_drift
from lti_tool.planning.ids import AssignmentId, RunId, UserId
from lti_tool.planning.snapshot import Snapshot
from lti_tool.planning.undo import Effect
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
Effects = Callable[[RunId], tuple[Effect, ...]]


@dataclass(frozen=True, slots=True)
class WatchReport:
    """What changed since a run; ``run`` is None when there is none to compare with: nothing is known then.

    ``under_way``: the snapshot was read during an update, so what others changed can't be told yet.
    """

    run: RunSummary | None
    alarms: tuple[Drift, ...]
    to_fill_up: tuple[Drift, ...]
    snapshot: Snapshot
    since: datetime | None
    under_way: bool = False


class Watching:
    """Compares a snapshot with the last verified state before it.

    ``history`` lists the runs of an assignment, newest first; ``at`` gives a run's own readings, ``effects``
    what it changed itself.
    """

    def __init__(self, reading: ReadingCases, history: History, at: AtVerification, effects: Effects) -> None:
        self._reading = reading
        self._history = history
        self._at = at
        self._effects = effects

    def look(self, actor: Actor, assignment: AssignmentId, *, fresh: bool = False) -> WatchReport:
        """Every difference that matters, from a snapshot that is good to look at or from a new one."""
        now = self._reading.snapshot(actor, assignment, fresh=fresh)
        if now.after_run is None:
            return WatchReport(None, (), (), now, None, under_way=True)
        ours: set[tuple[UserId, ...]] = set()
        for run in up_to(now.after_run, self._history(actor, assignment)):
            then = self._at(run.id, Phase.AFTER)
            if then is None:  # it was not verified: what it did itself is no news, the rest is
                ours |= {(one.reviewer, one.author) for one in self._effects(run.id)}
                continue
            drift = [one for one in find_drift(then, now) if one.people not in ours]
            return WatchReport(
                run=run,
                alarms=tuple(one for one in drift if one.kind in BEHIND_THE_PLAN),
                to_fill_up=tuple(one for one in drift if one.kind in TO_FILL_UP),
                snapshot=now,
                since=then.taken_at,
            )
        return WatchReport(None, (), (), now, None)


def up_to(last: RunId, history: Sequence[RunSummary]) -> Sequence[RunSummary]:
    """The runs of a history, newest first, that a snapshot was read after; ``last`` is the newest of them."""
    places = [place for place, run in enumerate(history) if run.id == last]
    return history[places[0] :] if places else ()
