"""Templates and phrases of the reasons: numbers of people, works and reviews, lists of names, places."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from allocation.classes import Shortage
from allocation.sentences import N_, Listing, Mention, Sentence, Value, counted, sentence

NAMED = 5
"""At most so many names in a list."""

CLASS_OF_PEOPLE_ELSE = N_(
    "%(who)s has %(members)s, who must give %(reviews)s in the sections that they may review, but %(room)s."
)
CLASS_OF_PEOPLE = {
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
CLASS_OF_WORKS_ELSE = N_(
    "%(who)s has %(member_works)s, which need %(reviews)s from the sections that may review them, "
    "but %(givers)s."
)
CLASS_OF_WORKS = {
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


SHARES_OF_ALL = N_("By the shares, %(members)s must give %(reviews)s to works of %(section)s, but %(room)s.")
SHARES_OF_SECTION = N_(
    "By the shares, %(members)s of %(home)s must give %(reviews)s to works of %(section)s, but %(room)s."
)
REST_OF_SECTION = N_(
    "Beside the shares, %(members)s of %(home)s must give %(reviews)s to works of other sections, "
    "but %(room)s."
)
SHARES_OF_EACH = N_(
    "By the shares, %(reviews)s by each of these people must go to works of %(sections)s, and each of them "
    "may review %(works)s there: %(names)s."
)
REST_OF_EACH = N_(
    "Beside the shares, %(reviews)s by each of these people must go to works of other sections, and each of "
    "them may review %(works)s there: %(names)s."
)


def room_there(values: Mapping[str, Value]) -> Sentence:
    """How little the works can take."""
    if not values["others"]:
        return sentence("there is no work there")
    if values["have"]:
        return sentence(
            "the %(other_works)s there can take only %(have)s of them (%(lack)s too few)", **values
        )
    return sentence("the %(other_works)s there can take none of them (%(lack)s too few)", **values)


def quoted_label(kind: Literal["section", "group"], label: str) -> Sentence:
    return sentence("“%(name)s”", name=Mention(kind, label))


def places(shortage: Shortage) -> Sentence:
    """“A”, or: Each of the 3 sections “A”, “B” and “C”."""
    kind: Literal["section", "group"] = "section" if shortage.told == "section" else "group"
    quoted = [quoted_label(kind, label) for label in shortage.labels]
    if len(quoted) == 1:
        return quoted[0] if kind == "section" else sentence("The group %(name)s", name=quoted[0])
    names = Listing(first_ones(quoted))
    if kind == "section":
        return counted(
            "Each of the %(num)s sections %(names)s", "Each of the %(num)s sections %(names)s",
            len(quoted), names=names,
        )  # fmt: skip
    return counted(
        "Each of the %(num)s groups %(names)s", "Each of the %(num)s groups %(names)s",
        len(quoted), names=names,
    )  # fmt: skip


def people_by_name(ids: Iterable[str]) -> tuple[Mention | Sentence, ...]:
    return first_ones([Mention("person", one) for one in ids])


def first_ones(items: Sequence[Mention | Sentence]) -> tuple[Mention | Sentence, ...]:
    """The first ones and a number when there are many."""
    if len(items) <= NAMED:
        return tuple(items)
    return (*items[: NAMED - 1], counted("%(num)s more", "%(num)s more", len(items) - NAMED + 1))


def some_reviews(number: int) -> Sentence:
    return counted("%(num)s review", "%(num)s reviews", number)


def some_people(number: int) -> Sentence:
    return counted("%(num)s person", "%(num)s people", number)


def some_works(number: int) -> Sentence:
    return counted("%(num)s work", "%(num)s works", number)
