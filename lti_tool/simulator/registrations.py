"""Dynamic registration, the platform's half: token, configuration, the tool's registration, the review.

After `doc/api/registration.md` and `app/controllers/security_controller.rb` of canvas-lms. An administrator
enters the tool's address; Canvas opens it in a frame with two parameters. The tool reads the configuration
and posts its registration, both with the registration token as bearer. A key comes into being that is off and
installed nowhere, until the administrator has reviewed it. No Flask in here; `pages.developer_keys` holds the
routes.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import jwt

from lti_tool.simulator.access import Deployment, DeveloperKey
from lti_tool.simulator.grade_scopes import GRADE_SCOPES
from lti_tool.simulator.platform import LtiPlatform
from lti_tool.simulator.records import User

TOKEN_LIFETIME = timedelta(hours=1)
CONFIGURATION_PATH = "/api/lti/security/openid-configuration"
REGISTRATION_PATH = "/api/lti/registrations"
TOOL = "https://purl.imsglobal.org/spec/lti-tool-configuration"
PLATFORM = "https://purl.imsglobal.org/spec/lti-platform-configuration"
CANVAS = "https://canvas.instructure.com/lti/"
ACCOUNT_NAME = "Simulated University"
PLACEMENTS = ("account_navigation", "assignment_selection", "course_navigation", "link_selection")
PRIVACY_LEVELS = ("public", "name_only", "email_only", "anonymous")
LTI_SCOPES = (*GRADE_SCOPES, "https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly")
VISIBILITIES = ("admins", "members", "public")
FIXED = {
    "application_type": "web",
    "response_types": ["id_token"],
    "grant_types": ["client_credentials", "implicit"],
    "token_endpoint_auth_method": "private_key_jwt",
}


class BadToken(Exception):
    """The registration token is missing, changed, over, or spent."""


class BadRegistration(Exception):
    """What the tool posted is no registration; the arguments are the mistakes."""


@dataclass(slots=True)
class ToolRegistrations:
    """Registrations that administrators of one install have begun, by the id in their token."""

    platform: LtiPlatform
    _secret: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    _made: dict[str, str | None] = field(default_factory=dict)
    """Client id by registration; None until the tool has registered."""

    def begin(self, tool_url: str, administrator: User) -> tuple[str, str]:
        """The address for the frame, and the id of this registration."""
        identity = secrets.token_hex(8)
        with self.platform.state.lock:
            self._made[identity] = None
        now = self.platform.state.clock.now()
        claims = {
            "id": identity,
            "user_id": administrator.id,
            "exp": int((now + TOKEN_LIFETIME).timestamp()),
        }
        added = {
            "openid_configuration": self.platform.api_base_url + CONFIGURATION_PATH,
            "registration_token": jwt.encode(claims, self._secret, algorithm="HS256"),
        }
        parts = urlsplit(tool_url)
        query = dict(parse_qsl(parts.query, keep_blank_values=True)) | added
        return urlunsplit(parts._replace(query=urlencode(query))), identity

    def configuration(self, token: str) -> dict[str, Any]:
        """The platform's OpenID configuration. Raises BadToken."""
        self._read(token)
        platform = self.platform
        return {
            "issuer": platform.issuer,
            "authorization_endpoint": platform.authorisation_url,
            "registration_endpoint": platform.api_base_url + REGISTRATION_PATH,
            "jwks_uri": platform.jwks_url,
            "token_endpoint": platform.token_url,
            "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            "token_endpoint_auth_signing_alg_values_supported": ["RS256"],
            "scopes_supported": list(LTI_SCOPES),
            "response_types_supported": ["id_token"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "claims_supported": ["sub", "picture", "email", "name", "given_name", "family_name", "locale"],
            "subject_types_supported": ["public"],
            "authorization_server": urlsplit(platform.base_url).netloc,
            PLATFORM: {
                "product_family_code": "canvas",
                "version": "OpenSource",
                "messages_supported": [{"type": "LtiResourceLinkRequest", "placements": list(PLACEMENTS)}],
                "variables": ["ResourceLink.id", "Canvas.course.id", "Canvas.user.id"],
                f"{CANVAS}account_name": ACCOUNT_NAME,
                f"{CANVAS}account_lti_guid": platform.guid,
                f"{CANVAS}account_domain": urlsplit(platform.api_base_url).netloc,
            },
        }

    def register(self, token: str, body: Any) -> dict[str, Any]:
        """Make a key of the tool's registration: off, and installed nowhere yet.

        Raises:
            BadToken: also when this token has registered a tool before.
            BadRegistration: with everything that is wrong.
        """
        identity = self._read(token)
        mistakes = list(_mistakes(body))
        if mistakes:
            raise BadRegistration(*mistakes)
        tool = body[TOOL]
        state = self.platform.state
        with state.lock:
            if self._made.get(identity, "") is not None:
                raise BadToken("this registration token has been used")
            client_id = state.mint("developer_key")
            state.add_key(
                DeveloperKey(
                    client_id=client_id,
                    secret="",
                    name=body["client_name"],
                    label=tool["messages"][0].get("label", ""),
                    kind="lti",
                    enabled=False,
                    redirect_uris=list(body["redirect_uris"]),
                    oidc_initiation_url=body["initiate_login_uri"],
                    target_link_uri=tool["target_link_uri"],
                    public_jwk_url=body["jwks_uri"],
                    scopes=body["scope"].split(),
                    custom_fields=dict(tool.get("custom_parameters", {})),
                    privacy_level=tool.get(f"{CANVAS}privacy_level", "anonymous"),
                )
            )
            self._made[identity] = client_id
        return {**body, "client_id": client_id}

    def made(self, identity: str) -> DeveloperKey | None:
        """The key that this registration made, if the tool has registered."""
        client_id = self._made.get(identity)
        return self.platform.state.keys.get(client_id) if client_id else None

    def install(self, key: DeveloperKey) -> None:
        """Switch a reviewed key on and install it in the whole account."""
        with self.platform.state.lock:
            key.enabled = True
            if not key.deployments:
                key.deployments.append(Deployment(f"1:{secrets.token_hex(20)}"))

    def _read(self, token: str) -> str:
        try:
            claims = jwt.decode(token, self._secret, algorithms=["HS256"], options={"verify_exp": False})
        except jwt.InvalidTokenError as broken:
            raise BadToken("the registration token is missing or was changed") from broken
        # Judged by the state's clock, which tests may move.
        if claims["exp"] <= self.platform.state.clock.now().timestamp():
            raise BadToken("the registration token is older than an hour")
        return str(claims["id"])


def _mistakes(body: Any) -> Iterator[str]:
    """What Canvas's schema demands (doc/api/registration.md), and what is missing of it."""
    if not isinstance(body, Mapping):
        yield "the body is no JSON object"
        return
    for name, wanted in FIXED.items():
        found = body.get(name)
        if (sorted(found) if isinstance(found, list) else found) != wanted:
            yield f"{name} must be {wanted}"
    for name in ("initiate_login_uri", "client_name", "jwks_uri"):
        if not isinstance(body.get(name), str) or not body[name]:
            yield f"{name} is required"
    if not isinstance(body.get("scope"), str):
        yield "scope is required, space-separated"
    elif unknown := [scope for scope in body["scope"].split() if scope not in LTI_SCOPES]:
        yield f"scope: {', '.join(unknown)} is none of Canvas's"
    if not _texts(body.get("redirect_uris")):
        yield "redirect_uris is required"
    tool = body.get(TOOL)
    if not isinstance(tool, Mapping):
        yield f"{TOOL} is required"
        return
    for name in ("domain", "target_link_uri"):
        if not isinstance(tool.get(name), str) or not tool[name]:
            yield f"{name} is required"
    if not _texts(tool.get("claims")):
        yield "claims is required"
    fields = tool.get("custom_parameters", {})
    if not isinstance(fields, Mapping) or not all(isinstance(value, str) for value in fields.values()):
        yield "custom_parameters must be an object of strings"
    if tool.get(f"{CANVAS}privacy_level", "anonymous") not in PRIVACY_LEVELS:
        yield "privacy_level is none of Canvas's"
    messages = tool.get("messages")
    if not isinstance(messages, list) or not messages:
        yield "messages is required"
        return
    for message in messages:
        if message.get("type") not in ("LtiResourceLinkRequest", "LtiDeepLinkingRequest"):
            yield "a message has no type that Canvas knows"
        if not set(message.get("placements", [])) <= set(PLACEMENTS):
            yield "a message has a placement that Canvas does not know"
        if message.get(f"{CANVAS}visibility", "public") not in VISIBILITIES:
            yield "a message has a visibility that Canvas does not know"


def _texts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, str) and one for one in value)
