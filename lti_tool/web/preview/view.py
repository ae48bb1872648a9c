"""The preview's view model: figures, the table of changes with its filters, the sentences' numbers. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lti_tool.planning.ids import SectionId, UserId
from lti_tool.planning.plan import Change, ChangeKind
from lti_tool.planning.snapshot import Person, Snapshot
from lti_tool.services.use_cases import PlanView
from lti_tool.web.svg import Histogram, Ring, histogram, ring, shade

RING_UP_TO = 60
"""People in the whole ring; beyond that one person's arrows are drawn."""
NOTICES_WITHOUT_ASKING = 50
"""More students than this are notified only after a page that says so."""


@dataclass(frozen=True, slots=True)
class Line:
    """One change with the people it concerns; somebody we cannot see is shown by id."""

    change: Change
    reviewer: str
    author: str
    reviewer_order: str
    author_order: str


@dataclass(frozen=True, slots=True)
class Filters:
    """What the reader wants to see of the changes; kept pairs only when asked for."""

    kind: ChangeKind | None = None
    section: str = ""
    name: str = ""

    @classmethod
    def read(cls, query: Mapping[str, str]) -> Filters:
        """From the address; what is unknown is ignored."""
        kind = query.get("kind", "")
        return cls(
            ChangeKind(kind) if kind in set(ChangeKind) else None,
            query.get("section", ""),
            query.get("name", "").strip(),
        )

    @property
    def any(self) -> bool:
        """Whether something is filtered."""
        return bool(self.kind or self.section or self.name)


def lines(changes: Sequence[Change], snapshot: Snapshot) -> list[Line]:
    """The changes with names, by kind as in the plan, then by reviewer and author as Canvas sorts people."""
    people = snapshot.people_by_id
    shown = [
        Line(
            change,
            _name(people.get(change.reviewer), change.reviewer),
            _name(people.get(change.author), change.author),
            _order(people.get(change.reviewer), change.reviewer),
            _order(people.get(change.author), change.author),
        )
        for change in changes
    ]
    kinds = list(ChangeKind)
    shown.sort(key=lambda one: (kinds.index(one.change.kind), one.reviewer_order, one.author_order))
    return shown


def filtered(all_lines: Sequence[Line], filters: Filters, snapshot: Snapshot) -> list[Line]:
    """The lines that the filters let through."""
    wanted = filters.name.casefold()
    members = (
        {one.id for one in snapshot.people if filters.section in one.sections} if filters.section else None
    )
    return [
        one
        for one in all_lines
        if (one.change.kind is filters.kind if filters.kind else one.change.kind is not ChangeKind.KEEP)
        and (members is None or one.change.reviewer in members or one.change.author in members)
        and (wanted in one.reviewer.casefold() or wanted in one.author.casefold())
    ]


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
        key=lambda one: (one.name.casefold(), one.id),
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
class Neighbourhood:
    """One person: whom she reviews, and who reviews her."""

    person: Person
    reviews: tuple[str, ...]
    reviewed_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything above the table."""

    given: Histogram
    received: Histogram
    matrix: Matrix | None
    ring: Ring | None
    people: tuple[Person, ...]
    chosen: Neighbourhood | None


def figures(view: PlanView, person: str | None) -> Figures:
    """The three figures of the state after applying; ``person`` is the one whose arrows stand out."""
    part = view.taking_part
    reviewers = {one.id for one in part.reviewers}
    by_id = {one.id: one for one in (*part.reviewers, *part.authors)}
    people = sorted(by_id.values(), key=lambda one: (one.sortable_name.casefold(), one.id))
    pairs = _pairs_after(view)
    chosen = _neighbourhood(by_id.get(UserId(person or "")), pairs, view.snapshot)
    return Figures(
        given=histogram(load for who, load in view.quality.given.items() if who in reviewers),
        received=histogram(view.quality.received.values()),
        matrix=matrix(view),
        ring=_ring(people, pairs, chosen, view.snapshot),
        people=tuple(people),
        chosen=chosen,
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
            _name(people.get(one), one) for one in sorted(ids, key=lambda i: _order(people.get(i), i))
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
) -> Ring | None:
    shown = list(people)
    if len(people) > RING_UP_TO:
        if chosen is None:
            return None
        pairs = [pair for pair in pairs if chosen.person.id in pair]
        near = {one for pair in pairs for one in pair} | {chosen.person.id}
        shown = [one for one in people if one.id in near]
    names: dict[SectionId, str] = defaultdict(str, {one.id: one.name for one in snapshot.sections})
    in_order = sorted(shown, key=lambda one: names[one.sections[0]] if one.sections else "")
    return ring(
        [(one.id, one.name, one.sections[0] if one.sections else "") for one in in_order],
        pairs,
        chosen.person.id if chosen else None,
    )


def must_confirm(view: PlanView) -> bool:
    """Whether applying has consequences that get a page of their own."""
    return bool(view.plan.counts[ChangeKind.DELETE]) or view.notified > NOTICES_WITHOUT_ASKING


def _name(person: Person | None, user: UserId) -> str:
    return person.name if person else user


def _order(person: Person | None, user: UserId) -> str:
    return (person.sortable_name if person else user).casefold()
