"""OAuth2 with one Canvas: consent address, code exchange, refresh, revocation. Stores nothing.

requests-oauthlib makes all four; ``oauth_session`` puts its session on the transport of this Canvas. What is
ours: what Canvas's answers mean, how often a refresh is repeated, and when a token expires.

Canvas's habits: a refresh replaces the access token in the same grant, so the earlier one is dead at once,
and brings no new refresh token; each code exchange makes a further grant, so the older one is to be revoked;
each call of the token endpoint costs a third of the throttle's bucket (canvas-lms oauth2_provider_controller,
access_token); it is revoked by DELETE with the token as bearer, not as RFC 7009 has it. ``replace_tokens`` is
not sent: it would end the person's connections to other installations of this tool on the same key. A token
made while an administrator acts as somebody else names the administrator as ``real_user``
(lib/canvas/oauth/token.rb).
"""

from __future__ import annotations

import json
import logging
import random
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import requests
from oauthlib.oauth2 import OAuth2Error, WebApplicationClient
from pydantic import ValidationError

from allocation.sentences import Sentence, sentence
from lti_tool.applying.answers import Outcome
from lti_tool.canvas.answers import hear, read_error
from lti_tool.canvas.endpoints import ALL_SCOPES
from lti_tool.canvas.errors import AccessLost, BrokenAnswer, CanvasError, KeyRejected
from lti_tool.canvas.oauth_session import CanvasSession
from lti_tool.canvas.records import TokenRecord
from lti_tool.canvas.transport import Limits, SendFailed, Transport, WireAnswer, WireRequest
from lti_tool.planning.ids import CanvasOrigin, UserId

AUTHORISE_PATH = "/login/oauth2/auth"
TOKEN_PATH = "/login/oauth2/token"  # noqa: S105 - an address
ATTEMPTS = 3
VERIFIER_LETTERS = 86
"""Of the 43 to 128 that RFC 7636 allows; 512 bits."""
LIMITS = Limits(read_timeout_s=20.0, total_timeout_s=30.0, body_bytes=1024 * 1024)
"""All attempts of a refresh together must end before the lease that guards it (persistence.tokens.LEASE)."""

for _name in ("requests_oauthlib", "oauthlib"):
    logging.getLogger(_name).setLevel(logging.INFO)  # at DEBUG they log secrets and tokens


@dataclass(frozen=True, slots=True)
class OAuthKey:
    """The API developer key of this tool in one Canvas; not the LTI key. ``scopes`` is what is asked for."""

    client_id: str
    client_secret: str = field(repr=False)
    scopes: tuple[str, ...] = tuple(ALL_SCOPES)


@dataclass(frozen=True, slots=True)
class ConsentRequest:
    """Where to send the browser, and what must be kept until it comes back."""

    url: str
    state: str = field(repr=False)
    verifier: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Grant:
    """What a code exchange gave. ``user_id`` is the person whose token it is.

    ``real_user_id`` is who gave the consent where somebody acted as that person ("Act as user").
    """

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    expires_at: datetime | None
    user_id: UserId
    real_user_id: UserId | None = None


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a refresh gave; the refresh token is the new one, should Canvas ever send one."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    expires_at: datetime | None


class CanvasOAuth:
    """The OAuth2 endpoints of one Canvas, used with one developer key.

    Args:
        redirect_uri: our callback, exactly as the key lists it.
        now: the clock that ``expires_at`` is counted from; received-at plus lifetime, never Canvas's clock.
    """

    def __init__(
        self,
        transport: Transport,
        key: OAuthKey,
        redirect_uri: str,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._transport = transport
        self._key = key
        self._redirect_uri = redirect_uri
        self._now = now
        self._sleep = sleep

    @property
    def origin(self) -> CanvasOrigin:
        """The Canvas."""
        return self._transport.origin

    @property
    def scopes(self) -> tuple[str, ...]:
        """What is asked for."""
        return self._key.scopes

    def consent_request(self) -> ConsentRequest:
        """A new address of Canvas's consent page, with state and PKCE (S256).

        Canvas before 2024 ignores the challenge. All scopes travel in one parameter: of several Canvas keeps
        only the last.
        """
        client = WebApplicationClient(self._key.client_id)
        state, verifier = secrets.token_urlsafe(32), client.create_code_verifier(VERIFIER_LETTERS)
        with self._session(client) as session:
            url = session.consent_address(
                AUTHORISE_PATH,
                state=state,
                scope=list(self._key.scopes) or None,
                code_challenge=client.create_code_challenge(verifier, "S256"),
                code_challenge_method="S256",
            )
        return ConsentRequest(url, state, verifier)

    def exchange(self, code: str, verifier: str) -> Grant:
        """Spend the code that the browser brought. A code works once, for ten minutes.

        Raises:
            AccessLost: the code is spent, too old, or of another key.
            KeyRejected: Canvas does not know our key or secret.
            Throttled: the code is as good as before; Canvas refuses before it looks at it.
            CanvasUnavailable, BrokenAnswer: no answer, or none that can be used. The code may be spent.
        """
        request, received_at = WireRequest("POST", TOKEN_PATH), self._now()
        with self._session() as session:
            token = _asked(
                request,
                lambda: session.fetch_token(
                    session.address(TOKEN_PATH),
                    code=code,
                    code_verifier=verifier,
                    client_secret=self._key.client_secret,
                    include_client_id=True,
                ),
            )
        if token.access_token is None or token.user is None:
            raise BrokenAnswer(
                sentence(
                    "Canvas's answer to %(request)s does not say whose token it is.", request=str(request)
                )
            )
        return Grant(
            access_token=token.access_token,
            refresh_token=token.refresh_token,
            expires_at=_expiry(received_at, token),
            user_id=UserId(token.user.id),
            real_user_id=None if token.real_user is None else UserId(token.real_user.id),
        )

    def refresh(self, refresh_token: str) -> Refreshed:
        """Trade the refresh token for a new access token; the earlier one is dead from that moment.

        Repeated when the answer is lost: Canvas takes the same refresh token again. The caller makes sure
        that nobody else refreshes the same grant meanwhile.

        Raises:
            AccessLost: the refresh token is dead (revoked, or the key was changed).
            KeyRejected: Canvas does not accept our key or secret.
            CanvasError: no usable answer after some attempts.
        """
        request = WireRequest("POST", TOKEN_PATH)
        failure_of: CanvasError = BrokenAnswer(_no_token(request))
        for attempt in range(ATTEMPTS):
            if attempt:
                self._sleep(random.uniform(0.5, 1.0) * 2 ** (attempt - 1))  # noqa: S311 - spreads retries
            received_at = self._now()
            try:
                with self._session() as session:
                    token = _asked(
                        request,
                        lambda session=session: session.refresh_token(  # type: ignore[misc]  # bound per turn
                            session.address(TOKEN_PATH),
                            refresh_token=refresh_token,
                            client_id=self._key.client_id,
                            client_secret=self._key.client_secret,
                            redirect_uri=self._redirect_uri,
                        ),
                    )
            except AccessLost:
                raise
            except CanvasError as error:
                failure_of = error
                continue
            if token.access_token:
                return Refreshed(token.access_token, token.refresh_token, _expiry(received_at, token))
            failure_of = BrokenAnswer(_no_token(request))
        raise failure_of

    def revoke(self, access_token: str) -> bool:
        """End the grant that this access token belongs to; whether Canvas confirmed it. Never raises."""
        try:
            with self._session(token=access_token) as session:
                answer = session.delete(session.address(TOKEN_PATH))
        except SendFailed:
            return False
        return hear(session.heard(answer)).verdict.outcome is Outcome.OK

    def _session(self, client: WebApplicationClient | None = None, token: str | None = None) -> CanvasSession:
        """A session for one call; without scope, since a differing one in an answer would raise."""
        client = client or WebApplicationClient(self._key.client_id)
        session = CanvasSession(self._transport, LIMITS, client, self._redirect_uri, token)
        for kind in ("access_token_response", "refresh_token_response"):
            session.register_compliance_hook(kind, lambda answer: _judged(session, answer))
        return session


def _asked(request: WireRequest, ask: Callable[[], dict[str, Any]]) -> TokenRecord:
    """The token that a call of the library gave; its failures as ours."""
    try:
        return _token_record(ask(), request)
    except SendFailed as failure:
        raise read_error(request, hear(failure)) from failure
    except (OAuth2Error, ValueError) as error:
        raise BrokenAnswer(_no_token(request)) from error


def _judged(session: CanvasSession, response: requests.Response) -> requests.Response:
    """Judge an answer before the library reads it as if it were one with a token."""
    answer, request = session.heard(response), WireRequest("POST", TOKEN_PATH)
    _raise_oauth_error(answer)
    heard = hear(answer)
    if heard.verdict.outcome is not Outcome.OK:
        raise read_error(request, heard)
    _token_record(heard.verdict.document, request)
    return response


def _raise_oauth_error(answer: WireAnswer) -> None:
    """Canvas's OAuth errors by meaning (canvas-lms lib/canvas/oauth/request_error.rb).

    ``invalid_request`` "refresh_token not found" and ``invalid_grant`` both say that the grant is dead; the
    words are not looked at.
    """
    if answer.status not in (400, 401) or not answer.is_json:
        return
    try:
        document = json.loads(answer.body)
    except ValueError:
        return
    word = document.get("error") if isinstance(document, dict) else None
    what = sentence("Canvas refused the token with %(error)s.", error=repr(str(word)[:40]))
    if word in ("invalid_client", "unauthorized_client"):
        raise KeyRejected(what, status=answer.status, request_id=answer.request_id)
    if word in ("invalid_request", "invalid_grant", "access_denied"):
        raise AccessLost(what, status=answer.status, request_id=answer.request_id)


def _no_token(request: WireRequest) -> Sentence:
    return sentence("Canvas's answer to %(request)s holds no token.", request=str(request))


def _token_record(document: Any, request: WireRequest) -> TokenRecord:
    try:
        return TokenRecord.model_validate(document)
    except ValidationError:
        raise BrokenAnswer(
            sentence("Canvas's answer to %(request)s is not what it documents.", request=str(request))
        ) from None


def _expiry(received_at: datetime, token: TokenRecord) -> datetime | None:
    """Keys that do not expire tokens send no lifetime, and then there is none."""
    return None if token.expires_in is None else received_at + timedelta(seconds=token.expires_in)
