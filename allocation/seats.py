"""Who reviews as one. A *seat* is what the strategies take for one reviewer: mostly a person.

With ``co_authors="same"`` people who wrote a work together share a seat. With `section_shares` a person (or
such a team) has a seat for each section that his row of the matrix names, and one for the rest; each seat has
its number of reviews and only reaches works that count for its section. So both rules are rules between seats
and works like all others, and whatever is exact for people is exact for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

from allocation.errors import RulesError
from allocation.roster import Participant, Roster
from allocation.rules import Rules
from allocation.sentences import Listing, Mention, counted, sentence

Row = Mapping[str, int]
Key = tuple[frozenset[str], frozenset[str]]
"""Sections and (large) groups of a person, as far as rules look at them."""
Kind = tuple[tuple[Key, ...], str, str]
"""What decides which buckets a seat reaches: the keys of its people, its row and its column of the matrix."""


@dataclass(frozen=True, slots=True)
class Seat:
    """One reviewer for the strategies.

    Attributes
    ----------
    people : tuple of str
        Ids of who sits there, sorted; several only if co-authors review the same works.
    gives : int
        Reviews that the seat gives.
    home : str
        The section whose row of the matrix of shares applies; empty without one.
    target : str
        The section that the works must count for; empty: none that the row names.
    """

    people: tuple[str, ...]
    gives: int
    home: str = ""
    target: str = ""


def seats_of(roster: Roster, rules: Rules) -> list[Seat]:
    """The seats, in the order of the smallest id and then of the target. Every person sits somewhere."""
    people = {one.id: one for one in roster.participants}
    rows = matrix(rules)
    seats = []
    for members in sorted(_sitting_together(roster, rules)):
        one = people[members[0]]
        gives = quota(one, rules)
        home = home_of(one.sections, rows)
        row = rows.get(home, {})
        asked = sum(row.values()) if gives else 0
        if home:
            seats += [
                Seat(members, number if gives else 0, home, target) for target, number in sorted(row.items())
            ]
        seats.append(Seat(members, gives - asked, home))
    return seats


def matrix(rules: Rules) -> dict[str, dict[str, int]]:
    """The shares as rows: section of the reviewer -> section of the authors -> reviews."""
    rows: dict[str, dict[str, int]] = {}
    for giver, taker, number in rules.section_shares or ():
        rows.setdefault(giver, {})[taker] = number
    return rows


def home_of(sections: frozenset[str], rows: Mapping[str, Row]) -> str:
    """The section whose row applies to somebody in these sections; empty without one."""
    return min((section for section in sections if section in rows), default="")


def target_of(sections: frozenset[str], row: Row) -> str:
    """The section of a row that a work with authors in these sections counts for; empty without one."""
    return min((section for section in sections if section in row), default="")


def quota(one: Participant, rules: Rules) -> int:
    """Reviews that this person gives, fixed pairs aside."""
    return rules.reviews_per_reviewer if one.gives is None else one.gives


def teams(roster: Roster) -> list[tuple[str, ...]]:
    """People who wrote a work together: the author sets of works with several authors, sorted."""
    return sorted({tuple(sorted(one.authors)) for one in roster.submissions if len(one.authors) > 1})


def _sitting_together(roster: Roster, rules: Rules) -> list[tuple[str, ...]]:
    """Who shares a seat: co-authors who review something, where they review the same; else nobody."""
    together: list[tuple[str, ...]] = []
    if rules.co_authors == "same":
        reviewing = {one.id for one in roster.participants if quota(one, rules)}
        together = [tuple(one for one in team if one in reviewing) for team in teams(roster)]
        together = [team for team in together if team]
    seated = {one for team in together for one in team}
    return together + [(one.id,) for one in roster.participants if one.id not in seated]


@dataclass(frozen=True, slots=True)
class Seating:
    """Numbered seats, for numbered people.

    Attributes
    ----------
    gives : list of int
        Reviews of each seat.
    people : list of tuple of int, optional
        Who sits there; None when seat and person are the same, by the same number.
    """

    gives: list[int]
    people: list[tuple[int, ...]] | None = None
    seats: tuple[Seat, ...] = ()
    of_person: tuple[tuple[int, ...], ...] = ()
    rows: Mapping[str, Row] = field(default_factory=dict)

    def place(self, person: int, sections: frozenset[str]) -> int:
        """The seat in which somebody reviews a work whose authors are in these sections."""
        mine = self.of_person[person]
        if len(mine) == 1:
            return mine[0]
        target = target_of(sections, self.rows[self.seats[mine[0]].home])
        return next(r for r in mine if self.seats[r].target == target)

    def authors(self, people: Iterable[int]) -> tuple[int, ...]:
        """All seats of these people."""
        return tuple(sorted({r for person in people for r in self.of_person[person]}))

    def alike(self) -> list[tuple[int, ...]] | None:
        """For each seat all seats of the same people; None when everybody has one."""
        if all(len(mine) == 1 for mine in self.of_person):
            return None
        return [self.of_person[some[0]] for some in self.people or ()]

    def mates(self, roster: Roster, number: Mapping[str, int]) -> list[tuple[int, ...]]:
        """For each seat those of co-authors."""
        result: list[tuple[int, ...]] = [()] * len(self.gives)
        for team in teams(roster):
            members = [number[one] for one in team]
            places = {i: (i,) if self.people is None else self.of_person[i] for i in members}
            for i in members:
                others = tuple(sorted(r for other in members if other != i for r in places[other]))
                for r in places[i]:
                    result[r] = others
        return result

    def kinds(self, keys: Sequence[Key]) -> Iterator[Kind]:
        """The kind of each seat, from the keys of the people."""
        if self.people is None:
            return (((key,), "", "") for key in keys)
        pairs = zip(self.seats, self.people, strict=True)
        return ((tuple(dict.fromkeys(keys[i] for i in some)), one.home, one.target) for one, some in pairs)


def seat(roster: Roster, rules: Rules, participants: Sequence[Participant]) -> Seating:
    """Seats for people in this order, which is that of their ids."""
    if rules.co_authors != "same" and not rules.section_shares:
        return Seating([quota(one, rules) for one in participants])
    number = {one.id: i for i, one in enumerate(participants)}
    seats = tuple(seats_of(roster, rules))
    people = [tuple(number[one] for one in seat.people) for seat in seats]
    of_person: list[list[int]] = [[] for _ in participants]
    for r, some in enumerate(people):
        for i in some:
            of_person[i].append(r)
    gives = [one.gives for one in seats]
    return Seating(gives, people, seats, tuple(map(tuple, of_person)), matrix(rules))


def check_seats(roster: Roster, rules: Rules) -> None:
    """Compare shares and the rule for co-authors with a roster.

    Raises
    ------
    RulesError
        A person whose row of the matrix asks for more reviews than he gives; somebody with different
        co-authors; co-authors who shall review the same works but differ in what they give, in their row of
        the matrix, or by a fixed pair with a work of one of them.
    """
    people = {one.id: one for one in roster.participants}
    rows = matrix(rules)
    if rules.co_authors != "any":
        _check_teams(roster)
    if rules.co_authors == "same":
        for team in _sitting_together(roster, rules):
            _check_alike(team, people, rows, rules)
        _check_fixed(roster, rules)
    for one in sorted(roster.participants, key=attrgetter("id")) if rows else ():
        home, gives = home_of(one.sections, rows), quota(one, rules)
        asked = sum(rows.get(home, {}).values())
        if gives and asked > gives:
            raise RulesError(
                sentence(
                    "The row of section %(section)s asks for %(asked)s, but %(who)s gives only %(gives)s. "
                    "Lower the numbers of the row, or let %(who)s give more.",
                    section=Mention("section", home),
                    asked=counted("%(num)s review", "%(num)s reviews", asked),
                    who=Mention("person", one.id),
                    gives=gives,
                ),
                "section_shares",
            )


def _check_teams(roster: Roster) -> None:
    team_of: dict[str, tuple[str, ...]] = {}
    for team in teams(roster):
        for one in team:
            if team_of.setdefault(one, team) != team:
                raise RulesError(
                    sentence(
                        "%(who)s wrote one work with %(these)s and another one with %(those)s. Let the "
                        "members of a group review whatever works come, or leave one of the works out.",
                        who=Mention("person", one),
                        these=_others(team_of[one], one),
                        those=_others(team, one),
                    ),
                    "co_authors",
                )


def _others(team: tuple[str, ...], one: str) -> Listing:
    return Listing(tuple(Mention("person", other) for other in team if other != one))


def _check_alike(
    team: tuple[str, ...], people: Mapping[str, Participant], rows: Mapping[str, Row], rules: Rules
) -> None:
    first = people[team[0]]
    for other in team[1:]:
        here, there = quota(first, rules), quota(people[other], rules)
        if here != there:
            raise RulesError(
                sentence(
                    "%(one)s gives %(here)s and %(other)s gives %(there)s, so they cannot review the same "
                    "works. Give both the same number, or one of them 0.",
                    one=Mention("person", first.id),
                    here=counted("%(num)s review", "%(num)s reviews", here),
                    other=Mention("person", other),
                    there=counted("%(num)s review", "%(num)s reviews", there),
                ),
                "co_authors",
            )
        homes = [home_of(people[one].sections, rows) for one in (first.id, other)]
        if homes[0] != homes[1]:
            raise RulesError(
                sentence(
                    "%(one)s and %(other)s are in sections with different rows in the table of reviews from "
                    "section to section, so they cannot review the same works.",
                    one=Mention("person", first.id),
                    other=Mention("person", other),
                ),
                "co_authors",
            )


def _check_fixed(roster: Roster, rules: Rules) -> None:
    authors = {one.id: set(one.authors) for one in roster.submissions}
    team_of = {one: team for team in _sitting_together(roster, rules) for one in team}
    for name, pairs in (("required", rules.required), ("kept", rules.kept)):
        for reviewer, submission in sorted(pairs):
            for other in team_of[reviewer]:
                if other in authors[submission]:
                    raise RulesError(
                        sentence(
                            "What %(reviewer)s must review would make %(other)s review their own work, "
                            "because members of one group review the same works.",
                            reviewer=Mention("person", reviewer),
                            other=Mention("person", other),
                        ),
                        name,
                    )
