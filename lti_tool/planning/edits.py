"""Changing a plan by hand: what an edit does to the rules and to the pairs, and how two plans differ.

An edit never changes a plan. It gives rules that hold it, and the pairs that one would want if nothing else
had to move; the services make a new plan from both that moves as little as possible.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum

from allocation import BrokenRule, Pair
from lti_tool.planning.engine_input import EngineInput
from lti_tool.planning.ids import SubmissionId, UserId
from lti_tool.planning.plan import Plan
from lti_tool.planning.rules import Exclusion, PairRule, PlanRules

PersonPair = tuple[UserId, UserId]
"""(reviewer, author)."""


class EditKind(StrEnum):
    """What one wants of a plan."""

    SWAP = "swap"
    """Two reviewers change places: each takes the other's author of the two pairs."""
    PIN = "pin"
    """This pair must be."""
    FORBID = "forbid"
    """This pair must not be."""
    LEAVE_OUT = "leave_out"
    """This person takes no part."""
    FREE = "free"
    """Neither fixed nor forbidden any longer."""
    TAKE_IN = "take_in"
    """This person takes part again."""
    REPAIR = "repair"
    """Bring the plan back to its rules."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit. ``pairs``: two for a swap, one for pin, forbid and free; ``person`` for the others."""

    kind: EditKind
    pairs: tuple[PersonPair, ...] = ()
    person: UserId | None = None
    reason: str = ""

    @property
    def new_pairs(self) -> tuple[PersonPair, ...]:
        """Pairs that must be after this edit."""
        if self.kind is EditKind.SWAP:
            (one, first), (other, second) = self.pairs
            return (one, second), (other, first)
        return self.pairs if self.kind is EditKind.PIN else ()

    @property
    def gone_pairs(self) -> tuple[PersonPair, ...]:
        """Pairs that must not stay after this edit."""
        return self.pairs if self.kind in (EditKind.SWAP, EditKind.FORBID) else ()


@dataclass(frozen=True, slots=True)
class Broken:
    """A rule that a plan breaks; people who are not meant are None.

    ``code`` is one of ``allocation.verify``, or "return": a review in return for an earlier one.
    """

    code: str
    reviewer: UserId | None
    author: UserId | None


PAIR_CODES = frozenset(
    {
        "section",
        "section_pair",
        "group",
        "forbidden",
        "repeat",
        "return",
        "reciprocal",
        "section_share",
        "co_authors",
    }
)
"""Broken rules that a fixed pair wins over."""


def edited_rules(rules: PlanRules, edit: Edit) -> PlanRules:
    """The rules that hold an edit from now on."""
    new, gone = set(edit.new_pairs), set(edit.gone_pairs)
    free = set(edit.pairs) if edit.kind is EditKind.FREE else set()
    fixed = [pair for pair in rules.fixed if pair.who not in new | gone | free]
    fixed += [_pair_rule(pair, edit.reason) for pair in edit.new_pairs]
    forbidden = [pair for pair in rules.forbidden if pair.who not in new | free]
    if edit.kind is EditKind.FORBID:
        forbidden = [pair for pair in forbidden if pair.who not in gone]
        forbidden += [_pair_rule(pair, edit.reason) for pair in edit.pairs]
    exclude = [one for one in rules.exclude if one.user != edit.person]
    if edit.kind is EditKind.LEAVE_OUT and edit.person is not None:
        exclude.append(Exclusion(user=edit.person, reason=edit.reason))
    changed = {"fixed": tuple(fixed), "forbidden": tuple(forbidden), "exclude": tuple(exclude)}
    return rules.model_copy(update=changed)


def with_pairs(rules: PlanRules, kind: EditKind, reasons: Mapping[PersonPair, str]) -> PlanRules:
    """The rules with all these pairs fixed (``PIN``) or forbidden (``FORBID``), each for its reason.

    What ``edited_rules`` does pair by pair, in one pass: a list may have thousands.
    """
    added = tuple(_pair_rule(pair, reason) for pair, reason in reasons.items())
    fixed = tuple(pair for pair in rules.fixed if pair.who not in reasons)
    forbidden = tuple(pair for pair in rules.forbidden if pair.who not in reasons)
    if kind is EditKind.PIN:
        fixed += added
    else:
        forbidden += added
    return rules.model_copy(update={"fixed": fixed, "forbidden": forbidden})


def _pair_rule(pair: PersonPair, reason: str) -> PairRule:
    return PairRule(reviewer=pair[0], author=pair[1], reason=reason)


def wanted_pairs(plan: Plan, edit: Edit) -> frozenset[PersonPair]:
    """The pairs that one would want if nothing else had to move."""
    stay = plan.chosen - frozenset(edit.gone_pairs)
    if edit.kind is EditKind.LEAVE_OUT:
        stay = frozenset(pair for pair in stay if edit.person not in pair)
    return stay | frozenset(edit.new_pairs)


def broken_rules(found: tuple[BrokenRule, ...], given: EngineInput) -> tuple[Broken, ...]:
    """The engine's broken rules with people in place of works.

    Pairs of earlier assignments are named as such, whatever list the engine was told them in. Pairs wanted
    once more are told apart (``same_pairs``), not here.
    """
    broken = []
    for one in found:
        pair = Pair(one.reviewer or "", one.submission or "")
        if one.code == "required" and pair in given.history.same and pair not in given.fixed:
            continue
        code = one.code
        if code in ("forbidden", "repeat") and pair not in given.forbidden:
            code = "repeat" if pair in given.history.again else "return"
        author = given.author_of.get(SubmissionId(one.submission))
        broken.append(Broken(code, UserId(one.reviewer) if one.reviewer else None, author))
    return tuple(broken)


@dataclass(frozen=True, slots=True)
class Difference:
    """Two plans, pair by pair; both lists sorted."""

    only_before: tuple[PersonPair, ...]
    only_after: tuple[PersonPair, ...]
    same: int

    @property
    def reviewers(self) -> tuple[UserId, ...]:
        """Everybody whose reviews differ, sorted."""
        return tuple(sorted({reviewer for reviewer, _ in (*self.only_before, *self.only_after)}))


def difference(before: AbstractSet[PersonPair], after: AbstractSet[PersonPair]) -> Difference:
    """What one plan has and the other has not, as Canvas will hold them."""
    return Difference(tuple(sorted(before - after)), tuple(sorted(after - before)), len(before & after))
