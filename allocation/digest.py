"""Roster and rules as one number: what a stream of random numbers is keyed with, beside the seed."""

from __future__ import annotations

import json
import sys
from array import array
from collections.abc import Iterable
from hashlib import sha256
from operator import attrgetter

from allocation.roster import Roster
from allocation.rules import Pair, Rules


def digest(roster: Roster, rules: Rules) -> bytes:
    """SHA-256 of roster and rules in a canonical form: the same for every order of the input and on every
    machine. Pairs are told by the places of their ids among all ids in order, which is quicker to sort."""
    lists: dict[frozenset[str], list[str]] = {}

    def ordered(labels: frozenset[str]) -> list[str]:
        if labels not in lists:
            lists[labels] = sorted(labels)
        return lists[labels]

    participants = sorted(roster.participants, key=attrgetter("id"))
    submissions = sorted(roster.submissions, key=attrgetter("id"))
    people = [[p.id, ordered(p.sections), ordered(p.groups), p.gives, p.ability] for p in participants]
    works = [[s.id, sorted(s.authors), s.receives] for s in submissions]
    number = {one.id: r for r, one in enumerate(participants)}
    number_work = {one.id: s for s, one in enumerate(submissions)}
    gone = sorted(pair for pair in rules.existing if pair[0] not in number or pair[1] not in number_work)
    there = rules.existing.difference(gone) if gone else rules.existing
    matrix = None if rules.section_pairs is None else sorted(rules.section_pairs)
    values: list[object] = [
        [rules.reviews_per_reviewer, rules.sections, rules.groups, rules.reciprocal, rules.avoid_is],
        [rules.strong_at, rules.receives, matrix, list(rules.goals)],
        [sorted(rules.section_shares or ()), rules.co_authors, gone],
    ]
    content = sha256(json.dumps([people, works, values], separators=(",", ":")).encode())
    for pairs in (rules.forbidden, rules.required, rules.kept, rules.avoid, there):
        content.update(_canonical(pairs, number, number_work))
    return content.digest()


def _canonical(pairs: Iterable[Pair], number: dict[str, int], number_work: dict[str, int]) -> bytes:
    """Their number, then the pairs in order, as little-endian words of 64 bits."""
    size = len(number_work)
    places = array("Q", sorted([number[r] * size + number_work[s] for r, s in pairs]))
    places.insert(0, len(places))
    if sys.byteorder == "big":
        places.byteswap()
    return places.tobytes()
