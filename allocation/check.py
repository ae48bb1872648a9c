"""Compare rules with a roster before anything is allocated: an error names the rule and the item."""

from __future__ import annotations

from operator import itemgetter

from allocation.errors import RulesError
from allocation.roster import Roster
from allocation.rules import Pair, Rules
from allocation.seats import check_seats
from allocation.sentences import Mention, sentence


def check(roster: Roster, rules: Rules) -> None:
    """Compare rules with a roster.

    Raises
    ------
    RulesError
        A pair names somebody or something unknown, must be and must never be one's own work, a section that
        nobody has.
    """
    people = {person.id for person in roster.participants}
    authors = {work.id: work.authors for work in roster.submissions}
    all_works = set(authors)
    for name in ("forbidden", "required", "kept", "avoid"):
        pairs: frozenset[Pair] = getattr(rules, name)
        known = people.issuperset(map(itemgetter(0), pairs)) and all_works.issuperset(
            map(itemgetter(1), pairs)
        )
        if not known or name in ("required", "kept"):
            for pair in sorted(pairs):
                _check_pair(name, pair, people, authors)
    matrices = {
        "section_pairs": rules.section_pairs or (),
        "section_shares": [(giver, taker) for giver, taker, _ in rules.section_shares or ()],
    }
    asked = any(matrices.values())
    sections = {section for person in roster.participants if asked for section in person.sections}
    for name, cells in matrices.items():
        for both in sorted(cells):
            for section in both:
                if section not in sections:
                    empty = Mention("section", section)
                    raise RulesError(sentence("Nobody is in section %(section)s.", section=empty), name)
    check_seats(roster, rules)


def _check_pair(name: str, pair: Pair, people: set[str], authors: dict[str, tuple[str, ...]]) -> None:
    reviewer, submission = pair
    if reviewer not in people:
        raise RulesError(
            f"{name}: the pair ({reviewer!r}, {submission!r}) names the reviewer {reviewer!r}, "
            "who is not a participant."
        )
    if submission not in authors:
        raise RulesError(
            f"{name}: the pair ({reviewer!r}, {submission!r}) names the submission {submission!r}, "
            "which does not exist."
        )
    if name in ("required", "kept") and reviewer in authors[submission]:
        raise RulesError(
            f"{name}: {reviewer!r} is an author of {submission!r}, and nobody reviews a work of his own."
        )
