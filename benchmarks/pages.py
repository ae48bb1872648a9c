"""How fast the pages are for a teacher of 1 000 students: `python -m benchmarks.pages`.

A real Chromium opens the tool in the simulated Canvas's frame, all in this machine, so that Canvas's own
waiting times are left out. Printed: each page with its bytes (not compressed), the milliseconds of processor
time of the server (tool and simulated Canvas together) and the milliseconds until the browser had painted it;
then each interaction with the browser's own "interaction to next paint" (its Event Timing, steps of 8 ms) and
the same two. Targets: rules to preview under 1 000 ms, a page under 150 KB, an interaction under 100 ms.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import NamedTuple

from playwright.sync_api import Frame, Page, Response, expect, sync_playwright

from lti_tool.cli.demonstration import start_demo
from lti_tool.logs import configure_logs
from tests.conftest import ARGUMENTS
from tests.e2e.teacher import Teacher

REPEATS = 5
LARGEST_PAGE = 150_000
SLOWEST_PREVIEW = 1_000
SLOWEST_INTERACTION = 100
WATCH = """
  window.interactions = [];
  new PerformanceObserver((list) => {
    for (const one of list.getEntries()) if (one.interactionId) window.interactions.push(one.duration);
  }).observe({ type: "event", durationThreshold: 16, buffered: true });
"""
PAINTED = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


class Watch:
    """What the tool answers and when, as the browser sees it."""

    def __init__(self, page: Page) -> None:
        self.answers: list[Response] = []
        page.on("response", self._keep)

    def _keep(self, answer: Response) -> None:
        self.answers.append(answer)

    def of_pages(self) -> list[Response]:
        """The answers since the last call that carried parts of pages."""
        found = [one for one in self.answers if one.request.headers.get("authorization")]
        self.answers.clear()
        return found


def tool(page: Page) -> Frame:
    frame = page.frame(name="tool_content")
    assert frame is not None
    return frame


class Took(NamedTuple):
    """Milliseconds: of this process's processor time, and on the clock."""

    busy: float
    shown: float


def shown(frame: Frame, act: Callable[[], None], selector: str) -> Took:
    """From doing something until ``selector`` is there and painted."""
    clock, busy = time.perf_counter(), time.process_time()
    act()
    frame.wait_for_selector(selector, state="attached")
    frame.evaluate(PAINTED)
    return Took(1_000 * (time.process_time() - busy), 1_000 * (time.perf_counter() - clock))


def middle(times: list[Took]) -> Took:
    """The median of each."""
    return Took(median(one.busy for one in times), median(one.shown for one in times))


def print_page(name: str, took: Took, answers: list[Response], limit: float | None = None) -> None:
    sizes = [len(one.body()) for one in answers]
    marks = "" if max(sizes, default=0) < LARGEST_PAGE else "  TOO LARGE"
    marks += "" if limit is None or took.shown < limit else "  TOO SLOW"
    print(f"{name:40}{max(sizes, default=0):10,}{took.busy:10.0f}{took.shown:10.0f}{marks}", flush=True)


def print_pages(teacher: Teacher, watch: Watch) -> None:
    """From the list of assignments to the preview and the confirmation."""
    page, frame = teacher.page, tool(teacher.page)
    link = frame.locator("a[href*='/people']").first
    watch.of_pages()
    took = shown(frame, link.click, "#choice")
    print_page("participants, Canvas read for it", took, watch.of_pages())
    took = shown(frame, frame.get_by_role("button", name="Go on to the rules").click, "#feasibility")
    print_page("rules", took, watch.of_pages())
    times = []
    for _ in range(REPEATS):
        watch.of_pages()
        button = frame.get_by_role("button", name="Show the preview")
        times.append(shown(frame, button.click, "#changes-place tbody tr"))
        answers = [one for one in watch.of_pages() if one.url.endswith("/rules") or "/plans/" in one.url]
        answers = [one for one in answers if not one.url.endswith(("/drift", "/quality"))]
        expect(frame.get_by_text("usually” is the middle")).to_be_visible()
        expect(frame.get_by_text("Canvas is as it was")).to_be_visible()
        if len(times) < REPEATS:
            frame.get_by_role("link", name="Change the rules").click()
            expect(button).to_be_visible()
    print_page(f"rules to preview, median of {REPEATS}", middle(times), answers, SLOWEST_PREVIEW)
    took = shown(frame, lambda: None, ".quality td:not(:has-text('…'))")
    expect(frame.get_by_text("usually” is the middle")).to_be_visible()
    expect(frame.get_by_text("Canvas is as it was")).to_be_visible()
    page.wait_for_timeout(500)
    print_page("  its parts: comparison, drift", took, watch.of_pages())


def print_interactions(frame: Frame, watch: Watch) -> None:
    """Typing, sorting, filtering, paging on the preview of 3 000 changes."""
    print(f"\n{'interaction':40}{'bytes':>10}{'INP':>10}{'busy':>10}{'shown':>10}")

    def type_name(number: int) -> None:
        frame.locator("#name").press("marie"[number])

    def shown_anew(act: Callable[[int], None], number: int) -> Took:
        frame.evaluate("document.querySelector('#changes-place').firstElementChild.dataset.old = ''")
        return shown(frame, lambda: act(number), "#changes-place:not(:has([data-old])):not([aria-busy])")

    for name, act in (
        ("type a letter of a name", type_name),
        ("clear the name", lambda _: frame.locator("#name").fill("")),
        ("sort by a column", lambda n: frame.locator(f"#sort-{('author', 'reviewer')[n % 2]}").click()),
        ("choose a section", lambda n: frame.locator("#section").select_option(index=n + 1)),
        ("all sections", lambda _: frame.locator("#section").select_option(index=0)),
        ("next page", lambda _: frame.get_by_role("link", name="Later").click()),
    ):
        times, sizes = [], []
        frame.evaluate("window.interactions.length = 0")
        for number in range(1 if name.startswith(("clear", "all")) else REPEATS):
            watch.of_pages()
            times.append(shown_anew(act, number))
            sizes += [len(one.body()) for one in watch.of_pages()]
        frame.wait_for_timeout(150)
        durations = frame.evaluate("window.interactions")
        worst = max(durations, default=0)
        mark = "" if worst < SLOWEST_INTERACTION else "  TOO SLOW"
        inp = f"{worst:.0f}" if durations else "< 16"
        took, size = middle(times), max(sizes, default=0)
        print(f"{name:40}{size:10,}{inp:>10}{took.busy:10.0f}{took.shown:10.0f}{mark}", flush=True)


def main() -> None:
    """Bring everything up, walk through it, print."""
    path = shutil.which("chromium")
    if path is None:
        sys.exit("There is no Chromium: install Debian's package `chromium`.")
    configure_logs("ERROR")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        demo = start_demo(Path(folder) / "demo", kinds=("large",))
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        context.add_init_script(WATCH)
        page = context.new_page()
        teacher = Teacher(demo, context, page, [])
        watch = Watch(page)
        (course,) = demo.state.courses.values()
        teacher.open_tool(course)
        clock, busy = time.perf_counter(), time.process_time()
        teacher.connect()
        took = Took(1_000 * (time.process_time() - busy), 1_000 * (time.perf_counter() - clock))
        print(f"{'page':40}{'bytes':>10}{'busy':>10}{'shown':>10}")
        print_page("assignments, after consent", took, watch.of_pages())
        print_pages(teacher, watch)
        print_interactions(tool(page), watch)
        browser.close()
        demo.stop()


if __name__ == "__main__":
    main()
