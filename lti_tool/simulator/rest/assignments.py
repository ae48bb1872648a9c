"""Assignments: list, show, update, overrides.

Sources: canvas-lms lib/api/v1/{assignment,assignment_override}.rb,
app/controllers/assignments_api_controller.rb.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask import Response

from lti_tool.simulator.coursework import applying_overrides, due_date_for, is_assigned_to
from lti_tool.simulator.records import Assignment, Course, Override
from lti_tool.simulator.rest import rights
from lti_tool.simulator.rest.answers import (
    RestError,
    invalid_field,
    missing_parameter,
    not_authorized,
    time_text,
)
from lti_tool.simulator.rest.call import Call, canonical_id
from lti_tool.simulator.rest.params import as_bool, as_list, as_time
from lti_tool.simulator.rest.resource_links import custom_of

NO_PEER_REVIEWS = frozenset({"external_tool", "discussion_topic", "online_quiz", "on_paper"})
"""Submission types for which setting `peer_reviews` does nothing."""

_SWITCHES = (
    "automatic_peer_reviews",
    "anonymous_peer_reviews",
    "intra_group_peer_reviews",
    "grade_group_students_individually",
    "only_visible_to_overrides",
    "omit_from_final_grade",
    "anonymous_grading",
)
_DATES = ("due_at", "unlock_at", "lock_at", "peer_reviews_assign_at")
_TOO_MANY_OVERRIDES = 25


def _dates(call: Call, assignment: Assignment, *, manages: bool) -> dict[str, object]:
    """The caller's own dates; for those who manage, the assignment's."""
    due = assignment.due_at
    if not manages and str(call.params.get("override_assignment_dates")) != "false":
        due = due_date_for(call.state, assignment, call.user.id)
    return {
        "due_at": time_text(due),
        "unlock_at": time_text(assignment.unlock_at),
        "lock_at": time_text(assignment.lock_at),
    }


def assignment_json(call: Call, assignment: Assignment) -> dict[str, object]:
    """An assignment as the caller sees it."""
    state = call.state
    course = state.course_of(assignment)
    manages = "manage_assignments_edit" in call.permissions(course)
    rows = [row for row in state.submissions_of(assignment.id) if not row.deleted]
    shown: dict[str, object] = {
        "id": int(assignment.id),
        "name": assignment.name,
        "description": "",
        "course_id": int(assignment.course_id),
        **_dates(call, assignment, manages=manages),
        "points_possible": assignment.points_possible,
        "grading_type": assignment.grading_type,
        "assignment_group_id": int(assignment.assignment_group_id),
        "position": assignment.position,
        "submission_types": list(assignment.submission_types),
        "has_submitted_submissions": any(row.submission_type is not None for row in rows),
        "workflow_state": assignment.workflow_state,
        "published": assignment.published,
        "peer_reviews": assignment.peer_reviews,
        "automatic_peer_reviews": assignment.automatic_peer_reviews,
        "anonymous_peer_reviews": assignment.anonymous_peer_reviews,
        "intra_group_peer_reviews": assignment.intra_group_peer_reviews,
        "group_category_id": int(assignment.group_category_id) if assignment.group_category_id else None,
        "grade_group_students_individually": assignment.grade_group_students_individually,
        "anonymous_grading": assignment.anonymous_grading,
        "moderated_grading": assignment.moderated_grading,
        "only_visible_to_overrides": assignment.only_visible_to_overrides,
        "is_quiz_assignment": False,
        "is_quiz_lti_assignment": False,
        "omit_from_final_grade": assignment.omit_from_final_grade,
        "hide_in_gradebook": assignment.hide_in_gradebook,
        "allowed_attempts": assignment.allowed_attempts,
        "html_url": call.url(f"/courses/{course.id}/assignments/{assignment.id}"),
        "submissions_download_url": call.url(
            f"/courses/{course.id}/assignments/{assignment.id}/submissions?zip=1"
        ),
        "created_at": time_text(assignment.created_at),
        "updated_at": time_text(assignment.updated_at),
        "lti_context_id": assignment.lti_context_id,
        "secure_params": f"simulated-{assignment.lti_context_id}",
        "muted": False,
        "locked_for_user": False,
    }
    if assignment.peer_reviews and assignment.automatic_peer_reviews:
        # Canvas leaves both out unless both switches are on.
        shown["peer_review_count"] = assignment.peer_review_count
        shown["peer_reviews_assign_at"] = time_text(assignment.peer_reviews_assign_at)
    if manages:
        shown["has_overrides"] = bool(state.overrides_of(assignment.id))
        shown["needs_grading_count"] = sum(row.workflow_state == "submitted" for row in rows)
    if assignment.rubric_association_id is not None:
        shown |= _rubric_json(call, assignment.rubric_association_id)
    return shown | _included(call, assignment, manages=manages)


def _rubric_json(call: Call, association_id: str) -> dict[str, object]:
    rubric = call.state.rubric_associations[association_id]
    criterion = {"id": "_1", "points": rubric.points_possible, "description": "Argument", "ratings": []}
    return {
        "use_rubric_for_grading": False,
        "rubric": [criterion],
        "rubric_settings": {
            "id": int(rubric.rubric_id),
            "title": rubric.title,
            "points_possible": rubric.points_possible,
            "free_form_criterion_comments": False,
        },
    }


def _included(call: Call, assignment: Assignment, *, manages: bool) -> dict[str, object]:
    shown: dict[str, object] = {}
    overrides = call.state.overrides_of(assignment.id)
    if manages and "assignment_visibility" in call.includes:
        people = call.state.current_student_ids(call.state.enrollments_of(assignment.course_id))
        # Strings whatever the Accept header says.
        shown["assignment_visibility"] = [
            user_id for user_id in sorted(people, key=int) if is_assigned_to(call.state, assignment, user_id)
        ]
    if manages and "overrides" in call.includes:
        shown["overrides"] = [_override_json(call, row) for row in overrides]
    if manages and "all_dates" in call.includes:
        if len(overrides) >= _TOO_MANY_OVERRIDES:
            shown["all_dates_count"] = len(overrides) + (not assignment.only_visible_to_overrides)
        else:
            dates: list[dict[str, object]] = [
                {"id": int(row.id), "title": row.title, "due_at": time_text(row.due_at)} for row in overrides
            ]
            if not assignment.only_visible_to_overrides:
                dates.append({"base": True, "due_at": time_text(assignment.due_at)})
            shown["all_dates"] = dates
    return shown


def list_assignments(call: Call, course_id: str) -> Response:
    """GET /courses/:course_id/assignments, by position unless `order_by=name`."""
    course = call.course(course_id)
    call.need(course, "read")
    granted = call.permissions(course)
    rows = [
        row
        for row in call.state.assignments_of(course.id)
        if rights.can_see_assignment(call.state, row, call.user, granted)
    ]
    wanted = {canonical_id(text) for text in as_list(call.params.get("assignment_ids"))}
    if wanted:
        if len(wanted) > call.state.habits.per_page_max or wanted - {row.id for row in rows}:
            raise RestError(400, {"message": "Invalid assignment_ids"})
        rows = [row for row in rows if row.id in wanted]
    if search := str(call.params.get("search_term") or ""):
        rows = [row for row in rows if search.casefold() in row.name.casefold()]
    if call.params.get("order_by") == "name":
        rows.sort(key=lambda row: row.name.casefold())
    return call.page(rows, lambda row: assignment_json(call, row))


def show_assignment(call: Call, course_id: str, assignment_id: str) -> Response:
    """GET /courses/:course_id/assignments/:id; what a student cannot see is not authorised."""
    course = call.course(course_id)
    assignment = call.assignment(course, assignment_id)
    call.need(course, "read")
    if not rights.can_see_assignment(call.state, assignment, call.user, call.permissions(course)):
        raise not_authorized(call.state.habits)
    return call.answer(assignment_json(call, assignment))


def update_assignment(call: Call, course_id: str, assignment_id: str) -> Response:
    """PUT /courses/:course_id/assignments/:id.

    A due date un-restricts an assignment that was only visible to overrides, and a list of overrides
    replaces all that there were: both as Canvas does, both traps.
    """
    course = call.course(course_id)
    assignment = call.assignment(course, assignment_id)
    call.need(course, "manage_assignments_edit")
    fields = call.params.get("assignment")
    if not isinstance(fields, Mapping):
        raise missing_parameter("assignment")
    dates = _read_dates(fields)
    if "peer_reviews" in fields and not NO_PEER_REVIEWS.intersection(assignment.submission_types):
        assignment.peer_reviews = as_bool(fields["peer_reviews"])
    was_anonymous = assignment.anonymous_peer_reviews
    for name in _SWITCHES:
        if name in fields:
            setattr(assignment, name, as_bool(fields[name]))
    _set_plain_fields(assignment, fields)
    _set_tool(call, course, assignment, fields.get("external_tool_tag_attributes"))
    for name, moment in dates.items():
        setattr(assignment, name, moment)
    if dates.get("due_at") is not None and assignment.only_visible_to_overrides:
        assignment.only_visible_to_overrides = False
    if isinstance(fields.get("assignment_overrides"), list):
        _replace_overrides(call, assignment, fields["assignment_overrides"])
    assignment.updated_at = call.state.now()
    if was_anonymous != assignment.anonymous_peer_reviews:
        for request in call.state.reviews_of(assignment.id):
            request.updated_at = call.state.now()
    call.state.refresh_submissions(assignment)
    return call.answer(assignment_json(call, assignment))


def _read_dates(fields: Mapping[str, object]) -> dict[str, datetime | None]:
    dates: dict[str, datetime | None] = {}
    for name in _DATES:
        if name in fields:
            try:
                dates[name] = as_time(fields[name])
            except ValueError:
                raise invalid_field(name, f"Invalid datetime for {name}") from None
    return dates


def _set_plain_fields(assignment: Assignment, fields: Mapping[str, object]) -> None:
    if "peer_review_count" in fields:
        text = str(fields["peer_review_count"])
        if not text.isdigit():
            raise invalid_field("peer_review_count", "is not a number")
        assignment.peer_review_count = int(text)
    if fields.get("name"):
        assignment.name = str(fields["name"])
    if "published" in fields:
        assignment.workflow_state = "published" if as_bool(fields["published"]) else "unpublished"
    if "group_category_id" in fields:
        text = str(fields["group_category_id"] or "")
        assignment.group_category_id = canonical_id(text) or None


def _set_tool(call: Call, course: Course, assignment: Assignment, given: object) -> None:
    """Make it an assignment of a tool: `external_tool_tag_attributes`, custom parameters among them.

    Source: canvas-lms app/models/abstract_assignment.rb, external_tool_tag_attributes and
    lti_resource_link_custom_params.
    """
    if not isinstance(given, Mapping):
        return
    link = call.state.link_of_assignment(assignment.id)
    custom, url = custom_of(given.get("custom_params")), str(given.get("url") or "")
    if link is None:
        call.state.add_resource_link(course, url, custom, title=assignment.name, assignment_id=assignment.id)
    else:
        link.custom, link.url = custom, url or link.url
    assignment.submission_types = ["external_tool"]


def _replace_overrides(call: Call, assignment: Assignment, wanted: list[Any]) -> None:
    for row in call.state.overrides_of(assignment.id):
        del call.state.overrides[row.id]
    for item in wanted:
        if not isinstance(item, Mapping):
            continue
        row = call.state.add_override(assignment, str(item.get("title") or "Override"))
        if item.get("course_section_id"):
            row.section_id = canonical_id(str(item["course_section_id"]))
        elif item.get("group_id"):
            row.group_id = canonical_id(str(item["group_id"]))
        else:
            row.student_ids = [canonical_id(text) for text in as_list(item.get("student_ids"))]
        row.due_at = as_time(item.get("due_at"))


def _override_json(call: Call, override: Override) -> dict[str, object]:
    """Exactly one of student_ids, group_id, course_section_id; dates only where overridden."""
    shown: dict[str, object] = {
        "id": int(override.id),
        "assignment_id": int(override.assignment_id),
        "title": override.title,
    }
    if override.due_at is not None:
        shown |= {
            "due_at": time_text(override.due_at),
            "all_day": False,
            "all_day_date": override.due_at.date().isoformat(),
        }
    for name in ("unlock_at", "lock_at"):
        if getattr(override, name) is not None:
            shown[name] = time_text(getattr(override, name))
    if override.student_ids is not None:
        course = call.state.course_of(call.state.assignments[override.assignment_id])
        visible = call.visible_student_ids(course)
        shown["student_ids"] = [int(user_id) for user_id in override.student_ids if user_id in visible]
    elif override.group_id is not None:
        shown["group_id"] = int(override.group_id)
    elif override.section_id is not None:
        shown["course_section_id"] = int(override.section_id)
    return shown


def list_overrides(call: Call, course_id: str, assignment_id: str) -> Response:
    """GET /courses/:course_id/assignments/:assignment_id/overrides; a student sees the ones that apply."""
    course = call.course(course_id)
    assignment = call.assignment(course, assignment_id)
    call.need(course, "read")
    if "view_all_grades" in call.permissions(course):
        rows = call.state.overrides_of(assignment.id)
    else:
        rows = applying_overrides(call.state, assignment, call.user.id)
    return call.page(rows, lambda row: _override_json(call, row))
