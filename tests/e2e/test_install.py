"""The path of docs/install.md, walked in a browser by an administrator who knows only what pages say."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from click.testing import CliRunner
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Frame, FrameLocator, Page, expect
from werkzeug.serving import make_server

from lti_tool.bootstrap import build_application, build_web, upgrade_database
from lti_tool.canvas.endpoints import ALL_SCOPES
from lti_tool.cli import main
from lti_tool.settings import Settings
from tests.e2e.teacher import SCREENSHOTS, click_that_opens
from tests.simulated import SimulatedCanvas, simulated_canvas

pytestmark = pytest.mark.browser
PATIENCE_MS = 60_000


@dataclass
class Installation:
    """A tool that knows no Canvas yet, and a Canvas that knows no tool."""

    canvas: SimulatedCanvas
    tool_url: str
    settings: Settings

    def operator(self, *words: str) -> str:
        """What whoever runs the tool reads after a command."""
        environment = {
            "PEER_ALLOCATOR_INSTANCE": str(self.settings.instance),
            "PEER_ALLOCATOR_PUBLIC_URL": self.tool_url,
            "PEER_ALLOCATOR_ALLOW_HTTP_LOOPBACK": "true",
        }
        result = CliRunner().invoke(main, list(words), env=environment, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.stdout.strip()


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    holder: list[object] = []
    server = make_server("127.0.0.1", 0, lambda *call: holder[0](*call), threaded=True)  # type: ignore[operator]  # the application, in a moment
    settings = Settings(
        instance=tmp_path, public_url=f"http://127.0.0.1:{server.port}", allow_http_loopback=True
    )
    upgrade_database(settings)
    application = build_application(settings)
    holder.append(build_web(application))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    with simulated_canvas("small") as canvas:
        yield Installation(canvas, settings.public_url, settings)
    server.shutdown()
    thread.join()
    server.server_close()
    application.close()


@dataclass
class Person:
    """Somebody at a browser that reports script errors and refusals of the content policy."""

    installation: Installation
    context: BrowserContext
    troubles: list[str]

    def open(self) -> Page:
        page = self.context.new_page()
        self.watch(page)
        return page

    def watch(self, page: Page) -> None:
        def keep(said: ConsoleMessage) -> None:
            if said.type == "error" and "422" not in said.text:
                self.troubles.append(said.text)

        page.on("console", keep)
        page.on("pageerror", lambda error: self.troubles.append(str(error)))

    def act_as(self, page: Page, standing: str) -> None:
        page.goto(self.installation.canvas.url)
        options = page.locator("#act-as option").all_inner_texts()
        page.select_option("#act-as", label=next(o for o in options if o.endswith(f"– {standing}")))
        page.get_by_role("button", name="Switch").click()


@pytest.fixture
def person(chromium: Browser, installation: Installation) -> Iterator[Person]:
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE_MS)
    yield Person(installation, context, [])
    context.close()


def look(page: Page, name: str, part: Page | Frame) -> None:
    """Take a picture, and let axe look: nothing may be found."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png")
    found = Axe().run(part)
    assert not found.response["violations"], f"{name}: {found.generate_report()}"


def fits(page: Page, part: Page | Frame) -> None:
    before = page.viewport_size
    assert before is not None
    page.set_viewport_size({"width": 320, "height": 800})
    inner = part.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert inner[0] <= inner[1], f"{inner[0]} px of page in {inner[1]} px"
    page.set_viewport_size(before)


def frame_of(page: Page, name: str) -> Frame:
    frame = page.frame(name=name)
    assert frame is not None
    return frame


def register(person: Person, page: Page, address: str) -> Page:
    """Steps 1 and 2 of the guide; gives the tab with the setup page."""
    person.act_as(page, "Admin")
    page.get_by_role("link", name="Admin: Developer Keys").click()
    page.get_by_role("link", name="+ LTI Registration").click()
    page.get_by_label("Dynamic Registration URL").fill(address)
    page.get_by_role("button", name="Continue").click()
    frame = page.frame_locator("iframe[name=registration]")
    expect(frame.get_by_role("heading", name="Register this tool")).to_be_visible(timeout=PATIENCE_MS)
    expect(frame.get_by_text(person.installation.canvas.url).first).to_be_visible()
    look(page, "install-1-register", frame_of(page, "registration"))
    fits(page, frame_of(page, "registration"))
    frame.get_by_role("button", name="Register").click()
    registered = frame.get_by_role("heading", name="Registered", exact=True)
    expect(registered).to_be_visible(timeout=PATIENCE_MS)
    look(page, "install-2-registered", frame_of(page, "registration"))
    with person.context.expect_page() as opened:
        frame.get_by_role("link", name="Open the setup page").click()
    person.watch(opened.value)
    frame.get_by_role("button", name="Go on in Canvas").click()
    page.get_by_role("button", name="Enable & Close").click()
    return opened.value


def make_api_key(page: Page, setup: Page) -> tuple[str, str]:
    """Step 3: everything that Canvas asks for is copied from the setup page; gives id and secret."""
    heading = setup.get_by_role("heading", name="Make an API key in Canvas")
    expect(heading).to_be_visible(timeout=PATIENCE_MS)
    page.get_by_role("link", name="Admin: Developer Keys").click()
    page.get_by_role("link", name="+ API Key").click()
    page.get_by_label("Key Name").fill(setup.locator("#key-name").inner_text())
    page.get_by_label("Redirect URIs").fill(setup.locator("#redirect-uri").inner_text())
    page.get_by_label("Enforce Scopes").check()
    for group in setup.locator(".scopes [data-group]").all():
        name = group.locator("p code").inner_text()
        page.get_by_label("Search endpoints").fill(name)
        page.locator("summary").get_by_text(name, exact=True).click()
        for scope in group.locator("ul code").all_inner_texts():
            page.get_by_label(scope, exact=True).check()
    page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Switch Peer Review Allocator (API) on").click()
    row = page.get_by_role("row", name=re.compile(r"^Peer Review Allocator \(API\)"))
    client_id = row.locator("code").inner_text()
    row.get_by_role("button", name="Show Key").click()
    return client_id, page.locator("#shown-key").inner_text()


def enter_key(setup: Page, client_id: str, secret: str) -> None:
    setup.get_by_label("Id (a long number)").fill(client_id)
    setup.get_by_label("Key (letters and digits)").fill(secret)
    setup.get_by_role("button", name="Check and store").click()


def checks(part: Page | FrameLocator) -> None:
    expect(part.get_by_text(re.compile(r"\d+ checks, all is well"))).to_be_visible(timeout=PATIENCE_MS)


def test_a_new_administrators_path(person: Person) -> None:
    installation, page = person.installation, person.open()
    address = installation.operator("registration", "invite")

    setup = register(person, page, address)
    assert setup.url == f"{installation.tool_url}/app/administration", "the code has left the address"
    client_id, secret = make_api_key(page, setup)
    shown = setup.locator(".scopes ul code").all_inner_texts()
    assert sorted(shown) == sorted(ALL_SCOPES)
    look(setup, "install-3-setup", setup)
    fits(setup, setup)
    enter_key(setup, client_id, f"{secret[:-1]}0")
    refused = "Canvas does not accept the key's secret"
    expect(setup.get_by_role("alert")).to_contain_text(refused, timeout=PATIENCE_MS)
    enter_key(setup, client_id, secret)
    checks(setup)
    look(setup, "install-4-checked", setup)
    fits(setup, setup)

    course = next(iter(installation.canvas.state.courses.values()))
    person.act_as(page, "Teacher")
    page.goto(f"{installation.canvas.url}/courses/{course.id}")
    page.get_by_role("link", name="Peer reviews", exact=True).click()
    tool = page.frame_locator("iframe[name=tool_content]")
    button = tool.get_by_role("button", name="Connect to Canvas")
    click_that_opens(person.context, button).get_by_role("button", name="Authorize").click()
    expect(tool.get_by_role("heading", name="Peer reviews in")).to_be_visible(timeout=PATIENCE_MS)

    person.act_as(page, "Admin")
    page.goto(f"{installation.canvas.url}/courses/{course.id}")
    page.get_by_role("link", name="Peer reviews", exact=True).click()
    expect(tool.get_by_role("heading", name="Administration")).to_be_visible(timeout=PATIENCE_MS)
    checks(tool)
    expect(tool.get_by_text("1 teacher connected")).to_be_visible()
    expect(tool.get_by_role("button", name="Check and store")).to_have_count(0)
    look(page, "administration", frame_of(page, "tool_content"))

    again = person.open()
    again.goto(address)
    expect(again.get_by_role("heading", name="This registration address is not good")).to_be_visible()
    assert [trouble for trouble in person.troubles if "403" not in trouble] == []
    assert len(person.troubles) == 1, "the address registers one Canvas, once"
