"""Several deaths, frozen workers, several workers at once, a Canvas that answers badly: real processes."""

from __future__ import annotations

import random

import pytest

from lti_tool.jobs.worker import SWEEP_S
from lti_tool.persistence.run_journal import LEASE
from lti_tool.simulator.faults import FaultKind
from tests.crash.conftest import ALL
from tests.crash.deaths import frozen_after_a_commit, frozen_in_a_call
from tests.crash.stage import CREATES, DELETES, PHASES, Point, Stage

SEEDS = range(20 if ALL else 1)
LOSSES = (
    FaultKind.DROP_BEFORE,
    FaultKind.DROP_AFTER,
    FaultKind.HTML_502,
    FaultKind.ERROR_500_AFTER,
    FaultKind.TRUNCATED,
    FaultKind.HTML_200,
)


def plant(stage: Stage, draw: random.Random, share: float, *, late_s: float = 0.0) -> None:
    """Every nth write goes wrong, each in its own way."""
    faults = stage.world.state.faults
    for method, most in (("POST", 3 * CREATES), ("DELETE", 3 * DELETES)):
        for nth in range(1, most):
            if draw.random() < share:
                kind = FaultKind.EXECUTE_LATE if late_s and draw.random() < 0.2 else draw.choice(LOSSES)
                faults.plant(kind, method=method, nth=nth, seconds=late_s)


@pytest.mark.parametrize("seed", SEEDS)
def test_three_deaths_with_several_calls_in_flight_among_faults(stage: Stage, seed: int) -> None:
    draw = random.Random(seed)
    run = stage.scene(quiet=True)
    plant(stage, draw, 0.2)
    for generation in range(3):
        point = (
            Point("journal", draw.randrange(5, 80))
            if draw.random() < 0.5
            else Point("canvas", stage.requests + draw.randrange(5, 40), draw.choice(PHASES))
        )
        stage.kill_at(run, point, threads=4, generation=generation)
    stage.finish(run, generation=4, threads=4)
    stage.assert_true(run)


@pytest.mark.crash
@pytest.mark.parametrize("seed", range(30))
def test_death_during_recovery(stage: Stage, seed: int) -> None:
    draw = random.Random(seed)
    run = stage.scene()
    assert stage.kill_at(run, Point("journal", draw.randrange(10, 70)))
    stage.kill_at(run, Point("journal", draw.randrange(1, 20)), generation=1)
    stage.finish(run, generation=2)
    stage.assert_exact(run)


@pytest.mark.parametrize("moment", range(8, 76, 4 if ALL else 34))
def test_a_worker_that_is_frozen_beyond_its_lease_sends_nothing_when_it_wakes(
    stage: Stage, moment: int
) -> None:
    """`sent` marks are among the commits; what it would send next is done by another."""
    frozen_after_a_commit(stage, moment)


@pytest.mark.parametrize("number", range(12, 40, 3) if ALL else [20])
def test_a_worker_that_is_frozen_while_canvas_works_for_it(stage: Stage, number: int) -> None:
    frozen_in_a_call(stage, number)


@pytest.mark.parametrize("turn", range(10 if ALL else 1))
def test_three_workers_at_once(stage: Stage, turn: int) -> None:
    run = stage.scene()
    workers = [stage.start(run, threads=4) for _ in range(3)]
    assert [stage.wait(worker) for worker in workers] == [0, 0, 0]
    stage.assert_exact(run)
    assert sum(event.type == "claimed" for event in stage.journal.events(run)) == 1


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5])
@pytest.mark.parametrize("seed", range(4 if ALL else 1))
def test_a_canvas_that_answers_badly(stage: Stage, share: float, seed: int) -> None:
    run = stage.scene(quiet=True)
    plant(stage, random.Random(f"{share} {seed}"), share)
    stage.finish(run, threads=4)
    stage.assert_true(run)


@pytest.mark.crash
@pytest.mark.parametrize("seed", range(4))
def test_calls_that_canvas_executes_after_our_timeout(stage: Stage, seed: int) -> None:
    run = stage.scene(quiet=True)
    plant(stage, random.Random(seed), 0.3, late_s=0.8)
    stage.finish(run, threads=4, timeout_s=0.4, settle_s=1.6)
    stage.assert_true(run)


def test_somebody_takes_over_within_a_minute() -> None:
    assert LEASE.total_seconds() + SWEEP_S <= 45
