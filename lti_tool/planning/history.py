"""What earlier assignments mean for this one: no pair again, none in return, or on purpose the same. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TypedDict

from allocation import Pair
from allocation.rules import AvoidIs
from lti_tool.planning.ids import SubmissionId, UserId
from lti_tool.planning.rules import PlanRules
from lti_tool.planning.snapshot import Snapshot


class RosterPairs:
    """From (reviewer, author) to the engine's pairs; whoever takes no part, and own work, is left out."""

    def __init__(
        self,
        author_of: Mapping[SubmissionId, UserId],
        people: AbstractSet[str],
        authors: Mapping[str, tuple[str, ...]],
        work_for_row: Mapping[SubmissionId, SubmissionId],
    ) -> None:
        self._people = people
        self._authors = authors
        self._row_of = {author: work_for_row[row] for row, author in author_of.items()}

    def of(self, pairs: Iterable[tuple[str, str]]) -> frozenset[Pair]:
        """The pairs that the roster has."""
        found = set()
        for reviewer, author in pairs:
            row = self._row_of.get(UserId(author))
            authors = self._authors.get(row) if row is not None else None
            if row is not None and authors and reviewer in self._people and reviewer not in authors:
                found.add(Pair(reviewer, row))
        return frozenset(found)

    def returning(self, pairs: Iterable[tuple[str, str]]) -> frozenset[Pair]:
        """These pairs turned round; where groups hand in, for everybody of the group that was reviewed."""
        turned = []
        for reviewer, author in pairs:
            row = self._row_of.get(UserId(author))
            together = self._authors.get(row, ()) if row is not None else ()
            turned += [(one, reviewer) for one in together or (author,)]
        return self.of(turned)


@dataclass(frozen=True)
class History:
    """Pairs of earlier assignments, as far as both take part now.

    Attributes:
        again: pairs that the rules want seldom or never again.
        back: these turned round, where the rules look at them.
        same: pairs of the assignment whose pairs are wanted once more.
    """

    again: frozenset[Pair] = frozenset()
    back: frozenset[Pair] = frozenset()
    same: frozenset[Pair] = frozenset()


class HistoryRules(TypedDict):
    """What the engine is told about pairs that shall not be."""

    forbidden: frozenset[Pair]
    avoid: frozenset[Pair]
    avoid_is: AvoidIs


def history_of(snapshot: Snapshot, rules: PlanRules, pairs: RosterPairs) -> History:
    """The earlier pairs that these rules look at."""
    before = earlier_pairs(snapshot, rules)
    return History(
        again=pairs.of(before),
        back=frozenset() if rules.returns == "allowed" else pairs.returning(before),
        same=pairs.of(pairs_of(snapshot, rules.same_pairs_as)),
    )


def engine_history(history: History, rules: PlanRules, forbidden: frozenset[Pair]) -> HistoryRules:
    """The engine has one list to avoid, hard or soft. Of two kinds of pairs that differ in this, the hard one
    joins the forbidden pairs."""
    hard: set[Pair] = set()
    soft: set[Pair] = set()
    (hard if rules.repeats == "forbid" else soft).update(history.again)
    (hard if rules.returns == "forbid" else soft).update(history.back)
    if hard and soft:
        return {"forbidden": forbidden | hard, "avoid": frozenset(soft), "avoid_is": "soft"}
    return {"forbidden": forbidden, "avoid": frozenset(hard | soft), "avoid_is": "hard" if hard else "soft"}


def earlier_pairs(snapshot: Snapshot, rules: PlanRules) -> set[tuple[UserId, UserId]]:
    """(reviewer, author) of the earlier assignments that the rules name, as far as they were read."""
    return {pair for found in snapshot.earlier if found.assignment in rules.earlier for pair in found.pairs}


def pairs_of(snapshot: Snapshot, assignment: str | None) -> tuple[tuple[UserId, UserId], ...]:
    """(reviewer, author) of one other assignment; none where it was not read."""
    return next((found.pairs for found in snapshot.earlier if found.assignment == assignment), ())


def wanted_assignments(rules: PlanRules) -> tuple[str, ...]:
    """Other assignments whose reviews the rules look at."""
    same = () if rules.same_pairs_as is None else (rules.same_pairs_as,)
    return tuple(dict.fromkeys((*rules.earlier, *same)))
