"""Numbers about a set of pairs, computed from ids alone: loads, section matrix, repeats, islands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from allocation.result import Quality
from allocation.roster import Participant, Roster
from allocation.rules import Pair, Rules


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
    chosen = {Pair(*pair) for pair in pairs}
    people = {one.id: one for one in roster.participants}
    authors = {one.id: one.authors for one in roster.submissions}
    given = dict.fromkeys(people, 0)
    received = dict.fromkeys(authors, 0)
    sections: Counter[tuple[str, str]] = Counter()
    arcs = set()
    teams = {tuple(sorted(some)) for some in authors.values() if len(some) > 1}
    first: dict[str, str] = {}
    if rules.co_authors == "same":
        reviewing = {one.id for one in roster.participants if _gives(one, rules)}
        for team in teams:
            some = [one for one in team if one in reviewing]
            first.update(dict.fromkeys(some, min(some, default="")))
    for reviewer, submission in chosen:
        given[reviewer] += 1
        received[submission] += 1
        mine = people[reviewer].sections
        if len(authors[submission]) == 1:
            theirs = people[authors[submission][0]].sections
        else:
            theirs = frozenset(
                section for author in authors[submission] for section in people[author].sections
            )
        if mine and theirs:
            for one in mine:
                for other in theirs:
                    sections[one, other] += 1
        for author in authors[submission]:
            arcs.add((first.get(reviewer, reviewer), first.get(author, author)))
    weak = 0
    if rules.strong_at is not None:
        strong = {
            one.id
            for one in roster.participants
            if one.ability is not None and one.ability >= rules.strong_at
        }
        helped = {submission for reviewer, submission in chosen if reviewer in strong}
        weak = sum(1 for work in roster.submissions if work.receives != (0, 0) and work.id not in helped)
    return Quality(
        given=given,
        received=received,
        sections=dict(sorted(sections.items())),
        reciprocal=sum(1 for one, other in arcs if one < other and (other, one) in arcs),
        repeats=len(chosen & rules.avoid),
        moved=sum(
            1
            for pair in rules.existing
            if pair not in chosen and pair.reviewer in people and pair.submission in authors
        ),
        weak=weak,
        components=_islands(chosen, authors),
        together=_together(chosen, teams),
    )


def _gives(one: Participant, rules: Rules) -> int:
    return rules.reviews_per_reviewer if one.gives is None else one.gives


def _together(chosen: set[Pair], teams: set[tuple[str, ...]]) -> int:
    """How often people who wrote a work together review the same work."""
    team_of: dict[str, list[tuple[str, ...]]] = {}
    for team in teams:
        for one in team:
            team_of.setdefault(one, []).append(team)
    met = Counter((team, submission) for one, submission in chosen for team in team_of.get(one, ()))
    return sum(1 for number in met.values() if number > 1)


def _islands(chosen: set[Pair], authors: dict[str, tuple[str, ...]]) -> int:
    """Connected parts of the graph whose edges are pairs and authorship, counting only parts that hold a
    pair."""
    parent: dict[str, str] = {}

    def root(one: str) -> str:
        parent.setdefault(one, one)
        while parent[one] != one:
            parent[one] = one = parent[parent[one]]
        return one

    for reviewer, submission in chosen:
        here = root("p" + reviewer)
        for author in authors[submission]:
            parent[root("p" + author)] = here
    return len({root("p" + reviewer) for reviewer, _ in chosen})
