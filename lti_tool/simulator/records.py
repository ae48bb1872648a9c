"""Rows of the simulated Canvas: people, courses, work, reviews. No behaviour beyond what one row can know.

Rows are mutable, like database rows; `state.CanvasState` owns them and its lock guards them. Ids are strings
of digits, as `Accept: application/json+canvas-string-ids` would show them. Field names are Canvas's own.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class EnrollmentType(StrEnum):
    """Canvas's enrollment classes."""

    STUDENT = "StudentEnrollment"
    TEACHER = "TeacherEnrollment"
    TA = "TaEnrollment"
    DESIGNER = "DesignerEnrollment"
    OBSERVER = "ObserverEnrollment"
    STUDENT_VIEW = "StudentViewEnrollment"


class EnrollmentState(StrEnum):
    """States of one enrollment."""

    ACTIVE = "active"
    INVITED = "invited"
    CREATION_PENDING = "creation_pending"
    INACTIVE = "inactive"
    COMPLETED = "completed"
    DELETED = "deleted"
    REJECTED = "rejected"


class ReviewState(StrEnum):
    """States of an assessment request."""

    ASSIGNED = "assigned"
    COMPLETED = "completed"


@dataclass(slots=True)
class User:
    """A person; `lti_id` is what launches carry as `sub`, `fake_student` marks a course's Test Student.

    `lti_context_id` is the older opaque id, another value (users.lti_context_id and users.lti_id).
    """

    id: str
    name: str
    sortable_name: str
    short_name: str
    login: str
    lti_id: str
    global_id: str
    email: str
    locale: str = "en"
    time_zone: str = "Europe/London"
    pronouns: str | None = None
    fake_student: bool = False
    site_admin: bool = False

    @property
    def lti_context_id(self) -> str:
        """The opaque id of LTI 1.1."""
        return hashlib.sha1(self.lti_id.encode(), usedforsecurity=False).hexdigest()


@dataclass(slots=True)
class Course:
    """A course; `shard` above zero makes every id minted in it exceed 2^53, as rows of another shard do."""

    id: str
    name: str
    code: str
    lti_context_id: str
    shard: int = 0
    workflow_state: str = "available"
    feature_flags: set[str] = field(default_factory=set)
    time_zone: str = "Europe/London"


@dataclass(slots=True)
class Section:
    """A section of a course; one that was cross-listed keeps the course that it came from."""

    id: str
    course_id: str
    name: str
    nonxlist_course_id: str | None = None


@dataclass(slots=True)
class Enrollment:
    """One person in one section in one role; a person in two sections has two of these."""

    id: str
    user_id: str
    course_id: str
    section_id: str
    type: EnrollmentType
    state: EnrollmentState
    created_at: datetime
    limit_privileges_to_course_section: bool = False

    @property
    def role(self) -> str:
        """The role's name; built-in roles are named like their enrollment class."""
        return self.type.value


@dataclass(slots=True)
class GroupCategory:
    """A group set of a course."""

    id: str
    course_id: str
    name: str


@dataclass(slots=True)
class Group:
    """A group of a group set."""

    id: str
    category_id: str
    course_id: str
    name: str


@dataclass(slots=True)
class GroupMembership:
    """One person in one group."""

    id: str
    group_id: str
    user_id: str
    workflow_state: str = "accepted"
    moderator: bool = False


@dataclass(slots=True)
class RubricAssociation:
    """A rubric attached to an assignment; its id is part of a review's identity (`assign_assessor`)."""

    id: str
    rubric_id: str
    assignment_id: str
    title: str
    points_possible: float = 10.0


@dataclass(slots=True)
class Override:
    """Other dates for some people; exactly one of `student_ids`, `group_id`, `section_id` is set."""

    id: str
    assignment_id: str
    title: str
    student_ids: list[str] | None = None
    group_id: str | None = None
    section_id: str | None = None
    due_at: datetime | None = None
    unlock_at: datetime | None = None
    lock_at: datetime | None = None


@dataclass(slots=True)
class Assignment:
    """A piece of work that students hand in."""

    id: str
    course_id: str
    name: str
    position: int
    assignment_group_id: str
    lti_context_id: str
    created_at: datetime
    updated_at: datetime
    due_at: datetime | None = None
    unlock_at: datetime | None = None
    lock_at: datetime | None = None
    points_possible: float = 10.0
    grading_type: str = "points"
    submission_types: list[str] = field(default_factory=lambda: ["online_text_entry"])
    workflow_state: str = "published"
    peer_reviews: bool = False
    automatic_peer_reviews: bool = False
    anonymous_peer_reviews: bool = False
    intra_group_peer_reviews: bool = False
    peer_review_count: int = 0
    peer_reviews_assign_at: datetime | None = None
    peer_reviews_assigned: bool = False
    group_category_id: str | None = None
    grade_group_students_individually: bool = False
    anonymous_grading: bool = False
    moderated_grading: bool = False
    only_visible_to_overrides: bool = False
    omit_from_final_grade: bool = False
    hide_in_gradebook: bool = False
    allowed_attempts: int = -1
    rubric_association_id: str | None = None

    @property
    def published(self) -> bool:
        """Whether students can see it."""
        return self.workflow_state == "published"


@dataclass(slots=True)
class SubmissionComment:
    """A comment on a submission; one made during a review names the request."""

    id: str
    author_id: str
    comment: str
    created_at: datetime
    edited_at: datetime | None = None
    attempt: int | None = None
    assessment_request_id: str | None = None


@dataclass(slots=True)
class Submission:
    """The row of one student for one assignment; made before anything is handed in. `deleted`: unassigned."""

    id: str
    assignment_id: str
    user_id: str
    anonymous_id: str
    created_at: datetime
    workflow_state: str = "unsubmitted"
    deleted: bool = False
    submission_type: str | None = None
    submitted_at: datetime | None = None
    attempt: int | None = None
    body: str | None = None
    excused: bool = False
    late_policy_status: str | None = None
    score: float | None = None
    graded_at: datetime | None = None
    grader_id: str | None = None
    posted_at: datetime | None = None
    cached_due_date: datetime | None = None
    group_id: str | None = None
    comments: list[SubmissionComment] = field(default_factory=list)


@dataclass(slots=True)
class AssessmentRequest:
    """A peer review: `assessor_id` reviews the submission of `user_id`.

    `made_by` is the caller's user id, or a word for Canvas itself; Canvas does not show it.
    """

    id: str
    assignment_id: str
    submission_id: str
    user_id: str
    assessor_id: str
    assessor_submission_id: str
    rubric_association_id: str | None
    workflow_state: ReviewState
    created_at: datetime
    updated_at: datetime
    made_by: str | None = None


@dataclass(frozen=True, slots=True)
class Notification:
    """A message that Canvas sent to a reviewer; `repeated` when the same review had mailed before."""

    to: str
    kind: str
    assignment_id: str
    request_id: str
    assessor_id: str
    user_id: str
    at: datetime
    repeated: bool


@dataclass(frozen=True, slots=True)
class Message:
    """A conversation message sent through `POST /conversations`."""

    id: str
    sender_id: str
    recipient_id: str
    subject: str
    body: str
    context_code: str | None
    at: datetime


@dataclass(slots=True)
class ResourceLink:
    """A link to a tool, made by anyone who may edit the course: in an assignment, a module or a text.

    `uuid` is the `resource_link.id` of its launches, `lookup_uuid` stands in addresses; Canvas makes both.
    `custom` is merged over the key's own fields (lib/lti/messages/resource_link_request.rb).
    """

    id: str
    course_id: str
    uuid: str
    lookup_uuid: str
    url: str
    title: str
    custom: dict[str, str]
    assignment_id: str | None = None


@dataclass(slots=True)
class LineItem:
    """A column that a tool made through Assignment and Grade Services, with the assignment behind it."""

    id: str
    course_id: str
    assignment_id: str
    client_id: str
    label: str
    score_maximum: float
    tag: str | None = None
    resource_id: str | None = None


@dataclass(slots=True)
class LtiResult:
    """What a tool said of one student in one of its columns; ``updated_at`` is the tool's own timestamp."""

    id: str
    line_item_id: str
    user_id: str
    updated_at: datetime
    score: float | None = None
    maximum: float | None = None
    comment: str | None = None


@dataclass(slots=True)
class GradebookColumn:
    """A column that somebody added to the gradebook; ``entries`` by user id."""

    id: str
    course_id: str
    title: str
    entries: dict[str, str]
    hidden: bool = False


@dataclass(slots=True)
class Progress:
    """A job of Canvas as `GET /progress/:id` shows it."""

    id: str
    context_id: str
    context_type: str
    user_id: str
    tag: str
    completion: float
    workflow_state: str
    created_at: datetime
    updated_at: datetime
    message: str | None = None
