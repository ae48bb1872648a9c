"""No sentence escapes translation: a made-up language brackets the catalogue, and the rest stands out."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from babel.support import NullTranslations
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.exceptions import NotFound
from werkzeug.test import TestResponse

from allocation.sentences import sentence
from lti_tool.applying.answers import ReadFailed, Why
from lti_tool.canvas.endpoints import GROUPS
from lti_tool.lti.errors import Refusal
from lti_tool.planning.rules import PlanRules
from lti_tool.services.audit import Event, Source
from lti_tool.services.errors import AnotherRunActive
from lti_tool.web import errors, locale
from lti_tool.web.launch import WORDS
from tests.integration.web.course import ASSIGNMENT, FAMILY, GIVEN, TEACHER, Course, a_course, web_of
from tests.integration.web.outside import Outside
from tests.integration.web.screens import SCREENS, Screen
from tests.integration.web.test_boundaries import address, rules_of
from tests.integration.web.test_pages import HOME
from tests.sentences import ROOT, forms, template

OUR_DATA = (
    set(GIVEN + FAMILY)
    | set(" ".join(GROUPS).split())
    | {word.value for code in (Event, Source) for word in code}
    | set(
        re.findall(
            r"\w+",
            """
        Section A B C D E Group Essay methods sources Reading diary Writing in the Sciences Dr Rosa Okafor
        sister of the author read who is in the course create peer reviews CSV
        Canvas asked us to slow down going on in a moment Canvas withdrew the access
        Nov PM AM Prior grade
        Nov PM AM
        Example University Rosa Prior grade
        Nobody at all half a line You still have open to write Reviews of
        https tool canvas example instructure edu com connect callback API Peer Review Allocator
        Close This it window and choose Connect Canvas again took too long
        """,
        )
    )
)
"""Words that come from Canvas, from people or from the tests' own services; not the pages' to translate."""


class Bracketed(NullTranslations):
    """Translates every sentence of the catalogue into itself in brackets, and no other."""

    def __init__(self) -> None:
        super().__init__()
        self.known = {form for message in template() if message.id for form in forms(message.id)}

    def gettext(self, message: str) -> str:
        return f"⟦{message}⟧" if message in self.known else message

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)

    ugettext = gettext
    ungettext = ngettext


@pytest.fixture(scope="module")
def made_up() -> Bracketed:
    return Bracketed()


@pytest.fixture
def bracketed(made_up: Bracketed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locale, "catalogue", lambda folder, language: made_up)


def client_of(course: Course) -> tuple[FlaskClient, dict[str, str]]:
    return web_of(course).test_client(), {"Authorization": "Bearer teacher"}


def answer_of(screen: Screen, app: Flask, path: str) -> TestResponse:
    client = app.test_client()
    headers = {"Authorization": f"Bearer {screen.session}"} if screen.session else {}
    if screen.cookie is not None:
        client.set_cookie(*screen.cookie, path="/connect")
    return client.open(
        path, method="GET" if screen.form is None else "POST", data=screen.form, headers=headers
    )


@pytest.mark.usefixtures("bracketed")
@pytest.mark.parametrize("name", SCREENS)
def test_every_sentence_of_every_screen_goes_through_translation(name: str) -> None:
    screen = SCREENS[name]
    course, path = screen.show()
    app = web_of(course, outside=screen.outside)
    answer = answer_of(screen, app, path)
    assert (answer.status_code, answer.mimetype) == (screen.status, "text/html")
    page = answer.text
    assert "⟦" in page
    assert unwrapped(page) - OUR_DATA == set()
    for fragment in re.findall(r'data-load="([^"]+)"', page):
        loaded = app.test_client().get(html.unescape(fragment), headers={"Authorization": "Bearer teacher"})
        assert unwrapped(loaded.get_json()["html"]) - OUR_DATA == set(), fragment


def test_every_page_of_the_tool_is_among_the_screens() -> None:
    """Every address is asked, by each of its methods: who answers a page must be in the table."""
    assert pages_of_the_tool() - {page_of(screen) for screen in SCREENS.values()} == set(), (
        "add them to tests/integration/web/screens.py"
    )


def page_of(screen: Screen) -> tuple[str, str]:
    course, path = screen.show()
    method = "GET" if screen.form is None else "POST"
    try:
        return method, web_of(course, outside=screen.outside).url_map.bind("").match(
            path.partition("?")[0], method
        )[0]
    except NotFound:
        return method, ""


def pages_of_the_tool() -> set[tuple[str, str]]:
    course = a_course(10, 2)
    course.start_run(TEACHER, course.make_plan(TEACHER, ASSIGNMENT, PlanRules()).id)
    app = web_of(course, outside=Outside())
    found = set()
    for rule, method in rules_of(app):
        course.is_connected = True  # whatever the address before this one did
        course.sets.save(TEACHER, "Essay", PlanRules(), replace=True)
        answer = app.test_client().open(
            address(app, rule, method), method=method, headers={"Authorization": "Bearer teacher"}
        )
        if answer.mimetype == "text/html" and 'class="reference"' not in answer.text:
            found.add((method, rule.endpoint))
        answer.close()
    return found


TROUBLES = [kind for kind in errors.TROUBLES if kind not in (AnotherRunActive, ReadFailed)]


def _raising(error: Exception) -> Iterator[str]:
    course = a_course()

    def fail(*_: object, **__: object) -> NoReturn:
        raise error

    course.report = fail  # type: ignore[method-assign]  # that is the point
    client, headers = client_of(course)
    yield client.get(f"{HOME}/runs/r1", headers=headers).text
    answer = client.get(f"{HOME}/runs/r1", headers={**headers, "Accept": "application/json"}).get_json()
    yield "".join(f"<p>{answer[name]}</p>" for name in ("title", "happened", "to_do"))


@pytest.mark.usefixtures("bracketed")
@pytest.mark.parametrize("kind", TROUBLES, ids=lambda kind: kind.__name__)
def test_every_error_page_speaks_the_language_of_the_reader(kind: type[Exception]) -> None:
    for page in _raising(kind(sentence("There is no run %(run)s.", run="7"))):
        assert "⟦" in page
        assert unwrapped(page) == set()


@pytest.mark.usefixtures("bracketed")
@pytest.mark.parametrize("why", Why)
def test_every_failure_of_canvas_does(why: Why) -> None:
    for page in _raising(ReadFailed(why, "not for pages")):
        assert "⟦" in page
        assert unwrapped(page) == set()


@pytest.mark.usefixtures("bracketed")
def test_a_refusal_to_start_twice_does() -> None:
    active = AnotherRunActive(
        sentence("There is no run %(run)s.", run="7"),
        run_id="r1",  # type: ignore[arg-type]  # any id
        by="Rosa",
        since=a_course().make_plan(TEACHER, ASSIGNMENT, PlanRules()).created_at,
        done=1,
        total=2,
    )
    for page in _raising(active):
        assert unwrapped(page) - {"Rosa", "Nov", "PM"} == set()


@pytest.mark.usefixtures("bracketed")
@pytest.mark.parametrize("refusal", Refusal)
def test_every_refused_launch_does(refusal: Refusal) -> None:
    app = web_of(a_course())
    with app.test_request_context("/lti/launch"):
        for words in WORDS[refusal][1:]:
            assert unwrapped(str(words)) == set()


TEMPLATES = sorted((ROOT / "lti_tool" / "web").rglob("*.html"))


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda file: file.name)
def test_no_template_holds_bare_words(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    text = re.sub(r"\{% trans.*?\{% endtrans %\}", " ", text, flags=re.S)
    text = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", " ", text, flags=re.S)
    text = re.sub(r'\saria-(?:describedby|invalid|current)="[^"]*"', " ", text)  # macros that make attributes
    assert unwrapped(text) - {"https"} == set()


def unwrapped(page: str) -> set[str]:
    """Words that a person reads or hears on a page and that no translation could have changed."""
    body = page.partition("<body>")[2] or page
    body = re.sub(r"<(code)\b.*?</\1>", " ", body, flags=re.S)
    heard = " ".join(re.findall(r'\b(?:aria-label|title|alt|placeholder)="([^"]*)"', body))
    text = html.unescape(re.sub(r"<[^>]*>", " ", body) + " " + heard)
    while "⟦" in text:
        shorter = re.sub(r"⟦[^⟦⟧]*⟧", " ", text)
        if shorter == text:
            break
        text = shorter
    return set(re.findall(r"[^\W\d]\w*", text))
