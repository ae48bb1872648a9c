"""Everything that is stored about courses and people, in one table; and how it is erased.

``HOLDINGS`` lists the tables that name a Canvas, with the columns that say whose a row is. Tables that hang
on one of them (steps, lines, recipients) go with it. A test compares the list with the schema, so that a new
table cannot be forgotten.
"""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, delete, func, or_, select, update
from sqlalchemy.orm import Session

from lti_tool.applying.states import TERMINAL
from lti_tool.persistence.audit import AuditRow
from lti_tool.persistence.base import Base
from lti_tool.persistence.follow_up_rows import (
    CreditPostRow,
    CreditScoreRow,
    FollowUpRow,
    GradeServiceRow,
    ReminderBatchRow,
    ReminderMessageRow,
    ReminderRow,
)
from lti_tool.persistence.identities import CourseRow, PersonRow
from lti_tool.persistence.journal_rows import RunRow, RunSnapshotRow, table_of
from lti_tool.persistence.lti_rows import OneTimeSecretRow, SessionRow
from lti_tool.persistence.open_reviews import DueReadingRow, OpenReviewRow
from lti_tool.persistence.plan_rows import PlanRow, RuleSetRow, SavedRulesRow, SnapshotRow
from lti_tool.persistence.schedules import ScheduleRow
from lti_tool.persistence.tokens import ConnectAttemptRow, TokenKind, TokenRow

REMOVED = "(removed)"
"""Stands where a name stood."""


@dataclass(frozen=True, slots=True)
class Holding:
    """One table: columns are ``canvas``, and ``course_id`` where it has one.

    ``person`` and ``person_name`` are the columns of whoever did it; with ``own`` the row is that person's
    alone and goes with the person, else only the name is taken out.
    """

    row: type[Base]
    person: str | None = None
    person_name: str | None = None
    own: bool = False

    @property
    def table(self) -> Table:
        return table_of(self.row)


HOLDINGS = (
    # in the order in which rows can be deleted: what points to others first
    Holding(RunRow, "started_by", "started_by_name"),
    Holding(PlanRow, "created_by", "created_by_name"),
    Holding(SnapshotRow, "user_id"),
    Holding(ReminderBatchRow, "sent_by", "sent_by_name"),
    Holding(CreditPostRow, "posted_by", "posted_by_name"),
    Holding(FollowUpRow, "saved_by"),
    Holding(OpenReviewRow, "reviewer_id", own=True),
    Holding(DueReadingRow),
    Holding(GradeServiceRow),
    Holding(RuleSetRow, "saved_by", "saved_by_name"),
    Holding(SavedRulesRow, "saved_by", "saved_by_name"),
    Holding(ScheduleRow, "user_id", own=True),  # it acts in that person's name
    Holding(TokenRow, "user_id", own=True),
    Holding(ConnectAttemptRow, "user_id", own=True),
    Holding(PersonRow, "user_id", own=True),
    Holding(CourseRow),
    Holding(AuditRow),  # numbers alone: it goes with the institution, not with a course or a person of it
)


@dataclass(frozen=True, slots=True)
class Retention:
    """How long what is kept. Everything of runs counts from their end."""

    plans: timedelta
    snapshots: timedelta
    """Readings that no plan rests on."""
    tokens: timedelta
    rules: timedelta
    idle_session: timedelta
    audit: timedelta


def unfinished_runs(session: Session, canvas: str, course: str | None = None) -> list[str]:
    """Runs of a Canvas, or of one course of it, that are not over."""
    wanted = select(RunRow.id).where(RunRow.canvas == canvas, RunRow.state.not_in(sorted(TERMINAL)))
    if course is not None:
        wanted = wanted.where(RunRow.course_id == course)
    return list(session.scalars(wanted))


def erase_place(session: Session, canvas: str, course: str | None = None) -> Counter[str]:
    """Erase all of an institution, or of one course of it; how many rows of each table.

    Tokens are of a person in an institution, not in a course, and stay when a course goes.
    """
    gone: Counter[str] = Counter()
    for holding in HOLDINGS:
        columns = holding.table.c
        if course is not None and "course_id" not in columns:
            continue
        where = columns["canvas"] == canvas
        if course is not None:
            where = and_(where, columns["course_id"] == course)
        gone[holding.table.name] += _delete(session, holding.table, where)
    return gone


def erase_person(session: Session, canvas: str, person: str) -> Counter[str]:
    """Erase a person's own rows, and the name wherever it stands; Canvas's number for the person stays in the
    pairs of plans and runs."""
    gone: Counter[str] = Counter()
    for holding in HOLDINGS:
        if holding.person is None:
            continue
        columns = holding.table.c
        whose = and_(columns["canvas"] == canvas, columns[holding.person] == person)
        if holding.own:
            gone[holding.table.name] += _delete(session, holding.table, whose)
        elif holding.person_name is not None:
            name = columns[holding.person_name]
            done = session.execute(
                update(holding.table).where(whose, name != REMOVED).values({name: REMOVED})
            )
            gone[f"{holding.table.name}, name of whoever did it"] += _rows(done)
    batches = select(ReminderBatchRow.id).where(ReminderBatchRow.canvas == canvas)
    gone["reminder"] += _delete(
        session,
        table_of(ReminderRow),
        and_(ReminderRow.user_id == person, ReminderRow.batch_id.in_(batches)),
    )
    gone["reminder_message, text by the person"] += _unwrite(session, canvas, person)
    posts = select(CreditPostRow.id).where(CreditPostRow.canvas == canvas)
    gone["credit_score"] += _delete(
        session,
        table_of(CreditScoreRow),
        and_(CreditScoreRow.user_id == person, CreditScoreRow.post_id.in_(posts)),
    )
    gone["snapshot, name in it"] += _unname(session, canvas, person)
    gone["reason for leaving out"] += _unreason(session, canvas, person)
    return +gone


def erase_old(session: Session, now: datetime, keep: Retention) -> Counter[str]:
    """Erase what has been kept long enough; runs that are not over stay whatever their age."""
    gone: Counter[str] = Counter()
    runs, plans, snapshots = table_of(RunRow), table_of(PlanRow), table_of(SnapshotRow)
    steps: Sequence[tuple[Table, ColumnElement[bool]]] = (
        (runs, runs.c.finished_at < now - keep.plans),
        (
            plans,
            and_(plans.c.created_at < now - keep.plans, plans.c.id.not_in(select(runs.c.plan_id))),
        ),
        (
            snapshots,
            and_(
                snapshots.c.taken_at < now - keep.snapshots,
                snapshots.c.id.not_in(select(plans.c.snapshot_id)),
            ),
        ),
        *(
            (table_of(row), table_of(row).c.created_at < now - keep.plans)
            for row in (ReminderBatchRow, CreditPostRow)
        ),
        (table_of(OpenReviewRow), OpenReviewRow.open_at < now - keep.plans),
        (table_of(DueReadingRow), DueReadingRow.read_at < now - keep.plans),
        *(
            (table_of(row), table_of(row).c.saved_at < now - keep.rules)
            for row in (FollowUpRow, GradeServiceRow, RuleSetRow, SavedRulesRow)
        ),
        (
            table_of(TokenRow),
            # A personal token is never renewed; it stays until its person takes it back.
            and_(TokenRow.renewed_at < now - keep.tokens, TokenRow.kind == TokenKind.OAUTH),
        ),
        (
            table_of(ScheduleRow),
            and_(
                ScheduleRow.next_at.is_(None),
                func.coalesce(ScheduleRow.last_at, ScheduleRow.created_at) < now - keep.plans,
            ),
        ),
        (table_of(AuditRow), AuditRow.at < now - keep.audit),
        (table_of(ConnectAttemptRow), ConnectAttemptRow.expires_at < now),
        (
            table_of(PersonRow),  # those who are connected stay known
            and_(
                PersonRow.confirmed_at < now - keep.tokens,
                PersonRow.user_id.not_in(select(TokenRow.user_id).where(TokenRow.canvas == PersonRow.canvas)),
            ),
        ),
        (table_of(CourseRow), CourseRow.confirmed_at < now - keep.plans),
        (table_of(OneTimeSecretRow), OneTimeSecretRow.expires_at < now),
        (
            table_of(SessionRow),
            or_(SessionRow.expires_at < now, SessionRow.last_seen_at < now - keep.idle_session),
        ),
    )
    for table, where in steps:
        gone[table.name] += _delete(session, table, where)
    return +gone


def _delete(session: Session, table: Table, where: ColumnElement[bool]) -> int:
    return _rows(session.execute(delete(table).where(where)))


def _rows(result: Any) -> int:
    return int(result.rowcount)


def _unwrite(session: Session, canvas: str, person: str) -> int:
    """Take out the texts of reminders that a person sent: they may be signed."""
    messages = table_of(ReminderMessageRow)
    sent = select(ReminderBatchRow.id).where(
        ReminderBatchRow.canvas == canvas, ReminderBatchRow.sent_by == person
    )
    done = session.execute(
        update(messages)
        .where(messages.c.batch_id.in_(sent), messages.c.body != REMOVED)
        .values(subject=REMOVED, body=REMOVED)
    )
    return _rows(done)


def _unname(session: Session, canvas: str, person: str) -> int:
    """Take a person's name out of all readings of a Canvas."""
    changed = 0
    runs = select(RunRow.id).where(RunRow.canvas == canvas)
    for wanted in (
        select(SnapshotRow).where(SnapshotRow.canvas == canvas),
        select(RunSnapshotRow).where(RunSnapshotRow.run_id.in_(runs)),
    ):
        for row in session.scalars(wanted.execution_options(yield_per=20)):
            content = json.loads(zlib.decompress(row.body))
            _unlevel(content, person)
            for one in content["people"]:
                if one["id"] == person and one["name"] != REMOVED:
                    one["name"] = one["sortable_name"] = REMOVED
                    row.body = zlib.compress(json.dumps(content, ensure_ascii=False).encode())
                    changed += 1
    return changed


def _unlevel(content: dict[str, Any], person: str) -> None:
    """Take a person's points and level out of a reading; it is written back with the name."""
    for scores in content.get("scores") or []:
        scores["points"] = [one for one in scores["points"] if one[0] != person]
    listed = content.get("listed")
    if listed:
        listed["levels"] = [one for one in listed["levels"] if one[0] != person]


def _unreason(session: Session, canvas: str, person: str) -> int:
    """Take out what somebody wrote about why a person is left out, or about a pair with the person."""
    changed = 0
    for kept, column in ((PlanRow, "rules"), (SavedRulesRow, "body"), (RuleSetRow, "body")):
        for row in session.scalars(select(kept).where(table_of(kept).c.canvas == canvas)):
            content = json.loads(getattr(row, column))
            mentioned = [
                one
                for name in ("exclude", "forbidden", "fixed")
                for one in content.get(name) or []
                if person in (one.get("user"), one.get("reviewer"), one.get("author"))
                and one.get("reason") not in ("", None, REMOVED)
            ]
            for one in mentioned:
                one["reason"] = REMOVED
            if mentioned:
                setattr(row, column, json.dumps(content, ensure_ascii=False))
                if isinstance(row, SavedRulesRow | RuleSetRow):
                    row.version += 1
                changed += len(mentioned)
    return changed
