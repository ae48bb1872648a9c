"""Say in words why the quotas cannot all be met. Whoever reads it sees labels of sections in quotation marks
and at most five names; ids of people are gaps that the caller fills (`Reason.render`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from allocation.classes import Shortage
from allocation.problem import Problem
from allocation.result import Mention, Reason, Remedy
from allocation.roster import Roster
from allocation.rules import Rules

NAMED = 5
"""At most so many names in a list."""

Words = list[str | Mention]


def explain(
    roster: Roster,
    rules: Rules,
    problem: Problem,
    shortages: Sequence[Shortage],
    remedies: tuple[Remedy, ...],
) -> tuple[Reason, ...]:
    """Reasons for these shortages; each carries the remedies, which make the whole allocation possible."""
    writer = _Writer(roster, rules, problem)
    reasons = []
    for shortage in shortages:
        on_people = shortage.side == "people"
        people = shortage.members if on_people else shortage.others
        works = shortage.others if on_people else shortage.members
        words = writer.people_short(shortage) if on_people else writer.works_short(shortage)
        reasons.append(
            Reason(
                code="people_short" if on_people else "works_short",
                people=tuple(problem.people[r] for r in people),
                submissions=tuple(problem.works[s] for s in works),
                need=shortage.need,
                have=shortage.have,
                parts=_joined(words),
                remedies=remedies,
            )
        )
    return tuple(reasons)


def explain_mutual(
    problem: Problem, mutual: list[tuple[int, int]], bound: int, remedies: tuple[Remedy, ...]
) -> Reason:
    """The reason when nobody may review each other and no such allocation is known.

    To decide this in general is NP-hard, so the text says whether it is proven.
    """
    people = tuple(sorted({problem.people[r] for pair in mutual for r in pair}))
    proof = (
        f"at least {bound} such pairs of people cannot be avoided"
        if bound
        else "the search found no allocation without such pairs, which is no proof that there is none"
    )
    opening = f"Two people must not review each other, but {proof}. The best attempt has {len(mutual)}: "
    return Reason(
        code="reciprocal",
        people=people,
        submissions=(),
        need=len(mutual),
        have=0,
        parts=_joined([opening, *_listed("person", people), "."]),
        remedies=remedies,
    )


class _Writer:
    """Words for one roster and its rules."""

    def __init__(self, roster: Roster, rules: Rules, problem: Problem) -> None:
        self.rules, self.problem = rules, problem
        self.size = len(problem.people)
        self.authors = {one.id: one.authors for one in roster.submissions}
        self.same_for_all = all(
            one.gives in (None, rules.reviews_per_reviewer) for one in roster.participants
        )

    def people_short(self, shortage: Shortage) -> Words:
        size, others, need, have = _numbers(shortage)
        lack = f"({need - have} too few)"
        room = _room(have)
        if shortage.told == "all":
            return [
                f"The {_people(size)} together must give {_reviews(need)}, but the {_works(others)} "
                f"{room} {lack}."
            ]
        if shortage.told in ("section", "group"):
            return self._class_of_people(shortage, lack)
        if shortage.told == "each":
            return self._each_person(shortage, lack)
        names = tuple(self.problem.people[r] for r in shortage.members)
        return [
            f"These {_people(size)} must give {_reviews(need)}: ", *_listed("person", names),
            f". The {_works(others)} that they may review {room} of them {lack}."
            if others else ". There is no work that they may review.",
        ]  # fmt: skip

    def _class_of_people(self, shortage: Shortage, lack: str) -> Words:
        size, others, need, have = _numbers(shortage)
        kind: Literal["section", "group"] = "section" if shortage.told == "section" else "group"
        rule = self.rules.sections if kind == "section" else self.rules.groups
        place = {"same": f"inside their {kind}", "different": f"outside their {kind}"}
        there = (
            f"the {_works(others)} there {_room(have)} of them {lack}" if others else "there is no work there"
        )
        return [
            *_places(kind, shortage.labels), f" has {_people(size)}, who must give {_reviews(need)} ",
            place.get(rule, "in the sections that they may review"), f", but {there}.",
            self._least_size(rule, kind, others),
        ]  # fmt: skip

    def _least_size(self, rule: str, kind: str, works: int) -> str:
        k = self.rules.reviews_per_reviewer
        if rule != "same" or works > k or not self.same_for_all:
            return ""
        return f" With {_reviews(k)} each, a {kind} needs at least {k + 1} people who hand in."

    def _each_person(self, shortage: Shortage, lack: str) -> Words:
        _, _, need, have = _numbers(shortage)
        names = tuple(self.problem.people[r] for r in shortage.members)
        if len(names) == 1:
            room = f"may review only {_works(have)} {lack}" if have else "may review no work"
            return [Mention("person", names[0]), f" must give {_reviews(need)}, but {room}."]
        room = f"may review only {_works(have)}" if have else "may review no work"
        if len(names) < self.size:
            return [
                f"Each of these {_people(len(names))} must give {_reviews(need)}, but {room}: ",
                *_listed("person", names), ".",
            ]  # fmt: skip
        if have == self.size - 1:
            enough = f" {_reviews(need)} each need at least {_people(need + 1)} who hand in."
            return [f"Each of the {_people(self.size)} has only {_works(have)} of others to review.{enough}"]
        return [f"Each of the {_people(self.size)} must give {_reviews(need)}, but {room}."]

    def works_short(self, shortage: Shortage) -> Words:
        size, others, need, have = _numbers(shortage)
        lack = f"({need - have} too few)"
        if shortage.told == "all":
            givers = f"the {_people(others)} who may review can give only {have} {lack}" if others else ""
            return [f"The {_works(size)} need {_reviews(need)}, but {givers or 'nobody may review them'}."]
        if shortage.told in ("section", "group"):
            kind: Literal["section", "group"] = "section" if shortage.told == "section" else "group"
            rule = self.rules.sections if kind == "section" else self.rules.groups
            place = {"same": f"from inside their {kind}", "different": f"from outside their {kind}"}
            givers = f"the {_people(others)} who may give them can give only {have} {lack}" if others else ""
            return [
                *_places(kind, shortage.labels), f" has {_works(size)}, which need {_reviews(need)} ",
                place.get(rule, "from the sections that may review them"),
                f", but {givers or 'nobody may give them'}.", self._least_size(rule, kind, size),
            ]  # fmt: skip
        if shortage.told == "each":
            return self._each_work(shortage, lack)
        givers = f"Only {_people(others)} may review them and can give {have} of these {lack}."
        return [
            f"These {_works(size)} need {_reviews(need)}: those of ", *self._authors(shortage.members),
            f". {givers if others else 'Nobody may review them.'}",
        ]  # fmt: skip

    def _each_work(self, shortage: Shortage, lack: str) -> Words:
        _, others, need, have = _numbers(shortage)
        size = len(shortage.members)
        if size == 1:
            givers = f"only {_people(others)} may review it and can give {have} {lack}"
            return [
                "The work of ", *self._authors(shortage.members), f" needs {_reviews(need)}, but ",
                givers if others else "nobody may review it", ".",
            ]  # fmt: skip
        room = f"only {_people(others)} may review it" if others else "nobody may review it"
        if size < len(self.problem.works):
            return [
                f"Each of these {_works(size)} needs {_reviews(need)}, but {room}: those of ",
                *self._authors(shortage.members), ".",
            ]  # fmt: skip
        return [f"Each of the {_works(size)} needs {_reviews(need)}, but {room}."]

    def _authors(self, works: Sequence[int]) -> Words:
        """Works are told apart by who wrote them."""
        firsts = [self.authors[self.problem.works[s]] for s in works]
        if len(firsts) == 1:
            return _listed("person", firsts[0])
        return _listed("person", tuple(one[0] for one in firsts))


def _numbers(shortage: Shortage) -> tuple[int, int, int, int]:
    """Members, others, need and have; of one part where several lack the same."""
    return shortage.one or (len(shortage.members), len(shortage.others), shortage.need, shortage.have)


def _places(kind: Literal["section", "group"], labels: tuple[str, ...]) -> Words:
    """“A”, or: Each of the 3 sections “A”, “B” and “C”."""
    if len(labels) == 1:
        return [*([] if kind == "section" else ["The group "]), *_listed(kind, labels, "“", "”")]
    return [f"Each of the {len(labels)} {kind}s ", *_listed(kind, labels, "“", "”")]


def _listed(
    kind: Literal["person", "section", "group"], names: Iterable[str], before: str = "", after: str = ""
) -> Words:
    """A, B and C; the first ones and a number when there are many."""
    all_names = tuple(names)
    shown = all_names if len(all_names) <= NAMED else all_names[: NAMED - 1]
    items: list[Words] = [[before, Mention(kind, name), after] for name in shown]
    if len(shown) < len(all_names):
        items.append([f"{len(all_names) - len(shown)} more"])
    words: Words = []
    for i, item in enumerate(items):
        words += [] if i == 0 else [" and "] if i == len(items) - 1 else [", "]
        words += item
    return words


def _joined(words: Words) -> tuple[str | Mention, ...]:
    """Neighbouring texts as one."""
    parts: Words = []
    for word in words:
        if parts and isinstance(word, str) and isinstance(parts[-1], str):
            parts[-1] += word
        elif word:
            parts.append(word)
    return tuple(parts)


def _room(number: int) -> str:
    return f"can take only {number}" if number else "can take none"


def _reviews(number: int) -> str:
    return f"{number} review" if number == 1 else f"{number} reviews"


def _people(number: int) -> str:
    return "1 person" if number == 1 else f"{number} people"


def _works(number: int) -> str:
    return "1 work" if number == 1 else f"{number} works"
