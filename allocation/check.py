"""Compare rules with a roster before anything is allocated: an error names the rule and the item."""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter

from allocation.errors import RulesError
from allocation.roster import Roster
from allocation.rules import PAIRS, Pair, Rules
from allocation.seats import check_seats
from allocation.sentences import Mention, sentence

FIXED = ("required", "kept")


def check(roster: Roster, rules: Rules) -> None:
    """Compare rules with a roster.

    Raises
    ------
    RulesError
        A pair names somebody or something unknown, must be and must never be one's own work, a section that
        nobody has.
    """
    check_pairs(roster, rules, PAIRS)
    check_sections(roster, rules)
    check_seats(roster, rules)


def check_pairs(roster: Roster, rules: Rules, names: Iterable[str]) -> None:
    """The same for the pairs of these fields of the rules only. Existing pairs may name who is gone.

    Raises
    ------
    RulesError
    """
    people = {person.id for person in roster.participants}
    authors = {work.id: work.authors for work in roster.submissions}
    for name in names:
        pairs: frozenset[Pair] = getattr(rules, name)
        if name in FIXED or not _all_known(pairs, people, set(authors)):
            for pair in sorted(pairs, key=str):
                _check_pair(name, pair, people, authors)


def _all_known(pairs: frozenset[Pair], people: set[str], works: set[str]) -> bool:
    """A quick look at many pairs; when it finds fault, `_check_pair` says with which."""
    try:
        return (
            set(map(len, pairs)) <= {2}
            and people.issuperset(map(itemgetter(0), pairs))
            and works.issuperset(map(itemgetter(1), pairs))
        )
    except TypeError:
        return False


def check_sections(roster: Roster, rules: Rules) -> None:
    """The same for the sections of the matrices.

    Raises
    ------
    RulesError
    """
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


def _check_pair(name: str, pair: Pair, people: set[str], authors: dict[str, tuple[str, ...]]) -> None:
    if not isinstance(pair, tuple) or len(pair) != 2:
        raise RulesError(f"{name}: {pair!r} is not a pair of a reviewer and a submission.")
    if name == "existing":
        return
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
    if name in FIXED and reviewer in authors[submission]:
        raise RulesError(
            f"{name}: {reviewer!r} is an author of {submission!r}, and nobody reviews a work of his own."
        )
