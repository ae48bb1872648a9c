"""Is Canvas as the journal says? One full reading against the run's steps; pure.

Nothing is repaired here. A review of ours that is missing was confirmed by Canvas and then removed by
somebody; posting it again would fight with that person and mail the student a second time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from json import dumps, loads
from typing import Any

from lti_tool.applying.drift import drift_of_others, relied_on
from lti_tool.applying.reconcile import Pair, in_doubt, pair_of, rows_by_pair
from lti_tool.applying.records import StepRecord
from lti_tool.applying.settle import COMPLETED_MEANWHILE
from lti_tool.applying.states import StepState
from lti_tool.planning.drift import DriftKind, assignment_drift
from lti_tool.planning.ids import SubmissionId, UserId
from lti_tool.planning.plan import ChangeKind
from lti_tool.planning.snapshot import Review, Snapshot
from lti_tool.planning.staleness import Meaning, meaning_of


class MismatchKind(StrEnum):
    """In which way Canvas differs from the journal."""

    MISSING = "missing"
    """Canvas confirmed the review, and now it is not there."""
    STILL_THERE = "still_there"
    """Canvas confirmed the deletion, and the review is there."""
    DUPLICATE = "duplicate"
    """One pair has more rows than when the run began."""
    ARRIVED_LATE = "arrived_late"
    """The step counts as not done, and yet Canvas shows its effect."""
    COMPLETED_WAS_DELETED = "completed_was_deleted"
    """A student completed the review in the moment between our last look and the deletion."""
    ADDED_BY_OTHERS = "added_by_others"
    REMOVED_BY_OTHERS = "removed_by_others"
    REOPENED = "reopened"
    """Canvas set a completed review back to open, as it does when a rubric is attached."""
    ASSIGNMENT_CHANGED = "assignment_changed"
    ASSIGNMENT_UNFIT = "assignment_unfit"
    """The assignment was changed while the run worked, in a way that would have stopped it."""
    OF_LATER_VERSION = "of_later_version"
    """As which a kind reads that only a later version of this program knows; never stored."""


BY_OTHERS = frozenset(
    {
        MismatchKind.ADDED_BY_OTHERS,
        MismatchKind.REMOVED_BY_OTHERS,
        MismatchKind.REOPENED,
        MismatchKind.ASSIGNMENT_CHANGED,
    }
)
"""Told in the report, but no fault of the run."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One difference: the pair it concerns, the ids of the reviews; ``detail`` names
    the author, or what changed about the assignment (a ``DriftKind``)."""

    kind: MismatchKind
    reviewer: UserId | None = None
    submission: SubmissionId | None = None
    reviews: tuple[str, ...] = ()
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Verification:
    """``confirmed`` of ``expected`` changes were seen in Canvas; ``fingerprint`` is of that reading."""

    expected: int
    confirmed: int
    mismatches: tuple[Mismatch, ...]
    fingerprint: str
    taken_at: str

    @property
    def clean(self) -> bool:
        """Whether nothing but other people's doings differs."""
        return all(mismatch.kind in BY_OTHERS for mismatch in self.mismatches)

    def as_json(self) -> str:
        """For the journal."""
        return dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Verification:
        """From the journal; what a later version says besides is passed over."""
        found = _known(cls, loads(text))
        mismatches = tuple(_mismatch(_known(Mismatch, one)) for one in found.pop("mismatches"))
        return cls(mismatches=mismatches, **found)


def _known(record: type[Mismatch | Verification], found: dict[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields(record)}
    return {name: value for name, value in found.items() if name in names}


def _mismatch(found: dict[str, Any]) -> Mismatch:
    known = found["kind"] in set(MismatchKind)
    kind = MismatchKind(found["kind"]) if known else MismatchKind.OF_LATER_VERSION
    return Mismatch(**{**found, "kind": kind, "reviews": tuple(found["reviews"])})


CONFIRMABLE = frozenset({StepState.DONE, StepState.ALREADY_THERE, StepState.ALREADY_GONE})


def verify(steps: Sequence[StepRecord], before: Snapshot, after: Snapshot) -> Verification:
    """Compare a reading made after the last change with the steps and with the reading before the first."""
    rows = rows_by_pair(after.reviews)
    claimed = [step for step in steps if step.state in CONFIRMABLE]
    wrong = [mismatch for step in steps if (mismatch := _step_mismatch(step, rows[pair_of(step)]))]
    wrong_pairs = {(m.reviewer, m.submission) for m in wrong if m.kind in _DENIALS}
    return Verification(
        expected=len(claimed),
        confirmed=sum(pair_of(step) not in wrong_pairs for step in claimed),
        mismatches=(*wrong, *_duplicates(before, rows), *_by_others(steps, before, after)),
        fingerprint=after.fingerprint,
        taken_at=after.taken_at.isoformat(),
    )


_DENIALS = frozenset({MismatchKind.MISSING, MismatchKind.STILL_THERE})


def _step_mismatch(step: StepRecord, rows: list[Review]) -> Mismatch | None:
    find = _create_mismatch if step.kind is ChangeKind.CREATE else _delete_mismatch
    kind = find(step, rows)
    if kind is None:
        return None
    return Mismatch(kind, step.reviewer, step.submission, tuple(row.id for row in rows))


def _create_mismatch(step: StepRecord, rows: list[Review]) -> MismatchKind | None:
    if step.state in CONFIRMABLE:
        return None if rows else MismatchKind.MISSING
    return MismatchKind.ARRIVED_LATE if rows and in_doubt(step) else None


def _delete_mismatch(step: StepRecord, rows: list[Review]) -> MismatchKind | None:
    there = any(row.id == (step.review or step.expected_review) for row in rows)
    if step.state in CONFIRMABLE:
        if there:
            return MismatchKind.STILL_THERE
        return MismatchKind.COMPLETED_WAS_DELETED if step.note == COMPLETED_MEANWHILE else None
    return MismatchKind.ARRIVED_LATE if not there and in_doubt(step) else None


def _duplicates(before: Snapshot, rows: Mapping[Pair, list[Review]]) -> Iterable[Mismatch]:
    earlier = rows_by_pair(before.reviews)
    for (reviewer, submission), found in rows.items():
        if len(found) > max(1, len(earlier[reviewer, submission])):
            yield Mismatch(
                MismatchKind.DUPLICATE, reviewer, submission, tuple(sorted(row.id for row in found))
            )


def _by_others(steps: Sequence[StepRecord], before: Snapshot, after: Snapshot) -> Iterable[Mismatch]:
    submissions = {work.author: work.id for work in (*before.works, *after.works)}
    for drift in drift_of_others(before, after, steps):
        if drift.kind in _REVIEWS_OF_OTHERS:
            reviewer, author = drift.people
            yield Mismatch(_REVIEWS_OF_OTHERS[drift.kind], reviewer, submissions.get(author), detail=author)
    relied = relied_on(steps, before, rules=None, undo=False)
    for drift in assignment_drift(before, after):
        unfit = meaning_of(drift, relied) is Meaning.STOP
        kind = MismatchKind.ASSIGNMENT_UNFIT if unfit else MismatchKind.ASSIGNMENT_CHANGED
        yield Mismatch(kind, detail=drift.kind)


_REVIEWS_OF_OTHERS = {
    DriftKind.REVIEW_ADDED: MismatchKind.ADDED_BY_OTHERS,
    DriftKind.REVIEW_DOUBLED: MismatchKind.ADDED_BY_OTHERS,
    DriftKind.REVIEW_GONE: MismatchKind.REMOVED_BY_OTHERS,
    DriftKind.REVIEW_REOPENED: MismatchKind.REOPENED,
}
