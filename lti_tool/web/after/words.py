"""Codes of board, reminders and credit as words for people, translated."""

from __future__ import annotations

from collections.abc import Mapping

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

from lti_tool.lti.grades import Failure
from lti_tool.planning.board import Standing
from lti_tool.planning.credit import CreditKind
from lti_tool.planning.follow_up import CreditMode, Posting, Sending
from lti_tool.planning.holes import HOLE_WORDS, HoleKind
from lti_tool.planning.reminders import NotReminded
from lti_tool.planning.schedule import ScheduleKind, ScheduleOutcome

STANDINGS: Mapping[Standing, LazyString] = {
    Standing.ALL: _l("everybody"),
    Standing.OWES: _l("owes reviews"),
    Standing.OVERDUE: _l("is overdue"),
    Standing.DONE: _l("has done all reviews"),
    Standing.UNREVIEWED: _l("has received no review yet"),
    Standing.HOLES: _l("will not get a review: the reviewer left"),
    Standing.GONE: _l("left the course with reviews open"),
}

HOLES: Mapping[HoleKind, LazyString] = {kind: _l(words) for kind, words in HOLE_WORDS.items()}
"""Written in ``planning.holes``, whose words the command line uses too."""

NOT_REMINDED: Mapping[NotReminded, LazyString] = {
    NotReminded.NOTHING_OPEN: _l("has nothing left to do"),
    NotReminded.LEFT_COURSE: _l("is no longer active in the course"),
    NotReminded.EXCUSED: _l("is excused from the assignment"),
    NotReminded.TOLD_RECENTLY: _l("was reminded a short while ago"),
    NotReminded.MORE_TIME: _l("has more time: the own due date has not passed"),
}

SENDING: Mapping[Sending, LazyString] = {
    Sending.QUEUED: _l("not sent"),
    Sending.SENDING: _l("perhaps sent: Canvas gave no answer"),
    Sending.SENT: _l("sent"),
    Sending.FAILED: _l("not sent: Canvas refused"),
}

CREDIT: Mapping[CreditKind, LazyString] = {
    CreditKind.SET: _l("new"),
    CreditKind.CHANGE: _l("changes"),
    CreditKind.SAME: _l("stays"),
    CreditKind.EXCUSED: _l("excused: no points are posted"),
    CreditKind.NO_REVIEWS: _l("has no reviews to do"),
    CreditKind.NOT_GRADEABLE: _l("has no place in that column: left, inactive, or not assigned"),
}

KINDS: Mapping[ScheduleKind, LazyString] = {
    ScheduleKind.ALLOCATE: _l("allocate reviews"),
    ScheduleKind.TOP_UP: _l("fill up late work and holes"),
    ScheduleKind.REMIND: _l("remind those who owe reviews"),
    ScheduleKind.WATCH: _l("watch for changes behind the plan"),
}

TELLING: Mapping[Sending, LazyString] = {
    Sending.SENDING: _l("perhaps told: Canvas gave no answer"),
    Sending.SENT: _l("told through Canvas"),
    Sending.FAILED: _l("not told: Canvas refused the message"),
}

OUTCOMES: Mapping[ScheduleOutcome, LazyString] = {
    ScheduleOutcome.APPLIED: _l("applied"),
    ScheduleOutcome.WAITS: _l("a plan waits for you"),
    ScheduleOutcome.NOTHING: _l("nothing to do"),
    ScheduleOutcome.SENT: _l("reminders sent"),
    ScheduleOutcome.FOUND: _l("pairs were changed behind the plan"),
    ScheduleOutcome.NOT_YET: _l("not yet; waiting for its date"),
    ScheduleOutcome.FAILED: _l("failed; it is tried again"),
}

POSTING: Mapping[Posting, LazyString] = {
    Posting.SENDING: _l("not finished: Canvas gave no answer"),
    Posting.RUNNING: _l("Canvas is entering the points"),
    Posting.DONE: _l("done"),
    Posting.FAILED: _l("failed"),
}

NOT_TAKEN: Mapping[str, LazyString] = {
    Failure.REFUSED: _l("Canvas refused: no active student of the course any more"),
    Failure.NO_ANSWER: _l("Canvas gave no answer; sent again with the next posting"),
    Failure.THROTTLED: _l("Canvas was too busy; sent again with the next posting"),
    Failure.NOT_ALLOWED: _l("Canvas does not let the tool write there"),
    Failure.GONE: _l("the column was deleted, or the course has ended"),
}

MODES: Mapping[CreditMode, LazyString] = {
    "proportional": _l("in proportion to the reviews completed"),
    "all_or_nothing": _l("all points for all reviews, otherwise none"),
    "threshold": _l("all points from a number of completed reviews on"),
}
