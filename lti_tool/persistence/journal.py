"""The run journal as services and pages use it: start, watch, cancel, resume, report.

The other half, which drives, is ``run_journal``; both are one object.
"""

from __future__ import annotations

import json
import secrets
from datetime import timedelta

from sqlalchemy import func, insert, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from lti_tool.applying.driver import PAUSED_BY_PERSON
from lti_tool.applying.errors import ActiveRunExists, NotResumable, OfLaterVersion, PlanOvertaken
from lti_tool.applying.records import Actor, RunEvent
from lti_tool.applying.report import (
    RATE_WINDOW,
    Progress,
    RunReport,
    RunSummary,
    effects_of,
    progress_of,
    report_of,
)
from lti_tool.applying.states import (
    ACTIVE,
    DOUBTFUL,
    PAUSED,
    SETTLED,
    TERMINAL,
    RunState,
    StepState,
    require_run_transition,
    run_state,
)
from lti_tool.persistence.journal_rows import RunEventRow, RunRow, StepRow
from lti_tool.persistence.journal_store import (
    add_event,
    run_record,
    run_row,
    step_records,
    storable,
)
from lti_tool.persistence.our_runs import lock_runs, our_runs
from lti_tool.persistence.run_journal import (
    ENGINE_VERSION,
    SqlRunJournal,
    wants_driving,
)
from lti_tool.persistence.run_views import (
    drift_noted,
    latest_steps,
    steps_by_state,
    summary_of,
    worker_seen,
)
from lti_tool.persistence.step_changes import cancel_steps
from lti_tool.planning.freshness import OurRuns, overtaken_by
from lti_tool.planning.ids import AssignmentId, CanvasOrigin, CourseId, PlanId, RunId
from lti_tool.planning.plan import Plan
from lti_tool.planning.undo import Effect


class Journal(SqlRunJournal):
    """All runs. Reads raise ``UnknownRun``; whose run it is, the caller checks by ``load``."""

    def start(self, plan: Plan, actor: Actor) -> RunId:
        """Journal a run of ``plan`` and its steps, committed before this returns.

        The same plan again gives the same run. Of all plans from one state of the assignment one can be
        applied: whether another run came in between is decided in the transaction that creates the run.

        Raises:
            ActiveRunExists: another run of the assignment is not over.
            PlanOvertaken: another run changed the assignment since the plan's snapshot.
        """
        while True:
            try:
                return self._write(lambda session: self._insert(session, plan, actor))
            except IntegrityError:
                # The unique indexes decided; whoever was first may be over by now, then it is our turn.
                won = self._read(lambda session: _winner(session, plan))
            if isinstance(won, ActiveRunExists):
                raise won
            if won is not None:
                return won

    def _insert(self, session: Session, plan: Plan, actor: Actor) -> RunId:
        lock_runs(session, plan.canvas, plan.assignment_id)
        known = _run_of_plan(session, plan.id)
        if known is not None:
            return known
        _require_current(session, plan)
        run = RunId(secrets.token_hex(12))
        now = self._now(session)
        session.add(
            RunRow(
                id=run,
                plan_id=plan.id,
                canvas=plan.canvas,
                course_id=plan.course_id,
                assignment_id=plan.assignment_id,
                undo_of=plan.undo_of,
                started_by=actor.user,
                started_by_name=storable(actor.name),
                engine_version=ENGINE_VERSION,
                state=RunState.QUEUED,
                created_at=now,
            )
        )
        session.flush()
        steps = [
            {
                "run_id": run,
                "seq": seq,
                "kind": change.kind,
                "reviewer": change.reviewer,
                "author": change.author,
                "submission": change.submission,
                "expected_review": change.review_id,
                "reason": change.reason,
                "state": StepState.PENDING,
            }
            for seq, change in enumerate(plan.writes)
        ]
        if steps:
            session.execute(insert(StepRow), steps)
        add_event(session, run, now, "started", {"by": actor.user, "plan": plan.id, "changes": len(steps)})
        return run

    def request_cancel(self, run: RunId, by: Actor) -> RunState:
        """Ask for the end of a run: no change is sent after this returns.

        A run that nobody drives and that leaves nothing in doubt is over at once; another one ends when
        its worker, or the next sweep, has read back what is in doubt. Gives the state after this call.
        """

        def act(session: Session) -> RunState:
            row = session.get(RunRow, run, with_for_update=True)
            state = _touchable(row or run_row(session, run))
            if row is None or state in TERMINAL:
                return state
            now = self._now(session)
            row.cancel_requested = True
            add_event(session, run, now, "cancel_requested", {"by": by.user})
            idle = row.lease_until is None and state in PAUSED | {RunState.QUEUED}
            if not idle or _in_doubt(session, run):
                return state
            require_run_transition(state, RunState.CANCELLED)
            cancel_steps(session, run, now)
            row.state, row.finished_at, row.waiting_until = RunState.CANCELLED, now, None
            row.reason, row.words = "", ""
            add_event(session, run, now, "state", {"from": state, "to": RunState.CANCELLED, "reason": ""})
            return RunState.CANCELLED

        return self._write(act)

    def request_pause(self, run: RunId, by: Actor) -> RunState:
        """Ask for a pause: no change is sent after this returns, until somebody resumes the run.

        A run that nobody drives is paused at once; another one when its worker, or the next sweep, gets to
        it. A run that is over, stopping, or waits for a person already stays as it is.
        """

        def act(session: Session) -> RunState:
            row = session.get(RunRow, run, with_for_update=True) or run_row(session, run)
            state = _touchable(row)
            waits = state in PAUSED and row.waiting_until is None
            if waits or state in TERMINAL or state is RunState.CANCELLING or row.cancel_requested:
                return state
            now = self._now(session)
            add_event(session, run, now, "pause_requested", {"by": by.user})
            if row.lease_until is not None:
                row.pause_requested = True
                return state
            to = PAUSED_BY_PERSON
            require_run_transition(state, to.to)
            row.state, row.waiting_until, row.reason, row.words = to.to, None, to.reason, to.words
            add_event(session, run, now, "state", {"from": state, "to": to.to, "reason": to.reason})
            return to.to

        return self._write(act)

    def oldest_without_progress(self) -> tuple[RunId, timedelta] | None:
        """The run that should be moving by itself and has been still for longest, and for how long.

        Waiting for a person is no standstill, nor is a pause that ends by itself later; for alarms.
        """

        def act(session: Session) -> tuple[RunId, timedelta] | None:
            now = self._now(session)
            rows = session.execute(
                select(RunRow, func.max(RunEventRow.at))
                .join(RunEventRow, RunEventRow.run_id == RunRow.id)
                .where(or_(RunRow.state.in_(sorted(ACTIVE - PAUSED)), RunRow.waiting_until <= now))
                .where(RunRow.state.not_in(sorted(TERMINAL)))
                .group_by(RunRow.id)
            )
            moved = {
                RunId(run.id): max(filter(None, [told, run.last_progress_at, run.waiting_until]))
                for run, told in rows
            }
            if not moved:
                return None
            oldest = min(moved, key=lambda run: (moved[run], run))
            return oldest, max(now - moved[oldest], timedelta(0))

        return self._read(act)

    def resume(self, run: RunId, by: Actor) -> None:
        """Let a paused run go on; the caller rings the queue afterwards.

        Raises:
            NotResumable: it is not paused.
        """

        def act(session: Session) -> None:
            row = session.get(RunRow, run, with_for_update=True) or run_row(session, run)
            state = _touchable(row)
            if state not in PAUSED:
                raise NotResumable(state)
            now = self._now(session)
            row.state, row.pauses, row.waiting_until, row.reason, row.words = RunState.QUEUED, 0, None, "", ""
            row.pause_requested = False
            add_event(session, run, now, "resumed", {"by": by.user, "from": state})

        self._write(act)

    def our_runs(self, canvas: CanvasOrigin, course: CourseId, assignment: AssignmentId) -> OurRuns:
        """Which run of an assignment touched it last, and whether it is under way."""
        return self._read(lambda session: our_runs(session, canvas, course, assignment))

    def made(self, run: RunId) -> int:
        """How many changes a run has made itself."""
        return self._read(lambda session: _made(session, run))

    def active_run(self, run: RunId) -> ActiveRunExists:
        """What is said of a run that is under way to somebody who must wait for it."""
        return self._read(lambda session: _active(session, run_row(session, run)))

    def runs_to_drive(self) -> tuple[RunId, ...]:
        """The runs that a sweep should drive now, oldest first."""

        def act(session: Session) -> tuple[RunId, ...]:
            found = session.scalars(
                select(RunRow.id)
                .where(wants_driving(self._now(session)))
                .order_by(RunRow.created_at, RunRow.id)
            )
            return tuple(RunId(run) for run in found)

        return self._read(act)

    def run_of_plan(self, plan: PlanId) -> RunId | None:
        """The run that applied, or applies, a plan."""
        return self._read(lambda session: _run_of_plan(session, plan))

    def history(
        self, canvas: CanvasOrigin, course: CourseId, assignment: AssignmentId | None = None
    ) -> tuple[RunSummary, ...]:
        """Runs of a course, or of one assignment of it, newest first."""

        def act(session: Session) -> tuple[RunSummary, ...]:
            of_course = [RunRow.canvas == canvas, RunRow.course_id == course]
            if assignment is not None:
                of_course.append(RunRow.assignment_id == assignment)
            rows = session.scalars(
                select(RunRow).where(*of_course).order_by(RunRow.created_at.desc(), RunRow.id)
            ).all()
            states = steps_by_state(session, *of_course)
            return tuple(summary_of(run_record(row), states[row.id]) for row in rows)

        return self._read(act)

    def report(self, run: RunId) -> RunReport:
        """Everything about a run, at any time of its life."""

        def act(session: Session) -> RunReport:
            return report_of(
                run_record(run_row(session, run)),
                step_records(session, run),
                self._now(session),
                worker_seen=worker_seen(session),
                drift=drift_noted(session, run),
            )

        return self._read(act)

    def settled(self, run: RunId) -> int:
        """How many changes of a run are settled: one count over an index, for a bar that moves."""
        settled = select(func.count()).where(StepRow.run_id == run, StepRow.state.in_(sorted(SETTLED)))
        return self._read(lambda session: session.execute(settled).scalar_one())

    def progress(self, run: RunId) -> Progress:
        """How far a run is, without reading its steps one by one; for polling."""

        def act(session: Session) -> Progress:
            record = run_record(run_row(session, run))
            now = self._now(session)
            window = min(RATE_WINDOW, max(now - record.created_at, timedelta(seconds=1)))
            lately = session.execute(
                select(func.count())
                .select_from(StepRow)
                .where(StepRow.run_id == run, StepRow.resolved_at > now - window)
            ).scalar_one()
            states = steps_by_state(session, RunRow.id == run)[run]
            return progress_of(
                record, states, lately, window, now, latest_steps(session, run), worker_seen(session)
            )

        return self._read(act)

    def events(self, run: RunId, after: int = 0) -> tuple[RunEvent, ...]:
        """The run's history after the event with id ``after``."""

        def act(session: Session) -> tuple[RunEvent, ...]:
            rows = session.scalars(
                select(RunEventRow)
                .where(RunEventRow.run_id == run, RunEventRow.id > after)
                .order_by(RunEventRow.id)
            )
            return tuple(RunEvent(row.id, row.at, row.type, json.loads(row.details)) for row in rows)

        return self._read(act)

    def effects(self, run: RunId) -> tuple[Effect, ...]:
        """What the run itself changed in Canvas, for the plan that takes it back."""
        return self._read(lambda session: effects_of(step_records(session, run)))


def _touchable(row: RunRow) -> RunState:
    """The state of a run that somebody wants to change; raises ``OfLaterVersion``."""
    state = run_state(row.state)
    if state is RunState.OF_LATER_VERSION or row.engine_version > ENGINE_VERSION:
        raise OfLaterVersion
    return state


def _run_of_plan(session: Session, plan: PlanId) -> RunId | None:
    found = session.scalar(select(RunRow.id).where(RunRow.plan_id == plan))
    return None if found is None else RunId(found)


def _winner(session: Session, plan: Plan) -> RunId | ActiveRunExists | None:
    """Who was first: a run of the same plan, another active run, or nobody any more."""
    same = _run_of_plan(session, plan.id)
    if same is not None:
        return same
    other = session.scalar(
        select(RunRow).where(
            RunRow.canvas == plan.canvas,
            RunRow.assignment_id == plan.assignment_id,
            RunRow.state.not_in(sorted(TERMINAL)),
        )
    )
    return None if other is None else _active(session, other)


def _active(session: Session, row: RunRow) -> ActiveRunExists:
    states = steps_by_state(session, RunRow.id == row.id)[row.id]
    done = sum(number for state, number in states.items() if state in SETTLED)
    return ActiveRunExists(RunId(row.id), row.started_by_name, row.created_at, done, sum(states.values()))


def _made(session: Session, run: RunId) -> int:
    return steps_by_state(session, RunRow.id == run)[run].get(StepState.DONE, 0)


def _require_current(session: Session, plan: Plan) -> None:
    """Raise what keeps a plan from being applied: another run that is under way, or came in between."""
    runs = our_runs(session, plan.canvas, plan.course_id, plan.assignment_id)
    if runs.active is not None:
        raise _active(session, run_row(session, runs.active.id))
    overtaken = overtaken_by(plan.after_run, runs)
    if overtaken is not None:
        raise PlanOvertaken(overtaken, _made(session, overtaken.id))


def _in_doubt(session: Session, run: RunId) -> bool:
    doubtful = select(StepRow.seq).where(StepRow.run_id == run, StepRow.state.in_(sorted(DOUBTFUL))).limit(1)
    return session.scalar(doubtful) is not None
