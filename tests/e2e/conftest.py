"""The whole product, running: simulated Canvas, tool, worker; and a teacher in front of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage

from lti_tool.cli.demonstration import Demonstration, start_demo
from lti_tool.simulator.courses import CourseKind
from tests.e2e.teacher import Teacher


@pytest.fixture
def demo(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Demonstration]:
    """Everything in this process, on free ports, with a database of its own. A parameter names courses."""
    kinds: tuple[CourseKind, ...] = getattr(request, "param", ("small", "sections", "awkward"))
    running = start_demo(tmp_path / "demo", kinds=kinds)
    yield running
    running.stop()


@pytest.fixture
def teacher(chromium: Browser, demo: Demonstration) -> Iterator[Teacher]:
    """A teacher whose browser reports every script error and every refusal of the content policy."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    troubles: list[str] = []

    def keep(said: ConsoleMessage) -> None:
        if said.type == "error":
            troubles.append(said.text)

    page.on("console", keep)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    yield Teacher(demo, context, page, troubles)
    context.close()
