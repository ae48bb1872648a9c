"""The whole simulated Canvas in memory: rows, tokens, mails, log, switches, and what people in it can do.

One `CanvasState` is one install. All public methods take the lock themselves; hold `state.lock` around a
group of reads that must agree. `courses.build_state` fills one from a seed. REST answers, throttling, LTI and
pages are built on top of it by other modules.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta

from lti_tool.simulator import coursework
from lti_tool.simulator.access import (
    AccessGrant,
    Deployment,
    DeveloperKey,
    ReceivedRequest,
    TokenStanding,
)
from lti_tool.simulator.faults import Fault, FaultKind, Faults
from lti_tool.simulator.habits import Clock, Habits, StandingClock
from lti_tool.simulator.records import (
    AssessmentRequest,
    Assignment,
    Course,
    Enrollment,
    EnrollmentState,
    EnrollmentType,
    Group,
    GroupCategory,
    GroupMembership,
    Message,
    Notification,
    Override,
    Progress,
    ReviewState,
    RubricAssociation,
    Section,
    Submission,
    SubmissionComment,
    User,
)
from lti_tool.simulator.tables import Tables

__all__ = [
    "CanvasState",
    "Clock",
    "StandingClock",
    "Habits",
    "Fault",
    "FaultKind",
    "Faults",
    "AccessGrant",
    "Deployment",
    "DeveloperKey",
    "ReceivedRequest",
    "TokenStanding",
    "AssessmentRequest",
    "Assignment",
    "Course",
    "Enrollment",
    "EnrollmentState",
    "EnrollmentType",
    "Group",
    "GroupCategory",
    "GroupMembership",
    "Message",
    "Notification",
    "Override",
    "Progress",
    "ReviewState",
    "RubricAssociation",
    "Section",
    "Submission",
    "SubmissionComment",
    "User",
]


class CanvasState(Tables):
    """One install of the simulated Canvas."""

    def __init__(self, *, seed: int = 1, clock: Clock | None = None, habits: Habits | None = None) -> None:
        super().__init__(seed)
        self.seed = seed
        self.clock = clock or Clock()
        self.habits = habits or Habits()
        self.faults = Faults()
        self.keys: dict[str, DeveloperKey] = {}
        self.grants: dict[str, AccessGrant] = {}
        self.log: list[ReceivedRequest] = []
        self.withheld: dict[tuple[str, str], set[str]] = defaultdict(set)
        """Permissions taken from a person in a course, by (user id, course id); fill to demote somebody."""

    def now(self) -> datetime:
        """The install's current time."""
        return self.clock.now()

    # --- tokens ------------------------------------------------------------------------------------------

    def add_key(self, key: DeveloperKey) -> DeveloperKey:
        """Register a developer key under its client id."""
        with self.lock:
            self.keys[key.client_id] = key
        return key

    def issue_grant(
        self, user_id: str, client_id: str | None, *, scopes: tuple[str, ...] = (), purpose: str = ""
    ) -> AccessGrant:
        """Make a new grant: with a key, an expiring token and a refresh token; without, a personal token."""
        with self.lock:
            now = self.now()
            with_key = client_id is not None
            grant = AccessGrant(
                id=self.mint("grant"),
                token="1~" + self.mint_secret(),
                user_id=user_id,
                created_at=now,
                client_id=client_id,
                refresh_token="1~" + self.mint_secret() if with_key else None,
                expires_at=now + timedelta(seconds=self.habits.token_lifetime) if with_key else None,
                scopes=scopes,
                purpose=purpose,
            )
            self.grants[grant.id] = grant
            return grant

    def make_personal_token(self, user_id: str, purpose: str = "") -> AccessGrant:
        """The token that a person makes in the profile settings: no key, no expiry, all rights."""
        return self.issue_grant(user_id, None, purpose=purpose)

    def find_refresh_grant(self, refresh_token: str) -> AccessGrant | None:
        """The grant with this refresh token, unless revoked."""
        with self.lock:
            for grant in self.grants.values():
                if grant.refresh_token == refresh_token and not grant.revoked:
                    return grant
        return None

    def refresh_grant(self, grant: AccessGrant) -> AccessGrant:
        """Replace the access token in the same row: the earlier one dies now. No new refresh token."""
        with self.lock:
            grant.token = "1~" + self.mint_secret()
            grant.expires_at = self.now() + timedelta(seconds=self.habits.token_lifetime)
            return grant

    def find_grant(self, token: str) -> AccessGrant | None:
        """The grant whose current access token this is, whatever its standing."""
        with self.lock:
            for grant in self.grants.values():
                if grant.token == token:
                    return grant
        return None

    def judge_token(self, token: str) -> tuple[AccessGrant | None, TokenStanding]:
        """What a bearer token is worth now."""
        with self.lock:
            grant = self.find_grant(token)
            if grant is None:
                return None, TokenStanding.UNKNOWN
            if grant.revoked:
                return grant, TokenStanding.REVOKED
            if grant.expires_at is not None and grant.expires_at <= self.now():
                return grant, TokenStanding.EXPIRED
            if grant.client_id is not None:
                key = self.keys.get(grant.client_id)
                if key is None or not key.enabled:
                    return grant, TokenStanding.KEY_DISABLED
            grant.last_used_at = self.now()
            return grant, TokenStanding.GOOD

    def revoke_grant(self, grant: AccessGrant) -> None:
        """Take the grant back, refresh token included."""
        with self.lock:
            grant.revoked = True

    def expire_all_tokens(self) -> None:
        """Let every expiring access token be over now; refresh tokens stay good."""
        with self.lock:
            for grant in self.grants.values():
                if grant.expires_at is not None:
                    grant.expires_at = self.now()

    def revoke_all_tokens(self) -> None:
        """Revoke every grant."""
        with self.lock:
            for grant in self.grants.values():
                grant.revoked = True

    # --- log ---------------------------------------------------------------------------------------------

    def record(self, received: ReceivedRequest) -> None:
        """Append to the log of received requests."""
        with self.lock:
            self.log.append(received)

    def received(self, *, writes_only: bool = False, path_part: str = "") -> list[ReceivedRequest]:
        """The log, oldest first, filtered."""
        with self.lock:
            return [row for row in self.log if path_part in row.path and (row.is_write or not writes_only)]

    # --- what people can do (rules in `coursework`) ------------------------------------------------------

    def refresh_submissions(self, assignment: Assignment) -> None:
        """Canvas's lifecycle job: a row for each assigned student, soft deletion of the others."""
        with self.lock:
            coursework.refresh_submissions(self, assignment)

    def submit(
        self, user_id: str, assignment_id: str, *, body: str = "Here is my work.", at: datetime | None = None
    ) -> Submission:
        """Hand in work; in a group assignment for every member. KeyError when the person has no row."""
        with self.lock:
            return coursework.submit(self, user_id, assignment_id, body=body, at=at or self.now())

    def excuse(self, user_id: str, assignment_id: str) -> Submission:
        """Excuse a student from an assignment."""
        with self.lock:
            return coursework.excuse(self, user_id, assignment_id)

    def assign_assessor(
        self, submission: Submission, assessor_id: str, *, made_by: str | None = None
    ) -> AssessmentRequest:
        """Find or create a review, and remind the reviewer every time (canvas-lms `assign_assessor`)."""
        with self.lock:
            return coursework.assign_assessor(self, submission, assessor_id, made_by=made_by)

    def complete_review(
        self, request_id: str, *, comment: str = "Well argued; the ending is short."
    ) -> AssessmentRequest:
        """The reviewer does it: a comment, and the rubric when there is one. KeyError when unknown."""
        with self.lock:
            return coursework.complete_review(self, request_id, comment=comment)

    def unassign(self, request_id: str) -> None:
        """A teacher removes a review on Canvas's own page; comments stay. KeyError when unknown."""
        with self.lock:
            self.remove_request(self.requests[request_id])

    def drop(
        self, user_id: str, course_id: str, *, state: EnrollmentState = EnrollmentState.INACTIVE
    ) -> None:
        """Take a student out of the course; reviews stay and the API can no longer delete them."""
        with self.lock:
            coursework.set_student_state(self, user_id, course_id, state)

    def reinstate(self, user_id: str, course_id: str) -> None:
        """Bring a dropped student back."""
        with self.lock:
            coursework.set_student_state(self, user_id, course_id, EnrollmentState.ACTIVE)

    def enroll_late(self, course_id: str, name: str, *, section_id: str | None = None) -> User:
        """Enrol a new student (in the first section unless given); submission rows follow at once."""
        with self.lock:
            return coursework.enroll_late(self, course_id, name, section_id=section_id)

    def attach_rubric(self, assignment_id: str, title: str = "Peer review rubric") -> RubricAssociation:
        """Attach a rubric; it adopts unlinked reviews and sets them, completed ones too, back to assigned."""
        with self.lock:
            return coursework.attach_rubric(self, assignment_id, title)

    def detach_rubric(self, assignment_id: str) -> None:
        """Remove the rubric; reviews lose the link or, by `habits.rubric_removal`, vanish."""
        with self.lock:
            coursework.detach_rubric(self, assignment_id)

    def run_canvas_automatic_allocation(self, assignment_id: str) -> list[AssessmentRequest]:
        """Canvas's own algorithm tops every reviewer up to `peer_review_count`; returns the new ones."""
        with self.lock:
            return coursework.run_automatic_allocation(self, assignment_id)
