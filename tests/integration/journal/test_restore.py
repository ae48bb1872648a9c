"""A database from a backup knows less than Canvas: nothing in it goes on by itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import create_engine, make_url, text

from lti_tool.applying.states import RunState, StepClass
from lti_tool.persistence.database import Database
from lti_tool.persistence.instance import InstanceStore, RestoreWatch
from tests.integration.databases.servers import running_postgres
from tests.integration.journal.stage import TEACHER, Stage, creates, engine_of, open_journal

CREATED = [(number, number % 12 + 1) for number in range(1, 9)]


def copy_of(url: str, stage: Stage) -> str:
    """A backup of the database, as one would restore it: at another address here."""
    engine_of(stage.journal).dispose()
    if make_url(url).get_backend_name() == "postgresql":
        server, name = running_postgres(), make_url(url).database
        server.administer(f"CREATE DATABASE {name}_backup TEMPLATE {name}")
        return url.replace(f"/{name}?", f"/{name}_backup?")
    copy = f"{url}.backup"
    engine = create_engine(url)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM INTO :file"), {"file": copy.removeprefix("sqlite:///")})
    engine.dispose()
    return copy


def watch_on(stage: Stage, file: Path) -> RestoreWatch:
    """What a worker that starts now makes of its database."""
    return RestoreWatch(InstanceStore(Database(engine_of(stage.journal)), stage.clock.now), file)


def at_create(number: int, act: Callable[[], object]) -> Callable[[str, int], None]:
    """Do something while Canvas works on a create."""

    def meanwhile(verb: str, n: int) -> None:
        if (verb, n) == ("create", number):
            act()

    return meanwhile


def test_a_restored_run_waits_for_a_person_and_then_does_only_what_is_missing(
    journal_url: str, tmp_path: Path
) -> None:
    stage = Stage(journal_url, creates(*CREATED))
    seen = tmp_path / "last-seen.json"
    stage.canvas.meanwhile = at_create(2, lambda: stage.journal.request_pause(stage.run, TEACHER))
    assert watch_on(stage, seen).look() == 0
    assert stage.drive() is RunState.PAUSED_BY_PERSON
    backup = copy_of(journal_url, stage)
    stage.canvas.meanwhile = lambda verb, n: None
    stage.journal.resume(stage.run, TEACHER)
    assert watch_on(stage, seen).look() == 0
    assert stage.drive() is RunState.DONE
    before = stage.canvas.writes

    stage.journal = open_journal(backup, stage.clock)
    stage.journal.resume(stage.run, TEACHER)  # as if the backup had been made while it was under way
    assert watch_on(stage, seen).look() == 1
    assert stage.report.state is RunState.PAUSED_RESTORED
    assert "restored from a backup" in stage.report.words
    stage.clock.sleep(24 * 3600)
    assert not stage.wanted()
    assert stage.drive() is None
    assert stage.canvas.writes == before == 8, "nothing before a person says so"
    assert watch_on(stage, seen).look() == 0, "held once, not again"
    assert watch_on(stage, tmp_path / "another host").look() == 0

    stage.journal.resume(stage.run, TEACHER)
    assert stage.drive() is RunState.DONE
    assert stage.canvas.writes == 8, "all of it was there"
    assert stage.canvas.second_mails == 0
    assert stage.classes() == {StepClass.DONE: 2, StepClass.ALREADY_THERE: 6}


def test_a_worker_that_drives_meanwhile_sends_nothing_more(journal_url: str) -> None:
    """The operator says so while a worker is still at it."""
    stage = Stage(journal_url, creates(*CREATED))
    store = InstanceStore(Database(engine_of(stage.journal)), stage.clock.now)
    stage.canvas.meanwhile = at_create(3, store.hold_all)
    assert stage.drive() is None
    assert stage.canvas.writes == 3
    assert stage.report.state is RunState.PAUSED_RESTORED
    assert store.held() == (stage.run,)
    stage.clock.sleep(31)
    stage.journal.resume(stage.run, TEACHER)
    assert stage.drive() is RunState.DONE
    assert stage.canvas.second_mails == 0


def test_an_ordinary_restart_holds_nothing(journal_url: str, tmp_path: Path) -> None:
    stage = Stage(journal_url, creates(*CREATED))
    for _ in range(3):
        assert watch_on(stage, tmp_path / "seen").look() == 0
    (tmp_path / "seen").write_text("{")
    assert watch_on(stage, tmp_path / "seen").look() == 0, "a damaged file invents no restore"
    assert stage.drive() is RunState.DONE
