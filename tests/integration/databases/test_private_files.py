"""Nobody but their owner reads the files of an installation."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from lti_tool.bootstrap import build_application, upgrade_database
from lti_tool.settings import Settings


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    """What a server's processes have: files for all to read."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, str]:
    return {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in sorted(folder.rglob("*"))}


def run_once(settings: Settings, look: Path) -> dict[str, str]:
    """The modes while databases and queue are open, with everything that SQLite keeps beside them."""
    upgrade_database(settings)
    application = build_application(settings)
    try:
        application.queue.put("a key", "a note")
        with application.database.begin() as session:
            session.execute(text("CREATE TABLE IF NOT EXISTS written (x INTEGER)"))
            return modes(look)
    finally:
        application.close()


def test_databases_queue_and_key_are_for_their_owner_only(tmp_path: Path) -> None:
    instance = tmp_path / "instance"
    found = run_once(Settings(instance=instance), instance)
    assert {"allocator.sqlite3", "allocator.sqlite3-wal", "queue.sqlite3", "secret.key"} <= found.keys()
    private = {name: mode for name, mode in found.items() if name != "last-seen.json"}
    assert set(private.values()) == {"0o600"}, private
    assert stat.S_IMODE(instance.stat().st_mode) == 0o700


def test_files_of_an_earlier_version_become_private(tmp_path: Path) -> None:
    settings = Settings(instance=tmp_path / "instance")
    run_once(settings, settings.instance)
    for path in settings.instance.iterdir():
        path.chmod(0o644)
    found = run_once(settings, settings.instance)
    assert {found["allocator.sqlite3"], found["queue.sqlite3"]} == {"0o600"}


def test_a_database_elsewhere_is_private_too(tmp_path: Path) -> None:
    elsewhere = tmp_path / "data"
    elsewhere.mkdir()
    settings = Settings(instance=tmp_path / "instance", database_url=f"sqlite:///{elsewhere / 'mine.db'}")
    assert set(run_once(settings, elsewhere).values()) == {"0o600"}
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o755, "a folder that was there keeps its mode"
