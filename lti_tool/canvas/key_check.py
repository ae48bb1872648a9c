"""What Canvas thinks of an API developer key, found out without anybody's consent.

Canvas judges an authorisation request before it asks who is there: an unknown client and a foreign redirect
address are answered in place, missing scopes and a key that is off by a redirect with an error. With
``prompt=none`` and no session a good request ends in ``login_required``. The token endpoint looks at the
secret before it looks at the code (canvas-lms oauth2_provider_controller, lib/canvas/oauth/provider).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from lti_tool.canvas.oauth import AUTHORISE_PATH, TOKEN_PATH, OAuthKey
from lti_tool.canvas.transport import Limits, SendFailed, Transport, WireAnswer, WireRequest

LIMITS = Limits(read_timeout_s=10.0, total_timeout_s=15.0, body_bytes=1024 * 1024)


class KeyTrouble(StrEnum):
    """What is wrong with a key, in the order in which Canvas finds it."""

    UNREACHABLE = "unreachable"
    UNKNOWN = "unknown"
    REDIRECT = "redirect"
    SWITCHED_OFF = "switched_off"
    SCOPES = "scopes"
    SECRET = "secret"  # noqa: S105 - a word, no secret


@dataclass(frozen=True, slots=True)
class KeyCheck:
    """``trouble`` None: the key is as it should be. ``scopes``: those that Canvas names as refused."""

    trouble: KeyTrouble | None
    scopes: tuple[str, ...] = ()


def check_key(
    transport: Transport, key: OAuthKey, redirect_uri: str, *, with_secret: bool = True
) -> KeyCheck:
    """Ask Canvas about id, redirect address and scopes, and about the secret if wanted.

    The latter costs a third of what Canvas allows this machine at once, which renewals of teachers' tokens
    need too: not for a page that is loaded again and again.
    """
    try:
        found = _judge_consent(transport.send(_consent(key, redirect_uri), limits=LIMITS), key)
        if found.trouble is not None or not with_secret:
            return found
        return _judge_secret(transport.send(_exchange(key, redirect_uri), limits=LIMITS))
    except SendFailed:
        return KeyCheck(KeyTrouble.UNREACHABLE)


def _consent(key: OAuthKey, redirect_uri: str) -> WireRequest:
    query = {
        "client_id": key.client_id,
        "response_type": "code",
        "redirect_uri": redirect_uri,
        "scope": " ".join(key.scopes),
        "state": "key-check",
        "prompt": "none",
    }
    return WireRequest("GET", AUTHORISE_PATH, query=tuple(query.items()))


def _judge_consent(answer: WireAnswer, key: OAuthKey) -> KeyCheck:
    if answer.status == 401:
        return KeyCheck(KeyTrouble.UNKNOWN)
    if answer.status == 400:
        return KeyCheck(KeyTrouble.REDIRECT)
    if answer.status >= 500 or answer.status in (403, 429):
        return KeyCheck(KeyTrouble.UNREACHABLE)
    said = dict(parse_qsl(urlsplit(answer.headers.get("location", "")).query))
    if said.get("error") == "unauthorized_client":
        return KeyCheck(KeyTrouble.SWITCHED_OFF)
    if said.get("error") == "invalid_scope":
        refused = set(said.get("error_description", "").replace(",", " ").split())
        return KeyCheck(KeyTrouble.SCOPES, tuple(scope for scope in key.scopes if scope in refused))
    return KeyCheck(None)  # login_required, or the sign-in page of a Canvas that does not know ``prompt``


def _exchange(key: OAuthKey, redirect_uri: str) -> WireRequest:
    form = {
        "grant_type": "authorization_code",
        "client_id": key.client_id,
        "client_secret": key.client_secret,
        "redirect_uri": redirect_uri,
        "code": "key-check",
    }
    return WireRequest("POST", TOKEN_PATH, form=tuple(form.items()))


def _judge_secret(answer: WireAnswer) -> KeyCheck:
    """A code that nobody issued is refused with 400, a wrong secret before that with 401."""
    error = _error(answer)
    if answer.status == 401 or error in ("invalid_client", "unauthorized_client"):
        return KeyCheck(KeyTrouble.SECRET)
    if answer.status >= 500 or answer.status in (403, 429):
        return KeyCheck(KeyTrouble.UNREACHABLE)
    return KeyCheck(None)


def _error(answer: WireAnswer) -> str:
    try:
        said: Any = json.loads(answer.body)
    except ValueError:
        return ""
    return str(said.get("error", "")) if isinstance(said, dict) else ""
