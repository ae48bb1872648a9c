"""The peer reviews API of the simulated Canvas: every answer that a writer of reviews has to live with."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import requests

from lti_tool.simulator.courses import build_state
from lti_tool.simulator.records import Assignment, Course, EnrollmentState, Submission, User
from lti_tool.simulator.rest import peer_reviews
from lti_tool.simulator.state import CanvasState, StandingClock
from tests.contract.rest_server import (
    NOON,
    Caller,
    RestServer,
    assignment_called,
    course_called,
    person,
    serve,
    students_of,
    submission_of,
)


@dataclass
class Seminar:
    """The small course with its first essay, as the teacher."""

    server: RestServer
    state: CanvasState
    course: Course
    essay: Assignment
    students: list[User]
    teacher: Caller

    def path(self, author: User, *, assignment: Assignment | None = None) -> str:
        row = submission_of(self.state, self.essay, author)
        return self.path_of(row.id, assignment=assignment)

    def path_of(self, submission_id: str, *, assignment: Assignment | None = None) -> str:
        where = (assignment or self.essay).id
        return f"/courses/{self.course.id}/assignments/{where}/submissions/{submission_id}/peer_reviews"

    def post(self, author: User, reviewer: User | str, caller: Caller | None = None) -> requests.Response:
        user_id = reviewer if isinstance(reviewer, str) else reviewer.id
        return (caller or self.teacher)("POST", self.path(author), data={"user_id": user_id})

    def delete(self, author: User, reviewer: User, caller: Caller | None = None) -> requests.Response:
        return (caller or self.teacher)("DELETE", f"{self.path(author)}?user_id={reviewer.id}")

    def listed(self, caller: Caller | None = None) -> list[dict[str, object]]:
        answer = (caller or self.teacher).get(
            f"/courses/{self.course.id}/assignments/{self.essay.id}/peer_reviews"
        )
        assert answer.status_code == 200
        found = answer.json()
        assert isinstance(found, list)
        return found


@pytest.fixture
def seminar() -> Iterator[Seminar]:
    state = build_state(7, kinds=["small"], clock=StandingClock(NOON))
    with serve(state) as server:
        course = course_called(state, "WRIT-101")
        yield Seminar(
            server,
            state,
            course,
            assignment_called(state, course, "Essay 1"),
            students_of(state, course),
            server.login("teacher"),
        )


def message(answer: requests.Response) -> object:
    return answer.json()["errors"][0]["message"]


def test_create_answers_200_with_the_review(seminar: Seminar) -> None:
    reviewer, author = seminar.students[:2]
    answer = seminar.post(author, reviewer)
    assert answer.status_code == 200
    assert answer.json() == {
        "id": int(next(iter(seminar.state.requests))),
        "user_id": int(author.id),
        "assessor_id": int(reviewer.id),
        "asset_id": int(submission_of(seminar.state, seminar.essay, author).id),
        "asset_type": "Submission",
        "workflow_state": "assigned",
    }


def test_repeated_create_finds_the_same_review_and_mails_again(seminar: Seminar) -> None:
    reviewer, author = seminar.students[:2]
    first, second = seminar.post(author, reviewer), seminar.post(author, reviewer)
    assert first.json()["id"] == second.json()["id"]
    assert [(mail.to, mail.repeated) for mail in seminar.state.notifications] == [
        (reviewer.id, False),
        (reviewer.id, True),
    ]


def test_completed_review_stays_completed_and_mails_nobody(seminar: Seminar) -> None:
    reviewer, author = seminar.students[:2]
    seminar.state.complete_review(str(seminar.post(author, reviewer).json()["id"]))
    assert seminar.post(author, reviewer).json()["workflow_state"] == "completed"
    assert len(seminar.state.notifications) == 1


def test_unpublished_assignment_takes_reviews_without_mail(seminar: Seminar) -> None:
    seminar.essay.workflow_state = "unpublished"
    assert seminar.post(seminar.students[1], seminar.students[0]).status_code == 200
    assert seminar.state.notifications == []


def test_self_review_is_400_even_for_those_without_permission(seminar: Seminar) -> None:
    student = seminar.students[0]
    for caller in (seminar.teacher, seminar.server.as_user(student)):
        answer = seminar.post(student, student, caller)
        assert (answer.status_code, answer.json()) == (400, {"errors": {"base": "Create failed"}})


def test_second_delete_is_400_and_deletion_is_for_good(seminar: Seminar) -> None:
    reviewer, author = seminar.students[:2]
    made = seminar.post(author, reviewer).json()
    assert seminar.delete(author, reviewer).json() == made
    assert seminar.state.requests == {}
    again = seminar.delete(author, reviewer)
    assert (again.status_code, again.json()) == (400, {"errors": {"base": "Delete failed"}})


def test_delete_removes_a_completed_review_and_keeps_its_comment(seminar: Seminar) -> None:
    reviewer, author = seminar.students[:2]
    made = seminar.state.complete_review(str(seminar.post(author, reviewer).json()["id"]))
    answer = seminar.delete(author, reviewer)
    assert answer.json()["workflow_state"] == "completed"
    assert made.id not in seminar.state.requests
    assert len(submission_of(seminar.state, seminar.essay, author).comments) == 1
    anew = seminar.post(author, reviewer).json()
    assert (anew["workflow_state"], anew["id"] == int(made.id)) == ("assigned", False)


def test_user_id_in_place_of_submission_id_is_404(seminar: Seminar) -> None:
    reviewer, author = seminar.students[:2]
    answer = seminar.teacher("POST", seminar.path_of(author.id), data={"user_id": reviewer.id})
    assert (answer.status_code, message(answer)) == (404, "The specified resource does not exist.")


@pytest.mark.parametrize("reviewer", ["", "self", "999999", "not a number"])
def test_unknown_reviewer_is_404(seminar: Seminar, reviewer: str) -> None:
    assert seminar.post(seminar.students[0], reviewer).status_code == 404


def test_teacher_as_reviewer_is_404(seminar: Seminar) -> None:
    assert seminar.post(seminar.students[0], person(seminar.state, "teacher")).status_code == 404


def test_submission_of_another_assignment_is_404_for_writes_and_empty_for_reads(seminar: Seminar) -> None:
    other = assignment_called(seminar.state, seminar.course, "Reading journal")
    path = seminar.path(seminar.students[1], assignment=other)
    assert seminar.teacher("POST", path, data={"user_id": seminar.students[0].id}).status_code == 404
    read = seminar.teacher.get(path)
    assert (read.status_code, read.json()) == (200, [])


@pytest.mark.parametrize("state", [EnrollmentState.INACTIVE, EnrollmentState.COMPLETED])
def test_people_who_left_can_neither_get_nor_lose_reviews_but_are_listed(
    seminar: Seminar, state: EnrollmentState
) -> None:
    leaver, other, third = seminar.students[:3]
    seminar.post(other, leaver)
    seminar.post(leaver, other)
    seminar.state.drop(leaver.id, seminar.course.id, state=state)
    statuses = [
        seminar.post(third, leaver).status_code,
        seminar.post(leaver, third).status_code,
        seminar.delete(other, leaver).status_code,
        seminar.delete(leaver, other).status_code,
    ]
    assert statuses == [404, 404, 404, 404]
    assert len(seminar.listed()) == 2
    seminar.state.reinstate(leaver.id, seminar.course.id)
    assert seminar.delete(other, leaver).status_code == 200


def test_invited_and_test_students_count_as_students(seminar: Seminar) -> None:
    invited, author = seminar.students[:2]
    seminar.state.drop(invited.id, seminar.course.id, state=EnrollmentState.INVITED)
    test_student = next(user for user in seminar.state.users.values() if user.fake_student)
    assert seminar.post(author, invited).status_code == 200
    assert seminar.post(author, test_student).status_code == 200


@pytest.mark.parametrize("status", [401, 403])
def test_missing_permission_is_401_or_403_by_install_without_www_authenticate(
    seminar: Seminar, status: int
) -> None:
    seminar.state.habits.permission_status = 401 if status == 401 else 403
    reviewer, author = seminar.students[:2]
    seminar.post(author, reviewer)
    student = seminar.server.as_user(reviewer)
    for answer in (
        seminar.post(author, seminar.students[2], student),
        seminar.delete(author, reviewer, student),
    ):
        assert answer.status_code == status
        assert answer.json()["status"] == "unauthorized"
        assert "WWW-Authenticate" not in answer.headers
    assert len(seminar.state.requests) == 1


def test_demoted_teacher_is_refused(seminar: Seminar) -> None:
    teacher = person(seminar.state, "teacher")
    seminar.state.withheld[teacher.id, seminar.course.id] = {"manage_grades"}
    assert seminar.post(seminar.students[1], seminar.students[0]).status_code == 403


def test_concluded_course_takes_the_grading_right_away(seminar: Seminar) -> None:
    seminar.course.workflow_state = "completed"
    assert seminar.post(seminar.students[1], seminar.students[0]).status_code == 403


def test_peer_reviews_switched_off_and_nothing_submitted_do_not_matter(seminar: Seminar) -> None:
    draft = assignment_called(seminar.state, seminar.course, "Essay 2")
    draft.peer_reviews = False
    author, reviewer = seminar.students[:2]
    row = submission_of(seminar.state, draft, author)
    answer = seminar.teacher("POST", seminar.path_of(row.id, assignment=draft), data={"user_id": reviewer.id})
    assert answer.status_code == 200


def test_rubric_between_two_posts_makes_a_second_row_and_delete_takes_one_at_a_time(seminar: Seminar) -> None:
    reviewer, author = seminar.students[:2]
    seminar.state.attach_rubric(seminar.essay.id)
    first = seminar.post(author, reviewer).json()["id"]
    seminar.state.habits.rubric_removal = "nullify"
    seminar.state.attach_rubric(seminar.essay.id, "Another rubric")
    seminar.state.requests[str(first)].rubric_association_id = None
    second = seminar.post(author, reviewer).json()["id"]
    assert first != second
    statuses = [seminar.delete(author, reviewer).status_code for _ in range(3)]
    assert statuses == [200, 200, 400]


def test_attaching_a_rubric_reopens_completed_reviews(seminar: Seminar) -> None:
    reviewer, author = seminar.students[:2]
    seminar.state.complete_review(str(seminar.post(author, reviewer).json()["id"]))
    seminar.state.attach_rubric(seminar.essay.id)
    assert [row["workflow_state"] for row in seminar.listed()] == ["assigned"]


@pytest.mark.parametrize(("habit", "left"), [("nullify", 1), ("delete", 0)])
def test_removing_a_rubric_keeps_or_deletes_reviews_by_install(
    seminar: Seminar, habit: str, left: int
) -> None:
    seminar.state.habits.rubric_removal = "delete" if habit == "delete" else "nullify"
    seminar.state.attach_rubric(seminar.essay.id)
    seminar.post(seminar.students[1], seminar.students[0])
    seminar.state.detach_rubric(seminar.essay.id)
    assert len(seminar.listed()) == left


def test_list_is_one_answer_however_long(seminar: Seminar) -> None:
    for reviewer in seminar.students:
        for author in seminar.students:
            if author is not reviewer:
                seminar.state.assign_assessor(
                    submission_of(seminar.state, seminar.essay, author), reviewer.id
                )
    path = f"/courses/{seminar.course.id}/assignments/{seminar.essay.id}/peer_reviews?per_page=5&page=2"
    answer = seminar.teacher.get(path)
    assert len(answer.json()) == 132
    assert "Link" not in answer.headers


def test_shuffled_order_lists_the_same_rows(seminar: Seminar) -> None:
    for author in seminar.students[1:]:
        seminar.post(author, seminar.students[0])
    ordered = seminar.listed()
    seminar.state.habits.review_order = "shuffled"
    shuffled = seminar.listed()
    assert shuffled != ordered
    assert sorted(shuffled, key=lambda row: str(row["id"])) == ordered


def test_student_sees_reviews_of_own_work_only(seminar: Seminar) -> None:
    reviewer, author = seminar.students[:2]
    seminar.post(author, reviewer)
    assert seminar.listed(seminar.server.as_user(reviewer)) == []
    assert len(seminar.listed(seminar.server.as_user(author))) == 1


def test_outsider_gets_an_empty_list_and_no_error(seminar: Seminar) -> None:
    seminar.post(seminar.students[1], seminar.students[0])
    outsider = seminar.server.as_user(seminar.state.add_user("Nobody Known"))
    assert seminar.listed(outsider) == []
    assert seminar.post(seminar.students[1], seminar.students[2], outsider).status_code == 404


def test_anonymous_review_hides_the_reviewer_from_the_author(seminar: Seminar) -> None:
    reviewer, author = seminar.students[:2]
    seminar.essay.anonymous_peer_reviews = True
    seminar.state.complete_review(str(seminar.post(author, reviewer).json()["id"]))
    answer = seminar.server.as_user(author).get(
        f"{seminar.path(author)}?include[]=user&include[]=submission_comments"
    )
    (row,) = answer.json()
    assert "assessor_id" not in row
    assert "assessor" not in row
    (comment,) = row["submission_comments"]
    assert (comment["author_id"], comment["author_name"], comment["author"]) == (None, "Anonymous User", {})


def test_included_people_and_comments(seminar: Seminar) -> None:
    reviewer, author = seminar.students[:2]
    seminar.state.complete_review(str(seminar.post(author, reviewer).json()["id"]), comment="Clear.")
    (row,) = seminar.teacher.get(
        f"{seminar.path(author)}?include[]=user&include[]=submission_comments"
    ).json()
    assert (row["user"]["display_name"], row["assessor"]["display_name"]) == (author.name, reviewer.name)
    assert [comment["comment"] for comment in row["submission_comments"]] == ["Clear."]


def test_delete_ignores_include(seminar: Seminar) -> None:
    reviewer, author = seminar.students[:2]
    seminar.post(author, reviewer)
    answer = seminar.teacher("DELETE", f"{seminar.path(author)}?user_id={reviewer.id}&include[]=user")
    assert "user" not in answer.json()


def test_parallel_creates_can_make_two_rows_where_the_install_races(
    seminar: Seminar, monkeypatch: pytest.MonkeyPatch
) -> None:
    both_have_looked = threading.Barrier(2)
    monkeypatch.setattr(peer_reviews, "sleep", lambda _seconds: both_have_looked.wait(60))
    seminar.state.habits.race_window = 0.01
    reviewer, author = seminar.students[:2]
    callers = [seminar.server.login("teacher"), seminar.server.login("teacher")]
    threads = [threading.Thread(target=seminar.post, args=(author, reviewer, caller)) for caller in callers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seminar.listed()) == 2
    assert [mail.repeated for mail in seminar.state.notifications] == [False, False]


@pytest.fixture
def sociology() -> Iterator[tuple[RestServer, Course, Assignment, list[User]]]:
    state = build_state(7, kinds=["sections"], clock=StandingClock(NOON))
    with serve(state) as server:
        course = course_called(state, "SOC-110")
        essay = assignment_called(state, course, "Essay 1")
        yield server, course, essay, students_of(state, course)


def section_path(server: RestServer, section: str, row: Submission) -> str:
    return f"/sections/{section}/assignments/{row.assignment_id}/submissions/{row.id}/peer_reviews"


def test_section_limited_ta_lists_all_and_writes_only_inside_the_section(
    sociology: tuple[RestServer, Course, Assignment, list[User]],
) -> None:
    server, course, essay, students = sociology
    outside, inside = students[0], [students[3], students[7]]
    server.state.assign_assessor(submission_of(server.state, essay, outside), students[1].id)
    ta = server.login("section-ta")
    base = f"/courses/{course.id}/assignments/{essay.id}"
    assert len(ta.get(f"{base}/peer_reviews").json()) == 1

    def post(author: User, reviewer: User) -> int:
        row = submission_of(server.state, essay, author)
        path = f"{base}/submissions/{row.id}/peer_reviews"
        return ta("POST", path, data={"user_id": reviewer.id}).status_code

    assert post(inside[0], inside[1]) == 200
    assert post(inside[0], outside) == 404
    assert post(outside, inside[0]) == 404


def test_section_routes_filter_nothing(
    sociology: tuple[RestServer, Course, Assignment, list[User]],
) -> None:
    server, course, essay, students = sociology
    teacher = server.login("teacher")
    sections = server.state.sections_of(course.id)
    author, reviewer = students[0], students[1]
    row = submission_of(server.state, essay, author)
    far = section_path(server, sections[3].id, row)
    assert teacher("POST", far, data={"user_id": reviewer.id}).status_code == 200
    assert len(teacher.get(far).json()) == 1
    whole = f"/sections/{sections[2].id}/assignments/{essay.id}/peer_reviews"
    assert len(teacher.get(whole).json()) == 1
    assert teacher("DELETE", f"{far}?user_id={reviewer.id}").status_code == 200


def test_unassigned_author_is_404_and_an_unassigned_reviewer_is_fine(
    sociology: tuple[RestServer, Course, Assignment, list[User]],
) -> None:
    server, course, _, students = sociology
    task = assignment_called(server.state, course, "Interview")
    teacher = server.login("teacher")
    assigned, unassigned = students[0], students[2]
    row = submission_of(server.state, task, assigned)
    base = f"/courses/{course.id}/assignments/{task.id}/submissions"
    answer = teacher("POST", f"{base}/{row.id}/peer_reviews", data={"user_id": unassigned.id})
    assert answer.status_code == 200
    theirs = submission_of(server.state, task, unassigned)
    answer = teacher("POST", f"{base}/{theirs.id}/peer_reviews", data={"user_id": assigned.id})
    assert answer.status_code == 404
