"""OAuth2 of the simulated Canvas: the consent page, codes, tokens, refresh and revocation.

Written after `doc/api/oauth_endpoints.md`, `app/controllers/oauth2_provider_controller.rb` and
`lib/canvas/oauth/*` of canvas-lms. Who may use a token afterwards is judged where REST calls arrive, not
here.

Habits worth knowing: a refresh replaces the access token in the same grant, so the earlier one dies at
once, and brings no new refresh token; a code works once and for ten minutes; each exchange makes a new
grant; a wrong client or redirect address is answered in place, everything else by redirect; the pages
refuse to be framed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from lti_tool.simulator.access import AccessGrant, DeveloperKey
from lti_tool.simulator.records import User
from lti_tool.simulator.state import CanvasState

CODE_LIFETIME = timedelta(minutes=10)


class OAuthRefused(Exception):
    """An OAuth error that is answered in place, as JSON."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(f"{status} {error}: {description}")
        self.status = status
        self.error = error
        self.description = description


class RedirectedError(Exception):
    """An OAuth error that travels back to the client's redirect address."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description


@dataclass(frozen=True, slots=True)
class AuthorisationRequest:
    """What a client asked for, checked as far as the redirect address; the rest is judged by `check`."""

    key: DeveloperKey
    redirect_uri: str
    response_type: str
    scopes: tuple[str, ...]
    state: str | None
    prompt: str
    force_login: bool
    purpose: str
    challenge: str | None

    def redirect(self, **parameters: str) -> str:
        """The redirect address with these parameters and the client's `state` added to its query."""
        parts = urlsplit(self.redirect_uri)
        query = parse_qsl(parts.query, keep_blank_values=True) + list(parameters.items())
        if self.state is not None:
            query.append(("state", self.state))
        return urlunsplit(parts._replace(query=urlencode(query)))


@dataclass(frozen=True, slots=True)
class AuthorisationCode:
    """A code on its way to the token endpoint."""

    client_id: str
    user_id: str
    redirect_uri: str
    scopes: tuple[str, ...]
    purpose: str
    challenge: str | None
    expires_at: datetime
    real_user_id: str | None = None
    """Who gave the consent while acting as `user_id`."""


class OAuthProvider:
    """Codes and open consent questions; the grants themselves live in the state."""

    def __init__(self, state: CanvasState) -> None:
        self._state = state
        self._codes: dict[str, AuthorisationCode] = {}
        self._questions: dict[str, tuple[str, AuthorisationRequest]] = {}

    # --- authorisation --------------------------------------------------------------------------------------

    def read_request(self, query: Mapping[str, str]) -> AuthorisationRequest:
        """The request of `GET /login/oauth2/auth`.

        A repeated `scope` parameter keeps its last value only, as in Canvas; the caller passes it so.

        Raises:
            OAuthRefused: unknown client, or an address that its key does not list. Neither may be redirected.
        """
        key = self._state.keys.get(query.get("client_id", ""))
        if key is None or key.kind != "api":
            raise OAuthRefused(401, "invalid_client", "unknown client")
        redirect_uri = query.get("redirect_uri", "")
        if redirect_uri not in key.redirect_uris:
            raise OAuthRefused(400, "invalid_request", "redirect_uri does not match client settings")
        # Canvas knows S256 only and ignores any other challenge (lib/canvas/oauth/pkce.rb).
        challenge = query.get("code_challenge") if query.get("code_challenge_method") == "S256" else None
        return AuthorisationRequest(
            key=key,
            redirect_uri=redirect_uri,
            response_type=query.get("response_type", ""),
            scopes=tuple(dict.fromkeys(query.get("scope", "").split())),
            state=query.get("state"),
            prompt=query.get("prompt", ""),
            force_login=query.get("force_login") in ("1", "true"),
            purpose=query.get("purpose", ""),
            challenge=challenge,
        )

    def check(self, request: AuthorisationRequest) -> None:
        """Judge everything that is answered by redirect and does not depend on who is logged in.

        Raises:
            RedirectedError: key off, wrong response type or prompt, scopes missing or not on the key.
        """
        if not request.key.enabled:
            raise RedirectedError("unauthorized_client", "client is not authorized for the specified account")
        if request.response_type != "code":
            raise RedirectedError("unsupported_response_type", "Only response_type=code is permitted")
        if request.prompt not in ("", "none"):
            raise RedirectedError(
                "unsupported_prompt_type", f'prompt must be "none" but was "{request.prompt}"'
            )
        if request.key.require_scopes:
            foreign = [scope for scope in request.scopes if scope not in request.key.scopes]
            if foreign or not request.scopes:
                refused = ", ".join(foreign) if foreign else "none given"
                raise RedirectedError(
                    "invalid_scope",
                    f"A requested scope is invalid, unknown, malformed, or exceeds: {refused}",
                )

    def granted_before(self, request: AuthorisationRequest, user: User) -> bool:
        """Whether the user holds a living grant for this key that covers the scopes (for prompt=none)."""
        with self._state.lock:
            return any(
                grant.user_id == user.id
                and grant.client_id == request.key.client_id
                and not grant.revoked
                and set(self._scopes_of(request)) <= set(grant.scopes)
                for grant in self._state.grants.values()
            )

    def ask(self, request: AuthorisationRequest, user: User) -> str:
        """Remember a consent question put to `user`; the answer names it by the token returned."""
        token = secrets.token_urlsafe(24)
        with self._state.lock:
            self._questions[token] = (user.id, request)
        return token

    def answered(self, token: str, user: User) -> AuthorisationRequest:
        """The question that this user was asked; it can be answered once.

        Raises:
            OAuthRefused: no such question, already answered, or asked of somebody else.
        """
        with self._state.lock:
            user_id, request = self._questions.get(token, (None, None))
            if request is None or user_id != user.id:
                raise OAuthRefused(
                    400, "invalid_request", "this question is not open; start again from the tool"
                )
            del self._questions[token]
            return request

    def issue_code(self, request: AuthorisationRequest, user: User, real_user: User | None = None) -> str:
        """The redirect address with a fresh code; `real_user` acts as `user` ("Act as user")."""
        code = secrets.token_hex(32)
        with self._state.lock:
            self._codes[code] = AuthorisationCode(
                client_id=request.key.client_id,
                user_id=user.id,
                redirect_uri=request.redirect_uri,
                scopes=self._scopes_of(request),
                purpose=request.purpose,
                challenge=request.challenge,
                expires_at=self._state.clock.now() + CODE_LIFETIME,
                real_user_id=None if real_user is None else real_user.id,
            )
        return request.redirect(code=code)

    @staticmethod
    def _scopes_of(request: AuthorisationRequest) -> tuple[str, ...]:
        """Scopes of a key that does not enforce them are not kept: its tokens do whatever the user can."""
        return request.scopes if request.key.require_scopes else ()

    # --- tokens ---------------------------------------------------------------------------------------------

    def authenticate_client(self, client_id: str, secret: str) -> DeveloperKey:
        """The API key with this secret.

        Raises:
            OAuthRefused: 401 for an unknown client, a wrong secret or a key that is switched off.
        """
        key = self._state.keys.get(client_id)
        if key is None or key.kind != "api" or not key.enabled:
            raise OAuthRefused(401, "invalid_client", "unknown client")
        if not hmac.compare_digest(key.secret.encode(), secret.encode()):
            raise OAuthRefused(401, "invalid_client", "invalid client")
        return key

    def exchange_code(self, key: DeveloperKey, form: Mapping[str, str]) -> dict[str, Any]:
        """Answer of a code exchange: a new grant with its own refresh token.

        Raises:
            OAuthRefused: 400 for a code that is missing, unknown, used, expired, of another client or
            redirect
                address, or whose verifier does not fit.
        """
        if not form.get("code"):
            raise OAuthRefused(400, "invalid_request", "code is missing")
        with self._state.lock:
            now = self._state.clock.now()
            held = self._codes.get(form["code"])
            if held is None or held.expires_at <= now:
                raise OAuthRefused(400, "invalid_grant", "authorization_code not found")
            if held.client_id != key.client_id:
                raise OAuthRefused(400, "invalid_grant", "incorrect client")
            if form.get("redirect_uri", held.redirect_uri) != held.redirect_uri:
                raise OAuthRefused(400, "invalid_grant", "redirect_uri does not match")
            # Used up from here on, also when the verifier is wrong: a code is tried once.
            del self._codes[form["code"]]
            if held.challenge is not None and not _verifier_fits(
                form.get("code_verifier", ""), held.challenge
            ):
                raise OAuthRefused(400, "invalid_grant", "code_verifier does not match")
            if form.get("replace_tokens") in ("1", "true"):
                self._drop_grants(held.user_id, key.client_id)
            grant = self._state.issue_grant(
                held.user_id, key.client_id, scopes=held.scopes, purpose=held.purpose
            )
            return (
                self._token_answer(grant)
                | {"refresh_token": grant.refresh_token}
                | self._real_user(held.real_user_id)
            )

    def refresh(self, key: DeveloperKey, form: Mapping[str, str]) -> dict[str, Any]:
        """Answer of a refresh: a new access token in the same grant, and no refresh token.

        Raises:
            OAuthRefused: 400 for a refresh token that is missing, unknown, revoked or of another key.
        """
        if not form.get("refresh_token"):
            raise OAuthRefused(400, "invalid_request", "refresh_token is missing")
        with self._state.lock:
            grant = self._state.find_refresh_grant(form["refresh_token"])
            if grant is None:
                raise OAuthRefused(400, "invalid_request", "refresh_token not found")
            if grant.client_id != key.client_id:
                raise OAuthRefused(400, "invalid_grant", "incorrect client")
            self._state.refresh_grant(grant)
            return self._token_answer(grant)

    def revoke(self, token: str) -> bool:
        """Delete the grant of this access token; False when there is none."""
        with self._state.lock:
            grant = self._state.find_grant(token)
            if grant is None or grant.revoked:
                return False
            self._state.revoke_grant(grant)
            return True

    def _drop_grants(self, user_id: str, client_id: str) -> None:
        for grant in self._state.grants.values():
            if grant.user_id == user_id and grant.client_id == client_id:
                self._state.revoke_grant(grant)

    def _real_user(self, user_id: str | None) -> dict[str, Any]:
        """Named when somebody acts as the user (lib/canvas/oauth/token.rb, as_json)."""
        if user_id is None:
            return {}
        user = self._state.users[user_id]
        return {"real_user": {"id": int(user.id), "name": user.name, "global_id": user.global_id}}

    def _token_answer(self, grant: AccessGrant) -> dict[str, Any]:
        user = self._state.users[grant.user_id]
        answer: dict[str, Any] = {
            "access_token": grant.token,
            "token_type": "Bearer",
            # A number here even where REST gives strings; the id of another shard does not fit a double.
            "user": {
                "id": int(user.id),
                "name": user.name,
                "global_id": user.global_id,
                "effective_locale": user.locale,
            },
        }
        if grant.expires_at is not None:
            left = grant.expires_at - self._state.clock.now()
            answer["expires_in"] = max(0, round(left.total_seconds()))
        return answer


def _verifier_fits(verifier: str, challenge: str) -> bool:
    digest = hashlib.sha256(verifier.encode()).digest()
    expected = base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")
    return hmac.compare_digest(expected, challenge.rstrip("="))


_ACTIONS: dict[str, str] = {"GET": "Read", "POST": "Create", "PUT": "Change", "DELETE": "Delete"}
_THINGS = {
    "assignments": "assignments",
    "conversations": "messages",
    "courses": "courses",
    "enabled": "course settings",
    "enrollments": "enrolments",
    "group_categories": "group sets",
    "groups": "groups",
    "memberships": "group members",
    "overrides": "due dates of single people or sections",
    "peer_reviews": "peer reviews",
    "permissions": "your own permissions",
    "progress": "progress of jobs",
    "sections": "sections",
    "self": "your own profile",
    "submissions": "submissions",
    "update_grades": "points",
    "users": "people",
}


def scope_in_words(scope: str) -> str:
    """A scope as the consent page says it: `url:GET|/api/v1/courses/:id` is "Read courses"."""
    verb, _, path = scope.removeprefix("url:").partition("|")
    for segment in reversed(path.split("/")):
        if segment in _THINGS:
            return f"{_ACTIONS.get(verb, verb)} {_THINGS[segment]}"
    return scope
