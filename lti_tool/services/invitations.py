"""Invitations: how somebody who has no launch yet, or none as an administrator, may still do something here.

The registration address is meant to be pasted into Canvas, so everybody may learn it. It registers nothing
without a code that the operator made (``peer-allocator registration invite``) for one institution, once. When
that is done, a second code takes its place, which opens the administration of that one registration for a few
days: the first one has been in addresses, hence in logs. Only hashes of codes are stored.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from lti_tool.lti.registration import Registration
from lti_tool.persistence.registrations import Invitation, InvitationRows
from lti_tool.persistence.tokens import hashed
from lti_tool.services.audit import Audit, Event
from lti_tool.services.registrations import KnownRegistrations

GOOD_FOR = timedelta(days=7)
ID_LENGTH = 12


@dataclass(frozen=True, slots=True)
class SpentInvitation:
    """An invitation that was taken out, and can be put back when what it was for did not happen."""

    code_hash: str = field(repr=False)
    invitation: Invitation


@dataclass(frozen=True, slots=True)
class OpenInvitation:
    """A code that is still good. ``id`` is the beginning of its hash and doesn't lead to the code."""

    id: str
    invitation: Invitation


class Invitations:
    """Makes codes and tells what they are good for."""

    def __init__(
        self,
        rows: InvitationRows,
        registrations: KnownRegistrations,
        now: Callable[[], datetime],
        audit: Audit,
    ) -> None:
        self._rows = rows
        self._audit = audit
        self._registrations = registrations
        self._now = now

    def to_register(self, note: str, good_for: timedelta = GOOD_FOR) -> str:
        """A code that registers one platform. ``note`` says for whom; only the operator sees it."""
        return self._make(note, None, good_for)

    def to_administrate(self, registration: Registration, note: str, good_for: timedelta = GOOD_FOR) -> str:
        """A code that opens the administration of one registration."""
        return self._make(note, registration, good_for)

    def open(self, registration: Registration | None = None) -> tuple[OpenInvitation, ...]:
        """Every code that is still good, or those that open one registration's administration."""
        found = (OpenInvitation(code[:ID_LENGTH], one) for code, one in self._rows.living(self._now()))
        if registration is None:
            return tuple(found)
        key = (registration.issuer, registration.client_id)
        return tuple(one for one in found if (one.invitation.issuer, one.invitation.client_id) == key)

    def revoke(self, id_: str, registration: Registration | None = None) -> bool:
        """End a code by its id; False where there is none, or it belongs to another registration."""
        if id_ not in {one.id for one in self.open(registration)}:
            return False
        for code_hash, _ in self._rows.living(self._now()):
            if code_hash.startswith(id_):
                self._rows.spend(code_hash, self._now())
        self._audit.record(
            Event.INVITATION_REVOKED, canvas=registration.canvas if registration else "", object_=id_
        )
        return True

    def find(self, code: str) -> Invitation | None:
        """An invitation to register that is still good."""
        found = self._rows.find(_hash(code), self._now())
        return found if found is not None and found.issuer is None else None

    def spend(self, code: str) -> SpentInvitation | None:
        """Take an invitation to register out; of two who try at once one gets it."""
        if self.find(code) is None:
            return None
        spent = self._rows.spend(_hash(code), self._now())
        return None if spent is None else SpentInvitation(_hash(code), spent)

    def put_back(self, spent: SpentInvitation) -> None:
        """Make a spent invitation good again until its old end."""
        self._rows.add(spent.code_hash, spent.invitation)

    def administrated_by(self, code: str) -> Registration | None:
        """The registration whose administration a code opens."""
        found = self._rows.find(_hash(code), self._now())
        if found is None or found.issuer is None:
            return None
        return self._registrations.find(found.issuer, found.client_id)

    def _make(self, note: str, registration: Registration | None, good_for: timedelta) -> str:
        code, now = secrets.token_urlsafe(24), self._now()
        self._rows.add(
            _hash(code),
            Invitation(
                note,
                registration.issuer if registration else None,
                registration.client_id if registration else None,
                now,
                now + good_for,
            ),
        )
        self._audit.record(
            Event.INVITATION_MADE,
            canvas=registration.canvas if registration else "",
            object_=_hash(code)[:ID_LENGTH],
        )
        return code


def _hash(code: str) -> str:
    return hashed(f"invitation:{code.encode(errors='replace').decode()}")
