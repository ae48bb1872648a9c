"""The awkward course: everything that breaks a naive allocator or client, in one small class.

Ids above 2^53, names in eight scripts (markup and a spreadsheet formula among them), people in two
sections, groups of 5, 4, 3, 2, 1 and people in none; late, excused, unsubmitted, graded without work,
invited, inactive and concluded students; a rubric, reviews made by others, completed ones, one whose author
has left, one that exists twice because the rubric came between, a differentiated assignment, an unpublished
one, and the course flag of Canvas's new peer reviews.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from lti_tool.simulator.names import NAMES_IN_MANY_SCRIPTS
from lti_tool.simulator.records import Assignment, Course, EnrollmentState, EnrollmentType, User
from lti_tool.simulator.staff import Staff, enroll_staff
from lti_tool.simulator.state import CanvasState

SHARD = 1043

# Positions in the list of students.
INVITED, INACTIVE, CONCLUDED = 15, 16, 17
IN_TWO_SECTIONS = (0, 6)
NOT_SUBMITTED, GRADED_WITHOUT_WORK, EXCUSED, LATE = 3, 11, 5, (7, 8)
GROUP_SIZES = (5, 4, 3, 2, 1)


def add_awkward_course(state: CanvasState, staff: Staff, now: datetime) -> Course:
    """Make the course with its people, groups, assignments, work and reviews."""
    course = state.add_course("Rhetoric ⟨Ρητορική⟩ & Writing", "RHET-7", shard=SHARD)
    course.feature_flags.add("peer_review_allocation_and_grading")
    sections = [state.add_section(course, name) for name in ("Evening", "Morning", "Zoom — слушатели")]
    enroll_staff(state, staff, course, sections, now)
    students = _enroll_students(state, course, now)
    essay = _add_essay(state, course, now)
    project = _add_group_project(state, course, students, now)
    _add_other_assignments(state, course, students, now)
    for assignment in state.assignments_of(course.id):
        state.refresh_submissions(assignment)
    _hand_in_essay(state, essay, students)
    _add_reviews(state, staff, essay, students)
    for position in (0, 5, 9):
        state.submit(students[position].id, project.id, at=now - timedelta(days=2))
    state.drop(students[INACTIVE].id, course.id)
    state.drop(students[CONCLUDED].id, course.id, state=EnrollmentState.COMPLETED)
    state.notifications.clear()
    return course


def _enroll_students(state: CanvasState, course: Course, now: datetime) -> list[User]:
    sections = state.sections_of(course.id)
    students: list[User] = []
    for position, (name, sortable) in enumerate(NAMES_IN_MANY_SCRIPTS):
        user = state.add_user(
            name,
            sortable_name=sortable,
            shard=course.shard,
            time_zone="Asia/Kolkata" if position % 3 else "America/Los_Angeles",
            pronouns="they/them" if position == 2 else None,
        )
        at = now - timedelta(days=40)
        enrollment_state = EnrollmentState.INVITED if position == INVITED else EnrollmentState.ACTIVE
        state.add_enrollment(
            user, sections[position % 3], EnrollmentType.STUDENT, at=at, state=enrollment_state
        )
        if position in IN_TWO_SECTIONS:
            state.add_enrollment(user, sections[(position + 1) % 3], EnrollmentType.STUDENT, at=at)
        students.append(user)
    return students


def _add_essay(state: CanvasState, course: Course, now: datetime) -> Assignment:
    essay = state.add_assignment(course, "Essay “On «style»”", at=now - timedelta(days=30))
    essay.peer_reviews, essay.due_at = True, now - timedelta(days=5)
    return essay


def _add_group_project(
    state: CanvasState, course: Course, students: Sequence[User], now: datetime
) -> Assignment:
    category = state.add_group_category(course, "Project groups")
    members = iter(students)
    for number, size in enumerate(GROUP_SIZES, start=1):
        state.add_group(category, f"Project group {number}", [next(members).id for _ in range(size)])
    project = state.add_assignment(course, "Group speech", at=now - timedelta(days=30))
    project.group_category_id, project.peer_reviews = category.id, True
    project.due_at = now - timedelta(days=1)
    return project


def _add_other_assignments(
    state: CanvasState, course: Course, students: Sequence[User], now: datetime
) -> None:
    made = now - timedelta(days=30)
    chosen = state.add_assignment(course, "Retake (three students)", at=made)
    chosen.peer_reviews, chosen.only_visible_to_overrides = True, True
    override = state.add_override(chosen, "3 students")
    override.student_ids = [user.id for user in students[:3]]
    override.due_at = now + timedelta(days=6)
    automatic = state.add_assignment(course, "Weekly paragraph", at=made)
    automatic.peer_reviews = automatic.automatic_peer_reviews = True
    automatic.peer_review_count, automatic.due_at = 3, now + timedelta(days=2)
    quiet = state.add_assignment(course, "Vocabulary list", at=made)
    quiet.due_at = None
    hidden = state.add_assignment(course, "Final essay (not published yet)", at=made)
    hidden.peer_reviews, hidden.workflow_state = True, "unpublished"


def _hand_in_essay(state: CanvasState, essay: Assignment, students: Sequence[User]) -> None:
    due_at = essay.due_at or essay.created_at
    for position, user in enumerate(students):
        if position in (NOT_SUBMITTED, INVITED):
            continue
        if position == GRADED_WITHOUT_WORK:
            row = state.submission_row(essay.id, user.id)
            row.workflow_state, row.score, row.graded_at = "graded", 0.0, due_at + timedelta(days=1)
            continue
        if position == EXCUSED:
            state.excuse(user.id, essay.id)
            continue
        hours = 30 if position in LATE else -1 - position
        state.submit(user.id, essay.id, at=due_at + timedelta(hours=hours))


def _add_reviews(state: CanvasState, staff: Staff, essay: Assignment, students: Sequence[User]) -> None:
    """Reviews of others: two completed, one of a person who leaves, one doubled by the rubric."""

    def assign(assessor: int, author: int) -> str:
        submission = state.submission_row(essay.id, students[author].id)
        return state.assign_assessor(submission, students[assessor].id, made_by=staff.ta.id).id

    completed = [assign(0, 1), assign(1, 2)]
    assign(2, 0)
    assign(4, INACTIVE)
    state.attach_rubric(essay.id)
    for request_id in completed:
        state.complete_review(request_id)
    state.requests[assign(6, 7)].rubric_association_id = None
    assign(6, 7)
