"""Excused students on the page for points: listed, and graded only when the teacher checks them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

import pytest

from lti_tool.persistence.follow_ups import Assignment, FollowUps
from lti_tool.planning.follow_up import CreditRules, FollowUp
from lti_tool.planning.ids import AssignmentId, UserId
from lti_tool.services.crediting import Crediting
from lti_tool.services.follow_up_cases import CreditTarget
from tests.integration.web.course import ASSIGNMENT, CANVAS, COURSE, NOW, TEACHER
from tests.integration.web.screens import HOME, course_with_holes
from tests.integration.web.test_pages import Browser, words_of

CREDIT = f"{HOME}/assignments/{ASSIGNMENT}/credit"


def test_an_excused_student_gets_points_only_when_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    course = course_with_holes()
    target = CreditTarget(AssignmentId("99"), "Peer reviewing")
    held: dict[UserId, Decimal | None] = {person.id: None for person in course.read.people}
    posted: list[Mapping[UserId, str]] = []

    def post(_self: object, _actor: object, _one: object, _to: object, points: Mapping[UserId, str]) -> str:
        posted.append(points)
        return "posted"

    monkeypatch.setattr(Crediting, "_held", lambda *_: (target, held, frozenset({UserId("104")})))
    monkeypatch.setattr(Crediting, "_post", post)
    monkeypatch.setattr(Crediting, "_found", lambda *_: None)
    settled = FollowUp(credit=CreditRules(target="99"))
    FollowUps(course.records).save_settings(
        Assignment(CANVAS, COURSE, ASSIGNMENT), settled, by=TEACHER.user_id, at=NOW
    )
    browser = Browser(course)
    page = browser.get(CREDIT)
    assert "2 students are excused and get no points" in words_of(page)
    assert set(re.findall(r'name="despite" value="(\d+)"', page.text)) == {"103", "104"}
    (fingerprint,) = re.findall(r'name="fingerprint" value="([0-9a-f]+)"', page.text)

    browser.send(f"{CREDIT}/post", fingerprint=fingerprint)
    browser.send(f"{CREDIT}/post", fingerprint=fingerprint, despite="103")
    without, checked = posted
    assert {"103", "104"}.isdisjoint(without)
    assert set(checked) == {*without, "103"}
