"""What happens to worker processes, told once: the crash tests and the fault matrix both use it."""

from __future__ import annotations

import os
import signal
import time

from lti_tool.planning.ids import RunId
from tests.crash.stage import Stage

DEADLINE_S = 0.6
"""Of a worker that will be frozen: it is over before anybody has waited long."""


def frozen_after_a_commit(stage: Stage, moment: int) -> None:
    """A worker is stopped right after the ``moment``-th commit, beyond its lease; what it would send next is
    done by another. When it wakes, it sends nothing."""
    run = stage.scene(quiet=True)
    frozen = stage.start(run, dies_at=moment, by="SIGSTOP", deadline_s=DEADLINE_S)
    _replaced_while_stopped(stage, run, frozen)


def frozen_in_a_call(stage: Stage, number: int) -> None:
    """A worker is stopped when its ``number``-th request has arrived, while Canvas works for it."""
    run = stage.scene(quiet=True)
    frozen = stage.start_watched(run, {(number, "arrived"): signal.SIGSTOP}, deadline_s=DEADLINE_S)
    _replaced_while_stopped(stage, run, frozen)


def _replaced_while_stopped(stage: Stage, run: RunId, frozen: int) -> None:
    _wait_until_stopped(frozen)
    try:
        _leave_no_lock(stage, frozen)
        time.sleep(DEADLINE_S + 0.1)  # that its lease is over, the next generation sees
        stage.finish(run)
    finally:
        os.kill(frozen, signal.SIGCONT)
    assert stage.wait(frozen) == 0
    stage.assert_exact(run)


def _leave_no_lock(stage: Stage, frozen: int) -> None:
    """Its heartbeat may have been stopped inside a transaction, which on SQLite would keep everybody out;
    what PostgreSQL does about that has a test of its own (test_outages)."""
    while stage.locked():
        os.kill(frozen, signal.SIGCONT)
        time.sleep(0.003)
        os.kill(frozen, signal.SIGSTOP)
        _wait_until_stopped(frozen)


def _wait_until_stopped(pid: int) -> None:
    until = time.monotonic() + 60
    while True:
        with open(f"/proc/{pid}/stat") as stat:
            state = stat.read().rpartition(")")[2].split()[0]
        if state == "T":
            return
        assert state != "Z", "it ended before it was stopped"
        assert time.monotonic() < until
        time.sleep(0.01)
