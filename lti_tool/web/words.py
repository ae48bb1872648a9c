"""Codes of the other layers as words for people, translated.

The tests compare each table with its enum, so that a new code cannot appear on a page as a code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from flask_babel import LazyString, gettext, ngettext
from flask_babel import lazy_gettext as _l
from markupsafe import Markup

from allocation.sentences import N_, Mention, Sentence
from allocation.stages import STAGE_WORDS, Stage
from lti_tool.applying.answers import Why
from lti_tool.applying.states import RunState, StepClass
from lti_tool.applying.verification import MismatchKind
from lti_tool.planning.drift import Drift, DriftKind
from lti_tool.planning.explain import LEFT_OUT_WORDS, REASON_WORDS
from lti_tool.planning.ids import UserId
from lti_tool.planning.plan import ChangeKind, ChangeReason
from lti_tool.planning.same_pairs import DIFFERS_WORDS, Differs
from lti_tool.planning.taking_part import LeftOut
from lti_tool.services.edit_words import broken_sentences
from lti_tool.services.editing import broken_by
from lti_tool.services.shown import Feasibility, PlanView
from lti_tool.web.voice import say

KINDS: Mapping[ChangeKind, LazyString] = {
    ChangeKind.CREATE: _l("Create"),
    ChangeKind.DELETE: _l("Delete"),
    ChangeKind.KEEP: _l("Keep"),
    ChangeKind.BLOCKED: _l("Blocked"),
}
SIGNS: Mapping[ChangeKind, str] = {
    ChangeKind.CREATE: "+",
    ChangeKind.DELETE: "−",
    ChangeKind.KEEP: "=",
    ChangeKind.BLOCKED: "!",
}

REASONS: Mapping[ChangeReason, LazyString] = {code: _l(words) for code, words in REASON_WORDS.items()}
LEFT_OUT: Mapping[LeftOut, LazyString] = {code: _l(words) for code, words in LEFT_OUT_WORDS.items()}
"""Both are written in ``planning.explain``, whose words the command line uses too."""

DIFFERS: Mapping[Differs, LazyString] = {code: _l(words) for code, words in DIFFERS_WORDS.items()}
"""Written in ``planning.same_pairs``."""

STATES: Mapping[RunState, LazyString] = {
    RunState.QUEUED: _l("Waiting to start"),
    RunState.CHECKING: _l("Reading Canvas again"),
    RunState.APPLYING: _l("Applying"),
    RunState.RESOLVING: _l("Checking unanswered changes"),
    RunState.VERIFYING: _l("Checking the result"),
    RunState.CANCELLING: _l("Stopping"),
    RunState.PAUSED_AUTH: _l("Paused: access to Canvas was withdrawn"),
    RunState.PAUSED_PERMISSION: _l("Paused: Canvas refuses"),
    RunState.PAUSED_CANVAS: _l("Paused: Canvas does not answer"),
    RunState.PAUSED_STORAGE: _l("Paused: the tool cannot store its record"),
    RunState.PAUSED_BY_PERSON: _l("Paused"),
    RunState.PAUSED_RESTORED: _l("Held: the tool was restored from a backup"),
    RunState.DONE: _l("Done"),
    RunState.DONE_WITH_ISSUES: _l("Done, with issues"),
    RunState.NEEDS_REVIEW: _l("Stopped: needs a new preview"),
    RunState.CANCELLED: _l("Stopped"),
    RunState.FAILED_INTEGRITY: _l("Stopped: Canvas's answers do not fit"),
    RunState.OF_LATER_VERSION: _l("In the hands of a newer version of this tool"),
}

CLASSES: Mapping[StepClass, LazyString] = {
    StepClass.DONE: _l("done"),
    StepClass.ALREADY_THERE: _l("was already there"),
    StepClass.ALREADY_GONE: _l("was already gone"),
    StepClass.KEPT_COMPLETED: _l("kept: completed meanwhile"),
    StepClass.STUDENT_LEFT: _l("student left the course"),
    StepClass.CONFLICT: _l("changed by somebody else"),
    StepClass.REFUSED: _l("refused by Canvas"),
    StepClass.GAVE_UP: _l("given up after several attempts"),
    StepClass.CANCELLED: _l("not sent: the run was stopped"),
    StepClass.PENDING: _l("not sent"),
    StepClass.PAUSED: _l("waiting while paused"),
    StepClass.OF_LATER_VERSION: _l("known only to a newer version of this tool"),
}

WHY: Mapping[Why, LazyString] = {
    Why.NONE: _l("no particular cause"),
    Why.THROTTLED: _l("Canvas asked us to slow down"),
    Why.UNREACHABLE: _l("Canvas could not be reached"),
    Why.ACCESS_LOST: _l("the access to Canvas was withdrawn"),
    Why.SCOPE_MISSING: _l("the developer key lacks a scope"),
    Why.NOT_PERMITTED: _l("you may not do this in Canvas"),
    Why.NOT_FOUND: _l("Canvas does not know this student or work here"),
    Why.REFUSED: _l("Canvas refused this pair"),
    Why.SERVER_ERROR: _l("Canvas had an internal error"),
    Why.NO_ANSWER: _l("Canvas gave no answer"),
    Why.BROKEN_ANSWER: _l("Canvas's answer could not be read"),
    Why.WRONG_IDS: _l("Canvas answered for other people than asked"),
    Why.INCOMPLETE_LIST: _l("Canvas's list was incomplete"),
}

MISMATCHES: Mapping[MismatchKind, LazyString] = {
    MismatchKind.MISSING: _l("Canvas confirmed this review, and now it is not there"),
    MismatchKind.STILL_THERE: _l("Canvas confirmed the deletion, and the review is still there"),
    MismatchKind.DUPLICATE: _l("this review exists more than once"),
    MismatchKind.ARRIVED_LATE: _l("counted as not done, and yet Canvas shows it"),
    MismatchKind.COMPLETED_WAS_DELETED: _l("the student completed it in the moment before it was deleted"),
    MismatchKind.ADDED_BY_OTHERS: _l("somebody else added this review"),
    MismatchKind.REMOVED_BY_OTHERS: _l("somebody else removed this review"),
    MismatchKind.ASSIGNMENT_CHANGED: _l("the assignment's settings were changed"),
    MismatchKind.OF_LATER_VERSION: _l("known only to a newer version of this tool"),
}

_DRIFT: Mapping[tuple[DriftKind, bool | None], str] = {
    (DriftKind.UNPUBLISHED, None): N_("The assignment was unpublished"),
    (DriftKind.PUBLISHED, None): N_("The assignment was published"),
    (DriftKind.NEW_ALLOCATION_SWITCHED, True): N_(
        "Canvas's own allocation of reviews was switched on in this course"
    ),
    (DriftKind.NEW_ALLOCATION_SWITCHED, False): N_(
        "Canvas's own allocation of reviews was switched off in this course"
    ),
    (DriftKind.AUTOMATIC_SWITCHED, True): N_("Canvas now assigns reviews of this assignment automatically"),
    (DriftKind.AUTOMATIC_SWITCHED, False): N_("Canvas no longer assigns reviews automatically"),
    (DriftKind.PEER_REVIEWS_SWITCHED, True): N_("Peer reviews were switched on for this assignment"),
    (DriftKind.PEER_REVIEWS_SWITCHED, False): N_("Peer reviews were switched off for this assignment"),
    (DriftKind.RUBRIC_CHANGED, True): N_("A rubric was attached"),
    (DriftKind.RUBRIC_CHANGED, False): N_("The rubric was removed"),
    (DriftKind.RUBRIC_CHANGED, None): N_("The rubric was replaced by another one"),
    (DriftKind.DUE_DATE_CHANGED, True): N_("The due date is now %(when)s"),
    (DriftKind.DUE_DATE_CHANGED, False): N_("The due date was taken away"),
    (DriftKind.ASSIGNED_TO_CHANGED, True): N_("The assignment is now for some students only"),
    (DriftKind.ASSIGNED_TO_CHANGED, False): N_("The assignment is now for everybody"),
    (DriftKind.GROUP_SET_CHANGED, None): N_("The group set of the assignment was changed"),
    (DriftKind.WITHIN_GROUPS_SWITCHED, True): N_("Canvas now allows reviews within groups"),
    (DriftKind.WITHIN_GROUPS_SWITCHED, False): N_("Canvas no longer allows reviews within groups"),
    (DriftKind.ANONYMOUS_SWITCHED, True): N_("Peer reviews are now anonymous"),
    (DriftKind.ANONYMOUS_SWITCHED, False): N_("Peer reviews are no longer anonymous"),
    (DriftKind.PERSON_LEFT, None): N_("%(person)s left the course"),
    (DriftKind.PERSON_JOINED, None): N_("%(person)s joined the course"),
    (DriftKind.ASSIGNED_SWITCHED, True): N_("The assignment is now for %(person)s too"),
    (DriftKind.ASSIGNED_SWITCHED, False): N_("The assignment is no longer for %(person)s"),
    (DriftKind.WORK_SUBMITTED, None): N_("%(person)s submitted work"),
    (DriftKind.WORK_WITHDRAWN, None): N_("The work of %(person)s no longer counts as submitted"),
    (DriftKind.EXCUSED_SWITCHED, True): N_("%(person)s was excused"),
    (DriftKind.EXCUSED_SWITCHED, False): N_("%(person)s is no longer excused"),
    (DriftKind.SECTION_CHANGED, None): N_("%(person)s changed sections"),
    (DriftKind.GROUP_CHANGED, None): N_("%(person)s changed groups"),
    (DriftKind.REVIEW_ADDED, None): N_("%(person)s was given a review of the work of %(other)s"),
    (DriftKind.REVIEW_DOUBLED, None): N_("%(person)s has one more review of the same work, of %(other)s"),
    (DriftKind.REVIEW_GONE, None): N_("%(person)s no longer reviews the work of %(other)s"),
    (DriftKind.REVIEW_COMPLETED, None): N_("%(person)s completed the review of the work of %(other)s"),
    (DriftKind.REVIEW_REOPENED, None): N_(
        "%(person)s has to write the review of the work of %(other)s again"
    ),
}
"""By what changed and in which direction; in the order in which one wants to know it."""
_DRIFT_ORDER = {kind: place for place, (kind, _) in enumerate(_DRIFT)}


def drift_lines(drift: Sequence[Drift], names: Mapping[UserId, str]) -> list[Sentence]:
    """Every difference as a sentence with display names: first what concerns all, reviews last."""
    lines = []
    for one in sorted(drift, key=lambda one: _DRIFT_ORDER[one.kind]):
        values: dict[str, Mention | datetime] = {
            place: Mention("person", user, names.get(user, user))
            for place, user in zip(("person", "other"), one.people, strict=False)
        }
        if one.at is not None:
            values["when"] = one.at
        lines.append(Sentence(_DRIFT[one.kind, one.on], values))
    return lines


def broken_in(view: PlanView) -> list[Sentence]:
    """The rules that a plan breaks, in words; none, unless it was read from a file."""
    return broken_sentences(broken_by(view.plan, view.snapshot), view.snapshot)


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One reason why rules cannot work: a sentence with numbers, and the people whom it is about."""

    sentence: Markup
    names: tuple[str, ...]
    more: int


NAMED = 12
"""At most so many names after a sentence; beyond that their number says more."""


def obstacles(feasibility: Feasibility) -> list[Obstacle]:
    """The reasons in words, and the people whom they are about."""
    shown = []
    for reason, told in zip(feasibility.reasons, feasibility.sentences, strict=True):
        concerned = set(reason.people)
        people = [name for user, name in feasibility.reason_names.items() if user in concerned]
        shown.append(Obstacle(say(told), tuple(people[:NAMED]), max(0, len(people) - NAMED)))
    return shown


STAGES: Mapping[Stage, LazyString] = {stage: _l(told) for stage, told in STAGE_WORDS.items()}
"""Written in ``allocation.stages``."""

READ_PARTS: Mapping[str, LazyString] = {
    "students": _l("Students"),
    "submissions": _l("Submissions"),
    "sections": _l("Sections"),
    "groups": _l("Groups"),
    "reviews": _l("Reviews"),
}


def seconds_left(seconds: float | None) -> str:
    """Remaining time of something short; empty when unknown."""
    if seconds is None or seconds >= 50:
        return minutes_left(seconds)
    left = max(5, 5 * round(seconds / 5))
    return str(ngettext("About %(num)s second left.", "About %(num)s seconds left.", left))


def minutes_left(seconds: float | None) -> str:
    """Remaining time as people say it; empty when unknown."""
    if seconds is None:
        return ""
    if seconds < 50:
        return str(gettext("Less than a minute left."))
    minutes = round(seconds / 60) or 1
    return str(ngettext("About %(num)s minute left.", "About %(num)s minutes left.", minutes))


def again_in(seconds: float | None) -> str:
    """When something that waits is tried again; empty where only a person can go on."""
    if seconds is None:
        return ""
    if seconds < 50:
        left = max(5, 5 * round(seconds / 5))
        return str(
            ngettext(
                "It is tried again by itself in about %(num)s second.",
                "It is tried again by itself in about %(num)s seconds.",
                left,
            )
        )
    minutes = round(seconds / 60) or 1
    return str(
        ngettext(
            "It is tried again by itself in about %(num)s minute.",
            "It is tried again by itself in about %(num)s minutes.",
            minutes,
        )
    )
