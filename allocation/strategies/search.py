"""Meet the goals that are not linear: reciprocal pairs, strong reviewers, islands.

The fewest reciprocal pairs are NP-hard to find in general (already for one review each, with forbidden
pairs, it is a cycle cover without
2-cycles), so this is a search with a budget counted in moves: first moves aimed at each defect, then
annealing. A lower bound is reported
beside the result.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from allocation.problem import Problem
from allocation.rules import Goal
from allocation.strategies.board import Board
from allocation.strategies.circles import exchange
from allocation.strategies.exact import augment
from allocation.strategies.tally import (
    Tally,
    first_seat,
    one_sided,
    reciprocal_people,
    reciprocal_slots,
    weak_works,
)
from allocation.strategies.walk import LONG, SHORT, Walk
from allocation.stream import Stream

SWAPS = 12
"""Exchanges of two reviews tried for one defect, before moves are aimed at it."""
AIMED = 15
"""Moves aimed at one defect before the next one has its turn."""
AIMED_STEPS = 20_000
"""Steps of the walk after which aiming gives up, beside a few for each review."""
ROUNDS, TURNS = 8, 2
PROGRESS = 10
"""Exchanges go on as long as a round repairs at least one defect in this number."""
MANY = 20
"""Moves are aimed only where fewer than one review in this number is at a defect."""


def aim(board: Board, tally: Tally, stream: Stream, bounds: dict[Goal, int]) -> None:
    """Repair defects one by one with moves that start at them and never make the score worse."""
    if tally.across:
        _match_levels(board, tally, stream)
    slots = _defects(board, tally, bounds)
    for _ in range(ROUNDS):
        before = len(slots)
        for r, s in slots:
            _swap(board, tally, stream, r, s)
        slots = _defects(board, tally, bounds) if slots else []
        if len(slots) * PROGRESS >= before * (PROGRESS - 1):
            break
    if len(slots) * MANY > sum(board.load):
        return  # earlier goals stand in the way of most of them
    walk = Walk(board, tally, stream) if slots else None
    for turn in range(TURNS):
        if walk is None or not slots or walk.futile() or walk.steps > AIMED_STEPS + 4 * len(board.out):
            return
        steps = LONG if turn else 2 * SHORT
        for r, s in slots:
            e = next((e for e in walk.slots[s] if walk.rev[e] == r), -1)
            for _ in range(AIMED if e >= 0 else 0):
                change = walk.move(e, max(1, walk.weight // 4), steps, 0)
                if change is not None and change < 0:
                    break
        walk.store()
        slots = _defects(board, tally, bounds)


def _match_levels(board: Board, tally: Tally, stream: Stream) -> None:
    """Exchange reviews of strong people at others' submissions with the opposite ones, bucket by bucket."""
    problem, able, level = board.problem, tally.able, tally.level
    crossing: dict[tuple[int, bool], list[tuple[int, int]]] = defaultdict(list)
    for s, reviewers in enumerate(board.into):
        for r in reviewers:
            if able[r] != level[s]:
                crossing[problem.bucket_of[s], able[r]].append((r, s))
    for bucket in range(len(problem.buckets)):
        ours, theirs = crossing[bucket, True], crossing[bucket, False]
        stream.shuffle(theirs)
        for r, s in ours:
            for at in range(len(theirs) - 1, max(-1, len(theirs) - 1 - SWAPS), -1):
                x, t = theirs[at]
                if t in board.out[r] or s in board.out[x]:
                    continue
                if not problem.allowed(r, t) or not problem.allowed(x, s):
                    continue
                if not board.takes_over(r, t, x) or not board.takes_over(x, s, r):
                    continue
                if exchange(board, tally, r, s, x, t) < 0:
                    theirs[at] = theirs[-1]
                    theirs.pop()
                    break
                exchange(board, tally, r, t, x, s)


def _swap(board: Board, tally: Tally, stream: Stream, r: int, s: int) -> None:
    """Repair the defect at r -> s by exchanging it with a random other review, if that is still needed."""
    problem, out, into = board.problem, board.out, board.into
    if r not in into[s] or not _is_defect(board, tally, r, s):
        return
    mine = problem.pool[r]
    for _ in range(SWAPS):
        t = mine[stream.below(len(mine))]
        if t in out[r] or not into[t] or not problem.allowed(r, t):
            continue
        x = into[t][stream.below(len(into[t]))]
        if s in out[x] or not problem.allowed(x, s):
            continue
        if not board.takes_over(r, t, x) or not board.takes_over(x, s, r):
            continue
        if exchange(board, tally, r, s, x, t) < 0:
            return
        exchange(board, tally, r, t, x, s)


def _is_defect(board: Board, tally: Tally, r: int, s: int) -> bool:
    mine = board.problem.own[r]
    if tally.reciprocal and any(t in board.out[a] for a in board.problem.authors[s] for t in mine):
        return True
    return tally.strong is not None and (
        not tally.strong_on[s] or (bool(tally.mixed) and not tally.weak_on[s])
    )


def _defects(board: Board, tally: Tally, bounds: dict[Goal, int]) -> list[tuple[int, int]]:
    """Pairs that may be moved and sit in a defect which the lower bounds do not excuse."""
    slots: list[tuple[int, int]] = []
    if tally.reciprocal:
        mutual = reciprocal_slots(board)
        if mutual and reciprocal_people(board) > bounds.get(Goal.RECIPROCAL, 0):
            slots += mutual
    if tally.strong is not None:
        weak = weak_works(board)
        if tally.weak and len(weak) > bounds.get(Goal.STRONG, 0):
            slots += [(r, s) for s in weak for r in board.into[s]]
        if tally.mixed and one_sided(board) > bounds.get(Goal.MIXED, 0):
            lone = [s for s, into in enumerate(board.into) if not tally.strong_on[s] or not tally.weak_on[s]]
            slots += [(r, s) for s in lone for r in board.into[s]]
    return slots


def fewest_islands(problem: Problem) -> int:
    """Parts of the roster that not even all allowed reviews together would join (blocked pairs aside)."""
    n, w = len(problem.people), len(problem.works)
    parent = list(range(n + w))

    def join(one: int, other: int) -> None:
        while parent[one] != one:
            parent[one] = one = parent[parent[one]]
        while parent[other] != other:
            parent[other] = other = parent[parent[other]]
        parent[one] = other

    if problem.parts is None:
        first: dict[int, int] = {}
        for s, part in enumerate(_joined_buckets(problem)):
            join(n + s, first.setdefault(part, n + s))
        for r, kind in enumerate(problem.kind_of):
            if problem.reach_set[kind]:
                join(r, n + problem.buckets[next(iter(problem.reach_set[kind]))][0])
    else:
        for works in {id(some): some for mine in problem.parts for some in mine}.values():
            for s in works:
                join(n + s, n + works[0])
        for r, mine in enumerate(problem.parts):
            for works in mine:
                join(r, n + works[0])
    for s, writers in enumerate(problem.authors):
        for a in writers:
            join(a, n + s)
    for r, s in problem.locked:
        join(r, n + s)
    for r, some in enumerate(problem.alike or ()):
        join(r, some[0])
    roots = set()
    for one, gives in enumerate(problem.gives):
        top = one
        while parent[top] != top:
            top = parent[top]
        if gives:
            roots.add(top)
    return len(roots)


def _joined_buckets(problem: Problem) -> list[int]:
    """For each work the number of its part: buckets that one kind of people reaches are of one part."""
    part = list(range(len(problem.buckets)))
    members = [[b] for b in part]
    for reached in problem.reach_set:
        parts = sorted(set(map(part.__getitem__, reached)), key=lambda one: len(members[one]))
        for smaller in parts[:-1]:
            for b in members[smaller]:
                part[b] = parts[-1]
            members[parts[-1]] += members[smaller]
    return [part[b] for b in problem.bucket_of]


def fixed_reciprocal(problem: Problem) -> int:
    """Pairs of people who review each other because fixed pairs say so."""
    arcs = {
        (first_seat(problem, r), first_seat(problem, a))
        for r, s in problem.locked
        for a in problem.authors[s]
    }
    return sum(1 for r, a in arcs if r < a and (a, r) in arcs)


def crowded(problem: Problem) -> int:
    """Among m people with one own work each, more than m(m-1)/2 reviews must close some pairs.

    Counted over all people, and by bucket where those who can only review there have their own works there.
    """
    if any(len(mine) > 1 for mine in problem.own) or any(len(writers) > 1 for writers in problem.authors):
        return 0
    everybody = set(range(len(problem.people)))
    total = _excess(problem, everybody, everybody)
    if problem.locked or problem.parts is not None:
        return total
    owner_bucket = {problem.authors[s][0]: b for s, b in enumerate(problem.bucket_of)}
    inside: dict[int, set[int]] = defaultdict(set)
    for r, kind in enumerate(problem.kind_of):
        if len(problem.reach_set[kind]) == 1:
            inside[problem.reach(kind)[0]].add(r)
    by_bucket = 0
    for b, givers in inside.items():
        if all(owner_bucket.get(r, b) == b for r in givers):
            writers = {problem.authors[s][0] for s in problem.buckets[b]}
            by_bucket += _excess(problem, givers | writers, givers)
    return max(by_bucket, total)


def _excess(problem: Problem, people: set[int], givers: set[int]) -> int:
    given = sum(problem.gives[r] for r in givers)
    m = len(people)
    return max(0, given - m * (m - 1) // 2)


def unreachable(problem: Problem, *, strong: bool) -> int:
    """Works beyond the largest number that strong reviewers, or the others, can cover, one review each
    (maximum flow)."""
    those = [able is strong for able in problem.strong or ()]
    fixed_by = [0] * len(problem.people)
    covered = set()
    for r, s in problem.locked:
        fixed_by[r] += 1
        if those[r]:
            covered.add(s)
    wanted = [s for s, most in enumerate(problem.high) if most > 0 and s not in covered]
    most = [0] * len(problem.works)
    for s in wanted:
        most[s] = 1
    quotas = zip(problem.gives, fixed_by, those, strict=True)
    gives = [wanted - fixed if able else 0 for wanted, fixed, able in quotas]
    board = Board(replace(problem, locked=[], gives=gives))
    augment(board, Stream("", b"", "strong"), most)
    return len(wanted) - sum(board.load)
