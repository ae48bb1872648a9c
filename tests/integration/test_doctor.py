"""The doctor in front of a whole installation, links broken one at a time: each is found, with what to do."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from werkzeug.serving import make_server

from lti_tool.bootstrap import Application, build_application, build_doctor, build_web, upgrade_database
from lti_tool.canvas.endpoints import ALL_SCOPES
from lti_tool.cli.demonstration import API_CLIENT, API_SECRET, LTI_CLIENT, register_tool
from lti_tool.services.doctor import Finding
from lti_tool.settings import Settings
from tests.simulated import SimulatedCanvas, simulated_canvas

Wsgi = Callable[..., Any]


@dataclass
class Whole:
    """A Canvas and a tool that know each other, and what stands before the tool."""

    canvas: SimulatedCanvas
    application: Application
    proxy: list[tuple[str, str | None]]
    """Response headers that the proxy in front sets, or (None) takes away."""

    def findings(self) -> dict[str, Finding]:
        found = build_doctor(self.application).examine()
        return {str(one.check).partition(" of http")[0].partition(" in http")[0]: one for one in found}

    def failed(self) -> dict[str, str]:
        return {name: str(one.words) for name, one in self.findings().items() if not one.ok}


@contextmanager
def served(application: list[Wsgi], proxy: list[tuple[str, str | None]]) -> Iterator[str]:
    def in_front(environ: dict[str, Any], start: Wsgi) -> Any:
        def changed(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            names = {name for name, _ in proxy}
            kept = [pair for pair in headers if pair[0] not in names]
            return start(status, kept + [(name, value) for name, value in proxy if value is not None], *more)

        return application[0](environ, changed)

    server = make_server("127.0.0.1", 0, in_front, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def whole(tmp_path: Path) -> Iterator[Whole]:
    holder: list[Wsgi] = []
    proxy: list[tuple[str, str | None]] = []
    with simulated_canvas("small") as canvas, served(holder, proxy) as url:
        settings = Settings(instance=tmp_path, public_url=url, allow_http_loopback=True)
        upgrade_database(settings)
        application = build_application(settings)
        holder.append(build_web(application))
        register_tool(canvas.state, url)
        made = application.registrations.add(
            {
                "issuer": canvas.url,
                "client_id": LTI_CLIENT,
                "auth_login_url": f"{canvas.url}/api/lti/authorize_redirect",
                "auth_token_url": f"{canvas.url}/login/oauth2/token",
                "key_set_url": f"{canvas.url}/api/lti/security/jwks",
                "canvas_origin": canvas.url,
                "adopts_deployments": True,
            },
            by="test",
        )
        application.registrations.store_api_key(made.canvas, API_CLIENT, API_SECRET)
        yield Whole(canvas, application, proxy)
        application.close()


def test_a_sound_installation(whole: Whole) -> None:
    assert whole.failed() == {}
    assert len(whole.findings()) == 13


def key_of(whole: Whole) -> Any:
    return whole.canvas.state.keys[API_CLIENT]


def wait_for_a_worker(whole: Whole) -> None:
    long_ago = (datetime.now(UTC) - timedelta(minutes=10)).replace(tzinfo=None)
    with whole.application.database.begin() as session:
        session.execute(
            text(
                "INSERT INTO run (id, plan_id, canvas, course_id, assignment_id, started_by, "
                "started_by_name, engine_version, state, reason, words, pauses, "
                "cancel_requested, fence, created_at) VALUES "
                "('r', 'p', 'c', '1', '1', '1', '', '1', 'queued', '', '', 0, false, 0, :at)"
            ),
            {"at": long_ago},
        )


def withdraw_scopes(whole: Whole) -> None:
    key_of(whole).scopes = [scope for scope in ALL_SCOPES if not scope.startswith("url:DELETE|")]


def lose_the_key(whole: Whole) -> None:
    with whole.application.database.begin() as session:
        session.execute(text("DELETE FROM canvas_api_key"))


BROKEN: list[tuple[str, Callable[[Whole], object], str, str]] = [
    ("no worker", wait_for_a_worker, "queue", "peer-allocator worker"),
    ("no API key", lose_the_key, "API key", "administration page"),
    (
        "key unknown",
        lambda whole: whole.canvas.state.keys.pop(API_CLIENT),
        "API key",
        "does not know this id",
    ),
    ("redirect", lambda whole: key_of(whole).redirect_uris.clear(), "API key", "redirect address"),
    ("key off", lambda whole: setattr(key_of(whole), "enabled", False), "API key", "switched off"),
    ("scope", withdraw_scopes, "API key", "url:DELETE|/api/v1/courses/"),
    ("secret", lambda whole: setattr(key_of(whole), "secret", "x"), "API key", "secret"),
    ("cookie", lambda whole: whole.proxy.append(("Set-Cookie", "a=b; Secure")), "cookies", "Partitioned"),
    ("framing", lambda whole: whole.proxy.append(("X-Frame-Options", "DENY")), "framing", "X-Frame-Options"),
    (
        "policy",
        lambda whole: whole.proxy.append(("Content-Security-Policy", "frame-ancestors 'none'")),
        "framing",
        "Content-Security-Policy",
    ),
]


@pytest.mark.parametrize(
    ("broken", "check", "said"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN]
)
def test_each_broken_link_is_found(
    whole: Whole, broken: Callable[[Whole], object], check: str, said: str
) -> None:
    broken(whole)
    failed = whole.failed()
    assert list(failed) == [check]
    assert said in failed[check]


def test_another_tool_at_the_public_address(whole: Whole, tmp_path: Path) -> None:
    with simulated_canvas("small") as other:
        moved = whole.application.settings.model_copy(update={"public_url": other.url})
        stranger = build_application(moved)
        found = {str(one.check): one for one in build_doctor(stranger).examine()}
        stranger.close()
    assert not found["own key set, as Canvas reads it"].ok


def test_an_administrator_sees_nothing_of_other_platforms(whole: Whole) -> None:
    (mine,) = whole.application.registrations.all()
    whole.application.registrations.add(
        {
            "issuer": "https://canvas.instructure.com",
            "client_id": "9",
            "auth_login_url": "https://sso.canvaslms.com/a",
            "auth_token_url": "https://secret-school.example/t",
            "key_set_url": "https://sso.canvaslms.com/k",
            "canvas_origin": "https://secret-school.example",
            "adopts_deployments": True,
        },
        by="test",
    )
    found = build_doctor(whole.application).for_administrator(mine)
    said = " ".join(f"{one.check} {one.words}" for one in found)
    assert "secret-school" not in said
    assert all(one.ok for one in found)
    assert str(whole.application.settings.instance) not in said
