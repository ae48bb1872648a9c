"""The whole way in other languages and without a mouse: German, from right to left, by keyboard only."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Frame, Locator, expect

from lti_tool.simulator.records import Course
from lti_tool.web import locale
from tests.e2e.teacher import Teacher
from tests.pseudo import arabic, write_arabic

pytestmark = pytest.mark.browser


def course(teacher: Teacher, code: str) -> Course:
    return next(found for found in teacher.demo.state.courses.values() if found.code.startswith(code))


def everybody_speaks(teacher: Teacher, code: str) -> None:
    for user in teacher.demo.state.users.values():
        user.locale = code


def connect(teacher: Teacher) -> None:
    with teacher.context.expect_page() as opened:
        teacher.tool.locator("form[data-connect] .primary").click()
    opened.value.get_by_role("button", name="Authorize").click()
    expect(teacher.tool.locator(".card .primary").first).to_be_visible()


def heading(teacher: Teacher, words: str | re.Pattern[str]) -> None:
    expect(teacher.tool.locator("main h1:visible")).to_have_text(words)


def confirm_and_wait(teacher: Teacher, over: Locator) -> None:
    """From the preview over the confirmation, if there is one, to the end of the run."""
    teacher.tool.locator("#decide .primary").click()
    boxes = teacher.tool.locator("form [type=checkbox]")
    expect(boxes.first.or_(over).or_(teacher.tool.locator("[data-progress]")).first).to_be_visible()
    if boxes.count():
        for box in boxes.all():
            box.check()
        teacher.tool.locator("form:has([type=checkbox]) .primary").click()
    expect(over).to_be_visible(timeout=60_000)


def test_the_whole_way_in_german(teacher: Teacher) -> None:
    everybody_speaks(teacher, "de")
    teacher.open_tool(course(teacher, "WRIT"))
    heading(teacher, "Mit Canvas verbinden")
    expect(teacher.tool.locator("html")).to_have_attribute("lang", "de")
    expect(teacher.tool.get_by_text("die Abschnitte des Kurses")).to_be_visible()
    connect(teacher)
    heading(teacher, re.compile("^Peer-Reviews in"))
    teacher.look("german-home")
    teacher.tool.locator(".card .primary").first.click()
    heading(teacher, "Wer teilnimmt")
    teacher.tool.locator("#choice .primary").click()
    heading(teacher, "Regeln")
    teacher.tool.locator("#reviews_per_reviewer").fill("12")
    expect(
        teacher.tool.get_by_text("Jede der 12 Personen hat nur 11 Arbeiten von anderen zu begutachten.")
    ).to_be_visible()
    teacher.look("german-rules-impossible")
    teacher.fits(320)
    teacher.tool.locator("#reviews_per_reviewer").fill("3")
    expect(teacher.tool.get_by_text("Das ergibt 36 Begutachtungen")).to_be_visible()
    teacher.tool.locator("form[data-feasibility] .primary").click()
    heading(teacher, "Vorschau")
    expect(teacher.tool.get_by_text("In Canvas wurde nichts geändert.")).to_be_visible()
    expect(teacher.tool.get_by_text("Canvas ist so wie bei der Erstellung dieser Vorschau.")).to_be_visible()
    teacher.look("german-preview")
    teacher.fits(320)
    confirm_and_wait(teacher, teacher.tool.get_by_text("Alles Geplante ist in Canvas."))
    heading(teacher, "36 von 36 ausgeführt und durch erneutes Lesen von Canvas geprüft")
    teacher.look("german-report")
    assert teacher.troubles == []


def test_the_whole_way_from_right_to_left(
    teacher: Teacher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locale, "TRANSLATIONS", write_arabic(tmp_path / "translations"))
    everybody_speaks(teacher, "ar")
    teacher.open_tool(course(teacher, "SOC"))
    heading(teacher, arabic("Connect to Canvas"))
    expect(teacher.tool.locator("html")).to_have_attribute("dir", "rtl")
    connect(teacher)
    links = [link.bounding_box() for link in teacher.tool.locator("header nav a").all()]
    places = [box["x"] for box in links if box]
    assert places == sorted(places, reverse=True), "the first is rightmost"
    teacher.look("rtl-home")
    teacher.tool.locator(".card .primary").first.click()
    heading(teacher, arabic("Who takes part"))
    teacher.look("rtl-participants")
    teacher.fits(320)
    teacher.tool.locator("#choice .primary").click()
    heading(teacher, arabic("Rules"))
    box = teacher.tool.locator("[name=sections]").first
    label = teacher.tool.locator("label[for=sections]")
    at, beside = box.bounding_box(), label.bounding_box()
    assert at
    assert beside
    assert at["x"] > beside["x"], "the box is right of its label"
    teacher.look("rtl-rules")
    teacher.fits(320)
    teacher.tool.locator("form[data-feasibility] .primary").click()
    heading(teacher, arabic("Preview"))
    expect(teacher.tool.locator("#changes-place tbody tr").first).to_be_visible()
    teacher.look("rtl-preview")
    teacher.fits(320)
    assert teacher.troubles == []


def test_the_whole_way_by_keyboard(teacher: Teacher) -> None:
    """From the connection to the report nothing but keys; only Canvas itself is opened with the mouse."""
    teacher.open_tool(course(teacher, "WRIT"))
    heading(teacher, "Connect to Canvas")
    frame = teacher.page.frame(name="tool_content")
    assert frame is not None
    with teacher.context.expect_page() as opened:
        press_on(teacher, frame, "form[data-connect] .primary")
    opened.value.get_by_role("button", name="Authorize").press("Enter")
    heading(teacher, re.compile("^Peer reviews in"))
    teacher.page.bring_to_front()
    press_on(teacher, frame, ".card .primary")
    heading(teacher, "Who takes part")
    press_on(teacher, frame, "#choice .primary")
    heading(teacher, "Rules")
    press_on(teacher, frame, "#reviews_per_reviewer", None)
    teacher.page.keyboard.press("Control+a")
    teacher.page.keyboard.type("2")
    expect(teacher.tool.locator("[data-answer]")).to_contain_text("everyone gives 2")
    teacher.look("keyboard-rules")
    press_on(teacher, frame, "form[data-feasibility] .primary")
    heading(teacher, "Preview")
    expect(teacher.tool.locator("main h1")).to_be_focused()
    press_on(teacher, frame, ".skip a")
    press_on(teacher, frame, "#decide .primary")
    over = teacher.tool.get_by_role("heading", name="applied and checked")
    boxes = teacher.tool.locator("form [type=checkbox]")
    expect(boxes.first.or_(over).or_(teacher.tool.locator("[data-progress]")).first).to_be_visible()
    if boxes.count():
        for box in boxes.all():
            press_on(teacher, frame, f"#{box.get_attribute('id')}", "Space")
        press_on(teacher, frame, "form:has([type=checkbox]) .primary")
    expect(over).to_be_visible(timeout=60_000)
    expect(teacher.tool.locator("main h1")).to_be_focused()
    teacher.look("keyboard-report")
    assert teacher.troubles == []


def press_on(teacher: Teacher, frame: Frame, selector: str, key: str | None = "Enter") -> None:
    """Tab on to an element inside the frame, see that its focus shows, press a key there."""
    for _ in range(120):
        if frame.evaluate("selector => document.activeElement.matches(selector)", selector):
            shown = frame.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert shown != "none", f"the focus on {selector} cannot be seen"
            if key is not None:
                teacher.page.keyboard.press(key)
            return
        teacher.page.keyboard.press("Tab")
    pytest.fail(f"Tab never reached {selector}")
