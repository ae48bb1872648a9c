"""Check an allocation against roster and rules: a list of everything that is broken.

Works on ids and looks at one pair at a time, straight from the wording of the rules. It shares no code with
the engine on purpose, so that a
mistake there cannot hide here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from allocation.roster import Participant, Roster, Submission
from allocation.rules import Pair, Rules


@dataclass(frozen=True, slots=True)
class BrokenRule:
    """One rule that an allocation breaks.

    Attributes
    ----------
    code : str
        unknown_reviewer, unknown_submission, twice, own_work, section, section_pair, group, forbidden,
        repeat, reciprocal, required,
        kept, gives, receives.
    reviewer, submission : str
        Empty where the rule is not about one.
    text : str
    """

    code: str
    reviewer: str
    submission: str
    text: str


def verify(roster: Roster, rules: Rules, pairs: Iterable[Pair]) -> tuple[BrokenRule, ...]:
    """Everything that is wrong with these pairs; empty when they are a valid allocation.

    Examples
    --------
    >>> from allocation import Participant, Roster, Rules, Submission
    >>> people = (Participant("a"), Participant("b"))
    >>> roster = Roster(people, (Submission("x", ("a",)), Submission("y", ("b",))))
    >>> [broken.code for broken in verify(roster, Rules(reviews_per_reviewer=1), [Pair("a", "x")])]
    ['own_work', 'gives', 'receives']
    """
    chosen = [Pair(*pair) for pair in pairs]
    people = {one.id: one for one in roster.participants}
    works = {one.id: one for one in roster.submissions}
    fixed = set(rules.required) | set(rules.kept)
    broken: list[BrokenRule] = []
    for pair, times in Counter(chosen).items():
        if pair.reviewer not in people:
            broken.append(BrokenRule("unknown_reviewer", *pair, f"{pair.reviewer} is not a participant."))
        if pair.submission not in works:
            broken.append(BrokenRule("unknown_submission", *pair, f"{pair.submission} is not a submission."))
        if times > 1:
            broken.append(
                BrokenRule("twice", *pair, f"{pair.reviewer} reviews {pair.submission} {times} times.")
            )
    known = sorted({pair for pair in chosen if pair.reviewer in people and pair.submission in works})
    for pair in known:
        person, work = people[pair.reviewer], works[pair.submission]
        if person.id in work.authors:
            broken.append(BrokenRule("own_work", *pair, f"{person.id} reviews a work of his own, {work.id}."))
        elif pair not in fixed:
            broken += _broken_by(person, work, [people[a] for a in work.authors], rules)
    for name, needed in (("required", rules.required), ("kept", rules.kept)):
        for pair in sorted(needed - set(known)):
            broken.append(
                BrokenRule(name, *pair, f"{pair.reviewer} must review {pair.submission}, and does not.")
            )
    if rules.reciprocal == "forbid":
        broken += _mutual(known, works, fixed)
    return (*broken, *_quotas(roster, rules, chosen, fixed))


def _broken_by(
    person: Participant, work: Submission, authors: list[Participant], rules: Rules
) -> list[BrokenRule]:
    broken = []

    def add(code: str, text: str) -> None:
        broken.append(BrokenRule(code, person.id, work.id, text))

    sections = {section for author in authors for section in author.sections}
    groups = {group for author in authors for group in author.groups}
    if rules.sections == "same" and not sections & person.sections:
        add("section", f"{person.id} shares no section with the authors of {work.id}.")
    if rules.sections == "different" and sections & person.sections:
        add("section", f"{person.id} shares a section with the authors of {work.id}.")
    if rules.section_pairs is not None and not any(
        (mine, theirs) in rules.section_pairs for mine in person.sections for theirs in sections
    ):
        add("section_pair", f"The sections of {person.id} may not review those of the authors of {work.id}.")
    if rules.groups == "different" and groups & person.groups:
        add("group", f"{person.id} shares a group with the authors of {work.id}.")
    if rules.groups == "same" and not groups & person.groups:
        add("group", f"{person.id} shares no group with the authors of {work.id}.")
    pair = (person.id, work.id)
    if pair in rules.forbidden:
        add("forbidden", f"{person.id} must not review {work.id}.")
    if pair in rules.avoid and rules.avoid_is == "hard":
        add("repeat", f"{person.id} has reviewed {work.id} before.")
    return broken


def _mutual(known: list[Pair], works: dict[str, Submission], fixed: set[Pair]) -> list[BrokenRule]:
    """Two people who review each other, unless both ways were fixed beforehand."""
    arcs: dict[tuple[str, str], list[Pair]] = {}
    for pair in known:
        for author in works[pair.submission].authors:
            arcs.setdefault((pair.reviewer, author), []).append(pair)
    broken = []
    for (one, other), forth in arcs.items():
        back = arcs.get((other, one))
        if one < other and back and not (fixed.intersection(forth) and fixed.intersection(back)):
            broken.append(
                BrokenRule(
                    "reciprocal",
                    forth[0].reviewer,
                    forth[0].submission,
                    f"{one} and {other} review each other.",
                )
            )
    return broken


def _quotas(roster: Roster, rules: Rules, chosen: list[Pair], fixed: set[Pair]) -> list[BrokenRule]:
    given = Counter(pair.reviewer for pair in chosen)
    received = Counter(pair.submission for pair in chosen)
    fixed_by = Counter(pair.reviewer for pair in fixed)
    fixed_on = Counter(pair.submission for pair in fixed)
    broken = []
    total = 0
    for person in roster.participants:
        wanted = person.gives if person.gives is not None else rules.reviews_per_reviewer
        wanted = max(wanted, fixed_by[person.id])
        total += wanted
        if given[person.id] != wanted:
            text = f"{person.id} gives {given[person.id]} reviews instead of {wanted}."
            broken.append(BrokenRule("gives", person.id, "", text))
    number = len(roster.submissions)
    for work in roster.submissions:
        low, high = work.receives or rules.receives or (total // number, -(-total // number))
        high = max(high, fixed_on[work.id])
        if not low <= received[work.id] <= high:
            text = f"{work.id} gets {received[work.id]} reviews, not {low} to {high}."
            broken.append(BrokenRule("receives", "", work.id, text))
    return broken
