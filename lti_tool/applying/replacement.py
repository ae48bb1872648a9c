"""A delete waits for its replacement: which deletes a run may send, given what it made so far; pure.

The invariant, whatever fails and wherever the run ends: *no submission ends a run with fewer reviews than
min(before, planned), and no reviewer with fewer reviews to complete than that*, as far as it is the run's
doing. ``before`` is what Canvas showed at the run's first check, ``planned`` what the preview promised. A
create that did not come about therefore keeps one of the deletes of the same submission, and of the same
reviewer, from being sent: the review stays (``kept_unreplaced``).

The rows of a group's members are rows of one submission (``planning.works``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from allocation.sentences import N_
from lti_tool.applying.records import Settlement, StepRecord
from lti_tool.applying.states import DOUBTFUL, StepState
from lti_tool.planning.ids import SubmissionId, UserId
from lti_tool.planning.plan import ChangeKind, ChangeReason
from lti_tool.planning.snapshot import Review, Snapshot
from lti_tool.planning.works import works_by_row

KEPT_UNREPLACED = Settlement(
    StepState.KEPT_UNREPLACED,
    note=N_("Kept, because the review that was to replace it could not be created."),
)

Place = tuple[str, UserId | SubmissionId]
"""A submission that has reviews, or a reviewer who has some to complete."""

_MADE = frozenset({StepState.DONE, StepState.ALREADY_THERE})
_GONE = frozenset({StepState.DONE, StepState.ALREADY_GONE}) | DOUBTFUL
_OPTIONAL = frozenset(
    {ChangeReason.MOVED, ChangeReason.MOVED_FOREIGN, ChangeReason.REPLACED, ChangeReason.REPLACED_FOREIGN}
)
"""Reasons of deletes that no rule demands; the others go first where not all can go."""


@dataclass(frozen=True)
class Floors:
    """The fewest reviews that each submission and each reviewer may be left with by this run."""

    work_of: Mapping[SubmissionId, SubmissionId]
    shared: AbstractSet[SubmissionId]
    """Submissions that several rows stand for."""
    fewest: Mapping[Place, int]

    @classmethod
    def of(cls, steps: Iterable[StepRecord], preview: Snapshot, before: Snapshot) -> Floors:
        """min(before, planned) for everybody, from the whole run's steps."""
        work_of = works_by_row(preview)
        then = _count(preview.reviews, work_of)
        planned = Counter(then)
        existing = {(review.assessor, review.submission) for review in preview.reviews}
        for step in steps:
            for place in places(step, work_of):
                if step.kind is ChangeKind.DELETE:
                    planned[place] -= 1
                elif (step.reviewer, step.submission) not in existing:
                    planned[place] += 1
        now = _count(before.reviews, work_of)
        fewest = {place: min(now[place], number) for place, number in planned.items()}
        rows = Counter(work_of.values())
        return cls(work_of, {work for work, number in rows.items() if number > 1}, fewest)

    def left(self, seen: Iterable[Review], steps: Iterable[StepRecord]) -> Counter[Place]:
        """How many reviews everybody certainly has, from rows ``seen`` in Canvas and what was done since.

        A create in doubt does not count, a delete in doubt counts as executed.
        """
        rows = tuple(seen)
        known = {review.id for review in rows}
        pairs = {(review.assessor, review.submission) for review in rows}
        left = _count(rows, self.work_of)
        for step in steps:
            made = step.kind is ChangeKind.CREATE and step.state in _MADE
            if made and (step.reviewer, step.submission) not in pairs:
                left.update(places(step, self.work_of))
            if step.kind is ChangeKind.DELETE and step.state in _GONE and step.expected_review in known:
                left.subtract(places(step, self.work_of))
        return left


def places(step: StepRecord, work_of: Mapping[SubmissionId, SubmissionId]) -> tuple[Place, Place]:
    """Whom a step gives a review, or takes one from: the submission and the reviewer."""
    return ("work", work_of.get(step.submission, step.submission)), ("reviewer", step.reviewer)


def _count(reviews: Iterable[Review], work_of: Mapping[SubmissionId, SubmissionId]) -> Counter[Place]:
    found: Counter[Place] = Counter()
    for review in reviews:
        found["work", work_of.get(review.submission, review.submission)] += 1
        found["reviewer", review.assessor] += 1
    return found


def affordable(
    steps: Sequence[StepRecord], floors: Floors, seen: Iterable[Review]
) -> tuple[list[StepRecord], list[StepRecord]]:
    """The pending deletes that may be sent now, all of them together, and those that may not.

    ``steps`` are all of the run. Deletes that a rule demands come before those that only make numbers equal.
    """
    left = floors.left(seen, steps)
    pending = [step for step in steps if step.kind is ChangeKind.DELETE and step.state is StepState.PENDING]
    may, may_not = [], []
    for step in sorted(pending, key=lambda step: (step.reason in _OPTIONAL, step.seq)):
        both = places(step, floors.work_of)
        if all(left[place] > floors.fewest.get(place, 0) for place in both):
            left.subtract(both)
            may.append(step)
        else:
            may_not.append(step)
    return may, may_not


def still_enough(step: StepRecord, floors: Floors, rows: Sequence[Review]) -> bool:
    """Whether the submission, whose rows were just read, may lose one: somebody else may have taken others.

    Says nothing where several rows are one group's submission.
    """
    work = floors.work_of.get(step.submission, step.submission)
    return work in floors.shared or len(rows) > floors.fewest.get(("work", work), 0)
