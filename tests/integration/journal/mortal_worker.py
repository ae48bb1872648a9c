"""A worker process for the SIGKILL test: real journal, real time, and a Canvas that outlives it.

Run as ``python -m tests.integration.journal.mortal_worker JOURNAL CANVAS RUN SECONDS``: the two SQLite
files, the run, and by how much this process's clock for leases is ahead (so that nobody waits for one).
"""

from __future__ import annotations

import sqlite3
import sys
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lti_tool.applying.answers import Answer, Outcome
from lti_tool.applying.clock import SystemClock
from lti_tool.applying.driver import Driver
from lti_tool.applying.settings import DriverSettings
from lti_tool.persistence.database import Database, make_engine
from lti_tool.persistence.journal import Journal
from lti_tool.planning.ids import ReviewId, RunId, SubmissionId, UserId
from lti_tool.planning.snapshot import Review, Snapshot
from tests import builders

SETTINGS = DriverSettings(workers=4, settle=0.2, read_timeout=0.1)


class FileCanvas:
    """Reviews and mails in a SQLite file: find-or-create, and a mail on every call."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._open() as db:
            db.execute(
                "CREATE TABLE IF NOT EXISTS review (id INTEGER PRIMARY KEY, who TEXT, whom TEXT, row TEXT)"
            )
            db.execute("CREATE TABLE IF NOT EXISTS mail (review INTEGER)")

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=10, isolation_level=None)

    def reviews(self) -> tuple[Review, ...]:
        db = self._open()
        rows = db.execute("SELECT id, who, whom, row FROM review ORDER BY id").fetchall()
        db.close()
        return tuple(
            Review(ReviewId(str(id_)), UserId(who), UserId(whom), SubmissionId(row), completed=False)
            for id_, who, whom, row in rows
        )

    def reviews_of(self, submission: SubmissionId) -> tuple[Review, ...]:
        return tuple(row for row in self.reviews() if row.submission == submission)

    def turn(self) -> AbstractContextManager[None]:
        return nullcontext()

    def read_snapshot(self) -> Snapshot:
        return replace(builders.snapshot(40), reviews=self.reviews())

    def create(self, submission: SubmissionId, author: UserId, reviewer: UserId) -> Answer:
        time.sleep(0.002)
        db = self._open()
        db.execute("BEGIN IMMEDIATE")
        key = (reviewer, author, submission)
        found = db.execute("SELECT id FROM review WHERE (who, whom, row) = (?, ?, ?)", key).fetchone()
        if found is None:
            id_ = db.execute("INSERT INTO review (who, whom, row) VALUES (?, ?, ?)", key).lastrowid
        else:
            (id_,) = found
        db.execute("INSERT INTO mail VALUES (?)", (id_,))
        db.execute("COMMIT")
        db.close()
        time.sleep(0.002)
        return Answer(
            Outcome.OK, review=Review(ReviewId(str(id_)), reviewer, author, submission, completed=False)
        )

    def delete(self, submission: SubmissionId, author: UserId, reviewer: UserId) -> Answer:
        raise NotImplementedError

    def mails(self) -> int:
        db = self._open()
        (number,) = db.execute("SELECT count(*) FROM mail").fetchone()
        db.close()
        return int(number)


def main(journal_path: str, canvas_path: str, run: str, ahead: str) -> None:
    """Drive the run."""
    shift = timedelta(seconds=float(ahead))
    journal = Journal(Database(make_engine(f"sqlite:///{journal_path}")), lambda: datetime.now(UTC) + shift)
    driver = Driver(journal, SystemClock(), f"process ahead by {ahead}", SETTINGS)
    driver.drive(RunId(run), FileCanvas(Path(canvas_path)), builders.snapshot(40))


if __name__ == "__main__":
    main(*sys.argv[1:])
