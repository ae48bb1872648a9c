"""A real nginx with https and two host names: the tool's, by the documented configuration, and a Canvas's."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from werkzeug.serving import make_server

from lti_tool.cli import demonstration
from lti_tool.simulator.app import create_simulator
from lti_tool.simulator.courses import build_state
from lti_tool.simulator.state import CanvasState
from tests.certificates import certificate
from tests.integration.databases.servers import _missing

ROOT = Path(__file__).parents[3]
TOOL, CANVAS = "reviews.localhost", "canvas.localhost"
"""Two sites; browsers look such names up at loopback, whatever the machine's resolver says."""
LAUNCHES_PER_MINUTE = 12


@dataclass
class Installed:
    """What runs: nginx before both, and what it wrote."""

    port: int
    plain_port: int
    certificate: Path
    access_log: Path
    tool_log: Path
    state: CanvasState

    @property
    def tool(self) -> str:
        return f"https://{TOOL}:{self.port}"

    @property
    def canvas(self) -> str:
        return f"https://{CANVAS}:{self.port}"

    @property
    def teacher(self) -> str:
        return next(user.id for user in self.state.users.values() if user.login == "teacher")

    @property
    def tool_page(self) -> str:
        """Where a teacher finds the tool in Canvas."""
        course = next(iter(self.state.courses.values()))
        return f"{self.canvas}/courses/{course.id}/external_tools/{demonstration.LTI_CLIENT}"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def nginx_configuration(folder: Path, ports: tuple[int, int, int, int], files: tuple[Path, Path]) -> str:
    """The documented configuration with the names, ports and files of the test, and a second host."""
    port, plain_port, tool_port, canvas_port = ports
    documented = (ROOT / "deploy" / "nginx.conf").read_text()
    for found, mine in (
        ("listen 80;", f"listen 127.0.0.1:{plain_port};"),
        ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
        ("/etc/ssl/reviews.example.edu.pem", str(files[0])),
        ("/etc/ssl/private/reviews.example.edu.key", str(files[1])),
        ("server_name reviews.example.edu;", f"server_name {TOOL};"),
        ("/var/log/nginx/peer-allocator.log", str(folder / "access.log")),
        ("proxy_pass http://127.0.0.1:8080;", f"proxy_pass http://127.0.0.1:{tool_port};"),
    ):
        assert found in documented, f"deploy/nginx.conf has no {found!r} any more"
        documented = documented.replace(found, mine)
    temporary = "\n".join(
        f"{kind}_temp_path {folder / kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    canvas = f"""
        server {{
            listen 127.0.0.1:{port} ssl;
            server_name {CANVAS};
            ssl_certificate {files[0]};
            ssl_certificate_key {files[1]};
            access_log off;
            location / {{
                proxy_pass http://127.0.0.1:{canvas_port};
                proxy_set_header Host $http_host;
            }}
        }}"""
    return (
        f"daemon off; worker_processes 1; pid {folder / 'nginx.pid'}; error_log {folder / 'error.log'};\n"
        f"events {{}}\nhttp {{\n{temporary}\n{documented}\n{canvas}\n}}\n"
    )


def wait_until_it_answers(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 90
    while True:
        try:
            requests.get(url, timeout=10, verify=False, allow_redirects=False)
            return
        except requests.ConnectionError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, f"{url} does not answer\n{log.read_text()}"
            time.sleep(0.1)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    nginx = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if nginx is None:
        _missing("nginx", "nginx")
    assert nginx is not None
    folder = tmp_path_factory.mktemp("nginx")
    os.chmod(folder, 0o755)
    port, plain_port, tool_port = free_port(), free_port(), free_port()
    files = certificate(folder, TOOL, CANVAS)
    state = build_state(kinds=("small",))
    made = Installed(port, plain_port, files[0], folder / "access.log", folder / "tool.log", state)
    canvas = make_server("127.0.0.1", 0, create_simulator(made.state, base_url=made.canvas), threaded=True)
    thread = threading.Thread(target=canvas.serve_forever, daemon=True)
    thread.start()
    demonstration.register_tool(made.state, made.tool)
    (folder / "nginx.conf").write_text(
        nginx_configuration(folder, (port, plain_port, tool_port, canvas.port), files)
    )
    processes = []
    try:
        with made.tool_log.open("wb") as log:
            serve = subprocess.Popen(
                [sys.executable, "-c", "from lti_tool.cli import main; main(['serve'])"],
                env=tool_environment(folder, made, tool_port, canvas.port),
                stderr=log,
            )
            processes.append(serve)
        wait_until_it_answers(f"http://127.0.0.1:{tool_port}/health", serve, made.tool_log)
        configuration = str(folder / "nginx.conf")
        proxy = subprocess.Popen([nginx, "-e", str(folder / "error.log"), "-c", configuration])
        processes.append(proxy)
        wait_until_it_answers(f"http://127.0.0.1:{plain_port}/", proxy, folder / "error.log")
        yield made
    finally:
        for process in reversed(processes):
            process.terminate()
            process.wait(60)
        canvas.shutdown()
        thread.join()
        canvas.server_close()


def tool_environment(folder: Path, made: Installed, tool_port: int, canvas_port: int) -> dict[str, str]:
    """What an operator writes; the tool reaches the Canvas by loopback, because no such name exists."""
    settings = demonstration.demo_settings(folder / "instance", made.canvas, made.tool)
    platforms = json.loads(json.dumps(settings.platforms))
    for entry in platforms[made.canvas]:
        entry["key_set_url"] = f"http://127.0.0.1:{canvas_port}/api/lti/security/jwks"
    config = folder / "config.json"
    config.write_text(json.dumps({"platforms": platforms}))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PEER_ALLOCATOR_")}
    return kept | {
        "PEER_ALLOCATOR_CONFIG": str(config),
        "PEER_ALLOCATOR_INSTANCE": str(folder / "instance"),
        "PEER_ALLOCATOR_PUBLIC_URL": made.tool,
        "PEER_ALLOCATOR_LISTEN_PORT": str(tool_port),
        "PEER_ALLOCATOR_ALLOW_HTTP_LOOPBACK": "true",
        "PEER_ALLOCATOR_TRUSTED_PROXIES": "1",
        "PEER_ALLOCATOR_LAUNCHES_PER_MINUTE": str(LAUNCHES_PER_MINUTE),
        "PEER_ALLOCATOR_LOG_LEVEL": "info",
        demonstration.API_SECRET_VARIABLE: demonstration.API_SECRET,
    }
