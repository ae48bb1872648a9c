"""What the simulated Canvas starts with, and what its people and Canvas itself do to the rows."""

from __future__ import annotations

from collections import Counter

import pytest

from lti_tool.simulator.courses import build_state
from lti_tool.simulator.records import (
    Assignment,
    Course,
    EnrollmentState,
    EnrollmentType,
    ReviewState,
)
from lti_tool.simulator.state import CanvasState, StandingClock
from tests.contract.rest_server import (
    NOON,
    assignment_called,
    course_called,
    person,
    students_of,
    submission_of,
)


def picture(state: CanvasState) -> list[object]:
    """All rows, for comparison."""
    tables = (state.users, state.courses, state.sections, state.enrollments, state.groups)
    more = (state.group_memberships, state.assignments, state.overrides, state.submissions, state.requests)
    return [list(table.values()) for table in (*tables, *more)]


def test_same_seed_and_clock_give_the_same_canvas_and_tokens() -> None:
    one, two = (build_state(3, clock=StandingClock(NOON)) for _ in range(2))
    assert picture(one) == picture(two)
    assert one.make_personal_token("101").token == two.make_personal_token("101").token


def test_another_seed_gives_other_people() -> None:
    names = [
        {user.name for user in build_state(seed, kinds=["small"], clock=StandingClock(NOON)).users.values()}
        for seed in (1, 2)
    ]
    assert names[0] != names[1]


@pytest.fixture(scope="module")
def everything() -> CanvasState:
    """All four courses; for tests that only look."""
    return build_state(3, clock=StandingClock(NOON))


def test_course_sizes_and_staff(everything: CanvasState) -> None:
    sizes = {
        course.code: (len(students_of(everything, course)), len(everything.sections_of(course.id)))
        for course in everything.courses.values()
    }
    assert sizes == {"WRIT-101": (12, 1), "SOC-110": (120, 4), "BIO-100": (1_000, 10), "RHET-7": (15, 3)}
    for course in everything.courses.values():
        rows = everything.enrollments_of(course.id)
        staff = {
            everything.users[row.user_id].login: row.limit_privileges_to_course_section
            for row in rows
            if row.type in (EnrollmentType.TEACHER, EnrollmentType.TA)
        }
        assert staff == {"teacher": False, "ta": False, "section-ta": True}
        test_students = {row.user_id for row in rows if row.type is EnrollmentType.STUDENT_VIEW}
        assert len(test_students) == 1
    assert person(everything, "admin").site_admin


def test_user_ids_are_never_submission_ids(everything: CanvasState) -> None:
    assert everything.users.keys().isdisjoint(everything.submissions)


def test_names_are_all_different_within_a_course(everything: CanvasState) -> None:
    for course in everything.courses.values():
        names = [user.name for user in students_of(everything, course)]
        assert len(set(names)) == len(names)


def test_awkward_course_is_awkward(everything: CanvasState) -> None:
    course = course_called(everything, "RHET-7")
    essay = assignment_called(everything, course, "Essay")
    rows = everything.enrollments_of(course.id)
    students = [row for row in rows if row.type is EnrollmentType.STUDENT]
    states = Counter(row.state for row in students)
    assert {EnrollmentState.INVITED, EnrollmentState.INACTIVE, EnrollmentState.COMPLETED} <= states.keys()
    assert max(Counter(row.user_id for row in students).values()) == 2
    ids = [course.id, essay.id, *(row.id for row in rows), *(row.user_id for row in students)]
    assert all(int(text) > 2**53 for text in ids)
    reviews = everything.reviews_of(essay.id)
    assert all(int(row.id) > 2**53 for row in reviews)
    assert sum(row.workflow_state is ReviewState.COMPLETED for row in reviews) == 2
    pairs = Counter((row.assessor_id, row.user_id) for row in reviews)
    assert sorted(pairs.values()) == [1, 1, 1, 1, 2]
    gone = {row.user_id for row in students if row.state is EnrollmentState.INACTIVE}
    assert any(row.user_id in gone for row in reviews)
    assert everything.notifications == []


@pytest.fixture
def seminar() -> tuple[CanvasState, Course, Assignment]:
    state = build_state(3, kinds=["small"], clock=StandingClock(NOON))
    course = course_called(state, "WRIT-101")
    return state, course, assignment_called(state, course, "Essay 1")


def test_late_enrolment_makes_rows_at_once(seminar: tuple[CanvasState, Course, Assignment]) -> None:
    state, course, essay = seminar
    newcomer = state.enroll_late(course.id, "Ludmila Late")
    row = submission_of(state, essay, newcomer)
    assert (row.workflow_state, row.submission_type, row.deleted) == ("unsubmitted", None, False)
    state.submit(newcomer.id, essay.id)
    assert (row.workflow_state, row.attempt) == ("submitted", 1)


def test_group_work_is_handed_in_for_every_member() -> None:
    state = build_state(3, kinds=["awkward"], clock=StandingClock(NOON))
    course = course_called(state, "RHET-7")
    project = assignment_called(state, course, "Group speech")
    first = state.groups_of(course_id=course.id)[1]
    members = [row.user_id for row in state.memberships_of(first.id)]
    state.submit(members[2], project.id, body="Ours", at=NOON)
    rows = [submission_of(state, project, state.users[user_id]) for user_id in members]
    assert {(row.body, row.submitted_at) for row in rows} == {("Ours", NOON)}


def test_automatic_allocation_fills_every_reviewer_up(
    seminar: tuple[CanvasState, Course, Assignment],
) -> None:
    state, course, essay = seminar
    essay.peer_review_count = 3
    students = students_of(state, course)
    state.assign_assessor(submission_of(state, essay, students[1]), students[0].id, made_by="teacher")
    made = state.run_canvas_automatic_allocation(essay.id)
    assert len(made) == 35
    rows = state.reviews_of(essay.id)
    assert Counter(row.assessor_id for row in rows) == {user.id: 3 for user in students}
    assert all(row.assessor_id != row.user_id for row in rows)
    assert len({(row.assessor_id, row.user_id) for row in rows}) == 36
    assert len(state.notifications) == 36
    assert state.run_canvas_automatic_allocation(essay.id) == []


def test_automatic_allocation_starves_a_late_submitter(
    seminar: tuple[CanvasState, Course, Assignment],
) -> None:
    state, course, essay = seminar
    essay.peer_review_count = 2
    state.run_canvas_automatic_allocation(essay.id)
    late = state.enroll_late(course.id, "Ludmila Late")
    state.submit(late.id, essay.id)
    made = state.run_canvas_automatic_allocation(essay.id)
    assert [row.assessor_id for row in made] == [late.id, late.id]
    assert late.id not in {row.user_id for row in state.reviews_of(essay.id)}


def test_automatic_allocation_keeps_out_of_the_own_group_unless_allowed() -> None:
    state = build_state(3, kinds=["awkward"], clock=StandingClock(NOON))
    course = course_called(state, "RHET-7")
    project = assignment_called(state, course, "Group speech")
    project.peer_review_count = 2
    for row in state.run_canvas_automatic_allocation(project.id):
        own = state.group_of(row.assessor_id, project.group_category_id)
        other = state.group_of(row.user_id, project.group_category_id)
        assert own is not other


def test_automatic_allocation_avoids_pairs_that_review_each_other() -> None:
    mutual = 0
    for seed in range(20):
        state = build_state(seed, kinds=["small"], clock=StandingClock(NOON))
        essay = assignment_called(state, course_called(state, "WRIT-101"), "Essay 1")
        essay.peer_review_count = 2
        made = {(row.assessor_id, row.user_id) for row in state.run_canvas_automatic_allocation(essay.id)}
        assert len(made) == 24
        mutual += sum((author, assessor) in made for assessor, author in made) // 2
    # Without the rule about fifty in these 480 reviews; with it only the last in line are left no choice.
    assert mutual < 20
