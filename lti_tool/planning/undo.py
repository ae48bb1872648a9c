"""Undo: the plan lines that take back what one run did, and nothing else.

Only effects that were the run's own are taken back: reviews that it created (same Canvas id, still open,
not doubled) and reviews that it deleted. Notifications that Canvas sent cannot be taken back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from lti_tool.planning.diff import in_diff_order
from lti_tool.planning.ids import ReviewId, SubmissionId, UserId
from lti_tool.planning.plan import Change, ChangeKind, ChangeReason
from lti_tool.planning.snapshot import Review, Snapshot


@dataclass(frozen=True, slots=True)
class Effect:
    """One thing that a run itself changed in Canvas. ``created`` is False for a deletion."""

    created: bool
    reviewer: UserId
    author: UserId
    submission: SubmissionId
    review_id: ReviewId


def undo_changes(
    snapshot: Snapshot, effects: Sequence[Effect], *, at_most: int | None = None
) -> tuple[Change, ...]:
    """The diff that restores, for exactly the pairs of ``effects``, what was there before the run.

    ``at_most`` is the number of reviews per reviewer that the rules ask for, given when a later run may have
    replaced what this one deleted: what would exceed it is blocked. None restores every deleted pair.
    """
    rows = Counter((review.assessor, review.submission) for review in snapshot.reviews)
    created = {effect.review_id for effect in effects if effect.created}
    lines = []
    for review in snapshot.reviews:
        who = (review.assessor, review.assessee, review.submission)
        if review.id not in created:
            lines.append(Change(ChangeKind.KEEP, *who, ChangeReason.NOT_PART_OF_UNDO, review.id))
        else:
            doubled = rows[review.assessor, review.submission] > 1
            kind, reason = take_away(review, snapshot, ChangeReason.UNDO_CREATED, doubled=doubled)
            lines.append(Change(kind, *who, reason, review.id))
    back = [one for one in effects if not one.created and not rows[one.reviewer, one.submission]]
    room = _Room([line for line in lines if line.kind is not ChangeKind.DELETE], back, at_most)
    for effect in back:
        kind, reason = _bring_back(effect, snapshot)
        if kind is ChangeKind.CREATE and not room.take(effect):
            kind, reason = ChangeKind.BLOCKED, ChangeReason.REPLACED_SINCE
        lines.append(Change(kind, effect.reviewer, effect.author, effect.submission, reason))
    return in_diff_order(lines)


class _Room:
    """How many more reviews each reviewer and each submission can get within the rules."""

    def __init__(self, staying: Sequence[Change], back: Sequence[Effect], at_most: int | None) -> None:
        self._at_most = at_most
        self._gives = Counter(line.reviewer for line in staying)
        self._gets = Counter(line.submission for line in staying)
        # Where few have submitted, each submission gets more reviews than a reviewer completes.
        reviewers = self._gives.keys() | {effect.reviewer for effect in back}
        works = self._gets.keys() | {effect.submission for effect in back}
        self._most_received = max(at_most or 0, -(-(at_most or 0) * len(reviewers) // max(1, len(works))))

    def take(self, effect: Effect) -> bool:
        """Whether the review still fits; it is counted if so."""
        if self._at_most is not None and (
            self._gives[effect.reviewer] >= self._at_most
            or self._gets[effect.submission] >= self._most_received
        ):
            return False
        self._gives[effect.reviewer] += 1
        self._gets[effect.submission] += 1
        return True


def take_away(
    review: Review, snapshot: Snapshot, why: ChangeReason, *, doubled: bool
) -> tuple[ChangeKind, ChangeReason]:
    """Whether an existing review may be deleted for the reason ``why``, or what stands against it."""
    if review.written:
        return ChangeKind.KEEP, ChangeReason.COMPLETED if review.completed else ChangeReason.STARTED
    if doubled:
        return ChangeKind.BLOCKED, ChangeReason.DUPLICATE
    gone = who_left(review.assessor, review.assessee, review.submission, snapshot)
    return (ChangeKind.BLOCKED, gone) if gone else (ChangeKind.DELETE, why)


def _bring_back(effect: Effect, snapshot: Snapshot) -> tuple[ChangeKind, ChangeReason]:
    gone = who_left(effect.reviewer, effect.author, effect.submission, snapshot)
    return (ChangeKind.BLOCKED, gone) if gone else (ChangeKind.CREATE, ChangeReason.UNDO_DELETED)


def who_left(
    reviewer: UserId, author: UserId, submission: SubmissionId, snapshot: Snapshot
) -> ChangeReason | None:
    """Why a pair cannot be touched because somebody is not there any more; None when it can."""
    people = snapshot.people_by_id
    if reviewer not in people or author not in people:
        return ChangeReason.NOT_VISIBLE
    if not people[reviewer].reachable:
        return ChangeReason.REVIEWER_LEFT
    if not people[author].reachable:
        return ChangeReason.AUTHOR_LEFT
    if submission not in snapshot.work_by_id:
        return ChangeReason.AUTHOR_NOT_ASSIGNED
    return None
