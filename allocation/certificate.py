"""Check that a reason proves what it says. Like `verify` it works from the wording of the rules and shares
no code with the engine."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from allocation.result import Reason
from allocation.roster import Roster
from allocation.rules import Pair, Rules
from allocation.verify import verify


def certificate_holds(roster: Roster, rules: Rules, reason: Reason) -> bool:
    """Recount a reason of code people_short or works_short: True when it proves that the quotas cannot all
    be met.

    Looks at every pair of a named person and a named work, so it is meant for tests and doubts, not for
    every run.
    """
    fixed = set(rules.required) | set(rules.kept)
    given, received = Counter(pair.reviewer for pair in fixed), Counter(pair.submission for pair in fixed)
    gives = {
        one.id: max(rules.reviews_per_reviewer if one.gives is None else one.gives, given[one.id])
        for one in roster.participants
    }
    total, number = sum(gives.values()), len(roster.submissions)
    bounds = {
        one.id: one.receives or rules.receives or (total // number, -(-total // number))
        for one in roster.submissions
    }
    people = set(reason.people) if reason.code == "people_short" else set(gives)
    works = set(reason.submissions) if reason.code == "works_short" else set(bounds)
    able = {pair for pair in (Pair(r, s) for r in people for s in works) if pair not in fixed}
    single = replace(rules, reciprocal="any")
    wrong = {
        (one.reviewer, one.submission)
        for one in verify(roster, single, able)
        if one.reviewer and one.submission
    }
    able = {pair for pair in able if tuple(pair) not in wrong}
    if reason.code == "people_short":
        takers = Counter(pair.submission for pair in able)
        need = sum(gives[r] - given[r] for r in people)
        have = sum(min(max(bounds[s][1] - received[s], 0), takers[s]) for s in works)
        return (need, have) == (reason.need, reason.have) and need > have
    if reason.code == "works_short":
        choices = Counter(pair.reviewer for pair in able)
        need = sum(max(0, bounds[s][0] - received[s]) for s in works)
        have = sum(min(gives[r] - given[r], choices[r]) for r in people)
        return (need, have) == (reason.need, reason.have) and need > have
    return False
