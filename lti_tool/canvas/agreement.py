"""Whether the lists of one reading agree with each other and with Canvas's own counts; pure.

Half a list is no list: a class list that lacks people looks like a class that they left. Each list is held
against the others, and whatever one names and another lacks is a disagreement, unless Canvas has an ordinary
reason for it. A reading that disagrees is made again; if it still does, it fails.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass

from allocation.sentences import Sentence, counted
from lti_tool.canvas.paging import SMALLEST_PAGE
from lti_tool.canvas.records import EnrollmentRecord
from lti_tool.planning.ids import UserId


@dataclass(frozen=True, slots=True)
class ClassLists:
    """Who is named where.

    ``total_students`` is Canvas's own count; ``sees_everybody`` as in ``Snapshot``. ``looked_up`` are the
    rows that single look-ups found of people whom the class list lacks.
    """

    enrollments: Sequence[EnrollmentRecord]
    reviewed: Set[UserId] = frozenset()
    """Reviewers and authors of the reviews that exist."""
    grouped: Set[UserId] = frozenset()
    """Members of the groups that the assignment looks at."""
    total_students: int | None = None
    sees_everybody: bool | None = None
    looked_up: Sequence[EnrollmentRecord] = ()

    @property
    def listed(self) -> Set[UserId]:
        """Everybody with a row in the class list, in whatever state."""
        return {UserId(row.user_id) for row in self.enrollments}

    @property
    def current(self) -> Set[UserId]:
        """Active and invited students, without the Test Student: ``Course#student_enrollments.not_fake``."""
        return {
            UserId(row.user_id)
            for row in self.enrollments
            if row.type == "StudentEnrollment" and row.person_state in ("active", "invited")
        }

    @property
    def to_look_up(self) -> Set[UserId]:
        """Whom somebody who sees the whole class should find in its list, and does not."""
        if not self.sees_everybody:
            return frozenset()
        return (self.reviewed | self.grouped) - self.listed


@dataclass(frozen=True, slots=True)
class RowLists:
    """The submission rows of one assignment: ``authors`` have one.

    ``for_all``: published and for every student, so that everybody should have one. ``looked_up`` are those
    of ``missing`` for whom a look-up found a row after all; None where Canvas answers no such look-up.
    """

    name: str
    authors: Set[UserId]
    for_all: bool
    looked_up: Set[UserId] | None = None

    def missing(self, people: ClassLists) -> Set[UserId]:
        """Current students who should have a row here and have none in the list.

        Of an assignment that is not for everybody only those count who review or are reviewed.
        """
        return (people.current if self.for_all else people.current & people.reviewed) - self.authors


def disagreements(people: ClassLists, rows: RowLists) -> tuple[Sentence, ...]:
    """What speaks against believing these lists, each in a sentence; empty where nothing does."""
    return (*_about_the_class(people, rows), *_about_submissions(people, rows))


def _about_the_class(people: ClassLists, rows: RowLists) -> Iterator[Sentence]:
    strangers = len(rows.authors - people.listed)
    if strangers:
        yield counted(
            "%(num)s student has a submission and isn't in the class list.",
            "%(num)s students have a submission and aren't in the class list.",
            strangers,
        )
    total = people.total_students
    if people.sees_everybody and total is not None and len(people.current) < total:
        yield counted(
            "Canvas counts %(num)s student and lists %(listed)s.",
            "Canvas counts %(num)s students and lists %(listed)s.",
            total,
            listed=len(people.current),
        )
    if people.sees_everybody and not people.enrollments and people.to_look_up:
        yield counted(
            "The class list is empty, and %(num)s student reviews, is reviewed or is in a group.",
            "The class list is empty, and %(num)s students review, are reviewed or are in a group.",
            len(people.to_look_up),
        )
    found = {row.user_id for row in people.looked_up if row.person_state in ("active", "invited")}
    if found:
        yield counted(
            "%(num)s student is enrolled and isn't in the class list.",
            "%(num)s students are enrolled and aren't in the class list.",
            len(found),
        )


def _about_submissions(people: ClassLists, rows: RowLists) -> Iterator[Sentence]:
    """A new student may wait a moment for a row (Canvas makes them in a job,
    canvas-lms lib/submission_lifecycle_manager.rb), and one student can be unassigned; a page full of
    students, or everybody, cannot be meant."""
    missing = rows.missing(people)
    if not missing:
        return
    if rows.looked_up:
        yield counted(
            "%(num)s student has a submission that the list of submissions of “%(name)s” leaves out.",
            "%(num)s students have submissions that the list of submissions of “%(name)s” leaves out.",
            len(rows.looked_up),
            name=rows.name,
        )
        return
    nothing = not rows.authors and bool(people.reviewed or rows.looked_up is None)
    many = rows.for_all and rows.looked_up is None and len(missing) >= SMALLEST_PAGE
    if nothing or many:
        yield counted(
            "Of %(all)s students %(num)s has no entry in the list of submissions of “%(name)s”.",
            "Of %(all)s students %(num)s have no entry in the list of submissions of “%(name)s”.",
            len(missing),
            all=len(people.current),
            name=rows.name,
        )
