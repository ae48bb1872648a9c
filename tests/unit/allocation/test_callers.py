"""What a program relies on that uses the package alone: bad values are named, results travel, threads and
cancelling are harmless."""

from __future__ import annotations

import copy
import gc
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from allocation import (
    Allocation,
    Cancelled,
    Goal,
    Infeasible,
    Pair,
    Participant,
    Roster,
    RosterError,
    Rules,
    RulesError,
    Submission,
    allocate,
    plan_term,
    promise,
    verify,
)
from tests.unit.allocation.instances import plain

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"forbidden": "p000"}, "forbidden must be a frozenset"),
    ({"existing": None}, "existing must be a frozenset"),
    ({"goals": ("connectd",)}, "goals is .'connectd',.. List goals out of moved, repeats"),
    ({"goals": "connected"}, "goals is 'connected'"),
    ({"goals": {Goal.CONNECTED, Goal.MOVED}}, "goals is"),
    ({"receives": {1, 2}}, "receives is"),
    ({"goals": (Goal.CONNECTED, Goal.CONNECTED)}, "goals.*at most once"),
    ({"strong_at": "0.5"}, "strong_at is '0.5'"),
    ({"section_pairs": "AB"}, "section_pairs must be a frozenset"),
    ({"section_pairs": [["A", ["B"]]]}, "section_pairs: .* is not"),
    ({"section_shares": [{}]}, "section_shares: .* is not"),
    ({"section_pairs": frozenset({"AB"})}, "section_pairs: 'AB' is not"),
    ({"section_shares": frozenset({("A", "B")})}, "section_shares: .* is not"),
    ({"receives": (1.0, 3.0)}, "receives is"),
]


@pytest.mark.parametrize(("values", "named"), WRONG, ids=[named for _, named in WRONG])
def test_a_value_of_the_wrong_kind_is_named(values: dict[str, Any], named: str) -> None:
    with pytest.raises(RulesError, match=named):
        Rules(**values)


def test_lists_sets_and_tuples_mean_the_same_in_every_field() -> None:
    people: Any = [Participant("a", sections=["A"], groups=("g",)), Participant("b", sections={"A"})]  # type: ignore[arg-type]  # what callers without a type checker write
    works: Any = [Submission("x", ["a"], [0, 2]), Submission("y", {"b"})]  # type: ignore[arg-type]  # as above
    exact = Roster(
        (Participant("a", frozenset("A"), frozenset("g")), Participant("b", frozenset("A"))),
        (Submission("x", ("a",), (0, 2)), Submission("y", ("b",))),
    )
    loose = Roster(people, works)
    assert loose == exact
    assert hash(loose) == hash(exact)
    listed: dict[str, Any] = {
        "existing": [["a", "y"]], "avoid": {("b", "x")}, "goals": ["moved", Goal.CONNECTED],
        "receives": [0, 2], "section_pairs": [["A", "A"]],
    }  # fmt: skip
    rules = Rules(
        1, existing=frozenset({Pair("a", "y")}), avoid=frozenset({Pair("b", "x")}), receives=(0, 2),
        goals=(Goal.MOVED, Goal.CONNECTED), section_pairs=frozenset({("A", "A")}),
    )  # fmt: skip
    assert Rules(1, **listed) == rules
    assert allocate(loose, Rules(1, **listed), seed=1) == allocate(exact, rules, seed=1)


@pytest.mark.parametrize("field", ["forbidden", "required", "kept", "avoid", "existing"])
@pytest.mark.parametrize("pair", [("p000",), ("p000", "w001", "w002"), 7, "p000"], ids=str)
def test_what_is_not_a_pair_is_named(field: str, pair: Any) -> None:
    some: Any = {field: frozenset({pair})}
    with pytest.raises(RulesError, match=f"{field}: .* is not a pair"):
        allocate(plain(4), Rules(1, **some))


def test_what_is_not_a_roster_is_refused() -> None:
    two = (Participant("a"), Participant("b"))
    for authors in ("a", 7, ("a", None)):
        wrong: Any = authors
        with pytest.raises(RosterError, match="'x': authors must be a tuple"):
            Roster(two, (Submission("x", wrong),))
    with pytest.raises(RulesError, match="reviewers is -1"):
        promise([3], -1, 0.1)
    half: Any = 2.5
    with pytest.raises(RulesError, match=r"assignments is 2\.5"):
        plan_term(plain(4), Rules(1), half)


@pytest.mark.parametrize("avoid_is", ["soft", "hard"])
def test_plain_tuples_mean_the_same_as_pairs(avoid_is: Any) -> None:
    roster = plain(8)
    pairs: dict[str, Any] = {
        "forbidden": frozenset({Pair("p000", "w001")}), "required": frozenset({Pair("p002", "w001")}),
        "kept": frozenset({Pair("p003", "w001")}), "avoid": frozenset({Pair("p004", "w001")}),
        "existing": frozenset({Pair("p005", "w006"), Pair("p006", "w005"), Pair("p005", "gone")}),
    }  # fmt: skip
    tuples: dict[str, Any] = {name: frozenset(map(tuple, some)) for name, some in pairs.items()}
    ours, theirs = (Rules(2, avoid_is=avoid_is, **some) for some in (pairs, tuples))
    found = allocate(roster, ours, seed=1)
    assert allocate(roster, theirs, seed=1).pairs == found.pairs
    assert verify(roster, theirs, map(tuple, found.pairs)) == ()  # type: ignore[arg-type]  # on purpose
    assert {one.code for one in verify(roster, theirs, ())} >= {"required", "kept"}


def through_pickle(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))


@pytest.mark.parametrize("again", [through_pickle, copy.copy, copy.deepcopy])
def test_answers_and_refusals_can_be_copied_and_sent_to_another_process(again: Callable[[Any], Any]) -> None:
    found = allocate(plain(6), Rules(2), seed=1)
    twin: Allocation = again(found)
    assert twin == found
    assert hash(twin) == hash(found)
    with pytest.raises(Infeasible) as caught:
        allocate(plain(4), Rules(5), seed=1)
    refusal: Infeasible = again(caught.value)
    assert refusal.best == caught.value.best
    assert refusal.reasons == caught.value.reasons
    assert str(refusal) == str(caught.value)
    assert refusal.reasons[0].remedies[0].apply(Rules(5)).reviews_per_reviewer == 3


def wishes() -> tuple[Roster, Rules]:
    """A class that goes through every stage of the engine."""
    some = plain(20, sections=2)
    people = tuple(replace(one, ability=i % 7 / 7) for i, one in enumerate(some.participants))
    before, avoid = (frozenset(Pair(f"p{i:03}", f"w{(i + d) % 20:03}") for i in range(20)) for d in (1, 2))
    return Roster(people, some.submissions), Rules(3, strong_at=0.5, existing=before, avoid=avoid)


@pytest.mark.parametrize("possible", [True, False])
def test_a_caller_can_cancel_at_any_moment(possible: bool) -> None:
    roster, rules = wishes()
    if not possible:
        rules = replace(rules, sections="same", reviews_per_reviewer=10)
    asked = count()

    def run(cancelled: Callable[[], bool]) -> None:
        try:
            allocate(roster, rules, seed=1, cancelled=cancelled)
        except Infeasible:
            assert not possible

    run(lambda: next(asked) < 0)
    moments = next(asked)
    assert moments > 20
    for moment in range(0, moments, moments // 4):
        left = count()
        with pytest.raises(Cancelled):
            run(lambda left=left, moment=moment: next(left) >= moment)  # type: ignore[misc]  # bound here
        assert gc.isenabled()


def test_threads_do_not_disturb_each_other() -> None:
    roster, rules = wishes()
    alone = [allocate(roster, rules, seed=seed).pairs for seed in range(3)]
    with ThreadPoolExecutor(3) as threads:
        together = threads.map(lambda seed: allocate(roster, rules, seed=seed).pairs, range(3))
    assert list(together) == alone
    assert gc.isenabled()
