"""A teacher in front of the simulated Canvas: what she clicks, and what Canvas then holds."""

from __future__ import annotations

import csv
import io
import os
from dataclasses import dataclass
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, FrameLocator, Locator, Page, expect
from playwright.sync_api import TimeoutError as TooSlow

from lti_tool.cli.demonstration import Demonstration
from lti_tool.simulator.records import Assignment, Course

HEAR_CANVAS = """
  if (window === window.top) {
    window.heard = [];
    addEventListener("message", (event) => window.heard.push(event.data));
  }
"""
"""Keeps what the tool tells Canvas around its frame."""
SCREENSHOTS = Path(os.environ.get("PEER_ALLOCATOR_SCREENS", "test-results/screens"))
PATIENCE_MS = 20_000
expect.set_options(timeout=PATIENCE_MS)


def click_that_opens(context: BrowserContext, button: Locator) -> Page:
    """The window that a button opens; pressed again, as people do, where a frame moved under the click."""
    button.scroll_into_view_if_needed()
    for _ in range(3):
        try:
            with context.expect_page(timeout=PATIENCE_MS) as opened:
                button.click()
            return opened.value
        except TooSlow:
            continue
    raise AssertionError("three clicks opened no window")


@dataclass
class Teacher:
    """One person in one browser context; ``tool`` is what she sees inside Canvas's frame."""

    demo: Demonstration
    context: BrowserContext
    page: Page
    troubles: list[str]

    @property
    def tool(self) -> FrameLocator:
        """The tool's frame."""
        return self.page.frame_locator("iframe[name=tool_content]")

    def open_tool(self, course: Course, role: str = "Teacher") -> None:
        """Choose who to be on Canvas's home page, open the course, choose *Peer reviews*."""
        self.page.goto(f"{self.demo.canvas_url}/")
        options = self.page.locator("#act-as option").all_inner_texts()
        self.page.select_option("#act-as", label=next(o for o in options if o.endswith(f"– {role}")))
        self.page.get_by_role("button", name="Switch").click()
        self.page.goto(f"{self.demo.canvas_url}/courses/{course.id}")
        self.page.get_by_role("link", name="Peer reviews", exact=True).click()

    def connect(self) -> None:
        """Give the tool access, in the window that it opens."""
        button = self.tool.get_by_role("button", name="Connect to Canvas")
        click_that_opens(self.context, button).get_by_role("button", name="Authorize").click()
        expect(self.tool.get_by_role("heading", name="Peer reviews in")).to_be_visible()

    def plan(self, assignment: Assignment, **rules: str) -> None:
        """From the list of assignments to the preview; ``rules`` are labels of choices and fields."""
        self.tool.locator(f"a[href*='/assignments/{assignment.id}/people']").click()
        self.tool.get_by_role("button", name="Go on to the rules").click()
        for name, value in rules.items():
            if name == "choose":
                self.tool.get_by_role("radio", name=value).check()
            else:
                self.tool.locator(f"#{name}").fill(value)
        self.tool.get_by_role("button", name="Show the preview").click()
        expect(self.tool.get_by_role("heading", name="Preview", exact=True)).to_be_visible()

    def downloaded_plan(self) -> dict[str, set[tuple[str, str]]]:
        """The plan as its CSV has it: for each kind of change the pairs (reviewer id, author id)."""
        with self.page.expect_download() as download:
            self.tool.get_by_role("link", name="Download as CSV").click()
        text = Path(download.value.path()).read_text(encoding="utf-8-sig")
        found: dict[str, set[tuple[str, str]]] = {}
        for row in csv.DictReader(io.StringIO(text)):
            found.setdefault(row["Change"], set()).add((row["Reviewer id"], row["Author id"]))
        return found

    def apply(self) -> None:
        """From the preview over the confirmation to the end of the run."""
        self.begin_run()
        self.see_it_end()

    def see_it_end(self) -> None:
        """Wait for the report of a run that is under way."""
        expect(self.tool.get_by_role("heading", name="applied and checked")).to_be_visible(timeout=60_000)

    def begin_run(self) -> None:
        """From the preview over the confirmation to the run's page."""
        self.tool.get_by_role("link", name="Apply").or_(
            self.tool.get_by_role("button", name="Apply")
        ).last.click()
        confirmation = self.tool.get_by_role("heading", name="in Canvas?")
        under_way = self.tool.get_by_role("heading", name="Applying the plan")
        over = self.tool.get_by_role("heading", name="applied and checked")
        expect(confirmation.or_(under_way).or_(over).first).to_be_visible()
        if confirmation.is_visible():
            for box in self.tool.get_by_role("checkbox").all():
                box.check()
            self.tool.get_by_role("button", name="Apply").click()
        expect(under_way.or_(over).first).to_be_visible()

    def undo_preview(self) -> None:
        """From the report to the preview of taking it back."""
        self.tool.get_by_role("button", name="Undo this run").click()
        expect(self.tool.get_by_role("heading", name="Preview: undo")).to_be_visible()

    def read_aloud(self) -> list[str]:
        """What Canvas was asked to say to screen readers since ``HEAR_CANVAS`` was put in."""
        said: list[str] = self.page.evaluate(
            "heard.filter(one => one.subject === 'lti.screenReaderAlert').map(one => one.body)"
        )
        return said

    def picture(self, name: str) -> Path:
        """Where a picture goes."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        return SCREENSHOTS / f"{name}.png"

    def look(self, name: str, at: Locator | None = None) -> None:
        """Take a picture, from ``at`` downwards, and let axe look: nothing may be found on any screen."""
        if at is not None:
            at.evaluate("element => element.scrollIntoView({ block: 'start' })")
        self.page.screenshot(path=self.picture(name))
        frame = self.page.frame(name="tool_content")
        assert frame is not None
        found = Axe().run(frame)
        assert not found.response["violations"], f"{name}: {found.generate_report()}"

    def fits(self, width: int) -> None:
        """The tool's page is no wider than a window of this width."""
        frame = self.page.frame(name="tool_content")
        assert frame is not None
        before = self.page.viewport_size
        self.page.set_viewport_size({"width": width, "height": 800})
        inner = frame.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        assert inner[0] <= inner[1], f"{inner[0]} px of page in a frame of {inner[1]} px"
        assert before is not None
        self.page.set_viewport_size(before)
