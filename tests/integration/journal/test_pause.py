"""Pausing a run on purpose, and alarms about runs that stand still."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from lti_tool.applying.states import RunState, StepClass
from tests.fakes import LOST_AFTER, UNREACHABLE
from tests.integration.journal.stage import TEACHER, Stage, creates

CREATED = [(number, number % 12 + 1) for number in range(1, 10)]


def stage(shared: Stage, *, workers: int = 1) -> Stage:
    return Stage(None, creates(*CREATED), workers=workers, after=shared)


def pausing(stage: Stage, at: int) -> Callable[[str, int], None]:
    """Somebody presses Pause while Canvas works on a create."""

    def press(verb: str, n: int) -> None:
        if (verb, n) == ("create", at):
            stage.journal.request_pause(stage.run, TEACHER)

    return press


@pytest.mark.parametrize("workers", [1, 4])
def test_nothing_is_sent_after_a_pause_until_somebody_goes_on(shared: Stage, workers: int) -> None:
    paused = stage(shared, workers=workers)
    paused.canvas.meanwhile = pausing(paused, 3)
    assert paused.drive() is RunState.PAUSED_BY_PERSON
    sent = paused.canvas.writes
    assert 3 <= sent <= 3 + workers
    assert not paused.wanted(), "it waits for a person, however long that takes"
    assert "Nothing is sent" in paused.report.words
    paused.journal.resume(paused.run, TEACHER)
    assert paused.drive() is RunState.DONE
    assert paused.classes() == {StepClass.DONE: 9}
    assert paused.canvas.second_mails == 0
    assert paused.canvas.writes == 9


def test_what_was_in_doubt_at_the_pause_is_settled_by_reading_when_it_goes_on(shared: Stage) -> None:
    paused = stage(shared)
    paused.canvas.fault = lambda verb, n: LOST_AFTER if (verb, n) == ("create", 2) else None
    paused.canvas.meanwhile = pausing(paused, 2)
    assert paused.drive() is RunState.PAUSED_BY_PERSON
    paused.journal.resume(paused.run, TEACHER)
    assert paused.drive() is RunState.DONE
    assert paused.canvas.second_mails == 0
    assert sum(paused.canvas.pairs.values()) == 9


def test_a_run_that_nobody_drives_is_paused_at_once_also_while_it_waits_for_canvas(shared: Stage) -> None:
    queued, down = stage(shared), stage(shared)
    assert queued.journal.request_pause(queued.run, TEACHER) is RunState.PAUSED_BY_PERSON
    assert queued.drive() is None
    down.canvas.fault = lambda verb, n: UNREACHABLE
    assert down.drive() is RunState.PAUSED_CANVAS
    assert down.journal.request_pause(down.run, TEACHER) is RunState.PAUSED_BY_PERSON
    down.clock.sleep(3600)
    assert not down.wanted()


def test_a_paused_run_can_be_stopped_and_a_run_that_is_over_is_not_paused(shared: Stage) -> None:
    paused = stage(shared)
    paused.journal.request_pause(paused.run, TEACHER)
    assert paused.journal.request_cancel(paused.run, TEACHER) is RunState.CANCELLED
    assert paused.journal.request_pause(paused.run, TEACHER) is RunState.CANCELLED


def test_a_pause_outlives_the_worker_that_should_have_obeyed(shared: Stage) -> None:
    paused = stage(shared)
    assert paused.journal.claim(paused.run, "dies") is not None
    assert paused.journal.request_pause(paused.run, TEACHER) is RunState.QUEUED
    paused.clock.sleep(31)
    assert paused.drive() is RunState.PAUSED_BY_PERSON
    assert paused.canvas.calls.total() == 0


def test_the_run_that_stands_still_for_longest_is_named(journal_url: str) -> None:
    first = Stage(journal_url, creates(*CREATED))
    second = stage(first)
    assert first.journal.claim(first.run, "dies") is not None
    first.clock.sleep(100)
    second.journal.request_pause(second.run, TEACHER)
    assert first.journal.oldest_without_progress() == (first.run, timedelta(seconds=100))
    assert first.drive() is RunState.DONE
    assert first.journal.oldest_without_progress() is None, "one is over, one waits for a person"
    second.journal.resume(second.run, TEACHER)
    first.clock.sleep(7)
    assert first.journal.oldest_without_progress() == (second.run, timedelta(seconds=7))
