"""Stopping a run: at any time, with exact counts, and nothing sent afterwards."""

from __future__ import annotations

import pytest

from lti_tool.applying.states import RunState, StepClass
from tests.builders import review, snapshot
from tests.fakes import LOST_AFTER, LOST_BEFORE, REVOKED, Fault
from tests.integration.journal.stage import OTHER_TEACHER, TEACHER, Stage, creates, deletes

CREATED = [(number, number % 12 + 1) for number in range(1, 9)]


def stage(shared: Stage, *, workers: int = 1) -> Stage:
    preview = snapshot(reviews=[review(1, 3)])
    return Stage(None, creates(*CREATED) + deletes((1, 3)), preview=preview, workers=workers, after=shared)


@pytest.mark.parametrize("workers", [1, 4])
def test_nothing_is_sent_after_the_request(shared: Stage, workers: int) -> None:
    stopped = stage(shared, workers=workers)

    def cancel(verb: str, n: int) -> None:
        if (verb, n) == ("create", 3):
            stopped.journal.request_cancel(stopped.run, OTHER_TEACHER)

    stopped.canvas.meanwhile = cancel
    assert stopped.drive() is RunState.CANCELLED
    done = stopped.report.counts[StepClass.DONE]
    assert done == stopped.canvas.writes <= 3 + workers
    assert stopped.report.counts[StepClass.CANCELLED] == 9 - done
    assert stopped.canvas.calls["delete"] == 0
    assert len(stopped.journal.effects(stopped.run)) == done, "what was done can be taken back"


@pytest.mark.parametrize(("fault", "done"), [(LOST_AFTER, 1), (LOST_BEFORE, 0)])
def test_what_is_in_doubt_is_read_back_so_that_the_counts_are_exact(
    shared: Stage, fault: Fault, done: int
) -> None:
    stopped = stage(shared)
    stopped.canvas.fault = lambda verb, n: fault if verb == "create" else None

    def cancel(verb: str, n: int) -> None:
        if verb == "create":
            stopped.journal.request_cancel(stopped.run, TEACHER)

    stopped.canvas.meanwhile = cancel
    assert stopped.drive() is RunState.CANCELLED
    assert stopped.report.counts[StepClass.DONE] == done == sum(stopped.canvas.pairs.values()) - 1
    assert stopped.report.counts[StepClass.CANCELLED] == 9 - done


def test_a_run_that_no_worker_has_touched_is_over_at_once(shared: Stage) -> None:
    stopped = stage(shared)
    assert stopped.journal.request_cancel(stopped.run, TEACHER) is RunState.CANCELLED
    assert stopped.classes() == {StepClass.CANCELLED: 9}
    assert stopped.drive() is None
    assert stopped.canvas.calls.total() == 0


def test_a_paused_run_with_doubts_is_ended_by_the_next_sweep(shared: Stage) -> None:
    stopped = stage(shared)
    faults = {("create", 2): LOST_AFTER, ("create", 3): REVOKED}
    stopped.canvas.fault = lambda verb, n: faults.get((verb, n))
    assert stopped.drive() is RunState.PAUSED_AUTH
    assert stopped.journal.request_cancel(stopped.run, TEACHER) is RunState.PAUSED_AUTH
    assert stopped.wanted()
    assert stopped.drive() is RunState.CANCELLED
    assert stopped.classes() == {StepClass.DONE: 2, StepClass.CANCELLED: 7}


def test_a_paused_run_whose_access_is_gone_ends_all_the_same(shared: Stage) -> None:
    stopped = stage(shared)
    answers = {("snapshot", 1): None, ("create", 1): None, ("create", 2): LOST_AFTER}
    stopped.canvas.fault = lambda verb, n: answers.get((verb, n), REVOKED)
    assert stopped.drive() is RunState.PAUSED_AUTH
    stopped.journal.request_cancel(stopped.run, TEACHER)
    assert stopped.drive() is RunState.CANCELLED
    assert stopped.classes() == {StepClass.DONE: 1, StepClass.GAVE_UP: 1, StepClass.CANCELLED: 7}


def test_a_run_that_is_over_stays_as_it_is(shared: Stage) -> None:
    stopped = stage(shared)
    stopped.drive()
    assert stopped.journal.request_cancel(stopped.run, TEACHER) is RunState.DONE
    assert stopped.report.state is RunState.DONE


def test_a_worker_that_is_asked_to_leave_hands_the_run_over(shared: Stage) -> None:
    stopped = stage(shared)
    first = stopped.driver("old version")
    stopped.canvas.meanwhile = lambda verb, n: first.leave() if (verb, n) == ("create", 3) else None
    assert first.drive(stopped.run, stopped.canvas, stopped.preview) is RunState.APPLYING
    assert stopped.canvas.writes == 3
    assert stopped.wanted()
    assert stopped.drive("new version") is RunState.DONE
    assert stopped.canvas.second_mails == 0
