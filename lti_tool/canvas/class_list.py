"""Who is in a course: class list, look-ups of people whom it lacks, and what both say together.

A list without a name proves nothing. Somebody has left when an enrollment says so, or when the person was
looked up alone and Canvas has no enrollment at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from lti_tool.canvas.agreement import ClassLists, RowLists, disagreements
from lti_tool.canvas.client import CanvasClient, InCourse
from lti_tool.canvas.errors import ListsDisagree, NotFound, NotPermitted, Refused, ScopeMissing
from lti_tool.canvas.records import CourseRecord, EnrollmentRecord
from lti_tool.planning.ids import AssignmentId, SectionId, UserId
from lti_tool.planning.snapshot import AssignmentFacts, Group, Person, PersonState, Review
from lti_tool.threads import ContextPool

READINGS = 3
"""How often lists are read while they contradict each other."""
LOOKED_UP_TOGETHER = 100
"""Students in one look-up of submissions; Canvas refuses more."""


@dataclass(frozen=True, slots=True)
class TheClass:
    """Everybody: ``people`` as ``Snapshot`` has them, and those who ``left``."""

    people: tuple[Person, ...]
    left: tuple[Person, ...]


def class_lists(
    course: CourseRecord,
    enrollments: Sequence[EnrollmentRecord],
    reviews: Iterable[Review],
    groups: Iterable[Group],
) -> ClassLists:
    """What was read, ready to be compared."""
    return ClassLists(
        enrollments=enrollments,
        reviewed=frozenset(user for one in reviews for user in (one.assessor, one.assessee)),
        grouped=frozenset(member for group in groups for member in group.members),
        total_students=course.total_students,
        sees_everybody=course.sees_everybody,
    )


class Comparing:
    """Compares lists of one course, looking up what settles a question. Safe for several threads.

    Args:
        readers: how many look-ups at the same time.
    """

    def __init__(self, client: CanvasClient, course: InCourse, readers: int) -> None:
        self._client = client
        self._course = course
        self._readers = readers

    def look_up(self, people: ClassLists) -> ClassLists:
        """The lists, with the enrollments of those whom the class list should have and lacks."""
        if not people.enrollments:
            return people  # whatever empties the list would empty the look-ups too
        with ContextPool(self._readers, thread_name_prefix="canvas-people") as readers:
            found = [row for rows in readers.map(self._rows_of, sorted(people.to_look_up)) for row in rows]
        return replace(people, looked_up=tuple(found))

    def _rows_of(self, user: UserId) -> Sequence[EnrollmentRecord]:
        try:
            return self._client.student_enrollments_of(self._course.id, user)
        except NotFound:  # Canvas no longer knows the person at all
            return ()

    def rows(self, facts: AssignmentFacts, authors: Iterable[UserId], people: ClassLists) -> RowLists:
        """The submission rows of one assignment, with a look-up of those who should have one and have none.

        The look-up needs a scope that a developer key may lack, and Canvas answers it of published
        assignments only.
        """
        rows = RowLists(
            name=facts.name,
            authors=frozenset(authors),
            for_all=facts.published and not facts.only_visible_to_overrides,
        )
        missing = sorted(rows.missing(people))
        if not missing or not facts.published:
            return rows
        found: set[UserId] = set()
        try:
            for start in range(0, len(missing), LOOKED_UP_TOGETHER):
                some = missing[start : start + LOOKED_UP_TOGETHER]
                found |= self._with_rows(facts.id, some)
        except (ScopeMissing, NotPermitted, Refused):
            return rows
        return replace(rows, looked_up=frozenset(found))

    def _with_rows(self, assignment: AssignmentId, students: Sequence[UserId]) -> set[UserId]:
        found = self._client.submissions_of_several(self._course, [assignment], students=students)
        return {UserId(row.user_id) for student in found for row in student.submissions}

    def require(self, people: ClassLists, rows: Iterable[RowLists]) -> None:
        """Raise ``ListsDisagree`` unless the lists agree."""
        said = dict.fromkeys(one for some in rows for one in disagreements(people, some))
        if said:
            raise ListsDisagree(tuple(said))


def the_class(people: ClassLists) -> TheClass:
    """Everybody by what their enrollments say; whom a look-up found in no state has left too."""
    rows = (*people.enrollments, *people.looked_up)
    everybody = people_of(rows)
    known = {person.id for person in everybody}
    gone = (
        Person(user, "", "", (), "left") for user in sorted(people.to_look_up - known) if people.enrollments
    )
    return TheClass(
        people=tuple(person for person in everybody if person.state != "left"),
        left=(*(person for person in everybody if person.state == "left"), *gone),
    )


def people_of(enrollments: Iterable[EnrollmentRecord]) -> tuple[Person, ...]:
    """One person per user, in the best state of all enrolments, with the sections of that kind of enrolment.

    Somebody active in one section and inactive in another belongs to the first only; somebody who is
    nowhere reachable keeps all her sections, for display.
    """
    by_user: dict[str, list[EnrollmentRecord]] = {}
    for row in enrollments:
        if row.person_state is not None:
            by_user.setdefault(row.user_id, []).append(row)
    return tuple(_person(UserId(user_id), rows) for user_id, rows in by_user.items())


_BEST_FIRST: tuple[PersonState, ...] = ("active", "invited", "inactive", "concluded", "left")


def _person(user_id: UserId, rows: list[EnrollmentRecord]) -> Person:
    states = {row.person_state for row in rows}
    state = next(state for state in _BEST_FIRST if state in states)
    living = [row for row in rows if row.person_state in ("active", "invited")] or rows
    user = rows[0].user
    return Person(
        id=user_id,
        name=user.name,
        sortable_name=user.sortable_name or user.name,
        sections=tuple(sorted({SectionId(row.course_section_id) for row in living})),
        state=state,
        test_student=any(row.type == "StudentViewEnrollment" for row in rows),
    )
