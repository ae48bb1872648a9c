"""The cheapest placement: fewest moved pairs, then fewest repeats, proven.

Minimum-cost flow by successive shortest paths with potentials (primal-dual), on the implicit pair graph. A
new pair costs the same
for everybody except for a few listed pairs, so a search groups the works that it has not reached yet by
(bucket, potential)
and charges what it skips to the blocked works of a reviewer. See docs/allocation.md for the proof.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from heapq import heappop, heappush

from allocation.problem import Problem
from allocation.strategies.board import Board
from allocation.strategies.exact import level
from allocation.strategies.start import draw
from allocation.strategies.tally import special_costs
from allocation.stream import Stream

FAR = 1 << 200
"""More than any path costs."""


@dataclass(frozen=True, slots=True)
class Costs:
    """What pairs cost: `usual`, except for the works listed for a reviewer. Never negative; whole numbers."""

    usual: int
    special: list[dict[int, int]]

    def of(self, r: int, s: int) -> int:
        return self.special[r].get(s, self.usual)

    def total(self, board: Board) -> int:
        """Cost of the pairs on the board that are not fixed."""
        return sum(self.of(r, s) for s, reviewers in enumerate(board.into) for r in reviewers)


def pair_costs(problem: Problem, moved: int, repeated: int) -> Costs:
    """See `special_costs`."""
    return Costs(*special_costs(problem, moved, repeated))


def cheapest(problem: Problem, costs: Costs, stream: Stream, *, quotas_fit: bool) -> Board:
    """A placement of the largest number of reviews, of these the most even one, of these the cheapest.

    Parameters
    ----------
    quotas_fit : bool
        Whether all quotas can be met. Then no review up to the fewest of a work costs anything beyond its
        pair,
        and pairs of cost 0 can be placed at random to begin with.
    """
    board = Board(problem)
    if quotas_fit:
        _place_free_pairs(board, costs, stream)
    search = _ShortestPaths(board, costs, stream, flat=quotas_fit)
    while search.reach():
        search.augment()
    return board


def _place_free_pairs(board: Board, costs: Costs, stream: Stream) -> None:
    """Place pairs that cost nothing, no work above its fewest reviews. Total cost 0 is certainly the
    least."""
    problem, low = board.problem, board.problem.low
    if costs.usual == 0:
        draw(board, stream, low, {(r, s) for r, mine in enumerate(costs.special) for s in mine})
        return
    free = sorted(
        (r, s) for r, mine in enumerate(costs.special) for s, price in mine.items()
        if price == 0 and problem.allowed(r, s) and s not in board.out[r]
    )  # fmt: skip
    stream.shuffle(free)
    for r, s in free:
        if board.short[r] > 0 and board.load[s] < low[s] and problem.holder(r, s, board.out) < 0:
            board.place(r, s)


class _ShortestPaths:
    """Potentials, and the two steps that alternate: raise them by shortest distances, then augment along
    tight pairs.

    Invariant: for every pair (r, s) that may be added, price_s <= price_r + cost; for every pair that may
    be removed,
    price_r <= price_s - cost; for every work with room, price_end <= price_s + price of its next unit.
    """

    def __init__(self, board: Board, costs: Costs, stream: Stream, *, flat: bool) -> None:
        self.board, self.costs, self.flat, self.check = board, costs, flat, stream.check
        problem = board.problem
        self.price_r = [0] * len(problem.people)
        self.price_s = [0] * len(problem.works)
        self.price_end = 0
        self.unit = 1 + 2 * sum(problem.gives) * max(
            [costs.usual, *(price for mine in costs.special for price in mine.values())]
        )
        self.order = list(range(len(problem.works)))
        stream.shuffle(self.order)
        self.people = list(range(len(problem.people)))
        stream.shuffle(self.people)

    def next_unit(self, s: int) -> int:
        """Price of one more review of s; more than any difference of pair costs for each level of load."""
        problem, load = self.board.problem, self.board.load
        if self.flat and load[s] < problem.low[s]:
            return 0
        return self.unit * level(problem, s, load[s] + 1)

    def _groups(self) -> dict[int, dict[int, list[int]]]:
        """Works not reached yet, by potential and bucket."""
        bucket_of = self.board.problem.bucket_of
        groups: dict[int, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
        for s in self.order:
            groups[self.price_s[s]][bucket_of[s]].append(s)
        return groups

    def reach(self) -> bool:
        """Raise the potentials by the distances from the people below quota; False when no work with room
        is reached."""
        board, problem, costs = self.board, self.board.problem, self.costs
        price_r, price_s = self.price_r, self.price_s
        far_r: dict[int, int] = {}
        far_s: dict[int, int] = {}
        groups = self._groups()
        heights = sorted(groups, reverse=True)
        heap: list[
            tuple[int, int, int, int]
        ] = []  # distance, kind (0 person, 1 group, 2 work), person or work, height
        for r in self.people:
            if board.short[r] > 0:
                heappush(heap, (-price_r[r], 0, r, 0))
        end = FAR
        rounds = 0
        while heap and heap[0][0] < end:
            rounds += 1
            if not rounds & 1023:
                self.check()
            distance, kind, one, at = heappop(heap)
            if kind == 0 and one not in far_r:
                far_r[one] = distance
                taken = board.taken(one)
                for s, price in costs.special[one].items():
                    if s not in far_s and s not in taken and problem.allowed(one, s):
                        heappush(heap, (distance + price + price_r[one] - price_s[s], 2, s, 0))
                for x, s in board.held_by_mates(one):
                    if x not in far_r:
                        price = costs.of(one, s) - costs.of(x, s)
                        heappush(heap, (distance + price + price_r[one] - price_r[x], 0, x, 0))
                self._push_group(heap, heights, 0, one, distance)
                continue
            found: list[int] = []
            if kind == 1:
                found = self._take(groups[heights[at]], one, far_s)
                self._push_group(heap, heights, at + 1, one, far_r[one])
            elif kind == 2 and one not in far_s:
                found = [one]
            for s in found:
                far_s[s] = distance
                if board.load[s] < problem.high[s]:
                    end = min(end, distance + price_s[s] + self.next_unit(s) - self.price_end)
                for x in board.into[s]:
                    if x not in far_r:
                        heappush(heap, (distance + price_s[s] - costs.of(x, s) - price_r[x], 0, x, 0))
        if end == FAR:
            return False
        for r in range(len(price_r)):
            price_r[r] += min(far_r.get(r, end), end)
        for s in range(len(price_s)):
            price_s[s] += min(far_s.get(s, end), end)
        self.price_end += end
        return True

    def _push_group(
        self, heap: list[tuple[int, int, int, int]], heights: list[int], at: int, r: int, distance: int
    ) -> None:
        """The nearest works of usual cost: those of the highest potential that still has some."""
        if at < len(heights):
            away = max(0, self.costs.usual + self.price_r[r] - heights[at])
            heappush(heap, (distance + away, 1, r, at))

    def _take(self, by_bucket: dict[int, list[int]], r: int, reached: dict[int, int]) -> list[int]:
        """Remove from a group all works that r may take at the usual cost; the others stay for others."""
        board, problem = self.board, self.board.problem
        out, special, blocked = board.taken(r), self.costs.special[r], problem.blocked[r]
        reach = problem.reach(problem.kind_of[r])
        fits = problem.reach_set[problem.kind_of[r]]
        found = []
        for b in reach if len(reach) <= len(by_bucket) else [b for b in by_bucket if b in fits]:
            if b not in by_bucket:
                continue
            stay = []
            for s in by_bucket[b]:
                if s in out or s in blocked or s in special:
                    if s not in reached:
                        stay.append(s)
                elif s not in reached:
                    found.append(s)
            if stay:
                by_bucket[b] = stay
            else:
                del by_bucket[b]
        return found

    def augment(self) -> None:
        """Take paths of tight pairs until none is left that this round has not seen."""
        board, problem = self.board, self.board.problem
        groups = self._groups()
        seen_r: set[int] = set()
        seen_s: set[int] = set()
        for start in self.people:
            self.check()
            while board.short[start] > 0 and self.price_r[start] == 0 and start not in seen_r:
                seen_r.add(start)
                path = self._tight_path(start, groups, seen_r, seen_s)
                if path is None:
                    break
                seen_r.discard(start)
                end = path[0][1]
                board.place(*path[0])
                for (r, s), (x, _) in zip(path[1:], path, strict=False):
                    board.hand_over(s, x, r)
                if board.load[end] < problem.high[end]:
                    seen_s.discard(end)
                    groups[self.price_s[end]][problem.bucket_of[end]].append(end)

    def _tight_path(
        self, start: int, groups: dict[int, dict[int, list[int]]], seen_r: set[int], seen_s: set[int]
    ) -> list[tuple[int, int]] | None:
        """A path of tight pairs to a work with room, last pair first."""
        board, price_s, price_r = self.board, self.price_s, self.price_r
        came: dict[int, tuple[int, int]] = {}
        stack = [start]
        while stack:
            r = stack[-1]
            s = self._next_tight(r, groups, seen_s)
            if s is None:
                stack.pop()
                for x, s in board.held_by_mates(r):
                    if x not in seen_r and price_r[x] == price_r[r] + self.costs.of(r, s) - self.costs.of(
                        x, s
                    ):
                        seen_r.add(x)
                        came[x] = (r, s)
                        stack.append(x)
                continue
            seen_s.add(s)
            if board.load[s] < board.problem.high[s] and price_s[s] + self.next_unit(s) == self.price_end:
                path = [(r, s)]
                while r in came:
                    r, s = came[r]
                    path.append((r, s))
                return path
            for x in board.into[s]:
                if x not in seen_r and price_r[x] == price_s[s] - self.costs.of(x, s):
                    seen_r.add(x)
                    came[x] = (r, s)
                    stack.append(x)
        return None

    def _next_tight(self, r: int, groups: dict[int, dict[int, list[int]]], seen_s: set[int]) -> int | None:
        board, problem = self.board, self.board.problem
        out, special, blocked = board.taken(r), self.costs.special[r], problem.blocked[r]
        for s, price in special.items():
            if (
                s not in seen_s
                and s not in out
                and self.price_s[s] == self.price_r[r] + price
                and problem.allowed(r, s)
            ):
                return s
        by_bucket = groups.get(self.price_r[r] + self.costs.usual)
        if not by_bucket:
            return None
        reach = problem.reach(problem.kind_of[r])
        fits = problem.reach_set[problem.kind_of[r]]
        for b in reach if len(reach) <= len(by_bucket) else [b for b in by_bucket if b in fits]:
            works = by_bucket.get(b)
            if works is None:
                continue
            i = len(works) - 1
            while i >= 0:
                s = works[i]
                if s in seen_s:
                    works[i] = works[-1]
                    works.pop()
                    i = min(i, len(works) - 1)
                    continue
                if s not in out and s not in blocked and s not in special:
                    works[i] = works[-1]
                    works.pop()
                    return s
                i -= 1
            if not works:
                del by_bucket[b]
        return None
