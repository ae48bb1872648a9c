"""How far an allocation is, for whoever waits for it: the stages in order, and moves made in the present one.

Telling costs nothing and changes nothing: no random number is drawn for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from allocation.rules import Goal
from allocation.sentences import N_


class Stage(StrEnum):
    """What the engine is doing. Stages that turn out not to be needed are passed over."""

    START = "start"
    COMPLETION = "completion"
    COSTS = "costs"
    SEARCH = "search"
    CYCLES = "cycles"
    MIXING = "mixing"
    ISLANDS = "islands"


STAGE_WORDS: Final[dict[Stage, str]] = {
    Stage.START: N_("a first draw"),
    Stage.COMPLETION: N_("the full number of reviews for everybody"),
    Stage.COSTS: N_("fewest moved and repeated pairs"),
    Stage.SEARCH: N_("fewest pairs who review each other, and the mix of levels"),
    Stage.CYCLES: N_("the best mix of levels there is"),
    Stage.MIXING: N_("drawing among the best"),
    Stage.ISLANDS: N_("as few islands as possible"),
}
_SHARES: Final[dict[Stage, int]] = {
    Stage.START: 1,
    Stage.COMPLETION: 1,
    Stage.COSTS: 6,
    Stage.SEARCH: 4,
    Stage.CYCLES: 6,
    Stage.MIXING: 10,
    Stage.ISLANDS: 2,
}
"""Roughly how the time of a large class is divided; only for the time that is left."""
_LEVELS = frozenset({Goal.STRONG, Goal.SAME_LEVEL, Goal.MIXED})


@dataclass(frozen=True, slots=True)
class Effort:
    """Stage ``number`` of ``of``, and in it ``done`` of at most ``total`` moves (0: it has no such budget).

    ``fraction`` is roughly the share of the whole time that has passed; it never goes back.
    """

    stage: Stage
    number: int
    of: int
    done: int
    total: int
    fraction: float


Tell = Callable[[Effort], None]


class Stages:
    """Turns what the engine does next into `Effort`."""

    def __init__(self, goals: Sequence[Goal], tell: Tell | None) -> None:
        asked = set(goals)
        wanted = {
            Stage.COSTS: bool(asked & {Goal.MOVED, Goal.REPEATS}),
            Stage.SEARCH: bool(asked & {Goal.RECIPROCAL, Goal.STRONG, Goal.MIXED}),
            Stage.CYCLES: bool(asked & _LEVELS),
            Stage.ISLANDS: Goal.CONNECTED in asked,
        }
        self._order = [stage for stage in Stage if wanted.get(stage, True)]
        self._whole = sum(_SHARES[stage] for stage in self._order)
        self._at = 0
        self._furthest = 0.0
        self._tell = tell

    def enter(self, stage: Stage) -> None:
        """A stage begins; one that comes a second time counts to the present one."""
        if stage in self._order:
            self._at = max(self._at, self._order.index(stage))
        self.moves(0, 0)

    def moves(self, done: int, total: int) -> None:
        """So many moves of the stage's budget are made."""
        if self._tell is None:
            return
        before = sum(_SHARES[stage] for stage in self._order[: self._at])
        here = _SHARES[self._order[self._at]] * (done / total if total else 0.0)
        self._furthest = max(self._furthest, (before + here) / self._whole)
        self._tell(
            Effort(
                self._order[self._at],
                self._at + 1,
                len(self._order),
                done,
                total,
                self._furthest,
            )
        )
