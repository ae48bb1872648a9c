"""What runs in a worker process of the crash tests: the real driver, Canvas client and journal.

The journal counts the moments before and after each of its commits and can kill its process with SIGKILL at
one of them. Two drivers that are wrong on purpose show that the tests would notice.
"""

from __future__ import annotations

import functools
import os
import signal
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from sqlalchemy import Engine

from lti_tool.applying.answers import Answer, Outcome
from lti_tool.applying.clock import SystemClock
from lti_tool.applying.driver import Driver
from lti_tool.applying.ports import RunJournal
from lti_tool.applying.records import Settlement, StepRecord
from lti_tool.applying.settings import DriverSettings
from lti_tool.applying.states import StepState
from lti_tool.canvas.calls import Calls, Patience
from lti_tool.canvas.client import CanvasClient
from lti_tool.canvas.pacing import Pace, PaceLimits
from lti_tool.canvas.snapshot_reader import AssignmentReviews
from lti_tool.canvas.transport import Limits, Transport
from lti_tool.outgoing import LOOPBACK
from lti_tool.persistence.database import Database, make_engine
from lti_tool.persistence.journal import Journal
from lti_tool.persistence.plans import load_plan
from lti_tool.planning.ids import CanvasOrigin, RunId
from lti_tool.planning.plan import ChangeKind

SETTLE_S = 0.15
"""Longer than the simulated Canvas needs for a request, as ninety seconds are for a real one."""
LEASE_OVER_S = 40.0
WRITES = {
    "claim",
    "mark_sent",
    "settle",
    "settle_all",
    "cancel_pending",
    "move",
    "stop",
    "finish",
    "keep_snapshot",
    "note",
}


class OneToken:
    """A token that never ends."""

    def __init__(self, token: str) -> None:
        self._token = token

    def access_token(self) -> str:
        return self._token

    def renew(self, failed_token: str) -> str:
        raise AssertionError("the token of this test does not end")


class DyingJournal:
    """A journal whose process gets ``signal_name`` at the ``dies_at``-th moment before or after a commit."""

    def __init__(self, journal: Journal, dies_at: int | None, signal_name: str) -> None:
        self._journal = journal
        self._dies_at = dies_at
        self._signal = signal.Signals[signal_name]
        self.moments = 0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._journal, name)
        return self._mortal(method) if name in WRITES else method

    def _mortal(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            self._moment()
            result = method(*args, **kwargs)
            self._moment()
            return result

        return call

    def _moment(self) -> None:
        self.moments += 1
        if self.moments == self._dies_at:
            os.kill(os.getpid(), self._signal)


def reviews_in(
    url: str, token: str, course: str, assignment: str, *, timeout_s: float = 60.0
) -> AssignmentReviews:
    """The assignment in the simulated Canvas; reads are repeated without much waiting."""
    origin = CanvasOrigin(url)
    transport = Transport(origin, limits=Limits(read_timeout_s=timeout_s), reach=LOOPBACK)
    patience = Patience(base_s=0.01)
    calls = Calls(transport, OneToken(token), Pace(PaceLimits(start=16.0)), patience=patience)
    client = CanvasClient(calls)
    return AssignmentReviews(client, origin, cast(Any, course), cast(Any, assignment))


@functools.cache
def engine_of(database: str) -> Engine:
    """One engine in a process and its forks, so that forks inherit the statements that it has compiled."""
    return make_engine(database)


def open_journal(database: str, generation: int) -> Journal:
    """The journal as the ``generation``-th worker sees it: every lease before it is over."""
    ahead = timedelta(seconds=LEASE_OVER_S * generation)
    return Journal(Database(engine_of(database)), lambda: datetime.now(UTC) + ahead)


def work(
    *,
    database: str,
    run: str,
    canvas: tuple[str, str, str, str],
    generation: int = 0,
    threads: int = 1,
    dies_at: int | None = None,
    by: str = "SIGKILL",
    settle_s: float = SETTLE_S,
    timeout_s: float = 60.0,
    deadline_s: float = 24.0,
    driver: str = "good",
    count_to: str | None = None,
) -> None:
    """Drive the run as far as this process gets; ``count_to`` is a file that takes the number of moments."""
    journal = open_journal(database, generation)
    mortal = DyingJournal(journal, dies_at, by)
    reviews = reviews_in(*canvas, timeout_s=timeout_s)
    if driver == "good":
        settings = DriverSettings(
            workers=threads,
            settle=settle_s,
            read_timeout=settle_s / 2,
            own_deadline=deadline_s,
            heartbeat=deadline_s / 2.4,
            backoff_first=0.01,
        )
        with journal._database.read() as session:
            stored = load_plan(session, journal.load(RunId(run)).plan_id)
        assert stored is not None
        good = Driver(cast(RunJournal, mortal), SystemClock(), f"worker-{generation}", settings)
        good.drive(RunId(run), reviews, stored.snapshot)
    else:
        BAD_DRIVERS[driver](cast(RunJournal, mortal), RunId(run), reviews, f"bad-{generation}")
    if count_to is not None:
        with open(count_to, "w") as file:
            file.write(str(mortal.moments))


def restarts_the_plan(journal: RunJournal, run: RunId, canvas: AssignmentReviews, owner: str) -> None:
    """Wrong on purpose: knows only whether the whole plan was done."""
    claim = journal.claim(run, owner)
    assert claim is not None
    for step in journal.steps(run):
        _ask(canvas, step)
    journal.release(claim)


def journals_only_what_is_done(
    journal: RunJournal, run: RunId, canvas: AssignmentReviews, owner: str
) -> None:
    """Wrong on purpose: no mark before the call, so what was under way at a death is sent again."""
    claim = journal.claim(run, owner)
    assert claim is not None
    for step in journal.steps(run):
        if step.state is StepState.PENDING:
            while _ask(canvas, step).outcome is Outcome.UNKNOWN:
                pass
            journal.settle(claim, step, Settlement(StepState.DONE))
    journal.release(claim)


def _ask(canvas: AssignmentReviews, step: StepRecord) -> Answer:
    ask = canvas.create if step.kind is ChangeKind.CREATE else canvas.delete
    return ask(step.submission, step.author, step.reviewer)


BAD_DRIVERS = {
    "restarts the plan": restarts_the_plan,
    "journals only what is done": journals_only_what_is_done,
}
