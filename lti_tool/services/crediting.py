"""Credit: the points by the rules beside those in Canvas, and only the difference sent."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal

from allocation.sentences import N_
from lti_tool.canvas.client import CanvasClient, InCourse
from lti_tool.canvas.errors import CanvasError
from lti_tool.canvas.pacing import Lane
from lti_tool.persistence.follow_ups import CreditPost, FollowUps
from lti_tool.planning.board import make_board
from lti_tool.planning.credit import CreditPlan, plan_credit
from lti_tool.planning.follow_up import Posting
from lti_tool.planning.ids import AssignmentId, UserId
from lti_tool.planning.snapshot import AssignmentFacts
from lti_tool.services.canvas_access import CanvasAccess
from lti_tool.services.errors import CreditChanged, CreditTargetUnfit, NothingToSend
from lti_tool.services.follow_up_cases import CreditView
from lti_tool.services.following_up import place
from lti_tool.services.use_cases import Actor, ReadingCases

STUDENTS_PER_CALL = 500
"""Grades in one call; Rack refuses forms of many thousand fields."""


class Crediting:
    """Implements ``CreditCases``: points for reviews, into an assignment that the teacher names."""

    def __init__(
        self,
        store: FollowUps,
        reading: ReadingCases,
        access: CanvasAccess,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._reading = reading
        self._access = access
        self._now = now

    def credit_targets(self, actor: Actor, assignment: AssignmentId) -> tuple[AssignmentFacts, ...]:
        """Assignments of the course that can receive points."""
        overview = self._reading.overview(actor, counted=False)
        known = [row.facts for row in overview.with_peer_reviews] + list(overview.without_peer_reviews)
        return tuple(facts for facts in known if why_unfit(facts, assignment) is None)

    def preview_credit(self, actor: Actor, assignment: AssignmentId) -> CreditView:
        """The points by the rules beside those in Canvas; raises ``CreditTargetUnfit``."""
        return self._view(actor, assignment, fresh=False)

    def post_credit(self, actor: Actor, assignment: AssignmentId, fingerprint: str) -> CreditPost:
        """Send the points that differ, after reading Canvas again.

        Raises:
            CreditChanged: they are not those that the fingerprint names.
            NothingToSend: Canvas holds all of them, or no assignment is chosen.
        """
        view = self._view(actor, assignment, fresh=True)
        if view.target is None or not view.plan.writes:
            raise NothingToSend(N_("Canvas already holds these points. Nothing was sent."))
        if view.fingerprint != fingerprint:
            raise CreditChanged(
                N_(
                    "Reviews or points have changed in Canvas since you looked at them. Nothing was sent; "
                    "look at the new points and post those."
                )
            )
        where = place(actor, assignment)
        points = {user: f"{value.normalize():f}" for user, value in view.plan.writes.items()}
        post_id = self._store.open_credit_post(
            where, view.target.id, points, by=actor.user_id, by_name=actor.name, at=self._now()
        )
        try:
            self._send(actor, view.target.id, post_id, points)
        except CanvasError as error:
            self._store.settle_credit_post(post_id, Posting.FAILED, note=str(error.what_happened))
            raise
        return next(post for post in self.credit_posts(actor, assignment) if post.id == post_id)

    def credit_posts(self, actor: Actor, assignment: AssignmentId) -> tuple[CreditPost, ...]:
        """Postings, newest first; asks Canvas about those that are under way."""
        where = place(actor, assignment)
        posts = self._store.credit_posts(where)
        under_way = [post for post in posts if post.state is Posting.RUNNING and post.progress_id]
        if not under_way:
            return posts
        client = self._client(actor)
        for post in under_way:
            found = client.progress(post.progress_id or "")
            if found.workflow_state == "completed":
                self._store.settle_credit_post(post.id, Posting.DONE)
            elif found.workflow_state == "failed":
                self._store.settle_credit_post(post.id, Posting.FAILED, note=found.message or "")
        return self._store.credit_posts(where)

    def _send(self, actor: Actor, target: AssignmentId, post_id: str, points: Mapping[UserId, str]) -> None:
        client, pending = self._client(actor), list(points.items())
        while pending:
            some, pending = pending[:STUDENTS_PER_CALL], pending[STUDENTS_PER_CALL:]
            job = client.update_grades(InCourse(actor.course_id), target, dict(some))
            self._store.settle_credit_post(post_id, Posting.RUNNING, progress_id=job.id)

    def _view(self, actor: Actor, assignment: AssignmentId, *, fresh: bool) -> CreditView:
        snapshot = self._reading.snapshot(actor, assignment, fresh=fresh)
        rules = self._store.settings(place(actor, assignment)).credit
        lines = make_board([snapshot], {}, self._now()).lines
        target, held = None, dict[UserId, Decimal | None]()
        if rules.target is not None:
            target, held = self._held(actor, assignment, AssignmentId(rules.target))
        plan = plan_credit(lines, rules, held)
        names = {person.id: person.sortable_name for person in snapshot.people}
        return CreditView(plan, names, target, _fingerprint(plan))

    def _held(
        self, actor: Actor, assignment: AssignmentId, target: AssignmentId
    ) -> tuple[AssignmentFacts, dict[UserId, Decimal | None]]:
        client = self._client(actor)
        facts = client.assignment(actor.course_id, target).facts()
        why = why_unfit(facts, assignment)
        if why is not None:
            raise CreditTargetUnfit(why)
        rows = client.submissions(InCourse(actor.course_id), target)
        return facts, {UserId(row.user_id): row.score for row in rows}

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
    writes = {user: str(value) for user, value in plan.writes.items()}
    return hashlib.sha256(json.dumps([plan.rules.target, writes], sort_keys=True).encode()).hexdigest()
