"""Fixtures for all tests: Debian's Chromium, found by path; tests that need it skip where there is none."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import settings
from playwright.sync_api import Browser, sync_playwright

settings.register_profile(
    "gate", derandomize=True
)  # on the gate a failure is one of the change, not of the day
if os.environ.get("CI"):
    settings.load_profile("gate")

REQUIRE_BROWSER = "PEER_ALLOCATOR_REQUIRE_BROWSER"
ARGUMENTS = (
    "--no-sandbox",  # Chromium refuses to run as root with it
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Playwright's list of features less the partitioning of storage, which browsers have; the last list wins.
    # Frames of other sites stay in the page's process: Playwright now and then loses one that moves.
    "--disable-site-isolation-trials",
    "--disable-features=IsolateOrigins,site-per-process,"
    "AvoidUnnecessaryBeforeUnloadCheckSync,HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,PaintHolding,"
    "Translate,MediaRouter,DialMediaRouteProvider,OptimizationHints",
)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """A headless Chromium. Debian's build refuses third-party cookies by itself."""
    path = shutil.which("chromium")
    if path is None:
        message = "there is no Chromium: install Debian's package `chromium` to run the browser tests"
        if os.environ.get(REQUIRE_BROWSER):
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """Commands configure the logs of the whole process; the next test finds them as they were."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()
