"""What people read when rules cannot work: the smallest cause by name, told once, with numbers."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from allocation import (
    Listing,
    Mention,
    Pair,
    Participant,
    Reason,
    Roster,
    Rules,
    Sentence,
    Submission,
    certificate_holds,
    feasibility,
)


def names(*labels: str) -> frozenset[str]:
    return frozenset(labels)


def everybody_hands_in(
    size: int,
    section: Callable[[int], str | None] = lambda i: None,
    group: Callable[[int], str | None] = lambda i: None,
) -> Roster:
    def some(label: str | None) -> frozenset[str]:
        return frozenset({label} if label else ())

    people = tuple(Participant(f"p{i:02}", some(section(i)), some(group(i))) for i in range(size))
    return Roster(people, tuple(Submission("w" + one.id, (one.id,)) for one in people))


def barred(reviewers: range, works: range) -> frozenset[Pair]:
    return frozenset(Pair(f"p{i:02}", f"wp{j:02}") for i in reviewers for j in works)


def two_thirds(i: int) -> str:
    return "Section A" if i < 8 else "Section B"


LEAST = " With 3 reviews each, a section needs at least 4 people who hand in."
CASES: list[tuple[str, Roster, Rules, list[str]]] = [
    (
        "every section too small",
        everybody_hands_in(12, lambda i: f"Section {'ABCD'[i % 4]}"),
        Rules(sections="same"),
        [
            "Each of the 4 sections “Section A”, “Section B”, “Section C” and “Section D” has 3 people, "
            "who must "
            "give 9 reviews inside their section, but the 3 works there can take only 6 of them (3 too few)."
            + LEAST
        ],
    ),
    (
        "sections that lack different numbers",
        everybody_hands_in(14, lambda i: "A" if i < 3 else "B" if i < 5 else "C"),
        Rules(sections="same"),
        [
            "“A” has 3 people, who must give 9 reviews inside their section, but the 3 works there can "
            "take only 6 "
            "of them (3 too few)." + LEAST,
            "“B” has 2 people, who must give 6 reviews inside their section, but the 2 works there can "
            "take only 2 "
            "of them (4 too few)." + LEAST,
        ],
    ),
    (
        "most are in one section",
        everybody_hands_in(12, two_thirds),
        Rules(sections="different"),
        [
            "“Section A” has 8 people, who must give 24 reviews outside their section, but the 4 works "
            "there can "
            "take only 12 of them (12 too few)."
        ],
    ),
    (
        "one section only",
        everybody_hands_in(5, lambda i: "A"),
        Rules(sections="different"),
        ["“A” has 5 people, who must give 15 reviews outside their section, but there is no work there."],
    ),
    (
        "most are in one group",
        everybody_hands_in(12, group=lambda i: "Blue" if i < 10 else "Red"),
        Rules(groups="different"),
        [
            "The group “Blue” has 10 people, who must give 30 reviews outside their group, but the 2 "
            "works there can "
            "take only 6 of them (24 too few)."
        ],
    ),
    (
        "every group too small",
        everybody_hands_in(6, group=lambda i: f"g{i % 2}"),
        Rules(groups="same"),
        [
            "Each of the 2 groups “g0” and “g1” has 3 people, who must give 9 reviews inside their group, "
            "but the 3 "
            "works there can take only 6 of them (3 too few). With 3 reviews each, a group needs at least "
            "4 people "
            "who hand in."
        ],
    ),
    (
        "more reviews than others",
        everybody_hands_in(12),
        Rules(12),
        [
            "Each of the 12 people has only 11 works of others to review. 12 reviews each need at least "
            "13 people "
            "who hand in."
        ],
    ),
    (
        "many more reviews than others",
        everybody_hands_in(4),
        Rules(9),
        [
            "Each of the 4 people has only 3 works of others to review. 9 reviews each need at least 10 "
            "people who "
            "hand in."
        ],
    ),
    (
        "one person",
        everybody_hands_in(12),
        Rules(forbidden=barred(range(3, 4), range(5, 12)) | barred(range(3, 4), range(2))),
        ["p03 must give 3 reviews, but may review only 2 works (1 too few)."],
    ),
    (
        "people without a section",
        everybody_hands_in(9, lambda i: "A" if i < 6 else None),
        Rules(sections="same"),
        ["Each of these 3 people must give 3 reviews, but may review no work: p06, p07 and p08."],
    ),
    (
        "one work that nobody may review",
        everybody_hands_in(8),
        Rules(forbidden=barred(range(8), range(1))),
        ["The work of p00 needs 3 reviews, but nobody may review it."],
    ),
    (
        "a person and a work, apart",
        everybody_hands_in(12),
        Rules(forbidden=barred(range(12), range(3, 4)) | barred(range(5, 6), range(12))),
        [
            "p05 must give 3 reviews, but may review no work.",
            "The work of p03 needs 3 reviews, but nobody may review it.",
        ],
    ),
    (
        "people who share the few works that they may review",
        everybody_hands_in(12),
        Rules(forbidden=barred(range(5), range(4, 12))),
        [
            "These 5 people must give 15 reviews: p00, p01, p02, p03 and p04. The 4 works that they may "
            "review can "
            "take only 12 of them (3 too few)."
        ],
    ),
    (
        "too few places",
        everybody_hands_in(12, two_thirds),
        Rules(sections="same", receives=(0, 2)),
        ["The 12 people together must give 36 reviews, but the 12 works can take only 24 (12 too few)."],
    ),
    (
        "too few reviews",
        everybody_hands_in(6),
        Rules(2, receives=(3, 4)),
        ["The 6 works need 18 reviews, but the 6 people who may review can give only 12 (6 too few)."],
    ),
]


@pytest.mark.parametrize(
    ("roster", "rules", "texts"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_the_cause_is_named(roster: Roster, rules: Rules, texts: list[str]) -> None:
    reasons = feasibility(roster, rules)
    assert [reason.text for reason in reasons] == texts
    assert all(certificate_holds(roster, rules, reason) for reason in reasons)
    for remedy in reasons[0].remedies:
        assert feasibility(roster, remedy.apply(rules)) == ()


def test_group_work_with_too_few_other_groups() -> None:
    people = tuple(Participant(f"p{i:02}") for i in range(12))
    works = tuple(Submission(f"w{i}", tuple(one.id for one in people[4 * i : 4 * i + 4])) for i in range(3))
    (reason,) = feasibility(Roster(people, works), Rules())
    assert reason.text == "Each of the 3 works needs 12 reviews, but only 8 people may review it."


def test_names_take_the_place_of_ids() -> None:
    (reason,) = feasibility(
        everybody_hands_in(12, lambda i: "42"), Rules(forbidden=barred(range(5), range(4, 12)))
    )
    assert reason.render(lambda person: person.upper()).startswith(
        "These 5 people must give 15 reviews: P00, P01, P02, P03 and P04."
    )
    (reason,) = feasibility(everybody_hands_in(3, lambda i: "42", lambda i: "7"), Rules(sections="same"))
    assert reason.render(str, section_name=lambda one: f"Section {one}").startswith(
        "“Section 42” has 3 people"
    )
    (reason,) = feasibility(everybody_hands_in(9, group=lambda i: "7"), Rules(groups="different"))
    assert reason.render(str, group_name=lambda one: f"Team {one}").startswith("The group “Team 7” has 9")


def test_only_five_names_are_read_out() -> None:
    (reason,) = feasibility(everybody_hands_in(20, lambda i: "A" if i < 6 else None), Rules(sections="same"))
    assert reason.text.endswith("p06, p07, p08, p09 and 10 more.")
    listed = reason.words.values["names"]
    assert isinstance(listed, Listing)
    assert sum(isinstance(item, Mention) for item in listed.items) == 4


def test_a_reason_of_several_mentions_keeps_what_is_around_them() -> None:
    words = Sentence("{0} %(a)s and %(b)s", {"a": Mention("person", "a"), "b": Mention("group", "b")})
    reason = Reason("people_short", (), (), 1, 0, words)
    assert reason.render(lambda one: f"<{one}>") == "{0} <a> and b"


def test_what_costs_least_is_offered_first() -> None:
    roster = everybody_hands_in(10, lambda i: "X" if i < 6 else "Y")
    (reason,) = feasibility(roster, Rules(2, sections="different"))
    assert [remedy.code for remedy in reason.remedies] == ["allow_same_section", "allow_uneven"]
    roster = everybody_hands_in(30, lambda i: "X" if i < 3 else "Y")
    (reason,) = feasibility(roster, Rules(sections="same"))
    assert [remedy.code for remedy in reason.remedies] == ["allow_other_sections", "lower_k"]


def test_a_number_far_too_large_is_lowered_without_trying_them_all() -> None:
    roster = everybody_hands_in(60, lambda i: f"S{i % 3}")
    (reason,) = feasibility(roster, Rules(1000, sections="same"))
    assert reason.remedies[-1].params == {"reviews_per_reviewer": 19}


def test_the_largest_number_that_works_is_offered() -> None:
    roster = everybody_hands_in(8, lambda i: "A" if i < 4 else "B")
    (reason,) = feasibility(roster, Rules(6, sections="different"))
    assert reason.remedies[-1].params == {"reviews_per_reviewer": 4}
