"""Who is meant: students found by what people write of them, a name, an id, a login or an e-mail address.

Nothing is guessed. What fits nobody, or fits two, is said as such, and the person who wrote decides.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lti_tool.planning.ids import UserId
from lti_tool.planning.snapshot import Person
from lti_tool.planning.unicode_forms import normal_form

MOST_ENTRIES = 5_000
"""More lines than this are not a list of students of one course."""

_ID_IN_BRACKETS = re.compile(r"^(?P<name>.*\S)\s*\((?P<id>[^()\s]{1,64})\)$")


@dataclass(frozen=True, slots=True)
class Contact:
    """What Canvas calls a person besides the name, as far as the reader may see it."""

    login: str = ""
    sis_id: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class Match:
    """One entry and whom it fits; ``people`` has one person when the entry is clear."""

    text: str
    people: tuple[Person, ...]

    @property
    def person(self) -> Person | None:
        """The one person that the entry names."""
        return self.people[0] if len(self.people) == 1 else None


class Directory:
    """Students by everything that they are called."""

    def __init__(self, people: Iterable[Person], contacts: Mapping[UserId, Contact] | None = None) -> None:
        self._by_id: dict[str, Person] = {}
        self._by_key: dict[str, dict[UserId, Person]] = {}
        self._in_order: dict[str, tuple[Person, ...]] = {}
        """Kept for those who are asked for: thousands of equal names in a course and in a list make one."""
        for person in people:
            self._by_id[person.id] = person
            contact = (contacts or {}).get(person.id, Contact())
            words = (person.name, person.sortable_name, *_turned(person.sortable_name))
            for text in (person.id, contact.login, contact.sis_id, contact.email, *words):
                if _key(text):
                    self._by_key.setdefault(_key(text), {})[person.id] = person

    def find(self, text: str) -> Match:
        """Whom an entry means. ``Name (id)`` means that id, if it has that name."""
        named = _ID_IN_BRACKETS.match(text.strip())
        if named is not None:
            person = self._by_id.get(named["id"])
            if person is not None and person.id in self._by_key.get(_key(named["name"]), {}):
                return Match(text, (person,))
        key = _key(text)
        if key not in self._by_key:
            return Match(text, ())
        if key not in self._in_order:
            found = self._by_key[key].values()
            self._in_order[key] = tuple(sorted(found, key=lambda one: (one.sortable_name, one.id)))
        return Match(text, self._in_order[key])

    def with_id(self, user: str) -> Person | None:
        """The student with this Canvas id."""
        return self._by_id.get(user.strip())

    def label(self, person: Person) -> str:
        """What to write so that ``find`` gives this person: the sortable name, with the id where needed."""
        alone = len(self._by_key.get(_key(person.sortable_name), {})) == 1
        return person.sortable_name if alone else f"{person.sortable_name} ({person.id})"


def entries(text: str) -> tuple[str, ...]:
    """The entries of a pasted list: one a line; one line with semicolons or tabs is split there.

    Commas do not split, since names are written "Last, First".
    """
    lines = [line for line in re.split(r"[\r\n;\t]+", text) if line.strip()]
    return tuple(line.strip() for line in lines[:MOST_ENTRIES])


def _key(text: str) -> str:
    """Letters as people compare them: no case, no width, single spaces, no invisible characters."""
    plain = "".join(char for char in normal_form("NFKC", text) if unicodedata.category(char) != "Cf")
    return " ".join(plain.casefold().split())


def _turned(sortable: str) -> tuple[str, ...]:
    """ "Last, First" as "First Last" and as "Last First"."""
    last, comma, first = sortable.partition(",")
    return (f"{first.strip()} {last.strip()}", f"{last.strip()} {first.strip()}") if comma else ()
