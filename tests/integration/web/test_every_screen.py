"""Every screen of the tool in a real Chromium, in every way in which people look at it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.integration.web.course import COURSE
from tests.integration.web.screens import SCREENS, Screen

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("quiet")]

Serve = Callable[..., str]

TOO_SMALL = """() => [...document.querySelectorAll('a[href], button, input, select, textarea, summary')]
  .filter(one => one.checkVisibility({ visibilityProperty: true }) && !one.closest('.visually-hidden, .skip'))
  .filter(one => !one.matches('.visually-hidden, input[type=hidden]'))
  .filter(one => !(one.matches('p a, li a, dd a') && getComputedStyle(one).display === 'inline'))
  .map(one => [one, one.matches('[type=radio], [type=checkbox]') && one.labels[0] || one])
  .map(([one, target]) => [one, target.getBoundingClientRect()])
  .filter(([, box]) => box.height < 23.9 || box.width < 23.9)
  .map(([one, box]) => `${one.outerHTML.slice(0, 90)} ${box.width} x ${box.height}`)"""
"""Targets below 24 px (WCAG 2.5.8; links inside a sentence are exempt, a box counts with its label)."""
CLIPPED = """() => [...document.querySelectorAll('main *, header *')]
  .filter(one => one.checkVisibility())
  .filter(one => !one.closest('.visually-hidden, .skip, .scroll, svg, select, input'))
  .filter(one => ['hidden', 'clip'].includes(getComputedStyle(one).overflowX)
    && one.scrollWidth > one.clientWidth + 1)
  .map(one => one.outerHTML.slice(0, 90))"""
"""Text that a box cuts off; the text of a field can be moved along in it."""
DEAD_ENDS = """() => [...document.querySelectorAll("[data-takes-focus] a[href^='#']")]
  .filter(one => !document.getElementById(one.hash.slice(1))).map(one => one.hash)"""
TWICE = """() => [...document.querySelectorAll('[id]')].map(one => one.id)
  .filter((id, place, all) => all.indexOf(id) !== place)"""
IN_BOTH = {"home", "people", "rules", "preview", "confirm", "done", "board"}
"""Looked at by axe in both schemes; the rest in the darker and narrower one. Every token's contrast is
measured in both (tests/unit/web/test_colours.py)."""
FITS = "document.documentElement.scrollWidth <= window.innerWidth"


def come_to(screen: Screen, page: Page, serve: Serve) -> None:
    """Open a screen as people come to it: forms are sent from the page where they stand."""
    course, path = screen.show()
    root = serve(course, outside=screen.outside).removesuffix(f"/app/courses/{COURSE}")
    page.context.add_init_script(
        f"try {{ sessionStorage.setItem('peer-allocator-session', '{screen.session}') }} catch {{}}"
        if screen.session
        else "sessionStorage.removeItem('peer-allocator-session')"
    )
    if screen.cookie is not None:
        name, value = screen.cookie
        page.context.add_cookies([{"name": name, "value": value, "url": root}])
    page.route("**/lti/cookie?*", lambda route: route.fulfill(json={"kept": False}))
    page.goto(root + (path if screen.form is None else screen.opened))
    if screen.form is not None:
        expect(page.locator("main h1:visible")).to_be_visible()
        page.evaluate(SEND, [path, dict(screen.form)])
        page.wait_for_function(
            "window.sent === undefined || document.querySelector('main').dataset.old === undefined"
        )
    expect(page.locator("main h1:visible").first).to_be_visible()
    expect(page.locator("main")).not_to_have_attribute("aria-busy", "true")


SEND = """([path, fields]) => {
  const form = Object.assign(document.createElement('form'), { method: 'post', action: path });
  for (const [name, value] of Object.entries(fields)) {
    form.append(Object.assign(document.createElement('textarea'), { name, value }));
  }
  document.querySelector('main').dataset.old = '';
  form.hidden = true;
  document.querySelector('main').append(form);
  form.requestSubmit();
}"""
"""Sends a form from the page that is open, with whatever fields, by the page's own module if it has one."""


@pytest.mark.parametrize("name", SCREENS)
def test_each_screen_is_for_everybody(name: str, page: Page, serve: Serve) -> None:
    """axe, targets, reflow at 320 px, text of twice the size, in light and dark; where the focus goes."""
    screen = SCREENS[name]
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1_000, "height": 800})
    come_to(screen, page, serve)
    if page.locator("script[src$='frame.mjs']").count():
        takes_it = page.locator("main [data-takes-focus]")
        expect(takes_it.first if takes_it.count() else page.locator("main h1")).to_be_focused()
        assert page.evaluate(DEAD_ENDS) == [], "a mistake leads to its field"
    assert page.evaluate(TWICE) == [], "a label names the first of two"
    for scheme, width in (("light", 1_000), ("dark", 320)):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # the two words that it takes
        page.set_viewport_size({"width": width, "height": 800})
        if scheme == "dark" or name in IN_BOTH:
            found = Axe().run(page)
            assert found.violations_count == 0, f"{scheme}: {found.generate_report()}"
        assert page.evaluate(TOO_SMALL) == []
        assert page.evaluate(FITS)
    page.set_viewport_size({"width": 640, "height": 800})
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    assert page.evaluate(FITS)
    assert page.evaluate(CLIPPED) == []
