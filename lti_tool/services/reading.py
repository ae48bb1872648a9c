"""What Canvas says: the course's assignments, and snapshots: stored ones while they are good, or new ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from allocation.sentences import N_
from lti_tool.applying.errors import ActiveRunExists
from lti_tool.applying.report import RunSummary
from lti_tool.canvas.course_reader import AssignmentCounts, CourseReader
from lti_tool.canvas.errors import NotPermitted, ScopeMissing
from lti_tool.canvas.pacing import Lane
from lti_tool.canvas.several_reader import SeveralAssignments
from lti_tool.canvas.snapshot_reader import AssignmentReviews
from lti_tool.persistence.database import Database
from lti_tool.persistence.open_reviews import note_open
from lti_tool.persistence.our_runs import our_runs, settled_post
from lti_tool.persistence.plans import Stamp, add_earlier, latest_snapshot, latest_stamp, store_snapshot
from lti_tool.planning.freshness import FreshFor, OurRuns, good_to_look_at, good_to_plan
from lti_tool.planning.ids import AssignmentId, RunId, UserId
from lti_tool.planning.people_list import Contact
from lti_tool.planning.snapshot import AssignmentFacts, ListedLevels, Snapshot
from lti_tool.services.actor import Actor
from lti_tool.services.canvas_access import CanvasAccess
from lti_tool.services.errors import AnotherRunActive, PeerReviewsNotPossible
from lti_tool.services.long_work import Progress, silent
from lti_tool.services.shown import AssignmentRow, Counts, CourseOverview, ReviewCounts

LEVELS_STAY = timedelta(days=1)
"""So long after it was given a list of levels goes over to new readings of the same person."""

History = Callable[[Actor], tuple[RunSummary, ...]]


@dataclass(frozen=True, slots=True)
class Runs:
    """What reading needs of the journal. ``history`` lists the runs of the actor's course, newest first;
    ``active`` says what is known of a run that is under way."""

    history: History
    active: Callable[[RunId], ActiveRunExists]


class Reading:
    """Implements ``ReadingCases``. ``limits`` are the ages up to which a stored snapshot is used."""

    def __init__(
        self,
        database: Database,
        access: CanvasAccess,
        runs: Runs,
        now: Callable[[], datetime],
        limits: FreshFor,
    ) -> None:
        self._database = database
        self._access = access
        self._runs = runs
        self._now = now
        self._limits = limits

    def overview(self, actor: Actor, *, counted: bool = True) -> CourseOverview:
        """The course's assignments; with their counts, which take a while in a large course, or without."""
        client = self._access.client(actor.canvas, actor.user_id, Lane.PAGE)
        content = CourseReader(client, actor.course_id).content(counted=counted)
        runs = self._runs.history(actor)
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
        self,
        actor: Actor,
        assignment: AssignmentId,
        *,
        fresh: bool = False,
        to_plan: bool = False,
        progress: Progress = silent,
    ) -> Snapshot:
        """This person's last snapshot while it is good to look at, or to plan from; else a new one.

        Args:
            fresh: read Canvas in any case.
            to_plan: a plan will rest on it (``planning.freshness.good_to_plan``).

        Raises:
            AnotherRunActive: ``to_plan``, and an update of the assignment is under way.
        """
        runs = self._our_runs(actor, assignment)
        if to_plan and runs.active is not None:
            raise another_run_active(self._runs.active(runs.active.id))
        if not fresh and self._is_good(self._stamp(actor, assignment), runs, to_plan=to_plan):
            last = self.last(actor, assignment)
            if last is not None:
                return last
        read = self._read(actor, assignment, progress)
        return self._keep(actor, replace(read, after_run=runs.settled))

    def _read(self, actor: Actor, assignment: AssignmentId, progress: Progress) -> Snapshot:
        client = self._access.client(actor.canvas, actor.user_id, Lane.PAGE)
        reviews = AssignmentReviews(client, actor.canvas, actor.course_id, assignment, progress=progress)
        return reviews.read_snapshot()

    def last(self, actor: Actor, assignment: AssignmentId) -> Snapshot | None:
        """This person's last snapshot however old: for names, and for what isn't decided by it."""
        with self._database.read() as session:
            found = latest_snapshot(session, actor.canvas, actor.course_id, assignment, actor.user_id)
        return None if found is None else found[1]

    def current(self, actor: Actor, assignment: AssignmentId, *, to_plan: bool = False) -> bool:
        """Whether ``snapshot`` would not have to read Canvas."""
        runs = self._our_runs(actor, assignment)
        return self._is_good(self._stamp(actor, assignment), runs, to_plan=to_plan)

    def _our_runs(self, actor: Actor, assignment: AssignmentId) -> OurRuns:
        with self._database.read() as session:
            return our_runs(session, actor.canvas, actor.course_id, assignment)

    def _stamp(self, actor: Actor, assignment: AssignmentId) -> Stamp | None:
        with self._database.read() as session:
            return latest_stamp(session, actor.canvas, actor.course_id, assignment, actor.user_id)

    def _is_good(self, stamp: Stamp | None, runs: OurRuns, *, to_plan: bool = False) -> bool:
        if stamp is None:
            return False
        judge = good_to_plan if to_plan else good_to_look_at
        return judge(stamp.taken_at, stamp.after_run, runs, self._now(), self._limits)

    def give_levels(self, actor: Actor, assignment: AssignmentId, listed: ListedLevels | None) -> Snapshot:
        """Put a list of levels to the last reading, or take it away.

        It becomes a reading of its own, a moment younger, so that plans keep the one that they rest on.
        """
        before = self.snapshot(actor, assignment)
        with self._database.begin() as session:
            found = latest_snapshot(session, actor.canvas, actor.course_id, assignment, actor.user_id)
            newest = before if found is None else found[1]
            after = replace(newest, listed=listed, taken_at=newest.taken_at + timedelta(microseconds=1))
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
        after: dict[AssignmentId, RunId | None] = {}
        for one in dict.fromkeys(assignments):
            runs = self._our_runs(actor, one)
            after[one] = runs.settled
            if not fresh and self._is_good(self._stamp(actor, one), runs):
                last = self.last(actor, one)
                if last is not None:
                    known[one] = last
        missing = [one for one in after if one not in known]
        for snapshot in self._several(actor).snapshots(missing) if missing else ():
            one = snapshot.assignment.id
            known[one] = self._keep(actor, replace(snapshot, after_run=after[one]))
        return tuple(known[one] for one in assignments)

    def facts(self, actor: Actor, assignment: AssignmentId) -> AssignmentFacts:
        """The assignment alone, read anew: one request."""
        client = self._access.client(actor.canvas, actor.user_id, Lane.PAGE)
        return client.assignment(actor.course_id, assignment).facts()

    def assignments(self, actor: Actor) -> tuple[AssignmentFacts, ...]:
        """The course's assignments in Canvas's order, without counts."""
        client = self._access.client(actor.canvas, actor.user_id, Lane.PAGE)
        return CourseReader(client, actor.course_id).assignments()

    def with_earlier(self, actor: Actor, snapshot: Snapshot, wanted: Sequence[str]) -> Snapshot:
        """The snapshot with the reviews of these other assignments; only those are read that are not yet in
        it, or that an update of ours has changed since.

        An assignment that is gone from the course counts as one without reviews.
        """
        after = {one: self._our_runs(actor, one).settled for one in map(AssignmentId, dict.fromkeys(wanted))}
        good = {
            one.assignment
            for one in snapshot.earlier
            if one.after_run is not None and one.after_run == after.get(one.assignment)
        }
        missing = [one for one in after if one not in good]
        if not missing:
            return snapshot
        found = [
            replace(one, after_run=after[one.assignment]) for one in self._several(actor).earlier(missing)
        ]
        kept = tuple(one for one in snapshot.earlier if one.assignment not in missing)
        more = replace(snapshot, earlier=(*kept, *found))
        return self._extend(actor, more, anew=len(kept) < len(snapshot.earlier))

    def with_scores(self, actor: Actor, snapshot: Snapshot, wanted: Sequence[str]) -> Snapshot:
        """The snapshot with the points of other assignments; only those are read, together, that are not yet
        in it or are older than the last posting of points of ours.

        An assignment that is gone from the course counts as one without points.
        """
        with self._database.read() as session:
            after = settled_post(session, actor.canvas, actor.course_id)
        good = {
            one.assignment
            for one in snapshot.scores
            if one.after_post is not None and one.after_post == after
        }
        missing = [AssignmentId(one) for one in dict.fromkeys(wanted) if one not in good]
        if not missing:
            return snapshot
        found = [
            replace(one, after_post=after) for one in self._several(actor).scores(missing, snapshot.people)
        ]
        kept = tuple(one for one in snapshot.scores if one.assignment not in missing)
        more = replace(snapshot, scores=(*kept, *found))
        return self._extend(actor, more, anew=len(kept) < len(snapshot.scores))

    def _extend(self, actor: Actor, snapshot: Snapshot, *, anew: bool) -> Snapshot:
        """Write what was read beside a snapshot into it; into a copy, a moment younger, where it takes the
        place of something that stored plans rest on."""
        if anew:
            snapshot = replace(snapshot, taken_at=snapshot.taken_at + timedelta(microseconds=1))
        with self._database.begin() as session:
            if anew:
                store_snapshot(session, snapshot, actor.user_id)
            else:
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


def another_run_active(active: ActiveRunExists) -> AnotherRunActive:
    """In the words of pages and commands."""
    return AnotherRunActive(
        active.words,
        run_id=active.run,
        by=active.who,
        since=active.since,
        done=active.done,
        total=active.total,
    )


def _row(facts: AssignmentFacts, counts: AssignmentCounts | None, last: RunSummary | None) -> AssignmentRow:
    return AssignmentRow(
        facts=facts,
        submitted=counts.submitted if counts else None,
        students=counts.students if counts else None,
        reviews=ReviewCounts(counts.reviews, counts.completed_reviews) if counts else None,
        last_run=last,
    )
