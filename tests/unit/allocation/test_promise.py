"""What works keep when people drop out, against counting every case."""

from __future__ import annotations

from itertools import combinations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocation import Rules, RulesError, allocate, promise, reviews_to_ask
from tests.unit.allocation.instances import plain


def test_agrees_with_every_case_of_who_drops_out() -> None:
    found = allocate(plain(6), Rules(2), seed=1)
    drop_out, enough, kept = 0.25, 0.0, 0.0
    for gone in product((False, True), repeat=6):
        weight = 1.0
        for one in gone:
            weight *= drop_out if one else 1 - drop_out
        left = [
            sum(not gone[int(reviewer[1:])] for reviewer in found.reviewers_of(work))
            for work in found.quality.received
        ]
        enough += weight * sum(number >= 1 for number in left) / 6
        kept += weight * sum(left) / 6
    told = promise(found.quality.received.values(), 6, drop_out, at_least=1)
    assert told.enough == pytest.approx(enough)
    assert told.average == pytest.approx(kept)
    assert told.short_works == pytest.approx(6 * (1 - enough))


def test_the_worst_case_holds_whoever_drops_out() -> None:
    found = allocate(plain(8), Rules(4), seed=1)
    told = promise(found.quality.received.values(), 8, 0.25)
    assert (told.dropping, told.worst) == (2, 2)
    left = [
        len(set(found.reviewers_of(work)) - set(gone))
        for gone in combinations([one.id for one in found.roster.participants], told.dropping)
        for work in found.quality.received
    ]
    assert min(left) == told.worst


@given(st.integers(0, 6), st.floats(0, 0.9), st.floats(0, 0.999))
def test_the_advice_is_the_smallest_number_that_is_enough(
    at_least: int, drop_out: float, certainty: float
) -> None:
    advice = reviews_to_ask(at_least, drop_out, certainty=certainty)
    if advice is not None:
        assert promise([advice], 10, drop_out, at_least=at_least).enough >= certainty
    if advice is None or advice > at_least:
        fewer = 50 if advice is None else advice - 1
        assert promise([fewer], 10, drop_out, at_least=at_least).enough < certainty


def test_everybody_or_nobody_drops_out() -> None:
    assert promise([3, 3], 2, 0.0, at_least=3).enough == 1
    assert promise([3, 3], 2, 1.0, at_least=1).short_works == 2
    assert reviews_to_ask(1, 1.0) is None


@pytest.mark.parametrize(
    ("received", "drop_out", "at_least", "named"),
    [
        ([], 0.1, 1, "received"),
        ([-1], 0.1, 1, "received"),
        ([3], float("nan"), 1, "drop_out"),
        ([3], 1.5, 1, "drop_out"),
        ([3], 0.1, -1, "at_least"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(
    received: list[int], drop_out: float, at_least: int, named: str
) -> None:
    with pytest.raises(RulesError, match=named):
        promise(received, 10, drop_out, at_least=at_least)
