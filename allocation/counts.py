"""Recount both sides of Hall's condition for a set of people or works.

Hall's condition, in the form of Ore and of Hoffman: the quotas can be met if and only if

* for every set R of people, the sum of what they give <= sum over works of min(most, people of R who may
review it), and
* for every set X of works, the sum of their fewest <= sum over people of min(gives, works of X that he may
review).

Fixed pairs count beforehand, on both sides. A set that breaks an inequality proves that nothing can be done
under the rules.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection
from collections.abc import Set as AbstractSet
from itertools import chain
from typing import NamedTuple

from allocation.pools import ONE
from allocation.problem import Problem

NOBODY: frozenset[int] = frozenset()

LARGEST_TABLE = 4_000_000
"""People times works up to which a table of all pairs is made for many recounts."""


class Count(NamedTuple):
    """Reviews wanted by a set, reviews possible for it, and the works or people that make them possible."""

    need: int
    have: int
    others: list[int]

    @property
    def lack(self) -> int:
        return self.need - self.have


class Counts:
    """Recounts for any set, in O(its works and people, those that it reaches, their blocked pairs).

    ``gives``, ``low`` and ``high`` are what is left of the quotas beside the fixed pairs.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.gives = list(problem.gives)
        self.high = list(problem.high)
        self.low = list(problem.low)
        self.fixed: dict[int, set[int]] = defaultdict(set)
        for r, s in problem.locked:
            self.gives[r] -= 1
            self.high[s] -= 1
            self.low[s] -= 1
            self.fixed[r].add(s)
        self.rows: list[int] = []
        self.columns: list[int] = []
        self.people_of: list[list[int]] = [[] for _ in problem.reach_set]
        for r, kind in enumerate(problem.kind_of):
            self.people_of[kind].append(r)
        self.kinds_at: list[list[int]] = [[] for _ in problem.buckets]
        for kind, reached in enumerate(problem.reach_set):
            for b in reached:
                self.kinds_at[b].append(kind)

    def count(self, side: str, members: list[int], free: AbstractSet[int] = NOBODY) -> Count:
        """For people (side "people") or works (side "works"); see the two methods below."""
        return self.for_people(members, free) if side == "people" else self.for_works(members, free)

    def tabulate(self) -> None:
        """Prepare for many recounts, where all pairs fit into a table: who may review what as bits."""
        problem = self.problem
        size = len(problem.people) * len(problem.works)
        if self.rows or size > LARGEST_TABLE or problem.mates is not None:
            return
        wide = len(problem.works)
        at_bucket = [_as_bits(works, wide) for works in problem.buckets]
        for r, kind in enumerate(problem.kind_of):
            row = problem.listed_bits.get(r)
            if row is None:
                row = 0
                for b in problem.reach_set[kind]:
                    row |= at_bucket[b]
                row &= ~_as_bits(problem.blocked[r], wide)
            self.rows.append(row & ~_as_bits(self.fixed[r], wide) if r in self.fixed else row)
        digits = [format(row, f"0{wide}b") for row in reversed(self.rows)]
        self.columns = [int("".join(column), 2) for column in zip(*digits, strict=True)][::-1]

    def _people_by_table(self, members: list[int], free: AbstractSet[int]) -> Count:
        inside = _as_bits(members, len(self.rows))
        need, have, others = sum(self.gives[r] for r in members), 0, []
        for s, column in enumerate(self.columns):
            takers = len(members) if s in free else (column & inside).bit_count()
            if takers and self.high[s] > 0:
                have += min(self.high[s], takers)
                others.append(s)
        return Count(need, have, others)

    def _works_by_table(self, members: list[int], free: AbstractSet[int]) -> Count:
        inside = _as_bits(members, len(self.columns))
        have, helpers = 0, []
        for r, row in enumerate(self.rows):
            if r in free:
                have += min(self.gives[r], len(members))
            elif self.gives[r]:
                choices = (row & inside).bit_count()
                if choices:
                    have += min(self.gives[r], choices)
                    helpers.append(r)
        return Count(sum(max(0, self.low[s]) for s in members), have, helpers)

    def for_people(self, members: list[int], free: AbstractSet[int] = NOBODY) -> Count:
        """Reviews that these people must give, how many of them fit, and the works where they do.

        ``free`` works count as if all of the people might review them.
        """
        problem = self.problem
        if problem.mates is not None:
            return self._people_with_mates(members, free)
        if self.rows:
            return self._people_by_table(members, free)
        at_bucket: Counter[int] = Counter()
        for kind, number in Counter(problem.kind_of[r] for r in members).items():
            for b in problem.reach_set[kind]:
                at_bucket[b] += number
        takers = {s: number for b, number in at_bucket.items() for s in problem.buckets[b]}
        for r in members:
            reached = problem.reach_set[problem.kind_of[r]]
            for s in problem.blocked[r] | self.fixed[r] if r in self.fixed else problem.blocked[r]:
                if problem.bucket_of[s] in reached:
                    takers[s] -= 1
        for s in free:
            takers[s] = len(members)
        need = sum(self.gives[r] for r in members)
        others = sorted(s for s, number in takers.items() if number and self.high[s] > 0)
        return Count(need, sum(min(self.high[s], takers[s]) for s in others), others)

    def for_works(self, members: list[int], free: AbstractSet[int] = NOBODY) -> Count:
        """Reviews that these works must get, how many of them people can give, and who can.

        ``free`` people count as if they might review all of the works.
        """
        problem = self.problem
        inside = set(members)
        if problem.mates is not None:
            return self._works_with_mates(inside, free)
        if self.rows:
            return self._works_by_table(members, free)
        of_kind: Counter[int] = Counter()
        for b, number in Counter(problem.bucket_of[s] for s in members).items():
            for kind in self.kinds_at[b]:
                of_kind[kind] += number
        have = 0
        helpers = []
        for kind, most in of_kind.items():
            reached = problem.reach_set[kind]
            for r in self.people_of[kind]:
                if not self.gives[r] or r in free:
                    continue
                barred = problem.blocked[r] | self.fixed[r] if r in self.fixed else problem.blocked[r]
                small, large = (barred, inside) if len(barred) < len(inside) else (inside, barred)
                choices = most - sum(1 for s in small if s in large and problem.bucket_of[s] in reached)
                if choices:
                    have += min(self.gives[r], choices)
                    helpers.append(r)
        have += sum(min(self.gives[r], len(inside)) for r in free)
        return Count(sum(max(0, self.low[s]) for s in members), have, sorted(helpers))

    @property
    def effort(self) -> int:
        """What one recount looks at: people, works and blocked pairs; of a table 64 pairs count as one."""
        size = len(self.problem.people) + len(self.problem.works)
        if self.rows:
            return size + len(self.rows) * len(self.columns) // 64
        return size + sum(map(len, self.problem.blocked))

    def _choices(self, r: int, inside: AbstractSet[int] | None = None) -> set[int]:
        """Works (of these) that r may still be given."""
        problem = self.problem
        taken = self.fixed.get(r, NOBODY)
        reached = problem.reach_set[problem.kind_of[r]]
        some = (
            (s for b in reached for s in problem.buckets[b])
            if inside is None
            else (s for s in inside if problem.bucket_of[s] in reached)
        )
        return {s for s in some if s not in taken and s not in problem.blocked[r]}

    def _team(self, r: int) -> tuple[int, ...]:
        """The seats of r and of his co-authors."""
        alike, mates = self.problem.alike, self.problem.mates
        others = () if mates is None else mates[r]
        return tuple(sorted({*((r,) if alike is None else alike[r]), *others}))

    def _people_with_mates(self, members: list[int], free: AbstractSet[int]) -> Count:
        """`for_people` where co-authors must review different works: a team counts once for a work."""
        by_team: dict[tuple[int, ...], set[int]] = defaultdict(set)
        for r in members:
            by_team[self._team(r)] |= self._choices(r)
        takers = Counter(chain.from_iterable(by_team.values()))
        for s in free:
            takers[s] = len(members)
        need = sum(self.gives[r] for r in members)
        others = sorted(s for s, number in takers.items() if number and self.high[s] > 0)
        return Count(need, sum(min(self.high[s], takers[s]) for s in others), others)

    def _works_with_mates(self, inside: set[int], free: AbstractSet[int]) -> Count:
        """`for_works` where co-authors must review different works: what a team can give is a small flow."""
        have = 0
        helpers = []
        by_team: dict[tuple[int, ...], dict[int, set[int]]] = defaultdict(dict)
        for r, left in enumerate(self.gives):
            if left and r not in free:
                choices = self._choices(r, inside)
                if choices:
                    by_team[self._team(r)][r] = choices
                    helpers.append(r)
        for team in by_team.values():
            have += most_together([(self.gives[r], choices) for r, choices in sorted(team.items())])
        have += sum(min(self.gives[r], len(inside)) for r in free)
        return Count(sum(max(0, self.low[s]) for s in inside), have, sorted(helpers))


def _as_bits(numbers: Collection[int], size: int) -> int:
    digits = bytearray(b"0" * size)
    for one in numbers:
        digits[-1 - one] = ONE
    return int(digits, 2)


def most_together(team: list[tuple[int, set[int]]]) -> int:
    """The most works that people can share out, each at most so many out of his own, no work twice."""
    every = set().union(*(choices for _, choices in team))
    if all(len(choices) == len(every) for _, choices in team):
        return min(sum(number for number, _ in team), len(every))
    holder: dict[int, int] = {}

    def free_a_work(i: int, seen: set[int]) -> bool:
        for s in sorted(team[i][1]):
            if s in seen or holder.get(s) == i:
                continue
            seen.add(s)
            if s not in holder or free_a_work(holder[s], seen):
                holder[s] = i
                return True
        return False

    for i, (number, _) in enumerate(team):
        for _ in range(number):
            if not free_a_work(i, set()):
                break
    return len(holder)
