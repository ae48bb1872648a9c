"""Count what the soft goals count, and how one more or one less pair changes it."""

from __future__ import annotations

from collections.abc import Sequence

from allocation.problem import Problem
from allocation.rules import Goal
from allocation.strategies.board import Board


def lexicographic(problem: Problem, goals: Sequence[Goal]) -> dict[Goal, int]:
    """Weights so large that a goal outweighs all later ones together. Islands are not counted here."""
    counted = [goal for goal in goals if goal is not Goal.CONNECTED]
    base = 1 + 2 * sum(problem.gives) * most_people(problem) + len(problem.works)
    return {goal: base ** (len(counted) - 1 - i) for i, goal in enumerate(counted)}


def most_people(problem: Problem) -> int:
    """The largest number of people that an existing or avoided pair stands for."""
    return max([1, *problem.existing.values(), *problem.avoid.values()])


class Tally:
    """The score of a board (the less the better): a weighted sum of what the goals count.

    `gain` and `loss` tell the change of the score for a pair that comes or goes; the pair itself must not
    be in
    ``board.out`` when they are called (before it is added, after it is removed).
    """

    __slots__ = (
        "able",
        "across",
        "alike",
        "authors",
        "costs",
        "level",
        "mixed",
        "out",
        "own",
        "owner",
        "reciprocal",
        "strong",
        "strong_on",
        "usual",
        "weak",
        "weak_on",
        "weights",
        "work",
    )

    def __init__(self, board: Board, weights: dict[Goal, int]) -> None:
        problem = board.problem
        self.weights = weights
        self.authors, self.own, self.out = problem.authors, problem.own, board.out
        self.alike = problem.alike
        self.owner, self.work = one_work_each(problem)
        self.reciprocal = self.weights.get(Goal.RECIPROCAL, 0)
        self.weak = self.weights.get(Goal.STRONG, 0)
        self.mixed = self.weights.get(Goal.MIXED, 0)
        self.across = self.weights.get(Goal.SAME_LEVEL, 0)
        self.able, self.level = problem.strong or [], problem.level or []
        self.strong = problem.strong if self.weak or self.mixed else None
        self.weak_on = weak_reviewers(board) if self.mixed else []
        self.strong_on = strong_reviewers(board) if self.strong is not None else []
        self.usual, self.costs = _costs(problem, self.weights)

    def gain(self, r: int, s: int) -> int:
        """Change of the score when r starts to review s."""
        change = self.usual
        if self.costs is not None:
            change = self.costs[r].get(s, self.usual)
        if self.reciprocal:
            change += self.reciprocal * self.closed_by(r, s)
        if self.across and self.able[r] != self.level[s]:
            change += self.across
        if self.strong is not None:
            if self.strong[r]:
                self.strong_on[s] += 1
                if self.strong_on[s] == 1:
                    change -= self.weak + self.mixed
            elif self.mixed:
                self.weak_on[s] += 1
                if self.weak_on[s] == 1:
                    change -= self.mixed
        return change

    def loss(self, r: int, s: int) -> int:
        """Change of the score when r no longer reviews s."""
        change = self.usual
        if self.costs is not None:
            change = self.costs[r].get(s, self.usual)
        if self.reciprocal:
            change += self.reciprocal * self.closed_by(r, s)
        if self.across and self.able[r] != self.level[s]:
            change += self.across
        if self.strong is not None:
            if self.strong[r]:
                self.strong_on[s] -= 1
                if self.strong_on[s] == 0:
                    change -= self.weak + self.mixed
            elif self.mixed:
                self.weak_on[s] -= 1
                if self.weak_on[s] == 0:
                    change -= self.mixed
        return -change

    def closed_by(self, r: int, s: int) -> int:
        """Pairs of people who review each other only because r reviews s as well."""
        if self.owner:
            return self.work[r] in self.out[self.owner[s]]
        out, own = self.out, self.own
        mine = own[r]
        if not mine:
            return 0
        closed = 0
        for a in self.authors[s]:
            back = out[a] if self.alike is None else self._all_of(a)
            if self.alike is not None and self.alike[a][0] != a:
                continue
            for t in mine:
                if t in back:
                    forth = out[r] if self.alike is None else self._all_of(r)
                    closed += not any(w in forth and w != s for w in own[a])
                    break
        return closed

    def _all_of(self, r: int) -> set[int]:
        """All works of the people who sit there, in whichever seat."""
        others = () if self.alike is None else self.alike[r]
        return self.out[r].union(*(self.out[other] for other in others))


def one_work_each(problem: Problem) -> tuple[list[int], list[int]]:
    """The author of each work, and the work of each person or -1; empty where some have several."""
    owner = [writers[0] for writers in problem.authors if len(writers) == 1]
    if len(owner) < len(problem.authors) or len(set(owner)) < len(owner):
        return [], []
    work = [-1] * len(problem.people)
    for s, author in enumerate(owner):
        work[author] = s
    return owner, work


def strong_reviewers(board: Board) -> list[int]:
    """How many strong reviewers each work has."""
    number = [0] * len(board.load)
    for able, works in zip(board.problem.strong or (), board.out, strict=False):
        if able:
            for s in works:
                number[s] += 1
    return number


def weak_reviewers(board: Board) -> list[int]:
    """How many reviewers who are not strong each work has."""
    return [load - strong for load, strong in zip(board.load, strong_reviewers(board), strict=True)]


def across_levels(board: Board) -> int:
    """Reviews of a strong person's work by somebody who is not, and the other way round."""
    strong, level = board.problem.strong or [], board.problem.level or []
    return sum(strong[r] != level[s] for r, works in enumerate(board.out) for s in works)


def one_sided(board: Board) -> int:
    """Works that may be reviewed and lack a strong reviewer, and works that lack one of the others."""
    strong, high = strong_reviewers(board), board.problem.high
    counts = zip(strong, board.load, high, strict=True)
    return sum((not able) + (load == able) for able, load, most in counts if most > 0)


def _costs(problem: Problem, weights: dict[Goal, int]) -> tuple[int, list[dict[int, int]] | None]:
    """The cost of pairs by themselves: not in the existing allocation, repeat."""
    moved = weights.get(Goal.MOVED, 0) if problem.existing else 0
    repeated = weights.get(Goal.REPEATS, 0) if problem.avoid else 0
    return special_costs(problem, moved, repeated) if moved or repeated else (0, None)


def special_costs(problem: Problem, moved: int, repeated: int) -> tuple[int, list[dict[int, int]]]:
    """What a pair costs by itself, and the pairs that cost something else.

    A pair that is not in the existing allocation costs ``moved``, a repeat ``repeated`` on top; for each of
    the people that a pair stands for.
    """
    usual = moved * max(problem.existing.values(), default=1)
    costs: list[dict[int, int]] = [{} for _ in problem.people]
    for (r, s), people in problem.existing.items() if moved else ():
        costs[r][s] = usual - moved * people
    for (r, s), people in problem.avoid.items() if repeated else ():
        costs[r][s] = costs[r].get(s, usual) + repeated * people
    return usual, costs


def first_seat(problem: Problem, r: int) -> int:
    """The seat by which whoever sits there is counted."""
    return r if problem.alike is None else problem.alike[r][0]


def reciprocal_slots(board: Board) -> list[tuple[int, int]]:
    """Pairs (r, s) that may be moved and that take part in two people reviewing each other."""
    problem, out = board.problem, board.out
    owner, work = one_work_each(problem)
    if owner:
        returned = zip(board.into, map(out.__getitem__, owner), strict=True)
        return [(r, s) for s, (mine, back) in enumerate(returned) for r in mine if work[r] in back]
    found = []
    for s, reviewers in enumerate(board.into):
        for r in reviewers:
            mine = problem.own[r]
            if any(t in out[a] for a in problem.authors[s] for t in mine):
                found.append((r, s))
    return found


def weak_works(board: Board) -> list[int]:
    """Works that may be reviewed and have no strong reviewer."""
    return [s for s, number in enumerate(strong_reviewers(board)) if not number and board.problem.high[s] > 0]


def mutual_people(board: Board) -> list[tuple[int, int]]:
    """Pairs of people who review each other, sorted."""
    problem = board.problem
    owner, work = one_work_each(problem)
    if owner:
        out = board.out
        met = ((r, owner[s]) for r, works in enumerate(out) for s in works if work[r] in out[owner[s]])
        return sorted(pair for pair in met if pair[0] < pair[1])
    arcs = {(r, a) for r, works in enumerate(board.out) for s in works for a in problem.authors[s]}
    if problem.alike is not None:
        arcs = {(problem.alike[r][0], problem.alike[a][0]) for r, a in arcs}
    return sorted((r, a) for r, a in arcs if r < a and (a, r) in arcs)


def reciprocal_people(board: Board) -> int:
    """Number of pairs of people who review each other."""
    return len(mutual_people(board))


def measure(board: Board, goals: Sequence[Goal]) -> dict[Goal, int]:
    """What each of these goals counts on the board, from scratch."""
    problem = board.problem
    count = {
        Goal.MOVED: lambda: sum(n for (r, s), n in problem.existing.items() if s not in board.out[r]),
        Goal.REPEATS: lambda: sum(n for (r, s), n in problem.avoid.items() if s in board.out[r]),
        Goal.RECIPROCAL: lambda: reciprocal_people(board),
        Goal.STRONG: lambda: len(weak_works(board)),
        Goal.SAME_LEVEL: lambda: across_levels(board),
        Goal.MIXED: lambda: one_sided(board),
        Goal.CONNECTED: lambda: number_of_islands(board),
    }
    return {goal: count[goal]() for goal in goals}


def number_of_islands(board: Board) -> int:
    """Islands that hold at least one review."""
    island = islands(board)
    return len({island[r] for r, works in enumerate(board.out) if works})


def islands(board: Board) -> list[int]:
    """For each person and then each work the number of its island (connected part of the comparison
    graph)."""
    n = len(board.out)
    parent = list(range(n + len(board.load)))

    def join(one: int, other: int) -> None:
        while parent[one] != one:
            parent[one] = one = parent[parent[one]]
        while parent[other] != other:
            parent[other] = other = parent[parent[other]]
        parent[other] = one

    for r, some in enumerate(board.problem.alike or ()):
        join(some[0], r)
    for s, writers in enumerate(board.problem.authors):
        if board.load[s]:
            for a in writers:
                join(a, n + s)
    for r, works in enumerate(board.out):
        top = r
        for s in works:
            one = n + s
            while parent[top] != top:
                parent[top] = top = parent[parent[top]]
            while parent[one] != one:
                parent[one] = one = parent[parent[one]]
            parent[one] = top
    for one in range(len(parent)):
        top = one
        while parent[top] != top:
            parent[top] = top = parent[parent[top]]
        parent[one] = top
    return parent
