"""Holes: open reviews that will not come, and works that have fewer reviews coming than agreed; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from allocation.sentences import N_
from lti_tool.planning.engine_input import EngineInput
from lti_tool.planning.ids import SubmissionId, UserId
from lti_tool.planning.own_dates import has_time
from lti_tool.planning.plan import Change, ChangeKind, ChangeReason
from lti_tool.planning.rules import PairRule
from lti_tool.planning.snapshot import Person, Presence, Review, Snapshot


class HoleKind(StrEnum):
    """Why an open review is not to be expected."""

    LEFT = "left"
    INACTIVE = "inactive"
    UNKNOWN = "unknown"
    """Canvas names the reviewer and does not say whether they are still in the course."""
    EXCUSED = "excused"
    OVERDUE = "overdue"


CHOSEN: Final = (HoleKind.EXCUSED, HoleKind.OVERDUE)
"""Kinds that count only when the teacher says so: these students can still write, and the others cannot."""

HOLE_WORDS: Final[Mapping[HoleKind, str]] = {
    HoleKind.LEFT: N_("The reviewer left the course."),
    HoleKind.INACTIVE: N_("The reviewer is inactive in the course."),
    HoleKind.UNKNOWN: N_("Canvas doesn't say whether the reviewer is still in the course."),
    HoleKind.EXCUSED: N_("The reviewer is excused from the assignment."),
    HoleKind.OVERDUE: N_("The review is overdue and was never begun."),
}


@dataclass(frozen=True, slots=True)
class Hole:
    """One open review that is not to be expected, and whether Canvas would delete it."""

    kind: HoleKind
    review: Review
    deletable: bool


def find_holes(
    snapshot: Snapshot, due: datetime | None, now: datetime, stand_ins: Collection[str] = ()
) -> tuple[Hole, ...]:
    """The open reviews that will or may not come; each under its most certain kind.

    Every review that ``Snapshot.is_lost`` names and a student of the course would receive is among them. One
    that a reviewer began counts only when that reviewer left.

    ``due`` is when reviews are due by the board, since Canvas keeps no such date, nor when a review was
    given: those of ``stand_ins`` came later and are never overdue. Canvas refuses to delete a review of or by
    somebody who is not active in the course (``PeerReviewsApiController``), and which row of a doubled pair
    it deletes is anybody's guess.
    """
    times = Counter((review.assessor, review.submission) for review in snapshot.reviews)
    people = snapshot.people_by_id
    found = []
    for review in snapshot.reviews:
        reviewer, author = people.get(review.assessor), people.get(review.assessee)
        if author is None or author.test_student or not author.reachable or review.completed:
            continue
        if reviewer is None:
            if snapshot.presence(review.assessor) is Presence.UNKNOWN:
                found.append(Hole(HoleKind.UNKNOWN, review, deletable=False))
            continue
        if reviewer.test_student or (review.started and not snapshot.is_lost(review)):
            continue
        late = due is not None and due <= now and not has_time(snapshot, reviewer.id, now)
        kind = _kind(snapshot, reviewer, overdue=late and reviewer.id not in stand_ins)
        if kind is not None:
            alone = times[review.assessor, review.submission] == 1
            found.append(Hole(kind, review, reviewer.reachable and alone))
    return tuple(found)


def _kind(snapshot: Snapshot, reviewer: Person, *, overdue: bool) -> HoleKind | None:
    if not reviewer.reachable:
        return HoleKind.INACTIVE if reviewer.state == "inactive" else HoleKind.LEFT
    work = snapshot.work_by_author.get(reviewer.id)
    if work is not None and work.excused:
        return HoleKind.EXCUSED
    return HoleKind.OVERDUE if overdue else None


def not_waited_for(
    holes: Iterable[Hole],
    kinds: Collection[HoleKind],
    before: Sequence[PairRule],
    reasons: Mapping[HoleKind, str],
) -> tuple[PairRule, ...]:
    """The rule ``not_coming`` for the holes of these kinds.

    Of ``before`` those stay whose review is no longer there: it was deleted for that reason, and its reviewer
    shall not be given another one.
    """
    every = list(holes)
    here = {(hole.review.assessor, hole.review.assessee) for hole in every}
    kept = [pair for pair in before if pair.who not in here]
    new = [
        PairRule(reviewer=hole.review.assessor, author=hole.review.assessee, reason=reasons[hole.kind])
        for hole in every
        if hole.kind in kinds and hole.kind in CHOSEN
    ]
    return tuple(sorted({pair.who: pair for pair in [*kept, *new]}.values(), key=lambda pair: pair.who))


@dataclass(frozen=True, slots=True)
class Lacking:
    """A work that has ``coming`` reviews, written or still expected, and ``missing`` fewer than agreed."""

    authors: tuple[UserId, ...]
    submission: SubmissionId
    coming: int
    missing: int


def lacking(given: EngineInput, changes: Iterable[Change]) -> tuple[Lacking, ...]:
    """The works that a plan leaves with fewer reviews than agreed, those that lack most first."""
    rows = {
        (line.reviewer, given.work_for_row.get(line.submission, line.submission))
        for line in changes
        if line.kind in (ChangeKind.CREATE, ChangeKind.KEEP) and line.reason is not ChangeReason.NOT_COMING
    }
    coming = Counter(row for _, row in rows)
    found = [
        Lacking(
            authors=tuple(UserId(author) for author in work.authors),
            submission=SubmissionId(work.id),
            coming=coming[SubmissionId(work.id)],
            missing=given.reserve.agreed - coming[SubmissionId(work.id)],
        )
        for work in given.roster.submissions
    ]
    short = [work for work in found if work.missing > 0]
    return tuple(sorted(short, key=lambda work: (-work.missing, work.submission)))


@dataclass(frozen=True, slots=True)
class StaffLine:
    """A line of the list for staff: whose work lacks how many reviews, and where to open it."""

    names: tuple[str, ...]
    authors: tuple[UserId, ...]
    coming: int
    missing: int
    link: str


def for_staff(snapshot: Snapshot, works: Iterable[Lacking]) -> tuple[StaffLine, ...]:
    """The list for staff, with names as Canvas sorts them."""
    people = snapshot.people_by_id
    return tuple(
        StaffLine(
            names=tuple(people[one].sortable_name if one in people else one for one in work.authors),
            authors=work.authors,
            coming=work.coming,
            missing=work.missing,
            link=speed_grader(snapshot, work),
        )
        for work in works
    )


def speed_grader(snapshot: Snapshot, work: Lacking) -> str:
    """Address of the work in Canvas's SpeedGrader (canvas-lms ``gradebooks/speed_grader``), for staff."""
    facts = snapshot.assignment
    return (
        f"{snapshot.canvas}/courses/{snapshot.course_id}/gradebooks/speed_grader"
        f"?assignment_id={facts.id}&student_id={work.authors[0]}"
    )
