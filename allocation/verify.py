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
        unknown_reviewer, unknown_submission, twice, own_work, section, section_pair, section_share, group,
        forbidden, repeat, reciprocal, co_authors, required, kept, gives, receives.
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
    fixed = {Pair(*pair) for pair in rules.required | rules.kept}
    if rules.co_authors == "same":
        fixed |= _fixed_for_all(roster, rules, fixed)
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
        for reviewer, submission in sorted(needed - set(known)):
            text = f"{reviewer} must review {submission}, and does not."
            broken.append(BrokenRule(name, reviewer, submission, text))
    if rules.reciprocal == "forbid":
        broken += _mutual(known, works, fixed, _first_of_team(roster, rules))
    if rules.co_authors == "different":
        broken += _same_work(known, works, fixed)
    if rules.co_authors == "same":
        broken += _different_works(known, roster, rules)
    if rules.section_shares:
        broken += _shares(known, roster, rules, fixed)
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


def _mutual(
    known: list[Pair], works: dict[str, Submission], fixed: set[Pair], first: dict[str, str]
) -> list[BrokenRule]:
    """Two people who review each other, unless both ways were fixed beforehand. People who review together
    count as one."""
    arcs: dict[tuple[str, str], list[Pair]] = {}
    for pair in known:
        for author in works[pair.submission].authors:
            arc = (first.get(pair.reviewer, pair.reviewer), first.get(author, author))
            arcs.setdefault(arc, []).append(pair)
    broken = []
    for (one, other), forth in arcs.items():
        back = arcs.get((other, one))
        if one < other and back and not (fixed.intersection(forth) and fixed.intersection(back)):
            broken.append(
                BrokenRule(
                    "reciprocal",
                    forth[0].reviewer,
                    forth[0].submission,
                    f"{forth[0].reviewer} and {back[0].reviewer} review each other.",
                )
            )
    return broken


def _same_work(known: list[Pair], works: dict[str, Submission], fixed: set[Pair]) -> list[BrokenRule]:
    """Two people who wrote a work together review the same one, unless both pairs were fixed beforehand."""
    reviewers: dict[str, list[Pair]] = {}
    for pair in known:
        reviewers.setdefault(pair.submission, []).append(pair)
    broken = []
    team_of = {one: work.authors for work in works.values() if len(work.authors) > 1 for one in work.authors}
    for some in reviewers.values():
        met: dict[frozenset[str], list[Pair]] = {}
        for pair in some:
            met.setdefault(frozenset(team_of.get(pair.reviewer, (pair.reviewer,))), []).append(pair)
        for mine in met.values():
            if len(mine) > 1 and not fixed.issuperset(mine):
                text = f"{mine[0].reviewer} and {mine[1].reviewer} wrote a work together and both review "
                broken.append(BrokenRule("co_authors", *mine[1], f"{text}{mine[1].submission}."))
    return sorted(broken, key=lambda one: (one.reviewer, one.submission))


def _reviewing_teams(roster: Roster, rules: Rules) -> list[list[str]]:
    """People who wrote a work together and review something."""
    usual = rules.reviews_per_reviewer
    gives = {one.id: usual if one.gives is None else one.gives for one in roster.participants}
    sets = {frozenset(work.authors) for work in roster.submissions if len(work.authors) > 1}
    return [team for team in (sorted(one for one in some if gives[one]) for some in sets) if team]


def _first_of_team(roster: Roster, rules: Rules) -> dict[str, str]:
    """Whom those who review together are counted as."""
    if rules.co_authors != "same":
        return {}
    return {one: team[0] for team in _reviewing_teams(roster, rules) for one in team}


def _different_works(known: list[Pair], roster: Roster, rules: Rules) -> list[BrokenRule]:
    """Somebody reviews a work that one who wrote a work with him does not."""
    chosen = set(known)
    broken = []
    works_of: dict[str, set[str]] = {}
    for pair in known:
        works_of.setdefault(pair.reviewer, set()).add(pair.submission)
    for team in _reviewing_teams(roster, rules):
        for work in sorted({work for one in team for work in works_of.get(one, ())}):
            for one in team:
                if Pair(one, work) not in chosen:
                    text = f"{one} does not review {work}, as those do with whom he wrote a work."
                    broken.append(BrokenRule("co_authors", one, work, text))
    return broken


def _fixed_for_all(roster: Roster, rules: Rules, fixed: set[Pair]) -> set[Pair]:
    """What the fixed pairs of one mean for those who review together with him."""
    team_of = {one: team for team in _reviewing_teams(roster, rules) for one in team}
    return {Pair(one, work) for who, work in fixed for one in team_of.get(who, ())}


def _counts_for(sections: set[str], row: dict[str, int]) -> str:
    return min(sections & row.keys(), default="")


def _rows(rules: Rules) -> dict[str, dict[str, int]]:
    rows: dict[str, dict[str, int]] = {}
    for giver, taker, number in rules.section_shares or ():
        rows.setdefault(giver, {})[taker] = number
    return rows


def _owed(roster: Roster, rules: Rules, fixed: set[Pair]) -> dict[tuple[str, str], int]:
    """(person, section that the works count for) -> reviews that the matrix of shares asks for."""
    people = {one.id: one for one in roster.participants}
    works = {one.id: {s for a in one.authors for s in people[a].sections} for one in roster.submissions}
    rows = _rows(rules)
    owed: dict[tuple[str, str], int] = {}
    fixed_of: dict[str, list[str]] = {}
    for pair in fixed:
        fixed_of.setdefault(pair.reviewer, []).append(pair.submission)
    for one in roster.participants:
        home = min(one.sections & rows.keys(), default=None)
        if home is None:
            continue
        gives = rules.reviews_per_reviewer if one.gives is None else one.gives
        wanted = {"": gives} | ({taker: n if gives else 0 for taker, n in rows[home].items()})
        wanted[""] -= sum(number for taker, number in wanted.items() if taker)
        already = Counter(_counts_for(works[work], rows[home]) for work in fixed_of.get(one.id, ()))
        owed |= {(one.id, taker): max(number, already[taker]) for taker, number in wanted.items()}
    return owed


def _shares(known: list[Pair], roster: Roster, rules: Rules, fixed: set[Pair]) -> list[BrokenRule]:
    people = {one.id: one for one in roster.participants}
    authors = {one.id: one.authors for one in roster.submissions}
    rows = _rows(rules)
    given: Counter[tuple[str, str]] = Counter()
    for reviewer, submission in known:
        home = min(people[reviewer].sections & rows.keys(), default=None)
        if home is not None:
            theirs = {section for author in authors[submission] for section in people[author].sections}
            given[reviewer, _counts_for(theirs, rows[home])] += 1
    broken = []
    for (person, section), wanted in sorted(_owed(roster, rules, fixed).items()):
        if given[person, section] != wanted:
            where = f"section {section}" if section else "other sections"
            text = f"{person} gives {given[person, section]} reviews to {where} instead of {wanted}."
            broken.append(BrokenRule("section_share", person, "", text))
    return broken


def _quotas(roster: Roster, rules: Rules, chosen: list[Pair], fixed: set[Pair]) -> list[BrokenRule]:
    first = _first_of_team(roster, rules)
    given = Counter(pair.reviewer for pair in chosen)
    received = Counter(work for _, work in {(first.get(r, r), work) for r, work in set(chosen)})
    received += Counter(pair.submission for pair in chosen) - Counter(pair.submission for pair in set(chosen))
    fixed_by = Counter(pair.reviewer for pair in fixed)
    fixed_on = Counter(work for _, work in {(first.get(r, r), work) for r, work in fixed})
    owed = Counter[str]()
    for (name, _), number in _owed(roster, rules, fixed).items() if rules.section_shares else ():
        owed[name] += number
    broken = []
    total = 0
    for person in roster.participants:
        wanted = person.gives if person.gives is not None else rules.reviews_per_reviewer
        wanted = max(wanted, fixed_by[person.id], owed[person.id])
        total += wanted if first.get(person.id, person.id) == person.id else 0
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
