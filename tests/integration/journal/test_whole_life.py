"""Any life of an assignment through the real services: preview, edit, apply, pause, cancel, undo, the rest.

Plans, edits, runs and undos are made by the services that pages use, and driven by the real driver on a real
journal; Canvas is the fake, in which other people do what they like and which breaks and mends.
"""

from __future__ import annotations

import functools
import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import cast

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import event

from allocation import Infeasible
from lti_tool.applying.answers import Answer
from lti_tool.applying.driver import Driver
from lti_tool.applying.ports import CanvasReviews, RunJournal
from lti_tool.applying.settings import DriverSettings
from lti_tool.applying.states import TERMINAL, RunState, StepClass, StepState
from lti_tool.persistence import schema
from lti_tool.persistence.database import Database, make_engine
from lti_tool.persistence.journal import Journal
from lti_tool.persistence.plans import load_plan
from lti_tool.planning.edits import Edit, EditKind
from lti_tool.planning.freshness import FreshFor
from lti_tool.planning.ids import AssignmentId, RunId, SubmissionId, UserId
from lti_tool.planning.plan import ChangeKind, Plan
from lti_tool.planning.rules import PlanRules
from lti_tool.planning.snapshot import Snapshot
from lti_tool.services.actor import Actor
from lti_tool.services.canvas_access import CanvasAccess
from lti_tool.services.editing import Editing
from lti_tool.services.errors import ServiceError
from lti_tool.services.long_work import Progress
from lti_tool.services.planning import Planning
from lti_tool.services.reading import Reading, Runs
from lti_tool.services.running import Running, our_reviews
from tests.builders import ASSIGNMENT, CANVAS, COURSE, review, snapshot, user
from tests.fakes import (
    BROKEN_AFTER,
    LOST_AFTER,
    LOST_BEFORE,
    REVOKED,
    SERVER_ERROR,
    THROTTLED,
    UNREACHABLE,
    FakeCanvas,
    Fate,
    Fault,
    Killed,
    Mortal,
    Pair,
    VirtualClock,
    executes_late,
)
from tests.integration.journal.stage import sqlite_url, without_fsync

STUDENTS = 7
TEACHER = Actor(CANVAS, COURSE, UserId("1"), "Ada Teacher")
FAULTS = [
    LOST_BEFORE,
    LOST_AFTER,
    BROKEN_AFTER,
    SERVER_ERROR,
    THROTTLED,
    UNREACHABLE,
    REVOKED,
    executes_late(60),
]
LIMITS = FreshFor(planning=timedelta(minutes=10), looking=timedelta(hours=1))
EXISTING = st.sampled_from(["keep", "replace"])
Asked = tuple[ChangeKind, UserId, SubmissionId]


@functools.cache
def empty_database() -> bytes:
    """A SQLite file at the newest schema."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "empty.db"
        engine = make_engine(sqlite_url(file))
        schema.upgrade(engine)
        engine.dispose()
        return file.read_bytes()


class Watched(FakeCanvas):
    """Remembers every change that it was asked for."""

    def __init__(self, world: Snapshot, clock: VirtualClock) -> None:
        super().__init__(world, clock)
        self.asked: list[Asked] = []

    def create(self, submission: SubmissionId, author: UserId, reviewer: UserId) -> Answer:
        self.asked.append((ChangeKind.CREATE, reviewer, submission))
        return super().create(submission, author, reviewer)

    def delete(self, submission: SubmissionId, author: UserId, reviewer: UserId) -> Answer:
        self.asked.append((ChangeKind.DELETE, reviewer, submission))
        return super().delete(submission, author, reviewer)


class ReadingOf(Reading):
    """The service that reads, with the fake in place of the client."""

    def __init__(self, database: Database, canvas: FakeCanvas, clock: VirtualClock) -> None:
        journal = Journal(database, clock.now)
        runs = Runs(lambda _actor: (), journal.active_run)
        super().__init__(database, cast(CanvasAccess, None), runs, clock.now, LIMITS)
        self._canvas = canvas

    def _read(self, actor: Actor, assignment: AssignmentId, progress: Progress) -> Snapshot:
        fault, self._canvas.fault = self._canvas.fault, lambda verb, n: None
        now = self._canvas.read_snapshot()
        self._canvas.fault = fault
        return now


class WholeLife(RuleBasedStateMachine):
    """One assignment, as many plans and runs as it takes, and people who do what they like."""

    @initialize(workers=st.sampled_from([1, 3]), each=st.integers(1, 2), existing=EXISTING)
    def begin(self, workers: int, each: int, existing: str) -> None:
        self.folder = tempfile.TemporaryDirectory()
        file = Path(self.folder.name) / "allocator.db"
        file.write_bytes(empty_database())
        self.database = Database(make_engine(sqlite_url(file)))
        event.listen(self.database.engine, "connect", without_fsync)
        self.clock = VirtualClock()
        self.canvas = Watched(snapshot(STUDENTS, reviews=[review(1, 2), review(3, 4)]), self.clock)
        self.journal = Journal(self.database, self.clock.now)
        self.reading = ReadingOf(self.database, self.canvas, self.clock)
        self.planning = Planning(
            self.database, self.reading, our_reviews(self.journal), self.journal, self.clock.now
        )
        self.editing = Editing(self.planning, lambda: "the same draw")
        self.running = Running(
            self.journal,
            self.planning,
            self.reading,
            lambda _run: None,
            self.clock.now,
            timedelta(hours=24),
        )
        self.settings = DriverSettings(workers=workers)
        self.plan: Plan | None = None
        self.runs: list[RunId] = []
        self.foreign = 0
        self.start: Counter[Pair] | None = None
        """Canvas before the first run of an undisturbed pair of run and undo."""
        self.preview(each, existing, "a")
        self.approve_and_apply(1)

    # -- the teacher

    @rule(each=st.integers(1, 2), existing=EXISTING, seed=st.sampled_from("abc"))
    def preview(self, each: int, existing: str, seed: str) -> None:
        self.reading.snapshot(TEACHER, ASSIGNMENT, fresh=True)
        rules = PlanRules.model_validate({"reviews_per_reviewer": each, "existing": existing, "seed": seed})
        try:
            self.plan = self.planning.make_plan(TEACHER, ASSIGNMENT, rules)
        except (Infeasible, ServiceError):
            self.plan = None

    @precondition(lambda self: self.plan is not None)
    @rule(
        kind=st.sampled_from([EditKind.PIN, EditKind.FORBID]),
        who=st.integers(1, STUDENTS),
        by=st.integers(1, 3),
    )
    def edit(self, kind: EditKind, who: int, by: int) -> None:
        pair = (user(who), user((who + by - 1) % STUDENTS + 1))
        try:
            edited = self.editing.edit(TEACHER, self.plan.id, Edit(kind, (pair,)))  # type: ignore[union-attr]  # see the precondition
        except ServiceError:
            return
        self.plan = edited.plan or self.plan

    @precondition(lambda self: self.plan is not None)
    @rule(times=st.integers(1, 2))
    def approve_and_apply(self, times: int) -> None:
        assert self.plan is not None
        before = Counter(self.canvas.pairs)
        for _ in range(times):  # a double click is one run
            try:
                run = self.running.start(TEACHER, self.plan.id)
            except ServiceError:
                return
            if run not in self.runs:
                self.runs.append(run)
                self.start = before if self.plan.undo_of is None else self.start
        assert self.runs.count(run) == 1

    @precondition(lambda self: self.runs)
    @rule()
    def undo(self) -> None:
        if not self.journal.report(self.runs[-1]).progress.over:
            return
        try:
            self.plan = self.running.undo(TEACHER, self.runs[-1])
        except ServiceError:
            return

    @precondition(lambda self: self.plan is not None)
    @rule(undone=st.booleans())
    def apply_in_peace(self, undone: bool) -> None:
        """Everything goes well for once, and perhaps back again."""
        self.mend_canvas()
        self.approve_and_apply(1)
        if self.runs:
            self.drive()
        if undone and self.runs:
            self.undo()
            self.approve_and_apply(1)
            self.drive()

    @precondition(lambda self: self.runs)
    @rule(what=st.sampled_from(["cancel", "pause", "resume", "resume"]))
    def press(self, what: str) -> None:
        try:
            getattr(self.running, what)(TEACHER, self.runs[-1])
        except ServiceError:
            assert what == "resume"

    # -- workers

    @precondition(lambda self: self.runs)
    @rule()
    def drive(self) -> None:
        self._drive()
        self._undisturbed_undo_is_the_start()

    @precondition(lambda self: self.runs)
    @rule(point=st.integers(1, 90))
    def drive_and_die(self, point: int) -> None:
        try:
            self._drive(Fate(dies_at=point))
        except Killed:
            self.clock.sleep(31)

    def _drive(self, fate: Fate | None = None) -> None:
        run = self.runs[-1]
        with self.database.read() as session:
            stored = load_plan(session, self.journal.load(run).plan_id)
        assert stored is not None
        journal, canvas = cast(RunJournal, self.journal), cast(CanvasReviews, self.canvas)
        if fate is not None:
            journal, canvas = (
                cast(RunJournal, Mortal(journal, fate)),
                cast(CanvasReviews, Mortal(canvas, fate)),
            )
        Driver(journal, self.clock, "worker", self.settings).drive(run, canvas, stored.snapshot)

    # -- Canvas and the others

    @rule(
        fault=st.sampled_from(FAULTS),
        verb=st.sampled_from(["create", "delete", "reviews_of"]),
        every=st.integers(1, 4),
    )
    def break_canvas(self, fault: Fault, verb: str, every: int) -> None:
        self.canvas.fault = lambda asked, n: fault if asked == verb and n % every == 0 else None

    @rule()
    def mend_canvas(self) -> None:
        self.canvas.fault = lambda verb, n: None

    @rule(who=st.integers(1, STUDENTS), by=st.integers(1, 3))
    def somebody_adds(self, who: int, by: int) -> None:
        made = review(who, (who + by - 1) % STUDENTS + 1, id_=f"foreign{self.foreign}")
        if not self.canvas.pairs[made.assessor, made.submission] and not self._in_doubt():
            self.foreign += 1
            self.start = None
            self.canvas.add(made)

    @rule(at=st.integers(0, 20))
    def somebody_removes(self, at: int) -> None:
        rows = self.canvas.world.reviews
        if at < len(rows):
            self.start = None
            self.canvas.remove(rows[at].id)

    @rule(at=st.integers(0, 20))
    def somebody_completes(self, at: int) -> None:
        rows = self.canvas.world.reviews
        if at < len(rows):
            self.start = None
            self.canvas.complete(rows[at].id)

    @rule(who=st.integers(1, STUDENTS))
    def somebody_leaves(self, who: int) -> None:
        self.start = None
        self.canvas.drop(user(who))

    @rule(seconds=st.sampled_from([15, 100, 400]))
    def time_passes(self, seconds: int) -> None:
        self.clock.sleep(seconds)

    # -- what holds always

    @invariant()
    def writes_are_within_what_was_approved(self) -> None:
        approved = {
            (step.kind, step.reviewer, step.submission)
            for run in self._runs
            for step in self.journal.steps(run)
        }
        assert set(self._canvas_asked) <= approved

    @invariant()
    def nothing_twice_and_nothing_completed_is_lost(self) -> None:
        if self._runs:
            assert all(number == 1 for number in self.canvas.pairs.values())
            assert self.canvas.second_mails == 0
            assert self.canvas.completed_deleted == []

    @invariant()
    def the_report_is_what_the_record_says(self) -> None:
        ours: set[str] = set()
        for run in self._runs:
            report, effects = self.journal.report(run), self.journal.effects(run)
            assert sum(report.counts.values()) == len(self.journal.steps(run))
            assert len(effects) <= report.counts[StepClass.DONE]
            ours |= {effect.review_id for effect in effects if effect.created}
        if self._runs and not self._in_doubt():
            born = {row.id for row in self.canvas.world.reviews if row.id.startswith("new")}
            assert born <= ours, "the record knows every review that we made"

    @property
    def _runs(self) -> list[RunId]:
        return getattr(self, "runs", [])

    @property
    def _canvas_asked(self) -> list[Asked]:
        return self.canvas.asked if hasattr(self, "canvas") else []

    def _in_doubt(self) -> bool:
        """Whether Canvas has done, or may still do, what the journal cannot know yet."""
        return any(
            step.state in (StepState.SENT, StepState.UNKNOWN)
            for run in self._runs
            for step in self.journal.steps(run)
        )

    def _undisturbed_undo_is_the_start(self) -> None:
        run = self.journal.load(self.runs[-1])
        if run.undo_of is not None and run.state is RunState.DONE and self.start is not None:
            assert self.canvas.pairs == self.start
            self.start = None

    def teardown(self) -> None:
        """However it went on: Canvas is well again, people say "go on", and every run ends truly."""
        if not hasattr(self, "runs"):
            return
        self.mend_canvas()
        self.clock.sleep(400)
        for _ in range(20):
            if not self.runs or self.journal.load(self.runs[-1]).state in TERMINAL:
                break
            if self.runs[-1] not in self.journal.runs_to_drive():
                self.press("resume")
            self._drive()
            self.clock.sleep(40)
        assert all(self.journal.load(run).state in TERMINAL for run in self.runs)
        assert not self._in_doubt()
        self.writes_are_within_what_was_approved()
        self.nothing_twice_and_nothing_completed_is_lost()
        self.the_report_is_what_the_record_says()
        self.database.dispose()
        self.folder.cleanup()


WholeLife.TestCase.settings = settings(
    max_examples=15,
    stateful_step_count=18,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestWholeLife = WholeLife.TestCase
