"""Which submission rows are one submission: Canvas keeps one row per member of a group.

The row that stands for the group is the one that already has reviews, else the one with the smallest id.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from lti_tool.planning.ids import GroupId, SubmissionId, UserId
from lti_tool.planning.snapshot import Snapshot, Work


def works_by_row(snapshot: Snapshot) -> dict[SubmissionId, SubmissionId]:
    """``standing_rows``, whatever the rules: in a group assignment they have no say in it."""
    return standing_rows(snapshot, groups_by_member(snapshot, None))


def groups_by_member(snapshot: Snapshot, group_set: str | None) -> dict[UserId, frozenset[GroupId]]:
    """Everybody's own groups: of ``group_set`` where one is named and the assignment has none, else all."""
    wanted = None if snapshot.assignment.is_group_assignment else group_set
    found: dict[UserId, set[GroupId]] = {}
    for group in snapshot.groups:
        if wanted is not None and group.set_id != wanted:
            continue
        for member in group.members:
            found.setdefault(member, set()).add(group.id)
    for work in snapshot.works:
        if work.group is not None:
            found.setdefault(work.author, set()).add(work.group)
    return {member: frozenset(ids) for member, ids in found.items()}


def standing_rows(
    snapshot: Snapshot, groups: Mapping[UserId, frozenset[GroupId]]
) -> dict[SubmissionId, SubmissionId]:
    """Each submission row and the row that stands for its submission."""
    if not snapshot.assignment.is_group_assignment:
        return {work.id: work.id for work in snapshot.works}
    reviews_on = Counter(review.submission for review in snapshot.reviews)
    together: dict[GroupId | SubmissionId, list[Work]] = {}
    for work in snapshot.works:
        own = work.group or next(iter(sorted(groups.get(work.author, ()))), None)
        together.setdefault(own or work.id, []).append(work)
    rows: dict[SubmissionId, SubmissionId] = {}
    for works in together.values():
        stands = min(
            works, key=lambda work: (not work.submitted, -reviews_on[work.id], len(work.id), work.id)
        )
        rows |= {work.id: stands.id for work in works}
    return rows
