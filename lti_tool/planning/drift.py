"""Drift: what Canvas says now that it did not say when a plan was made."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from lti_tool.planning.ids import SubmissionId, UserId
from lti_tool.planning.snapshot import Presence, Review, Snapshot


class DriftKind(StrEnum):
    """One sort of change behind a plan's back."""

    REVIEW_ADDED = "review_added"
    REVIEW_DOUBLED = "review_doubled"
    """A pair that existed has one row more; Canvas has no unique index on pairs."""
    REVIEW_GONE = "review_gone"
    REVIEW_COMPLETED = "review_completed"
    REVIEW_REOPENED = "review_reopened"
    """Attaching a rubric sets completed reviews back to open (canvas-lms rubric_association.rb)."""
    PERSON_JOINED = "person_joined"
    PERSON_LEFT = "person_left"
    PERSON_HIDDEN = "person_hidden"
    """The person who reads Canvas sees fewer sections than before."""
    WORK_SUBMITTED = "work_submitted"
    WORK_WITHDRAWN = "work_withdrawn"
    EXCUSED_SWITCHED = "excused_switched"
    ASSIGNED_SWITCHED = "assigned_switched"
    """One person's row came or went: an override names or no longer names the person."""
    RUBRIC_CHANGED = "rubric_changed"
    NEW_ALLOCATION_SWITCHED = "new_allocation_switched"
    """Canvas's own allocation of reviews in this course, which acts by itself."""
    PEER_REVIEWS_SWITCHED = "peer_reviews_switched"
    AUTOMATIC_SWITCHED = "automatic_switched"
    PUBLISHED = "published"
    UNPUBLISHED = "unpublished"
    DUE_DATE_CHANGED = "due_date_changed"
    ANONYMOUS_SWITCHED = "anonymous_switched"
    WITHIN_GROUPS_SWITCHED = "within_groups_switched"
    GROUP_SET_CHANGED = "group_set_changed"
    ASSIGNED_TO_CHANGED = "assigned_to_changed"
    """Everybody, or only those whom an override names."""
    GROUP_CHANGED = "group_changed"
    SECTION_CHANGED = "section_changed"


@dataclass(frozen=True, slots=True)
class Drift:
    """One difference. ``people`` are the ids it concerns: (reviewer, author), one person, or nobody.

    ``on`` is the direction of what can be on or off, there or not; None where there is no direction, as when
    one rubric took the place of another. ``at`` is the new due date.
    """

    kind: DriftKind
    people: tuple[UserId, ...] = ()
    on: bool | None = None
    at: datetime | None = None


def find_drift(then: Snapshot, now: Snapshot) -> tuple[Drift, ...]:
    """Everything between two readings of one assignment that could change a plan, in a fixed order."""
    found = [
        *_review_drift(then.reviews, now.reviews),
        *_people_drift(then, now),
        *_membership_drift(then, now),
        *assignment_drift(then, now),
    ]
    return tuple(sorted(found, key=lambda drift: (list(DriftKind).index(drift.kind), drift.people)))


def _review_drift(then: tuple[Review, ...], now: tuple[Review, ...]) -> list[Drift]:
    """Reviews by their pair: a row that took the place of another is the same review, unless what was
    completed is open now. Canvas gives a pair that was deleted and made again a new id."""
    before, after = {review.id for review in then}, {review.id for review in now}
    was = _by_pair(then)
    found = []
    for pair, rows in _by_pair(now).items():
        old = was.pop(pair, [])
        stayed = {review.id: review for review in old if review.id in after}
        gone = [review for review in old if review.id not in after]
        new = [review for review in rows if review.id not in before]
        same = [(stayed[review.id], review) for review in rows if review.id in before]
        for one, other in [*same, *zip(gone, new, strict=False)]:
            if one.completed != other.completed:
                kind = DriftKind.REVIEW_COMPLETED if other.completed else DriftKind.REVIEW_REOPENED
                found.append(Drift(kind, (other.assessor, other.assessee)))
        more = DriftKind.REVIEW_DOUBLED if old else DriftKind.REVIEW_ADDED
        found += [Drift(more, (one.assessor, one.assessee)) for one in new[len(gone) :]]
        found += [Drift(DriftKind.REVIEW_GONE, (one.assessor, one.assessee)) for one in gone[len(new) :]]
    lost = [review for rows in was.values() for review in rows]
    return found + [Drift(DriftKind.REVIEW_GONE, (one.assessor, one.assessee)) for one in lost]


def _by_pair(reviews: tuple[Review, ...]) -> dict[tuple[UserId, SubmissionId], list[Review]]:
    """The rows of each pair, completed ones first."""
    rows: dict[tuple[UserId, SubmissionId], list[Review]] = {}
    for review in sorted(reviews, key=lambda review: not review.completed):
        rows.setdefault((review.assessor, review.submission), []).append(review)
    return rows


def _people_drift(then: Snapshot, now: Snapshot) -> list[Drift]:
    before = {person.id for person in then.people if person.reachable}
    after = {person.id for person in now.people if person.reachable}
    gone = {user for user in before - after if now.presence(user) is Presence.LEFT}
    hidden = {user for user in before - after if now.presence(user) is Presence.NOT_VISIBLE}
    handed_in_before = {work.author for work in then.works if work.submitted}
    handed_in_now = {work.author for work in now.works if work.submitted}
    return [
        *(Drift(DriftKind.PERSON_JOINED, (user,)) for user in after - before),
        *(Drift(DriftKind.PERSON_LEFT, (user,)) for user in gone),
        *(Drift(DriftKind.PERSON_HIDDEN, (user,)) for user in hidden),
        *(Drift(DriftKind.WORK_SUBMITTED, (user,)) for user in handed_in_now - handed_in_before),
        *_row_drift(then, now, before & after),
    ]


def _row_drift(then: Snapshot, now: Snapshot, stayed: AbstractSet[UserId]) -> Iterator[Drift]:
    """Of those who are there both times: whose submission row, or its standing, is another one."""
    for user in stayed:
        old, new = then.work_by_author.get(user), now.work_by_author.get(user)
        if old is not None and new is not None:
            if old.submitted and not new.submitted:
                yield Drift(DriftKind.WORK_WITHDRAWN, (user,))
            if old.excused != new.excused:
                yield Drift(DriftKind.EXCUSED_SWITCHED, (user,), on=new.excused)
        elif (old is None) != (new is None):
            yield Drift(DriftKind.ASSIGNED_SWITCHED, (user,), on=new is not None)


def _membership_drift(then: Snapshot, now: Snapshot) -> list[Drift]:
    stayed = {person.id for person in then.people} & {person.id for person in now.people}
    moved_section = [
        user
        for user in stayed
        if set(then.people_by_id[user].sections) != set(now.people_by_id[user].sections)
    ]
    before, after = _groups_of(then), _groups_of(now)
    moved_group = [user for user in stayed if before.get(user) != after.get(user)]
    return [
        *(Drift(DriftKind.SECTION_CHANGED, (user,)) for user in moved_section),
        *(Drift(DriftKind.GROUP_CHANGED, (user,)) for user in moved_group),
    ]


def _groups_of(snapshot: Snapshot) -> dict[UserId, frozenset[str]]:
    memberships: dict[UserId, frozenset[str]] = {}
    for group in snapshot.groups:
        for member in group.members:
            memberships[member] = memberships.get(member, frozenset()) | {group.id}
    return memberships


_SWITCHES = {
    "peer_reviews": DriftKind.PEER_REVIEWS_SWITCHED,
    "automatic_peer_reviews": DriftKind.AUTOMATIC_SWITCHED,
    "anonymous_peer_reviews": DriftKind.ANONYMOUS_SWITCHED,
    "intra_group_peer_reviews": DriftKind.WITHIN_GROUPS_SWITCHED,
    "only_visible_to_overrides": DriftKind.ASSIGNED_TO_CHANGED,
}


def assignment_drift(then: Snapshot, now: Snapshot) -> tuple[Drift, ...]:
    """What changed about the assignment itself, and about the course's own allocation."""
    before, after = then.assignment, now.assignment
    found = [
        Drift(kind, on=getattr(after, name))
        for name, kind in _SWITCHES.items()
        if getattr(before, name) != getattr(after, name)
    ]
    if before.rubric_id != after.rubric_id:
        replaced = None not in (before.rubric_id, after.rubric_id)
        found.append(Drift(DriftKind.RUBRIC_CHANGED, on=None if replaced else after.rubric_id is not None))
    if before.due_at != after.due_at:
        found.append(Drift(DriftKind.DUE_DATE_CHANGED, on=after.due_at is not None, at=after.due_at))
    if before.group_category_id != after.group_category_id:
        found.append(Drift(DriftKind.GROUP_SET_CHANGED))
    if then.new_allocation_feature != now.new_allocation_feature:
        found.append(Drift(DriftKind.NEW_ALLOCATION_SWITCHED, on=now.new_allocation_feature))
    if before.published != after.published:
        found.append(Drift(DriftKind.PUBLISHED if after.published else DriftKind.UNPUBLISHED))
    return tuple(found)
