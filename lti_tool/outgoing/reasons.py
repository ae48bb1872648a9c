"""Why an exchange failed, in words for the person who set the address up; never a text of the answer."""

from __future__ import annotations

import requests
import urllib3

from lti_tool.outgoing.connections import refusal_in
from lti_tool.outgoing.deadline import DeadlinePassed

_WORDS: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    ((requests.exceptions.SSLError, urllib3.exceptions.SSLError), "its certificate isn't valid"),
    ((requests.TooManyRedirects,), "it answered with a redirect"),
    ((requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema), "it isn't a web address"),
    ((ConnectionRefusedError,), "no server answers at this address"),
    ((urllib3.exceptions.NewConnectionError,), "no connection to it"),  # to urllib3 a kind of timeout
    (
        (DeadlinePassed, requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError),
        "no complete answer in time",
    ),
)


def reason_of(error: BaseException) -> str:
    """Half a sentence: what happened to the exchange that raised this."""
    refused = refusal_in(error)
    if refused is not None:
        return refused.explanation
    causes = [error]
    for one in causes:  # grows meanwhile: libraries wrap errors in three ways
        inner = (one.__cause__, one.__context__, getattr(one, "reason", None), *one.args)
        causes += [found for found in inner if isinstance(found, BaseException) and found not in causes]
    for kinds, words in _WORDS:
        if any(isinstance(one, kinds) for one in causes):
            return words
    return "the connection broke off before the answer was complete"
