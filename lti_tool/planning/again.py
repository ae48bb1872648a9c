"""Trying again: the plan lines for what one run was approved to do and did not, and nothing else.

Judged on a new reading: what meanwhile exists or is gone needs no line of its own, what may no longer be
touched (completed, doubled, somebody left) is blocked or kept with its reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from lti_tool.planning.diff import in_diff_order
from lti_tool.planning.plan import Change, ChangeKind, ChangeReason
from lti_tool.planning.snapshot import Snapshot
from lti_tool.planning.undo import take_away, who_left


def again_changes(snapshot: Snapshot, missing: Sequence[Change]) -> tuple[Change, ...]:
    """The diff that makes, of the approved changes of a run, the ``missing`` ones that still can be made."""
    rows = Counter((review.assessor, review.submission) for review in snapshot.reviews)
    deletes = {change.review_id: change for change in missing if change.kind is ChangeKind.DELETE}
    lines = []
    for review in snapshot.reviews:
        who = (review.assessor, review.assessee, review.submission)
        planned = deletes.get(review.id)
        if planned is None:
            lines.append(Change(ChangeKind.KEEP, *who, ChangeReason.NOT_PART_OF_UNDO, review.id))
        else:
            doubled = rows[review.assessor, review.submission] > 1
            kind, reason = take_away(review, snapshot, planned.reason, doubled=doubled)
            lines.append(Change(kind, *who, reason, review.id))
    for change in missing:
        if change.kind is ChangeKind.CREATE and not rows[change.reviewer, change.submission]:
            gone = who_left(change.reviewer, change.author, change.submission, snapshot)
            kind = ChangeKind.BLOCKED if gone else ChangeKind.CREATE
            lines.append(
                Change(kind, change.reviewer, change.author, change.submission, gone or change.reason)
            )
    return in_diff_order(lines)
