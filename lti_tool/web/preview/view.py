"""The preview's pictures as values: loads, section table, who reviews whom. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lti_tool.planning.ids import SectionId, UserId
from lti_tool.planning.name_order import name_order
from lti_tool.planning.plan import ChangeKind
from lti_tool.planning.snapshot import Person, Snapshot
from lti_tool.services.shown import PlanView
from lti_tool.web.preview.changes import name_of, order_of
from lti_tool.web.svg import Loads, Ring, Star, loads, ring, shade, star

RING_UP_TO = 60
"""People in the whole ring; beyond that one person's arrows are drawn."""
MANY_SECTIONS = 5
"""From so many sections on the columns of their table are short of room."""
FOUND = 8
"""People that a search lists."""
NOTICES_WITHOUT_ASKING = 50
"""More students than this are notified only after a page that says so."""


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """Reviews that one section gives to each section, with a shading step."""

    name: str
    cells: tuple[tuple[int, int], ...]
    total: int


@dataclass(frozen=True, slots=True)
class Matrix:
    """Reviews between sections: rows give, columns get."""

    names: tuple[str, ...]
    rows: tuple[MatrixRow, ...]
    within: int
    across: int

    @property
    def shared(self) -> str:
        """What all names begin with, in whole words; of many sections the columns leave it out."""
        if len(self.names) < MANY_SECTIONS:
            return ""
        same = [each[0] for each in zip(*self.names, strict=False) if len(set(each)) == 1]
        begins = "".join(same)
        while not all(name.startswith(begins) for name in self.names):
            begins = begins[:-1]
        return begins[: begins.rfind(" ") + 1]


def matrix(view: PlanView) -> Matrix | None:
    """The table between sections after applying; None when everybody is in one.

    Counted here, since the engine learns of sections only when a rule speaks of them.
    """
    sections_of = {one.id: one.sections for one in view.snapshot.people}
    counts = Counter(
        (mine, theirs)
        for reviewer, author in _pairs_after(view)
        for mine in sections_of.get(reviewer, ())
        for theirs in sections_of.get(author, ())
    )
    used = {name for pair in counts for name in pair}
    sections = sorted(
        (one for one in view.snapshot.sections if one.id in used),
        key=lambda one: (name_order(one.name), one.id),
    )
    if len(sections) < 2:
        return None
    largest = max(counts.values(), default=0)
    rows = []
    for giver in sections:
        numbers = [counts.get((giver.id, taker.id), 0) for taker in sections]
        cells = tuple((number, shade(number, largest)) for number in numbers)
        rows.append(MatrixRow(giver.name, cells, sum(numbers)))
    within = sum(number for (a, b), number in counts.items() if a == b)
    return Matrix(tuple(one.name for one in sections), tuple(rows), within, sum(counts.values()) - within)


@dataclass(frozen=True, slots=True)
class Figures:
    """The pictures that show everybody."""

    given: Loads
    received: Loads
    matrix: Matrix | None


def figures(view: PlanView) -> Figures:
    """Loads and section table of the state after applying."""
    reviewers = {one.id for one in view.taking_part.reviewers}
    return Figures(
        given=loads(
            load
            for who, load in view.quality.given.items()
            if who in reviewers and (load or who not in view.taking_part.in_reserve)
        ),
        received=loads(view.quality.received.values()),
        matrix=matrix(view),
    )


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """One person: whom she reviews, and who reviews her."""

    person: Person
    reviews: tuple[str, ...]
    reviewed_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Who:
    """Who reviews whom: the ring of a class that fits on one, else one person's arrows and a search.

    ``found`` are people whose names hold ``find``; ``more`` of them are not listed.
    """

    ring: Ring | None
    star: Star | None
    people: tuple[Person, ...]
    chosen: Neighbourhood | None
    find: str
    found: tuple[Person, ...]
    more: int


def who(view: PlanView, query: Mapping[str, str]) -> Who:
    """``person`` of the query is the one whose arrows stand out, ``find`` a part of a name."""
    part = view.taking_part
    by_id = {one.id: one for one in (*part.reviewers, *part.authors)}
    people = sorted(by_id.values(), key=lambda one: (order_of(one, one.id), one.id))
    find = query.get("find", "").strip()
    found = [one for one in people if _named(one, find.casefold())] if find else []
    person = by_id.get(UserId(query.get("person", "")))
    if person is None and len(found) == 1:
        person = found[0]
    pairs = _pairs_after(view)
    chosen = _neighbourhood(person, pairs, view.snapshot)
    fits = len(people) <= RING_UP_TO
    return Who(
        ring=_ring(people, pairs, chosen, view.snapshot) if fits else None,
        star=star(chosen.person.name, chosen.reviewed_by, chosen.reviews) if chosen and not fits else None,
        people=tuple(people) if fits else (),
        chosen=chosen,
        find=find,
        found=tuple(found[:FOUND]),
        more=len(found[FOUND:]),
    )


def _named(person: Person, wanted: str) -> bool:
    return (
        wanted in person.name.casefold() or wanted in person.sortable_name.casefold() or wanted == person.id
    )


def _pairs_after(view: PlanView) -> list[tuple[UserId, UserId]]:
    stays = (ChangeKind.CREATE, ChangeKind.KEEP)
    return [(one.reviewer, one.author) for one in view.plan.changes if one.kind in stays]


def _neighbourhood(
    person: Person | None, pairs: Sequence[tuple[UserId, UserId]], snapshot: Snapshot
) -> Neighbourhood | None:
    if person is None:
        return None
    people = snapshot.people_by_id

    def named(ids: list[UserId]) -> tuple[str, ...]:
        return tuple(
            name_of(people.get(one), one) for one in sorted(ids, key=lambda i: order_of(people.get(i), i))
        )

    return Neighbourhood(
        person,
        named([author for reviewer, author in pairs if reviewer == person.id]),
        named([reviewer for reviewer, author in pairs if author == person.id]),
    )


def _ring(
    people: Sequence[Person],
    pairs: Sequence[tuple[UserId, UserId]],
    chosen: Neighbourhood | None,
    snapshot: Snapshot,
) -> Ring:
    names: dict[SectionId, str] = defaultdict(str, {one.id: one.name for one in snapshot.sections})
    in_order = sorted(people, key=lambda one: names[one.sections[0]] if one.sections else "")
    return ring(
        [(one.id, one.name, one.sections[0] if one.sections else "") for one in in_order],
        pairs,
        chosen.person.id if chosen else None,
    )


def must_confirm(view: PlanView) -> bool:
    """Whether applying has consequences that get a page of their own."""
    return bool(view.plan.counts[ChangeKind.DELETE]) or view.notified > NOTICES_WITHOUT_ASKING
