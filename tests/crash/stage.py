"""The stage of the crash tests: a simulated Canvas on a socket that outlives all workers, a plan of 40 lines.

25 creates, 10 deletes, 5 keeps. Each scene is a fresh Canvas at the same address, equal to the last one but
for what happens in it, and a fresh run in a journal that all scenes share.
"""

from __future__ import annotations

import io
import itertools
import logging
import os
import signal
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from sqlalchemy import make_url
from werkzeug.serving import make_server

from lti_tool.applying.records import Actor
from lti_tool.applying.report import RunReport
from lti_tool.applying.states import RunState, StepClass
from lti_tool.persistence.plans import store_plan, store_snapshot
from lti_tool.planning.ids import PlanId, ReviewId, RunId, SubmissionId, UserId
from lti_tool.planning.plan import Change, ChangeKind, ChangeReason, Plan
from lti_tool.planning.snapshot import Snapshot
from lti_tool.simulator.app import create_simulator
from lti_tool.simulator.courses import build_state
from lti_tool.simulator.faults import FaultKind
from lti_tool.simulator.habits import Habits, StandingClock
from lti_tool.simulator.records import Assignment, User
from lti_tool.simulator.state import CanvasState
from tests import builders
from tests.crash.worker import open_journal, reviews_in
from tests.crash.zygote import Zygote

logging.getLogger("werkzeug").setLevel(logging.ERROR)
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
CREATES, DELETES, KEEPS = 25, 10, 5
PHASES = ("arrived", "executed", "answered")
TEACHER = Actor(UserId("1"), "Ada Teacher")
FAR_AHEAD = 1_000
"""Generation of the test's own journal: whatever lease there is, it is over."""


@dataclass(frozen=True)
class Point:
    """Where a worker dies: at a moment of its journal, or at a phase of its nth request to Canvas."""

    where: str
    number: int
    phase: str = ""


class World:
    """One state of Canvas with the people and reviews that every scene begins with."""

    def __init__(self) -> None:
        self.state: CanvasState = build_state(
            7, kinds=("small",), clock=StandingClock(NOON), habits=Habits(throttle_enabled=False)
        )
        (course,) = self.state.courses.values()
        self.essay: Assignment = self.state.assignments_of(course.id)[0]
        teacher = next(user for user in self.state.users.values() if user.login == "teacher")
        self.token = self.state.make_personal_token(teacher.id).token
        self.students: list[User] = [
            self.state.users[row.user_id] for row in self.state.submissions_of(self.essay.id)
        ]
        for number in range(DELETES + KEEPS):
            reviewer, author = self._pair(number)
            row = self.state.submission_of(self.essay.id, author.id)
            assert row is not None
            self.state.assign_assessor(row, reviewer.id)
        self.state.notifications.clear()

    def _pair(self, number: int) -> tuple[User, User]:
        """The nth of all ordered pairs: everybody with the next, then everybody with the next but one."""
        step, first = divmod(number, len(self.students))
        return self.students[first], self.students[(first + step + 1) % len(self.students)]

    def changes(self, snapshot: Snapshot) -> list[Change]:
        """Ten of the fifteen reviews go, five stay, 25 come."""
        row_of = {work.author: work.id for work in snapshot.works}
        lines = []
        for number in range(DELETES + KEEPS + CREATES):
            reviewer, author = (UserId(user.id) for user in self._pair(number))
            found = [
                review
                for review in snapshot.reviews
                if (review.assessor, review.assessee) == (reviewer, author)
            ]
            kind = (
                ChangeKind.CREATE if not found else ChangeKind.DELETE if number < DELETES else ChangeKind.KEEP
            )
            reason = {
                ChangeKind.CREATE: ChangeReason.NEW,
                ChangeKind.DELETE: ChangeReason.REPLACED,
                ChangeKind.KEEP: ChangeReason.STILL_FITS,
            }[kind]
            lines.append(
                Change(kind, reviewer, author, row_of[author], reason, found[0].id if found else None)
            )
        return lines


class _OnStage:
    """The state of the present scene, for the one application of all scenes: making one takes a tenth of a
    second, and there are hundreds of scenes."""

    def __init__(self, state: CanvasState) -> None:
        self.present = state

    def __getattr__(self, name: str) -> Any:
        return getattr(self.present, name)


class Stage:
    """One Canvas address, one journal, one way to start workers; ``scene`` begins anew."""

    def __init__(self, database: str, zygote: Zygote) -> None:
        self.database = database
        self.journal = open_journal(database, FAR_AHEAD)
        self._zygote = zygote
        self._numbers = itertools.count(1)
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://localhost:{self._server.port}"
        self._calm = threading.Condition()
        self._open = 0
        self._watch: Callable[[int, str], None] = lambda number, phase: None
        self.requests = 0
        self.world = World()
        self._on_stage = _OnStage(self.world.state)
        self._app: Callable[..., Iterable[bytes]] = create_simulator(
            cast(CanvasState, self._on_stage), base_url=self.url
        )
        self._preview = self.reviews().read_snapshot()
        self.plan: Plan = self._store_plan()
        self._zygote.rehearse(database=database, run=self.scene(quiet=True), canvas=self.where)

    def close(self) -> None:
        """End the Canvas."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self.journal._database.dispose()

    # -- the Canvas of the scene

    def _enter(self, world: World) -> None:
        """The next scene begins when Canvas has finished what dead workers asked in the last one."""
        with self._calm:
            assert self._calm.wait_for(lambda: self._open == 0, timeout=60)
            self.world, self._on_stage.present = world, world.state
            self.requests = 0

    def _answer(self, environ: Any, start_response: Any) -> Iterator[bytes]:
        """A request in its three phases: arrived (all of it), executed, answered (its bytes have left).

        A worker that is frozen while half of a request has left sends the other half when it wakes; that is
        the one moment against which nothing helps (docs/writer.md, "What stays possible").
        """
        size = int(environ.get("CONTENT_LENGTH") or 0)
        environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(size))
        with self._calm:
            self.requests += 1
            self._open += 1
            number = self.requests
        try:
            self._watch(number, "arrived")
            parts = list(self._app(environ, start_response))
            self._watch(number, "executed")
            yield from parts
            self._watch(number, "answered")
        finally:
            with self._calm:
                self._open -= 1
                self._calm.notify_all()

    @property
    def where(self) -> tuple[str, str, str, str]:
        """How workers find the assignment: address, token, course, assignment."""
        return self.url, self.world.token, self.world.essay.course_id, self.world.essay.id

    def reviews(self) -> Any:
        """The assignment, for the test itself."""
        return reviews_in(*self.where)

    # -- scenes

    def _store_plan(self) -> Plan:
        changes = self.world.changes(self._preview)
        counts = Counter(change.kind for change in changes)
        assert (counts[ChangeKind.CREATE], counts[ChangeKind.DELETE]) == (CREATES, DELETES)
        return builders.plan(changes, of=self._preview)

    def scene(self, *, quiet: bool = False) -> RunId:
        """A fresh Canvas and a fresh run. One answer is lost on the way, so that something is read back."""
        self._watch = lambda number, phase: None
        self._enter(World())
        if not quiet:
            self.world.state.faults.plant(FaultKind.DROP_AFTER, method="POST", nth=5)
        named = self.plan
        after = self.journal.our_runs(named.canvas, named.course_id, named.assignment_id).settled
        plan = replace(named, id=PlanId(f"plan-{os.getpid()}-{next(self._numbers)}"), after_run=after)
        with self.journal._database.begin() as session:
            kept = store_snapshot(session, replace(self._preview, after_run=after), UserId("1"))
            store_plan(session, plan, snapshot_id=kept, by=UserId("1"), by_name="Ada Teacher")
        return self.journal.start(plan, TEACHER)

    def start(self, run: RunId, **how: object) -> int:
        """Start a worker process; gives its id."""
        return self._zygote.start(database=self.database, run=run, canvas=self.where, **how)

    def wait(self, pid: int) -> int:
        """The exit code of a worker process."""
        return self._zygote.wait(pid)

    def kill_at(self, run: RunId, point: Point, **how: object) -> bool:
        """Start a worker that dies at ``point``; whether it came that far."""
        if point.where == "journal":
            return self.wait(self.start(run, dies_at=point.number, **how)) == -signal.SIGKILL
        pid = self.start_watched(run, {(point.number, point.phase): signal.SIGKILL}, **how)
        code = self.wait(pid)
        self._watch = lambda number, phase: None
        return code == -signal.SIGKILL

    def start_watched(
        self, run: RunId, signals: Mapping[tuple[int, str], signal.Signals], **how: object
    ) -> int:
        """Start a worker that gets signals at phases of its requests."""
        known = threading.Event()
        pids: list[int] = []

        def watch(number: int, phase: str) -> None:
            if (number, phase) in signals:
                known.wait()
                os.kill(pids[0], signals[number, phase])

        self._watch = watch
        pids.append(self.start(run, **how))
        known.set()
        return pids[0]

    def finish(self, run: RunId, *, generation: int = 1, **how: object) -> RunReport:
        """Workers come until the run is over."""
        self._watch = lambda number, phase: None
        for later in range(30):
            if self.journal.report(run).progress.over:
                break
            assert self.wait(self.start(run, generation=generation + 10 * later, **how)) == 0
        return self.journal.report(run)

    def locked(self) -> bool:
        """Whether somebody keeps SQLite's write lock."""
        file = make_url(self.database).database
        if not self.database.startswith("sqlite") or file is None:
            return False
        with closing(sqlite3.connect(file, timeout=0.2, isolation_level=None)) as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return True
        return False

    # -- what counts

    @property
    def second_mails(self) -> int:
        """Mails beyond the first about one review."""
        mails = Counter(mail.request_id for mail in self.world.state.notifications)
        return sum(mails.values()) - len(mails)

    @property
    def graph(self) -> Counter[tuple[str, str]]:
        """Who reviews whom, with the number of rows."""
        rows = self.world.state.reviews_of(self.world.essay.id)
        return Counter((row.assessor_id, row.submission_id) for row in rows)

    @property
    def wanted(self) -> Counter[tuple[UserId, SubmissionId]]:
        """What the plan says."""
        return Counter(
            (line.reviewer, line.submission)
            for line in self.plan.changes
            if line.kind in (ChangeKind.CREATE, ChangeKind.KEEP)
        )

    def assert_exact(self, run: RunId) -> None:
        """The graph, the mails and the report, after whatever happened."""
        report = self.journal.report(run)
        assert report.state is RunState.DONE, f"{report.state}: {report.words} {dict(report.counts)}"
        assert self.graph == self.wanted
        assert self.second_mails == 0
        assert len(self.world.state.notifications) == CREATES
        assert sum(report.counts.values()) == report.counts[StepClass.DONE] == CREATES + DELETES
        assert report.verification is not None
        assert report.verification.confirmed == report.verification.expected == CREATES + DELETES
        effects = self.journal.effects(run)
        assert {effect.review_id for effect in effects if not effect.created} == {
            line.review_id for line in self.plan.changes if line.kind is ChangeKind.DELETE
        }
        made = {ReviewId(row.id) for row in self.world.state.reviews_of(self.world.essay.id)}
        assert {effect.review_id for effect in effects if effect.created} <= made
        assert len(effects) == CREATES + DELETES

    def assert_true(self, run: RunId) -> None:
        """What the report says is what Canvas has, also where something was given up."""
        report = self.journal.report(run)
        assert report.progress.over, f"{report.state}: {report.words}"
        assert sum(report.counts.values()) == CREATES + DELETES
        assert self.second_mails == 0
        graph, given_up = self.graph, set()
        assert set(graph.values()) == {1}
        for step in report.steps:
            pair = (step.reviewer, step.submission)
            if step.step_class != "done":
                assert step.step_class == "gave_up", step
                given_up.add(pair)
            else:
                assert graph[pair] == (step.kind == ChangeKind.CREATE), step
        assert {pair for pair in graph if pair not in given_up} == set(self.wanted) - given_up
        assert (report.state is RunState.DONE) == (not given_up)

    def points(self, folder: Path) -> list[Point]:
        """Every point of an undisturbed run with one worker thread: before and after each commit of the
        journal, and each request at its arrival, execution and answer."""
        run = self.scene()
        counted = folder / "moments"
        assert self.wait(self.start(run, count_to=str(counted))) == 0
        self.assert_exact(run)
        moments, requests = int(counted.read_text()), self.requests
        return [Point("journal", number) for number in range(1, moments + 1)] + [
            Point("canvas", number, phase) for number in range(1, requests + 1) for phase in PHASES
        ]


@contextmanager
def stage_on(database: str) -> Iterator[Stage]:
    """A stage with its own zygote."""
    zygote = Zygote()
    stage = Stage(database, zygote)
    try:
        yield stage
    finally:
        stage.close()
        zygote.close()
