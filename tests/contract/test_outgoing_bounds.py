"""Every call that leaves the machine, against servers that want to hold it or fill its memory.

The table of callers is held against the sources: a module that opens connections and is not in it fails here.
"""

from __future__ import annotations

import ast
import gzip
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from lti_tool.canvas import key_check, oauth
from lti_tool.canvas.calls import Calls
from lti_tool.canvas.client import CanvasClient
from lti_tool.canvas.errors import CanvasError
from lti_tool.canvas.oauth import CanvasOAuth, OAuthKey
from lti_tool.canvas.pacing import Lane, Pace
from lti_tool.canvas.transport import Limits, SendFailed, Transport, WireRequest
from lti_tool.lti import grade_service
from lti_tool.lti.dynamic_registration import PlatformRefused, read_configuration, register_tool
from lti_tool.lti.grade_service import GradeService, ServiceTokens
from lti_tool.lti.grades import GRADE_SCOPES, Column, GradeClaim, GradeServiceFailed
from lti_tool.lti.key_sets import KeySets, KeysUnavailable
from lti_tool.lti.registration import Registration
from lti_tool.outgoing import LOOPBACK, Bounds, DocumentUnavailable, documents, exchange_json
from lti_tool.planning.ids import CanvasOrigin, CourseId
from lti_tool.services import public_face
from lti_tool.services.connecting import GivenToken
from lti_tool.settings import Settings

ROOT = Path(__file__).parents[2]
SHORT = Bounds(connect_s=0.4, read_s=0.4, total_s=0.4, body_bytes=50_000)
LIMITS = Limits(connect_timeout_s=0.4, read_timeout_s=0.4, total_timeout_s=0.4, body_bytes=50_000)
SLACK_S = 1.5
"""For a busy machine; without bounds each of these servers holds a caller for minutes."""
MEMORY_BYTES = 8_000_000
TROUBLES = (
    CanvasError,
    SendFailed,
    KeysUnavailable,
    DocumentUnavailable,
    PlatformRefused,
    GradeServiceFailed,
)


# --- callers ---------------------------------------------------------------------------------------------


def transport_to(origin: str) -> Transport:
    return Transport(CanvasOrigin(origin), limits=LIMITS, reach=LOOPBACK)


def registered(origin: str) -> Registration:
    fields = {
        "issuer": origin,
        "client_id": "7",
        "auth_login_url": f"{origin}/auth",
        "auth_token_url": f"{origin}/login/oauth2/token",
        "key_set_url": f"{origin}/jwks",
        "deployment_ids": ("1:one",),
        "canvas_origin": origin,
    }
    return Registration.model_validate(fields, context={"allow_http_loopback": True})


def signing_keys() -> Any:
    key = rsa.generate_private_key(65537, 2048)
    shape = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    pem = key.private_bytes(*shape).decode()
    return SimpleNamespace(current=lambda: SimpleNamespace(kid="k", private_pem=pem))


KEYS = signing_keys()


class AnyToken(ServiceTokens):
    """A token is there already, so that the call itself is what meets the server."""

    def get(self, key: str) -> str | None:
        return "token"


def grades_of(origin: str, tokens: ServiceTokens) -> GradeService:
    claim = GradeClaim(f"{origin}/api/lti/courses/1/line_items", GRADE_SCOPES)
    return GradeService(registered(origin), claim, KEYS, tokens, LOOPBACK)


def oauth_of(origin: str) -> CanvasOAuth:
    return CanvasOAuth(transport_to(origin), OAuthKey("1", "s"), "https://t.example/b", sleep=lambda _s: None)


def person_of(origin: str) -> None:
    calls = Calls(transport_to(origin), GivenToken("t"), Pace(), lane=Lane.PAGE, sleep=lambda _s: None)
    CanvasClient(calls).self_user()


def configuration(origin: str) -> Any:
    return SimpleNamespace(registration_endpoint=f"{origin}/register")


def at_short_notice(*args: Any, **named: Any) -> Any:
    """A registration may take 20 seconds."""
    return exchange_json(*args, **(named | {"total_s": SHORT.total_s}))


def face_of(origin: str) -> None:
    settings = Settings(public_url=origin, allow_http_loopback=True)
    if public_face.look_from_outside(settings, registered(origin)) is None:
        raise DocumentUnavailable("no page")


def refused_or_none(found: object) -> None:
    """For callers that answer instead of raising."""
    if found in (False, None):
        raise DocumentUnavailable("no")


def checked(origin: str) -> None:
    found = key_check.check_key(transport_to(origin), OAuthKey("1", "s"), "https://t.example/b")
    assert found.trouble in (None, key_check.KeyTrouble.UNREACHABLE)
    refused_or_none(None)


@dataclass(frozen=True)
class Caller:
    """``module`` opens the connection; ``tries``: so often it asks before it gives up."""

    module: str
    call: Callable[[str], object]
    tries: int = 1


def column(origin: str) -> Column:
    return Column(f"{origin}/api/lti/courses/1/line_items/5", "Reviews", 10.0)


CALLERS: dict[str, Caller] = {
    "a call of Canvas's API": Caller(
        "canvas/transport.py", lambda at: transport_to(at).send(WireRequest("GET", "/api/v1/x"), token="t")
    ),
    "a read with patience": Caller("canvas/transport.py", person_of, tries=3),
    "a write": Caller(
        "canvas/transport.py", lambda at: transport_to(at).send(WireRequest("POST", "/api/v1/x"), token="t")
    ),
    "the code exchange": Caller("canvas/oauth_session.py", lambda at: oauth_of(at).exchange("c", "v" * 43)),
    "a refresh": Caller("canvas/oauth_session.py", lambda at: oauth_of(at).refresh("r"), tries=3),
    "a revocation": Caller("canvas/oauth_session.py", lambda at: refused_or_none(oauth_of(at).revoke("t"))),
    "the check of a key": Caller("canvas/oauth_session.py", checked, tries=2),
    "a key set": Caller("outgoing/documents.py", lambda at: KeySets(reach=LOOPBACK).find(f"{at}/k", "kid")),
    "a document": Caller("outgoing/documents.py", lambda at: exchange_json(f"{at}/d", LOOPBACK)),
    "a platform's configuration": Caller(
        "outgoing/documents.py",
        lambda at: read_configuration(f"{at}/c", "t", LOOPBACK, allow_http_loopback=True),
    ),
    "a registration": Caller(
        "outgoing/documents.py",
        lambda at: register_tool(cast(Any, configuration(at)), "t", {}, LOOPBACK, exchange=at_short_notice),
    ),
    "a service token": Caller(
        "lti/grade_service.py", lambda at: grades_of(at, ServiceTokens()).find("resource")
    ),
    "a search for a column": Caller("lti/grade_service.py", lambda at: grades_of(at, AnyToken()).find("r")),
    "a column's results": Caller(
        "lti/grade_service.py", lambda at: grades_of(at, AnyToken()).results(column(at))
    ),
    "a new column": Caller(
        "lti/grade_service.py", lambda at: grades_of(at, AnyToken()).create("r", "label", 10.0)
    ),
    "the doctor's look from outside": Caller("services/public_face.py", face_of),
}


def test_every_module_that_opens_connections_is_in_the_table() -> None:
    engines = {"requests", "urllib3", "urllib.request", "http.client", "aiohttp", "httpx"}
    helpers = {"reasons.py", "bounds.py", "connections.py"}  # parts of the transport itself
    found = set()
    for file in (ROOT / "lti_tool").rglob("*.py"):
        where = file.relative_to(ROOT / "lti_tool").as_posix()
        if where.startswith(("simulator/", "cli/demonstration.py")):
            continue  # the simulated Canvas, and the demo that plays a browser in front of it
        for node in ast.walk(ast.parse(file.read_text())):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            if engines & set(names) and file.name not in helpers:
                found.add(where)
    speaking = {caller.module for caller in CALLERS.values()} | {"canvas/oauth.py"}
    assert found <= speaking, "bound the connections of these modules, and add them to CALLERS"


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oauth, "LIMITS", LIMITS)
    monkeypatch.setattr(key_check, "LIMITS", LIMITS)
    monkeypatch.setattr(documents, "BOUNDS", SHORT)
    monkeypatch.setattr(grade_service, "BOUNDS", SHORT)
    monkeypatch.setattr(public_face, "BOUNDS", SHORT)
    for function in (KeySets.__init__, exchange_json):
        monkeypatch.setitem(cast(dict[str, Any], function.__kwdefaults__), "total_s", SHORT.total_s)


# --- servers ---------------------------------------------------------------------------------------------

OPENED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def never(_connection: socket.socket, over: threading.Event) -> None:
    """Takes the request and says nothing."""
    over.wait()


def trickle_headers(connection: socket.socket, over: threading.Event) -> None:
    """Headers one by one, for ever."""
    connection.sendall(OPENED)
    while not over.wait(0.03):
        connection.sendall(b"X")


def trickle_body(connection: socket.socket, over: threading.Event) -> None:
    """A byte now and then, of a body that says how long it will be."""
    connection.sendall(OPENED + b"Content-Length: 40000\r\n\r\n")
    while not over.wait(0.03):
        connection.sendall(b" ")


def trickle_pieces(connection: socket.socket, over: threading.Event) -> None:
    """The same in pieces whose end is never told."""
    connection.sendall(OPENED + b"Transfer-Encoding: chunked\r\n\r\n")
    while not over.wait(0.03):
        connection.sendall(b"1\r\n \r\n")


def one_moment_please(connection: socket.socket, over: threading.Event) -> None:
    """Interim answers without an end."""
    while not over.is_set():
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")


def endless_body(connection: socket.socket, over: threading.Event) -> None:
    """As fast as it can, without a length and without an end."""
    connection.sendall(OPENED + b"Connection: close\r\n\r\n")
    while not over.is_set():
        connection.sendall(b" " * 65_536)


BOMB = gzip.compress(b" " * 200_000_000, 9)
"""200 kB that become 200 MB."""


def gzip_bomb(connection: socket.socket, over: threading.Event) -> None:
    """A small answer that is a large one."""
    length = f"Content-Length: {len(BOMB)}\r\n\r\n".encode()
    connection.sendall(OPENED + b"Content-Encoding: gzip\r\n" + length + BOMB)
    over.wait(0.2)


def bomb_in_a_bomb(connection: socket.socket, over: threading.Event) -> None:
    """The same, wrapped once more."""
    twice = gzip.compress(BOMB)
    length = f"Content-Length: {len(twice)}\r\n\r\n".encode()
    connection.sendall(OPENED + b"Content-Encoding: gzip, gzip\r\n" + length + twice)
    over.wait(0.2)


def cut_off(connection: socket.socket, _over: threading.Event) -> None:
    """Half of what it promised."""
    connection.sendall(OPENED + b"Content-Length: 400\r\n\r\n[]")


SERVERS = (
    never,
    trickle_headers,
    trickle_body,
    trickle_pieces,
    one_moment_please,
    endless_body,
    gzip_bomb,
    bomb_in_a_bomb,
    cut_off,
)
Act = Callable[[socket.socket, threading.Event], None]


@contextmanager
def served(act: Act) -> Iterator[tuple[str, list[bytes]]]:
    """A server that does this with each connection; gives its origin, and the first line of each request."""
    over, lines = threading.Event(), list[bytes]()

    def handle(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            request = connection.recv(65_536)
            lines.append(request.partition(b"\r\n")[0])
            act(connection, over)

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=handle, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0), backlog=50) as listener:
        threading.Thread(target=accept, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", lines
        finally:
            over.set()
            listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("server", SERVERS, ids=lambda act: act.__name__)
@pytest.mark.parametrize("name", CALLERS)
def test_no_server_holds_a_caller_or_fills_its_memory(name: str, server: Act) -> None:
    caller = CALLERS[name]
    with served(server) as (origin, _):
        tracemalloc.start()
        began = time.monotonic()
        try:
            with pytest.raises(TROUBLES) as caught:
                caller.call(origin)
            seconds = time.monotonic() - began
            memory = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert seconds < caller.tries * SHORT.total_s + SLACK_S
    assert memory < MEMORY_BYTES
    assert "Error" not in str(caught.value), "words, not the name of an exception"


@pytest.mark.parametrize("name", CALLERS)
def test_no_caller_follows_a_redirect(name: str) -> None:
    with served(never) as (elsewhere, asked):

        def away(connection: socket.socket, _over: threading.Event) -> None:
            to = f"Location: {elsewhere}/stolen\r\nContent-Length: 0\r\n\r\n"
            connection.sendall(b"HTTP/1.1 307 Temporary Redirect\r\n" + to.encode())

        with served(away) as (origin, _), suppress(*TROUBLES):
            CALLERS[name].call(origin)
        assert asked == []


def test_a_connection_that_was_kept_is_bounded_too() -> None:
    """The first answer is good and keeps the connection; the second trickles."""

    def act(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(OPENED + b"Content-Length: 2\r\n\r\n[]")
        connection.recv(65_536)
        trickle_headers(connection, over)

    with served(act) as (origin, lines):
        transport = transport_to(origin)
        assert transport.send(WireRequest("GET", "/first")).body == b"[]"
        began = time.monotonic()
        with pytest.raises(SendFailed, match="took longer"):
            transport.send(WireRequest("GET", "/second"))
        assert time.monotonic() - began < SHORT.total_s + SLACK_S
        assert len(lines) == 1, "one connection served both"


def test_a_resolver_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: over.wait(20))
    began = time.monotonic()
    try:
        with pytest.raises(SendFailed) as caught:
            transport_to("https://canvas.example.edu").send(WireRequest("GET", "/"))
        assert not caught.value.bytes_left
        with pytest.raises(DocumentUnavailable):
            exchange_json("https://canvas.example.edu/k", LOOPBACK)
    finally:
        over.set()
    assert time.monotonic() - began < 2 * SHORT.total_s + SLACK_S


def test_a_course_is_read_within_the_bounds_of_its_transport() -> None:
    """The whole client over a trickling Canvas: each try ends, and so does the read."""
    with served(trickle_body) as (origin, _):
        calls = Calls(transport_to(origin), GivenToken("t"), Pace(), lane=Lane.PAGE, sleep=lambda _s: None)
        with pytest.raises(CanvasError):
            CanvasClient(calls).sections(CourseId("1"))
