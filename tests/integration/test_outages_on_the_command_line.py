"""Whatever is wrong with the database, every command ends with a sentence and exit code 2."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from lti_tool.cli import main
from lti_tool.persistence import database
from lti_tool.services.outages import OUTAGE_WORDS, Outage

LATER_REVISION = "ffffffffffff"


def leaves(group: click.Group, *before: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command of the program that does something, with the words that call it."""
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from leaves(command, *before, name)
        else:
            yield (*before, name), command


COMMANDS = dict(leaves(main))
WITHOUT_DATABASE = {
    ("allocate",),
    ("demo",),  # makes a database of its own
    ("doctor",),  # a finding among others, and exit code 1
    ("instance-schema",),
    ("rules-schema",),
    ("secrets", "new-key"),
}
"""Commands that never open the database of the settings."""

MORE = {
    ("purge",): ["--institution"],
    ("registration", "add"): ["--issuer", "https://canvas.instructure.com"],
    ("rules", "levels"): ["--forget"],
    ("sessions", "revoke"): ["--all"],
}
"""What these insist on besides."""


def arguments(command: click.Command, folder: Path) -> list[str]:
    """Something for everything that a command insists on; what it is does not matter."""
    file = folder / "input.csv"
    file.write_text("{}")
    words: list[str] = []
    for one in command.params:
        if not one.required:
            continue
        if isinstance(one.type, click.Choice):
            value = str(one.type.choices[0])
        elif isinstance(one.type, click.Path | click.File):
            value = str(file)
        elif one.name == "token_env":
            value = "TOKEN"
        else:
            value = "http://127.0.0.1:9" if one.name == "canvas" else "1"
        words += [value] if isinstance(one, click.Argument) else [one.opts[0], value]
    return words


def run(folder: Path, words: tuple[str, ...], **settings: str) -> Result:
    return CliRunner().invoke(
        main,
        [*words, *arguments(COMMANDS[words], folder), *MORE.get(words, [])],
        input="a secret",
        env={
            "PEER_ALLOCATOR_INSTANCE": str(folder / "instance"),
            "PEER_ALLOCATOR_ALLOW_HTTP_LOOPBACK": "true",
            "PEER_ALLOCATOR_LOG_LEVEL": "error",
            "TOKEN": "a token",
            **settings,
        },
    )


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database at the newest schema, and its queue."""
    folder = tmp_path_factory.mktemp("upgraded")
    assert run(folder, ("db", "upgrade")).exit_code == 0
    assert run(folder, ("release",)).exit_code == 0
    return folder


@pytest.fixture
def folder(upgraded: Path, tmp_path: Path) -> Path:
    shutil.copytree(upgraded / "instance", tmp_path / "instance")
    return tmp_path


def database_of(folder: Path) -> Path:
    return folder / "instance" / "allocator.sqlite3"


def spoil(folder: Path) -> None:
    for file in (folder / "instance").glob("allocator.sqlite3-*"):
        file.unlink()
    database_of(folder).write_bytes(b"this was a database once" * 100)


def grow_new(folder: Path) -> None:
    with closing(sqlite3.connect(database_of(folder))) as connection, connection:
        connection.execute(f"UPDATE alembic_version SET version_num = '{LATER_REVISION}'")


def lock(folder: Path) -> sqlite3.Connection:
    """Hold the database so that nobody else even reads."""
    holder = sqlite3.connect(database_of(folder), isolation_level=None)
    for words in ("PRAGMA locking_mode=EXCLUSIVE", "BEGIN EXCLUSIVE", "DELETE FROM chore", "COMMIT"):
        holder.execute(words)
    return holder


def ends_with(result: Result, outage: Outage) -> None:
    assert not isinstance(result.exception, Exception), repr(result.exception)
    assert result.stderr == f"Error: {OUTAGE_WORDS[outage]}\n"
    assert result.exit_code == 2
    assert result.stdout == ""


EVERY_COMMAND = pytest.mark.parametrize("words", sorted(COMMANDS.keys() - WITHOUT_DATABASE), ids=" ".join)


@EVERY_COMMAND
def test_the_database_is_out_of_reach(folder: Path, words: tuple[str, ...]) -> None:
    away = run(folder, words, PEER_ALLOCATOR_DATABASE_URL="postgresql://nobody@127.0.0.1:9/none")
    ends_with(away, Outage.AWAY)


@EVERY_COMMAND
def test_the_database_is_damaged(folder: Path, words: tuple[str, ...]) -> None:
    spoil(folder)
    ends_with(run(folder, words), Outage.DAMAGED)


@EVERY_COMMAND
def test_the_database_is_locked(
    folder: Path, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 0)
    with closing(lock(folder)):
        ends_with(run(folder, words), Outage.LOCKED)


WRITERS = pytest.mark.parametrize("words", [("housekeeping",), ("db", "restored")], ids=" ".join)
"""Commands that write first: without a helper of the journal, and with one."""


@WRITERS
def test_another_process_writes_for_too_long(
    folder: Path, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 0)
    with closing(sqlite3.connect(database_of(folder), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        ends_with(run(folder, words), Outage.LOCKED)


def test_the_database_is_read_only(folder: Path) -> None:
    url = f"sqlite:///file:{database_of(folder)}?mode=ro&uri=true"
    ends_with(run(folder, ("housekeeping",), PEER_ALLOCATOR_DATABASE_URL=url), Outage.READ_ONLY)


def test_the_disk_is_full(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    as_usual = database._configure_sqlite

    def on_a_full_disk(connection: Any, record: object) -> None:
        as_usual(connection, record)
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count={pages}")
        connection.execute("CREATE TABLE IF NOT EXISTS filler (text)")
        connection.execute(
            "CREATE TEMP TRIGGER fills AFTER INSERT ON main.chore BEGIN "
            "INSERT INTO filler VALUES (zeroblob(1000000)); END"
        )

    monkeypatch.setattr(database, "_configure_sqlite", on_a_full_disk)
    ends_with(run(folder, ("housekeeping",)), Outage.FULL)


def test_the_folder_of_the_database_is_missing(folder: Path) -> None:
    url = f"sqlite:///{folder}/no/such/folder/a.sqlite3"
    ends_with(run(folder, ("runs", "show"), PEER_ALLOCATOR_DATABASE_URL=url), Outage.CANNOT_OPEN)


def test_an_older_program_does_not_upgrade_the_database_of_a_newer_one(folder: Path) -> None:
    grow_new(folder)
    ends_with(run(folder, ("db", "upgrade")), Outage.TOO_NEW)


def test_a_database_that_lacks_a_table_asks_for_an_upgrade(folder: Path) -> None:
    with closing(sqlite3.connect(database_of(folder))) as connection, connection:
        connection.execute("DROP TABLE instance")
    ends_with(run(folder, ("db", "restored")), Outage.TOO_OLD)


def test_the_folder_of_the_instance_cannot_be_made(folder: Path) -> None:
    (folder / "file").write_text("in the way")
    result = run(folder, ("runs", "show"), PEER_ALLOCATOR_INSTANCE=str(folder / "file" / "instance"))
    assert result.exit_code == 2
    assert result.stderr == (
        f"Error: The folder {folder}/file/instance can't be made: Not a directory. Set `instance` to a "
        "folder that this program may write to.\n"
    )
