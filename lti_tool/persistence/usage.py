"""Counts for those who look after an installation: how much a Canvas uses it, whether runs wait."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from lti_tool.applying.states import PAUSED, TERMINAL, StepState
from lti_tool.persistence.database import Database
from lti_tool.persistence.journal_rows import RunRow, StepRow
from lti_tool.persistence.plan_rows import PlanRow
from lti_tool.persistence.tokens import TokenRow
from lti_tool.planning.ids import CanvasOrigin


@dataclass(frozen=True, slots=True)
class Usage:
    """Of one Canvas, since the beginning: numbers only, nobody's name."""

    people_connected: int
    courses: int
    plans: int
    runs: int
    reviews_changed: int
    last_run_at: datetime | None


def usage_of(database: Database, canvas: CanvasOrigin) -> Usage:
    """Count. ``reviews_changed``: creates and deletes that were done."""
    with database.read() as session:

        def number(query: object) -> int:
            return int(session.scalar(query) or 0)  # type: ignore[call-overload]  # any select of one count

        done = (
            select(func.count())
            .select_from(StepRow)
            .join(RunRow, RunRow.id == StepRow.run_id)
            .where(RunRow.canvas == canvas, StepRow.state == StepState.DONE)
        )
        return Usage(
            people_connected=number(select(func.count()).where(TokenRow.canvas == canvas)),
            courses=number(
                select(func.count(func.distinct(PlanRow.course_id))).where(PlanRow.canvas == canvas)
            ),
            plans=number(select(func.count()).where(PlanRow.canvas == canvas)),
            runs=number(select(func.count()).where(RunRow.canvas == canvas)),
            reviews_changed=number(done),
            last_run_at=session.scalar(select(func.max(RunRow.created_at)).where(RunRow.canvas == canvas)),
        )


def oldest_waiting(database: Database) -> datetime | None:
    """Since when the run has stood still that waits longest for a worker; None when none does.

    Runs that are paused wait for a person or for a moment of their own, not for a worker.
    """
    still = func.coalesce(RunRow.last_progress_at, RunRow.created_at)
    waiting = select(func.min(still)).where(RunRow.state.not_in([*TERMINAL, *PAUSED]))
    with database.read() as session:
        return session.scalar(waiting)
