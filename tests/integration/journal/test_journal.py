"""Starting, watching and finding runs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from lti_tool.applying.driver import Driver
from lti_tool.applying.errors import (
    ActiveRunExists,
    JournalUnavailable,
    NotResumable,
    PlanOvertaken,
    UnknownRun,
)
from lti_tool.applying.settings import DriverSettings
from lti_tool.applying.states import IllegalTransition, RunState, StepClass
from lti_tool.planning.freshness import OurRuns
from lti_tool.planning.ids import RunId
from lti_tool.planning.plan import Plan
from tests import builders
from tests.fakes import REVOKED
from tests.integration.journal.stage import (
    OTHER_TEACHER,
    TEACHER,
    Stage,
    creates,
    deletes,
    open_journal,
)

LINES = creates((1, 2), (2, 3), (3, 4)) + deletes((5, 6))


def stage(url: str) -> Stage:
    return Stage(url, LINES, preview=builders.snapshot(reviews=[builders.review(5, 6)]))


def test_twenty_presses_are_one_run(journal_url: str) -> None:
    journal = open_journal(journal_url)
    plan = builders.plan(LINES)
    with ThreadPoolExecutor(20) as pool:
        runs = set(pool.map(lambda _: journal.start(plan, TEACHER), range(20)))
    assert len(runs) == 1
    assert journal.run_of_plan(plan.id) in runs
    assert len(journal.steps(runs.pop())) == 4


def test_two_plans_at_once_are_one_run_and_a_named_refusal(journal_url: str) -> None:
    journal = open_journal(journal_url)

    def press(number: int) -> object:
        try:
            return journal.start(builders.plan(LINES, id_=f"plan{number}"), TEACHER)
        except ActiveRunExists as refused:
            return refused

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(press, range(8)))
    assert sum(isinstance(result, str) for result in results) == 1
    refused = next(result for result in results if isinstance(result, ActiveRunExists))
    assert (refused.who, refused.done, refused.total) == ("Ada Teacher", 0, 4)


def test_the_second_teacher_sees_who_since_when_how_far(journal_url: str) -> None:
    first = stage(journal_url)
    first.canvas.fault = lambda verb, n: REVOKED if (verb, n) == ("create", 2) else None
    first.drive()
    with pytest.raises(ActiveRunExists) as refused:
        first.journal.start(builders.plan(LINES, id_="other"), OTHER_TEACHER)
    assert refused.value.run == first.run
    assert refused.value.since == builders.NOON
    assert (refused.value.done, refused.value.total) == (1, 4)
    assert "Ada Teacher" in str(refused.value)
    first.journal.request_cancel(first.run, OTHER_TEACHER)
    now = builders.plan(LINES, id_="other", after=first.run)
    assert first.journal.start(now, OTHER_TEACHER) != first.run


def test_a_plan_from_before_another_run_is_refused_and_told_who_did_what(journal_url: str) -> None:
    first = stage(journal_url)
    first.drive()
    other = builders.plan(LINES, id_="other")
    with pytest.raises(PlanOvertaken) as refused:
        first.journal.start(other, OTHER_TEACHER)
    assert str(refused.value) == ("Ada Teacher applied 4 changes to this assignment at 2026-11-21 12:00 UTC.")
    assert refused.value.run.id == first.run
    with pytest.raises(PlanOvertaken):
        first.journal.start(replace(other, after_run=None), OTHER_TEACHER)
    again = replace(other, after_run=first.run)
    assert first.journal.start(again, OTHER_TEACHER) != first.run, "planned again, it can be applied"


def test_plans_stay_good_when_a_run_ended_before_it_sent_anything(journal_url: str) -> None:
    first = stage(journal_url)
    assert first.journal.request_cancel(first.run, TEACHER) is RunState.CANCELLED
    place = builders.CANVAS, builders.COURSE, builders.ASSIGNMENT
    assert first.journal.our_runs(*place) == OurRuns()
    other = first.journal.start(builders.plan(LINES, id_="other"), OTHER_TEACHER)
    active = first.journal.our_runs(*place).active
    assert active is not None
    assert active.id == other, "while it may still send something it counts"


def test_plans_stay_good_when_a_run_was_refused_at_its_first_check(journal_url: str) -> None:
    first = stage(journal_url)
    first.canvas.world = replace(
        first.canvas.world, assignment=replace(first.canvas.world.assignment, rubric_id="9")
    )
    assert first.drive() is RunState.NEEDS_REVIEW
    assert first.journal.start(builders.plan(LINES, id_="other"), OTHER_TEACHER) != first.run


def test_of_many_plans_from_one_state_one_is_ever_applied(journal_url: str) -> None:
    """The winner's run may be over before the next press is decided: it is refused all the same."""
    first = Stage(journal_url, [], preview=builders.snapshot())
    first.drive()
    plans = [builders.plan(LINES, id_=f"plan of tab {tab}", after=first.run) for tab in range(6)]

    def press(plan: Plan) -> object:
        try:
            run = first.journal.start(plan, TEACHER)
        except (ActiveRunExists, PlanOvertaken) as refused:
            return refused
        Driver(first.journal, first.clock, f"worker of {plan.id}", DriverSettings(workers=1)).drive(
            run, first.canvas, first.preview
        )
        return run

    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(press, plans))
    assert sum(isinstance(result, str) for result in results) == 1
    assert first.canvas.calls["create"] == 3


def test_a_finished_plan_is_not_applied_again(journal_url: str) -> None:
    finished = stage(journal_url)
    finished.drive()
    assert finished.journal.start(finished.plan, TEACHER) == finished.run
    assert finished.journal.runs_to_drive() == ()
    assert finished.drive() is None


def test_a_plan_without_changes_is_done_and_writes_nothing(journal_url: str) -> None:
    empty = Stage(journal_url, [])
    assert empty.drive() is RunState.DONE
    assert empty.canvas.writes == 0
    assert empty.report.progress.total == 0


def test_history_is_of_the_course_and_newest_first(journal_url: str) -> None:
    first = stage(journal_url)
    first.drive()
    first.clock.sleep(60)
    second = first.journal.start(builders.plan(LINES, id_="later", after=first.run), OTHER_TEACHER)
    found = first.journal.history(builders.CANVAS, builders.COURSE, builders.ASSIGNMENT)
    assert [line.id for line in found] == [second, first.run]
    assert found[1].counts["done"] == found[1].total == 4
    assert found[0].counts["pending"] == 4
    assert found[0].started_by_name == "Ben Teacher"
    assert first.journal.history(builders.CANVAS, type(builders.COURSE)("8")) == ()
    other = type(builders.ASSIGNMENT)("71")
    assert first.journal.history(builders.CANVAS, builders.COURSE, other) == ()


def test_progress_never_goes_back_and_ends_at_the_total(journal_url: str) -> None:
    watched = stage(journal_url)
    seen: list[int] = []
    watched.canvas.meanwhile = lambda verb, n: seen.append(watched.journal.progress(watched.run).done)
    watched.drive()
    assert seen == sorted(seen)
    assert watched.journal.progress(watched.run).done == 4
    assert watched.journal.progress(watched.run).over
    assert watched.journal.progress(watched.run) == watched.report.progress


def test_time_left_comes_from_the_last_minute(journal_url: str) -> None:
    watched = stage(journal_url)
    left: dict[int, float | None] = {}

    def slow(verb: str, n: int) -> None:
        if verb == "create":
            watched.clock.sleep(10)
            left[n] = watched.journal.progress(watched.run).seconds_left

    watched.canvas.meanwhile = slow
    watched.drive()
    assert left == {1: None, 2: 60.0, 3: 30.0}


def test_events_tell_the_run_from_a_cursor_on(journal_url: str) -> None:
    watched = stage(journal_url)
    (started,) = watched.journal.events(watched.run)
    assert started.details == {"by": TEACHER.user, "plan": watched.plan.id, "changes": 4}
    watched.drive()
    later = watched.journal.events(watched.run, after=started.id)
    states = [event.details["to"] for event in later if event.type == "state"]
    assert states == ["checking", "applying", "verifying", "done"]


def test_every_send_leaves_a_row_with_its_answer(journal_url: str) -> None:
    watched = stage(journal_url)
    watched.canvas.fault = lambda verb, n: REVOKED if (verb, n) == ("create", 2) else None
    watched.drive()
    watched.canvas.fault = lambda verb, n: None
    watched.journal.resume(watched.run, TEACHER)
    watched.drive()
    with watched.journal._database.engine.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT outcome, why, status FROM run_step_attempt WHERE answered_at IS NOT NULL"
        ).all()
    assert len(rows) == watched.canvas.writes == 5
    assert ("pending", "access_lost", 401) in rows


def test_only_paused_runs_resume(journal_url: str) -> None:
    queued = stage(journal_url)
    with pytest.raises(NotResumable, match="not paused"):
        queued.journal.resume(queued.run, TEACHER)
    with pytest.raises(UnknownRun):
        queued.journal.resume(RunId("none"), TEACHER)
    with pytest.raises(UnknownRun):
        queued.journal.report(RunId("none"))


def test_transitions_outside_the_table_are_refused(journal_url: str) -> None:
    queued = stage(journal_url)
    claim = queued.journal.claim(queued.run, "worker")
    assert claim is not None
    with pytest.raises(IllegalTransition):
        queued.journal.move(claim, RunState.QUEUED, RunState.DONE)
    assert queued.report.state is RunState.QUEUED
    assert queued.classes() == {StepClass.PENDING: 4}


def test_a_database_without_tables_is_unavailable_and_said_so(journal_url: str) -> None:
    journal = open_journal(journal_url)
    with journal._database.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE run_step_attempt")
        connection.exec_driver_sql("DROP TABLE run_step")
    with pytest.raises(JournalUnavailable, match="run_step"):
        journal.start(builders.plan(LINES), TEACHER)
