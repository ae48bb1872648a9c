"""The rules remembered for an assignment, with a version that grows with every save.

Whoever saves holds a lock for the assignment from the read to the commit, so that changes made at the same
moment are put upon each other (``planning.rule_changes``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.persistence.database import one_at_a_time
from lti_tool.persistence.plan_rows import SavedRulesRow
from lti_tool.planning.ids import AssignmentId, CanvasOrigin, CourseId, UserId
from lti_tool.planning.rule_changes import choices_of
from lti_tool.planning.rules import PlanRules


@dataclass(frozen=True, slots=True)
class SavedRules:
    """Rules as they are saved. ``version`` is 0 and ``saved_at`` None while nobody has saved any.

    ``choices_version`` is the version in which the choices of the page *Rules* were last changed.
    """

    rules: PlanRules
    version: int = 0
    choices_version: int = 0
    saved_by_name: str = ""
    saved_at: datetime | None = None


def saved_rules(
    session: Session, canvas: CanvasOrigin, course: CourseId, assignment: AssignmentId
) -> SavedRules:
    """The rules remembered for an assignment, or the defaults."""
    row = session.get(SavedRulesRow, (canvas, course, assignment))
    return SavedRules(PlanRules()) if row is None else _saved(row)


def change_rules(
    session: Session,
    canvas: CanvasOrigin,
    course: CourseId,
    assignment: AssignmentId,
    change: Callable[[SavedRules], PlanRules],
    *,
    by: UserId,
    by_name: str,
    at: datetime,
) -> SavedRules:
    """Put a change upon the rules as they are now; a change that changes nothing makes no new version.

    Raises:
        pydantic.ValidationError: the changed rules contradict themselves; nothing is saved.
    """
    one_at_a_time(session, f"rules {canvas} {course} {assignment}")
    row = session.scalar(
        select(SavedRulesRow).where(
            SavedRulesRow.canvas == canvas,
            SavedRulesRow.course_id == course,
            SavedRulesRow.assignment_id == assignment,
        )
    )
    before = SavedRules(PlanRules()) if row is None else _saved(row)
    body = change(before).model_dump_json()
    after = PlanRules.model_validate_json(body)
    if row is not None and after == before.rules:
        return before
    if row is None:
        row = SavedRulesRow(
            canvas=canvas, course_id=course, assignment_id=assignment, version=0, choices_version=0
        )
        session.add(row)
    row.body, row.version = body, row.version + 1
    if choices_of(after) != choices_of(before.rules):
        row.choices_version = row.version
    row.saved_by, row.saved_by_name, row.saved_at = by, by_name, at
    session.flush()
    return _saved(row)


def _saved(row: SavedRulesRow) -> SavedRules:
    return SavedRules(
        PlanRules.model_validate_json(row.body),
        row.version,
        row.choices_version,
        row.saved_by_name or "",
        row.saved_at,
    )
