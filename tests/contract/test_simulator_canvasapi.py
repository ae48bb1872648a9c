"""An outside client, written by others for the real Canvas, finds its way in the simulated one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from canvasapi import Canvas
from canvasapi.exceptions import BadRequest, Forbidden, InvalidAccessToken, ResourceDoesNotExist

from lti_tool.simulator.courses import build_state
from lti_tool.simulator.habits import Habits
from lti_tool.simulator.records import Assignment, Course
from lti_tool.simulator.state import StandingClock
from tests.contract.rest_server import (
    NOON,
    RestServer,
    assignment_called,
    course_called,
    person,
    serve,
    students_of,
)


@pytest.fixture
def canvas() -> Iterator[RestServer]:
    """The small course; pages hold five rows at most, since canvasapi always asks for 100."""
    state = build_state(7, kinds=["small"], clock=StandingClock(NOON), habits=Habits(per_page_max=5))
    with serve(state) as server:
        yield server


class OutsideClients:
    """Makes clients and closes their sockets, which canvasapi itself never does."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._made: list[Canvas] = []

    def connect(self, token: str) -> Canvas:
        with pytest.warns(UserWarning, match="HTTPS"):
            client = Canvas(self._base_url, token)
        client._Canvas__requester._session.trust_env = False
        self._made.append(client)
        return client

    def close(self) -> None:
        for client in self._made:
            client._Canvas__requester._session.close()


@pytest.fixture
def outside(canvas: RestServer) -> Iterator[OutsideClients]:
    clients = OutsideClients(canvas.base_url)
    yield clients
    clients.close()


@pytest.fixture
def teacher(canvas: RestServer, outside: OutsideClients) -> Canvas:
    return outside.connect(canvas.state.make_personal_token(person(canvas.state, "teacher").id).token)


@pytest.fixture
def seminar(canvas: RestServer) -> tuple[Course, Assignment]:
    course = course_called(canvas.state, "WRIT-101")
    return course, assignment_called(canvas.state, course, "Essay 1")


def test_who_am_i_and_my_courses(teacher: Canvas) -> None:
    assert teacher.get_current_user().name == "Miriam Castellanos"
    assert [course.course_code for course in teacher.get_courses()] == ["WRIT-101"]


def test_lists_assignments(teacher: Canvas, seminar: tuple[Course, Assignment]) -> None:
    found = list(teacher.get_course(int(seminar[0].id)).get_assignments())
    assert [row.name for row in found][:2] == ["Essay 1: a place you know", "Field report"]
    assert found[0].due_at_date < NOON


def test_lists_users_sections_and_enrollments_over_pages(
    teacher: Canvas, seminar: tuple[Course, Assignment]
) -> None:
    course = teacher.get_course(int(seminar[0].id))
    students = list(course.get_users(enrollment_type=["student"], enrollment_state=["active"]))
    assert len({user.id for user in students}) == 12
    sections = list(course.get_sections(include=["total_students"]))
    assert [section.total_students for section in sections] == [12]
    enrollments = list(course.get_enrollments(type=["StudentEnrollment"], state=["active"]))
    assert {row.user_id for row in enrollments} == {user.id for user in students}


def test_lists_submissions_over_pages(
    canvas: RestServer, teacher: Canvas, seminar: tuple[Course, Assignment]
) -> None:
    course, essay = seminar
    rows = list(teacher.get_course(int(course.id)).get_assignment(int(essay.id)).get_submissions())
    assert len({row.id for row in rows}) == 13
    assert sum(row.workflow_state == "submitted" for row in rows) == 12
    assert sum(row.path.endswith("/submissions") for row in canvas.state.received()) == 3


def test_creates_lists_and_deletes_a_review(
    canvas: RestServer, teacher: Canvas, seminar: tuple[Course, Assignment]
) -> None:
    course, essay = seminar
    author, reviewer = students_of(canvas.state, course)[:2]
    assignment = teacher.get_course(int(course.id)).get_assignment(int(essay.id))
    submission = assignment.get_submission(int(author.id))
    made = submission.create_submission_peer_review(int(reviewer.id))
    assert (made.user_id, made.assessor_id, made.asset_id) == (
        int(author.id),
        int(reviewer.id),
        submission.id,
    )
    assert [row.id for row in assignment.get_peer_reviews()] == [made.id]
    assert [row.id for row in submission.get_submission_peer_reviews()] == [made.id]
    assert submission.delete_submission_peer_review(int(reviewer.id)).id == made.id
    assert list(assignment.get_peer_reviews()) == []
    with pytest.raises(BadRequest):
        submission.delete_submission_peer_review(int(reviewer.id))
    with pytest.raises(BadRequest):
        submission.create_submission_peer_review(int(author.id))


def test_switches_peer_reviews_on(teacher: Canvas, seminar: tuple[Course, Assignment]) -> None:
    course = teacher.get_course(int(seminar[0].id))
    journal = next(row for row in course.get_assignments() if row.name == "Reading journal")
    assert journal.edit(assignment={"peer_reviews": True}).peer_reviews is True


def test_refusals_arrive_as_the_right_exceptions(
    canvas: RestServer, outside: OutsideClients, seminar: tuple[Course, Assignment]
) -> None:
    course, essay = seminar
    student = students_of(canvas.state, course)[0]
    client = outside.connect(canvas.state.make_personal_token(student.id).token)
    with pytest.raises(Forbidden):
        list(client.get_course(int(course.id)).get_assignment(int(essay.id)).get_submissions())
    with pytest.raises(ResourceDoesNotExist):
        client.get_course(424242)
    with pytest.raises(InvalidAccessToken):
        outside.connect("not-a-token").get_current_user()
