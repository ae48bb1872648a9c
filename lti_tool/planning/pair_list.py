"""Pairs as a list that people write: one pair a line, the reviewer, an arrow or a tab, the author."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lti_tool.planning.ids import UserId
from lti_tool.planning.people_list import MOST_ENTRIES, Directory, Match

_SPACES = re.compile(r"[^\S\t]+")
_BETWEEN = re.compile(r"[ \t]{0,3}(?:->|→|=>|>|;|\|)[ \t]{0,3}|\t")
"""What may stand between reviewer and author. A comma may not: names are written "Last, First".

Runs of spaces become one before: ``\\s*`` in front of an arrow tries every space of a run as its beginning,
27 seconds for a line of 40 kB.
"""


@dataclass(frozen=True, slots=True)
class PairLine:
    """One line: whom it means on either side, and the reason behind a third separator.

    ``number`` counts the lines of the text from 1. Without a separator ``author`` is None.
    """

    number: int
    reviewer: Match
    author: Match | None
    reason: str

    @property
    def pair(self) -> tuple[UserId, UserId] | None:
        """The pair, if both sides are clear and differ."""
        author = self.author.person if self.author else None
        if self.reviewer.person is None or author is None or author == self.reviewer.person:
            return None
        return self.reviewer.person.id, author.id


def pair_lines(text: str, directory: Directory) -> tuple[PairLine, ...]:
    """Read a list; empty lines are passed over, and at most ``MOST_ENTRIES`` lines are read."""
    found: list[PairLine] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or len(found) >= MOST_ENTRIES:
            continue
        parts = [part.strip() for part in _BETWEEN.split(_SPACES.sub(" ", line.strip()), maxsplit=2)]
        author = directory.find(parts[1]) if len(parts) > 1 else None
        found.append(PairLine(number, directory.find(parts[0]), author, parts[2] if len(parts) > 2 else ""))
    return tuple(found)
