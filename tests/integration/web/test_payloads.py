"""Hostile texts wherever a text can come from, on every page, in a real browser: text, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect

from lti_tool.applying.report import RunReport
from lti_tool.applying.states import RunState
from lti_tool.planning.drift import Drift, DriftKind
from lti_tool.planning.ids import GroupId, SectionId, UserId
from lti_tool.planning.rules import Exclusion, PlanRules
from lti_tool.planning.snapshot import Group, Section
from lti_tool.services.errors import PlanOutdated
from tests.integration.web.course import TEACHER, Course, a_course, web_of
from tests.integration.web.payloads import PAYLOADS
from tests.integration.web.test_boundaries import address, is_private, rules_of

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("quiet")]


def course_of_payloads() -> Course:
    """Names of people, sections, groups, course and assignment; a reason; what Canvas and a run said."""
    course = a_course(sections=4, names=[*PAYLOADS, "Ada Adeyemi", "Bilal Berg"])
    everything = " ".join(PAYLOADS[:52])
    people = course.read.people
    course.read = replace(
        course.read,
        course_name=everything,
        assignment=replace(course.read.assignment, name=everything),
        sections=tuple(
            Section(SectionId(f"s{n}"), " ".join(PAYLOADS[n * 13 : n * 13 + 13])) for n in range(4)
        ),
        groups=tuple(Group(GroupId(f"g{n}"), payload, (people[n].id,)) for n, payload in enumerate(PAYLOADS)),
        works=tuple(replace(work, submitted=True) for work in course.read.works),
    )
    course.saved = PlanRules(
        exclude=tuple(
            Exclusion(user=UserId(one.id), reason=payload.replace("\0", "")[:200])
            for one, payload in zip(people, PAYLOADS[:6], strict=False)
        )
    )
    plan = course.make_plan(TEACHER, course.read.assignment.id, course.saved)
    run = course.start_run(TEACHER, plan.id)
    course.finish_run(run, RunState.DONE_WITH_ISSUES, 30)
    course.runs[run] = _with_words(course.runs[run], everything)
    course.moved = tuple(Drift(DriftKind.PERSON_LEFT, (one.id,)) for one in people)
    return course


def _with_words(report: RunReport, text: str) -> RunReport:
    steps = tuple(
        replace(step, note=PAYLOADS[number % len(PAYLOADS)]) for number, step in enumerate(report.steps)
    )
    return replace(report, words=text, started_by_name=text, steps=steps)


def assert_only_text(page: Page) -> None:
    assert page.locator("main script, main img, main iframe, main object, main embed, main base").count() == 0
    assert page.locator("main link, main meta, main style, main video, main math").count() == 0
    found = page.evaluate(
        """() => [...document.querySelectorAll('*')].flatMap(one => [...one.attributes]
            .filter(a => a.name.startsWith('on') || a.name === 'style' || a.name === 'srcdoc' ||
                /^(href|src|action|formaction)$/.test(a.name) && /^\\s*(javascript|data):/i.test(a.value))
            .map(a => one.tagName + ' ' + a.name))"""
    )
    assert found == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "no text breaks the page"


def test_every_page_shows_hostile_texts_as_text(page: Page, serve: Callable[..., str]) -> None:
    course = course_of_payloads()
    origin = serve(course).rpartition("/app/")[0]
    app = web_of(course)
    visited = 0
    for rule, method in rules_of(app):
        if method != "GET" or not is_private(rule):
            continue
        path = address(app, rule)
        answer = app.test_client().get(path, headers={"Authorization": "Bearer teacher"})
        if answer.mimetype != "text/html":  # for scripts and downloads
            continue
        page.goto(origin + path)
        expect(page.locator("main h1")).to_be_visible(timeout=30_000)
        expect(page.locator("main")).not_to_have_attribute("aria-busy", "true", timeout=30_000)
        assert_only_text(page)
        visited += 1
    assert visited >= 8


def test_the_words_of_an_error_are_text(page: Page, serve: Callable[..., str]) -> None:
    course = a_course()

    def outdated(*_: object) -> None:
        raise PlanOutdated(" ".join(PAYLOADS[:40]))

    course.plan = outdated  # type: ignore[assignment,method-assign]  # Canvas's own words come along
    page.goto(f"{serve(course)}/plans/p1")
    expect(page.get_by_role("heading", name="This plan is out of date")).to_be_visible(timeout=30_000)
    assert_only_text(page)
    assert "<script>alert(1)</script>" in page.inner_text("main")
