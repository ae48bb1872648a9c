"""The fault matrix as a table: every row of docs/fault-matrix.md with its fault and what must come of it.

A row of the matrix has one or more rows here. What holds after each of them, whatever the fault, is
``truth.assert_true``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from lti_tool.applying.states import RunState, StepClass
from lti_tool.simulator.faults import FaultKind
from tests.crash.stage import Stage as ProcessStage
from tests.integration.fault_matrix import faults_of_access as access
from tests.integration.fault_matrix import faults_of_canvas as canvas
from tests.integration.fault_matrix import faults_of_machines as machines
from tests.integration.fault_matrix.scene import Scene
from tests.integration.fault_matrix.simulated import Stages
from tests.integration.fault_matrix.truth import Expected, assert_true

REVIEW, ISSUES = RunState.NEEDS_REVIEW, RunState.DONE_WITH_ISSUES


@dataclass(frozen=True, slots=True)
class Row:
    """One fault in a scene of its own; ``setting`` is for the scene."""

    number: int
    variant: str
    happens: Callable[[Scene], None]
    expected: Expected = field(default_factory=Expected)
    setting: dict[str, Any] = field(default_factory=dict)

    def play(self, stages: Stages) -> None:
        """Let it happen, and look at everything afterwards."""
        scene = Scene(stages, **self.setting)
        try:
            self.happens(scene)
            assert_true(scene, self.expected)
        finally:
            scene.close()


@dataclass(frozen=True, slots=True)
class ProcessRow:
    """One fault of worker processes, on the stage of tests/crash, which knows what must hold."""

    number: int
    variant: str
    happens: Callable[[ProcessStage], None]

    def play(self, stages: Stages) -> None:
        """Let it happen."""
        self.happens(stages.processes)


def ends(end: RunState = ISSUES, *, told: tuple[str, ...] = (), **classes: int) -> Expected:
    """What must come of it: the end, steps by class, and what the verification tells."""
    return Expected(end, {StepClass(name): number for name, number in classes.items()}, told)


HASTY = {"read_timeout_s": 0.4}
CHANGED = ends(RunState.DONE, told=("assignment_changed",), done=12)
DOUBLED = ("added_by_others", "duplicate")
UNFIT = ends(told=("assignment_unfit",), done=12)

TABLE: tuple[Row | ProcessRow, ...] = (
    Row(1, "create", access.expires("POST", 3)),
    Row(1, "delete", access.expires("DELETE", 2)),
    Row(1, "reading", access.expires("GET", 1, "/enrollments")),
    Row(2, "", access.revoked),
    Row(3, "", access.scope_missing),
    Row(4, "403", access.not_permitted(access.withhold, access.give_back)),
    Row(4, "401", access.not_permitted(access.withhold_as_of_old, access.give_back)),
    Row(5, "429", canvas.throttled(429, True)),
    Row(5, "403 with something left", canvas.throttled(403, True)),
    Row(6, "", canvas.student_leaves, ends(done=7, student_left=4, kept_unreplaced=1)),
    Row(7, "", canvas.assignment_deleted, ends(REVIEW, done=4, pending=8)),
    Row(8, "rubric", canvas.rubric_before, ends(REVIEW, pending=12)),
    Row(8, "due date", canvas.edited("due_at", datetime(2031, 1, 1, tzinfo=UTC)), CHANGED),
    Row(8, "unpublished", canvas.edited("workflow_state", "unpublished"), UNFIT),
    Row(8, "peer reviews off", canvas.edited("peer_reviews", False), UNFIT),
    Row(9, "concluded", access.not_permitted(access.conclude, access.reopen)),
    Row(9, "deleted", canvas.course_deleted, ends(REVIEW, done=4, pending=8)),
    Row(
        10,
        "",
        canvas.sweep,
        ends(done=12, refused=1),
        {"also": lambda world: [(world.first, world.first)]},
    ),
    Row(11, "lost answer", canvas.lost_delete),
    Row(11, "somebody was faster", canvas.faster_colleague, ends(RunState.DONE, done=11, already_gone=1)),
    Row(11, "there", canvas.kept_refusing, ends(done=8, refused=4)),
    Row(12, "", canvas.unprocessable, ends(done=11, refused=1)),
    Row(13, "before a create", canvas.lost(FaultKind.ERROR_500_BEFORE, "POST")),
    Row(13, "after a create", canvas.lost(FaultKind.ERROR_500_AFTER, "POST")),
    Row(13, "always", canvas.always_failing, ends(done=9, gave_up=1, kept_unreplaced=2)),
    Row(14, "503", canvas.outage(canvas.maintenance)),
    Row(14, "a page with 200", canvas.outage(canvas.maintenance_with_200)),
    Row(15, "refused", canvas.doors_shut),
    Row(15, "no name, no TLS", canvas.no_such_name),
    Row(16, "", canvas.lost(FaultKind.STALL_BEFORE, "POST", seconds=0.8), setting=HASTY),
    Row(17, "create", canvas.lost(FaultKind.STALL_AFTER, "POST", seconds=0.8), setting=HASTY),
    Row(17, "delete", canvas.lost(FaultKind.STALL_AFTER, "DELETE", seconds=0.8), setting=HASTY),
    Row(18, "", canvas.executed_late, setting=HASTY),
    Row(19, "reset before", canvas.lost(FaultKind.DROP_BEFORE, "POST")),
    Row(19, "reset after", canvas.lost(FaultKind.DROP_AFTER, "POST")),
    Row(19, "half JSON", canvas.lost(FaultKind.TRUNCATED, "POST")),
    Row(20, "", canvas.slow),
    Row(
        21,
        "",
        canvas.wrong_ids,
        Expected(
            RunState.FAILED_INTEGRITY,
            {StepClass.DONE: 2, StepClass.CONFLICT: 1, StepClass.PENDING: 9},
            there_too=(StepClass.CONFLICT,),
            unclaimed=1,
        ),
    ),
    Row(22, "circle", canvas.hostile_links(FaultKind.LINK_LOOP)),
    Row(22, "other host", canvas.hostile_links(FaultKind.LINK_FOREIGN)),
    Row(23, "", canvas.row_on_two_pages),
    Row(24, "", canvas.row_between_pages),
    Row(24, "class cut", canvas.short_list(FaultKind.CUT_LIST, "/enrollments")),
    Row(24, "class empty", canvas.short_list(FaultKind.EMPTY_LIST, "/enrollments")),
    Row(24, "submissions cut", canvas.short_list(FaultKind.CUT_LIST, "/assignments/[0-9]+/submissions$")),
    Row(24, "submissions empty", canvas.short_list(FaultKind.EMPTY_LIST, "/assignments/[0-9]+/submissions$")),
    Row(25, "", canvas.odd_pages),
    Row(26, "an hour ahead", machines.clock_jumps(1)),
    Row(26, "an hour behind", machines.clock_jumps(-1)),
    Row(27, "for a while", machines.locked),
    Row(27, "too long", machines.locked_for_too_long),
    Row(28, "full", machines.unwritable("max_page_count={0}")),
    Row(28, "read-only", machines.unwritable("query_only={1}")),
    Row(29, "connections", machines.connections_cut, setting={"database": "postgresql"}),
    Row(29, "server", machines.server_dies, setting={"database": "postgresql"}),
    ProcessRow(30, "", machines.killed_anywhere),
    Row(31, "", machines.pressed_again_and_again),
    Row(32, "", machines.several_workers, setting={"workers": 2}),
    ProcessRow(33, "before a call", machines.frozen),
    ProcessRow(33, "in a call", machines.frozen_while_canvas_works),
    Row(34, "", machines.queue_lost),
    Row(35, "", machines.deployed),
    Row(36, "", access.refresh_race, setting={"workers": 8}),
    Row(37, "", access.lost_refresh),
    Row(
        38,
        "",
        machines.large_class,
        ends(RunState.DONE, done=304),
        {"students": 150, "creates": 300, "workers": 8},
    ),
    Row(39, "SQLite", machines.hurtful_names, setting={"cast_changes": machines.rename}),
    Row(
        39,
        "PostgreSQL",
        machines.hurtful_names,
        setting={"cast_changes": machines.rename, "database": "postgresql"},
    ),
    Row(40, "", machines.large_ids, setting={"shard": 70_000}),
    Row(41, "", machines.browser_closed),
    Row(42, "", access.not_permitted(access.demote, access.promote)),
    Row(
        43,
        "others' reviews",
        machines.others_edit,
        ends(RunState.DONE, told=("added_by_others", "removed_by_others"), done=12),
    ),
    Row(43, "ours", machines.removed_what_we_made, ends(told=("missing",), done=12)),
    Row(44, "", machines.completed_just_before, ends(done=11, kept_completed=1)),
    Row(45, "open", machines.doubled(completed=False), ends(told=DOUBLED, done=11, conflict=1)),
    Row(45, "completed", machines.doubled(completed=True), ends(told=DOUBLED, done=11, kept_completed=1)),
    Row(46, "portal", canvas.portal),
    Row(46, "endless", canvas.endless_body, setting={"body_bytes": 1_000_000}),
    Row(46, "bomb", canvas.bomb, setting={"body_bytes": 1_000_000}),
    Row(47, "redirect", canvas.redirected),
    Row(47, "certificate", canvas.wrong_certificate),
    Row(
        48,
        "",
        machines.restored,
        Expected(
            RunState.DONE,
            {StepClass.DONE: 5, StepClass.ALREADY_THERE: 3, StepClass.ALREADY_GONE: 4},
            unclaimed=7,
        ),
    ),
    Row(49, "", canvas.creates_unavailable, ends(gave_up=8, kept_unreplaced=4)),
    Row(50, "", canvas.another_plan_applied, ends(REVIEW, pending=12)),
    Row(51, "class list", canvas.empty_list("/enrollments")),
    Row(51, "submissions", canvas.empty_list("/submissions")),
    Row(
        52,
        "rubric",
        canvas.changed_in_a_long_run(lambda scene: scene.state.attach_rubric(scene.world.essay.id)),
        ends(REVIEW, done=5, pending=7),
    ),
    Row(
        52,
        "peer reviews off",
        canvas.changed_in_a_long_run(lambda scene: setattr(scene.world.essay, "peer_reviews", False)),
        ends(REVIEW, done=5, pending=7),
    ),
)
