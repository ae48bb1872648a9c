"""Checks an id_token as the IMS security framework 1.0 (section 5.1.3) and OpenID Connect ask."""

from __future__ import annotations

import time
from typing import Any

import jwt

from lti_tool.lti.errors import LaunchRefused, Refusal
from lti_tool.lti.key_sets import KeySets, KeysUnavailable
from lti_tool.lti.registration import Registration

LEEWAY_S = 30
OLDEST_S = 3600
"""An id_token made longer ago than this is refused, however far its end."""
LONGEST_TOKEN = 64 * 1024


def check_id_token(token: str, registration: Registration, key_sets: KeySets) -> dict[str, Any]:
    """The claims of a token that this registration's platform signed for us, now.

    The nonce is the caller's to compare.

    Raises:
        LaunchRefused: anything is wrong; the detail names it without showing the token.
    """
    if len(token) > LONGEST_TOKEN:
        raise _refused("the token is too long")
    try:
        header = jwt.get_unverified_header(token)
    except jwt.InvalidTokenError:
        raise _refused("not a signed token") from None
    kid = header.get("kid")
    if header.get("alg") != "RS256":
        raise _refused(f"signed by {str(header.get('alg'))[:20]!r} instead of RS256")
    if not isinstance(kid, str) or not kid:
        raise _refused("no key id")
    try:
        key = key_sets.find(registration.key_set_url, kid)
    except KeysUnavailable as error:
        raise LaunchRefused(Refusal.KEYS_UNREACHABLE, str(error)) from error
    if key is None:
        raise _refused("signed with a key that the platform does not publish")
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=["RS256"],
            audience=registration.client_id,
            issuer=registration.issuer,
            leeway=LEEWAY_S,
            options={"require": ["exp", "iat", "iss", "aud", "nonce"]},
        )
    except jwt.InvalidTokenError as error:
        raise _refused(f"{type(error).__name__}: {error}"[:200]) from None
    _check_audience(claims, registration.client_id)
    for name in ("exp", "iat"):  # the library also takes numbers that are written as text
        if isinstance(claims[name], bool) or not isinstance(claims[name], int | float):
            raise _refused(f"{name} is no number")
    if claims["iat"] < time.time() - OLDEST_S - LEEWAY_S:
        raise _refused("made too long ago")
    if not isinstance(claims["nonce"], str):
        raise _refused("the nonce is no text")
    return claims


def _check_audience(claims: dict[str, Any], client_id: str) -> None:
    """Nobody but us may be an audience: another party could replay the token at our door."""
    audiences = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    if audiences != [client_id]:
        raise _refused("made for others too")
    if claims.get("azp", client_id) != client_id:
        raise _refused("azp is another party")


def _refused(detail: str) -> LaunchRefused:
    return LaunchRefused(Refusal.TOKEN_REFUSED, detail)
