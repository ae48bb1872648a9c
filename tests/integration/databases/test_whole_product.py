"""The whole product with worker processes, on each combination of database and queue; one of them dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from lti_tool.cli import main
from lti_tool.persistence.database import make_engine
from lti_tool.simulator.habits import Habits
from tests.integration.databases.servers import running_postgres, running_redis
from tests.simulated import SimulatedCanvas, simulated_canvas

PATIENCE = 120
TOKEN = "TEACHER_TOKEN"

# Huey leaves closing its connections to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


class Installation:
    """One tool: database, queue, and as many worker processes as a test starts."""

    def __init__(self, canvas: SimulatedCanvas, folder: Path, database_url: str, queue_url: str) -> None:
        self.canvas = canvas
        self.database_url = database_url
        self.environment = {
            "PEER_ALLOCATOR_INSTANCE": str(folder),
            "PEER_ALLOCATOR_DATABASE_URL": database_url,
            "PEER_ALLOCATOR_QUEUE_URL": queue_url,
            "PEER_ALLOCATOR_ALLOW_HTTP_LOOPBACK": "true",
            "PEER_ALLOCATOR_LOG_LEVEL": "error",
            "PEER_ALLOCATOR_SETTLE_SECONDS": "0.5",
            TOKEN: canvas.state.make_personal_token(canvas.user("teacher").id).token,
        }
        self.command = [sys.executable, "-m", "tests.integration.databases.impatient", "worker"]
        self.workers: list[subprocess.Popen[bytes]] = []

    def run(self, *words: str) -> str:
        """A command of the command line, in this process."""
        result = CliRunner().invoke(main, list(words), env=self.environment, catch_exceptions=False)
        assert result.exit_code in (0, 1), f"{words}: {result.exit_code}\n{result.output}"
        return result.stdout

    def json(self, *words: str) -> Any:
        """A command that answers in JSON."""
        return json.loads(self.run(*words, "--format", "json"))

    def start_worker(self, **environment: str) -> None:
        """One more worker process."""
        self.workers.append(
            subprocess.Popen(
                self.command,
                env=os.environ | self.environment | environment,
                cwd=Path(__file__).parents[3],
            )
        )

    def driving(self, run: str) -> subprocess.Popen[bytes] | None:
        """The worker process that drives the run now."""
        engine = make_engine(self.database_url)
        with engine.connect() as connection:
            (owner,) = connection.exec_driver_sql(f"SELECT owner FROM run WHERE id = '{run}'").one()
        engine.dispose()
        found = [worker for worker in self.workers if owner and owner.endswith(f":{worker.pid}")]
        return found[0] if found else None

    def end(self) -> None:
        """Ask all workers to end, as a deployment does."""
        for worker in self.workers:
            if worker.poll() is None:
                worker.send_signal(signal.SIGTERM)
        # SIGTERM itself ends a worker that has not yet begun.
        ends = {worker.wait(PATIENCE) for worker in self.workers}
        assert ends <= {0, -signal.SIGKILL, -signal.SIGTERM}


def wait_for(true: Callable[[], object], what: str, patience: float = PATIENCE) -> None:
    """Until it is so."""
    until = time.monotonic() + patience
    while not true():
        assert time.monotonic() < until, f"not within {patience} seconds: {what}"
        time.sleep(0.05)


@pytest.fixture(params=["sqlite+sqlite", "postgresql+postgresql", "postgresql+redis"])
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installation]:
    database_kind, queue_kind = request.param.split("+")
    database = f"sqlite:///{tmp_path / 'tool.sqlite3'}"
    if database_kind == "postgresql":
        database = running_postgres().database()
    queue = database
    if queue_kind == "redis":
        queue = running_redis().database()
    elif queue_kind == "sqlite":
        queue = f"sqlite:///{tmp_path / 'queue.sqlite3'}"
    habits = Habits(throttle_enabled=False, latency=(0.01, 0.03))
    with simulated_canvas("sections", habits=habits) as canvas:
        made = Installation(canvas, tmp_path / "instance", database, queue)
        made.run("db", "upgrade")
        made.run("connect", "--canvas", canvas.url, "--token-env", TOKEN)
        yield made
        made.end()


def test_two_workers_and_the_one_that_drives_is_killed(installation: Installation, tmp_path: Path) -> None:
    canvas = installation.canvas
    course = canvas.course("SOC")
    essay = canvas.assignment(course, "Essay 1")
    before = canvas.reviews(essay)
    rules = tmp_path / "rules.json"
    rules.write_text(json.dumps({"reviews_per_reviewer": 2}))
    where = ["--canvas", canvas.url, "--course", course.id, "--assignment", essay.id]
    plan = installation.json("plan", *where, "--rules", str(rules))
    wanted = before | {(line["reviewer"], line["author"]) for line in plan["creates"]}
    assert len(plan["creates"]) > 200

    for _ in range(2):
        installation.start_worker()
    run = installation.json("apply", plan["id"])["id"]
    wait_for(lambda: len(canvas.writes()) > 40, "some writes")
    victim = installation.driving(run)
    assert victim is not None
    victim.kill()
    victim.wait()
    assert len(canvas.writes()) < len(plan["creates"]), "killed in the middle"

    wait_for(lambda: installation.json("runs", "show", run)["state"] == "done", "the other one finishes")
    report = installation.json("runs", "show", run)
    assert report["counts"]["done"] == len(report["steps"]) == len(plan["creates"])
    assert canvas.reviews(essay) == wanted
    mails = Counter((mail.to, mail.request_id) for mail in canvas.state.notifications)
    assert set(mails.values()) == {1}, "nobody is mailed twice"
    assert len(mails) == len(plan["creates"])
    assert len(canvas.writes()) <= len(plan["creates"]) + 16, "only what never arrived was sent again"
