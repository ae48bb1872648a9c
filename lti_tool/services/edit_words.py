"""Sentences for what goes wrong when plans are edited or read from files, and for the ways out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from allocation import Reason
from allocation.sentences import N_, Listing, Mention, Sentence, counted, sentence
from lti_tool.planning.edits import Broken
from lti_tool.planning.ids import UserId
from lti_tool.planning.people_list import Directory, Match
from lti_tool.planning.rules import PlanRules
from lti_tool.planning.snapshot import Snapshot
from lti_tool.planning.ways_out import WayOut, ways_out
from lti_tool.services.spreadsheet_reading import CellProblem, CellTrouble

BROKEN: Final[Mapping[str, str]] = {
    "section": N_("%(reviewer)s and %(author)s do not fit the section rule."),
    "section_pair": N_("%(reviewer)s and %(author)s do not fit the section rule."),
    "section_share": N_("%(reviewer)s does not give each section the reviews that you asked for."),
    "co_authors": N_("%(reviewer)s and the others of one group do not review as you asked for."),
    "group": N_("%(reviewer)s and %(author)s do not fit the rule about own groups."),
    "forbidden": N_("You forbade that %(reviewer)s reviews %(author)s."),
    "repeat": N_("%(reviewer)s reviewed %(author)s in an earlier assignment."),
    "return": N_("%(author)s reviewed %(reviewer)s in an earlier assignment."),
    "reciprocal": N_("%(reviewer)s and %(author)s would review each other."),
    "required": N_("You fixed that %(reviewer)s reviews %(author)s, and it is not in the plan."),
    "kept": N_("%(reviewer)s reviews %(author)s already, and that stays."),
    "gives": N_("%(reviewer)s does not give the number of reviews that the rules ask for."),
    "receives": N_("The work of %(author)s does not get its share of reviews."),
    "own_work": N_("%(reviewer)s would review the own work."),
    "twice": N_("%(reviewer)s would review %(author)s twice."),
}
"""Codes of ``allocation.verify``; a plan never holds the ones about unknown people."""

CELLS: Final[Mapping[CellTrouble, str]] = {
    CellTrouble.EMPTY: N_("The file is empty."),
    CellTrouble.TOO_LARGE: N_("The file is larger than %(also)s MB. Is it the right one?"),
    CellTrouble.TOO_MANY_ROWS: N_("The file has more than %(also)s rows. Is it the right one?"),
    CellTrouble.TOO_WIDE: N_("The file has more than %(also)s columns. Is it the right one?"),
    CellTrouble.CELL_TOO_LONG: N_("This cell has more than %(also)s letters."),
    CellTrouble.NOT_TEXT: N_(
        "This is not a text file. In the spreadsheet, choose Save as, and CSV UTF-8 as the type."
    ),
    CellTrouble.NOT_CSV: N_("A quotation mark is left open here, or stands in the middle of a cell."),
    CellTrouble.COLUMN_MISSING: N_("This column is missing; the first row has to name the columns."),
    CellTrouble.COLUMN_TWICE: N_("This column is there twice."),
    CellTrouble.ROW_TOO_LONG: N_("This row has more cells than the first row, which has %(also)s."),
    CellTrouble.CUT_OFF: N_(
        "The file seems to be cut off: its last row has fewer cells than all others. Download it again."
    ),
    CellTrouble.FORMULA: N_("“%(value)s” is a formula. Write the name or the id itself."),
    CellTrouble.MANGLED_ID: N_(
        "The spreadsheet turned the id into “%(value)s”. Write the name, or format the column as text."
    ),
    CellTrouble.UNKNOWN_PERSON: N_("“%(value)s” is no student of this course."),
    CellTrouble.SEVERAL_PEOPLE: N_("“%(value)s” is the name of %(also)s students. Write the id."),
    CellTrouble.NAME_AND_ID_DIFFER: N_(
        "“%(value)s” stands beside the id of “%(also)s”. Correct one of the two, or leave one empty."
    ),
    CellTrouble.NOBODY: N_("Nobody is named here."),
    CellTrouble.OWN_WORK: N_("Nobody reviews the own work."),
    CellTrouble.TAKES_NO_PART: N_("“%(value)s” takes no part."),
    CellTrouble.TWICE: N_("The same as row %(also)s."),
    CellTrouble.NOT_A_NUMBER: N_("“%(value)s” is not a whole number from 0 to 50."),
    CellTrouble.NOT_A_LEVEL: N_(
        "“%(value)s” is no level. Write a number in every row, or in every row whether somebody is strong."
    ),
    CellTrouble.NOT_YES_OR_NO: N_("“%(value)s” is neither yes nor no."),
    CellTrouble.REASON_TOO_LONG: N_("Use at most %(also)s characters for the reason."),
}


def mention(snapshot: Snapshot, user: UserId | None) -> Mention:
    """A person by name, or by id where Canvas did not show the person."""
    person = snapshot.people_by_id.get(user) if user else None
    return Mention("person", user or "", person.name if person else "")


def broken_sentences(broken: Sequence[Broken], snapshot: Snapshot) -> list[Sentence]:
    """Each broken rule with names, each once."""
    said: dict[str, Sentence] = {}
    for one in broken:
        who = {"reviewer": mention(snapshot, one.reviewer), "author": mention(snapshot, one.author)}
        found = sentence(BROKEN[one.code], **who)
        said.setdefault(str(found), found)
    return list(said.values())


def cell_sentence(problem: CellProblem) -> Sentence:
    """What is wrong with a cell, and what to do."""
    return sentence(CELLS[problem.trouble], value=problem.value, also=problem.also)


def unmatched_sentence(match: Match, directory: Directory) -> Sentence:
    """Why an entry names nobody, or whom it might name."""
    if not match.text.strip():
        return sentence("Write a name.")
    if not match.people:
        return sentence("“%(text)s” is no student of this course.", text=match.text)
    labels = [Mention("person", person.id, directory.label(person)) for person in match.people[:4]]
    return sentence(
        "“%(text)s” fits several students: %(labels)s. Write the one you mean, with the id.",
        text=match.text,
        labels=Listing(tuple(labels)),
    )


@dataclass(frozen=True, slots=True)
class Offer:
    """A way out in words, and as the text that applies it."""

    words: Sentence
    code: str


def offers(reasons: Sequence[Reason], rules: PlanRules) -> list[Offer]:
    """The ways out that the tool can apply, each once, the smallest first."""
    return [Offer(_offer(way), way.code) for way in ways_out(reasons, rules)]


def _offer(way: WayOut) -> Sentence:
    parts = tuple(_single(field, value) for field, value in way.changes.items())
    return parts[0] if len(parts) == 1 else sentence("All of this: %(parts)s", parts=Listing(parts))


def _single(field: str, value: str) -> Sentence:
    if field == "reviews_per_reviewer":
        return counted("Let each give %(num)s review", "Let each give %(num)s reviews", int(value))
    return sentence(CHANGES[field])


CHANGES: Final[Mapping[str, str]] = {
    "sections": N_("Let anyone review anyone, whatever the section"),
    "own_group": N_("Allow reviews within and outside the own group"),
    "balance": N_("Let works get numbers that are close instead of equal"),
    "repeats": N_("Allow earlier pairs again where it cannot be helped"),
    "returns": N_("Allow reviews in return for earlier ones where it cannot be helped"),
    "mutual": N_("Let two people review each other where it cannot be helped"),
    "section_shares": N_("Do not fix how many reviews go to which section"),
    "co_authors": N_("Let members of one group review whatever works come"),
    "forbidden": N_("Lift the forbidden pairs"),
}
"""Fields that a way out changes, each to the one value that it may get."""
