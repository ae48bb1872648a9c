"""Launches in a real Chromium, from the course page of the simulated Canvas, with every habit about cookies.

A browser that drops the frame's cookie although it is partitioned (as WebKit does) is played by the tool not
setting it in frames; what the page's script then meets is the same.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Response, request
from playwright.sync_api import BrowserContext, Page, expect
from werkzeug.serving import make_server
from werkzeug.wrappers import Request as PlainRequest
from werkzeug.wrappers import Response as PlainResponse

from lti_tool.cli.demonstration import LTI_CLIENT
from lti_tool.lti.launching import StartedLogin
from lti_tool.simulator.habits import Habits
from lti_tool.simulator.records import User
from lti_tool.web import launch
from tests.integration.lti.conftest import OpenBrowser, Running

pytestmark = pytest.mark.browser
PATIENCE_MS = 20_000
FRAME = "iframe[name=tool_content]"
SET_COOKIE = launch._remember


@dataclass
class Sitting:
    """Somebody in front of the course page, and what the browser reported meanwhile."""

    running: Running
    context: BrowserContext
    page: Page
    troubles: list[str] = field(default_factory=list)
    early: list[str] = field(default_factory=list)
    """Bodies that the tool answered before it had exchanged a code for a session."""

    @property
    def teacher(self) -> User:
        """Who sits there."""
        return next(user for user in self.running.demo.state.users.values() if user.login == "teacher")

    def open_tool(self) -> None:
        """Sign in to Canvas and open the tool on the course's page."""
        state, user = self.running.demo.state, self.teacher
        course = next(iter(state.courses.values()))
        self.page.goto(f"{self.running.demo.canvas_url}/login")
        self.page.select_option("#user", user.id)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url(f"{self.running.demo.canvas_url}/")
        self.page.goto(f"{self.running.demo.canvas_url}/courses/{course.id}/external_tools/{LTI_CLIENT}")

    def expect_tool(self, place: Any) -> None:
        """The tool's first private page is there: it names the course."""
        expect(place.get_by_role("button", name="Connect to Canvas")).to_be_visible(timeout=PATIENCE_MS)

    @property
    def frame(self) -> Any:
        return self.page.frame_locator(FRAME)


def sit_down(running: Running, context: BrowserContext) -> Sitting:
    sitting = Sitting(running, context, context.new_page())
    sitting.page.on("pageerror", lambda error: sitting.troubles.append(str(error)))
    sitting.page.on(
        "console",
        lambda said: sitting.troubles.append(said.text) if "Content Security" in said.text else None,
    )
    over = threading.Event()

    def keep(answer: Any) -> None:
        if answer.url.endswith("/lti/session"):
            over.set()
        elif answer.url.startswith(f"{running.demo.tool_url}/lti/") and not over.is_set():
            sitting.early.append(answer.text())

    sitting.page.on("response", keep)
    return sitting


@pytest.fixture(autouse=True)
def usual_canvas(running: Running) -> Iterator[None]:
    """Each test begins with a Canvas that offers its storage frame."""
    yield
    running.demo.state.habits = Habits()
    running.platform.storage_target = "post_message_forwarding"
    running.platform.storage_deaf_for = 0


@pytest.fixture
def no_cookie_in_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    """The browser keeps the tool's cookie at the top level only."""

    def only_at_the_top(answer: Response, started: StartedLogin) -> None:
        if request.headers.get("Sec-Fetch-Dest") == "document":
            SET_COOKIE(answer, started)

    monkeypatch.setattr(launch, "_remember", only_at_the_top)


@pytest.fixture
def no_cookie_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """The browser keeps no cookie of the tool anywhere."""
    monkeypatch.setattr(launch, "_remember", lambda answer, started: None)


# --- the browser is what the other tests take it for ---


@PlainRequest.application
def _cookie_probe(call: PlainRequest) -> PlainResponse:
    if call.path == "/outside":
        inside = f"http://127.0.0.1:{call.host.rpartition(':')[2]}/inside"
        return PlainResponse(f'<iframe name="inside" src="{inside}"></iframe>', mimetype="text/html")
    answer = PlainResponse(" ".join(sorted(call.cookies)) or "none", mimetype="text/html")
    for name, more in (("plain", ""), ("parted", "; Partitioned")):
        answer.headers.add("Set-Cookie", f"{name}=1; SameSite=None; Secure; Path=/{more}")
    return answer


@pytest.mark.parametrize(
    ("third_party_cookies", "kept"), [(True, "parted plain"), (False, "parted")], ids=["allowed", "blocked"]
)
def test_the_browser_blocks_what_it_should(
    open_browser: OpenBrowser, third_party_cookies: bool, kept: str
) -> None:
    server = make_server("127.0.0.1", 0, _cookie_probe, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        page = open_browser(third_party_cookies=third_party_cookies).new_page()
        page.goto(f"http://localhost:{server.port}/outside")
        expect(page.frame_locator("iframe").locator("body")).to_have_text("none")
        page.reload()
        expect(page.frame_locator("iframe").locator("body")).to_have_text(kept)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


# --- launches ---


@pytest.mark.parametrize("storage", [True, False], ids=["storage", "no-storage"])
@pytest.mark.parametrize("third_party_cookies", [True, False], ids=["allowed", "blocked"])
def test_launch_in_the_frame(
    running: Running, open_browser: OpenBrowser, third_party_cookies: bool, storage: bool
) -> None:
    running.demo.state.habits = Habits(storage_frame=storage)
    sitting = sit_down(running, open_browser(third_party_cookies=third_party_cookies))
    sitting.open_tool()
    sitting.expect_tool(sitting.frame)

    frame = next(frame for frame in sitting.page.frames if frame.name == "tool_content")
    with sitting.page.expect_event("framenavigated", lambda moved: moved == frame):
        frame.evaluate("location.reload()")
    sitting.expect_tool(sitting.frame)

    assert sitting.troubles == []
    course = next(iter(running.demo.state.courses.values()))
    assert sitting.early, "the pages of the launch were seen"
    for body in sitting.early:
        for private in (sitting.teacher.name, course.name, course.code, f"/courses/{course.id}"):
            assert private not in body


@pytest.mark.parametrize(
    ("target", "deaf_ms"),
    [("post_message_forwarding", 0), ("post_message_forwarding", 1500), ("_parent", 0)],
    ids=["sibling", "sibling-late", "parent"],
)
@pytest.mark.usefixtures("no_cookie_in_frames")
def test_the_platforms_storage_suffices(
    running: Running, open_browser: OpenBrowser, target: str, deaf_ms: int
) -> None:
    running.platform.storage_target, running.platform.storage_deaf_for = target, deaf_ms
    sitting = sit_down(running, open_browser(third_party_cookies=False))
    sitting.open_tool()
    sitting.expect_tool(sitting.frame)
    assert sitting.troubles == []


def _continue_in_own_window(sitting: Sitting) -> None:
    button = sitting.frame.get_by_role("button", name="Open in a new window")
    expect(button).to_be_visible(timeout=PATIENCE_MS)
    with sitting.context.expect_page() as opened:
        button.click()
    window = opened.value
    sitting.expect_tool(window)
    assert "lti_message_hint" not in window.url
    window.reload()
    sitting.expect_tool(window)


@pytest.mark.usefixtures("no_cookie_in_frames")
def test_with_neither_cookie_nor_storage_a_window_of_its_own_works(
    running: Running, open_browser: OpenBrowser
) -> None:
    running.demo.state.habits = Habits(storage_frame=False)
    sitting = sit_down(running, open_browser(third_party_cookies=False))
    sitting.open_tool()
    _continue_in_own_window(sitting)
    assert sitting.troubles == []


@pytest.mark.parametrize("storage", [True, False], ids=["storage", "no-storage"])
def test_a_browser_that_refuses_the_frame_all_data(
    running: Running, open_browser: OpenBrowser, storage: bool
) -> None:
    """Even with the platform's storage there would be no place for the session in the frame."""
    running.demo.state.habits = Habits(storage_frame=storage)
    demo = running.demo
    context = open_browser(third_party_cookies=False, refuse=(demo.tool_url, demo.canvas_url))
    sitting = sit_down(running, context)
    sitting.open_tool()
    _continue_in_own_window(sitting)
    assert sitting.troubles == []


@pytest.mark.usefixtures("no_cookie_at_all")
def test_a_browser_that_keeps_no_cookie_even_at_the_top(running: Running, open_browser: OpenBrowser) -> None:
    running.demo.state.habits = Habits(storage_frame=False)
    sitting = sit_down(running, open_browser(third_party_cookies=False))
    sitting.open_tool()
    button = sitting.frame.get_by_role("button", name="Open in a new window")
    expect(button).to_be_visible(timeout=PATIENCE_MS)
    with sitting.context.expect_page() as opened:
        button.click()
    heading = opened.value.get_by_role("heading", name="Your browser keeps no cookies for this tool")
    expect(heading).to_be_visible(timeout=PATIENCE_MS)
    expect(heading).to_be_focused()
    expect_usable_by_everybody(opened.value)


def test_the_page_of_a_refused_launch(running: Running, open_browser: OpenBrowser) -> None:
    page = open_browser(third_party_cookies=False).new_page()
    page.goto(f"{running.demo.tool_url}/lti/login")
    expect(page.get_by_role("heading", name="This is not a launch from Canvas")).to_be_visible()
    expect_usable_by_everybody(page)


def expect_usable_by_everybody(page: Page) -> None:
    """No finding of axe, and no sideways scrolling on a narrow screen."""
    page.set_viewport_size({"width": 320, "height": 640})
    assert [rule["id"] for rule in Axe().run(page).response["violations"]] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


@pytest.mark.usefixtures("no_cookie_in_frames")
def test_a_mark_that_the_storage_lost_opens_nothing(
    running: Running, open_browser: OpenBrowser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The code alone, in a browser that cannot show the binding, is worth nothing."""
    monkeypatch.setattr("lti_tool.lti.launching._storage_origin", lambda registration, target: ORIGINS.pop())
    ORIGINS[:] = ["http://localhost:1", running.demo.canvas_url]  # right at the login, wrong at the launch
    sitting = sit_down(running, open_browser(third_party_cookies=False))
    sitting.open_tool()
    heading = sitting.frame.get_by_role("heading", name="Your browser did not keep our mark")
    expect(heading).to_be_visible(timeout=PATIENCE_MS)
    frame = next(frame for frame in sitting.page.frames if frame.name == "tool_content")
    assert frame.evaluate("sessionStorage.length") == 0


ORIGINS: list[str] = []
