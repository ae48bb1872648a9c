"""Requests that leave this machine: to which addresses they may go, and how little an answer may cost.

Everything that the tool fetches goes through here: key sets, platform configurations, Canvas's API and token
endpoint. Knows neither LTI nor Canvas, and follows no redirect.
"""

from lti_tool.outgoing.bounds import USER_AGENT, AnswerTooLarge, Bounds, bound, read_body
from lti_tool.outgoing.connections import (
    AddressRefused,
    GuardedAdapter,
    GuardedHTTPConnection,
    GuardedHTTPSConnection,
    refusal_in,
)
from lti_tool.outgoing.deadline import DeadlinePassed, within
from lti_tool.outgoing.documents import DocumentUnavailable, exchange_json
from lti_tool.outgoing.reach import LOOPBACK, PUBLIC, Reach
from lti_tool.outgoing.reasons import reason_of

__all__ = [
    "LOOPBACK",
    "PUBLIC",
    "USER_AGENT",
    "AddressRefused",
    "AnswerTooLarge",
    "Bounds",
    "DeadlinePassed",
    "DocumentUnavailable",
    "GuardedAdapter",
    "GuardedHTTPConnection",
    "GuardedHTTPSConnection",
    "Reach",
    "bound",
    "exchange_json",
    "read_body",
    "reason_of",
    "refusal_in",
    "within",
]
