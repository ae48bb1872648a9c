"""The hole walk: random moves among the allocations that are as good as the present one.

A move removes a random pair; its reviewer now has a *hole*. Again and again, the reviewer with the hole
either closes it with a
work that lacks a review, or takes a random work of his pool from one of its reviewers, who then has the
hole. A move that has not closed
after a number of steps, or has closed with a worse score, is undone.

The walk is reversible with respect to the uniform distribution on the allocations of equal score, and
without a score it can reach every
allocation (docs/allocation.md has the proof), which exchanges of two pairs cannot once pairs are forbidden.
"""

from __future__ import annotations

from allocation.strategies.board import Board
from allocation.strategies.exact import level
from allocation.strategies.tally import Tally
from allocation.stream import Stream

SHORT, LONG = 24, 256
"""Steps after which a move is given up; every eighth move may be long."""

FUTILE = 20_000
"""Steps after which it can be told that moves do not close."""


class Walk:
    """Moves on a board. Keeps the board's `out` and `load` in order; call `store` before its `into` is used
    again.

    Attributes
    ----------
    rev, sub : list of int
        Reviewer and work of each slot; a slot is a review that may be moved.
    steps, closed : int
        Steps made so far, the measure of effort, and moves that closed elsewhere than where they began.
    """

    def __init__(self, board: Board, tally: Tally | None, stream: Stream) -> None:
        self.board, self.tally, self.word, self.tell = board, tally, stream.word, stream.tell
        self.steps = self.closed = 0
        self.rev: list[int] = []
        self.sub: list[int] = []
        self.slots: list[list[int]] = [[] for _ in board.load]
        for s, reviewers in enumerate(board.into):
            for r in reviewers:
                self.slots[s].append(len(self.rev))
                self.rev.append(r)
                self.sub.append(s)
        problem = board.problem
        if problem.parts is None:
            sizes = sorted(len(problem.pool[r]) for r in self.rev)
        else:
            sizes = sorted(problem.choices[problem.kind_of[r]] for r in self.rev)
        self.weight = max(1, sizes[len(sizes) // 2]) if sizes else 1
        self.rigid = board.complete() and not any(
            a < b for a, b in zip(problem.low, problem.high, strict=True)
        )
        self.plain = (self.rigid and problem.mates is None) and (
            tally is None
            or (bool(tally.owner) and tally.costs is None and tally.strong is None and not tally.across)
        )
        self.room: dict[int, list[int]] = {}
        self.place_in_room = [-1] * len(board.load)
        if not self.rigid:
            for s in range(len(board.load)):
                self._enter_room(s)

    def futile(self) -> bool:
        """Whether moves hardly ever close, as where the rules leave only one allocation."""
        return self.steps > FUTILE and self.closed * 100 < self.steps

    def store(self) -> None:
        """Write the reviewers of each work back to the board."""
        for s, slots in enumerate(self.slots):
            self.board.into[s] = [self.rev[e] for e in slots]

    def _enter_room(self, s: int) -> None:
        """Note at which level the next review of s would be, if it has room for one."""
        problem, load = self.board.problem, self.board.load[s]
        if load < problem.high[s]:
            works = self.room.setdefault(level(problem, s, load + 1), [])
            self.place_in_room[s] = len(works)
            works.append(s)

    def _leave_room(self, s: int) -> None:
        at = self.place_in_room[s]
        if at >= 0:
            works = self.room[level(self.board.problem, s, self.board.load[s] + 1)]
            works[at] = works[-1]
            self.place_in_room[works[at]] = at
            works.pop()
            self.place_in_room[s] = -1

    def sweep(self, moves: int, most: int, steps: tuple[int, int] = (SHORT, LONG)) -> None:
        """Make so many moves from random slots, never to a worse score; at most so many steps."""
        word, slots = self.word, len(self.rev)
        if slots < 2:
            return
        if self.plain:
            self._sweep_plain(moves, most, steps)
            return
        for i in range(moves):
            if self.steps > most or self.futile():
                return
            if not i & 255:
                self.tell(i, moves)
            e = (word() * slots) >> 64
            length = steps[0] if i & 7 else steps[1]
            weight = max(1, self.weight // 4) if self.rigid and not i & 1 else self.weight
            self.move(e, weight, length, 0, shared=not self.rigid and not i & 1)

    def _sweep_plain(self, moves: int, most: int, steps: tuple[int, int]) -> None:
        """`sweep` where loads are fixed and only reciprocal pairs count, `move` written out: the same moves
        from the same random numbers, in half the time. This is where an ordinary class spends most of it."""
        board, problem, word = self.board, self.board.problem, self.word
        rev, sub, slots, out, bucket_of = self.rev, self.sub, self.slots, board.out, problem.bucket_of
        pool, blocked, fits = problem.pool, problem.blocked, problem.fits
        counting = self.tally is not None and bool(self.tally.reciprocal)
        owner, work = (self.tally.owner, self.tally.work) if self.tally is not None else ([], [])
        number, heavy = len(rev), self.weight
        light = max(1, heavy // 4)
        done = self.steps
        for i in range(moves):
            if done > most or (done > FUTILE and self.closed * 100 < done):
                break
            if not i & 255:
                self.tell(i, moves)
            e = (word() * number) >> 64
            weight = heavy if i & 1 else light
            u, v = rev[e], sub[e]
            out[u].remove(v)
            slots[v].remove(e)
            change = -(work[u] in out[owner[v]]) if counting else 0
            log: list[tuple[int, int]] = []
            closed = False
            length = steps[0] if i & 7 else steps[1]
            for _ in range(length):
                done += 1
                mine, taken = pool[u], out[u]
                size = len(mine)
                at = (word() * (size + weight)) >> 64
                j = mine[at] if at < size else v
                if j in taken or j in blocked[u]:
                    continue
                fit = fits[u]
                if fit is not None and bucket_of[j] not in fit:
                    continue
                if at >= size:
                    if fit is None and bucket_of[j] not in problem.reach_set[problem.kind_of[u]]:
                        continue
                    closed = True
                    break
                holders = slots[j]
                if not holders:
                    continue
                f = holders[(word() * len(holders)) >> 64]
                x = rev[f]
                if counting:
                    back = out[owner[j]]
                    change += (work[u] in back) - (work[x] in back)
                out[x].remove(j)
                taken.add(j)
                rev[f] = u
                log.append((f, x))
                u = x
            if closed:
                if counting:
                    change += work[u] in out[owner[v]]
                if change <= 0:
                    self.closed += bool(log)
                    rev[e] = u
                    out[u].add(v)
                    slots[v].append(e)
                    continue
            for f, x in reversed(log):
                j = sub[f]
                out[rev[f]].remove(j)
                out[x].add(j)
                rev[f] = x
            out[rev[e]].add(v)
            slots[v].append(e)
        self.steps = done

    def move(self, e: int, weight: int, steps: int, worse: int, *, shared: bool = False) -> int | None:
        """One move from slot e. Returns the change of the score, or None when the move was undone.

        Parameters
        ----------
        weight : int
            Chance of closing at a work, against 1 for each work of the pool.
        worse : int
            Largest increase of the score that is accepted.
        shared : bool
            Whether the works at which the move may close share the weight.
        """
        board, tally, word = self.board, self.tally, self.word
        problem = board.problem
        rev, out, slots, bucket_of = self.rev, board.out, self.slots, problem.bucket_of
        pool, blocked, fits, mates = problem.pool, problem.blocked, problem.fits, problem.mates
        u, v = rev[e], self.sub[e]
        out[u].remove(v)
        slots[v].remove(e)
        change = tally.loss(u, v) if tally is not None else 0
        closers = [v] if self.rigid else self._open(v)
        if shared:
            weight = max(1, weight // len(closers))
        log: list[tuple[int, int]] = []
        target = -1
        step = 0
        for step in range(steps):  # noqa: B007 - how far it came counts
            mine = pool[u]
            size = len(mine)
            i = (word() * (size + weight * len(closers))) >> 64
            closing = i >= size
            j = closers[(i - size) // weight] if closing else mine[i]
            if j in out[u] or j in blocked[u]:
                continue
            if closing:
                if bucket_of[j] in problem.reach_set[problem.kind_of[u]] and problem.holder(u, j, out) < 0:
                    target = j
                    break
                continue
            fit = fits[u]
            if (fit is not None and bucket_of[j] not in fit) or not slots[j]:
                continue
            holders = slots[j]
            f = holders[(word() * len(holders)) >> 64]
            x = rev[f]
            if mates is not None and any(j in out[q] for q in mates[u] if q != x):
                continue
            out[x].remove(j)
            if tally is not None:
                change += tally.loss(x, j) + tally.gain(u, j)
            out[u].add(j)
            rev[f] = u
            log.append((f, x))
            u = x
        self.steps += step + 1
        if target >= 0:
            if tally is not None:
                change += tally.gain(u, target)
            if change <= worse:
                self.closed += bool(log) or target != v
                self._close(e, u, target)
                return change
            if tally is not None:
                tally.loss(u, target)
        self._undo(e, v, log)
        return None

    def _open(self, v: int) -> list[int]:
        """Take one review from v; the works where the next review would be at the same level, v among
        them."""
        board = self.board
        self._leave_room(v)
        board.load[v] -= 1
        self._enter_room(v)
        return self.room[level(board.problem, v, board.load[v] + 1)]

    def _close(self, e: int, u: int, target: int) -> None:
        self.rev[e] = u
        self.sub[e] = target
        self.board.out[u].add(target)
        self.slots[target].append(e)
        if not self.rigid:
            self._leave_room(target)
            self.board.load[target] += 1
            self._enter_room(target)

    def _undo(self, e: int, v: int, log: list[tuple[int, int]]) -> None:
        """Walk back to where the move began."""
        out, rev, tally = self.board.out, self.rev, self.tally
        for f, x in reversed(log):
            j, taker = self.sub[f], rev[f]
            out[taker].remove(j)
            if tally is not None and tally.strong is not None:
                tally.loss(taker, j)
                tally.gain(x, j)
            out[x].add(j)
            rev[f] = x
        owner = rev[e]
        if tally is not None and tally.strong is not None:
            tally.gain(owner, v)
        out[owner].add(v)
        self.slots[v].append(e)
        if not self.rigid:
            self._leave_room(v)
            self.board.load[v] += 1
            self._enter_room(v)
