"""Drives one run from wherever it stands to its end, or to where a person is needed.

The driver remembers nothing: whatever it knows is read from the journal, so that it may be killed at any
point and another one goes on. Every drive begins by reading Canvas again. Order: creates, then those deletes
whose replacements are there (``replacement``); no delete is sent before every create is settled.
"""

from __future__ import annotations

import threading
from collections.abc import Set

from allocation.sentences import N_
from lti_tool.applying.answers import ReadFailed, Why
from lti_tool.applying.errors import CancelRequested, JournalUnavailable, LeaseLost, PauseRequested
from lti_tool.applying.lease import Lease
from lti_tool.applying.outlook import Outlook
from lti_tool.applying.ports import CanvasReviews, Clock, RunJournal
from lti_tool.applying.reconcile import INVISIBLE, pair_of, rows_by_pair, unlisted, verdict, walking_order
from lti_tool.applying.records import Claim, Phase, RunRecord, Settlement, StepRecord, Stop
from lti_tool.applying.replacement import KEPT_UNREPLACED, Floors, affordable
from lti_tool.applying.settings import DriverSettings
from lti_tool.applying.settle import read_back
from lti_tool.applying.states import DOUBTFUL, ISSUES, TERMINAL, RunState, StepState, step_class
from lti_tool.applying.stops import Stopped, stop_for
from lti_tool.applying.verification import verify
from lti_tool.applying.walk import Walk
from lti_tool.planning.ids import ReviewId, RunId, UserId
from lti_tool.planning.plan import ChangeKind
from lti_tool.planning.rules import PlanRules
from lti_tool.planning.snapshot import Review, Snapshot

STORAGE_WORDS = N_(
    "Our own database could not be written; nothing is sent without it. Tried again by itself."
)
PAUSED_BY_PERSON = Stop(
    RunState.PAUSED_BY_PERSON, "by_person", N_("Paused by a person. Nothing is sent until somebody goes on.")
)
NOT_PERMITTED = N_("Canvas does not permit this change")


class Driver:
    """One worker's driver; ``owner`` names the worker in the journal. Drives one run at a time per call."""

    def __init__(self, journal: RunJournal, clock: Clock, owner: str, settings: DriverSettings) -> None:
        self._journal = journal
        self._clock = clock
        self._owner = owner
        self._settings = settings
        self._leaving = threading.Event()

    def leave(self) -> None:
        """Finish the calls under way, give the leases back and return; for the end of the process."""
        self._leaving.set()

    def drive(
        self, run: RunId, canvas: CanvasReviews, preview: Snapshot, rules: PlanRules | None = None
    ) -> RunState | None:
        """Drive ``run``; ``preview`` is the snapshot that its plan was made from, by ``rules``.

        Without rules, every rule counts as one that changed sections or groups can break.

        Gives the state in which the run is left, or None when it does not want driving now or somebody
        else drives it. Safe to call for any run at any time from any number of workers.

        Raises:
            JournalUnavailable: and not even that could be written; the lease ends by itself, nothing is lost.
        """
        claimed_at = self._clock.monotonic()
        claim = self._journal.claim(run, self._owner)
        if claim is None:
            return None
        lease = Lease(self._journal, claim, self._clock, self._settings, claimed_at)
        record = self._journal.load(run)
        drive = _Drive(
            self._journal, canvas, self._clock, self._settings, lease, record, preview, rules, self._leaving
        )
        try:
            with lease.kept():
                return drive.through()
        except LeaseLost:
            return None
        except JournalUnavailable:
            return self._pause_for_storage(claim, drive.state)

    def _pause_for_storage(self, claim: Claim, state: RunState) -> RunState | None:
        words = Stop(RunState.PAUSED_STORAGE, "storage", STORAGE_WORDS, self._settings.retry_first)
        try:
            self._journal.stop(claim, state, words)
        except LeaseLost:  # or the state was committed after all: the lease ends by itself
            return None
        return RunState.PAUSED_STORAGE


class _Left(Exception):
    """The process ends; the run stays as it is."""


class _Drive:
    """One claim's worth of driving."""

    def __init__(
        self,
        journal: RunJournal,
        canvas: CanvasReviews,
        clock: Clock,
        settings: DriverSettings,
        lease: Lease,
        run: RunRecord,
        preview: Snapshot,
        rules: PlanRules | None,
        leaving: threading.Event,
    ) -> None:
        self._journal = journal
        self._canvas = canvas
        self._clock = clock
        self._settings = settings
        self._lease = lease
        self._run = run
        self._preview = preview
        self._leaving = leaving
        self._claimed_at = clock.monotonic()
        self._doubted_at: dict[int, float] = {}
        self._outlook = Outlook(
            run,
            preview,
            rules,
            journal=journal,
            canvas=canvas,
            clock=clock,
            settings=settings,
            lease=lease,
        )
        self.state = run.state

    @property
    def _claim(self) -> Claim:
        return self._lease.claim

    def through(self) -> RunState:
        """Everything, in order; gives the state in which the run is left."""
        try:
            return self._through()
        except _Left:
            self._journal.release(self._claim)
            return self.state

    def _through(self) -> RunState:
        try:
            if self._run.cancel_requested:
                return self._cancel()
            if self._run.pause_requested:
                raise PauseRequested
            before = self._check()
            self._settle_creates(before)
            self._settle_deletes(before)
            return self._verify(before)
        except CancelRequested:
            return self._cancel()
        except PauseRequested:
            return self._halt(PAUSED_BY_PERSON)
        except Stopped as stopped:
            return self._halt(stopped.stop)

    # -- checking ---------------------------------------------------------------------------------

    def _check(self, not_found: Set[UserId] = frozenset()) -> Snapshot:
        """Read Canvas, take out of the list what may not or need not be done any more.

        ``not_found`` are people for whom Canvas just said so. Gives the snapshot from before the run's first
        change.
        """
        self._enter(RunState.CHECKING)
        now = self._read_canvas()
        before = self._journal.snapshot(self._run.id, Phase.BEFORE)
        if before is None:
            self._journal.keep_snapshot(self._claim, Phase.BEFORE, now)
            before = now
        steps = self._journal.steps(self._run.id)
        if unlisted(steps, now) - not_found:
            raise Stopped(stop_for(Why.INCOMPLETE_LIST, ""))
        stop = self._outlook.read(now, steps)
        if stop is not None:
            raise Stopped(stop)
        rows = rows_by_pair(now.reviews)
        known = {review.id for review in before.reviews}
        verdicts = [
            (step, settlement)
            for step in steps
            if step.state is StepState.PENDING
            and (settlement := verdict(step, now, rows[pair_of(step)], known, not_found)) is not None
        ]
        self._journal.settle_all(self._claim, verdicts)
        return before

    def _read_canvas(self) -> Snapshot:
        try:
            now = self._canvas.read_snapshot()
        except ReadFailed as failed:
            note = failed.words.packed() if failed.why is Why.INCOMPLETE_LIST else ""
            raise Stopped(stop_for(failed.why, note, scope=failed.scope)) from failed
        asked = (self._run.canvas, self._run.course_id, self._run.assignment_id)
        if (now.canvas, now.course_id, now.assignment.id) != asked:
            raise Stopped(
                Stop(RunState.FAILED_INTEGRITY, Why.WRONG_IDS, N_("Canvas answered for another assignment."))
            )
        return now

    # -- applying and resolving -------------------------------------------------------------------

    def _settle_creates(self, before: Snapshot) -> None:
        known = frozenset(review.id for review in before.reviews)
        while True:
            steps = [step for step in self._journal.steps(self._run.id) if step.kind is ChangeKind.CREATE]
            pending = [step for step in steps if step.state is StepState.PENDING]
            doubtful = [step for step in steps if step.state in DOUBTFUL]
            if pending:
                self._send(pending, known)
            elif doubtful:
                self._enter(RunState.RESOLVING)
                self._resolve(doubtful, known)
            else:
                return

    def _settle_deletes(self, before: Snapshot) -> None:
        """Send those whose replacements are there; what a failed delete leaves over pays for another one."""
        known = frozenset(review.id for review in before.reviews)
        floors = Floors.of(self._journal.steps(self._run.id), self._preview, before)
        while True:
            steps = self._journal.steps(self._run.id)
            may, may_not = affordable(steps, floors, self._outlook.seen)
            doubtful = [step for step in steps if step.state in DOUBTFUL]
            if may:
                self._send(may, known, floors)
            elif doubtful:
                self._enter(RunState.RESOLVING)
                self._resolve(doubtful, known)
            else:
                self._journal.settle_all(self._claim, [(step, KEPT_UNREPLACED) for step in may_not])
                return

    def _send(self, pending: list[StepRecord], known: Set[ReviewId], floors: Floors | None = None) -> None:
        self._enter(RunState.APPLYING)
        walk = Walk(
            walking_order(self._run.id, pending),
            journal=self._journal,
            canvas=self._canvas,
            clock=self._clock,
            settings=self._settings,
            lease=self._lease,
            before=known,
            floors=floors,
            outlook=self._outlook,
            doubted_at=self._doubted_at,
            leaving=self._leaving,
        )
        walk.run()
        if self._leaving.is_set():
            raise _Left
        if walk.held:
            self._settle_held({step.seq: why for step, why in walk.held})

    def _settle_held(self, held: dict[int, Why]) -> None:
        """Canvas said "not found" or "not permitted": look who left, and refuse what is no such case."""
        if Why.NOT_FOUND in held.values():
            steps = self._journal.steps(self._run.id)
            unknown = [step for step in steps if held.get(step.seq) is Why.NOT_FOUND]
            self._check(frozenset(user for step in unknown for user in (step.reviewer, step.author)))
        refused = [
            (step, Settlement(StepState.REFUSED, why=held[step.seq], note=_HELD_WORDS[held[step.seq]]))
            for step in self._journal.steps(self._run.id)
            if step.seq in held and step.state is StepState.PENDING
        ]
        self._journal.settle_all(self._claim, refused)

    def _resolve(self, doubtful: list[StepRecord], known: Set[ReviewId]) -> None:
        """Wait until Canvas cannot execute a lost call any more, then let Canvas say what happened."""
        sent_at = max(self._doubted_at.get(step.seq, self._claimed_at) for step in doubtful)
        self._wait_until(sent_at + self._settings.settle_wait)
        try:
            rows = rows_by_pair(self._read_back(doubtful))
        except ReadFailed as failed:
            raise Stopped(stop_for(failed.why, "", scope=failed.scope)) from failed
        budget = self._retries_left()
        settled = []
        for step in doubtful:
            settlement = read_back(
                step,
                rows[pair_of(step)],
                known,
                may_send_again=step.attempts < self._settings.max_attempts and budget > 0,
            )
            budget -= settlement.to is StepState.PENDING
            settled.append((step, settlement))
        self._journal.settle_all(self._claim, settled)

    def _read_back(self, doubtful: list[StepRecord]) -> tuple[Review, ...]:
        if len(doubtful) >= self._settings.read_back_one_by_one:
            return self._canvas.reviews()
        submissions = sorted({step.submission for step in doubtful})
        return tuple(review for one in submissions for review in self._canvas.reviews_of(one))

    def _retries_left(self) -> int:
        """What the run may still send again after lost answers: bounded per step *and* per run."""
        steps = self._journal.steps(self._run.id)
        spent = sum(step.attempts for step in steps if step.state not in DOUBTFUL)
        return int(self._settings.retry_share * len(steps)) + self._settings.retry_floor - spent

    def _wait_until(self, moment: float) -> None:
        while (left := moment - self._clock.monotonic()) > 0:
            if self._leaving.is_set():
                raise _Left
            self._lease.require()
            self._clock.sleep(min(left, 1.0))

    # -- the ends ---------------------------------------------------------------------------------

    def _verify(self, before: Snapshot) -> RunState:
        self._enter(RunState.VERIFYING)
        after = self._read_canvas()
        steps = self._journal.steps(self._run.id)
        result = verify(steps, before, after)
        self._journal.keep_snapshot(self._claim, Phase.AFTER, after)
        issues = any(step_class(step.state, self.state) in ISSUES for step in steps)
        end = RunState.DONE if result.clean and not issues else RunState.DONE_WITH_ISSUES
        self._journal.finish(self._claim, self.state, end, result.as_json())
        return end

    def _cancel(self) -> RunState:
        """Nothing more is sent; what is in doubt is read back, so that the counts are exact."""
        self._enter(RunState.CANCELLING)
        self._close_doubts()
        self._journal.cancel_pending(self._claim)
        self._journal.finish(self._claim, self.state, RunState.CANCELLED, self._last_look())
        return RunState.CANCELLED

    def _last_look(self) -> str | None:
        """The verification of a cancelled run, if Canvas can be read and the run ever wrote."""
        before = self._journal.snapshot(self._run.id, Phase.BEFORE)
        if before is None:
            return None
        try:
            after = self._read_canvas()
        except Stopped:
            return None
        self._journal.keep_snapshot(self._claim, Phase.AFTER, after)
        return verify(self._journal.steps(self._run.id), before, after).as_json()

    def _halt(self, stop: Stop) -> RunState:
        if stop.to is RunState.PAUSED_CANVAS:
            wait = self._settings.canvas_pause(self._run.pauses)
            stop = Stop(stop.to, stop.reason, stop.words, wait)
        if stop.to in TERMINAL:
            self._close_doubts()
        self._journal.stop(self._claim, self.state, stop)
        return stop.to

    def _close_doubts(self) -> None:
        """Before an end: settle doubtful steps by reading, or give them up if Canvas cannot be read."""
        before = self._journal.snapshot(self._run.id, Phase.BEFORE)
        known = frozenset(review.id for review in before.reviews) if before else frozenset[ReviewId]()
        doubtful = self._doubtful()
        if not doubtful:
            return
        try:
            self._resolve(doubtful, known)
        except Stopped:
            words = N_("Canvas never answered and could not be read; look there")
            self._journal.settle_all(
                self._claim, [(step, Settlement(StepState.GAVE_UP, note=words)) for step in doubtful]
            )

    def _doubtful(self) -> list[StepRecord]:
        return [step for step in self._journal.steps(self._run.id) if step.state in DOUBTFUL]

    def _enter(self, state: RunState) -> None:
        if state is not self.state:
            self._journal.move(self._claim, self.state, state)
            self.state = state


_HELD_WORDS = {Why.NOT_FOUND: INVISIBLE, Why.NOT_PERMITTED: NOT_PERMITTED}
