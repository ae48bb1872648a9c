"""Tokens in use: sealed at rest, one refresh per expiry over threads and processes, revoked and forgotten."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from lti_tool.applying.answers import Outcome, Why
from lti_tool.canvas.calls import Calls
from lti_tool.canvas.client import CanvasClient, InCourse
from lti_tool.canvas.errors import AccessLost, CanvasUnavailable, KeyRejected, Throttled
from lti_tool.canvas.oauth import CanvasOAuth, Grant, OAuthKey
from lti_tool.canvas.pacing import Pace
from lti_tool.canvas.transport import Transport
from lti_tool.persistence.base import Base
from lti_tool.persistence.database import Database, make_engine
from lti_tool.persistence.encryption import SealedTextError, SecretBox, new_key
from lti_tool.persistence.tokens import RefreshLease, StoredToken, TokenKind, TokenRow, TokenRows
from lti_tool.planning.ids import AssignmentId, CanvasOrigin, CourseId, SubmissionId, UserId
from lti_tool.services.tokens import Tokens, renewal_moment
from tests.integration.canvas.conftest import UNPACED
from tests.integration.canvas.servers import Received, Reply, Stub, reply, transport_to

TEACHER = UserId("101")
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


class FakeCanvas:
    """The habits that matter here: a refresh replaces the one living token; refresh tokens can be dead."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.living = "access-0"
        self.refresh_tokens = {"refresh-0"}
        self.refreshes = 0
        self.refused = 0
        self.revoked: list[str] = []
        self.lifetime: int | None = 3600
        self.refresh_answers: list[Reply] = []
        """Said instead of the true answer, though the token was replaced."""

    def __call__(self, got: Received) -> Reply:
        with self.lock:
            if got.path == "/login/oauth2/token":
                return self._revoke(got) if got.method == "DELETE" else self._refresh(got)
            if got.headers.get("Authorization") != f"Bearer {self.living}":
                self.refused += 1
                return reply({"errors": []}, status=401, WWW_Authenticate="Bearer")
            return reply([])

    def _refresh(self, got: Received) -> Reply:
        if got.form["refresh_token"] not in self.refresh_tokens:
            error = {"error": "invalid_request", "error_description": "refresh_token not found"}
            return reply(error, status=400)
        self.refreshes += 1
        self.living = f"access-{self.refreshes}"
        if self.refresh_answers:
            return self.refresh_answers.pop(0)
        return reply({"access_token": self.living, "expires_in": self.lifetime, "user": {"id": 101}})

    def _revoke(self, got: Received) -> Reply:
        token = got.headers["Authorization"].removeprefix("Bearer ")
        if token != self.living:
            return reply({"errors": []}, status=401, WWW_Authenticate="Bearer")
        self.revoked.append(token)
        return reply({})


@dataclass
class Setting:
    """A fake Canvas on a socket, a real database file, and tokens between them."""

    canvas: FakeCanvas
    origin: CanvasOrigin
    stub: Stub
    rows: TokenRows
    tokens: Tokens
    database: Database
    url: str
    key: str
    clock: list[datetime]
    transport: Transport

    def client(self) -> CanvasClient:
        source = self.tokens.source(self.origin, TEACHER)
        return CanvasClient(Calls(self.transport, source, Pace(UNPACED), sleep=lambda _s: None))

    def stored(self) -> StoredToken:
        token = self.rows.find(self.origin, TEACHER)
        assert token is not None
        return token


@contextmanager
def setting_in(folder: Path) -> Iterator[Setting]:
    canvas, key, clock = FakeCanvas(), new_key(), [NOW]
    url = f"sqlite:///{folder / 'tokens.sqlite3'}"
    database = Database(make_engine(url))
    Base.metadata.create_all(database.engine)
    rows = TokenRows(database, SecretBox([key]))
    with Stub(canvas) as stub, transport_to(stub.origin) as transport:
        oauth = CanvasOAuth(
            transport,
            OAuthKey("10", "secret-of-the-key"),
            "https://tool.example/back",
            now=lambda: clock[0],
            sleep=lambda _s: None,
        )
        tokens = Tokens(rows, lambda _canvas: oauth, now=lambda: clock[0])
        made = Setting(canvas, stub.origin, stub, rows, tokens, database, url, key, clock, transport)
        tokens.store_oauth(stub.origin, Grant("access-0", "refresh-0", NOW + timedelta(hours=1), TEACHER), ())
        yield made
    database.dispose()


@pytest.fixture
def setting(tmp_path: Path) -> Iterator[Setting]:
    with setting_in(tmp_path) as made:
        yield made


def in_threads(count: int, work: Callable[[], object]) -> list[object]:
    """Start together, collect results and errors."""
    barrier, results = threading.Barrier(count), []

    def run() -> None:
        barrier.wait()
        try:
            results.append(work())
        except (AccessLost, CanvasUnavailable) as error:
            results.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_sixteen_threads_make_one_refresh(setting: Setting) -> None:
    setting.canvas.living = "somebody refreshed elsewhere"
    client = setting.client()

    def calls() -> int:
        return sum(client.sections(CourseId("1")) == [] for _ in range(5))

    assert in_threads(16, calls) == [5] * 16
    assert setting.canvas.refreshes == 1
    assert setting.canvas.refused <= 16
    assert setting.stored().access_token == "access-1"


WORKER = """
import sys
from lti_tool.canvas.calls import Calls
from lti_tool.canvas.client import CanvasClient
from lti_tool.canvas.oauth import CanvasOAuth, OAuthKey
from lti_tool.canvas.pacing import Pace
from lti_tool.canvas.transport import Transport
from lti_tool.outgoing import LOOPBACK
from lti_tool.persistence.database import Database, make_engine
from lti_tool.persistence.encryption import SecretBox
from lti_tool.persistence.tokens import TokenRows
from lti_tool.services.tokens import Tokens
from tests.integration.canvas.test_tokens import in_threads

url, key, origin = sys.argv[1:]
transport = Transport(origin, reach=LOOPBACK)
oauth = CanvasOAuth(transport, OAuthKey("10", "secret-of-the-key"), "https://tool.example/back")
tokens = Tokens(TokenRows(Database(make_engine(url)), SecretBox([key])), lambda _canvas: oauth)
client = CanvasClient(Calls(transport, tokens.source(origin, "101"), Pace()))
tokens.status(origin, "101")
print("ready", flush=True)
sys.stdin.readline()
print(in_threads(8, lambda: [client.sections("1") for _ in range(3)]) == [[[]] * 3] * 8)
"""


def test_two_processes_of_eight_threads_make_one_refresh(setting: Setting) -> None:
    setting.canvas.living = "somebody refreshed elsewhere"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, setting.url, setting.key, setting.origin],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    outputs = [process.communicate(timeout=60)[0].splitlines()[-1] for process in processes]
    assert outputs == ["True", "True"]
    assert setting.canvas.refreshes == 1


def test_renewing_a_token_that_was_replaced_meanwhile_asks_nobody(setting: Setting) -> None:
    assert setting.tokens.renew(setting.origin, TEACHER, "an older token") == "access-0"
    assert setting.canvas.refreshes == 0


def test_a_token_is_renewed_before_its_end(setting: Setting) -> None:
    setting.clock[0] = NOW + timedelta(minutes=57)
    assert setting.tokens.access_token(setting.origin, TEACHER) == "access-0"
    setting.clock[0] = NOW + timedelta(minutes=58)
    assert setting.tokens.access_token(setting.origin, TEACHER) == "access-1"
    assert setting.stored().expires_at == NOW + timedelta(minutes=118)
    assert setting.stored().refresh_token == "refresh-0"


def test_a_token_that_is_still_good_serves_while_canvas_cannot_renew(setting: Setting) -> None:
    setting.clock[0] = NOW + timedelta(minutes=59)
    setting.canvas.refresh_answers = [Reply(503, {"Content-Type": "text/html"}, b"")] * 6
    assert setting.tokens.access_token(setting.origin, TEACHER) == "access-0"
    setting.clock[0] = NOW + timedelta(minutes=61)
    with pytest.raises(CanvasUnavailable):
        setting.tokens.access_token(setting.origin, TEACHER)


def test_short_lived_tokens_are_not_renewed_all_the_time() -> None:
    assert renewal_moment(NOW, NOW + timedelta(seconds=8)) == NOW + timedelta(seconds=6)
    assert renewal_moment(NOW, NOW + timedelta(hours=1)) == NOW + timedelta(minutes=58)
    assert renewal_moment(NOW, None) is None


@pytest.mark.parametrize(
    "lost",
    [
        Reply(act=lambda connection: connection.close()),
        Reply(502, {"Content-Type": "text/html"}, b""),
        reply({"access_token": None, "expires_in": 3600}),
        Reply(429, {"Content-Type": "text/plain"}, b"Rate Limit Exceeded"),
    ],
    ids=["answer lost", "gateway", "null token", "throttled"],
)
def test_a_lost_refresh_answer_is_asked_for_again(setting: Setting, lost: Reply) -> None:
    setting.canvas.refresh_answers = [lost]
    assert setting.tokens.renew(setting.origin, TEACHER, "access-0") == "access-2"
    assert setting.stored().access_token == "access-2"


def test_a_refresh_that_stays_throttled_changes_nothing_and_ends_its_lease(setting: Setting) -> None:
    setting.canvas.refresh_answers = [Reply(403, {"Content-Type": "text/plain"}, b"Rate Limit Exceeded")] * 3
    with pytest.raises(Throttled):
        setting.tokens.renew(setting.origin, TEACHER, "access-0")
    assert not setting.stored().dead
    assert setting.tokens.renew(setting.origin, TEACHER, "access-0") == "access-4"


def test_a_dead_refresh_token_is_tried_once_and_then_remembered(setting: Setting) -> None:
    setting.canvas.refresh_tokens.clear()
    setting.canvas.living = "none"
    results = in_threads(8, lambda: setting.client().sections(CourseId("1")))
    assert all(isinstance(result, AccessLost) for result in results)
    asked = [got for got in setting.stub.received if got.path == "/login/oauth2/token"]
    assert len(asked) == 1
    status = setting.tokens.status(setting.origin, TEACHER)
    assert status.needs_reconnect
    assert not status.usable


def test_a_write_with_a_dead_refresh_token_is_provably_not_done(setting: Setting) -> None:
    setting.canvas.refresh_tokens.clear()
    setting.canvas.living = "none"
    said = setting.client().create_peer_review(
        InCourse(CourseId("1")),
        AssignmentId("2"),
        SubmissionId("3"),
        author=UserId("4"),
        reviewer=UserId("5"),
    )
    assert (said.outcome, said.why) == (Outcome.NOT_DONE, Why.ACCESS_LOST)


def test_a_rejected_key_does_not_kill_the_grant(setting: Setting) -> None:
    setting.canvas.refresh_answers = [reply({"error": "invalid_client"}, status=401)]
    with pytest.raises(KeyRejected, match="administrator"):
        setting.tokens.renew(setting.origin, TEACHER, "access-0")
    assert not setting.stored().dead


def test_reconnecting_after_a_withdrawal_works_and_ends_the_earlier_grant(setting: Setting) -> None:
    setting.canvas.living = "access-0"
    grant = Grant("access-9", "refresh-9", NOW + timedelta(hours=1), TEACHER)
    setting.tokens.store_oauth(setting.origin, grant, ("a", "b"))
    assert setting.canvas.revoked == ["access-0"]
    assert setting.stored().access_token == "access-9"
    assert setting.stored().generation == 2


def test_forgetting_ends_the_grant_even_when_the_access_token_has_expired(setting: Setting) -> None:
    setting.canvas.living = "expired meanwhile"
    assert setting.tokens.forget(setting.origin, TEACHER)
    assert setting.canvas.revoked == ["access-1"]
    assert setting.rows.find(setting.origin, TEACHER) is None
    with pytest.raises(AccessLost):
        setting.tokens.access_token(setting.origin, TEACHER)


def test_a_personal_token_is_forgotten_but_never_revoked(setting: Setting) -> None:
    setting.tokens.store_personal(setting.origin, UserId("7"), "access-0")
    assert setting.tokens.forget(setting.origin, UserId("7"))
    assert setting.canvas.revoked == []
    assert setting.rows.find(setting.origin, UserId("7")) is None


def test_a_personal_token_that_canvas_refuses_is_dead(setting: Setting) -> None:
    setting.tokens.store_personal(setting.origin, UserId("7"), "typed-in")
    with pytest.raises(AccessLost):
        setting.tokens.renew(setting.origin, UserId("7"), "typed-in")
    assert setting.tokens.status(setting.origin, UserId("7")).needs_reconnect


def test_a_lease_of_a_killed_process_ends_by_itself(setting: Setting) -> None:
    lease = setting.rows.lease(setting.origin, TEACHER, 1, "killed")
    assert isinstance(lease, RefreshLease)
    assert setting.rows.lease(setting.origin, TEACHER, 1, "waiting") is None
    with setting.database.begin() as session:
        row = session.get_one(TokenRow, (setting.origin, TEACHER))
        assert row.lease_until is not None
        row.lease_until -= timedelta(minutes=10)
    assert setting.tokens.renew(setting.origin, TEACHER, "access-0") == "access-1"
    late = setting.rows.settle(
        lease, access_token="late", refresh_token=None, expires_at=None, renew_at=None, now=NOW
    )
    assert not late
    assert setting.stored().access_token == "access-1"


def test_who_comes_too_late_for_a_lease_gets_the_new_token(setting: Setting) -> None:
    """Looked at before, asked after another process stored a newer one: no second refresh."""
    seen = setting.stored().generation
    setting.tokens.renew(setting.origin, TEACHER, "access-0")
    found = setting.rows.lease(setting.origin, TEACHER, seen, "late")
    assert isinstance(found, StoredToken)
    assert found.access_token == "access-1"


def test_no_transaction_is_open_while_canvas_is_asked(setting: Setting) -> None:
    """The journal can write although a refresh hangs: the refresh answer itself writes to the database."""
    written = []

    def write_meanwhile(_connection: object) -> None:
        with setting.database.begin() as session:
            session.execute(text("CREATE TABLE meanwhile (x INTEGER)"))
        written.append(True)

    setting.canvas.refresh_answers = [Reply(act=write_meanwhile)]
    assert setting.tokens.renew(setting.origin, TEACHER, "access-0") == "access-2"
    assert written == [True]


def test_nothing_readable_is_stored(setting: Setting, tmp_path: Path) -> None:
    setting.tokens.renew(setting.origin, TEACHER, "access-0")
    setting.database.dispose()
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert TEACHER.encode() in content
    for secret in (b"access-0", b"access-1", b"refresh-0", b"secret-of-the-key"):
        assert secret not in content


def test_a_row_copied_to_another_person_does_not_open(setting: Setting) -> None:
    setting.tokens.store_personal(setting.origin, UserId("7"), "own")
    with setting.database.begin() as session:
        session.execute(
            text(
                "UPDATE canvas_token SET sealed_access = "
                "(SELECT sealed_access FROM canvas_token WHERE user_id = '101') WHERE user_id = '7'"
            )
        )
    with pytest.raises(SealedTextError):
        setting.rows.find(setting.origin, UserId("7"))
    with pytest.raises(AccessLost, match="cannot be opened"):
        setting.tokens.access_token(setting.origin, UserId("7"))


def test_after_a_lost_key_one_can_connect_again_or_forget(setting: Setting) -> None:
    """The operator lost the key file: nobody is stuck, everybody reconnects."""
    rows = TokenRows(setting.database, SecretBox([new_key()]))
    tokens = Tokens(rows, lambda _canvas: None, now=lambda: NOW)
    assert tokens.status(setting.origin, TEACHER).needs_reconnect
    assert not tokens.forget(setting.origin, TEACHER)
    setting.tokens.store_personal(setting.origin, TEACHER, "sealed with the lost key")
    tokens.store_personal(setting.origin, TEACHER, "new")
    assert tokens.access_token(setting.origin, TEACHER) == "new"


def test_a_missing_scope_asks_for_a_new_connection(setting: Setting) -> None:
    status = setting.tokens.status(setting.origin, TEACHER)
    assert status.kind is TokenKind.OAUTH
    assert status.needs_reconnect
    assert status.missing_scopes


def test_no_secret_is_in_any_representation(setting: Setting) -> None:
    grant = Grant("access-0", "refresh-0", None, TEACHER)
    lease = setting.rows.lease(setting.origin, TEACHER, 1, "me")
    shown = repr((grant, setting.stored(), lease, OAuthKey("10", "secret-of-the-key")))
    for secret in ("access-0", "refresh-0", "secret-of-the-key"):
        assert secret not in shown
