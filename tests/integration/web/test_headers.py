"""The header table: what every answer says about itself, by kind of address, one row a kind.

The addresses come from the URL map of the tool as it is wired for production, so that a new page belongs to a
row or fails the test.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from lti_tool.lti.context import LaunchContext
from lti_tool.lti.launching import FinishedLaunch, StartedLogin
from lti_tool.services.registering import Offer, RegistrationRequest
from lti_tool.web.factory import WebSettings
from lti_tool.web.limits import Kind
from tests.integration.lti.scene import CANVAS, TOOL, Stage, stage
from tests.integration.web.course import a_course, web_of
from tests.integration.web.outside import Outside

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors "
)
OURS, NOBODY, ANYBODY = POLICY + CANVAS, POLICY + "'none'", POLICY + "*"
NAMED = "?in=canvas.example.edu"
"""The document of a page is loaded before its session is shown; its address names the Canvas around it."""

TABLE = {
    # address without session  who may frame it    what may keep it
    "/app/": (OURS, "no-store"),
    "/lti/login": (ANYBODY, "no-store"),  # refused: whoever installs the tool must be able to read why
    "/lti/launch": (ANYBODY, "no-store"),
    "/lti/session": (ANYBODY, "no-store"),
    "/lti/cookie": (NOBODY, "no-store"),
    "/lti/jwks.json": (NOBODY, "public, max-age=600"),
    "/lti/register": (ANYBODY, "no-store"),  # Canvas frames it before it is registered
    "/lti/config.json": (NOBODY, "no-store"),
    "/setup": (NOBODY, "no-store"),
    "/connect/": (NOBODY, "no-store"),
    "/health": (NOBODY, "no-store"),
    "/ready": (NOBODY, "no-store"),
    "/metrics": (NOBODY, "no-store"),
    "/brand/": (NOBODY, "public, max-age=86400, immutable"),
    "/static/": (NOBODY, "no-cache"),
    "/lti/register/static/": (NOBODY, "no-cache"),
    "/lti/static/": (NOBODY, "no-cache"),
}
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Strict-Transport-Security": "max-age=31536000",
    "Permissions-Policy": "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), "
    "magnetometer=(), microphone=(), midi=(), payment=(), usb=()",
}
NEVER = ("Set-Cookie", "Server", "X-Frame-Options", "X-Powered-By", "Access-Control-Allow-Origin")
"""Cookies are set by a login that goes on and by the window that goes to Canvas, both tested there."""


def opener_policy(path: str) -> str:
    """Kept where Canvas, or the frame, speaks to the window that it opened; cut off everywhere else."""
    kept = path.startswith(("/app/", "/lti/", "/connect/"))
    return "unsafe-none" if kept else "same-origin"


@pytest.fixture(scope="module")
def tool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(Path(tmp_path_factory.mktemp("headers"))) as made:
        yield made


def rows(app: Flask) -> Iterator[tuple[Rule, str, tuple[str, str]]]:
    for rule in app.url_map.iter_rules():
        kinds = [kind for kind in TABLE if _is_of(rule.rule, kind)]
        assert len(kinds) == 1, f"{rule.rule} has no row of its own in the header table: {kinds}"
        for method in sorted((rule.methods or set()) & {"GET", "POST"}):
            yield rule, method, TABLE[kinds[0]]


def _is_of(path: str, kind: str) -> bool:
    return path == kind or (kind.endswith("/") and path.startswith(kind))


def ask(app: Flask, rule: Rule, method: str, **headers: str) -> TestResponse:
    parts = {name: "frame.mjs" if name == "filename" else "1" for name in rule.arguments}
    with app.test_request_context(base_url=TOOL):
        url = app.url_map.bind("x").build(rule.endpoint, parts, method=method)
    return app.test_client().open(
        url + (NAMED if url.startswith("/app/") else ""), method=method, base_url=TOOL, headers=headers
    )


def assert_in_order(answer: TestResponse, policy: str, cache: str) -> None:
    assert answer.headers.get("Content-Security-Policy") == policy, answer.request.path
    assert answer.headers.get("Cache-Control") == cache, answer.request.path
    for name, value in ALWAYS.items():
        assert answer.headers.get(name) == value, (answer.request.path, name)
    assert answer.headers.get("Cross-Origin-Opener-Policy") == opener_policy(answer.request.path)
    for name in NEVER:
        assert name not in answer.headers
    if cache == "no-store":
        assert "Authorization" in answer.headers.get("Vary", "")


def test_the_table(tool: Stage) -> None:
    seen = 0
    for rule, method, (policy, cache) in rows(tool.web):
        for bearer in ("", "Bearer nobody"):
            answer = ask(tool.web, rule, method, Authorization=bearer)
            assert answer.status_code < 500, rule
            refused = answer.status_code >= 400
            assert_in_order(answer, policy, "no-store" if refused else cache)
            answer.close()
            seen += 1
    assert seen > 60


@pytest.mark.parametrize(
    ("method", "path", "status", "policy"),
    [
        ("GET", "/nowhere", 404, NOBODY),
        ("DELETE", "/lti/login", 405, ANYBODY),
        ("POST", "/lti/launch", 413, ANYBODY),
        ("GET", "/lti/nowhere", 404, ANYBODY),
        ("GET", "/lti/launch", 400, ANYBODY),
    ],
)
def test_errors_are_rows_too(tool: Stage, method: str, path: str, status: int, policy: str) -> None:
    body = b"x" * 1_100_000 if status == 413 else None
    form = "application/x-www-form-urlencoded"
    answer = tool.web.test_client().open(path, method=method, base_url=TOOL, data=body, content_type=form)
    assert answer.status_code == status
    assert_in_order(answer, policy, "no-store")


@pytest.mark.parametrize(
    ("size", "form", "refused"),
    [
        (990_000, "application/x-www-form-urlencoded", False),
        (1_001_000, "application/x-www-form-urlencoded", True),
        (499_000, "multipart/form-data", False),
        (501_000, "multipart/form-data", True),
    ],
)
def test_forms_end_where_the_security_page_says(tool: Stage, size: int, form: str, *, refused: bool) -> None:
    """1 MB, and 500 kB in one text field beside files."""
    field = {"x": "y" * size}
    answer = tool.web.test_client().post("/lti/launch", base_url=TOOL, data=field, content_type=form)
    assert (answer.status_code == 413) is refused


FAILING = [
    ("GET", "/lti/login"),
    ("POST", "/lti/launch"),
    ("POST", "/lti/session"),
    ("GET", "/lti/register"),
]


class Broken(Outside):
    """Fails at every address of LTI in a way that nobody foresaw."""

    def start(self, values: Mapping[str, str]) -> StartedLogin:
        raise ZeroDivisionError

    def finish(self, form: Mapping[str, str], cookie: object) -> FinishedLaunch:
        raise ZeroDivisionError

    def redeem(self, code: str, binding: str | None) -> LaunchContext:
        raise ZeroDivisionError

    def look(self, request: RegistrationRequest) -> Offer:
        raise ZeroDivisionError


@pytest.mark.parametrize(("method", "path"), FAILING)
@pytest.mark.parametrize("status", [429, 500])
def test_a_failure_can_be_read_inside_a_canvas_that_nobody_knows_yet(
    method: str, path: str, status: int
) -> None:
    limits = {Kind.LAUNCH: "1 per minute", Kind.REGISTRATION: "1 per minute"} if status == 429 else {}
    settings = WebSettings(TOOL, lambda: (), rate_limits=limits)
    client = web_of(a_course(), settings=settings, outside=Broken()).test_client()
    body = {"code": "c"} if path == "/lti/session" else None
    for _ in range(2):
        answer = client.open(path, method=method, base_url=TOOL, json=body)
    assert answer.status_code == status
    assert answer.headers["Content-Security-Policy"] == ANYBODY
    assert "Reference number" in answer.text
    assert "ZeroDivisionError" not in answer.text


def test_plain_http_promises_no_https() -> None:
    """A browser that learnt it on a demo's loopback address would refuse every other demo there."""
    answer = web_of(a_course(), public_url="http://127.0.0.1:8080").test_client().get("/nowhere")
    assert "Strict-Transport-Security" not in answer.headers
