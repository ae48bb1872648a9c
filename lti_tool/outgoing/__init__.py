"""Requests that leave this machine: to which addresses they may go, and how little an answer may cost.

Everything that the tool fetches goes through here: key sets, platform configurations, Canvas's API and token
endpoint. Knows neither LTI nor Canvas, and follows no redirect.
"""

from lti_tool.outgoing.connections import (
    AddressRefused,
    GuardedAdapter,
    GuardedHTTPConnection,
    GuardedHTTPSConnection,
    refusal_in,
)
from lti_tool.outgoing.documents import DocumentUnavailable, exchange_json
from lti_tool.outgoing.reach import LOOPBACK, PUBLIC, Reach

__all__ = [
    "LOOPBACK",
    "PUBLIC",
    "AddressRefused",
    "DocumentUnavailable",
    "GuardedAdapter",
    "GuardedHTTPConnection",
    "GuardedHTTPSConnection",
    "Reach",
    "exchange_json",
    "refusal_in",
]
