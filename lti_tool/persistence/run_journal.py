"""The driver's half of the journal: ``applying.ports.RunJournal`` on SQLite and PostgreSQL.

Leases, states of runs, snapshots and history; what happens to steps is in ``step_changes``.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from pydantic import TypeAdapter
from sqlalchemy import (
    ColumnElement,
    and_,
    exists,
    func,
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
    TERMINAL,
    IllegalTransition,
    RunState,
    StepState,
    require_run_transition,
)
from lti_tool.persistence.database import Database
from lti_tool.persistence.group_commit import GroupCommit
from lti_tool.persistence.journal_rows import (
    RunRow,
    RunSnapshotRow,
    StepRow,
)
from lti_tool.persistence.journal_store import (
    JournalStore,
    add_event,
    run_record,
    run_row,
    step_records,
    storable,
)
from lti_tool.persistence.step_changes import (
    RUN,
    STEP,
    StepJob,
    cancel_steps,
    change_steps,
    changed,
    hold,
    require_one,
)
from lti_tool.planning.ids import RunId
from lti_tool.planning.snapshot import Snapshot

LEASE = timedelta(seconds=30)
ENGINE_VERSION = 1
"""Grows when old and new workers could not drive the same run; a worker leaves newer runs alone."""

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
            self._write(lambda session: change_steps(session, jobs, self._now))

    def _commit_together(self, jobs: Sequence[StepJob]) -> Sequence[Exception | None]:
        """All in one transaction; if one of them is refused, each in its own, so that it is the only one."""
        try:
            self._write(lambda session: change_steps(session, jobs, self._now))
        except JournalUnavailable as error:
            return [JournalUnavailable(str(error)) for _ in jobs]
        except _REFUSALS as refused:
            if len(jobs) == 1:
                return [refused]
            return [told for job in jobs for told in self._commit_together([job])]
        return [None] * len(jobs)

    def cancel_pending(self, claim: Claim) -> None:
        """Close what was never sent."""

        def act(session: Session) -> None:
            hold(session, {claim})
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
            hold(session, {claim})
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
            hold(session, {claim})
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


def _let_go(now: datetime, state: RunState) -> dict[str, object]:
    return {
        "lease_until": None,
        "owner": None,
        "pause_requested": False,
        "finished_at": now if state in TERMINAL else None,
    }
