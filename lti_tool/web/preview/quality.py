"""How good a plan is, in plain words, each with the number of Canvas's own method beside it. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

from flask_babel import LazyString, gettext, ngettext
from flask_babel import lazy_gettext as _l

from lti_tool.planning.canvas_method import Draws, Measured


@dataclass(frozen=True, slots=True)
class QualityRow:
    """One quality: what the plan does in words, what is counted, and the counts.

    ``usual`` and ``worst`` are of Canvas's own method, None while they are worked out.
    """

    verdict: str
    good: bool
    counted: LazyString
    plan: int
    usual: int | None
    worst: int | None


def _uneven(found: int) -> object:
    if found == 0:
        return gettext("Every work gets the same number of reviews")
    if found == 1:
        return gettext("Works get equally many reviews, or one apart")
    return gettext("Works differ by up to %(number)s reviews", number=found)


def _short(found: int) -> object:
    if not found:
        return gettext("No work gets too few reviews")
    return ngettext("%(num)s work gets too few reviews", "%(num)s works get too few reviews", found)


def _reciprocal(found: int) -> object:
    if not found:
        return gettext("Nobody reviews their own reviewer")
    return ngettext("%(num)s couple review each other", "%(num)s couples review each other", found)


def _repeats(found: int) -> object:
    if not found:
        return gettext("Nobody meets the same author again")
    return ngettext(
        "%(num)s review repeats an earlier assignment", "%(num)s reviews repeat an earlier assignment", found
    )


def _returns(found: int) -> object:
    if not found:
        return gettext("Nobody reviews a reviewer of an earlier assignment")
    return ngettext(
        "%(num)s review returns one of an earlier assignment",
        "%(num)s reviews return one of an earlier assignment",
        found,
    )


def _islands(found: int) -> object:
    if found == 1:
        return gettext("All are connected: works can be compared across the class")
    return ngettext("The class is %(num)s island", "The class falls into %(num)s islands", found)


def _weak(found: int) -> object:
    if not found:
        return gettext("Every author has a strong reviewer")
    return ngettext("%(num)s author has no strong reviewer", "%(num)s authors have no strong reviewer", found)


def _against(found: int) -> object:
    if not found:
        return gettext("Every review obeys your rules")
    return ngettext("%(num)s review breaks a rule", "%(num)s reviews break a rule", found)


_WORDS: dict[str, tuple[Callable[[int], object], LazyString, int]] = {
    "uneven": (_uneven, _l("reviews between the most and the least reviewed work"), 1),
    "short": (_short, _l("works with fewer reviews than planned"), 0),
    "reciprocal": (_reciprocal, _l("couples who review each other"), 0),
    "repeats": (_repeats, _l("reviews of somebody met in an earlier assignment"), 0),
    "returns": (_returns, _l("reviews in return for one of an earlier assignment"), 0),
    "islands": (_islands, _l("groups between which no review goes"), 1),
    "weak": (_weak, _l("works without a strong reviewer"), 0),
    "against": (_against, _l("reviews that the rules do not allow"), 0),
}
"""For each number: the plan's verdict, what is counted, and the largest number that is still good."""


def quality_rows(plan: Measured, knows: frozenset[str], canvas: Draws | None) -> list[QualityRow]:
    """What is known of a plan, row by row; the tests compare the words with the fields of ``Measured``."""
    rows = []
    for name in (field.name for field in fields(plan) if field.name in knows):
        verdict, counted, good_up_to = _WORDS[name]
        number = getattr(plan, name)
        usual = None if canvas is None else canvas.usual(name)
        worst = None if canvas is None else canvas.worst(name)
        rows.append(QualityRow(str(verdict(number)), number <= good_up_to, counted, number, usual, worst))
    return rows
