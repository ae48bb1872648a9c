"""The right to go on: a lease that is renewed in the background, and a deadline of one's own.

Canvas cannot check a fence, so a worker that was frozen must notice by itself that its lease may be over
before it sends anything. Its deadline counts from the beginning of the last confirmed heartbeat.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from lti_tool.applying.errors import JournalUnavailable, LeaseLost
from lti_tool.applying.ports import Clock, RunJournal
from lti_tool.applying.records import Claim
from lti_tool.applying.settings import DriverSettings


class Lease:
    """Keeps one claim alive."""

    def __init__(
        self, journal: RunJournal, claim: Claim, clock: Clock, settings: DriverSettings, claimed_at: float
    ) -> None:
        self.claim = claim
        self._journal = journal
        self._clock = clock
        self._settings = settings
        self._confirmed_at = claimed_at
        self._lost = False
        self._lock = threading.Lock()

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Renew in the background while the block runs."""
        end = self._clock.every(self._settings.heartbeat, self._beat_quietly)
        try:
            yield
        finally:
            end()

    def _beat_quietly(self) -> None:
        try:
            self._beat()
        except LeaseLost:
            self._lost = True
        except JournalUnavailable:
            return  # the deadline tells: without a confirmed heartbeat nothing is sent

    def _beat(self) -> None:
        with self._lock:
            began = self._clock.monotonic()
            self._journal.heartbeat(self.claim)
            self._confirmed_at = began

    def require(self) -> None:
        """Raise ``LeaseLost`` unless the lease is certainly ours; called right before each send."""
        if self._lost:
            raise LeaseLost
        if self._clock.monotonic() - self._confirmed_at > self._settings.own_deadline:
            self._beat()
