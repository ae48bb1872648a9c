"""Two plans side by side: the rows of their numbers, and the pairs that differ. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from flask_babel import gettext as _

from lti_tool.planning.ids import UserId
from lti_tool.planning.name_order import name_order
from lti_tool.planning.plan import ChangeKind
from lti_tool.planning.snapshot import Snapshot
from lti_tool.services.edit_words import broken_sentences
from lti_tool.services.shown import Comparison, PlanView
from lti_tool.web.paging import page_of


@dataclass(frozen=True, slots=True)
class Numbers:
    """One row of the table: what is counted, and the two plans' numbers."""

    label: str
    before: str
    after: str

    @property
    def differs(self) -> bool:
        """Whether the plans differ here."""
        return self.before != self.after


@dataclass(frozen=True, slots=True)
class Differing:
    """One reviewer whose reviews differ, and whose works she reviews only in the one or the other plan."""

    reviewer: str
    before: tuple[str, ...]
    after: tuple[str, ...]


BROKEN_SHOWN = 8


def compared(found: Comparison, page: str | None) -> dict[str, object]:
    """What ``compare.html`` shows."""
    people = {**_names(found.before.snapshot), **_names(found.after.snapshot)}
    broken = broken_sentences(found.broken, found.after.snapshot)
    rows = _differing(found, people)
    return {
        "before": found.before,
        "after": found.after,
        "numbers": _numbers(found.before, found.after),
        "page": page_of(rows, page),
        "same": found.difference.same,
        "moved": len(found.difference.only_after),
        "dropped": len(found.difference.only_before),
        "broken": broken[:BROKEN_SHOWN],
        "more_broken": max(0, len(broken) - BROKEN_SHOWN),
    }


def _names(snapshot: Snapshot) -> dict[UserId, tuple[str, str]]:
    return {one.id: (one.name, name_order(one.sortable_name)) for one in snapshot.people}


def _differing(found: Comparison, people: Mapping[UserId, tuple[str, str]]) -> list[Differing]:
    def known(user: UserId) -> tuple[str, str]:
        return people.get(user, (user, user))

    before: dict[UserId, list[UserId]] = defaultdict(list)
    after: dict[UserId, list[UserId]] = defaultdict(list)
    for reviewer, author in found.difference.only_before:
        before[reviewer].append(author)
    for reviewer, author in found.difference.only_after:
        after[reviewer].append(author)

    def named(users: list[UserId]) -> tuple[str, ...]:
        return tuple(known(user)[0] for user in sorted(users, key=lambda user: known(user)[1]))

    return [
        Differing(known(user)[0], named(before[user]), named(after[user]))
        for user in sorted(found.difference.reviewers, key=lambda user: (known(user)[1], user))
    ]


def _numbers(before: PlanView, after: PlanView) -> list[Numbers]:
    both = (before, after)

    def row(label: str, one: object, other: object) -> Numbers:
        return Numbers(label, str(one), str(other))

    def loads(view: PlanView, *, given: bool) -> str:
        reviewers = {one.id for one in view.taking_part.reviewers}
        found = (
            [load for user, load in view.quality.given.items() if user in reviewers]
            if given
            else list(view.quality.received.values())
        ) or [0]
        return str(min(found)) if min(found) == max(found) else _range(min(found), max(found))

    if any(view.partial for view in both):
        return []
    counts = [view.plan.counts for view in both]
    rows = [
        row(_("to create"), *(one[ChangeKind.CREATE] for one in counts)),
        row(_("to delete"), *(one[ChangeKind.DELETE] for one in counts)),
        row(_("kept"), *(one[ChangeKind.KEEP] for one in counts)),
        row(_("blocked"), *(one[ChangeKind.BLOCKED] for one in counts)),
        row(_("reviews each student gives"), *(loads(view, given=True) for view in both)),
        row(_("reviews each work gets"), *(loads(view, given=False) for view in both)),
        row(_("couples who review each other"), *(view.quality.reciprocal for view in both)),
        row(_("islands (1: all works can be compared)"), *(view.quality.components for view in both)),
    ]
    if any(view.plan.rules.earlier for view in both):
        numbers = [view.measured for view in both]
        rows.append(row(_("pairs of earlier assignments"), *(one.repeats if one else 0 for one in numbers)))
        rows.append(
            row(
                _("reviews in return for one of an earlier assignment"),
                *(one.returns if one else 0 for one in numbers),
            )
        )
    rows += [
        row(_("students whom Canvas notifies"), *(view.notified for view in both)),
        row(_("fixed pairs"), *(len(view.plan.rules.fixed) for view in both)),
        row(_("forbidden pairs"), *(len(view.plan.rules.forbidden) for view in both)),
        row(_("students left out by you"), *(len(view.plan.rules.exclude) for view in both)),
    ]
    return [one for one in rows if one.differs or (one.before, one.after) != ("0", "0")]


def _range(low: int, high: int) -> str:
    return str(_("%(low)s to %(high)s", low=low, high=high))
