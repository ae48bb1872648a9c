"""Several workers and one run: one drives, and one that was frozen notices before it sends."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest

from lti_tool.applying.clock import SystemClock
from lti_tool.applying.driver import Driver
from lti_tool.applying.errors import LeaseLost
from lti_tool.applying.ports import RunJournal
from lti_tool.applying.records import Claim, Settlement, StepRecord
from lti_tool.applying.settings import DriverSettings
from lti_tool.applying.states import RunState, StepState
from lti_tool.planning.freshness import NO_RUN
from tests import builders
from tests.fakes import LOST_BEFORE, FakeCanvas
from tests.integration.journal.stage import TEACHER, Stage, creates, open_journal

CREATED = [(number, number % 12 + 1) for number in range(1, 13)]


def test_three_workers_at_once_on_one_database(journal_url: str) -> None:
    """Real threads, real time, a journal each on one database."""
    preview = builders.snapshot()
    canvas = FakeCanvas(preview)
    first = open_journal(journal_url)
    run = NO_RUN
    for turn in range(5):
        canvas.world = preview
        run = first.start(builders.plan(creates(*CREATED), id_=f"plan{turn}", after=run), TEACHER)
        start = threading.Barrier(3)

        def work(number: int, run: Any = run, start: threading.Barrier = start) -> object:
            journal = open_journal(journal_url)
            driver = Driver(journal, SystemClock(), f"worker-{number}", DriverSettings(workers=2))
            start.wait()
            return driver.drive(run, canvas, preview)

        with ThreadPoolExecutor(3) as pool:
            ends = list(pool.map(work, range(3)))
        assert sorted(map(str, ends)) == ["None", "None", "done"]
        assert canvas.calls["create"] == 12 * (turn + 1)
        assert canvas.second_mails == 0


class Freezing:
    """A journal whose worker is frozen for ``seconds`` right after its nth ``sent`` mark was committed."""

    def __init__(self, stage: Stage, at: int, seconds: float, meanwhile: Any) -> None:
        self._stage, self._at, self._seconds, self._meanwhile = stage, at, seconds, meanwhile
        self._marks = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stage.journal, name)

    def mark_sent(self, claim: Claim, step: StepRecord) -> None:
        self._stage.journal.mark_sent(claim, step)
        self._marks += 1
        if self._marks == self._at:
            self._stage.clock.jump(self._seconds)
            self._meanwhile()


@pytest.mark.parametrize("at", [1, 5, 12])
def test_a_worker_frozen_beyond_its_lease_sends_nothing(journal_url: str, at: int) -> None:
    stage = Stage(journal_url, creates(*CREATED))
    ends: list[object] = []
    journal = Freezing(stage, at, 31.0, lambda: ends.append(stage.drive("second")))
    frozen = Driver(cast(RunJournal, journal), stage.clock, "frozen", stage.settings)
    assert frozen.drive(stage.run, stage.canvas, stage.preview) is None
    assert ends == [RunState.DONE]
    assert stage.canvas.calls["create"] == 12
    assert stage.canvas.second_mails == 0


def test_a_worker_frozen_beyond_its_deadline_but_not_replaced_goes_on(journal_url: str) -> None:
    stage = Stage(journal_url, creates(*CREATED))
    journal = Freezing(stage, 3, 40.0, lambda: None)
    frozen = Driver(cast(RunJournal, journal), stage.clock, "frozen", stage.settings)
    assert frozen.drive(stage.run, stage.canvas, stage.preview) is RunState.DONE
    assert stage.canvas.calls["create"] == 12


def test_whoever_waits_for_a_place_has_marked_nothing_yet(journal_url: str) -> None:
    """A long pause of Canvas's throttle, the death of its worker included, leaves nothing in doubt."""
    stage = Stage(journal_url, creates(*CREATED))
    seen: list[set[StepState]] = []

    def wait() -> None:
        seen.append({step.state for step in stage.journal.steps(stage.run)})
        stage.clock.sleep(40)

    stage.canvas.waits_for_a_place = wait
    assert stage.drive() is RunState.DONE
    assert len(seen) == 12
    assert set().union(*seen) == {StepState.PENDING, StepState.DONE}


def test_a_worker_frozen_while_it_waited_for_a_place_marks_nothing(journal_url: str) -> None:
    stage = Stage(journal_url, creates(*CREATED))
    frozen: list[object] = []

    def freeze() -> None:
        stage.canvas.waits_for_a_place = lambda: None
        stage.clock.jump(31.0)
        frozen.append(stage.drive("second"))

    stage.canvas.waits_for_a_place = freeze
    assert stage.drive("first") is None
    assert frozen == [RunState.DONE]
    assert stage.canvas.calls["create"] == 12
    claims = [event.details for event in stage.journal.events(stage.run) if event.type == "claimed"]
    assert [claim["in_doubt"] for claim in claims] == [0, 0]


def test_the_lease_is_renewed_through_a_long_wait(journal_url: str) -> None:
    stage = Stage(journal_url, creates(*CREATED))
    stage.canvas.fault = lambda verb, n: LOST_BEFORE if (verb, n) == ("create", 2) else None
    others: list[object] = []
    stage.canvas.meanwhile = lambda verb, n: (
        others.append(stage.journal.claim(stage.run, "thief")) if verb == "reviews_of" else None
    )
    assert stage.drive() is RunState.DONE
    assert others == [None], "after ninety seconds of waiting the run still has its worker"


def test_whoever_lost_the_fence_can_commit_nothing(journal_url: str) -> None:
    stage = Stage(journal_url, creates((1, 2), (2, 3)))
    old = stage.journal.claim(stage.run, "old")
    assert old is not None
    assert stage.journal.claim(stage.run, "early") is None
    step = stage.journal.steps(stage.run)[0]
    stage.journal.mark_sent(old, step)
    stage.clock.sleep(31)
    new = stage.journal.claim(stage.run, "new")
    assert new is not None
    assert new.fence == old.fence + 1
    (sent, other) = stage.journal.steps(stage.run)
    assert (sent.state, sent.doubts) == (StepState.UNKNOWN, 1)
    refusals: tuple[Callable[[], None], ...] = (
        lambda: stage.journal.heartbeat(old),
        lambda: stage.journal.mark_sent(old, other),
        lambda: stage.journal.settle(old, sent, Settlement(StepState.DONE)),
        lambda: stage.journal.move(old, RunState.QUEUED, RunState.CHECKING),
        lambda: stage.journal.cancel_pending(old),
        lambda: stage.journal.note(old, "drift", {}),
    )
    for refused in refusals:
        with pytest.raises(LeaseLost):
            refused()
    stage.journal.release(old)
    stage.journal.heartbeat(new)
    assert stage.journal.steps(stage.run)[1].state is StepState.PENDING
