"""The rows of the fault matrix that are the driver's business (docs/writer.md)."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest

from lti_tool.applying.answers import Answer, Outcome, ReadFailed, Why
from lti_tool.applying.states import RunState, StepClass
from lti_tool.planning.snapshot import Snapshot
from tests.builders import review, snapshot, user
from tests.fakes import (
    BROKEN_AFTER,
    FORBIDDEN,
    LOST_AFTER,
    LOST_BEFORE,
    REVOKED,
    SERVER_ERROR,
    THROTTLED,
    UNREACHABLE,
    Fault,
    executes_late,
)
from tests.integration.journal.stage import TEACHER, Stage, creates, deletes, pair

CREATED = [(number, number % 12 + 1) for number in range(1, 13)]
DELETED = [(1, 3), (2, 4)]


def stage(shared: Stage, *, workers: int = 1) -> Stage:
    preview = snapshot(reviews=[review(*who) for who in DELETED])
    return Stage(None, creates(*CREATED) + deletes(*DELETED), preview=preview, workers=workers, after=shared)


def assert_exact(stage: Stage, state: RunState = RunState.DONE) -> None:
    assert stage.report.state is state, stage.report
    assert stage.canvas.pairs == Counter(pair(*who) for who in CREATED)
    assert stage.canvas.second_mails == 0


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("fault", [LOST_BEFORE, LOST_AFTER, BROKEN_AFTER, SERVER_ERROR])
def test_lost_answers_are_settled_by_reading(shared: Stage, fault: Fault, workers: int) -> None:
    faulty = stage(shared, workers=workers)
    faulty.canvas.fault = lambda verb, n: fault if verb != "snapshot" and n in (2, 5) else None
    faulty.drive()
    assert_exact(faulty)
    assert faulty.canvas.calls["reviews"] + faulty.canvas.calls["reviews_of"] <= 2 + 2 + 2
    assert faulty.elapsed >= 90, "Canvas may execute a lost call up to its own time limit"


@pytest.mark.parametrize("at", [1, 2, 7, 12])
@pytest.mark.parametrize("workers", [1, 4])
def test_withdrawn_access_pauses_and_reconnecting_goes_on_exactly(
    shared: Stage, at: int, workers: int
) -> None:
    faulty = stage(shared, workers=workers)
    faulty.canvas.fault = lambda verb, n: REVOKED if verb == "create" and n >= at else None
    assert faulty.drive() is RunState.PAUSED_AUTH
    paused = faulty.report
    assert paused.counts[StepClass.PAUSED] + paused.counts[StepClass.DONE] == 14
    assert "Connect to Canvas again" in paused.words
    assert not faulty.wanted()
    assert faulty.drive("somebody") is None
    faulty.canvas.fault = lambda verb, n: None
    faulty.journal.resume(faulty.run, TEACHER)
    assert faulty.wanted()
    faulty.drive()
    assert_exact(faulty)


def assert_refused_once(stage: Stage) -> None:
    """One pair was refused; which author's turn that was decides how many reviews it was to replace."""
    counts = stage.report.counts
    assert counts[StepClass.REFUSED] == 1
    assert counts[StepClass.DONE] + counts[StepClass.KEPT_UNREPLACED] == 13
    assert counts[StepClass.KEPT_UNREPLACED] <= 2


def test_a_single_refusal_is_of_the_pair(shared: Stage) -> None:
    faulty = stage(shared)
    faulty.canvas.fault = lambda verb, n: FORBIDDEN if (verb, n) == ("create", 4) else None
    assert faulty.drive() is RunState.DONE_WITH_ISSUES
    assert_refused_once(faulty)


def test_students_who_leave_while_applying(shared: Stage) -> None:
    faulty = stage(shared)
    leaving = {2: 5, 3: 9}
    faulty.canvas.meanwhile = lambda verb, n: (
        faulty.canvas.drop(user(leaving[n])) if verb == "create" and n in leaving else None
    )
    assert faulty.drive() is RunState.DONE_WITH_ISSUES
    counts = faulty.report.counts
    assert counts[StepClass.DONE] + counts[StepClass.STUDENT_LEFT] + counts[StepClass.KEPT_UNREPLACED] == 14
    assert 1 <= counts[StepClass.STUDENT_LEFT] <= 4
    assert faulty.canvas.calls["snapshot"] == 3, "one reading tells about all who left"


def test_what_a_section_limited_person_may_not_see_is_refused(shared: Stage) -> None:
    faulty = stage(shared)
    unseen = Fault(Answer(Outcome.PERMANENT, Why.NOT_FOUND, status=404))
    faulty.canvas.fault = lambda verb, n: unseen if (verb, n) == ("create", 4) else None
    assert faulty.drive() is RunState.DONE_WITH_ISSUES
    assert_refused_once(faulty)


@pytest.mark.parametrize("workers", [1, 4])
def test_wrong_ids_stop_everything(shared: Stage, workers: int) -> None:
    faulty = stage(shared, workers=workers)
    wrong = Fault(Answer(Outcome.OK, review=review(8, 11), status=200))
    faulty.canvas.fault = lambda verb, n: wrong if (verb, n) == ("create", 3) else None
    assert faulty.drive() is RunState.FAILED_INTEGRITY
    assert faulty.canvas.calls["create"] <= 3 + workers
    assert faulty.canvas.calls["delete"] == 0
    assert faulty.report.counts[StepClass.CONFLICT] == 1
    assert not faulty.wanted()


def test_another_assignment_than_planned_stops_before_any_write(shared: Stage) -> None:
    faulty = stage(shared)
    faulty.canvas.change_assignment(id="71")
    assert faulty.drive() is RunState.FAILED_INTEGRITY
    assert faulty.canvas.writes == 0


def test_a_canvas_that_stays_down_waits_for_a_person(shared: Stage) -> None:
    faulty = stage(shared)
    faulty.canvas.fault = lambda verb, n: UNREACHABLE
    for _ in range(600):
        if faulty.wanted():
            faulty.drive()
        faulty.clock.sleep(15)
    assert faulty.report.state is RunState.PAUSED_CANVAS
    assert faulty.report.progress.waiting_until is None
    assert faulty.canvas.calls["snapshot"] == 28, "27 pauses are two hours"
    faulty.canvas.fault = lambda verb, n: None
    faulty.journal.resume(faulty.run, TEACHER)
    faulty.drive()
    assert_exact(faulty)


def test_the_retry_budget_bounds_the_whole_run(shared: Stage) -> None:
    faulty = stage(shared)
    faulty.settings = replace(faulty.settings, retry_floor=2, retry_share=0.0, breaker_run=99)
    faulty.canvas.fault = lambda verb, n: LOST_BEFORE if verb == "create" else None
    faulty.drive()
    assert faulty.canvas.calls["create"] <= 12 + 2


def test_a_class_list_that_cannot_be_read_to_its_end_writes_nothing(shared: Stage) -> None:
    faulty = stage(shared)

    def cut() -> Snapshot:
        raise ReadFailed(Why.INCOMPLETE_LIST, "the list of enrolments loops")

    faulty.canvas.read_snapshot = cut  # type: ignore[method-assign]  # a hostile Link header
    assert faulty.drive() is RunState.PAUSED_CANVAS
    assert faulty.canvas.writes == 0
    assert "complete list" in faulty.report.words


def test_creates_are_settled_before_any_delete_is_sent(shared: Stage) -> None:
    faulty = stage(shared, workers=4)
    faulty.canvas.fault = lambda verb, n: LOST_BEFORE if (verb, n) == ("create", 12) else None
    creates_at_first_delete = []
    faulty.canvas.meanwhile = lambda verb, n: (
        creates_at_first_delete.append(sum(faulty.canvas.pairs.values())) if verb == "delete" else None
    )
    faulty.drive()
    assert creates_at_first_delete[0] == 12 + 2
    assert_exact(faulty)


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5])
def test_a_mix_of_faults_on_three_hundred_lines(shared: Stage, share: float) -> None:
    """Whatever is reported is true; at the worst something is given up, and never is anything doubled."""
    draw, students = random.Random(f"{share}"), 60
    pairs = [(at + 1, (at + step) % students + 1) for step in range(1, 6) for at in range(students)]
    preview = snapshot(students, reviews=[review(*who) for who in pairs[250:]])
    lines = creates(*pairs[:250]) + deletes(*pairs[250:])
    mixed = Stage(None, lines, preview=preview, workers=8, after=shared)
    mix = [LOST_BEFORE, LOST_AFTER, BROKEN_AFTER, SERVER_ERROR, THROTTLED, UNREACHABLE, executes_late(60)]
    mixed.canvas.fault = lambda verb, n: (
        draw.choice(mix) if verb in ("create", "delete") and draw.random() < share else None
    )
    report = mixed.sweep_until_over(most=2_000)
    assert report.progress.over
    assert mixed.canvas.second_mails == 0
    assert set(mixed.canvas.pairs.values()) == {1}
    assert sum(report.counts.values()) == 300
    for step in report.steps:
        there = mixed.canvas.pairs[step.reviewer, step.submission] == 1
        if step.step_class is StepClass.DONE:
            assert there == (step.kind == "create"), step
        else:
            assert step.step_class is StepClass.GAVE_UP, step
    assert (report.state is RunState.DONE) == (report.counts[StepClass.GAVE_UP] == 0)
    assert report.counts[StepClass.DONE] >= (300 if share < 0.1 else 290 if share < 0.3 else 100)
