"""People's Canvas tokens in use: handed out, renewed once per expiry, forgotten.

A refresh kills the earlier access token at once, so refreshes that do not know of each other destroy each
other's work. Whoever meets a dead token asks `renew` with the token that failed; only if the stored one is
still that one is it refreshed, by one thread of one process, and all others get what that one stored.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from allocation.sentences import N_, sentence
from lti_tool.applying.answers import Why
from lti_tool.canvas.calls import TokenSource
from lti_tool.canvas.errors import AccessLost, BrokenAnswer, CanvasUnavailable, KeyRejected, Throttled
from lti_tool.canvas.oauth import CanvasOAuth, Grant
from lti_tool.defects import present
from lti_tool.persistence.encryption import SealedTextError
from lti_tool.persistence.tokens import RefreshLease, StoredToken, TokenKind, TokenRows
from lti_tool.planning.ids import CanvasOrigin, UserId

MARGIN = timedelta(seconds=120)
"""A token is renewed this long before its end, so that clocks and long requests do not matter; short-lived
tokens (tests, odd installations) in their last quarter."""
OTHERS_REFRESH_S = 150.0
"""How long one waits for another process's refresh; longer than its lease."""
LOOK_EVERY_S = 0.1

Changed = Callable[[CanvasOrigin, UserId, bool], None]
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ConnectionStatus:
    """What the connect page shows. ``usable``: a call can be tried; ``needs_reconnect``: one was, in vain."""

    kind: TokenKind | None
    connected_at: datetime | None
    needs_reconnect: bool
    missing_scopes: tuple[str, ...] = ()

    @property
    def usable(self) -> bool:
        """Whether there is a token that is not known to be dead."""
        return self.kind is not None and not self.needs_reconnect


class Tokens:
    """All tokens of all people on all registered Canvases.

    Args:
        oauth_of: the OAuth2 endpoints of a Canvas, or None where no developer key is registered.
        now, sleep: clock and waiting.
        changed: told when a person's token was stored (True) or erased (False).
    """

    def __init__(
        self,
        rows: TokenRows,
        oauth_of: Callable[[CanvasOrigin], CanvasOAuth | None],
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], None] = time.sleep,
        changed: Changed = lambda _canvas, _user, _connected: None,
    ) -> None:
        self._rows = rows
        self._oauth_of = oauth_of
        self._now = now
        self._sleep = sleep
        self._changed = changed
        self._guard = threading.Lock()
        self._locks: dict[tuple[CanvasOrigin, UserId], threading.Lock] = {}

    def source(self, canvas: CanvasOrigin, user: UserId) -> TokenSource:
        """The token of this person, for a client. Nothing is read before the first call."""
        return PersonalSource(self, canvas, user)

    def store_oauth(self, canvas: CanvasOrigin, grant: Grant, scopes: tuple[str, ...]) -> None:
        """Keep what a code exchange gave, and end an earlier grant of ours in Canvas.

        Each exchange makes a further grant there; the older would stay valid for ever.
        """
        earlier = self._rows.put(
            canvas,
            grant.user_id,
            TokenKind.OAUTH,
            access_token=grant.access_token,
            refresh_token=grant.refresh_token,
            scopes=scopes,
            expires_at=grant.expires_at,
            renew_at=renewal_moment(self._now(), grant.expires_at),
            now=self._now(),
        )
        self._changed(canvas, grant.user_id, True)
        oauth = self._oauth_of(canvas)
        if earlier is not None and earlier.kind is TokenKind.OAUTH and not earlier.dead and oauth is not None:
            oauth.revoke(earlier.access_token)

    def store_personal(self, canvas: CanvasOrigin, user: UserId, access_token: str) -> None:
        """Keep a token that the person made in Canvas's settings."""
        self._rows.put(
            canvas,
            user,
            TokenKind.PERSONAL,
            access_token=access_token,
            refresh_token=None,
            scopes=(),
            expires_at=None,
            renew_at=None,
            now=self._now(),
        )
        self._changed(canvas, user, True)

    def status(self, canvas: CanvasOrigin, user: UserId) -> ConnectionStatus:
        """What is stored, without asking Canvas."""
        try:
            token = self._rows.find(canvas, user)
        except SealedTextError:
            return ConnectionStatus(None, None, needs_reconnect=True)
        if token is None:
            return ConnectionStatus(None, None, needs_reconnect=False)
        oauth = self._oauth_of(canvas)
        wanted = oauth.scopes if oauth is not None and token.kind is TokenKind.OAUTH else ()
        missing = tuple(scope for scope in wanted if scope not in token.scopes)
        return ConnectionStatus(token.kind, token.connected_at, token.dead or bool(missing), missing)

    def forget(self, canvas: CanvasOrigin, user: UserId) -> bool:
        """Erase the token here, and end the grant in Canvas; whether Canvas confirmed the latter.

        A personal token is only erased: it is the person's own and may be in use elsewhere.
        """
        try:
            token = self._rows.find(canvas, user)
        except SealedTextError:
            self._erase(canvas, user)
            return False
        if token is None:
            return True
        oauth = self._oauth_of(canvas)
        ended = token.kind is TokenKind.PERSONAL
        if not ended and oauth is not None and not token.dead:
            ended = oauth.revoke(token.access_token)
            if not ended:  # it may only have expired, and the grant behind it is still good
                try:
                    ended = oauth.revoke(self.renew(canvas, user, token.access_token))
                except (AccessLost, CanvasUnavailable):
                    ended = False
        self._erase(canvas, user)
        return ended

    def _erase(self, canvas: CanvasOrigin, user: UserId) -> None:
        self._rows.remove(canvas, user)
        self._changed(canvas, user, False)

    def access_token(self, canvas: CanvasOrigin, user: UserId) -> str:
        """The stored token, renewed first when it is about to end.

        Raises:
            AccessLost: there is none, or it is dead.
            CanvasError: it had to be renewed and Canvas could not be asked.
        """
        token = self._living(canvas, user)
        if token.renew_at is None or token.renew_at > self._now():
            return token.access_token
        try:
            return self.renew(canvas, user, token.access_token)
        except (CanvasUnavailable, Throttled, BrokenAnswer):
            if token.expires_at is not None and token.expires_at > self._now():
                return token.access_token  # early renewal is a courtesy; the token is still good
            raise

    def renew(self, canvas: CanvasOrigin, user: UserId, failed_token: str) -> str:
        """A token other than ``failed_token``. One refresh per expiry, over all threads and processes.

        Raises:
            AccessLost: Canvas will not renew it; the person must connect again.
            CanvasError: Canvas could not be asked; the stored token is unchanged.
        """
        with self._lock_of(canvas, user):
            deadline = time.monotonic() + OTHERS_REFRESH_S
            while True:
                token = self._living(canvas, user)
                if token.access_token != failed_token:
                    return token.access_token
                oauth = self._oauth_of(canvas)
                if oauth is None and token.kind is TokenKind.OAUTH:
                    raise KeyRejected(
                        sentence("No developer key is registered for %(canvas)s.", canvas=canvas)
                    )
                if token.refresh_token is None or oauth is None:
                    self._rows.mark_dead(canvas, user, token.generation)
                    raise AccessLost(N_("Canvas refused the stored token, and it cannot be renewed."))
                try:
                    lease = self._rows.lease(canvas, user, token.generation, secrets.token_hex(16))
                except LookupError:
                    raise AccessLost(N_("The connection to Canvas was ended.")) from None
                if isinstance(lease, RefreshLease):
                    self._refresh(oauth, lease)
                elif lease is None:
                    if time.monotonic() > deadline:
                        raise CanvasUnavailable(
                            N_("Another process has been renewing the Canvas token for too long."),
                            why=Why.NO_ANSWER,
                        )
                    self._sleep(LOOK_EVERY_S)

    def _refresh(self, oauth: CanvasOAuth, lease: RefreshLease) -> None:
        """Refresh under the lease, outside any transaction."""
        refresh_token = present(lease.token.refresh_token, "only tokens that can be refreshed are leased")
        settled = False
        dead = False
        try:
            fresh = oauth.refresh(refresh_token)
            settled = True
        except KeyRejected:
            raise  # the administrator's to mend; the grant is as good as before
        except AccessLost:
            dead = True
            raise
        finally:
            if not settled:
                self._rows.give_back(lease, dead=dead)
        stored = self._rows.settle(
            lease,
            access_token=fresh.access_token,
            refresh_token=fresh.refresh_token,
            expires_at=fresh.expires_at,
            renew_at=renewal_moment(self._now(), fresh.expires_at),
            now=self._now(),
        )
        log.info("canvas_token_renewed", canvas=lease.token.canvas, stored=stored)

    def _living(self, canvas: CanvasOrigin, user: UserId) -> StoredToken:
        try:
            token = self._rows.find(canvas, user)
        except SealedTextError as error:
            log.error("canvas_token_does_not_open", canvas=canvas, reason=str(error))
            raise AccessLost(
                N_("The stored token cannot be opened with the keys that are configured.")
            ) from error
        if token is None:
            raise AccessLost(N_("There is no connection to Canvas for this person."))
        if token.dead:
            raise AccessLost(N_("Canvas no longer accepts the stored token."))
        return token

    def _lock_of(self, canvas: CanvasOrigin, user: UserId) -> threading.Lock:
        with self._guard:
            return self._locks.setdefault((canvas, user), threading.Lock())


class PersonalSource:
    """One person's token as clients use it: ``canvas.calls.TokenSource``."""

    def __init__(self, tokens: Tokens, canvas: CanvasOrigin, user: UserId) -> None:
        self._tokens = tokens
        self._canvas = canvas
        self._user = user

    def access_token(self) -> str:
        """The token, renewed before its end."""
        return self._tokens.access_token(self._canvas, self._user)

    def renew(self, failed_token: str) -> str:
        """The token after the one that failed."""
        return self._tokens.renew(self._canvas, self._user, failed_token)


def renewal_moment(now: datetime, expires_at: datetime | None) -> datetime | None:
    """When to renew a token received now: MARGIN before its end, at the earliest in its last quarter."""
    if expires_at is None:
        return None
    return expires_at - min(MARGIN, (expires_at - now) / 4)
