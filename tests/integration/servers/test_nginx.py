"""``peer-allocator serve`` behind the documented nginx: https, two names, addresses, cookies, a launch."""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, expect

from lti_tool.cli.demonstration import LTI_CLIENT
from lti_tool.simulator.habits import Habits
from tests.conftest import ARGUMENTS
from tests.integration.browsers.test_other_browsers import (
    PRESS,
    TEXT,
    InWebKit,
    eventually,
    require,
    tool_is_open,
)
from tests.integration.browsers.webkit import webkit
from tests.integration.servers.conftest import CANVAS, LAUNCHES_PER_MINUTE, TOOL, Installed

pytestmark = pytest.mark.xdist_group("nginx")
PATIENCE_MS = 60_000


@dataclass(frozen=True)
class Answer:
    """One answer of nginx. ``headers`` in lower case; several of a kind one a line."""

    status: int
    headers: Mapping[str, str]
    body: str


class _Pinned(http.client.HTTPSConnection):
    """Speaks to a host name at 127.0.0.1, with its certificate checked, from a loopback address of choice."""

    def __init__(self, host: str, installed: Installed, source: str) -> None:
        super().__init__(host, installed.port)
        self._trusted = ssl.create_default_context(cafile=str(installed.certificate))
        self._source = source

    def connect(self) -> None:
        opened = socket.create_connection(("127.0.0.1", self.port), 30, (self._source, 0))
        self.sock = self._trusted.wrap_socket(opened, server_hostname=self.host)


def ask(
    installed: Installed, path: str, *, method: str = "GET", body: str = "", source: str = "127.0.0.1",
    host: str = TOOL, **headers: str,
) -> Answer:  # fmt: skip
    connection = _Pinned(host, installed, source)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if body:
        sent["Content-Type"] = "application/x-www-form-urlencoded"
    connection.request(method, path, body or None, sent)
    answer = connection.getresponse()
    found: dict[str, str] = {}
    for name, value in answer.getheaders():
        found[name.lower()] = "\n".join(filter(None, (found.get(name.lower(), ""), value)))
    made = Answer(answer.status, found, answer.read().decode())
    connection.close()
    return made


def login(installed: Installed, source: str, **headers: str) -> Answer:
    fields = {
        "iss": installed.canvas,
        "client_id": LTI_CLIENT,
        "login_hint": "somebody",
        "lti_message_hint": "canary-hint",
        "target_link_uri": f"{installed.tool}/lti/launch",
    }
    return ask(installed, "/lti/login", method="POST", body=urlencode(fields), source=source, **headers)


def test_https_and_what_comes_with_it(installed: Installed) -> None:
    answer = login(installed, "127.0.0.10")
    assert answer.status == 200
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-peer-allocator-launch-")
    for word in ("Secure", "HttpOnly", "SameSite=None", "Partitioned", "Path=/"):
        assert word in cookie.split("; ")
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    assert "nginx/" not in answer.headers.get("server", "")
    other = ask(installed, "/", host=CANVAS, source="127.0.0.10")
    assert "strict-transport-security" not in other.headers, "the other name is the Canvas"


def test_plain_http_leads_to_https(installed: Installed) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", installed.plain_port, timeout=30)
    connection.request("GET", "/lti/login?x=1", headers={"Host": TOOL})
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("Location")) == (301, f"https://{TOOL}/lti/login?x=1")
    connection.close()


def test_visitors_are_counted_by_their_own_address(installed: Installed) -> None:
    """Each loopback address is a visitor; writing addresses into the header makes nobody another one."""
    statuses = [
        login(installed, "127.0.0.20", X_Forwarded_For=f"198.51.100.{number}").status
        for number in range(LAUNCHES_PER_MINUTE + 1)
    ]
    assert statuses == [200] * LAUNCHES_PER_MINUTE + [429]
    assert login(installed, "127.0.0.21").status == 200, "others are not affected"
    refused = login(installed, "127.0.0.20")
    assert refused.status == 429
    assert "Too many requests in a short time" in refused.body


def test_what_is_asked_for_inside_is_not_there_outside(installed: Installed) -> None:
    assert ask(installed, "/health").status == 200
    for path in ("/metrics", "/ready"):
        assert ask(installed, path).status == 404


def test_logs_share_an_id_and_hold_no_query(installed: Installed) -> None:
    answer = ask(installed, "/connect/callback?code=canary-code&state=canary-state", source="127.0.0.30")
    request_id = answer.headers["x-request-id"]
    proxy, tool = installed.access_log.read_text(), installed.tool_log.read_text()
    assert [line for line in proxy.splitlines() if request_id in line and "127.0.0.30" in line]
    lines = [json.loads(line) for line in tool.splitlines()]
    assert [line for line in lines if line.get("request") == request_id]
    for written in (proxy, tool):
        assert "canary" not in written


@pytest.mark.browser
def test_a_teacher_launches_from_canvas_in_a_browser(
    installed: Installed, chromium: Browser, tmp_path: Path
) -> None:
    path = shutil.which("chromium")
    assert path is not None, "the fixture chromium has found one"
    context = chromium.browser_type.launch_persistent_context(
        tmp_path / "profile", executable_path=path, args=list(ARGUMENTS), ignore_https_errors=True
    )
    try:
        page = context.new_page()
        page.goto(f"{installed.canvas}/login")
        page.select_option("#user", installed.teacher)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{installed.canvas}/")
        page.goto(installed.tool_page)
        frame = page.frame_locator("iframe[name=tool_content]")
        expect(frame.get_by_role("button", name="Connect to Canvas")).to_be_visible(timeout=PATIENCE_MS)
    finally:
        context.close()


@pytest.mark.browser
@pytest.mark.filterwarnings("ignore:setting remote_server_addr:DeprecationWarning")  # selenium's own
def test_safaris_engine_launches_in_a_window_of_its_own(installed: Installed) -> None:
    """WebKit keeps no cookie of the frame; without the platform's storage a window is left, over https."""
    require("webkit")
    installed.state.habits = Habits(storage_frame=False)  # the last test here
    with webkit() as driver:
        browser = InWebKit(driver)
        browser.open(f"{installed.canvas}/login")
        browser.page(f"document.querySelector('#user').value = '{installed.teacher}'")
        browser.page("document.querySelector('#user').form.requestSubmit()")
        eventually(lambda: browser.page("location.pathname") == "/")
        browser.open(installed.tool_page)
        eventually(lambda: "Open in a new window" in str(browser.tool(TEXT)))
        browser.tool(PRESS)
        eventually(lambda: tool_is_open(browser.new_window))
