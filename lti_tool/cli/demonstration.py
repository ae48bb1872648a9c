"""``demo``: simulated Canvas, tool and worker in one process, on a throw-away database.

The Canvas is at ``localhost``, the tool at ``127.0.0.1``: two sites to a browser, like the real thing, and
both count as secure without TLS.
"""

from __future__ import annotations

import shutil
import signal
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import requests
from waitress.server import create_server

from lti_tool.bootstrap import build_application, build_web, build_worker, upgrade_database
from lti_tool.canvas.endpoints import ALL_SCOPES
from lti_tool.jobs.worker import Worker
from lti_tool.logs import configure_logs
from lti_tool.lti.developer_key import CUSTOM_FIELDS
from lti_tool.lti.grades import GRADE_SCOPES
from lti_tool.settings import Settings, load_settings
from lti_tool.simulator.access import Deployment, DeveloperKey
from lti_tool.simulator.app import create_simulator
from lti_tool.simulator.courses import ALL_KINDS, CourseKind, build_state
from lti_tool.simulator.habits import Habits
from lti_tool.simulator.state import CanvasState

LTI_CLIENT, API_CLIENT, DEPLOYMENT = "10000000000001", "10000000000002", "1:demo"
API_SECRET_VARIABLE = "PEER_ALLOCATOR_DEMO_API_SECRET"  # noqa: S105 - the name of a variable
API_SECRET = "only-for-the-simulated-canvas"  # noqa: S105 - opens nothing but the simulated Canvas
READY_WITHIN_S = 30.0


@dataclass
class Demonstration:
    """A running demo. ``stop`` ends everything; ``state`` is the simulated Canvas itself."""

    canvas_url: str
    tool_url: str
    state: CanvasState
    settings: Settings
    stop: Callable[[], None]


def run_demo(*, canvas_port: int, tool_port: int) -> None:
    """Start, print one address when everything answers, run until interrupted."""
    settings = load_settings()
    configure_logs(settings.log_level)
    demo = start_demo(settings.instance / "demo", canvas_port=canvas_port, tool_port=tool_port)
    click.echo(f"Peer Review Allocator on a simulated Canvas: {demo.canvas_url}")
    click.echo("Open it, choose a course, then Peer reviews. Ctrl-C ends it; nothing is kept.")
    done = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: done.set())
    done.wait()
    demo.stop()


def start_demo(
    folder: Path,
    *,
    canvas_port: int = 0,
    tool_port: int = 0,
    kinds: tuple[CourseKind, ...] = ALL_KINDS,
    habits: Habits | None = None,
    **changes: Any,
) -> Demonstration:
    """Bring everything up on free ports (0) or on the ports given, or on others where those are taken.

    ``changes`` are settings that differ from the demo's own.

    Raises:
        RuntimeError: one of the servers does not answer in time.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    canvas_socket, tool_socket = _listen(canvas_port), _listen(tool_port)
    canvas_url = f"http://localhost:{canvas_socket.getsockname()[1]}"
    tool_url = f"http://127.0.0.1:{tool_socket.getsockname()[1]}"
    state = build_state(kinds=kinds, habits=habits)
    register_tool(state, tool_url)
    settings = demo_settings(folder, canvas_url, tool_url, **changes)
    upgrade_database(settings)
    application = build_application(settings, environment={API_SECRET_VARIABLE: API_SECRET})
    worker = build_worker(application)
    servers = [
        _Served(create_simulator(state, base_url=canvas_url), canvas_socket),
        _Served(build_web(application), tool_socket),
    ]
    worker.start()
    for url in (f"{canvas_url}/", f"{tool_url}/lti/jwks.json"):
        _wait_for(url)
    return Demonstration(canvas_url, tool_url, state, settings, _stopper(worker, servers, application.close))


def demo_settings(folder: Path, canvas_url: str, tool_url: str, **changes: Any) -> Settings:
    """Settings of a tool that knows exactly one platform, the simulated Canvas."""
    platform = {
        "client_id": LTI_CLIENT,
        "auth_login_url": f"{canvas_url}/api/lti/authorize_redirect",
        "auth_token_url": f"{canvas_url}/login/oauth2/token",
        "key_set_url": f"{canvas_url}/api/lti/security/jwks",
        "deployment_ids": [DEPLOYMENT],
        "canvas_origin": canvas_url,
        "oauth_client_id": API_CLIENT,
        "oauth_client_secret_env": API_SECRET_VARIABLE,
    }
    defaults: dict[str, Any] = {
        "instance": folder,
        "database_url": "",
        "queue_url": "",
        "secret_keys": (),
        "public_url": tool_url,
        "allow_http_loopback": True,
        "launches_per_minute": 0,
        "platforms": {canvas_url: [platform]},
    }
    return Settings(**(defaults | changes))


def register_tool(state: CanvasState, tool_url: str) -> None:
    state.add_key(
        DeveloperKey(
            client_id=LTI_CLIENT,
            secret="",
            name="Peer reviews",
            kind="lti",
            redirect_uris=[f"{tool_url}/lti/launch"],
            oidc_initiation_url=f"{tool_url}/lti/login",
            target_link_uri=f"{tool_url}/lti/launch",
            public_jwk_url=f"{tool_url}/lti/jwks.json",
            scopes=list(GRADE_SCOPES),
            custom_fields=dict(CUSTOM_FIELDS),
            deployments=[Deployment(DEPLOYMENT)],
        )
    )
    state.add_key(
        DeveloperKey(
            client_id=API_CLIENT,
            secret=API_SECRET,
            name="Peer reviews (API)",
            kind="api",
            redirect_uris=[f"{tool_url}/connect/callback"],
            scopes=list(ALL_SCOPES),
            require_scopes=True,
        )
    )


def _listen(port: int) -> socket.socket:
    """A listening socket on ``port``, or on a free one where it is taken."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError:
        listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    return listener


class _Served:
    """An application behind a socket, in a thread of its own."""

    def __init__(self, app: Any, listener: socket.socket) -> None:
        self._server: Any = create_server(
            app, sockets=[listener], threads=16, clear_untrusted_proxy_headers=True
        )
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Let answers under way finish, close every connection, end the thread."""
        self._server.task_dispatcher.shutdown(timeout=2)
        self._server.trigger.pull_trigger(self._close)  # the loop's own thread may close its sockets
        self._thread.join()

    def _close(self) -> None:
        for channel in list(self._server.active_channels.values()):
            channel.handle_close()
        self._server.close()


def _wait_for(url: str) -> None:
    until = time.monotonic() + READY_WITHIN_S
    while True:
        try:
            if requests.get(url, timeout=2).ok:
                return
        except (requests.ConnectionError, requests.Timeout):
            pass
        if time.monotonic() > until:
            raise RuntimeError(f"{url} did not answer within {READY_WITHIN_S:.0f} seconds")
        time.sleep(0.05)


def _stopper(worker: Worker, servers: list[_Served], close: Callable[[], None]) -> Callable[[], None]:
    def stop() -> None:
        worker.stop()
        for server in servers:
            server.stop()
        close()

    return stop
