"""A class list that moves while it is read: noticed, read again, and never trusted by half."""

from __future__ import annotations

import pytest

from lti_tool.canvas.class_list import READINGS
from lti_tool.canvas.errors import ListsDisagree
from lti_tool.canvas.snapshot_reader import AssignmentReviews
from lti_tool.planning.ids import AssignmentId, CourseId
from tests.integration.canvas.conftest import Connect
from tests.integration.canvas.servers import Received, Reply, reply

ASSIGNMENT = {"id": 2, "course_id": 1, "name": "Essay", "published": True, "html_url": "https://c.example/a"}


def student(number: int) -> dict[str, object]:
    return {
        "id": number,
        "user_id": number,
        "course_section_id": 5,
        "type": "StudentEnrollment",
        "enrollment_state": "active",
        "user": {"id": number, "name": f"Student {number}"},
    }


def work(number: int) -> dict[str, object]:
    return {"id": 900 + number, "user_id": number, "assignment_id": 2, "workflow_state": "unsubmitted"}


class MovingCourse:
    """Two pages; ``slips`` times a row vanishes meanwhile, so that student 3 slips over the border unseen."""

    def __init__(self, slips: int) -> None:
        self.slips = slips
        self.readings = 0

    def __call__(self, got: Received) -> Reply:
        documents: dict[str, object] = {
            "permissions": {"manage_grades": True},
            "assignments/2": ASSIGNMENT,
            "courses/1": {"id": 1, "name": "Course"},
            "features/enabled": [],
            "sections": [{"id": 5, "name": "Section"}],
            "groups": [],
            "peer_reviews": [],
            "submissions": [work(n) for n in (2, 3, 4)],
        }
        if got.path.endswith("/enrollments"):
            return self._enrollments(got)
        return reply(next(document for end, document in documents.items() if got.path.endswith(end)))

    def _enrollments(self, got: Received) -> Reply:
        if got.query.get("page") == "2":
            moved = self.readings <= self.slips
            return reply([student(4)] if moved else [student(3), student(4)])
        self.readings += 1
        link = f'<http://{got.headers["Host"]}{got.path}?page=2>; rel="next"'
        return reply([student(1), student(2)], Link=link)


@pytest.mark.parametrize("slips", [0, 1, 2])
def test_a_student_who_slipped_over_a_page_border_is_found_again(stubbed: Connect, slips: int) -> None:
    course = MovingCourse(slips)
    with stubbed(course) as made:
        reviews = AssignmentReviews(made.client, made.stub.origin, CourseId("1"), AssignmentId("2"))
        snapshot = reviews.read_snapshot()
    assert {person.id for person in snapshot.people} == {"1", "2", "3", "4"}
    assert course.readings == slips + 1


def test_a_reading_that_disagrees_to_the_end_fails_and_says_what_disagrees(stubbed: Connect) -> None:
    course = MovingCourse(slips=99)
    with stubbed(course) as made:
        reviews = AssignmentReviews(made.client, made.stub.origin, CourseId("1"), AssignmentId("2"))
        with pytest.raises(ListsDisagree) as found:
            reviews.read_snapshot()
    assert course.readings == READINGS
    assert str(found.value.what_happened) == (
        "Canvas's lists don't agree. 1 student has a submission and isn't in the class list."
    )
