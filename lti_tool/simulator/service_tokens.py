"""Tokens for LTI services: client credentials with a signed assertion instead of a secret.

After section 6.6 of Canvas's behaviour (`lib/canvas/oauth/grant_types/client_credentials.rb`): RS256, `iss`
and `sub`, `aud` is the token address, `jti` is not checked for replay. The token is a JWT of one hour.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import jwt
import requests

from lti_tool.simulator.access import DeveloperKey
from lti_tool.simulator.oauth import OAuthRefused
from lti_tool.simulator.platform import LtiPlatform

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LIFETIME = 3600
LEEWAY = 60


def grant_service_token(platform: LtiPlatform, form: Mapping[str, str]) -> dict[str, Any]:
    """The answer to a client credentials request.

    Raises:
        OAuthRefused: assertion missing, not verifiable or not ours; scopes that the key does not have.
    """
    if form.get("client_assertion_type") != ASSERTION_TYPE or not form.get("client_assertion"):
        raise OAuthRefused(400, "invalid_request", "assertion method not supported for this grant_type")
    key = _verified_key(platform, form["client_assertion"])
    wanted = form.get("scope", "").split()
    if not wanted or any(scope not in key.scopes for scope in wanted):
        raise OAuthRefused(400, "invalid_scope", "A requested scope is not on the developer key")
    now = int(platform.state.now().timestamp())
    token = platform.keys.sign(
        {
            "iss": platform.issuer,
            "sub": key.client_id,
            "aud": platform.token_url,
            "iat": now,
            "exp": now + LIFETIME,
            "jti": str(uuid.uuid4()),
            "scopes": " ".join(wanted),
        }
    )
    return {"access_token": token, "token_type": "Bearer", "expires_in": LIFETIME, "scope": " ".join(wanted)}


def _verified_key(platform: LtiPlatform, assertion: str) -> DeveloperKey:
    try:
        unverified = jwt.decode(assertion, options={"verify_signature": False})
    except jwt.InvalidTokenError as broken:
        raise OAuthRefused(400, "invalid_request", f"JWS decode error: {broken}") from broken
    key = platform.state.keys.get(str(unverified.get("sub")))
    if key is None or key.kind != "lti" or not key.enabled:
        raise OAuthRefused(401, "invalid_client", "unknown client")
    if not unverified.get("iss"):
        raise OAuthRefused(400, "invalid_request", "the 'iss' is missing")
    try:
        jwt.decode(
            assertion,
            _public_key(key, jwt.get_unverified_header(assertion).get("kid")),
            algorithms=["RS256"],
            audience=platform.token_url,
            leeway=LEEWAY,
            options={"require": ["iat", "exp", "jti"]},
        )
    except jwt.InvalidTokenError as broken:
        raise OAuthRefused(400, "invalid_request", f"JWS verification failure: {broken}") from broken
    return key


def _public_key(key: DeveloperKey, kid: str | None) -> jwt.PyJWK:
    """The tool's public key: from the developer key itself, or read from the tool's key set address."""
    if key.public_jwk is not None:
        return jwt.PyJWK.from_dict(dict(key.public_jwk), algorithm="RS256")
    try:
        published = requests.get(key.public_jwk_url, timeout=5).json()["keys"]
    except (requests.RequestException, ValueError, KeyError, TypeError) as broken:
        raise OAuthRefused(400, "invalid_request", "the tool's key set could not be read") from broken
    for jwk in published:
        if jwk.get("kid") == kid:
            return jwt.PyJWK.from_dict(jwk, algorithm="RS256")
    raise OAuthRefused(400, "invalid_request", "the tool's key set has no key with this kid")
