"""Changes of the rules that make everything possible, the cheapest first; each is tried before.

What a change costs is counted in reviews that are not as the instructor asked: lifting a rule touches about
as many as are missing, an uneven spread some works, a lower number all people.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import reduce

from allocation.problem import Problem
from allocation.result import Remedy
from allocation.roster import Roster
from allocation.rules import Rules
from allocation.seats import seats_of
from allocation.sentences import Sentence, counted, sentence

Works = Callable[[Rules], bool]

TRIED = 8
"""Numbers of reviews tried one by one; then in steps of a quarter."""


def find_remedies(roster: Roster, rules: Rules, problem: Problem, works: Works) -> Iterator[Remedy]:
    """Single rules to lift, else a set of rules none of which can stay; a more uneven spread; fewer reviews.

    Parameters
    ----------
    works : callable
        Tells whether all quotas can be met under other rules.
    """
    offers = list(_single_rules(rules))
    helpful = [offer for offer in offers if works(offer.apply(rules))]
    if not helpful and len(offers) > 1:
        helpful = list(_several(rules, offers, works))
    yield from helpful
    yield from _uneven(roster, rules, works)
    yield from _lower_number(roster, rules, problem, works)


def _single_rules(rules: Rules) -> Iterator[Remedy]:
    if rules.sections == "same":
        yield Remedy(
            "allow_other_sections",
            {"sections": "any"},
            sentence("Let people review works of other sections too."),
        )
    if rules.sections == "different":
        yield Remedy(
            "allow_same_section",
            {"sections": "any"},
            sentence("Let people review works of their own section too."),
        )
    if rules.section_pairs is not None:
        yield Remedy(
            "allow_section_pairs",
            {"section_pairs": None},
            sentence("Let every section review every section."),
        )
    if rules.section_shares:
        yield Remedy(
            "allow_section_shares",
            {"section_shares": None},
            sentence("Do not fix how many reviews go to which section."),
        )
    if rules.co_authors == "different":
        words = sentence("Let people who wrote a work together review the same works too.")
        yield Remedy("allow_co_authors", {"co_authors": "any"}, words)
    if rules.co_authors == "same":
        words = sentence("Let people who wrote a work together review different works.")
        yield Remedy("allow_co_authors", {"co_authors": "any"}, words)
    if rules.groups == "different":
        yield Remedy(
            "allow_own_group", {"groups": "any"}, sentence("Let people review works of their own group.")
        )
    if rules.groups == "same":
        yield Remedy(
            "allow_other_groups", {"groups": "any"}, sentence("Let people review works of other groups too.")
        )
    if rules.avoid and rules.avoid_is == "hard":
        yield Remedy(
            "allow_repeats",
            {"avoid_is": "soft"},
            sentence("Allow repeats of earlier pairs where it cannot be helped."),
        )
    if rules.forbidden:
        yield Remedy("allow_forbidden", {"forbidden": frozenset()}, sentence("Lift the forbidden pairs."))
    if rules.reciprocal == "forbid":
        yield Remedy(
            "allow_reciprocal",
            {"reciprocal": "avoid"},
            sentence("Let two people review each other where it cannot be helped."),
        )


def _several(rules: Rules, offers: list[Remedy], works: Works) -> Iterator[Remedy]:
    """All the rules at once, then put back those that can stay."""

    def together(some: list[Remedy]) -> Rules:
        changed = rules
        for one in some:
            changed = one.apply(changed)
        return changed

    if not works(together(offers)):
        return
    needed = list(offers)
    for offer in offers:
        rest = [one for one in needed if one is not offer]
        if works(together(rest)):
            needed = rest
    params: dict[str, object] = {}
    for one in needed:
        params.update(one.params)
    yield Remedy("several", params, reduce(_and, (one.words for one in needed)))


def _lower_number(roster: Roster, rules: Rules, problem: Problem, works: Works) -> Iterator[Remedy]:
    """The largest smaller number of reviews that works (not all smaller ones need to, when people have
    their own)."""
    if rules.section_shares:
        return
    own = {one.id for one in roster.participants if one.gives is not None}
    special = {r for r, _ in problem.locked}
    special |= {r for r in range(len(problem.people)) if not own.isdisjoint(problem.names(r))}
    choices = [
        problem.choices[kind]
        - sum(1 for s in problem.own[r] if problem.bucket_of[s] in problem.reach_set[kind])
        for r, kind in enumerate(problem.kind_of)
        if r not in special
    ]
    number = min(rules.reviews_per_reviewer - 1, min(choices, default=0))
    tried = 0
    while number > 0:
        if works(replace(rules, reviews_per_reviewer=number)):
            words = counted(
                "Ask everybody for %(num)s review instead.",
                "Ask everybody for %(num)s reviews instead.",
                number,
            )
            yield Remedy("lower_k", {"reviews_per_reviewer": number}, words)
            return
        tried += 1
        number -= 1 if tried < TRIED else 1 + number // 4


def _uneven(roster: Roster, rules: Rules, works: Works) -> Iterator[Remedy]:
    """The smallest widening of how many reviews a work gets that works, tried outwards from the even
    share."""
    total = sum(seat.gives for seat in seats_of(roster, rules))
    floor, rest = divmod(total, len(roster.submissions))
    low, high = rules.receives or (floor, floor + (1 if rest else 0))
    widenings = [(max(0, low - wider), min(high + wider, 1000)) for wider in (1, 2, 3, 5, 8, 13)]
    if not works(replace(rules, receives=widenings[-1])):
        return
    for bounds in widenings:
        if works(replace(rules, receives=bounds)):
            even = sentence(
                "Let a work get between %(low)s and %(high)s reviews instead of %(now)s.",
                low=bounds[0],
                high=bounds[1],
                now=low,
            )
            spread = sentence(
                "Let a work get between %(low)s and %(high)s reviews instead of %(least)s to %(most)s.",
                low=bounds[0],
                high=bounds[1],
                least=low,
                most=high,
            )
            yield Remedy("allow_uneven", {"receives": bounds}, even if low == high else spread)
            return


def _and(first: Sentence, then: Sentence) -> Sentence:
    return sentence("%(first)s And: %(then)s", first=first, then=then)
