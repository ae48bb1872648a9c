"""A teacher applies, comes back, plans again, works in two tabs, and loses a student on the way."""

from __future__ import annotations

from collections import Counter

import pytest
from playwright.sync_api import expect

from lti_tool.simulator.records import Assignment, Course, EnrollmentState
from tests.e2e.teacher import Teacher

pytestmark = pytest.mark.browser


def writing_seminar(teacher: Teacher) -> tuple[Course, Assignment]:
    state = teacher.demo.state
    where = next(found for found in state.courses.values() if found.code.startswith("WRIT"))
    what = next(
        found
        for found in state.assignments.values()
        if found.course_id == where.id and found.name.startswith("Essay 1")
    )
    return where, what


def in_canvas(teacher: Teacher, what: Assignment) -> Counter[tuple[str, str]]:
    return Counter((row.assessor_id, row.user_id) for row in teacher.demo.state.reviews_of(what.id))


def test_applying_and_planning_again_changes_nothing(teacher: Teacher) -> None:
    where, what = writing_seminar(teacher)
    teacher.open_tool(where)
    teacher.connect()
    teacher.plan(what)
    teacher.apply()
    applied = in_canvas(teacher, what)
    assert len(applied) == 36

    teacher.open_tool(where)
    teacher.plan(what)
    expect(teacher.tool.get_by_text("Canvas already matches this plan.")).to_be_visible()
    assert teacher.downloaded_plan() == {"Keep": set(applied)}
    teacher.look("plan-again")

    teacher.open_tool(where)
    teacher.tool.locator(f"a[href$='/assignments/{what.id}/board']").click()
    expect(teacher.tool.get_by_text("36").first).to_be_visible()
    expect(teacher.tool.get_by_text("behind the plan")).to_have_count(0)
    expect(teacher.tool.get_by_text("outside this tool")).to_have_count(0)
    teacher.look("progress-after-applying")
    assert in_canvas(teacher, what) == applied
    assert teacher.troubles == []


def test_of_two_tabs_the_second_is_refused_and_offers_to_plan_again(teacher: Teacher) -> None:
    where, what = writing_seminar(teacher)
    teacher.open_tool(where)
    teacher.connect()
    teacher.plan(what)
    other = Teacher(teacher.demo, teacher.context, teacher.context.new_page(), teacher.troubles)
    other.open_tool(where)
    other.plan(what, reviews_per_reviewer="2")

    teacher.apply()
    applied = in_canvas(teacher, what)
    assert len(applied) == 36

    other.tool.get_by_role("link", name="Apply").or_(
        other.tool.get_by_role("button", name="Apply")
    ).last.click()
    if other.tool.get_by_role("checkbox").count():
        for box in other.tool.get_by_role("checkbox").all():
            box.check()
        other.tool.get_by_role("button", name="Apply").click()
    expect(other.tool.get_by_text("This plan is out of date").first).to_be_visible()
    other.look("out-of-date")
    assert in_canvas(teacher, what) == applied, "the second tab changed nothing"
    other.tool.get_by_role("button", name="Preview again").click()
    expect(other.tool.get_by_role("heading", name="Preview", exact=True)).to_be_visible()
    assert in_canvas(teacher, what) == applied


@pytest.mark.parametrize("how", [EnrollmentState.INACTIVE, EnrollmentState.DELETED])
def test_a_student_who_drops_out_between_preview_and_applying(teacher: Teacher, how: EnrollmentState) -> None:
    where, what = writing_seminar(teacher)
    teacher.open_tool(where)
    teacher.connect()
    teacher.plan(what)
    gone, _ = min(teacher.downloaded_plan()["Create"])
    teacher.demo.state.drop(gone, where.id, state=how)

    teacher.tool.get_by_role("link", name="Apply").or_(
        teacher.tool.get_by_role("button", name="Apply")
    ).last.click()
    if teacher.tool.get_by_role("checkbox").count():
        for box in teacher.tool.get_by_role("checkbox").all():
            box.check()
        teacher.tool.get_by_role("button", name="Apply").click()
    expect(teacher.tool.get_by_text("out of date").first).to_be_visible(timeout=60_000)
    assert in_canvas(teacher, what) == Counter(), "an out-of-date plan writes nothing"
    teacher.look(f"dropped-out-{how.value}")
    teacher.tool.get_by_role("button", name="Preview again").click()
    expect(teacher.tool.get_by_role("heading", name="Preview", exact=True)).to_be_visible()
    teacher.apply()
    graph = in_canvas(teacher, what)
    assert len(graph) == 33, "eleven students review and are reviewed three times"
    assert set(Counter(author for _, author in graph).values()) == {3}
    assert not any(gone in pair for pair in graph)
