"""Find alternating paths on the implicit pair graph, and take them.

A path is

    a person below quota -> work -> one of its reviewers -> another work -> ... -> a work with room

(where co-authors must review different works, also from a person straight to the co-author who has a work)
and taking it adds one review. A search keeps, for each bucket, the works that it has not seen yet, so that
it never looks at a pair twice: one phase costs O(people + pairs placed + blocked pairs).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from allocation.strategies.board import Board


@dataclass(slots=True)
class _Frame:
    """A reviewer on the stack of a search, and how far his works have been looked through."""

    reviewer: int
    at: int = 0
    below: int = -1


class Phase:
    """One round of searches that share what they have seen.

    A path may end at work s when ``goal[s]``, or at a reviewer r, who then gives up a work, when
    ``ends[r]``. A search that
    fails has seen everything that it could reach, so later searches of the phase need not look there again.

    Parameters
    ----------
    order : list of int
        All works; the last ones are tried first, goals before all others.
    """

    __slots__ = (
        "board", "ends", "first", "goal", "goal_bits", "seen_reviewer", "seen_work", "unseen", "unseen_bits",
    )  # fmt: skip

    def __init__(
        self, board: Board, goal: list[bool], order: list[int], ends: list[bool] | None = None
    ) -> None:
        self.board = board
        self.goal = goal
        self.ends = ends
        self.seen_reviewer = [False] * len(board.out)
        self.seen_work = [False] * len(board.load)
        bucket_of = board.problem.bucket_of
        self.unseen: list[list[int]] = []
        if board.problem.parts is None:
            self.unseen = [[] for _ in board.problem.buckets]
            for wanted in (False, True):
                for s in order:
                    if goal[s] is wanted:
                        self.unseen[bucket_of[s]].append(s)
        self.unseen_bits = self.goal_bits = 0
        if board.problem.listed_bits:
            self.unseen_bits = (1 << len(goal)) - 1
            self.goal_bits = int("".join("01"[wanted] for wanted in reversed(goal)), 2)
        self.first = order[0]

    def see(self, s: int) -> None:
        """No path of this phase goes to work s any more."""
        self.seen_work[s] = True
        if self.unseen_bits:
            self.unseen_bits &= ~(1 << s)

    def arrived(self, s: int, *, again: bool) -> None:
        """A path was taken to work s; further ones of this phase may go there again, or not."""
        self.goal[s] = again
        if again:
            self.seen_work[s] = False
        if again and self.unseen:
            self.unseen[self.board.problem.bucket_of[s]].append(s)
        if self.board.problem.listed_bits:
            bit = 1 << s
            self.goal_bits = self.goal_bits | bit if again else self.goal_bits & ~bit
            self.unseen_bits = self.unseen_bits | bit if again else self.unseen_bits

    def search(self, start: int) -> list[tuple[int, int]] | None:
        """A path from this reviewer to a goal, as [(reviewer, work that he takes), ...], or None.

        The reviewer of each entry but the first gives up the work of the entry before. A path that ends at
        a reviewer
        has a last entry (reviewer, -1).
        """
        if self.seen_reviewer[start]:
            return None
        self.seen_reviewer[start] = True
        goal, ends, into, seen_reviewer = self.goal, self.ends, self.board.into, self.seen_reviewer
        came: dict[int, tuple[int, int]] = {}
        stack = [_Frame(start)]
        while stack:
            r = stack[-1].reviewer
            s = self._next_work(stack[-1])
            if s is None:
                stack.pop()
                for x, s in self.board.held_by_mates(r):
                    if not seen_reviewer[x]:
                        seen_reviewer[x] = True
                        came[x] = (r, s)
                        if ends is not None and ends[x]:
                            seen_reviewer[start] = False
                            return _trace(came, x, -1)
                        stack.append(_Frame(x))
                continue
            if goal[s]:
                seen_reviewer[start] = False
                return _trace(came, r, s)
            for x in into[s]:
                if not seen_reviewer[x]:
                    seen_reviewer[x] = True
                    came[x] = (r, s)
                    if ends is not None and ends[x]:
                        seen_reviewer[start] = False
                        return _trace(came, x, -1)
                    stack.append(_Frame(x))
        return None

    def augment(self, starts: list[int], most: list[int]) -> bool:
        """Take shortest paths from these reviewers, at most one from each; False when there is none.

        The searches go on at the same time, step by step, and never meet: so each sees little, and the paths
        of one phase do not disturb each other.
        """
        board, goal, into, seen_reviewer = self.board, self.goal, self.board.into, self.seen_reviewer
        came: dict[int, tuple[int, int]] = {}
        origin = {r: r for r in starts}
        arrived: set[int] = set()
        for r in starts:
            seen_reviewer[r] = True
        queue = list(starts)
        for r in queue:
            top = origin[r]
            for s in () if top in arrived else self._claim(r):
                if goal[s]:
                    take(board, _trace(came, r, s))
                    self.arrived(s, again=board.load[s] < most[s])
                    arrived.add(top)
                    break
                for x in into[s]:
                    if not seen_reviewer[x]:
                        seen_reviewer[x] = True
                        came[x] = (r, s)
                        origin[x] = top
                        queue.append(x)
            for x, s in () if top in arrived else board.held_by_mates(r):
                if not seen_reviewer[x]:
                    seen_reviewer[x] = True
                    came[x] = (r, s)
                    origin[x] = top
                    queue.append(x)
        return bool(arrived)

    def _claim(self, r: int) -> list[int]:
        """Every work that nobody has seen and r may take; only one if it is a goal."""
        problem, seen_work, goal = self.board.problem, self.seen_work, self.goal
        taken, blocked = self.board.taken(r), problem.blocked[r]
        listed = problem.listed(r)
        if listed is not None:
            if r in problem.listed_bits:
                return self._claim_bits(problem.listed_bits[r] & self.unseen_bits, taken)
            found = [s for s in listed if not seen_work[s] and s not in taken and s not in blocked]
            found = [s for s in found if goal[s]][:1] or found
            for s in found:
                self.see(s)
            return found
        reach = problem.reach(problem.kind_of[r])
        for b in reach:
            unseen = self.unseen[b]
            for i in range(len(unseen) - 1, -1, -1):
                s = unseen[i]
                if not goal[s]:
                    break
                if not seen_work[s] and s not in taken and s not in blocked:
                    unseen[i] = unseen[-1]
                    unseen.pop()
                    self.see(s)
                    return [s]
        found = []
        for b in reach:
            stay = []
            for s in self.unseen[b]:
                if s in taken or s in blocked:
                    stay.append(s)
                elif not seen_work[s]:
                    found.append(s)
                    self.see(s)
            self.unseen[b] = stay
        return found

    def _claim_bits(self, free: int, taken: set[int]) -> list[int]:
        """The same where the works that are free are the bits of a number."""
        for s in taken:
            if free >> s & 1:
                free ^= 1 << s
        if free & self.goal_bits:
            free &= self.goal_bits
            free = free >> self.first << self.first or free
            free &= -free
        self.unseen_bits &= ~free
        found = []
        while free:
            lowest = free & -free
            free ^= lowest
            s = lowest.bit_length() - 1
            self.seen_work[s] = True
            found.append(s)
        return found

    def _next_work(self, frame: _Frame) -> int | None:
        """The next work that nobody has seen and this reviewer may take; entries he may not take stay for
        others."""
        problem, seen_work = self.board.problem, self.seen_work
        r = frame.reviewer
        taken = self.board.taken(r)
        explicit = problem.listed(r)
        if explicit is not None:
            return self._next_explicit(frame, explicit, taken)
        blocked = problem.blocked[r]
        reach = problem.reach(problem.kind_of[r])
        while frame.at < len(reach):
            unseen = self.unseen[reach[frame.at]]
            i = len(unseen) - 1 if frame.below < 0 else min(frame.below, len(unseen) - 1)
            while i >= 0:
                s = unseen[i]
                if seen_work[s]:
                    unseen[i] = unseen[-1]
                    unseen.pop()
                    i = min(i, len(unseen) - 1)
                    continue
                if s not in taken and s not in blocked:
                    unseen[i] = unseen[-1]
                    unseen.pop()
                    self.see(s)
                    frame.below = i
                    return s
                i -= 1
            frame.at += 1
            frame.below = -1
        return None

    def _next_explicit(self, frame: _Frame, explicit: list[int], taken: set[int]) -> int | None:
        """The same for somebody with a list of his own: first the goals on it, then everything."""
        seen_work, goal = self.seen_work, self.goal
        bits = self.board.problem.listed_bits.get(frame.reviewer)
        if bits is not None:
            return self._next_bit(bits & self.unseen_bits, taken)
        blocked = self.board.problem.blocked[frame.reviewer]
        size = len(explicit)
        for at in range(frame.at, size):
            s = explicit[at]
            if goal[s] and not seen_work[s] and s not in taken and s not in blocked:
                self.see(s)
                frame.at = at + 1
                return s
        for at in range(max(0, frame.at - size), size):
            s = explicit[at]
            if not seen_work[s] and s not in taken and s not in blocked:
                self.see(s)
                frame.at = size + at + 1
                return s
        frame.at = 2 * size
        return None

    def _next_bit(self, free: int, taken: set[int]) -> int | None:
        """The same where the works that are free are the bits of a number: goals first, from `first` on."""
        for s in taken:
            if free >> s & 1:
                free ^= 1 << s
        if not free:
            return None
        free = free & self.goal_bits or free
        behind = free >> self.first << self.first
        free = behind or free
        s = (free & -free).bit_length() - 1
        self.see(s)
        return s


def _trace(came: dict[int, tuple[int, int]], r: int, s: int) -> list[tuple[int, int]]:
    path = [(r, s)]
    while r in came:
        r, s = came[r]
        path.append((r, s))
    path.reverse()
    return path


def take(board: Board, path: list[tuple[int, int]]) -> None:
    """Carry out a path."""
    for (r, s), (following, _) in pairwise(path):
        board.hand_over(s, following, r)
    r, s = path[-1]
    if s >= 0:
        board.place(r, s)
