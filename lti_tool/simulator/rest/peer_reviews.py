"""The peer reviews API: list, create, delete, each for course and section.

Source: canvas-lms app/controllers/peer_reviews_api_controller.rb. `:submission_id` is the row id, not the
user id. The section routes use the section to find the course and filter nothing.
"""

from __future__ import annotations

from dataclasses import replace
from time import sleep

from flask import Response

from lti_tool.simulator import coursework
from lti_tool.simulator.records import AssessmentRequest, Assignment, Course, Submission
from lti_tool.simulator.rest.answers import not_authorized, refused
from lti_tool.simulator.rest.call import Call, canonical_id
from lti_tool.simulator.rest.people import user_display
from lti_tool.simulator.rest.submissions import comment_json


def _review_json(
    call: Call, request: AssessmentRequest, course: Course, *, grades: bool
) -> dict[str, object]:
    """Six fields, no times, no rubric; anonymous reviews hide the reviewer from those who do not grade."""
    assignment = call.state.assignments[request.assignment_id]
    anonymous = assignment.anonymous_peer_reviews and not grades
    shown: dict[str, object] = {
        "id": int(request.id),
        "user_id": int(request.user_id),
        "asset_id": int(request.submission_id),
        "asset_type": "Submission",
        "workflow_state": request.workflow_state.value,
    }
    if not anonymous:
        shown["assessor_id"] = int(request.assessor_id)
    if "user" in call.includes:
        shown["user"] = user_display(call, call.state.users[request.user_id], course)
        if not anonymous:
            shown["assessor"] = user_display(call, call.state.users[request.assessor_id], course)
    if "submission_comments" in call.includes:
        submission = call.state.submissions[request.submission_id]
        shown["submission_comments"] = [
            comment_json(call, comment, course, anonymous=anonymous and comment.author_id != call.user.id)
            for comment in submission.comments
        ]
    return shown


def _grades(call: Call, course: Course) -> bool:
    return "manage_grades" in call.permissions(course)


def list_course(call: Call, course_id: str, assignment_id: str, submission_id: str | None = None) -> Response:
    """GET /courses/:course_id/assignments/:assignment_id[/submissions/:submission_id]/peer_reviews."""
    return _list(call, call.course(course_id), assignment_id, submission_id)


def list_section(
    call: Call, section_id: str, assignment_id: str, submission_id: str | None = None
) -> Response:
    """The same under /sections/:section_id."""
    return _list(call, call.course(call.section(section_id).course_id), assignment_id, submission_id)


def _list(call: Call, course: Course, assignment_id: str, submission_id: str | None) -> Response:
    """Everything in one answer, no Link header, no promised order; inactive people's reviews included.

    Who cannot grade sees only reviews of the caller's own work. An unknown submission id gives an empty list.
    """
    assignment = call.assignment(course, assignment_id)
    grades = _grades(call, course)
    rows = [
        row
        for row in call.state.reviews_of(assignment.id)
        if (grades or row.user_id == call.user.id)
        and (submission_id is None or row.submission_id == canonical_id(submission_id))
    ]
    if call.state.habits.review_order == "shuffled":
        rows.sort(key=lambda row: (int(row.id) * 2_654_435_761 % 2**32, row.id))
    return call.answer([_review_json(call, row, course, grades=grades) for row in rows])


def create_course(call: Call, course_id: str, assignment_id: str, submission_id: str) -> Response:
    """POST /courses/:course_id/assignments/:assignment_id/submissions/:submission_id/peer_reviews."""
    with call.state.lock:
        course = call.course(course_id)
    return _create(call, course, assignment_id, submission_id)


def create_section(call: Call, section_id: str, assignment_id: str, submission_id: str) -> Response:
    """The same under /sections/:section_id."""
    with call.state.lock:
        course = call.course(call.section(section_id).course_id)
    return _create(call, course, assignment_id, submission_id)


def _create(call: Call, course: Course, assignment_id: str, submission_id: str) -> Response:
    """Find or create: 200, and a reminder while open; self-review is refused before permission is looked at.

    The identity of a review includes the rubric link, and nothing forbids two rows: with
    `habits.race_window` two parallel calls make two. The other views run under the state's lock, this one
    takes it in two steps.
    """
    state = call.state
    with state.lock:
        assignment = call.assignment(course, assignment_id)
        submission, reviewer_id = _pair(call, course, assignment, submission_id)
        if reviewer_id == submission.user_id:
            raise refused("Create failed")
        if not _grades(call, course):
            raise not_authorized(state.habits)
        request = coursework.find_request(state, submission, reviewer_id, assignment.rubric_association_id)
    if state.habits.race_window:
        sleep(state.habits.race_window)
    with state.lock:
        if request is None:
            request = coursework.create_request(state, submission, reviewer_id, made_by=call.user.id)
        coursework.send_reminder(state, request)
        return call.answer(_review_json(call, request, course, grades=True))


def _pair(call: Call, course: Course, assignment: Assignment, submission_id: str) -> tuple[Submission, str]:
    """Author's row and reviewer, in Canvas's order; 404 when either is no student whom the caller sees."""
    submission = call.state.submissions.get(canonical_id(submission_id))
    if submission is None or submission.assignment_id != assignment.id or submission.deleted:
        call.fail_not_found()
    visible = call.visible_student_ids(course)
    # A plain numeric find: neither `self` nor SIS ids work here.
    reviewer_id = canonical_id(str(call.params.get("user_id") or ""))
    if reviewer_id not in visible or submission.user_id not in visible:
        call.fail_not_found()
    return submission, reviewer_id


def delete_course(call: Call, course_id: str, assignment_id: str, submission_id: str) -> Response:
    """DELETE /courses/:course_id/assignments/:assignment_id/submissions/:submission_id/peer_reviews."""
    return _delete(call, call.course(course_id), assignment_id, submission_id)


def delete_section(call: Call, section_id: str, assignment_id: str, submission_id: str) -> Response:
    """The same under /sections/:section_id."""
    return _delete(call, call.course(call.section(section_id).course_id), assignment_id, submission_id)


def _delete(call: Call, course: Course, assignment_id: str, submission_id: str) -> Response:
    """Removes the first matching row for good, completed or not, and shows it as it was; none left is 400."""
    assignment = call.assignment(course, assignment_id)
    submission, reviewer_id = _pair(call, course, assignment, submission_id)
    if not _grades(call, course):
        raise not_authorized(call.state.habits)
    for request in call.state.reviews_of_submission(submission.id):
        if request.assessor_id == reviewer_id:
            # Canvas ignores `include[]` here.
            body = _review_json(replace(call, includes=frozenset()), request, course, grades=True)
            call.state.remove_request(request)
            return call.answer(body)
    raise refused("Delete failed")
