"""What to do with an approved change, given what Canvas shows now; pure.

The hard rule is *writes performed are a subset of writes approved*: a verdict may take a step out of the
list, nothing here ever adds one. Rows of a pair are a multiset: Canvas has no unique index on them
(facts: canvas-lms ``Submission#assign_assessor`` keys a review also by the rubric association).
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set

from allocation.sentences import N_
from lti_tool.applying.answers import Why
from lti_tool.applying.records import Settlement, StepRecord
from lti_tool.applying.states import DOUBTFUL, StepState, Whose
from lti_tool.planning.ids import ReviewId, RunId, SubmissionId, UserId
from lti_tool.planning.plan import ChangeKind
from lti_tool.planning.snapshot import Presence, Review, Snapshot

Pair = tuple[UserId, SubmissionId]
"""Reviewer and submission, by which Canvas finds a review."""


def pair_of(step: StepRecord) -> Pair:
    """The pair that a step is about."""
    return step.reviewer, step.submission


def in_doubt(step: StepRecord) -> bool:
    """Whether Canvas may have executed the step, now or earlier, without our knowing."""
    return step.doubts > 0 or step.state in DOUBTFUL


def rows_by_pair(reviews: Iterable[Review]) -> Mapping[Pair, list[Review]]:
    """The rows of each pair; asking for a pair without rows gives an empty list."""
    rows: defaultdict[Pair, list[Review]] = defaultdict(list)
    for review in reviews:
        rows[review.assessor, review.submission].append(review)
    return rows


def walking_order(run: RunId, steps: Iterable[StepRecord]) -> list[StepRecord]:
    """Steps by author, the authors shuffled by the run's id: a run that stops half-way is spread over the
    class, not alphabetical, and the same after a restart."""

    def place(step: StepRecord) -> tuple[bytes, int]:
        return hashlib.sha256(f"{run}:{step.author}".encode()).digest(), step.seq

    return sorted(steps, key=place)


def verdict(
    step: StepRecord,
    now: Snapshot,
    rows: Sequence[Review],
    before: Set[ReviewId],
    not_found: Set[UserId] = frozenset(),
) -> Settlement | None:
    """Whether a pending step may be sent (None) or where it goes instead.

    ``rows`` are those that Canvas shows for the pair now, ``before`` the ids that existed when the run began.
    ``not_found`` are people for whom Canvas just answered "not found" to a change: with their absence from
    the class list, that is evidence. Absence alone is none, of a person or of a submission row: lists are
    cut short by proxies and by rows that move while pages are read.
    """
    if step.kind is ChangeKind.CREATE and rows:
        return found(step, rows, before)
    standing = delete_verdict(step, rows) if step.kind is ChangeKind.DELETE else None
    return standing or _people_verdict(step, now, not_found)


REVIEWER_GONE = N_("the reviewer is no longer active in the course")
AUTHOR_GONE = N_("the author is no longer active in the course")
INVISIBLE = N_("Canvas does not show this student or this work to you")
NOT_ASSIGNED = N_("the author is no longer assigned to this work")


def _people_verdict(step: StepRecord, now: Snapshot, not_found: Set[UserId]) -> Settlement | None:
    for user, gone in ((step.reviewer, REVIEWER_GONE), (step.author, AUTHOR_GONE)):
        person = now.people_by_id.get(user)
        if user in not_found if person is None else not person.reachable:
            return Settlement(StepState.STUDENT_LEFT, note=gone)
        if now.presence(user) is Presence.NOT_VISIBLE:
            return Settlement(StepState.REFUSED, why=Why.NOT_FOUND, note=INVISIBLE)
    if step.kind is ChangeKind.DELETE:
        return None
    work = now.work_by_author.get(step.author)
    if work is None and step.author in not_found:
        return Settlement(StepState.STUDENT_LEFT, note=NOT_ASSIGNED)
    if work is not None and work.id != step.submission:
        note = N_("the author has another submission than at the preview")
        return Settlement(StepState.CONFLICT, note=note)
    return None


def unlisted(steps: Iterable[StepRecord], now: Snapshot) -> frozenset[UserId]:
    """People of pending steps whom a list lacks that should name them: such a list is not complete.

    The class list names everybody whom the reader sees, in whatever state; the submissions of an assignment
    that is for everybody have a row for each student, also before they submit.
    """
    people, works = now.people_by_id, now.work_by_author
    for_everybody = not now.assignment.only_visible_to_overrides
    found = set()
    for step in steps:
        if step.state is StepState.PENDING:
            both = (step.reviewer, step.author)
            found |= {user for user in both if now.presence(user) is Presence.UNKNOWN}
            author = people.get(step.author)
            if for_everybody and author is not None and author.reachable and step.author not in works:
                found.add(step.author)
    return frozenset(found)


def found(step: StepRecord, rows: Sequence[Review], before: Set[ReviewId]) -> Settlement:
    """A create whose pair exists: ours if an earlier send is in doubt and the row is new, else adopted."""
    new = [row for row in rows if row.id not in before]
    if in_doubt(step) and new:
        return Settlement(StepState.DONE, Whose.OURS, new[0].id, note=N_("found by reading back"))
    return Settlement(StepState.ALREADY_THERE, Whose.ADOPTED, rows[0].id)


def delete_verdict(step: StepRecord, rows: Sequence[Review]) -> Settlement | None:
    """Whether a delete may be sent for these rows (None). Asked again immediately before each DELETE.

    Canvas deletes the first matching row whatever its state, so nothing is sent unless there is exactly
    the one open row that was approved.
    """
    if not rows:
        if in_doubt(step):
            return Settlement(
                StepState.DONE, Whose.OURS, step.expected_review, note=N_("found gone by reading back")
            )
        return Settlement(StepState.ALREADY_GONE)
    if any(row.written for row in rows):
        return Settlement(StepState.KEPT_COMPLETED, review=rows[0].id)
    if len(rows) > 1:
        return Settlement(StepState.CONFLICT, review=rows[0].id, note=N_("the pair exists several times"))
    if rows[0].id != step.expected_review:
        return Settlement(
            StepState.CONFLICT, review=rows[0].id, note=N_("the review was replaced by another one")
        )
    return None
