"""Points in a column of the tool's own, on the simulated Canvas over a socket, with what can go wrong."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from lti_tool.bootstrap import build_application
from lti_tool.lti.grades import GRADE_SCOPES, LINE_ITEM, SCORE
from lti_tool.persistence.follow_up_rows import CreditPostRow
from lti_tool.planning.follow_up import Posting, ScoreState
from lti_tool.planning.ids import AssignmentId
from lti_tool.services import own_column
from lti_tool.services.errors import CreditChanged
from lti_tool.settings import Settings
from lti_tool.simulator.faults import FaultKind
from lti_tool.simulator.habits import Habits
from lti_tool.simulator.records import Assignment, Course, LineItem, Submission
from tests.integration.test_after_allocation import finish
from tests.integration.test_command_line import TOKEN, Terminal
from tests.own_column import open_tool_in
from tests.simulated import SimulatedCanvas, simulated_canvas

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


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


@pytest.fixture(autouse=True)
def no_long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_column, "WAIT_S", 0.01)


@pytest.fixture
def terminal(canvas: SimulatedCanvas, course: Course, essay: Assignment, tmp_path: Path) -> Terminal:
    """The class is allocated, a third of the reviews are done, and a teacher has opened the tool."""
    grant = canvas.state.make_personal_token(canvas.user("teacher").id)
    instance = tmp_path / "instance"
    found = Terminal(
        canvas,
        {
            "PEER_ALLOCATOR_INSTANCE": str(instance),
            "PEER_ALLOCATOR_ALLOW_HTTP_LOOPBACK": "true",
            "PEER_ALLOCATOR_LOG_LEVEL": "error",
            TOKEN: grant.token,
        },
    )
    found.run("connect", "--canvas", canvas.url, "--token-env", TOKEN)
    found.json("apply", found.plan(course, essay)["id"], "--wait")
    finish(canvas, essay, number=len(canvas.reviews(essay)) // 3)
    open_tool_in(canvas, course, instance)
    return found


def credit(terminal: Terminal, course: Course, essay: Assignment, *words: str, expect: int = 0) -> Any:
    where = terminal.where(course, essay)
    if expect:
        return terminal.run("credit", *where, "--target", "own", *words, expect=expect).output
    return terminal.json("credit", *where, "--target", "own", *words)


def the_column(canvas: SimulatedCanvas) -> LineItem:
    (item,) = canvas.state.line_items.values()
    return item


def rows(canvas: SimulatedCanvas) -> dict[str, Submission]:
    """Canvas's gradebook in the column, of everybody with a place there."""
    found = canvas.state.submissions_of(the_column(canvas).assignment_id)
    return {row.user_id: row for row in found if not row.deleted}


def calls(canvas: SimulatedCanvas, since: int) -> list[str]:
    """The last parts of what was sent to the services' writing addresses."""
    return [path.rpartition("/")[2] for method, path in canvas.writes()[since:] if "/api/lti/" in path]


def test_a_column_is_made_once_and_nobody_gets_an_attempt(
    terminal: Terminal, course: Course, essay: Assignment
) -> None:
    canvas = terminal.canvas
    before = len(canvas.writes())
    seen = credit(terminal, course, essay, "--points", "6")
    assert seen["target"] == "own"
    assert calls(canvas, before) == [], "a dry run makes no column"

    posted = credit(terminal, course, essay, "--post")
    due = {one["user"]: float(one["then"]) for one in seen["students"] if one["then"]}
    assert (posted["state"], posted["sent"], posted["not_taken"]) == ("done", len(due), {})
    column = the_column(canvas)
    assert (column.label, column.score_maximum) == (f"Peer reviews: {essay.name}", 6)
    assert {user: row.score for user, row in rows(canvas).items() if user in due} == due
    assert {row.attempt for row in rows(canvas).values()} == {None}

    before = len(canvas.writes())
    assert "already holds these points" in credit(terminal, course, essay, "--post", expect=2)
    assert calls(canvas, before) == [], "unchanged scores: no call"

    lucky = next(one for one in seen["students"] if one["done"] < one["assigned"])
    finish(canvas, essay, of=lucky["user"])
    before = len(canvas.writes())
    again = credit(terminal, course, essay, "--post")
    assert set(again["points"]) == {lucky["user"]}
    assert (again["sent"], again["unchanged"]) == (1, len(due) - 1)
    assert calls(canvas, before) == ["scores"]
    assert rows(canvas)[lucky["user"]].score == 6


def test_what_a_teacher_types_over_is_seen_and_a_deleted_column_made_again(
    terminal: Terminal, course: Course, essay: Assignment
) -> None:
    canvas = terminal.canvas
    credit(terminal, course, essay, "--points", "6", "--post")
    changed = rows(canvas)[next(iter(canvas.state.lti_results))[1]]
    changed.score, changed.grader_id = 2.5, canvas.user("teacher").id
    seen = credit(terminal, course, essay)
    (line,) = [one for one in seen["students"] if one["change"] == "change"]
    assert (line["user"], line["now"]) == (changed.user_id, "2.50")

    canvas.state.assignments[the_column(canvas).assignment_id].workflow_state = "deleted"
    posted = credit(terminal, course, essay, "--post")
    assert posted["sent"] == len([one for one in seen["students"] if one["then"]])
    assert len(canvas.state.line_items) == 2


def test_other_points_are_entered_in_proportion(
    terminal: Terminal, course: Course, essay: Assignment
) -> None:
    canvas = terminal.canvas
    credit(terminal, course, essay, "--points", "6", "--post")
    seen = credit(terminal, course, essay, "--points", "12")
    assert {one["change"] for one in seen["students"] if one["then"]} == {"same"}
    lucky = next(one for one in seen["students"] if one["done"] < one["assigned"])
    finish(canvas, essay, of=lucky["user"])
    credit(terminal, course, essay, "--post")
    assert rows(canvas)[lucky["user"]].score == the_column(canvas).score_maximum == 6


def test_answers_that_are_lost_do_no_harm(terminal: Terminal, course: Course, essay: Assignment) -> None:
    canvas = terminal.canvas
    for kind, times in (
        (FaultKind.DROP_AFTER, 1),
        (FaultKind.ERROR_500_AFTER, 1),
        (FaultKind.TRUNCATED, 1),
        (FaultKind.THROTTLED, 3),
    ):
        canvas.state.faults.plant(kind, method="POST", path="/scores$", times=times)
    posted = credit(terminal, course, essay, "--post")
    assert (posted["state"], posted["not_taken"]) == ("done", {})
    held = {user: row.score for user, row in rows(canvas).items() if row.score is not None}
    assert held == {user: float(points) for user, points in posted["points"].items()}


def test_a_lost_answer_to_the_column_itself_makes_no_second_one(
    terminal: Terminal, course: Course, essay: Assignment
) -> None:
    canvas = terminal.canvas
    canvas.state.faults.plant(FaultKind.DROP_AFTER, method="POST", path="/line_items$", times=1)
    assert "Nothing" not in credit(terminal, course, essay, "--post", expect=2)
    assert credit(terminal, course, essay, "--post")["state"] == "done"
    the_column(canvas)


def test_who_leaves_meanwhile_is_named_and_a_posting_outlives_its_process(
    terminal: Terminal, course: Course, essay: Assignment
) -> None:
    canvas = terminal.canvas
    seen = credit(terminal, course, essay)
    due = {one["user"] for one in seen["students"] if one["then"]}
    settings = Settings(
        instance=Path(terminal.environment["PEER_ALLOCATOR_INSTANCE"]), allow_http_loopback=True
    )
    application = build_application(settings)
    actor, wanted = application.actor(canvas.url, course.id), AssignmentId(essay.id)
    cases, columns = application.use_cases.crediting, application.own_columns
    view = cases.preview_credit(actor, wanted)
    posted = cases.post_credit(actor, wanted, view.fingerprint)
    assert (posted.state, canvas.state.line_items) == (Posting.RUNNING, {}), "handed to the workers"
    with pytest.raises(CreditChanged, match="at the moment"):
        cases.post_credit(actor, wanted, view.fingerprint)

    gone = min(due)
    canvas.state.drop(gone, course.id)
    assert columns.store.claim(posted.id, datetime.now(UTC)) is not None
    assert cases.carry_waiting() == 0, "another process carries it"
    with application.database.begin() as session:
        session.execute(update(CreditPostRow).values(claimed_until=LONG_AGO))
    assert cases.carry_waiting() == 1, "that process has died"
    (found,) = cases.credit_posts(actor, wanted)
    application.close()
    assert found.state is Posting.DONE
    assert {score.user: score.why for score in found.scores if score.why} == {gone: "refused"}
    assert {score.user for score in found.in_state(ScoreState.SENT)} == due - {gone}
    the_column(canvas)


def test_without_the_scopes_nothing_is_offered(terminal: Terminal, course: Course, essay: Assignment) -> None:
    instance = Path(terminal.environment["PEER_ALLOCATOR_INSTANCE"])
    open_tool_in(terminal.canvas, course, instance, scopes=(LINE_ITEM,))
    answer = credit(terminal, course, essay, expect=2)
    assert "scopes of Assignment and Grade Services" in answer

    open_tool_in(terminal.canvas, course, instance, scopes=(LINE_ITEM, SCORE))
    assert credit(terminal, course, essay, "--post")["state"] == "done"
    assert "already holds" in credit(terminal, course, essay, "--post", expect=2), "what Canvas confirmed"

    key = open_tool_in(terminal.canvas, course, instance, scopes=GRADE_SCOPES)
    key.enabled = False
    answer = credit(terminal, course, essay, "--post", expect=2)
    assert "LTI key is on" in answer
