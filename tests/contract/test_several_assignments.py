"""Several assignments read together from the simulated Canvas: the same as one by one, in fewer calls."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from lti_tool.canvas.calls import Calls, Patience
from lti_tool.canvas.client import CanvasClient, InCourse, InSection
from lti_tool.canvas.endpoints import ALL_SCOPES, MEMORY_SCOPES
from lti_tool.canvas.errors import NotFound, NotPermitted
from lti_tool.canvas.pacing import Lane, Pace
from lti_tool.canvas.several_reader import SeveralAssignments
from lti_tool.canvas.snapshot_reader import AssignmentReviews
from lti_tool.canvas.transport import Limits, Transport
from lti_tool.planning.ids import AssignmentId, CanvasOrigin, CourseId, SectionId
from lti_tool.planning.pool import cross_listed
from lti_tool.planning.snapshot import Snapshot
from lti_tool.simulator.courses import build_state
from lti_tool.simulator.state import Assignment, CanvasState, Course, DeveloperKey
from lti_tool.simulator.tables import STUDENT_TYPES
from tests.integration.canvas.conftest import OneToken
from tests.integration.canvas.servers import simulated_canvas, transport_to

WITHOUT_LIST = [scope for scope in ALL_SCOPES if scope not in MEMORY_SCOPES]
EARLIER, PAGE = 8, 10
"""121 people at 10 a page are 13 pages, as 1 300 people are at Canvas's 100."""


@dataclass
class Canvas:
    """A simulated Canvas with a course of many assignments, and clients of its people."""

    state: CanvasState
    origin: CanvasOrigin
    transport: Transport

    @property
    def course(self) -> Course:
        return next(row for row in self.state.courses.values() if row.code.startswith("SOC"))

    @property
    def awkward(self) -> Course:
        return next(row for row in self.state.courses.values() if int(row.id) > 2**53)

    def assignments(self, course: Course) -> list[Assignment]:
        return [row for row in self.state.assignments_of(course.id) if row.peer_reviews]

    def client(self, login: str = "teacher", scopes: list[str] | None = None) -> CanvasClient:
        user = next(user for user in self.state.users.values() if user.login == login)
        token = self.state.make_personal_token(user.id).token
        if scopes is not None:
            key = DeveloperKey("77", "secret", "Allocator", "api", [], scopes, require_scopes=True)
            self.state.add_key(key)
            token = self.state.issue_grant(user.id, "77", scopes=tuple(scopes)).token
        calls = Calls(self.transport, OneToken(token), Pace(), lane=Lane.PAGE, patience=Patience(attempts=2))
        return CanvasClient(calls)

    def several(
        self, course: Course, login: str = "teacher", scopes: list[str] | None = None
    ) -> SeveralAssignments:
        return SeveralAssignments(self.client(login, scopes), self.origin, CourseId(course.id))

    def alone(self, assignment: Assignment, login: str = "teacher") -> Snapshot:
        course = CourseId(assignment.course_id)
        client = self.client(login)
        return AssignmentReviews(client, self.origin, course, AssignmentId(assignment.id)).read_snapshot()


@pytest.fixture
def canvas() -> Iterator[Canvas]:
    state = build_state(11, kinds=["sections", "awkward"])
    state.habits.per_page_max, state.habits.throttle_enabled = PAGE, False
    course = next(row for row in state.courses.values() if row.code.startswith("SOC"))
    have = len([row for row in state.assignments_of(course.id) if row.peer_reviews])
    for number in range(have, EARLIER):
        made = state.add_assignment(course, f"Draft {number}", at=state.now())
        made.peer_reviews = True
        state.refresh_submissions(made)
    with simulated_canvas(state) as origin, transport_to(origin, Limits()) as transport:
        yield Canvas(state, origin, transport)


def ids(rows: list[Assignment]) -> list[AssignmentId]:
    return [AssignmentId(row.id) for row in rows]


def in_order(snapshot: Snapshot) -> tuple[object, ...]:
    """Everything that a plan looks at, but for the time."""
    return snapshot.fingerprint, snapshot.people, snapshot.works, snapshot.sections, snapshot.groups


@pytest.mark.parametrize("login", ["teacher", "section-ta"])
def test_a_snapshot_read_with_others_is_the_one_read_alone(canvas: Canvas, login: str) -> None:
    """With people who left, groups, overrides and, for an assistant, only some sections."""
    for course in (canvas.course, canvas.awkward):
        rows = canvas.assignments(course)
        if login == "section-ta" and course is canvas.awkward:
            continue
        together = canvas.several(course, login).snapshots(ids(rows))
        for row, found in zip(rows, together, strict=True):
            assert in_order(found) == in_order(canvas.alone(row, login)), row.name


def test_an_unpublished_assignment_is_read_by_itself(canvas: Canvas) -> None:
    rows = canvas.assignments(canvas.course)
    rows[0].workflow_state = "unpublished"
    first, *_ = canvas.several(canvas.course).snapshots(ids(rows))
    assert in_order(first) == in_order(canvas.alone(rows[0]))
    with pytest.raises(NotPermitted):
        canvas.client().submissions_of_several(InCourse(CourseId(canvas.course.id)), ids(rows))


@pytest.mark.parametrize("scopes", [None, WITHOUT_LIST], ids=["bulk", "one by one"])
def test_eight_assignments_cost_a_list_and_not_eight(canvas: Canvas, scopes: list[str] | None) -> None:
    wanted = ids(canvas.assignments(canvas.course))
    assert len(wanted) == EARLIER
    people = canvas.alone(canvas.assignments(canvas.course)[0]).people
    several = canvas.several(canvas.course, scopes=scopes)

    def calls(part: str) -> int:
        return len(canvas.state.received(path_part=part))

    before, lists_before = len(canvas.state.log), calls("/submissions")
    scores = several.scores(wanted, people)
    assert [one.assignment for one in scores] == wanted
    of_lists = calls("/submissions") - lists_before
    have = [sum(not row.deleted for row in canvas.state.submissions_of(one)) for one in wanted]
    by_themselves = sum(-(-rows // PAGE) for rows in have)
    assert (-(-len(people) // PAGE), by_themselves) == (13, 98)
    assert of_lists == (13 if scopes is None else 1 + by_themselves), "one refusal, then each by itself"
    assert len(canvas.state.log) - before == of_lists + 1, "and one list of the assignments for all names"

    before = len(canvas.state.log)
    several.snapshots(wanted)
    shared = ["permissions", "assignments", "course", "features", "sections", "groups"]
    students = {
        row.user_id for row in canvas.state.enrollments_of(canvas.course.id) if row.type in STUDENT_TYPES
    }
    assert len(canvas.state.log) - before == len(shared) + -(-len(students) // PAGE) + of_lists + EARLIER

    before = len(canvas.state.log)
    several.earlier(wanted)
    assert len(canvas.state.log) - before == EARLIER + 1, "reviews are a call for each, in any case"


def test_reviews_of_an_assignment_that_is_gone_are_none(canvas: Canvas) -> None:
    rows = canvas.assignments(canvas.course)
    wanted = [*ids(rows[:2]), AssignmentId("999999")]
    found = canvas.several(canvas.course).earlier(wanted)
    assert [one.assignment for one in found] == wanted
    assert (found[2].name, found[2].pairs) == ("", ())
    (gone,) = canvas.several(canvas.course).scores(wanted[2:], ())
    assert (gone.name, gone.points) == ("", ())
    with pytest.raises(NotFound):
        canvas.several(canvas.course).snapshots(wanted)


def test_points_come_with_what_the_assignment_gives_at_most(canvas: Canvas) -> None:
    rows = canvas.assignments(canvas.course)[:2]
    rows[0].points_possible = 20.0
    people = canvas.alone(rows[0]).people
    graded = next(row for row in canvas.state.submissions_of(rows[0].id) if not row.deleted)
    graded.score = 15.0
    first, second = canvas.several(canvas.course).scores(ids(rows), people)
    assert (first.points, first.possible) == (((graded.user_id, 15.0),), 20.0)
    assert second.points == ()


def test_the_section_form_shows_that_section(canvas: Canvas) -> None:
    rows = canvas.assignments(canvas.course)[:2]
    client, course = canvas.client(), CourseId(canvas.course.id)
    sections = [SectionId(row.id) for row in canvas.state.sections_of(course)]
    everybody = client.submissions_of_several(InCourse(course), ids(rows))
    parts = [client.submissions_of_several(InSection(one), ids(rows)) for one in sections]
    assert all(part for part in parts)
    assert {one.id for part in parts for one in part} == {one.id for one in everybody}
    assert all(len(part) < len(everybody) for part in parts)


def test_a_cross_listed_section_is_known_and_changes_no_fingerprint(canvas: Canvas) -> None:
    essay = canvas.assignments(canvas.course)[0]
    before = canvas.alone(essay)
    section = canvas.state.sections_of(canvas.course.id)[1]
    section.nonxlist_course_id = canvas.awkward.id
    after = canvas.alone(essay)
    assert [(one.id, one.came_from) for one in cross_listed(after)] == [(section.id, canvas.awkward.id)]
    assert cross_listed(before) == ()
    assert after.fingerprint == before.fingerprint, "plans of before still stand"
    (first, _) = canvas.several(canvas.course).snapshots(ids(canvas.assignments(canvas.course)[:2]))
    assert first.sections == after.sections
