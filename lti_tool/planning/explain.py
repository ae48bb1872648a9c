"""The words for the codes of planning, marked for translation; command line and pages say these same ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from allocation import Reason
from allocation.sentences import N_, NameOf, Sentence
from lti_tool.planning.plan import ChangeReason
from lti_tool.planning.snapshot import Snapshot
from lti_tool.planning.taking_part import LeftOut

REASON_WORDS: Final[Mapping[ChangeReason, str]] = {
    ChangeReason.NEW: N_("new"),
    ChangeReason.TOP_UP: N_("fills up to the agreed number"),
    ChangeReason.PINNED: N_("new; you fixed this pair"),
    ChangeReason.SAME_AS_EARLIER: N_("new; the same pair as in the other assignment"),
    ChangeReason.STILL_FITS: N_("exists and fits the rules"),
    ChangeReason.COMPLETED: N_("already completed; completed reviews are never removed"),
    ChangeReason.STARTED: N_("the reviewer has begun to write it, so it stays"),
    ChangeReason.NOT_VISIBLE: N_("you may not see one of the two students; left alone"),
    ChangeReason.TEST_STUDENT: N_("concerns the Test Student; left alone"),
    ChangeReason.EXTRA: N_("in place of a review that will not come"),
    ChangeReason.EXTRA_NOT_NEEDED: N_("was in place of another review, and is needed no longer"),
    ChangeReason.NOT_COMING: N_("not waited for any more, but it may still be written"),
    ChangeReason.NOT_COMING_DELETED: N_("not waited for any more"),
    ChangeReason.DUPLICATE: N_("exists more than once in Canvas; left alone"),
    ChangeReason.REPLACED: N_("open review, replaced by the new allocation"),
    ChangeReason.REPLACED_FOREIGN: N_("open review made outside this tool, replaced by the new allocation"),
    ChangeReason.MOVED: N_("moved, so that everybody gets the same number"),
    ChangeReason.MOVED_FOREIGN: N_("made outside this tool; moved, so that everybody gets the same number"),
    ChangeReason.BREAKS_SECTION_RULE: N_("does not fit the section rule"),
    ChangeReason.BREAKS_GROUP_RULE: N_("was with own group"),
    ChangeReason.FORBIDDEN_PAIR: N_("you forbade this pair"),
    ChangeReason.REPEATS_EARLIER: N_("repeats a pair of an earlier assignment"),
    ChangeReason.RETURNS_EARLIER: N_("would return a review of an earlier assignment"),
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
    ChangeReason.REPLACED_SINCE: N_(
        "a later update has replaced this review; restoring it would exceed the rules"
    ),
}

LEFT_OUT_WORDS: Final[Mapping[LeftOut, str]] = {
    LeftOut.TEST_STUDENT: N_("test student"),
    LeftOut.LEFT_COURSE: N_("not active in the course"),
    LeftOut.EXCLUDED: N_("left out by you"),
    LeftOut.NOT_ASSIGNED: N_("not assigned"),
    LeftOut.EXCUSED: N_("excused"),
    LeftOut.NOT_SUBMITTED: N_("did not submit"),
    LeftOut.MORE_TIME: N_("has more time to submit"),
}


def name_in(snapshot: Snapshot) -> NameOf:
    """Names of the people and groups that the engine knows by number; sections it knows by name."""
    names: Mapping[str, Mapping[str, str]] = {
        "person": {user: person.name for user, person in snapshot.people_by_id.items()},
        "group": {group.id: group.name for group in snapshot.groups},
    }
    return lambda mention: names.get(mention.kind, {}).get(mention.id, mention.id)


def reason_sentences(reasons: Sequence[Reason], snapshot: Snapshot) -> tuple[Sentence, ...]:
    """The engine's reasons with the names of people and groups."""
    name_of = name_in(snapshot)
    return tuple(reason.words.named(name_of) for reason in reasons)
