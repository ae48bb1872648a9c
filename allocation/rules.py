"""What the instructor chose: who may review whom, how often, and what is wished for beyond that."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, NamedTuple, get_args

from allocation.errors import RulesError
from allocation.roster import MOST_REVIEWS, hold, is_count, is_fraction

Sections = Literal["any", "same", "different"]
Groups = Literal["any", "different", "same"]
Reciprocal = Literal["any", "avoid", "forbid"]
AvoidIs = Literal["soft", "hard"]
CoAuthors = Literal["any", "different", "same"]


class Pair(NamedTuple):
    """One review: who gives it, and which work gets it."""

    reviewer: str
    submission: str


class Share(NamedTuple):
    """A cell of the matrix of shares: so many reviews of each person of a section go to works of another."""

    reviewers: str
    authors: str
    reviews: int


class Goal(StrEnum):
    """A wish that gives way to every rule and to the goals before it."""

    MOVED = "moved"
    """Keep as many of the existing pairs as possible."""
    REPEATS = "repeats"
    """Nobody reviews an author again whom an avoided pair names."""
    RECIPROCAL = "reciprocal"
    """As few A reviews B, B reviews A as possible."""
    STRONG = "strong"
    """Every work gets a strong reviewer."""
    SAME_LEVEL = "same_level"
    """Strong people review works of strong people, the others those of the others."""
    MIXED = "mixed"
    """Every work gets a strong reviewer and one of the others."""
    CONNECTED = "connected"
    """The reviews join everybody into one comparison graph, without islands."""


_GOAL_NAMES = frozenset(Goal)

PAIRS = ("forbidden", "required", "kept", "avoid", "existing")
"""The fields of `Rules` that are sets of pairs."""

DEFAULT_GOALS = (Goal.MOVED, Goal.REPEATS, Goal.RECIPROCAL, Goal.STRONG, Goal.CONNECTED)


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one allocation. Everything has a default that suits a plain class.

    Parameters
    ----------
    reviews_per_reviewer : int
        Reviews that everybody gives who has no number of his own.
    receives : (int, int), optional
        Fewest and most reviews of a work that has no bounds of its own. By default the floor and the
        ceiling of
        (all reviews given / number of works), so that loads differ by at most one.
    sections : {"any", "same", "different"}
        same: reviewer and an author share a section; different: reviewer and authors share none.
    section_pairs : frozenset of (str, str), optional
        The section matrix: (X, Y) says that X may review Y. A review needs one such pair among the sections
        of the
        reviewer and those of the authors. Applies besides `sections`.
    section_shares : frozenset of Share, optional
        The section matrix in numbers: exactly so many reviews of each person of the first section go to works
        of the second; what is left of his reviews goes to sections that his row does not name. Who is in
        several sections counts for the first one, by the alphabet, that has a row; a work for the first one
        that the row of its reviewer names. Applies besides `sections` and `section_pairs`.
    groups : {"any", "different", "same"}
        different: reviewer shares no group with an author; same: shares one.
    co_authors : {"any", "different", "same"}
        What people review who handed a work in together. different: no two of them review the same work;
        same: all of them review the same works, and their reviews of one work count as one for what it
        receives. Required and kept pairs of one are then required of all of them.
    reciprocal : {"any", "avoid", "forbid"}
        What to do about two people who review each other. Those who review together (`co_authors`) count
        as one; required and kept pairs that go both ways are no fault.
    forbidden, required, kept : frozenset of Pair
        Never; must be; already done and must stay. Required and kept pairs win over the section, group,
        forbidden and
        avoid rules, and raise a quota that they exceed. Nobody ever reviews a work of his own.
    avoid : frozenset of Pair
        Pairs of earlier assignments.
    avoid_is : {"soft", "hard"}
        soft: as few repeats as possible; hard: none.
    existing : frozenset of Pair
        The allocation to stay close to. Pairs that no longer fit, also of people who are gone, are allowed
        here.
    strong_at : float, optional
        People of at least this ability are strong; None: no goal looks at ability. Whoever has no ability
        told is not strong; a work of several authors is strong if one of them is.
    goals : tuple of Goal
        The soft goals in order of importance, as members or by name; one that is left out is not
        pursued. `Goal.SAME_LEVEL` and `Goal.MIXED` are only pursued when they are named.

    Lists, sets and tuples are accepted alike in every field that holds several things.

    Raises
    ------
    RulesError
        A value that makes no sense by itself. `check` compares the rules with a roster.
    """

    reviews_per_reviewer: int = 3
    sections: Sections = "any"
    groups: Groups = "any"
    reciprocal: Reciprocal = "avoid"
    forbidden: frozenset[Pair] = frozenset()
    required: frozenset[Pair] = frozenset()
    kept: frozenset[Pair] = frozenset()
    avoid: frozenset[Pair] = frozenset()
    avoid_is: AvoidIs = "soft"
    existing: frozenset[Pair] = frozenset()
    strong_at: float | None = None
    receives: tuple[int, int] | None = None
    section_pairs: frozenset[tuple[str, str]] | None = None
    section_shares: frozenset[Share] | None = None
    co_authors: CoAuthors = "any"
    goals: tuple[Goal, ...] = DEFAULT_GOALS

    def __post_init__(self) -> None:
        for name in (*PAIRS, "section_pairs", "section_shares"):
            hold(self, name, frozenset)
        hold(self, "receives", tuple, ordered=True)
        hold(self, "goals", tuple, ordered=True)
        if isinstance(self.goals, tuple):
            object.__setattr__(self, "goals", tuple(map(_as_goal, self.goals)))
        if not is_count(self.reviews_per_reviewer):
            raise RulesError(
                f"reviews_per_reviewer is {self.reviews_per_reviewer!r}. "
                f"Say a whole number from 0 to {MOST_REVIEWS}."
            )
        choices = {"sections": Sections, "groups": Groups, "reciprocal": Reciprocal, "avoid_is": AvoidIs}
        choices["co_authors"] = CoAuthors
        for name, kind in choices.items():
            if getattr(self, name) not in get_args(kind):
                raise RulesError(
                    f"{name} is {getattr(self, name)!r}. Say one of {', '.join(get_args(kind))}."
                )
        if self.receives is not None and (
            not isinstance(self.receives, tuple)
            or len(self.receives) != 2
            or not all(map(is_count, self.receives))
            or self.receives[0] > self.receives[1]
        ):
            raise RulesError(f"receives is {self.receives!r}. Say (fewest, most), from 0 to {MOST_REVIEWS}.")
        if self.strong_at is not None and not is_fraction(self.strong_at):
            raise RulesError(f"strong_at is {self.strong_at!r}. Say a number from 0 to 1, or nothing.")
        for name in PAIRS:
            if not isinstance(getattr(self, name), frozenset):
                raise RulesError(f"{name} must be a frozenset of pairs.")
        _check_cells("section_pairs", self.section_pairs, 2)
        _check_cells("section_shares", self.section_shares, 3)
        _check_shares(self.section_shares or frozenset())
        _check_goals(self.goals, self.strong_at)


def _as_goal(value: object) -> object:
    """The goal of this name; anything else stays what it is, to be refused by name."""
    return Goal(value) if isinstance(value, str) and value in _GOAL_NAMES else value


def _check_goals(goals: tuple[Goal, ...], strong_at: float | None) -> None:
    if not isinstance(goals, tuple) or not all(isinstance(goal, Goal) for goal in goals):
        raise RulesError(f"goals is {goals!r}. List goals out of {', '.join(Goal)}.")
    if len(set(goals)) < len(goals):
        raise RulesError(f"goals is {goals!r}. Name each goal at most once, out of {', '.join(Goal)}.")
    for goal in (Goal.SAME_LEVEL, Goal.MIXED):
        if goal in goals and strong_at is None:
            raise RulesError(f"goals: {goal.value!r} needs strong_at, the ability from which one is strong.")


def _check_cells(name: str, cells: frozenset[tuple[object, ...]] | None, size: int) -> None:
    """Two sections in each cell of a matrix, and what may follow them."""
    if cells is not None and not isinstance(cells, frozenset):
        raise RulesError(f"{name} must be a frozenset.")
    for cell in cells or ():
        fits = isinstance(cell, tuple) and len(cell) == size
        if not fits or not all(isinstance(section, str) for section in cell[:2]):
            wanted = "(section, section)" if size == 2 else "(section, section, reviews)"
            raise RulesError(f"{name}: {cell!r} is not {wanted}.")


def _check_shares(shares: frozenset[Share]) -> None:
    cells = set()
    for giver, taker, reviews in sorted(shares, key=str):
        if not is_count(reviews):
            raise RulesError(
                f"section_shares: {giver!r} gives {taker!r} {reviews!r} reviews. "
                f"Say a whole number from 0 to {MOST_REVIEWS}."
            )
        if (giver, taker) in cells:
            raise RulesError(f"section_shares: {giver!r} gives {taker!r} two different numbers. Say one.")
        cells.add((giver, taker))
