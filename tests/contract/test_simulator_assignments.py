"""Assignments, messages, progress and the request log of the simulated Canvas."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from lti_tool.simulator.courses import build_state
from lti_tool.simulator.records import Progress
from lti_tool.simulator.state import StandingClock
from tests.contract.rest_server import (
    NOON,
    RestServer,
    assignment_called,
    course_called,
    person,
    serve,
    students_of,
    walk,
)


@pytest.fixture
def canvas() -> Iterator[RestServer]:
    """Small, sections and awkward courses at a standing noon."""
    with serve(build_state(7, kinds=["small", "sections", "awkward"], clock=StandingClock(NOON))) as server:
        yield server


def test_peer_review_count_shows_only_with_both_switches(canvas: RestServer) -> None:
    course = course_called(canvas.state, "WRIT-101")
    rows = {
        row["name"]: row for row in canvas.login("teacher").get(f"/courses/{course.id}/assignments").json()
    }
    assert rows["Field report"]["peer_review_count"] == 2
    assert "peer_review_count" not in rows["Essay 1: a place you know"]
    assert rows["Essay 1: a place you know"]["peer_reviews"] is True
    assert rows["Reading journal"]["peer_reviews"] is False


def test_students_see_published_and_assigned_work_with_their_own_dates(canvas: RestServer) -> None:
    course = course_called(canvas.state, "RHET-7")
    retaker, other = students_of(canvas.state, course)[0], students_of(canvas.state, course)[8]
    path = f"/courses/{course.id}/assignments"
    seen = {str(row["name"]): row for row in walk(canvas.as_user(retaker), path)}
    assert seen["Retake (three students)"]["due_at"] == "2026-03-08T12:00:00Z"
    others = {row["name"] for row in walk(canvas.as_user(other), path)}
    assert set(seen) - others == {"Retake (three students)"}
    assert not any("not published" in name for name in seen)
    assert len(walk(canvas.login("teacher"), path)) == 6


def test_put_switches_peer_reviews_on_and_nothing_else(canvas: RestServer) -> None:
    course = course_called(canvas.state, "WRIT-101")
    journal = assignment_called(canvas.state, course, "Reading journal")
    teacher = canvas.login("teacher")
    path = f"/courses/{course.id}/assignments/{journal.id}"
    before = teacher.get(path).json()
    for form, body in (
        ({"assignment[peer_reviews]": "1"}, None),
        (None, {"assignment": {"peer_reviews": True}}),
    ):
        answer = teacher("PUT", path, data=form, json=body)
        changed = {name for name, value in answer.json().items() if value != before[name]}
        assert changed <= {"peer_reviews", "updated_at"}
        assert answer.json()["peer_reviews"] is True
        assert (
            teacher("PUT", path, json={"assignment": {"peer_reviews": False}}).json()["peer_reviews"] is False
        )


def test_put_with_a_due_date_unrestricts_a_differentiated_assignment(canvas: RestServer) -> None:
    course = course_called(canvas.state, "SOC-110")
    task = assignment_called(canvas.state, course, "Interview")
    teacher = canvas.login("teacher")
    path = f"/courses/{course.id}/assignments/{task.id}"
    assert teacher("PUT", path, json={"assignment": {"peer_reviews": True}}).json()[
        "only_visible_to_overrides"
    ]
    answer = teacher("PUT", path, data={"assignment[due_at]": "2026-05-01T10:00:00Z"})
    assert answer.json()["only_visible_to_overrides"] is False
    assert len(walk(teacher, f"{path}/submissions?per_page=100")) == 121


def test_put_with_overrides_replaces_them_all(canvas: RestServer) -> None:
    course = course_called(canvas.state, "SOC-110")
    task = assignment_called(canvas.state, course, "Interview")
    teacher = canvas.login("teacher")
    path = f"/courses/{course.id}/assignments/{task.id}"
    sections = canvas.state.sections_of(course.id)
    found = teacher.get(f"{path}/overrides").json()
    assert [row["course_section_id"] for row in found] == [int(sections[0].id), int(sections[1].id)]
    teacher("PUT", path, data={"assignment[assignment_overrides][][course_section_id]": sections[2].id})
    (row,) = teacher.get(f"{path}/overrides").json()
    assert row["course_section_id"] == int(sections[2].id)
    assert "due_at" not in row


def test_put_refusals(canvas: RestServer) -> None:
    course = course_called(canvas.state, "WRIT-101")
    journal = assignment_called(canvas.state, course, "Reading journal")
    path = f"/courses/{course.id}/assignments/{journal.id}"
    teacher, student = canvas.login("teacher"), canvas.as_user(students_of(canvas.state, course)[0])
    assert teacher("PUT", path, data={"peer_reviews": "1"}).status_code == 400
    bad = teacher("PUT", path, data={"assignment[peer_reviews_assign_at]": "next Friday"})
    assert bad.status_code == 400
    assert bad.json()["errors"]["peer_reviews_assign_at"][0]["type"] == "invalid"
    assert student("PUT", path, data={"assignment[peer_reviews]": "1"}).status_code == 403
    assert journal.peer_reviews is False


def test_unknown_assignment_ids_are_refused(canvas: RestServer) -> None:
    course = course_called(canvas.state, "WRIT-101")
    answer = canvas.login("teacher").get(f"/courses/{course.id}/assignments?assignment_ids[]=1")
    assert (answer.status_code, "message" in answer.json()) == (400, True)


def test_override_for_students_and_rubric_settings(canvas: RestServer) -> None:
    course = course_called(canvas.state, "RHET-7")
    retake = assignment_called(canvas.state, course, "Retake")
    essay = assignment_called(canvas.state, course, "Essay")
    teacher = canvas.login("teacher")
    (override,) = teacher.get(f"/courses/{course.id}/assignments/{retake.id}/overrides").json()
    assert len(override["student_ids"]) == 3
    shown = teacher.get(f"/courses/{course.id}/assignments/{essay.id}").json()
    assert shown["rubric_settings"]["title"] == "Peer review rubric"
    path = f"/courses/{course.id}/assignments/{retake.id}?include[]=assignment_visibility"
    assert teacher.get(path).json()["assignment_visibility"] == [str(i) for i in override["student_ids"]]


# --- messages, progress ----------------------------------------------------------------------------------


def test_messages_go_to_course_members_only(canvas: RestServer) -> None:
    course = course_called(canvas.state, "WRIT-101")
    first, second = students_of(canvas.state, course)[:2]
    outsider = canvas.state.add_user("Nobody Known")
    teacher = canvas.login("teacher")
    body: dict[str, object] = {
        "recipients": [first.id, second.id, outsider.id],
        "subject": "Reviews",
        "body": "Please finish.",
    }
    answer = teacher("POST", "/conversations", json=body)
    assert (answer.status_code, len(answer.json())) == (201, 2)
    assert [row.recipient_id for row in canvas.state.messages] == [first.id, second.id]
    later = teacher("POST", "/conversations", json=body | {"mode": "async"})
    assert (later.status_code, later.json(), "X-Conversation-Batch-Id" in later.headers) == (202, [], True)


def test_more_than_100_recipients_need_bulk_message(canvas: RestServer) -> None:
    course = course_called(canvas.state, "SOC-110")
    teacher = canvas.login("teacher")
    body = {"recipients[]": f"course_{course.id}_students", "body": "Hello"}
    refused = teacher("POST", "/conversations", data=body)
    assert (refused.status_code, refused.json()[0]["attribute"]) == (400, "recipients")
    assert teacher("POST", "/conversations", data=body | {"bulk_message": "1"}).status_code == 201
    assert (
        teacher("POST", "/conversations", data={"recipients[]": "1"}).json()[0]["attribute"] == "recipients"
    )


def test_progress_is_shown_to_its_owner(canvas: RestServer) -> None:
    teacher = person(canvas.state, "teacher")
    now = canvas.state.now()
    row = Progress("51", "11", "Course", teacher.id, "conversion", 40.0, "running", now, now + timedelta(0))
    canvas.state.progresses[row.id] = row
    assert canvas.as_user(teacher).get("/progress/51").json()["completion"] == 40.0
    assert canvas.login("ta").get("/progress/51").status_code == 403


def test_log_names_the_caller_and_never_holds_a_token(canvas: RestServer) -> None:
    course = course_called(canvas.state, "WRIT-101")
    journal = assignment_called(canvas.state, course, "Reading journal")
    teacher = canvas.login("teacher")
    teacher("PUT", f"/courses/{course.id}/assignments/{journal.id}", data={"assignment[peer_reviews]": "1"})
    token = canvas.state.make_personal_token(person(canvas.state, "ta").id).token
    canvas.with_token(None).get(f"/courses?access_token={token}&per_page=3")
    write, read = canvas.state.received()
    assert canvas.state.received(writes_only=True) == [write]
    assert (write.method, write.status, write.form) == ("PUT", 200, (("assignment[peer_reviews]", "1"),))
    assert write.user_id == person(canvas.state, "teacher").id
    assert (read.user_id, read.query) == (person(canvas.state, "ta").id, "per_page=3")
