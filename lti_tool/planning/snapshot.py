"""What Canvas said about one assignment at one moment.

A snapshot is the only thing that allocation, plan and diff look at. Reading it from Canvas is the
business of ``lti_tool.canvas``; storing it that of ``lti_tool.persistence``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Literal

from lti_tool.planning.ids import (
    AssignmentId,
    CanvasOrigin,
    CourseId,
    GroupId,
    ReviewId,
    RunId,
    SectionId,
    SubmissionId,
    UserId,
)

PersonState = Literal["active", "invited", "inactive", "concluded", "left"]


class Presence(StrEnum):
    """What is known about somebody's place in the course. That a list lacks a name proves nothing."""

    HERE = "here"
    LEFT = "left"
    """An enrollment says so (inactive, concluded, deleted, rejected), or looking them up found none."""
    NOT_VISIBLE = "not_visible"
    """The person who read Canvas sees only some sections, and this student isn't in any of them."""
    UNKNOWN = "unknown"
    """Canvas named this person somewhere and did not say whether they are still a student."""


@dataclass(frozen=True, slots=True)
class Section:
    """One section of the course.

    ``came_from`` is the course that it was cross-listed from, empty for a section of this course's own.
    """

    id: SectionId
    name: str
    came_from: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """One group of the assignment's group set; of any set of the course where the assignment has none.

    ``set_id`` is Canvas's id of the group set ("group category"); empty where Canvas did not tell.
    """

    id: GroupId
    name: str
    members: tuple[UserId, ...]
    set_id: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """One student of the course as the reading user may see her; staff are never read.

    ``state`` is the best of the person's enrolments: Canvas's ``completed`` is "concluded" here,
    ``creation_pending`` counts as "invited", and "left" is ``deleted`` or ``rejected``. Canvas accepts only
    active and invited people in a review.
    """

    id: UserId
    name: str
    sortable_name: str
    sections: tuple[SectionId, ...]
    state: PersonState
    test_student: bool = False

    @property
    def reachable(self) -> bool:
        """Whether Canvas accepts this person in a review (canvas-lms ``Course#students_visible_to``)."""
        return self.state in ("active", "invited")


@dataclass(frozen=True, slots=True)
class Work:
    """One student's submission row; it exists for assigned students also before they submit.

    For group assignments every member has a row of their own with the same content.
    """

    id: SubmissionId
    author: UserId
    submitted: bool
    submitted_at: datetime | None = None
    late: bool = False
    missing: bool = False
    excused: bool = False
    group: GroupId | None = None
    due_at: datetime | None = None
    """When it is due for this author, overrides worked out by Canvas; not part of the fingerprint."""


@dataclass(frozen=True, slots=True)
class Review:
    """One peer review that exists in Canvas: ``assessor`` reviews the submission of ``assessee``.

    ``started``: not completed, but the assessor has commented on the work: a rubric that is still empty, or
    one that was attached later and set the review back to open (canvas-lms rubric_association.rb).
    """

    id: ReviewId
    assessor: UserId
    assessee: UserId
    submission: SubmissionId
    completed: bool
    started: bool = False

    @property
    def written(self) -> bool:
        """Whether somebody's work would be lost with it."""
        return self.completed or self.started


@dataclass(frozen=True, slots=True)
class Earlier:
    """The reviews of another assignment of the course, that the rules may keep from repeating.

    ``pairs`` are (reviewer, author), sorted, each once.
    """

    assignment: AssignmentId
    name: str
    pairs: tuple[tuple[UserId, UserId], ...]
    after_run: RunId | None = None
    """As in ``Snapshot``, of that assignment."""


@dataclass(frozen=True, slots=True)
class AssignmentFacts:
    """The fields of a Canvas assignment that allocation depends on."""

    id: AssignmentId
    course_id: CourseId
    name: str
    published: bool
    peer_reviews: bool
    automatic_peer_reviews: bool
    anonymous_peer_reviews: bool
    intra_group_peer_reviews: bool
    group_category_id: str | None
    grade_group_students_individually: bool
    only_visible_to_overrides: bool
    due_at: datetime | None
    rubric_id: str | None
    html_url: str
    submission_types: tuple[str, ...] = ()

    @property
    def is_group_assignment(self) -> bool:
        """Whether students hand in as groups."""
        return self.group_category_id is not None


@dataclass(frozen=True, slots=True)
class Scores:
    """The points of another assignment, that tell levels. They are kept nowhere but in the snapshot."""

    assignment: AssignmentId
    name: str
    points: tuple[tuple[UserId, float], ...]
    possible: float | None = None
    """Points that the assignment gives at most; None where Canvas did not tell."""
    after_post: str | None = None
    """The last posting of points in the course that had ended before; None where one was under way."""


@dataclass(frozen=True, slots=True)
class ListedLevels:
    """Levels that the instructor gave as a list. They are kept nowhere but in the snapshot.

    ``in_words``: the list says who is strong (1) and who is not (0); else its numbers are compared.
    """

    given_at: datetime
    levels: tuple[tuple[UserId, float], ...]
    in_words: bool


@dataclass(frozen=True)
class Snapshot:
    """One reading of Canvas.

    The fingerprint leaves out ``taken_at``, ``after_run``, ``earlier``, ``scores``, ``listed`` and
    ``sees_everybody``.
    """

    canvas: CanvasOrigin
    course_id: CourseId
    course_name: str
    assignment: AssignmentFacts
    people: tuple[Person, ...]
    sections: tuple[Section, ...]
    groups: tuple[Group, ...]
    works: tuple[Work, ...]
    reviews: tuple[Review, ...]
    new_allocation_feature: bool
    """The course flag ``peer_review_allocation_and_grading``: Canvas's own pull allocator is on."""
    taken_at: datetime
    earlier: tuple[Earlier, ...] = ()
    scores: tuple[Scores, ...] = ()
    """Reviews of other assignments, only of those that some rules asked for."""
    listed: ListedLevels | None = None
    left: tuple[Person, ...] = ()
    """Students whose every enrollment is deleted or rejected. They are in no list of the class; a name is
    empty where Canvas no longer gives it."""
    sees_everybody: bool | None = None
    """Whether the reading user sees the whole class and not some sections only; None: Canvas did not say."""
    after_run: RunId | None = None
    """The update of ours that this was read after (``planning.freshness``); None where that isn't known."""

    @cached_property
    def people_by_id(self) -> Mapping[UserId, Person]:
        """Everybody that Canvas showed us, by id; also those who left."""
        return {person.id: person for person in (*self.left, *self.people)}

    def presence(self, user: UserId) -> Presence:
        """What is known about a person whom this assignment, its reviews or its groups name."""
        person = self.people_by_id.get(user)
        if person is not None:
            return Presence.HERE if person.reachable else Presence.LEFT
        return Presence.NOT_VISIBLE if self.sees_everybody is False else Presence.UNKNOWN

    def is_lost(self, review: Review) -> bool:
        """Open, and its reviewer has left: it will not come."""
        return not review.completed and self.presence(review.assessor) is Presence.LEFT

    def is_for_nobody(self, review: Review) -> bool:
        """Open, and its author has left: nobody can complete it, and nobody owes it."""
        return not review.completed and self.presence(review.assessee) is Presence.LEFT

    @cached_property
    def work_by_author(self) -> Mapping[UserId, Work]:
        """The submission row of each author."""
        return {work.author: work for work in self.works}

    @cached_property
    def work_by_id(self) -> Mapping[SubmissionId, Work]:
        """The submission rows by their own id."""
        return {work.id: work for work in self.works}

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over everything but the time, independent of the order in which Canvas listed things."""
        content = asdict(replace(self, earlier=(), scores=(), listed=None))
        for name in ("taken_at", "after_run", "earlier", "scores", "listed", "sees_everybody"):
            del content[name]
        for name in ("people", "left", "sections", "groups", "works", "reviews"):
            content[name] = sorted(content[name], key=lambda row: str(row["id"]))
        for work in content["works"]:
            del work["due_at"]  # an extension alone makes no plan another one
        for section in content["sections"]:
            del section["came_from"]  # tells nothing about who may review whom
        for person in (*content["people"], *content["left"]):
            person["sections"] = sorted(person["sections"])
        for group in content["groups"]:
            group["members"] = sorted(group["members"])
        for review in content["reviews"]:
            del review["started"]  # known only where Canvas honours includes
        return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()
