"""A worker dies at every boundary of journal and Canvas; another goes on. Counts mails, not only rows.

The end state alone cannot tell a good engine from a bad one, so the same enumeration is run over two
engines that are wrong on purpose, and must catch them. Death of real processes on both databases is in
``tests/crash``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest
from sqlalchemy import update

from lti_tool.applying.records import Claim
from lti_tool.applying.states import RunState, StepState
from lti_tool.persistence.database import Database
from lti_tool.persistence.journal import Journal
from lti_tool.persistence.journal_rows import StepRow
from lti_tool.planning.ids import RunId
from tests.builders import review, snapshot
from tests.fakes import LOST_AFTER, LOST_BEFORE, Fate, Killed, executes_late
from tests.integration.journal.stage import Stage, creates, deletes, engine_of, pair

pytestmark = pytest.mark.parametrize("shared", ["sqlite"], indirect=True, scope="module")

KEPT = [(7, 8), (8, 9)]
CREATED = [(1, 3), (2, 4)]
DELETED = [(4, 6)]
WANTED = Counter(pair(*who) for who in KEPT + CREATED)


class Stages:
    """As many fresh stages as a test wants, over one journal."""

    def __init__(self, shared: Stage) -> None:
        self._shared = shared

    def next(self, *, workers: int = 1) -> Stage:
        preview = snapshot(reviews=[review(*who) for who in KEPT + DELETED])
        changes = creates(*CREATED) + deletes(*DELETED)
        return Stage(None, changes, preview=preview, workers=workers, after=self._shared)


@pytest.fixture
def stages(shared: Stage) -> Stages:
    return Stages(shared)


def boundaries(stages: Stages) -> int:
    """How many boundaries an undisturbed run crosses."""
    fate = Fate()
    assert stages.next().drive("undisturbed", fate) is RunState.DONE
    return fate.crossed


def kill_at(stage: Stage, *points: int) -> bool:
    """Workers that die one after the other at their own nth boundary; false if the first one outlived it."""
    for number, point in enumerate(points):
        fate = Fate(dies_at=point)
        try:
            stage.drive(f"victim-{number}", fate)
        except Killed:
            stage.clock.sleep(31)
            continue
        return number > 0
    return True


def assert_exact(stage: Stage) -> None:
    report = stage.sweep_until_over()
    assert report.state is RunState.DONE, report.words
    assert stage.canvas.pairs == WANTED
    assert stage.canvas.second_mails == 0
    assert stage.canvas.completed_deleted == []
    assert sum(report.counts.values()) == len(CREATED) + len(DELETED)
    assert report.verification is not None
    assert report.verification.confirmed == report.verification.expected == 3
    assert {effect.created for effect in stage.journal.effects(stage.run)} == {True, False}
    assert len(stage.journal.effects(stage.run)) == 3


def test_death_at_every_boundary_loses_and_doubles_nothing(stages: Stages) -> None:
    last = boundaries(stages)
    assert last > 50
    for point in range(1, last + 1):
        disturbed = stages.next()
        assert kill_at(disturbed, point)
        assert_exact(disturbed)


def test_death_during_recovery(stages: Stages) -> None:
    last = boundaries(stages)
    for first in range(10, last, 9):
        for second in range(3, 36, 11):
            disturbed = stages.next()
            assert kill_at(disturbed, first, second)
            assert_exact(disturbed)


def test_death_with_several_calls_in_flight(stages: Stages) -> None:
    for point in range(11, 46, 4):
        disturbed = stages.next(workers=4)
        assert kill_at(disturbed, point)
        assert_exact(disturbed)


def test_death_among_lost_answers(stages: Stages) -> None:
    faults = {("create", 1): LOST_AFTER, ("create", 2): LOST_BEFORE, ("delete", 1): LOST_AFTER}
    for point in range(12, 48, 3):
        disturbed = stages.next()
        disturbed.canvas.fault = lambda verb, n: faults.get((verb, n))
        assert kill_at(disturbed, point)
        assert_exact(disturbed)


@pytest.mark.parametrize("late", [1.0, 30.0, 85.0])
def test_what_canvas_executes_after_our_timeout_is_waited_for(stages: Stages, late: float) -> None:
    disturbed = stages.next()
    disturbed.canvas.fault = lambda verb, n: executes_late(late) if n == 1 and verb != "reviews_of" else None
    assert_exact(disturbed)


class RestartsThePlan(Journal):
    """Wrong on purpose: after a death everything that was not yet reported is pending again."""

    forgets: Sequence[StepState] = (StepState.UNKNOWN, StepState.DONE)

    def claim(self, run: RunId, owner: str) -> Claim | None:
        claim = super().claim(run, owner)
        forgotten = update(StepRow).where(StepRow.run_id == run, StepRow.state.in_(self.forgets))
        with Database(engine_of(self)).begin() as session:
            session.execute(forgotten.values(state=StepState.PENDING, doubts=0))
        return claim

    def snapshot(self, *_: object) -> None:
        """It does not look what is there either."""


class SendsTheRestAgain(RestartsThePlan):
    """Wrong on purpose: what is done is journalled, what was under way is simply sent again."""

    forgets = (StepState.UNKNOWN,)


@pytest.mark.parametrize("engine", [RestartsThePlan, SendsTheRestAgain])
def test_the_enumeration_catches_engines_that_send_again(stages: Stages, engine: type[Journal]) -> None:
    good = stages.next()
    bad = engine(Database(engine_of(good.journal)), good.clock.now)
    good.sweep_until_over()
    second_mails = 0
    for point in range(15, 34, 2):
        disturbed = stages.next()
        disturbed.journal = bad
        # Canvas's list lags behind, as a replica's does: only the journal knows what was sent.
        old = disturbed.canvas.world
        disturbed.canvas.read_snapshot = lambda old=old: old  # type: ignore[method-assign, misc]
        assert kill_at(disturbed, point)
        disturbed.drive("next")
        second_mails += disturbed.canvas.second_mails
        disturbed.journal = good.journal
        assert disturbed.sweep_until_over().progress.over
    assert second_mails > 0
