"""Canvas's endpoints, typed. Each docstring names the route and Canvas's habits there.

Everything works with every ``include[]`` stripped, which is what Canvas does under enforced scopes unless
the developer key says "allow include parameters" (canvas-lms lib/authentication_methods.rb). No request
carries a date or an override: a ``due_at`` in an update would open an assignment that is visible to
overrides only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lti_tool.applying.answers import Answer
from lti_tool.canvas import endpoints
from lti_tool.canvas.calls import Calls, Seen
from lti_tool.canvas.records import (
    AssignmentRecord,
    CourseRecord,
    EnrollmentRecord,
    GradebookColumnRecord,
    GradebookEntryRecord,
    GroupCategoryRecord,
    GroupRecord,
    MembershipRecord,
    OverrideRecord,
    PeerReviewRecord,
    ProgressRecord,
    SectionRecord,
    StudentSubmissionsRecord,
    SubmissionRecord,
    UserRecord,
)
from lti_tool.planning.ids import AssignmentId, CourseId, GroupId, SectionId, SubmissionId, UserId

PAGE_SIZE = ("per_page", "100")
"""Asked for, never relied upon: Canvas clamps it, installations differ."""
WITH_COMMENTS = (("include[]", "submission_comments"),)
STUDENT_TYPES = ("StudentEnrollment", "StudentViewEnrollment")
EVERY_STATE = ("active", "invited", "creation_pending", "inactive", "completed", "deleted", "rejected")
"""Also those who left: an enrollment that says so is the evidence, a missing row is none."""


@dataclass(frozen=True, slots=True)
class InCourse:
    """A place: peer reviews and submissions below a course."""

    id: CourseId


@dataclass(frozen=True, slots=True)
class InSection:
    """A place: below a section. It filters submissions; peer reviews it does not filter at all."""

    id: SectionId


Place = InCourse | InSection


class CanvasClient:
    """One person's Canvas. Safe for several threads.

    All methods raise ``CanvasError``; the two writes of peer reviews return an ``Answer`` instead.
    """

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    @property
    def calls(self) -> Calls:
        """What the client speaks through; its pace is the one of this person."""
        return self._calls

    def self_user(self) -> UserRecord:
        """GET /users/self: whose token this is."""
        return self._calls.one(endpoints.SELF.request("self"), UserRecord)

    def course(self, course: CourseId) -> CourseRecord:
        """GET /courses/:id; also ``lti_context_id:`` and LTI's id (lib/api.rb, Api::SIS_MAPPINGS).

        With the number of students where the include is honoured.
        """
        query = [("include[]", "total_students")]
        return self._calls.one(endpoints.COURSE.request(course, query=query), CourseRecord)

    def permissions(self, course: CourseId, names: Iterable[str]) -> dict[str, bool]:
        """GET /courses/:course_id/permissions: which of ``names`` the person has."""
        query = [("permissions[]", name) for name in names]
        return self._calls.one(endpoints.PERMISSIONS.request(course, query=query), dict[str, bool])

    def enabled_features(self, course: CourseId) -> list[str]:
        """GET /courses/:course_id/features/enabled: names only, not paginated."""
        return self._calls.one(endpoints.FEATURES.request(course), list[str])

    def assignments(self, course: CourseId) -> list[AssignmentRecord]:
        """GET /courses/:course_id/assignments, in order of position.

        ``override_assignment_dates=false`` gives the assignment's own due date, not the caller's.
        """
        query = [PAGE_SIZE, ("override_assignment_dates", "false")]
        return self._calls.every(endpoints.ASSIGNMENTS.request(course, query=query), AssignmentRecord)

    def assignment(self, course: CourseId, assignment: AssignmentId) -> AssignmentRecord:
        """GET /courses/:course_id/assignments/:id."""
        query = [("override_assignment_dates", "false")]
        return self._calls.one(
            endpoints.ASSIGNMENT.request(course, assignment, query=query), AssignmentRecord
        )

    def enable_peer_reviews(self, course: CourseId, assignment: AssignmentId) -> AssignmentRecord:
        """PUT /courses/:course_id/assignments/:id with ``assignment[peer_reviews]`` and nothing else.

        Saying it twice changes nothing and mails nobody, so it is repeated like a read. Canvas ignores it for
        external tools, discussions, quizzes and on-paper assignments; the returned record tells.
        """
        form = [("assignment[peer_reviews]", "true")]
        request = endpoints.UPDATE_ASSIGNMENT.request(course, assignment, form=form)
        return self._calls.one(request, AssignmentRecord)

    def overrides(self, course: CourseId, assignment: AssignmentId) -> list[OverrideRecord]:
        """GET .../assignments/:assignment_id/overrides; student ids only of those visible."""
        return self._calls.every(
            endpoints.OVERRIDES.request(course, assignment, query=[PAGE_SIZE]), OverrideRecord
        )

    def sections(self, course: CourseId) -> list[SectionRecord]:
        """GET /courses/:course_id/sections, by name."""
        return self._calls.every(endpoints.SECTIONS.request(course, query=[PAGE_SIZE]), SectionRecord)

    def enrollments_of(self, course: CourseId, user: str) -> list[EnrollmentRecord]:
        """GET /courses/:course_id/enrollments?user_id=: living enrollments of one person in the course.

        ``user`` may be ``lti_1_3_id:`` and a ``sub``. One's own are shown without any permission.

        Raises:
            NotFound: Canvas knows nobody of this name.
        """
        query = [PAGE_SIZE, ("user_id", user)]
        return self._calls.every(endpoints.ENROLLMENTS.request(course, query=query), EnrollmentRecord)

    def enrollments(
        self,
        course: CourseId,
        types: Sequence[str] = STUDENT_TYPES,
        states: Sequence[str] = EVERY_STATE,
        seen: Seen | None = None,
    ) -> list[EnrollmentRecord]:
        """GET /courses/:course_id/enrollments: one row per person, section and role.

        Types and states are always named: the default differs by caller (teachers also get inactive people).
        Each row brings its ``user`` without any include. Deleted rows come where they are asked for
        (canvas-lms enrollments_api_controller.rb starts from ``all_enrollments``). Pages are opaque bookmarks
        without a last page.
        """
        query = [PAGE_SIZE, *(("type[]", t) for t in types), *(("state[]", s) for s in states)]
        return self._calls.every(endpoints.ENROLLMENTS.request(course, query=query), EnrollmentRecord, seen)

    def student_enrollments_of(self, course: CourseId, user: UserId) -> list[EnrollmentRecord]:
        """GET /courses/:course_id/enrollments with ``user_id``: one student's rows, in every state.

        Unlike the list it is not narrowed to the sections that the caller sees (user_index_enrollments).
        """
        query = [
            PAGE_SIZE,
            ("user_id", user),
            *(("type[]", t) for t in STUDENT_TYPES),
            *(("state[]", s) for s in EVERY_STATE),
        ]
        return self._calls.every(endpoints.ENROLLMENTS.request(course, query=query), EnrollmentRecord)

    def own_enrollments(self, course: CourseId) -> list[EnrollmentRecord]:
        """GET /courses/:course_id/enrollments with ``user_id=self``: the person's own active enrollments.

        Canvas answers without any permission, with an empty list to whoever isn't enrolled, and ``active``
        already takes the dates of term and section into account (canvas-lms enrollments_api_controller.rb,
        course_index_enrollments and user_index_enrollments).
        """
        query = [PAGE_SIZE, ("user_id", "self"), ("state[]", "active")]
        return self._calls.every(endpoints.ENROLLMENTS.request(course, query=query), EnrollmentRecord)

    def users(self, course: CourseId) -> list[UserRecord]:
        """GET /courses/:course_id/users. The Test Student is dropped after paging, so pages may be short."""
        return self._calls.every(endpoints.USERS.request(course, query=[PAGE_SIZE]), UserRecord)

    def contacts(self, course: CourseId) -> list[UserRecord]:
        """GET /courses/:course_id/users with ``include[]=email``: students with login, SIS id and address.

        Canvas leaves out each of them by permission; the include is stripped for keys that do not allow it.
        """
        query = [
            PAGE_SIZE,
            ("enrollment_type[]", "student"),
            ("include[]", "email"),
            *(("enrollment_state[]", state) for state in ("active", "invited", "inactive", "completed")),
        ]
        return self._calls.every(endpoints.USERS.request(course, query=query), UserRecord)

    def group_categories(self, course: CourseId) -> list[GroupCategoryRecord]:
        """GET /courses/:course_id/group_categories."""
        return self._calls.every(
            endpoints.GROUP_CATEGORIES.request(course, query=[PAGE_SIZE]), GroupCategoryRecord
        )

    def course_groups(self, course: CourseId) -> list[GroupRecord]:
        """GET /courses/:course_id/groups of all group sets, with ``include[]=users``.

        The include may be stripped, and Canvas cuts it in groups of thousands: compare with
        ``members_count`` and read `memberships` where it falls short.
        """
        query = [PAGE_SIZE, ("include[]", "users")]
        return self._calls.every(endpoints.COURSE_GROUPS.request(course, query=query), GroupRecord)

    def groups_of_category(self, category: str) -> list[GroupRecord]:
        """GET /group_categories/:group_category_id/groups; without members."""
        return self._calls.every(endpoints.CATEGORY_GROUPS.request(category, query=[PAGE_SIZE]), GroupRecord)

    def memberships(self, group: GroupId) -> list[MembershipRecord]:
        """GET /groups/:group_id/memberships: accepted, invited and requested ones."""
        return self._calls.every(endpoints.MEMBERSHIPS.request(group, query=[PAGE_SIZE]), MembershipRecord)

    def group_users(self, group: GroupId) -> list[UserRecord]:
        """GET /groups/:group_id/users."""
        return self._calls.every(endpoints.GROUP_USERS.request(group, query=[PAGE_SIZE]), UserRecord)

    def submissions(
        self, place: Place, assignment: AssignmentId, seen: Seen | None = None
    ) -> list[SubmissionRecord]:
        """GET .../assignments/:assignment_id/submissions, below a course or (filtered) a section.

        Rows of active and invited students and the Test Student, by user id; inactive and concluded people
        and unassigned ones have none. ``include[]=visibility`` would end paging and is not sent. The texts
        that students wrote are left out where Canvas knows how to.
        """
        endpoint = (
            endpoints.COURSE_SUBMISSIONS if isinstance(place, InCourse) else endpoints.SECTION_SUBMISSIONS
        )
        query = [PAGE_SIZE, *(("exclude_response_fields[]", field) for field in ("body", "attachments"))]
        return self._calls.every(endpoint.request(place.id, assignment, query=query), SubmissionRecord, seen)

    def submissions_of_several(
        self,
        place: Place,
        assignments: Sequence[AssignmentId],
        seen: Seen | None = None,
        *,
        students: Sequence[UserId] = (UserId("all"),),
    ) -> list[StudentSubmissionsRecord]:
        """GET .../students/submissions with ``grouped``: rows of several, of all students or of at most 100.

        A page is of students, each with all these assignments: 1 000 students and 8 assignments are 10 calls
        and not 80. (Without ``grouped`` a page is of rows, which saves nothing.) Canvas narrows the course's
        form by itself to what a person limited to sections may see; the section's form narrows it further.

        Two things differ from the list of one assignment (canvas-lms submissions_api_controller.rb,
        for_students): people who left are in it, and assignments that are not published may not be asked
        for: a single such id, or an unknown one, and all is refused with 403. Students without a row are
        listed too. Peer reviews cannot be had so: no ``include[]`` of a submission brings assessment requests
        (lib/api/v1/submission.rb), their list stays one call for each assignment.
        """
        endpoint = (
            endpoints.COURSE_STUDENTS_SUBMISSIONS
            if isinstance(place, InCourse)
            else endpoints.SECTION_STUDENTS_SUBMISSIONS
        )
        query = [
            PAGE_SIZE,
            *(("student_ids[]", student) for student in students),
            ("grouped", "true"),
            *(("assignment_ids[]", assignment) for assignment in assignments),
            *(("exclude_response_fields[]", field) for field in ("body", "attachments", "preview_url")),
        ]
        return self._calls.every(endpoint.request(place.id, query=query), StudentSubmissionsRecord, seen)

    def gradebook_columns(self, course: CourseId) -> list[GradebookColumnRecord]:
        """GET /courses/:course_id/custom_gradebook_columns: added columns, not the hidden ones."""
        request = endpoints.GRADEBOOK_COLUMNS.request(course, query=[PAGE_SIZE])
        return self._calls.every(request, GradebookColumnRecord)

    def gradebook_entries(self, course: CourseId, column: str) -> list[GradebookEntryRecord]:
        """GET /courses/:course_id/custom_gradebook_columns/:id/data: texts, whatever they mean.

        Students with an empty cell are not in it, inactive and concluded ones are. Grades are no such column.
        """
        request = endpoints.GRADEBOOK_ENTRIES.request(course, column, query=[PAGE_SIZE])
        return self._calls.every(request, GradebookEntryRecord)

    def peer_reviews(
        self, place: Place, assignment: AssignmentId, *, comments: bool = False
    ) -> list[PeerReviewRecord]:
        """GET .../assignments/:assignment_id/peer_reviews.

        ``comments`` asks for ``include[]=submission_comments``, which may be stripped; each review then
        repeats all comments of its submission.

        Not paginated (a Link header is followed should one come), not ordered, not limited to the section
        in the path, and including people who have left. Somebody without the right to grade gets 200 with
        only the reviews of his own work: check `permissions` first, or an empty list means nothing.
        """
        query = WITH_COMMENTS if comments else ()
        request = _review_routes(place).of_assignment.request(place.id, assignment, query=query)
        return self._calls.every(request, PeerReviewRecord, paged=False)

    def peer_reviews_of(
        self, place: Place, assignment: AssignmentId, submission: SubmissionId
    ) -> list[PeerReviewRecord]:
        """GET .../submissions/:submission_id/peer_reviews: the row id of the submission, not the user's.

        A submission of another assignment, or nonsense, is 200 with an empty list. Comments are asked for, so
        that a review that somebody has begun to write is known before it is deleted.
        """
        route = _review_routes(place).of_submission
        request = route.request(place.id, assignment, submission, query=WITH_COMMENTS)
        return self._calls.every(request, PeerReviewRecord, paged=False)

    def create_peer_review(
        self,
        place: Place,
        assignment: AssignmentId,
        submission: SubmissionId,
        *,
        author: UserId,
        reviewer: UserId,
    ) -> Answer:
        """POST .../submissions/:submission_id/peer_reviews with ``user_id`` = the reviewer.

        Find-or-create, keyed by the pair and the rubric link: repeating it gives 200 and mails the reviewer
        again. Two at the same moment can make two rows. Self-review is 400; a person who is not an active or
        invited student is 404. Never repeated here.
        """
        endpoint = _review_routes(place).create
        request = endpoint.request(place.id, assignment, submission, form=[("user_id", reviewer)])
        return self._calls.write(request, submission=submission, author=author, reviewer=reviewer)

    def delete_peer_review(
        self,
        place: Place,
        assignment: AssignmentId,
        submission: SubmissionId,
        *,
        author: UserId,
        reviewer: UserId,
    ) -> Answer:
        """DELETE .../submissions/:submission_id/peer_reviews with ``user_id`` = the reviewer, in the query.

        Deletes the first row of the pair whatever its state, a completed one too. When there is none: 400.
        """
        endpoint = _review_routes(place).delete
        request = endpoint.request(place.id, assignment, submission, query=[("user_id", reviewer)])
        return self._calls.write(request, submission=submission, author=author, reviewer=reviewer)

    def send_message(self, course: CourseId, recipients: Sequence[UserId], subject: str, body: str) -> Answer:
        """POST /conversations: the same text to each of at most 100 people, a private thread each.

        Never repeated here: Canvas would send it again. An existing private thread is continued, and Canvas
        then drops the subject, unless ``force_new`` asks for a new one.
        """
        form = [
            *(("recipients[]", user) for user in recipients),
            ("subject", subject),
            ("body", body),
            ("group_conversation", "false"),
            ("force_new", "true"),
            ("context_code", f"course_{course}"),
        ]
        return self._calls.send_once(endpoints.CONVERSATIONS.request(form=form))

    def update_grades(
        self, place: Place, assignment: AssignmentId, points: Mapping[UserId, str]
    ) -> ProgressRecord:
        """POST .../submissions/update_grades: points of many students; a job of Canvas enters them.

        Saying it twice changes nothing, so it is repeated like a read. Whoever has no submission row is left
        out by the job without a word (canvas-lms Submission.process_bulk_update): read back afterwards.
        """
        endpoint = endpoints.COURSE_GRADES if isinstance(place, InCourse) else endpoints.SECTION_GRADES
        form = [(f"grade_data[{user}][posted_grade]", value) for user, value in points.items()]
        return self._calls.one(endpoint.request(place.id, assignment, form=form), ProgressRecord)

    def progress(self, progress: str) -> ProgressRecord:
        """GET /progress/:id."""
        return self._calls.one(endpoints.PROGRESS.request(progress), ProgressRecord)


def _review_routes(place: Place) -> endpoints.ReviewRoutes:
    return endpoints.COURSE_REVIEWS if isinstance(place, InCourse) else endpoints.SECTION_REVIEWS
