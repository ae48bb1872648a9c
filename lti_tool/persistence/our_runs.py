"""What of ours changed Canvas last: it tells whether a snapshot or a plan is still good."""

from __future__ import annotations

from sqlalchemy import exists, func, or_, select
from sqlalchemy.orm import Session

from lti_tool.applying.drift import OUT_OF_DATE
from lti_tool.applying.states import TERMINAL
from lti_tool.persistence.database import one_at_a_time
from lti_tool.persistence.follow_up_rows import CreditPostRow
from lti_tool.persistence.journal_rows import AttemptRow, RunEventRow, RunRow
from lti_tool.planning.follow_up import Posting
from lti_tool.planning.freshness import OurRun, OurRuns
from lti_tool.planning.ids import AssignmentId, CanvasOrigin, CourseId, RunId, UserId


def our_runs(session: Session, canvas: CanvasOrigin, course: CourseId, assignment: AssignmentId) -> OurRuns:
    """The newest run of an assignment that counts (``planning.freshness`` says which do).

    A run of an assignment begins only when the one before is over, so the newest is the only one that can
    still be under way. The numbers of their first events tell which is the newest: clocks of several hosts
    may not.
    """
    sent = exists().where(AttemptRow.run_id == RunRow.id)
    begun = select(func.min(RunEventRow.id)).where(RunEventRow.run_id == RunRow.id).scalar_subquery()
    of_assignment = (
        RunRow.canvas == canvas,
        RunRow.course_id == course,
        RunRow.assignment_id == assignment,
    )
    row = session.scalar(
        select(RunRow)
        .where(
            *of_assignment,
            or_(RunRow.state.not_in(sorted(TERMINAL)), RunRow.verification.is_not(None), sent),
        )
        .order_by(begun.desc())
        .limit(1)
    )
    refuted = session.scalar(
        select(func.max(RunRow.finished_at)).where(*of_assignment, RunRow.reason == OUT_OF_DATE)
    )
    return OurRuns(None if row is None else _our_run(row), refuted)


def lock_runs(session: Session, canvas: CanvasOrigin, assignment: AssignmentId) -> None:
    """Let nobody else begin a run of this assignment until the transaction ends."""
    one_at_a_time(session, f"runs {canvas} {assignment}")


def settled_post(session: Session, canvas: CanvasOrigin, course: CourseId) -> str | None:
    """The newest posting of points of a course, empty where there is none; None while one is under way."""
    of_course = CreditPostRow.canvas == canvas, CreditPostRow.course_id == course
    over = CreditPostRow.state.in_((Posting.DONE, Posting.FAILED))
    if session.scalar(select(CreditPostRow.id).where(*of_course, ~over).limit(1)) is not None:
        return None
    newest = select(CreditPostRow.id).where(*of_course).order_by(CreditPostRow.created_at.desc())
    return session.scalar(newest.limit(1)) or ""


def _our_run(row: RunRow) -> OurRun:
    over = row.state in TERMINAL
    return OurRun(
        id=RunId(row.id),
        by=UserId(row.started_by),
        by_name=row.started_by_name,
        began=row.created_at,
        ended=(row.finished_at or row.created_at) if over else None,
        undo=row.undo_of is not None,
    )
