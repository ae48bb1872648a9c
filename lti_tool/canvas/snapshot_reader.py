"""Reads one assignment into a `Snapshot`, and writes its reviews: ``applying.ports.CanvasReviews``.

The lists are read next to each other, a few at a time; the pace decides how many. A snapshot is all or
nothing: one list that cannot be read to its end, and there is none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

import structlog

from allocation.sentences import N_, counted
from lti_tool.applying.answers import Answer
from lti_tool.applying.records import Glance
from lti_tool.canvas.agreement import ClassLists
from lti_tool.canvas.class_list import READINGS, Comparing, TheClass, class_lists, the_class
from lti_tool.canvas.client import CanvasClient, InCourse
from lti_tool.canvas.errors import BrokenAnswer, IncompleteList, ListsDisagree, NotPermitted
from lti_tool.canvas.records import EnrollmentRecord, GroupRecord, SubmissionRecord
from lti_tool.planning.ids import (
    AssignmentId,
    CanvasOrigin,
    CourseId,
    GroupId,
    SubmissionId,
    UserId,
)
from lti_tool.planning.snapshot import (
    AssignmentFacts,
    Group,
    Review,
    Snapshot,
    Work,
)
from lti_tool.threads import ContextPool

log = structlog.get_logger(__name__)
Progress = Callable[[str, int, int | None], None]
"""What was read, how many so far, of how many if known. Called from several threads."""

NEW_ALLOCATION_FLAGS = frozenset({"peer_review_allocation_and_grading", "peer_review_allocation"})
"""The course flag of Canvas's own pull allocator, under its present and its earlier name."""
READERS = 4

Row = TypeVar("Row")


def silent(_words: str, _done: int, _total: int | None) -> None:
    """No progress wanted."""


class AssignmentReviews:
    """One assignment, read and written as one person. Safe for several threads.

    Args:
        progress: told while lists of a large course come in.
        now: the clock for ``taken_at``.
    """

    def __init__(
        self,
        client: CanvasClient,
        canvas: CanvasOrigin,
        course_id: CourseId,
        assignment_id: AssignmentId,
        *,
        progress: Progress = silent,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._client = client
        self._canvas = canvas
        self._course = InCourse(course_id)
        self._assignment = assignment_id
        self._progress = progress
        self._now = now

    def read_snapshot(self) -> Snapshot:
        """Everything that a plan rests on, read anew.

        Raises:
            NotPermitted: the person may not grade. Canvas would answer the list of reviews all the same,
                with only the person's own in it, and a plan would rest on a lie.
            ListsDisagree: what one list names another lacks, however often they are read.
            CanvasError: anything else that keeps a list from being complete.
        """
        require_grader(self._client, self._course.id)
        for _ in range(READINGS - 1):
            try:
                return self._read_once()
            except ListsDisagree as moved:
                log.info("canvas_lists_disagree", found=str(moved.what_happened))
        return self._read_once()

    def _read_once(self) -> Snapshot:
        """Every list once. Pages by number move: a row that vanishes lets another slip over a page's border
        unseen, so that even a healthy Canvas can disagree with itself for a moment."""
        taken_at = self._now()
        client, course_id = self._client, self._course.id
        facts = client.assignment(course_id, self._assignment).facts()
        with ContextPool(READERS, thread_name_prefix="canvas-read") as readers:
            course = readers.submit(client.course, course_id)
            flags = readers.submit(client.enabled_features, course_id)
            sections = readers.submit(self._list, "sections", lambda: client.sections(course_id))
            reviews = readers.submit(self.reviews_and_beginnings)
            groups = readers.submit(self._groups, facts)
            enrollments = readers.submit(self._list, "students", self._enrollments)
            rows = readers.submit(self._list, "submissions", self._submissions)
            group_list, review_list, submissions = groups.result(), reviews.result(), rows.result()
            people = self._compared(
                facts,
                class_lists(course.result(), enrollments.result(), review_list, group_list),
                submissions,
            )
            return Snapshot(
                canvas=self._canvas,
                course_id=course_id,
                course_name=course.result().name or "",
                assignment=facts,
                people=people.people,
                left=people.left,
                sections=tuple(one.section() for one in sections.result()),
                groups=group_list,
                works=works_of(submissions, group_list if facts.is_group_assignment else ()),
                reviews=review_list,
                new_allocation_feature=not NEW_ALLOCATION_FLAGS.isdisjoint(flags.result()),
                taken_at=taken_at,
                sees_everybody=course.result().sees_everybody,
            )

    def _compared(
        self, facts: AssignmentFacts, lists: ClassLists, submissions: Iterable[SubmissionRecord]
    ) -> TheClass:
        comparing = Comparing(self._client, self._course, READERS)
        lists = comparing.look_up(lists)
        authors = (UserId(row.user_id) for row in submissions)
        comparing.require(lists, [comparing.rows(facts, authors, lists)])
        return the_class(lists)

    def _enrollments(self) -> Sequence[EnrollmentRecord]:
        return self._client.enrollments(self._course.id, seen=partial(self._progress, "students"))

    def _submissions(self) -> Sequence[SubmissionRecord]:
        seen = partial(self._progress, "submissions")
        return self._client.submissions(self._course, self._assignment, seen)

    def glance(self) -> Glance:
        """The assignment's settings and its reviews, and nothing else: three requests."""
        client, course_id = self._client, self._course.id
        flags = client.enabled_features(course_id)
        return Glance(
            client.assignment(course_id, self._assignment).facts(),
            not NEW_ALLOCATION_FLAGS.isdisjoint(flags),
            self.reviews(),
        )

    def reviews(self) -> tuple[Review, ...]:
        """All peer reviews of the assignment, also those of people who have left."""
        rows = self._list(N_("reviews"), lambda: self._client.peer_reviews(self._course, self._assignment))
        return tuple(row.review() for row in rows)

    def reviews_and_beginnings(self) -> tuple[Review, ...]:
        """All peer reviews, with what has been begun; without, where that answer would be too large."""
        try:
            rows = self._list(
                N_("reviews"),
                lambda: self._client.peer_reviews(self._course, self._assignment, comments=True),
            )
        except BrokenAnswer:
            return self.reviews()
        return tuple(row.review() for row in rows)

    def reviews_of(self, submission: SubmissionId) -> tuple[Review, ...]:
        """The peer reviews of one submission."""
        rows = self._client.peer_reviews_of(self._course, self._assignment, submission)
        return tuple(row.review() for row in rows)

    def create(self, submission: SubmissionId, author: UserId, reviewer: UserId) -> Answer:
        """Ask Canvas to create one review. Repeating it would mail the reviewer again."""
        return self._client.create_peer_review(
            self._course, self._assignment, submission, author=author, reviewer=reviewer
        )

    def delete(self, submission: SubmissionId, author: UserId, reviewer: UserId) -> Answer:
        """Ask Canvas to delete the first review of this pair, whatever its state."""
        return self._client.delete_peer_review(
            self._course, self._assignment, submission, author=author, reviewer=reviewer
        )

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a place among this person's open requests and hold it; calls inside do not wait again.

        For a driver: take the turn, then write `sent`, then call, so that no pause of the throttle lies
        between the mark in the journal and the bytes.
        """
        calls = self._client.calls
        with calls.pace.place(calls.lane):
            yield

    def _groups(self, facts: AssignmentFacts) -> tuple[Group, ...]:
        """The groups of the assignment's set; of all sets where the assignment is not a group assignment."""
        return read_groups(self._client, self._course.id, [facts], self._progress)

    def _list(self, words: str, read: Callable[[], Sequence[Row]]) -> Sequence[Row]:
        self._progress(words, 0, None)
        rows = read()
        self._progress(words, len(rows), len(rows))
        return rows


def read_groups(
    client: CanvasClient,
    course_id: CourseId,
    assignments: Sequence[AssignmentFacts],
    progress: Progress = silent,
) -> tuple[Group, ...]:
    """The groups that these assignments look at: of their sets, of all sets where one has none."""
    progress(N_("groups"), 0, None)
    found = client.course_groups(course_id)
    progress(N_("groups"), len(found), len(found))
    sets = {facts.group_category_id for facts in assignments}
    wanted = [
        group
        for group in found
        if not group.non_collaborative and (None in sets or group.group_category_id in sets)
    ]
    groups = []
    with ContextPool(READERS, thread_name_prefix="canvas-groups") as readers:
        members_of = readers.map(lambda group: _members(client, group), wanted)
        for group, members in zip(wanted, members_of, strict=True):
            set_id = group.group_category_id or ""
            groups.append(Group(GroupId(group.id), group.name, members, set_id))
            progress(N_("groups"), len(groups), len(wanted))
    return tuple(groups)


def _members(client: CanvasClient, group: GroupRecord) -> tuple[UserId, ...]:
    """From the list where the include was honoured in full, else from the group's own memberships.

    Raises:
        IncompleteList: fewer than Canvas counts. What ``members_count`` counts is not sure (accepted ones, or
            invited ones too), so it is held against all that the list has; who sees some sections only gets a
            smaller count (canvas-lms lib/api/v1/group.rb).
    """
    if group.members_count == 0:
        return ()
    number = group.members_count or 0
    if group.users is not None and len(group.users) >= number:
        return tuple(sorted({UserId(user.id) for user in group.users}))
    for _ in range(READINGS):
        rows = client.memberships(GroupId(group.id))
        if len(rows) >= number:
            return tuple(sorted({UserId(row.user_id) for row in rows if row.workflow_state == "accepted"}))
    raise IncompleteList(
        counted(
            "Canvas counts %(num)s member in the group “%(group)s” and lists %(listed)s.",
            "Canvas counts %(num)s members in the group “%(group)s” and lists %(listed)s.",
            number,
            group=group.name,
            listed=len(rows),
        )
    )


def require_grader(client: CanvasClient, course_id: CourseId) -> None:
    """Check the right that everything here needs.

    Raises:
        NotPermitted: the person may not grade in the course.
    """
    if not client.permissions(course_id, ["manage_grades"]).get("manage_grades", False):
        raise NotPermitted(
            N_("This person may not grade in this course, so Canvas does not show its peer reviews.")
        )


def works_of(submissions: Iterable[SubmissionRecord], groups: Iterable[Group]) -> tuple[Work, ...]:
    """The submission rows, with the group of the author as it is now."""
    group_of = {member: group.id for group in groups for member in group.members}
    return tuple(
        Work(
            id=SubmissionId(row.id),
            author=UserId(row.user_id),
            submitted=row.submitted,
            submitted_at=row.submitted_at,
            late=bool(row.late),
            missing=bool(row.missing),
            excused=bool(row.excused),
            group=group_of.get(UserId(row.user_id)),
            due_at=row.cached_due_date,
        )
        for row in submissions
    )
