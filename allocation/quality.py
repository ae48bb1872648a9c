"""Numbers about a set of pairs, computed from ids alone: loads, section matrix, repeats, islands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable

from allocation.result import Quality
from allocation.roster import Participant, Roster
from allocation.rules import Pair, Rules
from allocation.seats import quota


def quality(roster: Roster, rules: Rules, pairs: Iterable[Pair]) -> Quality:
    """Measure these pairs; they need not be valid, but must name people and works of the roster.

    Examples
    --------
    >>> from allocation import Participant, Roster, Rules, Submission
    >>> people = (Participant("a"), Participant("b"))
    >>> roster = Roster(people, (Submission("x", ("a",)), Submission("y", ("b",))))
    >>> quality(roster, Rules(), [Pair("a", "y"), Pair("b", "x")]).reciprocal
    1
    """
    chosen = dict.fromkeys(pair if type(pair) is Pair else Pair(*pair) for pair in pairs)  # keeps their order
    people = {one.id: one for one in roster.participants}
    authors = {one.id: one.authors for one in roster.submissions}
    given = dict.fromkeys(people, 0)
    received = dict.fromkeys(authors, 0)
    teams = {tuple(sorted(some)) for some in authors.values() if len(some) > 1}
    first: dict[str, str] = {}
    if rules.co_authors == "same":
        reviewing = {one.id for one in roster.participants if quota(one, rules)}
        for team in teams:
            some = [one for one in team if one in reviewing]
            first.update(dict.fromkeys(some, min(some, default="")))
    arcs = set()
    for reviewer, submission in chosen:
        given[reviewer] += 1
        received[submission] += 1
        for author in authors[submission]:
            arcs.add((reviewer, author))
    if first:
        arcs = {(first.get(one, one), first.get(other, other)) for one, other in arcs}
    weak = across = one_sided = 0
    if rules.strong_at is not None:
        strong = {
            one.id
            for one in roster.participants
            if one.ability is not None and one.ability >= rules.strong_at
        }
        helped = {submission for reviewer, submission in chosen if reviewer in strong}
        reviewed = _may_be_reviewed(roster, rules)
        weak = len(reviewed - helped)
        able = strong | {first[one] for one in strong if one in first}
        units = {(first.get(reviewer, reviewer), submission) for reviewer, submission in chosen}
        across = sum((one in able) != (not strong.isdisjoint(authors[work])) for one, work in units)
        others = {work for one, work in units if one not in able}
        one_sided = weak + len(reviewed - others)
    return Quality(
        given=given,
        received=received,
        sections=_sections(chosen, people, authors),
        reciprocal=sum(1 for one, other in arcs if one < other and (other, one) in arcs),
        repeats=len(chosen.keys() & rules.avoid),
        moved=sum(
            1
            for reviewer, submission in rules.existing
            if (reviewer, submission) not in chosen and reviewer in people and submission in authors
        ),
        weak=weak,
        components=_islands(chosen, people, authors),
        across=across,
        one_sided=one_sided,
        together=_together(chosen, teams),
    )


def _may_be_reviewed(roster: Roster, rules: Rules) -> set[str]:
    """Submissions that may receive a review at all: fixed pairs raise bounds of 0."""
    fixed = {submission for _, submission in rules.required | rules.kept}
    anybody = bool(fixed) or any(quota(one, rules) for one in roster.participants)
    usual = anybody if rules.receives is None else rules.receives[1] > 0
    return {
        work.id
        for work in roster.submissions
        if work.id in fixed or (usual if work.receives is None else work.receives[1] > 0)
    }


def _sections(
    chosen: Collection[Pair], people: dict[str, Participant], authors: dict[str, tuple[str, ...]]
) -> dict[tuple[str, str], int]:
    """Reviews from section to section; whoever is in several counts in each. Sets of sections first: there
    are fewer of them than pairs."""
    mine = {one.id: one.sections for one in people.values()}
    if not any(mine.values()):
        return {}
    none: frozenset[str] = frozenset()
    theirs = {
        work: mine[some[0]] if len(some) == 1 else none.union(*(mine[one] for one in some))
        for work, some in authors.items()
    }
    sections: Counter[tuple[str, str]] = Counter()
    by_sets = Counter([(mine[reviewer], theirs[submission]) for reviewer, submission in chosen])
    for (giving, taking), number in by_sets.items():
        for one in giving:
            for other in taking:
                sections[one, other] += number
    return dict(sorted(sections.items()))


def _together(chosen: Collection[Pair], teams: set[tuple[str, ...]]) -> int:
    """How often people who wrote a work together review the same work."""
    team_of: dict[str, list[tuple[str, ...]]] = {}
    for team in teams:
        for one in team:
            team_of.setdefault(one, []).append(team)
    met = Counter((team, submission) for one, submission in chosen for team in team_of.get(one, ()))
    return sum(1 for number in met.values() if number > 1)


def _islands(
    chosen: Collection[Pair], people: dict[str, Participant], authors: dict[str, tuple[str, ...]]
) -> int:
    """Connected parts of the graph whose edges are pairs and authorship, counting only parts that hold a
    pair."""
    number = {one: at for at, one in enumerate(people)}
    parent = list(range(len(number)))
    at_work: dict[str, int] = {}

    part = set()
    for reviewer, submission in chosen:
        here = number[reviewer]
        part.add(here)
        there = at_work.get(submission)
        if there is None:
            at_work[submission] = here
            meeting = [number[author] for author in authors[submission]]
            part.update(meeting)
        else:
            meeting = [there]
        while parent[here] != here:
            parent[here] = here = parent[parent[here]]
        for top in meeting:
            one = top
            while parent[one] != one:
                parent[one] = one = parent[parent[one]]
            parent[one] = here
    return sum(parent[one] == one for one in part)
