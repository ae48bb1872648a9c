"""The wire to Canvas is TLS, with a certificate that is trusted and of the right name, or no byte leaves."""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask, Response, request
from werkzeug.serving import make_server

from lti_tool.canvas.transport import SendFailed, Transport, WireRequest
from lti_tool.outgoing import Reach
from lti_tool.planning.ids import CanvasOrigin
from tests.certificates import certificate


@dataclass
class Server:
    """One https server on this machine, and what reached it."""

    port: int
    bundle: Path
    seen: list[str | None]

    def transport(self, host: str = "localhost", *, trusted: bool = True) -> Transport:
        return Transport(
            CanvasOrigin(f"https://{host}:{self.port}"),
            verify=str(self.bundle) if trusted else True,
            reach=Reach(networks=(ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))),
        )


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    public, private = certificate(tmp_path)
    app, seen = Flask(__name__), list[str | None]()

    @app.get("/api/v1/users/self")
    def self_user() -> Response:
        seen.append(request.headers.get("Authorization"))
        return Response('{"id": "1"}', mimetype="application/json")

    running = make_server("127.0.0.1", 0, app, threaded=True, ssl_context=(str(public), str(private)))
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    yield Server(running.port, public, seen)
    running.shutdown()
    thread.join()
    running.server_close()


ASK = WireRequest("GET", "/api/v1/users/self")


def test_a_trusted_certificate_of_the_right_name_is_spoken_to(server: Server) -> None:
    transport = server.transport()
    for _ in range(2):
        answer = transport.send(ASK, token="t0ken")
        assert (answer.status, answer.body) == (200, b'{"id": "1"}')
    assert server.seen == ["Bearer t0ken"] * 2
    transport.close()


@pytest.mark.parametrize(("host", "trusted"), [("localhost", False), ("127.0.0.1", True)])
def test_an_unknown_certificate_or_another_name_gets_no_token(
    server: Server, host: str, trusted: bool
) -> None:
    with pytest.raises(SendFailed) as failed:
        server.transport(host, trusted=trusted).send(ASK, token="t0ken")
    assert not failed.value.bytes_left, "so that a write is known not to be done"
    assert server.seen == []
