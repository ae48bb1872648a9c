"""One fault of the matrix: the writer as it is installed, in front of a class, a plan and a run.

Real driver, journal, tokens, client and transport; a database file of each scene's own. Only time is
virtual: nobody waits ninety seconds for a lost call. The plan has eight creates and four deletes; three
reviews stay, one of them completed. What people do in Canvas meanwhile they do through the scene, so that it
knows what the end must look like.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable
from contextlib import suppress
from datetime import timedelta
from typing import Any, cast

from sqlalchemy import event

from lti_tool.applying.driver import Driver
from lti_tool.applying.errors import JournalUnavailable
from lti_tool.applying.ports import CanvasReviews
from lti_tool.applying.records import Actor
from lti_tool.applying.report import RunReport
from lti_tool.applying.settings import DriverSettings
from lti_tool.applying.states import RunState
from lti_tool.canvas.calls import Calls
from lti_tool.canvas.client import CanvasClient
from lti_tool.canvas.endpoints import ALL_SCOPES
from lti_tool.canvas.oauth import CanvasOAuth, Grant, OAuthKey
from lti_tool.canvas.pacing import Pace, PaceLimits
from lti_tool.canvas.snapshot_reader import AssignmentReviews
from lti_tool.canvas.transport import Limits, Transport
from lti_tool.outgoing import LOOPBACK
from lti_tool.persistence.database import Database, make_engine
from lti_tool.persistence.encryption import SecretBox, new_key
from lti_tool.persistence.journal import Journal
from lti_tool.persistence.tokens import TokenRows
from lti_tool.planning.ids import AssignmentId, CanvasOrigin, CourseId, UserId
from lti_tool.planning.plan import Change, ChangeKind, ChangeReason
from lti_tool.planning.snapshot import Snapshot
from lti_tool.services.tokens import Tokens
from lti_tool.simulator import coursework
from lti_tool.simulator.access import ReceivedRequest
from lti_tool.simulator.faults import FaultKind
from lti_tool.simulator.records import User
from tests import builders
from tests.fakes import VirtualClock
from tests.integration.databases.servers import running_postgres
from tests.integration.fault_matrix.simulated import (
    CREATES,
    DELETES,
    KEY,
    REVIEWS,
    Cue,
    Pair,
    Stages,
    World,
    empty_database,
)
from tests.integration.journal.stage import sqlite_url, without_fsync


class PatientClock(VirtualClock):
    """Virtual time in which Canvas finishes what it works on before anybody has slept long."""

    def __init__(self, wait: Callable[[], None]) -> None:
        super().__init__()
        self._wait = wait
        self.patient = False

    def sleep(self, seconds: float) -> None:
        if self.patient and seconds >= 1.0:
            self._wait()
        super().sleep(seconds)


def _as_it_is(_world: World) -> None:
    """Nothing is special about this class."""


class Scene:
    """One fault: a fresh Canvas, a fresh database, one plan, one run."""

    def __init__(
        self,
        stages: Stages,
        *,
        database: str = "sqlite",
        students: int = 12,
        creates: int = CREATES,
        shard: int = 0,
        workers: int = 1,
        read_timeout_s: float = 60.0,
        body_bytes: int = 20_000_000,
        cast_changes: Callable[[World], None] = _as_it_is,
        also: Callable[[World], list[tuple[User, User]]] = lambda world: [],
    ) -> None:
        self.stages = stages
        self.clock = PatientClock(stages.wait_until_calm)
        self.skew = timedelta(0)
        """Of this host's wall clock; leases on SQLite go by it."""
        self.world = World(self.clock, students=students, shard=shard)
        cast_changes(self.world)
        self.state = self.world.state
        stages.enter(self.state)
        self.origin = CanvasOrigin(stages.url)
        self.teacher = Actor(UserId(self.world.teacher.id), self.world.teacher.name)
        self.workers = workers
        self.body_bytes = body_bytes
        self.read_timeout_s = read_timeout_s
        self._key = new_key()
        self._number = stages.scenes
        self._opened: list[Database] = []
        self.file = stages.folder / f"scene-{self._number}.db"
        if database == "postgresql":
            self.url = running_postgres().database()
        else:
            self.file.write_bytes(empty_database())
            self.url = sqlite_url(self.file)
        self.open(self.url)
        self.connect()
        self.preview: Snapshot = self._read_preview((students, shard, cast_changes))
        self.state.log.clear()
        self.began = self.clock.monotonic()
        lines = self._changes(creates, also(self.world))
        self.plan = builders.plan(lines, id_=f"plan{self._number}", of=self.preview)
        self.before = self.world.graph
        self.rows_before = {row.id for row in self.state.reviews_of(self.world.essay.id)}
        self.added_by_others: Counter[Pair] = Counter()
        self.removed_by_others: Counter[Pair] = Counter()
        self.gone_by_others: set[str] = set()
        self.removed_after_us: set[Pair] = set()
        """What the run made and somebody removed before it was over."""
        self.completed = {self.state.reviews_of(self.world.essay.id)[-1].id}
        self.run = self.journal.start(self.plan, self.teacher)

    def _read_preview(self, world: Hashable) -> Snapshot:
        """Worlds of one kind are equal, ids included: one reading serves all."""
        known = self.stages.previews
        if world not in known:
            known[world] = self.reviews().read_snapshot()
        return known[world]

    # -- the tool

    def open(self, url: str) -> None:
        """The database, as a process that starts now opens it."""
        engine = make_engine(url)
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", without_fsync)
        self.database = Database(engine)
        self._opened.append(self.database)
        self.journal = Journal(self.database, lambda: self.clock.now() + self.skew)
        self.tokens = Tokens(
            TokenRows(self.database, SecretBox([self._key])), self._oauth_of, now=self.clock.now
        )

    def close(self) -> None:
        """Close all databases that were opened."""
        for opened in self._opened:
            opened.dispose()

    def transport(self, origin: str | None = None, *, verify: bool | str = True) -> Transport:
        """The wire to Canvas."""
        limits = Limits(read_timeout_s=self.read_timeout_s, body_bytes=self.body_bytes)
        return Transport(CanvasOrigin(origin or self.origin), limits=limits, verify=verify, reach=LOOPBACK)

    def _oauth_of(self, _canvas: CanvasOrigin) -> CanvasOAuth:
        key = OAuthKey(KEY, self.world.key.secret)
        return CanvasOAuth(
            self.transport(), key, "https://tool.example/back", now=self.clock.now, sleep=self.clock.sleep
        )

    def connect(self) -> None:
        """The teacher connects to Canvas, for the first time or again."""
        made = self.state.issue_grant(self.world.teacher.id, KEY, scopes=tuple(ALL_SCOPES))
        grant = Grant(made.token, made.refresh_token, made.expires_at, self.teacher.user)
        self.tokens.store_oauth(self.origin, grant, tuple(ALL_SCOPES))

    def reviews(self, transport: Transport | None = None) -> AssignmentReviews:
        """The assignment, with the teacher's token."""
        calls = Calls(
            transport or self.transport(),
            self.tokens.source(self.origin, self.teacher.user),
            Pace(PaceLimits(start=16.0, pause_s=0.01, longest_pause_s=0.02)),
            sleep=self.clock.sleep,
            jitter=lambda: 1.0,
        )
        where = CourseId(self.world.course.id), AssignmentId(self.world.essay.id)
        return AssignmentReviews(CanvasClient(calls), self.origin, *where, now=self.clock.now)

    def driver(self, name: str = "worker") -> Driver:
        """A worker."""
        return Driver(self.journal, self.clock, name, DriverSettings(workers=self.workers))

    def drive(self, name: str = "worker", transport: Transport | None = None) -> RunState | None:
        """Drive the run as far as one worker gets."""
        return self.driver(name).drive(self.run, cast(CanvasReviews, self.reviews(transport)), self.preview)

    def wanted(self) -> bool:
        """Whether a sweep would drive the run now."""
        return self.run in self.journal.runs_to_drive()

    def sweep(self, *, most: int = 200) -> None:
        """What workers do: every fifteen seconds, drive what wants driving. A database that is away ends a
        drive, and the lease ends by itself."""
        for turn in range(most):
            with suppress(JournalUnavailable):
                if self.wanted():
                    self.drive(f"sweeper-{turn}")
                if self.report.progress.over:
                    return
            self.clock.sleep(15)

    def resume(self) -> None:
        """The teacher presses "Continue"."""
        self.journal.resume(self.run, self.teacher)

    @property
    def report(self) -> RunReport:
        """What the run's page says now."""
        return self.journal.report(self.run)

    @property
    def elapsed(self) -> float:
        """Virtual seconds since the plan was made."""
        return self.clock.monotonic() - self.began

    # -- Canvas, and what happens there

    def when(
        self, method: str, nth: int, act: Callable[[str], object], *, path: str = "", phase: str = "arrived"
    ) -> None:
        """Do something when the nth such request has arrived, or was executed; gets its path."""
        known = path or ("" if method == "GET" else r"peer_reviews")
        self.stages.cue(Cue(method, known, nth, phase, act))

    def fault(self, kind: FaultKind, method: str, nth: int = 1, *, times: int = 1, **how: Any) -> None:
        """Plant a fault in the simulator, by default at a request about reviews."""
        how.setdefault("path", "peer_reviews")
        self.state.faults.plant(kind, method=method, nth=nth, times=times, **how)

    def add(self, reviewer: User, number: int, *, completed: bool = False) -> None:
        """Somebody else makes a review, also a second row of a pair."""
        row = self.world.row(number)
        # As two POSTs at the same moment make it: nothing in Canvas forbids a second row.
        made = coursework.create_request(self.state, row, reviewer.id, made_by=None)
        self.added_by_others[reviewer.id, row.id] += 1
        if completed:
            self.complete(made.id)

    def remove(self, number: int) -> None:
        """Somebody else removes one of the seven reviews that were there, by number."""
        found = self._there(number)
        self.removed_by_others[found.assessor_id, found.submission_id] += 1
        self.gone_by_others.add(found.id)
        self.state.unassign(found.id)

    def complete(self, request_id: str) -> None:
        """A student finishes a review."""
        self.completed.add(request_id)
        self.state.complete_review(request_id)

    def complete_in(self, path: str) -> None:
        """A student finishes the reviews of the submission in a path."""
        submission = REVIEWS.search(path)
        assert submission is not None
        for row in self.state.reviews_of_submission(submission.group(1)):
            self.complete(row.id)

    def there(self, number: int) -> str:
        """The id of one of the seven reviews that were there."""
        return str(self._there(number).id)

    def _there(self, number: int) -> Any:
        reviewer, row = self.world.students[number], self.world.row(number + 1)
        return next(r for r in self.state.reviews_of_submission(row.id) if r.assessor_id == reviewer.id)

    def remove_one_of_ours(self) -> None:
        """Somebody removes what the run has just made, for an author from whom the plan takes nothing."""
        rows = self.state.reviews_of(self.world.essay.id)
        losing = {line.submission for line in self.plan.of_kind(ChangeKind.DELETE)}
        gone = next(
            row for row in rows if row.made_by == self.world.teacher.id and row.submission_id not in losing
        )
        self.removed_after_us.add((gone.assessor_id, gone.submission_id))
        self.state.unassign(gone.id)

    def _changes(self, creates: int, also: list[tuple[User, User]]) -> list[Change]:
        row_of = {work.author: work.id for work in self.preview.works}
        found = {(row.assessor, row.submission): row.id for row in self.preview.reviews}
        students = self.world.students
        wanted = [(students[n], students[n + 1], ChangeKind.DELETE) for n in range(DELETES)]
        for number in range(creates):
            step, at = divmod(number, len(students))
            wanted.append((students[at], students[(at + step + 2) % len(students)], ChangeKind.CREATE))
        wanted += [(reviewer, author, ChangeKind.CREATE) for reviewer, author in also]
        return [
            Change(
                kind,
                UserId(reviewer.id),
                UserId(author.id),
                row_of[UserId(author.id)],
                ChangeReason.NEW if kind is ChangeKind.CREATE else ChangeReason.REPLACED,
                found[UserId(reviewer.id), row_of[UserId(author.id)]] if kind is ChangeKind.DELETE else None,
            )
            for reviewer, author, kind in wanted
        ]

    # -- what Canvas saw

    @property
    def writes(self) -> list[ReceivedRequest]:
        """Requests for a change of reviews, as Canvas received them."""
        return [row for row in self.state.received(writes_only=True) if REVIEWS.search(row.path)]

    @property
    def refreshes(self) -> int:
        """Refreshes that Canvas made."""
        return sum(row.executed for row in self.state.received(writes_only=True, path_part="oauth2/token"))

    @property
    def first_database(self) -> Database:
        """The one that the run began in."""
        return self._opened[0]
