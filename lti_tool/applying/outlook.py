"""What a run sees of Canvas besides its own steps: is its plan still good, and which pairs are there already?

A full reading at every drive, and a look at settings and reviews at intervals while the run sends. Looks take
at most ``look_share`` of the time, whatever the size of the class.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from lti_tool.applying.answers import ReadFailed
from lti_tool.applying.drift import DRIFT, begun, drift_note, judged, out_of_date
from lti_tool.applying.lease import Lease
from lti_tool.applying.ports import CanvasReviews, Clock, RunJournal
from lti_tool.applying.reconcile import Pair, pair_of, rows_by_pair
from lti_tool.applying.records import RunRecord, StepRecord, Stop
from lti_tool.applying.settings import DriverSettings
from lti_tool.planning.rules import PlanRules
from lti_tool.planning.snapshot import Review, Snapshot
from lti_tool.planning.staleness import Judged


class Outlook:
    """Canvas as one drive last saw it. Safe for the threads of a walk."""

    def __init__(
        self,
        run: RunRecord,
        preview: Snapshot,
        rules: PlanRules | None,
        *,
        journal: RunJournal,
        canvas: CanvasReviews,
        clock: Clock,
        settings: DriverSettings,
        lease: Lease,
    ) -> None:
        self._run = run
        self._preview = preview
        self._rules = rules
        self._journal = journal
        self._canvas = canvas
        self._clock = clock
        self._settings = settings
        self._lease = lease
        self._last: Snapshot | None = None
        self._rows: Mapping[Pair, list[Review]] = {}
        self._noted = Judged()
        self._looking = threading.Lock()
        self._next_look = 0.0

    @property
    def seen(self) -> tuple[Review, ...]:
        """The reviews as they were last seen."""
        return self._last.reviews if self._last is not None else ()

    def rows(self, step: StepRecord) -> Sequence[Review]:
        """The rows of a step's pair as they were last seen."""
        return self._rows.get(pair_of(step), ())

    def read(self, now: Snapshot, steps: Sequence[StepRecord]) -> Stop | None:
        """Take in a full reading; why the run cannot go on with its plan, or None."""
        self._plan_next_look(0.0)
        return self._take_in(now, steps)

    def look_if_due(self) -> Stop | None:
        """Look again where the time has come and nobody else does; a look that fails is tried next time.

        Whatever made it fail reaches the run by its next write too.
        """
        if self._clock.monotonic() < self._next_look or not self._looking.acquire(blocking=False):
            return None
        try:
            began = self._clock.monotonic()
            if began < self._next_look or self._last is None:
                return None
            try:
                seen = self._canvas.glance().over(self._last)
            except ReadFailed:
                self._plan_next_look(self._clock.monotonic() - began)
                return None
            stop = self._take_in(seen, self._journal.steps(self._run.id))
            self._plan_next_look(self._clock.monotonic() - began)
            return stop
        finally:
            self._looking.release()

    def _plan_next_look(self, took: float) -> None:
        wait = max(self._settings.look_every, took / self._settings.look_share)
        self._next_look = self._clock.monotonic() + wait

    def _take_in(self, now: Snapshot, steps: Sequence[StepRecord]) -> Stop | None:
        self._last, self._rows = now, dict(rows_by_pair(now.reviews))
        found = judged(self._run, self._preview, now, steps, self._rules)
        if found != self._noted:
            self._journal.note(self._lease.claim, DRIFT, drift_note(found))
            self._noted = found
        return out_of_date(found, has_begun=begun(steps)) if found.out_of_date else None
