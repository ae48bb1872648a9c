"""Hosted Canvas's environments: one issuer for all institutions of each, and a sign-in host of its own.

Production, beta and test are three issuers, hence three registrations, even where beta and test are copies of
production and the ids of keys are the same there (instructure/canvas-lms, doc/api/lti_dev_key_config.md).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from lti_tool.lti.registration import origin_of

SIGN_IN: Final = MappingProxyType(
    {
        "https://canvas.instructure.com": "https://sso.canvaslms.com",
        "https://canvas.beta.instructure.com": "https://sso.beta.canvaslms.com",
        "https://canvas.test.instructure.com": "https://sso.test.canvaslms.com",
    }
)
"""Issuer, and where launches are authorised. Platform storage works with these hosts only, not with the
issuer's own older address."""
AUTHORISATION_PATH = "/api/lti/authorize_redirect"
KEY_SET_PATH = "/api/lti/security/jwks"
TOKEN_PATH = "/login/oauth2/token"  # noqa: S105 - an address


def addresses(issuer: str, canvas: str) -> dict[str, str]:
    """The addresses of a hosted Canvas, named as a registration names them; empty for other issuers."""
    sign_in = SIGN_IN.get(issuer)
    if sign_in is None:
        return {}
    return {
        "auth_login_url": sign_in + AUTHORISATION_PATH,
        "key_set_url": sign_in + KEY_SET_PATH,
        "auth_token_url": canvas.rstrip("/") + TOKEN_PATH,
    }


def is_shared(address: str) -> bool:
    """Whether an address belongs to all institutions of a hosted environment, and therefore names none."""
    return origin_of(address) in {*SIGN_IN, *SIGN_IN.values()}


def speaks_for_hosted(address: str, issuer: str) -> bool:
    """Whether what is read at ``address`` is hosted Canvas speaking of one of its institutions."""
    return issuer in SIGN_IN and origin_of(address) in (issuer, SIGN_IN[issuer])
