"""One Canvas that is slow, one that is not, one server for both: nobody waits for the wrong one."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from waitress.server import create_server

from lti_tool.bootstrap import build_application, build_web, upgrade_database
from lti_tool.bootstrap.application import Application
from lti_tool.bootstrap.serving import server_options
from lti_tool.lti.context import LaunchContext
from lti_tool.lti.sessions import Sessions
from lti_tool.persistence.launches import SessionRows
from lti_tool.persistence.tokens import TokenKind
from lti_tool.planning.ids import CanvasOrigin, UserId
from lti_tool.settings import Settings
from lti_tool.simulator.faults import FaultKind
from lti_tool.simulator.habits import Habits
from lti_tool.simulator.records import Course, User
from tests.simulated import SimulatedCanvas, simulated_canvas

SLOW_S = 4.0
THREADS = 16
LONGEST_S = 1.0
"""What anybody else may wait while one Canvas is slow."""


@dataclass
class Visitor:
    """Somebody with a session in one course."""

    server: str
    course: Course
    token: str

    def get(self, page: str = "", **headers: str) -> requests.Response:
        address = f"{self.server}/app/courses/{self.course.id}{page}"
        return requests.get(address, headers={"Authorization": f"Bearer {self.token}", **headers}, timeout=60)


@dataclass
class Scene:
    """The tool behind a real server, and two Canvases."""

    application: Application
    server: str
    slow: SimulatedCanvas
    quick: SimulatedCanvas

    def visitor(self, canvas: SimulatedCanvas, login: str = "teacher") -> Visitor:
        """A person who has connected and opened the tool."""
        person, course = canvas.user(login), canvas.course("WRIT")
        connect(self.application, canvas, person)
        context = LaunchContext(
            issuer=canvas.url,
            client_id="41",
            deployment_id="41:one",
            canvas_origin=canvas.url,
            user_id=person.id,
            lti_user_id=f"lti-{person.id}",
            user_name=person.name,
            context_id="opaque-course",
            course_id=course.id,
            course_name=course.name,
            roles=("Instructor",),
            is_instructor=True,
            locale="en",
            time_zone="",
            high_contrast=False,
            post_message_token="",
            platform_origin=canvas.url,
        )
        rows = SessionRows(self.application.database, self.application.settings.secret_box)
        hours = timedelta(hours=1)
        sessions = Sessions(rows, lambda: datetime.now(UTC), idle=hours, absolute=hours)
        return Visitor(self.server, course, sessions.open(context))

    def seconds(self, ask: Callable[[], requests.Response], status: int = 200) -> float:
        began = time.monotonic()
        answer = ask()
        assert answer.status_code == status, answer.text
        return time.monotonic() - began

    def health(self) -> requests.Response:
        return requests.get(f"{self.server}/health", timeout=60)

    def slow_down(self) -> None:
        self.slow.state.faults.plant(FaultKind.SLOW, times=10_000, seconds=SLOW_S)


def connect(application: Application, canvas: SimulatedCanvas, person: User) -> None:
    grant = canvas.state.make_personal_token(person.id)
    application.tokens.put(
        CanvasOrigin(canvas.url), UserId(person.id), TokenKind.PERSONAL, access_token=grant.token,
        refresh_token=None, scopes=(), expires_at=None, renew_at=None, now=datetime.now(UTC),
    )  # fmt: skip


def platform(canvas: SimulatedCanvas) -> dict[str, object]:
    return {
        "client_id": "41",
        "auth_login_url": f"{canvas.url}/auth",
        "auth_token_url": f"{canvas.url}/login/oauth2/token",
        "key_set_url": f"{canvas.url}/jwks",
        "deployment_ids": ["41:one"],
        "canvas_origin": canvas.url,
    }


@contextmanager
def served(application: Application) -> Iterator[str]:
    """The tool's own server, as ``serve`` makes it."""
    options = server_options(application.settings)
    server: Any = create_server(build_web(application), **(options | {"port": 0}))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.effective_port}"
    finally:
        server.close()
        server.task_dispatcher.shutdown(cancel_pending=True, timeout=2)
        thread.join(5)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    habits = Habits(throttle_enabled=False)
    with simulated_canvas("small", habits=habits) as slow, simulated_canvas("small", habits=habits) as quick:
        settings = Settings(
            instance=tmp_path / "instance",
            allow_http_loopback=True,
            page_threads=THREADS,
            platforms={slow.url: [platform(slow)], quick.url: [platform(quick)]},
        )
        upgrade_database(settings)
        application = build_application(settings)
        try:
            with served(application) as server:
                yield Scene(application, server, slow, quick)
        finally:
            slow.state.faults.clear()
            application.close()


def test_one_slow_canvas_stops_nobody_else(scene: Scene) -> None:
    """Sixteen page loads of one teacher once left the health check silent for forty seconds."""
    attacker, other = scene.visitor(scene.slow), scene.visitor(scene.quick)
    scene.seconds(other.get)  # what is loaded once, is loaded
    scene.slow_down()
    with ThreadPoolExecutor(64) as browsers:
        loads = [browsers.submit(attacker.get) for _ in range(48)]
        until = time.monotonic() + SLOW_S / 2
        slowest = 0.0
        while time.monotonic() < until:
            slowest = max(slowest, scene.seconds(scene.health), scene.seconds(other.get))
        answers = [load.result() for load in loads]
    assert slowest < LONGEST_S
    waiting = [answer for answer in answers if answer.status_code == 503]
    assert len(waiting) >= 40, "the others get a page that waits"
    for answer in waiting:
        assert "Canvas is slow to answer" in answer.text
        assert "This page tries again automatically." in answer.text
        assert 'data-again="' in answer.text
        assert 3 <= int(answer.headers["Retry-After"]) <= 6
    assert any(answer.status_code == 200 for answer in answers), "those whose turn it was are served"


def test_people_of_one_slow_canvas_together_stop_nobody_else(scene: Scene) -> None:
    people = [scene.visitor(scene.slow, login) for login in ("teacher", "ta", "admin")]
    other = scene.visitor(scene.quick)
    scene.seconds(other.get)
    scene.slow_down()
    with ThreadPoolExecutor(64) as browsers:
        loads = [browsers.submit(one.get) for one in people for _ in range(16)]
        time.sleep(1.0)
        assert max(scene.seconds(scene.health), scene.seconds(other.get)) < LONGEST_S
        for load in loads:
            load.result()


def test_a_script_is_told_when_to_ask_again(scene: Scene) -> None:
    attacker = scene.visitor(scene.slow)
    scene.slow_down()
    with ThreadPoolExecutor(16) as browsers:
        for _ in range(12):
            browsers.submit(attacker.get)
        time.sleep(0.6)
        refused = attacker.get(Accept="application/json")
        assert refused.status_code == 503
        assert refused.json()["title"] == "Canvas is slow to answer"
        assert int(refused.headers["Retry-After"]) >= 3


def test_readings_of_one_slow_canvas_leave_threads_for_others(scene: Scene) -> None:
    """Reading behind a page has threads of its own, and no Canvas gets all of them."""
    people = [scene.visitor(scene.slow, login) for login in ("teacher", "ta")]
    other = scene.visitor(scene.quick)
    scene.slow_down()
    for one in people:
        for assignment in scene.slow.state.assignments.values():
            if assignment.course_id == one.course.id:
                one.get(f"/assignments/{assignment.id}/people")
    essay = scene.quick.assignment(other.course, "Essay 1")
    assert scene.seconds(lambda: other.get(f"/assignments/{essay.id}/people")) < 2.0


# --- half requests ---------------------------------------------------------------------------------------


def half_a_request(server: str) -> socket.socket:
    port = int(server.rpartition(":")[2])
    opened = socket.create_connection(("127.0.0.1", port), timeout=5)
    opened.sendall(b"POST /lti/login HTTP/1.1\r\nHost: t\r\nContent-Length: 1000\r\n\r\nissue")
    return opened


def test_half_requests_do_not_silence_a_bare_server(scene: Scene) -> None:
    """Waitress alone stops at a hundred connections and waits two minutes for each."""
    opened = [half_a_request(scene.server) for _ in range(150)]
    try:
        for _ in range(5):
            assert scene.seconds(scene.health) < LONGEST_S
    finally:
        for one in opened:
            one.close()


def test_a_connection_without_a_whole_request_is_closed(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lti_tool.bootstrap.serving.SILENCE_S", 1)
    monkeypatch.setattr("lti_tool.bootstrap.serving.CLEAN_UP_S", 1)
    with served(scene.application) as server, half_a_request(server) as opened:
        opened.settimeout(10)
        began = time.monotonic()
        assert opened.recv(1) == b""
        assert time.monotonic() - began < 6


def test_a_body_larger_than_any_form_is_refused_before_it_is_kept(scene: Scene) -> None:
    port = int(scene.server.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as opened:
        opened.sendall(b"POST /lti/login HTTP/1.1\r\nHost: t\r\nContent-Length: 900000000\r\n\r\n")
        assert opened.recv(200).startswith(b"HTTP/1.1 413")
