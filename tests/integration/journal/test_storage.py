"""The database fails under a run: no call to Canvas without a committed journal row."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import event

from lti_tool.applying.driver import Driver
from lti_tool.applying.errors import JournalUnavailable
from lti_tool.applying.ports import RunJournal
from lti_tool.applying.states import RunState
from tests.integration.journal.stage import Stage, creates, engine_of, sqlite_url

CREATED = [(number, (number + step) % 12 + 1) for step in range(5) for number in range(1, 13)]


class Unwritable:
    """A journal that refuses the ``at``-th intent."""

    def __init__(self, stage: Stage, at: int) -> None:
        self._stage, self._at = stage, at

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stage.journal, name)

    def mark_sent(self, *arguments: Any) -> None:
        if self._stage.canvas.calls["create"] == self._at:
            raise JournalUnavailable("planted")
        self._stage.journal.mark_sent(*arguments)


@pytest.mark.parametrize("at", [0, 1, 6, 11])
def test_a_journal_that_cannot_be_written_pauses_before_the_call(tmp_path: Path, at: int) -> None:
    stage = Stage(sqlite_url(tmp_path / "journal.db"), creates(*CREATED[:12]))
    driver = Driver(cast(RunJournal, Unwritable(stage, at)), stage.clock, "worker", stage.settings)
    assert driver.drive(stage.run, stage.canvas, stage.preview) is RunState.PAUSED_STORAGE
    assert stage.canvas.calls["create"] == at
    assert "database" in stage.report.words
    assert stage.sweep_until_over().state is RunState.DONE
    assert stage.canvas.calls["create"] == 12
    assert stage.canvas.second_mails == 0


@pytest.mark.parametrize("workers", [1, 4])
def test_a_database_that_is_full_in_mid_run(tmp_path: Path, workers: int) -> None:
    """SQLite's own refusal, at whatever statement needs the next page."""
    stage = Stage(sqlite_url(tmp_path / "journal.db"), creates(*CREATED), workers=workers)
    full = False

    def limit(connection: sqlite3.Connection, *_: object) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0] if full else 1_000_000
        connection.execute(f"PRAGMA max_page_count={pages}")

    event.listen(engine_of(stage.journal), "checkout", limit)

    def fill(verb: str, n: int) -> None:
        nonlocal full
        full = full or (verb, n) == ("create", 3)

    stage.canvas.meanwhile = fill
    with suppress(JournalUnavailable):  # where not even the pause could be written
        assert stage.drive() is RunState.PAUSED_STORAGE
    sent = stage.canvas.calls["create"]
    assert 3 <= sent < 60, "the run stopped in the middle"
    attempts = "SELECT count(*) FROM run_step_attempt"
    with sqlite3.connect(tmp_path / "journal.db") as other:
        assert other.execute(attempts).fetchone()[0] >= sent
    other.close()

    full = False
    stage.canvas.meanwhile = lambda verb, n: None
    stage.clock.sleep(31)
    assert stage.sweep_until_over().state is RunState.DONE
    assert sum(stage.canvas.pairs.values()) == 60
    assert stage.canvas.calls["create"] == 60
    assert stage.canvas.second_mails == 0


def test_a_locked_database_is_waited_for_and_then_refused_before_the_call(tmp_path: Path) -> None:
    stage = Stage(sqlite_url(tmp_path / "journal.db"), creates(*CREATED[:12]))
    engine = engine_of(stage.journal)
    event.listen(engine, "checkout", lambda connection, *_: connection.execute("PRAGMA busy_timeout=20"))
    other = sqlite3.connect(tmp_path / "journal.db", isolation_level=None)

    def lock(verb: str, n: int) -> None:
        if verb == "snapshot" and n == 1:
            other.execute("BEGIN IMMEDIATE")

    stage.canvas.meanwhile = lock
    with pytest.raises(JournalUnavailable, match="locked"):
        stage.drive()
    assert stage.canvas.writes == 0
    other.execute("ROLLBACK")
    other.close()
    stage.clock.sleep(31)
    assert stage.sweep_until_over().state is RunState.DONE
    assert stage.canvas.second_mails == 0


def test_reading_does_not_wait_for_a_writer(tmp_path: Path) -> None:
    stage = Stage(sqlite_url(tmp_path / "journal.db"), creates(*CREATED[:12]))
    other = sqlite3.connect(tmp_path / "journal.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert stage.journal.progress(stage.run).total == 12
    other.execute("ROLLBACK")
    other.close()
