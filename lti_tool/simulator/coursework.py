"""What happens to submissions and reviews: lifecycle job, work, reviews, rubrics, automatic allocation.

Functions over the tables; `state.CanvasState` calls them with the lock held.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from lti_tool.simulator.records import (
    AssessmentRequest,
    Assignment,
    EnrollmentState,
    EnrollmentType,
    Notification,
    Override,
    ReviewState,
    RubricAssociation,
    Submission,
    SubmissionComment,
    User,
)
from lti_tool.simulator.tables import STUDENT_TYPES

if TYPE_CHECKING:
    from lti_tool.simulator.state import CanvasState

NO_SUBMISSION_ROW = frozenset({EnrollmentState.DELETED, EnrollmentState.REJECTED})


def applying_overrides(state: CanvasState, assignment: Assignment, user_id: str) -> list[Override]:
    """The overrides that concern a person: named, through a section, or through a group."""
    overrides = state.overrides_of(assignment.id)
    if not overrides:
        return []
    sections = {
        row.section_id
        for row in state.enrollments_of(assignment.course_id, user_id)
        if row.state not in NO_SUBMISSION_ROW
    }
    group = state.group_of(user_id, assignment.group_category_id)
    return [
        row
        for row in overrides
        if (row.student_ids is not None and user_id in row.student_ids)
        or (row.section_id is not None and row.section_id in sections)
        or (row.group_id is not None and group is not None and row.group_id == group.id)
    ]


def is_assigned_to(state: CanvasState, assignment: Assignment, user_id: str) -> bool:
    """Whether a student has to do this assignment."""
    return not assignment.only_visible_to_overrides or bool(applying_overrides(state, assignment, user_id))


def due_date_for(state: CanvasState, assignment: Assignment, user_id: str) -> datetime | None:
    """The date that counts for a person: the latest of the overrides that apply, else the assignment's."""
    overrides = applying_overrides(state, assignment, user_id)
    if not overrides:
        return assignment.due_at
    dates = [row.due_at for row in overrides]
    if any(date is None for date in dates):
        return None
    return max(date for date in dates if date is not None)


def refresh_submissions(state: CanvasState, assignment: Assignment) -> None:
    """Upsert the rows as canvas-lms lib/submission_lifecycle_manager.rb does; a restored row keeps its id."""
    course = state.course_of(assignment)
    assigned: dict[str, None] = {}
    for enrollment in state.enrollments_of(course.id):
        if (
            enrollment.type in STUDENT_TYPES
            and enrollment.state not in NO_SUBMISSION_ROW
            and is_assigned_to(state, assignment, enrollment.user_id)
        ):
            assigned[enrollment.user_id] = None
    for user_id in assigned:
        row = state.submission_of(assignment.id, user_id)
        if row is None:
            row = _new_submission(state, assignment, user_id)
        row.deleted = False
        row.cached_due_date = due_date_for(state, assignment, user_id)
    for row in state.submissions_of(assignment.id):
        row.deleted = row.user_id not in assigned


def _new_submission(state: CanvasState, assignment: Assignment, user_id: str) -> Submission:
    course = state.course_of(assignment)
    group = state.group_of(user_id, assignment.group_category_id)
    row = Submission(
        id=state.mint("submission", course.shard),
        assignment_id=assignment.id,
        user_id=user_id,
        anonymous_id=state.mint_secret(5),
        created_at=state.now(),
        deleted=not is_assigned_to(state, assignment, user_id),
        cached_due_date=due_date_for(state, assignment, user_id),
        group_id=group.id if group else None,
    )
    state.store_submission(row)
    return row


def submit(state: CanvasState, user_id: str, assignment_id: str, *, body: str, at: datetime) -> Submission:
    """Hand in; members of the submitter's group get the same content and time on their own rows."""
    assignment = state.assignments[assignment_id]
    group = state.group_of(user_id, assignment.group_category_id)
    members = [user_id]
    if group is not None:
        members = [row.user_id for row in state.memberships_of(group.id) if row.workflow_state == "accepted"]
    for member in members:
        row = state.submission_of(assignment_id, member)
        if row is None:
            raise KeyError(f"user {member} has no submission row for assignment {assignment_id}")
        row.submission_type = assignment.submission_types[0]
        row.submitted_at = at
        row.attempt = (row.attempt or 0) + 1
        row.body = body
        row.workflow_state = "submitted"
        row.group_id = group.id if group else None
    return state.submission_row(assignment_id, user_id)


def excuse(state: CanvasState, user_id: str, assignment_id: str) -> Submission:
    """Excuse: graded without anything handed in, as Canvas does it."""
    row = state.submission_of(assignment_id, user_id)
    if row is None:
        raise KeyError(f"user {user_id} has no submission row for assignment {assignment_id}")
    row.excused = True
    row.workflow_state = "graded"
    row.graded_at = state.now()
    return row


def find_request(
    state: CanvasState, submission: Submission, assessor_id: str, rubric_association_id: str | None
) -> AssessmentRequest | None:
    """The review that a POST of this pair would find: the rubric link is part of its identity."""
    for request in state.reviews_of_submission(submission.id):
        if request.assessor_id == assessor_id and request.rubric_association_id == rubric_association_id:
            return request
    return None


def create_request(
    state: CanvasState, submission: Submission, assessor_id: str, *, made_by: str | None
) -> AssessmentRequest:
    """Make a review row without looking for an older one; a missing reviewer's submission row is made too."""
    assignment = state.assignments[submission.assignment_id]
    own = state.submission_of(assignment.id, assessor_id) or _new_submission(state, assignment, assessor_id)
    request = AssessmentRequest(
        id=state.mint("request", state.course_of(assignment).shard),
        assignment_id=assignment.id,
        submission_id=submission.id,
        user_id=submission.user_id,
        assessor_id=assessor_id,
        assessor_submission_id=own.id,
        rubric_association_id=assignment.rubric_association_id,
        workflow_state=ReviewState.ASSIGNED,
        created_at=state.now(),
        updated_at=state.now(),
        made_by=made_by,
    )
    state.store_request(request)
    return request


def send_reminder(state: CanvasState, request: AssessmentRequest) -> None:
    """Mail the reviewer while the review is open and course and assignment are published."""
    assignment = state.assignments[request.assignment_id]
    request.updated_at = state.now()
    published = assignment.published and state.course_of(assignment).workflow_state == "available"
    if request.workflow_state is not ReviewState.ASSIGNED or not published:
        return
    kind = "Rubric Assessment" if request.rubric_association_id else "Peer Review Invitation"
    state.notifications.append(
        Notification(
            to=request.assessor_id,
            kind=kind,
            assignment_id=assignment.id,
            request_id=request.id,
            assessor_id=request.assessor_id,
            user_id=request.user_id,
            at=state.now(),
            repeated=request.id in state.mailed_request_ids,
        )
    )
    state.mailed_request_ids.add(request.id)


def assign_assessor(
    state: CanvasState, submission: Submission, assessor_id: str, *, made_by: str | None
) -> AssessmentRequest:
    """Find or create, then always remind (canvas-lms app/models/submission.rb)."""
    assignment = state.assignments[submission.assignment_id]
    request = find_request(state, submission, assessor_id, assignment.rubric_association_id)
    if request is None:
        request = create_request(state, submission, assessor_id, made_by=made_by)
    send_reminder(state, request)
    return request


def complete_review(state: CanvasState, request_id: str, *, comment: str) -> AssessmentRequest:
    """A comment by the reviewer completes it; with a rubric the filled-in rubric does, here in one go."""
    request = state.requests[request_id]
    submission = state.submissions[request.submission_id]
    course = state.course_of(state.assignments[request.assignment_id])
    submission.comments.append(
        SubmissionComment(
            id=state.mint("comment", course.shard),
            author_id=request.assessor_id,
            comment=comment,
            created_at=state.now(),
            attempt=submission.attempt,
            assessment_request_id=request.id,
        )
    )
    request.workflow_state = ReviewState.COMPLETED
    request.updated_at = state.now()
    return request


def set_student_state(
    state: CanvasState, user_id: str, course_id: str, enrollment_state: EnrollmentState
) -> None:
    """Put all student enrollments of a person in a state and run the lifecycle job. KeyError when none."""
    rows = [row for row in state.enrollments_of(course_id, user_id) if row.type in STUDENT_TYPES]
    if not rows:
        raise KeyError(f"user {user_id} is no student of course {course_id}")
    for row in rows:
        row.state = enrollment_state
    for assignment in state.assignments_of(course_id):
        refresh_submissions(state, assignment)


def enroll_late(state: CanvasState, course_id: str, name: str, *, section_id: str | None) -> User:
    """A new active student with submission rows for everything assigned."""
    course = state.courses[course_id]
    section = state.sections[section_id] if section_id else state.sections_of(course_id)[0]
    user = state.add_user(name, shard=course.shard)
    state.add_enrollment(user, section, EnrollmentType.STUDENT, at=state.now())
    for assignment in state.assignments_of(course_id):
        refresh_submissions(state, assignment)
    return user


def attach_rubric(state: CanvasState, assignment_id: str, title: str) -> RubricAssociation:
    """Link a rubric: it adopts reviews without one and sets them back to assigned (rubric_association.rb)."""
    assignment = state.assignments[assignment_id]
    if assignment.rubric_association_id is not None:
        detach_rubric(state, assignment_id)
    identity = state.mint("rubric_association", state.course_of(assignment).shard)
    association = RubricAssociation(identity, str(int(identity) + 1_000), assignment_id, title)
    state.rubric_associations[association.id] = association
    assignment.rubric_association_id = association.id
    for request in state.reviews_of(assignment_id):
        if request.rubric_association_id is None:
            request.rubric_association_id = association.id
            request.workflow_state = ReviewState.ASSIGNED
            request.updated_at = state.now()
    return association


def detach_rubric(state: CanvasState, assignment_id: str) -> None:
    """Remove the link: reviews keep existing without it, or are deleted (issue 1081), by habit."""
    assignment = state.assignments[assignment_id]
    gone = assignment.rubric_association_id
    if gone is None:
        return
    assignment.rubric_association_id = None
    del state.rubric_associations[gone]
    for request in state.reviews_of(assignment_id):
        if request.rubric_association_id == gone:
            if state.habits.rubric_removal == "delete":
                state.remove_request(request)
            else:
                request.rubric_association_id = None


def run_automatic_allocation(state: CanvasState, assignment_id: str) -> list[AssessmentRequest]:
    """Canvas's own allocation (abstract_assignment.rb assign_peer_reviews), existing reviews counted in.

    Visits those who submitted in random order; each takes the candidates that come first by: fewer than k
    reviews received, not reviewing the visitor already, fewest received, fewest given, chance.
    """
    assignment = state.assignments[assignment_id]
    wanted = assignment.peer_review_count
    students = {
        row.user_id
        for row in state.enrollments_of(assignment.course_id)
        if row.type is EnrollmentType.STUDENT
        and row.state in (EnrollmentState.ACTIVE, EnrollmentState.INVITED, EnrollmentState.CREATION_PENDING)
    }
    pool = {
        row.user_id: row
        for row in state.submissions_of(assignment_id)
        if not row.deleted and row.submission_type is not None and row.user_id in students
    }
    given: dict[str, list[str]] = {user_id: [] for user_id in pool}
    received: dict[str, list[str]] = {user_id: [] for user_id in pool}
    for request in state.reviews_of(assignment_id):
        given.setdefault(request.assessor_id, []).append(request.user_id)
        received.setdefault(request.user_id, []).append(request.assessor_id)
    made: list[AssessmentRequest] = []
    for reviewer in state.random.sample(list(pool), len(pool)):
        need = wanted - len(given[reviewer])
        if need <= 0:
            continue
        own_group = state.group_of(reviewer, assignment.group_category_id)
        candidates = [author for author in pool if author != reviewer and author not in given[reviewer]]
        if own_group is not None and not assignment.intra_group_peer_reviews:
            mates = {row.user_id for row in state.memberships_of(own_group.id)}
            candidates = [author for author in candidates if author not in mates]
        chance = {author: state.random.random() for author in candidates}
        rank = {
            author: (
                len(received[author]) >= wanted,
                author in received[reviewer],
                len(received[author]),
                len(given[author]),
                chance[author],
            )
            for author in candidates
        }
        ranked = sorted(candidates, key=rank.__getitem__)
        for author in ranked[:need]:
            made.append(assign_assessor(state, pool[author], reviewer, made_by="Canvas"))
            given[reviewer].append(author)
            received[author].append(reviewer)
    return made
