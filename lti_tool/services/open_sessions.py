"""Open sessions: listed for operators and administrators, and ended at once.

What a launch said is sealed, so whose a session is, is known only after opening it here. A session that no
configured key opens belongs to nobody and can't be used either. Ids that are shown are the beginning of the
token's hash; neither leads to the token.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lti_tool.persistence.identities import IdentityRows
from lti_tool.persistence.launches import SessionRows, StoredSession
from lti_tool.planning.ids import CanvasOrigin

ID_LENGTH = 12


@dataclass(frozen=True, slots=True)
class OpenSession:
    """One session. ``user`` may be empty until Canvas has said who the person of the launch is."""

    id: str
    canvas: str
    course: str
    user: str
    lti_user: str
    opened_at: datetime
    seen_at: datetime
    client_id: str


@dataclass(frozen=True, slots=True)
class Whose:
    """Which sessions are meant; empty text leaves a part out. ``user`` is Canvas's number or LTI's id."""

    canvas: CanvasOrigin | str = ""
    course: str = ""
    user: str = ""
    id: str = ""
    client_id: str = ""

    def meant(self, one: OpenSession) -> bool:
        """Whether a session is among them."""
        return (
            self.canvas in ("", one.canvas)
            and self.course in ("", one.course)
            and self.user in ("", one.user, one.lti_user)
            and self.client_id in ("", one.client_id)
            and one.id.startswith(self.id)
        )


class OpenSessions:
    """Finds and ends sessions, of all processes at once: each request looks its session up."""

    def __init__(self, rows: SessionRows, identities: IdentityRows, now: Callable[[], datetime]) -> None:
        self._rows = rows
        self._identities = identities
        self._now = now

    def find(self, whose: Whose) -> tuple[OpenSession, ...]:
        """Sessions that are still good, the one seen last first."""
        found = (one for _, one in self._all() if whose.meant(one))
        return tuple(sorted(found, key=lambda one: one.seen_at, reverse=True))

    def end(self, whose: Whose) -> int:
        """End them; how many."""
        meant = [token_hash for token_hash, one in self._all() if whose.meant(one)]
        for token_hash in meant:
            self._rows.revoke(token_hash)
        return len(meant)

    def _all(self) -> Iterator[tuple[str, OpenSession]]:
        for found in self._rows.living(self._now()):
            yield found.token_hash, self._opened(found, json.loads(found.context))

    def _opened(self, found: StoredSession, said: Mapping[str, Any]) -> OpenSession:
        """The launch may be older than the moment in which Canvas said who and where it was."""
        key, client_id, canvas = (
            said.get("issuer", ""),
            said.get("client_id", ""),
            said.get("canvas_origin", ""),
        )
        user, course = said.get("user_id", ""), said.get("course_id", "")
        lti_user, context = said.get("lti_user_id", ""), said.get("context_id", "")
        return OpenSession(
            id=found.token_hash[:ID_LENGTH],
            canvas=canvas,
            course=course or self._identities.course(key, client_id, context, canvas) or "",
            user=user or self._identities.person(key, client_id, lti_user, canvas) or "",
            lti_user=lti_user,
            opened_at=found.opened_at,
            seen_at=found.seen_at,
            client_id=client_id,
        )
