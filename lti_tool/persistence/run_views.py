"""What reports and histories of runs are made from, read in one transaction each."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from lti_tool.applying.drift import DRIFT, drift_from
from lti_tool.applying.records import RunRecord, StepRecord
from lti_tool.applying.report import LATEST, RunSummary, counts_by_class
from lti_tool.applying.states import StepState, step_state
from lti_tool.persistence.housekeeping_rows import SWEEP, ChoreRow
from lti_tool.persistence.journal_rows import RunEventRow, RunRow, StepRow
from lti_tool.persistence.journal_store import step_record
from lti_tool.planning.ids import RunId
from lti_tool.planning.staleness import Judged


def worker_seen(session: Session) -> datetime | None:
    """When a worker was last heard of."""
    sweep = session.get(ChoreRow, SWEEP)
    return None if sweep is None else sweep.done_at


def drift_noted(session: Session, run: RunId) -> Judged:
    """What the run found when it last compared Canvas with its preview."""
    last = session.scalar(
        select(RunEventRow.details)
        .where(RunEventRow.run_id == run, RunEventRow.type == DRIFT)
        .order_by(RunEventRow.id.desc())
        .limit(1)
    )
    return Judged() if last is None else drift_from(json.loads(last))


def latest_steps(session: Session, run: RunId) -> list[StepRecord]:
    """The steps that were settled last, the newest first."""
    rows = session.scalars(
        select(StepRow)
        .where(StepRow.run_id == run, StepRow.resolved_at.is_not(None))
        .order_by(StepRow.resolved_at.desc(), StepRow.seq.desc())
        .limit(LATEST)
    )
    return [step_record(row) for row in rows]


def steps_by_state(session: Session, *which: ColumnElement[bool]) -> Mapping[str, Mapping[StepState, int]]:
    """Steps by state of each run; a run without steps gives an empty count."""
    found: defaultdict[str, dict[StepState, int]] = defaultdict(dict)
    rows = session.execute(
        select(StepRow.run_id, StepRow.state, func.count())
        .join(RunRow, RunRow.id == StepRow.run_id)
        .where(*which)
        .group_by(StepRow.run_id, StepRow.state)
    )
    for run, state, number in rows:
        known = step_state(state)
        found[run][known] = found[run].get(known, 0) + number
    return found


def summary_of(run: RunRecord, states: Mapping[StepState, int]) -> RunSummary:
    counts = {name.value: number for name, number in counts_by_class(states, run.state).items()}
    return RunSummary(
        id=run.id,
        plan_id=run.plan_id,
        assignment_id=run.assignment_id,
        state=run.state,
        started_by=run.started_by,
        started_by_name=run.started_by_name,
        created_at=run.created_at,
        finished_at=run.finished_at,
        counts=counts,
        total=sum(counts.values()),
        undo_of=run.undo_of,
    )
