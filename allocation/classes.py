"""Shortages of a whole section, of a whole group, of everybody, or of one person alone: those that an
instructor understands at once. Looked at before any search for a set that only the pairs explain."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Literal

from allocation.counts import Count, Counts
from allocation.roster import Roster
from allocation.rules import Rules
from allocation.seats import seats_of

Side = Literal["people", "works"]
Told = Literal["all", "section", "group", "share", "target", "each", "set"]


@dataclass(frozen=True, slots=True)
class Shortage:
    """A set that breaks Hall's condition: people who cannot give, or works that cannot get, what they must.

    Attributes
    ----------
    told : str
        all: everybody; section, group: all of one; share: what the people of one section owe to another by
        the matrix of shares (labels: both); target: what all people owe to a section by it; each: every
        member is short for himself; set: only together.
    labels : tuple of str
        The sections or groups. Several only if each of them is short by the same numbers for itself.
    one : (int, int, int, int), optional
        If several sections, groups or people lack the same: members, others, need and have of each of them.
    """

    side: Side
    members: tuple[int, ...]
    others: tuple[int, ...]
    need: int
    have: int
    told: Told = "set"
    labels: tuple[str, ...] = ()
    one: tuple[int, int, int, int] | None = None


class Classes:
    """The classes of a roster under its rules, on both sides."""

    def __init__(self, roster: Roster, rules: Rules, counts: Counts) -> None:
        self.counts = counts
        shares = bool(rules.section_shares)
        self.by_section = rules.sections != "any" or rules.section_pairs is not None or shares
        self.groups_rule = rules.groups
        seats = seats_of(roster, rules) if shares or rules.co_authors == "same" else []
        self.share = [(one.home, one.target) if one.home else None for one in seats] if shares else []
        works = sorted(roster.submissions, key=lambda one: one.id)
        of = {one.id: one for one in roster.participants}
        places = [one.people for one in seats] or [(one,) for one in sorted(of)]
        none: frozenset[str] = frozenset()
        self.sections = {
            "people": [none.union(*(of[name].sections for name in some)) for some in places],
            "works": [none.union(*(of[author].sections for author in one.authors)) for one in works],
        }
        self.groups = {
            "people": [none.union(*(of[name].groups for name in some)) for some in places],
            "works": [none.union(*(of[author].groups for author in one.authors)) for one in works],
        }
        wanted = {"people": counts.gives, "works": counts.low}
        self.everybody = {side: [i for i, left in enumerate(wanted[side]) if left > 0] for side in wanted}
        self.in_section: dict[str, dict[str, list[int]]] = {"people": {}, "works": {}}
        self.in_group: dict[str, dict[str, list[int]]] = {"people": {}, "works": {}}
        for side, members in self.everybody.items():
            for one in members:
                if len(self.sections[side][one]) == 1:
                    self.in_section[side].setdefault(next(iter(self.sections[side][one])), []).append(one)
                for group in self.groups[side][one]:
                    self.in_group[side].setdefault(group, []).append(one)
        self.short_everywhere = {
            "people": sum(counts.gives) > sum(max(0, most) for most in counts.high),
            "works": sum(max(0, least) for least in counts.low) > sum(counts.gives),
        }

    def shortage(self, side: Side, start: int) -> Shortage | None:
        """The class of this person or work that is short, the easiest to understand first."""
        if self.short_everywhere[side]:
            return self._everybody(side)
        shared = self._of_shares(start) if side == "people" and self.share else None
        if shared is not None:
            return shared
        sections = self.sections[side][start]
        if self.by_section and len(sections) == 1:
            found = self._named(side, "section", next(iter(sections)))
            if found is not None:
                return found
        if self.groups_rule != "any":
            own = sorted(self.groups[side][start])
            named = [self._named(side, "group", group) for group in own]
            short = [one for one in named if one is not None]
            if short and (self.groups_rule == "different" or len(own) == 1):
                return max(short, key=lambda one: one.need - one.have)
        count = self.counts.count(side, [start])
        if count.lack > 0:
            return _shortage(side, [start], count, "each")
        return self._everybody(side)

    def _of_shares(self, start: int) -> Shortage | None:
        """What the section of this seat owes to another, or what all sections owe to that one."""
        own = self.share[start]
        if own is None:
            return None
        same = [r for r in self.everybody["people"] if self.share[r] == own]
        count = self.counts.count("people", same)
        if count.lack > 0:
            return _shortage("people", same, count, "share", own)
        target = own[1]
        alike = [r for r in self.everybody["people"] if (self.share[r] or ("", ""))[1] == target]
        count = self.counts.count("people", alike)
        if target and count.lack > 0:
            return _shortage("people", alike, count, "target", (target,))
        return None

    def _named(self, side: Side, told: Literal["section", "group"], label: str) -> Shortage | None:
        members = (self.in_section if told == "section" else self.in_group)[side].get(label, [])
        count = self.counts.count(side, members)
        return _shortage(side, members, count, told, (label,)) if count.lack > 0 else None

    def _everybody(self, side: Side) -> Shortage | None:
        count = self.counts.count(side, self.everybody[side])
        return _shortage(side, self.everybody[side], count, "all") if count.lack > 0 else None


def _shortage(
    side: Side, members: list[int], count: Count, told: Told, labels: tuple[str, ...] = ()
) -> Shortage:
    return Shortage(side, tuple(members), tuple(count.others), count.need, count.have, told, labels)


def join_alike(found: list[Shortage], counts: Counts) -> list[Shortage]:
    """Tell sections, groups or people that lack the same in one go."""
    alike: dict[tuple[object, ...], list[Shortage]] = defaultdict(list)
    problem = counts.problem
    for one in found:
        apart = one if one.told in ("all", "set", "share", "target") else None
        key = (one.side, one.told, len(one.members), len(one.others), one.need, one.have, apart)
        alike[key].append(one)
    joined: list[Shortage] = []
    for some in alike.values():
        members = sorted({member for one in some for member in one.members})
        labels = tuple(sorted(label for one in some for label in one.labels))
        count = counts.count(some[0].side, members)
        first = some[0]
        if len(some) > 1 and count.need == first.need * len(some) and count.lack > 0:
            joined.append(
                Shortage(
                    first.side, tuple(members), tuple(count.others), count.need, count.have,
                    first.told, labels,
                    (
                        problem.heads(first.members) if first.side == "people" else len(first.members),
                        len(first.others) if first.side == "people" else problem.heads(first.others),
                        first.need, first.have,
                    ),
                )
            )  # fmt: skip
        else:
            joined += some
    return joined
