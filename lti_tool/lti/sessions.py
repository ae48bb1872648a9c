"""Sessions of the frame: a random bearer token, known here by its hash only, for one launch context."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from pydantic import TypeAdapter, ValidationError

from lti_tool.lti.context import LaunchContext
from lti_tool.lti.launching import hashed

_CONTEXT = TypeAdapter(LaunchContext)


class SessionStore(Protocol):
    """Rows of sessions."""

    def add(self, token_hash: str, context: str, now: datetime, expires_at: datetime) -> None: ...
    def touch(self, token_hash: str, now: datetime, idle_since: datetime) -> str | None: ...
    def revoke(self, token_hash: str) -> None: ...


class Sessions:
    """Opens, finds and closes sessions.

    Args:
        idle, absolute: a session ends after this much silence, and at the latest after this long.
    """

    def __init__(
        self, store: SessionStore, now: Callable[[], datetime], *, idle: timedelta, absolute: timedelta
    ) -> None:
        self._store = store
        self._now = now
        self._idle = idle
        self._absolute = absolute

    def open(self, context: LaunchContext) -> str:
        """A new session; the token is never seen here again."""
        token = secrets.token_urlsafe(32)
        now = self._now()
        self._store.add(hashed(token), _CONTEXT.dump_json(context).decode(), now, now + self._absolute)
        return token

    def authenticate(self, token: str) -> LaunchContext | None:
        """The launch that a token belongs to; None when it is unknown, revoked or has ended."""
        now = self._now()
        found = self._store.touch(hashed(token), now, now - self._idle)
        try:
            return None if found is None else _CONTEXT.validate_json(found)
        except ValidationError:  # opened by an earlier version of the tool
            return None

    def close(self, token: str) -> None:
        """End a session."""
        self._store.revoke(hashed(token))
