"""What an answer of Canvas means: the only place that reads statuses.

Judged by status, ``WWW-Authenticate``, ``Content-Type`` and the shape of the body. Texts are translated by
Canvas into the user's language, so only two are looked at: the throttle's (plain text from the middleware,
never translated) and, when the header is missing, the token messages (raised before a language is known).

==========================================  ==========  ===============
answer                                      outcome     why
==========================================  ==========  ===============
200, 201 with JSON                          ok          none
401 with WWW-Authenticate                   not done    access_lost (and the token is to be renewed once)
401 with ``status: unauthorized``, 403      permanent   not_permitted
401 otherwise                               permanent   scope_missing
429; 403 with the throttle's text           not done    throttled
404                                         permanent   not_found
400, 409, 422                               permanent   refused
5xx                                         unknown     server_error
anything else, or not JSON                  unknown     broken_answer
==========================================  ==========  ===============
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from allocation.sentences import N_, sentence
from lti_tool.applying.answers import Answer, Outcome, Why
from lti_tool.canvas.errors import (
    AccessLost,
    BrokenAnswer,
    CanvasError,
    CanvasUnavailable,
    NotFound,
    NotPermitted,
    Refused,
    ScopeMissing,
    Throttled,
)
from lti_tool.canvas.records import PeerReviewRecord
from lti_tool.canvas.transport import OversizedBody, SendFailed, WireAnswer, WireRequest
from lti_tool.planning.ids import SubmissionId, UserId

THROTTLE_MARK = b"Rate Limit Exceeded"
TOKEN_MESSAGES = ("Invalid access token", "Expired access token", "Revoked access token")


@dataclass(frozen=True, slots=True)
class Verdict:
    """The meaning of one answer, or of the lack of one, before its content is looked at."""

    outcome: Outcome
    why: Why
    document: Any = field(default=None, repr=False)
    """The parsed JSON, on OK."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of one request: a complete answer or a failure to get one, and its meaning."""

    got: WireAnswer | SendFailed
    verdict: Verdict

    @property
    def status(self) -> int | None:
        """The status, when there was an answer."""
        return self.got.status if isinstance(self.got, WireAnswer) else None

    @property
    def request_id(self) -> str | None:
        """Canvas's id of the request, when there was an answer."""
        return self.got.request_id if isinstance(self.got, WireAnswer) else None


def hear(got: WireAnswer | SendFailed) -> Heard:
    """Judge once what came of a request."""
    return Heard(got, judge_failure(got) if isinstance(got, SendFailed) else judge(got))


def judge(answer: WireAnswer) -> Verdict:
    """Judge one complete answer. Total: every answer gets a verdict."""
    status = answer.status
    if status == 429 or (status == 403 and _is_throttle(answer)):
        # A refused request may carry a positive X-Rate-Limit-Remaining; the number proves nothing.
        return Verdict(Outcome.NOT_DONE, Why.THROTTLED)
    if status >= 500:
        return Verdict(Outcome.UNKNOWN, Why.SERVER_ERROR)
    document = _document(answer)
    if document is _NOT_JSON:
        if status == 401 and _is_bearer_challenge(answer):
            return Verdict(Outcome.NOT_DONE, Why.ACCESS_LOST)
        return Verdict(Outcome.UNKNOWN, Why.BROKEN_ANSWER)
    if status in (200, 201):
        return Verdict(Outcome.OK, Why.NONE, document)
    if status == 401:
        return _judge_401(answer, document)
    why = {403: Why.NOT_PERMITTED, 404: Why.NOT_FOUND, 400: Why.REFUSED, 409: Why.REFUSED, 422: Why.REFUSED}
    if status in why:
        return Verdict(Outcome.PERMANENT, why[status])
    return Verdict(Outcome.UNKNOWN, Why.BROKEN_ANSWER)


def judge_failure(failure: SendFailed) -> Verdict:
    """Judge the lack of a complete answer."""
    if not failure.bytes_left:
        return Verdict(Outcome.NOT_DONE, Why.UNREACHABLE)
    return Verdict(
        Outcome.UNKNOWN, Why.BROKEN_ANSWER if isinstance(failure, OversizedBody) else Why.NO_ANSWER
    )


def write_answer(
    heard: Heard, *, submission: SubmissionId, author: UserId, reviewer: UserId, scope: str = ""
) -> Answer:
    """Classify the answer to the create or delete of one peer review; ``scope`` is what the call needs.

    A success must name exactly the pair that was asked for. The path takes the submission's id where all
    other submission routes take the user's; a mix-up that hits an existing row is a wrong pair with
    status 200 (canvas-lms PeerReviewsApiController).
    """
    verdict = heard.verdict
    if verdict.outcome is not Outcome.OK:
        note = str(heard.got) if isinstance(heard.got, SendFailed) else ""
        lacking = scope if verdict.why is Why.SCOPE_MISSING else ""
        return Answer(verdict.outcome, verdict.why, None, heard.status, heard.request_id, note, lacking)
    try:
        record = PeerReviewRecord.model_validate(verdict.document)
    except ValidationError:
        outcome, why, note = Outcome.UNKNOWN, Why.BROKEN_ANSWER, N_("a success without a peer review in it")
        return Answer(outcome, why, None, heard.status, heard.request_id, note)
    if record.pair != (submission, author, reviewer):
        note = N_("Canvas answered for other ids than asked")
        return Answer(Outcome.UNKNOWN, Why.WRONG_IDS, None, heard.status, heard.request_id, note)
    return Answer(Outcome.OK, Why.NONE, record.review(), heard.status, heard.request_id)


def read_error(request: WireRequest, heard: Heard) -> CanvasError:
    """The error that says what a read that is not OK means."""
    why, status, request_id = heard.verdict.why, heard.status, heard.request_id
    if isinstance(heard.got, SendFailed):
        what = sentence(
            "Canvas did not answer %(request)s: %(how)s.", request=str(request), how=str(heard.got)
        )
    else:
        what = sentence(
            "Canvas answered %(request)s with status %(status)s.", request=str(request), status=str(status)
        )
    if why is Why.SCOPE_MISSING:
        return ScopeMissing(what, scope=request.scope, status=status, request_id=request_id)
    if why in (Why.SERVER_ERROR, Why.UNREACHABLE, Why.NO_ANSWER):
        return CanvasUnavailable(what, why=why, status=status, request_id=request_id)
    kinds: dict[Why, type[CanvasError]] = {
        Why.THROTTLED: Throttled,
        Why.ACCESS_LOST: AccessLost,
        Why.NOT_PERMITTED: NotPermitted,
        Why.NOT_FOUND: NotFound,
        Why.REFUSED: Refused,
    }
    return kinds.get(why, BrokenAnswer)(what, status=status, request_id=request_id)


def worth_repeating(heard: Heard) -> bool:
    """Whether the same read can have a better answer a moment later."""
    if isinstance(heard.got, OversizedBody) or 300 <= (heard.status or 0) < 400:
        return False
    return heard.verdict.why in _PASSING


_PASSING = (Why.THROTTLED, Why.UNREACHABLE, Why.SERVER_ERROR, Why.NO_ANSWER, Why.BROKEN_ANSWER)

_NOT_JSON = object()


def _document(answer: WireAnswer) -> Any:
    if not answer.is_json:
        return _NOT_JSON
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError):  # not JSON, not UTF-8, or nested to kill the parser
        return _NOT_JSON


def _is_throttle(answer: WireAnswer) -> bool:
    """403 of the throttle: its words, or its plain text; HTML is a firewall's and means something else."""
    kind = answer.headers.get("content-type", "").lower()
    return not answer.is_json and (THROTTLE_MARK in answer.body or kind.startswith("text/plain"))


def _is_bearer_challenge(answer: WireAnswer) -> bool:
    return "www-authenticate" in answer.headers


def _judge_401(answer: WireAnswer, document: Any) -> Verdict:
    status_word = document.get("status") if isinstance(document, dict) else None
    if _is_bearer_challenge(answer) or status_word == "unauthenticated":
        return Verdict(Outcome.NOT_DONE, Why.ACCESS_LOST)
    if any(message.startswith(TOKEN_MESSAGES) for message in error_messages(document)):
        return Verdict(Outcome.NOT_DONE, Why.ACCESS_LOST)
    if status_word is not None:
        return Verdict(Outcome.PERMANENT, Why.NOT_PERMITTED)
    return Verdict(Outcome.PERMANENT, Why.SCOPE_MISSING)


def error_messages(document: Any) -> list[str]:
    """The texts of Canvas's ``errors``: a list of objects, an object of lists, of strings, or a string."""
    errors = document.get("errors", []) if isinstance(document, dict) else document
    found: list[str] = []
    pending = deque([errors])
    while pending:
        item = pending.popleft()
        if isinstance(item, str):
            found.append(item)
        elif isinstance(item, list):
            pending.extend(item)
        elif isinstance(item, dict):
            pending.extend([item["message"]] if "message" in item else item.values())
    return found
