"""Check that a reason proves what it says. Like `verify` it works from the wording of the rules and shares
no code with the engine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from allocation.result import Reason
from allocation.roster import Roster
from allocation.rules import Pair, Rules
from allocation.verify import verify

Giver = tuple[frozenset[str], str]
"""Who gives reviews as one (co-authors who review the same works), and to which section by the shares."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """The rules, giver by giver."""

    gives: Mapping[Giver, int]
    """Reviews that each giver still owes beside the fixed pairs."""
    bounds: Mapping[str, tuple[int, int]]
    """Fewest and most reviews that each work may still get."""
    choices: Mapping[Giver, frozenset[str]]
    """Works that each giver may still review."""
    teams: Mapping[Giver, frozenset[str]]
    """People of whom no two may review the same work."""


def certificate_holds(roster: Roster, rules: Rules, reason: Reason) -> bool:
    """Recount a reason of code people_short or works_short: True when it proves that the quotas cannot all
    be met.

    Looks at every pair of a named person and a named work, so it is meant for tests and doubts, not for
    every run.
    """
    if reason.code == "people_short":
        named = set(reason.people)
        shares = set(reason.shares)
        read = _read(roster, rules, named, set(reason.submissions))
        some = [
            giver
            for giver in read.gives
            if not giver[0].isdisjoint(named)
            and (not shares or any((p, giver[1]) in shares for p in giver[0]))
        ]
        takers = Counter(
            work
            for team in {read.teams[giver] for giver in some}
            for work in frozenset().union(*(read.choices[one] for one in some if read.teams[one] == team))
        )
        need = sum(read.gives[giver] for giver in some)
        have = sum(min(max(read.bounds[work][1], 0), takers[work]) for work in reason.submissions)
        return (need, have) == (reason.need, reason.have) and need > have
    if reason.code == "works_short":
        works = set(reason.submissions)
        read = _read(roster, rules, {one.id for one in roster.participants}, works)
        need = sum(max(0, read.bounds[work][0]) for work in works)
        have = sum(
            _most([(read.gives[one], read.choices[one]) for one in read.gives if read.teams[one] == team])
            for team in set(read.teams.values())
        )
        return (need, have) == (reason.need, reason.have) and need > have
    return False


def _read(roster: Roster, rules: Rules, people: set[str], works: set[str]) -> _Reading:
    usual = rules.reviews_per_reviewer
    quota = {one.id: usual if one.gives is None else one.gives for one in roster.participants}
    sections = {one.id: one.sections for one in roster.participants}
    theirs = {one.id: {s for author in one.authors for s in sections[author]} for one in roster.submissions}
    sets = {frozenset(one.authors) for one in roster.submissions if len(one.authors) > 1}
    alone = {one: frozenset({one}) for one in quota}
    unit, team = dict(alone), dict(alone)
    if rules.co_authors == "same":
        sets = {frozenset(one for one in some if quota[one]) for some in sets}
        unit |= {one: some for some in sets for one in some}
    elif rules.co_authors == "different":
        team |= {one: some for some in sets for one in some}
    rows: dict[str, dict[str, int]] = {}
    for giver, taker, number in rules.section_shares or ():
        rows.setdefault(giver, {})[taker] = number
    row = {one: rows.get(min(sections[one] & rows.keys(), default=""), {}) for one in quota}

    def target(person: str, work: str) -> str:
        return min(theirs[work] & row[person].keys(), default="")

    fixed = {Pair(one, work) for who, work in rules.required | rules.kept for one in unit[who]}
    done = Counter((unit[min(unit[who])], target(who, work), work) for who, work in fixed)
    fixed_by, fixed_on = Counter[Giver](), Counter[str]()
    for some, where, work in done:
        fixed_by[some, where] += 1
        fixed_on[work] += 1
    gives: dict[Giver, int] = {}
    for one, number in quota.items():
        asked = {where: reviews if number else 0 for where, reviews in row[one].items()}
        asked[""] = number - sum(asked.values())
        gives |= {
            (unit[one], where): max(reviews, fixed_by[unit[one], where]) for where, reviews in asked.items()
        }
    total, size = sum(gives.values()), len(roster.submissions)
    share = rules.receives or (total // size, -(-total // size))
    bounds = {one.id: one.receives or share for one in roster.submissions}
    taken = (
        {(one, work) for who, work in fixed for one in team[who]}
        if rules.co_authors == "different"
        else set()
    )
    pairs = {Pair(r, s) for r in people for s in works if Pair(r, s) not in fixed and (r, s) not in taken}
    single = replace(rules, reciprocal="any", co_authors="any", section_shares=None)
    wrong = {
        (one.reviewer, one.submission)
        for one in verify(roster, single, pairs)
        if one.reviewer and one.submission
    }
    able = {pair for pair in pairs if tuple(pair) not in wrong}
    choices = {
        (some, where): frozenset(
            work for work in works
            if all((one, work) in able for one in some) and target(min(some), work) == where
        )
        for some, where in gives if some <= people
    }  # fmt: skip
    left = {giver: number - fixed_by[giver] for giver, number in gives.items() if giver in choices}
    room = {work: (low - fixed_on[work], high - fixed_on[work]) for work, (low, high) in bounds.items()}
    return _Reading(left, room, choices, {giver: team[min(giver[0])] for giver in choices})


def _most(givers: list[tuple[int, frozenset[str]]]) -> int:
    """Reviews that people can give of whom no two may review the same work: the least of all cuts.

    Whoever is cut counts by what he gives, the others by the works that they may review together.
    """
    if len(givers) == 1 or sum(number for number, _ in givers) == 0:
        return sum(min(number, len(works)) for number, works in givers)
    least = None
    for cut in range(1 << len(givers)):
        some = [one for i, one in enumerate(givers) if not cut >> i & 1]
        number = sum(number for i, (number, _) in enumerate(givers) if cut >> i & 1)
        number += len(frozenset[str]().union(*(works for _, works in some)))
        least = number if least is None else min(least, number)
    return least or 0
