"""What every page needs: the parts of this simulated Canvas, lookups that end in a page, paged lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from flask import current_app, request

from lti_tool.simulator.oauth import OAuthProvider
from lti_tool.simulator.platform import LtiPlatform
from lti_tool.simulator.records import Assignment, Course, User
from lti_tool.simulator.registrations import ToolRegistrations
from lti_tool.simulator.state import CanvasState

EXTENSION = "simulated_canvas"
ROWS_PER_PAGE = 100

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Simulator:
    """The parts behind one app."""

    state: CanvasState
    platform: LtiPlatform
    oauth: OAuthProvider
    registrations: ToolRegistrations


class PageProblem(Exception):
    """Something that ends in an error page: what happened, what it means, what to do."""

    def __init__(self, status: int, title: str, explanation: str) -> None:
        super().__init__(f"{status} {title}")
        self.status = status
        self.title = title
        self.explanation = explanation


@dataclass(frozen=True, slots=True)
class PagedRows(Generic[Row]):
    """A slice of a long list, with what the links to its neighbours need."""

    rows: Sequence[Row]
    total: int
    number: int
    last: int


def simulator() -> Simulator:
    """The parts behind the current app."""
    found: Simulator = current_app.extensions[EXTENSION]
    return found


def course_or_problem(course_id: str) -> Course:
    """The course of a URL, or a page that says there is none."""
    course = simulator().state.courses.get(course_id)
    if course is None:
        raise PageProblem(404, "There is no such course", "Go to the dashboard and choose one.")
    return course


def assignment_or_problem(course: Course, assignment_id: str) -> Assignment:
    """The assignment of a URL, in this course, or a page that says there is none."""
    assignment = simulator().state.assignments.get(assignment_id)
    if assignment is None or assignment.course_id != course.id or assignment.workflow_state == "deleted":
        raise PageProblem(404, "There is no such assignment", "Go back to the course and choose one.")
    return assignment


def person_or_problem(user_id: str) -> User:
    """The person of a form field, or a page that says there is none."""
    person = simulator().state.users.get(user_id)
    if person is None:
        raise PageProblem(404, "There is no such person", "Choose somebody from the list.")
    return person


def paged(rows: Sequence[Row]) -> PagedRows[Row]:
    """The part of `rows` that the query parameter `page` asks for; out of range means the nearest page."""
    last = max(1, -(-len(rows) // ROWS_PER_PAGE))
    number = min(max(1, request.args.get("page", 1, type=int)), last)
    start = (number - 1) * ROWS_PER_PAGE
    return PagedRows(rows[start : start + ROWS_PER_PAGE], len(rows), number, last)
