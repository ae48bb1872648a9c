"""One class, one plan, one real journal and a fake Canvas: the stage of the driver's tests."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Engine, event

from lti_tool.applying.driver import Driver
from lti_tool.applying.ports import CanvasReviews, RunJournal
from lti_tool.applying.records import Actor
from lti_tool.applying.report import RunReport
from lti_tool.applying.settings import DriverSettings
from lti_tool.applying.states import StepClass
from lti_tool.persistence.base import Base
from lti_tool.persistence.database import Database, make_engine
from lti_tool.persistence.housekeeping_rows import ChoreRow
from lti_tool.persistence.instance import InstanceRow
from lti_tool.persistence.journal import Journal
from lti_tool.persistence.journal_rows import (
    AttemptRow,
    RunEventRow,
    RunRow,
    RunSnapshotRow,
    StepRow,
)
from lti_tool.planning.ids import AssignmentId, UserId
from lti_tool.planning.plan import Change, ChangeKind, ChangeReason, Plan
from lti_tool.planning.snapshot import Snapshot
from tests import builders
from tests.fakes import FakeCanvas, Fate, Mortal, Pair, VirtualClock

TEACHER = Actor(UserId("1"), "Ada Teacher")
OTHER_TEACHER = Actor(UserId("2"), "Ben Teacher")
_NUMBERS = count(1)
OPENED: list[Engine] = []
"""Engines of this process's journals, for whoever closes them."""
TABLES = [
    row.__table__ for row in (RunRow, StepRow, AttemptRow, RunEventRow, RunSnapshotRow, InstanceRow, ChoreRow)
]


def sqlite_url(path: Path) -> str:
    """The URL of a SQLite file."""
    return f"sqlite:///{path}"


def open_journal(url: str, clock: VirtualClock | None = None, *, fast: bool = True) -> Journal:
    """A journal in a database. ``fast`` spares the disk: a killed process needs no fsync."""
    engine = make_engine(url)
    OPENED.append(engine)
    if fast and engine.dialect.name == "sqlite":
        event.listen(engine, "connect", without_fsync)
    Base.metadata.create_all(engine, tables=cast(Any, TABLES))
    return Journal(Database(engine), clock.now if clock is not None else None)


def without_fsync(connection: sqlite3.Connection, _record: object) -> None:
    """For engines of tests: a killed process needs no fsync."""
    connection.execute("PRAGMA synchronous=OFF")


def engine_of(journal: Journal) -> Engine:
    """The engine below a journal, for tests that damage it."""
    return journal._database.engine


def creates(*pairs: tuple[int, int]) -> list[Change]:
    """Lines that create (reviewer, author) pairs."""
    return [
        Change(
            ChangeKind.CREATE,
            builders.user(who),
            builders.user(whom),
            builders.row(whom),
            ChangeReason.NEW,
        )
        for who, whom in pairs
    ]


def deletes(*pairs: tuple[int, int]) -> list[Change]:
    """Lines that delete the reviews that ``builders.review`` makes for these pairs."""
    return [
        Change(
            ChangeKind.DELETE,
            builders.user(who),
            builders.user(whom),
            builders.row(whom),
            ChangeReason.REPLACED,
            builders.review(who, whom).id,
        )
        for who, whom in pairs
    ]


def pair(who: int, whom: int) -> Pair:
    """The pair by which the fake counts rows."""
    return builders.user(who), builders.row(whom)


class Stage:
    """Everything for one run; workers may die and others come.

    ``after`` an earlier stage: the same journal and time, another assignment in a fresh Canvas; many
    times faster than a new database.
    """

    def __init__(
        self,
        url: str | None,
        changes: list[Change],
        *,
        preview: Snapshot | None = None,
        workers: int = 1,
        after: Stage | None = None,
    ) -> None:
        number = next(_NUMBERS)
        self.clock: VirtualClock = after.clock if after else VirtualClock()
        self.began = self.clock.monotonic()
        self.preview = preview or builders.snapshot()
        if after:
            facts = replace(self.preview.assignment, id=AssignmentId(f"70-{number}"))
            self.preview = replace(self.preview, assignment=facts)
        self.canvas = FakeCanvas(self.preview, self.clock)
        if after:
            self.journal: Journal = after.journal
        else:
            assert url is not None
            self.journal = open_journal(url, self.clock)
        self.plan: Plan = builders.plan(changes, id_=f"plan{number}", of=self.preview)
        self.settings = DriverSettings(workers=workers)
        self.run = self.journal.start(self.plan, TEACHER)

    def driver(self, name: str = "worker-1", fate: Fate | None = None) -> Driver:
        """A worker; with a fate it dies at a boundary of its journal or of Canvas."""
        journal = self.journal if fate is None else cast(RunJournal, Mortal(self.journal, fate))
        return Driver(journal, self.clock, name, self.settings)

    def drive(self, name: str = "worker-1", fate: Fate | None = None) -> object:
        """Drive the run as far as this worker gets."""
        canvas = self.canvas if fate is None else cast(CanvasReviews, Mortal(self.canvas, fate))
        return self.driver(name, fate).drive(self.run, canvas, self.preview)

    def sweep_until_over(self, *, most: int = 60) -> RunReport:
        """What workers do for hours: every fifteen seconds, drive what wants driving."""
        for sweep in range(most):
            if self.wanted():
                self.drive(f"sweeper-{sweep}")
            if self.report.progress.over:
                break
            self.clock.sleep(15)
        return self.report

    @property
    def elapsed(self) -> float:
        """Seconds since this stage was set up."""
        return self.clock.monotonic() - self.began

    def wanted(self) -> bool:
        """Whether a sweep would drive the run now."""
        return self.run in self.journal.runs_to_drive()

    @property
    def report(self) -> RunReport:
        """The run's report now."""
        return self.journal.report(self.run)

    def classes(self) -> dict[StepClass, int]:
        """Classes that occur, with their counts."""
        return {name: number for name, number in self.report.counts.items() if number}
