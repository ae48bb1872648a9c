"""Connecting from inside Canvas's frame: the frame's session asks for a ticket, a top-level window spends it.

The window cannot show the frame's session (it lives in the frame's own storage), and consent pages refuse to
be framed; so a ticket, good for one minute and one use, tells the window who asked.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from allocation.sentences import N_
from lti_tool.canvas.endpoints import ALL_SCOPES
from lti_tool.persistence.tokens import ConnectAttempt, ConnectAttempts
from lti_tool.planning.signed_person import SignedPerson
from lti_tool.services.actor import Actor
from lti_tool.services.connecting import AttemptOver, Connecting

TICKET_LIFETIME = timedelta(seconds=60)


class ConnectWindow:
    """Implements ``ConnectingCases``."""

    def __init__(
        self, connecting: Connecting, attempts: ConnectAttempts, now: Callable[[], datetime]
    ) -> None:
        self._connecting = connecting
        self._attempts = attempts
        self._now = now

    def connected(self, actor: Actor) -> bool:
        """Whether a usable token of this person for this Canvas is stored."""
        return self._connecting.status(actor.canvas, actor.user_id).usable

    def ticket(self, person: SignedPerson, return_to: str) -> str:
        """A one-time ticket (60 s) that the top-level window shows instead of the session."""
        ticket = secrets.token_urlsafe(32)
        attempt = ConnectAttempt(person, return_to, "", "")
        self._attempts.add(_ticket_row(ticket), attempt, self._now() + TICKET_LIFETIME)
        return ticket

    def start(self, ticket: str) -> tuple[str, str]:
        """Spend a ticket: (address of Canvas's consent page, secret for the window's own cookie).

        Raises:
            AttemptOver: unknown, used, or older than a minute.
            KeyProblem: no developer key is registered for this Canvas.
        """
        attempt = self._attempts.spend(_ticket_row(ticket), self._now())
        if attempt is None:
            raise AttemptOver(
                N_("This window was opened too late or twice. Close it and choose Connect again in Canvas.")
            )
        started = self._connecting.start(attempt.person, attempt.return_to)
        return started.authorise_url, started.browser_secret

    def finish(self, query: Mapping[str, str], browser_secret: str) -> str:
        """Spend Canvas's answer; gives the path inside the tool to return to."""
        return self._connecting.finish(query, browser_secret).return_to

    def disconnect(self, actor: Actor) -> None:
        """Revoke the token in Canvas and forget it here."""
        self._connecting.disconnect(actor.canvas, actor.user_id)

    def scopes(self) -> Sequence[tuple[str, str]]:
        """Each scope that is asked for, and in words what for."""
        return tuple(ALL_SCOPES.items())


def _ticket_row(ticket: str) -> str:
    return f"ticket:{ticket}"
