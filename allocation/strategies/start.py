"""A random start: people in random order draw from the free places. Settles nearly everything, in O(pairs).

Those with clearly fewer works to choose from (by eighths of all works) draw first, or others would
take what they need.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from itertools import chain

from allocation.problem import Problem
from allocation.strategies.board import Board
from allocation.stream import Stream

TRIES = 30
FEW = 3
"""People who share a pool with at most so many draw from its works with room, the others from its places."""


def random_start(
    problem: Problem, stream: Stream, *, without: Collection[tuple[int, int]] | None = None
) -> Board:
    """Place as many reviews as drawing at random can, none of them above a quota or against a rule.

    Every work first gets its fewest reviews; what the people still have to give then goes to random works,
    level by
    level, so that the loads stay as even as their bounds permit.

    Parameters
    ----------
    without : set of (r, s), optional
        Pairs not to use here although they are allowed (repeats).
    """
    board = Board(problem)
    draw(board, stream, problem.low, without)
    if not any(problem.low[s] > board.load[s] for s in range(len(problem.works))):
        fill_above(board, stream, without)
    return board


def fill_above(board: Board, stream: Stream, without: Collection[tuple[int, int]] | None = None) -> None:
    """Give out what is left above the fewest, one level of load at a time, until a level does not fill up."""
    problem, load = board.problem, board.load
    while any(board.short):
        open_works = [s for s, most in enumerate(problem.high) if load[s] < most]
        if not open_works:
            return
        level = min(load[s] for s in open_works) + 1
        target = [0] * len(load)
        for s in open_works:
            target[s] = level
        draw(board, stream, target, without)
        if any(load[s] < target[s] for s in open_works):
            return


def draw(
    board: Board, stream: Stream, target: list[int], without: Collection[tuple[int, int]] | None = None
) -> None:
    """Draw places until each work has its target or the tries of each reviewer are used up."""
    problem = board.problem
    load, out, into, short = board.load, board.out, board.into, board.short
    blocked, fits, bucket_of, pool = problem.blocked, problem.fits, problem.bucket_of, problem.pool
    word, mates = stream.word, problem.mates
    places: dict[int, list[int]] = {}
    order = [r for r, wanted in enumerate(short) if wanted > 0]
    stream.shuffle(order)
    sharing = Counter(id(pool[r]) for r in order) if problem.parts is None else Counter[int]()
    share = [count * 8 // len(load) for count in problem.choices]
    if min(share) < max(share):
        order.sort(key=lambda r: share[problem.kind_of[r]])
    for r in order:
        if problem.parts is not None:
            _draw_alone(board, word, r, target, without)
            continue
        mine = pool[r]
        free = places.get(id(mine))
        if free is None:
            if sharing[id(mine)] <= FEW:
                _draw_alone(board, word, r, target, without)
                continue
            free = places[id(mine)] = [s for s in mine for _ in range(target[s] - load[s])]
        taken, barred, fit = out[r], blocked[r], fits[r]
        near = () if mates is None else mates[r]
        wanted, tries = short[r], TRIES
        while wanted and tries and free:
            i = (word() * len(free)) >> 64
            s = free[i]
            if load[s] >= target[s]:
                free[i] = free[-1]
                free.pop()
                continue
            if (
                s in taken
                or s in barred
                or (fit is not None and bucket_of[s] not in fit)
                or (without and (r, s) in without)
                or (near and any(s in out[x] for x in near))
            ):
                tries -= 1
                continue
            free[i] = free[-1]
            free.pop()
            taken.add(s)
            into[s].append(r)
            load[s] += 1
            wanted -= 1
        short[r] = wanted


def _draw_alone(
    board: Board, word: Callable[[], int], r: int, target: list[int],
    without: Collection[tuple[int, int]] | None,
) -> None:  # fmt: skip
    """Draw for somebody whose pool few others share; no list of its places as long as he finds some."""
    problem, load = board.problem, board.load
    fit = problem.fits[r]
    mine = problem.pool[r] if problem.parts is None else list(chain(*problem.parts[r]))
    taken, barred, bucket_of = board.out[r], problem.blocked[r], problem.bucket_of
    tries = TRIES
    while board.short[r] and mine and tries:
        tries -= 1
        if tries == TRIES // 2:
            mine = [s for s in mine if load[s] < target[s]]
            continue
        s = mine[(word() * len(mine)) >> 64]
        if load[s] >= target[s] or s in taken or s in barred:
            continue
        if (
            (fit is None or bucket_of[s] in fit)
            and not (without and (r, s) in without)
            and problem.holder(r, s, board.out) < 0
        ):
            board.place(r, s)
