"""Workers that come and go in turn, and workers whose clocks are hours apart: nothing is lost or doubled."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from lti_tool.simulator.habits import Habits
from tests.integration.databases.servers import running_postgres, running_redis
from tests.integration.databases.test_whole_product import PATIENCE, TOKEN, Installation, wait_for
from tests.simulated import simulated_canvas

pytestmark = [
    pytest.mark.crash,
    # Huey leaves closing its connections to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

SKEWED = (
    "import threading, time; time.sleep = threading.Event().wait; "
    "from lti_tool.cli import main; main(['worker'])"
)
"""libfaketime answers the system call behind ``time.sleep`` with EINVAL; other waits it leaves alone."""


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    """Workers as they are installed, with the product's own lease and sweep, on PostgreSQL and Redis."""
    habits = Habits(throttle_enabled=False, latency=(0.1, 0.3))
    with simulated_canvas("sections", habits=habits) as canvas:
        databases = running_postgres().database(), running_redis().database()
        made = Installation(canvas, tmp_path / "instance", *databases)
        made.command = [sys.executable, "-c", "from lti_tool.cli import main; main(['worker'])"]
        made.run("db", "upgrade")
        made.run("connect", "--canvas", canvas.url, "--token-env", TOKEN)
        yield made
        made.end()


class Job:
    """One plan of the sociology course, applied."""

    def __init__(self, installation: Installation) -> None:
        self.installation, canvas = installation, installation.canvas
        course = canvas.course("SOC")
        self.essay = canvas.assignment(course, "Essay 1")
        where = ["--canvas", canvas.url, "--course", course.id, "--assignment", self.essay.id]
        before = canvas.reviews(self.essay)
        plan = installation.json("plan", *where)
        self.wanted = before | {(line["reviewer"], line["author"]) for line in plan["creates"]}
        self.run = installation.json("apply", plan["id"])["id"]

    @property
    def over(self) -> bool:
        return str(self.installation.json("runs", "show", self.run)["state"]).startswith("done")

    def assert_exact(self) -> None:
        canvas = self.installation.canvas
        assert self.installation.json("runs", "show", self.run)["state"] == "done"
        assert canvas.reviews(self.essay) == self.wanted
        mails = Counter((mail.to, mail.request_id) for mail in canvas.state.notifications)
        assert set(mails.values()) == {1}


def test_workers_are_replaced_in_turn_while_they_work(installation: Installation) -> None:
    """A deployment: the next one starts, then the oldest is asked to end, again and again."""
    for _ in range(2):
        installation.start_worker()
    job = Job(installation)
    replaced: list[subprocess.Popen[bytes]] = []
    while not job.over and len(replaced) < 12:
        worker = installation.driving(job.run)
        if worker is None or worker in replaced:
            time.sleep(0.2)
            continue
        installation.start_worker()
        written = len(installation.canvas.writes())
        wait_for(lambda at=written: job.over or len(installation.canvas.writes()) > at + 20, "it works")  # type: ignore[misc]  # bound per turn
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(PATIENCE) == 0
        replaced.append(worker)
    wait_for(lambda: job.over, "the run ends", 240)
    assert len(replaced) >= 2, "the run outlived some workers"
    job.assert_exact()


@pytest.mark.parametrize("ahead_s", [3600, -3600])
def test_clocks_that_are_an_hour_apart(installation: Installation, ahead_s: int) -> None:
    """Leases go by the database's clock: nobody takes over from the living, and a death is noticed."""
    library = next((path for path in Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), None)
    assert library is not None, "on Debian: apt-get install libfaketime"
    skewed = {"LD_PRELOAD": str(library), "FAKETIME": f"{ahead_s:+d}s", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    installation.start_worker()
    job = Job(installation)
    wait_for(lambda: len(installation.canvas.writes()) > 10, "some writes")
    victim = installation.driving(job.run)
    installation.command = [sys.executable, "-c", SKEWED]
    for _ in range(2):
        installation.start_worker(**skewed)
    wait_for(lambda: len(installation.canvas.writes()) > 150, "more writes")
    assert installation.driving(job.run) is victim, "a living worker keeps its run"
    assert victim is not None
    victim.kill()
    victim.wait()
    wait_for(lambda: job.over, "a worker with another clock finishes", 240)
    job.assert_exact()
