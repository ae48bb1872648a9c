"""LTI Assignment and Grade Services: columns of a tool's own, and the scores in them. No Flask in here.

After `app/controllers/lti/ims/line_items_controller.rb`, `scores_controller.rb`, `results_controller.rb`,
`concerns/gradebook_services.rb`, `advantage_services.rb`, `lti_services.rb`, and of
`app/models/lti/line_item.rb` and `result.rb` of canvas-lms. What tools stumble over:

* a line item without a resource link makes an assignment that every student sees, expecting no submission;
* nothing keeps a tool from making a second column with the same resource id;
* a score makes a submission, hence an attempt, unless `https://canvas.instructure.com/lti/submission` says
  `new_submission: false` or `submission_type: none`;
* a timestamp before the last one is 400, a score without maximum 422, a person who is no active student 422,
  another tool's line item 412, a concluded course 404;
* the points are scaled to the column's maximum, which may differ from the score's;
* what a teacher types over later comes back in the results, scaled to the tool's maximum.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import jwt

from lti_tool.simulator import coursework
from lti_tool.simulator.access import DeveloperKey
from lti_tool.simulator.grade_scopes import LINE_ITEM, LINE_ITEM_READ_ONLY, RESULT_READ_ONLY, SCORE
from lti_tool.simulator.platform import LtiPlatform
from lti_tool.simulator.records import (
    Course,
    EnrollmentState,
    LineItem,
    LtiResult,
    User,
)
from lti_tool.simulator.rest.answers import RestError, missing_parameter, not_found
from lti_tool.simulator.tables import STUDENT_TYPES

SUBMISSION = "https://canvas.instructure.com/lti/submission"
COUNTED = ("FullyGraded", "PendingManual")
"""Values of gradingProgress whose scores count (Lti::Result::ACCEPT_GIVEN_SCORE_TYPES)."""
LEAST = float.fromhex("0x1p-52")


def refused(status: int, kind: str, message: str) -> RestError:
    """An error of these services: `errors` is one object with a type."""
    return RestError(status, {"errors": {"type": kind, "message": message}})


def unauthorized(message: str) -> RestError:
    """No good token, or not for this; unlike REST there is no WWW-Authenticate."""
    return refused(401, "unauthorized", message)


def unprocessable(message: str) -> RestError:
    """Understood, and not possible."""
    return refused(422, "unprocessable_entity", message)


@dataclass(frozen=True, slots=True)
class ServiceCall:
    """A call with a good token, in a course where the tool is installed. Hold the state's lock."""

    platform: LtiPlatform
    key: DeveloperKey
    course: Course

    def line_items(self, *, tag: str | None, resource_id: str | None) -> list[LineItem]:
        """The tool's own columns in this course whose assignments exist."""
        return [
            item
            for item in self.platform.state.line_items.values()
            if item.course_id == self.course.id
            and item.client_id == self.key.client_id
            and self._lives(item)
            and tag in (None, item.tag)
            and resource_id in (None, item.resource_id)
        ]

    def line_item(self, identity: str) -> LineItem:
        """One column of this course; 404, or 412 when another tool made it."""
        item = self.platform.state.line_items.get(identity)
        if item is None or item.course_id != self.course.id or not self._lives(item):
            raise not_found(self.platform.state.habits)
        if item.client_id != self.key.client_id:
            raise refused(412, "precondition_failed", "Tool does not have permission to view line_item")
        return item

    def create(self, body: Mapping[str, Any]) -> LineItem:
        """A new column, and an assignment that all students see and that expects no submission."""
        state = self.platform.state
        label, maximum = body.get("label"), _number(body.get("scoreMaximum"))
        if not label or maximum is None:
            raise RestError(400, {"errors": [{"message": "label and scoreMaximum are required"}]})
        assignment = state.add_assignment(self.course, str(label), at=state.now())
        assignment.points_possible, assignment.submission_types = maximum, ["none"]
        coursework.refresh_submissions(state, assignment)
        item = LineItem(
            id=state.mint("line_item"),
            course_id=self.course.id,
            assignment_id=assignment.id,
            client_id=self.key.client_id,
            label=str(label),
            score_maximum=maximum,
            tag=_text(body.get("tag")),
            resource_id=_text(body.get("resourceId")),
        )
        state.line_items[item.id] = item
        return item

    def results(self, item: LineItem) -> list[LtiResult]:
        """What is known of each student in a column, oldest first."""
        found = self.platform.state.lti_results.values()
        return [row for row in found if row.line_item_id == item.id]

    def score(self, item: LineItem, body: Mapping[str, Any]) -> LtiResult:
        """Take one score in; the checks come in Canvas's order."""
        state = self.platform.state
        user = self._student(body.get("userId"))
        for name in ("userId", "activityProgress", "gradingProgress", "timestamp"):
            if body.get(name) in (None, ""):
                raise missing_parameter(name)
        result = state.lti_results.get((item.id, user.id))
        at = _moment(body["timestamp"])
        if at is None:
            raise refused(400, "bad_request", "Provided timestamp not a valid timestamp")
        if result is not None and result.updated_at > at:
            raise refused(400, "bad_request", "Provided timestamp before last updated timestamp")
        given = _number(body.get("scoreGiven")) if body["gradingProgress"] in COUNTED else None
        maximum = _number(body.get("scoreMaximum"))
        if given is not None and maximum is None:
            raise unprocessable("ScoreMaximum not supplied when ScoreGiven present.")
        if (given or 0) < 0 or (maximum or 0) < 0 or (maximum == 0 and item.score_maximum):
            raise unprocessable("score and maximum must not be negative, nor the maximum zero")
        submission = state.submission_of(item.assignment_id, user.id)
        if submission is None:
            raise unprocessable("the student has no place in this assignment")
        extension = body.get(SUBMISSION)
        if _makes_an_attempt(extension if isinstance(extension, Mapping) else {}):
            submission.submission_type = "external_tool"
            submission.submitted_at, submission.attempt = at, (submission.attempt or 0) + 1
        submission.score = None
        submission.workflow_state = "submitted" if submission.submission_type else "unsubmitted"
        if given is not None:
            scale = item.score_maximum / maximum if maximum and maximum >= LEAST else 1.0
            submission.score, submission.workflow_state = given * scale, "graded"
            submission.graded_at, submission.grader_id = state.now(), f"-{item.id}"
        if result is None:
            result = LtiResult(state.mint("lti_result"), item.id, user.id, at)
            state.lti_results[item.id, user.id] = result
        result.updated_at, result.score, result.maximum = at, given, maximum
        result.comment = _text(body.get("comment"))
        return result

    def held(self, item: LineItem, result: LtiResult) -> float | None:
        """The score of a result; one that a teacher typed over is scaled to the tool's maximum."""
        submission = self.platform.state.submission_of(item.assignment_id, result.user_id)
        by_hand = submission is not None and not (submission.grader_id or "-").startswith("-")
        if submission is None or not by_hand:
            return result.score
        if submission.score is None or not result.maximum or not item.score_maximum:
            return submission.score
        return submission.score * result.maximum / item.score_maximum

    def _lives(self, item: LineItem) -> bool:
        assignment = self.platform.state.assignments.get(item.assignment_id)
        return assignment is not None and assignment.workflow_state != "deleted"

    def _student(self, given: Any) -> User:
        """By LTI id or Canvas's own number; invited and inactive people do not count."""
        state, wanted = self.platform.state, str(given)
        user = state.users.get(wanted) or next(
            (one for one in state.users.values() if one.lti_id == wanted), None
        )
        rows = state.enrollments_of(self.course.id, user.id) if user else []
        if user is None or not any(
            row.type in STUDENT_TYPES and row.state is EnrollmentState.ACTIVE for row in rows
        ):
            raise unprocessable("User not found in course or is not a student")
        return user


ANY_LINE_ITEM_SCOPE = (LINE_ITEM, LINE_ITEM_READ_ONLY)
WRITES_LINE_ITEMS = (LINE_ITEM,)
READS_RESULTS = (RESULT_READ_ONLY,)
WRITES_SCORES = (SCORE,)


def open_service_call(
    platform: LtiPlatform, token: str, course_id: str, any_of: tuple[str, ...]
) -> ServiceCall:
    """Check token, key, scope, course and installation. Raises RestError."""
    state = platform.state
    if not token:
        raise unauthorized("Missing access token")
    try:
        claims = platform.keys.verify_own(token, audience=platform.token_url)
    except jwt.InvalidTokenError:
        raise unauthorized("Access token invalid - signature likely incorrect") from None
    if claims["exp"] <= state.now().timestamp():
        raise unauthorized("Access token expired")
    key = state.keys.get(str(claims.get("sub")))
    if key is None or not key.enabled:
        raise unauthorized("Unknown or inactive Developer Key")
    if not set(any_of).intersection(str(claims.get("scopes", "")).split()):
        raise unauthorized("Insufficient permissions")
    course = state.courses.get(course_id)
    if course is None or course.workflow_state in ("completed", "deleted"):
        raise not_found(state.habits)
    if not any(one.course_id in (None, course.id) for one in key.deployments):
        raise unauthorized("Access Token not linked to a Tool associated with this Context")
    return ServiceCall(platform, key, course)


def line_item_json(item: LineItem, address: Callable[[LineItem], str]) -> dict[str, Any]:
    """A column as Canvas shows it; what is empty is left out."""
    shown = {
        "id": address(item),
        "scoreMaximum": item.score_maximum,
        "label": item.label,
        "resourceId": item.resource_id,
        "tag": item.tag,
    }
    return {name: value for name, value in shown.items() if value is not None}


def result_json(call: ServiceCall, item: LineItem, result: LtiResult, address: str) -> dict[str, Any]:
    """A result: the person by LTI id only."""
    shown = {
        "id": f"{address}/results/{result.id}",
        "scoreOf": address,
        "userId": call.platform.state.users[result.user_id].lti_id,
        "resultScore": call.held(item, result),
        "resultMaximum": result.maximum,
        "comment": result.comment,
    }
    return {name: value for name, value in shown.items() if value is not None}


def _makes_an_attempt(extension: Mapping[str, Any]) -> bool:
    new = extension.get("new_submission")
    return (new is None or new is True) and extension.get("submission_type") != "none"


def _number(value: Any) -> float | None:
    try:
        return None if value is None or isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return None


def _text(value: Any) -> str | None:
    return None if value in (None, "") else str(value)


def _moment(value: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return found if found.tzinfo else None
