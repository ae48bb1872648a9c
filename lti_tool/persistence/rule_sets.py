"""Rules under a name: stored for a course, found by the name whatever its case."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from lti_tool.persistence.database import one_at_a_time
from lti_tool.persistence.plan_rows import RuleSetRow
from lti_tool.persistence.plans import new_id
from lti_tool.planning.ids import CanvasOrigin, CourseId, UserId
from lti_tool.planning.rules import PlanRules
from lti_tool.planning.unicode_forms import normal_form


class NameTaken(Exception):
    """Another set of the course has this name."""


@dataclass(frozen=True, slots=True)
class StoredRuleSet:
    """One set as stored."""

    id: str
    name: str
    rules: PlanRules
    saved_by_name: str
    saved_at: datetime


def rule_sets(session: Session, canvas: CanvasOrigin, course: CourseId) -> tuple[StoredRuleSet, ...]:
    """The sets of a course, by name."""
    rows = session.scalars(
        select(RuleSetRow)
        .where(RuleSetRow.canvas == canvas, RuleSetRow.course_id == course)
        .order_by(RuleSetRow.name_key)
    )
    return tuple(_stored(row) for row in rows)


def rule_set(session: Session, canvas: CanvasOrigin, course: CourseId, set_id: str) -> StoredRuleSet | None:
    """One set of a course."""
    row = session.get(RuleSetRow, set_id)
    if row is None or (row.canvas, row.course_id) != (canvas, course):
        return None
    return _stored(row)


def put_rule_set(
    session: Session,
    canvas: CanvasOrigin,
    course: CourseId,
    name: str,
    rules: PlanRules,
    *,
    by: UserId,
    by_name: str,
    at: datetime,
    replace: bool,
) -> StoredRuleSet:
    """Keep rules under a name.

    Raises:
        NameTaken: the name is in use, and ``replace`` does not say to overwrite it.
    """
    one_at_a_time(session, f"rule sets {canvas} {course}")
    row = _named(session, canvas, course, name)
    if row is not None and not replace:
        raise NameTaken(name)
    if row is None:
        row = RuleSetRow(id=new_id(), canvas=canvas, course_id=course, name_key=_key(name))
        session.add(row)
    row.name, row.body = name, rules.model_dump_json()
    row.saved_by, row.saved_by_name, row.saved_at = by, by_name, at
    session.flush()
    return _stored(row)


def rename_rule_set(session: Session, canvas: CanvasOrigin, course: CourseId, set_id: str, name: str) -> None:
    """Give a set that exists another name.

    Raises:
        NameTaken: another set of the course has it.
    """
    one_at_a_time(session, f"rule sets {canvas} {course}")
    other = _named(session, canvas, course, name)
    if other is not None and other.id != set_id:
        raise NameTaken(name)
    row = session.get_one(RuleSetRow, set_id)
    row.name, row.name_key = name, _key(name)


def delete_rule_set(session: Session, canvas: CanvasOrigin, course: CourseId, set_id: str) -> None:
    """Forget a set; plans made with it keep their rules."""
    session.execute(
        delete(RuleSetRow).where(
            RuleSetRow.id == set_id, RuleSetRow.canvas == canvas, RuleSetRow.course_id == course
        )
    )


def _key(name: str) -> str:
    return normal_form("NFKC", name).casefold()[:300]


def _named(session: Session, canvas: CanvasOrigin, course: CourseId, name: str) -> RuleSetRow | None:
    return session.scalar(
        select(RuleSetRow).where(
            RuleSetRow.canvas == canvas, RuleSetRow.course_id == course, RuleSetRow.name_key == _key(name)
        )
    )


def _stored(row: RuleSetRow) -> StoredRuleSet:
    return StoredRuleSet(
        row.id, row.name, PlanRules.model_validate_json(row.body), row.saved_by_name, row.saved_at
    )
