"""A column of the tool's own for points, filled through Assignment and Grade Services.

Such a column needs no teacher's token: Canvas lets the tool itself write there, and nobody gets a submission
that was never made. The column of an assignment is found again by its resource id; one posting of it is
carried at a time, so it is made once. A score says how much, not how much more: where no answer came, saying
it again is safe.

What is not sent again: scores that Canvas confirmed and still holds. Its results name people by LTI id, so
they are matched by the id that Canvas gave with each confirmation.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import structlog

from allocation.sentences import N_, sentence
from lti_tool.canvas.errors import CanvasError, CanvasUnavailable, NotFound, NotPermitted, Refused, Throttled
from lti_tool.canvas.pacing import Lane, Pace, Paces
from lti_tool.lti.context import LaunchContext
from lti_tool.lti.grades import Column, Failure, GradeClaim, GradeServiceFailed
from lti_tool.lti.registration import Registration
from lti_tool.persistence.follow_ups import Assignment, CreditScore
from lti_tool.persistence.grade_columns import ClaimedPost, GradeColumns, ServiceRecord
from lti_tool.planning.follow_up import Posting, ScoreState
from lti_tool.planning.ids import AssignmentId, CanvasOrigin, CourseId, UserId
from lti_tool.services.errors import CreditTargetUnfit

if TYPE_CHECKING:
    from lti_tool.lti.grade_service import GradeService

THREADS = 8
BATCH = 40
"""Scores between two records of what became of them."""
ATTEMPTS = 4
THROTTLED_ATTEMPTS = 12
WAIT_S = 1.0
CENT = Decimal("0.01")
MOMENT = timedelta(milliseconds=1)
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class OwnColumn:
    """A column as it is now; without ``column`` it is made with the first posting.

    ``held`` are points out of the maximum that was asked for, of everybody who has some there.
    """

    label: str
    column: Column | None
    held: Mapping[UserId, Decimal]


class OwnColumns:
    """Implements the own column for ``Crediting``, for launches, and for workers.

    Args:
        registration: finds a platform's registration by issuer and client id.
        connect: opens the services of a course.
        sleep: waiting, replaceable in tests.
    """

    def __init__(
        self,
        store: GradeColumns,
        registration: Callable[[str, str], Registration | None],
        connect: Callable[[Registration, GradeClaim], GradeService],
        now: Callable[[], datetime],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.store = store
        self._registration = registration
        self._connect = connect
        self._now = now
        self._sleep = sleep
        self._paces = Paces()

    def remember(self, launch: LaunchContext) -> None:
        """Keep where the columns of the launch's course are, or that there are none any more."""
        said = None
        if launch.grades is not None:
            claim = launch.grades
            said = ServiceRecord(launch.issuer, launch.client_id, claim.lineitems, claim.scopes)
        self.store.remember(CanvasOrigin(launch.canvas_origin), CourseId(launch.course_id), said, self._now())

    def offered(self, canvas: CanvasOrigin, course: CourseId) -> bool:
        """Whether the last launch from the course offered what a column needs."""
        return self._service_of(canvas, course) is not None

    def look(self, of: Assignment, label: str, maximum: float) -> OwnColumn:
        """The column and what it holds.

        Raises:
            CreditTargetUnfit: no launch has offered one.
            CanvasError: the services did not answer as they should.
        """
        try:
            with self._open(of) as service:
                column = service.find(resource_of(of.assignment_id))
                if column is None:
                    return OwnColumn(label, None, {})
                held = self._held(service, of, column, maximum)
        except GradeServiceFailed as failed:
            raise error_of(failed) from failed
        return OwnColumn(column.label, column, held)

    def carry_on(self, post_id: str) -> bool:
        """Send what waits of a posting; False when somebody else does that now, or when it is over."""
        claimed = self.store.claim(post_id, self._now())
        if claimed is None:
            return False
        try:
            with self._open(claimed.of) as service:
                column = service.find(resource_of(claimed.of.assignment_id)) or service.create(
                    resource_of(claimed.of.assignment_id), claimed.label, claimed.maximum
                )
                self._send(service, column, claimed)
        except GradeServiceFailed as failed:
            log.warning("points not posted", why=failed.why, status=failed.status)
            self.store.end(post_id, Posting.FAILED, error_of(failed).words.packed())
        except CreditTargetUnfit as error:
            self.store.end(post_id, Posting.FAILED, error.words.packed())
        except BaseException:
            self.store.release(post_id)
            raise
        else:
            self.store.end(post_id, Posting.DONE)
        return True

    def carry_waiting(self) -> int:
        """Go on with postings that nobody carries, for workers; gives how many."""
        return sum(self.carry_on(post_id) for post_id in self.store.waiting_posts(self._now()))

    def _send(self, service: GradeService, column: Column, post: ClaimedPost) -> None:
        """All waiting scores, some at a time; raises when none of some could be sent."""
        earlier = self.store.sent_scores(post.of, column.id)
        newest = max((one.sent_at for one in earlier.values()), default=None)
        # In the bucket of the tool's client id, which all courses of this Canvas share.
        pace = self._paces.of(post.of.canvas, UserId("tool"))

        def send(score: CreditScore) -> CreditScore:
            return self._send_one(service, column, post.maximum, score, newest, pace)

        waiting = list(post.waiting)
        with ThreadPoolExecutor(THREADS, thread_name_prefix="scores") as threads:
            while waiting:
                some, waiting = waiting[:BATCH], waiting[BATCH:]
                settled = list(threads.map(send, some))
                self.store.save_scores(post.id, column.id, settled, self._now())
                hopeless = {one.why for one in settled} & {Failure.GONE, Failure.NOT_ALLOWED}
                if hopeless:
                    raise GradeServiceFailed(Failure(min(hopeless)), "while scores were sent")
                if all(one.state is ScoreState.UNKNOWN for one in settled):
                    raise GradeServiceFailed(Failure.NO_ANSWER, "to any of the scores")

    def _send_one(
        self,
        service: GradeService,
        column: Column,
        maximum: float,
        score: CreditScore,
        newest: datetime | None,
        pace: Pace,
    ) -> CreditScore:
        failures = throttled = 0
        while True:
            at = self._now() if newest is None else max(self._now(), newest + MOMENT)
            try:
                with pace.place(Lane.RUN):
                    posted = service.post(column, score.user, float(score.points), maximum, at)
            except GradeServiceFailed as failed:
                if failed.status is not None:
                    pace.learn(throttled=failed.why is Failure.THROTTLED, remaining=failed.remaining)
                if failed.why is Failure.THROTTLED:
                    throttled += 1
                else:
                    failures += 1
                if failed.why in (Failure.NO_ANSWER, Failure.THROTTLED):
                    if failures < ATTEMPTS and throttled < THROTTLED_ATTEMPTS:
                        self._sleep(WAIT_S * 2 ** min(failures + throttled - 1, 4))
                        continue
                    return replace(score, state=ScoreState.UNKNOWN, why=failed.why)
                return replace(score, state=ScoreState.REFUSED, why=failed.why)
            pace.learn(throttled=False, remaining=posted.remaining)
            return replace(score, state=ScoreState.SENT, result_id=posted.result_id, sent_at=at)

    def _held(
        self, service: GradeService, of: Assignment, column: Column, maximum: float
    ) -> dict[UserId, Decimal]:
        """What Canvas holds; without the right to read it, what it confirmed."""
        sent = self.store.sent_scores(of, column.id)
        if not service.reads_results:
            return {user: _scaled(float(one.points), one.maximum, maximum) for user, one in sent.items()}
        results = service.results(column) if sent else {}
        found: dict[UserId, Decimal] = {}
        for user, one in sent.items():
            held = results.get(one.result_id or "")
            if held is not None and held.score is not None:
                found[user] = _scaled(held.score, held.maximum, maximum)
        return found

    def _service_of(self, canvas: CanvasOrigin, course: CourseId) -> tuple[Registration, GradeClaim] | None:
        said = self.store.service(canvas, course)
        if said is None:
            return None
        claim = GradeClaim(said.lineitems, said.scopes)
        registration = self._registration(said.issuer, said.client_id)
        if registration is None or registration.canvas != canvas or not claim.can_post:
            return None
        return registration, claim

    def _open(self, of: Assignment) -> GradeService:
        found = self._service_of(of.canvas, of.course_id)
        if found is None:
            raise CreditTargetUnfit(
                N_(
                    "This Canvas does not offer the tool a column of its own in this course: its LTI key "
                    "lacks the scopes of Assignment and Grade Services, or nobody has opened the tool in "
                    "this course since it has them. Open it from Canvas, or choose an assignment for the "
                    "points."
                )
            )
        return self._connect(*found)


def resource_of(assignment: AssignmentId) -> str:
    """The resource id of an assignment's column, by which it is found again."""
    return f"peer-reviews-{assignment}"


def error_of(failed: GradeServiceFailed) -> CanvasError:
    """The error that says what a failure means."""
    what = sentence("Canvas's grade service did not answer as it should.")
    if failed.status is not None:
        what = sentence("Canvas's grade service answered with status %(status)s.", status=str(failed.status))
    kinds: dict[Failure, type[CanvasError]] = {
        Failure.NO_ANSWER: CanvasUnavailable,
        Failure.THROTTLED: Throttled,
        Failure.NOT_ALLOWED: ToolNotAllowed,
        Failure.GONE: NotFound,
        Failure.REFUSED: Refused,
    }
    return kinds[failed.why](what, status=failed.status)


class ToolNotAllowed(NotPermitted):
    """Canvas refuses the tool itself, whoever asks."""

    meaning = N_("Canvas does not let the tool write into the gradebook of this course.")
    what_to_do = N_(
        "Ask the Canvas administrator to check that the tool's LTI key is on and has the scopes of "
        "Assignment and Grade Services, then open the tool again."
    )


def _scaled(score: float, maximum: float, wanted: float) -> Decimal:
    """Points out of ``wanted``; columns and earlier postings may count up to something else."""
    if maximum <= 0:
        return Decimal(str(score))
    return (Decimal(str(score)) * Decimal(str(wanted)) / Decimal(str(maximum))).quantize(CENT)
