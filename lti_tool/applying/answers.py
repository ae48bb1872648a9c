"""What an answer of Canvas means for a step, whatever status it came with.

The four outcomes carry the whole fault matrix (docs/writer.md): a step is finished, provably not done,
possibly done, or will never be done. ``lti_tool.canvas.answers`` is the only place that reads statuses.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from allocation.sentences import Sentence, sentence
from lti_tool.planning.snapshot import Review


class Outcome(StrEnum):
    """What is known about one write after its answer, or after the lack of one."""

    OK = "ok"
    """Canvas did what was asked; for a create the ids in its answer are those that were asked for."""
    NOT_DONE = "not_done"
    """Provably not executed; may be sent again as it is."""
    UNKNOWN = "unknown"
    """Bytes left, no valid answer came: settle by reading, never by sending again."""
    PERMANENT = "permanent"
    """Canvas will not do this however often it is asked."""


class Why(StrEnum):
    """The cause behind an outcome that is not OK, or behind a read that failed."""

    NONE = "none"
    THROTTLED = "throttled"
    UNREACHABLE = "unreachable"
    """Connection refused, DNS, TLS, connect timeout: nothing left this machine."""
    ACCESS_LOST = "access_lost"
    """The token is revoked or cannot be refreshed; only the person can mend that."""
    SCOPE_MISSING = "scope_missing"
    NOT_PERMITTED = "not_permitted"
    NOT_FOUND = "not_found"
    REFUSED = "refused"
    """400 or 422: self-review, or nothing to delete."""
    SERVER_ERROR = "server_error"
    NO_ANSWER = "no_answer"
    """Timeout, reset or end of stream after bytes were sent."""
    BROKEN_ANSWER = "broken_answer"
    """HTML, truncated or over-long JSON, a redirect, an unexpected status."""
    WRONG_IDS = "wrong_ids"
    """A success that speaks of another pair than asked: the run must stop."""
    INCOMPLETE_LIST = "incomplete_list"
    """A list that could not be read to its end (Link loop, foreign host, contradicting pages)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The classified answer to one create or delete.

    ``review`` is what Canvas returned on OK; ``request_id`` its X-Request-Context-Id; ``note`` a short
    sentence (``Sentence.packed``) without personal data for the journal and the log; ``scope`` the scope that
    is missing, where that is why.
    """

    outcome: Outcome
    why: Why = Why.NONE
    review: Review | None = None
    status: int | None = None
    request_id: str | None = None
    note: str = ""
    scope: str = ""


class ReadFailed(Exception):
    """A read could not be completed. ``why`` says what the driver may do; the text is for people.

    ``scope`` names the scope that is missing, where that is why.
    """

    def __init__(
        self,
        why: Why,
        words: str | Sentence,
        *,
        status: int | None = None,
        request_id: str | None = None,
        scope: str = "",
    ):
        self.words = sentence(words)
        super().__init__(str(self.words))
        self.why = why
        self.status = status
        self.request_id = request_id
        self.scope = scope
