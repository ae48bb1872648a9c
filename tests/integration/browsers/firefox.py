"""A headless Firefox of Debian's, driven over WebDriver BiDi: Debian has no geckodriver, and none is needed.

Only what the launch tests use: pages, frames, scripts in them, and the wait for something to be true.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import websocket

PREFERENCES: Mapping[str, object] = {
    "app.update.auto": False,
    "app.normandy.enabled": False,
    "browser.aboutwelcome.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "datareporting.policy.dataSubmissionEnabled": False,
    "dom.disable_open_during_load": False,
    "extensions.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,",
    "toolkit.telemetry.reportingpolicy.firstRun": False,
}
ANSWER_WITHIN_S = 90


class ScriptFailed(Exception):
    """The page's script raised something."""


class Firefox:
    """One browser with one tab. Windows that pages open are found by ``windows``."""

    def __init__(self, socket: websocket.WebSocket) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self.call("session.new", {"capabilities": {"alwaysMatch": {"acceptInsecureCerts": True}}})
        self.tab: str = self.call("browsingContext.getTree", {})["contexts"][0]["context"]

    def call(self, method: str, parameters: Mapping[str, Any]) -> Any:
        """One command; events that come meanwhile are let go."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            said = json.loads(self._socket.recv())
            if said.get("id") == number:
                if said["type"] == "error":
                    raise ScriptFailed(f"{said['error']}: {said['message']}")
                return said["result"]

    def open(self, url: str) -> None:
        """Go there, and wait for the document."""
        self.call("browsingContext.navigate", {"context": self.tab, "url": url, "wait": "complete"})

    def windows(self) -> list[str]:
        """Every tab and window."""
        return [one["context"] for one in self.call("browsingContext.getTree", {})["contexts"]]

    def frames(self, context: str) -> list[str]:
        """Contexts of the frames of a page."""
        tree = self.call("browsingContext.getTree", {"root": context})["contexts"][0]
        return [child["context"] for child in tree["children"]]

    def run(self, context: str, script: str) -> Any:
        """The value of an expression in a page or frame; only texts, numbers, truth."""
        given = {
            "expression": script,
            "target": {"context": context},
            "awaitPromise": True,
            "userActivation": True,
        }
        result = self.call("script.evaluate", given)
        if result["type"] == "exception":
            raise ScriptFailed(result["exceptionDetails"]["text"])
        return result["result"].get("value")


@contextlib.contextmanager
def firefox(folder: Path, preferences: Mapping[str, object]) -> Iterator[Firefox]:
    """A Firefox with a profile of its own."""
    profile = folder / "profile"
    profile.mkdir(parents=True)
    lines = {**PREFERENCES, **preferences}
    (profile / "user.js").write_text(
        "".join(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in lines.items())
    )
    path = shutil.which("firefox-esr") or shutil.which("firefox")
    assert path is not None, "asked for before"
    log = folder / "firefox.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [path, "--headless", "--no-remote", "--profile", str(profile), "--remote-debugging-port", "0"],
            stdout=output,
            stderr=output,
            env={"HOME": str(folder), "PATH": "/usr/bin:/bin", "MOZ_DISABLE_CONTENT_SANDBOX": "1"},
        )
    try:
        address = _address(log, process)
        socket = websocket.create_connection(
            f"{address}/session", timeout=ANSWER_WITHIN_S, suppress_origin=True
        )
        try:
            yield Firefox(socket)
        finally:
            socket.close()
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _address(log: Path, process: subprocess.Popen[bytes]) -> str:
    until = time.monotonic() + ANSWER_WITHIN_S
    while True:
        found = re.search(r"WebDriver BiDi listening on (ws://[\d.]+:\d+)", log.read_text(errors="replace"))
        if found:
            return found[1]
        assert process.poll() is None, log.read_text(errors="replace")
        assert time.monotonic() < until, log.read_text(errors="replace")
        time.sleep(0.1)
