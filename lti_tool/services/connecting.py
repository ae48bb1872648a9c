"""Connecting a person to Canvas: out to the consent page, back with a code, or by a token of their own.

The way back is trusted only when three things meet: the state (known here by its hash, spent once, ten
minutes), the browser that started (a secret in its own cookie), and the person (Canvas must confirm with the
new token that it belongs to the one who was launched; another's is ended again at once).
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit, urlunsplit

import structlog

from allocation.sentences import N_
from lti_tool.canvas.calls import Calls
from lti_tool.canvas.client import CanvasClient
from lti_tool.canvas.endpoints import ALL_SCOPES
from lti_tool.canvas.errors import AccessLost, CanvasError, KeyRejected, Throttled
from lti_tool.canvas.oauth import CanvasOAuth, Grant
from lti_tool.canvas.pacing import Lane, Pace
from lti_tool.canvas.transport import Transport
from lti_tool.persistence.tokens import ConnectAttempt, ConnectAttempts, hashed
from lti_tool.planning.ids import CanvasOrigin, CourseId, UserId
from lti_tool.planning.signed_person import SignedPerson
from lti_tool.services.errors import ConnectFailed
from lti_tool.services.identities import Identities
from lti_tool.services.page_places import CanvasBusy
from lti_tool.services.tokens import ConnectionStatus, Tokens

ATTEMPT_LIFETIME = timedelta(minutes=10)

log = structlog.get_logger(__name__)


class ConsentRefused(ConnectFailed):
    """The person said no on Canvas's page."""


class AttemptOver(ConnectFailed):
    """The way back is unknown, was used before, or took more than ten minutes."""


class ExchangeWaits(ConnectFailed):
    """Canvas refuses for the moment and has not looked at the code: open the same address again."""


class WrongBrowser(ConnectFailed):
    """The answer came through another browser than the one that asked."""


class ActingAsAnother(ConnectFailed):
    """An administrator acts as somebody else in Canvas ("Act as user")."""


class KeyProblem(ConnectFailed):
    """The developer key is missing, off, or lacks scopes; an administrator must mend it."""


@dataclass(frozen=True, slots=True)
class StartedConnect:
    """``authorise_url`` for the top-level window, ``browser_secret`` for a cookie of that window."""

    authorise_url: str
    browser_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Connected:
    """A finished connection, and where the person wanted to go."""

    canvas: CanvasOrigin
    user_id: UserId
    return_to: str


class Connecting:
    """The use case.

    Args:
        oauth_of: the OAuth2 endpoints of a Canvas; None where no developer key is registered.
        transport_of: the transport to a Canvas; which ones may be spoken to, the caller has decided.
        take_place: called before a page waits for Canvas; raises CanvasBusy where too many do.
        refused: called for a consent that is not stored: who was launched, the grant, and why.
    """

    def __init__(
        self,
        attempts: ConnectAttempts,
        tokens: Tokens,
        oauth_of: Callable[[CanvasOrigin], CanvasOAuth | None],
        transport_of: Callable[[CanvasOrigin], Transport],
        identities: Identities,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        take_place: Callable[[CanvasOrigin, str], None] = lambda _canvas, _person: None,
        refused: Callable[[SignedPerson, Grant, ConnectFailed], None] = lambda *_: None,
    ) -> None:
        self._attempts = attempts
        self._tokens = tokens
        self._oauth_of = oauth_of
        self._transport_of = transport_of
        self._identities = identities
        self._now = now
        self._take_place = take_place
        self._refused = refused

    def start(self, person: SignedPerson, return_to: str) -> StartedConnect:
        """Begin: where to send the top-level window.

        Raises:
            ValueError: ``return_to`` is not a path inside this tool.
            KeyProblem: no developer key is registered for this Canvas.
        """
        if not return_to.startswith("/") or return_to.startswith(("//", "/\\")):
            raise ValueError("a connection returns to a path inside this tool")
        oauth = self._oauth(person.canvas)
        consent = oauth.consent_request()
        browser_secret = secrets.token_urlsafe(32)
        attempt = ConnectAttempt(person, return_to, consent.verifier, hashed(browser_secret))
        self._attempts.add(consent.state, attempt, self._now() + ATTEMPT_LIFETIME)
        return StartedConnect(_at(consent.url, person.opened_at or person.canvas), browser_secret)

    def finish(self, query: Mapping[str, str], browser_secret: str | None) -> Connected:
        """Take what Canvas sent back through the browser.

        The attempt is spent whatever follows: a state that was shown once is worth nothing afterwards. Only
        where Canvas has not looked at the code (``ExchangeWaits``) may the same answer come again.

        Raises:
            ConnectFailed: one of its kinds, in words for the person.
            CanvasError: Canvas could not be asked for the token.
        """
        attempt = self._attempts.spend(query.get("state", ""), self._now())
        if attempt is None:
            raise AttemptOver(
                N_(
                    "This connection was already used, or it took longer than ten minutes. "
                    "Go back to the tool in Canvas and choose Connect again."
                )
            )
        if not hmac.compare_digest(hashed(browser_secret or ""), attempt.browser_hash):
            raise WrongBrowser(
                N_(
                    "This browser didn't keep the cookie from when you chose Connect, or it is another "
                    "browser. Nothing was stored. Allow cookies for this address and connect again."
                )
            )
        person = attempt.person
        oauth = self._oauth(person.canvas)
        _raise_redirected_error(query)
        try:
            self._take_place(person.canvas, person.subject)
            grant = oauth.exchange(query.get("code", ""), attempt.verifier)
        except (Throttled, CanvasBusy) as error:  # the code is as good as before, for ten minutes
            self._attempts.give_back(query.get("state", ""))
            log.info("canvas_exchange_waits", canvas=person.canvas, why=type(error).__name__)
            raise ExchangeWaits(
                N_("Canvas is busy and asks to wait a few seconds before it connects you.")
            ) from error
        except KeyRejected as error:
            raise KeyProblem(error.words) from error
        except AccessLost as error:
            log.warning("canvas_code_refused", status=error.status, request_id=error.request_id)
            raise AttemptOver(N_("%(what)s Choose Connect again."), what=error.what_happened) from error
        try:
            course = self._confirmed(person, grant)
        except (ConnectFailed, CanvasError) as error:
            oauth.revoke(grant.access_token)
            if isinstance(error, ConnectFailed):
                self._refused(person, grant, error)
            raise
        self._tokens.store_oauth(person.canvas, grant, oauth.scopes)
        self._identities.remember(person, grant.user_id, course)
        log.info(
            "connected",
            canvas=person.canvas,
            issuer=person.issuer,
            client_id=person.client_id,
            user=grant.user_id,
            course=course,
        )
        return Connected(person.canvas, grant.user_id, attempt.return_to)

    def _confirmed(self, person: SignedPerson, grant: Grant) -> CourseId:
        """The course, once Canvas has confirmed that the token is the launched person's own."""
        if grant.real_user_id is not None:
            raise ActingAsAnother(
                N_(
                    "In Canvas you are acting as another user, so the access would be theirs. Nothing was "
                    'stored. Choose "Stop acting as user" in Canvas. That person connects themselves.'
                )
            )
        calls = Calls(
            self._transport_of(person.canvas), GivenToken(grant.access_token), Pace(), lane=Lane.PAGE
        )
        return self._identities.confirm(person, grant.user_id, CanvasClient(calls))

    def status(self, canvas: CanvasOrigin, user: UserId) -> ConnectionStatus:
        """Whether a token is stored, and whether it is of any use."""
        return self._tokens.status(canvas, user)

    def disconnect(self, canvas: CanvasOrigin, user: UserId) -> bool:
        """End the grant in Canvas and erase the token; whether Canvas confirmed it.

        Raises:
            CanvasBusy: too many pages wait for this Canvas.
        """
        self._take_place(canvas, user)
        return self._tokens.forget(canvas, user)

    def scopes(self) -> tuple[tuple[str, str], ...]:
        """Each scope that is asked for, and in words what for."""
        return tuple(ALL_SCOPES.items())

    def connect_with_personal_token(self, canvas: CanvasOrigin, token: str) -> UserId:
        """Store a token that the person made in Canvas's settings, after asking Canvas whose it is.

        Raises:
            CanvasError: AccessLost when Canvas does not accept the token.
        """
        token = token.strip()
        if not token.isascii() or not token.isprintable() or " " in token or not token:
            raise AccessLost(N_("That is not a Canvas access token."))
        calls = Calls(self._transport_of(canvas), GivenToken(token), Pace(), lane=Lane.PAGE)
        user = UserId(CanvasClient(calls).self_user().id)
        self._tokens.store_personal(canvas, user, token)
        return user

    def _oauth(self, canvas: CanvasOrigin) -> CanvasOAuth:
        oauth = self._oauth_of(canvas)
        if oauth is None:
            raise KeyProblem(
                N_(
                    "No developer key is registered for %(canvas)s. "
                    "Ask the administrator of this tool to add oauth_client_id and its secret."
                ),
                canvas=canvas,
            )
        return oauth


def _at(url: str, origin: str) -> str:
    """The same page under another address of the same Canvas, where the person is logged in."""
    there, path = urlsplit(origin), urlsplit(url)
    return urlunsplit((there.scheme, there.netloc, path.path, path.query, ""))


class GivenToken:
    """A token source for a token that was just typed in: it cannot be renewed."""

    def __init__(self, token: str) -> None:
        self._token = token

    def access_token(self) -> str:
        """The token."""
        return self._token

    def renew(self, failed_token: str) -> str:  # noqa: ARG002 - signature of TokenSource
        """Never possible. Raises AccessLost."""
        raise AccessLost(N_("Canvas does not accept this access token."))


def _raise_redirected_error(query: Mapping[str, str]) -> None:
    """Canvas's errors that come by redirect (canvas-lms oauth2_provider_controller); texts are not shown."""
    error = query.get("error")
    if error == "access_denied":
        raise ConsentRefused(
            N_(
                "Canvas was told not to give access, so nothing was stored and nothing can be read or "
                "changed. Choose Connect again if that was a mistake."
            )
        )
    if error == "invalid_scope":
        raise KeyProblem(
            N_(
                "The tool's developer key in Canvas lacks scopes that the tool needs. "
                "Ask the Canvas administrator to add them; the installation guide lists them."
            )
        )
    if error == "unauthorized_client":
        raise KeyProblem(
            N_(
                "The tool's developer key is switched off in this Canvas account. "
                "Ask the Canvas administrator."
            )
        )
    if error or not query.get("code"):
        log.warning("canvas_consent_failed", error=(error or "no code")[:40])
        raise ConnectFailed(
            N_("Canvas did not give access. Choose Connect again; if it stays, tell the administrator.")
        )
