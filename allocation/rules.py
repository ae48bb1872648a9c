"""What the instructor chose: who may review whom, how often, and what is wished for beyond that."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, NamedTuple, get_args

from allocation.errors import RulesError
from allocation.roster import MOST_REVIEWS, Roster, is_count

Sections = Literal["any", "same", "different"]
Groups = Literal["any", "different", "same"]
Reciprocal = Literal["any", "avoid", "forbid"]
AvoidIs = Literal["soft", "hard"]


class Pair(NamedTuple):
    """One review: who gives it, and which work gets it."""

    reviewer: str
    submission: str


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
    CONNECTED = "connected"
    """The reviews join everybody into one comparison graph, without islands."""


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
    groups : {"any", "different", "same"}
        different: reviewer shares no group with an author; same: shares one.
    reciprocal : {"any", "avoid", "forbid"}
        What to do about two people who review each other.
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
        Reviewers of at least this ability are strong; None: there is no such goal.
    goals : tuple of Goal
        The soft goals in order of importance; one that is left out is not pursued.

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
    goals: tuple[Goal, ...] = DEFAULT_GOALS

    def __post_init__(self) -> None:
        if not is_count(self.reviews_per_reviewer):
            raise RulesError(
                f"reviews_per_reviewer is {self.reviews_per_reviewer!r}. "
                f"Say a whole number from 0 to {MOST_REVIEWS}."
            )
        choices = {"sections": Sections, "groups": Groups, "reciprocal": Reciprocal, "avoid_is": AvoidIs}
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
        if self.strong_at is not None and (
            isinstance(self.strong_at, bool) or math.isnan(self.strong_at) or not 0 <= self.strong_at <= 1
        ):
            raise RulesError(f"strong_at is {self.strong_at!r}. Say a number from 0 to 1, or nothing.")
        if len(set(self.goals)) < len(self.goals) or not all(goal in tuple(Goal) for goal in self.goals):
            raise RulesError(
                f"goals is {self.goals!r}. Name each goal at most once, out of {', '.join(Goal)}."
            )


def check(roster: Roster, rules: Rules) -> None:
    """Compare rules with a roster.

    Raises
    ------
    RulesError
        A pair names somebody or something unknown, must be and must never be one's own work, a section that
        nobody has.
    """
    people = {person.id for person in roster.participants}
    authors = {work.id: work.authors for work in roster.submissions}
    for name in ("forbidden", "required", "kept", "avoid"):
        pairs: frozenset[Pair] = getattr(rules, name)
        unknown = {r for r, _ in pairs} - people or {s for _, s in pairs} - authors.keys()
        if unknown or name in ("required", "kept"):
            for pair in sorted(pairs):
                _check_pair(name, pair, people, authors)
    if rules.section_pairs is not None:
        known = {section for person in roster.participants for section in person.sections}
        for both in sorted(rules.section_pairs):
            for section in both:
                if section not in known:
                    raise RulesError(f"section_pairs: nobody is in section {section!r}.")


def _check_pair(name: str, pair: Pair, people: set[str], authors: dict[str, tuple[str, ...]]) -> None:
    reviewer, submission = pair
    if reviewer not in people:
        raise RulesError(
            f"{name}: the pair ({reviewer!r}, {submission!r}) names the reviewer {reviewer!r}, "
            "who is not a participant."
        )
    if submission not in authors:
        raise RulesError(
            f"{name}: the pair ({reviewer!r}, {submission!r}) names the submission {submission!r}, "
            "which does not exist."
        )
    if name in ("required", "kept") and reviewer in authors[submission]:
        raise RulesError(
            f"{name}: {reviewer!r} is an author of {submission!r}, and nobody reviews a work of his own."
        )
