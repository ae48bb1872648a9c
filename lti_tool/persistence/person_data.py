"""Everything that is stored about one person, for a request of access: ids, names and texts, no secrets."""

from __future__ import annotations

import json
import zlib
from datetime import datetime
from typing import Any

from sqlalchemy import Table, and_, or_, select
from sqlalchemy.orm import Session

from lti_tool.persistence.audit import AuditRow
from lti_tool.persistence.follow_up_rows import (
    CreditPostRow,
    CreditScoreRow,
    ReminderBatchRow,
    ReminderMessageRow,
    ReminderRow,
)
from lti_tool.persistence.holdings import HOLDINGS
from lti_tool.persistence.journal_rows import RunRow, StepRow, table_of
from lti_tool.persistence.plan_rows import PlanLineRow, PlanRow, RuleSetRow, SavedRulesRow, SnapshotRow

Found = dict[str, list[dict[str, Any]]]
HEAVY = frozenset({"body", "rules", "verification", "jobs"})
"""Columns that are taken apart below, or say nothing of a person."""


def person_data(session: Session, canvas: str, person: str) -> Found:
    """By table: the rows that are the person's, and what others hold about them; no empty tables."""
    found: Found = {}
    for holding in HOLDINGS:
        if holding.person is not None:
            columns = holding.table.c
            where = and_(columns["canvas"] == canvas, columns[holding.person] == person)
            found[holding.table.name] = _rows(session, holding.table, where)
    found["in readings"] = _in_readings(session, canvas, person)
    found["in rules"] = _in_rules(session, canvas, person)
    lines, steps = table_of(PlanLineRow), table_of(StepRow)
    plans = select(PlanRow.id).where(PlanRow.canvas == canvas)
    runs = select(RunRow.id).where(RunRow.canvas == canvas)
    for table, column, places in ((lines, lines.c.plan_id, plans), (steps, steps.c.run_id, runs)):
        pair = or_(table.c.reviewer == person, table.c.author == person)
        found[table.name] = _rows(session, table, and_(pair, column.in_(places)))
    batches = select(ReminderBatchRow.id).where(ReminderBatchRow.canvas == canvas)
    posts = select(CreditPostRow.id).where(CreditPostRow.canvas == canvas)
    messages = session.execute(
        select(ReminderMessageRow.batch_id, ReminderMessageRow.subject, ReminderMessageRow.body)
        .join(
            ReminderRow,
            and_(
                ReminderRow.batch_id == ReminderMessageRow.batch_id, ReminderRow.seq == ReminderMessageRow.seq
            ),
        )
        .where(ReminderRow.user_id == person, ReminderRow.batch_id.in_(batches))
    )
    found["reminder"] = [{"batch": one[0], "subject": one[1], "body": one[2]} for one in messages]
    scores = table_of(CreditScoreRow)
    found["credit_score"] = _rows(
        session, scores, and_(scores.c.user_id == person, scores.c.post_id.in_(posts))
    )
    audit = table_of(AuditRow)
    found["audit_event"] = _rows(
        session,
        audit,
        and_(audit.c.canvas == canvas, or_(audit.c.user_id == person, audit.c.real_user_id == person)),
    )
    return {name: rows for name, rows in found.items() if rows}


def _rows(session: Session, table: Table, where: Any) -> list[dict[str, Any]]:
    columns = [one for one in table.c if one.name not in HEAVY and not one.name.startswith("sealed")]
    return [
        {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in row.items()
            if value is not None and not isinstance(value, bytes)
        }
        for row in session.execute(select(*columns).where(where)).mappings()
    ]


def _in_readings(session: Session, canvas: str, person: str) -> list[dict[str, Any]]:
    """What each reading says of the person, with when and of which assignment it is."""
    found = []
    rows = session.scalars(select(SnapshotRow).where(SnapshotRow.canvas == canvas))
    for row in rows.yield_per(20):
        content = json.loads(zlib.decompress(row.body))
        said: dict[str, Any] = {
            name: mine
            for name in ("people", "left", "works", "reviews")
            if (mine := [one for one in content.get(name) or [] if person in _people(one)])
        }
        points = [
            [scores["assignment"], *one[1:]]
            for scores in content.get("scores") or []
            for one in scores["points"]
            if one[0] == person
        ]
        levels = [one for one in (content.get("listed") or {}).get("levels", []) if one[0] == person]
        if said or points or levels:
            place = {"course": row.course_id, "assignment": row.assignment_id}
            taken = {"taken_at": row.taken_at.isoformat(), "read_by": row.user_id}
            found.append({**place, **taken, **said, "points": points, "levels": levels})
    return found


def _in_rules(session: Session, canvas: str, person: str) -> list[dict[str, Any]]:
    """Entries of plans, saved rules and sets that name the person, with the reasons."""
    found: list[dict[str, Any]] = []
    for kept, column in ((PlanRow, "rules"), (SavedRulesRow, "body"), (RuleSetRow, "body")):
        table = table_of(kept)
        query = select(table.c.course_id, table.c[column]).where(table.c.canvas == canvas)
        for course, body in session.execute(query):
            found.extend(
                {"course": course, "table": table.name, name: one}
                for name, entries in json.loads(body).items()
                for one in (entries if isinstance(entries, list) else ())
                if one == person or (isinstance(one, dict) and person in _people(one))
            )
    return found


def _people(one: dict[str, Any]) -> set[Any]:
    names = ("id", "author", "assessor", "assessee", "user", "reviewer")
    return {one.get(name) for name in names}
