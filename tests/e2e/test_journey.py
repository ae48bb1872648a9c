"""A teacher opens the tool in Canvas, previews an allocation, applies it, sees it verified, takes it back."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from playwright.sync_api import expect

from lti_tool.simulator.records import Assignment, Course
from tests.e2e.teacher import HEAR_CANVAS, Teacher

pytestmark = pytest.mark.browser


def course(teacher: Teacher, code: str) -> Course:
    return next(found for found in teacher.demo.state.courses.values() if found.code.startswith(code))


def assignment(teacher: Teacher, where: Course, name: str) -> Assignment:
    return next(
        found
        for found in teacher.demo.state.assignments.values()
        if found.course_id == where.id and found.name.startswith(name)
    )


def in_canvas(teacher: Teacher, what: Assignment) -> set[tuple[str, str]]:
    rows = {row.id for row in teacher.demo.state.submissions.values() if row.assignment_id == what.id}
    return {
        (request.assessor_id, request.user_id)
        for request in teacher.demo.state.requests.values()
        if request.submission_id in rows
    }


def writes(teacher: Teacher) -> list[str]:
    return [
        f"{seen.method} {seen.path}"
        for seen in teacher.demo.state.received(writes_only=True)
        if "/login/oauth2/" not in seen.path
    ]


def pause_and_go_on(teacher: Teacher) -> None:
    """Apply, pause on the way, reload the frame, go on to the end."""
    habits = teacher.demo.state.habits
    habits.latency = (0.8, 1.0)
    teacher.begin_run()
    expect(teacher.tool.locator(".latest li")).to_have_count(5)
    teacher.look("applying")
    teacher.fits(320)
    teacher.tool.get_by_role("button", name="Pause").click()
    expect(teacher.tool.get_by_role("heading", name="Paused", exact=True)).to_be_visible()
    sent = writes(teacher)
    assert 5 <= len(sent) < 360
    frame = teacher.page.frame(name="tool_content")
    assert frame is not None
    frame.evaluate("location.reload()")
    expect(teacher.tool.get_by_role("heading", name="Paused", exact=True)).to_be_visible()
    teacher.look("paused")
    shown = teacher.tool.locator("[data-progress] .lead strong").inner_text()
    assert shown == f"{len(sent)} of 360.", "every change that was sent is settled, and none is lost"
    assert writes(teacher) == sent, "a paused run sends nothing"
    habits.latency = (0.1, 0.15)
    teacher.tool.get_by_role("button", name="Go on").click()
    teacher.see_it_end()
    habits.latency = (0.0, 0.0)
    said = teacher.read_aloud()
    assert any(re.match(r"\d+ percent done, \d+ of 360", one) for one in said), said


def test_the_main_job(teacher: Teacher) -> None:
    where = course(teacher, "SOC")
    what = assignment(teacher, where, "Essay 1")

    teacher.context.add_init_script(HEAR_CANVAS)
    teacher.open_tool(where)
    expect(teacher.tool.get_by_role("heading", name="Connect to Canvas")).to_be_visible()
    teacher.look("connect")
    teacher.fits(320)
    teacher.connect()
    expect(teacher.tool.get_by_text("120 of 120").first).to_be_visible()
    teacher.look("home")
    teacher.fits(320)

    teacher.tool.get_by_role("link", name="Plan reviews").first.click()
    expect(teacher.tool.get_by_role("heading", name="Who takes part")).to_be_visible()
    teacher.look("participants")
    teacher.fits(320)
    teacher.tool.get_by_role("button", name="Go on to the rules").click()
    expect(teacher.tool.get_by_role("heading", name="Rules", exact=True)).to_be_visible()
    teacher.look("rules")
    teacher.fits(320)
    teacher.tool.get_by_role("button", name="Show the preview").click()
    expect(teacher.tool.get_by_text("Nothing has been changed in Canvas")).to_be_visible()
    expect(teacher.tool.get_by_text("Canvas is as it was when this preview was made")).to_be_visible()
    teacher.look("preview")
    teacher.fits(320)
    assert writes(teacher) == [], "a preview changes nothing in Canvas"
    assert in_canvas(teacher, what) == set()
    planned = teacher.downloaded_plan()

    pause_and_go_on(teacher)
    teacher.look("report")
    teacher.fits(320)
    applied = in_canvas(teacher, what)
    assert planned == {"Create": applied}
    assert len(applied) == 360
    assert set(Counter(reviewer for reviewer, _ in applied).values()) == {3}
    assert set(Counter(author for _, author in applied).values()) == {3}
    assert {line.partition(" ")[0] for line in writes(teacher)} == {"POST"}
    assert len(writes(teacher)) == 360, "nobody is mailed twice"

    teacher.undo_preview()
    teacher.look("undo")
    assert in_canvas(teacher, what) == applied, "the preview of an undo changes nothing"
    assert teacher.downloaded_plan() == {"Delete": applied}
    teacher.apply()
    assert in_canvas(teacher, what) == set()
    assert teacher.troubles == []


def test_a_student_and_a_test_student_see_no_course(teacher: Teacher) -> None:
    for role in ("Student", "Test Student"):
        teacher.open_tool(course(teacher, "WRIT"), role)
        expect(teacher.tool.get_by_role("heading", name="This page is for teachers")).to_be_visible()
        assert teacher.tool.get_by_role("link", name="Plan reviews").count() == 0


def test_reloading_the_frame_keeps_the_session(teacher: Teacher) -> None:
    teacher.open_tool(course(teacher, "WRIT"))
    expect(teacher.tool.get_by_role("heading", name="Connect to Canvas")).to_be_visible()
    frame = teacher.page.frame(name="tool_content")
    assert frame is not None
    frame.evaluate("location.reload()")
    expect(teacher.tool.get_by_role("heading", name="Connect to Canvas")).to_be_visible()


def test_rules_that_cannot_work_say_why_and_what_would(teacher: Teacher) -> None:
    where = course(teacher, "WRIT")
    teacher.open_tool(where)
    teacher.connect()
    teacher.tool.get_by_role("link", name="Plan reviews").first.click()
    teacher.tool.get_by_role("button", name="Go on to the rules").click()
    teacher.tool.locator("#reviews_per_reviewer").fill("12")
    expect(teacher.tool.get_by_text("has only 11 works of others to review")).to_be_visible()
    teacher.tool.get_by_role("button", name="Show the preview").click()
    expect(teacher.tool.get_by_role("link", name="These rules cannot work together.")).to_be_visible()
    teacher.look("rules-impossible")
    teacher.tool.get_by_role("button", name="Let each give 11 reviews").click()
    expect(teacher.tool.get_by_text("This gives 132 reviews")).to_be_visible()
    teacher.tool.get_by_role("button", name="Show the preview").click()
    expect(teacher.tool.get_by_role("heading", name="Preview", exact=True)).to_be_visible()
    assert writes(teacher) == []


def test_an_assignment_that_nobody_handed_in_says_so(teacher: Teacher) -> None:
    where = course(teacher, "WRIT")
    what = assignment(teacher, where, "Essay 2")
    teacher.open_tool(where)
    teacher.connect()
    teacher.tool.locator(f"a[href*='/assignments/{what.id}/people']").click()
    teacher.tool.get_by_role("button", name="Go on to the rules").click()
    expect(teacher.tool.get_by_text("At least two must take part")).to_be_visible()


def test_switching_peer_reviews_on_touches_nothing_else(teacher: Teacher) -> None:
    where = course(teacher, "WRIT")
    what = assignment(teacher, where, "Reading journal")
    assert not what.peer_reviews
    teacher.open_tool(where)
    teacher.connect()
    expect(teacher.tool.get_by_text("Canvas assigns reviews automatically here")).to_be_visible()
    teacher.tool.get_by_text("without peer reviews").click()
    row = teacher.tool.get_by_role("listitem").filter(has_text=what.name)
    row.get_by_role("button", name="Switch peer reviews on").click()
    expect(teacher.tool.get_by_role("heading", name="Who takes part")).to_be_visible()
    assert teacher.demo.state.assignments[what.id].peer_reviews
    (put,) = [seen for seen in teacher.demo.state.received(writes_only=True) if seen.method == "PUT"]
    assert dict(put.form) == {"assignment[peer_reviews]": "true"}


def test_the_awkward_course_keeps_what_must_stay(teacher: Teacher) -> None:
    where = course(teacher, "RHET")
    what = assignment(teacher, where, "Essay")
    before = in_canvas(teacher, what)
    completed = {
        (request.assessor_id, request.user_id)
        for request in teacher.demo.state.requests.values()
        if request.workflow_state == "completed"
    }
    teacher.open_tool(where)
    teacher.connect()
    teacher.plan(what)
    teacher.look("preview-awkward")
    teacher.apply()
    after = in_canvas(teacher, what)
    assert completed & before <= after
    assert len(after) > len(before)
