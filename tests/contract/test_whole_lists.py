"""Half a list is no list: a class, submissions, groups or any paged list that comes short is never believed.

The lists are cut by a simulated Canvas in each way that was seen or can be: a proxy that removes the Link
header, a list that ends after half of its rows, an empty one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from inspect import getsource

import pytest

from lti_tool.canvas.client import CanvasClient, InCourse, InSection
from lti_tool.canvas.endpoints import ALL_SCOPES, MEMORY_SCOPES
from lti_tool.canvas.errors import IncompleteList, LinkMissing, ListsDisagree
from lti_tool.canvas.paging import Trail
from lti_tool.canvas.several_reader import SeveralAssignments
from lti_tool.canvas.transport import Limits, WireAnswer, WireRequest
from lti_tool.planning.ids import AssignmentId, CourseId, GroupId, SectionId, UserId
from lti_tool.planning.snapshot import Presence, Snapshot
from lti_tool.simulator.courses import build_state
from lti_tool.simulator.faults import FaultKind
from lti_tool.simulator.records import GradebookColumn
from lti_tool.simulator.state import Assignment, EnrollmentState
from tests.contract.test_canvas_client_on_simulator import Canvas
from tests.integration.canvas.servers import simulated_canvas, transport_to

CLASS, SUBMISSIONS = "/enrollments$", r"/assignments/\d+/submissions$"
CUTS = (FaultKind.NO_LINK, FaultKind.CUT_LIST, FaultKind.EMPTY_LIST)
FEW_SCOPES = [scope for scope in ALL_SCOPES if scope not in MEMORY_SCOPES]
"""A key that strips includes and has no list of several assignments: no count, no look-up of submissions."""


@pytest.fixture
def canvas() -> Iterator[Canvas]:
    """120 students of four sections, with three reviews each, in pages of 50."""
    state = build_state(11, kinds=["sections"])
    state.habits.per_page_max, state.habits.throttle_enabled = 50, False
    course = next(iter(state.courses.values()))
    essay = next(row for row in state.assignments_of(course.id) if row.peer_reviews)
    rows = sorted(state.submissions_of(essay.id), key=lambda row: int(row.user_id))
    rows = [row for row in rows if not state.users[row.user_id].fake_student]
    for place, row in enumerate(rows):
        for step in (1, 2, 3):
            state.assign_assessor(row, rows[(place + step) % len(rows)].user_id)
    with simulated_canvas(state) as origin, transport_to(origin, Limits()) as transport:
        yield Canvas(state, origin, transport)


def essay_of(canvas: Canvas) -> Assignment:
    return next(row for row in canvas.state.assignments_of(canvas.course("SOC").id) if row.peer_reviews)


def read(canvas: Canvas, login: str = "teacher", scopes: list[str] | None = None) -> Snapshot:
    return canvas.reviews(essay_of(canvas), login, scopes=scopes).read_snapshot()


@pytest.mark.parametrize("scopes", [None, FEW_SCOPES], ids=["all rights", "few scopes"])
@pytest.mark.parametrize("path", [CLASS, SUBMISSIONS])
@pytest.mark.parametrize("kind", CUTS)
def test_a_list_that_stays_short_gives_no_snapshot(
    canvas: Canvas, kind: FaultKind, path: str, scopes: list[str] | None
) -> None:
    canvas.state.faults.plant(kind, method="GET", path=path, times=10_000)
    with pytest.raises(IncompleteList):
        read(canvas, scopes=scopes)


@pytest.mark.parametrize("path", [CLASS, SUBMISSIONS])
@pytest.mark.parametrize("kind", [FaultKind.CUT_LIST, FaultKind.EMPTY_LIST])
def test_a_list_that_is_short_once_is_read_again(canvas: Canvas, kind: FaultKind, path: str) -> None:
    before = read(canvas)
    fault = canvas.state.faults.plant(kind, method="GET", path=path)
    assert read(canvas).fingerprint == before.fingerprint
    assert fault.spent


@pytest.mark.parametrize(
    ("kind", "path", "scopes", "said"),
    [
        (
            FaultKind.EMPTY_LIST,
            CLASS,
            FEW_SCOPES,
            "Canvas's lists don't agree. 121 students have a submission and aren't in the class list. "
            "The class list is empty, and 120 students review, are reviewed or are in a group.",
        ),
        (
            FaultKind.EMPTY_LIST,
            SUBMISSIONS,
            FEW_SCOPES,
            "Canvas's lists don't agree. Of 120 students 120 have no entry in the list of submissions of "
            "“Essay 1: a place you know”.",
        ),
        (
            FaultKind.EMPTY_LIST,
            SUBMISSIONS,
            None,
            "Canvas's lists don't agree. 120 students have submissions that the list of submissions of "
            "“Essay 1: a place you know” leaves out.",
        ),
    ],
)
def test_the_error_says_what_disagrees(
    canvas: Canvas, kind: FaultKind, path: str, scopes: list[str] | None, said: str
) -> None:
    canvas.state.faults.plant(kind, method="GET", path=path, times=10_000)
    with pytest.raises(ListsDisagree) as found:
        read(canvas, scopes=scopes)
    assert str(found.value.what_happened) == said
    assert str(found.value.what_to_do).startswith("Try again in a few minutes.")


def test_a_proxy_that_removes_the_link_header_is_named(canvas: Canvas) -> None:
    canvas.state.faults.plant(FaultKind.NO_LINK, method="GET", path=CLASS, times=10_000)
    with pytest.raises(LinkMissing) as found:
        read(canvas)
    assert "came without a Link header, so there may be more than these 50 rows." in str(found.value)
    assert str(found.value.what_to_do) == (
        "Something between this tool and Canvas, such as a proxy, removes the Link header. Ask the "
        "administrator to let it through."
    )


PAGED: dict[str, Callable[[CanvasClient, Canvas], object]] = {
    "assignments": lambda client, canvas: client.assignments(CourseId(canvas.course("SOC").id)),
    "sections": lambda client, canvas: client.sections(CourseId(canvas.course("SOC").id)),
    "enrollments": lambda client, canvas: client.enrollments(CourseId(canvas.course("SOC").id)),
    "users": lambda client, canvas: client.users(CourseId(canvas.course("SOC").id)),
    "contacts": lambda client, canvas: client.contacts(CourseId(canvas.course("SOC").id)),
    "group sets": lambda client, canvas: client.group_categories(CourseId(canvas.course("SOC").id)),
    "groups": lambda client, canvas: client.course_groups(CourseId(canvas.course("SOC").id)),
    "groups of a set": lambda client, canvas: client.groups_of_category(category(canvas)),
    "memberships": lambda client, canvas: client.memberships(GroupId(group(canvas))),
    "members": lambda client, canvas: client.group_users(GroupId(group(canvas))),
    "submissions": lambda client, canvas: client.submissions(
        InCourse(CourseId(canvas.course("SOC").id)), AssignmentId(essay_of(canvas).id)
    ),
    "submissions of a section": lambda client, canvas: client.submissions(
        InSection(section(canvas)), AssignmentId(essay_of(canvas).id)
    ),
    "submissions of several": lambda client, canvas: client.submissions_of_several(
        InCourse(CourseId(canvas.course("SOC").id)), [AssignmentId(essay_of(canvas).id)]
    ),
    "overrides": lambda client, canvas: client.overrides(
        CourseId(canvas.course("SOC").id), AssignmentId(essay_of(canvas).id)
    ),
    "gradebook columns": lambda client, canvas: client.gradebook_columns(CourseId(canvas.course("SOC").id)),
    "gradebook entries": lambda client, canvas: client.gradebook_entries(
        CourseId(canvas.course("SOC").id), list(canvas.state.gradebook_columns)[-1]
    ),
}


def category(canvas: Canvas) -> str:
    return next(row.id for row in canvas.state.group_categories.values() if row.name == "Small")


def group(canvas: Canvas) -> str:
    return next(row.id for row in canvas.state.groups.values() if row.name == "Everybody")


def section(canvas: Canvas) -> SectionId:
    rows = canvas.state.enrollments_of(canvas.course("SOC").id)
    return SectionId(next(row.section_id for row in rows if row.type == "StudentEnrollment"))


def fill(canvas: Canvas) -> None:
    """At least a page of everything that Canvas pages."""
    state, course = canvas.state, canvas.course("SOC")
    students = [row.user_id for row in state.enrollments_of(course.id) if row.type == "StudentEnrollment"]
    state.add_group(state.add_group_category(course, "Large"), "Everybody", students)
    large = state.add_group_category(course, "Small")
    essay = essay_of(canvas)
    for number in range(60):
        state.add_section(course, f"Extra {number}")
        state.add_group(large, f"Group {number}", ())
        state.add_group_category(course, f"Set {number}")
        state.add_assignment(course, f"Task {number}", at=state.now())
        state.add_override(essay, f"Override {number}").student_ids = []
        column = GradebookColumn(
            f"{71 + number}", course.id, f"Column {number}", dict.fromkeys(students, "1")
        )
        state.gradebook_columns[column.id] = column


@pytest.mark.parametrize("name", PAGED)
def test_no_paged_list_is_believed_without_its_link_header(canvas: Canvas, name: str) -> None:
    fill(canvas)
    client = canvas.client()
    whole = PAGED[name](client, canvas)
    assert len(whole) > 20  # type: ignore[arg-type]  # some list
    canvas.state.faults.plant(FaultKind.NO_LINK, method="GET", times=10_000)
    with pytest.raises(LinkMissing):
        PAGED[name](client, canvas)


def test_every_paged_list_of_the_client_is_in_the_table() -> None:
    source = getsource(CanvasClient)
    paged = source.count("self._calls.every(") - source.count("paged=False")
    looked_up = {"student_enrollments_of", "enrollments_of", "own_enrollments"}  # a few rows of one person
    sections_too = {"submissions of a section"}
    assert paged == len(PAGED) - len(sections_too) + len(looked_up)


def test_a_short_list_needs_no_link_header(canvas: Canvas) -> None:
    """Fewer rows than Canvas's smallest page are all there are."""
    canvas.state.faults.plant(FaultKind.NO_LINK, method="GET", path="/sections$", times=10_000)
    assert len(canvas.client().sections(CourseId(canvas.course("SOC").id))) == 4


def test_a_list_that_stops_before_the_page_that_canvas_calls_its_last_is_not_whole(canvas: Canvas) -> None:
    trail = Trail("https://c.example", WireRequest("GET", "/list"))
    page = "https://c.example/list?page="
    answer = WireAnswer(
        status=200,
        headers={"link": f'<{page}2>; rel="current",<{page}1>; rel="first",<{page}4>; rel="last"'},
        body=b"[]",
        url=f"{page}2",
    )
    with pytest.raises(IncompleteList, match=r"it stops at page 2 of 4"):
        trail.next_page(answer, 100)


# --- several assignments, groups ---------------------------------------------------------------------------


def test_several_assignments_are_held_against_the_class_list_too(canvas: Canvas) -> None:
    course = CourseId(canvas.course("SOC").id)
    wanted = [
        AssignmentId(row.id)
        for row in canvas.state.assignments_of(course)
        if row.peer_reviews and row.published
    ]
    several = SeveralAssignments(canvas.client(), canvas.origin, course)
    assert len(several.snapshots(wanted)) == len(wanted) > 1
    canvas.state.faults.plant(FaultKind.CUT_LIST, method="GET", path=CLASS, times=10_000)
    with pytest.raises(ListsDisagree):
        several.snapshots(wanted)


def test_an_assignment_that_its_list_lacks_is_asked_for_alone(canvas: Canvas) -> None:
    """Reviews of an earlier assignment count, though the list of assignments came without it."""
    course, essay = CourseId(canvas.course("SOC").id), AssignmentId(essay_of(canvas).id)
    several = SeveralAssignments(canvas.client(), canvas.origin, course)
    canvas.state.faults.plant(FaultKind.EMPTY_LIST, method="GET", path="/assignments$", times=10_000)
    (earlier,) = several.earlier([essay])
    assert len(earlier.pairs) == 360
    (gone,) = several.earlier([AssignmentId("424242")])
    assert gone.pairs == ()


def test_a_group_whose_members_come_short_gives_no_snapshot(canvas: Canvas) -> None:
    fill(canvas)
    canvas.state.faults.plant(FaultKind.EMPTY_LIST, method="GET", path="/memberships$", times=10_000)
    with pytest.raises(
        IncompleteList, match=r"Canvas counts 120 members in the group “Everybody” and lists 0\."
    ):
        read(canvas, scopes=FEW_SCOPES)


# --- left, not visible, unknown ----------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["inactive", "completed", "deleted", "rejected"])
@pytest.mark.parametrize("scopes", [None, FEW_SCOPES], ids=["all rights", "few scopes"])
def test_a_reviewer_who_leaves_in_any_way_has_left(
    canvas: Canvas, state: str, scopes: list[str] | None
) -> None:
    gone = read(canvas).people[5].id
    canvas.state.drop(gone, canvas.course("SOC").id, state=EnrollmentState(state))
    snapshot = read(canvas, scopes=scopes)
    assert snapshot.presence(gone) is Presence.LEFT
    assert snapshot.people_by_id[gone].name == canvas.state.users[gone].name


def test_a_reviewer_without_any_enrollment_is_looked_up_and_has_left(canvas: Canvas) -> None:
    """A section that is cross-listed elsewhere takes its enrollments along; the reviews stay."""
    gone = read(canvas).people[5].id
    for row in canvas.state.enrollments_of(canvas.course("SOC").id, gone):
        canvas.state.forget_enrollment(row)
    for assignment in canvas.state.assignments_of(canvas.course("SOC").id):
        canvas.state.refresh_submissions(assignment)
    snapshot = read(canvas)
    assert snapshot.presence(gone) is Presence.LEFT
    assert gone not in {person.id for person in snapshot.people}


def test_a_ta_of_one_section_calls_nobody_gone_whom_she_cannot_see(canvas: Canvas) -> None:
    snapshot = read(canvas, "section-ta")
    seen = {person.id for person in snapshot.people}
    others = {UserId(one.assessor) for one in snapshot.reviews} - seen
    assert 0 < len(seen) < 120
    assert {snapshot.presence(user) for user in others} == {Presence.NOT_VISIBLE}
    assert snapshot.left == ()


def test_nobody_is_called_gone_when_canvas_does_not_say_what_the_viewer_sees(canvas: Canvas) -> None:
    snapshot = replace(read(canvas, "section-ta"), sees_everybody=None)
    others = {one.assessor for one in snapshot.reviews} - {person.id for person in snapshot.people}
    assert {snapshot.presence(user) for user in others} == {Presence.UNKNOWN}
