"""Why an exchange failed, in words for the person who set the address up; never a text of the answer."""

from __future__ import annotations

import requests
import urllib3

from lti_tool.outgoing.connections import refusal_in
from lti_tool.outgoing.deadline import DeadlinePassed

_WORDS: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    ((requests.exceptions.SSLError, urllib3.exceptions.SSLError), "its certificate isn't valid"),
    ((requests.TooManyRedirects,), "it answered with a redirect"),
    (
        (DeadlinePassed, requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError),
        "no complete answer in time",
    ),
    ((requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema), "it isn't a web address"),
    (
        (urllib3.exceptions.NewConnectionError, ConnectionRefusedError),
        "no server answers at this address",
    ),
)


def reason_of(error: BaseException) -> str:
    """Half a sentence: what happened to the exchange that raised this."""
    refused = refusal_in(error)
    if refused is not None:
        return refused.explanation
    causes: list[BaseException] = []
    at: BaseException | None = error
    while at is not None and at not in causes:
        causes.append(at)
        causes.extend(one for one in (*at.args, getattr(at, "reason", None)) if isinstance(one, Exception))
        at = at.__cause__ or at.__context__
    for kinds, words in _WORDS:
        if any(isinstance(one, kinds) for one in causes):
            return words
    return "the connection broke off before the answer was complete"
