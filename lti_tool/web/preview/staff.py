"""The works that a plan leaves with too few reviews, for staff."""

from __future__ import annotations

from dataclasses import dataclass

from lti_tool.planning.holes import StaffLine, for_staff
from lti_tool.services.shown import PlanView

LISTED = 20
"""Works listed on the page; the file has all of them."""


@dataclass(frozen=True, slots=True)
class StaffList:
    """What the page shows of the list."""

    rows: tuple[StaffLine, ...]
    more: int


def staff_lines(view: PlanView) -> tuple[StaffLine, ...]:
    """All of them."""
    return for_staff(view.snapshot, view.lacking)


def staff_list(view: PlanView) -> StaffList:
    """As many as a page shows."""
    every = staff_lines(view)
    return StaffList(every[:LISTED], len(every[LISTED:]))
