"""The words for the codes of planning, in English; the pages translate these same sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from allocation import Reason
from lti_tool.planning.plan import ChangeReason
from lti_tool.planning.snapshot import Snapshot
from lti_tool.planning.taking_part import LeftOut


def N_(words: str) -> str:  # noqa: N802 - the customary mark for words that are translated where they are shown
    """Mark words for translation without translating them here."""
    return words


REASON_WORDS: Final[Mapping[ChangeReason, str]] = {
    ChangeReason.NEW: N_("new"),
    ChangeReason.TOP_UP: N_("fills up to the agreed number"),
    ChangeReason.PINNED: N_("new; you fixed this pair"),
    ChangeReason.STILL_FITS: N_("exists and fits the rules"),
    ChangeReason.COMPLETED: N_("already completed; completed reviews are never removed"),
    ChangeReason.NOT_VISIBLE: N_("you may not see one of the two students; left alone"),
    ChangeReason.TEST_STUDENT: N_("concerns the Test Student; left alone"),
    ChangeReason.DUPLICATE: N_("exists more than once in Canvas; left alone"),
    ChangeReason.REPLACED: N_("open review, replaced by the new allocation"),
    ChangeReason.REPLACED_FOREIGN: N_("open review made outside this tool, replaced by the new allocation"),
    ChangeReason.MOVED: N_("moved, so that everybody gets the same number"),
    ChangeReason.MOVED_FOREIGN: N_("made outside this tool; moved, so that everybody gets the same number"),
    ChangeReason.BREAKS_SECTION_RULE: N_("does not fit the section rule"),
    ChangeReason.BREAKS_GROUP_RULE: N_("was with own group"),
    ChangeReason.FORBIDDEN_PAIR: N_("you forbade this pair"),
    ChangeReason.REPEATS_EARLIER: N_("repeats a pair of an earlier assignment"),
    ChangeReason.REVIEWER_EXCLUDED: N_("the reviewer is excluded"),
    ChangeReason.AUTHOR_EXCLUDED: N_("the author is excluded"),
    ChangeReason.REVIEWER_LEFT: N_("the reviewer left the course; Canvas refuses to remove this review"),
    ChangeReason.AUTHOR_LEFT: N_("the author left the course; Canvas refuses to remove this review"),
    ChangeReason.REVIEWER_NOT_ASSIGNED: N_("the assignment is not assigned to the reviewer"),
    ChangeReason.AUTHOR_NOT_ASSIGNED: N_(
        "the assignment is no longer assigned to the author; Canvas refuses to remove this review"
    ),
    ChangeReason.REVIEWER_NOT_SUBMITTED: N_("the reviewer did not submit"),
    ChangeReason.AUTHOR_NOT_SUBMITTED: N_("the author did not submit"),
    ChangeReason.UNDO_CREATED: N_("takes back a review that the run created"),
    ChangeReason.UNDO_DELETED: N_("brings back a review that the run deleted"),
    ChangeReason.NOT_PART_OF_UNDO: N_("not a change of this run"),
}

LEFT_OUT_WORDS: Final[Mapping[LeftOut, str]] = {
    LeftOut.TEST_STUDENT: N_("is the Test Student"),
    LeftOut.LEFT_COURSE: N_("left the course or is inactive"),
    LeftOut.EXCLUDED: N_("is excluded by you"),
    LeftOut.NOT_ASSIGNED: N_("does not have this assignment"),
    LeftOut.EXCUSED: N_("is excused"),
    LeftOut.NOT_SUBMITTED: N_("did not submit"),
}


def reason_sentences(reasons: Sequence[Reason], snapshot: Snapshot) -> tuple[str, ...]:
    """The engine's reasons with the names of people and groups; sections are named in them already."""
    people: Mapping[str, str] = {person.id: person.name for person in snapshot.people}
    groups: Mapping[str, str] = {group.id: group.name for group in snapshot.groups}
    return tuple(
        reason.render(
            lambda person: people.get(person, person), group_name=lambda group: groups.get(group, group)
        )
        for reason in reasons
    )
