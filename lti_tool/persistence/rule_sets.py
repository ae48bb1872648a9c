"""Rules under a name: stored for a course, found by the name whatever its case."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.persistence.database import one_at_a_time
from lti_tool.persistence.plan_rows import RuleSetRow
from lti_tool.persistence.plans import new_id
from lti_tool.planning.ids import CanvasOrigin, CourseId, UserId
from lti_tool.planning.rules import PlanRules
from lti_tool.planning.unicode_forms import normal_form


class NameTaken(Exception):
    """Another set of the course has this name.

    Attributes:
        taken: that set.
    """

    def __init__(self, taken: StoredRuleSet) -> None:
        super().__init__(taken.name)
        self.taken = taken


class SetChanged(Exception):
    """The set isn't the one that was looked at any more.

    Attributes:
        now: the set as it is now.
    """

    def __init__(self, now: StoredRuleSet) -> None:
        super().__init__(now.name)
        self.now = now


@dataclass(frozen=True, slots=True)
class StoredRuleSet:
    """One set as stored."""

    id: str
    name: str
    rules: PlanRules
    saved_by_name: str
    saved_at: datetime
    version: int


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
    over: int | None = None,
) -> StoredRuleSet:
    """Keep rules under a name.

    Args:
        over: the version that is overwritten; None for any.

    Raises:
        NameTaken: the name is in use, and ``replace`` does not say to overwrite it.
        SetChanged: the set has another version than ``over``.
    """
    one_at_a_time(session, f"rule sets {canvas} {course}")
    row = _named(session, canvas, course, name)
    if row is not None and not replace:
        raise NameTaken(_stored(row))
    if row is not None and over not in (None, row.version):
        raise SetChanged(_stored(row))
    if row is None:
        row = RuleSetRow(id=new_id(), canvas=canvas, course_id=course, name_key=_key(name), version=0)
        session.add(row)
    row.version += 1
    row.name, row.body = name, rules.model_dump_json()
    row.saved_by, row.saved_by_name, row.saved_at = by, by_name, at
    session.flush()
    return _stored(row)


def rename_rule_set(
    session: Session,
    canvas: CanvasOrigin,
    course: CourseId,
    set_id: str,
    name: str,
    *,
    over: int | None = None,
) -> None:
    """Give a set that exists another name.

    Raises:
        NameTaken: another set of the course has it.
        SetChanged: the set has another version than ``over``.
    """
    row = _locked(session, canvas, course, set_id, over)
    other = _named(session, canvas, course, name)
    if other is not None and other.id != set_id:
        raise NameTaken(_stored(other))
    if row is not None:
        row.name, row.name_key, row.version = name, _key(name), row.version + 1


def delete_rule_set(
    session: Session, canvas: CanvasOrigin, course: CourseId, set_id: str, *, over: int | None = None
) -> None:
    """Forget a set; plans made with it keep their rules.

    Raises:
        SetChanged: the set has another version than ``over``.
    """
    row = _locked(session, canvas, course, set_id, over)
    if row is not None:
        session.delete(row)


def _locked(
    session: Session, canvas: CanvasOrigin, course: CourseId, set_id: str, over: int | None
) -> RuleSetRow | None:
    """The row of a set, which nobody else changes until the transaction ends."""
    one_at_a_time(session, f"rule sets {canvas} {course}")
    row = session.get(RuleSetRow, set_id)
    if row is None or (row.canvas, row.course_id) != (canvas, course):
        return None
    if over not in (None, row.version):
        raise SetChanged(_stored(row))
    return row


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
        row.id,
        row.name,
        PlanRules.model_validate_json(row.body),
        row.saved_by_name,
        row.saved_at,
        row.version,
    )
