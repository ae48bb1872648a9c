"""What both halves of the journal share: transactions, the clock, rows to records.

SQLite waits ten seconds for another writer; after that the transaction, of which nothing has happened
yet, is begun again a few times. Every other refusal of the database is ``JournalUnavailable``: a commit
whose outcome is unknown is not assumed, the run is read anew by whoever drives it next.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from typing import TypeVar

from sqlalchemy import func, select
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as NoFreeConnection
from sqlalchemy.orm import Session

from lti_tool.applying.answers import Why
from lti_tool.applying.errors import JournalUnavailable, UnknownRun
from lti_tool.applying.records import RunRecord, StepRecord
from lti_tool.applying.states import Whose, run_state, step_state
from lti_tool.defects import Defect
from lti_tool.persistence.database import Database
from lti_tool.persistence.journal_rows import RunEventRow, RunRow, StepRow
from lti_tool.planning.ids import (
    AssignmentId,
    CanvasOrigin,
    CourseId,
    PlanId,
    ReviewId,
    RunId,
    SubmissionId,
    UserId,
)
from lti_tool.planning.plan import ChangeKind

LOCKED_TRIES = 5
T = TypeVar("T")


class JournalStore:
    """Transactions over the journal's tables. ``now`` is for tests; by default the database's clock."""

    def __init__(self, database: Database, now: Callable[[], datetime] | None = None) -> None:
        self._database = database
        self._given_now = now
        sqlite = database.engine.dialect.name == "sqlite"
        # SQLite polls for its write lock with growing sleeps: sixteen threads of one process would spend
        # their time asleep. They queue here instead; only other processes are left to be polled for.
        self._turn: AbstractContextManager[object] = threading.Lock() if sqlite else nullcontext()

    def _now(self, session: Session) -> datetime:
        """The moment by which leases are judged: PostgreSQL's clock, or this host's with SQLite."""
        if self._given_now is not None:
            return self._given_now()
        if session.get_bind().dialect.name == "postgresql":
            moment: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
            return moment.astimezone(UTC)
        return datetime.now(UTC)

    def _write(self, act: Callable[[Session], T]) -> T:
        """Do ``act`` in one committed transaction."""
        for left in reversed(range(LOCKED_TRIES)):
            try:
                with self._turn, self._database.begin() as session:
                    return act(session)
            except (IntegrityError, DataError):
                raise  # about what was written, not about the database
            except DBAPIError as error:
                if left and "database is locked" in str(error.orig):
                    continue
                raise JournalUnavailable(f"the journal cannot be written: {error.orig}") from error
            except NoFreeConnection as error:
                raise JournalUnavailable(f"the journal cannot be written: {error}") from error
        raise Defect("the last try of a transaction neither ended nor raised")

    def _read(self, act: Callable[[Session], T]) -> T:
        """Do ``act`` in a transaction that only looks."""
        try:
            with self._database.read() as session:
                return act(session)
        except (DBAPIError, NoFreeConnection) as error:
            raise JournalUnavailable(f"the journal cannot be read: {error}") from error


def storable(words: str, longest: int | None = None) -> str:
    """Words from outside as every database can hold them: PostgreSQL's text has no NUL, none has half a
    surrogate pair, and a column has its length."""
    return words.encode(errors="replace").decode().replace("\0", "\ufffd")[:longest]


def run_row(session: Session, run: RunId) -> RunRow:
    """The row of a run; raises ``UnknownRun``."""
    row = session.get(RunRow, run)
    if row is None:
        raise UnknownRun(f"there is no run {run}")
    return row


def add_event(
    session: Session, run: RunId, at: datetime, type_: str, details: Mapping[str, object] | None = None
) -> None:
    """Write one line of history."""
    session.add(RunEventRow(run_id=run, at=at, type=type_, details=json.dumps(details or {}, sort_keys=True)))


def run_record(row: RunRow) -> RunRecord:
    """The record of a row."""
    return RunRecord(
        id=RunId(row.id),
        plan_id=PlanId(row.plan_id),
        canvas=CanvasOrigin(row.canvas),
        course_id=CourseId(row.course_id),
        assignment_id=AssignmentId(row.assignment_id),
        started_by=UserId(row.started_by),
        started_by_name=row.started_by_name,
        state=run_state(row.state),
        cancel_requested=row.cancel_requested,
        pause_requested=row.pause_requested,
        reason=row.reason,
        words=row.words,
        waiting_until=row.waiting_until,
        pauses=row.pauses,
        undo_of=None if row.undo_of is None else RunId(row.undo_of),
        created_at=row.created_at,
        finished_at=row.finished_at,
        last_progress_at=row.last_progress_at,
        verification=row.verification,
        lease_until=row.lease_until,
    )


def step_records(session: Session, run: RunId) -> tuple[StepRecord, ...]:
    """All steps of a run, by seq."""
    rows = session.scalars(select(StepRow).where(StepRow.run_id == run).order_by(StepRow.seq))
    return tuple(step_record(row) for row in rows)


def step_record(row: StepRow) -> StepRecord:
    """The record of a row."""
    return StepRecord(
        seq=row.seq,
        kind=ChangeKind(row.kind),
        reviewer=UserId(row.reviewer),
        author=UserId(row.author),
        submission=SubmissionId(row.submission),
        expected_review=None if row.expected_review is None else ReviewId(row.expected_review),
        reason=row.reason,
        state=step_state(row.state),
        attempts=row.attempts,
        doubts=row.doubts,
        whose=Whose(row.whose) if row.whose in set(Whose) else Whose.NONE,
        review=None if row.review is None else ReviewId(row.review),
        why=Why(row.why) if row.why in set(Why) else Why.NONE,
        status=row.status,
        note=row.note,
        resolved_at=row.resolved_at,
    )
