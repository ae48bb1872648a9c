"""What Canvas says: the course's assignments, and snapshots, read anew or as last read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from lti_tool.applying.report import RunSummary
from lti_tool.canvas.course_reader import AssignmentCounts, CourseReader
from lti_tool.canvas.pacing import Lane
from lti_tool.canvas.snapshot_reader import AssignmentReviews
from lti_tool.persistence.database import Database
from lti_tool.persistence.plans import latest_snapshot, store_snapshot
from lti_tool.planning.ids import AssignmentId
from lti_tool.planning.snapshot import AssignmentFacts, Snapshot
from lti_tool.services.canvas_access import CanvasAccess
from lti_tool.services.errors import PeerReviewsNotPossible
from lti_tool.services.use_cases import Actor, AssignmentRow, CourseOverview, Progress, ReviewCounts, silent

History = Callable[[Actor], tuple[RunSummary, ...]]


class Reading:
    """Implements ``ReadingCases``. ``history`` lists the runs of the actor's course, newest first."""

    def __init__(
        self, database: Database, access: CanvasAccess, history: History, now: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._access = access
        self._history = history
        self._now = now

    def overview(self, actor: Actor) -> CourseOverview:
        """The course's assignments."""
        client = self._access.client(actor.canvas, actor.user_id, Lane.PAGE)
        content = CourseReader(client, actor.course_id).content()
        runs = self._history(actor)
        last: dict[AssignmentId, RunSummary] = {}
        for run in runs:
            last.setdefault(run.assignment_id, run)
        return CourseOverview(
            course_name=content.name,
            with_peer_reviews=tuple(
                _row(facts, content.counts.get(facts.id), last.get(facts.id))
                for facts in content.assignments
                if facts.peer_reviews
            ),
            without_peer_reviews=tuple(facts for facts in content.assignments if not facts.peer_reviews),
            new_allocation_feature=content.new_allocation_feature,
            runs=runs,
            read_at=self._now(),
        )

    def snapshot(
        self, actor: Actor, assignment: AssignmentId, *, fresh: bool = False, progress: Progress = silent
    ) -> Snapshot:
        """The last reading of this person, or a new one when there is none or ``fresh`` is asked for."""
        if not fresh:
            with self._database.read() as session:
                found = latest_snapshot(session, actor.canvas, actor.course_id, assignment, actor.user_id)
            if found is not None:
                return found[1]
        client = self._access.client(actor.canvas, actor.user_id, Lane.PAGE)
        reviews = AssignmentReviews(client, actor.canvas, actor.course_id, assignment, progress=progress)
        snapshot = reviews.read_snapshot()
        with self._database.begin() as session:
            store_snapshot(session, snapshot, actor.user_id)
        return snapshot

    def enable_peer_reviews(self, actor: Actor, assignment: AssignmentId) -> None:
        """Tick *Require peer reviews* in Canvas; touches nothing else of the assignment.

        Raises:
            PeerReviewsNotPossible: Canvas accepted the request and changed nothing.
        """
        client = self._access.client(actor.canvas, actor.user_id, Lane.PAGE)
        if not client.enable_peer_reviews(actor.course_id, assignment).peer_reviews:
            raise PeerReviewsNotPossible(
                "Canvas does not offer peer reviews for this kind of assignment "
                "(quizzes, discussions, external tools and work on paper have none)."
            )


def _row(facts: AssignmentFacts, counts: AssignmentCounts | None, last: RunSummary | None) -> AssignmentRow:
    return AssignmentRow(
        facts=facts,
        submitted=counts.submitted if counts else None,
        students=counts.students if counts else None,
        reviews=ReviewCounts(counts.reviews, counts.completed_reviews) if counts else None,
        last_run=last,
    )
