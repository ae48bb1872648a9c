"""Shared by the tests of launches: the tool on a stage, and browsers with chosen habits about cookies."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext

from lti_tool.cli import demonstration
from lti_tool.cli.demonstration import Demonstration, start_demo
from lti_tool.simulator.app import create_simulator, platform_of
from lti_tool.simulator.platform import LtiPlatform
from tests.conftest import ARGUMENTS
from tests.integration.lti.scene import Stage, stage


@pytest.fixture(scope="module")
def tool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The tool and a platform, once a module: launches do not disturb each other."""
    with stage(tmp_path_factory.mktemp("tool")) as made:
        yield made


@dataclass
class Running:
    """The whole product, and the LTI side of the Canvas in it."""

    demo: Demonstration
    platform: LtiPlatform


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Canvas at localhost, the tool at 127.0.0.1: two sites to a browser."""
    platforms: list[LtiPlatform] = []

    def create(*given: Any, **named: Any) -> Any:
        app = create_simulator(*given, **named)
        platforms.append(platform_of(app))
        return app

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demonstration, "create_simulator", create)
        demo = start_demo(tmp_path_factory.mktemp("demo") / "instance", kinds=("small",))
    yield Running(demo, platforms[0])
    demo.stop()


OpenBrowser = Callable[..., BrowserContext]


@pytest.fixture
def open_browser(chromium: Browser, tmp_path: Path) -> Iterator[OpenBrowser]:
    """Opens a Chromium with a profile of its own: third-party cookies blocked or not, and all data refused to
    one site inside another (``refuse=(site, inside)``)."""
    opened: list[BrowserContext] = []

    def open_(*, third_party_cookies: bool, refuse: tuple[str, str] | None = None) -> BrowserContext:
        profile: dict[str, Any] = {
            "block_third_party_cookies": not third_party_cookies,
            "cookie_controls_mode": 0 if third_party_cookies else 1,
        }
        if refuse is not None:
            rules = {",".join(refuse): {"setting": 2}}
            profile["content_settings"] = {"exceptions": {"cookies": rules}}
        folder = tmp_path / f"profile-{len(opened)}"
        (folder / "Default").mkdir(parents=True)
        (folder / "Default" / "Preferences").write_text(json.dumps({"profile": profile}))
        path = shutil.which("chromium")
        assert path is not None, "the fixture chromium has found one"
        context = chromium.browser_type.launch_persistent_context(
            folder, executable_path=path, args=list(ARGUMENTS), headless=True
        )
        opened.append(context)
        return context

    yield open_
    for context in opened:
        context.close()
