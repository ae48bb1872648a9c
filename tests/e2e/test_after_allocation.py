"""After an allocation: the teacher sees who is behind, reminds them, gives points, and fills up late work."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from lti_tool.simulator.coursework import complete_review, enroll_late, set_student_state, submit
from lti_tool.simulator.records import EnrollmentState
from tests.e2e.teacher import Teacher
from tests.e2e.test_journey import assignment, course, in_canvas

pytestmark = pytest.mark.browser
ALL_ENTERED = re.compile(r"(\d+) of \1 entered")


def test_board_reminders_points_and_a_top_up(teacher: Teacher) -> None:
    state, where = teacher.demo.state, course(teacher, "SOC")
    what, column = assignment(teacher, where, "Essay 1"), assignment(teacher, where, "Interview")
    teacher.open_tool(where)
    teacher.connect()
    teacher.plan(what)
    teacher.apply()
    for request in list(state.reviews_of(what.id))[:250]:
        complete_review(state, request.id, comment="Clear and well argued.")
    gone = list(state.reviews_of(what.id))[-1].assessor_id
    set_student_state(state, gone, where.id, EnrollmentState.INACTIVE)

    tool = teacher.tool
    tool.get_by_role("link", name="Assignments", exact=True).click()
    expect(tool.get_by_role("heading", name="Peer reviews in")).to_be_visible()
    tool.locator(f"a[href$='/assignments/{what.id}/board']").click()
    expect(tool.get_by_role("heading", name="Who has done which reviews")).to_be_visible()
    expect(tool.get_by_text("250 done")).to_be_visible()
    expect(tool.get_by_text("just now")).to_be_visible()
    tool.locator("summary", has_text="No date for reviews is set").click()
    tool.get_by_label("Reviews are due").fill("2026-01-15T18:00")
    tool.get_by_role("button", name="Save").click()
    expect(tool.get_by_text("Reviews are due Jan 15, 2026, 6:00")).to_be_visible()
    teacher.look("board")
    teacher.fits(320)

    tool.get_by_label("Show who").select_option("holes")
    tool.get_by_role("button", name="Filter").click()
    expect(tool.get_by_text("review will not come", exact=False).first).to_be_visible()

    tool.get_by_role("link", name="Remind").first.click()
    expect(tool.get_by_role("heading", name="Remind students")).to_be_visible()
    tool.get_by_role("textbox", name="Message").fill("You have {opne} reviews to do.")
    tool.get_by_role("button", name="Preview the messages").click()
    expect(tool.get_by_text("{opne} is no placeholder").first).to_be_visible()
    tool.get_by_role("textbox", name="Message").fill("You have {open} review(s) to do for {assignment}.")
    tool.get_by_role("button", name="Preview the messages").click()
    expect(tool.get_by_text("Nothing has been sent")).to_be_visible()
    teacher.look("reminders")
    teacher.fits(320)
    assert state.messages == []
    tool.get_by_role("button", name="Send").click()
    expect(tool.locator("#log ~ article .tag", has_text="sent").first).to_be_visible()
    owing = {
        row.assessor_id
        for row in state.reviews_of(what.id)
        if row.workflow_state == "assigned" and row.user_id != gone
    }
    assert {message.recipient_id for message in state.messages} == owing - {gone}

    tool.get_by_role("link", name="Back to the board").click()
    tool.get_by_role("link", name="Points for reviews").click()
    tool.get_by_label("Where the points go").select_option(column.id)
    tool.get_by_role("button", name="Save and compare").click()
    expect(tool.get_by_role("button", name="Post points")).to_be_visible()
    teacher.look("credit")
    teacher.fits(320)
    assert all(row.score is None for row in state.submissions_of(column.id))
    tool.get_by_role("button", name="Post points").click()
    expect(tool.get_by_text("Canvas already holds these points.")).to_be_visible()

    tool.get_by_label("Where the points go").select_option("own")
    tool.get_by_role("button", name="Save and compare").click()
    expect(tool.get_by_text("will be made in Canvas's gradebook")).to_be_visible()
    assert state.line_items == {}
    teacher.fits(320)
    tool.get_by_role("button", name="Post points").click()
    expect(tool.get_by_role("cell", name="entered")).to_be_visible()
    entered = tool.get_by_role("cell", name=ALL_ENTERED)
    for _ in range(40):  # until a worker has sent them
        tool.get_by_role("link", name="Look again").or_(entered).first.click()
        teacher.page.wait_for_timeout(500)
        if entered.count():
            break
    expect(entered).to_be_visible()
    teacher.look("own-column", tool.get_by_role("heading", name="What would change"))
    (made,) = state.line_items.values()
    rows = [row for row in state.submissions_of(made.assignment_id) if row.score is not None]
    elsewhere = {row.user_id: row.score for row in state.submissions_of(column.id) if row.score is not None}
    assert {row.user_id: row.score for row in rows if row.user_id in elsewhere} == elsewhere
    assert {row.attempt for row in rows} == {None}, "no submission was made up"

    late = enroll_late(state, where.id, "Zoé Latecomer", section_id=None)
    submit(state, late.id, what.id, body="Here at last.", at=state.now() + timedelta(minutes=1))
    before = in_canvas(teacher, what)
    completed = {
        (row.assessor_id, row.user_id)
        for row in state.reviews_of(what.id)
        if row.workflow_state == "completed"
    }
    tool.get_by_role("link", name="Back to the board").click()
    tool.get_by_role("link", name="Fill up late work and holes").click()
    expect(tool.get_by_role("heading", name="Fill up late work and holes")).to_be_visible()
    tool.get_by_role("button", name="Read again").click()
    expect(tool.get_by_text("1 author has no reviewers yet")).to_be_visible()
    teacher.look("fill-up")
    tool.get_by_role("button", name="Show the preview").click()
    expect(tool.get_by_role("heading", name="Preview", exact=True)).to_be_visible()
    expect(tool.get_by_text("1 late author: +")).to_be_visible()
    teacher.look("top-up")
    teacher.apply()
    after = in_canvas(teacher, what)
    assert completed <= after
    # Who has reviewed somebody that left has one review less to give, so one work may get one less.
    assert sum(author == late.id for _, author in after) in (2, 3)
    assert sum(reviewer == late.id for reviewer, _ in after) == 3
    assert len(before - after) < 10
    assert [trouble for trouble in teacher.troubles if "422" not in trouble] == []
