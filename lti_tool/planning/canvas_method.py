"""What Canvas itself would do: its automatic assignment of peer reviews, built anew for comparison.

Written from what canvas-lms does (``AbstractAssignment#assign_peer_reviews``, read at 028f76b), not copied.
Those who handed in are visited in random order; each takes the works that come first by: fewer reviews than
wanted, not by somebody who reviews the visitor, fewest reviews, author with least to do, chance. No choice is
ever taken back. Of the rules it knows the number of reviews and, in a group set, "not within a group". It
counts the rows of group members one by one, and leaves out whoever did not hand in.

Canvas sorts everybody anew for each visitor, n² log n in all; rows that share both numbers lie in one drawer
here, which comes to the same in about n steps.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from statistics import median_low

from allocation import BrokenRule, Pair, Quality, Roster, Rules, quality, verify
from allocation.stream import Stream
from lti_tool.planning.history import History

MOST_DRAWS, FEWEST_DRAWS = 20, 5
"""Draws of a comparison: enough for a median and a bad day, within a second for 1 000 students; of larger
classes, where chance evens out, fewer."""

NO_HISTORY = History()

PAIR_RULES = frozenset({"own_work", "section", "section_pair", "group", "forbidden", "repeat", "reciprocal"})
"""Codes of ``verify`` that are about one pair, not about a number of reviews."""


def canvas_automatic(roster: Roster, rules: Rules, seed: str, start: Iterable[Pair] = ()) -> tuple[Pair, ...]:
    """One draw: the pairs that Canvas would add to ``start``, in the order in which it chooses them.

    The same author may be chosen through two rows of a group's work; such a pair is in the answer twice.
    """
    return tuple(_Desk(roster, rules, Stream(seed, b"", "canvas")).draw(start))


class _Desk:
    """The rows of those who handed in, in drawers by (reviews received, reviews given)."""

    def __init__(self, roster: Roster, rules: Rules, stream: Stream) -> None:
        people = {one.id: one for one in roster.participants}
        rows = [(work.id, author) for work in roster.submissions for author in work.authors]
        self.works = [work for work, _ in rows]
        self.authors = [author for _, author in rows]
        self.groups = [people[author].groups for author in self.authors]
        self.apart = rules.groups == "different"
        self.wanted = rules.reviews_per_reviewer
        self.stream = stream
        self.rows_of: dict[str, list[int]] = defaultdict(list)
        self.row_of_work: dict[str, int] = {}
        for row, (work, author) in enumerate(rows):
            self.rows_of[author].append(row)
            self.row_of_work.setdefault(work, row)
        self.received: list[list[str]] = [[] for _ in rows]
        self.given: dict[str, list[int]] = {author: [] for author in self.authors}
        self.drawers: dict[tuple[int, int], list[int]] = {(0, 0): list(range(len(rows)))}
        self.place = list(range(len(rows)))

    def draw(self, start: Iterable[Pair]) -> Iterator[Pair]:
        for pair in sorted(start):
            if pair.submission in self.row_of_work:
                self._assign(pair.reviewer, self.row_of_work[pair.submission])
        visits = list(self.rows_of)
        self.stream.shuffle(visits)
        for reviewer in visits:
            for row in self._choice(reviewer, self.wanted - len(self.given[reviewer])):
                self._assign(reviewer, row)
                yield Pair(reviewer, self.works[row])

    def _choice(self, reviewer: str, need: int) -> list[int]:
        """The rows that come first for this reviewer."""
        barred = {*self.rows_of[reviewer], *self.given[reviewer]}
        mine = self.groups[self.rows_of[reviewer][0]] if self.apart else frozenset()
        reviewers = {one for own in self.rows_of[reviewer] for one in self.received[own]}
        mutual = {row for one in reviewers for row in self.rows_of.get(one, ())}
        chosen: list[int] = []
        order = sorted(self.drawers)
        for full in (False, True):
            later: list[tuple[tuple[int, int], int, int]] = []
            for key in order:
                if len(chosen) >= need:
                    return chosen
                if (key[0] >= self.wanted) is not full:
                    continue
                for row in self._mixed(key):
                    if row in barred or (mine and mine & self.groups[row]):
                        continue
                    if row in mutual:
                        later.append((key, len(later), row))
                    else:
                        chosen.append(row)
                        if len(chosen) >= need:
                            return chosen
            chosen += [row for _, _, row in later][: need - len(chosen)]
        return chosen

    def _mixed(self, key: tuple[int, int]) -> Iterator[int]:
        """A drawer's rows in random order, shuffled only as far as they are asked for."""
        drawer = self.drawers[key]
        for at in range(len(drawer)):
            other = at + self.stream.below(len(drawer) - at)
            drawer[at], drawer[other] = drawer[other], drawer[at]
            self.place[drawer[at]], self.place[drawer[other]] = at, other
            yield drawer[at]

    def _assign(self, reviewer: str, row: int) -> None:
        self._move(row, received=1)
        self.received[row].append(reviewer)
        self.given.setdefault(reviewer, []).append(row)
        for own in self.rows_of.get(reviewer, ()):
            self._move(own, given=1)

    def _move(self, row: int, *, received: int = 0, given: int = 0) -> None:
        """Into the drawer of its new numbers; the last row of the old one takes its place there."""
        before = (len(self.received[row]), len(self.given[self.authors[row]]) - given)
        drawer = self.drawers[before]
        last = drawer.pop()
        if last != row:
            drawer[self.place[row]] = last
            self.place[last] = self.place[row]
        if not drawer:
            del self.drawers[before]
        into = self.drawers.setdefault((before[0] + received, before[1] + given), [])
        self.place[row] = len(into)
        into.append(row)


@dataclass(frozen=True, slots=True)
class Measured:
    """Numbers of one allocation that matter to people; of each, fewer is better.

    Attributes:
        uneven: reviews between the work that gets most and the one that gets fewest.
        short: works that get fewer reviews than they should.
        reciprocal: couples who review each other.
        repeats: reviews of somebody whom the reviewer had in an earlier assignment.
        returns: reviews of somebody who reviewed the reviewer in an earlier assignment.
        islands: groups of people between whom no review goes; one: all are connected.
        weak: works without a strong reviewer; 0 where levels are unknown.
        against: reviews that the rules do not allow.
    """

    uneven: int
    short: int
    reciprocal: int
    repeats: int
    returns: int
    islands: int
    weak: int
    against: int


def measured(
    roster: Roster,
    rules: Rules,
    pairs: Iterable[Pair],
    known: Quality | None = None,
    history: History = NO_HISTORY,
) -> Measured:
    """Measure pairs, which need not be valid; ``known`` is their quality where it was measured already."""
    chosen = set(pairs)
    found = known or quality(roster, rules, chosen)
    quotas = (rules.reviews_per_reviewer if one.gives is None else one.gives for one in roster.participants)
    usual = rules.receives[0] if rules.receives else sum(quotas) // len(roster.submissions)
    wanted = {work.id: work.receives[0] if work.receives else usual for work in roster.submissions}
    return Measured(
        uneven=max(found.received.values()) - min(found.received.values()),
        short=sum(load < wanted[work] for work, load in found.received.items()),
        reciprocal=found.reciprocal,
        repeats=len(chosen & history.again),
        returns=len(chosen & history.back),
        islands=found.components,
        weak=found.weak,
        against=len({(one.reviewer, one.submission) for one in _broken(roster, rules, chosen)}),
    )


def _broken(roster: Roster, rules: Rules, chosen: set[Pair]) -> Iterator[BrokenRule]:
    """Broken rules about pairs; not looked for where no rule is about pairs."""
    grouped = rules.groups == "same" or any(one.groups for one in roster.participants)
    by_pair = rules.sections != "any" or rules.section_pairs is not None or rules.forbidden
    if by_pair or grouped or rules.reciprocal == "forbid" or rules.avoid_is == "hard":
        return (one for one in verify(roster, rules, chosen) if one.code in PAIR_RULES)
    return iter(())


@dataclass(frozen=True, slots=True)
class Draws:
    """What several draws of Canvas's method came to."""

    all: tuple[Measured, ...]

    def of(self, name: str) -> tuple[int, ...]:
        """One number of ``Measured``, from the best draw to the worst."""
        return tuple(sorted(getattr(one, name) for one in self.all))

    def usual(self, name: str) -> int:
        """The middle value of a number."""
        return median_low(self.of(name))

    def worst(self, name: str) -> int:
        """The largest value of a number."""
        return self.of(name)[-1]


def canvas_draws(
    roster: Roster, rules: Rules, seed: str, start: Iterable[Pair] = (), history: History = NO_HISTORY
) -> Draws:
    """Let Canvas's method allocate this class several times, each time with other luck."""
    start = frozenset(start)
    draws = max(FEWEST_DRAWS, min(MOST_DRAWS, 1_000 * MOST_DRAWS // len(roster.submissions)))
    return Draws(
        tuple(
            measured(
                roster,
                rules,
                [*start, *canvas_automatic(roster, rules, f"{seed} {number}", start)],
                history=history,
            )
            for number in range(draws)
        )
    )
