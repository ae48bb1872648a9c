"""Assignment and Grade Services 2.0: names, what a launch says of them, what can come of a call.

A course navigation launch names the list of line items of its course and the scopes of the key, no line item
(instructure/canvas-lms, lib/lti/messages/jwt_message.rb). The calls are in ``grade_service``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlsplit

from lti_tool.lti.environments import SIGN_IN
from lti_tool.lti.registration import Registration, origin_of

GRADE_CLAIM: Final = "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"
LINE_ITEM: Final = "https://purl.imsglobal.org/spec/lti-ags/scope/lineitem"
SCORE: Final = "https://purl.imsglobal.org/spec/lti-ags/scope/score"
RESULT: Final = "https://purl.imsglobal.org/spec/lti-ags/scope/result.readonly"
GRADE_SCOPES: Final = (LINE_ITEM, RESULT, SCORE)
"""Make a column, read what it holds, put points into it; nothing else is asked for."""
HOSTED_DOMAIN: Final = ".instructure.com"
LONGEST_ADDRESS: Final = 1000


@dataclass(frozen=True, slots=True)
class GradeClaim:
    """Where the columns of a course are, and what the key may do there."""

    lineitems: str
    scopes: tuple[str, ...]

    @property
    def can_post(self) -> bool:
        """Whether a column can be made and filled."""
        return LINE_ITEM in self.scopes and SCORE in self.scopes


def grade_claim(claims: Mapping[str, Any], registration: Registration) -> GradeClaim | None:
    """What a checked launch says of the services; None when it offers none that may be spoken to."""
    found = claims.get(GRADE_CLAIM)
    if not isinstance(found, Mapping):
        return None
    address, scopes = found.get("lineitems"), found.get("scope")
    if not isinstance(address, str) or not isinstance(scopes, list) or len(address) > LONGEST_ADDRESS:
        return None
    if not is_service_address(address, registration):
        return None
    granted = tuple(scope for scope in GRADE_SCOPES if scope in scopes)
    return GradeClaim(address, granted) if granted else None


def is_service_address(address: str, registration: Registration) -> bool:
    """Whether an address of a service may be one of this Canvas.

    Hosted Canvas names the account's own domain there, which may be another one than the course was opened
    under (``root_account.environment_specific_domain``).
    """
    try:
        origin = origin_of(address)
    except ValueError:
        return False
    if origin in registration.platform_origins:
        return True
    parts = urlsplit(address)
    hosted = registration.issuer in SIGN_IN and parts.scheme == "https"
    return hosted and (parts.hostname or "").endswith(HOSTED_DOMAIN)


class Failure(StrEnum):
    """Why a call did not do what it should."""

    NO_ANSWER = "no_answer"
    """None, or one that is not Canvas's. A score can be sent again: it says how much, not how much more."""
    THROTTLED = "throttled"
    NOT_ALLOWED = "not_allowed"
    """The key is off, lacks a scope, or the tool is not installed in this course."""
    GONE = "gone"
    """The column was deleted, or the course has ended."""
    REFUSED = "refused"
    """This one score: mostly somebody who is no active student any more."""


class GradeServiceFailed(Exception):
    """A call came to nothing; ``remaining`` is what Canvas says is left of the tool's bucket."""

    def __init__(
        self, why: Failure, detail: str, *, status: int | None = None, remaining: float | None = None
    ) -> None:
        super().__init__(f"{why}: {detail}")
        self.why = why
        self.status = status
        self.remaining = remaining


@dataclass(frozen=True, slots=True)
class Column:
    """A line item: a column of the gradebook. ``address`` is its identity in the services."""

    address: str
    label: str
    maximum: float

    @property
    def id(self) -> str:
        """The last part of the address, which stays where the host's name changes."""
        return last_part(self.address)


@dataclass(frozen=True, slots=True)
class Held:
    """What a column holds for one student, out of ``maximum``."""

    score: float | None
    maximum: float


@dataclass(frozen=True, slots=True)
class Posted:
    """A score that Canvas took; ``result_id`` names the student's result in the column."""

    result_id: str
    remaining: float | None


def last_part(address: str) -> str:
    """The last segment of an address's path."""
    return urlsplit(address).path.rstrip("/").rpartition("/")[2]
