"""Reads what the home page shows of a course: its assignments, and counts for those with peer reviews."""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import dataclass

from allocation.sentences import N_
from lti_tool.canvas.client import CanvasClient, InCourse
from lti_tool.canvas.snapshot_reader import NEW_ALLOCATION_FLAGS, READERS, require_grader
from lti_tool.planning.ids import AssignmentId, CourseId
from lti_tool.planning.snapshot import AssignmentFacts
from lti_tool.threads import ContextPool


@dataclass(frozen=True, slots=True)
class AssignmentCounts:
    """How far one assignment is. ``students`` are those with a submission row, so those it is assigned to."""

    students: int
    submitted: int
    reviews: int
    completed_reviews: int


@dataclass(frozen=True, slots=True)
class CourseContent:
    """A course's assignments in Canvas's order; counts only for those that use peer reviews."""

    name: str
    assignments: tuple[AssignmentFacts, ...]
    counts: dict[AssignmentId, AssignmentCounts]
    new_allocation_feature: bool


class CourseReader:
    """One course, read as one person."""

    def __init__(self, client: CanvasClient, course_id: CourseId) -> None:
        self._client = client
        self._course = InCourse(course_id)

    def assignments(self) -> tuple[AssignmentFacts, ...]:
        """The assignments alone: one list, no counts. Raises CanvasError."""
        return tuple(record.facts() for record in self._client.assignments(self._course.id))

    def test_students(self) -> frozenset[str]:
        """The Test Students (one per section at most): they have submission rows like everybody."""
        rows = self._client.enrollments(self._course.id, types=("StudentViewEnrollment",))
        return frozenset(row.user_id for row in rows)

    def counts(self, assignment: AssignmentId, without: Set[str] = frozenset()) -> AssignmentCounts:
        """Submissions and reviews of one assignment, leaving out the submissions of ``without``."""
        found = self._client.submissions(self._course, assignment)
        submissions = [row for row in found if row.user_id not in without]
        reviews = self._client.peer_reviews(self._course, assignment)
        return AssignmentCounts(
            students=len(submissions),
            submitted=sum(row.submitted for row in submissions),
            reviews=len(reviews),
            completed_reviews=sum(row.workflow_state == "completed" for row in reviews),
        )

    def content(
        self, progress: Callable[[str, int, int | None], None] | None = None, *, counted: bool = True
    ) -> CourseContent:
        """Everything that the home page shows, assignments next to each other; without counts in a moment.

        Raises:
            NotPermitted: the person may not grade in the course.
            CanvasError: something could not be read completely.
        """
        client, course_id = self._client, self._course.id
        require_grader(client, course_id)
        with ContextPool(READERS, thread_name_prefix="canvas-read") as readers:
            course = readers.submit(client.course, course_id)
            flags = readers.submit(client.enabled_features, course_id)
            assignments = self.assignments()
            wanted = [facts.id for facts in assignments if facts.peer_reviews and counted]
            unreal = self.test_students() if wanted else frozenset()
            counts = {}
            read = readers.map(lambda assignment: self.counts(assignment, unreal), wanted)
            for assignment, count in zip(wanted, read, strict=True):
                counts[assignment] = count
                if progress:
                    progress(N_("assignments"), len(counts), len(wanted))
            return CourseContent(
                name=course.result().name or "",
                assignments=assignments,
                counts=counts,
                new_allocation_feature=not NEW_ALLOCATION_FLAGS.isdisjoint(flags.result()),
            )
