"""A worker process is killed with SIGKILL at every point of a run of 40 lines; another one finishes it.

Counts mails and rows, because the end state alone cannot tell a good engine from a bad one; the same points
catch two drivers that are wrong on purpose.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.conftest import ALL
from tests.crash.stage import CREATES, DELETES, TEACHER, Point, Stage
from tests.crash.worker import BAD_DRIVERS

SHARES = 8 if ALL else 1
SAMPLE = 4
"""Points of each database in `make test`; `make crash` takes all, in shares that two cores divide."""


def sample(points: list[Point], size: int) -> list[Point]:
    """Evenly spread, the phases of requests and both sides of commits included."""
    return points[:: max(1, len(points) // size) | 1]


@pytest.mark.parametrize("share", range(SHARES))
def test_death_at_every_point_loses_and_doubles_nothing(stage: Stage, tmp_path: Path, share: int) -> None:
    points = stage.points(tmp_path)
    assert len(points) > 2 * 2 * (CREATES + DELETES) + 3 * (CREATES + 2 * DELETES)
    wanted = points[share::SHARES] if ALL else sample(points, SAMPLE)
    came_so_far = 0
    for point in wanted:
        run = stage.scene()
        came_so_far += stage.kill_at(run, point)
        stage.finish(run)
        try:
            stage.assert_exact(run)
        except AssertionError as error:
            raise AssertionError(f"after a death at {point}: {error}") from error
    # An answer to the last request may come too late to kill anybody.
    assert came_so_far >= len(wanted) - 2


@pytest.mark.parametrize("driver", BAD_DRIVERS)
def test_the_same_points_catch_bad_drivers(stage: Stage, tmp_path: Path, driver: str) -> None:
    second_mails = 0
    points = [Point("canvas", number, "executed") for number in (8, 20)]
    if ALL:
        points += [
            Point("canvas", number, phase) for number in range(4, 34, 3) for phase in ("executed", "answered")
        ]
    for point in points:
        run = stage.scene(quiet=True)
        assert stage.kill_at(run, point, driver=driver)
        assert stage.wait(stage.start(run, driver=driver, generation=1)) == 0
        assert stage.graph == stage.wanted, "the end state looks good"
        second_mails += stage.second_mails
        stage.journal.request_cancel(run, TEACHER)
    assert second_mails >= len(points) / 2
