"""Any day of two teachers: plans made, applied late or twice, repaired, while Canvas changes under them.

Whatever they do, Canvas holds what the last applied preview said, or the report names every difference;
nobody has more rows than a pair may have, and no author ends with fewer reviews than before, unless the
preview said so. The real services, journal and client run against the simulated Canvas over a socket; only
the driver's clock is quick.
"""

from __future__ import annotations

import logging
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import structlog
from hypothesis import HealthCheck, Phase, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)
from sqlalchemy import text

from allocation import Infeasible
from lti_tool.applying.answers import Answer
from lti_tool.applying.driver import Driver
from lti_tool.applying.records import Actor as Starter
from lti_tool.applying.report import RunReport
from lti_tool.applying.settings import DriverSettings
from lti_tool.applying.states import PAUSED, TERMINAL, RunState, StepClass
from lti_tool.applying.verification import BY_OTHERS
from lti_tool.bootstrap.application import build_application
from lti_tool.canvas.pacing import Lane
from lti_tool.canvas.snapshot_reader import AssignmentReviews
from lti_tool.persistence.plans import load_plan
from lti_tool.persistence.schema import upgrade
from lti_tool.planning.holes import HoleKind
from lti_tool.planning.ids import AssignmentId, CourseId, RunId, SubmissionId, UserId
from lti_tool.planning.plan import ChangeKind, Plan
from lti_tool.planning.rules import Exclusion
from lti_tool.services.actor import Actor
from lti_tool.services.errors import ServiceError
from lti_tool.settings import Settings
from lti_tool.simulator.faults import FaultKind
from lti_tool.simulator.habits import Habits
from lti_tool.simulator.records import AssessmentRequest, EnrollmentState
from tests.crash.conftest import ALL
from tests.simulated import SimulatedCanvas, simulated_canvas

Pairs = Counter[tuple[UserId, UserId]]
Made = Plan | MultipleResults[Plan]
NO_PLAN = (Infeasible, ServiceError)
REFUSALS = (ServiceError,)
DEPARTURES = (EnrollmentState.INACTIVE, EnrollmentState.COMPLETED, EnrollmentState.DELETED)
Planted = tuple[FaultKind, str, str, int]
"""What goes wrong, with which method at which path, how often."""
FAULTS: tuple[Planted | None, ...] = (
    None,
    *((kind, "POST", "/peer_reviews", 1) for kind in (FaultKind.DROP_BEFORE, FaultKind.DROP_AFTER)),
    *((kind, "DELETE", "/peer_reviews", 1) for kind in (FaultKind.DROP_BEFORE, FaultKind.DROP_AFTER)),
    (FaultKind.ERROR_500_AFTER, "POST", "/peer_reviews", 3),
    (FaultKind.HTML_503, "POST", "/peer_reviews", 10_000),
    *(
        (kind, "GET", path, 3)
        for kind in (FaultKind.EMPTY_LIST, FaultKind.CUT_LIST)
        for path in ("/enrollments$", "/submissions$", "/assignments/\\d+/peer_reviews$")
    ),
)
MADE = frozenset({StepClass.DONE, StepClass.ALREADY_THERE, StepClass.ALREADY_GONE})
TEACHER = Starter(UserId("1"), "Ada Teacher")


class Death(BaseException):
    """The worker's process ends here."""


class QuickClock:
    """The driver's waits cost no time; what it measures includes them."""

    def __init__(self) -> None:
        self._slept = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self._slept

    def sleep(self, seconds: float) -> None:
        self._slept += seconds

    def every(self, seconds: float, action: Callable[[], None]) -> Callable[[], None]:
        return lambda: None


class Dying(AssignmentReviews):
    """A worker's Canvas; the worker dies at its nth write, before Canvas has executed it or after."""

    writes_left: int | None = None
    executed = False

    def create(self, submission: SubmissionId, author: UserId, reviewer: UserId) -> Answer:
        return self._counted(lambda: AssignmentReviews.create(self, submission, author, reviewer))

    def delete(self, submission: SubmissionId, author: UserId, reviewer: UserId) -> Answer:
        return self._counted(lambda: AssignmentReviews.delete(self, submission, author, reviewer))

    def _counted(self, write: Callable[[], Answer]) -> Answer:
        if self.writes_left is not None:
            self.writes_left -= 1
            if self.writes_left < 0:
                if self.executed:
                    write()
                raise Death
        return write()


class PeopleAndPlans(RuleBasedStateMachine):
    """One assignment, two teachers, one worker at a time."""

    plans = Bundle("plans")

    @initialize()
    def begin(self) -> None:
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
        self.open = ExitStack()
        folder = Path(self.open.enter_context(tempfile.TemporaryDirectory()))
        habits = Habits(throttle_enabled=False)
        self.canvas: SimulatedCanvas = self.open.enter_context(simulated_canvas("small", habits=habits))
        self.course = self.canvas.course("WRIT")
        self.essay = self.canvas.assignment(self.course, "Essay 1")
        self.app = build_application(
            Settings(instance=folder, allow_http_loopback=True, log_level="error"), environment={}
        )
        upgrade(self.app.database.engine)
        self.open.callback(self.app.close)
        self.clock = QuickClock()
        self.driver = Driver(self.app.journal, self.clock, "test", DriverSettings())
        self.actors = [self._connect(login) for login in ("teacher", "ta")]
        self.assignment = AssignmentId(self.essay.id)
        self.unfinished: RunId | None = None
        self.touched = False
        """Whether anybody but the tool changed anything since the last run was verified."""
        self.clean_run = False

    def _connect(self, login: str) -> Actor:
        origin = self.app.origin(self.canvas.url)
        token = self.canvas.state.make_personal_token(self.canvas.user(login).id).token
        user = self.app.connecting.connect_with_personal_token(origin, token)
        return Actor(origin, CourseId(self.course.id), UserId(user), login)

    def teardown(self) -> None:
        if hasattr(self, "open"):
            self.open.close()

    # -- what teachers do

    @rule(target=plans, who=st.integers(0, 1), kind=st.sampled_from(["plan", "fill up", "undo"]))
    def plan(self, who: int, kind: str) -> Made:
        actor, cases = self.actors[who], self.app.use_cases
        if kind == "plan":
            return self._plan(lambda: self._make(who))
        if kind == "fill up":
            return self._plan(
                lambda: cases.filling.plan(actor, self.assignment, {HoleKind.LEFT}, delete=False)
            )
        runs = [run for run in cases.running.history(actor) if run.finished_at]
        return self._plan(lambda: cases.running.undo(actor, runs[0].id)) if runs else multiple()

    def _make(self, who: int, **change: object) -> Plan:
        cases = self.app.use_cases.planning
        rules = cases.rules(self.actors[who], self.assignment).model_copy(update=change)
        return cases.make_plan(self.actors[who], self.assignment, rules)

    def _plan(self, make: Callable[[], Plan]) -> Made:
        before = self._graph
        try:
            plan = make()
        except NO_PLAN:
            return multiple()
        assert self._graph == before, "a plan changes nothing"
        writes = {(line.reviewer, line.author) for line in plan.of_kind(ChangeKind.CREATE)}
        if not self.touched:
            assert not any(before[pair] for pair in writes), "a plan does not create what the tool created"
        return plan

    @rule(plan=plans, who=st.integers(0, 1))
    def apply_some_plan(self, plan: Plan, who: int) -> None:
        self._apply(plan, who)

    @rule(
        who=st.integers(0, 1),
        each=st.integers(1, 4),
        excluded=st.none() | st.integers(0, 11),
        redone=st.booleans(),
        fault=st.sampled_from(FAULTS),
        nth=st.integers(1, 9),
    )
    def plan_and_apply(
        self, who: int, each: int, excluded: int | None, redone: bool, fault: Planted | None, nth: int
    ) -> None:
        students = [] if excluded is None else [self._students[excluded % len(self._students)]]
        change = {
            "exclude": tuple(Exclusion(user=student) for student in students),
            "reviews_per_reviewer": each,
            "existing": "replace" if redone else "keep",
        }
        made = self._plan(lambda: self._make(who, **change))
        if isinstance(made, Plan):
            if fault is not None:
                kind, method, path, times = fault
                self.canvas.state.faults.plant(kind, method=method, path=path, nth=nth, times=times)
            self._apply(made, who)
            self.canvas.state.faults.clear()

    @rule(who=st.integers(0, 1), each=st.integers(1, 4), writes=st.integers(0, 12), executed=st.booleans())
    def plan_and_die(self, who: int, each: int, writes: int, executed: bool) -> None:
        made = self._plan(lambda: self._make(who, reviews_per_reviewer=each))
        if isinstance(made, Plan):
            self._apply(made, who, dies_after=writes, executed=executed)

    @precondition(lambda self: self.unfinished is not None)
    @rule()
    def another_worker_comes(self) -> None:
        assert self.unfinished is not None
        self._drive(self.unfinished)

    @rule(who=st.integers(0, 1))
    def look_at_the_board(self, who: int) -> None:
        found = self.app.use_cases.watching.look(self.actors[who], self.assignment)
        if self.clean_run and not self.touched and self.unfinished is None:
            assert found.alarms == (), "nobody but the tool changed anything"

    # -- what others do

    @rule(data=st.data(), what=st.sampled_from(["adds", "removes", "completes", "leaves", "comes back"]))
    def somebody_else(self, data: st.DataObject, what: str) -> None:
        student, other = data.draw(st.integers(0, 11)), data.draw(st.integers(0, 11))
        if what == "adds":
            self._adds(student, other)
        elif what == "removes":
            self._removes(student + 12 * other)
        elif what == "completes":
            self._completes(student + 12 * other)
        elif what == "leaves":
            self._leaves(student, data.draw(st.sampled_from(DEPARTURES)))
        else:
            self._comes_back(student)

    def _adds(self, reviewer: int, author: int) -> None:
        one, other = self._students[reviewer], self._students[author]
        row = self.canvas.state.submission_of(self.essay.id, other)
        if one != other and row is not None and not self._graph[one, other]:
            if self.unfinished is not None:
                return  # Canvas has no unique index: two creates of one pair at a time are its own race
            self.canvas.state.assign_assessor(row, one)
            self.touched = True

    def _removes(self, nth: int) -> None:
        rows = sorted(self._rows, key=lambda row: row.id)
        if rows:
            row = rows[nth % len(rows)]
            self.canvas.state.unassign(row.id)
            self.touched = True
            if self.unfinished is not None:  # what others take away in mid-run is not the run's doing
                self.before[UserId(row.assessor_id), UserId(row.user_id)] = 0

    def _completes(self, nth: int) -> None:
        rows = sorted(self._rows, key=lambda row: row.id)
        if rows:
            self.canvas.state.complete_review(rows[nth % len(rows)].id)

    def _leaves(self, student: int, how: EnrollmentState) -> None:
        self.canvas.state.drop(self._students[student], self.course.id, state=how)
        self.touched = True

    def _comes_back(self, student: int) -> None:
        self.canvas.state.reinstate(self._students[student], self.course.id)
        self.touched = True

    # -- how it is driven, and what must hold

    def _apply(self, plan: Plan, who: int, *, dies_after: int | None = None, executed: bool = False) -> None:
        before = self._graph
        try:
            run = self.app.use_cases.running.start(self.actors[who], plan.id)
        except REFUSALS as refused:
            event(f"not started: {type(refused).__name__}")
            assert self._graph == before, "what is refused changes nothing"
            return
        if self.app.journal.load(run).state in TERMINAL:
            return  # the same plan again is the same run
        if self.unfinished is None:
            self.before, self.planned = before, plan
        self._drive(run, dies_after=dies_after, executed=executed)

    def _drive(self, run: RunId, *, dies_after: int | None = None, executed: bool = False) -> None:
        record = self.app.journal.load(run)
        with self.app.database.read() as session:
            stored = load_plan(session, record.plan_id)
        assert stored is not None
        with self.app.database.begin() as session:  # the lease of a dead worker is over
            session.execute(text("UPDATE run SET lease_until = NULL WHERE lease_until IS NOT NULL"))
        access = self.app.driving._access
        client = access.client(record.canvas, record.started_by, Lane.RUN)
        canvas = Dying(client, record.canvas, record.course_id, record.assignment_id)
        canvas.writes_left, canvas.executed = dies_after, executed
        try:
            for _ in range(40):
                self.driver.drive(run, canvas, stored.snapshot)
                if self.app.journal.load(run).state in TERMINAL:
                    break
                self.canvas.state.faults.clear()
                with self.app.database.begin() as session:  # the wait of a pause is over
                    session.execute(text("UPDATE run SET waiting_until = NULL, lease_until = NULL"))
                if self.app.journal.load(run).state in PAUSED:
                    self.app.journal.resume(run, TEACHER)
        except Death:
            self.unfinished = run
            self.touched = True
            return
        self.unfinished = None
        self._see(self.app.journal.report(run))

    def _see(self, report: RunReport) -> None:
        """A run is over: what Canvas holds now, what was there before, and what the report says."""
        assert report.state in TERMINAL
        event(f"a run ended {report.state}")
        after, before, wanted = self._graph, self.before, self._shown(self.planned)
        for author in self._students:
            least = min(received(before, author), received(wanted, author))
            assert received(after, author) >= least, (
                f"{author} has {received(after, author)} reviews, had {received(before, author)}, "
                f"the preview said {received(wanted, author)}; {report.state}"
            )
        told = {(step.reviewer, step.author) for step in report.steps if step.step_class not in MADE}
        submissions = {
            SubmissionId(row.id): UserId(row.user_id)
            for row in self.canvas.state.submissions_of(self.essay.id)
        }
        found = report.verification.mismatches if report.verification else ()
        told |= {
            (one.reviewer, submissions[one.submission])
            for one in found
            if one.reviewer is not None and one.submission in submissions
        }
        if report.state is RunState.NEEDS_REVIEW and not any(
            step.step_class in MADE for step in report.steps
        ):
            assert after == before, "an out-of-date plan writes nothing"
        elif report.state is RunState.DONE:
            assert not told or any(one.kind in BY_OTHERS for one in found), (
                "done, with a difference of our own"
            )
            assert set(wanted) - set(after) <= told, "done, and part of the preview is not in Canvas"
            assert set(after) - set(wanted) <= told, "done, and Canvas has what the preview did not show"
        elif report.state is RunState.DONE_WITH_ISSUES:
            assert set(wanted) ^ set(after) <= told, "a difference that the report does not name"
        self.clean_run = report.state is RunState.DONE and not found
        self.touched = False

    @invariant()
    def no_pair_is_there_twice(self) -> None:
        if hasattr(self, "canvas"):
            assert set(self._graph.values()) <= {1}

    @invariant()
    def nobody_is_mailed_twice_by_us(self) -> None:
        if hasattr(self, "canvas"):
            mails = Counter(mail.request_id for mail in self.canvas.state.notifications)
            assert set(mails.values()) <= {1}

    @staticmethod
    def _shown(plan: Plan) -> Pairs:
        """What the preview says Canvas holds afterwards."""
        return Counter(
            {(one.reviewer, one.author) for one in plan.changes if one.kind is not ChangeKind.DELETE}
        )

    @property
    def _students(self) -> list[UserId]:
        return sorted(UserId(row.user_id) for row in self.canvas.state.submissions_of(self.essay.id))

    @property
    def _rows(self) -> list[AssessmentRequest]:
        return list(self.canvas.state.reviews_of(self.essay.id))

    @property
    def _graph(self) -> Pairs:
        return Counter((UserId(row.assessor_id), UserId(row.user_id)) for row in self._rows)


def received(graph: Pairs, author: UserId) -> int:
    """How many reviews an author gets."""
    return sum(number for (_, to), number in graph.items() if to == author)


TestPeopleAndPlans = PeopleAndPlans.TestCase
TestPeopleAndPlans.settings = settings(
    max_examples=400 if ALL else 25,
    stateful_step_count=14,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # each step is a journey; shrinking takes minutes
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
