"""Launches in Firefox and in WebKitGTK (Safari's engine), from the simulated Canvas on another site.

What Chromium does is in tests/integration/lti/test_browser.py. Both browsers are real; nothing is played.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver

from lti_tool.cli.demonstration import LTI_CLIENT, Demonstration, start_demo
from lti_tool.simulator.habits import Habits
from tests.conftest import REQUIRE_BROWSER
from tests.integration.browsers.firefox import Firefox, ScriptFailed, firefox
from tests.integration.browsers.webkit import enter_tool, missing, webkit

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("other browsers"),
    # Selenium's own driver for WebKitGTK calls what Selenium deprecated.
    pytest.mark.filterwarnings("ignore:setting remote_server_addr:DeprecationWarning"),
]
PATIENCE_S = 90
FIREFOX_REFUSES = {"network.cookie.cookieBehavior": 1}
"""All third-party cookies and storage; the default (5) gives each site a jar of its own."""


class Driven(Protocol):
    """What the tests do in a browser."""

    def open(self, url: str) -> None: ...
    def page(self, script: str) -> Any: ...
    def tool(self, script: str) -> Any: ...
    def new_window(self, script: str) -> Any: ...


class InFirefox:
    def __init__(self, browser: Firefox) -> None:
        self._browser = browser

    def open(self, url: str) -> None:
        for other in self._browser.windows():
            if other != self._browser.tab:
                self._browser.call("browsingContext.close", {"context": other})
        self._browser.open(url)

    def page(self, script: str) -> Any:
        return self._browser.run(self._browser.tab, script)

    def tool(self, script: str) -> Any:
        for frame in self._browser.frames(self._browser.tab):
            if self._browser.run(frame, "window.name") == "tool_content":
                return self._browser.run(frame, script)
        return None

    def new_window(self, script: str) -> Any:
        others = [one for one in self._browser.windows() if one != self._browser.tab]
        return self._browser.run(others[-1], script) if others else None


class InWebKit:
    def __init__(self, driver: WebDriver) -> None:
        self._driver = driver
        self._first = driver.current_window_handle

    def open(self, url: str) -> None:
        for handle in self._driver.window_handles:
            if handle != self._first:
                self._driver.switch_to.window(handle)
                self._driver.close()
        self._driver.switch_to.window(self._first)
        self._driver.get(url)

    def page(self, script: str) -> Any:
        self._driver.switch_to.window(self._first)
        return self._driver.execute_script(f"return {script}")

    def tool(self, script: str) -> Any:
        self._driver.switch_to.window(self._first)
        enter_tool(self._driver)
        if script == PRESS:  # a window opens only for somebody's own click
            button = self._driver.find_element(By.XPATH, "//button[contains(., 'Open in a new window')]")
            button.click()
            return None
        return self._driver.execute_script(f"return {script}")

    def new_window(self, script: str) -> Any:
        others = [one for one in self._driver.window_handles if one != self._first]
        if not others:
            return None
        self._driver.switch_to.window(others[-1])
        return self._driver.execute_script(f"return {script}")


PRESS = "[...document.querySelectorAll('button')].find(b => b.innerText.includes('new window')).click()"
TEXT = "document.body.innerText"


@contextmanager
def driving(name: str, folder: Path) -> Iterator[Driven]:
    if name == "webkit":
        with webkit() as driver:
            yield InWebKit(driver)
    else:
        with firefox(folder, FIREFOX_REFUSES if name == "firefox, refusing" else {}) as browser:
            yield InFirefox(browser)


def require(name: str) -> None:
    package = missing() if name == "webkit" else None if shutil.which("firefox-esr") else "firefox-esr"
    if package is None:
        return
    message = f"there is no {name.partition(',')[0]} that can be driven; on Debian: apt-get install {package}"
    if os.environ.get(REQUIRE_BROWSER):
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demonstration]:
    made = start_demo(tmp_path_factory.mktemp("demo") / "instance", kinds=("small",))
    yield made
    made.stop()


@pytest.fixture(scope="module", params=["firefox", "firefox, refusing", "webkit"])
def browser(
    request: pytest.FixtureRequest, demo: Demonstration, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Driven]]:
    """A browser in which a teacher is signed in to Canvas."""
    require(request.param)
    with driving(request.param, tmp_path_factory.mktemp("browser")) as driven:
        teacher = next(user for user in demo.state.users.values() if user.login == "teacher")
        driven.open(f"{demo.canvas_url}/login")
        driven.page(f"document.querySelector('#user').value = '{teacher.id}'")
        driven.page("document.querySelector('#user').form.requestSubmit()")
        eventually(lambda: driven.page("location.pathname") == "/")
        yield request.param, driven


def eventually(reached: Callable[[], object]) -> None:
    """Pages come and go meanwhile, so that a look can fail."""
    until = time.monotonic() + PATIENCE_S
    while True:
        trouble = ""
        try:
            if reached():
                return
        except (ScriptFailed, WebDriverException) as error:
            trouble = str(error)
        assert time.monotonic() < until, f"never happened; {trouble}"
        time.sleep(0.2)


def open_tool(demo: Demonstration, driven: Driven, *, storage: bool) -> None:
    demo.state.habits = Habits(storage_frame=storage)
    course = next(iter(demo.state.courses.values()))
    driven.open(f"{demo.canvas_url}/courses/{course.id}/external_tools/{LTI_CLIENT}")


def tool_is_open(look: Callable[[str], Any]) -> bool:
    return "Connect to Canvas" in str(look(TEXT))


def test_launch_in_the_frame_and_its_reload(demo: Demonstration, browser: tuple[str, Driven]) -> None:
    _, driven = browser
    open_tool(demo, driven, storage=True)
    eventually(lambda: tool_is_open(driven.tool))
    token = driven.tool("sessionStorage.getItem('peer-allocator-session')")
    assert token
    driven.tool("(window.staysUntilReload = true, setTimeout(() => location.reload(), 0), true)")
    eventually(lambda: driven.tool("window.staysUntilReload === undefined"))
    eventually(lambda: tool_is_open(driven.tool))
    assert driven.tool("sessionStorage.getItem('peer-allocator-session')") == token, "the same session"


def test_launch_without_the_platforms_storage(demo: Demonstration, browser: tuple[str, Driven]) -> None:
    """Firefox keeps the frame's partitioned cookie; whoever refuses it is offered a window of its own.

    WebKit keeps the window's cookie over https only, so its turn is in tests/integration/servers.
    """
    name, driven = browser
    open_tool(demo, driven, storage=False)
    if name == "firefox":
        eventually(lambda: tool_is_open(driven.tool))
        return
    eventually(lambda: "Open in a new window" in str(driven.tool(TEXT)))
    if name == "webkit":
        return
    driven.tool(PRESS)
    eventually(lambda: tool_is_open(driven.new_window))
    assert "lti_message_hint" not in str(driven.new_window("location.href"))
