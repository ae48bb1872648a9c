"""Deduction for late reviews on the simulated Canvas: only what the tool saw open after the date is late."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lti_tool.bootstrap import Application, build_application
from lti_tool.planning.credit import CreditLine
from lti_tool.planning.ids import AssignmentId
from lti_tool.planning.schedule import ScheduleKind, ScheduleOutcome
from lti_tool.services.actor import Actor
from lti_tool.services.errors import CreditChanged
from lti_tool.services.follow_up_cases import CreditView
from lti_tool.settings import Settings
from lti_tool.simulator.coursework import attach_rubric, create_request
from lti_tool.simulator.habits import Habits
from lti_tool.simulator.records import Assignment
from tests.integration.test_after_allocation import finish
from tests.integration.test_command_line import TOKEN, Terminal
from tests.simulated import SimulatedCanvas, simulated_canvas

HOUR = timedelta(hours=1)
NOW = datetime.now(UTC).replace(microsecond=0)


@dataclass
class Stage:
    """Four students who each owe the next two a review, and a teacher."""

    canvas: SimulatedCanvas
    terminal: Terminal
    application: Application
    actor: Actor
    essay: Assignment
    students: list[str]

    @property
    def assignment(self) -> AssignmentId:
        return AssignmentId(self.essay.id)

    def due(self, at: datetime) -> None:
        cases = self.application.use_cases.following_up
        settled = cases.settings(self.actor, self.assignment)
        cases.save_settings(self.actor, self.assignment, settled.model_copy(update={"reviews_due_at": at}))

    def settle(self, **credit: object) -> None:
        cases = self.application.use_cases.following_up
        settled = cases.settings(self.actor, self.assignment)
        rules = settled.credit.model_copy(update=credit)
        cases.save_settings(self.actor, self.assignment, settled.model_copy(update={"credit": rules}))

    def read(self) -> None:
        self.application.use_cases.following_up.board(self.actor, [self.assignment], fresh=True)

    def look(self) -> tuple[CreditView, dict[str, CreditLine]]:
        """Read Canvas; the points of those who review."""
        self.read()
        view = self.application.use_cases.crediting.preview_credit(self.actor, self.assignment)
        return view, {line.user: line for line in view.plan.lines if line.assigned}


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with simulated_canvas("small", habits=Habits(throttle_enabled=False)) as canvas:
        course = canvas.course("WRIT")
        essay = canvas.assignment(course, "Essay 1")
        works = [one for one in canvas.state.submissions_of(essay.id) if one.submitted_at is not None][:4]
        students = [one.user_id for one in works]
        for mine, after, second in zip(works, works[1:] + works[:1], works[2:] + works[:2], strict=True):
            create_request(canvas.state, after, mine.user_id, made_by=None)
            create_request(canvas.state, second, mine.user_id, made_by=None)
        terminal = Terminal(
            canvas,
            {
                "PEER_ALLOCATOR_INSTANCE": str(tmp_path),
                "PEER_ALLOCATOR_ALLOW_HTTP_LOOPBACK": "true",
                "PEER_ALLOCATOR_LOG_LEVEL": "error",
                TOKEN: canvas.state.make_personal_token(canvas.user("teacher").id).token,
            },
        )
        terminal.run("connect", "--canvas", canvas.url, "--token-env", TOKEN)
        application = build_application(Settings(instance=tmp_path, allow_http_loopback=True))
        actor = application.actor(canvas.url, course.id)
        made = Stage(canvas, terminal, application, actor, essay, students)
        made.settle(points=12)
        yield made
        application.close()


def test_late_is_what_was_open_at_a_reading_after_the_date_and_nothing_else(stage: Stage) -> None:
    unseen, quick, lazy, begun = stage.students
    finish(stage.canvas, stage.essay, of=quick)
    finish(stage.canvas, stage.essay, of=begun, number=1)
    attach_rubric(stage.canvas.state, stage.essay.id, "Added in mid-term")  # sets all back to open
    finish(stage.canvas, stage.essay, of=quick)
    stage.settle(late_deduction=25)
    stage.due(NOW - 2 * HOUR)
    finish(stage.canvas, stage.essay, of=unseen)  # after the date, but nobody has looked
    view, lines = stage.look()
    assert view.first_reading is not None
    assert view.first_reading >= NOW
    assert {line.late for line in lines.values()} == {0}

    finish(stage.canvas, stage.essay, of=lazy, number=1)
    finish(stage.canvas, stage.essay, of=begun)
    approved, lines = stage.look()
    late = {user: (line.done, line.late, float(line.then or 0)) for user, line in lines.items()}
    assert late == {
        unseen: (2, 0, 12), quick: (2, 0, 12), lazy: (1, 1, 4.5), begun: (2, 1, 10.5)
    }  # fmt: skip

    course = stage.canvas.course("WRIT")
    where = stage.terminal.where(course, stage.essay)
    shown = stage.terminal.run("credit", *where, "--grace-hours", "1").output
    assert shown.count(", 1 late") == 2
    assert "Those it did not look at in time count as on time. It first looked at" in shown
    given = stage.terminal.json(
        "credit", *where, "--gradebook", str(stage.application.settings.instance / "g.csv")
    )
    assert {one["late"] for one in given["students"]} == {0, 1}
    assert "4.5" in (stage.application.settings.instance / "g.csv").read_text(encoding="utf-8-sig")

    column = stage.canvas.assignment(course, "Essay 2").id
    stage.settle(target=column)
    approved, _ = stage.look()
    stage.settle(late_deduction=50)
    cases = stage.application.use_cases.crediting
    with pytest.raises(CreditChanged):
        cases.post_credit(stage.actor, stage.assignment, approved.fingerprint)
    stage.settle(late_deduction=25)
    posted = cases.post_credit(stage.actor, stage.assignment, approved.fingerprint)
    assert {user: float(value) for user, value in posted.points.items()} == {
        user: points for user, (_, _, points) in late.items()
    }

    stage.settle(late_deduction=25, grace_hours=24)
    view, lines = stage.look()
    assert view.first_reading is None, "no reading is so late yet"
    assert {line.late for line in lines.values()} == {0}


def test_switching_it_on_has_canvas_read_at_the_date_once(stage: Stage) -> None:
    cases = stage.application.use_cases.scheduling

    def moments() -> list[datetime | None]:
        found = cases.schedules(stage.actor, stage.assignment)
        assert {one.schedule.kind for one in found} <= {ScheduleKind.WATCH}
        return [one.next_at for one in found]

    stage.due(NOW + 48 * HOUR)
    assert moments() == [], "nothing is asked for while late reviews cost nothing"
    stage.settle(late_deduction=25, grace_hours=5)
    stage.settle(late_deduction=30)
    assert moments() == [NOW + 53 * HOUR]
    stage.due(NOW - 6 * HOUR)
    assert moments() == [NOW - HOUR], "it moves with the date"
    assert cases.carry_out_due() == 1
    assert [one.outcome for one in cases.schedules(stage.actor, stage.assignment)] == [
        ScheduleOutcome.NOTHING
    ]
    finish(stage.canvas, stage.essay)
    _, lines = stage.look()
    assert [line.late for line in lines.values()] == [2, 2, 2, 2], "that reading saw them all open"
    stage.settle(late_deduction=0)
    stage.settle(late_deduction=30)
    assert len(moments()) == 1, "it has looked already"
    stage.due(NOW + HOUR)
    assert moments() == [None, NOW + 6 * HOUR], "a later date is looked at again"
