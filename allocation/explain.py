"""Say in words why the quotas cannot all be met. Whoever reads it sees labels of sections in quotation marks
and at most five names; people are mentioned by id, and the caller gives them names (`Sentence.named`).

Each sentence is one template for the translators. What several of them share (a number of reviews, people or
works; the half sentence after "but") is a sentence of its own inside."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from allocation.classes import Shortage
from allocation.problem import Problem
from allocation.result import Reason, Remedy
from allocation.roster import Roster
from allocation.rules import Rules
from allocation.sentences import (
    N_,
    NOTHING,
    Listing,
    Mention,
    Sentence,
    Value,
    counted,
    in_a_row,
    sentence,
)

NAMED = 5
"""At most so many names in a list."""


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
                words=words,
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
    names = Listing(_people_by_name(people))
    if bound:
        words = sentence(
            "Two people must not review each other, but at least %(bound)s such pairs of people cannot be "
            "avoided. The best attempt has %(best)s: %(names)s.",
            bound=bound,
            best=len(mutual),
            names=names,
        )
    else:
        words = sentence(
            "Two people must not review each other, but the search found no allocation without such pairs, "
            "which is no proof that there is none. The best attempt has %(best)s: %(names)s.",
            best=len(mutual),
            names=names,
        )
    return Reason(
        code="reciprocal",
        people=people,
        submissions=(),
        need=len(mutual),
        have=0,
        words=words,
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

    def people_short(self, shortage: Shortage) -> Sentence:
        if shortage.told in ("section", "group"):
            return self._class_of_people(shortage)
        if shortage.told == "each":
            return self._each_person(shortage)
        values = _values(shortage)
        if shortage.told == "all":
            if shortage.have:
                return sentence(
                    "The %(members)s together must give %(reviews)s, but the %(other_works)s can take only "
                    "%(have)s (%(lack)s too few).",
                    **values,
                )
            return sentence(
                "The %(members)s together must give %(reviews)s, but the %(other_works)s can take none "
                "(%(lack)s too few).",
                **values,
            )
        names = Listing(_people_by_name(self.problem.people[r] for r in shortage.members))
        must = sentence("These %(members)s must give %(reviews)s: %(names)s.", names=names, **values)
        if not shortage.others:
            return in_a_row([must, sentence("There is no work that they may review.")])
        if shortage.have:
            room = sentence(
                "The %(other_works)s that they may review can take only %(have)s of them (%(lack)s too few).",
                **values,
            )
        else:
            room = sentence(
                "The %(other_works)s that they may review can take none of them (%(lack)s too few).", **values
            )
        return in_a_row([must, room])

    def _class_of_people(self, shortage: Shortage) -> Sentence:
        values = _values(shortage)
        rule = self.rules.sections if shortage.told == "section" else self.rules.groups
        if not values["others"]:
            room = sentence("there is no work there")
        elif values["have"]:
            room = sentence(
                "the %(other_works)s there can take only %(have)s of them (%(lack)s too few)", **values
            )
        else:
            room = sentence("the %(other_works)s there can take none of them (%(lack)s too few)", **values)
        template = _CLASS_OF_PEOPLE.get((shortage.told, rule), _CLASS_OF_PEOPLE_ELSE)
        told = sentence(template, who=_places(shortage), room=room, **values)
        return in_a_row([told, self._least_size(shortage)])

    def _least_size(self, shortage: Shortage) -> Sentence:
        """How large a class would have to be, where that is all that is wrong."""
        rule = self.rules.sections if shortage.told == "section" else self.rules.groups
        size, others, _, _ = _numbers(shortage)
        works = others if shortage.side == "people" else size
        k = self.rules.reviews_per_reviewer
        if rule != "same" or works > k or not self.same_for_all:
            return NOTHING
        if shortage.told == "section":
            template = N_("With %(reviews)s each, a section needs at least %(people)s who hand in.")
        else:
            template = N_("With %(reviews)s each, a group needs at least %(people)s who hand in.")
        return sentence(template, reviews=_reviews(k), people=_people(k + 1))

    def _each_person(self, shortage: Shortage) -> Sentence:
        _, _, need, have = _numbers(shortage)
        values: dict[str, Value] = {"reviews": _reviews(need), "works": _works(have), "lack": need - have}
        ids = tuple(self.problem.people[r] for r in shortage.members)
        if len(ids) == 1:
            return sentence(
                N_("%(who)s must give %(reviews)s, but may review only %(works)s (%(lack)s too few).")
                if have
                else N_("%(who)s must give %(reviews)s, but may review no work."),
                who=Mention("person", ids[0]),
                **values,
            )
        people = _people(len(ids))
        if len(ids) < self.size:
            return sentence(
                N_(
                    "Each of these %(people)s must give %(reviews)s, but may review only %(works)s: "
                    "%(names)s."
                )
                if have
                else N_("Each of these %(people)s must give %(reviews)s, but may review no work: %(names)s."),
                people=people,
                names=Listing(_people_by_name(ids)),
                **values,
            )
        if have == self.size - 1:
            few = sentence(
                "Each of the %(people)s has only %(works)s of others to review.", people=people, **values
            )
            enough = sentence(
                "%(reviews)s each need at least %(more)s who hand in.", more=_people(need + 1), **values
            )
            return in_a_row([few, enough])
        return sentence(
            N_("Each of the %(people)s must give %(reviews)s, but may review only %(works)s.")
            if have
            else N_("Each of the %(people)s must give %(reviews)s, but may review no work."),
            people=people,
            **values,
        )

    def works_short(self, shortage: Shortage) -> Sentence:
        if shortage.told in ("section", "group"):
            return self._class_of_works(shortage)
        if shortage.told == "each":
            return self._each_work(shortage)
        values = _values(shortage)
        if shortage.told == "all":
            return sentence(
                N_(
                    "The %(member_works)s need %(reviews)s, but the %(other_people)s who may review can give "
                    "only %(have)s (%(lack)s too few)."
                )
                if shortage.others
                else N_("The %(member_works)s need %(reviews)s, but nobody may review them."),
                **values,
            )
        need = sentence(
            "These %(member_works)s need %(reviews)s: those of %(names)s.",
            names=self._authors(shortage.members),
            **values,
        )
        givers = sentence(
            N_("Only %(other_people)s may review them and can give %(have)s of these (%(lack)s too few).")
            if shortage.others
            else N_("Nobody may review them."),
            **values,
        )
        return in_a_row([need, givers])

    def _class_of_works(self, shortage: Shortage) -> Sentence:
        values = _values(shortage)
        rule = self.rules.sections if shortage.told == "section" else self.rules.groups
        givers = sentence(
            N_("the %(other_people)s who may give them can give only %(have)s (%(lack)s too few)")
            if values["others"]
            else N_("nobody may give them"),
            **values,
        )
        template = _CLASS_OF_WORKS.get((shortage.told, rule), _CLASS_OF_WORKS_ELSE)
        told = sentence(template, who=_places(shortage), givers=givers, **values)
        return in_a_row([told, self._least_size(shortage)])

    def _each_work(self, shortage: Shortage) -> Sentence:
        _, others, need, have = _numbers(shortage)
        size = len(shortage.members)
        values: dict[str, Value] = {
            "reviews": _reviews(need), "people": _people(others), "have": have, "lack": need - have,
            "works": _works(size),
        }  # fmt: skip
        if size == 1:
            return sentence(
                N_(
                    "The work of %(names)s needs %(reviews)s, but only %(people)s may review it and can give "
                    "%(have)s (%(lack)s too few)."
                )
                if others
                else N_("The work of %(names)s needs %(reviews)s, but nobody may review it."),
                names=self._authors(shortage.members),
                **values,
            )
        if size < len(self.problem.works):
            return sentence(
                N_(
                    "Each of these %(works)s needs %(reviews)s, but only %(people)s may review it: those of "
                    "%(names)s."
                )
                if others
                else N_(
                    "Each of these %(works)s needs %(reviews)s, but nobody may review it: those of %(names)s."
                ),
                names=self._authors(shortage.members),
                **values,
            )
        return sentence(
            N_("Each of the %(works)s needs %(reviews)s, but only %(people)s may review it.")
            if others
            else N_("Each of the %(works)s needs %(reviews)s, but nobody may review it."),
            **values,
        )

    def _authors(self, works: Sequence[int]) -> Listing:
        """Works are told apart by who wrote them."""
        firsts = [self.authors[self.problem.works[s]] for s in works]
        if len(firsts) == 1:
            return Listing(_people_by_name(firsts[0]))
        return Listing(_people_by_name(one[0] for one in firsts))


_CLASS_OF_PEOPLE_ELSE = N_(
    "%(who)s has %(members)s, who must give %(reviews)s in the sections that they may review, but %(room)s."
)
_CLASS_OF_PEOPLE = {
    ("section", "same"): N_(
        "%(who)s has %(members)s, who must give %(reviews)s inside their section, but %(room)s."
    ),
    ("section", "different"): N_(
        "%(who)s has %(members)s, who must give %(reviews)s outside their section, but %(room)s."
    ),
    ("group", "same"): N_(
        "%(who)s has %(members)s, who must give %(reviews)s inside their group, but %(room)s."
    ),
    ("group", "different"): N_(
        "%(who)s has %(members)s, who must give %(reviews)s outside their group, but %(room)s."
    ),
}
_CLASS_OF_WORKS_ELSE = N_(
    "%(who)s has %(member_works)s, which need %(reviews)s from the sections that may review them, "
    "but %(givers)s."
)
_CLASS_OF_WORKS = {
    ("section", "same"): N_(
        "%(who)s has %(member_works)s, which need %(reviews)s from inside their section, but %(givers)s."
    ),
    ("section", "different"): N_(
        "%(who)s has %(member_works)s, which need %(reviews)s from outside their section, but %(givers)s."
    ),
    ("group", "same"): N_(
        "%(who)s has %(member_works)s, which need %(reviews)s from inside their group, but %(givers)s."
    ),
    ("group", "different"): N_(
        "%(who)s has %(member_works)s, which need %(reviews)s from outside their group, but %(givers)s."
    ),
}


def _numbers(shortage: Shortage) -> tuple[int, int, int, int]:
    """Members, others, need and have; of one part where several lack the same."""
    return shortage.one or (len(shortage.members), len(shortage.others), shortage.need, shortage.have)


def _values(shortage: Shortage) -> dict[str, Value]:
    """Everything that a sentence about this shortage may say; members and others as people and as works."""
    size, others, need, have = _numbers(shortage)
    return {
        "members": _people(size),
        "member_works": _works(size),
        "others": others,
        "other_people": _people(others),
        "other_works": _works(others),
        "reviews": _reviews(need),
        "have": have,
        "lack": need - have,
    }


def _places(shortage: Shortage) -> Sentence:
    """“A”, or: Each of the 3 sections “A”, “B” and “C”."""
    kind: Literal["section", "group"] = "section" if shortage.told == "section" else "group"
    quoted = [sentence("“%(name)s”", name=Mention(kind, label)) for label in shortage.labels]
    if len(quoted) == 1:
        return quoted[0] if kind == "section" else sentence("The group %(name)s", name=quoted[0])
    names = Listing(_first_ones(quoted))
    if kind == "section":
        return counted(
            "Each of the %(num)s sections %(names)s", "Each of the %(num)s sections %(names)s",
            len(quoted), names=names,
        )  # fmt: skip
    return counted(
        "Each of the %(num)s groups %(names)s", "Each of the %(num)s groups %(names)s",
        len(quoted), names=names,
    )  # fmt: skip


def _people_by_name(ids: Iterable[str]) -> tuple[Mention | Sentence, ...]:
    return _first_ones([Mention("person", one) for one in ids])


def _first_ones(items: Sequence[Mention | Sentence]) -> tuple[Mention | Sentence, ...]:
    """The first ones and a number when there are many."""
    if len(items) <= NAMED:
        return tuple(items)
    return (*items[: NAMED - 1], counted("%(num)s more", "%(num)s more", len(items) - NAMED + 1))


def _reviews(number: int) -> Sentence:
    return counted("%(num)s review", "%(num)s reviews", number)


def _people(number: int) -> Sentence:
    return counted("%(num)s person", "%(num)s people", number)


def _works(number: int) -> Sentence:
    return counted("%(num)s work", "%(num)s works", number)
