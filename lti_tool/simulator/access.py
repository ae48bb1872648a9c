"""Who may call: developer keys, the grants (tokens) made for them, and the log of requests received."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal


@dataclass(frozen=True, slots=True)
class Deployment:
    """An installation of an LTI key; `course_id` None is the whole account."""

    id: str
    course_id: str | None = None


@dataclass(slots=True)
class DeveloperKey:
    """A developer key. An LTI key launches, an API key gets OAuth tokens; a tool has one of each.

    `scopes` are `url:VERB|/api/v1/path` strings, enforced only with `require_scopes`; without
    `allow_includes` enforced scopes also strip every `include[]` (canvas-lms lib/authentication_methods.rb).
    """

    client_id: str
    secret: str
    name: str
    kind: Literal["api", "lti"]
    redirect_uris: list[str] = field(default_factory=list)
    scopes: list[str] = field(default_factory=list)
    require_scopes: bool = False
    allow_includes: bool = False
    enabled: bool = True
    oidc_initiation_url: str = ""
    target_link_uri: str = ""
    public_jwk_url: str = ""
    public_jwk: dict[str, str] | None = None
    custom_fields: dict[str, str] = field(default_factory=dict)
    deployments: list[Deployment] = field(default_factory=list)
    privacy_level: str = "public"
    label: str = ""
    """The words in the course navigation, where they are not the key's name."""


@dataclass(slots=True)
class AccessGrant:
    """One row of Canvas's access tokens: a refresh replaces `token` in the same row, so the old one dies.

    A personal access token (made by a user in the settings) has no key, no refresh token and no expiry.
    """

    id: str
    token: str
    user_id: str
    created_at: datetime
    client_id: str | None = None
    refresh_token: str | None = None
    expires_at: datetime | None = None
    scopes: tuple[str, ...] = ()
    purpose: str = ""
    revoked: bool = False
    last_used_at: datetime | None = None


class TokenStanding(StrEnum):
    """What Canvas makes of a bearer token."""

    GOOD = "good"
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    REVOKED = "revoked"
    KEY_DISABLED = "key disabled"


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """One request as Canvas saw it. `status` is None when the connection was dropped without an answer."""

    request_id: str
    at: datetime
    method: str
    path: str
    query: str
    status: int | None
    user_id: str | None
    client_id: str | None
    cost: float | None
    remaining: float | None
    throttled: bool = False
    executed: bool = True
    fault: str | None = None
    form: tuple[tuple[str, str], ...] = ()

    @property
    def is_write(self) -> bool:
        """Whether the method can change something."""
        return self.method not in ("GET", "HEAD", "OPTIONS")
