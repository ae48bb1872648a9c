"""Any history of kills, faults, foreign edits, cancels and resumes keeps what was promised."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from lti_tool.applying.errors import NotResumable
from lti_tool.applying.states import TERMINAL, RunState, StepClass, StepState
from tests.builders import review, snapshot, user
from tests.fakes import (
    BROKEN_AFTER,
    FORBIDDEN,
    LOST_AFTER,
    LOST_BEFORE,
    REVOKED,
    THROTTLED,
    UNREACHABLE,
    Fate,
    Fault,
    Killed,
    executes_late,
)
from tests.integration.journal.stage import TEACHER, Stage, creates, deletes, engine_of, pair, sqlite_url

CREATED = [(1, 3), (2, 4), (3, 5), (4, 6), (5, 7)]
DELETED = [(6, 8), (7, 9), (8, 10)]
KEPT = [(9, 11), (10, 12)]
FAULTS = [
    LOST_BEFORE,
    LOST_AFTER,
    BROKEN_AFTER,
    THROTTLED,
    UNREACHABLE,
    REVOKED,
    FORBIDDEN,
    executes_late(60),
]


class AnyHistory(RuleBasedStateMachine):
    """One run among people who do what they like."""

    @initialize(workers=st.sampled_from([1, 3]))
    def begin(self, workers: int) -> None:
        self.folder = tempfile.TemporaryDirectory()
        preview = snapshot(reviews=[review(*who) for who in DELETED + KEPT])
        changes = creates(*CREATED) + deletes(*DELETED)
        path = Path(self.folder.name) / "journal.db"
        self.stage = Stage(sqlite_url(path), changes, preview=preview, workers=workers)
        self.foreign: set[object] = set()
        self.most_done = 0

    @rule(point=st.integers(1, 80))
    def drive_and_die(self, point: int) -> None:
        try:
            self.stage.drive("victim", Fate(dies_at=point))
        except Killed:
            self.stage.clock.sleep(31)

    @rule()
    def drive(self) -> None:
        self.stage.drive()

    @rule(
        fault=st.sampled_from(FAULTS),
        verb=st.sampled_from(["create", "delete", "snapshot", "reviews_of"]),
        every=st.integers(1, 4),
    )
    def break_canvas(self, fault: Fault, verb: str, every: int) -> None:
        self.stage.canvas.fault = lambda asked, n: fault if asked == verb and n % every == 0 else None

    @rule()
    def mend_canvas(self) -> None:
        self.stage.canvas.fault = lambda verb, n: None

    @rule(who=st.sampled_from([*CREATED, (11, 1)]))
    def somebody_adds(self, who: tuple[int, int]) -> None:
        if not self.stage.canvas.pairs[pair(*who)] and not self.in_doubt(who):
            self.foreign.add(pair(*who))
            self.stage.canvas.add(review(*who, id_=f"foreign{len(self.stage.canvas.world.reviews)}"))

    @rule(who=st.sampled_from(DELETED + KEPT))
    def somebody_removes(self, who: tuple[int, int]) -> None:
        self.stage.canvas.remove(review(*who).id)

    @rule(who=st.sampled_from(CREATED + DELETED + KEPT))
    def somebody_completes(self, who: tuple[int, int]) -> None:
        for row in self.stage.canvas.world.reviews:
            if (row.assessor, row.submission) == pair(*who):
                self.stage.canvas.complete(row.id)

    @rule(number=st.integers(1, 12))
    def somebody_leaves(self, number: int) -> None:
        self.stage.canvas.drop(user(number))

    @rule(seconds=st.sampled_from([15, 100, 400]))
    def time_passes(self, seconds: int) -> None:
        self.stage.clock.sleep(seconds)

    @rule()
    def cancel(self) -> None:
        self.stage.journal.request_cancel(self.stage.run, TEACHER)

    @rule()
    def resume(self) -> None:
        try:
            self.stage.journal.resume(self.stage.run, TEACHER)
        except NotResumable:
            assert self.stage.report.state.value[:6] != "paused"

    def in_doubt(self, who: tuple[int, int]) -> bool:
        """Whether Canvas may execute our own call for the pair later: then a second row is Canvas's race."""
        return any(
            (step.reviewer, step.submission) == pair(*who)
            and step.state in (StepState.SENT, StepState.UNKNOWN)
            for step in self.stage.journal.steps(self.stage.run)
        )

    @invariant()
    def writes_are_within_the_approval(self) -> None:
        allowed = {pair(*who) for who in CREATED + KEPT + DELETED} | self.foreign
        assert set(self.stage.canvas.pairs) <= allowed

    @invariant()
    def no_pair_twice_no_second_mail_no_completed_review_lost(self) -> None:
        assert all(number == 1 for number in self.stage.canvas.pairs.values())
        assert self.stage.canvas.second_mails == 0
        assert self.stage.canvas.completed_deleted == []

    @invariant()
    def the_report_adds_up_and_never_goes_back(self) -> None:
        report = self.stage.report
        assert sum(report.counts.values()) == len(CREATED) + len(DELETED)
        assert report.progress.done >= self.most_done
        self.most_done = report.progress.done

    def teardown(self) -> None:
        """However it went on: once Canvas is well and people say "go on", the run ends, and truly."""
        if not hasattr(self, "stage"):
            return
        self.mend_canvas()
        self.stage.clock.sleep(400)
        for _ in range(20):
            if self.stage.report.state in TERMINAL:
                break
            if not self.stage.wanted() and self.stage.report.state not in TERMINAL:
                self.resume()
            self.stage.drive()
            self.stage.clock.sleep(40)
        report = self.stage.report
        assert report.state in TERMINAL - {RunState.FAILED_INTEGRITY}
        if report.state is not RunState.NEEDS_REVIEW:  # the plan was out of date: what is left is not sent
            assert not report.counts[StepClass.PENDING] + report.counts[StepClass.PAUSED]
        self.no_pair_twice_no_second_mail_no_completed_review_lost()
        ours = {effect.review_id for effect in self.stage.journal.effects(self.stage.run) if effect.created}
        born = {row.id for row in self.stage.canvas.world.reviews if row.id.startswith("new")}
        assert born == ours, "the journal knows every review that we made"
        engine_of(self.stage.journal).dispose()
        self.folder.cleanup()


AnyHistory.TestCase.settings = settings(
    max_examples=15,
    stateful_step_count=12,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestAnyHistory = AnyHistory.TestCase
