"""Canvas's lists, page by page: follow Link to the end, or fail; never stop early and never leave the origin.

Nothing about pages is computed: addresses can be opaque, ``per_page`` can be ignored, pages can be short or
empty and still have a next one, ``last`` can be missing. What Canvas never leaves out of a paged list is the
header itself: every page names at least its first one (canvas-lms lib/api.rb, build_links).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import parse_qs, urljoin, urlsplit

from requests.utils import parse_header_links

from allocation.sentences import N_, Sentence, sentence
from lti_tool.canvas.errors import IncompleteList, LinkMissing
from lti_tool.canvas.origin import origin_of
from lti_tool.canvas.records import IdentifiedRecord
from lti_tool.canvas.transport import WireAnswer, WireRequest

Row = TypeVar("Row", bound=IdentifiedRecord)

PAGE_CAP = 4_000
"""More than a course of 10 000 students with two sections each needs at Canvas's smallest page of 10."""
BARREN_PAGES = 3
"""This many pages in a row that repeat only known rows are a loop in disguise."""


SMALLEST_PAGE = 10
"""Canvas's page where a request asks for no size (canvas-lms lib/api.rb PER_PAGE); none is smaller when 100
are asked for, so that fewer rows are a whole list."""


class ListMoved(Exception):
    """The same row came twice with different content: the list changed while it was read."""


@dataclass
class Trail:
    """The pages of one list that were visited. ``paged``: Canvas sends this list in pages."""

    origin: str
    request: WireRequest
    paged: bool = True

    def __post_init__(self) -> None:
        self._visited: set[str] = set()

    def next_page(self, answer: WireAnswer, rows: int) -> WireRequest | None:
        """The page after one of ``rows`` rows as Canvas names it, or None at the end.

        Raises:
            IncompleteList: the address loops, leaves the origin, there are too many pages, or the list ends
                before the page that Canvas calls its last.
            LinkMissing: a page that may have been full names no other.
        """
        self._visited.add(answer.url)
        target = next_link(answer)
        if target is None:
            self._require_end(answer, rows)
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

    def _require_end(self, answer: WireAnswer, rows: int) -> None:
        if not self.paged:
            return
        here, last = page_number(answer, "current"), page_number(answer, "last")
        if here is not None and last is not None and here < last:
            raise self.incomplete(
                sentence("it stops at page %(here)s of %(last)s", here=here, last=last), answer
            )
        if not answer.headers.get("link") and rows >= SMALLEST_PAGE:
            raise LinkMissing(
                sentence(
                    "The list %(request)s came without a Link header, so there may be more than these "
                    "%(rows)s rows.",
                    request=str(self.request),
                    rows=rows,
                ),
                status=answer.status,
                request_id=answer.request_id,
            )

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
    return _link(answer, "next")


def page_number(answer: WireAnswer, rel: str) -> int | None:
    """The number of a page in the Link header; None where it isn't named or its address is opaque."""
    (number,) = parse_qs(urlsplit(_link(answer, rel) or "").query).get("page", ["?"])[:1]
    return int(number) if number.isascii() and number.isdigit() and len(number) < 6 else None


def about_how_many(first: WireAnswer, rows: int) -> int | None:
    """Rows of the whole list, guessed from its first page, to show how far a reading is and for nothing else.

    Canvas names the last page of most lists by number; of some by an opaque text, of long ones not at all.
    """
    last = page_number(first, "last")
    return None if last is None else last * rows


def _link(answer: WireAnswer, rel: str) -> str | None:
    for link in parse_header_links(answer.headers.get("link", "")):
        if link.get("rel", "").lower() == rel:
            return link.get("url") or None
    return None
