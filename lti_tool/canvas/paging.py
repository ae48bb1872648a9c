"""Canvas's lists, page by page: follow Link to the end, or fail; never stop early and never leave the origin.

Nothing about pages is computed: addresses can be opaque, ``per_page`` can be ignored, pages can be short or
empty and still have a next one, ``last`` can be missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import parse_qs, urljoin, urlsplit

from requests.utils import parse_header_links

from allocation.sentences import N_, Sentence, sentence
from lti_tool.canvas.errors import IncompleteList
from lti_tool.canvas.origin import origin_of
from lti_tool.canvas.records import IdentifiedRecord
from lti_tool.canvas.transport import WireAnswer, WireRequest

Row = TypeVar("Row", bound=IdentifiedRecord)

PAGE_CAP = 4_000
"""More than a course of 10 000 students with two sections each needs at Canvas's smallest page of 10."""
BARREN_PAGES = 3
"""This many pages in a row that repeat only known rows are a loop in disguise."""


class ListMoved(Exception):
    """The same row came twice with different content: the list changed while it was read."""


@dataclass
class Trail:
    """The pages of one list that were visited."""

    origin: str
    request: WireRequest

    def __post_init__(self) -> None:
        self._visited: set[str] = set()

    def next_page(self, answer: WireAnswer) -> WireRequest | None:
        """The next page as Canvas names it, or None at the end.

        Raises:
            IncompleteList: the address loops, leaves the origin, or there are too many pages.
        """
        self._visited.add(answer.url)
        target = next_link(answer)
        if target is None:
            return None
        try:
            target = urljoin(answer.url, target)
            foreign = origin_of(target) != self.origin
        except ValueError:
            foreign = True
        if foreign:
            raise self.incomplete(N_("its next page is at another address than this Canvas"), answer)
        if target in self._visited:
            raise self.incomplete(N_("its pages lead in a circle"), answer)
        if len(self._visited) >= PAGE_CAP:
            raise self.incomplete(sentence("it has more than %(most)s pages", most=PAGE_CAP), answer)
        return WireRequest("GET", target, scope=self.request.scope)

    def incomplete(self, because: str | Sentence, answer: WireAnswer) -> IncompleteList:
        """The error for this list."""
        return IncompleteList(
            sentence(
                "The list %(request)s could not be read to its end: %(because)s.",
                request=str(self.request),
                because=sentence(because),
            ),
            status=answer.status,
            request_id=answer.request_id,
        )


class Merge(Generic[Row]):
    """Rows of all pages, by id, in the order in which they first came."""

    def __init__(self) -> None:
        self._rows: dict[str, Row] = {}
        self._barren = 0

    def add(self, page: list[Row]) -> bool:
        """Take a page in; False when the pages have stopped bringing anything new.

        Raises:
            ListMoved: a row that we have came again and says something else.
        """
        known = len(self._rows)
        for row in page:
            if self._rows.setdefault(row.id, row) != row:
                raise ListMoved
        self._barren = self._barren + 1 if page and len(self._rows) == known else 0
        return self._barren < BARREN_PAGES

    @property
    def rows(self) -> list[Row]:
        """What has been taken in."""
        return list(self._rows.values())


def next_link(answer: WireAnswer) -> str | None:
    """The address of rel="next" in the Link header, whatever the case and the spacing."""
    for link in parse_header_links(answer.headers.get("link", "")):
        if link.get("rel", "").lower() == "next":
            return link.get("url") or None
    return None


def about_how_many(first: WireAnswer, rows: int) -> int | None:
    """Rows of the whole list, guessed from its first page, to show how far a reading is and for nothing else.

    Canvas names the last page of most lists by number; of some by an opaque text, of long ones not at all.
    """
    for link in parse_header_links(first.headers.get("link", "")):
        if link.get("rel", "").lower() == "last":
            (number,) = parse_qs(urlsplit(link.get("url", "")).query).get("page", ["?"])[:1]
            return int(number) * rows if number.isascii() and number.isdigit() and len(number) < 6 else None
    return None
