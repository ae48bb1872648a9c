"""Reads several assignments of one course together: what they share once, submissions in one list.

Canvas gives the submissions of many assignments in one list where the developer key has the scope; peer
reviews it gives of one assignment at a time (see ``CanvasClient.submissions_of_several``). Where the list is
refused, everything is read assignment by assignment, as before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial

import structlog

from allocation.sentences import N_
from lti_tool.canvas.agreement import ClassLists
from lti_tool.canvas.class_list import READINGS, Comparing, TheClass, class_lists, the_class
from lti_tool.canvas.client import CanvasClient, InCourse
from lti_tool.canvas.errors import ListsDisagree, NotFound, NotPermitted, ScopeMissing
from lti_tool.canvas.records import AssignmentRecord, SubmissionRecord
from lti_tool.canvas.snapshot_reader import (
    NEW_ALLOCATION_FLAGS,
    READERS,
    AssignmentReviews,
    Progress,
    read_groups,
    require_grader,
    silent,
    works_of,
)
from lti_tool.planning.ids import AssignmentId, CanvasOrigin, CourseId, UserId
from lti_tool.planning.snapshot import AssignmentFacts, Earlier, Person, Scores, Snapshot
from lti_tool.threads import ContextPool

log = structlog.get_logger(__name__)
AT_ONCE = 10
"""Assignments in one list: a page of 100 students then has 1 000 rows, about a megabyte."""

Rows = dict[AssignmentId, list[SubmissionRecord]]


class SeveralAssignments:
    """Some assignments of one course, read as one person.

    Args:
        now: the clock for ``taken_at``.
    """

    def __init__(
        self,
        client: CanvasClient,
        canvas: CanvasOrigin,
        course_id: CourseId,
        *,
        progress: Progress = silent,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._client = client
        self._canvas = canvas
        self._course = InCourse(course_id)
        self._progress = progress
        self._now = now

    def snapshots(self, wanted: Sequence[AssignmentId]) -> tuple[Snapshot, ...]:
        """A snapshot of each, the same as if it had been read by itself.

        Raises:
            NotPermitted: the person may not grade.
            NotFound: one of them is not in the course.
            CanvasError: anything else that keeps a list from being complete.
        """
        if len(wanted) > 1:
            return self._together(wanted)
        return tuple(self._alone(one).read_snapshot() for one in wanted)

    def earlier(self, wanted: Sequence[AssignmentId]) -> tuple[Earlier, ...]:
        """Who reviewed whom in each; one that is gone from the course counts as one without reviews.

        One list of the course's assignments tells all names; the reviews are a call for each.
        """
        names = {one: found.name for one, found in self._assignments(wanted).items()}

        def read(one: AssignmentId) -> Earlier:
            if one not in names:
                return Earlier(one, "", ())
            try:
                rows = self._client.peer_reviews(self._course, one)
            except NotFound:
                return Earlier(one, "", ())
            pairs = {(UserId(row.assessor_id), UserId(row.user_id)) for row in rows}
            return Earlier(one, names[one], tuple(sorted(pairs)))

        with ContextPool(READERS, thread_name_prefix="canvas-read") as readers:
            return tuple(readers.map(read, wanted))

    def scores(self, wanted: Sequence[AssignmentId], people: Iterable[Person]) -> tuple[Scores, ...]:
        """The points of ``people`` in each; one that is gone from the course counts as one without."""
        found = self._assignments(wanted)
        rows = self._rows([record.facts() for record in found.values()])
        known = {person.id for person in people if person.reachable}
        scores = []
        for one in wanted:
            points = {
                UserId(row.user_id): float(row.score)
                for row in rows.get(one, ())
                if row.score is not None and row.user_id in known
            }
            record = found.get(one)
            scores.append(
                Scores(
                    one,
                    record.name if record else "",
                    tuple(sorted(points.items())),
                    record.points_possible if record else None,
                )
            )
        return tuple(scores)

    def _together(self, wanted: Sequence[AssignmentId]) -> tuple[Snapshot, ...]:
        require_grader(self._client, self._course.id)
        for _ in range(READINGS - 1):
            try:
                return self._together_once(wanted)
            except ListsDisagree as moved:
                log.info("canvas_lists_disagree", found=str(moved.what_happened))
        return self._together_once(wanted)

    def _together_once(self, wanted: Sequence[AssignmentId]) -> tuple[Snapshot, ...]:
        taken_at = self._now()
        client, course_id = self._client, self._course.id
        records = self._assignments(wanted)
        facts = [(records.get(one) or client.assignment(course_id, one)).facts() for one in wanted]
        with ContextPool(READERS, thread_name_prefix="canvas-read") as readers:
            course = readers.submit(client.course, course_id)
            flags = readers.submit(client.enabled_features, course_id)
            sections = readers.submit(client.sections, course_id)
            groups = readers.submit(read_groups, client, course_id, facts, self._progress)
            enrollments = readers.submit(
                client.enrollments, course_id, seen=partial(self._progress, "students")
            )
            reviews = list(readers.map(lambda one: self._alone(one.id).reviews_and_beginnings(), facts))
            rows = self._rows(facts)
            every_group = groups.result()
            lists = class_lists(
                course.result(), enrollments.result(), (row for of in reviews for row in of), every_group
            )
            people = self._compared(facts, lists, rows)
            reachable = {person.id for person in people.people if person.reachable}
            section_list = tuple(one.section() for one in sections.result())
            flagged = not NEW_ALLOCATION_FLAGS.isdisjoint(flags.result())
            found = []
            for one, of_one in zip(facts, reviews, strict=True):
                mine = tuple(
                    group for group in every_group if one.group_category_id in (None, group.set_id or None)
                )
                current = [row for row in rows[one.id] if row.user_id in reachable]
                found.append(
                    Snapshot(
                        canvas=self._canvas,
                        course_id=course_id,
                        course_name=course.result().name or "",
                        assignment=one,
                        people=people.people,
                        left=people.left,
                        sections=section_list,
                        groups=mine,
                        works=works_of(current, mine if one.is_group_assignment else ()),
                        reviews=of_one,
                        new_allocation_feature=flagged,
                        taken_at=taken_at,
                        sees_everybody=course.result().sees_everybody,
                    )
                )
        return tuple(found)

    def _compared(self, facts: Sequence[AssignmentFacts], lists: ClassLists, rows: Rows) -> TheClass:
        comparing = Comparing(self._client, self._course, READERS)
        lists = comparing.look_up(lists)
        comparing.require(
            lists,
            [comparing.rows(one, (UserId(row.user_id) for row in rows[one.id]), lists) for one in facts],
        )
        return the_class(lists)

    def _alone(self, assignment: AssignmentId) -> AssignmentReviews:
        return AssignmentReviews(
            self._client, self._canvas, self._course.id, assignment, progress=self._progress, now=self._now
        )

    def _assignments(self, wanted: Sequence[AssignmentId]) -> dict[AssignmentId, AssignmentRecord]:
        """Those of ``wanted`` that the course has; one that its list lacks is asked for alone."""
        found = {AssignmentId(record.id): record for record in self._client.assignments(self._course.id)}
        for one in wanted:
            if one not in found:
                try:
                    found[one] = self._client.assignment(self._course.id, one)
                except NotFound:
                    continue
        return {one: found[one] for one in wanted if one in found}

    def _rows(self, facts: Sequence[AssignmentFacts]) -> Rows:
        """The submission rows of each; of unpublished ones, and where Canvas refuses, list by list."""
        rows: Rows = {}
        published = [one.id for one in facts if one.published]
        if len(published) > 1:
            try:
                for start in range(0, len(published), AT_ONCE):
                    rows |= self._in_bulk(published[start : start + AT_ONCE])
            except (ScopeMissing, NotPermitted) as refused:
                log.info("canvas_not_in_bulk", why=str(refused.why))
        rest = [one.id for one in facts if one.id not in rows]
        with ContextPool(READERS, thread_name_prefix="canvas-rows") as readers:
            found = readers.map(partial(self._client.submissions, self._course), rest)
            return rows | {one: list(of) for one, of in zip(rest, found, strict=True)}

    def _in_bulk(self, wanted: Sequence[AssignmentId]) -> Rows:
        rows: Rows = {one: [] for one in wanted}
        seen = partial(self._progress, N_("submissions"))
        for student in self._client.submissions_of_several(self._course, wanted, seen):
            for row in student.submissions:
                rows[AssignmentId(row.assignment_id)].append(row)
        return rows
