"""Sessions, one-time secrets and the tool's keys on real databases, with a clock that a test moves."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
import pytest
from pydantic import TypeAdapter

from lti_tool.lti.context import LaunchContext
from lti_tool.lti.keys import PUBLISHED_AFTER_ROTATION, PUBLISHED_BEFORE_SIGNING, ToolKeys
from lti_tool.lti.launching import hashed
from lti_tool.lti.sessions import Sessions
from lti_tool.persistence import schema
from lti_tool.persistence.database import Database, make_engine
from lti_tool.persistence.encryption import SealedTextError, SecretBox, new_key
from lti_tool.persistence.launches import OneTimeRows, SessionRows, ToolKeyRows
from lti_tool.persistence.lti_rows import OneTimeSecretRow, SessionRow, ToolKeyRow
from tests.integration.databases.servers import running_postgres
from tests.integration.lti.scene import Stage, data_attributes

CONTEXT = LaunchContext(
    issuer="https://canvas.instructure.com",
    client_id="1",
    deployment_id="1:one",
    canvas_origin="https://canvas.example.edu",
    user_id="9007199254740993",
    lti_user_id="opaque",
    user_name="Rosa Okafor",
    context_id="opaque-course",
    course_id="7",
    course_name="Writing",
    roles=("Instructor",),
    is_instructor=True,
    locale="de",
    time_zone="Europe/Berlin",
    high_contrast=False,
    post_message_token="t",
    platform_origin="https://canvas.example.edu",
)
IDLE, ABSOLUTE = timedelta(hours=8), timedelta(hours=24)


class Clock:
    """A moment that a test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 20, 9, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **span: float) -> None:
        self.now += timedelta(**span)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    on_server = request.param == "postgresql"
    engine = make_engine(
        running_postgres().database() if on_server else f"sqlite:///{tmp_path / 'tool.sqlite3'}"
    )
    schema.upgrade(engine)
    opened = Database(engine)
    yield opened
    opened.dispose()


@pytest.fixture
def box() -> SecretBox:
    return SecretBox([new_key()])


@pytest.fixture
def sessions(database: Database, box: SecretBox, clock: Clock) -> Sessions:
    return Sessions(SessionRows(database, box), clock, idle=IDLE, absolute=ABSOLUTE)


def test_a_session_gives_its_launch_back_whole(sessions: Sessions) -> None:
    token = sessions.open(CONTEXT)
    assert sessions.authenticate(token) == CONTEXT


def test_each_session_is_one_launch(sessions: Sessions) -> None:
    other = replace(CONTEXT, course_id="8", is_instructor=False, roles=("Learner",))
    first, second = sessions.open(CONTEXT), sessions.open(other)
    assert first != second
    assert (sessions.authenticate(first), sessions.authenticate(second)) == (CONTEXT, other)


@pytest.mark.parametrize("token", ["", "x", "a" * 43, "\ud800", "x" * 100_000])
def test_an_unknown_token_is_nobody(sessions: Sessions, token: str) -> None:
    sessions.open(CONTEXT)
    assert sessions.authenticate(token) is None


def test_silence_ends_a_session(sessions: Sessions, clock: Clock) -> None:
    token = sessions.open(CONTEXT)
    clock.pass_(hours=8, seconds=-1)
    assert sessions.authenticate(token) is not None
    clock.pass_(hours=8, seconds=-1)
    assert sessions.authenticate(token) is not None, "each visit begins the silence anew"
    clock.pass_(hours=8)
    assert sessions.authenticate(token) is None


def test_a_day_ends_a_session_however_busy(sessions: Sessions, clock: Clock) -> None:
    token = sessions.open(CONTEXT)
    for _ in range(23):
        clock.pass_(hours=1)
        assert sessions.authenticate(token) is not None
    clock.pass_(hours=1)
    assert sessions.authenticate(token) is None


def test_a_closed_session_is_over_and_the_others_go_on(sessions: Sessions) -> None:
    token, other = sessions.open(CONTEXT), sessions.open(CONTEXT)
    sessions.close(token)
    assert sessions.authenticate(token) is None
    assert sessions.authenticate(other) == CONTEXT


def test_a_session_of_an_earlier_version_is_over(
    database: Database, box: SecretBox, clock: Clock, sessions: Sessions
) -> None:
    """Also one that could be read: before, person and course were whatever a link said."""
    believed = json.loads(TypeAdapter(LaunchContext).dump_json(CONTEXT))
    del believed["context_id"]
    for number, stored in enumerate(({"user": "1"}, believed)):
        rows = SessionRows(database, box)
        rows.add(hashed(f"old-{number}"), json.dumps(stored), clock(), clock() + ABSOLUTE)
        assert sessions.authenticate(f"old-{number}") is None


def test_what_a_launch_said_is_lost_with_the_key_and_nothing_breaks(
    database: Database, box: SecretBox, clock: Clock, sessions: Sessions
) -> None:
    token = sessions.open(CONTEXT)
    OneTimeRows(database, box).add("a", "body", clock(), clock() + timedelta(minutes=1))
    other = SecretBox([new_key()])
    assert (
        Sessions(SessionRows(database, other), clock, idle=IDLE, absolute=ABSOLUTE).authenticate(token)
        is None
    )
    assert OneTimeRows(database, other).spend("a", clock()) is None


def test_sessions_that_are_over_are_erased(database: Database, clock: Clock, sessions: Sessions) -> None:
    gone = sessions.open(CONTEXT)
    clock.pass_(hours=25)
    sessions.open(CONTEXT)
    with database.read() as session:
        assert session.get(SessionRow, hashed(gone)) is None


def test_one_time_secrets_are_spent_once_and_in_time(
    database: Database, box: SecretBox, clock: Clock
) -> None:
    rows = OneTimeRows(database, box)
    rows.add("a", "body", clock(), clock() + timedelta(minutes=1))
    assert rows.spend("a", clock()) == "body"
    assert rows.spend("a", clock()) is None
    rows.add("b", "body", clock(), clock() + timedelta(minutes=1))
    clock.pass_(minutes=1)
    assert rows.spend("b", clock()) is None
    rows.add("c", "body", clock(), clock() + timedelta(minutes=1))
    with database.read() as session:
        assert session.get(OneTimeSecretRow, "b") is None, "nobody sweeps up but the next login"


def test_of_many_who_spend_a_secret_at_once_one_gets_it(
    database: Database, box: SecretBox, clock: Clock
) -> None:
    rows = OneTimeRows(database, box)
    rows.add("a", "body", clock(), clock() + timedelta(minutes=1))
    start, got = threading.Barrier(8), []

    def spend() -> None:
        start.wait()
        got.append(rows.spend("a", clock()))

    threads = [threading.Thread(target=spend) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found or "" for found in got) == [""] * 7 + ["body"]


def test_no_secret_of_a_launch_stands_in_the_database(tool: Stage) -> None:
    visitor = tool.visitor()
    begun = visitor.login()
    token = tool.token(begun)
    page = visitor.post(state=begun.state, id_token=token).text
    files = [tool.database_file, tool.database_file.with_name(tool.database_file.name + "-wal")]
    waiting = b"".join(file.read_bytes() for file in files if file.exists())
    session = visitor.session(page).get_json()["token"]
    content = waiting + b"".join(file.read_bytes() for file in files if file.exists())
    assert hashed(session).encode() in content, "the session is there, by its hash"
    code = data_attributes(page)["code"]
    for secret in (begun.state, begun.asked["nonce"], begun.attributes["binding"], code, session, token):
        assert secret.encode() not in content
    assert b"Rosa Okafor" not in content, "names are sealed: a launch waits and a session lives without them"


# --- the tool's own keys ---


def test_keys_are_made_once_and_rotated_with_overlap(database: Database, clock: Clock) -> None:
    keys = ToolKeys(ToolKeyRows(database, SecretBox([new_key()])), clock)
    first = keys.current()
    assert keys.current().kid == first.kid
    signed = jwt.encode({"sub": "x"}, first.private_pem, "RS256", {"kid": first.kid})
    clock.pass_(hours=1)
    keys.rotate()
    assert keys.current().kid == first.kid, "caches may not know the new one yet"
    clock.pass_(seconds=PUBLISHED_BEFORE_SIGNING.total_seconds())
    second = keys.current()
    assert second.kid != first.kid
    published = {key["kid"]: key for key in keys.public_set()["keys"]}
    assert set(published) == {first.kid, second.kid}
    assert jwt.decode(signed, jwt.PyJWK(published[first.kid]), ["RS256"]) == {"sub": "x"}
    clock.pass_(seconds=PUBLISHED_AFTER_ROTATION.total_seconds())
    assert [key["kid"] for key in keys.public_set()["keys"]] == [second.kid]
    third = keys.rotate()
    with database.read() as session:
        assert {row.kid for row in session.query(ToolKeyRow)} == {second.kid, third}, "the first is erased"


def test_the_private_half_is_sealed_and_bound_to_its_row(database: Database, clock: Clock) -> None:
    keys = ToolKeys(ToolKeyRows(database, SecretBox([new_key()])), clock)
    first = keys.current()
    clock.pass_(hours=1)
    keys.rotate()
    clock.pass_(hours=1)
    second = keys.current()
    with database.begin() as session:
        rows = {row.kid: row for row in session.query(ToolKeyRow)}
        assert "PRIVATE" not in rows[first.kid].private_pem
        rows[second.kid].private_pem = rows[first.kid].private_pem
    with pytest.raises(SealedTextError):
        _ = keys.current().private_pem


def test_public_keys_are_published_even_when_the_secret_key_is_lost(database: Database, clock: Clock) -> None:
    kid = ToolKeys(ToolKeyRows(database, SecretBox([new_key()])), clock).current().kid
    without = ToolKeys(ToolKeyRows(database, SecretBox([new_key()])), clock)
    assert [key["kid"] for key in without.public_set()["keys"]] == [kid]


def test_two_processes_that_start_at_once_agree_on_one_key(database: Database, clock: Clock) -> None:
    box = SecretBox([new_key()])
    start, found = threading.Barrier(2), []

    def begin() -> None:
        start.wait()
        found.append(ToolKeys(ToolKeyRows(database, box), clock).current().kid)

    threads = [threading.Thread(target=begin) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
