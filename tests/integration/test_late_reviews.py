"""Deduction for late reviews on the simulated Canvas: only what the tool saw open after the date is late."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lti_tool.bootstrap import Application, build_application
from lti_tool.planning.ids import AssignmentId
from lti_tool.planning.schedule import ScheduleKind, ScheduleOutcome
from lti_tool.services.errors import CreditChanged
from lti_tool.settings import Settings
from lti_tool.simulator.coursework import attach_rubric
from lti_tool.simulator.records import Assignment, Course
from tests.integration.test_after_allocation import canvas, course, essay, finish, terminal
from tests.integration.test_command_line import Terminal

__all__ = ["canvas", "course", "essay", "terminal"]

PAST = (datetime.now(UTC) - timedelta(hours=2)).isoformat()
AHEAD = (datetime.now(UTC) + timedelta(days=2)).isoformat()


@pytest.fixture
def application(terminal: Terminal) -> Iterator[Application]:
    instance = Path(terminal.environment["PEER_ALLOCATOR_INSTANCE"])
    made = build_application(Settings(instance=instance, allow_http_loopback=True))
    yield made
    made.close()


def due(terminal: Terminal, course: Course, essay: Assignment, when: str) -> None:
    terminal.run("follow-up", *terminal.where(course, essay), "--due", when)


def points(terminal: Terminal, course: Course, essay: Assignment, *words: str) -> Any:
    found = terminal.json("credit", *terminal.where(course, essay), "--points", "12", *words)
    return found | {"students": {one["user"]: one for one in found["students"]}}


def test_what_was_open_after_the_date_is_late_and_the_rest_is_not(
    terminal: Terminal, course: Course, essay: Assignment
) -> None:
    canvas = terminal.canvas
    lazy, quick = sorted({one.assessor_id for one in canvas.state.reviews_of(essay.id)})[:2]
    finish(canvas, essay, of=quick)
    due(terminal, course, essay, PAST)
    before = points(terminal, course, essay, "--late-deduction", "25")
    assert before["first_reading_after"] is not None, "this was it"
    assert all(one["late"] == 0 for one in before["students"].values())

    finish(canvas, essay, of=lazy, number=1)
    seen = points(terminal, course, essay)["students"]
    assert (seen[lazy]["late"], seen[quick]["late"]) == (1, 0)
    assert float(seen[quick]["then"]) == 12
    assert float(seen[lazy]["then"]) == pytest.approx(12 * 0.75 / seen[lazy]["assigned"])
    shown = terminal.run("credit", *terminal.where(course, essay)).output
    assert ", 1 late" in shown
    assert "Those it did not look at in time count as on time." in shown

    with_grace = points(terminal, course, essay, "--grace-hours", "24")
    assert with_grace["first_reading_after"] is None
    assert with_grace["students"][lazy]["late"] == 0
    off = points(terminal, course, essay, "--late-deduction", "0", "--grace-hours", "0")
    assert off["students"][lazy]["late"] == 0
    assert float(off["students"][lazy]["then"]) == pytest.approx(12 / seen[lazy]["assigned"])


def test_what_nobody_looked_at_after_the_date_is_on_time(
    terminal: Terminal, course: Course, essay: Assignment
) -> None:
    points(terminal, course, essay, "--late-deduction", "100")
    due(terminal, course, essay, PAST)
    finish(terminal.canvas, essay)
    seen = points(terminal, course, essay)
    assert {one["late"] for one in seen["students"].values()} == {0}
    assert {float(one["then"]) for one in seen["students"].values() if one["assigned"]} == {12}


def test_a_review_that_was_begun_may_have_been_set_back_to_open(
    terminal: Terminal, course: Course, essay: Assignment
) -> None:
    canvas = terminal.canvas
    reviewer = canvas.state.reviews_of(essay.id)[0].assessor_id
    finish(canvas, essay, of=reviewer, number=1)
    attach_rubric(canvas.state, essay.id, "Added in mid-term")
    assert {one.workflow_state for one in canvas.state.reviews_of(essay.id)} == {"assigned"}
    due(terminal, course, essay, PAST)
    points(terminal, course, essay, "--late-deduction", "100")
    finish(canvas, essay, of=reviewer)
    line = points(terminal, course, essay)["students"][reviewer]
    assert line["late"] == line["done"] - 1


def test_switching_it_on_has_canvas_read_at_the_date_once(
    terminal: Terminal, course: Course, essay: Assignment, application: Application
) -> None:
    actor, wanted = application.actor(terminal.canvas.url, course.id), AssignmentId(essay.id)
    cases = application.use_cases.scheduling

    def watches() -> list[datetime | None]:
        found = cases.schedules(actor, wanted)
        assert {one.schedule.kind for one in found} <= {ScheduleKind.WATCH}
        return [one.next_at for one in found]

    due(terminal, course, essay, AHEAD)
    assert watches() == [], "nothing is asked for while late reviews cost nothing"
    for _ in range(2):
        points(terminal, course, essay, "--late-deduction", "25", "--grace-hours", "5")
    assert watches() == [datetime.fromisoformat(AHEAD) + timedelta(hours=5)]
    due(terminal, course, essay, PAST)
    assert watches() == [datetime.fromisoformat(PAST) + timedelta(hours=5)], "it moves with the date"
    points(terminal, course, essay, "--grace-hours", "1")
    assert cases.carry_out_due() == 1
    assert [one.outcome for one in cases.schedules(actor, wanted)].count(ScheduleOutcome.NOTHING) == 1
    finish(terminal.canvas, essay)
    late = [one["late"] for one in points(terminal, course, essay)["students"].values()]
    assert sum(late) == len(terminal.canvas.reviews(essay))
    assert len(watches()) == 2, "what was done is not asked for again"


def test_another_deduction_is_not_what_was_approved(
    terminal: Terminal, course: Course, essay: Assignment, application: Application
) -> None:
    column = terminal.canvas.assignment(course, "Essay 2").id
    due(terminal, course, essay, PAST)
    points(terminal, course, essay, "--target", column, "--late-deduction", "25")
    finish(terminal.canvas, essay)
    actor = application.actor(terminal.canvas.url, course.id)
    cases, wanted = application.use_cases, AssignmentId(essay.id)
    cases.following_up.board(actor, [wanted], fresh=True)
    approved = cases.crediting.preview_credit(actor, wanted).fingerprint
    settings = cases.following_up.settings(actor, wanted)
    other = settings.credit.model_copy(update={"late_deduction": 50})
    cases.following_up.save_settings(actor, wanted, settings.model_copy(update={"credit": other}))
    with pytest.raises(CreditChanged):
        cases.crediting.post_credit(actor, wanted, approved)
    renewed = cases.crediting.post_credit(
        actor, wanted, cases.crediting.preview_credit(actor, wanted).fingerprint
    )
    assert {float(value) for value in renewed.points.values()} == {6}, "12 points, half of them taken off"
