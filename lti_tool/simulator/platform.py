"""The LTI 1.3 platform side of the simulated Canvas: login initiation, authentication, the hint that is
good once.

After `app/controllers/lti/ims/authentication_controller.rb` and `doc/api/lti_dev_key_config.md` of
canvas-lms. The flow:

1. the course page opens the tool's login address with a signed `lti_message_hint` that names a prepared
   launch;
2. the tool sends the browser to `/api/lti/authorize_redirect`, hint and `login_hint` untouched;
3. `authenticate` takes the prepared launch out of the cache (a second try finds nothing) and answers with the
   `id_token`, or with an error, both as a form that the browser posts to the tool's redirect address.

No Flask in here; `pages.launch` holds the routes.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jwt

from lti_tool.simulator.access import DeveloperKey
from lti_tool.simulator.launch_claims import Launch, PlatformFacts, id_token_claims
from lti_tool.simulator.records import Course, ResourceLink, User
from lti_tool.simulator.signing import KeySet
from lti_tool.simulator.state import CanvasState

HINT_LIFETIME = timedelta(minutes=5)
STORAGE_FRAME = "post_message_forwarding"
AUTHORISATION_PATH = "/api/lti/authorize_redirect"
JWKS_PATH = "/api/lti/security/jwks"

_REQUIRED_VALUES = {
    "response_type": "id_token",
    "response_mode": "form_post",
    "scope": "openid",
    "prompt": "none",
}


class LaunchRejected(Exception):
    """An authentication request that is answered with a page of the platform, never with a redirect."""


class LaunchUnavailable(Exception):
    """The tool cannot be started here: key off, not deployed in this course, or without a login address."""


@dataclass(frozen=True, slots=True)
class LoginInitiation:
    """The form that opens the tool's login address, and what the page around the frame has to know."""

    action: str
    method: str
    fields: dict[str, str]
    launch: Launch
    storage_target: str | None


@dataclass(frozen=True, slots=True)
class AuthenticationAnswer:
    """The form that the browser posts to the tool: an id_token, or an error."""

    redirect_uri: str
    fields: dict[str, str]

    @property
    def error(self) -> str | None:
        return self.fields.get("error")


@dataclass(slots=True)
class LtiPlatform:
    """Issuer of launches for one simulated Canvas.

    `storage_target` is what launches name when `Habits.storage_frame` is on: the sibling frame, or
    `_parent` as on installs without that frame. `storage_deaf_for` (milliseconds) is how long the sibling
    frame does not listen yet.
    """

    state: CanvasState
    base_url: str
    api_base_url: str
    issuer: str
    name: str = "Simulated Canvas"
    region: str = "not_configured"
    environment: str = "prod"
    storage_target: str = STORAGE_FRAME
    storage_deaf_for: int = 0
    keys: KeySet = field(default_factory=KeySet)
    guid: str = field(default_factory=lambda: f"{uuid.uuid4().hex}:canvas-lms")
    _hint_secret: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    _prepared: dict[str, tuple[datetime, Launch]] = field(default_factory=dict)

    @property
    def authorisation_url(self) -> str:
        return self.base_url + AUTHORISATION_PATH

    @property
    def jwks_url(self) -> str:
        return self.base_url + JWKS_PATH

    @property
    def token_url(self) -> str:
        return self.api_base_url + "/login/oauth2/token"

    @property
    def facts(self) -> PlatformFacts:
        return PlatformFacts(
            self.base_url, self.api_base_url, self.issuer, self.name, self.guid, self.environment
        )

    def rotate(self, *, keep_previous: bool = True) -> None:
        """Sign with a new key from now on; see `KeySet.rotate`."""
        self.keys.rotate(keep_previous=keep_previous)

    # --- step 1 ---------------------------------------------------------------------------------------------

    def initiate(
        self,
        key: DeveloperKey,
        course: Course,
        user: User,
        *,
        placement: str = "course_navigation",
        link: ResourceLink | None = None,
        deep_linking: bool = False,
        real_user: User | None = None,
    ) -> LoginInitiation:
        """Prepare a launch and the form that starts it. `real_user` acts as `user`.

        `placement` is a parameter of the address, so that the maker of a link chooses it
        (external_tools_controller, placement_from_params).

        Raises:
            LaunchUnavailable: the key is off, has no login address, or is not deployed for this course.
        """
        deployments = [d for d in key.deployments if d.course_id in (None, course.id)]
        if key.kind != "lti" or not key.enabled or not deployments or not key.oidc_initiation_url:
            raise LaunchUnavailable(f"{key.name} is not available in {course.name}.")
        # An installation in the course wins over one of the whole account.
        deployment = max(deployments, key=lambda d: d.course_id is not None)
        launch = Launch(
            id=secrets.token_urlsafe(24),
            client_id=key.client_id,
            deployment_id=deployment.id,
            course_id=course.id,
            user_id=user.id,
            target_link_uri=(link.url if link else "") or key.target_link_uri or key.oidc_initiation_url,
            post_message_token=str(uuid.uuid4()),
            placement=placement,
            link_id=link.id if link else None,
            deep_linking=deep_linking,
            real_user_id=real_user.id if real_user else None,
        )
        now = self.state.clock.now()
        with self.state.lock:
            self._prepared = {k: held for k, held in self._prepared.items() if held[0] > now}
            self._prepared[launch.id] = (now + HINT_LIFETIME, launch)
        fields = {
            "iss": self.issuer,
            "login_hint": user.lti_id,
            "target_link_uri": launch.target_link_uri,
            "lti_message_hint": self._hint(launch, now),
            "client_id": key.client_id,
            # Canvas documents this name; the standard's own is lti_deployment_id.
            "deployment_id": deployment.id,
            "canvas_region": self.region,
            "canvas_environment": self.environment,
        }
        storage_target = self.storage_target if self.state.habits.storage_frame else None
        if storage_target is not None:
            fields["lti_storage_target"] = storage_target
        return LoginInitiation(
            action=key.oidc_initiation_url,
            method=self.state.habits.login_initiation,
            fields=fields,
            launch=launch,
            storage_target=storage_target,
        )

    def _hint(self, launch: Launch, now: datetime) -> str:
        claims = {
            "verifier": launch.id,
            "client_id": launch.client_id,
            "exp": int((now + HINT_LIFETIME).timestamp()),
        }
        return jwt.encode(claims, self._hint_secret, algorithm="HS256")

    # --- step 2 and 3 ---------------------------------------------------------------------------------------

    def authenticate(self, parameters: Mapping[str, str], session_user: User | None) -> AuthenticationAnswer:
        """Answer an authentication request of a tool.

        `session_user` is who is logged in in this browser, None when no cookie came along.

        Raises:
            LaunchRejected: hint or redirect address is not to be trusted, so nothing may be posted anywhere.
        """
        hint = self._read_hint(parameters.get("lti_message_hint", ""))
        key = self.state.keys.get(hint["client_id"])
        redirect_uri = parameters.get("redirect_uri", "")
        if key is None or not any(redirect_fits(redirect_uri, listed) for listed in key.redirect_uris):
            raise LaunchRejected("The redirect_uri is not one of those that the developer key lists.")
        error = self._objection(parameters, key, session_user)
        if error is None:
            with self.state.lock:
                _, launch = self._prepared.pop(hint["verifier"], (None, None))
                if launch is None:
                    error = (
                        "launch_no_longer_valid",
                        "The launch has either expired or already been consumed",
                    )
                elif session_user is None or launch.user_id != session_user.id:
                    error = ("login_required", "The user is not logged in or does not match the login_hint")
                else:
                    claims = id_token_claims(self.state, launch, key, self.facts, parameters["nonce"])
                    return self._answer(parameters, {"id_token": self.keys.sign(claims)})
        return self._answer(parameters, {"error": error[0], "error_description": error[1]})

    def _read_hint(self, text: str) -> dict[str, Any]:
        try:
            hint = jwt.decode(text, self._hint_secret, algorithms=["HS256"], options={"verify_exp": False})
        except jwt.InvalidTokenError as broken:
            raise LaunchRejected("The lti_message_hint is missing or was changed on its way.") from broken
        # Judged by the state's clock, which tests may move.
        if hint["exp"] <= self.state.clock.now().timestamp():
            raise LaunchRejected("The lti_message_hint is older than five minutes. Open the tool again.")
        return hint

    @staticmethod
    def _objection(
        parameters: Mapping[str, str], key: DeveloperKey, session_user: User | None
    ) -> tuple[str, str] | None:
        """Error code and description for the tool, or None."""
        missing = [name for name in ("client_id", "login_hint", "nonce") if not parameters.get(name)]
        missing += [name for name in _REQUIRED_VALUES if not parameters.get(name)]
        if missing:
            names = ", ".join(missing)
            return "invalid_request_object", f"The following parameters are missing: {names}"
        for name, value in _REQUIRED_VALUES.items():
            if parameters[name] != value:
                return "invalid_request_object", f"The '{name}' must be '{value}'"
        if parameters["client_id"] != key.client_id:
            return "invalid_request_object", "The client_id is not the one of the launch"
        if not key.enabled:
            return "unauthorized_client", "Client not authorized in requested context"
        if session_user is None or session_user.lti_id != parameters["login_hint"]:
            return "login_required", "The user is not logged in or does not match the login_hint"
        return None

    def _answer(self, parameters: Mapping[str, str], fields: dict[str, str]) -> AuthenticationAnswer:
        if "state" in parameters:
            fields["state"] = parameters["state"]
        if self.state.habits.storage_frame:
            fields["lti_storage_target"] = self.storage_target
        return AuthenticationAnswer(redirect_uri=parameters["redirect_uri"], fields=fields)


def redirect_fits(candidate: str, listed: str) -> bool:
    """Canvas's comparison: equal without the query; a query in the listed address must be contained."""
    given, wanted = urlsplit(candidate), urlsplit(listed)
    if (given.scheme, given.netloc, given.path) != (wanted.scheme, wanted.netloc, wanted.path):
        return False
    return set(parse_qsl(wanted.query)) <= set(parse_qsl(given.query)) and not given.fragment
