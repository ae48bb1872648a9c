"""Custom columns of the gradebook, and what stands in them.

Sources: canvas-lms app/controllers/custom_gradebook_columns_api_controller.rb and
custom_gradebook_column_data_api_controller.rb: hidden columns are left out, and so are empty cells and people
whom the caller does not see; inactive and concluded students are listed.
"""

from __future__ import annotations

from flask import Response

from lti_tool.simulator.coursework import NO_SUBMISSION_ROW
from lti_tool.simulator.records import GradebookColumn
from lti_tool.simulator.rest import rights
from lti_tool.simulator.rest.call import Call, canonical_id
from lti_tool.simulator.tables import STUDENT_TYPES


def list_columns(call: Call, course_id: str) -> Response:
    """GET /courses/:course_id/custom_gradebook_columns."""
    course = call.course(course_id)
    call.need(course, "view_all_grades", "manage_grades")
    rows = [row for row in call.state.gradebook_columns.values() if row.course_id == course.id]
    return call.page([row for row in rows if not row.hidden], _column_json)


def list_entries(call: Call, course_id: str, column_id: str) -> Response:
    """GET /courses/:course_id/custom_gradebook_columns/:id/data."""
    course = call.course(course_id)
    column = call.state.gradebook_columns.get(canonical_id(column_id))
    if column is None or column.course_id != course.id or column.hidden:
        call.fail_not_found()
    call.need(course, "view_all_grades", "manage_grades")
    people = {
        row.user_id
        for row in rights.visible_enrollments(call.state, course, call.user)
        if row.type in STUDENT_TYPES and row.state not in NO_SUBMISSION_ROW
    }
    rows = [(user, text) for user, text in column.entries.items() if text and user in people]
    return call.page(rows, lambda row: {"user_id": int(row[0]), "content": row[1]})


def _column_json(column: GradebookColumn) -> dict[str, object]:
    return {
        "id": int(column.id),
        "title": column.title,
        "position": 1,
        "teacher_notes": False,
        "read_only": False,
        "hidden": column.hidden,
    }
