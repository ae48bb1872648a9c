"""What Canvas says: the course's assignments, and snapshots, read anew or as last read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from allocation.sentences import N_
from lti_tool.applying.report import RunSummary
from lti_tool.canvas.course_reader import AssignmentCounts, CourseReader
from lti_tool.canvas.errors import NotPermitted, ScopeMissing
from lti_tool.canvas.pacing import Lane
from lti_tool.canvas.several_reader import SeveralAssignments
from lti_tool.canvas.snapshot_reader import AssignmentReviews
from lti_tool.persistence.database import Database
from lti_tool.persistence.open_reviews import note_open
from lti_tool.persistence.plans import add_earlier, has_snapshot, latest_snapshot, store_snapshot
from lti_tool.planning.ids import AssignmentId, UserId
from lti_tool.planning.people_list import Contact
from lti_tool.planning.snapshot import AssignmentFacts, ListedLevels, Snapshot
from lti_tool.services.actor import Actor
from lti_tool.services.canvas_access import CanvasAccess
from lti_tool.services.errors import PeerReviewsNotPossible
from lti_tool.services.long_work import Progress, silent
from lti_tool.services.shown import AssignmentRow, Counts, CourseOverview, ReviewCounts

LEVELS_STAY = timedelta(days=1)
"""So long after it was given a list of levels goes over to new readings of the same person."""

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

    def overview(self, actor: Actor, *, counted: bool = True) -> CourseOverview:
        """The course's assignments; with their counts, which take a while in a large course, or without."""
        client = self._access.client(actor.canvas, actor.user_id, Lane.PAGE)
        content = CourseReader(client, actor.course_id).content(counted=counted)
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

    def counts(self, actor: Actor, assignment: AssignmentId) -> Counts:
        """How far one assignment is."""
        reader = CourseReader(self._access.client(actor.canvas, actor.user_id, Lane.PAGE), actor.course_id)
        found = reader.counts(assignment, reader.test_students())
        return Counts(found.submitted, found.students, ReviewCounts(found.reviews, found.completed_reviews))

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
        return self._keep(actor, reviews.read_snapshot())

    def give_levels(self, actor: Actor, assignment: AssignmentId, listed: ListedLevels | None) -> Snapshot:
        """Put a list of levels to the last reading, or take it away.

        It becomes a reading of its own, a moment younger, so that plans keep the one that they rest on.
        """
        before = self.snapshot(actor, assignment)
        after = replace(before, listed=listed, taken_at=before.taken_at + timedelta(microseconds=1))
        with self._database.begin() as session:
            store_snapshot(session, after, actor.user_id)
        return after

    def level_columns(self, actor: Actor) -> Mapping[str, str]:
        """Titles of the columns that were added to the gradebook, by id; none where Canvas shows none."""
        client = self._access.client(actor.canvas, actor.user_id, Lane.PAGE)
        try:
            return {one.id: one.title for one in client.gradebook_columns(actor.course_id)}
        except (ScopeMissing, NotPermitted):
            return {}

    def level_entries(self, actor: Actor, column: str) -> Mapping[UserId, str]:
        """What stands in one of them."""
        client = self._access.client(actor.canvas, actor.user_id, Lane.PAGE)
        found = client.gradebook_entries(actor.course_id, column)
        return {UserId(one.id): one.content for one in found if one.content}

    def _keep(self, actor: Actor, snapshot: Snapshot) -> Snapshot:
        """Store a new reading; a list of levels that was given a short while ago goes with it."""
        place = actor.canvas, actor.course_id, snapshot.assignment.id, actor.user_id
        with self._database.begin() as session:
            found = latest_snapshot(session, *place)
            listed = found[1].listed if found else None
            if listed is not None and snapshot.taken_at - listed.given_at < LEVELS_STAY:
                snapshot = replace(snapshot, listed=listed)
            store_snapshot(session, snapshot, actor.user_id)
            note_open(session, snapshot)
        return snapshot

    def snapshots(
        self, actor: Actor, assignments: Sequence[AssignmentId], *, fresh: bool = False
    ) -> tuple[Snapshot, ...]:
        """As ``snapshot``, of several assignments; what has to be read is read together."""
        known: dict[AssignmentId, Snapshot] = {}
        if not fresh:
            with self._database.read() as session:
                for one in assignments:
                    found = latest_snapshot(session, actor.canvas, actor.course_id, one, actor.user_id)
                    if found is not None:
                        known[one] = found[1]
        missing = [one for one in assignments if one not in known]
        read = self._several(actor).snapshots(missing) if missing else ()
        known |= {snapshot.assignment.id: self._keep(actor, snapshot) for snapshot in read}
        return tuple(known[one] for one in assignments)

    def known(self, actor: Actor, assignment: AssignmentId) -> bool:
        """Whether this person has read the assignment before."""
        with self._database.read() as session:
            return has_snapshot(session, actor.canvas, actor.course_id, assignment, actor.user_id)

    def facts(self, actor: Actor, assignment: AssignmentId) -> AssignmentFacts:
        """The assignment alone, read anew: one request."""
        client = self._access.client(actor.canvas, actor.user_id, Lane.PAGE)
        return client.assignment(actor.course_id, assignment).facts()

    def assignments(self, actor: Actor) -> tuple[AssignmentFacts, ...]:
        """The course's assignments in Canvas's order, without counts."""
        client = self._access.client(actor.canvas, actor.user_id, Lane.PAGE)
        return CourseReader(client, actor.course_id).assignments()

    def with_earlier(self, actor: Actor, snapshot: Snapshot, wanted: Sequence[str]) -> Snapshot:
        """The snapshot with the reviews of these other assignments; only those not yet in it are read.

        An assignment that is gone from the course counts as one without reviews.
        """
        read = {found.assignment for found in snapshot.earlier}
        missing = [AssignmentId(one) for one in dict.fromkeys(wanted) if one not in read]
        if not missing:
            return snapshot
        found = self._several(actor).earlier(missing)
        snapshot = replace(snapshot, earlier=(*snapshot.earlier, *found))
        with self._database.begin() as session:
            add_earlier(session, snapshot, actor.user_id)
        return snapshot

    def with_scores(self, actor: Actor, snapshot: Snapshot, wanted: Sequence[str]) -> Snapshot:
        """The snapshot with the points of other assignments; only those not yet in it are read, together.

        An assignment that is gone from the course counts as one without points.
        """
        read = {found.assignment for found in snapshot.scores}
        missing = [AssignmentId(one) for one in dict.fromkeys(wanted) if one not in read]
        if not missing:
            return snapshot
        found = self._several(actor).scores(missing, snapshot.people)
        snapshot = replace(snapshot, scores=(*snapshot.scores, *found))
        with self._database.begin() as session:
            add_earlier(session, snapshot, actor.user_id)
        return snapshot

    def _several(self, actor: Actor) -> SeveralAssignments:
        client = self._access.client(actor.canvas, actor.user_id, Lane.PAGE)
        return SeveralAssignments(client, actor.canvas, actor.course_id)

    def contacts(self, actor: Actor) -> Mapping[UserId, Contact]:
        """Logins, SIS ids and e-mail addresses of the students, as far as Canvas shows them; never stored."""
        client = self._access.client(actor.canvas, actor.user_id, Lane.PAGE)
        try:
            users = client.contacts(actor.course_id)
        except (ScopeMissing, NotPermitted):
            return {}
        return {
            UserId(user.id): Contact(user.login_id or "", user.sis_user_id or "", user.email or "")
            for user in users
        }

    def enable_peer_reviews(self, actor: Actor, assignment: AssignmentId) -> None:
        """Tick *Require peer reviews* in Canvas; touches nothing else of the assignment.

        Raises:
            PeerReviewsNotPossible: Canvas accepted the request and changed nothing.
        """
        client = self._access.client(actor.canvas, actor.user_id, Lane.PAGE)
        if not client.enable_peer_reviews(actor.course_id, assignment).peer_reviews:
            raise PeerReviewsNotPossible(
                N_(
                    "Canvas does not offer peer reviews for this kind of assignment "
                    "(quizzes, discussions, external tools and work on paper have none)."
                )
            )


def _row(facts: AssignmentFacts, counts: AssignmentCounts | None, last: RunSummary | None) -> AssignmentRow:
    return AssignmentRow(
        facts=facts,
        submitted=counts.submitted if counts else None,
        students=counts.students if counts else None,
        reviews=ReviewCounts(counts.reviews, counts.completed_reviews) if counts else None,
        last_run=last,
    )
