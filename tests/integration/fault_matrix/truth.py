"""What must hold after every row, whatever the fault: report, graph, mails, writes against Canvas itself."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from lti_tool.applying.report import RunReport
from lti_tool.applying.states import RunState, StepClass
from lti_tool.planning.plan import ChangeKind
from tests.integration.fault_matrix.scene import Scene
from tests.integration.fault_matrix.simulated import CREATES, DELETES, REVIEWS


@dataclass(frozen=True, slots=True)
class Expected:
    """How a run must end. ``told`` are the mismatches that its verification names, none where all is quiet.

    ``there_too`` are classes whose creates are in Canvas although the step is not done; ``unclaimed`` counts
    changes of ours that the journal does not take for its own.
    """

    end: RunState = RunState.DONE
    classes: dict[StepClass, int] = field(default_factory=lambda: {StepClass.DONE: CREATES + DELETES})
    told: tuple[str, ...] = ()
    there_too: tuple[StepClass, ...] = ()
    unclaimed: int = 0


def assert_true(scene: Scene, expected: Expected) -> None:
    """The report, the graph, the mails, the writes: each against what Canvas has and logged."""
    scene.stages.wait_until_calm()
    report = scene.report
    counts = {name: number for name, number in report.counts.items() if number}
    assert (report.state, counts) == (expected.end, dict(expected.classes)), report.words
    assert sum(counts.values()) == len(scene.plan.writes)
    told = (
        {mismatch.kind.value for mismatch in report.verification.mismatches} if report.verification else set()
    )
    assert told == set(expected.told)
    _assert_graph(scene, report, expected)
    _assert_mails(scene)
    _assert_writes(scene)
    _assert_effects(scene, expected)


def _assert_graph(scene: Scene, report: RunReport, expected: Expected) -> None:
    graph = Counter(scene.before)
    graph.update(scene.added_by_others)
    graph.subtract(scene.removed_by_others)
    for step in report.steps:
        pair = (str(step.reviewer), str(step.submission))
        if step.kind is ChangeKind.DELETE:
            if step.step_class in (StepClass.DONE, StepClass.ALREADY_GONE):
                graph[pair] = 0
        elif step.step_class in (StepClass.DONE, StepClass.ALREADY_THERE, *expected.there_too):
            graph[pair] = 0 if pair in scene.removed_after_us else max(graph[pair], 1)
    assert scene.world.graph == +graph
    assert {row.id for row in scene.state.reviews_of(scene.world.essay.id)} >= scene.completed
    if not scene.added_by_others:
        assert set(scene.world.graph.values()) == {1}, "no pair twice"


def _assert_mails(scene: Scene) -> None:
    mails = Counter(mail.request_id for mail in scene.state.notifications)
    assert all(number == 1 for number in mails.values()), "nobody is mailed twice"
    assert not scene.rows_before & set(mails), "nobody is mailed about a review that was there"


def _assert_writes(scene: Scene) -> None:
    verbs = {ChangeKind.CREATE: "POST", ChangeKind.DELETE: "DELETE"}
    approved = {(verbs[line.kind], str(line.submission), str(line.reviewer)) for line in scene.plan.writes}
    reached = [row for row in scene.writes if row.status != 401]
    for row in scene.writes:
        found = REVIEWS.search(row.path)
        assert found is not None
        reviewer = dict(row.form).get("user_id") or row.query.partition("user_id=")[2].partition("&")[0]
        assert (row.method, found.group(1), reviewer) in approved
    with scene.first_database.read() as session:
        count = "SELECT count(*) FROM run_step_attempt"
        rows = session.connection().exec_driver_sql(count).scalar_one()
    assert rows >= len(reached), "no call without a row"


def _assert_effects(scene: Scene, expected: Expected) -> None:
    """What the journal claims as its own is what Canvas has of the teacher's doing."""
    rows = scene.state.reviews_of(scene.world.essay.id)
    made = {row.id for row in rows if row.made_by == scene.world.teacher.id}
    gone = scene.rows_before - {row.id for row in rows} - scene.gone_by_others
    effects = scene.journal.effects(scene.run)
    claimed_made = {str(effect.review_id) for effect in effects if effect.created}
    claimed_gone = {str(effect.review_id) for effect in effects if not effect.created}
    assert len(claimed_made - made) == len(scene.removed_after_us)
    assert claimed_gone <= gone
    assert len(made - claimed_made) + len(gone - claimed_gone) == expected.unclaimed
