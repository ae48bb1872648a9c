"""Fields in which one writes a student: what was written, whom it means, what to say where it is unclear."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask_babel import gettext as _

from lti_tool.planning.ids import UserId
from lti_tool.planning.name_order import name_order
from lti_tool.planning.people_list import Directory
from lti_tool.planning.snapshot import Person, Snapshot
from lti_tool.services.edit_words import unmatched_sentence
from lti_tool.services.people_table import MOST_REVIEWS
from lti_tool.web.voice import Words

SUGGESTED = 1_500
"""At most so many names are sent along as suggestions; beyond that one writes without."""


class PeopleFields:
    """Reads the fields of one form."""

    def __init__(self, snapshot: Snapshot, form: Mapping[str, str]) -> None:
        self.directory = Directory(snapshot.people)
        self.errors: dict[str, Words] = {}
        self._form = form

    def person(self, field: str) -> UserId:
        """Whom a field means; an error at the field, and an empty id, where that is unclear."""
        match = self.directory.find(self._form.get(field, ""))
        if match.person is None:
            self.errors[field] = unmatched_sentence(match, self.directory)
            return UserId("")
        return match.person.id


def is_extra(text: str) -> bool:
    """Whether this is a number of extra reviews."""
    return text.isascii() and text.isdigit() and len(text) <= 2 and 1 <= int(text) <= MOST_REVIEWS


def extra_sentence() -> str:
    """What to say where it is not."""
    return str(_("Write a whole number from 1 to %(n)s.", n=MOST_REVIEWS))


def suggestions(people: Sequence[Person]) -> list[str]:
    """What to offer while somebody writes a name, as Canvas sorts people."""
    if len(people) > SUGGESTED:
        return []
    directory = Directory(people)
    in_order = sorted(people, key=lambda one: (name_order(one.sortable_name), one.id))
    return [directory.label(one) for one in in_order if not one.test_student]
