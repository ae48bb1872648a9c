"""Our client and the simulated Canvas over a socket: each endpoint of the owner's documents on the wire, and
what a snapshot says about courses of every kind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from lti_tool.applying.answers import Outcome, Why
from lti_tool.canvas.calls import Calls, Patience
from lti_tool.canvas.client import CanvasClient, InCourse, InSection, Place
from lti_tool.canvas.course_reader import CourseReader
from lti_tool.canvas.endpoints import SCOPES
from lti_tool.canvas.errors import (
    BrokenAnswer,
    CanvasUnavailable,
    IncompleteList,
    NotFound,
    NotPermitted,
    ScopeMissing,
)
from lti_tool.canvas.pacing import Lane, Pace
from lti_tool.canvas.snapshot_reader import AssignmentReviews
from lti_tool.canvas.transport import Limits, Transport
from lti_tool.planning.ids import (
    AssignmentId,
    CanvasOrigin,
    CourseId,
    GroupId,
    SectionId,
    SubmissionId,
    UserId,
)
from lti_tool.planning.snapshot import Snapshot
from lti_tool.simulator.courses import build_state
from lti_tool.simulator.faults import FaultKind
from lti_tool.simulator.state import Assignment, CanvasState, Course, DeveloperKey, EnrollmentState
from tests.integration.canvas.conftest import OneToken
from tests.integration.canvas.servers import simulated_canvas, transport_to


@dataclass
class Canvas:
    """A simulated Canvas and a client of one of its people."""

    state: CanvasState
    origin: CanvasOrigin
    transport: Transport

    def client(self, login: str = "teacher", *, scopes: list[str] | None = None) -> CanvasClient:
        """The client of this person: with a personal token, or one of a key that enforces ``scopes``."""
        user = next(user for user in self.state.users.values() if user.login == login)
        if scopes is None:
            token = self.state.make_personal_token(user.id).token
        else:
            self.state.add_key(
                DeveloperKey("77", "secret", "Allocator", "api", [], scopes, require_scopes=True)
            )
            token = self.state.issue_grant(user.id, "77", scopes=tuple(scopes)).token
        calls = Calls(
            self.transport,
            OneToken(token),
            Pace(),
            lane=Lane.PAGE,
            patience=Patience(attempts=2),
            sleep=lambda _seconds: None,
        )
        return CanvasClient(calls)

    def course(self, code: str) -> Course:
        return next(course for course in self.state.courses.values() if course.code.startswith(code))

    def assignment(self, course: Course, name: str) -> Assignment:
        return next(row for row in self.state.assignments_of(course.id) if name in row.name)

    def reviews(
        self, assignment: Assignment, login: str = "teacher", *, scopes: list[str] | None = None
    ) -> AssignmentReviews:
        return AssignmentReviews(
            self.client(login, scopes=scopes),
            self.origin,
            CourseId(assignment.course_id),
            AssignmentId(assignment.id),
        )


@pytest.fixture(scope="module")
def seeded() -> CanvasState:
    """A Canvas that nobody changes."""
    return build_state(11, kinds=["small", "sections", "awkward"])


@pytest.fixture(scope="module")
def standing(seeded: CanvasState) -> Iterator[Canvas]:
    """For tests that only read."""
    with simulated_canvas(seeded) as origin, transport_to(origin, Limits()) as transport:
        yield Canvas(seeded, origin, transport)


@pytest.fixture
def canvas() -> Iterator[Canvas]:
    """For tests that write or break something."""
    state = build_state(11, kinds=["small", "awkward"])
    with simulated_canvas(state) as origin, transport_to(origin, Limits()) as transport:
        yield Canvas(state, origin, transport)


def first_pair(canvas: Canvas) -> tuple[Assignment, SectionId, SubmissionId, UserId, UserId]:
    """Assignment, section, submission, author and reviewer of a pair without a review."""
    course = canvas.course("WRIT")
    essay = canvas.assignment(course, "Essay 1")
    section = next(row.id for row in canvas.state.sections.values() if row.course_id == course.id)
    rows = [row for row in canvas.state.submissions_of(essay.id) if row.submission_type]
    work, other = sorted(rows, key=lambda row: row.id)[:2]
    return essay, SectionId(section), SubmissionId(work.id), UserId(work.user_id), UserId(other.user_id)


# --- the endpoints of the owner's documents, on the wire ---------------------------------------------------


@pytest.mark.parametrize("kind", ["courses", "sections"])
def test_all_eight_forms_of_peer_reviews(canvas: Canvas, kind: str) -> None:
    essay, section, submission, author, reviewer = first_pair(canvas)
    place: Place = InCourse(CourseId(essay.course_id)) if kind == "courses" else InSection(section)
    assignment, client = AssignmentId(essay.id), canvas.client()
    below = f"/api/v1/{kind}/{place.id}/assignments/{essay.id}"
    of_submission = f"{below}/submissions/{submission}/peer_reviews"

    made = client.create_peer_review(place, assignment, submission, author=author, reviewer=reviewer)
    assert made.outcome is Outcome.OK
    assert made.review is not None
    listed = client.peer_reviews(place, assignment)
    assert [row.review() for row in listed] == [made.review]
    assert client.peer_reviews_of(place, assignment, submission) == listed
    gone = client.delete_peer_review(place, assignment, submission, author=author, reviewer=reviewer)
    assert (gone.outcome, gone.review) == (Outcome.OK, made.review)
    again = client.delete_peer_review(place, assignment, submission, author=author, reviewer=reviewer)
    assert (again.outcome, again.why, again.status) == (Outcome.PERMANENT, Why.REFUSED, 400)

    wire = [(row.method, row.path) for row in canvas.state.received()]
    assert wire == [
        ("POST", of_submission),
        ("GET", f"{below}/peer_reviews"),
        ("GET", of_submission),
        ("DELETE", of_submission),
        ("DELETE", of_submission),
    ]
    post, delete = canvas.state.received(writes_only=True)[:2]
    assert dict(post.form) == {"user_id": reviewer}
    assert delete.query == f"user_id={reviewer}"


def test_both_forms_of_submissions(standing: Canvas) -> None:
    course = standing.course("SOC")
    essay = standing.assignment(course, "Essay 1")
    section = next(row for row in standing.state.sections.values() if row.course_id == course.id)
    client, assignment = standing.client(), AssignmentId(essay.id)
    everybody = client.submissions(InCourse(CourseId(course.id)), assignment)
    here = client.submissions(InSection(SectionId(section.id)), assignment)
    assert len(everybody) == 121
    assert {row.id for row in here} < {row.id for row in everybody}
    paths = [row.path for row in standing.state.received(path_part="submissions")]
    assert f"/api/v1/courses/{course.id}/assignments/{essay.id}/submissions" in paths
    assert f"/api/v1/sections/{section.id}/assignments/{essay.id}/submissions" in paths


def test_the_other_lists(standing: Canvas) -> None:
    client = standing.client()
    awkward = CourseId(_awkward(standing).id)
    categories = client.group_categories(awkward)
    groups = client.groups_of_category(categories[0].id)
    assert {group.id for group in groups} <= {group.id for group in client.course_groups(awkward)}
    from_memberships = {row.user_id for row in client.memberships(GroupId(groups[0].id))}
    assert from_memberships == {row.id for row in client.group_users(GroupId(groups[0].id))}
    assert len(client.users(CourseId(standing.course("SOC").id))) > 120
    soc = standing.course("SOC")
    interview = standing.assignment(soc, "Interview")
    overrides = client.overrides(CourseId(soc.id), AssignmentId(interview.id))
    assert len([row.course_section_id for row in overrides]) == 2
    assert client.self_user().name == "Miriam Castellanos"
    permissions = client.permissions(CourseId(soc.id), ["manage_grades", "no_such_right"])
    assert permissions["manage_grades"]


def test_switching_peer_reviews_on_sends_nothing_else(canvas: Canvas) -> None:
    journal = canvas.assignment(canvas.course("WRIT"), "Reading journal")
    journal.only_visible_to_overrides = True
    record = canvas.client().enable_peer_reviews(CourseId(journal.course_id), AssignmentId(journal.id))
    assert record.peer_reviews
    assert journal.peer_reviews
    assert journal.only_visible_to_overrides
    [put] = canvas.state.received(writes_only=True)
    assert dict(put.form) == {"assignment[peer_reviews]": "true"}


# --- snapshots ---------------------------------------------------------------------------------------------


def _awkward(canvas: Canvas) -> Course:
    return next(course for course in canvas.state.courses.values() if int(course.id) > 2**53)


def snapshot_of(
    canvas: Canvas, course: Course, name: str, login: str = "teacher", scopes: list[str] | None = None
) -> Snapshot:
    return canvas.reviews(canvas.assignment(course, name), login, scopes=scopes).read_snapshot()


def test_a_snapshot_of_sections(standing: Canvas) -> None:
    course = standing.course("SOC")
    snapshot = snapshot_of(standing, course, "Essay 1")
    assert (snapshot.course_name, len(snapshot.sections), len(snapshot.people)) == (course.name, 4, 121)
    assert [person.name for person in snapshot.people if person.test_student] == ["Test Student"]
    assert sum(work.submitted for work in snapshot.works) == 120
    assert snapshot.assignment.peer_reviews
    assert not snapshot.new_allocation_feature
    assert snapshot.fingerprint == snapshot_of(standing, course, "Essay 1").fingerprint


def test_a_snapshot_of_the_awkward_course(standing: Canvas) -> None:
    course, state = _awkward(standing), standing.state
    snapshot = snapshot_of(standing, course, "Essay")
    people = snapshot.people_by_id
    assert {person.state for person in snapshot.people} == {"active", "invited", "inactive", "concluded"}
    assert any(len(person.sections) > 1 for person in snapshot.people if not person.test_student)
    assert any(work.late for work in snapshot.works)
    assert any(work.excused for work in snapshot.works)
    assert any(review.completed for review in snapshot.reviews)
    assert snapshot.assignment.rubric_id is not None
    assert {len(group.members) for group in snapshot.groups} == {5, 4, 3, 2, 1}
    for work in snapshot.works:
        assert state.submissions[work.id].user_id == work.author
        assert people[work.author].reachable
    for review in snapshot.reviews:
        row = state.requests[review.id]
        assert (row.assessor_id, row.user_id, row.submission_id) == (
            review.assessor,
            review.assessee,
            review.submission,
        )


def test_a_group_assignment_knows_whose_group_a_work_is_of(standing: Canvas) -> None:
    snapshot = snapshot_of(standing, _awkward(standing), "Group speech")
    assert snapshot.assignment.is_group_assignment
    members = {member: group.id for group in snapshot.groups for member in group.members}
    assert members
    assert all(work.group == members.get(work.author) for work in snapshot.works)


def test_a_scoped_key_that_strips_includes_gives_the_same_snapshot(standing: Canvas) -> None:
    """Also: the scopes that the tool asks for are enough for everything that it reads."""
    course = _awkward(standing)
    plain = snapshot_of(standing, course, "Group speech")
    scoped = snapshot_of(standing, course, "Group speech", scopes=list(SCOPES))
    assert plain.groups
    assert scoped.fingerprint == plain.fingerprint


@pytest.mark.parametrize("missing", sorted(scope for scope in SCOPES if scope.startswith("url:GET|")))
def test_a_missing_scope_is_named_by_whatever_needs_it(standing: Canvas, missing: str) -> None:
    scopes = [scope for scope in SCOPES if scope != missing]
    course = _awkward(standing)
    reviews = standing.reviews(standing.assignment(course, "Group speech"), scopes=scopes)
    home = CourseReader(standing.client(scopes=scopes), CourseId(course.id))

    def read_everything() -> None:
        reviews.read_snapshot()
        reviews.reviews_of(SubmissionId("1"))
        home.content()
        standing.client(scopes=scopes).contacts(CourseId(course.id))

    with pytest.raises(ScopeMissing) as caught:
        read_everything()
    assert caught.value.scope == missing
    assert missing in str(caught.value)


def test_a_section_limited_ta_sees_her_section_and_all_reviews(canvas: Canvas) -> None:
    course = _awkward(canvas)
    everything = snapshot_of(canvas, course, "Essay")
    hers = snapshot_of(canvas, course, "Essay", login="section-ta")
    assert 0 < len(hers.people) < len(everything.people)
    assert hers.reviews == everything.reviews
    strangers = {review.assessor for review in hers.reviews} - set(hers.people_by_id)
    assert strangers, "reviews of people whom she cannot see stay, with unknown people in them"


def test_a_student_is_told_no_instead_of_shown_half_a_list(canvas: Canvas) -> None:
    course = canvas.course("WRIT")
    student = next(
        row.user_id for row in canvas.state.enrollments.values() if row.type.value == "StudentEnrollment"
    )
    canvas.state.users[student].login = "student"
    reviews = canvas.reviews(canvas.assignment(course, "Essay 1"), "student")
    with pytest.raises(NotPermitted):
        reviews.read_snapshot()


def test_the_flag_of_canvas_own_allocator_is_seen(canvas: Canvas) -> None:
    course = canvas.course("WRIT")
    course.feature_flags.add("peer_review_allocation_and_grading")
    assert snapshot_of(canvas, course, "Essay 1").new_allocation_feature
    content = CourseReader(canvas.client(), CourseId(course.id)).content()
    assert content.new_allocation_feature


def test_progress_is_told_in_words_and_numbers(standing: Canvas) -> None:
    course = _awkward(standing)
    told: list[tuple[str, int, int | None]] = []
    reviews = AssignmentReviews(
        standing.client(),
        standing.origin,
        CourseId(course.id),
        AssignmentId(standing.assignment(course, "Group speech").id),
        progress=lambda *step: told.append(step),
    )
    snapshot = reviews.read_snapshot()
    assert {"students", "submissions", "sections", "reviews", "groups"} == {words for words, _, _ in told}
    assert ("submissions", len(snapshot.works), len(snapshot.works)) in told


def test_opaque_small_pages_change_nothing(canvas: Canvas) -> None:
    before = snapshot_of(canvas, _awkward(canvas), "Essay").fingerprint
    canvas.state.habits.opaque_paging = True
    canvas.state.habits.per_page_max = 3
    assert snapshot_of(canvas, _awkward(canvas), "Essay").fingerprint == before


def test_the_home_page_counts(canvas: Canvas) -> None:
    course = _awkward(canvas)
    content = CourseReader(canvas.client(), CourseId(course.id)).content()
    essay = canvas.assignment(course, "Essay")
    counts = content.counts[AssignmentId(essay.id)]
    reviews = [row for row in canvas.state.requests.values() if row.assignment_id == essay.id]
    assert counts.reviews == len(reviews)
    assert 0 < counts.completed_reviews < counts.reviews
    assert set(content.counts) == {facts.id for facts in content.assignments if facts.peer_reviews}


# --- faults ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (FaultKind.LINK_LOOP, IncompleteList),
        (FaultKind.LINK_FOREIGN, IncompleteList),
        (FaultKind.HTML_200, BrokenAnswer),
        (FaultKind.TRUNCATED, BrokenAnswer),
        (FaultKind.HTML_503, CanvasUnavailable),
        (FaultKind.ERROR_500_BEFORE, CanvasUnavailable),
        (FaultKind.DROP_BEFORE, CanvasUnavailable),
    ],
)
def test_a_fault_that_stays_gives_no_snapshot(
    canvas: Canvas, kind: FaultKind, error: type[Exception]
) -> None:
    canvas.state.faults.plant(kind, method="GET", path="/enrollments$", times=99)
    with pytest.raises(error):
        snapshot_of(canvas, canvas.course("WRIT"), "Essay 1")
    assert canvas.state.received(writes_only=True) == []


@pytest.mark.parametrize(
    "kind",
    [
        FaultKind.HTML_502,
        FaultKind.DROP_AFTER,
        FaultKind.THROTTLED,
        FaultKind.TRUNCATED,
        FaultKind.EMPTY_PAGE,
    ],
)
def test_a_fault_that_passes_leaves_no_trace(canvas: Canvas, kind: FaultKind) -> None:
    before = snapshot_of(canvas, canvas.course("WRIT"), "Essay 1").fingerprint
    fault = canvas.state.faults.plant(kind, method="GET", path="/submissions$")
    assert snapshot_of(canvas, canvas.course("WRIT"), "Essay 1").fingerprint == before
    assert fault.spent


@pytest.mark.parametrize(
    ("kind", "outcome", "why", "executed"),
    [
        (FaultKind.DROP_BEFORE, Outcome.UNKNOWN, Why.NO_ANSWER, False),
        (FaultKind.DROP_AFTER, Outcome.UNKNOWN, Why.NO_ANSWER, True),
        (FaultKind.HTML_502, Outcome.UNKNOWN, Why.SERVER_ERROR, False),
        (FaultKind.ERROR_500_AFTER, Outcome.UNKNOWN, Why.SERVER_ERROR, True),
        (FaultKind.HTML_200, Outcome.UNKNOWN, Why.BROKEN_ANSWER, False),
        (FaultKind.WRONG_IDS, Outcome.UNKNOWN, Why.WRONG_IDS, True),
        (FaultKind.THROTTLED, Outcome.NOT_DONE, Why.THROTTLED, False),
        (FaultKind.EXPIRED, Outcome.NOT_DONE, Why.ACCESS_LOST, False),
    ],
)
def test_a_write_under_a_fault_is_sent_once(
    canvas: Canvas, kind: FaultKind, outcome: Outcome, why: Why, executed: bool
) -> None:
    essay, _, submission, author, reviewer = first_pair(canvas)
    canvas.state.faults.plant(kind, method="POST")
    said = canvas.reviews(essay).create(submission, author, reviewer)
    assert (said.outcome, said.why) == (outcome, why)
    assert len(canvas.state.received(writes_only=True)) == 1
    assert any(row.submission_id == submission for row in canvas.state.requests.values()) == executed


def test_refusals_of_single_pairs(canvas: Canvas) -> None:
    essay, _, submission, author, reviewer = first_pair(canvas)
    reviews = canvas.reviews(essay)
    itself = reviews.create(submission, author, author)
    assert (itself.outcome, itself.why) == (Outcome.PERMANENT, Why.REFUSED)
    canvas.state.drop(reviewer, essay.course_id, state=EnrollmentState.INACTIVE)
    left = reviews.create(submission, author, reviewer)
    assert (left.outcome, left.why) == (Outcome.PERMANENT, Why.NOT_FOUND)


@pytest.mark.parametrize("status", [401, 403])
def test_a_lost_role_is_no_lost_token(canvas: Canvas, status: int) -> None:
    essay, _, submission, author, reviewer = first_pair(canvas)
    reviews = canvas.reviews(essay)
    canvas.state.habits.permission_status = status  # type: ignore[assignment]  # one of the two it knows
    teacher = next(user.id for user in canvas.state.users.values() if user.login == "teacher")
    canvas.state.withheld[teacher, essay.course_id].add("manage_grades")
    said = reviews.create(submission, author, reviewer)
    assert (said.outcome, said.why) == (Outcome.PERMANENT, Why.NOT_PERMITTED)
    with pytest.raises(NotPermitted):
        reviews.read_snapshot()


@pytest.mark.parametrize("course", ["999999", "../users", "1/2"])
def test_unknown_ids_are_a_clear_error(standing: Canvas, course: str) -> None:
    reviews = AssignmentReviews(standing.client(), standing.origin, CourseId(course), AssignmentId("1"))
    with pytest.raises(NotFound, match="Check the address and the ids"):
        reviews.read_snapshot()
