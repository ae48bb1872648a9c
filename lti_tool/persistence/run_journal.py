"""The driver's half of the journal: ``applying.ports.RunJournal`` on SQLite and PostgreSQL.

Every transition is one guarded UPDATE (``WHERE state = expected``) in a transaction that first holds the
run's row against a new claim and compares the fence; no row changed means that somebody else drives.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, Update, and_, bindparam, func, insert, or_, select, update
from sqlalchemy.orm import Session

from lti_tool.applying.errors import CancelRequested, LeaseLost
from lti_tool.applying.records import Claim, Phase, RunRecord, Settlement, StepRecord, Stop
from lti_tool.applying.states import (
    ACTIVE,
    PAUSED,
    SETTLED,
    TERMINAL,
    RunState,
    StepState,
    require_run_transition,
    require_step_transition,
)
from lti_tool.persistence.journal_rows import (
    REQUEST_ID_LENGTH,
    AttemptRow,
    RunRow,
    RunSnapshotRow,
    StepRow,
    table_of,
)
from lti_tool.persistence.journal_store import (
    JournalStore,
    add_event,
    run_record,
    run_row,
    step_records,
    storable,
)
from lti_tool.planning.ids import RunId
from lti_tool.planning.snapshot import Snapshot

LEASE = timedelta(seconds=30)
ENGINE_VERSION = 1
"""Grows when old and new workers could not drive the same run; a worker leaves newer runs alone."""

RUN, STEP, ATTEMPT = table_of(RunRow), table_of(StepRow), table_of(AttemptRow)

# The statements of each step, built once: they run twice per call to Canvas, and building costs more than
# running. Names of parameters differ from column names, which would be taken for values to set.
_HOLD = (
    select(RUN.c.cancel_requested)
    .where(RUN.c.id == bindparam("of_run"), RUN.c.fence == bindparam("by_fence"))
    .with_for_update(read=True)
)
_THIS_STEP = (STEP.c.run_id == bindparam("of_run"), STEP.c.seq == bindparam("of_seq"))
_MARK_SENT = (
    update(STEP)
    .where(*_THIS_STEP, STEP.c.state == StepState.PENDING)
    .values(
        state=StepState.SENT, sends=STEP.c.sends + 1, sent_at=bindparam("at"), fence=bindparam("by_fence")
    )
    .returning(STEP.c.sends)
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
_SENT = insert(ATTEMPT)

_SNAPSHOT = TypeAdapter(Snapshot)


def wants_driving(now: datetime) -> ColumnElement[bool]:
    """The runs that a worker should claim: under way without a living worker, or paused until now."""
    going = sorted(ACTIVE - PAUSED)
    return and_(
        RunRow.engine_version <= ENGINE_VERSION,
        or_(RunRow.lease_until.is_(None), RunRow.lease_until < now),
        or_(
            RunRow.state.in_(going),
            and_(
                RunRow.state.in_(sorted(PAUSED)),
                or_(RunRow.cancel_requested.is_(True), RunRow.waiting_until <= now),
            ),
        ),
    )


def changed(session: Session, statement: Update) -> int:
    """Execute an UPDATE; gives the number of rows that it changed."""
    return session.connection().execute(statement).rowcount


def require_one(session: Session, statement: Update) -> None:
    """Execute a guarded UPDATE of one row; raise ``LeaseLost`` when its guard did not hold."""
    if changed(session, statement) != 1:
        raise LeaseLost


class SqlRunJournal(JournalStore):
    """See ``RunJournal`` for what each method promises."""

    def claim(self, run: RunId, owner: str) -> Claim | None:
        """Take the lease by compare-and-set; a step that a dead worker left ``sent`` is in doubt now."""

        def act(session: Session) -> Claim | None:
            now = self._now(session)
            claimed = changed(
                session,
                update(RUN)
                .where(RunRow.id == run, wants_driving(now))
                .values(fence=RunRow.fence + 1, owner=owner, lease_until=now + LEASE),
            )
            if not claimed:
                return None
            fence = session.execute(select(RunRow.fence).where(RunRow.id == run)).scalar_one()
            left = changed(
                session,
                update(STEP)
                .where(StepRow.run_id == run, StepRow.state == StepState.SENT)
                .values(state=StepState.UNKNOWN, doubts=StepRow.doubts + 1),
            )
            add_event(session, run, now, "claimed", {"owner": owner, "fence": fence, "in_doubt": left})
            return Claim(run, owner, fence)

        return self._write(act)

    def heartbeat(self, claim: Claim) -> None:
        """Renew the lease; a lease that ran out but that nobody took is renewed too."""

        def act(session: Session) -> None:
            newest = (
                select(func.max(StepRow.resolved_at)).where(StepRow.run_id == claim.run).scalar_subquery()
            )
            require_one(
                session,
                update(RUN)
                .where(RunRow.id == claim.run, RunRow.fence == claim.fence, RunRow.owner == claim.owner)
                .values(lease_until=self._now(session) + LEASE, last_progress_at=newest),
            )

        self._write(act)

    def release(self, claim: Claim) -> None:
        """Give the lease back; if it is not ours any more, there is nothing to give."""

        def act(session: Session) -> None:
            changed(
                session,
                update(RUN)
                .where(RunRow.id == claim.run, RunRow.fence == claim.fence)
                .values(lease_until=None, owner=None),
            )

        self._write(act)

    def load(self, run: RunId) -> RunRecord:
        """The run."""
        return self._read(lambda session: run_record(run_row(session, run)))

    def steps(self, run: RunId) -> tuple[StepRecord, ...]:
        """All steps."""
        return self._read(lambda session: step_records(session, run))

    def mark_sent(self, claim: Claim, step: StepRecord) -> None:
        """Commit the intent, and refuse it when somebody asked to stop."""

        def act(session: Session) -> None:
            if self._hold(session, claim):
                raise CancelRequested
            now = self._now(session)
            connection = session.connection()
            this = {"of_run": claim.run, "of_seq": step.seq, "by_fence": claim.fence, "at": now}
            sends = connection.execute(_MARK_SENT, this).scalar_one_or_none()
            if sends is None:
                raise LeaseLost
            row = {"run_id": claim.run, "seq": step.seq, "n": sends, "fence": claim.fence, "sent_at": now}
            connection.execute(_SENT, row)

        self._write(act)

    def settle(self, claim: Claim, step: StepRecord, settlement: Settlement) -> None:
        """Commit one outcome."""
        self.settle_all(claim, [(step, settlement)])

    def settle_all(self, claim: Claim, settlements: Sequence[tuple[StepRecord, Settlement]]) -> None:
        """Commit outcomes, all or none."""
        if not settlements:
            return

        def act(session: Session) -> None:
            self._hold(session, claim)
            now = self._now(session)
            for step, settlement in settlements:
                _settle(session, claim, step, settlement, now)

        self._write(act)

    def cancel_pending(self, claim: Claim) -> None:
        """Close what was never sent."""

        def act(session: Session) -> None:
            self._hold(session, claim)
            cancel_steps(session, claim.run, self._now(session))

        self._write(act)

    def move(self, claim: Claim, old: RunState, new: RunState) -> None:
        """From one kind of work to the next; reaching the verification forgives earlier pauses."""
        forgiven = {"pauses": 0} if new is RunState.VERIFYING else {}
        self._change_state(claim, old, new, reason="", words="", waiting_until=None, **forgiven)

    def stop(self, claim: Claim, old: RunState, stop: Stop) -> None:
        """Pause, or end without a verification."""

        def act(session: Session) -> None:
            now = self._now(session)
            self._change_state_in(
                session,
                claim,
                old,
                stop.to,
                reason=stop.reason,
                words=storable(stop.words),
                waiting_until=None if stop.retry_in is None else now + timedelta(seconds=stop.retry_in),
                pauses=RunRow.pauses + int(stop.to is RunState.PAUSED_CANVAS),
                **_let_go(now, stop.to),
            )

        self._write(act)

    def finish(self, claim: Claim, old: RunState, new: RunState, verification: str | None) -> None:
        """End with what the last reading showed."""

        def act(session: Session) -> None:
            now = self._now(session)
            self._change_state_in(session, claim, old, new, verification=verification, **_let_go(now, new))

        self._write(act)

    def tell_waiting(self, claim: Claim, words: str, seconds: float) -> None:
        """Show a wait; the state stays."""

        def act(session: Session) -> None:
            until = self._now(session) + timedelta(seconds=seconds)
            require_one(
                session,
                update(RUN)
                .where(RunRow.id == claim.run, RunRow.fence == claim.fence)
                .values(words=words, waiting_until=until),
            )

        self._write(act)

    def keep_snapshot(self, claim: Claim, phase: Phase, snapshot: Snapshot) -> None:
        """Store it, compressed."""

        def act(session: Session) -> None:
            self._hold(session, claim)
            row = session.get(RunSnapshotRow, (claim.run, phase))
            if row is not None and phase is Phase.BEFORE:
                return
            session.merge(
                RunSnapshotRow(
                    run_id=claim.run,
                    phase=phase,
                    fingerprint=snapshot.fingerprint,
                    taken_at=snapshot.taken_at,
                    body=zlib.compress(_SNAPSHOT.dump_json(snapshot)),
                )
            )

        self._write(act)

    def snapshot(self, run: RunId, phase: Phase) -> Snapshot | None:
        """A stored one."""

        def act(session: Session) -> Snapshot | None:
            row = session.get(RunSnapshotRow, (run, phase))
            return None if row is None else _SNAPSHOT.validate_json(zlib.decompress(row.body))

        return self._read(act)

    def note(self, claim: Claim, type: str, details: Mapping[str, object]) -> None:
        """A line of history."""

        def act(session: Session) -> None:
            self._hold(session, claim)
            add_event(session, claim.run, self._now(session), type, details)

        self._write(act)

    def _change_state(self, claim: Claim, old: RunState, new: RunState, **values: object) -> None:
        self._write(lambda session: self._change_state_in(session, claim, old, new, **values))

    def _change_state_in(
        self, session: Session, claim: Claim, old: RunState, new: RunState, **values: object
    ) -> None:
        require_run_transition(old, new)
        require_one(
            session,
            update(RUN)
            .where(RunRow.id == claim.run, RunRow.fence == claim.fence, RunRow.state == old)
            .values(state=new, **values),
        )
        details = {"from": old, "to": new, "reason": values.get("reason", "")}
        add_event(session, claim.run, self._now(session), "state", details)

    def _hold(self, session: Session, claim: Claim) -> bool:
        """Keep a new claim out until this transaction ends, and make sure that there was none.

        On SQLite the whole database is ours since BEGIN IMMEDIATE; PostgreSQL needs the share lock, or a
        claim could be committed between our look at the fence and our update of a step. Gives whether
        somebody asked to stop.
        """
        this = {"of_run": claim.run, "by_fence": claim.fence}
        cancel_requested: bool | None = session.connection().execute(_HOLD, this).scalar_one_or_none()
        if cancel_requested is None:
            raise LeaseLost
        return cancel_requested


def cancel_steps(session: Session, run: RunId, now: datetime) -> None:
    """Close all pending steps of a run."""
    changed(
        session,
        update(STEP)
        .where(StepRow.run_id == run, StepRow.state == StepState.PENDING)
        .values(state=StepState.CANCELLED, resolved_at=now),
    )


def _let_go(now: datetime, state: RunState) -> dict[str, object]:
    return {
        "lease_until": None,
        "owner": None,
        "finished_at": now if state in TERMINAL else None,
    }


def _settle(session: Session, claim: Claim, step: StepRecord, to: Settlement, now: datetime) -> None:
    require_step_transition(step.state, to.to)
    connection = session.connection()
    this = {"of_run": claim.run, "of_seq": step.seq}
    answer = {"to_state": to.to, "to_why": to.why, "to_status": to.status}
    more = {
        "from_state": step.state,
        "to_whose": to.whose,
        "to_review": to.review,
        "to_note": storable(to.note),
        "counted": int(to.counted),
        "doubted": int(to.to is StepState.UNKNOWN),
        "at": now if to.to in SETTLED else None,
    }
    if connection.execute(_SETTLE, this | answer | more).rowcount != 1:
        raise LeaseLost
    if step.state is StepState.SENT:
        told = {
            "by_fence": claim.fence,
            "at": now,
            "to_request": to.request_id and storable(to.request_id, REQUEST_ID_LENGTH),
        }
        connection.execute(_ANSWERED, this | answer | told)
