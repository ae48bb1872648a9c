"""Points for completed reviews, compared with the points that Canvas holds; pure.

A credit plan is to grades what a plan is to reviews: it says what would change, and only changes are sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from functools import cached_property

from lti_tool.planning.board import BoardLine
from lti_tool.planning.follow_up import CreditRules
from lti_tool.planning.ids import UserId

CENT = Decimal("0.01")


class CreditKind(StrEnum):
    """What happens to one student's points."""

    SET = "set"
    CHANGE = "change"
    SAME = "same"
    NO_REVIEWS = "no_reviews"
    NOT_GRADEABLE = "not_gradeable"


@dataclass(frozen=True, slots=True)
class CreditLine:
    """One student: reviews completed of those assigned, points now in Canvas, points by the rules."""

    user: UserId
    done: int
    assigned: int
    now: Decimal | None
    then: Decimal | None
    kind: CreditKind


@dataclass(frozen=True)
class CreditPlan:
    """Every student's line; ``writes`` are the ones that differ from Canvas."""

    rules: CreditRules
    lines: tuple[CreditLine, ...]

    @cached_property
    def writes(self) -> Mapping[UserId, Decimal]:
        """New points, of those alone whose points change."""
        return {
            line.user: line.then
            for line in self.lines
            if line.kind in (CreditKind.SET, CreditKind.CHANGE) and line.then is not None
        }

    def count(self, kind: CreditKind) -> int:
        """Number of lines of a kind."""
        return sum(1 for line in self.lines if line.kind is kind)


def points(rules: CreditRules, done: int, assigned: int) -> Decimal:
    """Points for ``done`` of ``assigned`` reviews, rounded to two places (half up)."""
    full = Decimal(str(rules.points))
    match rules.mode:
        case "proportional":
            share = full * min(done, assigned) / assigned if assigned else Decimal(0)
        case "all_or_nothing":
            share = full if assigned and done >= assigned else Decimal(0)
        case "threshold":
            share = full if done >= min(rules.threshold, assigned or rules.threshold) else Decimal(0)
    return share.quantize(CENT, ROUND_HALF_UP)


def plan_credit(
    lines: Iterable[BoardLine], rules: CreditRules, held: Mapping[UserId, Decimal | None]
) -> CreditPlan:
    """Compare what the rules give with what Canvas holds.

    Args:
        held: the points in the gradebook's column of everybody who has a place in it; None: no points yet.
            Whoever is missing (left, inactive, not assigned) cannot be graded there.
    """
    return CreditPlan(rules, tuple(_line(line, rules, held) for line in lines))


def _line(line: BoardLine, rules: CreditRules, held: Mapping[UserId, Decimal | None]) -> CreditLine:
    user, assigned = line.person.id, line.done + line.to_do
    if not assigned:
        return CreditLine(user, 0, 0, held.get(user), None, CreditKind.NO_REVIEWS)
    then = points(rules, line.done, assigned)
    if user not in held:
        return CreditLine(user, line.done, assigned, None, then, CreditKind.NOT_GRADEABLE)
    now = held[user]
    if now is None:
        kind = CreditKind.SET
    else:
        kind = CreditKind.SAME if now.quantize(CENT, ROUND_HALF_UP) == then else CreditKind.CHANGE
    return CreditLine(user, line.done, assigned, now, then, kind)
