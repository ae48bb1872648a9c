"""What tests of the client ask for, and answers that Canvas gives."""

from __future__ import annotations

from collections.abc import Callable

from lti_tool.applying.answers import Answer
from lti_tool.canvas.client import CanvasClient, InCourse
from lti_tool.planning.ids import AssignmentId, CourseId, SubmissionId, UserId
from tests.integration.canvas.servers import Received, Reply

COURSE, ASSIGNMENT = CourseId("1"), AssignmentId("2")
REVIEW = {
    "id": "9",
    "asset_id": "30",
    "asset_type": "Submission",
    "user_id": "4",
    "assessor_id": "5",
    "workflow_state": "assigned",
}


def create(client: CanvasClient) -> Answer:
    return client.create_peer_review(
        InCourse(COURSE), ASSIGNMENT, SubmissionId("30"), author=UserId("4"), reviewer=UserId("5")
    )


def section(number: int) -> dict[str, object]:
    return {"id": number, "name": f"Section {number}"}


def throttled(status: int = 403) -> Reply:
    return Reply(status, {"Content-Type": "text/plain"}, b"403 Forbidden (Rate Limit Exceeded)\n")


def in_turn(*replies: Reply) -> Callable[[Received], Reply]:
    """These answers one after the other; the last one for ever."""
    left = list(replies)
    return lambda _got: left.pop(0) if len(left) > 1 else left[0]
