"""Canvas's own method, built anew: each choice is one that Canvas could make, and chance is fair."""

from __future__ import annotations

from collections import Counter

import pytest

from allocation import Pair, Participant, Roster, Rules, Submission, quality
from lti_tool.planning.canvas_method import canvas_automatic, canvas_draws, measured


def a_class(people: int, groups: int = 0, late: int = 0) -> Roster:
    """Everybody handed in; the last ``late`` have ids that say so."""
    ids = [f"p{n:02d}" for n in range(people - late)] + [f"late{n}" for n in range(late)]
    return Roster(
        tuple(
            Participant(one, groups=frozenset({f"g{n % groups}"} if groups else ()))
            for n, one in enumerate(ids)
        ),
        tuple(Submission(one, (one,)) for one in ids),
    )


def wrong_choices(
    roster: Roster, rules: Rules, pairs: tuple[Pair, ...], start: tuple[Pair, ...]
) -> list[Pair]:
    """Choices that Canvas's order of candidates does not allow, read off pair by pair (one author a work)."""
    groups = {one.id: one.groups for one in roster.participants}
    received: dict[str, list[str]] = {one.id: [] for one in roster.submissions}
    given: dict[str, list[str]] = {one.id: [] for one in roster.participants}
    for reviewer, author in start:
        received[author].append(reviewer)
        given[reviewer].append(author)
    k = rules.reviews_per_reviewer
    wrong = []
    for reviewer in dict.fromkeys(pair.reviewer for pair in pairs):
        taken = [pair.submission for pair in pairs if pair.reviewer == reviewer]
        rank = {
            author: (len(got) >= k, author in received[reviewer], len(got), len(given[author]))
            for author, got in received.items()
            if author != reviewer
            and author not in given[reviewer]
            and not (rules.groups == "different" and groups[author] & groups[reviewer])
        }
        need = min(k - len(given[reviewer]), len(rank))
        last = sorted(rank.values())[need - 1]
        if len(set(taken)) != need or any(rank.get(one, (True, True, k, k)) > last for one in taken):
            wrong.append(Pair(reviewer, taken[0]))
        for one in taken:
            received[one].append(reviewer)
            given[reviewer].append(one)
    return wrong


@pytest.mark.parametrize(
    ("people", "k", "groups", "start"),
    [
        (4, 3, 0, ()),
        (7, 3, 0, ()),
        (30, 3, 0, ()),
        (12, 2, 3, ()),
        (10, 4, 5, (Pair("p00", "p03"), Pair("p03", "p00"))),
    ],
)
def test_every_choice_is_among_the_first_in_canvas_s_order(
    people: int, k: int, groups: int, start: tuple[Pair, ...]
) -> None:
    roster = a_class(people, groups)
    rules = Rules(reviews_per_reviewer=k, groups="different" if groups else "any")
    for seed in range(40):
        pairs = canvas_automatic(roster, rules, str(seed), start)
        assert wrong_choices(roster, rules, pairs, start) == []
        visited = {pair.reviewer for pair in (*pairs, *start)}
        assert visited == {one.id for one in roster.participants}


def test_chance_prefers_nobody() -> None:
    roster, rules = a_class(5), Rules(reviews_per_reviewer=1)
    seen = Counter(pair for seed in range(2_000) for pair in canvas_automatic(roster, rules, str(seed)))
    assert len(seen) == 20
    assert max(seen.values()) < 1.2 * min(seen.values())


def test_who_hands_in_late_gives_and_gets_nothing() -> None:
    """Canvas runs again for a late submitter: everybody has enough reviews, and nobody owes one."""
    roster, rules = a_class(31, late=1), Rules()
    on_time = a_class(30)
    start = canvas_automatic(on_time, rules, "first")
    again = canvas_automatic(roster, rules, "second", start)
    assert [pair.reviewer for pair in again] == ["late0"] * 3
    found = quality(roster, rules, [*start, *again])
    assert found.received["late0"] == 0
    assert sorted(found.received.values())[-3:] == [4, 4, 4]
    assert measured(roster, rules, [*start, *again]).short == 1


def test_rows_of_a_group_s_work_are_counted_one_by_one() -> None:
    people = tuple(Participant(f"p{n}", groups=frozenset({f"g{n // 4}"})) for n in range(16))
    works = tuple(Submission(f"w{n}", tuple(f"p{4 * n + m}" for m in range(4))) for n in range(4))
    roster, rules = Roster(people, works), Rules(groups="different")
    numbers = canvas_draws(roster, rules, "x")
    assert numbers.worst("against") == 0
    received = quality(roster, rules, canvas_automatic(roster, rules, "x")).received
    assert sum(received.values()) < 48, "some review the same group's work twice"


def test_draws_tell_the_usual_and_the_worst_day() -> None:
    roster, rules = a_class(24), Rules(sections="same")
    draws = canvas_draws(roster, rules, "x")
    assert len(draws.all) == 20
    assert draws.worst("reciprocal") >= draws.usual("reciprocal") >= min(one.reciprocal for one in draws.all)
    assert draws == canvas_draws(roster, rules, "x"), "the same seed tells the same"
    assert draws.usual("against") == 72, "nobody has a section here, so nobody may review anybody"
