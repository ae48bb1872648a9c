"""Credit: the points by the rules beside those in Canvas, and only the difference sent.

Into an assignment that the teacher names, with her token; or into a column of the tool's own
(``own_column``).
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from decimal import Decimal

from allocation.sentences import N_
from lti_tool.canvas.client import CanvasClient, InCourse
from lti_tool.canvas.errors import CanvasError
from lti_tool.canvas.pacing import Lane
from lti_tool.persistence.follow_ups import CreditPost, FollowUps
from lti_tool.planning.board import make_board
from lti_tool.planning.credit import CreditKind, CreditPlan, count_late, plan_credit
from lti_tool.planning.follow_up import OWN_COLUMN, Posting
from lti_tool.planning.ids import AssignmentId, UserId
from lti_tool.planning.snapshot import AssignmentFacts, Snapshot
from lti_tool.services.actor import Actor
from lti_tool.services.canvas_access import CanvasAccess
from lti_tool.services.errors import CreditChanged, CreditTargetUnfit, NothingToSend
from lti_tool.services.follow_up_cases import TITLE, CreditTarget, CreditView
from lti_tool.services.following_up import place
from lti_tool.services.own_column import OwnColumns
from lti_tool.services.use_cases import ReadingCases

LOOK_AGAIN_S = 0.5
ENDS = {"completed": Posting.DONE, "failed": Posting.FAILED}
"""States of Canvas's Progress after which nothing more happens."""
STUDENTS_PER_CALL = 500
"""Grades in one call; Rack refuses forms of many thousand fields."""


class Crediting:
    """Implements ``CreditCases``: points for reviews, into a column of the tool's own or an assignment.

    Args:
        ring: tells workers that a posting waits for one.
    """

    def __init__(
        self,
        store: FollowUps,
        reading: ReadingCases,
        access: CanvasAccess,
        own: OwnColumns,
        ring: Callable[[str], None],
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._reading = reading
        self._access = access
        self._own = own
        self._ring = ring
        self._now = now

    def own_column_offered(self, actor: Actor) -> bool:
        """Whether the course's last launch offers a column of the tool's own."""
        return self._own.offered(actor.canvas, actor.course_id)

    def credit_targets(self, actor: Actor, assignment: AssignmentId) -> tuple[AssignmentFacts, ...]:
        """Assignments of the course that can receive points."""
        overview = self._reading.overview(actor, counted=False)
        known = [row.facts for row in overview.with_peer_reviews] + list(overview.without_peer_reviews)
        return tuple(facts for facts in known if why_unfit(facts, assignment) is None)

    def preview_credit(self, actor: Actor, assignment: AssignmentId, title: str = TITLE) -> CreditView:
        """The points by the rules beside those in Canvas; raises ``CreditTargetUnfit``."""
        return self._view(actor, assignment, title, fresh=False)

    def post_credit(
        self,
        actor: Actor,
        assignment: AssignmentId,
        fingerprint: str,
        title: str = TITLE,
        *,
        despite: Collection[UserId] = (),
    ) -> CreditPost:
        """Send the points that differ, after reading Canvas again.

        Points for a column of the tool's own are written down and handed to the workers. Of the excused
        students only those in ``despite`` get points.

        Raises:
            CreditChanged: they are not those that the fingerprint names, or others are on their way.
            NothingToSend: Canvas holds all of them, or nothing is chosen.
        """
        view = self._view(actor, assignment, title, fresh=True)
        writes = view.plan.with_excused(despite)
        if view.target is None or not writes:
            raise NothingToSend(N_("Canvas already holds these points. Nothing was sent."))
        if view.fingerprint != fingerprint:
            raise CreditChanged(
                N_(
                    "Reviews or points have changed in Canvas since you looked at them. Nothing was sent; "
                    "look at the new points and post those."
                )
            )
        points = {user: f"{value.normalize():f}" for user, value in writes.items()}
        if view.target.own:
            post_id = self._hand_over(actor, assignment, view.target, points)
        else:
            post_id = self._post(actor, assignment, view.target.id, points)
        return self._found(actor, assignment, post_id)

    def finish_post(self, actor: Actor, assignment: AssignmentId, post_id: str) -> CreditPost:
        """Carry a posting to its end here and now; waits where a worker carries it already."""
        while (post := self._found(actor, assignment, post_id)).own and post.state is Posting.RUNNING:
            if not self._own.carry_on(post_id):
                time.sleep(LOOK_AGAIN_S)
        return post

    def carry_waiting(self) -> int:
        """Go on with postings that nobody carries, for workers; gives how many."""
        return self._own.carry_waiting()

    def credit_posts(self, actor: Actor, assignment: AssignmentId) -> tuple[CreditPost, ...]:
        """Postings, newest first; asks Canvas about its jobs that are under way."""
        where = place(actor, assignment)
        posts = self._store.credit_posts(where)
        under_way = [post for post in posts if post.state is Posting.RUNNING and post.jobs]
        if not under_way:
            return posts
        client = self._client(actor)
        for post in under_way:
            self._follow(client, post)
        return self._store.credit_posts(where)

    def _follow(self, client: CanvasClient, post: CreditPost) -> None:
        """A posting is done when each of its jobs is: more than 500 students take several."""
        jobs, note = dict(post.jobs), ""
        for job in [job for job, state in jobs.items() if state is Posting.RUNNING]:
            found = client.progress(job)
            if found.workflow_state not in ENDS:
                continue
            jobs[job] = ENDS[found.workflow_state]
            note = note or (found.message or "" if jobs[job] is Posting.FAILED else "")
            self._store.settle_credit_job(post.id, job, jobs[job])
        if Posting.RUNNING not in jobs.values():
            failed = Posting.FAILED in jobs.values()
            self._store.settle_credit_post(post.id, Posting.FAILED if failed else Posting.DONE, note=note)

    def _hand_over(
        self, actor: Actor, assignment: AssignmentId, target: CreditTarget, points: Mapping[UserId, str]
    ) -> str:
        post_id = self._own.store.open_post(
            place(actor, assignment),
            points,
            label=target.name,
            maximum=target.maximum,
            by=actor.user_id,
            by_name=actor.name,
            at=self._now(),
        )
        if post_id is None:
            raise CreditChanged(
                N_("Points are being entered into this column at the moment. Wait until that is done.")
            )
        self._ring(post_id)
        return post_id

    def _post(
        self, actor: Actor, assignment: AssignmentId, target: AssignmentId, points: Mapping[UserId, str]
    ) -> str:
        where = place(actor, assignment)
        post_id = self._store.open_credit_post(
            where, target, points, by=actor.user_id, by_name=actor.name, at=self._now()
        )
        try:
            self._send(actor, target, post_id, points)
        except CanvasError as error:
            self._store.settle_credit_post(post_id, Posting.FAILED, note=str(error.what_happened))
            raise
        return post_id

    def _found(self, actor: Actor, assignment: AssignmentId, post_id: str) -> CreditPost:
        return next(post for post in self.credit_posts(actor, assignment) if post.id == post_id)

    def _send(self, actor: Actor, target: AssignmentId, post_id: str, points: Mapping[UserId, str]) -> None:
        client, pending = self._client(actor), list(points.items())
        while pending:
            some, pending = pending[:STUDENTS_PER_CALL], pending[STUDENTS_PER_CALL:]
            job = client.update_grades(InCourse(actor.course_id), target, dict(some))
            self._store.add_credit_job(post_id, job.id)
        self._store.settle_credit_post(post_id, Posting.RUNNING)

    def _view(self, actor: Actor, assignment: AssignmentId, title: str, *, fresh: bool) -> CreditView:
        snapshot = self._reading.snapshot(actor, assignment, fresh=fresh)
        where = place(actor, assignment)
        settings = self._store.settings(where)
        rules = settings.credit
        lines = make_board([snapshot], {}, self._now()).lines
        target, held, excused = None, dict[UserId, Decimal | None](), frozenset[UserId]()
        if rules.target == OWN_COLUMN:
            target, held = self._own_column(actor, snapshot, rules.points, title)
        elif rules.target:
            target, held, excused = self._held(actor, assignment, AssignmentId(rules.target))
        late, late_from, first_reading = None, settings.late_from if rules.late_deduction else None, None
        if late_from is not None:
            late = count_late(snapshot.reviews, self._store.seen_open(where), late_from)
            first_reading = self._store.first_reading(where, late_from)
        plan = plan_credit(lines, rules, held, late, excused=excused)
        names = {user: person.sortable_name for user, person in snapshot.people_by_id.items()}
        return CreditView(plan, names, target, _fingerprint(plan), late_from, first_reading)

    def _own_column(
        self, actor: Actor, snapshot: Snapshot, points: float, title: str
    ) -> tuple[CreditTarget, dict[UserId, Decimal | None]]:
        """Every active student has a place there; whom Canvas refuses all the same, its report names."""
        label = title % {"assignment": snapshot.assignment.name}
        found = self._own.look(place(actor, snapshot.assignment.id), label, points)
        target = CreditTarget(
            AssignmentId(OWN_COLUMN),
            found.label,
            own=True,
            exists=found.column is not None,
            maximum=points,
            column_maximum=found.column.maximum if found.column else points,
        )
        active = (person.id for person in snapshot.people if person.state == "active")
        return target, {user: found.held.get(user) for user in active}

    def _held(
        self, actor: Actor, assignment: AssignmentId, target: AssignmentId
    ) -> tuple[CreditTarget, dict[UserId, Decimal | None], frozenset[UserId]]:
        """The assignment, the points in it, and who is excused from it."""
        client = self._client(actor)
        facts = client.assignment(actor.course_id, target).facts()
        why = why_unfit(facts, assignment)
        if why is not None:
            raise CreditTargetUnfit(why)
        rows = client.submissions(InCourse(actor.course_id), target)
        held = {UserId(row.user_id): row.score for row in rows}
        excused = frozenset(UserId(row.user_id) for row in rows if row.excused)
        return CreditTarget(facts.id, facts.name), held, excused

    def _client(self, actor: Actor) -> CanvasClient:
        return self._access.client(actor.canvas, actor.user_id, Lane.PAGE)


def why_unfit(facts: AssignmentFacts, reviewed: AssignmentId) -> str | None:
    """Why points for reviews cannot go into an assignment; None when they can."""
    if facts.id == reviewed:
        return N_("Points for reviews would overwrite the points of the reviewed work itself.")
    if facts.is_group_assignment and not facts.grade_group_students_individually:
        return N_("Canvas would give one student's points to the whole group there.")
    if not facts.published:
        return N_("The assignment is not published, so Canvas accepts no points for it.")
    return None


def _fingerprint(plan: CreditPlan) -> str:
    everybody = (line.user for line in plan.lines)
    writes = {user: str(value) for user, value in plan.with_excused(tuple(everybody)).items()}
    excused = sorted(line.user for line in plan.lines if line.kind is CreditKind.EXCUSED)
    said = [plan.rules.target, plan.rules.late_deduction, plan.rules.grace_hours, writes, excused]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
