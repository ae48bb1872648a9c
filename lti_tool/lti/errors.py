"""Launches that are refused: each with what happened, what it means, and what to do."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from enum import StrEnum

LONGEST_SHOWN = 255


class Refusal(StrEnum):
    """Why a launch was refused; pages and logs name it."""

    NOT_A_LAUNCH = "not_a_launch"
    UNKNOWN_PLATFORM = "unknown_platform"
    PLATFORM_ERROR = "platform_error"
    LOGIN_ENDED = "login_ended"
    SWITCHED_OFF = "switched_off"
    LAUNCH_OVER = "launch_over"
    TOKEN_REFUSED = "token_refused"  # noqa: S105 - a word, no token
    KEYS_UNREACHABLE = "keys_unreachable"
    UNKNOWN_DEPLOYMENT = "unknown_deployment"
    CLAIMS_REFUSED = "claims_refused"
    OTHER_CANVAS = "other_canvas"
    NOT_FROM_A_COURSE = "not_from_a_course"
    CONTRADICTED = "contradicted"
    BROWSER_NOT_PROVEN = "browser_not_proven"


@dataclass(eq=False)
class LaunchRefused(Exception):
    """A login or launch that cannot go on.

    ``detail`` is for the log: it never holds a token or a person's data. ``reference`` is on the page and
    in the log.
    """

    refusal: Refusal
    detail: str
    reference: str = field(default_factory=lambda: secrets.token_hex(4))
    platform_origins: tuple[str, ...] | None = None
    """Where the platform's pages are, if it was known by then whose launch it is."""
    issuer: str = ""
    client_id: str = ""
    deployment_id: str = ""
    """What the platform said of itself, as far as it got: page and log name what may be missing."""

    def of(self, issuer: str = "", client_id: str = "", deployment_id: str = "") -> LaunchRefused:
        """The same refusal with what is known of the platform, shortened."""
        self.issuer = self.issuer or issuer[:LONGEST_SHOWN]
        self.client_id = self.client_id or client_id[:LONGEST_SHOWN]
        self.deployment_id = self.deployment_id or deployment_id[:LONGEST_SHOWN]
        return self

    def __str__(self) -> str:
        return f"{self.refusal.value}: {self.detail} (reference {self.reference})"
