"""Looking how far a run is costs next to nothing, however long the run: no step is read one by one."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import update

from lti_tool.applying.states import StepState
from lti_tool.cli.runs import LOOK_EVERY_S, LOOKING_COSTS
from lti_tool.persistence.journal_rows import StepRow, table_of
from tests.integration.journal.stage import Stage, creates, engine_of, sqlite_url

STEPS = 20_000
WORKER_MS = 5.0
"""Processor time of a worker for one write (docs/reliability.md)."""
WRITES_A_SECOND = 50
PAGE_LOOKS_EVERY_S = 1.0


def cost_ms(look: Callable[[], object], times: int = 5) -> float:
    """Processor milliseconds of one look, the least of several: what else runs here only adds."""
    look()
    least = float("inf")
    for _ in range(times):
        began = time.process_time()
        look()
        least = min(least, time.process_time() - began)
    return 1000 * least


@pytest.fixture(scope="module")
def long_run(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """A run of which half is settled, over the last minutes."""
    url = sqlite_url(tmp_path_factory.mktemp("long") / "journal.sqlite3")
    stage = Stage(url, creates(*((number, number + 1) for number in range(STEPS))))
    step, now = table_of(StepRow), stage.clock.now()
    with engine_of(stage.journal).begin() as connection:
        for part in range(10):
            settled = (StepRow.seq >= part * STEPS // 20) & (StepRow.seq < (part + 1) * STEPS // 20)
            at = now - timedelta(seconds=20 * (10 - part))
            connection.execute(update(step).where(settled).values(state=StepState.DONE, resolved_at=at))
    return stage


def test_a_progress_bar_costs_under_a_hundredth_of_the_run(long_run: Stage) -> None:
    assert long_run.journal.settled(long_run.run) == STEPS // 2
    look = cost_ms(lambda: long_run.journal.settled(long_run.run))
    in_a_second = look / max(LOOK_EVERY_S, look / 1000 / LOOKING_COSTS)
    assert in_a_second < 0.01 * WORKER_MS * WRITES_A_SECOND, look


def test_a_page_that_looks_every_second_costs_little_and_far_less_than_the_report(long_run: Stage) -> None:
    progress = long_run.journal.progress(long_run.run)
    assert (progress.done, progress.total, len(progress.latest)) == (STEPS // 2, STEPS, 5)
    look = cost_ms(lambda: long_run.journal.progress(long_run.run))
    assert look / PAGE_LOOKS_EVERY_S < 0.05 * WORKER_MS * WRITES_A_SECOND, look
    report = cost_ms(lambda: long_run.journal.report(long_run.run), times=1)
    assert look < report / 50, (look, report)
