"""Rosters and rules for tests: drawn at random, small enough for oracles, with every kind of rule."""

from __future__ import annotations

from hypothesis import strategies as st

from allocation import Pair, Participant, Roster, Rules, Submission


def plain(n: int, *, sections: int = 0) -> Roster:
    """n people who each handed one work in, dealt to so many sections."""
    people = tuple(
        Participant(f"p{i:03}", frozenset({f"S{i % sections}"}) if sections else frozenset())
        for i in range(n)
    )
    return Roster(people, tuple(Submission(f"w{i:03}", (f"p{i:03}",)) for i in range(n)))


def pairs_of(roster: Roster) -> st.SearchStrategy[frozenset[Pair]]:
    people = [one.id for one in roster.participants]
    works = [one.id for one in roster.submissions]
    pair = st.builds(Pair, st.sampled_from(people), st.sampled_from(works))
    return st.frozensets(pair, max_size=len(people) * 2)


@st.composite
def rosters(draw: st.DrawFn, largest: int = 7) -> Roster:
    n = draw(st.integers(2, largest))
    labels = (
        st.frozensets(st.sampled_from("AB"), max_size=2) if draw(st.booleans()) else st.just(frozenset[str]())
    )
    teams = (
        st.frozensets(st.sampled_from("xyz"), max_size=1)
        if draw(st.booleans())
        else st.just(frozenset[str]())
    )
    own_quota = st.one_of(st.none(), st.integers(0, 3)) if draw(st.booleans()) else st.none()
    people = tuple(
        Participant(
            f"p{i}", draw(labels), draw(teams), draw(own_quota), draw(st.sampled_from((None, 0.2, 0.9)))
        )
        for i in range(n)
    )
    bounds = st.tuples(st.integers(0, 2), st.integers(0, 2)).map(lambda pair: (pair[0], pair[0] + pair[1]))
    own_bounds = st.one_of(st.none(), bounds) if draw(st.integers(0, 3)) == 0 else st.none()
    if draw(st.integers(0, 3)):
        writers: list[tuple[str, ...]] = [(person.id,) for person in people if draw(st.integers(0, 5))] or [
            (people[0].id,)
        ]
    else:
        ids = [person.id for person in people]
        subsets = st.lists(st.sampled_from(ids), min_size=1, max_size=3, unique=True).map(tuple)
        writers = draw(st.lists(subsets, min_size=1, max_size=n))
    return Roster(people, tuple(Submission(f"w{i}", one, draw(own_bounds)) for i, one in enumerate(writers)))


@st.composite
def instances(draw: st.DrawFn, largest: int = 7) -> tuple[Roster, Rules]:
    """A roster with rules; about as often impossible as possible."""
    roster = draw(rosters(largest))
    authors = {one.id: one.authors for one in roster.submissions}
    some = st.one_of(st.just(frozenset[Pair]()), pairs_of(roster))

    def fixed() -> frozenset[Pair]:
        if draw(st.integers(0, 3)):
            return frozenset()
        return frozenset(
            pair for pair in draw(pairs_of(roster)) if pair.reviewer not in authors[pair.submission]
        )

    named = sorted({section for one in roster.participants for section in one.sections})
    matrix = None
    if named and draw(st.integers(0, 4)) == 0:
        matrix = draw(st.frozensets(st.tuples(st.sampled_from(named), st.sampled_from(named)), min_size=1))
    rules = Rules(
        reviews_per_reviewer=draw(st.sampled_from((1, 1, 2, 2, 3, 0))),
        sections=draw(st.sampled_from(("any", "any", "same", "different"))),
        groups=draw(st.sampled_from(("any", "different", "different", "same"))),
        forbidden=draw(some),
        required=fixed(),
        kept=fixed(),
        avoid=draw(some),
        avoid_is=draw(st.sampled_from(("soft", "hard"))),
        existing=draw(some),
        strong_at=draw(st.sampled_from((None, 0.5))),
        section_pairs=matrix,
    )
    return roster, rules


@st.composite
def wishes(draw: st.DrawFn) -> tuple[Roster, Rules]:
    """Four or five people, few rules, and something to stay close to or to avoid."""
    n = draw(st.integers(4, 5))
    people = tuple(Participant(f"p{i}", ability=draw(st.sampled_from((0.2, 0.9)))) for i in range(n))
    roster = Roster(people, tuple(Submission(f"w{i}", (f"p{i}",)) for i in range(n)))

    def some(most: int) -> frozenset[Pair]:
        apart = st.tuples(st.integers(0, n - 1), st.integers(1, n - 1))
        return frozenset(
            Pair(f"p{i}", f"w{(i + d) % n}") for i, d in draw(st.frozensets(apart, max_size=most))
        )

    rules = Rules(
        reviews_per_reviewer=draw(st.integers(1, 2)),
        forbidden=some(2),
        avoid=some(2 * n),
        existing=some(2 * n),
        strong_at=draw(st.sampled_from((None, 0.5))),
    )
    return roster, rules
