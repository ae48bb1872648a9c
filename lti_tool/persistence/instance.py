"""Notices that the database was restored from a backup, and holds the runs that it believes to be under way.

A restored database knows less than Canvas: what its runs did after the backup was made is forgotten. The
database counts beats, and each worker host remembers the last one that it saw (in its instance folder, of
which no backup is restored with the database); a database that counts less than its host remembers has lost
something. Whatever was under way is then paused until a person says so; nothing is sent before that.
"""

from __future__ import annotations

import json
import os
import secrets
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import BigInteger, String, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from allocation.sentences import N_
from lti_tool.applying.states import ACTIVE, RunState
from lti_tool.persistence.base import Base
from lti_tool.persistence.database import one_at_a_time
from lti_tool.persistence.housekeeping_rows import SWEEP, ChoreRow
from lti_tool.persistence.journal_rows import RunRow, table_of
from lti_tool.persistence.journal_store import JournalStore, add_event
from lti_tool.planning.ids import RunId

RESTORED = "restored"
RESTORED_WORDS = N_(
    "The database of this tool was restored from a backup, so what this run did since is not in its record. "
    "Nothing was sent after that. Look at the reviews in Canvas; to go on is to read them again and to make "
    "only what is missing."
)
_HELD = sorted(ACTIVE - {RunState.CANCELLING, RunState.PAUSED_RESTORED})


class InstanceRow(Base):
    """The one row that says how much this database has seen."""

    __tablename__ = "instance"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    epoch: Mapped[str] = mapped_column(String(32))
    """Changes when runs were held, so that every other host forgets what it remembers."""
    beat: Mapped[int] = mapped_column(BigInteger())


@dataclass(frozen=True, slots=True)
class Beat:
    """How far a database was when it was last seen."""

    epoch: str
    number: int


class InstanceStore(JournalStore):
    """Beats of the database, each of a worker that is there; and the holding of runs."""

    def beat(self, seen: Beat | None) -> tuple[Beat, int]:
        """Count one beat, and hold all runs if the database is older than ``seen``.

        Gives the beat to remember, and how many runs were held.
        """

        def act(session: Session) -> tuple[Beat, int]:
            one_at_a_time(session, "instance")
            row = session.get(InstanceRow, 1)
            if row is None:
                row = InstanceRow(id=1, epoch=secrets.token_hex(8), beat=0)
                session.add(row)
            held = 0
            if seen is not None and seen.epoch == row.epoch and seen.number > row.beat:
                held = self._hold_runs(session)
                row.epoch, row.beat = secrets.token_hex(8), seen.number
            row.beat += 1
            session.merge(ChoreRow(name=SWEEP, done_at=self._now(session)))
            return Beat(row.epoch, row.beat), held

        return self._write(act)

    def hold_all(self) -> int:
        """Hold all runs that are under way: somebody says that the database was restored."""

        def act(session: Session) -> int:
            one_at_a_time(session, "instance")
            row = session.get(InstanceRow, 1)
            if row is not None:
                row.epoch = secrets.token_hex(8)
            return self._hold_runs(session)

        return self._write(act)

    def held(self) -> tuple[RunId, ...]:
        """The runs that wait for somebody's word after a restore, oldest first."""
        return self._read(
            lambda session: tuple(
                RunId(run)
                for run in session.scalars(
                    select(RunRow.id)
                    .where(RunRow.state == RunState.PAUSED_RESTORED)
                    .order_by(RunRow.created_at, RunRow.id)
                )
            )
        )

    def _hold_runs(self, session: Session) -> int:
        now = self._now(session)
        run = table_of(RunRow)
        under_way = session.execute(
            select(RunRow.id, RunRow.state)
            .where(RunRow.state.in_(_HELD))
            .order_by(RunRow.id)
            .with_for_update()
        ).all()
        for id_, state in under_way:
            session.execute(
                update(run)
                .where(RunRow.id == id_)
                .values(
                    state=RunState.PAUSED_RESTORED,
                    reason=RESTORED,
                    words=RESTORED_WORDS,
                    waiting_until=None,
                    pause_requested=False,
                    fence=RunRow.fence + 1,
                    owner=None,
                    lease_until=None,
                )
            )
            details = {"from": state, "to": RunState.PAUSED_RESTORED, "reason": RESTORED}
            add_event(session, RunId(id_), now, "state", details)
        return len(under_way)


class RestoreWatch:
    """Beats with the memory of this process and of ``file``, which outlives it. Safe for several threads."""

    def __init__(self, store: InstanceStore, file: Path) -> None:
        self._store = store
        self._file = file
        self._lock = threading.Lock()
        self._seen: Beat | None = None

    def look(self) -> int:
        """Count a beat and remember it; gives how many runs had to be held (0 but after a restore).

        Raises:
            JournalUnavailable: the database is out of reach.
        """
        with self._lock:
            remembered = [beat for beat in (self._seen, _remembered(self._file)) if beat is not None]
            seen = max(remembered, key=lambda beat: beat.number, default=None)
            self._seen, held = self._store.beat(seen)
            _remember(self._file, self._seen)
            return held


def _remembered(file: Path) -> Beat | None:
    try:
        found = json.loads(file.read_text())
        return Beat(str(found["epoch"]), int(found["beat"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None  # a new host, or a file that was damaged: it can only miss a restore, not invent one


def _remember(file: Path, beat: Beat) -> None:
    fresh = file.with_name(f"{file.name}.{os.getpid()}")
    with suppress(OSError):  # a host that can keep no file remembers as long as its processes live
        fresh.write_text(json.dumps({"epoch": beat.epoch, "beat": beat.number}))
        fresh.replace(file)
