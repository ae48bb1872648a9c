"""Board, reminders and credit over a course without Canvas: the real services, a database of their own."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from typing import NoReturn

from lti_tool.persistence.base import Base
from lti_tool.persistence.database import Database, make_engine
from lti_tool.persistence.follow_up_rows import (
    CreditPostRow,
    CreditScoreRow,
    FollowUpRow,
    GradeServiceRow,
    ReminderBatchRow,
    ReminderMessageRow,
    ReminderRow,
)
from lti_tool.persistence.open_reviews import DueReadingRow, OpenReviewRow
from lti_tool.persistence.schedules import ScheduleRow
from lti_tool.planning.ids import CanvasOrigin, UserId
from lti_tool.services.canvas_access import CanvasAccess, Transports

ROWS = (
    CreditPostRow, CreditScoreRow, DueReadingRow, FollowUpRow, GradeServiceRow, OpenReviewRow,
    ReminderBatchRow, ReminderMessageRow, ReminderRow, ScheduleRow,
)  # fmt: skip


def records() -> Database:
    """Empty tables of what happens after an allocation; the file goes when the tests end."""
    folder = tempfile.mkdtemp(prefix="follow-ups-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    database = Database(make_engine(f"sqlite:///{folder}/follow-ups.sqlite3"))
    tables = [
        table for table in Base.metadata.sorted_tables if table.name in {row.__tablename__ for row in ROWS}
    ]
    Base.metadata.create_all(database.engine, tables=tables)
    return database


class NoCanvas(CanvasAccess):
    """Nothing here may speak to a Canvas."""

    def __init__(self) -> None:
        super().__init__(Transports(), _no_tokens)


def no_grade_service(*_: object) -> NoReturn:
    """No launch has offered a column of the tool's own."""
    raise AssertionError("this page should not have asked for a column")


def _no_tokens(_canvas: CanvasOrigin, _user: UserId) -> NoReturn:
    raise AssertionError("this page should not have asked Canvas")
