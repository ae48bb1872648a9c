"""Say in words why the quotas cannot all be met, and offer changes of the rules that were tried and do
help."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from allocation.problem import Problem
from allocation.result import Reason, Remedy
from allocation.roster import Roster
from allocation.rules import Rules
from allocation.shortage import Shortage

NAMED = 6
"""At most so many names in a sentence."""

Works = Callable[[Roster, Rules], bool]


def explain(
    roster: Roster, rules: Rules, problem: Problem, shortages: list[Shortage], works: Works
) -> tuple[Reason, ...]:
    """Reasons for these shortages, each with the remedies that make the whole allocation possible.

    Parameters
    ----------
    works : callable
        Tells whether all quotas can be met for a roster and rules; called once or more for each remedy on
        offer.
    """
    remedies = tuple(find_remedies(roster, rules, works))
    return tuple(_reason(roster, rules, problem, shortage, remedies) for shortage in shortages)


def explain_mutual(
    roster: Roster,
    rules: Rules,
    problem: Problem,
    mutual: list[tuple[int, int]],
    bound: int,
    works: Works,
) -> Reason:
    """The reason when nobody may review each other and no such allocation is known.

    To decide this in general is NP-hard, so the text says whether it is proven.
    """
    people = tuple(sorted({problem.people[r] for pair in mutual for r in pair}))
    proof = (
        f"at least {bound} such pairs of people cannot be avoided"
        if bound
        else "the search found no allocation without such pairs, which is no proof that there is none"
    )
    return Reason(
        code="reciprocal",
        people=people,
        submissions=(),
        need=len(mutual),
        have=0,
        text=f"Two people must not review each other, but {proof}. "
        f"The best attempt has {len(mutual)}: {_list(people)}.",
        remedies=tuple(find_remedies(roster, rules, works)),
    )


def _reason(
    roster: Roster, rules: Rules, problem: Problem, shortage: Shortage, remedies: tuple[Remedy, ...]
) -> Reason:
    on_people = shortage.side == "people"
    people = shortage.members if on_people else shortage.others
    submissions = shortage.others if on_people else shortage.members
    named_people = tuple(problem.people[r] for r in people)
    named_works = tuple(problem.works[s] for s in submissions)
    write = _people_text if on_people else _works_text
    return Reason(
        code="people_short" if on_people else "works_short",
        people=named_people,
        submissions=named_works,
        need=shortage.need,
        have=shortage.have,
        text=write(roster, rules, named_people, named_works, shortage),
        remedies=remedies,
    )


def _people_text(
    roster: Roster, rules: Rules, people: tuple[str, ...], works: tuple[str, ...], shortage: Shortage
) -> str:
    need, have = shortage.need, shortage.have
    lack = f"({need - have} too few)"
    where = _only_section(roster, people)
    if len(people) == len(roster.participants):
        return (
            f"The {len(people)} people together must give {_reviews(need)}, but the {_works(len(works))} "
            f"can take only {have} {lack}."
        )
    if where is not None and rules.sections == "same":
        size = rules.reviews_per_reviewer + 1
        least = (
            f" With {_reviews(size - 1)} each, a section needs at least {size} people who hand in."
            if len(people) < size
            else ""
        )
        return (
            f"Section {where} has {_people(len(people))}, who must give {_reviews(need)} inside the section, "
            f"but only {have} fit there {lack}.{least}"
        )
    if where is not None and rules.sections == "different":
        return (
            f"The {_people(len(people))} of section {where} must give {_reviews(need)} outside it, "
            f"but the {_works(len(works))} there can take only {have} {lack}."
        )
    if len(people) == 1:
        return f"{people[0]} must give {_reviews(need)}, but the rules leave room for only {have} {lack}."
    return (
        f"These {len(people)} people must give {_reviews(need)}: {_list(people)}. The {_works(len(works))} "
        f"that they may review can take only {have} of them {lack}."
    )


def _works_text(
    roster: Roster, rules: Rules, people: tuple[str, ...], works: tuple[str, ...], shortage: Shortage
) -> str:
    need, have = shortage.need, shortage.have
    lack = f"({need - have} too few)"
    owners = {one.id: one.authors for one in roster.submissions}
    where = _only_section(roster, tuple(author for work in works for author in owners[work]))
    whose = f" of section {where}" if where is not None and rules.sections != "any" else ""
    if len(works) == len(roster.submissions):
        return (
            f"The {len(works)} works need {_reviews(need)}, but the {_people(len(people))} who may review "
            f"can give only {have} {lack}."
        )
    if len(works) == 1:
        return (
            f"The work {works[0]} needs {_reviews(need)}, but only {_people(len(people))} may review it "
            f"and can give {have} {lack}."
        )
    return (
        f"These {len(works)} works{whose} need {_reviews(need)}: {_list(works)}. "
        f"Only {_people(len(people))} may review them and can give {have} of these {lack}."
    )


def _only_section(roster: Roster, people: tuple[str, ...]) -> str | None:
    """The one section that all of these people are in, if it is the only one of each."""
    of = {one.id: one.sections for one in roster.participants}
    sections = {of[person] for person in people}
    if len(sections) == 1:
        (only,) = sections
        if len(only) == 1:
            return next(iter(only))
    return None


def _reviews(number: int) -> str:
    return f"{number} review" if number == 1 else f"{number} reviews"


def _people(number: int) -> str:
    return {0: "nobody", 1: "1 person"}.get(number, f"{number} people")


def _works(number: int) -> str:
    return "1 work" if number == 1 else f"{number} works"


def _list(names: tuple[str, ...]) -> str:
    if len(names) <= NAMED:
        return ", ".join(names)
    return ", ".join(names[: NAMED - 1]) + f" and {len(names) - NAMED + 1} more"


def find_remedies(roster: Roster, rules: Rules, works: Works) -> Iterator[Remedy]:
    """Changes that make everything possible, each tried: single rules first, else a set of rules none of
    which can stay."""
    offers = list(_single_rules(rules))
    helpful = [offer for offer in offers if works(roster, offer.apply(rules))]
    if not helpful and len(offers) > 1:
        helpful = list(_several(roster, rules, offers, works))
    yield from helpful
    lower = _lower_number(roster, rules, works)
    if lower is not None:
        yield lower
    uneven = _uneven(roster, rules, works)
    if uneven is not None:
        yield uneven


def _single_rules(rules: Rules) -> Iterator[Remedy]:
    if rules.sections == "same":
        yield Remedy(
            "allow_other_sections", {"sections": "any"}, "Let people review works of other sections too."
        )
    if rules.sections == "different":
        yield Remedy(
            "allow_same_section", {"sections": "any"}, "Let people review works of their own section too."
        )
    if rules.section_pairs is not None:
        yield Remedy(
            "allow_section_pairs", {"section_pairs": None}, "Let every section review every section."
        )
    if rules.groups == "different":
        yield Remedy("allow_own_group", {"groups": "any"}, "Let people review works of their own group.")
    if rules.groups == "same":
        yield Remedy("allow_other_groups", {"groups": "any"}, "Let people review works of other groups too.")
    if rules.avoid and rules.avoid_is == "hard":
        yield Remedy(
            "allow_repeats", {"avoid_is": "soft"}, "Allow repeats of earlier pairs where it cannot be helped."
        )
    if rules.forbidden:
        yield Remedy("allow_forbidden", {"forbidden": frozenset()}, "Lift the forbidden pairs.")
    if rules.reciprocal == "forbid":
        yield Remedy(
            "allow_reciprocal",
            {"reciprocal": "avoid"},
            "Let two people review each other where it cannot be helped.",
        )


def _several(roster: Roster, rules: Rules, offers: list[Remedy], works: Works) -> Iterator[Remedy]:
    """All the rules at once, then put back those that can stay."""

    def together(some: list[Remedy]) -> Rules:
        changed = rules
        for one in some:
            changed = one.apply(changed)
        return changed

    if not works(roster, together(offers)):
        return
    needed = list(offers)
    for offer in offers:
        rest = [one for one in needed if one is not offer]
        if works(roster, together(rest)):
            needed = rest
    params: dict[str, object] = {}
    for one in needed:
        params.update(one.params)
    yield Remedy("several", params, " And: ".join(one.text for one in needed))


def _lower_number(roster: Roster, rules: Rules, works: Works) -> Remedy | None:
    """The largest smaller number of reviews that works (not all smaller ones need to, when people have
    their own)."""
    for number in range(min(rules.reviews_per_reviewer - 1, len(roster.submissions)), 0, -1):
        if works(roster, replace(rules, reviews_per_reviewer=number)):
            return Remedy(
                "lower_k", {"reviews_per_reviewer": number}, f"Ask everybody for {_reviews(number)} instead."
            )
    return None


def _uneven(roster: Roster, rules: Rules, works: Works) -> Remedy | None:
    """The smallest widening of how many reviews a work gets that works, tried outwards from the even
    share."""
    total = sum(rules.reviews_per_reviewer if one.gives is None else one.gives for one in roster.participants)
    floor, rest = divmod(total, len(roster.submissions))
    low, high = rules.receives or (floor, floor + (1 if rest else 0))
    widenings = [(max(0, low - wider), min(high + wider, 1000)) for wider in (1, 2, 3, 5, 8, 13)]
    if not works(roster, replace(rules, receives=widenings[-1])):
        return None
    for bounds in widenings:
        if works(roster, replace(rules, receives=bounds)):
            return Remedy(
                "allow_uneven",
                {"receives": bounds},
                f"Let a work get between {bounds[0]} and {_reviews(bounds[1])} instead of {low} to {high}.",
            )
    return None
