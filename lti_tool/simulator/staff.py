"""The people who teach in the simulated courses, and each course's Test Student."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from lti_tool.simulator.records import Course, EnrollmentType, Section, User
from lti_tool.simulator.state import CanvasState


@dataclass(frozen=True, slots=True)
class Staff:
    """One teacher, one TA for everybody, one TA limited to a section, one account admin."""

    teacher: User
    ta: User
    section_ta: User
    admin: User


def add_staff(state: CanvasState) -> Staff:
    """Make the four people."""
    return Staff(
        teacher=state.add_user("Miriam Castellanos", login="teacher"),
        ta=state.add_user("Tomasz Lindqvist", login="ta"),
        section_ta=state.add_user("Abena Osei-Laurent", login="section-ta"),
        admin=state.add_user("Rowan Fitzgerald", login="admin", site_admin=True),
    )


def enroll_staff(
    state: CanvasState, staff: Staff, course: Course, sections: Sequence[Section], now: datetime
) -> None:
    """Teacher and TA see everybody, the other TA only the last section; the Test Student is in all."""
    made = now - timedelta(days=70)
    state.add_enrollment(staff.teacher, sections[0], EnrollmentType.TEACHER, at=made)
    state.add_enrollment(staff.ta, sections[0], EnrollmentType.TA, at=made)
    state.add_enrollment(staff.section_ta, sections[-1], EnrollmentType.TA, at=made, limited=True)
    test_student = state.add_user(
        "Test Student", sortable_name="Student, Test", shard=course.shard, fake_student=True
    )
    for section in sections:
        state.add_enrollment(test_student, section, EnrollmentType.STUDENT_VIEW, at=made)
