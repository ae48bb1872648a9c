"""Reading from the simulated Canvas: tokens, scopes, paging, people, groups, submissions."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lti_tool.simulator.access import DeveloperKey
from lti_tool.simulator.courses import build_state
from lti_tool.simulator.records import EnrollmentState
from lti_tool.simulator.state import StandingClock
from tests.contract.rest_server import (
    NOON,
    Caller,
    RestServer,
    assignment_called,
    course_called,
    links,
    person,
    serve,
    students_of,
    submission_of,
    walk,
)

STRING_IDS = "application/json+canvas-string-ids"


@pytest.fixture
def canvas() -> Iterator[RestServer]:
    """Small, sections and awkward courses at a standing noon."""
    state = build_state(7, kinds=["small", "sections", "awkward"], clock=StandingClock(NOON))
    with serve(state) as server:
        yield server


# --- tokens and scopes -----------------------------------------------------------------------------------


def test_no_token_is_unauthenticated(canvas: RestServer) -> None:
    answer = canvas.with_token(None).get("/courses")
    assert (answer.status_code, answer.json()["status"]) == (401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="canvas-lms"'


@pytest.mark.parametrize(("texts", "expected"), [("plain", "Invalid"), ("specific", "Expired")])
def test_expired_token_is_401_with_www_authenticate(canvas: RestServer, texts: str, expected: str) -> None:
    canvas.state.habits.token_error_texts = "specific" if texts == "specific" else "plain"
    key = canvas.state.add_key(DeveloperKey("10", "secret", "tool", "api"))
    grant = canvas.state.issue_grant(person(canvas.state, "teacher").id, key.client_id)
    caller = canvas.with_token(grant.token)
    assert caller.get("/users/self").status_code == 200
    canvas.state.clock.advance(3_601)
    answer = caller.get("/users/self")
    assert (answer.status_code, answer.json()["errors"][0]["message"]) == (401, f"{expected} access token.")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="canvas-lms"'


def test_refresh_kills_the_old_token_at_once(canvas: RestServer) -> None:
    canvas.state.add_key(DeveloperKey("10", "secret", "tool", "api"))
    grant = canvas.state.issue_grant(person(canvas.state, "teacher").id, "10")
    old, refresh = canvas.with_token(grant.token), grant.refresh_token
    assert refresh is not None
    found = canvas.state.find_refresh_grant(refresh)
    assert found is grant
    canvas.state.refresh_grant(grant)
    assert old.get("/users/self").status_code == 401
    assert canvas.with_token(grant.token).get("/users/self").status_code == 200
    canvas.state.revoke_grant(grant)
    assert canvas.with_token(grant.token).get("/users/self").status_code == 401
    assert canvas.state.find_refresh_grant(refresh) is None


def test_disabled_key_makes_the_token_invalid(canvas: RestServer) -> None:
    key = canvas.state.add_key(DeveloperKey("10", "secret", "tool", "api", enabled=False))
    grant = canvas.state.issue_grant(person(canvas.state, "teacher").id, key.client_id)
    answer = canvas.with_token(grant.token).get("/users/self")
    assert (answer.status_code, "WWW-Authenticate" in answer.headers) == (401, True)


def scoped_caller(canvas: RestServer, *scopes: str, allow_includes: bool = False) -> Caller:
    canvas.state.add_key(
        DeveloperKey("10", "s", "tool", "api", require_scopes=True, allow_includes=allow_includes)
    )
    grant = canvas.state.issue_grant(person(canvas.state, "teacher").id, "10", scopes=scopes)
    return canvas.with_token(grant.token)


def test_missing_scope_is_a_401_that_no_refresh_cures(canvas: RestServer) -> None:
    course = course_called(canvas.state, "WRIT-101")
    essay = assignment_called(canvas.state, course, "Essay 1")
    read_one = "url:GET|/api/v1/courses/:course_id/assignments/:id"
    caller = scoped_caller(canvas, "url:GET|/api/v1/courses/:id", read_one)
    assert caller.get(f"/courses/{course.id}").status_code == 200
    refused = caller.get(f"/courses/{course.id}/sections")
    assert refused.status_code == 401
    assert refused.json()["errors"][0]["message"] == "Insufficient scopes on access token."
    assert "WWW-Authenticate" not in refused.headers
    path = f"/courses/{course.id}/assignments/{essay.id}"
    assert caller.get(path).status_code == 200
    assert caller("PUT", path, data={"assignment[peer_reviews]": "0"}).status_code == 401
    assert caller.get(f"{path}/peer_reviews").status_code == 401


@pytest.mark.parametrize("allowed", [False, True])
def test_enforced_scopes_strip_includes_unless_the_key_allows_them(canvas: RestServer, allowed: bool) -> None:
    course = course_called(canvas.state, "WRIT-101")
    scope = "url:GET|/api/v1/courses/:course_id/sections"
    caller = scoped_caller(canvas, scope, allow_includes=allowed)
    (section,) = caller.get(f"/courses/{course.id}/sections?include[]=total_students").json()
    assert ("total_students" in section) is allowed


def test_outsider_is_refused_and_an_unknown_course_is_not_found(canvas: RestServer) -> None:
    outsider = canvas.as_user(canvas.state.add_user("Nobody Known"))
    course = course_called(canvas.state, "WRIT-101")
    assert outsider.get(f"/courses/{course.id}").status_code == 403
    canvas.state.habits.error_report_id = True
    missing = outsider.get("/courses/424242")
    assert missing.status_code == 404
    assert "error_report_id" in missing.json()
    assert outsider.get("/no/such/route").status_code == 404


def test_only_admins_act_for_others_and_the_refusal_is_a_bare_string(canvas: RestServer) -> None:
    student = students_of(canvas.state, course_called(canvas.state, "WRIT-101"))[0]
    path = f"/users/self?as_user_id={student.id}"
    assert canvas.login("admin").get(path).json()["name"] == student.name
    refused = canvas.login("teacher").get(path)
    assert (refused.status_code, refused.json()) == (401, {"errors": "Invalid as_user_id"})


# --- paging and ids --------------------------------------------------------------------------------------


def test_link_header_is_absolute_and_keeps_the_query(canvas: RestServer) -> None:
    course = course_called(canvas.state, "SOC-110")
    path = f"/courses/{course.id}/users?enrollment_type[]=student&include[]=test_student&per_page=50&page=2"
    found = links(canvas.login("teacher").get(path))
    assert list(found) == ["current", "next", "prev", "first", "last"]
    start = f"{canvas.base_url}/api/v1/courses/{course.id}/users?"
    query = "enrollment_type%5B%5D=student&include%5B%5D=test_student"
    assert found["next"] == f"{start}{query}&page=3&per_page=50"
    assert found["last"] == f"{start}{query}&page=3&per_page=50"
    assert found["prev"] == f"{start}{query}&page=1&per_page=50"


def test_links_never_repeat_a_token_given_in_the_address(canvas: RestServer) -> None:
    course = course_called(canvas.state, "SOC-110")
    token = canvas.state.make_personal_token(person(canvas.state, "teacher").id).token
    answer = canvas.with_token(None).get(f"/courses/{course.id}/users?access_token={token}")
    assert links(answer).keys() == {"current", "next", "first", "last"}
    assert "access_token" not in answer.headers["Link"]


def test_parameter_given_twice_counts_the_last_time(canvas: RestServer) -> None:
    course = course_called(canvas.state, "SOC-110")
    answer = canvas.login("teacher").get(f"/courses/{course.id}/enrollments?per_page=5&per_page=7")
    assert len(answer.json()) == 7


def test_pages_default_to_10_stop_at_the_maximum_and_end_in_empty_lists(canvas: RestServer) -> None:
    course = course_called(canvas.state, "SOC-110")
    teacher = canvas.login("teacher")
    path = f"/courses/{course.id}/users"
    assert len(teacher.get(path).json()) == 10
    assert len(teacher.get(f"{path}?per_page=5000").json()) == 100
    beyond = teacher.get(f"{path}?page=99")
    assert (beyond.status_code, beyond.json()) == (200, [])


@pytest.mark.parametrize("opaque", [False, True])
def test_following_next_finds_everybody_once(canvas: RestServer, opaque: bool) -> None:
    canvas.state.habits.opaque_paging = opaque
    course = course_called(canvas.state, "SOC-110")
    rows = walk(
        canvas.login("teacher"), f"/courses/{course.id}/enrollments?type[]=StudentEnrollment&per_page=7"
    )
    assert len(rows) == len({row["id"] for row in rows}) == 120


@pytest.mark.parametrize("opaque", [False, True])
def test_enrollments_have_no_page_numbers_and_no_last_page(canvas: RestServer, opaque: bool) -> None:
    canvas.state.habits.opaque_paging = opaque
    course = course_called(canvas.state, "SOC-110")
    teacher = canvas.login("teacher")
    found = links(teacher.get(f"/courses/{course.id}/enrollments"))
    assert list(found) == ["current", "next", "first"]
    assert "page=bookmark%3A" in found["next"]
    for page in ("2", "bookmark:zzzz", "bookmark:", "rowdy"):
        assert teacher.get(f"/courses/{course.id}/enrollments?page={page}").status_code == 404


def test_opaque_pages_have_no_last_and_cannot_be_guessed(canvas: RestServer) -> None:
    canvas.state.habits.opaque_paging = True
    course = course_called(canvas.state, "SOC-110")
    teacher = canvas.login("teacher")
    assert list(links(teacher.get(f"/courses/{course.id}/users"))) == ["current", "next", "first"]
    for page in ("2", "bookmark:zzzz", "bookmark:", "rowdy"):
        assert teacher.get(f"/courses/{course.id}/users?page={page}").status_code == 404


def test_a_row_that_vanishes_pushes_nobody_over_the_border_of_a_bookmark(canvas: RestServer) -> None:
    course = course_called(canvas.state, "SOC-110")
    teacher = canvas.login("teacher")
    path = f"/courses/{course.id}/enrollments?type[]=StudentEnrollment&state[]=active&per_page=50"
    first = teacher.get(path)
    canvas.state.drop(str(first.json()[0]["user_id"]), course.id, state=EnrollmentState.DELETED)
    second = teacher.get(links(first)["next"])
    third = teacher.get(links(second)["next"])
    rows = [row["id"] for page in (first, second, third) for row in page.json()]
    assert len(rows) == len(set(rows)) == 120


def test_a_deleted_enrollment_is_listed_where_it_is_asked_for(canvas: RestServer) -> None:
    course = course_called(canvas.state, "WRIT-101")
    teacher = canvas.login("teacher")
    path = f"/courses/{course.id}/enrollments?type[]=StudentEnrollment"
    gone = str(teacher.get(path).json()[0]["user_id"])
    canvas.state.drop(gone, course.id, state=EnrollmentState.DELETED)
    assert gone not in {str(row["user_id"]) for row in walk(teacher, path)}
    (row,) = teacher.get(f"{path}&state[]=deleted").json()
    assert (str(row["user_id"]), row["enrollment_state"]) == (gone, "deleted")


def test_a_look_up_of_one_person_is_not_narrowed_to_the_callers_sections(canvas: RestServer) -> None:
    course = course_called(canvas.state, "SOC-110")
    ta = canvas.login("section-ta")
    path = f"/courses/{course.id}/enrollments?type[]=StudentEnrollment&per_page=100"
    seen = {row["user_id"] for row in walk(ta, path)}
    other = next(row["user_id"] for row in walk(canvas.login("teacher"), path) if row["user_id"] not in seen)
    (row,) = ta.get(f"{path}&user_id={other}").json()
    assert row["user_id"] == other


def test_a_page_of_users_can_be_short_and_still_go_on(canvas: RestServer) -> None:
    course = course_called(canvas.state, "WRIT-101")
    teacher = canvas.login("teacher")
    path = f"/courses/{course.id}/users?enrollment_type[]=student&per_page=1"
    sizes = []
    url: str | None = path
    while url:
        answer = teacher.get(url)
        sizes.append(len(answer.json()))
        url = links(answer).get("next")
    assert sizes.count(0) == 1
    assert sum(sizes) == 12
    with_test_student = f"/courses/{course.id}/users?enrollment_type[]=student&include[]=test_student"
    assert len(walk(teacher, with_test_student)) == 13


def test_string_ids_reach_every_depth(canvas: RestServer) -> None:
    course = course_called(canvas.state, "RHET-7")
    teacher = canvas.login("teacher")
    path = f"/courses/{course.id}/enrollments?include[]=group_ids&per_page=100"
    plain = teacher.get(path).json()
    text = teacher.get(path, Accept=STRING_IDS).json()
    assert max(row["user_id"] for row in plain) > 2**53
    for number, string in zip(plain, text, strict=True):
        assert string["user"]["id"] == str(number["user"]["id"])
        assert string["user"]["group_ids"] == [str(group) for group in number["user"]["group_ids"]]
        assert string["course_section_id"] == str(number["course_section_id"])
        assert string["associated_user_id"] is None


def test_short_global_form_of_an_id_is_accepted(canvas: RestServer) -> None:
    course = course_called(canvas.state, "RHET-7")
    local = int(course.id) % 10**13
    answer = canvas.login("teacher").get(f"/courses/1043~{local}")
    assert answer.json()["id"] == int(course.id)


# --- courses and people ----------------------------------------------------------------------------------


def test_course_flags_and_permissions(canvas: RestServer) -> None:
    awkward = course_called(canvas.state, "RHET-7")
    teacher, student = canvas.login("teacher"), canvas.as_user(students_of(canvas.state, awkward)[0])
    flags = teacher.get(f"/courses/{awkward.id}/features/enabled").json()
    assert flags == ["peer_review_allocation_and_grading"]
    path = f"/courses/{awkward.id}/permissions?permissions[]=manage_grades&permissions[]=read&permissions[]=x"
    assert teacher.get(path).json() == {"manage_grades": True, "read": True, "x": False}
    assert student.get(path).json() == {"manage_grades": False, "read": True, "x": False}


def test_own_courses(canvas: RestServer) -> None:
    teacher = canvas.login("teacher")
    assert [row["course_code"] for row in teacher.get("/courses").json()] == ["WRIT-101", "SOC-110", "RHET-7"]


def test_enrollments_have_a_row_per_section_and_inactive_people_only_for_teachers(canvas: RestServer) -> None:
    course = course_called(canvas.state, "RHET-7")
    in_two = students_of(canvas.state, course)[0]
    teacher = canvas.login("teacher")
    path = f"/courses/{course.id}/enrollments?type[]=StudentEnrollment&per_page=100"
    rows = walk(teacher, path)
    assert sum(row["user_id"] == int(in_two.id) for row in rows) == 2
    assert {row["enrollment_state"] for row in rows} == {"active", "invited", "inactive"}
    student_rows = walk(canvas.as_user(in_two), path)
    assert {row["enrollment_state"] for row in student_rows} == {"active", "invited"}
    only_active = walk(teacher, f"{path}&state[]=active")
    assert {row["enrollment_state"] for row in only_active} == {"active"}
    student_user = student_rows[0]["user"]
    assert isinstance(student_user, dict)
    assert "login_id" not in student_user


def test_section_limited_ta_sees_one_section(canvas: RestServer) -> None:
    course = course_called(canvas.state, "SOC-110")
    ta = canvas.login("section-ta")
    essay = assignment_called(canvas.state, course, "Essay 1")
    assert len(ta.get(f"/courses/{course.id}/sections").json()) == 1
    assert len(walk(ta, f"/courses/{course.id}/users?enrollment_type[]=student&per_page=50")) == 30
    submissions = walk(ta, f"/courses/{course.id}/assignments/{essay.id}/submissions?per_page=50")
    assert len(submissions) == 31  # the Test Student too


def test_groups_memberships_and_people_without_group(canvas: RestServer) -> None:
    course = course_called(canvas.state, "RHET-7")
    teacher = canvas.login("teacher")
    (category,) = teacher.get(f"/courses/{course.id}/group_categories").json()
    groups = teacher.get(f"/group_categories/{category['id']}/groups").json()
    assert [row["members_count"] for row in groups] == [5, 4, 3, 2, 1]
    assert "users" not in groups[0]
    with_users = teacher.get(f"/courses/{course.id}/groups?include[]=users").json()
    memberships = teacher.get(f"/groups/{groups[0]['id']}/memberships?filter_states[]=accepted").json()
    assert [row["user_id"] for row in memberships] == [user["id"] for user in with_users[0]["users"]]
    users = teacher.get(f"/groups/{groups[0]['id']}/users").json()
    assert {user["id"] for user in users} == {row["user_id"] for row in memberships}
    alone = walk(teacher, f"/group_categories/{category['id']}/users?unassigned=true")
    assert len(alone) == 1  # the invited student; inactive and concluded ones do not count


def test_student_may_not_list_group_sets_or_submissions(canvas: RestServer) -> None:
    course = course_called(canvas.state, "RHET-7")
    essay = assignment_called(canvas.state, course, "Essay")
    student = canvas.as_user(students_of(canvas.state, course)[0])
    for path in ("group_categories", f"assignments/{essay.id}/submissions"):
        answer = student.get(f"/courses/{course.id}/{path}")
        assert (answer.status_code, answer.json()["status"]) == (403, "unauthorized")


# --- submissions -----------------------------------------------------------------------------------------


def test_submissions_of_the_awkward_essay(canvas: RestServer) -> None:
    course = course_called(canvas.state, "RHET-7")
    essay = assignment_called(canvas.state, course, "Essay")
    rows = walk(
        canvas.login("teacher"), f"/courses/{course.id}/assignments/{essay.id}/submissions?per_page=100"
    )
    people = {row["user_id"] for row in rows}
    assert people.isdisjoint(row["id"] for row in rows)
    assert [row["user_id"] for row in rows] == sorted(people, key=str)
    gone = {
        int(row.user_id)
        for row in canvas.state.enrollments_of(course.id)
        if row.state in (EnrollmentState.INACTIVE, EnrollmentState.COMPLETED)
    }
    assert people.isdisjoint(gone)
    invited = next(
        row for row in canvas.state.enrollments_of(course.id) if row.state is EnrollmentState.INVITED
    )
    assert int(invited.user_id) in people
    (excused,) = (row for row in rows if row["excused"])
    assert (excused["workflow_state"], excused["submission_type"], excused["missing"]) == (
        "graded",
        None,
        False,
    )
    late = [row for row in rows if row["late"]]
    assert [row["seconds_late"] for row in late] == [30 * 3600] * 2
    unsubmitted = [row for row in rows if row["workflow_state"] == "unsubmitted"]
    assert all(row["missing"] and row["submitted_at"] is None for row in unsubmitted)
    assert len(unsubmitted) == 3  # one student, the invited one, the Test Student
    by_hand = [row for row in rows if row["score"] is not None]
    assert [(row["workflow_state"], row["submission_type"]) for row in by_hand] == [("graded", None)]
    assert all(str(row["cached_due_date"]).endswith("Z") for row in rows)


def test_section_route_of_submissions_does_filter(canvas: RestServer) -> None:
    course = course_called(canvas.state, "SOC-110")
    essay = assignment_called(canvas.state, course, "Essay 1")
    section = canvas.state.sections_of(course.id)[1]
    path = f"/sections/{section.id}/assignments/{essay.id}/submissions?per_page=100"
    assert len(walk(canvas.login("teacher"), path)) == 31


def test_visibility_include_answers_everything_without_link(canvas: RestServer) -> None:
    course = course_called(canvas.state, "SOC-110")
    essay = assignment_called(canvas.state, course, "Essay 1")
    path = f"/courses/{course.id}/assignments/{essay.id}/submissions?include[]=visibility&per_page=5"
    answer = canvas.login("teacher").get(path)
    assert (len(answer.json()), "Link" in answer.headers) == (121, False)


def test_unassigned_students_have_no_row(canvas: RestServer) -> None:
    course = course_called(canvas.state, "SOC-110")
    task = assignment_called(canvas.state, course, "Interview")
    path = f"/courses/{course.id}/assignments/{task.id}/submissions?per_page=100"
    teacher = canvas.login("teacher")
    assert len(walk(teacher, path)) == 61
    first, _ = canvas.state.overrides_of(task.id)
    del canvas.state.overrides[first.id]
    canvas.state.refresh_submissions(task)
    assert len(walk(teacher, path)) == 31


def test_restored_student_gets_the_same_submission_back(canvas: RestServer) -> None:
    course = course_called(canvas.state, "WRIT-101")
    essay = assignment_called(canvas.state, course, "Essay 1")
    student = students_of(canvas.state, course)[0]
    before = submission_of(canvas.state, essay, student).id
    canvas.state.drop(student.id, course.id, state=EnrollmentState.DELETED)
    path = f"/courses/{course.id}/assignments/{essay.id}/submissions/{student.id}"
    teacher = canvas.login("teacher")
    assert teacher.get(path).status_code == 404
    canvas.state.reinstate(student.id, course.id)
    assert teacher.get(path).json()["id"] == int(before)


def test_fields_can_be_cut_and_groups_included(canvas: RestServer) -> None:
    course = course_called(canvas.state, "RHET-7")
    project = assignment_called(canvas.state, course, "Group speech")
    base = f"/courses/{course.id}/assignments/{project.id}/submissions?per_page=100"
    teacher = canvas.login("teacher")
    rows = walk(teacher, f"{base}&include[]=group&exclude_response_fields[]=body")
    assert all("body" not in row for row in rows)
    names = [row["group"]["name"] for row in rows if isinstance(row["group"], dict)]
    assert names.count("Project group 1") == 5
    assert names.count(None) >= 1
    grouped = walk(teacher, f"{base}&grouped=true")
    assert len(grouped) == 5 + 2  # five groups; the invited and the Test Student stand alone
