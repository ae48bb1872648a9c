"""The wizard in a real Chromium: accessible, narrow, by keyboard, inside a frame, with hostile names."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect

from lti_tool.applying.states import RunState
from lti_tool.planning.drift import Drift, DriftKind
from lti_tool.planning.rules import PlanRules
from lti_tool.services.page_places import CanvasBusy
from tests.integration.web.course import ASSIGNMENT, TEACHER, a_course
from tests.integration.web.screens import (
    PEOPLE,
    RULES,
    STATES,
    state_connect,
    state_impossible,
    state_large_preview,
    state_preview,
)
from tests.integration.web.test_pages import HOSTILE

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("quiet")]

Serve = Callable[..., str]


def open_page(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.locator("main h1")).to_be_visible()
    expect(page.locator("main")).not_to_have_attribute("aria-busy", "true")


def test_mistakes_are_accessible_and_take_the_focus(page: Page, serve: Serve) -> None:
    home = serve(a_course())
    for path, button, field in ((PEOPLE, "Leave out", "user"), (RULES, "Show the preview", "seed")):
        open_page(page, home + path)
        if field == "seed":
            page.get_by_text("More", exact=True).click()
            page.fill("#seed", "two words")
        page.get_by_role("button", name=button).click()
        expect(page.locator("[data-takes-focus]")).to_be_focused()
        assert page.title().startswith("Error:")
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        page.locator("[data-takes-focus] a").click()
        expect(page.locator(f"#{field}")).to_be_focused()
        expect(page.locator(f"#{field}")).to_have_attribute("aria-invalid", "true")


@pytest.mark.parametrize("state", ["home", "people", "rules", "preview", "confirm", "done"])
def test_targets_are_large_enough_for_a_finger(state: str, page: Page, serve: Serve) -> None:
    course, path = STATES[state]()
    open_page(page, serve(course) + path)
    small = page.evaluate(
        """[...document.querySelectorAll(
             'main :is(button, .button, select, summary, .choice label), header a')]
           .filter(one => one.checkVisibility())
           .map(one => [one.textContent.trim(), one.getBoundingClientRect().height])
           .filter(([, height]) => height < 43.9)"""
    )
    assert small == []


def test_the_whole_wizard_by_keyboard(page: Page, serve: Serve) -> None:
    course = a_course()
    open_page(page, serve(course))

    def press_on(selector: str) -> None:
        for _ in range(80):
            page.keyboard.press("Tab")
            if page.evaluate("selector => document.activeElement.matches(selector)", selector):
                return
        pytest.fail(f"Tab never reached {selector}")

    def heading_has_focus(words: str) -> None:
        expect(page.locator("main h1")).to_have_text(re.compile(words))
        expect(page.locator("main h1")).to_be_focused()

    heading_has_focus("Peer reviews in")
    press_on(".card .primary")
    page.keyboard.press("Enter")
    heading_has_focus("Who takes part")
    press_on("[name=without_submission]")
    page.keyboard.press("ArrowDown")
    press_on(".primary")
    page.keyboard.press("Enter")
    heading_has_focus("Rules")
    assert course.saved.without_submission == "review_only"
    press_on("#reviews_per_reviewer")
    page.keyboard.press("Control+a")
    page.keyboard.type("2")
    expect(page.locator("[data-answer]")).to_contain_text("everyone gives 2")
    press_on(".primary")
    page.keyboard.press("Enter")
    heading_has_focus("Preview")
    press_on(".skip a")
    page.keyboard.press("Enter")
    press_on("#decide .primary")
    page.keyboard.press("Enter")
    heading_has_focus("Applying the plan")
    (run_id,) = course.runs
    course.finish_run(run_id)
    heading_has_focus("applied and checked")
    press_on("form[action$='/undo'] button")
    page.keyboard.press("Enter")
    heading_has_focus("Preview: undo")
    press_on("#decide .primary")
    page.keyboard.press("Enter")
    heading_has_focus("Apply 4?[0-9]+ changes in Canvas")
    press_on("form .primary")
    page.keyboard.press("Enter")
    expect(page.locator("[data-takes-focus]")).to_be_focused()
    assert page.title().startswith("Error:")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#deletes")).to_be_focused()


def test_a_way_out_is_taken_with_one_press(page: Page, serve: Serve) -> None:
    course, path = state_impossible()
    open_page(page, serve(course) + path)
    page.get_by_role("button", name="Let anyone review anyone").click()
    expect(page.locator("[data-answer]")).to_contain_text("This gives")
    expect(page.locator("[data-answer]")).to_be_focused()
    expect(page.locator("[name=sections][value=any]")).to_be_checked()


def test_back_forward_and_reload_keep_session_and_page(page: Page, serve: Serve) -> None:
    open_page(page, serve(a_course()))
    page.get_by_role("link", name="Plan reviews").click()
    expect(page.locator("h1")).to_have_text("Who takes part")
    page.reload()
    expect(page.locator("h1")).to_have_text("Who takes part")
    page.go_back()
    expect(page.locator("h1")).to_contain_text("Peer reviews in")
    page.go_forward()
    expect(page.locator("h1")).to_have_text("Who takes part")


def test_filters_are_in_the_address_and_keep_the_place(page: Page, serve: Serve) -> None:
    course, path = state_preview()
    open_page(page, serve(course) + path)
    page.select_option("#kind", "delete")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator("tr.create")).to_have_count(0)
    expect(page.locator("tr.delete")).not_to_have_count(0)
    assert "kind=delete" in page.url
    expect(page.get_by_role("button", name="Filter")).to_be_focused()


def test_typing_narrows_the_changes_and_keeps_the_focus(page: Page, serve: Serve) -> None:
    course, path = state_large_preview()
    open_page(page, serve(course) + path)
    rows = page.locator("#changes-place tbody tr")
    page.locator("#name").press_sequentially("ada adey")
    expect(page.locator("#announcer")).to_have_text(re.compile(r"^\d+ changes?$"))
    expect(rows.filter(has_not_text="Ada Adeyemi")).to_have_count(0)
    expect(page.locator("#name")).to_be_focused()
    assert "name=ada+adey" in page.url
    page.locator("#sort-author").click()
    expect(page.locator("th[aria-sort=ascending] #sort-author")).to_be_focused()
    page.locator("#sort-author").press("Enter")
    expect(page.locator("th[aria-sort=descending] #sort-author")).to_be_focused()
    expect(page.locator("#name")).to_have_value("ada adey")
    names = [name.rpartition(" ")[2].casefold() for name in rows.locator("td:nth-child(3)").all_inner_texts()]
    assert names == sorted(names, reverse=True)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download these").click()
    assert download.value.path().read_text(encoding="utf-8-sig").count("\n") == len(names) + 1
    page.reload()
    expect(rows.filter(has_not_text="Ada Adeyemi")).to_have_count(0)
    page.get_by_role("link", name="Show all").click()
    expect(rows).to_have_count(100)
    expect(page.locator("#name")).to_have_value("")


def test_one_person_of_many_is_found_and_drawn(page: Page, serve: Serve) -> None:
    course = a_course(150, 5)
    plan = course.make_plan(TEACHER, ASSIGNMENT, PlanRules())
    open_page(page, f"{serve(course)}/plans/{plan.id}")
    page.locator("#find").press_sequentially("ada")
    expect(page.locator(".found a")).to_have_count(8)
    page.locator("#find").press_sequentially(" adeyemi")
    page.get_by_role("link", name="Adeyemi, Ada").first.click()
    expect(page.locator("svg.star .node")).to_have_count(7)
    expect(page.locator(".neighbours h4")).to_be_focused()


def test_canvas_s_own_method_stands_beside_the_plan(page: Page, serve: Serve) -> None:
    course = a_course(30, 3)
    plan = course.make_plan(TEACHER, ASSIGNMENT, PlanRules(sections="different"))
    open_page(page, f"{serve(course)}/plans/{plan.id}")
    row = page.locator(".quality tr", has_text="Every review obeys your rules")
    expect(row.locator("td").nth(0)).to_have_text("0")
    expect(row.locator("td").nth(2)).to_have_text(re.compile(r"^[1-9]\d*$"))
    expect(page.get_by_text("It was run 20 times on this class")).to_be_visible()


def test_downloads_work_with_the_session_of_the_frame(page: Page, serve: Serve) -> None:
    course, path = state_preview()
    open_page(page, serve(course) + path)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download as CSV").click()
    assert download.value.suggested_filename == "plan-p1.csv"
    assert download.value.path().read_bytes().startswith(b"\xef\xbb\xbf")


def test_a_tab_without_session_says_how_to_get_one(context: BrowserContext, page: Page, serve: Serve) -> None:
    context.add_init_script("sessionStorage.removeItem('peer-allocator-session')")
    page.goto(serve(a_course()))
    expect(page.locator("h1")).to_have_text("Open the tool from Canvas")


def test_an_ended_session_says_how_to_get_a_new_one(
    context: BrowserContext, page: Page, serve: Serve
) -> None:
    context.add_init_script("sessionStorage.setItem('peer-allocator-session', 'ended')")
    page.goto(serve(a_course()))
    expect(page.locator("h1")).to_have_text("Your session has ended")


def test_connecting_opens_a_window_and_the_frame_goes_on_by_itself(
    page: Page, serve: Serve, canvas: HTTPServer
) -> None:
    course, path = state_connect()
    canvas.tool = ""  # type: ignore[attr-defined]  # read by the page
    course.consent_page = f"http://127.0.0.1:{canvas.server_port}/consent"
    open_page(page, serve(course) + path)
    with page.expect_popup() as popup:
        page.get_by_role("button", name="Connect to Canvas").click()
    popup.value.wait_for_url(course.consent_page)
    course.is_connected = True
    expect(page.locator("h1")).to_contain_text("Peer reviews in")


def test_a_page_that_waits_for_a_slow_canvas_goes_on_by_itself(
    page: Page, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    course = a_course()
    refused = {"overview": 1, "counts": 2}

    def at_first_busy(name: str) -> Callable[..., object]:
        asked = getattr(course, name)

        def ask(*args: object, **named: object) -> object:
            if refused[name]:
                refused[name] -= 1
                raise CanvasBusy("as many pages as may wait for this Canvas wait already")
            return asked(*args, **named)

        return ask

    for name in refused:
        monkeypatch.setattr(course, name, at_first_busy(name))
    page.goto(serve(course))
    expect(page.locator("main h1")).to_have_text("Canvas is slow to answer")
    expect(page.locator("main")).to_contain_text("This page tries again automatically.")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    expect(page.locator("main h1")).to_contain_text("Peer reviews in", timeout=15_000)
    expect(page.locator(".card").first).to_contain_text(re.compile(r"\d+ of \d+"), timeout=20_000)
    assert refused == {"overview": 0, "counts": 0}


def test_hostile_names_stay_text(page: Page, serve: Serve) -> None:
    course = a_course(names=[*HOSTILE, *(f"Student {n}" for n in range(8))])
    plan = course.make_plan(TEACHER, ASSIGNMENT, PlanRules())
    run = course.start_run(TEACHER, plan.id)
    course.finish_run(run, RunState.DONE_WITH_ISSUES, 30)
    course.moved = tuple(Drift(DriftKind.PERSON_LEFT, (one.id,)) for one in course.read.people)
    home = serve(course)
    for path in (PEOPLE, RULES, f"/plans/{plan.id}?person=100", f"/runs/{run}"):
        open_page(page, home + path)
        assert page.locator("main script, main img").count() == 0
        assert page.evaluate("document.querySelectorAll('[onerror],[onload],[onfocus],[style]').length") == 0


@pytest.fixture
def canvas() -> Iterator[HTTPServer]:
    """A course page of some Canvas that frames ``server.tool`` and keeps the messages it gets."""

    class CoursePage(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            keeps = "<script>var got = []; addEventListener('message', e => got.push(e.data))</script>"
            frame = f"<iframe src='{self.server.tool}' width='800' height='400'></iframe>"  # type: ignore[attr-defined]  # set by the test
            self.wfile.write((keeps + frame).encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), CoursePage)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_only_the_registered_platform_may_frame_it(page: Page, serve: Serve, canvas: HTTPServer) -> None:
    canvas.tool = serve(a_course())  # type: ignore[attr-defined]  # read by the page
    refused = page.context.new_page()
    with refused.expect_console_message(lambda said: "frame" in said.text.lower()):
        refused.goto(f"http://127.0.0.1:{canvas.server_port}/")
    assert refused.frames[1].url.startswith("chrome-error")


def test_canvas_is_told_height_and_scrolling(page: Page, serve: Serve, canvas: HTTPServer) -> None:
    platform = f"http://127.0.0.1:{canvas.server_port}"
    home = serve(a_course(), platform)
    canvas.tool = f"{home}?in=127.0.0.1:{canvas.server_port}"  # type: ignore[attr-defined]  # read by the page
    page.goto(platform)
    frame = page.frame_locator("iframe")
    expect(frame.locator("h1")).to_contain_text("Peer reviews in")
    frame.get_by_role("link", name="Plan reviews").click()
    expect(frame.locator("h1")).to_have_text("Who takes part")
    page.wait_for_function("got.filter(m => m.subject === 'lti.frameResize').length > 1")
    got = page.evaluate("got")
    assert {message["subject"] for message in got} == {"lti.frameResize", "lti.scrollToTop"}
    assert all(message["token"] == "post-token" for message in got)
    heights = [message["height"] for message in got if "height" in message]
    assert max(heights) > 800
