"""Board, reminders and points on the simulated Canvas, through the command line, with what can go wrong."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from lti_tool.bootstrap import build_application
from lti_tool.persistence.follow_up_rows import CreditPostRow
from lti_tool.planning.follow_up import Posting
from lti_tool.planning.ids import AssignmentId
from lti_tool.services import crediting
from lti_tool.settings import Settings
from lti_tool.simulator.coursework import complete_review
from lti_tool.simulator.faults import FaultKind
from lti_tool.simulator.habits import Habits
from lti_tool.simulator.records import Assignment, Course
from tests.integration.test_command_line import TOKEN, Terminal
from tests.simulated import SimulatedCanvas, simulated_canvas


@pytest.fixture
def canvas() -> Iterator[SimulatedCanvas]:
    with simulated_canvas("small", habits=Habits(throttle_enabled=False)) as running:
        yield running


@pytest.fixture
def course(canvas: SimulatedCanvas) -> Course:
    return canvas.course("WRIT")


@pytest.fixture
def essay(canvas: SimulatedCanvas, course: Course) -> Assignment:
    return canvas.assignment(course, "Essay 1")


@pytest.fixture
def terminal(canvas: SimulatedCanvas, course: Course, essay: Assignment, tmp_path: Path) -> Terminal:
    """The class is allocated."""
    grant = canvas.state.make_personal_token(canvas.user("teacher").id)
    environment = {
        "PEER_ALLOCATOR_INSTANCE": str(tmp_path / "instance"),
        "PEER_ALLOCATOR_ALLOW_HTTP_LOOPBACK": "true",
        "PEER_ALLOCATOR_LOG_LEVEL": "error",
        TOKEN: grant.token,
    }
    found = Terminal(canvas, environment)
    found.run("connect", "--canvas", canvas.url, "--token-env", TOKEN)
    found.json("apply", found.plan(course, essay)["id"], "--wait")
    return found


def finish(canvas: SimulatedCanvas, essay: Assignment, *, of: str | None = None, number: int = 10**6) -> int:
    """Complete open reviews, of one reviewer or of all; gives how many."""
    wanted = [
        request.id
        for request in canvas.state.reviews_of(essay.id)
        if request.workflow_state == "assigned" and of in (None, request.assessor_id)
    ][:number]
    for request_id in wanted:
        complete_review(canvas.state, request_id, comment="Well argued.")
    return len(wanted)


def board(terminal: Terminal, course: Course, essay: Assignment, *words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = terminal.json("board", *terminal.where(course, essay), *words)["students"]
    return found


def test_the_board_says_what_canvas_holds(terminal: Terminal, course: Course, essay: Assignment) -> None:
    done = finish(terminal.canvas, essay, number=17)
    rows = board(terminal, course, essay)
    total = len(terminal.canvas.reviews(essay))
    assert sum(row["done"] for row in rows) == sum(row["received"] for row in rows) == done == 17
    assert sum(row["to_do"] for row in rows) == total - 17
    assert all(row["overdue"] == 0 for row in rows)
    terminal.run("follow-up", *terminal.where(course, essay), "--due", "2020-01-01T00:00+00:00")
    late = board(terminal, course, essay, "--standing", "overdue")
    assert sum(row["overdue"] for row in late) == total - 17


def test_the_board_of_the_course_adds_its_assignments(
    terminal: Terminal, course: Course, essay: Assignment
) -> None:
    canvas = terminal.canvas
    second = next(
        one for one in canvas.state.assignments_of(course.id) if one.published and one.id != essay.id
    )
    second.peer_reviews = True
    terminal.json("apply", terminal.plan(course, second)["id"], "--wait")
    finish(canvas, essay, number=4)
    found = terminal.json("board", "--canvas", canvas.url, "--course", course.id)
    assert {essay.id, second.id} <= set(found["assignments"])
    reviews = sum(len(canvas.reviews(one)) for one in (essay, second))
    assert sum(row["done"] + row["to_do"] for row in found["students"]) == reviews
    assert sum(row["done"] for row in found["students"]) == 4


def test_reminders_reach_those_who_owe_once(terminal: Terminal, course: Course, essay: Assignment) -> None:
    canvas, where = terminal.canvas, terminal.where(course, essay)
    lazy = {row["user"] for row in board(terminal, course, essay, "--standing", "owes")}
    diligent = min(lazy)
    finish(canvas, essay, of=diligent)

    seen = terminal.json("remind", *where)
    assert canvas.state.messages == [], "a dry run sends nothing"
    assert {user for message in seen["messages"] for user in message["to"]} == lazy - {diligent}

    sent = terminal.json("remind", *where, "--send")
    assert {message["state"] for message in sent["messages"]} == {"sent"}
    told = Counter(message.recipient_id for message in canvas.state.messages)
    assert told == Counter(lazy - {diligent})
    assert "Essay 1" in canvas.state.messages[0].subject

    again = terminal.run("remind", *where, "--send", expect=2)
    assert "Nobody is left to remind" in again.output
    assert len(canvas.state.messages) == len(told)


@pytest.mark.parametrize("kind", [FaultKind.DROP_AFTER, FaultKind.ERROR_500_AFTER])
def test_a_message_whose_answer_was_lost_is_not_sent_again(
    terminal: Terminal, course: Course, essay: Assignment, kind: FaultKind
) -> None:
    canvas, where = terminal.canvas, terminal.where(course, essay)
    canvas.state.faults.plant(kind, method="POST", path="/api/v1/conversations", times=1)
    sent = terminal.json("remind", *where, "--send")
    assert [message["state"] for message in sent["messages"]].count("sending") == 1
    terminal.run("remind", *where, "--send", expect=2)
    assert max(Counter(message.recipient_id for message in canvas.state.messages).values()) == 1


def test_a_refused_message_may_be_sent_later(terminal: Terminal, course: Course, essay: Assignment) -> None:
    canvas, where = terminal.canvas, terminal.where(course, essay)
    canvas.state.faults.plant(FaultKind.THROTTLED, method="POST", path="/api/v1/conversations", times=99)
    failed = terminal.json("remind", *where, "--send")
    assert {message["state"] for message in failed["messages"]} == {"failed"}
    canvas.state.faults.clear()
    sent = terminal.json("remind", *where, "--send")
    assert {message["state"] for message in sent["messages"]} == {"sent"}


def test_points_equal_what_was_done_and_only_changes_are_sent(
    terminal: Terminal, course: Course, essay: Assignment
) -> None:
    canvas = terminal.canvas
    column = canvas.assignment(course, "Essay 2")
    where = [*terminal.where(course, essay), "--target", column.id]
    finish(canvas, essay, number=20)
    before = len(canvas.writes())
    seen = terminal.json("credit", *where, "--points", "6")
    assert len(canvas.writes()) == before, "a dry run sends nothing"

    posted = terminal.json("credit", *where, "--post")
    assert posted["state"] == "done"
    scores = {row.user_id: row.score for row in canvas.state.submissions_of(column.id)}
    for student in seen["students"]:
        if student["assigned"]:
            assert scores[student["user"]] == pytest.approx(
                6 * student["done"] / student["assigned"], abs=0.005
            )
    assert len(canvas.writes()) == before + 1

    nothing = terminal.run("credit", *where, "--post", expect=2)
    assert "already holds these points" in nothing.output
    lucky = next(student for student in seen["students"] if student["done"] < student["assigned"])
    finish(canvas, essay, of=lucky["user"])
    more = terminal.json("credit", *where, "--post")
    assert set(more["points"]) == {lucky["user"]}
    assert len(canvas.writes()) == before + 2


def test_a_posting_of_several_jobs_is_over_when_each_of_them_is(
    terminal: Terminal, course: Course, essay: Assignment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crediting, "STUDENTS_PER_CALL", 5)
    canvas, instance = terminal.canvas, Path(terminal.environment["PEER_ALLOCATOR_INSTANCE"])
    terminal.run(
        "credit", *terminal.where(course, essay), "--target", canvas.assignment(course, "Essay 2").id
    )
    application = build_application(Settings(instance=instance, allow_http_loopback=True))
    actor, wanted = application.actor(canvas.url, course.id), AssignmentId(essay.id)
    cases = application.use_cases.crediting
    cases.post_credit(actor, wanted, cases.preview_credit(actor, wanted).fingerprint)
    first, *others = canvas.state.progresses.values()
    assert len(others) == 2, "12 students, 5 in a call"

    def state_when_the_first_is(first_job: str) -> Posting:
        with application.database.begin() as session:
            jobs = json.dumps(dict.fromkeys(canvas.state.progresses, Posting.RUNNING))
            session.execute(update(CreditPostRow).values(state=Posting.RUNNING, jobs=jobs))
        first.workflow_state = first_job
        return cases.credit_posts(actor, wanted)[0].state

    assert state_when_the_first_is("running") is Posting.RUNNING, "the last alone says nothing"
    assert state_when_the_first_is("failed") is Posting.FAILED
    assert state_when_the_first_is("completed") is Posting.DONE
    application.close()


def test_the_reviewed_assignment_itself_gets_no_points(
    terminal: Terminal, course: Course, essay: Assignment
) -> None:
    answer = terminal.run("credit", *terminal.where(course, essay), "--target", essay.id, expect=2)
    assert "overwrite the points of the reviewed work" in answer.output


def test_the_gradebook_file_has_canvas_s_form(
    terminal: Terminal, course: Course, essay: Assignment, tmp_path: Path
) -> None:
    finish(terminal.canvas, essay, number=5)
    file = tmp_path / "gradebook.csv"
    seen = terminal.json("credit", *terminal.where(course, essay), "--gradebook", str(file))
    header, possible, *rows = csv.reader(io.StringIO(file.read_text(encoding="utf-8-sig")))
    assert header[:5] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
    assert possible[0].strip() == "Points Possible"
    assert float(possible[5]) == 10
    points = {row[1]: float(row[5]) for row in rows}
    assert points == {one["user"]: float(one["then"]) for one in seen["students"] if one["then"]}


def test_a_student_who_left_is_not_reminded(terminal: Terminal, course: Course, essay: Assignment) -> None:
    from lti_tool.simulator.coursework import set_student_state
    from lti_tool.simulator.records import EnrollmentState

    gone = board(terminal, course, essay, "--standing", "owes")[0]["user"]
    set_student_state(terminal.canvas.state, gone, course.id, EnrollmentState.INACTIVE)
    seen = json.loads(terminal.run("remind", *terminal.where(course, essay), "--format", "json").stdout)
    assert gone not in [user for message in seen["messages"] for user in message["to"]]
    assert seen["left_alone"][gone] == "left_course"
    holes = board(terminal, course, essay, "--standing", "holes")
    assert sum(row["lost"] for row in holes) == 3
