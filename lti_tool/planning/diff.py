"""The diff: an allocation against what exists in Canvas, line by line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet

from allocation import Pair
from lti_tool.planning.engine_input import EngineInput, Standing
from lti_tool.planning.ids import ReviewId, SubmissionId, UserId
from lti_tool.planning.plan import Change, ChangeKind, ChangeReason
from lti_tool.planning.snapshot import Review

_ORDER = list(ChangeKind)
_MOVED = (ChangeReason.MOVED, ChangeReason.MOVED_FOREIGN)


def diff(
    given: EngineInput, pairs: Iterable[Pair], *, keep_open: bool, ours: AbstractSet[ReviewId] = frozenset()
) -> tuple[Change, ...]:
    """Compare the wanted pairs with the reviews that exist.

    ``keep_open`` tells whether open reviews were to be kept (it only changes the words of a delete);
    ``ours`` are the ids of reviews that this tool created. Every existing review is in exactly one line;
    no line creates a pair that exists.
    """
    wanted = set(pairs)
    doubled = {_pair(review, given) for review in given.duplicates}
    lines = [
        Change(ChangeKind.KEEP, *_who(review), ChangeReason.DUPLICATE, review.id)
        for review in given.duplicates
    ]
    standing_pairs = set()
    keeping: set[UserId] = set()
    for review, standing in given.standings:
        pair = _pair(review, given)
        kind, reason = _judge(
            standing,
            wanted=pair in wanted,
            doubled=pair in doubled,
            ours=review.id in ours,
            keep_open=keep_open,
        )
        if reason in _MOVED and pair in given.extras_before:
            reason = ChangeReason.EXTRA_NOT_NEEDED
        standing_pairs.add(pair)
        if kind is ChangeKind.KEEP:
            keeping.add(review.assessor)
        lines.append(Change(kind, *_who(review), reason, review.id))
    lines += _creates(wanted - standing_pairs, given, keeping)
    return in_diff_order(lines)


def in_diff_order(lines: Sequence[Change]) -> tuple[Change, ...]:
    """Creates, deletes, keeps, blocked; each by reviewer, then author."""
    return tuple(
        sorted(
            lines,
            key=lambda line: (_ORDER.index(line.kind), line.reviewer, line.author, line.review_id or ""),
        )
    )


def _creates(pairs: Iterable[Pair], given: EngineInput, keeping: AbstractSet[UserId]) -> list[Change]:
    lines = []
    for pair in pairs:
        reviewer, row = UserId(pair.reviewer), SubmissionId(pair.submission)
        reason = ChangeReason.TOP_UP if reviewer in keeping else ChangeReason.NEW
        if pair in given.extras:
            reason = ChangeReason.EXTRA
        if pair in given.history.same:
            reason = ChangeReason.SAME_AS_EARLIER
        if pair in given.fixed:
            reason = ChangeReason.PINNED
        lines.append(Change(ChangeKind.CREATE, reviewer, given.author_of[row], row, reason))
    return lines


def _judge(
    standing: Standing, *, wanted: bool, doubled: bool, ours: bool, keep_open: bool
) -> tuple[ChangeKind, ChangeReason]:
    if standing.fixed is not None:
        return ChangeKind.KEEP, standing.fixed
    if standing.stuck is not None:
        return ChangeKind.BLOCKED, standing.stuck
    if standing.fits and wanted:
        return ChangeKind.KEEP, ChangeReason.STILL_FITS
    if doubled:  # Canvas would remove whichever row it finds first (PeerReviewsApiController#destroy)
        return ChangeKind.BLOCKED, ChangeReason.DUPLICATE
    if standing.unfit is not None:
        return ChangeKind.DELETE, standing.unfit
    if keep_open:
        return ChangeKind.DELETE, ChangeReason.MOVED if ours else ChangeReason.MOVED_FOREIGN
    return ChangeKind.DELETE, ChangeReason.REPLACED if ours else ChangeReason.REPLACED_FOREIGN


def _who(review: Review) -> tuple[UserId, UserId, SubmissionId]:
    return review.assessor, review.assessee, review.submission


def _pair(review: Review, given: EngineInput) -> Pair:
    return Pair(review.assessor, given.work_for_row.get(review.submission, review.submission))
