"""The tables of the simulated Canvas with their indexes, and the plain questions one can ask them.

Nothing here knows permissions, mails or tokens; `state.CanvasState` builds on it.
"""

from __future__ import annotations

import random
import threading
import uuid
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from lti_tool.simulator.records import (
    AssessmentRequest,
    Assignment,
    Course,
    Enrollment,
    EnrollmentState,
    EnrollmentType,
    GradebookColumn,
    Group,
    GroupCategory,
    GroupMembership,
    LineItem,
    LtiResult,
    Message,
    Notification,
    Override,
    Progress,
    ResourceLink,
    RubricAssociation,
    Section,
    Submission,
    User,
)

SHARD_STEP = 10_000_000_000_000
"""Canvas forms the global id of a row as shard x 10^13 + local id."""

FIRST_IDS = {
    "user": 101,
    "course": 11,
    "section": 301,
    "enrollment": 2_001,
    "group_category": 41,
    "group": 601,
    "group_membership": 40_001,
    "assignment": 801,
    "override": 901,
    "rubric_association": 31,
    "submission": 500_001,
    "comment": 90_001,
    "request": 7_000_001,
    "message": 60_001,
    "progress": 51,
    "gradebook_column": 71,
    "line_item": 3_001,
    "lti_result": 80_001,
    "resource_link": 95_001,
    "grant": 1,
    "developer_key": 170_000_000_000_101,
}
"""Where each table starts: far enough apart that a user id is never the id of a submission."""

STUDENT_TYPES = frozenset({EnrollmentType.STUDENT, EnrollmentType.STUDENT_VIEW})
GONE_STATES = frozenset(
    {
        EnrollmentState.REJECTED,
        EnrollmentState.COMPLETED,
        EnrollmentState.DELETED,
        EnrollmentState.INACTIVE,
    }
)


class Tables:
    """Rows and indexes. Hold `lock` while reading more than one row or writing any."""

    def __init__(self, seed: int) -> None:
        self.lock = threading.RLock()
        self.random = random.Random(seed)
        self.users: dict[str, User] = {}
        self.courses: dict[str, Course] = {}
        self.sections: dict[str, Section] = {}
        self.enrollments: dict[str, Enrollment] = {}
        self.group_categories: dict[str, GroupCategory] = {}
        self.groups: dict[str, Group] = {}
        self.group_memberships: dict[str, GroupMembership] = {}
        self.assignments: dict[str, Assignment] = {}
        self.overrides: dict[str, Override] = {}
        self.rubric_associations: dict[str, RubricAssociation] = {}
        self.submissions: dict[str, Submission] = {}
        self.requests: dict[str, AssessmentRequest] = {}
        self.notifications: list[Notification] = []
        self.mailed_request_ids: set[str] = set()
        self.messages: list[Message] = []
        self.progresses: dict[str, Progress] = {}
        self.gradebook_columns: dict[str, GradebookColumn] = {}
        self.line_items: dict[str, LineItem] = {}
        self.resource_links: dict[str, ResourceLink] = {}
        self.lti_results: dict[tuple[str, str], LtiResult] = {}
        """By line item and user."""
        self._next_ids = dict(FIRST_IDS)
        self._enrollments_by_course: dict[str, list[Enrollment]] = defaultdict(list)
        self._enrollments_by_user: dict[str, list[Enrollment]] = defaultdict(list)
        self._submissions_by_place: dict[tuple[str, str], Submission] = {}
        self._submissions_by_assignment: dict[str, list[Submission]] = defaultdict(list)
        self._requests_by_submission: dict[str, list[AssessmentRequest]] = defaultdict(list)

    # --- making rows -------------------------------------------------------------------------------------

    def mint(self, table: str, shard: int = 0) -> str:
        """A fresh id for a row of this table."""
        number = self._next_ids[table]
        self._next_ids[table] = number + 1
        return str(shard * SHARD_STEP + number)

    def mint_uuid(self) -> str:
        """A UUID that the seed decides."""
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def mint_secret(self, length: int = 64) -> str:
        """A token as Canvas makes them: letters and digits, decided by the seed."""
        letters = "ABCDEFGHJKLMNPQRTUVWXYZabcdefhijkmnopqrstuvwxyz234678"
        return "".join(self.random.choices(letters, k=length))

    def add_user(
        self,
        name: str,
        *,
        sortable_name: str | None = None,
        shard: int = 0,
        fake_student: bool = False,
        site_admin: bool = False,
        locale: str = "en",
        time_zone: str = "Europe/London",
        pronouns: str | None = None,
        login: str | None = None,
    ) -> User:
        """Add a person; login, address and ids follow from the counters and the seed."""
        user_id = self.mint("user", shard)
        first, _, last = name.rpartition(" ")
        user = User(
            id=user_id,
            name=name,
            sortable_name=sortable_name or (f"{last}, {first}" if first else name),
            short_name=name,
            login=login or f"u{user_id}",
            email=f"{login or 'u' + user_id}@example.edu",
            lti_id=self.mint_uuid(),
            global_id=user_id if shard else str(SHARD_STEP + int(user_id)),
            locale=locale,
            time_zone=time_zone,
            pronouns=pronouns,
            fake_student=fake_student,
            site_admin=site_admin,
        )
        self.users[user.id] = user
        return user

    def add_section(self, course: Course, name: str) -> Section:
        """Add a section."""
        section = Section(self.mint("section", course.shard), course.id, name)
        self.sections[section.id] = section
        return section

    def add_enrollment(
        self,
        user: User,
        section: Section,
        kind: EnrollmentType,
        *,
        at: datetime,
        state: EnrollmentState = EnrollmentState.ACTIVE,
        limited: bool = False,
    ) -> Enrollment:
        """Enrol a person in a section. Submission rows are made by `CanvasState.refresh_submissions`."""
        course = self.courses[section.course_id]
        enrollment = Enrollment(
            id=self.mint("enrollment", course.shard),
            user_id=user.id,
            course_id=course.id,
            section_id=section.id,
            type=kind,
            state=state,
            created_at=at,
            limit_privileges_to_course_section=limited,
        )
        self.enrollments[enrollment.id] = enrollment
        self._enrollments_by_course[course.id].append(enrollment)
        self._enrollments_by_user[user.id].append(enrollment)
        return enrollment

    def forget_enrollment(self, enrollment: Enrollment) -> None:
        """Take an enrollment out of its course for good, as cross-listing its section elsewhere does."""
        del self.enrollments[enrollment.id]
        self._enrollments_by_course[enrollment.course_id].remove(enrollment)
        self._enrollments_by_user[enrollment.user_id].remove(enrollment)

    def add_course(self, name: str, code: str, *, shard: int = 0) -> Course:
        """Add a published course."""
        course = Course(self.mint("course", shard), name, code, self.mint_uuid().replace("-", ""), shard)
        self.courses[course.id] = course
        return course

    def add_assignment(self, course: Course, name: str, *, at: datetime) -> Assignment:
        """Add a published assignment at the end of the list; set its other fields on the row."""
        identity = self.mint("assignment", course.shard)
        assignment = Assignment(
            id=identity,
            course_id=course.id,
            name=name,
            position=1 + len(self.assignments_of(course.id)),
            assignment_group_id=course.id,
            lti_context_id=self.mint_uuid(),
            created_at=at,
            updated_at=at,
        )
        self.assignments[identity] = assignment
        return assignment

    def add_resource_link(
        self,
        course: Course,
        url: str,
        custom: dict[str, str],
        *,
        title: str = "",
        assignment_id: str | None = None,
    ) -> ResourceLink:
        """Add a link to a tool; an assignment has one at most."""
        identity = self.mint("resource_link", course.shard)
        link = ResourceLink(
            identity, course.id, self.mint_uuid(), self.mint_uuid(), url, title, custom, assignment_id
        )
        self.resource_links[identity] = link
        return link

    def add_override(self, assignment: Assignment, title: str) -> Override:
        """Add an override; set whom it concerns and its dates on the row."""
        override = Override(
            self.mint("override", self.courses[assignment.course_id].shard), assignment.id, title
        )
        self.overrides[override.id] = override
        return override

    def add_group_category(self, course: Course, name: str) -> GroupCategory:
        """Add a group set."""
        category = GroupCategory(self.mint("group_category", course.shard), course.id, name)
        self.group_categories[category.id] = category
        return category

    def add_group(self, category: GroupCategory, name: str, user_ids: Iterable[str]) -> Group:
        """Add a group with its members."""
        shard = self.courses[category.course_id].shard
        group = Group(self.mint("group", shard), category.id, category.course_id, name)
        self.groups[group.id] = group
        for user_id in user_ids:
            membership = GroupMembership(self.mint("group_membership", shard), group.id, user_id)
            self.group_memberships[membership.id] = membership
        return group

    def store_submission(self, submission: Submission) -> None:
        """Add a new submission row to table and indexes."""
        self.submissions[submission.id] = submission
        self._submissions_by_place[submission.assignment_id, submission.user_id] = submission
        self._submissions_by_assignment[submission.assignment_id].append(submission)

    def store_request(self, request: AssessmentRequest) -> None:
        """Add a new review to table and index."""
        self.requests[request.id] = request
        self._requests_by_submission[request.submission_id].append(request)

    def remove_request(self, request: AssessmentRequest) -> None:
        """Delete a review for good."""
        del self.requests[request.id]
        self._requests_by_submission[request.submission_id].remove(request)

    # --- questions ---------------------------------------------------------------------------------------

    def course_of(self, assignment: Assignment) -> Course:
        """The assignment's course."""
        return self.courses[assignment.course_id]

    def enrollments_of(self, course_id: str, user_id: str | None = None) -> list[Enrollment]:
        """Enrollments of a course, or of one person in it, in the order they were made."""
        if user_id is None:
            return list(self._enrollments_by_course[course_id])
        return [row for row in self._enrollments_by_user[user_id] if row.course_id == course_id]

    def enrollments_of_user(self, user_id: str) -> list[Enrollment]:
        """Every enrollment of one person."""
        return list(self._enrollments_by_user[user_id])

    def sections_of(self, course_id: str) -> list[Section]:
        """Sections of a course, by name."""
        rows = (row for row in self.sections.values() if row.course_id == course_id)
        return sorted(rows, key=lambda row: (row.name, int(row.id)))

    def assignments_of(self, course_id: str) -> list[Assignment]:
        """Assignments of a course that are not deleted, by position."""
        rows = (row for row in self.assignments.values() if row.course_id == course_id)
        return sorted((row for row in rows if row.workflow_state != "deleted"), key=lambda row: row.position)

    def link_of_assignment(self, assignment_id: str) -> ResourceLink | None:
        """The tool's link of an assignment of type external tool."""
        rows = (row for row in self.resource_links.values() if row.assignment_id == assignment_id)
        return next(rows, None)

    def overrides_of(self, assignment_id: str) -> list[Override]:
        """Overrides of an assignment."""
        return [row for row in self.overrides.values() if row.assignment_id == assignment_id]

    def categories_of(self, course_id: str) -> list[GroupCategory]:
        """Group sets of a course."""
        return [row for row in self.group_categories.values() if row.course_id == course_id]

    def groups_of(self, *, course_id: str | None = None, category_id: str | None = None) -> list[Group]:
        """Groups of a course or of a group set."""
        return [
            row
            for row in self.groups.values()
            if course_id in (None, row.course_id) and category_id in (None, row.category_id)
        ]

    def memberships_of(self, group_id: str) -> list[GroupMembership]:
        """Memberships of a group, deleted ones included."""
        return [row for row in self.group_memberships.values() if row.group_id == group_id]

    def group_of(self, user_id: str, category_id: str | None) -> Group | None:
        """The group of a person in a group set, if any."""
        if category_id is None:
            return None
        for row in self.group_memberships.values():
            if row.user_id == user_id and row.workflow_state == "accepted":
                group = self.groups[row.group_id]
                if group.category_id == category_id:
                    return group
        return None

    def submission_of(self, assignment_id: str, user_id: str) -> Submission | None:
        """The row of one student, soft-deleted ones included."""
        return self._submissions_by_place.get((assignment_id, user_id))

    def submission_row(self, assignment_id: str, user_id: str) -> Submission:
        """As ``submission_of``, of a student who has a row; raises KeyError."""
        return self._submissions_by_place[assignment_id, user_id]

    def submissions_of(self, assignment_id: str) -> list[Submission]:
        """All rows of an assignment, soft-deleted ones included."""
        return list(self._submissions_by_assignment[assignment_id])

    def reviews_of_submission(self, submission_id: str) -> list[AssessmentRequest]:
        """Reviews of one submission, oldest first."""
        return list(self._requests_by_submission[submission_id])

    def reviews_of(self, assignment_id: str) -> list[AssessmentRequest]:
        """Reviews of an assignment, oldest first; those of unassigned or inactive people included."""
        rows = (
            row
            for submission in self._submissions_by_assignment[assignment_id]
            for row in self._requests_by_submission[submission.id]
        )
        return sorted(rows, key=lambda row: int(row.id))

    def current_student_ids(self, enrollments: Iterable[Enrollment]) -> set[str]:
        """Who counts as a student: also invited people and the Test Student, not inactive or concluded ones.

        Source: canvas-lms app/models/course.rb, students_visible_to.
        """
        return {
            row.user_id for row in enrollments if row.type in STUDENT_TYPES and row.state not in GONE_STATES
        }
