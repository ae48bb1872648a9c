"""Which pairs of another assignment a plan has once more, and why the others are not there. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from allocation import Pair
from allocation.sentences import N_
from lti_tool.planning.engine_input import EngineInput, engine_pairs
from lti_tool.planning.history import pairs_of
from lti_tool.planning.ids import UserId
from lti_tool.planning.rules import PlanRules
from lti_tool.planning.snapshot import Snapshot


class Differs(StrEnum):
    """Why a pair is not the same as then."""

    REVIEWER_OUT = "reviewer_out"
    AUTHOR_OUT = "author_out"
    OWN_WORK = "own_work"
    FORBIDDEN = "forbidden"
    NO_ROOM = "no_room"


DIFFERS_WORDS: Final[Mapping[Differs, str]] = {
    Differs.REVIEWER_OUT: N_("the reviewer takes no part now"),
    Differs.AUTHOR_OUT: N_("there is no work of the author now"),
    Differs.OWN_WORK: N_("the two handed in together now"),
    Differs.FORBIDDEN: N_("you forbade this pair"),
    Differs.NO_ROOM: N_("the numbers or the other rules left no room for it"),
}


@dataclass(frozen=True, slots=True)
class GonePair:
    """A pair of then that the plan does not have."""

    reviewer: UserId
    author: UserId
    why: Differs


@dataclass(frozen=True, slots=True)
class SamePairs:
    """``same`` of ``total`` pairs of the assignment ``name``."""

    name: str
    same: int
    total: int
    gone: tuple[GonePair, ...]


def same_pairs(
    snapshot: Snapshot, rules: PlanRules, given: EngineInput, after: AbstractSet[Pair]
) -> SamePairs | None:
    """Compare the pairs after a plan with those of the assignment that the rules name; None where none is."""
    if rules.same_pairs_as is None:
        return None
    name = next((one.name for one in snapshot.earlier if one.assignment == rules.same_pairs_as), "")
    forbidden = {pair.who for pair in rules.forbidden}
    reviewers = {person.id for person in given.taking_part.reviewers}
    authors = {person.id for person in given.taking_part.authors}
    wanted = pairs_of(snapshot, rules.same_pairs_as)
    gone = []
    for reviewer, author in wanted:
        as_pair = engine_pairs(given, [(reviewer, author)])
        if as_pair and as_pair <= after:
            continue
        if reviewer not in reviewers:
            why = Differs.REVIEWER_OUT
        elif author not in authors:
            why = Differs.AUTHOR_OUT
        elif not as_pair:
            why = Differs.OWN_WORK
        else:
            why = Differs.FORBIDDEN if (reviewer, author) in forbidden else Differs.NO_ROOM
        gone.append(GonePair(reviewer, author, why))
    return SamePairs(name, len(wanted) - len(gone), len(wanted), tuple(gone))
