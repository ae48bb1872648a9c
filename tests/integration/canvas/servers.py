"""Servers on loopback for tests of the client: a stub that says what a test wants, and the simulator."""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from flask import Flask
from werkzeug.serving import make_server

from lti_tool.canvas.transport import Limits, Transport
from lti_tool.outgoing import LOOPBACK
from lti_tool.planning.ids import CanvasOrigin
from lti_tool.simulator.app import create_simulator
from lti_tool.simulator.state import CanvasState

JSON = {"Content-Type": "application/json; charset=utf-8"}
SMALL = Limits(body_bytes=200_000)
"""Real patience, so that a busy machine fails no test; tests of timeouts choose their own."""


@dataclass(frozen=True)
class Received:
    """One request as the stub saw it."""

    method: str
    target: str
    headers: Mapping[str, str]
    form: dict[str, str]
    peer: int
    """The client's port: one per connection."""

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query))


@dataclass(frozen=True)
class Reply:
    """What the stub answers. ``act`` instead gets the raw connection and does what it likes."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: dict(JSON))
    body: bytes = b"[]"
    act: Callable[[socket.socket], None] | None = None


def reply(document: object, status: int = 200, **headers: str) -> Reply:
    """A JSON answer; header names with underscores for hyphens."""
    extra = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, JSON | extra, json.dumps(document).encode())


class Stub:
    """A server whose answers are a function of the request; keeps what it received."""

    def __init__(self, answer: Callable[[Received], Reply]) -> None:
        self.answer = answer
        self.received: list[Received] = []
        self.finished = threading.Event()
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 5
            wbufsize = -1

            def handle_any(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                form = dict(parse_qsl(self.rfile.read(length).decode()))
                got = Received(
                    self.command, self.path, dict(self.headers.items()), form, self.client_address[1]
                )
                stub.received.append(got)
                said = stub.answer(got)
                if said.act is not None:
                    said.act(self.connection)
                    self.close_connection = True
                    return
                self.send_response(said.status)
                for name, value in said.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(said.body)))
                self.end_headers()
                self.wfile.write(said.body)

            do_GET = do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815 - names of http.server

            def log_message(self, format: str, *args: object) -> None:
                """Quiet."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: object, client_address: object) -> None:
                """The client may go away first; that is what some tests are about."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self.origin = CanvasOrigin(f"http://127.0.0.1:{self._server.server_address[1]}")

    def __enter__(self) -> Stub:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.finished.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def transport_to(origin: CanvasOrigin, limits: Limits = SMALL) -> Iterator[Transport]:
    """A transport that is closed afterwards."""
    transport = Transport(origin, limits=limits, reach=LOOPBACK)
    try:
        yield transport
    finally:
        transport.close()


@contextmanager
def serving(app_of: Callable[[CanvasOrigin], Flask]) -> Iterator[CanvasOrigin]:
    """Serve an app that wants to know its own address."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        origin = CanvasOrigin(f"http://127.0.0.1:{listener.getsockname()[1]}")
        server = make_server(
            "127.0.0.1", listener.getsockname()[1], app_of(origin), threaded=True, fd=listener.fileno()
        )
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield origin
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


@contextmanager
def simulated_canvas(state: CanvasState) -> Iterator[CanvasOrigin]:
    """The simulator over a real socket."""
    with serving(lambda origin: create_simulator(state, base_url=origin)) as origin:
        yield origin
