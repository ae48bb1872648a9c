"""The codes of the writer as words for people: one table for pages, command line and record.

The pages translate them (``web.words``). The tests compare each table with its enum, so that a new code
cannot appear anywhere as a code.
"""

from __future__ import annotations

from collections.abc import Mapping

from allocation.sentences import N_
from lti_tool.applying.answers import Why
from lti_tool.applying.states import RunState, StepClass
from lti_tool.applying.verification import MismatchKind

STATE_WORDS: Mapping[RunState, str] = {
    RunState.QUEUED: N_("Waiting to start"),
    RunState.CHECKING: N_("Reading Canvas again"),
    RunState.APPLYING: N_("Applying"),
    RunState.RESOLVING: N_("Checking unanswered changes"),
    RunState.VERIFYING: N_("Checking the result"),
    RunState.CANCELLING: N_("Stopping"),
    RunState.PAUSED_AUTH: N_("Paused: access to Canvas was withdrawn"),
    RunState.PAUSED_PERMISSION: N_("Paused: Canvas refuses"),
    RunState.PAUSED_CANVAS: N_("Paused: Canvas does not answer"),
    RunState.PAUSED_STORAGE: N_("Paused: the tool cannot store its record"),
    RunState.PAUSED_BY_PERSON: N_("Paused"),
    RunState.PAUSED_RESTORED: N_("Held: the tool was restored from a backup"),
    RunState.DONE: N_("Done"),
    RunState.DONE_WITH_ISSUES: N_("Done, with issues"),
    RunState.NEEDS_REVIEW: N_("Out of date"),
    RunState.CANCELLED: N_("Stopped"),
    RunState.FAILED_INTEGRITY: N_("Stopped: Canvas's answers do not fit"),
    RunState.OF_LATER_VERSION: N_("In the hands of a newer version of this tool"),
}

CLASS_WORDS: Mapping[StepClass, str] = {
    StepClass.DONE: N_("done"),
    StepClass.ALREADY_THERE: N_("was already there"),
    StepClass.ALREADY_GONE: N_("was already gone"),
    StepClass.KEPT_COMPLETED: N_("kept: completed meanwhile"),
    StepClass.KEPT_UNREPLACED: N_("kept: its replacement could not be created"),
    StepClass.STUDENT_LEFT: N_("student left the course"),
    StepClass.CONFLICT: N_("changed by somebody else"),
    StepClass.REFUSED: N_("refused by Canvas"),
    StepClass.GAVE_UP: N_("given up after several attempts"),
    StepClass.CANCELLED: N_("not sent: the run was stopped"),
    StepClass.PENDING: N_("not sent"),
    StepClass.PAUSED: N_("waiting while paused"),
    StepClass.OF_LATER_VERSION: N_("known only to a newer version of this tool"),
}

WHY_WORDS: Mapping[Why, str] = {
    Why.NONE: N_("no particular cause"),
    Why.THROTTLED: N_("Canvas asked us to slow down"),
    Why.UNREACHABLE: N_("Canvas could not be reached"),
    Why.ACCESS_LOST: N_("the access to Canvas was withdrawn"),
    Why.SCOPE_MISSING: N_("the developer key lacks a scope"),
    Why.NOT_PERMITTED: N_("you may not do this in Canvas"),
    Why.NOT_FOUND: N_("Canvas does not know this student or work here"),
    Why.REFUSED: N_("Canvas refused this pair"),
    Why.SERVER_ERROR: N_("Canvas had an internal error"),
    Why.NO_ANSWER: N_("Canvas gave no answer"),
    Why.BROKEN_ANSWER: N_("Canvas's answer could not be read"),
    Why.WRONG_IDS: N_("Canvas answered for other people than asked"),
    Why.INCOMPLETE_LIST: N_("Canvas's list was incomplete"),
}

MISMATCH_WORDS: Mapping[MismatchKind, str] = {
    MismatchKind.MISSING: N_("Canvas confirmed this review, and now it is not there"),
    MismatchKind.STILL_THERE: N_("Canvas confirmed the deletion, and the review is still there"),
    MismatchKind.DUPLICATE: N_("this review exists more than once"),
    MismatchKind.ARRIVED_LATE: N_("counted as not done, and yet Canvas shows it"),
    MismatchKind.COMPLETED_WAS_DELETED: N_("the student completed it in the moment before it was deleted"),
    MismatchKind.ADDED_BY_OTHERS: N_("somebody else added this review"),
    MismatchKind.REMOVED_BY_OTHERS: N_("somebody else removed this review"),
    MismatchKind.REOPENED: N_("Canvas opened this completed review again, so it has to be written once more"),
    MismatchKind.ASSIGNMENT_UNFIT: N_("the assignment was changed meanwhile, so these reviews may not count"),
    MismatchKind.ASSIGNMENT_CHANGED: N_("the assignment's settings were changed"),
    MismatchKind.OF_LATER_VERSION: N_("known only to a newer version of this tool"),
}
