"""PostgreSQL dies, or cuts connections, under a run: nothing is sent without a row, and nothing twice.

What SQLite does when it is full or locked is in ``tests/integration/journal/test_storage.py``.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest
from sqlalchemy import Connection

from lti_tool.applying.errors import JournalUnavailable
from lti_tool.applying.records import Claim
from lti_tool.applying.states import RunState
from lti_tool.persistence import database as database_module
from tests.builders import review, snapshot
from tests.integration.databases.servers import Postgres, running_postgres
from tests.integration.journal.stage import Stage, creates, deletes, engine_of, open_journal

CREATED = [(number, (number + step) % 12 + 1) for step in range(2) for number in range(1, 13)]
DELETED = [(1, 6), (2, 7)]


@pytest.fixture
def server() -> Postgres:
    return running_postgres()


@pytest.fixture
def stage(server: Postgres) -> Iterator[Stage]:
    preview = snapshot(reviews=[review(*who) for who in DELETED])
    made = Stage(server.database(), creates(*CREATED) + deletes(*DELETED), preview=preview, workers=3)
    yield made
    engine_of(made.journal).dispose()


def rows(stage: Stage) -> int:
    with engine_of(stage.journal).connect() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM run_step_attempt").scalar_one())


def drive(stage: Stage) -> None:
    """As a worker: an error of the database ends the drive, and the lease ends by itself."""
    with suppress(JournalUnavailable):
        stage.drive()
    assert rows(stage) >= stage.canvas.writes, "no call without a row"


def finish(stage: Stage) -> None:
    for _ in range(60):
        if stage.report.progress.over:
            break
        stage.clock.sleep(31)
        if stage.wanted():
            drive(stage)
    assert stage.report.state is RunState.DONE, stage.report.words
    assert sum(stage.canvas.pairs.values()) == len(CREATED)
    assert set(stage.canvas.pairs.values()) == {1}
    assert stage.canvas.second_mails == 0


@pytest.mark.parametrize("every", [3, 7])
def test_connections_cut_again_and_again(server: Postgres, stage: Stage, every: int) -> None:
    cuts = 0

    def cut(verb: str, n: int) -> None:
        nonlocal cuts
        if n % every == 0 and cuts < 8:
            cuts += 1
            server.kill_connections()

    stage.canvas.meanwhile = cut
    drive(stage)
    finish(stage)
    assert cuts >= 3


@pytest.mark.parametrize("verb", ["snapshot", "create", "reviews_of", "delete"])
def test_the_server_dies_in_mid_run_and_comes_back(server: Postgres, stage: Stage, verb: str) -> None:
    lock = threading.Lock()
    died = False

    def die(asked: str, n: int) -> None:
        nonlocal died
        with lock:
            if asked == verb and not died:
                died = True
                server.kill()
                server.start()

    stage.canvas.meanwhile = die
    drive(stage)
    assert died
    finish(stage)


def test_while_the_server_is_away_nothing_is_sent(server: Postgres, stage: Stage) -> None:
    def die(verb: str, n: int) -> None:
        if (verb, n) == ("create", 1):
            server.kill()

    stage.canvas.meanwhile = die
    try:
        with pytest.raises(JournalUnavailable):
            stage.drive()
        assert stage.canvas.writes <= 3, "what was marked before"
        with pytest.raises(JournalUnavailable):
            stage.journal.runs_to_drive()
    finally:
        server.start()
    stage.canvas.meanwhile = lambda verb, n: None
    finish(stage)


def test_a_transaction_of_a_frozen_worker_does_not_keep_the_run(
    server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that stops in the middle of a commit holds the run's row; PostgreSQL must let go of it."""
    monkeypatch.setattr(database_module, "PATIENCE_MS", 500)
    stage = Stage(server.database(), creates((1, 2)))
    first = stage.journal.claim(stage.run, "frozen")
    assert first is not None
    frozen = _holding(stage, first)
    stage.clock.sleep(31)
    other = open_journal(str(engine_of(stage.journal).url), stage.clock)
    # The first try may run into the statement's limit while PostgreSQL ends the silent transaction.
    claims = []
    for _ in range(4):
        with suppress(JournalUnavailable):
            claims.append(other.claim(stage.run, "second"))
    assert [claim.owner for claim in claims if claim is not None] == ["second"]
    frozen.invalidate()
    frozen.close()
    engine_of(other).dispose()
    engine_of(stage.journal).dispose()


def _holding(stage: Stage, claim: Claim) -> Connection:
    connection = engine_of(stage.journal).connect()
    connection.exec_driver_sql(f"SELECT 1 FROM run WHERE id = '{claim.run}' FOR SHARE")
    return connection
