"""Rotating the keys that seal stored secrets: everything opens all the while, and nothing stays behind."""

from __future__ import annotations

import importlib
import pkgutil
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Text

from lti_tool import persistence
from lti_tool.persistence import resealing
from lti_tool.persistence.base import Base
from lti_tool.persistence.database import Database, make_engine
from lti_tool.persistence.encryption import FileSecretBox, KeyFile, SecretBox, id_of_key, new_key
from lti_tool.persistence.launches import OneTimeRows, SessionRows, ToolKeyRows
from lti_tool.persistence.registrations import RegistrationRows
from lti_tool.persistence.resealing import SEALED, keys_in_use, reseal
from lti_tool.persistence.tokens import (
    ConnectAttempt,
    ConnectAttempts,
    RefreshLease,
    StoredToken,
    TokenKind,
    TokenRows,
)
from lti_tool.planning.ids import CanvasOrigin, UserId
from lti_tool.planning.signed_person import SignedPerson
from lti_tool.services.secret_keys import rotate_file

CANVAS = CanvasOrigin("https://canvas.example.edu")
PEOPLE = [UserId(str(number)) for number in range(8)]
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
LATER = datetime(2099, 1, 1, tzinfo=UTC)


def put_token(rows: TokenRows, user: UserId) -> None:
    rows.put(
        CANVAS,
        user,
        TokenKind.OAUTH,
        access_token=f"access of {user}",
        refresh_token=f"refresh of {user}",
        scopes=(),
        expires_at=None,
        renew_at=None,
        now=NOW,
    )


def seal_one_of_each(database: Database, box: SecretBox) -> None:
    put_token(TokenRows(database, box), PEOPLE[0])
    person = SignedPerson("issuer", "client", CANVAS, "sub", "context")
    ConnectAttempts(database, box).add("state", ConnectAttempt(person, "/", "verifier", "browser"), LATER)
    OneTimeRows(database, box).add("secret", "body", NOW, LATER)
    SessionRows(database, box).add("token", "context", NOW, LATER)
    RegistrationRows(database, box).put_api_key(CANVAS, "7", "api secret", NOW)
    RegistrationRows(database, box).put_api_key(CANVAS, "10", "api secret", NOW)
    ToolKeyRows(database, box).add_current(
        kid="key", private_pem="private", public_jwk="{}", now=NOW, only_if_none=True
    )


def assert_one_of_each_opens(database: Database, box: SecretBox) -> None:
    token = TokenRows(database, box).find(CANVAS, PEOPLE[0])
    assert token is not None
    assert (token.access_token, token.refresh_token) == ("access of 0", "refresh of 0")
    assert SessionRows(database, box).touch("token", NOW, NOW - timedelta(hours=1)) == "context"
    assert ToolKeyRows(database, box).all()[0].private_pem == "private"
    api_key = RegistrationRows(database, box).api_key(CANVAS)
    assert api_key is not None
    assert api_key.secret == "api secret"
    api_key = RegistrationRows(database, box).api_key(CANVAS)
    assert api_key is not None
    assert api_key.secret == "api secret"
    spent = ConnectAttempts(database, box).spend("state", NOW)
    assert spent is not None
    assert spent.verifier == "verifier"
    assert OneTimeRows(database, box).spend("secret", NOW) == "body"


def test_everything_is_sealed_with_the_new_key_and_opens_with_it_alone(database: Database) -> None:
    old, new = new_key(), new_key()
    seal_one_of_each(database, SecretBox([old]))
    assert set(keys_in_use(database)) == {id_of_key(old)}
    done = reseal(database, SecretBox([new, old]))
    assert (done.done, done.unreadable) == (len(SEALED), 0)
    assert keys_in_use(database) == {id_of_key(new): len(SEALED)}
    assert_one_of_each_opens(database, SecretBox([new]))


def test_every_column_whose_name_or_content_is_sealed_is_on_the_list(database: Database) -> None:
    """A sealed column that nobody listed would be lost with the old key."""
    for module in pkgutil.iter_modules(persistence.__path__):
        importlib.import_module(f"{persistence.__name__}.{module.name}")
    box = SecretBox([new_key()])
    seal_one_of_each(database, box)
    listed = {(one.table.__tablename__, one.column.key) for one in SEALED}
    found = set()
    with database.read() as session:
        for table in Base.metadata.sorted_tables:
            for column in table.columns:
                if isinstance(column.type, Text):
                    texts = session.execute(column.table.select().with_only_columns(column)).scalars()
                    if any(str(text).startswith(f"{box.newest_key_id}.") for text in texts):
                        found.add((table.name, column.name))
                    if column.name.startswith("sealed_"):
                        found.add((table.name, column.name))
    assert found == listed


def test_a_secret_whose_key_is_lost_stops_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resealing, "BATCH", 2)
    lost, old, new = new_key(), new_key(), new_key()
    for number, user in enumerate(PEOPLE):
        put_token(TokenRows(database, SecretBox([lost if number % 2 else old])), user)
    done = reseal(database, SecretBox([new, old]))
    assert (done.done, done.unreadable) == (len(PEOPLE), len(PEOPLE))
    assert TokenRows(database, SecretBox([new])).find(CANVAS, PEOPLE[0]) is not None


def test_a_key_is_gone_with_the_second_rotation(database: Database, tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "secret.key")
    file.make_if_missing()
    (first,) = file.read()
    box = FileSecretBox(file)
    seal_one_of_each(database, box)
    rotate_file(database, file, box)
    assert file.read()[1:] == (first,)
    again = rotate_file(database, file, box)
    assert first not in file.read()
    assert again.dropped == (id_of_key(first),)
    assert file.path.stat().st_mode & 0o777 == 0o600
    assert [found.name for found in tmp_path.glob("*.key*")] == ["secret.key"], "no draft stays"
    assert_one_of_each_opens(database, box)


def test_a_rotation_under_load_fails_no_call(database_url: str, tmp_path: Path) -> None:
    """Others, each with a box of its own as another process has, read, renew and store all the while."""
    file = KeyFile(tmp_path / "secret.key")
    file.make_if_missing()
    (first,) = file.read()
    over = threading.Event()
    errors: list[Exception] = []
    calls: list[UserId] = []
    people = PEOPLE[:3] if database_url.startswith("sqlite") else PEOPLE  # one writer at a time there
    start = threading.Barrier(len(people) + 1)

    def live(user: UserId) -> None:
        database = Database(make_engine(database_url))
        box = FileSecretBox(file)
        rows, sessions = TokenRows(database, box), SessionRows(database, box)
        put_token(rows, user)
        start.wait()
        while not over.is_set():
            try:
                _call(rows, sessions, user, len(calls))
            except Exception as error:
                errors.append(error)
                return
            calls.append(user)
            over.wait(0.005)
        database.dispose()

    threads = [threading.Thread(target=live, args=(user,)) for user in people]
    for thread in threads:
        thread.start()
    database = Database(make_engine(database_url))
    box = FileSecretBox(file)
    start.wait()
    for _ in range(3):
        done = rotate_file(database, file, box)
        assert done.unreadable == 0
        before = len(calls)
        _until(lambda before=before: len(calls) >= before + len(people) or bool(errors))  # type: ignore[misc]  # bound per turn
    over.set()
    for thread in threads:
        thread.join()
    assert errors == []
    assert first not in file.read()
    assert {CANVAS} == {rows.canvas for rows in _tokens(TokenRows(database, box))}
    database.dispose()


def _call(rows: TokenRows, sessions: SessionRows, user: UserId, number: int) -> None:
    """What a page does: find the session, find the token, now and then renew it."""
    found = rows.find(CANVAS, user)
    assert found is not None
    lease = rows.lease(CANVAS, user, found.generation, f"owner {user}")
    assert isinstance(lease, RefreshLease)
    access = f"access {number}"
    assert rows.settle(
        lease, access_token=access, refresh_token=None, expires_at=None, renew_at=None, now=NOW
    )
    again = rows.find(CANVAS, user)
    assert again is not None
    assert (again.access_token, again.refresh_token) == (access, f"refresh of {user}")
    token = f"session {user} {number}"
    sessions.add(token, "context", NOW, LATER)
    assert sessions.touch(token, NOW, NOW - timedelta(hours=1)) == "context"


def _until(reached: Callable[[], bool]) -> None:
    for _ in range(3000):
        if reached():
            return
        threading.Event().wait(0.02)
    raise AssertionError("the others stand still")


def _tokens(rows: TokenRows) -> list[StoredToken]:
    found = [rows.find(CANVAS, user) for user in rows.users_of(CANVAS)]
    assert None not in found
    return [token for token in found if token is not None]
