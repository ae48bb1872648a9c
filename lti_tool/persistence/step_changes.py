"""The changes of steps, inside a transaction: hold the run, compare the fence, mark, settle, cancel.

Every transition is one guarded UPDATE (``WHERE state = expected``) in a transaction that first holds the
run's row against a new claim and compares the fence; no row changed means that somebody else drives.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from datetime import datetime

from sqlalchemy import Connection, Update, bindparam, insert, select, update
from sqlalchemy.orm import Session

from lti_tool.applying.errors import CancelRequested, LeaseLost, PauseRequested
from lti_tool.applying.records import Claim, Settlement, StepRecord
from lti_tool.applying.states import SETTLED, StepState, require_step_transition
from lti_tool.persistence.journal_rows import REQUEST_ID_LENGTH, AttemptRow, RunRow, StepRow, table_of
from lti_tool.persistence.journal_store import storable
from lti_tool.planning.ids import RunId

RUN, STEP, ATTEMPT = table_of(RunRow), table_of(StepRow), table_of(AttemptRow)

# The statements of each step, built once: they run twice per call to Canvas, and building costs more than
# running. Names of parameters differ from column names, which would be taken for values to set.
_HOLD = (
    select(RUN.c.id, RUN.c.fence, RUN.c.cancel_requested, RUN.c.pause_requested)
    .where(RUN.c.id.in_(bindparam("of_runs", expanding=True)))
    .order_by(RUN.c.id)  # whoever locks several runs does it in this order, so that nobody deadlocks
    .with_for_update(read=True)
)
_THIS_STEP = (STEP.c.run_id == bindparam("of_run"), STEP.c.seq == bindparam("of_seq"))
_MARK_SENT = (
    update(STEP)
    .where(*_THIS_STEP, STEP.c.state == StepState.PENDING.value)
    .values(
        state=StepState.SENT.value,
        sends=STEP.c.sends + 1,
        sent_at=bindparam("at"),
        fence=bindparam("by_fence"),
    )
)
_SENT = insert(ATTEMPT).from_select(
    ["run_id", "seq", "n", "fence", "sent_at"],
    select(STEP.c.run_id, STEP.c.seq, STEP.c.sends, STEP.c.fence, STEP.c.sent_at).where(*_THIS_STEP),
)
_SETTLE = (
    update(STEP)
    .where(*_THIS_STEP, STEP.c.state == bindparam("from_state"))
    .values(
        state=bindparam("to_state"),
        whose=bindparam("to_whose"),
        review=bindparam("to_review"),
        why=bindparam("to_why"),
        status=bindparam("to_status"),
        note=bindparam("to_note"),
        attempts=STEP.c.attempts + bindparam("counted"),
        doubts=STEP.c.doubts + bindparam("doubted"),
        resolved_at=bindparam("at"),
    )
)
_ANSWERED = (
    update(ATTEMPT)
    .where(
        ATTEMPT.c.run_id == bindparam("of_run"),
        ATTEMPT.c.seq == bindparam("of_seq"),
        ATTEMPT.c.fence == bindparam("by_fence"),
        ATTEMPT.c.answered_at.is_(None),
    )
    .values(
        answered_at=bindparam("at"),
        outcome=bindparam("to_state"),
        why=bindparam("to_why"),
        status=bindparam("to_status"),
        request_id=bindparam("to_request"),
    )
)

StepJob = tuple[Claim, StepRecord, Settlement | None]
"""A step that is to be marked as sent (None), or settled."""


def changed(session: Session, statement: Update) -> int:
    """Execute an UPDATE; gives the number of rows that it changed."""
    return session.connection().execute(statement).rowcount


def require_one(session: Session, statement: Update) -> None:
    """Execute a guarded UPDATE of one row; raise ``LeaseLost`` when its guard did not hold."""
    if changed(session, statement) != 1:
        raise LeaseLost


def change_steps(session: Session, jobs: Sequence[StepJob], clock: Callable[[Session], datetime]) -> None:
    """Mark or settle steps, all or none."""
    held = hold(session, {claim for claim, _, _ in jobs})
    now = clock(session)
    marks = [(claim, step) for claim, step, to in jobs if to is None]
    for claim, _ in marks:
        if (wish := held[claim.run]) is not None:
            raise wish
    if marks:
        _mark(session.connection(), marks, now)
    settled = [(claim, step, to) for claim, step, to in jobs if to is not None]
    if settled:
        _settle(session.connection(), settled, now)


def hold(session: Session, claims: Set[Claim]) -> Mapping[RunId, Exception | None]:
    """Keep new claims out until this transaction ends, and make sure that there were none.

    On SQLite the whole database is ours since BEGIN IMMEDIATE; PostgreSQL needs the share lock, or a
    claim could be committed between our look at the fence and our update of a step. Gives for each run
    what somebody asked for, if it keeps changes from being sent.
    """
    runs = {"of_runs": sorted(claim.run for claim in claims)}
    found = {row.id: row for row in session.connection().execute(_HOLD, runs)}
    for claim in claims:
        if claim.run not in found or found[claim.run].fence != claim.fence:
            raise LeaseLost
    return {run: _wish(row.cancel_requested, row.pause_requested) for run, row in found.items()}


def _wish(cancel: bool, pause: bool) -> Exception | None:
    return CancelRequested() if cancel else PauseRequested() if pause else None


def cancel_steps(session: Session, run: RunId, now: datetime) -> None:
    """Close all pending steps of a run."""
    changed(
        session,
        update(STEP)
        .where(StepRow.run_id == run, StepRow.state == StepState.PENDING)
        .values(state=StepState.CANCELLED, resolved_at=now),
    )


def _mark(connection: Connection, marks: Sequence[tuple[Claim, StepRecord]], now: datetime) -> None:
    these = [
        {"of_run": claim.run, "of_seq": step.seq, "by_fence": claim.fence, "at": now} for claim, step in marks
    ]
    if connection.execute(_MARK_SENT, these).rowcount != len(these):
        raise LeaseLost
    connection.execute(_SENT, these)


def _settle(
    connection: Connection, settled: Sequence[tuple[Claim, StepRecord, Settlement]], now: datetime
) -> None:
    these, answered = [], []
    for claim, step, to in settled:
        require_step_transition(step.state, to.to)
        this: dict[str, object] = {
            "of_run": claim.run,
            "of_seq": step.seq,
            "to_state": to.to.value,
            "to_why": to.why.value,
            "to_status": to.status,
        }
        these.append(
            this
            | {
                "from_state": step.state.value,
                "to_whose": to.whose.value,
                "to_review": to.review,
                "to_note": storable(to.note),
                "counted": int(to.counted),
                "doubted": int(to.to is StepState.UNKNOWN),
                "at": now if to.to in SETTLED else None,
            }
        )
        if step.state is StepState.SENT:
            request = to.request_id and storable(to.request_id, REQUEST_ID_LENGTH)
            answered.append(this | {"by_fence": claim.fence, "at": now, "to_request": request})
    if connection.execute(_SETTLE, these).rowcount != len(these):
        raise LeaseLost
    if answered:
        connection.execute(_ANSWERED, answered)
