"""Sends the pending steps of one kind, several at a time: the only place that asks Canvas to change things.

For each step: wait for a place in the pace -> is the lease still ours? -> (delete: look at the submission's
reviews) -> commit ``sent`` -> is the lease still ours? -> one call -> commit what became of it. The place
comes first, so that no pause of Canvas's throttle lies between a mark and its bytes. An answer that speaks of
more than its pair ends the walk.
"""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from collections.abc import Iterable, Set
from dataclasses import replace

from allocation.sentences import N_
from lti_tool.applying.answers import Answer, ReadFailed, Why
from lti_tool.applying.breaker import Breaker
from lti_tool.applying.errors import LeaseLost
from lti_tool.applying.lease import Lease
from lti_tool.applying.outlook import Outlook
from lti_tool.applying.ports import CanvasReviews, Clock, RunJournal
from lti_tool.applying.reconcile import delete_verdict, found
from lti_tool.applying.records import Settlement, StepRecord, Stop
from lti_tool.applying.replacement import KEPT_UNREPLACED, Floors, still_enough
from lti_tool.applying.settings import DriverSettings
from lti_tool.applying.settle import after_answer, after_refused_delete, applied
from lti_tool.applying.states import RunState, StepState
from lti_tool.applying.stops import Stopped, stop_for
from lti_tool.planning.ids import ReviewId
from lti_tool.planning.plan import ChangeKind
from lti_tool.threads import ContextPool

_HELD = frozenset({Why.NOT_PERMITTED, Why.NOT_FOUND})
WAITING_WORDS = N_("Canvas asks us to slow down")
TELL_EVERY = 10.0


class Walk:
    """One pass over steps.

    Afterwards ``held`` has the steps for which Canvas said "not permitted" or "not found" and which are
    pending again: whether that was the pair or the person, the caller finds out.
    """

    def __init__(
        self,
        steps: Iterable[StepRecord],
        *,
        journal: RunJournal,
        canvas: CanvasReviews,
        clock: Clock,
        settings: DriverSettings,
        lease: Lease,
        before: Set[ReviewId],
        floors: Floors | None,
        outlook: Outlook,
        doubted_at: dict[int, float],
        leaving: threading.Event,
    ) -> None:
        self._queue = deque(steps)
        self._journal = journal
        self._canvas = canvas
        self._clock = clock
        self._settings = settings
        self._lease = lease
        self._before = before
        self._floors = floors
        self._outlook = outlook
        self._doubted_at = doubted_at
        self._leaving = leaving
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._breaker = Breaker(settings.breaker_run, settings.breaker_window)
        self._refusals: list[Why] = []
        self._told_at: float | None = None
        self._stop: Stop | None = None
        self.held: list[tuple[StepRecord, Why]] = []

    def run(self) -> None:
        """Walk to the end.

        Raises:
            Stopped: the run cannot go on as it is.
            CancelRequested, PauseRequested, LeaseLost, JournalUnavailable: from the journal.
        """
        workers = min(self._settings.workers, len(self._queue))
        if workers <= 1:
            self._work()
        else:
            with ContextPool(workers, thread_name_prefix="run-step") as pool:
                for future in [pool.submit(self._work) for _ in range(workers)]:
                    future.result()
        if self._stop is not None:
            raise Stopped(self._stop)

    def _work(self) -> None:
        try:
            while not self._ended.is_set() and not self._leaving.is_set():
                stop = self._outlook.look_if_due()
                if stop is not None:
                    self._end(stop)
                    return
                with self._lock:
                    if not self._queue:
                        return
                    step = self._queue.popleft()
                self._take(step)
        except BaseException:
            # Also for a kill that a test raises: no other worker may begin anything after it.
            self._ended.set()
            raise

    def _take(self, step: StepRecord) -> None:
        try:
            with self._canvas.turn():
                answer = self._send(step)
        except ReadFailed as failed:  # of the look before a DELETE
            self._react(step, failed.why, "", failed.scope)
            return
        if answer is None:
            return
        step = replace(step, state=StepState.SENT)
        settlement = after_answer(step, answer, self._before)
        if settlement.why is Why.WRONG_IDS:
            self._ended.set()  # before anything else: every other worker looks at this before it sends
        if step.kind is ChangeKind.DELETE and settlement.to is StepState.REFUSED:
            settlement = self._explain_refusal(step, settlement)
        if settlement.to is StepState.UNKNOWN:
            self._doubted_at[step.seq] = self._clock.monotonic()
        self._journal.settle(self._lease.claim, step, settlement)
        self._react(applied(step, settlement), settlement.why, answer.note, answer.scope)

    def _send(self, step: StepRecord) -> Answer | None:
        """What Canvas answered; none when nothing was sent. The caller holds a place in the pace.

        The walk may have ended, and the lease too, while we waited for the place; what was not marked is
        simply still pending.
        """
        if self._ended.is_set() or self._leaving.is_set():
            return None
        self._lease.require()
        still = self._still_deletable if step.kind is ChangeKind.DELETE else self._still_wanted
        if not still(step):
            return None
        self._journal.mark_sent(self._lease.claim, step)
        if not self._may_send(replace(step, state=StepState.SENT)):
            return None
        ask = self._canvas.create if step.kind is ChangeKind.CREATE else self._canvas.delete
        return ask(step.submission, step.author, step.reviewer)

    def _may_send(self, step: StepRecord) -> bool:
        """The last look before the bytes leave. If not, the step goes back as it was."""
        try:
            self._lease.require()
        except LeaseLost:
            self._journal.settle(self._lease.claim, step, Settlement(StepState.PENDING))
            raise
        if self._ended.is_set():
            self._journal.settle(self._lease.claim, step, Settlement(StepState.PENDING))
            return False
        return True

    def _still_wanted(self, step: StepRecord) -> bool:
        """Not where somebody made the pair before our last look: Canvas would mail the reviewer again."""
        rows = self._outlook.rows(step)
        if rows:
            self._journal.settle(self._lease.claim, step, found(step, rows, self._before))
        return not rows

    def _still_deletable(self, step: StepRecord) -> bool:
        """One cheap reading right before each DELETE, because Canvas would delete a completed review too."""
        there = self._canvas.reviews_of(step.submission)
        verdict = delete_verdict(step, [row for row in there if row.assessor == step.reviewer])
        if verdict is None and self._floors is not None and not still_enough(step, self._floors, there):
            verdict = KEPT_UNREPLACED
        if verdict is not None:
            self._journal.settle(self._lease.claim, step, verdict)
        return verdict is None

    def _explain_refusal(self, step: StepRecord, refused: Settlement) -> Settlement:
        """Canvas's "Delete failed" may be the echo of a success whose answer was lost: look."""
        try:
            there = self._canvas.reviews_of(step.submission)
        except ReadFailed:
            return Settlement(StepState.UNKNOWN, why=refused.why, status=refused.status, counted=True)
        return after_refused_delete(step, [row for row in there if row.assessor == step.reviewer])

    def _react(self, step: StepRecord, why: Why, note: str, scope: str = "") -> None:
        """Draw from one outcome what concerns the whole run."""
        if why is Why.WRONG_IDS:
            self._end(
                Stop(
                    RunState.FAILED_INTEGRITY,
                    why,
                    N_(
                        "Canvas answered for other people than it was asked for. Nothing more was sent; look "
                        "at the reviews in Canvas and tell the administrator."
                    ),
                )
            )
        elif why in (Why.ACCESS_LOST, Why.SCOPE_MISSING):
            self._end(stop_for(why, note, scope=scope))
        elif why in _HELD:
            self._hold(step, why)
        elif why is Why.THROTTLED:
            self._tell_waiting()
            self._again_later(step, 0)
        elif why in (Why.NONE, Why.REFUSED):
            with self._lock:
                self._breaker.succeeded()
                self._refusals.clear()
            self._again(step)
        else:
            self._count_failure(step)

    def _hold(self, step: StepRecord, why: Why) -> None:
        with self._lock:
            self.held.append((step, why))
            self._refusals.append(why)
            last = self._refusals[-self._settings.equal_refusals :]
            equal = len(last) == self._settings.equal_refusals and set(last) == {why}
        if equal and why is Why.NOT_PERMITTED:
            self._end(stop_for(why, ""))
        elif equal:
            self._ended.set()  # the caller reads Canvas again, and finds out who left or what is gone

    def _count_failure(self, step: StepRecord) -> None:
        with self._lock:
            self._breaker.failed()
            is_open = self._breaker.is_open
            streak = self._breaker.streak
        if is_open:
            self._end(stop_for(Why.UNREACHABLE, ""))
        self._again_later(step, streak)

    def _again_later(self, step: StepRecord, failures: int) -> None:
        """Put a step back that provably was not done, after a pause that grows and is never the same."""
        if step.state is not StepState.PENDING or self._ended.is_set():
            return
        longest = min(self._settings.backoff_first * 2.0**failures, self._settings.backoff_longest)
        left = longest * _spread(step.seq, failures)
        while left > 0 and not self._ended.is_set() and not self._leaving.is_set():
            self._clock.sleep(min(left, 1.0))
            left -= 1.0
        self._again(step)

    def _again(self, step: StepRecord) -> None:
        """Put a step back into the queue if it is pending (again)."""
        if step.state is StepState.PENDING:
            with self._lock:
                self._queue.append(step)

    def _tell_waiting(self) -> None:
        now = self._clock.monotonic()
        with self._lock:
            if self._told_at is not None and now - self._told_at < TELL_EVERY:
                return
            self._told_at = now
        self._journal.tell_waiting(self._lease.claim, WAITING_WORDS, 2 * TELL_EVERY)

    def _end(self, stop: Stop) -> None:
        with self._lock:
            # Wrong ids outrank whatever else went wrong at the same time.
            if self._stop is None or stop.to is RunState.FAILED_INTEGRITY:
                self._stop = stop
        self._ended.set()


def _spread(seq: int, failures: int) -> float:
    """Full jitter that a test can repeat: between 0 and 1, different for every step and try."""
    return hashlib.sha256(f"{seq}:{failures}".encode()).digest()[0] / 255
