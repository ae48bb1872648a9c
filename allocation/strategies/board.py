"""The placement that the strategies build together: who reviews what so far."""

from __future__ import annotations

from allocation.problem import Problem


class Board:
    """Pairs placed so far.

    Attributes
    ----------
    out : list of set
        Works of each reviewer, fixed ones included.
    into : list of list
        Reviewers of each work who may still be moved; fixed pairs are not in it.
    load : list of int
        Reviews of each work, fixed ones included.
    short : list of int
        Reviews that each person has still to give.
    """

    __slots__ = ("into", "load", "out", "problem", "short")

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.out: list[set[int]] = [set() for _ in problem.people]
        self.into: list[list[int]] = [[] for _ in problem.works]
        self.load = [0] * len(problem.works)
        self.short = list(problem.gives)
        for r, s in problem.locked:
            self.out[r].add(s)
            self.load[s] += 1
            self.short[r] -= 1

    def place(self, r: int, s: int) -> None:
        self.out[r].add(s)
        self.into[s].append(r)
        self.load[s] += 1
        self.short[r] -= 1

    def remove(self, r: int, s: int) -> None:
        self.out[r].remove(s)
        self.into[s].remove(r)
        self.load[s] -= 1
        self.short[r] += 1

    def hand_over(self, s: int, old: int, new: int) -> None:
        """Work s goes from one reviewer to another; its load stays."""
        into = self.into[s]
        into[into.index(old)] = new
        self.out[old].remove(s)
        self.out[new].add(s)
        self.short[old] += 1
        self.short[new] -= 1

    def taken(self, r: int) -> set[int]:
        """Works that r cannot take because he has them, or a co-author who must review others."""
        mates = self.problem.mates
        if mates is None or not mates[r]:
            return self.out[r]
        return self.out[r].union(*(self.out[x] for x in mates[r]))

    def held_by_mates(self, r: int) -> list[tuple[int, int]]:
        """Co-authors and works that r may take over from them."""
        problem, out, into = self.problem, self.out, self.into
        if problem.mates is None:
            return []
        return [
            (x, s)
            for x in problem.mates[r]
            for s in sorted(out[x])
            if s not in out[r] and problem.allowed(r, s) and x in into[s]
        ]

    def takes_over(self, r: int, s: int, x: int) -> bool:
        """May r review s in place of x, as far as co-authors go?"""
        mates = self.problem.mates
        return mates is None or not any(s in self.out[q] for q in mates[r] if q != x)

    def missing(self) -> int:
        """Reviews that nobody has been found for, or that people below their quota could still give."""
        low, load = self.problem.low, self.load
        return sum(self.short) + sum(a - b for a, b in zip(low, load, strict=True) if a > b)

    def complete(self) -> bool:
        return not any(self.short) and all(a <= b for a, b in zip(self.problem.low, self.load, strict=True))

    def copy(self) -> Board:
        twin = object.__new__(Board)
        twin.problem = self.problem
        twin.out = [set(one) for one in self.out]
        twin.into = [list(one) for one in self.into]
        twin.load = list(self.load)
        twin.short = list(self.short)
        return twin
