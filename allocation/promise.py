"""What is left of the reviews when some people do not write theirs, and how many to ask for then.

Everybody is taken to drop out by himself with the same probability. The reviewers of one work are different
people, so the number of reviews that a work keeps is binomial; and no matter who drops out, m people who do
cost a work at most m reviews.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from math import comb

from allocation.errors import RulesError
from allocation.roster import MOST_REVIEWS, is_count, is_fraction


@dataclass(frozen=True, slots=True)
class Promise:
    """What works keep when people drop out.

    Attributes
    ----------
    dropping : int
        People who drop out on average, rounded to the nearest whole number (a half up).
    worst : int
        Reviews that every work certainly keeps if so many drop out, whoever they are.
    average : float
        Reviews that a work keeps on average.
    enough : float
        Probability (0 to 1) that a work keeps at least as many as asked for, averaged over the works.
    short_works : float
        Number of works that are expected to keep fewer.
    """

    dropping: int
    worst: int
    average: float
    enough: float
    short_works: float


def promise(received: Iterable[int], reviewers: int, drop_out: float, *, at_least: int = 1) -> Promise:
    """What an allocation promises.

    Parameters
    ----------
    received : iterable of int
        Reviews of each work, such as ``allocation.quality.received.values()``.
    reviewers : int
        People who give them.
    drop_out : float
        Probability (0 to 1) that somebody writes none of his reviews.
    at_least : int
        Reviews that are enough for a work.

    Raises
    ------
    RulesError
        A number that makes no sense, or no work.

    Examples
    --------
    >>> kept = promise([3] * 30, 30, 0.1, at_least=2)
    >>> kept.dropping, kept.worst, round(kept.average, 1), round(kept.enough, 3), round(kept.short_works, 2)
    (3, 0, 2.7, 0.972, 0.84)
    """
    works = Counter(received)
    number = sum(works.values())
    _check(drop_out, at_least)
    if not isinstance(reviewers, int) or isinstance(reviewers, bool) or reviewers < 0:
        raise RulesError(f"reviewers is {reviewers!r}. Say a whole number that is not negative.")
    if not number or any(not is_count(reviews) for reviews in works):
        raise RulesError(f"received: say a whole number from 0 to {MOST_REVIEWS} for at least one work.")
    enough = sum(count * keeps(reviews, drop_out, at_least) for reviews, count in sorted(works.items()))
    dropping = int(reviewers * drop_out + 0.5)
    return Promise(
        dropping=dropping,
        worst=max(0, min(works) - dropping),
        average=sum(reviews * count for reviews, count in works.items()) * (1 - drop_out) / number,
        enough=enough / number,
        short_works=number - enough,
    )


def keeps(reviews: int, drop_out: float, at_least: int) -> float:
    """Probability that so many reviews leave at least ``at_least``, if each is dropped by itself."""
    stay = 1 - drop_out
    return sum(
        comb(reviews, left) * stay**left * drop_out ** (reviews - left)
        for left in range(at_least, reviews + 1)
    )


def reviews_to_ask(at_least: int, drop_out: float, *, certainty: float = 0.95) -> int | None:
    """The smallest number of reviews for each work with which it keeps enough with this certainty.

    In a class where everybody hands in, it is also the number that each person gives. None: no number up to
    50 is enough.

    Examples
    --------
    >>> reviews_to_ask(2, 0.1), reviews_to_ask(2, 0.3)
    (3, 5)
    """
    _check(drop_out, at_least)
    if not is_fraction(certainty):
        raise RulesError(f"certainty is {certainty!r}. Say a number from 0 to 1.")
    sizes = range(at_least, 51)
    return next((size for size in sizes if keeps(size, drop_out, at_least) >= certainty), None)


def _check(drop_out: float, at_least: int) -> None:
    if not is_fraction(drop_out):
        raise RulesError(f"drop_out is {drop_out!r}. Say a number from 0 to 1.")
    if not is_count(at_least):
        raise RulesError(f"at_least is {at_least!r}. Say a whole number from 0 to {MOST_REVIEWS}.")
