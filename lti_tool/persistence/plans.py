"""Stores and finds snapshots and plans."""

from __future__ import annotations

import secrets
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pydantic import TypeAdapter
from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from lti_tool.persistence.plan_rows import PlanLineRow, PlanRow, SnapshotRow
from lti_tool.planning.ids import (
    AssignmentId,
    CanvasOrigin,
    CourseId,
    PlanId,
    ReviewId,
    RunId,
    SubmissionId,
    UserId,
)
from lti_tool.planning.plan import Change, ChangeKind, ChangeReason, Plan
from lti_tool.planning.rules import PlanRules
from lti_tool.planning.snapshot import Snapshot

_SNAPSHOT = TypeAdapter(Snapshot)


def new_id() -> str:
    """A fresh row id: 96 random bits, so that an address cannot be guessed."""
    return secrets.token_hex(12)


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """A plan with what the record knows beyond it."""

    plan: Plan
    snapshot: Snapshot
    created_by: UserId
    created_by_name: str


def store_snapshot(session: Session, snapshot: Snapshot, user: UserId) -> str:
    """Keep a reading; gives its row id."""
    row = SnapshotRow(
        id=new_id(),
        canvas=snapshot.canvas,
        course_id=snapshot.course_id,
        assignment_id=snapshot.assignment.id,
        user_id=user,
        fingerprint=snapshot.fingerprint,
        taken_at=snapshot.taken_at,
        after_run=snapshot.after_run,
        body=zlib.compress(_SNAPSHOT.dump_json(snapshot)),
    )
    session.add(row)
    session.flush()
    return row.id


def add_earlier(session: Session, snapshot: Snapshot, user: UserId) -> None:
    """Write the reviews of earlier assignments into the stored reading that they were added to.

    Plans that rest on the reading do not change by it: their rules name the assignments that they look at.
    """
    row = session.scalar(
        select(SnapshotRow).where(
            SnapshotRow.canvas == snapshot.canvas,
            SnapshotRow.assignment_id == snapshot.assignment.id,
            SnapshotRow.user_id == user,
            SnapshotRow.taken_at == snapshot.taken_at,
        )
    )
    if row is not None:
        row.body = zlib.compress(_SNAPSHOT.dump_json(snapshot))


def _snapshot_from(row: SnapshotRow) -> Snapshot:
    snapshot = _SNAPSHOT.validate_json(zlib.decompress(row.body))
    vars(snapshot)["fingerprint"] = row.fingerprint  # was worked out when it was stored, and takes a while
    return snapshot


def latest_snapshot(
    session: Session, canvas: CanvasOrigin, course: CourseId, assignment: AssignmentId, user: UserId
) -> tuple[str, Snapshot] | None:
    """The newest reading by this person (two people may see different students)."""
    row = session.scalar(
        select(SnapshotRow)
        .where(
            SnapshotRow.canvas == canvas,
            SnapshotRow.course_id == course,
            SnapshotRow.assignment_id == assignment,
            SnapshotRow.user_id == user,
        )
        .order_by(SnapshotRow.taken_at.desc())
        .limit(1)
    )
    return None if row is None else (row.id, _snapshot_from(row))


@dataclass(frozen=True, slots=True)
class Stamp:
    """When a snapshot was begun, and after which update of ours; enough to tell whether it is still good."""

    taken_at: datetime
    after_run: RunId | None


def latest_stamp(
    session: Session, canvas: CanvasOrigin, course: CourseId, assignment: AssignmentId, user: UserId
) -> Stamp | None:
    """The stamp of what ``latest_snapshot`` gives; cheaper than the snapshot itself."""
    found = session.execute(
        select(SnapshotRow.taken_at, SnapshotRow.after_run)
        .where(
            SnapshotRow.canvas == canvas,
            SnapshotRow.course_id == course,
            SnapshotRow.assignment_id == assignment,
            SnapshotRow.user_id == user,
        )
        .order_by(SnapshotRow.taken_at.desc())
        .limit(1)
    ).first()
    return None if found is None else Stamp(found[0], None if found[1] is None else RunId(found[1]))


def store_plan(session: Session, plan: Plan, *, snapshot_id: str, by: UserId, by_name: str) -> None:
    """Keep a plan and its lines."""
    session.add(
        PlanRow(
            id=plan.id,
            canvas=plan.canvas,
            course_id=plan.course_id,
            assignment_id=plan.assignment_id,
            snapshot_id=snapshot_id,
            fingerprint=plan.fingerprint,
            rules=plan.rules.model_dump_json(),
            seed=plan.seed,
            created_by=by,
            created_by_name=by_name,
            created_at=plan.created_at,
            undo_of=plan.undo_of,
            based_on=plan.based_on,
        )
    )
    session.flush()
    if plan.changes:
        session.execute(
            insert(PlanLineRow),
            [
                {
                    "plan_id": plan.id,
                    "seq": seq,
                    "kind": line.kind,
                    "reviewer": line.reviewer,
                    "author": line.author,
                    "submission": line.submission,
                    "review_id": line.review_id,
                    "reason": line.reason,
                }
                for seq, line in enumerate(plan.changes)
            ],
        )


def plan_is_in(session: Session, plan_id: PlanId, canvas: CanvasOrigin, course: CourseId) -> bool:
    """Whether this plan is still stored, and of this course."""
    found = select(PlanRow.id).where(
        PlanRow.id == plan_id, PlanRow.canvas == canvas, PlanRow.course_id == course
    )
    return session.scalar(found) is not None


def plan_after(session: Session, plan_id: PlanId) -> tuple[AssignmentId, RunId | None] | None:
    """The assignment of a plan and the update that its snapshot came after; cheaper than the plan itself."""
    found = session.execute(
        select(PlanRow.assignment_id, SnapshotRow.after_run)
        .join(SnapshotRow, SnapshotRow.id == PlanRow.snapshot_id)
        .where(PlanRow.id == plan_id)
    ).first()
    return None if found is None else (AssignmentId(found[0]), None if found[1] is None else RunId(found[1]))


@dataclass(frozen=True, slots=True)
class PlanHeader:
    """A stored plan without its lines; ``counts`` has the kinds that occur."""

    id: PlanId
    assignment_id: AssignmentId
    created_at: datetime
    created_by_name: str
    undo_of: RunId | None
    after_run: RunId | None
    counts: Mapping[ChangeKind, int]


def plan_headers(
    session: Session, canvas: CanvasOrigin, course: CourseId, assignment: AssignmentId | None, most: int
) -> tuple[PlanHeader, ...]:
    """The newest plans of a course, or of one assignment of it."""
    wanted = [PlanRow.canvas == canvas, PlanRow.course_id == course]
    if assignment is not None:
        wanted.append(PlanRow.assignment_id == assignment)
    rows = session.execute(
        select(PlanRow, SnapshotRow.after_run)
        .join(SnapshotRow, SnapshotRow.id == PlanRow.snapshot_id)
        .where(*wanted)
        .order_by(PlanRow.created_at.desc(), PlanRow.id)
        .limit(most)
    ).all()
    counts: dict[str, dict[ChangeKind, int]] = {}
    lines = select(PlanLineRow.plan_id, PlanLineRow.kind, func.count()).group_by(
        PlanLineRow.plan_id, PlanLineRow.kind
    )
    for plan_id, kind, number in session.execute(
        lines.where(PlanLineRow.plan_id.in_([row.id for row, _after in rows]))
    ):
        counts.setdefault(plan_id, {})[ChangeKind(kind)] = number
    return tuple(
        PlanHeader(
            id=PlanId(row.id),
            assignment_id=AssignmentId(row.assignment_id),
            created_at=row.created_at,
            created_by_name=row.created_by_name,
            undo_of=None if row.undo_of is None else RunId(row.undo_of),
            after_run=None if after is None else RunId(after),
            counts=counts.get(row.id, {}),
        )
        for row, after in rows
    )


def load_plan(session: Session, plan_id: PlanId) -> StoredPlan | None:
    """A stored plan with the snapshot that it was made from."""
    row = session.get(PlanRow, plan_id)
    if row is None:
        return None
    snapshot = session.get_one(SnapshotRow, row.snapshot_id)
    lines = session.scalars(
        select(PlanLineRow).where(PlanLineRow.plan_id == plan_id).order_by(PlanLineRow.seq)
    )
    plan = Plan(
        id=PlanId(row.id),
        canvas=CanvasOrigin(row.canvas),
        course_id=CourseId(row.course_id),
        assignment_id=AssignmentId(row.assignment_id),
        fingerprint=row.fingerprint,
        rules=PlanRules.model_validate_json(row.rules),
        seed=row.seed,
        changes=tuple(_change(line) for line in lines),
        created_at=row.created_at,
        undo_of=None if row.undo_of is None else RunId(row.undo_of),
        based_on=None if row.based_on is None else PlanId(row.based_on),
        after_run=None if snapshot.after_run is None else RunId(snapshot.after_run),
    )
    return StoredPlan(plan, _snapshot_from(snapshot), UserId(row.created_by), row.created_by_name)


def _change(row: PlanLineRow) -> Change:
    return Change(
        kind=ChangeKind(row.kind),
        reviewer=UserId(row.reviewer),
        author=UserId(row.author),
        submission=SubmissionId(row.submission),
        reason=ChangeReason(row.reason),
        review_id=None if row.review_id is None else ReviewId(row.review_id),
    )
