"""Say in words why the quotas cannot all be met. Whoever reads it sees labels of sections in quotation marks
and at most five names; people are mentioned by id, and the caller gives them names (`Sentence.named`).

Each sentence is one template for the translators. What several of them share (a number of reviews, people or
works; the half sentence after "but") is a sentence of its own inside."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from allocation.classes import Shortage
from allocation.counts import Counts
from allocation.phrases import (
    CLASS_OF_PEOPLE,
    CLASS_OF_PEOPLE_ELSE,
    CLASS_OF_WORKS,
    CLASS_OF_WORKS_ELSE,
    REST_OF_EACH,
    REST_OF_SECTION,
    SHARES_OF_ALL,
    SHARES_OF_EACH,
    SHARES_OF_SECTION,
    first_ones,
    people_by_name,
    places,
    quoted_label,
    room_there,
    some_people,
    some_reviews,
    some_works,
)
from allocation.problem import Problem
from allocation.result import Reason, Remedy
from allocation.roster import Roster
from allocation.rules import Rules
from allocation.seats import seats_of
from allocation.sentences import (
    N_,
    NOTHING,
    Listing,
    Sentence,
    Value,
    in_a_row,
    sentence,
)


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
                people=tuple(sorted({name for r in people for name in problem.names(r)})),
                submissions=tuple(problem.works[s] for s in works),
                need=shortage.need,
                have=shortage.have,
                words=in_a_row([words, writer.together(shortage)]),
                remedies=remedies,
                shares=writer.shares(people) if on_people else (),
            )
        )
    return tuple(reasons)


def explain_mutual(
    problem: Problem, mutual: list[tuple[int, int]], bound: int, remedies: tuple[Remedy, ...]
) -> Reason:
    """The reason when nobody may review each other and no such allocation is known.

    To decide this in general is NP-hard, so the text says whether it is proven.
    """
    people = tuple(sorted({name for pair in mutual for r in pair for name in problem.names(r)}))
    names = Listing(people_by_name(people))
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
        self.size = len(roster.participants)
        self.seats = seats_of(roster, rules) if rules.section_shares else []
        self.authors = {one.id: one.authors for one in roster.submissions}
        self.same_for_all = all(
            one.gives in (None, rules.reviews_per_reviewer) for one in roster.participants
        )

    def shares(self, seats: Iterable[int]) -> tuple[tuple[str, str], ...]:
        """Who, and the section that the works must count for; empty without a matrix of shares."""
        if not self.seats:
            return ()
        return tuple(sorted((name, self.seats[r].target) for r in seats for name in self.seats[r].people))

    def together(self, shortage: Shortage) -> Sentence:
        """How co-authors were counted, where that matters."""
        if self.rules.co_authors == "same" and any(len(some) > 1 for some in self.problem.members or ()):
            return sentence("People who review together count as one.")
        if self.problem.mates is None:
            return NOTHING
        free = Counts(replace(self.problem, mates=None)).count(shortage.side, list(shortage.members))
        return sentence("Co-authors must review different works.") if free.have > shortage.have else NOTHING

    def _numbers(self, shortage: Shortage) -> tuple[int, int, int, int]:
        """Members, others, need and have; of one part where several lack the same."""
        heads = self.problem.heads
        if shortage.side == "people":
            sizes = (heads(shortage.members), len(shortage.others))
        else:
            sizes = (len(shortage.members), heads(shortage.others))
        return shortage.one or (*sizes, shortage.need, shortage.have)

    def _values(self, shortage: Shortage) -> dict[str, Value]:
        """All that a sentence about this shortage may say; members and others as people and as works."""
        size, others, need, have = self._numbers(shortage)
        return {
            "members": some_people(size),
            "member_works": some_works(size),
            "others": others,
            "other_people": some_people(others),
            "other_works": some_works(others),
            "reviews": some_reviews(need),
            "have": have,
            "lack": need - have,
        }

    def _names(self, seats: Iterable[int]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for r in seats for name in self.problem.names(r)))

    def people_short(self, shortage: Shortage) -> Sentence:
        if shortage.told in ("section", "group"):
            return self._class_of_people(shortage)
        if shortage.told in ("share", "target"):
            return self._by_shares(shortage)
        if shortage.told == "each":
            return self._each_person(shortage)
        values = self._values(shortage)
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
        names = Listing(people_by_name(self._names(shortage.members)))
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
        values = self._values(shortage)
        rule = self.rules.sections if shortage.told == "section" else self.rules.groups
        template = CLASS_OF_PEOPLE.get((shortage.told, rule), CLASS_OF_PEOPLE_ELSE)
        told = sentence(template, who=places(shortage), room=room_there(values), **values)
        return in_a_row([told, self._least_size(shortage)])

    def _least_size(self, shortage: Shortage) -> Sentence:
        """How large a class would have to be, where that is all that is wrong."""
        rule = self.rules.sections if shortage.told == "section" else self.rules.groups
        size, others, _, _ = self._numbers(shortage)
        works = others if shortage.side == "people" else size
        k = self.rules.reviews_per_reviewer
        if rule != "same" or works > k or not self.same_for_all or self.rules.co_authors != "any":
            return NOTHING
        if shortage.told == "section":
            template = N_("With %(reviews)s each, a section needs at least %(people)s who hand in.")
        else:
            template = N_("With %(reviews)s each, a group needs at least %(people)s who hand in.")
        return sentence(template, reviews=some_reviews(k), people=some_people(k + 1))

    def _each_person(self, shortage: Shortage) -> Sentence:
        _, _, need, have = self._numbers(shortage)
        values: dict[str, Value] = {
            "reviews": some_reviews(need),
            "works": some_works(have),
            "lack": need - have,
        }
        ids = self._names(shortage.members)
        if self.seats and self.seats[shortage.members[0]].home:
            return self._each_by_shares(shortage)
        if len(shortage.members) == 1:
            return sentence(
                N_("%(who)s must give %(reviews)s, but may review only %(works)s (%(lack)s too few).")
                if have
                else N_("%(who)s must give %(reviews)s, but may review no work."),
                who=Listing(people_by_name(ids)),
                **values,
            )
        people = some_people(len(ids))
        if len(ids) < self.size:
            return sentence(
                N_(
                    "Each of these %(people)s must give %(reviews)s, but may review only %(works)s: "
                    "%(names)s."
                )
                if have
                else N_("Each of these %(people)s must give %(reviews)s, but may review no work: %(names)s."),
                people=people,
                names=Listing(people_by_name(ids)),
                **values,
            )
        if have == self.size - 1:
            few = sentence(
                "Each of the %(people)s has only %(works)s of others to review.", people=people, **values
            )
            enough = sentence(
                "%(reviews)s each need at least %(more)s who hand in.", more=some_people(need + 1), **values
            )
            return in_a_row([few, enough])
        return sentence(
            N_("Each of the %(people)s must give %(reviews)s, but may review only %(works)s.")
            if have
            else N_("Each of the %(people)s must give %(reviews)s, but may review no work."),
            people=people,
            **values,
        )

    def _by_shares(self, shortage: Shortage) -> Sentence:
        """What the matrix of shares asks for and the other section cannot take."""
        values = self._values(shortage)
        if shortage.told == "target":
            template, sections = SHARES_OF_ALL, {"section": quoted_label("section", shortage.labels[0])}
        else:
            home, target = shortage.labels
            template = SHARES_OF_SECTION if target else REST_OF_SECTION
            sections = {"home": quoted_label("section", home)}
            if target:
                sections["section"] = quoted_label("section", target)
        return sentence(template, room=room_there(values), **sections, **values)

    def _each_by_shares(self, shortage: Shortage) -> Sentence:
        """The same for people who are short each for himself; they may owe reviews to different sections."""
        _, _, need, have = self._numbers(shortage)
        names = self._names(shortage.members)
        targets = sorted({self.seats[r].target for r in shortage.members} - {""})
        return sentence(
            SHARES_OF_EACH if targets else REST_OF_EACH,
            names=Listing(people_by_name(names)),
            sections=Listing(first_ones([quoted_label("section", one) for one in targets])),
            reviews=some_reviews(need),
            works=some_works(have),
        )

    def works_short(self, shortage: Shortage) -> Sentence:
        if shortage.one and shortage.told == "each" and self.problem.mates is not None:
            # many people may review each work, but of a team only one
            everything = len(shortage.members) == len(self.problem.works)
            shortage = replace(shortage, one=None, told="all" if everything else "set")
        if shortage.told in ("section", "group"):
            return self._class_of_works(shortage)
        if shortage.told == "each":
            return self._each_work(shortage)
        values = self._values(shortage)
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
        values = self._values(shortage)
        rule = self.rules.sections if shortage.told == "section" else self.rules.groups
        givers = sentence(
            N_("the %(other_people)s who may give them can give only %(have)s (%(lack)s too few)")
            if values["others"]
            else N_("nobody may give them"),
            **values,
        )
        template = CLASS_OF_WORKS.get((shortage.told, rule), CLASS_OF_WORKS_ELSE)
        told = sentence(template, who=places(shortage), givers=givers, **values)
        return in_a_row([told, self._least_size(shortage)])

    def _each_work(self, shortage: Shortage) -> Sentence:
        _, others, need, have = self._numbers(shortage)
        size = len(shortage.members)
        values: dict[str, Value] = {
            "reviews": some_reviews(need), "people": some_people(others), "have": have, "lack": need - have,
            "works": some_works(size),
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
            return Listing(people_by_name(firsts[0]))
        return Listing(people_by_name(one[0] for one in firsts))
