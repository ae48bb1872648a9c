"""Applying, watching, stopping, resuming and undoing runs; and driving one, for workers."""

from __future__ import annotations

import os
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import structlog

from allocation.sentences import N_
from lti_tool.applying.clock import SystemClock
from lti_tool.applying.driver import Driver
from lti_tool.applying.errors import (
    ActiveRunExists,
    NotResumable,
    OfLaterVersion,
    PlanOvertaken,
    UnknownRun,
)
from lti_tool.applying.records import Actor as Starter
from lti_tool.applying.report import Progress, RunReport, RunSummary, worth_trying
from lti_tool.applying.settings import DriverSettings
from lti_tool.applying.states import PAUSED, TERMINAL
from lti_tool.canvas.pacing import Lane
from lti_tool.canvas.snapshot_reader import AssignmentReviews
from lti_tool.defects import Defect
from lti_tool.persistence.database import Database
from lti_tool.persistence.instance import RestoreWatch
from lti_tool.persistence.journal import Journal
from lti_tool.persistence.plans import StoredPlan, load_plan
from lti_tool.planning.again import again_changes
from lti_tool.planning.ids import AssignmentId, CanvasOrigin, PlanId, ReviewId, RunId, UserId
from lti_tool.planning.plan import Plan
from lti_tool.planning.undo import undo_changes
from lti_tool.services.actor import Actor
from lti_tool.services.canvas_access import CanvasAccess
from lti_tool.services.errors import (
    NotHere,
    NothingToUndo,
    PlanEmpty,
    PlanOutdated,
    RunNotPaused,
    RunOfLaterVersion,
)
from lti_tool.services.planning import Planning, too_old
from lti_tool.services.reading import Reading

LOOK_AGAIN_S = 0.5
log = structlog.get_logger(__name__)


class Running:
    """Implements ``RunningCases``. ``ring`` wakes a worker for a run; losing a ring costs one sweep."""

    def __init__(
        self,
        journal: Journal,
        planning: Planning,
        reading: Reading,
        ring: Callable[[str], None],
        now: Callable[[], datetime],
        plan_max_age: timedelta,
    ) -> None:
        self._journal = journal
        self._planning = planning
        self._reading = reading
        self._ring = ring
        self._now = now
        self._plan_max_age = plan_max_age

    def start(self, actor: Actor, plan_id: PlanId) -> RunId:
        """Journal a run of the plan and ring the worker; the same plan again gives the same run.

        Raises:
            PlanEmpty: nothing would change.
            PlanOutdated: the plan is too old, or the assignment had another run since its snapshot, or has
                one now. Of all plans from one state of the assignment one can be applied.
        """
        plan = self._planning.stored(actor, plan_id).plan
        if (run := self._journal.run_of_plan(plan_id)) is not None:
            return run
        if not plan.writes:
            raise PlanEmpty(N_("Canvas already matches this plan; there is nothing to apply."))
        if too_old(plan, self._now(), self._plan_max_age):
            raise PlanOutdated(
                N_("This plan is too old to be applied. Make a new preview."),
                plan_id=plan.id,
                undo_of=plan.undo_of,
            )
        try:
            run = self._journal.start(plan, Starter(actor.user_id, actor.name))
        except ActiveRunExists as active:
            raise PlanOutdated(
                active.words,
                plan_id=plan.id,
                run_id=active.run,
                undo_of=plan.undo_of,
                active=True,
            ) from None
        except PlanOvertaken as overtaken:
            raise PlanOutdated(
                overtaken.words,
                plan_id=plan.id,
                run_id=overtaken.run.id,
                undo_of=plan.undo_of,
            ) from None
        self._ring(run)
        return run

    def report(self, actor: Actor, run_id: RunId) -> RunReport:
        """State, counts and steps of a run of this course.

        Raises:
            NotHere: no such run in this course.
        """
        try:
            report = self._journal.report(run_id)
        except UnknownRun:
            raise NotHere(N_("There is no run %(run)s."), run=run_id) from None
        if (report.canvas, report.course_id) != (actor.canvas, actor.course_id):
            raise NotHere(N_("There is no run %(run)s in this course."), run=run_id)
        return report

    def progress(self, actor: Actor, run_id: RunId) -> Progress:
        """How far a run of this course is, without its steps; cheap enough to be asked every second.

        Raises:
            NotHere: no such run in this course.
        """
        try:
            run = self._journal.load(run_id)
            progress = self._journal.progress(run_id)
        except UnknownRun:
            raise NotHere(N_("There is no run %(run)s."), run=run_id) from None
        if (run.canvas, run.course_id) != (actor.canvas, actor.course_id):
            raise NotHere(N_("There is no run %(run)s in this course."), run=run_id)
        return progress

    def cancel(self, actor: Actor, run_id: RunId) -> None:
        """Stop after the calls that are under way."""
        self.progress(actor, run_id)
        with _left_to_later_versions():
            self._journal.request_cancel(run_id, Starter(actor.user_id, actor.name))
        self._ring(run_id)

    def pause(self, actor: Actor, run_id: RunId) -> None:
        """Send nothing more until somebody resumes the run."""
        self.progress(actor, run_id)
        with _left_to_later_versions():
            self._journal.request_pause(run_id, Starter(actor.user_id, actor.name))

    def resume(self, actor: Actor, run_id: RunId) -> None:
        """Continue a paused run, and wake a worker for one that lost its own.

        Raises:
            RunNotPaused: it is over.
        """
        self.progress(actor, run_id)
        try:
            with _left_to_later_versions():
                self._journal.resume(run_id, Starter(actor.user_id, actor.name))
        except NotResumable as error:
            if error.state in TERMINAL:
                raise RunNotPaused(N_("This run is over, so there is nothing to resume.")) from None
        self._ring(run_id)

    def undo(self, actor: Actor, run_id: RunId, *, fresh: bool = True) -> Plan:
        """Make and store the plan that takes a run back, on a new snapshot or on a good one.

        Raises:
            AnotherRunActive: an update of the assignment is under way.
            NothingToUndo: the run changed nothing itself, or nothing of it is left to take back.
        """
        report = self.report(actor, run_id)
        effects = self._journal.effects(run_id)
        if not effects:
            raise NothingToUndo(N_("This run changed nothing in Canvas, so there is nothing to take back."))
        original = self._planning.stored(actor, report.plan_id).plan
        snapshot = self._reading.snapshot(actor, report.assignment_id, fresh=fresh, to_plan=True)
        at_most = original.rules.reviews_per_reviewer if self._changed_since(report) else None
        changes = undo_changes(snapshot, effects, at_most=at_most)
        plan = self._planning.store(actor, snapshot, original.rules, original.seed, changes, undo_of=run_id)
        if not plan.writes:
            raise NothingToUndo(
                N_(
                    "Nothing of this run can be taken back: its reviews are completed, gone already, "
                    "replaced by a later update, or of people who left the course."
                )
            )
        return plan

    def _changed_since(self, report: RunReport) -> bool:
        """Whether a later run changed reviews of the same assignment."""
        for run in self._journal.history(report.canvas, report.course_id, report.assignment_id):
            if run.id == report.id:
                return False
            if self._journal.effects(run.id):
                return True
        return False

    def again(self, actor: Actor, run_id: RunId, *, fresh: bool = True) -> Plan:
        """Make and store the plan of what a run did not make, on a new reading or a good one.

        It names the run's plan as the one that it is based on. Lines that can no longer be made are in it
        with their reasons, so it may have no writes.

        Raises:
            PlanEmpty: the run left nothing that can be tried again, or goes on.
            AnotherRunActive: an update of the assignment is under way.
        """
        report = self.report(actor, run_id)
        left = {(step.kind, step.reviewer, step.author, step.submission) for step in worth_trying(report)}
        if not left:
            raise PlanEmpty(N_("This run left nothing that can be tried again."))
        original = self._planning.stored(actor, report.plan_id).plan
        snapshot = self._reading.snapshot(actor, report.assignment_id, fresh=fresh, to_plan=True)
        missing = [
            one for one in original.writes if (one.kind, one.reviewer, one.author, one.submission) in left
        ]
        changes = again_changes(snapshot, missing)
        return self._planning.store(
            actor,
            snapshot,
            original.rules,
            original.seed,
            changes,
            undo_of=original.undo_of,
            based_on=original.id,
        )

    def history(self, actor: Actor, assignment: AssignmentId | None = None) -> tuple[RunSummary, ...]:
        """Runs of the course, newest first."""
        return self._journal.history(actor.canvas, actor.course_id, assignment)


@contextmanager
def _left_to_later_versions() -> Iterator[None]:
    """Say it as pages and commands do."""
    try:
        yield
    except OfLaterVersion as error:
        raise RunOfLaterVersion(error.words) from None


def our_reviews(journal: Journal) -> Callable[[Actor, AssignmentId], frozenset[ReviewId]]:
    """A function that lists the reviews of an assignment that runs of this tool created."""

    def found(actor: Actor, assignment: AssignmentId) -> frozenset[ReviewId]:
        runs = journal.history(actor.canvas, actor.course_id, assignment)
        return frozenset(
            effect.review_id for run in runs for effect in journal.effects(run.id) if effect.created
        )

    return found


class Turns:
    """How many things of one Canvas this process does at once."""

    def __init__(self, most: int | None) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._under_way: Counter[CanvasOrigin] = Counter()

    @contextmanager
    def of(self, canvas: CanvasOrigin) -> Iterator[bool]:
        """Whether it may be done now; counted until the block ends."""
        with self._lock:
            may = self._most is None or self._under_way[canvas] < self._most
            self._under_way[canvas] += may
        try:
            yield may
        finally:
            with self._lock:
                self._under_way[canvas] -= may


class Driving:
    """Drives runs, for workers; any number of them on any number of hosts.

    Args:
        most_of_a_canvas: runs of one Canvas that this process drives at once, so that a slow one leaves
            threads for others; a run beyond that is found by a later sweep. None: no limit.
    """

    def __init__(
        self,
        database: Database,
        journal: Journal,
        access: CanvasAccess,
        settings: DriverSettings,
        watch: RestoreWatch | None = None,
        *,
        most_of_a_canvas: int | None = None,
    ) -> None:
        self._database = database
        self._journal = journal
        self._access = access
        self._turns = Turns(most_of_a_canvas)
        self._watch = watch
        self._left = threading.Event()
        self._driver = Driver(journal, SystemClock(), f"{socket.gethostname()}:{os.getpid()}", settings)

    def drive(self, run_id: str) -> None:
        """Drive one run until it is over, paused, or somebody else's; not at all while it isn't its turn."""
        with structlog.contextvars.bound_contextvars(run=run_id):
            self._drive(run_id)

    def _drive(self, run_id: str) -> None:
        run = self._journal.load(RunId(run_id))
        with self._database.read() as session:
            stored = load_plan(session, run.plan_id)
        if stored is None:
            raise Defect(f"run {run_id} has no plan")
        with self._turns.of(stored.plan.canvas) as may:
            if not may:
                log.info("run_waits_for_its_canvas", canvas=stored.plan.canvas)
                return
            reviews = self._reviews(stored, run.started_by)
            state = self._driver.drive(RunId(run_id), reviews, stored.snapshot, stored.plan.rules)
        log.info("run left", state=state)

    def drive_to_rest(self, run_id: str) -> None:
        """Drive until the run is over or waits for a person, whoever drives it meanwhile."""
        while True:
            self.drive(run_id)
            run = self._journal.load(RunId(run_id))
            if run.state in TERMINAL or (run.state in PAUSED and run.waiting_until is None):
                return
            if self._left.wait(LOOK_AGAIN_S):
                return

    def waiting(self) -> tuple[str, ...]:
        """Runs that want a driver now."""
        self._notice_a_restore()
        return self._journal.runs_to_drive()

    def _notice_a_restore(self) -> None:
        """Before anything is driven: a database from a backup must not go on by itself."""
        held = self._watch.look() if self._watch is not None else 0
        if held:
            log.error("the database was restored from a backup; its runs are held", runs=held)

    def leave(self) -> None:
        """Finish the calls under way and give the leases back."""
        self._left.set()
        self._driver.leave()

    def _reviews(self, stored: StoredPlan, user: UserId) -> AssignmentReviews:
        plan = stored.plan
        client = self._access.client(plan.canvas, user, Lane.RUN)
        return AssignmentReviews(client, plan.canvas, plan.course_id, plan.assignment_id)
