"""Who takes part and which works there are. What is allowed between them stands in `rules`."""

from __future__ import annotations

from dataclasses import dataclass

from allocation.errors import RosterError
from allocation.sentences import sentence

MOST_REVIEWS = 1000
"""More reviews than this per person or work is a typing mistake, not a wish."""


def is_count(value: object) -> bool:
    """True for an integer between 0 and `MOST_REVIEWS` (a bool is not a number of reviews)."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_REVIEWS


def is_fraction(value: object) -> bool:
    """True for a number from 0 to 1."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def hold(
    owner: object,
    field: str,
    kind: type[tuple[object, ...]] | type[frozenset[object]],
    *,
    ordered: bool = False,
) -> None:
    """Keep a list, set or tuple that a caller gave as the kind of collection that the field promises.

    Anything else stays as it is, as does a set where the order means something: the check that follows
    names it.
    """
    value = getattr(owner, field)
    if type(value) is kind or not isinstance(value, list | tuple | set | frozenset):
        return
    in_no_order = isinstance(value, set | frozenset)
    if not (in_no_order and ordered):
        items = [_hashable(item) for item in value]
        object.__setattr__(owner, field, kind(sorted(items, key=str) if in_no_order else items))


def _hashable(value: object) -> object:
    """Lists as tuples, as JSON has only lists; what cannot be in a set as its text, for the error message."""
    if isinstance(value, list):
        return tuple(map(_hashable, value))
    try:
        hash(value)
    except TypeError:
        return repr(value)
    return value


@dataclass(frozen=True, slots=True)
class Participant:
    """A person who reviews, or has handed something in, or both.

    Parameters
    ----------
    id : str
        Opaque and unique among participants.
    sections, groups : frozenset of str
        Several of each are possible, none as well.
    gives : int, optional
        Reviews that this person gives; by default what the rules say. 0: does not review.
    ability : float, optional
        0 (weak) to 1 (strong), only used when the rules ask for a strong reviewer.
    """

    id: str
    sections: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    gives: int | None = None
    ability: float | None = None

    def __post_init__(self) -> None:
        if type(self.sections) is not frozenset:
            hold(self, "sections", frozenset)
        if type(self.groups) is not frozenset:
            hold(self, "groups", frozenset)


@dataclass(frozen=True, slots=True)
class Submission:
    """A piece of work.

    Parameters
    ----------
    id : str
        Opaque and unique among submissions; it may equal the id of its author.
    authors : tuple of str
        Ids of participants; several for a group submission.
    receives : (int, int), optional
        Fewest and most reviews that it gets; by default what the rules say. (0, 0): nobody reviews it.
    """

    id: str
    authors: tuple[str, ...]
    receives: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if type(self.authors) is not tuple:
            hold(self, "authors", tuple)
        if self.receives is not None and type(self.receives) is not tuple:
            hold(self, "receives", tuple, ordered=True)


@dataclass(frozen=True, slots=True)
class Roster:
    """The people and the works of one assignment.

    Raises
    ------
    RosterError
        A duplicate id, an unknown or missing author, an absurd quota, an ability outside 0..1, fewer than
        two people, no work.

    Examples
    --------
    >>> Roster((Participant("ada"),), (Submission("essay", ("ada",)),))  # doctest: +NORMALIZE_WHITESPACE
    Traceback (most recent call last):
        ...
    allocation.errors.RosterError: Peer review needs at least two people, and the roster has 1. Add
    participants.
    """

    participants: tuple[Participant, ...]
    submissions: tuple[Submission, ...]

    def __post_init__(self) -> None:
        hold(self, "participants", tuple)
        hold(self, "submissions", tuple)
        if len(self.participants) < 2:
            raise RosterError(
                sentence(
                    "Peer review needs at least two people, and the roster has %(number)s. Add participants.",
                    number=len(self.participants),
                )
            )
        if not self.submissions:
            raise RosterError(
                sentence(
                    "There is nothing to review: the roster has no submission. Wait until somebody hands in."
                )
            )
        known = _unique("participant", [person.id for person in self.participants])
        _unique("submission", [work.id for work in self.submissions])
        for person in self.participants:
            _check_participant(person)
        for work in self.submissions:
            _check_submission(work, known)


def _unique(kind: str, ids: list[str]) -> set[str]:
    seen: set[str] = set()
    for one in ids:
        if not isinstance(one, str) or not one:
            raise RosterError(f"A {kind} has the id {one!r}; ids are texts that are not empty.")
        if one in seen:
            raise RosterError(f"The {kind} id {one!r} occurs twice. Every {kind} needs an id of its own.")
        seen.add(one)
    return seen


def _check_participant(person: Participant) -> None:
    for name, labels in (("sections", person.sections), ("groups", person.groups)):
        if not isinstance(labels, frozenset):
            raise RosterError(f"Participant {person.id!r}: {name} must be a frozenset of texts.")
        for label in labels:
            if not isinstance(label, str) or not label:
                raise RosterError(
                    f"Participant {person.id!r}: {name} contains {label!r}; names are texts, not empty."
                )
    if person.gives is not None and not is_count(person.gives):
        raise RosterError(
            f"Participant {person.id!r} gives {person.gives!r} reviews. "
            f"Say a whole number from 0 to {MOST_REVIEWS}."
        )
    if person.ability is not None and not is_fraction(person.ability):
        raise RosterError(
            f"Participant {person.id!r} has the ability {person.ability!r}. Say a number from 0 to 1."
        )


def _check_submission(work: Submission, known: set[str]) -> None:
    if not isinstance(work.authors, tuple) or not all(isinstance(author, str) for author in work.authors):
        raise RosterError(f"Submission {work.id!r}: authors must be a tuple of texts.")
    if not work.authors:
        raise RosterError(f"Submission {work.id!r} has no author. Name at least one participant.")
    for author in work.authors:
        if author not in known:
            raise RosterError(
                f"Submission {work.id!r}: its author {author!r} is not a participant. Add that person."
            )
    if len(set(work.authors)) < len(work.authors):
        raise RosterError(f"Submission {work.id!r} names an author twice.")
    if work.receives is None:
        return
    if (
        not isinstance(work.receives, tuple)
        or len(work.receives) != 2
        or not all(map(is_count, work.receives))
    ):
        raise RosterError(
            f"Submission {work.id!r} receives {work.receives!r}. "
            f"Say (fewest, most), whole numbers from 0 to {MOST_REVIEWS}."
        )
    if work.receives[0] > work.receives[1]:
        raise RosterError(
            f"Submission {work.id!r} receives at least {work.receives[0]} and at most "
            f"{work.receives[1]} reviews; the first number must not be the larger one."
        )
