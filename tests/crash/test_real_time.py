"""Workers as they are installed, with real lease, sweep and settling: one is killed, another goes on."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from lti_tool.simulator.habits import Habits
from tests.integration.databases.servers import running_postgres, running_redis
from tests.integration.databases.test_whole_product import TOKEN, Installation, wait_for
from tests.simulated import simulated_canvas

pytestmark = [
    pytest.mark.crash,
    # Huey leaves closing its connections to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
WITHIN_S = 60


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    habits = Habits(throttle_enabled=False, latency=(0.02, 0.06))
    with simulated_canvas("sections", habits=habits) as canvas:
        databases = running_postgres().database(), running_redis().database()
        made = Installation(canvas, tmp_path / "instance", *databases)
        made.environment["PEER_ALLOCATOR_SETTLE_SECONDS"] = "90"
        made.command = [sys.executable, "-c", "from lti_tool.cli import main; main(['worker'])"]
        made.run("db", "upgrade")
        made.run("connect", "--canvas", canvas.url, "--token-env", TOKEN)
        yield made
        made.end()


def test_a_killed_worker_is_replaced_within_a_minute(installation: Installation) -> None:
    canvas = installation.canvas
    course = canvas.course("SOC")
    essay = canvas.assignment(course, "Essay 1")
    before = canvas.reviews(essay)
    plan = installation.json("plan", "--canvas", canvas.url, "--course", course.id, "--assignment", essay.id)
    wanted = before | {(line["reviewer"], line["author"]) for line in plan["creates"]}
    for _ in range(2):
        installation.start_worker()
    run = installation.json("apply", plan["id"])["id"]
    wait_for(lambda: len(canvas.writes()) > 40, "some writes")
    victim = installation.driving(run)
    assert isinstance(victim, subprocess.Popen)
    victim.kill()
    victim.wait()
    killed_at, written = time.monotonic(), len(canvas.writes())
    wait_for(lambda: len(canvas.writes()) > written + 16, "the other one goes on")
    assert time.monotonic() - killed_at < WITHIN_S
    wait_for(lambda: installation.json("runs", "show", run)["state"] == "done", "it finishes", 240)
    assert canvas.reviews(essay) == wanted
    mails = Counter((mail.to, mail.request_id) for mail in canvas.state.notifications)
    assert set(mails.values()) == {1}
