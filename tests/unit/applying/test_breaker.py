"""When a Canvas counts as down."""

from __future__ import annotations

from lti_tool.applying.breaker import Breaker


def feed(outcomes: str) -> Breaker:
    """A breaker after these calls: ``+`` answered, ``-`` not."""
    breaker = Breaker(in_a_row=8, window=40)
    for outcome in outcomes:
        (breaker.succeeded if outcome == "+" else breaker.failed)()
    return breaker


def test_eight_failures_in_a_row_open_it() -> None:
    assert not feed("-" * 7).is_open
    assert feed("-" * 8).is_open
    assert feed("+" * 100 + "-" * 8).is_open


def test_an_answer_in_between_starts_the_count_anew() -> None:
    assert not feed("-" * 7 + "+" + "-" * 7).is_open


def test_more_than_half_of_a_full_window_opens_it() -> None:
    assert not feed("-+" * 20).is_open
    assert feed("-+" * 19 + "--").is_open
    assert not feed("--+" * 10).is_open, "thirty calls are no full window yet"
    assert feed("--+" * 14).is_open


def test_old_failures_are_forgotten() -> None:
    assert not feed("--+" * 14 + "+" * 40).is_open
