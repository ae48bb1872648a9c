"""Flows on the full table of pairs as bits, for the exact search in small classes (`oneway`)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from allocation.problem import Problem
from allocation.strategies.exact import level

Start = tuple[int, int]
"""A reviewer, and the submission that they give up first (-1: none, they are below their quota)."""


def bits(number: int) -> Iterator[int]:
    """The places of the bits that are set, from the lowest."""
    while number:
        lowest = number & -number
        yield lowest.bit_length() - 1
        number ^= lowest


@dataclass(slots=True)
class Table:
    """Who may review what (``rows`` by reviewer, ``columns`` by submission), what is settled (``forced``) and
    the reviews of a flow (``out``)."""

    rows: list[int]
    columns: list[int]
    forced: list[int]
    out: list[int]

    @classmethod
    def of(cls, problem: Problem) -> Table:
        rows = [0] * len(problem.people)
        for r, kind in enumerate(problem.kind_of):
            for b in problem.reach_set[kind]:
                for s in problem.buckets[b]:
                    if s not in problem.blocked[r]:
                        rows[r] |= 1 << s
        forced = [0] * len(rows)
        for r, s in problem.locked:
            forced[r] |= 1 << s
            rows[r] |= 1 << s
        columns = [0] * len(problem.works)
        for r, row in enumerate(rows):
            for s in bits(row):
                columns[s] |= 1 << r
        return cls(rows, columns, forced, list(forced))

    def copy(self) -> Table:
        return Table(list(self.rows), list(self.columns), list(self.forced), list(self.out))

    def bar(self, r: int, s: int) -> None:
        self.rows[r] &= ~(1 << s)
        self.columns[s] &= ~(1 << r)
        self.out[r] &= self.rows[r]

    def bar_all(self, r: int, works: int) -> None:
        for s in bits(self.rows[r] & works):
            self.columns[s] &= ~(1 << r)
        self.rows[r] &= ~works
        self.out[r] &= self.rows[r]


class Flow:
    """Brings the reviews of a table to the largest number, and these to the most even loads."""

    def __init__(self, problem: Problem, table: Table, *, quotas: bool) -> None:
        self.problem, self.table, self.quotas = problem, table, quotas
        out = table.out
        for r, forced in enumerate(table.forced):
            out[r] |= forced
        self.short = [wanted - out[r].bit_count() for r, wanted in enumerate(problem.gives)]
        self.into = [0] * len(problem.works)
        for r, mine in enumerate(out):
            for s in bits(mine):
                self.into[s] |= 1 << r
        self.load = [some.bit_count() for some in self.into]
        self._drop_what_is_over()

    def _drop_what_is_over(self) -> None:
        """Settled reviews that have come to the table may exceed a quota that others used."""
        table, problem = self.table, self.problem
        for s, most in enumerate(problem.high):
            while self.load[s] > most:
                loose = [r for r in bits(self.into[s]) if not table.forced[r] >> s & 1]
                if not loose:
                    return
                self._remove(loose[0], s)
        for r, short in enumerate(self.short):
            loose_works = list(bits(table.out[r] & ~table.forced[r]))
            for s in loose_works[: max(0, -short)]:
                self._remove(r, s)
        if problem.mates is not None:
            for r, mates in enumerate(problem.mates):
                for x in mates:
                    both = table.out[r] & table.out[x]
                    for s in bits(both & ~table.forced[r]):
                        self._remove(r, s)

    def _remove(self, r: int, s: int) -> None:
        self.table.out[r] &= ~(1 << s)
        self.into[s] &= ~(1 << r)
        self.load[s] -= 1
        self.short[r] += 1

    def _place(self, r: int, s: int) -> None:
        self.table.out[r] |= 1 << s
        self.into[s] |= 1 << r
        self.load[s] += 1
        self.short[r] -= 1

    def fill(self) -> bool:
        """False when quotas must be met and cannot be."""
        problem = self.problem
        low, high = problem.low, problem.high
        if any(short < 0 for short in self.short) or any(
            load > most for load, most in zip(self.load, high, strict=True)
        ):
            return False
        self._augment(low)
        if self.quotas:
            for s, fewest in enumerate(low):
                while self.load[s] < fewest:
                    over = [w for w in range(len(low)) if self.load[w] > low[w]]
                    if not self._move(over, 1 << s):
                        return False
        self._augment(high)
        if self.quotas and any(self.short):
            return False
        self._even_out()
        return True

    def score(self) -> tuple[int, int]:
        """Reviews that are missing, and the sum of the levels of all that are there."""
        problem = self.problem
        levels = sum(
            level(problem, s, unit) for s, load in enumerate(self.load) for unit in range(1, load + 1)
        )
        return sum(self.short), levels

    def _augment(self, most: list[int]) -> None:
        for r, short in enumerate(self.short):
            for _ in range(short):
                room = _mask(load < top for load, top in zip(self.load, most, strict=True))
                if not room or not self._take_path([(r, -1)], room, 0):
                    break

    def _move(self, works: list[int], room: int) -> bool:
        """A review of one of these submissions goes to a submission with room."""
        starts = [(x, w) for w in works for x in bits(self.into[w]) if not self.table.forced[x] >> w & 1]
        return self._take_path(starts, room, sum(1 << w for w in works))

    def _even_out(self) -> None:
        problem, load = self.problem, self.load
        moved = True
        while moved:
            moved = False
            now = [level(problem, s, number) if number else -1 for s, number in enumerate(load)]
            for height in sorted(set(now), reverse=True):
                works = [s for s, own in enumerate(now) if own == height]
                room = _mask(
                    load[s] < problem.high[s] and level(problem, s, load[s] + 1) < height
                    for s in range(len(load))
                )
                if room and self._move(works, room):
                    moved = True
                    break

    def _take_path(self, starts: list[Start], room: int, seen: int) -> bool:
        """Find a shortest alternating path to a submission with room, and take it."""
        table, into, mates = self.table, self.into, self.problem.mates
        came: dict[int, tuple[int, int]] = {}
        given_up: dict[int, int] = {}
        queue: list[int] = []
        for r, w in starts:
            if r not in given_up:
                given_up[r] = w
                queue.append(r)
        unseen = ~seen
        reached = set(queue)
        for r in queue:
            free = table.rows[r] & ~table.out[r]
            held = 0
            for x in mates[r] if mates is not None else ():
                mine = table.out[x] & free
                held |= mine
                for s in bits(mine & ~table.forced[x]):
                    if x not in reached:
                        reached.add(x)
                        came[x] = (r, s)
                        queue.append(x)
            free &= ~held & unseen
            if free & room:
                s = next(bits(free & room))
                self._walk_back(came, given_up, r, s)
                return True
            unseen &= ~free
            for s in bits(free):
                for x in bits(into[s]):
                    if x not in reached and not table.forced[x] >> s & 1:
                        reached.add(x)
                        came[x] = (r, s)
                        queue.append(x)
        return False

    def _walk_back(self, came: dict[int, tuple[int, int]], given_up: dict[int, int], r: int, s: int) -> None:
        steps = [(r, s)]
        while r in came:
            r, s = came[r]
            steps.append((r, s))
        first = given_up[r]
        if first >= 0:
            self._remove(r, first)
        for i, (who, work) in enumerate(steps):
            if i + 1 < len(steps):
                self._remove(who, steps[i + 1][1])
            self._place(who, work)


def _mask(places: Iterator[bool]) -> int:
    """A number with the bit 2 ** i set where the i-th is true."""
    number = 0
    for i, one in enumerate(places):
        if one:
            number |= 1 << i
    return number
