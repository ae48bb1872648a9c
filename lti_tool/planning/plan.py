"""A plan: what applying an allocation would change in Canvas, line by line, and why.

A plan is made from one snapshot and never changes afterwards. Creates and deletes are what a run may
do; keeps and blocked lines are there so that the diff shows everything and its counts add up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property

from lti_tool.planning.ids import (
    AssignmentId,
    CanvasOrigin,
    CourseId,
    PlanId,
    ReviewId,
    RunId,
    SubmissionId,
    UserId,
)
from lti_tool.planning.rules import PlanRules


class ChangeKind(StrEnum):
    """What a line of the diff means for Canvas."""

    CREATE = "create"
    DELETE = "delete"
    KEEP = "keep"
    BLOCKED = "blocked"


class ChangeReason(StrEnum):
    """Why a line is in the diff; ``explain.reason_words`` says it to people."""

    NEW = "new"
    TOP_UP = "top_up"
    PINNED = "pinned"
    SAME_AS_EARLIER = "same_as_earlier"
    STILL_FITS = "still_fits"
    COMPLETED = "completed"
    STARTED = "started"
    NOT_VISIBLE = "not_visible"
    EXTRA = "extra"
    EXTRA_NOT_NEEDED = "extra_not_needed"
    NOT_COMING = "not_coming"
    NOT_COMING_DELETED = "not_coming_deleted"
    TEST_STUDENT = "test_student"
    DUPLICATE = "duplicate"
    REPLACED = "replaced"
    REPLACED_FOREIGN = "replaced_foreign"
    MOVED = "moved"
    MOVED_FOREIGN = "moved_foreign"
    BREAKS_SECTION_RULE = "breaks_section_rule"
    BREAKS_GROUP_RULE = "breaks_group_rule"
    FORBIDDEN_PAIR = "forbidden_pair"
    REPEATS_EARLIER = "repeats_earlier"
    RETURNS_EARLIER = "returns_earlier"
    REVIEWER_EXCLUDED = "reviewer_excluded"
    AUTHOR_EXCLUDED = "author_excluded"
    REVIEWER_LEFT = "reviewer_left"
    AUTHOR_LEFT = "author_left"
    REVIEWER_NOT_ASSIGNED = "reviewer_not_assigned"
    AUTHOR_NOT_ASSIGNED = "author_not_assigned"
    REVIEWER_NOT_SUBMITTED = "reviewer_not_submitted"
    AUTHOR_NOT_SUBMITTED = "author_not_submitted"
    UNDO_CREATED = "undo_created"
    UNDO_DELETED = "undo_deleted"
    NOT_PART_OF_UNDO = "not_part_of_undo"
    REPLACED_SINCE = "replaced_since"


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the diff: a pair (reviewer, author's submission) and what happens to it.

    ``review_id`` is Canvas's id of the review where one exists (delete, keep, blocked).
    """

    kind: ChangeKind
    reviewer: UserId
    author: UserId
    submission: SubmissionId
    reason: ChangeReason
    review_id: ReviewId | None = None


@dataclass(frozen=True)
class Plan:
    """One approved-or-not list of changes. ``fingerprint`` is that of the snapshot it was made from.

    ``changes`` are in the order of the diff: creates, deletes, keeps, blocked; each by reviewer, then author.
    """

    id: PlanId
    canvas: CanvasOrigin
    course_id: CourseId
    assignment_id: AssignmentId
    fingerprint: str
    rules: PlanRules
    seed: str
    changes: tuple[Change, ...]
    created_at: datetime
    undo_of: RunId | None = None
    based_on: PlanId | None = None
    """The plan that this one was made from by an edit, an import or another draw."""
    after_run: RunId | None = None
    """The update of ours that its snapshot came after: it can be applied until there is another one."""

    @cached_property
    def counts(self) -> Mapping[ChangeKind, int]:
        """Number of lines of each kind; every kind is present."""
        found = Counter(change.kind for change in self.changes)
        return {kind: found[kind] for kind in ChangeKind}

    def of_kind(self, kind: ChangeKind) -> tuple[Change, ...]:
        """The lines of one kind, in the order of the diff."""
        return tuple(change for change in self.changes if change.kind is kind)

    @cached_property
    def pairs_after(self) -> frozenset[tuple[UserId, UserId]]:
        """(reviewer, author) of every review that exists once the plan is applied."""
        stays = (ChangeKind.CREATE, ChangeKind.KEEP)
        return frozenset((line.reviewer, line.author) for line in self.changes if line.kind in stays)

    @cached_property
    def chosen(self) -> frozenset[tuple[UserId, UserId]]:
        """``pairs_after`` without what stays because it must: completed, doubled, not visible."""
        return chosen_pairs(self.changes)

    @property
    def writes(self) -> tuple[Change, ...]:
        """What a run of this plan may do in Canvas: creates before deletes."""
        return self.of_kind(ChangeKind.CREATE) + self.of_kind(ChangeKind.DELETE)


def chosen_pairs(changes: Iterable[Change]) -> frozenset[tuple[UserId, UserId]]:
    """(reviewer, author) of the lines that an allocation asked for."""
    return frozenset(
        (line.reviewer, line.author)
        for line in changes
        if line.kind is ChangeKind.CREATE or line.reason is ChangeReason.STILL_FITS
    )
