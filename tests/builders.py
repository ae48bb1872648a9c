"""Small snapshots and plans for tests: each test says only what matters to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from lti_tool.planning.freshness import NO_RUN
from lti_tool.planning.ids import (
    AssignmentId,
    CanvasOrigin,
    CourseId,
    GroupId,
    PlanId,
    ReviewId,
    RunId,
    SectionId,
    SubmissionId,
    UserId,
)
from lti_tool.planning.plan import Change, Plan
from lti_tool.planning.rules import PlanRules
from lti_tool.planning.snapshot import (
    AssignmentFacts,
    Group,
    Person,
    Review,
    Section,
    Snapshot,
    Work,
)

CANVAS = CanvasOrigin("https://canvas.example.edu")
COURSE = CourseId("7")
ASSIGNMENT = AssignmentId("70")
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def user(number: int) -> UserId:
    """The id of the nth student (from 1)."""
    return UserId(f"{100 + number}")


def row(number: int) -> SubmissionId:
    """The id of the nth student's submission row; never equal to a user id."""
    return SubmissionId(f"{9000 + number}")


def person(number: int, *, section: int = 1, **changes: object) -> Person:
    """The nth student, active, in one section."""
    made = Person(
        id=user(number),
        name=f"Student {number}",
        sortable_name=f"{number:04}, Student",
        sections=(SectionId(f"s{section}"),),
        state="active",
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # field names are the tests' business


def work(number: int, **changes: object) -> Work:
    """The nth student's submission, handed in."""
    made = Work(id=row(number), author=user(number), submitted=True, submitted_at=NOON)
    return replace(made, **changes)  # type: ignore[arg-type]  # field names are the tests' business


def review(reviewer: int, author: int, *, completed: bool = False, id_: str | None = None) -> Review:
    """A review that exists: the nth student reviews the mth one's work."""
    return Review(
        id=ReviewId(id_ or f"r{reviewer}-{author}"),
        assessor=user(reviewer),
        assessee=user(author),
        submission=row(author),
        completed=completed,
    )


def assignment(**changes: object) -> AssignmentFacts:
    """A published assignment with peer reviews on and Canvas's own allocation off."""
    made = AssignmentFacts(
        id=ASSIGNMENT,
        course_id=COURSE,
        name="Essay",
        published=True,
        peer_reviews=True,
        automatic_peer_reviews=False,
        anonymous_peer_reviews=False,
        intra_group_peer_reviews=False,
        group_category_id=None,
        grade_group_students_individually=False,
        only_visible_to_overrides=False,
        due_at=NOON,
        rubric_id=None,
        html_url="https://canvas.example.edu/courses/7/assignments/70",
        submission_types=("online_upload",),
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # field names are the tests' business


def snapshot(
    people: int = 12,
    *,
    sections: int = 1,
    groups: Mapping[str, Sequence[int]] | None = None,
    reviews: Sequence[Review] = (),
    change_people: Mapping[int, Mapping[str, object]] | None = None,
    change_works: Mapping[int, Mapping[str, object]] | None = None,
    without_work: Sequence[int] = (),
    without_people: Sequence[int] = (),
    **facts: object,
) -> Snapshot:
    """A class: students 1..n dealt into sections in turn, everybody has handed in.

    ``groups`` maps a group's name to its members' numbers; ``change_people`` and ``change_works`` map a
    student's number to fields that differ; ``facts`` are fields of the assignment.
    """
    numbers = range(1, people + 1)
    change_people, change_works = change_people or {}, change_works or {}
    return Snapshot(
        canvas=CANVAS,
        course_id=COURSE,
        course_name="Writing 101",
        assignment=assignment(**facts),
        people=tuple(
            person(number, section=(number - 1) % sections + 1, **change_people.get(number, {}))
            for number in numbers
            if number not in without_people
        ),
        sections=tuple(Section(SectionId(f"s{n + 1}"), f"Section {chr(65 + n)}") for n in range(sections)),
        groups=tuple(
            Group(GroupId(f"g-{name}"), name, tuple(user(number) for number in members))
            for name, members in (groups or {}).items()
        ),
        works=tuple(
            work(number, **change_works.get(number, {})) for number in numbers if number not in without_work
        ),
        reviews=tuple(reviews),
        new_allocation_feature=False,
        taken_at=NOON,
        after_run=NO_RUN,
    )


def plan(
    changes: Sequence[Change], *, id_: str = "plan1", of: Snapshot | None = None, after: str = NO_RUN
) -> Plan:
    """A stored-looking plan with these lines, from a snapshot that was read after the run ``after``."""
    base = of or snapshot()
    return Plan(
        id=PlanId(id_),
        canvas=base.canvas,
        course_id=base.course_id,
        assignment_id=base.assignment.id,
        fingerprint=base.fingerprint,
        rules=PlanRules(),
        seed="seed",
        changes=tuple(changes),
        created_at=NOON,
        after_run=RunId(after),
    )
