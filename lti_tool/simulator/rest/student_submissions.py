"""Submissions of several assignments at once, for course and section.

Source: canvas-lms app/controllers/submissions_api_controller.rb, for_students (read at 0088c23e).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from flask import Response

from lti_tool.simulator.records import Course, Enrollment, EnrollmentState, Section, Submission
from lti_tool.simulator.rest import rights
from lti_tool.simulator.rest.answers import RestError, not_authorized, paged_answer
from lti_tool.simulator.rest.call import Call, canonical_id
from lti_tool.simulator.rest.params import as_list
from lti_tool.simulator.rest.submissions import submission_json
from lti_tool.simulator.tables import STUDENT_TYPES

MOST_STUDENTS = 100
"""More ids than a page holds are refused; the word `all` is not."""


def list_course(call: Call, course_id: str) -> Response:
    """GET /courses/:course_id/students/submissions."""
    return _list(call, call.course(course_id), None)


def list_section(call: Call, section_id: str) -> Response:
    """GET /sections/:section_id/students/submissions: only students of that section."""
    section = call.section(section_id)
    return _list(call, call.course(section.course_id), section)


def _list(call: Call, course: Course, section: Section | None) -> Response:
    """Flat rows by id with opaque pages; with `grouped` (any text, "false" too) a page is of students.

    Unlike the list of one assignment it also has people who left: every enrolment counts that is not
    deleted. Only published assignments can be asked for; one other id and the whole is refused.
    """
    students = _students(call, course, section)
    published = {row.id for row in call.state.assignments_of(course.id) if row.published}
    asked = [canonical_id(one) for one in as_list(call.params.get("assignment_ids"))]
    if not published.issuperset(asked):
        raise RestError(403, {"error": "invalid assignment ids requested"})
    rows = [
        row
        for assignment in (asked or sorted(published))
        for row in call.state.submissions_of(assignment)
        if row.user_id in students and not row.deleted
    ]
    if call.params.get("grouped"):
        return _grouped(call, students, rows)
    rows.sort(key=lambda row: int(row.id))
    opaque = replace(call.state.habits, opaque_paging=True)
    return paged_answer(call.request, opaque, rows, lambda row: submission_json(call, row))


def _grouped(call: Call, students: dict[str, Enrollment], rows: list[Submission]) -> Response:
    of_student: dict[str, list[Submission]] = defaultdict(list)
    for row in rows:
        of_student[row.user_id].append(row)

    def show(user_id: str) -> dict[str, object]:
        return {
            "user_id": int(user_id),
            "section_id": int(students[user_id].section_id),
            "submissions": [submission_json(call, row) for row in of_student[user_id]],
        }

    return call.page(sorted(students, key=int), show)


def _students(call: Call, course: Course, section: Section | None) -> dict[str, Enrollment]:
    """Whose rows are wanted, and may be seen; without `student_ids` the caller's own."""
    asked = as_list(call.params.get("student_ids"))
    ids = {canonical_id(one) for one in asked if one != "all"}
    if call.permissions(course).intersection(("manage_grades", "view_all_grades")):
        visible = {
            row.user_id: row
            for row in rights.visible_enrollments(call.state, course, call.user)
            if row.type in STUDENT_TYPES
            and row.state is not EnrollmentState.DELETED
            and (section is None or row.section_id == section.id)
        }
    else:
        own = call.state.enrollments_of(course.id, call.user.id)
        visible = {row.user_id: row for row in own if row.type in STUDENT_TYPES}
        if not visible:
            raise not_authorized(call.state.habits)
    if "all" in asked:
        return visible
    wanted = ids or {call.user.id}
    if not wanted <= visible.keys():
        raise not_authorized(call.state.habits)
    if len(wanted) > MOST_STUDENTS:
        raise RestError(400, {"error": "too many students"})
    return {user_id: visible[user_id] for user_id in wanted}
