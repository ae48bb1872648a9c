"""The section matrix in numbers: how many reviews of each person go to which section."""

from __future__ import annotations

from collections import Counter

import pytest

from allocation import (
    Infeasible,
    Pair,
    Participant,
    Roster,
    Rules,
    RulesError,
    Share,
    Submission,
    allocate,
    assignments_without_repeats,
    certificate_holds,
    feasibility,
    plan_term,
    verify,
)


def sections(**sizes: int) -> Roster:
    people = tuple(
        Participant(f"{name}{i}", frozenset({name})) for name, size in sizes.items() for i in range(size)
    )
    return Roster(people, tuple(Submission(f"w{one.id}", (one.id,)) for one in people))


def matrix(*cells: tuple[str, str, int]) -> frozenset[Share]:
    return frozenset(Share(*cell) for cell in cells)


def counted(pairs: tuple[Pair, ...]) -> Counter[tuple[str, str]]:
    """(person, section of the work) -> reviews, in rosters whose ids begin with the section."""
    return Counter((pair.reviewer, pair.submission[1]) for pair in pairs)


@pytest.mark.parametrize("seed", range(4))
def test_everybody_gives_exactly_his_shares(seed: int) -> None:
    roster = sections(A=7, B=7, C=7)
    rules = Rules(3, section_shares=matrix(("A", "B", 2), ("A", "A", 1), ("B", "C", 2), ("C", "A", 2)))
    found = allocate(roster, rules, seed=seed)
    assert verify(roster, rules, found.pairs) == ()
    given = counted(found.pairs)
    assert all(given[one.id, "B"] == 2 and given[one.id, "A"] == 1 for one in roster.participants[:7])
    assert all(given[one.id, "C"] == 2 for one in roster.participants[7:14])
    assert sum(given[one.id, "A"] + given[one.id, "B"] for one in roster.participants[7:14]) == 7, "the rest"
    assert found.quality.sections["A", "B"] == 14
    assert set(found.quality.received.values()) == {3}


def test_a_share_that_does_not_fit_is_told_by_section_with_numbers_and_proof() -> None:
    roster = sections(A=6, B=3)
    rules = Rules(2, section_shares=matrix(("A", "B", 2), ("B", "A", 2)))
    reasons = feasibility(roster, rules)
    assert reasons[0].text == (
        "By the shares, 6 people of “A” must give 12 reviews to works of “B”, "
        "but the 3 works there can take only 6 of them (6 too few)."
    )
    assert (reasons[0].need, reasons[0].have, reasons[0].shares[0]) == (12, 6, ("A0", "B"))
    assert all(certificate_holds(roster, rules, reason) for reason in reasons)
    codes = {remedy.code for remedy in reasons[0].remedies}
    assert codes >= {"allow_section_shares", "allow_uneven"}
    for remedy in reasons[0].remedies:
        assert allocate(roster, remedy.apply(rules), seed=1).status == "ok"
    with pytest.raises(Infeasible) as caught:
        allocate(roster, rules, seed=1)
    assert len(caught.value.best.pairs) == 12


def test_what_several_sections_owe_to_one_is_told_together() -> None:
    roster = sections(A=3, B=3, C=3)
    rules = Rules(1, receives=(0, 1), section_shares=matrix(("A", "C", 1), ("B", "C", 1)))
    (reason, *_) = feasibility(roster, rules)
    assert reason.text.startswith("By the shares, 6 people must give 6 reviews to works of “C”")
    assert certificate_holds(roster, rules, reason)


def test_somebody_in_several_sections_counts_for_the_first_that_the_matrix_names() -> None:
    people = (
        Participant("x", frozenset({"B", "A"})),
        *(Participant(f"a{i}", frozenset({"A"})) for i in range(3)),
        *(Participant(f"b{i}", frozenset({"B"})) for i in range(3)),
    )
    roster = Roster(people, tuple(Submission(f"w{one.id}", (one.id,)) for one in people))
    rules = Rules(2, receives=(0, 4), section_shares=matrix(("A", "A", 2), ("B", "B", 2)))
    found = allocate(roster, rules, seed=1)
    assert verify(roster, rules, found.pairs) == ()
    assert {work[1] for work in found.given_by("x")} == {"a"}
    assert {one[0] for one in found.reviewers_of("wx")} <= {"a", "b"}


def test_kept_pairs_raise_the_share_that_they_exceed() -> None:
    roster = sections(A=4, B=4)
    kept = frozenset({Pair("A0", "wB0"), Pair("A0", "wB1")})
    rules = Rules(2, kept=kept, receives=(0, 4), section_shares=matrix(("A", "B", 1), ("A", "A", 1)))
    found = allocate(roster, rules, seed=1)
    assert verify(roster, rules, found.pairs) == ()
    assert counted(found.pairs)["A0", "B"] == 2
    assert counted(found.pairs)["A0", "A"] == 1


def test_the_checker_counts_shares() -> None:
    roster = sections(A=3, B=3)
    rules = Rules(1, section_shares=matrix(("A", "B", 1), ("B", "A", 1)))
    valid = allocate(roster, rules, seed=1).pairs
    inside = tuple(Pair(f"{x}{i}", f"w{x}{(i + 1) % 3}") for x in "AB" for i in range(3))
    assert verify(roster, rules, valid) == ()
    assert {one.code for one in verify(roster, rules, inside)} == {"section_share"}


@pytest.mark.parametrize(
    ("cells", "named"),
    [
        ((("A", "B", 3),), "section_shares: The row of section A asks for 3 reviews, but A0 gives only 2"),
        ((("A", "Z", 1),), "section_shares: Nobody is in section Z"),
        ((("A", "B", -1),), "'A' gives 'B' -1 reviews"),
        ((("A", "B", 1), ("A", "B", 2)), "'A' gives 'B' two different numbers"),
    ],
)
def test_a_matrix_that_makes_no_sense_is_refused(cells: tuple[tuple[str, str, int], ...], named: str) -> None:
    with pytest.raises(RulesError, match=named):
        allocate(sections(A=3, B=3), Rules(2, section_shares=matrix(*cells)), seed=1)


def test_a_term_keeps_the_shares() -> None:
    roster = sections(A=5, B=5)
    rules = Rules(2, section_shares=matrix(("A", "B", 1), ("B", "A", 1)))
    assert assignments_without_repeats(roster, rules) == 4
    term = plan_term(roster, rules, 4, seed="term")
    pairs = [pair for one in term.allocations for pair in one.pairs]
    assert len(pairs) == len(set(pairs)) == 80
    assert all(verify(roster, rules, one.pairs) == () for one in term.allocations)


def test_what_is_left_of_shares_that_do_not_fit_has_no_forbidden_reciprocal_pair() -> None:
    sections = {"p0": "S3", "p1": "S2", "p2": "S2", "p3": "S3"}
    gives = {"p0": 1, "p2": 2, "p3": 2}
    groups = {"p0": "g3", "p1": "g3", "p2": "g0", "p3": "g0"}
    people = tuple(
        Participant(one, frozenset({section}), frozenset({groups[one]}), gives.get(one))
        for one, section in sections.items()
    )
    roster = Roster(people, tuple(Submission(f"w{one.id}", (one.id,)) for one in people))
    shares = matrix(("S3", "S2", 0), ("S2", "S2", 1), ("S2", "S3", 1))
    rules = Rules(2, groups="different", reciprocal="forbid", section_shares=shares, receives=(2, 3))
    for seed in range(3):
        with pytest.raises(Infeasible) as caught:
            allocate(roster, rules, seed=seed)
        broken = {one.code for one in verify(roster, rules, caught.value.best.pairs)}
        assert broken <= {"gives", "receives", "section_share"}


def test_a_refusal_does_not_depend_on_the_order_of_the_input() -> None:
    roster = sections(A=3, B=3)
    turned = Roster(roster.participants[::-1], roster.submissions[::-1])
    rules = Rules(1, section_shares=matrix(("A", "B", 2), ("B", "A", 3)))
    texts = set()
    for one in (roster, turned):
        with pytest.raises(RulesError) as caught:
            allocate(one, rules)
        texts.add(str(caught.value))
    assert len(texts) == 1
