"""WebKitGTK of Debian's under a virtual display: Safari's engine, which keeps no cookie of a frame at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.webkitgtk.options import Options
from selenium.webdriver.webkitgtk.service import Service

BROWSERS = Path("/usr/lib")
QUIET: Mapping[str, str] = {
    "WEBKIT_DISABLE_COMPOSITING_MODE": "1",
    "WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1",  # it refuses to start as root with it
    "LIBGL_ALWAYS_SOFTWARE": "1",
}


def missing() -> str | None:
    """What is not installed, by the name of its package."""
    for program, package in (("WebKitWebDriver", "webkit2gtk-driver"), ("Xvfb", "xvfb")):
        if shutil.which(program) is None:
            return package
    return None if _browser() else "webkit2gtk-driver"


def _browser() -> Path | None:
    found = sorted(BROWSERS.glob("*/webkit2gtk-4.*/MiniBrowser"))
    return found[-1] if found else None


@contextlib.contextmanager
def webkit() -> Iterator[WebDriver]:
    """A WebKitGTK with an empty profile."""
    with _display() as display:
        options = Options()
        options.binary_location = str(_browser())
        options.add_argument("--automation")
        options.set_capability("acceptInsecureCerts", True)
        environment = {**os.environ, **QUIET, "DISPLAY": display}
        driver = webdriver.WebKitGTK(
            options=options, service=Service(executable_path=shutil.which("WebKitWebDriver"), env=environment)
        )
        try:
            yield driver
        finally:
            driver.quit()


@contextlib.contextmanager
def _display() -> Iterator[str]:
    """A virtual display with a number of its own choosing."""
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "1200x900x24", "-nolisten", "tcp"],
        pass_fds=(write,),
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    try:
        with os.fdopen(read) as number:
            yield f":{number.readline().strip()}"
    finally:
        server.terminate()
        server.wait()


def enter_tool(driver: WebDriver) -> None:
    """Look into the tool's frame."""
    driver.switch_to.default_content()
    driver.switch_to.frame(driver.find_element(By.NAME, "tool_content"))
