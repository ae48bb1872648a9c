"""The driver's half of the journal: ``applying.ports.RunJournal`` on SQLite and PostgreSQL.

Every transition is one guarded UPDATE (``WHERE state = expected``) in a transaction that first holds the
run's row against a new claim and compares the fence; no row changed means that somebody else drives.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence, Set
from datetime import datetime, timedelta

from pydantic import TypeAdapter
from sqlalchemy import (
    ColumnElement,
    Connection,
    Update,
    and_,
    bindparam,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import Session

from lti_tool.applying.errors import CancelRequested, JournalUnavailable, LeaseLost, PauseRequested
from lti_tool.applying.records import Claim, Phase, RunRecord, Settlement, StepRecord, Stop
from lti_tool.applying.states import (
    ACTIVE,
    PAUSED,
    SETTLED,
    TERMINAL,
    IllegalTransition,
    RunState,
    StepState,
    require_run_transition,
    require_step_transition,
)
from lti_tool.persistence.database import Database
from lti_tool.persistence.group_commit import GroupCommit
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
_SNAPSHOT = TypeAdapter(Snapshot)


_KNOWN_STEPS = frozenset(StepState) - {StepState.OF_LATER_VERSION}


def wants_driving(now: datetime) -> ColumnElement[bool]:
    """The runs that a worker should claim: under way without a living worker, or paused until now.

    What a later version began, or has brought into a state that this one does not know, is left to it.
    """
    going = sorted(ACTIVE - PAUSED)
    foreign = exists().where(StepRow.run_id == RunRow.id, StepRow.state.not_in(sorted(_KNOWN_STEPS)))
    return and_(
        RunRow.engine_version <= ENGINE_VERSION,
        ~foreign,
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


StepJob = tuple[Claim, StepRecord, Settlement | None]
"""A step that is to be marked as sent (None), or settled."""
_REFUSALS = (LeaseLost, CancelRequested, PauseRequested, IllegalTransition, IntegrityError, DataError)
"""What a transaction is refused for because of one of its jobs."""


class SqlRunJournal(JournalStore):
    """See ``RunJournal`` for what each method promises."""

    def __init__(self, database: Database, now: Callable[[], datetime] | None = None) -> None:
        super().__init__(database, now)
        self._together = GroupCommit(
            self._commit_together, lambda: JournalUnavailable("the transaction was broken off")
        )

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
        """Commit the intent, and refuse it when somebody asked to stop; in one commit with other threads'."""
        self._together((claim, step, None))

    def settle(self, claim: Claim, step: StepRecord, settlement: Settlement) -> None:
        """Commit one outcome; in one commit with other threads'."""
        self._together((claim, step, settlement))

    def settle_all(self, claim: Claim, settlements: Sequence[tuple[StepRecord, Settlement]]) -> None:
        """Commit outcomes, all or none."""
        jobs = [(claim, step, settlement) for step, settlement in settlements]
        if jobs:
            self._write(lambda session: self._change_steps(session, jobs))

    def _commit_together(self, jobs: Sequence[StepJob]) -> Sequence[Exception | None]:
        """All in one transaction; if one of them is refused, each in its own, so that it is the only one."""
        try:
            self._write(lambda session: self._change_steps(session, jobs))
        except JournalUnavailable as error:
            return [JournalUnavailable(str(error)) for _ in jobs]
        except _REFUSALS as refused:
            if len(jobs) == 1:
                return [refused]
            return [told for job in jobs for told in self._commit_together([job])]
        return [None] * len(jobs)

    def _change_steps(self, session: Session, jobs: Sequence[StepJob]) -> None:
        """Mark or settle steps, all or none."""
        held = self._hold(session, {claim for claim, _, _ in jobs})
        now = self._now(session)
        marks = [(claim, step) for claim, step, to in jobs if to is None]
        for claim, _ in marks:
            if (wish := held[claim.run]) is not None:
                raise wish
        if marks:
            _mark(session.connection(), marks, now)
        settled = [(claim, step, to) for claim, step, to in jobs if to is not None]
        if settled:
            _settle(session.connection(), settled, now)

    def cancel_pending(self, claim: Claim) -> None:
        """Close what was never sent."""

        def act(session: Session) -> None:
            self._hold(session, {claim})
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
            self._hold(session, {claim})
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
            self._hold(session, {claim})
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

    def _hold(self, session: Session, claims: Set[Claim]) -> Mapping[RunId, Exception | None]:
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
        return {
            run: CancelRequested()
            if row.cancel_requested
            else PauseRequested()
            if row.pause_requested
            else None
            for run, row in found.items()
        }


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


def _let_go(now: datetime, state: RunState) -> dict[str, object]:
    return {
        "lease_until": None,
        "owner": None,
        "pause_requested": False,
        "finished_at": now if state in TERMINAL else None,
    }


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
