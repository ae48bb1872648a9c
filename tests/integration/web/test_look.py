"""At home in any Canvas: its colours, high contrast, forced colours, from right to left."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect

from lti_tool.web import locale
from tests.integration.web.screens import state_home, state_preview, state_rules
from tests.pseudo import write_arabic

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("quiet")]

Serve = Callable[..., str]


def visit_as(context: BrowserContext, page: Page, who: str, address: str) -> None:
    """Open a page with another session than the usual one."""
    context.add_init_script(f"sessionStorage.setItem('peer-allocator-session', '{who}')")
    page.goto(address)
    expect(page.locator("main h1")).to_be_visible()


def colour_of(page: Page, selector: str) -> str:
    return str(page.locator(selector).first.evaluate("one => getComputedStyle(one).backgroundColor"))


def test_the_colours_of_a_canvas_are_worn_where_they_can_be_read(
    context: BrowserContext, page: Page, serve: Serve
) -> None:
    course, path = state_home()
    page.emulate_media(color_scheme="light")
    visit_as(context, page, "branded", serve(course) + path)
    expect(page.locator(".card .primary").first).to_have_css("background-color", "rgb(138, 21, 56)")
    assert page.locator("link#brand").count() == 1
    page.emulate_media(color_scheme="dark")
    expect(page.locator(".card .primary").first).to_have_css("background-color", "rgb(124, 192, 236)")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_high_contrast_is_accessible_at_the_higher_level(
    scheme: str, context: BrowserContext, page: Page, serve: Serve
) -> None:
    course, path = state_preview()
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # the two words that it takes
    visit_as(context, page, "contrast", serve(course) + path)
    found = Axe().run(page, options={"rules": {"color-contrast-enhanced": {"enabled": True}}})
    assert found.violations_count == 0, found.generate_report()


def test_forced_colours_keep_what_pictures_say(page: Page, serve: Serve) -> None:
    course, path = state_preview()
    page.emulate_media(forced_colors="active", reduced_motion="reduce")
    page.goto(serve(course) + path)
    arrow = page.locator(".arrow.out").first
    expect(arrow).to_be_visible()
    paper = page.locator("html").evaluate("one => getComputedStyle(one).backgroundColor")
    for picture in (arrow, page.locator(".node").first, page.locator("rect.bar").first):
        drawn = picture.evaluate("one => [getComputedStyle(one).fill, getComputedStyle(one).stroke]")
        assert any(colour not in (paper, "none") for colour in drawn)
    assert page.locator(".stripe").evaluate("one => getComputedStyle(one).animationName") == "none"


def test_names_stay_beside_the_ring_from_right_to_left(
    context: BrowserContext, page: Page, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locale, "TRANSLATIONS", write_arabic(tmp_path / "translations"))
    course, path = state_preview()
    visit_as(context, page, "arabic", serve(course) + path)
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    expect(page.locator("svg.ring text.name")).to_have_count(21)
    wrong = page.evaluate(
        """() => {
          const middle = box => box.x + box.width / 2;
          const place = one => one.getBoundingClientRect();
          const ring = place(document.querySelector('svg.ring'));
          const dots = [...document.querySelectorAll('svg.ring .node')].map(place);
          return [...document.querySelectorAll('svg.ring text.name')].filter(name => {
            const box = place(name);
            const covered = dots.some(dot => middle(dot) > box.x && middle(dot) < box.right
              && dot.y + dot.height / 2 > box.y && dot.y + dot.height / 2 < box.bottom);
            return covered || box.x < ring.x - 1 || box.right > ring.right + 1;
          }).map(name => name.textContent);
        }"""
    )
    assert wrong == []


def test_an_austrian_teacher_reads_german_with_austrian_dates(
    context: BrowserContext, page: Page, serve: Serve
) -> None:
    course, path = state_rules()
    visit_as(context, page, "german", serve(course) + path)
    expect(page.locator("main h1")).to_have_text("Regeln")
    expect(page.locator("html")).to_have_attribute("lang", "de-AT")
