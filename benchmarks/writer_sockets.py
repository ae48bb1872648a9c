"""The whole writer over real sockets: one run against the simulated Canvas, and twenty runs at once.

Canvas and writer are processes of their own. In the crowd, Canvas is a few lines of asyncio around the
simulator's bucket, so that it does not take the writer's processor; what a snapshot holds is not read there.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import multiprocessing
import os
import random
import resource
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import parse_qs

from werkzeug.serving import make_server

from lti_tool.applying.answers import Answer, Outcome
from lti_tool.applying.clock import SystemClock
from lti_tool.applying.driver import Driver
from lti_tool.applying.ports import CanvasReviews
from lti_tool.applying.records import Actor
from lti_tool.applying.settings import DriverSettings
from lti_tool.applying.states import RunState
from lti_tool.canvas.calls import Calls
from lti_tool.canvas.client import CanvasClient
from lti_tool.canvas.pacing import Lane, Pace
from lti_tool.canvas.snapshot_reader import AssignmentReviews
from lti_tool.canvas.transport import Transport, WireAnswer, WireRequest
from lti_tool.cli.runs import follow
from lti_tool.logs import configure_logs
from lti_tool.outgoing import LOOPBACK
from lti_tool.persistence import schema
from lti_tool.persistence.database import Database, make_engine
from lti_tool.persistence.journal import Journal
from lti_tool.planning.ids import AssignmentId, CanvasOrigin, CourseId, PlanId, ReviewId, UserId
from lti_tool.planning.plan import Change, ChangeKind, ChangeReason, Plan
from lti_tool.planning.rules import PlanRules
from lti_tool.planning.snapshot import Review, Snapshot
from lti_tool.planning.undo import undo_changes
from lti_tool.simulator.app import create_simulator
from lti_tool.simulator.courses import build_state
from lti_tool.simulator.habits import Clock, Habits
from lti_tool.simulator.records import EnrollmentType
from lti_tool.simulator.staff import add_staff, enroll_staff
from lti_tool.simulator.state import CanvasState
from lti_tool.simulator.throttle import Throttle
from tests import builders
from tests.integration.databases.servers import running_postgres

ROUND_TRIP_S = 0.03
LATENCY_S = (0.08, 0.4)
TEACHER = Actor(UserId("1"), "Ada Teacher")
SPAWN = multiprocessing.get_context("spawn")


class FarTransport(Transport):
    """A Canvas that is a round trip of thirty milliseconds away."""

    def send(self, request: WireRequest, **how: Any) -> WireAnswer:
        """Half of the way before, half after."""
        time.sleep(ROUND_TRIP_S / 2)
        answer = super().send(request, **how)
        time.sleep(ROUND_TRIP_S / 2)
        return answer


@dataclass
class OneToken:
    """A token that does not end."""

    token: str

    def access_token(self) -> str:
        """It."""
        return self.token

    def renew(self, failed_token: str) -> str:
        """Never asked for."""
        raise AssertionError(f"{failed_token} was refused")


def new_sqlite(folder: str) -> str:
    """The URL of a new database as the product has it: every commit is on the disk."""
    url = f"sqlite:///{folder}/journal.sqlite3"
    engine = make_engine(url)
    schema.upgrade(engine)
    engine.dispose()
    return url


def open_journal(folder: str) -> Journal:
    """A new journal on SQLite."""
    engine = make_engine(new_sqlite(folder))
    return Journal(Database(engine))


def plan_of(changes: list[Change], of: Snapshot, name: str) -> Plan:
    """A plan of these lines."""
    return Plan(
        id=PlanId(name),
        canvas=of.canvas,
        course_id=of.course_id,
        assignment_id=of.assignment.id,
        fingerprint=of.fingerprint,
        rules=PlanRules(),
        seed="benchmark",
        changes=tuple(changes),
        created_at=datetime.now(UTC),
    )


# -- one run, everything counted -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Applied:
    """One run: its writes, all requests that Canvas got for it, how many of them it refused, and seconds."""

    writes: int
    requests: int
    refused: int
    seconds: float
    writing_seconds: float
    cpu_seconds: float


@contextmanager
def simulated(habits: Habits) -> Iterator[tuple[CanvasState, str]]:
    """The simulated Canvas with 120 students, on a free port, in this process."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    state = build_state(1, kinds=("sections",), habits=habits)
    apps: list[Any] = []
    server = make_server("127.0.0.1", 0, lambda *call: apps[0](*call), threaded=True)  # noqa: PLW0108 - it comes later
    url = f"http://localhost:{server.port}"
    apps.append(create_simulator(state, base_url=url))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield state, url
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _apply_and_undo(where: tuple[str, str, str, str], each: int, answers: Any, go: Any) -> None:
    """In the writer's process: each student reviews the next ``each``, then all of it is taken back."""
    url, token, course, assignment = where
    configure_logs("error")
    with tempfile.TemporaryDirectory() as folder:
        journal = open_journal(folder)
        origin = CanvasOrigin(url)
        driver = Driver(journal, SystemClock(), "benchmark", DriverSettings())

        def course_of_canvas() -> AssignmentReviews:
            client = CanvasClient(Calls(FarTransport(origin, reach=LOOPBACK), OneToken(token), Pace()))
            return AssignmentReviews(client, origin, CourseId(course), AssignmentId(assignment))

        def apply(
            name: str,
            changes: list[Change],
            preview: Snapshot,
            canvas: AssignmentReviews,
            *,
            bar: bool = False,
        ) -> None:
            answers.put("begin")
            go.get()
            plan = replace(plan_of(changes, preview, name), after_run=applied[-1] if applied else None)
            run = journal.start(plan, TEACHER)
            began, computed = time.monotonic(), time.process_time()
            drive = _drive_with_a_bar if bar else _drive
            assert drive(driver, journal, run, canvas, preview) is RunState.DONE
            seconds, cpu = time.monotonic() - began, time.process_time() - computed
            answers.put((len(changes), seconds, _writing_seconds(journal, run), cpu))
            applied.append(run)

        applied: list[Any] = []
        canvas = course_of_canvas()
        preview = canvas.read_snapshot()
        works = sorted(preview.works, key=lambda work: work.id)
        creates = [
            Change(ChangeKind.CREATE, works[at].author, author.author, author.id, ChangeReason.NEW)
            for step in range(1, each + 1)
            for at in range(len(works))
            for author in [works[(at + step) % len(works)]]
        ]
        apply("creates", creates, preview, canvas)
        after = canvas.read_snapshot()
        undone = [
            line
            for line in undo_changes(after, journal.effects(applied[0]))
            if line.kind is ChangeKind.DELETE
        ]
        apply("deletes", undone, after, canvas)
        anew = course_of_canvas()  # with a window that has still to open, like that of the first run
        apply("creates with a bar", creates, anew.read_snapshot(), anew, bar=True)
        answers.put("end")


def _drive(driver: Driver, _journal: Journal, run: Any, canvas: AssignmentReviews, preview: Snapshot) -> Any:
    """As a worker does."""
    return driver.drive(run, canvas, preview)


def _drive_with_a_bar(
    driver: Driver, journal: Journal, run: Any, canvas: AssignmentReviews, preview: Snapshot
) -> Any:
    """As ``apply --wait`` does: a thread drives, and the bar is drawn beside it."""
    over = threading.Event()
    with ThreadPoolExecutor(1) as pool, open(os.devnull, "w") as nowhere, redirect_stderr(nowhere):
        driving = pool.submit(driver.drive, run, canvas, preview)
        driving.add_done_callback(lambda _done: over.set())
        follow(lambda: journal.settled(run), journal.progress(run).total, over)
        return driving.result()


def _writing_seconds(journal: Journal, run: Any) -> float:
    """From the first mark to the last answer."""
    with journal._database.engine.connect() as connection:
        first, last = connection.exec_driver_sql(
            f"SELECT min(sent_at), max(answered_at) FROM run_step_attempt WHERE run_id = '{run}'"
        ).one()
    return (datetime.fromisoformat(last) - datetime.fromisoformat(first)).total_seconds()


def creates_and_deletes(each: int) -> list[Applied]:
    """``each`` reviews for each of 120 students: created by one run, deleted by the next, and created again
    by one with a progress bar."""
    with simulated(Habits(latency=LATENCY_S)) as (state, url):
        course = next(iter(state.courses.values()))
        essay = state.assignments_of(course.id)[0]
        teacher = next(user for user in state.users.values() if user.login == "teacher")
        token = state.make_personal_token(teacher.id).token
        answers, go = SPAWN.Queue(), SPAWN.Queue()
        where = (url, token, course.id, essay.id)
        writer = SPAWN.Process(target=_apply_and_undo, args=(where, each, answers, go))
        writer.start()
        results = []
        seen = 0
        while (said := answers.get(timeout=600)) != "end":
            got = state.received()
            if said == "begin":
                seen = len(got)
                go.put("now")
            else:
                writes, seconds, writing, cpu = said
                ours = got[seen:]
                refused = sum(one.throttled for one in ours)
                results.append(Applied(writes, len(ours), refused, seconds, writing, cpu))
        writer.join()
    return results


# -- many runs at once ---------------------------------------------------------------------------------------


def serve_crowd(ports: Any) -> None:
    """A Canvas that only creates reviews, with one exact bucket per token, in a process of its own."""
    asyncio.run(_serve_crowd(ports))


async def _serve_crowd(ports: Any) -> None:
    throttle, draw, numbers = Throttle(Clock(), Habits()), random.Random(1), itertools.count(1)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode().split("\r\n")
                headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                status, remaining, content = await _create(lines[0], headers["authorization"], body.decode())
                kind = "application/json" if status == 200 else "text/plain"
                writer.write(
                    f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nX-Rate-Limit-Remaining: {remaining}\r\n"
                    f"Content-Length: {len(content)}\r\n\r\n{content}".encode()
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def _create(line: str, token: str, body: str) -> tuple[int, float, str]:
        if not throttle.admit(token):
            return 403, throttle.remaining(token), "403 Forbidden (Rate Limit Exceeded)"
        duration = draw.uniform(*LATENCY_S)
        await asyncio.sleep(duration)
        remaining = throttle.settle(token, 0.7 * duration)
        submission = int(line.split("/submissions/")[1].split("/")[0])
        review = {
            "id": next(numbers),
            "user_id": submission - 8900,  # as tests.builders numbers people and their works
            "assessor_id": int(parse_qs(body)["user_id"][0]),
            "asset_id": submission,
            "asset_type": "Submission",
            "workflow_state": "assigned",
        }
        return 200, remaining, json.dumps(review)

    server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=1024)
    ports.put(server.sockets[0].getsockname()[1])
    await server.serve_forever()


class Creating(AssignmentReviews):
    """Creates over the socket; what Canvas has is remembered here instead of read."""

    def __init__(self, client: CanvasClient, world: Snapshot) -> None:
        super().__init__(client, world.canvas, world.course_id, world.assignment.id)
        self._world = world
        self._rows: list[Review] = []
        self.refused = 0

    def read_snapshot(self) -> Snapshot:
        """The class as it was, and what was created since."""
        return replace(self._world, reviews=self.reviews())

    def reviews(self) -> tuple[Review, ...]:
        """What was created."""
        return tuple(self._rows)

    def create(self, *pair: Any) -> Answer:
        """Over the socket."""
        answer = super().create(*pair)
        if answer.outcome is Outcome.OK and answer.review is not None:
            self._rows.append(answer.review)
        else:
            self.refused += 1
        return answer


@dataclass(frozen=True)
class Crowd:
    """Many runs at once, and the processor time of each part of the host."""

    writes: int
    refused: int
    seconds: float
    slowest_over_fastest: float
    cpu_seconds: float
    canvas_cpu_seconds: float
    database_cpu_seconds: float
    memory_mb: float


def _cpu_seconds(pid: int) -> float:
    """Processor time of a process and of its children, living and waited for."""
    with open(f"/proc/{pid}/stat") as stat:
        ticks = stat.read().rpartition(")")[2].split()[11:15]
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        children = file.read().split()
    own = sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
    return own + sum(_cpu_seconds(int(child)) for child in children)


def _drive_crowd(port: int, database: str, numbers: range, writes: int, answers: Any) -> None:
    """In a worker's process: one course for each number, each with a token and a pace of its own."""
    configure_logs("error")
    journal = Journal(Database(make_engine(database)))
    driver = Driver(journal, SystemClock(), f"benchmark-{numbers}", DriverSettings())
    origin = CanvasOrigin(f"http://127.0.0.1:{port}")
    transport = Transport(origin, reach=LOOPBACK)
    world = replace(builders.snapshot(100), canvas=origin)

    def drive(number: int) -> tuple[int, float]:
        preview = replace(world, assignment=replace(world.assignment, id=AssignmentId(f"{number}")))
        run = journal.start(plan_of(_ring(writes), preview, f"plan-{number}"), TEACHER)
        client = CanvasClient(Calls(transport, OneToken(f"token-{number}"), Pace()))
        canvas = Creating(client, preview)
        began = time.monotonic()
        assert driver.drive(run, canvas, preview) is RunState.DONE
        return canvas.refused, time.monotonic() - began

    cpu = time.process_time()
    with ThreadPoolExecutor(len(numbers)) as pool:
        done = list(pool.map(drive, numbers))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    answers.put((done, time.process_time() - cpu, memory))


def _ring(writes: int) -> list[Change]:
    """Everybody of a hundred reviews the next, then the next but one, and so on."""
    pairs = [(at % 100, (at + at // 100 + 1) % 100) for at in range(writes)]
    return [
        Change(
            ChangeKind.CREATE,
            builders.user(reviewer + 1),
            builders.user(author + 1),
            builders.row(author + 1),
            ChangeReason.NEW,
        )
        for reviewer, author in pairs
    ]


def crowd(runs: int, writes: int, workers: int, *, postgresql: bool = False) -> Crowd:
    """``runs`` courses of ``writes`` creates, as many tokens, divided among worker processes."""
    ports: Any = SPAWN.Queue()
    answers: Any = SPAWN.Queue()
    canvas = SPAWN.Process(target=serve_crowd, args=(ports,), daemon=True)
    canvas.start()
    port = ports.get(timeout=60)
    with tempfile.TemporaryDirectory() as folder:
        server = running_postgres(durable=True) if postgresql else None
        database = server.database() if server else new_sqlite(folder)
        before = _cpu_seconds(server.pid) if server else 0.0
        started = [
            SPAWN.Process(
                target=_drive_crowd, args=(port, database, range(first, runs, workers), writes, answers)
            )
            for first in range(workers)
        ]
        for worker in started:
            worker.start()
        found = [answers.get(timeout=600) for _ in started]
        for worker in started:
            worker.join()
        database_cpu = _cpu_seconds(server.pid) - before if server else 0.0
    assert canvas.pid is not None
    canvas_cpu = _cpu_seconds(canvas.pid)
    canvas.terminate()
    canvas.join()
    done = [one for part, _, _ in found for one in part]
    spent = [seconds for _, seconds in done]
    return Crowd(
        runs * writes,
        sum(refused for refused, _ in done),
        max(spent),
        max(spent) / min(spent),
        sum(cpu for _, cpu, _ in found),
        canvas_cpu,
        database_cpu,
        max(memory for _, _, memory in found),
    )


# -- a very large course -------------------------------------------------------------------------------------


def _large_course(students: int) -> CanvasState:
    """One course of so many students in twenty sections, all of whom have handed in."""
    state = CanvasState(seed=1, habits=Habits(latency=LATENCY_S))
    staff, now = add_staff(state), state.now()
    course = state.add_course("Everybody", "ALL-1")
    sections = [state.add_section(course, f"Section {number + 1:02d}") for number in range(20)]
    enroll_staff(state, staff, course, sections, now)
    people = [state.add_user(f"Student {number:05d}") for number in range(students)]
    for number, user in enumerate(people):
        state.add_enrollment(user, sections[number % 20], EnrollmentType.STUDENT, at=now)
    essay = state.add_assignment(course, "Essay", at=now)
    essay.peer_reviews = True
    state.refresh_submissions(essay)
    for user in people:
        state.submit(user.id, essay.id, at=now)
    return state


def serve_large(students: int, where: Any) -> None:
    """The simulated Canvas with a very large course, in a process of its own."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    state = _large_course(students)
    apps: list[Any] = []
    server = make_server("127.0.0.1", 0, lambda *call: apps[0](*call), threaded=True)  # noqa: PLW0108 - it comes later
    url = f"http://localhost:{server.port}"
    apps.append(create_simulator(state, base_url=url))
    teacher = next(user for user in state.users.values() if user.login == "teacher")
    course = next(iter(state.courses.values()))
    token = state.make_personal_token(teacher.id).token
    where.put((url, token, course.id, state.assignments_of(course.id)[0].id))
    server.serve_forever()


class InMemory:
    """A Canvas without a socket, for what a large run costs the worker itself."""

    def __init__(self, world: Snapshot) -> None:
        self._world = world
        self._rows: list[Review] = []
        self._numbers = itertools.count(1)

    def read_snapshot(self) -> Snapshot:
        """The class and its reviews."""
        return replace(self._world, reviews=tuple(self._rows))

    @contextmanager
    def turn(self) -> Iterator[None]:
        """At once."""
        yield

    def create(self, submission: Any, author: UserId, reviewer: UserId) -> Answer:
        """At once."""
        made = Review(ReviewId(str(next(self._numbers))), reviewer, author, submission, completed=False)
        self._rows.append(made)
        return Answer(Outcome.OK, review=made, status=201)


@dataclass(frozen=True)
class Large:
    """A large course: seconds until its preview can be shown, and what the worker itself needs for it."""

    students: int
    writes: int
    reading_seconds: float
    reading_cpu_seconds: float
    requests: int
    requests_refused: int
    planning_seconds: float
    worker_seconds: float
    memory_mb: float
    canvas_cpu_seconds: float = 0.0


def _drive_large(where: tuple[str, str, str, str], answers: Any) -> None:
    from lti_tool.services.planning import changes_of

    configure_logs("error")
    url, token, course, assignment = where
    origin = CanvasOrigin(url)
    transport = Counting(origin, reach=LOOPBACK)
    client = CanvasClient(Calls(transport, OneToken(token), Pace(), lane=Lane.PAGE))
    canvas = AssignmentReviews(client, origin, CourseId(course), AssignmentId(assignment))
    with tempfile.TemporaryDirectory() as folder:
        journal = open_journal(folder)
        began, cpu = time.monotonic(), time.process_time()
        world = canvas.read_snapshot()
        read, cpu = time.monotonic(), time.process_time() - cpu
        lines = list(changes_of(world, PlanRules(reviews_per_reviewer=3), "benchmark", frozenset()))
        plan = plan_of(lines, world, "large")
        planned = time.monotonic()
        run = journal.start(plan, TEACHER)
        driver = Driver(journal, SystemClock(), "benchmark", DriverSettings())
        assert driver.drive(run, cast(CanvasReviews, InMemory(world)), world) is RunState.DONE
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        answers.put(
            Large(
                len(world.people),
                len(lines),
                read - began,
                cpu,
                transport.requests,
                transport.refused,
                planned - read,
                time.monotonic() - planned,
                memory,
            )
        )


class Counting(FarTransport):
    """Counts requests, and what Canvas refused."""

    requests = 0
    refused = 0

    def send(self, request: WireRequest, **how: Any) -> WireAnswer:
        """Look at the status."""
        answer = super().send(request, **how)
        self.requests += 1
        self.refused += answer.status in (403, 429)
        return answer


def large(students: int) -> Large:
    """Three reviews for each of so many students: read over the socket, planned, applied."""
    answers: Any = SPAWN.Queue()
    where: Any = SPAWN.Queue()
    canvas = SPAWN.Process(target=serve_large, args=(students, where), daemon=True)
    canvas.start()
    address = where.get(timeout=600)
    assert canvas.pid is not None
    before = _cpu_seconds(canvas.pid)
    worker = SPAWN.Process(target=_drive_large, args=(address, answers))
    worker.start()
    result = cast(Large, answers.get(timeout=1800))
    worker.join()
    result = replace(result, canvas_cpu_seconds=_cpu_seconds(canvas.pid) - before)
    canvas.terminate()
    canvas.join()
    return result
