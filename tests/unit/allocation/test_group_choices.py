"""What people review who handed a work in together: different works, or all the same."""

from __future__ import annotations

from itertools import product

import pytest

from allocation import (
    Infeasible,
    Pair,
    Participant,
    Roster,
    Rules,
    RulesError,
    Submission,
    allocate,
    certificate_holds,
    feasibility,
    quality,
    verify,
)
from allocation.rules import CoAuthors
from allocation.seats import teams

CHOICES: tuple[CoAuthors, ...] = ("different", "same")
ANY: tuple[CoAuthors, ...] = ("any",)


def teams_of(*sizes: int, gives: dict[str, int] | None = None) -> Roster:
    """Teams of these sizes, each with one work."""
    people, works = [], []
    for t, size in enumerate(sizes):
        ids = tuple(f"t{t}m{i}" for i in range(size))
        people += [Participant(one, gives=(gives or {}).get(one)) for one in ids]
        works.append(Submission(f"w{t}", ids))
    return Roster(tuple(people), tuple(works))


@pytest.mark.parametrize("seed", range(4))
def test_members_of_a_team_review_different_works(seed: int) -> None:
    roster, rules = teams_of(3, 3, 3, 3, 3, 3, 3), Rules(2, co_authors="different")
    found = allocate(roster, rules, seed=seed)
    assert verify(roster, rules, found.pairs) == ()
    assert found.quality.together == 0
    for team in teams(roster):
        works = [work for one in team for work in found.given_by(one)]
        assert len(works) == len(set(works)) == 6, "every other work once"


@pytest.mark.parametrize("seed", range(4))
def test_members_of_a_team_review_the_same_works(seed: int) -> None:
    roster, rules = teams_of(2, 3, 4, 3, 1, 2), Rules(2, co_authors="same")
    found = allocate(roster, rules, seed=seed)
    assert verify(roster, rules, found.pairs) == ()
    reviewing = {team: {found.given_by(one) for one in team} for team in teams(roster)}
    assert all(len(works) == 1 for works in reviewing.values())
    by_team = {(pair.reviewer.split("m")[0], pair.submission) for pair in found.pairs}
    assert sorted(sum(work == one.id for _, work in by_team) for one in roster.submissions) == [2] * 6


def test_too_many_members_for_different_works_is_told_with_numbers_and_proof() -> None:
    roster, rules = teams_of(3, 3, 3), Rules(1, co_authors="different")
    (reason, *_) = feasibility(roster, rules)
    assert (reason.need, reason.have) == (9, 6)
    assert reason.text == (
        "The 3 works need 9 reviews, but the 9 people who may review can give only 6 (3 too few). "
        "Co-authors must review different works."
    )
    (other, *_) = feasibility(teams_of(3, 3, 3, 3), Rules(2, co_authors="different"))
    assert other.text == (
        "The 4 works need 24 reviews, but the 12 people who may review can give only 12 (12 too few). "
        "Co-authors must review different works."
    )
    assert certificate_holds(roster, rules, reason)
    assert {remedy.code for remedy in reason.remedies} >= {"allow_co_authors"}
    for remedy in reason.remedies:
        assert allocate(roster, remedy.apply(rules), seed=1).status == "ok"
    with pytest.raises(Infeasible) as caught:
        allocate(roster, rules, seed=1)
    assert len(caught.value.best.pairs) == 6, "two of each team of three have a work of their own"


def test_a_person_who_may_take_over_from_a_co_author_is_found() -> None:
    """a1 may only review what a2 has at first; a2 must move on."""
    people = tuple(Participant(one, gives=1 if one[0] == "a" else 0) for one in ("a1", "a2", "b", "c"))
    works = (Submission("wa", ("a1", "a2")), Submission("wb", ("b",)), Submission("wc", ("c",)))
    roster = Roster(people, works)
    rules = Rules(1, co_authors="different", receives=(0, 2), forbidden=frozenset({Pair("a1", "wc")}))
    for seed in range(6):
        assert allocate(roster, rules, seed=seed).pairs == (Pair("a1", "wb"), Pair("a2", "wc"))


@pytest.mark.parametrize("choice", CHOICES)
def test_fixed_pairs_win_over_the_choice(choice: CoAuthors) -> None:
    roster = teams_of(2, 2, 2, 2, 2)
    fixed = frozenset({Pair("t0m0", "w1"), Pair("t0m1", "w1")})
    rules = Rules(2, co_authors=choice, kept=fixed, receives=(0, 6))
    found = allocate(roster, rules, seed=1)
    assert fixed <= set(found.pairs)
    assert verify(roster, rules, found.pairs) == ()


def test_a_required_pair_of_one_is_required_of_all_who_review_with_him() -> None:
    roster, rules = teams_of(2, 2, 2), Rules(1, co_authors="same", required=frozenset({Pair("t0m0", "w2")}))
    found = allocate(roster, rules, seed=1)
    assert {pair.reviewer for pair in found.pairs if pair.submission == "w2"} >= {"t0m0", "t0m1"}
    assert verify(roster, rules, found.pairs) == ()


def test_top_up_counts_the_pairs_of_people_where_teams_review_together() -> None:
    roster = teams_of(2, 2, 2, 2, 2)
    first = allocate(roster, Rules(2, co_authors="same"), seed="old")
    one_less = frozenset(first.pairs) - {first.pairs[0]}
    again = allocate(roster, Rules(2, co_authors="same", existing=one_less), seed="new")
    assert again.pairs == first.pairs
    assert again.quality.moved == 0
    assert next(goal for goal in again.goals if goal.name == "moved").proven


def test_all_valid_allocations_are_drawn_and_none_else() -> None:
    """Two members of one team and three single authors; everybody gives one review."""
    people = tuple(Participant(one) for one in ("a", "b", "c", "d", "e"))
    works = (Submission("wab", ("a", "b")), *(Submission(f"w{one}", (one,)) for one in "cde"))
    roster = Roster(people, works)
    for choice in CHOICES:
        rules = Rules(1, co_authors=choice, receives=(0, 2), goals=(), reciprocal="any")
        options = [[Pair(one.id, work.id) for work in works if one.id not in work.authors] for one in people]
        valid = {frozenset(some) for some in product(*options) if not verify(roster, rules, some)}
        least = min(uneven(roster, rules, some) for some in valid)
        best = {some for some in valid if uneven(roster, rules, some) == least}
        seen = {frozenset(allocate(roster, rules, seed=seed).pairs) for seed in range(400)}
        assert seen <= best
        assert len(seen) > 0.9 * len(best)


def uneven(roster: Roster, rules: Rules, pairs: frozenset[Pair]) -> int:
    """Sum of squared loads, where people who review together count once."""
    if rules.co_authors == "same":
        pairs = frozenset(pair for pair in pairs if pair.reviewer != "b")
    received = quality(roster, rules, pairs).received
    return sum(number * number for number in received.values())


@pytest.mark.parametrize(
    ("works", "code"),
    [
        ("w1 w1 w0 w2 w0 w2", "different"),
        ("w1 w2 w0 w0 w0 w0", "same"),
    ],
)
def test_the_checker_sees_both_choices(works: str, code: CoAuthors) -> None:
    rules = Rules(1, co_authors=code, receives=(0, 6))
    roster = teams_of(2, 2, 2)
    people = (one.id for one in roster.participants)
    broken = verify(roster, rules, map(Pair, people, works.split()))
    assert "co_authors" in {one.code for one in broken}


def test_nobody_reviews_a_work_twice_whatever_is_chosen() -> None:
    for choice, k in product((*CHOICES, *ANY), (1, 2, 3)):
        roster = teams_of(2, 3, 2, 4, 3, 2, 2, 3)
        rules = Rules(k, co_authors=choice, receives=(0, 9))
        try:
            found = allocate(roster, rules, seed=k)
        except Infeasible as error:
            found = error.best
        assert len(found.pairs) == len(set(found.pairs))
        authors = {one.id: one.authors for one in roster.submissions}
        assert not any(pair.reviewer in authors[pair.submission] for pair in found.pairs)


@pytest.mark.parametrize(
    ("roster", "rules", "named"),
    [
        (
            teams_of(2, 2, gives={"t0m1": 1}),
            Rules(2, co_authors="same"),
            "co_authors: t0m0 gives 2 reviews and t0m1 gives 1 review",
        ),
        (
            Roster(
                tuple(map(Participant, "abc")), (Submission("x", ("a", "b")), Submission("y", ("b", "c")))
            ),
            Rules(1, co_authors="different"),
            "co_authors: b wrote one work with a and another one with c",
        ),
        (
            Roster(
                tuple(map(Participant, "abc")),
                (Submission("x", ("a", "b")), Submission("y", ("b",)), Submission("z", ("c",))),
            ),
            Rules(1, co_authors="same", required=frozenset({Pair("a", "y")})),
            "required: .* make b review their own work",
        ),
    ],
)
def test_contradictions_name_the_people(roster: Roster, rules: Rules, named: str) -> None:
    with pytest.raises(RulesError, match=named):
        allocate(roster, rules, seed=1)


def test_who_gives_nothing_is_no_part_of_his_team() -> None:
    roster, rules = teams_of(3, 2, 2, gives={"t0m2": 0}), Rules(1, co_authors="same")
    found = allocate(roster, rules, seed=1)
    assert found.given_by("t0m0") == found.given_by("t0m1") != ()
    assert found.given_by("t0m2") == ()


def test_how_often_co_authors_meet_is_counted_by_pair_of_team_and_work() -> None:
    roster = teams_of(3, 2, 2)
    pairs = [Pair(one, "w1") for one in ("t0m0", "t0m1", "t0m2")] + [Pair("t1m0", "w0"), Pair("t2m0", "w0")]
    assert quality(roster, Rules(1), pairs).together == 1


def test_people_who_review_together_count_as_one_where_nobody_may_review_each_other() -> None:
    """Kept pairs go from the team to p2 and back, so one more review of the team by p2 adds no such pair."""
    people = tuple(Participant(f"p{i}", gives=1 + i // 2) for i in range(3))
    works = (Submission("w0", ("p1",)), Submission("w1", ("p2",)), Submission("w2", ("p1", "p0")))
    roster, kept = Roster(people, works), frozenset({Pair("p2", "w0"), Pair("p0", "w1")})
    rules = Rules(co_authors="same", reciprocal="forbid", kept=kept)
    found = allocate(roster, rules, seed=1)
    assert (found.status, found.quality.reciprocal) == ("ok", 1)
    assert verify(roster, rules, found.pairs) == ()
    freed = Rules(co_authors="same", reciprocal="forbid", kept=frozenset({Pair("p0", "w1")}))
    assert "reciprocal" in {one.code for one in verify(roster, freed, found.pairs)}
