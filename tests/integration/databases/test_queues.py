"""The bell and the sweep on each queue: a ring arrives, and losing rings, queue or database loses no run."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from huey import Huey

from lti_tool.applying.errors import JournalUnavailable
from lti_tool.jobs.queue import make_queue
from lti_tool.jobs.worker import Bell, Worker
from tests.integration.databases.servers import running_postgres, running_redis

PATIENCE = 30

# Huey gives each of its threads a connection and leaves closing it to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(params=["sqlite", "postgresql", "redis"])
def queue_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    match request.param:
        case "postgresql":
            return running_postgres().database(empty=True)
        case "redis":
            return running_redis().database()
        case _:
            return f"sqlite:///{tmp_path / 'queue.sqlite3'}"


class Runs:
    """Runs that count who drove them; the first ``broken`` sweeps find the database away."""

    def __init__(self, *waiting: str, broken: int = 0) -> None:
        self.driven: Counter[str] = Counter()
        self._waiting = list(waiting)
        self._broken = broken
        self._changed = threading.Condition()

    def drive(self, run_id: str) -> None:
        with self._changed:
            self.driven[run_id] += 1
            if run_id in self._waiting:
                self._waiting.remove(run_id)
            self._changed.notify_all()

    def waiting(self) -> tuple[str, ...]:
        if self._broken:
            self._broken -= 1
            raise JournalUnavailable("planted")
        return tuple(self._waiting)

    def come(self, run_id: str) -> bool:
        """Whether the run was driven in time."""
        with self._changed:
            return self._changed.wait_for(lambda: self.driven[run_id] > 0, PATIENCE)


@contextmanager
def working(queue: Huey, runs: Runs, *, sweep_s: float = 3600) -> Iterator[Bell]:
    bell = Bell(queue, runs.drive)
    worker = Worker(queue, runs.drive, runs.waiting, threads=2, sweep_s=sweep_s)
    worker.start()
    try:
        yield bell
    finally:
        worker.stop()
        queue.storage.close()


def test_a_ring_arrives_once(queue_url: str) -> None:
    runs = Runs()
    with working(make_queue(queue_url), runs) as bell:
        for number in range(5):
            bell.ring(f"run-{number}")
        assert all(runs.come(f"run-{number}") for number in range(5))
    assert runs.driven == {f"run-{number}": 1 for number in range(5)}


def test_a_ring_waits_for_a_worker(queue_url: str) -> None:
    runs = Runs()
    before = make_queue(queue_url)
    Bell(before, runs.drive).ring("early")
    before.storage.close()
    with working(make_queue(queue_url), runs):
        assert runs.come("early")


def test_processes_that_start_at_once_on_an_empty_queue(queue_url: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        queues = list(pool.map(lambda _: make_queue(queue_url), range(8)))
    assert [queue.pending_count() for queue in queues] == [0] * 8
    for queue in queues:
        queue.storage.close()


def test_what_no_bell_announced_is_found(queue_url: str) -> None:
    runs = Runs("left by a dead worker", "paused until now", "queued while the queue was away")
    with working(make_queue(queue_url), runs, sweep_s=0.05):
        assert all(runs.come(run) for run in tuple(runs.waiting()))


def test_a_sweep_outlives_its_database(tmp_path: Path) -> None:
    runs = Runs("left", broken=3)
    with working(make_queue(f"sqlite:///{tmp_path / 'queue.sqlite3'}"), runs, sweep_s=0.02):
        assert runs.come("left")


def test_a_run_that_fails_is_taken_up_again_and_holds_up_nobody(tmp_path: Path) -> None:
    runs = Runs("bad", "good")
    tries = Counter[str]()

    def drive(run_id: str) -> None:
        tries[run_id] += 1
        if run_id == "bad" and tries[run_id] < 3:
            raise RuntimeError("planted")
        runs.drive(run_id)

    queue = make_queue(f"sqlite:///{tmp_path / 'queue.sqlite3'}")
    worker = Worker(queue, drive, runs.waiting, threads=2, sweep_s=0.02)
    worker.start()
    assert runs.come("good")
    assert runs.come("bad")
    worker.stop()
    queue.storage.close()
    assert tries["bad"] == 3


def test_a_long_run_does_not_hold_up_the_sweep(tmp_path: Path) -> None:
    runs = Runs("long", "short")
    ended = threading.Event()

    def drive(run_id: str) -> None:
        if run_id == "long":
            ended.wait(PATIENCE)
        runs.drive(run_id)

    queue = make_queue(f"sqlite:///{tmp_path / 'queue.sqlite3'}")
    worker = Worker(queue, drive, runs.waiting, threads=2, sweep_s=0.02)
    worker.start()
    assert runs.come("short")
    assert runs.driven["long"] == 0
    ended.set()
    assert runs.come("long")
    worker.stop()
    queue.storage.close()
    assert runs.driven["long"] == 1, "the sweeps in between left it alone"


def test_a_queue_that_is_away_does_not_disturb_who_rings(tmp_path: Path) -> None:
    server = running_redis()
    runs = Runs("rung in vain")
    queue = make_queue(server.database())
    server.kill()
    try:
        Bell(queue, runs.drive).ring("rung in vain")
        worker = Worker(queue, runs.drive, runs.waiting, threads=1, sweep_s=0.05)
        worker.start()
        assert runs.come("rung in vain"), "the sweep needs no queue"
        worker.stop()
    finally:
        server.start()
        queue.storage.close()
