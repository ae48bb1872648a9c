"""Canvas in the fault matrix: one address for all scenes, a class for each, cues for what happens when."""

from __future__ import annotations

import functools
import re
import shutil
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

from werkzeug.serving import BaseWSGIServer, make_server
from werkzeug.wrappers import Request, Response

from lti_tool.canvas.endpoints import ALL_SCOPES
from lti_tool.persistence import schema
from lti_tool.persistence.database import make_engine
from lti_tool.planning.snapshot import Snapshot
from lti_tool.simulator.access import DeveloperKey
from lti_tool.simulator.app import create_simulator
from lti_tool.simulator.habits import Clock, Habits
from lti_tool.simulator.records import EnrollmentType
from lti_tool.simulator.staff import add_staff, enroll_staff
from lti_tool.simulator.state import CanvasState
from tests.crash.stage import Stage as ProcessStage
from tests.crash.stage import stage_on
from tests.fakes import VirtualClock
from tests.integration.journal.stage import sqlite_url

CREATES, DELETES, KEEPS = 8, 4, 3
REVIEWS = re.compile(r"/submissions/(\d+)/peer_reviews$")
KEY = "10000000000042"
Pair = tuple[str, str]
"""Reviewer and submission."""
Proxy = Callable[[Request, Callable[[], Response]], Response]
"""What stands in front of Canvas: gets the request and a way to ask Canvas."""


@functools.cache
def empty_database() -> bytes:
    """A SQLite file at the newest schema."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "empty.db"
        engine = make_engine(sqlite_url(file))
        schema.upgrade(engine)
        engine.dispose()
        return file.read_bytes()


class CanvasTime(Clock):
    """Canvas's clock goes with the scene's."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self._clock = clock

    def now(self) -> datetime:
        return self._clock.now() + self._shift


class World:
    """A course with one assignment that everybody handed in. Two students are in no line of the plan: one
    comes first, one last in every list."""

    def __init__(self, clock: VirtualClock, *, students: int = 12, shard: int = 0) -> None:
        habits = Habits(throttle_enabled=False)
        self.state = state = CanvasState(seed=7, clock=CanvasTime(clock), habits=habits)
        now = state.now()
        staff = add_staff(state)
        self.course = course = state.add_course("Writing Seminar", "WRIT-101", shard=shard)
        self.section = state.add_section(course, "Section 1")
        enroll_staff(state, staff, course, [self.section], now)
        self.teacher = staff.teacher
        names = ["Aaliyah Aaron", *(f"Student No{n:03d}" for n in range(students)), "Zora Zweig"]
        people = [state.add_user(name, shard=shard) for name in names]
        for person in people:
            state.add_enrollment(person, self.section, EnrollmentType.STUDENT, at=now - timedelta(days=60))
        self.first, *self.students, self.last = people
        self.essay = state.add_assignment(course, "Essay 1", at=now - timedelta(days=50))
        self.essay.peer_reviews = True
        state.refresh_submissions(self.essay)
        for person in people:
            state.submit(person.id, self.essay.id, at=now - timedelta(days=2))
        self.key = state.add_key(
            DeveloperKey(KEY, "the key's secret", "Allocator", "api", scopes=list(ALL_SCOPES))
        )
        for number in range(DELETES + KEEPS):
            state.assign_assessor(self.row(number + 1), self.students[number].id)
        state.complete_review(state.reviews_of(self.essay.id)[-1].id)
        state.notifications.clear()
        state.mailed_request_ids.clear()

    def row(self, number: int) -> Any:
        """The submission of a student, by number."""
        author = self.students[number % len(self.students)]
        row = self.state.submission_of(self.essay.id, author.id)
        assert row is not None
        return row

    @property
    def graph(self) -> Counter[Pair]:
        """Who reviews which submission, with the number of rows."""
        return Counter((row.assessor_id, row.submission_id) for row in self.state.reviews_of(self.essay.id))


class _OnStage:
    """The state of the present scene, for the one application of all scenes."""

    def __init__(self, state: CanvasState) -> None:
        self.present = state

    def __getattr__(self, name: str) -> Any:
        return getattr(self.present, name)


@dataclass
class Cue:
    """Something that happens at the nth request of a kind."""

    method: str
    path: str
    nth: int
    phase: str
    act: Callable[[str], object]
    seen: int = 0


class Stages:
    """One address of Canvas for all scenes, and a stage of real processes for the rows that need them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.scenes = 0
        self._open_requests = 0
        self._calm = threading.Condition()
        self._cues: list[Cue] = []
        self.proxy: Proxy | None = None
        self.previews: dict[Hashable, Snapshot] = {}
        self._ends = ExitStack()
        self._processes: ProcessStage | None = None
        self._server: BaseWSGIServer = make_server("127.0.0.1", 0, self._answer, threaded=True)
        self.port = self._server.port
        self.url = f"http://localhost:{self.port}"
        state = CanvasState(habits=Habits(throttle_enabled=False))
        self._on_stage = _OnStage(state)
        self._app = create_simulator(cast(CanvasState, self._on_stage), base_url=self.url)
        self._serve()

    @property
    def processes(self) -> ProcessStage:
        """Where real worker processes die (tests/crash), on SQLite."""
        if self._processes is None:
            file = self.folder / "processes.db"
            file.write_bytes(empty_database())
            self._processes = self._ends.enter_context(stage_on(sqlite_url(file)))
        return self._processes

    def close(self) -> None:
        """End everything."""
        self.shut_doors()
        self._ends.close()

    def shut_doors(self) -> None:
        """Nobody listens at Canvas's address any more."""
        self._server.shutdown()
        self._server.server_close()

    def open_doors(self) -> None:
        """Canvas listens again, at the same address."""
        self._server = make_server("127.0.0.1", self.port, self._answer, threaded=True)
        self._serve()

    def serve_securely(self, certificate: Path, key: Path) -> BaseWSGIServer:
        """The same Canvas behind TLS; the caller shuts it down."""
        server = make_server(
            "127.0.0.1", 0, self._answer, threaded=True, ssl_context=(str(certificate), str(key))
        )
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return server

    def _serve(self) -> None:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def enter(self, state: CanvasState) -> None:
        """The next scene begins when Canvas has finished what the last one asked."""
        self.wait_until_calm()
        self._on_stage.present = state
        self._cues, self.proxy = [], None
        self.scenes += 1

    def wait_until_calm(self) -> None:
        """Until Canvas works on nothing."""
        with self._calm:
            assert self._calm.wait_for(lambda: self._open_requests == 0, timeout=60)

    def cue(self, cue: Cue) -> None:
        """Wait for this request."""
        self._cues.append(cue)

    def _answer(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        with self._calm:
            self._open_requests += 1
        try:
            request = Request(environ)
            due = [cue for cue in self._cues if self._is_due(cue, request)]
            _act(due, "arrived", request.path)
            ask = functools.partial(Response.from_app, self._app, environ, buffered=True)
            answer = self.proxy(request, ask) if self.proxy is not None else ask()
            _act(due, "executed", request.path)
            return list(answer(environ, start_response))
        finally:
            with self._calm:
                self._open_requests -= 1
                self._calm.notify_all()

    def _is_due(self, cue: Cue, request: Request) -> bool:
        whole = f"{request.path}?{request.query_string.decode()}"
        if request.method != cue.method or not re.search(cue.path, whole):
            return False
        with self._calm:
            cue.seen += 1
            return cue.seen == cue.nth


def _act(cues: list[Cue], phase: str, path: str) -> None:
    for cue in cues:
        if cue.phase == phase:
            cue.act(path)


@contextmanager
def stages_in(folder: Path) -> Iterator[Stages]:
    """Everything, until the tests are over."""
    made = Stages(folder)
    try:
        yield made
    finally:
        made.close()
        shutil.rmtree(folder, ignore_errors=True)
