"""The list of changes: lines with names, filters, sorting, and the addresses that say all that. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Literal

from lti_tool.planning.ids import SectionId, UserId
from lti_tool.planning.name_order import name_order
from lti_tool.planning.plan import Change, ChangeKind, ChangeReason
from lti_tool.planning.snapshot import Person, Snapshot

SortBy = Literal["kind", "reviewer", "author", "reason"]
SORTS: tuple[SortBy, ...] = ("kind", "reviewer", "author", "reason")
_KIND_ORDER = {kind: place for place, kind in enumerate(ChangeKind)}


@dataclass(frozen=True, slots=True)
class Line:
    """One change with the people it concerns; somebody we cannot see is shown by id."""

    change: Change
    reviewer: str
    author: str
    reviewer_order: str
    author_order: str


def lines(changes: Sequence[Change], snapshot: Snapshot) -> list[Line]:
    """The changes with names, by kind as in the plan, then by reviewer and author as Canvas sorts people."""
    people = snapshot.people_by_id
    users = {user for change in changes for user in (change.reviewer, change.author)}
    names = {user: name_of(people.get(user), user) for user in users}
    orders = {user: order_of(people.get(user), user) for user in users}
    shown = [
        Line(
            change,
            names[change.reviewer],
            names[change.author],
            orders[change.reviewer],
            orders[change.author],
        )
        for change in changes
    ]
    shown.sort(key=lambda one: (_KIND_ORDER[one.change.kind], one.reviewer_order, one.author_order))
    return shown


@dataclass(frozen=True, slots=True)
class Filters:
    """What the reader wants to see of the changes, and in which order; kept pairs only when asked for.

    ``name`` is part of a name or an id of the reviewer or the author.
    """

    kind: ChangeKind | None = None
    section: str = ""
    reason: ChangeReason | None = None
    name: str = ""
    sort: SortBy = "kind"
    down: bool = False

    @classmethod
    def read(cls, query: Mapping[str, str]) -> Filters:
        """From the address; what is unknown is ignored."""
        kind, reason, sort = query.get("kind", ""), query.get("reason", ""), query.get("sort", "")
        return cls(
            ChangeKind(kind) if kind in set(ChangeKind) else None,
            query.get("section", ""),
            ChangeReason(reason) if reason in set(ChangeReason) else None,
            query.get("name", "").strip(),
            next((one for one in SORTS if one == sort), "kind"),
            query.get("order") == "down",
        )

    @property
    def any(self) -> bool:
        """Whether something is filtered."""
        return bool(self.kind or self.section or self.reason or self.name)

    @property
    def query(self) -> dict[str, str]:
        """The same as an address says it; defaults are left out."""
        said = {one.name: getattr(self, one.name) for one in fields(self) if one.name not in ("sort", "down")}
        found = {name: str(value) for name, value in said.items() if value}
        if self.sort != "kind" or self.down:
            found["sort"] = self.sort
        if self.down:
            found["order"] = "down"
        return found

    def sorted_by(self, sort: SortBy) -> Filters:
        """What a column's heading leads to: this order, or the other way round when it is this already."""
        return replace(self, sort=sort, down=sort == self.sort and not self.down)


def filtered(all_lines: Sequence[Line], filters: Filters, snapshot: Snapshot) -> list[Line]:
    """The lines that the filters let through, in the order asked for; equal ones stay as they were."""
    wanted = filters.name.casefold()
    members = (
        {one.id for one in snapshot.people if SectionId(filters.section) in one.sections}
        if filters.section
        else None
    )
    shown = [
        one
        for one in all_lines
        if (one.change.kind is filters.kind if filters.kind else _usual(one.change.kind, filters))
        and (filters.reason is None or one.change.reason is filters.reason)
        and (members is None or one.change.reviewer in members or one.change.author in members)
        and (not wanted or _is_about(one, wanted))
    ]
    if filters.sort != "kind" or filters.down:
        shown.sort(key=_ORDER[filters.sort], reverse=filters.down)
    return shown


def _usual(kind: ChangeKind, filters: Filters) -> bool:
    """Kept pairs are out of the way until their reason is asked for."""
    return kind is not ChangeKind.KEEP or filters.reason is not None


def _is_about(line: Line, wanted: str) -> bool:
    return (
        wanted in line.reviewer.casefold()
        or wanted in line.author.casefold()
        or wanted in line.reviewer_order
        or wanted in line.author_order
        or wanted in (line.change.reviewer, line.change.author)
    )


_ORDER: Mapping[SortBy, Callable[[Line], int | str]] = {
    "kind": lambda one: _KIND_ORDER[one.change.kind],
    "reviewer": lambda one: one.reviewer_order,
    "author": lambda one: one.author_order,
    "reason": lambda one: one.change.reason,
}


def reasons_of(changes: Sequence[Change]) -> list[tuple[ChangeReason, int]]:
    """The reasons that occur, with how often, most frequent first."""
    return Counter(change.reason for change in changes).most_common()


def name_of(person: Person | None, user: UserId) -> str:
    """A person's name; the id of somebody we cannot see."""
    return person.name if person else user


def order_of(person: Person | None, user: UserId) -> str:
    """What people are sorted by: Canvas's sortable name."""
    return name_order(person.sortable_name if person else user)
