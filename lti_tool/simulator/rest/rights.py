"""Who may do what in a course, and whom a caller can see.

Sources: canvas-lms app/models/course.rb (students_visible_to, section visibility) and the course policies.
"""

from __future__ import annotations

from lti_tool.simulator.coursework import is_assigned_to
from lti_tool.simulator.records import Assignment, Course, Enrollment, EnrollmentState, EnrollmentType, User
from lti_tool.simulator.state import CanvasState

TEACHING = frozenset({EnrollmentType.TEACHER, EnrollmentType.TA})
ALL_PERMISSIONS = (
    "read",
    "read_roster",
    "view_all_grades",
    "manage_grades",
    "manage_assignments_edit",
    "manage_groups_manage",
    "send_messages",
)
_STUDENT_PERMISSIONS = frozenset({"read", "read_roster", "send_messages"})
_DESIGNER_PERMISSIONS = frozenset({"read", "read_roster", "manage_assignments_edit", "send_messages"})
_LOST_WHEN_CONCLUDED = frozenset({"manage_grades", "manage_assignments_edit", "manage_groups_manage"})


def _active(state: CanvasState, course: Course, user: User) -> list[Enrollment]:
    rows = state.enrollments_of(course.id, user.id)
    return [row for row in rows if row.state is EnrollmentState.ACTIVE]


def permissions(state: CanvasState, course: Course, user: User) -> frozenset[str]:
    """The caller's permissions in a course; a concluded course takes the managing ones away."""
    granted: set[str] = set(ALL_PERMISSIONS) if user.site_admin else set()
    for row in _active(state, course, user):
        if row.type in TEACHING:
            granted.update(ALL_PERMISSIONS)
        elif row.type is EnrollmentType.DESIGNER:
            granted.update(_DESIGNER_PERMISSIONS)
        else:
            granted.update(_STUDENT_PERMISSIONS)
    if course.workflow_state == "completed":
        granted -= _LOST_WHEN_CONCLUDED
    return frozenset(granted - state.withheld.get((user.id, course.id), set()))


def visible_section_ids(state: CanvasState, course: Course, user: User) -> frozenset[str] | None:
    """The sections whose people the caller sees; None is all of them.

    Somebody is limited only when every enrollment of hers is limited to its section.
    """
    rows = _active(state, course, user)
    if user.site_admin or any(not row.limit_privileges_to_course_section for row in rows):
        return None
    return frozenset(row.section_id for row in rows)


def visible_enrollments(state: CanvasState, course: Course, user: User) -> list[Enrollment]:
    """All enrollments of the course that the caller can see, whatever their state."""
    sections = visible_section_ids(state, course, user)
    rows = state.enrollments_of(course.id)
    return rows if sections is None else [row for row in rows if row.section_id in sections]


def visible_student_ids(state: CanvasState, course: Course, user: User) -> set[str]:
    """Current students whom the caller can see, the Test Student included."""
    return state.current_student_ids(visible_enrollments(state, course, user))


def can_see_assignment(
    state: CanvasState, assignment: Assignment, user: User, granted: frozenset[str]
) -> bool:
    """Those who manage or grade see all; students only what is published and theirs."""
    if granted & {"manage_assignments_edit", "view_all_grades"}:
        return True
    return assignment.published and is_assigned_to(state, assignment, user.id)
