"""One page of a long list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Row = TypeVar("Row")

PER_PAGE = 100


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """``rows`` of ``total``; numbers count from one."""

    rows: Sequence[Row]
    number: int
    pages: int
    total: int

    @property
    def first(self) -> int:
        """Number of the first row shown; 0 when there is none."""
        return (self.number - 1) * PER_PAGE + 1 if self.total else 0

    @property
    def last(self) -> int:
        """Number of the last row shown."""
        return min(self.number * PER_PAGE, self.total)


def page_of(rows: Sequence[Row], asked_for: str | None) -> Page[Row]:
    """The page asked for, or the nearest that exists."""
    pages = max(1, -(-len(rows) // PER_PAGE))
    wanted = (
        int(asked_for)
        if asked_for and asked_for.isascii() and asked_for.isdigit() and len(asked_for) < 9
        else 1
    )
    number = min(max(1, wanted), pages)
    return Page(rows[(number - 1) * PER_PAGE : number * PER_PAGE], number, pages, len(rows))
