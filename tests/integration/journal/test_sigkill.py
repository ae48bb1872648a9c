"""A worker process is killed with SIGKILL, the next one too; the third finishes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from lti_tool.applying.states import RunState
from tests import builders
from tests.integration.journal.mortal_worker import FileCanvas
from tests.integration.journal.stage import TEACHER, creates, open_journal, pair, sqlite_url

CREATED = [(number, (number + step) % 40 + 1) for step in range(5) for number in range(1, 41)]
PATIENCE = 60


def test_two_processes_die_and_the_third_finishes(tmp_path: Path) -> None:
    journal = open_journal(sqlite_url(tmp_path / "journal.db"), fast=False)
    canvas = FileCanvas(tmp_path / "canvas.db")
    plan = builders.plan(creates(*CREATED), of=builders.snapshot(40))
    run = journal.start(plan, TEACHER)
    for turn, deadly in enumerate((30, 110, None)):
        worker = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.integration.journal.mortal_worker",
                str(tmp_path / "journal.db"),
                str(tmp_path / "canvas.db"),
                run,
                str(40 * turn),
            ],
            cwd=Path(__file__).parents[3],
        )
        if deadly is None:
            assert worker.wait(PATIENCE) == 0
            break
        began = time.monotonic()
        while canvas.mails() < deadly and time.monotonic() - began < PATIENCE:
            time.sleep(0.002)
        os.kill(worker.pid, signal.SIGKILL)
        assert worker.wait(PATIENCE) == -signal.SIGKILL
        assert canvas.mails() < len(CREATED), "killed in the middle, not afterwards"
    report = journal.report(run)
    assert report.state is RunState.DONE
    assert Counter((r.assessor, r.submission) for r in canvas.reviews()) == Counter(
        pair(*who) for who in CREATED
    )
    assert canvas.mails() == len(CREATED), "nobody was mailed twice"
    claims = [event for event in journal.events(run) if event.type == "claimed"]
    assert len(claims) == 3
