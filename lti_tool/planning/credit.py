"""Points for completed reviews, compared with the points that Canvas holds; pure.

A credit plan is to grades what a plan is to reviews: it says what would change, and only changes are sent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from functools import cached_property

from lti_tool.planning.board import BoardLine
from lti_tool.planning.follow_up import CreditRules
from lti_tool.planning.ids import ReviewId, UserId
from lti_tool.planning.snapshot import Review

CENT = Decimal("0.01")


class CreditKind(StrEnum):
    """What happens to one student's points."""

    SET = "set"
    CHANGE = "change"
    SAME = "same"
    EXCUSED = "excused"
    """Excused from the assignment or in the column of the points, and nobody decided otherwise."""
    NO_REVIEWS = "no_reviews"
    NOT_GRADEABLE = "not_gradeable"


_COMPARED = frozenset({CreditKind.SET, CreditKind.CHANGE, CreditKind.SAME})


@dataclass(frozen=True, slots=True)
class CreditLine:
    """One student: reviews completed of those assigned, points now in Canvas, points by the rules.

    ``late``: those of ``done`` that are known to be late.
    """

    user: UserId
    done: int
    assigned: int
    now: Decimal | None
    then: Decimal | None
    kind: CreditKind
    late: int = 0


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

    def with_excused(self, despite: Collection[UserId]) -> Mapping[UserId, Decimal]:
        """``writes`` with the points of these excused students."""
        return {
            line.user: line.then
            for line in self.lines
            if line.then is not None
            and (line.user in self.writes or (line.kind is CreditKind.EXCUSED and line.user in despite))
        }

    def count(self, kind: CreditKind) -> int:
        """Number of lines of a kind."""
        return sum(1 for line in self.lines if line.kind is kind)


def count_late(
    reviews: Iterable[Review], seen_open: Mapping[ReviewId, datetime], late_from: datetime
) -> Mapping[UserId, int]:
    """Completed reviews of each reviewer that a reading at or after ``late_from`` still showed open."""
    return Counter(
        review.assessor
        for review in reviews
        if review.completed and (at := seen_open.get(review.id)) is not None and at >= late_from
    )


def points(rules: CreditRules, done: int, assigned: int, late: int = 0) -> Decimal:
    """Points for ``done`` of ``assigned`` reviews, rounded to two places (half up).

    A late review counts as done, also for all or nothing and for a threshold. The deduction is taken from
    its share of the points: of what the completed reviews are worth together, the part that is late loses
    ``late_deduction`` per cent.
    """
    full = Decimal(str(rules.points))
    # Hundredths of reviews, so that one division at the end keeps exact halves exact.
    count, of = 100 * done - rules.late_deduction * min(late, done), 100 * done
    match rules.mode:
        case "proportional":
            enough, of = bool(assigned), 100 * max(assigned, done)
        case "all_or_nothing":
            enough = bool(assigned) and done >= assigned
        case "threshold":
            enough = done >= min(rules.threshold, assigned or rules.threshold)
    share = full * count / of if enough and of else Decimal(0)
    return share.quantize(CENT, ROUND_HALF_UP)


def plan_credit(
    lines: Iterable[BoardLine],
    rules: CreditRules,
    held: Mapping[UserId, Decimal | None],
    late: Mapping[UserId, int] | None = None,
    *,
    excused: Collection[UserId] = (),
) -> CreditPlan:
    """Compare what the rules give with what Canvas holds.

    Reviews whose author left are neither owed nor counted. Excused students keep what they have.

    Args:
        held: the points in the gradebook's column of everybody who has a place in it; None: no points yet.
            Whoever is missing (left, inactive, not assigned) cannot be graded there.
        late: completed reviews that are known to be late, of those who have any.
        excused: excused in the gradebook's column; those excused from the reviewed work are known.
    """
    known = late or {}
    found = []
    for line in lines:
        user = line.person.id
        made = _line(line, rules, held, known.get(user, 0))
        if (line.excused or user in excused) and made.kind in (
            CreditKind.SET,
            CreditKind.CHANGE,
            CreditKind.SAME,
        ):
            made = replace(made, kind=CreditKind.EXCUSED)
        found.append(made)
    return CreditPlan(rules, tuple(found))


def _line(
    line: BoardLine, rules: CreditRules, held: Mapping[UserId, Decimal | None], late: int
) -> CreditLine:
    user, assigned = line.person.id, line.done + line.to_do
    if not assigned:
        return CreditLine(user, 0, 0, held.get(user), None, CreditKind.NO_REVIEWS)
    then = points(rules, line.done, assigned, late)
    if user not in held:
        return CreditLine(user, line.done, assigned, None, then, CreditKind.NOT_GRADEABLE, late)
    now = held[user]
    if now is None:
        kind = CreditKind.SET
    else:
        kind = CreditKind.SAME if now.quantize(CENT, ROUND_HALF_UP) == then else CreditKind.CHANGE
    return CreditLine(user, line.done, assigned, now, then, kind, late)
