"""Codes of the other layers as words for people, translated.

The tests compare each table with its enum, so that a new code cannot appear on a page as a code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flask_babel import LazyString, gettext, ngettext
from flask_babel import lazy_gettext as _l
from markupsafe import Markup

from allocation.sentences import Sentence
from allocation.stages import STAGE_WORDS, Stage
from lti_tool.applying.answers import Why
from lti_tool.applying.states import RunState, StepClass
from lti_tool.applying.verification import MismatchKind
from lti_tool.applying.words import CLASS_WORDS, MISMATCH_WORDS, STATE_WORDS, WHY_WORDS
from lti_tool.planning.explain import LEFT_OUT_WORDS, REASON_WORDS
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

STATES: Mapping[RunState, LazyString] = {code: _l(words) for code, words in STATE_WORDS.items()}

CLASSES: Mapping[StepClass, LazyString] = {code: _l(words) for code, words in CLASS_WORDS.items()}

WHY: Mapping[Why, LazyString] = {code: _l(words) for code, words in WHY_WORDS.items()}

MISMATCHES: Mapping[MismatchKind, LazyString] = {code: _l(words) for code, words in MISMATCH_WORDS.items()}
"""The four are written in ``applying.words``, whose words the command line uses too."""


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
