"""Changes of saved rules: what one person changes is put upon what everybody else has saved by then.

A change is a function from the current rules to the new ones. Nobody writes rules back that were read a while
ago, so changes that are made at the same moment all survive.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Final

from lti_tool.planning.rules import Exclusion, Load, PairRule, PlanRules, SectionShare, Volunteer

RulesChange = Callable[[PlanRules], PlanRules]

CHOICES: Final = (
    "reviews_per_reviewer",
    "sections",
    "section_shares",
    "co_authors",
    "own_group",
    "group_set",
    "existing",
    "late_work",
    "balance",
    "mutual",
    "seed",
)
"""The rules that the page *Rules* shows and saves together. Everything else is changed piece by piece."""


def choices_of(rules: PlanRules) -> Mapping[str, object]:
    """The choices among some rules."""
    return {name: getattr(rules, name) for name in CHOICES}


def with_choices(chosen: PlanRules) -> RulesChange:
    """The change that takes the choices of ``chosen`` and leaves everything else as it is saved."""
    return lambda current: current.model_copy(update=choices_of(chosen))


def differing(mine: PlanRules, theirs: PlanRules) -> tuple[str, ...]:
    """Names of the rules in which two sets of rules differ, in the order of the rules."""
    return tuple(name for name in PlanRules.model_fields if getattr(mine, name) != getattr(theirs, name))


def steps_between(before: PlanRules, after: PlanRules) -> RulesChange:
    """The change that leads from ``before`` to ``after``, to be put upon rules that have other changes too.

    Of a list, entries that came or went; of everything else, what differs.
    """

    def change(current: PlanRules) -> PlanRules:
        update = {
            name: _merged(getattr(before, name), getattr(after, name), getattr(current, name))
            for name in differing(before, after)
        }
        return current.model_copy(update=update)

    return change


def _merged(before: object, after: object, current: object) -> object:
    if not (isinstance(before, tuple) and isinstance(after, tuple) and isinstance(current, tuple)):
        return after
    gone = {_key(one) for one in before} - {_key(one) for one in after}
    new = tuple(one for one in after if one not in before)
    replaced = gone | {_key(one) for one in new}
    return (*(one for one in current if _key(one) not in replaced), *new)


def _key(entry: object) -> Hashable:
    """What makes two entries of a list speak about the same."""
    match entry:
        case Exclusion() | Load() | Volunteer():
            return entry.user
        case PairRule():
            return entry.who
        case SectionShare():
            return entry.reviewers, entry.authors
        case _:
            return str(entry)
