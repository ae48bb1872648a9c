"""No sentence of a page escapes translation: a made-up language that brackets everything finds what does."""

from __future__ import annotations

import html
import re
from gettext import NullTranslations

import flask_babel
import pytest

from lti_tool.applying.states import RunState
from lti_tool.planning.rules import Exclusion, PlanRules
from tests.integration.web.course import ASSIGNMENT, FAMILY, GIVEN, TEACHER, a_course
from tests.integration.web.test_pages import HOME, PEOPLE, RULES, Browser

OUR_DATA = set(GIVEN + FAMILY) | set(
    re.findall(
        r"\w+",
        """
        Section A B C Essay methods Reading diary Writing in the Sciences Dr Rosa Okafor sister Nov PM AM
        read who in the is course create peer reviews url GET POST api v courses course_id users assignments
        assignment_id submissions submission_id peer_reviews
        Canvas asked us to slow down going on in a moment
        """,
    )
)
"""Words that come from Canvas or from the services; they are not the pages' to translate."""


class Bracketed(NullTranslations):
    """Translates every sentence into itself in brackets."""

    def gettext(self, message: str) -> str:
        return f"⟦{message}⟧"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return f"⟦{msgid1 if n == 1 else msgid2}⟧"

    ugettext = gettext
    ungettext = ngettext


@pytest.fixture
def bracketed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flask_babel.Domain, "get_translations", lambda self: Bracketed())


@pytest.mark.usefixtures("bracketed")
def test_every_sentence_of_every_page_goes_through_translation() -> None:
    course = a_course()
    course.automatic = True
    course.saved = PlanRules(exclude=(Exclusion(user="100", reason="sister"),))
    plan = course.make_plan(TEACHER, ASSIGNMENT, PlanRules(existing="replace"))
    running = course.start_run(TEACHER, plan.id)
    ended = course.start_run(TEACHER, plan.id)
    course.finish_run(ended, RunState.DONE_WITH_ISSUES, 4)
    browser = Browser(course)
    here = f"{HOME}/plans/{course.make_plan(TEACHER, ASSIGNMENT, PlanRules()).id}"
    paths = [HOME, f"{HOME}/history", f"{HOME}/help", f"{HOME}/connect", PEOPLE, RULES, here]
    paths += [f"{here}?person=101", f"{HOME}/plans/{plan.id}/confirm", f"{HOME}/plans/none"]
    paths += [f"{HOME}/runs/{running}", f"{HOME}/runs/{ended}"]
    for path in paths:
        page = browser.get(path).text
        assert "⟦" in page
        assert unwrapped(page) - OUR_DATA == set(), path


def unwrapped(page: str) -> set[str]:
    """Words that a person reads or hears on a page and that no translation could have changed."""
    body = page[page.index("<body>") :]
    body = re.sub(r"<(code|svg)\b.*?</\1>", " ", body, flags=re.S)
    heard = " ".join(re.findall(r'\b(?:aria-label|title|alt|placeholder)="([^"]*)"', body))
    text = html.unescape(re.sub(r"<[^>]*>", " ", body) + " " + heard)
    while "⟦" in text:
        shorter = re.sub(r"⟦[^⟦⟧]*⟧", " ", text)
        if shorter == text:
            break
        text = shorter
    return set(re.findall(r"[^\W\d]\w*", text))
