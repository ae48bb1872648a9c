"""Every fault of docs/fault-matrix.md, planted under a run of the real writer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from lti_tool.logs import configure_logs
from tests.integration.fault_matrix.scene import Scene
from tests.integration.fault_matrix.simulated import Stages, stages_in
from tests.integration.fault_matrix.table import TABLE, ProcessRow, Row
from tests.integration.fault_matrix.truth import Expected, assert_true

# Huey leaves closing its connections to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stages]:
    with stages_in(tmp_path_factory.mktemp("faults")) as made:
        yield made


@pytest.fixture(autouse=True)
def quiet() -> None:
    """Each row would write some forty lines."""
    configure_logs("error")


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.number:02d} {row.variant}".strip())
def test_a_fault(stages: Stages, row: Row | ProcessRow) -> None:
    row.play(stages)


def test_what_is_looked_at_after_each_row_can_fail(stages: Stages) -> None:
    """Each thing that a bad writer would do, done to a run that was fine."""
    scene = Scene(stages)
    scene.drive()
    assert_true(scene, Expected())
    state, world = scene.state, scene.world
    made = next(row for row in state.reviews_of(world.essay.id) if row.made_by == world.teacher.id)
    completed = state.requests[scene.there(6)]
    last = scene.writes[-1]

    def mail_again() -> None:
        state.assign_assessor(state.submissions[made.submission_id], made.assessor_id)

    def write_something_else() -> None:
        state.log.append(replace(last, query="user_id=1"))

    for wrong, mend in (
        (mail_again, lambda: state.notifications.pop()),
        (lambda: state.remove_request(completed), lambda: state.store_request(completed)),
        (lambda: state.remove_request(made), lambda: state.store_request(made)),
        (lambda: scene.before.update({(made.user_id, last.path): 1}), lambda: scene.before.popitem()),
        (write_something_else, lambda: state.log.pop()),
        (lambda: state.log.extend([last] * 12), lambda: state.log.__delitem__(slice(-12, None))),
    ):
        wrong()
        with pytest.raises(AssertionError):
            assert_true(scene, Expected())
        mend()
    assert_true(scene, Expected())
    scene.close()
