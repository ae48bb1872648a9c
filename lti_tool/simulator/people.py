"""How the pages call people: their standing in a course, and whom one may choose to act as."""

from __future__ import annotations

from dataclasses import dataclass

from lti_tool.simulator.records import Course, Enrollment, EnrollmentState, EnrollmentType, User
from lti_tool.simulator.state import CanvasState

STUDENTS_OFFERED = 4

_WORDS = {
    EnrollmentType.TEACHER: "Teacher",
    EnrollmentType.TA: "TA",
    EnrollmentType.DESIGNER: "Designer",
    EnrollmentType.OBSERVER: "Observer",
    EnrollmentType.STUDENT: "Student",
    EnrollmentType.STUDENT_VIEW: "Test Student",
}
ROLE_ORDER = tuple(_WORDS)
"""Roles as lists of people show them, staff first."""


@dataclass(frozen=True, slots=True)
class PersonChoice:
    """One person in the chooser."""

    user: User
    standing: str


@dataclass(frozen=True, slots=True)
class PersonGroup:
    """People of one course (or of the whole account) in the chooser."""

    label: str
    people: list[PersonChoice]


def enrollment_in_words(state: CanvasState, enrollment: Enrollment) -> str:
    """ "TA, only Section B", "Student (inactive)"."""
    word = _WORDS[enrollment.type]
    if enrollment.limit_privileges_to_course_section:
        word += f", only {state.sections[enrollment.section_id].name}"
    if enrollment.state != EnrollmentState.ACTIVE:
        word += f" ({enrollment.state.value})"
    return word


def standing(state: CanvasState, user: User, course: Course | None) -> str:
    """What a person is in this course, or anywhere when no course is given."""
    with state.lock:
        rows = (
            state.enrollments_of(course.id, user.id)
            if course is not None
            else state.enrollments_of_user(user.id)
        )
        rows = sorted(rows, key=lambda row: (ROLE_ORDER.index(row.type), int(row.id)))
        words = list(dict.fromkeys(enrollment_in_words(state, row) for row in rows))
    if user.site_admin:
        words.insert(0, "Admin")
    return "; ".join(words[:2]) if words else "not in this course"


def people_to_act_as(state: CanvasState, course: Course) -> list[PersonGroup]:
    """Admins, all staff, the Test Student and a few students of a course, staff first."""
    with state.lock:
        admins = [PersonChoice(user, "Admin") for user in state.users.values() if user.site_admin]
        rows = sorted(
            state.enrollments_of(course.id),
            key=lambda row: (ROLE_ORDER.index(row.type), state.users[row.user_id].sortable_name, int(row.id)),
        )
        chosen: dict[str, PersonChoice] = {}
        students = 0
        for row in rows:
            if row.user_id in chosen:
                continue
            if row.type == EnrollmentType.STUDENT:
                students += 1
                if students > STUDENTS_OFFERED:
                    continue
            chosen[row.user_id] = PersonChoice(state.users[row.user_id], enrollment_in_words(state, row))
    groups = [PersonGroup(course.name, list(chosen.values()))]
    return [PersonGroup("The whole account", admins), *groups] if admins else groups
