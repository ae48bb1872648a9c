"""Whether this installation can work, and how its runs and its queue stand; for alarms, not for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from prometheus_client import generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from lti_tool.applying.states import RunState, run_state
from lti_tool.metrics import REGISTRY
from lti_tool.persistence import schema
from lti_tool.persistence.database import Database
from lti_tool.persistence.journal import Journal
from lti_tool.persistence.journal_rows import RunRow


@dataclass(frozen=True, slots=True)
class Readiness:
    """Each part that must be there before requests are sent here, and whether it is."""

    parts: dict[str, bool]

    @property
    def ready(self) -> bool:
        return all(self.parts.values())


class Vitals:
    """Looks at database and queue each time it is asked. ``queue_length`` may raise ``queue_errors``."""

    def __init__(
        self,
        database: Database,
        journal: Journal,
        queue_length: Callable[[], int],
        queue_errors: Callable[[], tuple[type[Exception], ...]],
    ) -> None:
        self._database = database
        self._journal = journal
        self._queue_length = queue_length
        self._queue_errors = queue_errors

    def readiness(self) -> Readiness:
        """Database there, and at a schema that this program works with. The queue is a bell, no condition."""
        try:
            found, _newest = schema.current(self._database.engine)
        except SQLAlchemyError:
            return Readiness({"database": False, "schema": False})
        return Readiness({"database": True, "schema": schema.serves(found)})

    def metrics(self) -> bytes:
        """Prometheus's text form: counters of this process, and how the installation stands."""
        registry = CollectorRegistry()
        registry.register(_Standing(self))
        return generate_latest(REGISTRY) + generate_latest(registry)

    def standing(self) -> Iterator[Metric]:
        """Gauges that are the same whichever process is asked."""
        up = GaugeMetricFamily("peer_allocator_database_up", "Whether the database answers")
        try:
            with self._database.read() as session:
                counted = session.execute(
                    select(RunRow.state, func.count().label("number")).group_by(RunRow.state)
                ).all()
            still = self._journal.oldest_without_progress()
        except SQLAlchemyError:
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        runs = GaugeMetricFamily("peer_allocator_runs", "Runs, by state", labels=["state"])
        numbers = Counter[str]()
        for row in counted:
            numbers[run_state(row.state)] += row.number
        for known in RunState:
            runs.add_metric([known], numbers[known])
        yield runs
        yield GaugeMetricFamily(
            "peer_allocator_oldest_standstill_seconds",
            "For how long the run has been still that has not moved for longest, though it should",
            value=still[1].total_seconds() if still else 0,
        )
        try:
            length = self._queue_length()
        except self._queue_errors():
            return
        yield GaugeMetricFamily(
            "peer_allocator_queue_length", "Rings of the bell that no worker has heard yet", value=length
        )


class _Standing(Collector):
    def __init__(self, vitals: Vitals) -> None:
        self._vitals = vitals

    def collect(self) -> Iterator[Metric]:
        return self._vitals.standing()
