"""Bring goals to their optimum by cancelling negative cycles: proven where a sum of prices can tell them.

A pair has a price (moved, repeat, between levels), and the first strong reviewer of a work a reward, as has
the first of the others where both are wanted. Rewards fall with each further reviewer, so the problem stays a
minimum-cost flow: between the reviewers of one level and a work there is a *gate*, whose first unit earns the
reward. An allocation is optimal if and only if its residual graph has no cycle of negative price (Klein
1967). Cycles are looked for by correcting labels (Bellman, Ford) on the implicit pair graph: works that have
not been reached cheaper yet are kept by bucket and label, so that nobody looks at all pairs. All cycles that
one look at the labels shows are cancelled together: they have no node in common.

Two people who review each other are no sum of prices: what a review costs depends on whether it is
answered. There `improve` takes the prices of the moment, checks each cycle by counting, and takes those back
that do not help. It ends at an allocation that no such cycle makes better; `cancel` without that goal tells
what is proven.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from allocation.problem import Problem
from allocation.rules import Goal
from allocation.strategies.board import Board
from allocation.strategies.exact import level
from allocation.strategies.tally import Tally, lexicographic, special_costs
from allocation.stream import Stream

PRICED = (Goal.MOVED, Goal.REPEATS, Goal.STRONG, Goal.SAME_LEVEL, Goal.MIXED)
"""The goals that prices can tell."""
COUNTED = (*PRICED, Goal.RECIPROCAL)
"""The goals that `improve` counts."""
FAILURES = 12
"""Looks in a row of which no cycle helped, after which `improve` ends."""

EFFORT = 4_000_000
"""Labels corrected and works passed over before it is given up unproven, beside some for each node."""


@dataclass(frozen=True, slots=True)
class Prices:
    """What the pairs of an allocation cost, the earlier goal above all later ones.

    Attributes
    ----------
    usual, special
        Price of a pair, except for the works listed for a reviewer.
    across : int
        Added where one of reviewer and work is strong and the other is not.
    reward : (int, int)
        What the first reviewer who is not strong, and the first who is, take off.
    met : int
        Added where the review is answered by another one on the board; only for `improve`.
    """

    usual: int
    special: list[dict[int, int]]
    across: int
    reward: tuple[int, int]
    met: int = 0


def prices(problem: Problem, goals: Sequence[Goal], counted: Sequence[Goal] = PRICED) -> Prices:
    """The prices of those of the goals that are ``counted``, in their order."""
    weights = lexicographic(problem, [goal for goal in goals if goal in counted])
    moved = weights.get(Goal.MOVED, 0) if problem.existing else 0
    repeated = weights.get(Goal.REPEATS, 0) if problem.avoid else 0
    usual, special = special_costs(problem, moved, repeated)
    mixed = weights.get(Goal.MIXED, 0)
    reward = (mixed, mixed + weights.get(Goal.STRONG, 0))
    met = weights.get(Goal.RECIPROCAL, 0)
    return Prices(usual, special, weights.get(Goal.SAME_LEVEL, 0), reward, met)


def cancel(board: Board, costs: Prices, stream: Stream) -> bool:
    """Make the board as cheap as it can be without changing what people give or how even the loads are.

    Only for sums of prices (``costs.met`` is 0) and where co-authors may review what they like.

    Returns
    -------
    bool
        Whether the result is proven; False when the effort ran out, with the best board so far.
    """
    effort = EFFORT + 400 * (len(board.out) + len(board.load))
    while True:
        search = _Search(board, costs, effort)
        cycles = search.negative_cycles(stream)
        effort = search.effort
        if not cycles:
            return effort > 0
        for cycle in cycles:
            _change(board, search.reviews(cycle))


def improve(board: Board, goals: Sequence[Goal], stream: Stream, effort: int) -> int:
    """Make the board better in all these goals, `Goal.RECIPROCAL` and co-authors included, as long as a cycle
    does.

    Returns
    -------
    int
        The effort that is left.
    """
    problem = board.problem
    costs = prices(problem, goals, COUNTED)
    tally = Tally(board, lexicographic(problem, goals))
    refused: set[tuple[int, int]] = set()
    failures = 0
    while effort > 0 and failures < FAILURES:
        search = _Search(board, costs, effort, refused)
        cycles = search.negative_cycles(stream)
        effort = search.effort
        if not cycles:
            return effort
        helped = False
        for cycle in cycles:
            given_up, taken = search.reviews(cycle)
            if _change_if_better(board, tally, given_up, taken):
                helped = True
                refused.difference_update(taken)
            elif not helped:  # afterwards prices have changed, and it may look better in the next round
                refused.update(taken)
        failures = 0 if helped else failures + 1
    return effort


Reviews = list[tuple[int, int]]


def _change(board: Board, reviews: tuple[Reviews, Reviews]) -> None:
    for r, s in reviews[0]:
        board.remove(r, s)
    for r, s in reviews[1]:
        board.place(r, s)


def _change_if_better(board: Board, tally: Tally, given_up: Reviews, taken: Reviews) -> bool:
    """Change the board, and take it back if it is no better or a rule between co-authors would break."""
    if any(s not in board.out[r] for r, s in given_up):
        return False
    change = 0
    for r, s in given_up:
        board.remove(r, s)
        change += tally.loss(r, s)
    done = 0
    for r, s in taken:
        if s in board.out[r] or board.problem.holder(r, s, board.out) >= 0:
            break
        change += tally.gain(r, s)
        board.place(r, s)
        done += 1
    if done == len(taken) and change < 0:
        return True
    for r, s in reversed(taken[:done]):
        board.remove(r, s)
        tally.loss(r, s)
    for r, s in reversed(given_up):
        tally.gain(r, s)
        board.place(r, s)
    return False


class _Search:
    """Labels of people, works, gates and of the ends where works of one level of load exchange reviews.

    Nodes are numbered: people, works, gates of those who are not strong, gates of the strong, ends.
    """

    def __init__(
        self, board: Board, costs: Prices, effort: int, refused: Collection[tuple[int, int]] = ()
    ) -> None:
        problem = board.problem
        self.board, self.costs, self.effort = board, costs, effort
        self.special = costs.special
        if costs.met or refused or problem.mates is not None:
            self._price_answers(refused)
        self.people, self.works = len(board.out), len(board.load)
        self.able = problem.strong or [False] * self.people
        self.level = problem.level or [False] * self.works
        self.by_class = [[0, 0] for _ in board.load]
        for s, into in enumerate(board.into):
            for r in into:
                self.by_class[s][self.able[r]] += 1
        self.gated = [[reward > 0] * self.works for reward in costs.reward]
        for r, s in problem.locked:
            self.gated[self.able[r]][s] = False
        self.ends: dict[int, int] = {}
        self.full_at: dict[int, list[int]] = defaultdict(list)
        first_end = self.people + 3 * self.works
        for s, load in enumerate(board.load):
            for unit in ([load] if board.into[s] else []) + ([load + 1] if load < problem.high[s] else []):
                self.ends.setdefault(level(problem, s, unit), first_end + len(self.ends))
            if board.into[s]:
                self.full_at[self.ends[level(problem, s, load)]].append(s)
        self.label = [0] * (first_end + len(self.ends))
        self.parent = [-1] * len(self.label)
        self.queued = [False] * len(self.label)
        self.used = [False] * len(self.label)
        self.queue: deque[int] = deque()
        self.groups: dict[tuple[bool, bool, int], dict[int, list[int]]] = defaultdict(
            lambda: defaultdict(list)
        )
        for s in range(self.works):
            for able in (False, True):
                self._list(s, able)

    def _price_answers(self, refused: Collection[tuple[int, int]]) -> None:
        """Prices of reviews that would be answered by one on the board, or are answered; reviews that were
        refused before, and those that a co-author has, cost more than anything gains."""
        board, costs = self.board, self.costs
        problem = board.problem
        special = [dict(mine) for mine in costs.special]
        tally = Tally(board, {Goal.RECIPROCAL: 1})
        for s, reviewers in enumerate(self._all_reviewers() if costs.met else ()):
            for x in reviewers:
                for a in problem.authors[s]:
                    for t in problem.own[x]:
                        met = costs.met * tally.closed_by(a, t)
                        special[a][t] = costs.special[a].get(t, costs.usual) + met
        far = 1 + 4 * sum((costs.usual, costs.across, *costs.reward, costs.met))
        for r, s in refused:
            special[r][s] = special[r].get(s, costs.usual) + far
        for r, mates in enumerate(problem.mates or ()):
            for x in mates:
                for s in board.out[x]:
                    special[r][s] = special[r].get(s, costs.usual) + far
        self.special = special

    def _all_reviewers(self) -> list[list[int]]:
        reviewers: list[list[int]] = [[] for _ in self.board.load]
        for r, mine in enumerate(self.board.out):
            for s in mine:
                reviewers[s].append(r)
        return reviewers

    def reviews(self, cycle: list[tuple[int, int]]) -> tuple[Reviews, Reviews]:
        """The reviews that a cycle gives up, and those that it takes."""
        given_up = [(v, self.work(u)) for u, v in cycle if v < self.people <= u]
        taken = [(u, self.work(v)) for u, v in cycle if u < self.people <= v]
        return given_up, taken

    def work(self, node: int) -> int:
        """The work of a work or gate."""
        return (node - self.people) % self.works

    def _entry(self, s: int, able: bool) -> int:
        """Where reviewers of this level come to a work: its gate or the work itself."""
        return self.people + s + (self.works * (1 + able) if self.gated[able][s] else 0)

    def _list(self, s: int, able: bool) -> None:
        """Note a work under the label by which reviewers of this level would come to it."""
        key = (able, self.level[s], self.board.problem.bucket_of[s])
        self.groups[key][self.label[self._entry(s, able)]].append(s)

    def negative_cycles(self, stream: Stream) -> list[list[tuple[int, int]]]:
        """The arcs of cycles of negative price without a common node, as many as one pass of corrections
        shows; none when there is none, or the effort runs out.

        A node of a cycle that was found takes no part any more, so that the others come to light as well.
        """
        for node in range(self.people, self.people + 3 * self.works):
            self._push(node)
        found: list[list[tuple[int, int]]] = []
        every = max(64, len(self.label) // 2)
        until_look = self.effort - every
        while self.queue and self.effort > 0:
            node = self.queue.popleft()
            self.queued[node] = False
            if self.used[node]:
                continue
            self._pass_on(node)
            if self.effort < until_look:
                stream.check()
                for cycle in self._cycles_of_parents():
                    found.append(cycle)
                    for _, one in cycle:
                        self.used[one], self.parent[one] = True, -1
                until_look = self.effort - every
        return found

    def _push(self, node: int) -> None:
        if not self.queued[node]:
            self.queued[node] = True
            self.queue.append(node)

    def _correct(self, node: int, label: int, parent: int) -> None:
        self.effort -= 1
        if label >= self.label[node] or self.used[node]:
            return
        self.label[node], self.parent[node] = label, parent
        self._push(node)
        if self.people <= node < self.people + 3 * self.works:
            s = self.work(node)
            for able in (False, True):
                if self._entry(s, able) == node:
                    self._list(s, able)

    def _price(self, r: int, s: int) -> int:
        costs = self.costs
        between = costs.across if self.able[r] != self.level[s] else 0
        return self.special[r].get(s, costs.usual) + between

    def _pass_on(self, node: int) -> None:
        """Correct the labels behind this node."""
        board, people, works = self.board, self.people, self.works
        label = self.label[node]
        if node < people:
            self._from_person(node, label)
        elif node >= people + 3 * works:
            for s in self.full_at[node]:
                self._correct(people + s, label, node)
        elif node >= people + works:
            s, able = self.work(node), node >= people + 2 * works
            if self.gated[able][s]:
                first = self.by_class[s][able] == 0
                self._correct(people + s, label - (self.costs.reward[able] if first else 0), node)
                self._give_up(node, s, able)
        else:
            s = node - people
            for able in (False, True):
                if not self.gated[able][s]:
                    self._give_up(node, s, able)
                elif self.by_class[s][able]:
                    only = self.by_class[s][able] == 1
                    price = self.costs.reward[able] if only else 0
                    self._correct(self._entry(s, able), label + price, node)
            load = board.load[s]
            if load < board.problem.high[s]:
                self._correct(self.ends[level(board.problem, s, load + 1)], label, node)

    def _give_up(self, node: int, s: int, able: bool) -> None:
        """Reviewers of this level may give the work up."""
        label = self.label[node]
        for x in self.board.into[s]:
            if self.able[x] is able:
                self._correct(x, label - self._price(x, s), node)

    def _from_person(self, r: int, label: int) -> None:
        """Works that r may take; at the usual price those of higher labels only."""
        problem, costs = self.board.problem, self.costs
        out, blocked, special, able = self.board.out[r], problem.blocked[r], self.special[r], self.able[r]
        for s in special:
            if s not in out and problem.allowed(r, s):
                self._correct(self._entry(s, able), label + self._price(r, s), r)
        for b in problem.reach(problem.kind_of[r]):
            for strong in (False, True):
                groups = self.groups.get((able, strong, b))
                if not groups:
                    continue
                price = label + costs.usual + (costs.across if able != strong else 0)
                for height in [one for one in groups if one > price]:
                    works = groups.pop(height)
                    stay = []
                    for s in works:
                        entry = self._entry(s, able)
                        if self.label[entry] != height:
                            continue
                        if s in out or s in blocked or s in special:
                            self.effort -= 1
                            stay.append(s)
                        else:
                            self._correct(entry, price, r)
                    if stay:
                        groups[height] += stay

    def _cycles_of_parents(self) -> list[list[tuple[int, int]]]:
        """The cycles among the parents, each of negative price, or nothing would have been corrected round
        it. Nobody has two parents, so they have no node in common."""
        state = [0] * len(self.label)
        found = []
        for start in range(len(self.label)):
            path = []
            node = start
            while node >= 0 and not state[node]:
                state[node] = start + 1
                path.append(node)
                node = self.parent[node]
            if node >= 0 and state[node] == start + 1 and path:
                around = path[path.index(node) :]
                found.append([(self.parent[one], one) for one in around])
        return found
