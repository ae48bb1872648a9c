"""From the platform's login request to a proven launch.

1. ``start``: the platform opens the login endpoint; state, nonce and a browser binding are made and stored
   hashed, good for ten minutes and one use; the browser goes to the platform's authorisation endpoint.
2. ``finish``: the platform posts the id_token; state is spent, token and message are checked. The result is a
   one-time code, good for a minute.
3. ``redeem``: the page of step 2 exchanges code and binding for a session. The binding comes by cookie (then
   step 2 has seen it) or from the platform's storage; without it the code is worth nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol
from urllib.parse import urlencode, urlsplit, urlunsplit

from pydantic import TypeAdapter

from lti_tool.lti.context import CLAIM, LaunchContext, launch_context
from lti_tool.lti.errors import LaunchRefused, Refusal
from lti_tool.lti.id_token import check_id_token
from lti_tool.lti.key_sets import KeySets
from lti_tool.lti.message import check_message
from lti_tool.lti.registration import Registration, RegistrationBook, origin_of

ATTEMPT_LIFETIME = timedelta(minutes=10)
CODE_LIFETIME = timedelta(seconds=60)
LONGEST_PARAMETER = 16 * 1024
LONGEST_DEPLOYMENT = 255
PLATFORM_ERRORS = {
    "login_required": Refusal.LOGIN_ENDED,
    "interaction_required": Refusal.LOGIN_ENDED,
    "launch_no_longer_valid": Refusal.LAUNCH_OVER,
    "unauthorized_client": Refusal.SWITCHED_OFF,
}
"""What Canvas answers instead of a launch (canvas-lms, controllers/lti/ims/authentication_controller.rb)."""


class OneTimeSecrets(Protocol):
    """Remembers things under the hash of a secret; gives each back at most once, and never after its end."""

    def add(self, secret_hash: str, body: str, now: datetime, expires_at: datetime) -> None: ...
    def spend(self, secret_hash: str, now: datetime) -> str | None: ...


@dataclass(frozen=True, slots=True)
class LaunchAttempt:
    """What is remembered between login and launch. Secrets as their SHA-256 only."""

    issuer: str
    client_id: str
    nonce_hash: str
    binding_hash: str


@dataclass(frozen=True, slots=True)
class WaitingLaunch:
    """A checked launch that waits for its browser; no ``binding_hash``: the browser has proven itself."""

    context: LaunchContext
    binding_hash: str | None


_ATTEMPT = TypeAdapter(LaunchAttempt)
_WAITING = TypeAdapter(WaitingLaunch)


@dataclass(frozen=True, slots=True)
class StartedLogin:
    """Where the browser goes next, and what it must keep until it comes back.

    ``label`` names cookie and storage key of this attempt, so that two tabs do not disturb each other.
    ``storage_target`` is the platform's storage frame, if it offers one; ``storage_origin`` its address, or
    several with a space between.
    """

    authorise_url: str
    label: str
    binding: str = field(repr=False)
    storage_target: str | None
    storage_origin: str
    registration: Registration


@dataclass(frozen=True, slots=True)
class FinishedLaunch:
    """A checked launch. ``proven``: the browser has shown its binding already."""

    code: str = field(repr=False)
    label: str
    proven: bool
    storage_target: str | None
    storage_origin: str
    context: LaunchContext


def hashed(secret: str) -> str:
    """How secrets of launches and sessions are stored. Any text will do, also half a surrogate pair."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


def _code_hash(code: str) -> str:
    """Codes and states share a table; neither can be shown as the other."""
    return hashed(f"code:{code}")


def label_of(state: str) -> str:
    """The name of an attempt in the browser; tells nothing about the state."""
    return hashed(f"label:{state}")[:12]


class Launching:
    """The use case. ``launch_url`` is our redirect URI, a constant of the installation."""

    def __init__(
        self,
        registrations: RegistrationBook,
        secrets_once: OneTimeSecrets,
        key_sets: KeySets,
        launch_url: str,
        now: Callable[[], datetime],
    ) -> None:
        self._registrations = registrations
        self._once = secrets_once
        self._key_sets = key_sets
        self._launch_url = launch_url
        self._now = now

    def start(self, query: Mapping[str, str]) -> StartedLogin:
        """Answer a login initiation (OpenID Connect third-party login, LTI security framework 5.1.1).

        Raises:
            LaunchRefused: a parameter is missing, or nobody registered this platform.
        """
        issuer, hint = _parameter(query, "iss"), _parameter(query, "login_hint")
        if not issuer or not hint:
            raise LaunchRefused(Refusal.NOT_A_LAUNCH, "iss or login_hint is missing")
        registration = self._registrations.find(issuer, _parameter(query, "client_id") or None)
        if registration is None:
            refused = LaunchRefused(Refusal.UNKNOWN_PLATFORM, "no registration of this issuer and client id")
            raise refused.of(issuer, _parameter(query, "client_id"), _deployment(query))
        state, nonce, binding = (secrets.token_urlsafe(32) for _ in range(3))
        attempt = LaunchAttempt(registration.issuer, registration.client_id, hashed(nonce), hashed(binding))
        self._remember(hashed(state), _ATTEMPT.dump_json(attempt), ATTEMPT_LIFETIME)
        storage_target = _parameter(query, "lti_storage_target") or None
        return StartedLogin(
            authorise_url=self._authorise_url(registration, query, hint, state, nonce),
            label=label_of(state),
            binding=binding,
            storage_target=storage_target,
            storage_origin=_storage_origin(registration, storage_target),
            registration=registration,
        )

    def finish(self, form: Mapping[str, str], cookie: Callable[[str], str | None]) -> FinishedLaunch:
        """Check what the platform posted; ``cookie`` gives the binding that the browser sent for a label.

        Raises:
            LaunchRefused: anything is wrong; the state is spent all the same.
        """
        state = _parameter(form, "state")
        remembered = self._once.spend(hashed(state), self._now()) if state else None
        if "error" in form:  # believed without a state: it opens nothing
            error = _parameter(form, "error")[:40]
            raise LaunchRefused(PLATFORM_ERRORS.get(error, Refusal.PLATFORM_ERROR), f"error {error!r}")
        if remembered is None:
            raise LaunchRefused(Refusal.LAUNCH_OVER, "state is missing, unknown, used or too old")
        attempt = _ATTEMPT.validate_json(remembered)
        registration = self._registrations.find(attempt.issuer, attempt.client_id)
        if registration is None:
            refused = LaunchRefused(Refusal.UNKNOWN_PLATFORM, "the registration was removed meanwhile")
            raise refused.of(attempt.issuer, attempt.client_id)
        try:
            checked = self._checked(_parameter(form, "id_token"), registration, attempt)
        except LaunchRefused as refused:
            refused.platform_origins = registration.platform_origins
            raise refused.of(registration.issuer, registration.client_id) from None
        context = replace(checked, launch_id=label_of(state))
        shown = cookie(label_of(state))
        proven = shown is not None and hmac.compare_digest(hashed(shown), attempt.binding_hash)
        storage_target = _parameter(form, "lti_storage_target") or None
        code = secrets.token_urlsafe(32)
        waiting = WaitingLaunch(context, None if proven else attempt.binding_hash)
        self._remember(_code_hash(code), _WAITING.dump_json(waiting), CODE_LIFETIME)
        return FinishedLaunch(
            code=code,
            label=label_of(state),
            proven=proven,
            storage_target=storage_target,
            storage_origin=_storage_origin(registration, storage_target),
            context=context,
        )

    def _checked(self, token: str, registration: Registration, attempt: LaunchAttempt) -> LaunchContext:
        claims = check_id_token(token, registration, self._key_sets)
        if not hmac.compare_digest(hashed(claims["nonce"]), attempt.nonce_hash):
            raise LaunchRefused(Refusal.TOKEN_REFUSED, "the nonce is not ours")
        try:
            check_message(claims, self._registrations, self._launch_url)
            context = launch_context(claims, registration)
            self._adopt(registration, context)
        except LaunchRefused as refused:
            deployment = claims.get(f"{CLAIM}deployment_id")
            raise refused.of(deployment_id=deployment if isinstance(deployment, str) else "") from None
        return context

    def _adopt(self, registration: Registration, context: LaunchContext) -> None:
        """Remember a deployment met for the first time, if the launch says which Canvas it comes from."""
        if context.deployment_id in registration.deployment_ids:
            return
        if not context.names_its_canvas or len(context.deployment_id) > LONGEST_DEPLOYMENT:
            raise LaunchRefused(Refusal.UNKNOWN_DEPLOYMENT, "new, and the launch does not name its Canvas")
        self._registrations.adopt(registration, context.deployment_id)

    def redeem(self, code: str, binding: str | None) -> LaunchContext:
        """The launch behind a code; the code is spent whatever follows.

        Raises:
            LaunchRefused: the code is unknown, used or older than a minute, or the browser is another one.
        """
        remembered = self._once.spend(_code_hash(code), self._now())
        if remembered is None:
            raise LaunchRefused(Refusal.LAUNCH_OVER, "code is unknown, used or too old")
        waiting = _WAITING.validate_json(remembered)
        wanted = waiting.binding_hash
        if wanted is not None and not hmac.compare_digest(hashed(binding or ""), wanted):
            raise LaunchRefused(Refusal.BROWSER_NOT_PROVEN, "the binding is missing or another browser's")
        return waiting.context

    def _remember(self, secret_hash: str, body: bytes, lifetime: timedelta) -> None:
        now = self._now()
        self._once.add(secret_hash, body.decode(), now, now + lifetime)

    def _authorise_url(
        self, registration: Registration, query: Mapping[str, str], hint: str, state: str, nonce: str
    ) -> str:
        parameters = {
            "scope": "openid",
            "response_type": "id_token",
            "response_mode": "form_post",
            "prompt": "none",
            "client_id": registration.client_id,
            "redirect_uri": self._launch_url,
            "state": state,
            "nonce": nonce,
            "login_hint": hint,
        }
        if message_hint := _parameter(query, "lti_message_hint"):
            parameters["lti_message_hint"] = message_hint  # Canvas refuses a request without it
        parts = urlsplit(registration.auth_login_url)
        joined = "&".join(filter(None, (parts.query, urlencode(parameters))))
        return urlunsplit((parts.scheme, parts.netloc, parts.path, joined, ""))


def _storage_origin(registration: Registration, target: str | None) -> str:
    """Where the storage listens: a named frame belongs to the sign-in host, the parent is the course page."""
    if target == "_parent":  # a message reaches the one of them that the page is at
        return " ".join(registration.platform_origins)
    return origin_of(registration.auth_login_url)


def _deployment(query: Mapping[str, str]) -> str:
    """Canvas's name for it, and the standard's."""
    return _parameter(query, "deployment_id") or _parameter(query, "lti_deployment_id")


def _parameter(values: Mapping[str, str], name: str) -> str:
    value = values.get(name, "")
    limit = LONGEST_PARAMETER if name != "id_token" else 4 * LONGEST_PARAMETER
    if len(value) > limit:
        raise LaunchRefused(Refusal.NOT_A_LAUNCH, f"{name} is too long")
    return value
