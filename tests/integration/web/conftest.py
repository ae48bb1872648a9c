"""A real Chromium in front of a real server, for the tests that are marked ``browser``."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect
from werkzeug.serving import make_server

from tests.integration.web.course import CANVAS, COURSE, Course, OutsideCases, web_of

expect.set_options(timeout=30_000)  # nobody waits so long for a page; a busy machine may


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """Serves a course; gives the address of its home."""
    servers = []

    def start(course: Course, platform: str = CANVAS, outside: OutsideCases | None = None) -> str:
        app = web_of(course, "http://127.0.0.1", platform, outside=outside)
        server = make_server("127.0.0.1", 0, app, threaded=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.port}/app/courses/{COURSE}"

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    """A browser context whose tabs have a teacher's session (error pages have no storage)."""
    context = chromium.new_context(viewport={"width": 900, "height": 800})
    context.add_init_script("try { sessionStorage.setItem('peer-allocator-session', 'teacher') } catch {}")
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """A tab that fails the test on script errors, dialogs and refusals of the content policy."""
    page = context.new_page()
    troubles: list[str] = []

    def keep_refusals(said: ConsoleMessage) -> None:
        if "Content Security" in said.text:
            troubles.append(said.text)

    page.on("pageerror", lambda error: troubles.append(f"script error: {error}"))
    page.on("dialog", lambda dialog: troubles.append(f"dialog: {dialog.message}"))
    page.on("console", keep_refusals)
    page.troubles = troubles  # type: ignore[attr-defined]  # looked at by `quiet`
    return page


@pytest.fixture
def quiet(page: Page) -> Iterator[None]:
    """After the test: nothing went wrong in the page."""
    yield
    assert page.troubles == []  # type: ignore[attr-defined]  # set by `page`
