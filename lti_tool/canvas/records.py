"""Canvas's JSON, parsed or refused. Only the fields that we use; ids become strings; the rest is ignored.

Fields that Canvas leaves out by permission, age or stripped ``include[]`` are optional here and nowhere
else: what they mean when missing is decided where a record becomes a type of ``lti_tool.planning``.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from lti_tool.planning.ids import (
    AssignmentId,
    CourseId,
    ReviewId,
    SectionId,
    SubmissionId,
    UserId,
)
from lti_tool.planning.snapshot import AssignmentFacts, PersonState, Review, Section


def _as_id(value: Any) -> Any:
    """An id as text. Whole numbers come from installations that ignore ``canvas-string-ids``; Python keeps
    them exact. A float could have lost digits and is refused."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, str) and value:
        return value
    raise ValueError("not an id")


Id = Annotated[str, BeforeValidator(_as_id)]


def _as_web_address(value: str) -> str:
    """Canvas's own link, or none: a page makes a link of it, and ``javascript:`` would be one too."""
    return value if value.startswith(("https://", "http://")) else ""


WebAddress = Annotated[str, AfterValidator(_as_web_address)]


class CanvasRecord(BaseModel):
    """Base of all records."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class IdentifiedRecord(CanvasRecord):
    """A row of a Canvas list; lists are merged by ``id``."""

    id: Id


class UserRecord(IdentifiedRecord):
    """A user; ``sortable_name`` is missing in the short form of some lists.

    Login and SIS id come by permission, the e-mail address only where it was asked for; none is stored.
    """

    name: str
    sortable_name: str | None = None
    login_id: str | None = None
    sis_user_id: str | None = None
    email: str | None = None


class OwnEnrollmentRecord(CanvasRecord):
    """One of the caller's own enrollments, as a course shows it (canvas-lms lib/api/v1/course_json.rb)."""

    limit_privileges_to_course_section: bool | None = None


class CourseRecord(IdentifiedRecord):
    """A course. ``name`` is null for courses that the person may only see to be restricted.

    ``enrollments`` are the caller's own current ones; an account administrator has none. ``total_students``
    counts every current student, also those the caller may not see; the include may be stripped.
    """

    name: str | None = None
    workflow_state: str | None = None
    enrollments: tuple[OwnEnrollmentRecord, ...] | None = None
    total_students: int | None = None
    time_zone: str | None = None

    @property
    def sees_everybody(self) -> bool | None:
        """Whether the caller sees all sections: Canvas limits only those whose every enrollment is limited
        (canvas-lms Course#apply_enrollment_visibility). None where Canvas did not say."""
        if self.enrollments is None:
            return None
        return not self.enrollments or not all(
            row.limit_privileges_to_course_section for row in self.enrollments
        )


class SectionRecord(IdentifiedRecord):
    """A section. ``nonxlist_course_id``: the course that it was in before it was cross-listed."""

    name: str
    nonxlist_course_id: Id | None = None

    def section(self) -> Section:
        """As planning knows it."""
        return Section(SectionId(self.id), self.name, self.nonxlist_course_id or "")


class EnrollmentRecord(IdentifiedRecord):
    """One person in one section in one role; a student in two sections has two of them."""

    user_id: Id
    course_section_id: Id
    type: str
    enrollment_state: str
    limit_privileges_to_course_section: bool = False
    """Of staff: sees only the people of this section (lib/api/v1/enrollment.rb)."""
    user: UserRecord

    @property
    def person_state(self) -> PersonState | None:
        """Our word for the state; None for a state that we do not know."""
        return _PERSON_STATES.get(self.enrollment_state)


_PERSON_STATES: dict[str, PersonState] = {
    "active": "active",
    "invited": "invited",
    "creation_pending": "invited",
    "inactive": "inactive",
    "completed": "concluded",
    "deleted": "left",
    "rejected": "left",
}


class GroupCategoryRecord(IdentifiedRecord):
    """A group set."""

    name: str


class GroupRecord(IdentifiedRecord):
    """A group; ``users`` only where ``include[]=users`` was honoured, and cut by Canvas in huge groups."""

    name: str
    group_category_id: Id | None = None
    members_count: int | None = None
    users: tuple[UserRecord, ...] | None = None
    non_collaborative: bool = False
    """A differentiation tag: looks like a group, is none."""


class MembershipRecord(IdentifiedRecord):
    """One person in one group."""

    group_id: Id
    user_id: Id
    workflow_state: str


class OverrideRecord(IdentifiedRecord):
    """Who an assignment's own dates apply to: students, a group or a section."""

    student_ids: tuple[Id, ...] | None = None
    group_id: Id | None = None
    course_section_id: Id | None = None


class RubricSettings(CanvasRecord):
    """The rubric of an assignment; a review's identity in Canvas includes the link to it."""

    id: Id | None = None


class AssignmentRecord(IdentifiedRecord):
    """An assignment. ``peer_review_count`` is not read: Canvas leaves it out unless it assigns by itself."""

    course_id: Id
    name: str
    published: bool
    html_url: WebAddress
    peer_reviews: bool = False
    automatic_peer_reviews: bool = False
    anonymous_peer_reviews: bool = False
    intra_group_peer_reviews: bool = False
    group_category_id: Id | None = None
    grade_group_students_individually: bool = False
    only_visible_to_overrides: bool = False
    due_at: datetime | None = None
    rubric_settings: RubricSettings | None = None
    submission_types: tuple[str, ...] = ()
    points_possible: float | None = None

    def facts(self) -> AssignmentFacts:
        """As planning knows it."""
        return AssignmentFacts(
            id=AssignmentId(self.id),
            course_id=CourseId(self.course_id),
            name=self.name,
            published=self.published,
            peer_reviews=self.peer_reviews,
            automatic_peer_reviews=self.automatic_peer_reviews,
            anonymous_peer_reviews=self.anonymous_peer_reviews,
            intra_group_peer_reviews=self.intra_group_peer_reviews,
            group_category_id=self.group_category_id,
            grade_group_students_individually=self.grade_group_students_individually,
            only_visible_to_overrides=self.only_visible_to_overrides,
            due_at=self.due_at,
            rubric_id=self.rubric_settings.id if self.rubric_settings else None,
            html_url=self.html_url,
            submission_types=self.submission_types,
        )


class SubmissionRecord(IdentifiedRecord):
    """A submission row. It exists for assigned students before they hand in; ``submission_type`` tells
    whether they did ("graded" only tells that somebody typed a grade)."""

    user_id: Id
    assignment_id: Id
    workflow_state: str
    submission_type: str | None = None
    submitted_at: datetime | None = None
    late: bool | None = None
    missing: bool | None = None
    excused: bool | None = None
    cached_due_date: datetime | None = None
    score: Decimal | None = None

    @property
    def submitted(self) -> bool:
        """Canvas's own notion of really submitted (canvas-lms assign_peer_reviews)."""
        return self.submission_type is not None


class StudentSubmissionsRecord(IdentifiedRecord):
    """One student's rows of several assignments; Canvas gives no id of such a row, so the student's is it."""

    id: Id = Field(validation_alias="user_id")
    submissions: tuple[SubmissionRecord, ...] = ()


class CommentRecord(CanvasRecord):
    """Who commented; the words of students are not read."""

    author_id: Id | None = None


class PeerReviewRecord(IdentifiedRecord):
    """A peer review. ``user_id`` is the author; ``asset_id`` the author's submission."""

    user_id: Id
    assessor_id: Id
    asset_id: Id
    asset_type: Literal["Submission"]
    workflow_state: Literal["assigned", "completed"]
    submission_comments: tuple[CommentRecord, ...] = ()

    @property
    def pair(self) -> tuple[SubmissionId, UserId, UserId]:
        """Submission, author, reviewer: what a write is checked against."""
        return SubmissionId(self.asset_id), UserId(self.user_id), UserId(self.assessor_id)

    def review(self) -> Review:
        """As planning knows it."""
        return Review(
            id=ReviewId(self.id),
            assessor=UserId(self.assessor_id),
            assessee=UserId(self.user_id),
            submission=SubmissionId(self.asset_id),
            completed=self.workflow_state == "completed",
            started=self.workflow_state == "assigned"
            and any(comment.author_id == self.assessor_id for comment in self.submission_comments),
        )


class GradebookColumnRecord(IdentifiedRecord):
    """A column that somebody added to the gradebook."""

    title: str


class GradebookEntryRecord(IdentifiedRecord):
    """What stands in such a column for a student, whose id stands for that of the row."""

    id: Id = Field(validation_alias="user_id")
    content: str | None = None


class ProgressRecord(IdentifiedRecord):
    """A job of Canvas (canvas-lms lib/api/v1/progress.rb)."""

    workflow_state: Literal["queued", "running", "completed", "failed"]
    completion: float | None = None
    message: str | None = None


class OAuthUser(CanvasRecord):
    """The person that a token belongs to."""

    id: Id


class TokenRecord(CanvasRecord):
    """The token endpoint's answer. A refresh brings no refresh token; a null access token means "again"
    (older Canvas, when the row was touched in the last seconds)."""

    access_token: str | None = Field(default=None, repr=False)
    refresh_token: str | None = Field(default=None, repr=False)
    expires_in: int | None = None
    user: OAuthUser | None = None
    real_user: OAuthUser | None = None
    """Who acts as ``user`` ("Act as user"; canvas-lms lib/canvas/oauth/token.rb)."""
