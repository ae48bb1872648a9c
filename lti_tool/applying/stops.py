"""Why a run stops, by the cause that an answer or a failed reading named; pure."""

from __future__ import annotations

from allocation.sentences import N_, Sentence, sentence
from lti_tool.applying.answers import Why
from lti_tool.applying.records import Stop
from lti_tool.applying.states import RunState


class Stopped(Exception):
    """The run cannot go on as it is; ``stop`` says where it goes."""

    def __init__(self, stop: Stop) -> None:
        super().__init__(stop.words)
        self.stop = stop


_STOPS: dict[Why, tuple[RunState, str]] = {
    Why.ACCESS_LOST: (
        RunState.PAUSED_AUTH,
        N_("The access to Canvas was withdrawn. Connect to Canvas again to go on; nothing is lost."),
    ),
    Why.SCOPE_MISSING: (
        RunState.PAUSED_PERMISSION,
        N_("Canvas refuses these changes because the tool's API developer key lacks a scope that they need."),
    ),
    Why.NOT_PERMITTED: (
        RunState.PAUSED_PERMISSION,
        N_(
            "Canvas refuses these changes: you may no longer be allowed to grade in this course. Ask the "
            "administrator, then continue."
        ),
    ),
    Why.NOT_FOUND: (
        RunState.NEEDS_REVIEW,
        N_("The assignment no longer exists in Canvas, or you may not see it any more."),
    ),
    Why.INCOMPLETE_LIST: (
        RunState.PAUSED_CANVAS,
        N_("Canvas did not give a complete list of the class."),
    ),
}


_SCOPE_LACKING = N_(
    "Canvas refuses these changes because the tool's API developer key lacks the scope %(scope)s."
)


def scope_lacking(words: str) -> str:
    """The scope that the words of a stopped run (``Sentence.packed``) name; empty where they name none."""
    said = Sentence.unpacked(words)
    return str(said.values["scope"]) if said.template == _SCOPE_LACKING else ""


def stop_for(why: Why, note: str, *, retry_in: float | None = None, scope: str = "") -> Stop:
    """The stop that follows from ``why``; a Canvas that does not answer is a pause with ``retry_in``.

    ``scope`` is the one that is missing, where that is why.
    """
    state, words = _STOPS.get(why, (RunState.PAUSED_CANVAS, N_("Canvas does not answer properly.")))
    said = sentence(_SCOPE_LACKING, scope=scope) if scope else sentence(words)
    if note:
        said = sentence("%(words)s (%(note)s)", words=said, note=Sentence.unpacked(note))
    return Stop(state, why, said.packed(), retry_in)
