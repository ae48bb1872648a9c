"""Decide exactly whether people can be kept from reviewing each other (``reciprocal="forbid"``), in small
classes.

The question is NP-hard in general, so this is a search: branch and bound over pairs of people who review each
other in a flow. At each node a flow that ignores the rule is brought to the largest number of reviews and the
most even loads (`oneway_flow`); it is the best that any allocation below the node can have. If nobody reviews
each other in it, it is the answer for the node. Otherwise one of two reviews that answer each other must go:
one branch keeps the first and bars everything that would answer it, the other branch bars it.

Before each flow, quotas are propagated: who has no more choices than reviews to give must give all of them,
and what answers a settled review is barred. In classes of one submission each a second relaxation counts
pairs of people: each pair can carry one review only, in one direction.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from allocation.problem import Problem
from allocation.strategies.board import Board
from allocation.strategies.oneway_flow import Flow, Table, bits
from allocation.strategies.tally import first_seat
from allocation.stream import Stream

LARGEST = 60
"""People up to whom the search is made."""
NODES, LARGE_NODES = 20_000, 240_000
"""Nodes after which the search ends undecided; in a larger class the limit for all people together."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The best allocation without people who review each other that was found, and whether it is proven.

    Attributes
    ----------
    board : Board, optional
        None: none was found. If that is ``proven``, none exists.
    proven : bool
        Nothing better exists: more reviews, or as many with more even loads.
    """

    board: Board | None
    proven: bool


def decide(problem: Problem, stream: Stream, *, quotas: bool, nodes: int | None = None) -> Answer:
    """The best allocation in which nobody reviews each other.

    Parameters
    ----------
    quotas : bool
        Whether all quotas must be met. Otherwise: as many reviews as possible, of these the most even ones.
    """
    if nodes is None:
        nodes = min(NODES, LARGE_NODES // len(problem.people))
    search = _Search(problem, stream, quotas=quotas, nodes=nodes)
    search.run()
    if search.best is None:
        return Answer(None, search.left > 0)
    return Answer(_as_board(problem, search.best), search.left > 0)


def _as_board(problem: Problem, out: list[int]) -> Board:
    board = Board(problem)
    for r, mine in enumerate(out):
        for s in bits(mine):
            if s not in board.out[r]:
                board.place(r, s)
    return board


class Conflicts:
    """Which reviews answer each other: r -> s, where an author of s reviews something of those at seat r."""

    def __init__(self, problem: Problem) -> None:
        self.first = [first_seat(problem, r) for r in range(len(problem.people))]
        self.seats: dict[int, list[int]] = defaultdict(list)
        for r, p in enumerate(self.first):
            self.seats[p].append(r)
        self.writers = [sorted({self.first[a] for a in some}) for some in problem.authors]
        self.own: dict[int, int] = defaultdict(int)
        for s, some in enumerate(self.writers):
            for p in some:
                self.own[p] |= 1 << s
        arcs = {(self.first[r], p) for r, s in problem.locked for p in self.writers[s]}
        self.excused = {(p, q) for p, q in arcs if (q, p) in arcs}
        """People who review each other because fixed pairs say so; that is no fault."""

    def answers(self, r: int, s: int) -> list[tuple[int, int]]:
        """Seats and bits of submissions that must not be reviewed there when r reviews s."""
        p = self.first[r]
        mine = self.own.get(p, 0)
        if not mine:
            return []
        others = (q for q in self.writers[s] if (p, q) not in self.excused)
        return [(x, mine) for q in others for x in self.seats[q]]

    def on(self, out: list[int]) -> list[tuple[int, int, int, int]]:
        """Reviews that answer each other: r -> s and x -> t, each such couple once."""
        found = []
        for r, mine in enumerate(out):
            for s in bits(mine):
                for x, barred in self.answers(r, s):
                    if x > r:
                        found += [(r, s, x, t) for t in bits(out[x] & barred)]
        return found


class _Search:
    def __init__(self, problem: Problem, stream: Stream, *, quotas: bool, nodes: int) -> None:
        self.problem, self.stream, self.quotas, self.left = problem, stream, quotas, nodes
        self.conflicts = Conflicts(problem)
        self.single = _one_each(problem)
        self.best: list[int] | None = None
        self.score = (1 << 60, 1 << 60)
        """Reviews that are missing, and the sum of the levels of all reviews: the less the better."""

    def run(self) -> None:
        root = Table.of(self.problem)
        if not self._bar_answers(root, list(self._settled(root))):
            return
        stack = [root]
        lowest: tuple[int, int] | None = None
        while stack and self.left > 0:
            self.left -= 1
            if not self.left & 63:
                self.stream.check()
            table = stack.pop()
            if not self._propagate(table) or not self._room_for_all(table):
                continue
            flow = Flow(self.problem, table, quotas=self.quotas)
            if not flow.fill():
                continue
            score = flow.score()
            lowest = score if lowest is None else lowest
            if score >= self.score:
                continue
            met = self.conflicts.on(table.out)
            if not met:
                self.best, self.score = list(table.out), score
                self.left = max(1, self.left // 2)  # what is left is only about how even the loads are
                if score == lowest:
                    return
                continue
            stack += self._branches(table, met)
        if stack:
            self.left = 0

    def _branches(self, table: Table, met: list[tuple[int, int, int, int]]) -> list[Table]:
        """Two nodes; the one that is searched first comes last."""
        gives = self.problem.gives

        def freedom(r: int) -> int:
            return table.rows[r].bit_count() - gives[r]

        tight = min(freedom(r) + freedom(x) for r, _, x, _ in met)
        some = [one for one in met if freedom(one[0]) + freedom(one[2]) == tight]
        r, s, x, t = some[self.stream.below(len(some))]
        if table.forced[r] >> s & 1 or (not table.forced[x] >> t & 1 and freedom(x) < freedom(r)):
            r, s = x, t
        without = table.copy()
        without.bar(r, s)
        kept = table.copy()
        kept.forced[r] |= 1 << s
        return [without, kept] if self._bar_answers(kept, [(r, s)]) else [without]

    def _settled(self, table: Table) -> list[tuple[int, int]]:
        return [(r, s) for r, mine in enumerate(table.forced) for s in bits(mine)]

    def _bar_answers(self, table: Table, settled: list[tuple[int, int]]) -> bool:
        """Bar what answers these reviews; False when that is settled as well."""
        for r, s in settled:
            for x, barred in self.conflicts.answers(r, s):
                if table.forced[x] & barred:
                    return False
                table.bar_all(x, barred)
            if self.problem.mates is not None:
                for x in self.problem.mates[r]:
                    if not table.forced[x] >> s & 1:
                        table.bar(x, s)
        return True

    def _propagate(self, table: Table) -> bool:
        """Settle what quotas leave no choice about, again and again; False when a quota cannot be met."""
        problem = self.problem
        changed = True
        while changed:
            changed = False
            new: list[tuple[int, int]] = []
            for r, wanted in enumerate(problem.gives):
                row, forced = table.rows[r], table.forced[r]
                if row.bit_count() > wanted and forced.bit_count() >= wanted:
                    table.bar_all(r, row & ~forced)
                    changed = True
                elif self.quotas and row.bit_count() <= wanted and row != forced:
                    if row.bit_count() < wanted:
                        return False
                    new += [(r, s) for s in bits(row & ~forced)]
                elif self.quotas and row.bit_count() < wanted:
                    return False
            settled = [0] * len(problem.works)
            for forced in table.forced:
                for s in bits(forced):
                    settled[s] += 1
            for s, column in enumerate(table.columns):
                possible = column.bit_count()
                if settled[s] >= problem.high[s] and possible > settled[s]:
                    for r in bits(column):
                        if not table.forced[r] >> s & 1:
                            table.bar(r, s)
                    changed = True
                elif self.quotas and possible <= problem.low[s]:
                    if possible < problem.low[s]:
                        return False
                    new += [(r, s) for r in bits(column) if not table.forced[r] >> s & 1]
            for r, s in new:
                if table.forced[r] >> s & 1:
                    continue
                if not table.rows[r] >> s & 1:
                    return False
                table.forced[r] |= 1 << s
                changed = True
                if not self._bar_answers(table, [(r, s)]):
                    return False
        return True

    def _room_for_all(self, table: Table) -> bool:
        """Whether each pair of people carrying one review leaves enough for all who give, and for all who
        receive (only counted where everybody has one submission of their own)."""
        if not self.quotas or self.single is None:
            return True
        n, work = len(self.problem.people), self.single
        forth = [0] * n  # bits of the people whom each may review
        for s, column in enumerate(table.columns):
            author = self.conflicts.writers[s][0]
            for r in bits(column):
                forth[r] |= 1 << author
        back = [0 if work[p] < 0 else table.columns[work[p]] for p in range(n)]
        lows = [0 if work[p] < 0 else self.problem.low[work[p]] for p in range(n)]
        for p in range(n):
            if any((p, q) in self.conflicts.excused for q in bits(forth[p] & back[p])):
                return True
            if (forth[p] | back[p]).bit_count() < self.problem.gives[p] + lows[p]:
                return False
        return _orient(self.problem.gives, forth, back) and _orient(lows, back, forth)


def _one_each(problem: Problem) -> list[int] | None:
    """The submission of each person or -1; None where somebody or a submission has several."""
    if problem.alike is not None or any(len(some) != 1 for some in problem.authors):
        return None
    if any(len(mine) > 1 for mine in problem.own):
        return None
    return [mine[0] if mine else -1 for mine in problem.own]


def _orient(wanted: list[int], forth: list[int], back: list[int]) -> bool:
    """Whether pairs of people can be dealt out so that everybody has as many as wanted.

    ``forth[p]`` are the people with whom p could use the pair, ``back[p]`` those who could use it with p.
    """
    n = len(wanted)
    lack = [wanted[p] - (forth[p] & ~back[p]).bit_count() for p in range(n)]
    contested = [forth[p] & back[p] for p in range(n)]
    mine = [0] * n
    free = list(contested)
    for p in range(n):
        while lack[p] > 0:
            came = {p: -1}
            queue = [p]
            end = -1
            for q in queue:
                if free[q]:
                    end = q
                    break
                for other in bits(contested[q] & ~mine[q]):  # owned by the other one
                    if other not in came:
                        came[other] = q
                        queue.append(other)
            if end < 0:
                return False
            taken = (free[end] & -free[end]).bit_length() - 1
            free[end] &= ~(1 << taken)
            free[taken] &= ~(1 << end)
            mine[end] |= 1 << taken
            while came[end] >= 0:
                before = came[end]
                mine[end] &= ~(1 << before)
                mine[before] |= 1 << end
                end = before
            lack[p] -= 1
    return True
