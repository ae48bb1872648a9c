"""Words for what goes wrong when plans are edited or read from files, and for the ways out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask_babel import LazyString, gettext, ngettext
from flask_babel import lazy_gettext as _l

from allocation import Reason
from lti_tool.planning.edits import Broken
from lti_tool.planning.ids import UserId
from lti_tool.planning.people_list import Directory, Match
from lti_tool.planning.rules import PlanRules
from lti_tool.planning.ways_out import WayOut, ways_out
from lti_tool.services.spreadsheet_reading import CellProblem, CellTrouble

BROKEN: Mapping[str, LazyString] = {
    "section": _l("%(reviewer)s and %(author)s do not fit the section rule."),
    "section_pair": _l("%(reviewer)s and %(author)s do not fit the section rule."),
    "group": _l("%(reviewer)s and %(author)s do not fit the rule about own groups."),
    "forbidden": _l("You forbade that %(reviewer)s reviews %(author)s."),
    "repeat": _l("%(reviewer)s reviewed %(author)s in an earlier assignment."),
    "reciprocal": _l("%(reviewer)s and %(author)s would review each other."),
    "required": _l("You fixed that %(reviewer)s reviews %(author)s, and it is not in the plan."),
    "kept": _l("%(reviewer)s reviews %(author)s already, and that stays."),
    "gives": _l("%(reviewer)s does not give the number of reviews that the rules ask for."),
    "receives": _l("The work of %(author)s does not get its share of reviews."),
    "own_work": _l("%(reviewer)s would review the own work."),
    "twice": _l("%(reviewer)s would review %(author)s twice."),
}
"""Codes of ``allocation.verify``; a plan never holds the ones about unknown people."""

CELLS: Mapping[CellTrouble, LazyString] = {
    CellTrouble.EMPTY: _l("The file is empty."),
    CellTrouble.TOO_LARGE: _l("The file is larger than %(also)s MB. Is it the right one?"),
    CellTrouble.TOO_MANY_ROWS: _l("The file has more than %(also)s rows. Is it the right one?"),
    CellTrouble.TOO_WIDE: _l("The file has more than %(also)s columns. Is it the right one?"),
    CellTrouble.CELL_TOO_LONG: _l("This cell has more than %(also)s letters."),
    CellTrouble.NOT_TEXT: _l(
        "This is not a text file. In the spreadsheet, choose Save as, and CSV UTF-8 as the type."
    ),
    CellTrouble.NOT_CSV: _l("A quotation mark is left open here, or stands in the middle of a cell."),
    CellTrouble.COLUMN_MISSING: _l("This column is missing; the first row has to name the columns."),
    CellTrouble.COLUMN_TWICE: _l("This column is there twice."),
    CellTrouble.ROW_TOO_LONG: _l("This row has more cells than the first row, which has %(also)s."),
    CellTrouble.FORMULA: _l("“%(value)s” is a formula. Write the name or the id itself."),
    CellTrouble.MANGLED_ID: _l(
        "The spreadsheet turned the id into “%(value)s”. Write the name, or format the column as text."
    ),
    CellTrouble.UNKNOWN_PERSON: _l("“%(value)s” is no student of this course."),
    CellTrouble.SEVERAL_PEOPLE: _l("“%(value)s” is the name of %(also)s students. Write the id."),
    CellTrouble.NAME_AND_ID_DIFFER: _l(
        "“%(value)s” stands beside the id of “%(also)s”. Correct one of the two, or leave one empty."
    ),
    CellTrouble.NOBODY: _l("Nobody is named here."),
    CellTrouble.OWN_WORK: _l("Nobody reviews the own work."),
    CellTrouble.TAKES_NO_PART: _l("“%(value)s” takes no part."),
    CellTrouble.TWICE: _l("The same as row %(also)s."),
    CellTrouble.NOT_A_NUMBER: _l("“%(value)s” is not a whole number from 0 to 50."),
    CellTrouble.NOT_YES_OR_NO: _l("“%(value)s” is neither yes nor no."),
    CellTrouble.REASON_TOO_LONG: _l("Use at most %(also)s characters for the reason."),
}


def broken_sentences(broken: Sequence[Broken], names: Mapping[UserId, str]) -> list[str]:
    """Each broken rule as a sentence with names, each once."""
    said = []
    for one in broken:
        who = {
            "reviewer": names.get(one.reviewer, one.reviewer) if one.reviewer else "",
            "author": names.get(one.author, one.author) if one.author else "",
        }
        said.append(str(BROKEN[one.code]) % who)
    return list(dict.fromkeys(said))


def cell_sentence(problem: CellProblem) -> str:
    """What is wrong with a cell, and what to do."""
    return str(CELLS[problem.trouble]) % {"value": problem.value, "also": problem.also}


def unmatched_sentence(match: Match, directory: Directory) -> str:
    """Why an entry names nobody, or whom it might name."""
    if not match.text.strip():
        return gettext("Write a name.")
    if not match.people:
        return gettext("“%(text)s” is no student of this course.", text=match.text)
    labels = ", ".join(f"“{directory.label(person)}”" for person in match.people[:4])
    return gettext(
        "“%(text)s” fits several students. Write one of: %(labels)s.", text=match.text, labels=labels
    )


@dataclass(frozen=True, slots=True)
class Offer:
    """A way out as a button."""

    text: str
    code: str


def offers(reasons: Sequence[Reason], rules: PlanRules) -> list[Offer]:
    """The ways out that the tool can apply, each once, the smallest first."""
    return [Offer(_offer(way), way.code) for way in ways_out(reasons, rules)]


def _offer(way: WayOut) -> str:
    if len(way.changes) == 1:
        ((field, value),) = way.changes.items()
        return _single(field, value)
    return gettext("Do all of this: %(parts)s", parts="; ".join(
        _single(field, value) for field, value in way.changes.items()
    ))  # fmt: skip


def _single(field: str, value: str) -> str:
    if field == "reviews_per_reviewer":
        return ngettext("Let each give %(num)s review", "Let each give %(num)s reviews", int(value))
    texts = {
        "sections": gettext("Let anyone review anyone, whatever the section"),
        "own_group": gettext("Allow reviews within and outside the own group"),
        "balance": gettext("Let works get numbers that are close instead of equal"),
        "repeats": gettext("Allow earlier pairs again where it cannot be helped"),
        "mutual": gettext("Let two people review each other where it cannot be helped"),
        "forbidden": gettext("Lift the forbidden pairs"),
    }
    return texts[field]
