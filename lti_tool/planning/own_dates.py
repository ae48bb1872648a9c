"""Due dates of one's own: an extension, a section or a group with a date of its own; pure.

Canvas works the overrides out for every submission row (``cached_due_date``, canvas-lms
app/services/submission_lifecycle_manager.rb), so nobody here adds them up again.
"""

from __future__ import annotations

from datetime import datetime

from lti_tool.planning.ids import UserId
from lti_tool.planning.snapshot import Snapshot


def own_due_dates(snapshot: Snapshot) -> tuple[datetime, ...]:
    """The due dates that count for somebody who can be reached, each once, in order."""
    people = snapshot.people_by_id
    return tuple(
        sorted(
            {
                work.due_at
                for work in snapshot.works
                if work.due_at is not None and (who := people.get(work.author)) is not None and who.reachable
            }
        )
    )


def first_due(snapshot: Snapshot) -> datetime | None:
    """The due date of the assignment; where it has none for everybody, the first of somebody's own."""
    facts = snapshot.assignment
    if facts.due_at is not None and not facts.only_visible_to_overrides:
        return facts.due_at
    return next(iter(own_due_dates(snapshot)), facts.due_at)


def has_time(snapshot: Snapshot, who: UserId, now: datetime) -> bool:
    """Whether somebody's own due date lies ahead, so that nothing of hers is late or given up."""
    work = snapshot.work_by_author.get(who)
    return work is not None and work.due_at is not None and work.due_at > now


def with_more_time(snapshot: Snapshot) -> frozenset[UserId]:
    """Who has not handed in and may still do so, while the due date has passed for others.

    Before the first due date nobody has more time than the rest, so nobody is named.
    """
    now = snapshot.taken_at
    if not any(due <= now for due in own_due_dates(snapshot)):
        return frozenset()
    return frozenset(
        work.author
        for work in snapshot.works
        if not work.submitted and not work.excused and work.due_at is not None and work.due_at > now
    )
