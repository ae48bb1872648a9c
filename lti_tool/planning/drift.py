"""Drift: what Canvas says now that it did not say when a plan was made."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from lti_tool.planning.ids import UserId
from lti_tool.planning.snapshot import Review, Snapshot


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
    WORK_SUBMITTED = "work_submitted"
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
    """One difference. ``people`` are the ids it concerns: (reviewer, author), one person, or nobody."""

    kind: DriftKind
    people: tuple[UserId, ...] = ()


def find_drift(then: Snapshot, now: Snapshot) -> tuple[Drift, ...]:
    """Everything between two readings of one assignment that could change a plan, in a fixed order."""
    found = [
        *_review_drift(then.reviews, now.reviews),
        *_people_drift(then, now),
        *_membership_drift(then, now),
        *(Drift(kind) for kind in assignment_drift(then, now)),
    ]
    return tuple(sorted(found, key=lambda drift: (list(DriftKind).index(drift.kind), drift.people)))


def _review_drift(then: tuple[Review, ...], now: tuple[Review, ...]) -> list[Drift]:
    before = {review.id: review for review in then}
    after = {review.id: review for review in now}
    pairs = {(review.assessor, review.submission) for review in then}
    found = []
    for review_id in before.keys() | after.keys():
        old, new = before.get(review_id), after.get(review_id)
        if old is None and new is not None:
            again = (new.assessor, new.submission) in pairs
            kind = DriftKind.REVIEW_DOUBLED if again else DriftKind.REVIEW_ADDED
            found.append(Drift(kind, (new.assessor, new.assessee)))
        elif new is None and old is not None:
            found.append(Drift(DriftKind.REVIEW_GONE, (old.assessor, old.assessee)))
        elif old is not None and new is not None and new.completed and not old.completed:
            found.append(Drift(DriftKind.REVIEW_COMPLETED, (new.assessor, new.assessee)))
        elif old is not None and new is not None and old.completed and not new.completed:
            found.append(Drift(DriftKind.REVIEW_REOPENED, (new.assessor, new.assessee)))
    return found


def _people_drift(then: Snapshot, now: Snapshot) -> list[Drift]:
    before = {person.id for person in then.people if person.reachable}
    after = {person.id for person in now.people if person.reachable}
    handed_in_before = {work.author for work in then.works if work.submitted}
    handed_in_now = {work.author for work in now.works if work.submitted}
    return [
        *(Drift(DriftKind.PERSON_JOINED, (user,)) for user in after - before),
        *(Drift(DriftKind.PERSON_LEFT, (user,)) for user in before - after),
        *(Drift(DriftKind.WORK_SUBMITTED, (user,)) for user in handed_in_now - handed_in_before),
    ]


def _membership_drift(then: Snapshot, now: Snapshot) -> list[Drift]:
    stayed = then.people_by_id.keys() & now.people_by_id.keys()
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


_FIELDS = {
    "rubric_id": DriftKind.RUBRIC_CHANGED,
    "peer_reviews": DriftKind.PEER_REVIEWS_SWITCHED,
    "automatic_peer_reviews": DriftKind.AUTOMATIC_SWITCHED,
    "due_at": DriftKind.DUE_DATE_CHANGED,
    "anonymous_peer_reviews": DriftKind.ANONYMOUS_SWITCHED,
    "intra_group_peer_reviews": DriftKind.WITHIN_GROUPS_SWITCHED,
    "group_category_id": DriftKind.GROUP_SET_CHANGED,
    "only_visible_to_overrides": DriftKind.ASSIGNED_TO_CHANGED,
}


def assignment_drift(then: Snapshot, now: Snapshot) -> tuple[DriftKind, ...]:
    """What changed about the assignment itself, and about the course's own allocation."""
    before, after = then.assignment, now.assignment
    found = [kind for name, kind in _FIELDS.items() if getattr(before, name) != getattr(after, name)]
    if then.new_allocation_feature != now.new_allocation_feature:
        found.append(DriftKind.NEW_ALLOCATION_SWITCHED)
    if before.published != after.published:
        found.append(DriftKind.PUBLISHED if after.published else DriftKind.UNPUBLISHED)
    return tuple(found)
