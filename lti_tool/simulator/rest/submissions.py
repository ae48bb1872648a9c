"""Submissions of an assignment, for course and section.

Sources: canvas-lms app/controllers/submissions_api_controller.rb, lib/api/v1/submission.rb.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from flask import Response

from lti_tool.simulator.coursework import is_assigned_to
from lti_tool.simulator.records import Assignment, Course, Progress, Submission, SubmissionComment
from lti_tool.simulator.rest import rights
from lti_tool.simulator.rest.answers import RestError, not_authorized, time_text
from lti_tool.simulator.rest.call import Call, canonical_id
from lti_tool.simulator.rest.params import as_bool, as_list
from lti_tool.simulator.rest.people import progress_json, user_display, user_json

_EXPECT_NOTHING = frozenset({"none", "not_graded", "on_paper", "external_tool"})


def comment_json(
    call: Call, comment: SubmissionComment, course: Course, *, anonymous: bool
) -> dict[str, object]:
    """A comment; anonymous ones hide the author behind null, a name and a default picture."""
    author = call.state.users[comment.author_id]
    return {
        "id": int(comment.id),
        "author_id": None if anonymous else int(author.id),
        "author_name": "Anonymous User" if anonymous else author.short_name,
        "author": {} if anonymous else user_display(call, author, course),
        "avatar_path": "/images/messages/avatar-50.png",
        "comment": comment.comment,
        "created_at": time_text(comment.created_at),
        "edited_at": time_text(comment.edited_at),
        "attempt": comment.attempt,
    }


def seconds_late(submission: Submission) -> int:
    """Seconds after the cached due date at which the work came; 0 when in time or without a date."""
    handed_in, due = submission.submitted_at, submission.cached_due_date
    if handed_in is None or due is None:
        return 0
    return max(0, int((handed_in - due).total_seconds()))


def is_missing(submission: Submission, assignment: Assignment, now: datetime) -> bool:
    """Past due, nothing handed in, not excused, and the type expects something."""
    due = submission.cached_due_date
    return (
        not submission.excused
        and submission.submitted_at is None
        and due is not None
        and due < now
        and not _EXPECT_NOTHING.intersection(assignment.submission_types)
    )


def submission_json(call: Call, submission: Submission) -> dict[str, object]:
    """A submission row. `workflow_state` may be graded without any work, `unsubmitted` rows are normal."""
    assignment = call.state.assignments[submission.assignment_id]
    course = call.state.course_of(assignment)
    late = seconds_late(submission)
    grade = None if submission.score is None else f"{submission.score:g}"
    shown: dict[str, object] = {
        "id": int(submission.id),
        "user_id": int(submission.user_id),
        "assignment_id": int(submission.assignment_id),
        "workflow_state": submission.workflow_state,
        "submission_type": submission.submission_type,
        "submitted_at": time_text(submission.submitted_at),
        "attempt": submission.attempt,
        "body": submission.body,
        "url": None,
        "late": late > 0 and not submission.excused,
        "missing": is_missing(submission, assignment, call.state.now()),
        "seconds_late": late,
        "excused": submission.excused or None,
        "late_policy_status": submission.late_policy_status,
        "points_deducted": None,
        "score": submission.score,
        "grade": grade,
        "entered_score": submission.score,
        "entered_grade": grade,
        "grade_matches_current_submission": True,
        "graded_at": time_text(submission.graded_at),
        "grader_id": int(submission.grader_id) if submission.grader_id else None,
        "cached_due_date": time_text(submission.cached_due_date),
        "posted_at": time_text(submission.posted_at),
        "redo_request": False,
        "extra_attempts": None,
        "custom_grade_status_id": None,
        "preview_url": call.url(
            f"/courses/{course.id}/assignments/{assignment.id}/submissions/{submission.user_id}?preview=1"
        ),
    }
    if call.user.site_admin:
        shown["anonymous_id"] = submission.anonymous_id
    shown |= _included(call, submission, assignment, course)
    only = as_list(call.params.get("response_fields"))
    without = as_list(call.params.get("exclude_response_fields"))
    return {
        name: value for name, value in shown.items() if (not only or name in only) and name not in without
    }


def _included(
    call: Call, submission: Submission, assignment: Assignment, course: Course
) -> dict[str, object]:
    shown: dict[str, object] = {}
    if "group" in call.includes:
        group = call.state.groups.get(submission.group_id or "")
        shown["group"] = {"id": int(group.id) if group else None, "name": group.name if group else None}
    if "user" in call.includes:
        shown["user"] = user_json(call.state.users[submission.user_id], private=False)
    if "submission_comments" in call.includes:
        shown["submission_comments"] = [
            comment_json(call, comment, course, anonymous=False) for comment in submission.comments
        ]
    if "visibility" in call.includes:
        shown["assignment_visible"] = is_assigned_to(call.state, assignment, submission.user_id)
    return shown


def list_course_submissions(call: Call, course_id: str, assignment_id: str) -> Response:
    """GET /courses/:course_id/assignments/:assignment_id/submissions."""
    return _list(call, call.course(course_id), assignment_id, None)


def list_section_submissions(call: Call, section_id: str, assignment_id: str) -> Response:
    """GET /sections/:section_id/assignments/:assignment_id/submissions: here the section does filter."""
    section = call.section(section_id)
    return _list(call, call.course(section.course_id), assignment_id, section.id)


def _list(call: Call, course: Course, assignment_id: str, section_id: str | None) -> Response:
    """Rows of current students whom the caller sees, by user id; soft-deleted rows are left out.

    With `include[]=visibility` everything comes in one answer without Link header.
    """
    assignment = call.assignment(course, assignment_id)
    call.need(course, "manage_grades", "view_all_grades")
    enrollments = rights.visible_enrollments(call.state, course, call.user)
    if section_id is not None:
        enrollments = [row for row in enrollments if row.section_id == section_id]
    people = call.state.current_student_ids(enrollments)
    rows = [
        row for row in call.state.submissions_of(assignment.id) if row.user_id in people and not row.deleted
    ]
    rows.sort(key=lambda row: int(row.user_id))
    if as_bool(call.params.get("grouped")) and assignment.group_category_id:
        rows = _representatives(rows)
    if "visibility" in call.includes:
        return call.answer([submission_json(call, row) for row in rows])
    return call.page(rows, lambda row: submission_json(call, row))


def _representatives(rows: list[Submission]) -> list[Submission]:
    """One row per group, preferring one with work; people without a group stand for themselves."""
    chosen: dict[str, Submission] = {}
    for row in rows:
        key = row.group_id or f"alone {row.user_id}"
        held = chosen.get(key)
        if held is None or (held.submission_type is None and row.submission_type is not None):
            chosen[key] = row
    return sorted(chosen.values(), key=lambda row: int(row.user_id))


def show_submission(call: Call, course_id: str, assignment_id: str, user_id: str) -> Response:
    """GET .../submissions/:user_id: unlike the peer review routes, the last segment is the user."""
    course = call.course(course_id)
    assignment = call.assignment(course, assignment_id)
    wanted = call.user.id if user_id == "self" else canonical_id(user_id)
    own = wanted == call.user.id
    if not own:
        call.need(course, "manage_grades", "view_all_grades")
    row = call.state.submission_of(assignment.id, wanted)
    if row is None or row.deleted:
        call.fail_not_found()
    if not own and wanted not in call.visible_student_ids(course):
        raise not_authorized(call.state.habits)
    return call.answer(submission_json(call, row))


def update_course_grades(call: Call, course_id: str, assignment_id: str) -> Response:
    """POST /courses/:course_id/assignments/:assignment_id/submissions/update_grades."""
    return _update_grades(call, call.course(course_id), assignment_id)


def update_section_grades(call: Call, section_id: str, assignment_id: str) -> Response:
    """The same under /sections/:section_id."""
    return _update_grades(call, call.course(call.section(section_id).course_id), assignment_id)


def _update_grades(call: Call, course: Course, assignment_id: str) -> Response:
    """Answers with a Progress; the job leaves out whoever the caller cannot see or who has no row.

    The job is done at once here, and the Progress says so when it is asked for (canvas-lms
    Submission.queue_bulk_update).
    """
    assignment = call.assignment(course, assignment_id)
    call.need(course, "manage_grades")
    grades = call.params.get("grade_data")
    if not isinstance(grades, dict) or not grades:
        raise RestError(400, "'grade_data' parameter required")
    people = call.visible_student_ids(course)
    for user_id, entry in grades.items():
        row = call.state.submission_of(assignment.id, canonical_id(str(user_id)))
        if row is None or row.deleted or row.user_id not in people or not isinstance(entry, dict):
            continue
        given = str(entry.get("posted_grade") or "")
        row.score = float(given) if given else None
        row.workflow_state = "graded" if given else "submitted" if row.submission_type else "unsubmitted"
        row.graded_at, row.grader_id = call.state.now(), call.user.id
    progress = Progress(
        id=call.state.mint("progress"),
        context_id=assignment.id,
        context_type="Assignment",
        user_id=call.user.id,
        tag="submissions_update",
        completion=100.0,
        workflow_state="completed",
        created_at=call.state.now(),
        updated_at=call.state.now(),
    )
    call.state.progresses[progress.id] = progress
    return call.answer(progress_json(call, replace(progress, completion=0.0, workflow_state="queued")))
