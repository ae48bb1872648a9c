"""Canvas tokens of people, and connections under way: tables and repositories.

One row per (Canvas, person). Access and refresh token are sealed, bound to row and column, so that a sealed
text copied elsewhere does not open.

A refresh is guarded by a *lease column*, on SQLite and PostgreSQL alike, instead of a row lock: the lock
would have to be held during an HTTP call of up to half a minute, on SQLite that is the only write lock of the
whole database, and the journal must never wait for Canvas. The lease is taken and given back in two
short transactions; one that a killed process left behind ends by itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from pydantic import TypeAdapter
from sqlalchemy import String, Text, delete, func, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from lti_tool.persistence.base import Base, UTCDateTime
from lti_tool.persistence.database import Database, one_at_a_time
from lti_tool.persistence.encryption import SealedTextError, SecretBox
from lti_tool.planning.ids import CanvasOrigin, UserId
from lti_tool.planning.signed_person import SignedPerson

_PERSON = TypeAdapter(SignedPerson)
LEASE = timedelta(seconds=120)
"""Longer than a refresh with all its attempts can take in a process that is alive."""


class TokenKind(StrEnum):
    """How a token came to us, and therefore what can be done when it dies."""

    OAUTH = "oauth"
    PERSONAL = "personal"
    """Made by the person in Canvas's settings; has no refresh token and is never revoked by us."""


class TokenRow(Base):
    """One person's token for one Canvas."""

    __tablename__ = "canvas_token"

    canvas: Mapped[str] = mapped_column(String(255), primary_key=True)
    user_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    sealed_access: Mapped[str] = mapped_column(Text)
    sealed_refresh: Mapped[str | None] = mapped_column(Text)
    scopes: Mapped[str] = mapped_column(Text)
    generation: Mapped[int]
    """Grows with every token stored; what a refresh may replace is the generation it started from."""
    expires_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    renew_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    connected_at: Mapped[datetime] = mapped_column(UTCDateTime)
    renewed_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
    dead: Mapped[bool]
    """Canvas refused the refresh token: only the person can mend that."""
    lease_owner: Mapped[str | None] = mapped_column(String(64))
    lease_until: Mapped[datetime | None] = mapped_column(UTCDateTime)


class ConnectAttemptRow(Base):
    """One way to Canvas's consent page and back. Nothing in it can be used by who reads the table."""

    __tablename__ = "connect_attempt"

    state_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    browser_hash: Mapped[str] = mapped_column(String(64))
    sealed_verifier: Mapped[str] = mapped_column(Text)
    canvas: Mapped[str] = mapped_column(String(255))
    user_id: Mapped[str] = mapped_column(String(255))
    """What the launch claimed, which Canvas has yet to confirm."""
    return_to: Mapped[str] = mapped_column(Text)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
    used: Mapped[bool]
    person: Mapped[str | None] = mapped_column(Text)
    """The launched person in LTI's ids, as JSON; null in rows of an earlier version, which are spent."""


@dataclass(frozen=True, slots=True)
class StoredToken:
    """A row, opened."""

    canvas: CanvasOrigin
    user_id: UserId
    kind: TokenKind
    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    scopes: tuple[str, ...]
    generation: int
    expires_at: datetime | None
    renew_at: datetime | None
    connected_at: datetime
    dead: bool


@dataclass(frozen=True, slots=True)
class RefreshLease:
    """The right to refresh one generation of one token, and what to refresh it with."""

    owner: str
    token: StoredToken


@dataclass(frozen=True, slots=True)
class ConnectAttempt:
    """What an attempt remembers."""

    person: SignedPerson
    return_to: str
    verifier: str = field(repr=False)
    browser_hash: str = field(repr=False)


def hashed(secret: str) -> str:
    """What is stored of a secret of 32 random bytes; such a secret needs no salt."""
    return hashlib.sha256(secret.encode()).hexdigest()


class TokenRows:
    """The tokens at rest. Every method is one transaction of its own."""

    def __init__(self, database: Database, box: SecretBox) -> None:
        self._database = database
        self._box = box

    def find(self, canvas: CanvasOrigin, user: UserId) -> StoredToken | None:
        """The stored token, or None. Raises SealedTextError when its key is not configured."""
        with self._database.read() as session:
            row = session.get(TokenRow, (canvas, user))
            return None if row is None else self._open(row)

    def put(
        self,
        canvas: CanvasOrigin,
        user: UserId,
        kind: TokenKind,
        *,
        access_token: str,
        refresh_token: str | None,
        scopes: Iterable[str],
        expires_at: datetime | None,
        renew_at: datetime | None,
        now: datetime,
    ) -> StoredToken | None:
        """Store a token that the person just gave, in place of any earlier one, which is returned.

        An earlier one that does not open any more (its key is lost) is replaced all the same.
        """
        with self._database.begin() as session:
            one_at_a_time(session, f"token {canvas} {user}")
            row = self._locked(session, canvas, user)
            earlier = None
            if row is not None:
                with suppress(SealedTextError):
                    earlier = self._open(row)
            if row is None:
                row = TokenRow(canvas=canvas, user_id=user, generation=0)
                session.add(row)
            row.kind = kind
            row.scopes = " ".join(scopes)
            row.connected_at = now
            row.dead = False
            self._fill(row, access_token, refresh_token, expires_at, renew_at, now)
        return earlier

    def lease(
        self, canvas: CanvasOrigin, user: UserId, generation: int, owner: str
    ) -> RefreshLease | StoredToken | None:
        """Ask for the right to refresh ``generation``.

        Returns the lease, or the token as it is now when it is another generation or dead, or None while
        somebody else refreshes it.

        Raises:
            LookupError: there is no token any more.
        """
        with self._database.begin() as session:
            row = self._locked(session, canvas, user)
            if row is None:
                raise LookupError("no token is stored")
            if row.generation != generation or row.dead:
                return self._open(row)
            now = moment(session)
            if row.lease_until is not None and row.lease_until > now:
                return None
            row.lease_owner, row.lease_until = owner, now + LEASE
            return RefreshLease(owner, self._open(row))

    def settle(
        self,
        lease: RefreshLease,
        *,
        access_token: str,
        refresh_token: str | None,
        expires_at: datetime | None,
        renew_at: datetime | None,
        now: datetime,
    ) -> bool:
        """Store what a refresh gave; False when the row has moved on meanwhile and what it holds counts."""
        with self._database.begin() as session:
            row = self._leased(session, lease)
            if row is None:
                return False
            refresh_token = refresh_token or lease.token.refresh_token
            self._fill(row, access_token, refresh_token, expires_at, renew_at, now)
            return True

    def give_back(self, lease: RefreshLease, *, dead: bool) -> None:
        """End a lease without a new token; ``dead`` when Canvas refused the refresh token for good."""
        with self._database.begin() as session:
            row = self._leased(session, lease)
            if row is not None:
                row.dead = dead
                row.lease_owner = row.lease_until = None

    def mark_dead(self, canvas: CanvasOrigin, user: UserId, generation: int) -> None:
        """Note that Canvas refuses a token that cannot be refreshed."""
        with self._database.begin() as session:
            row = self._locked(session, canvas, user)
            if row is not None and row.generation == generation:
                row.dead = True

    def users_of(self, canvas: CanvasOrigin) -> tuple[UserId, ...]:
        """Whose tokens for this Canvas are stored, by id."""
        with self._database.read() as session:
            found = session.scalars(
                select(TokenRow.user_id).where(TokenRow.canvas == canvas).order_by(TokenRow.user_id)
            )
            return tuple(UserId(user) for user in found)

    def remove(self, canvas: CanvasOrigin, user: UserId) -> None:
        """Erase the row."""
        with self._database.begin() as session:
            session.execute(delete(TokenRow).where(TokenRow.canvas == canvas, TokenRow.user_id == user))

    def _locked(self, session: Session, canvas: CanvasOrigin, user: UserId) -> TokenRow | None:
        return session.get(TokenRow, (canvas, user), with_for_update=True)

    def _leased(self, session: Session, lease: RefreshLease) -> TokenRow | None:
        row = self._locked(session, lease.token.canvas, lease.token.user_id)
        if row is None or row.generation != lease.token.generation or row.lease_owner != lease.owner:
            return None
        return row

    def _fill(
        self,
        row: TokenRow,
        access_token: str,
        refresh_token: str | None,
        expires_at: datetime | None,
        renew_at: datetime | None,
        now: datetime,
    ) -> None:
        self._seal(row, access_token, refresh_token)
        row.expires_at, row.renew_at, row.renewed_at = expires_at, renew_at, now
        row.generation += 1
        row.lease_owner = row.lease_until = None

    def _seal(self, row: TokenRow, access_token: str, refresh_token: str | None) -> None:
        row.sealed_access = self._box.seal(access_token, bound_to=_binding(row, "access"))
        row.sealed_refresh = (
            None
            if refresh_token is None
            else self._box.seal(refresh_token, bound_to=_binding(row, "refresh"))
        )

    def _open(self, row: TokenRow) -> StoredToken:
        sealed = row.sealed_refresh
        return StoredToken(
            canvas=CanvasOrigin(row.canvas),
            user_id=UserId(row.user_id),
            kind=TokenKind(row.kind),
            access_token=self._box.open(row.sealed_access, bound_to=_binding(row, "access")),
            refresh_token=None
            if sealed is None
            else self._box.open(sealed, bound_to=_binding(row, "refresh")),
            scopes=tuple(row.scopes.split()),
            generation=row.generation,
            expires_at=row.expires_at,
            renew_at=row.renew_at,
            connected_at=row.connected_at,
            dead=row.dead,
        )


class ConnectAttempts:
    """Attempts under way, found by the hash of their state, spent once."""

    def __init__(self, database: Database, box: SecretBox) -> None:
        self._database = database
        self._box = box

    def add(self, state: str, attempt: ConnectAttempt, expires_at: datetime) -> None:
        """Store an attempt; those that are over are swept out."""
        state_hash = hashed(state)
        with self._database.begin() as session:
            session.execute(delete(ConnectAttemptRow).where(ConnectAttemptRow.expires_at < moment(session)))
            session.add(
                ConnectAttemptRow(
                    state_hash=state_hash,
                    browser_hash=attempt.browser_hash,
                    sealed_verifier=self._box.seal(
                        attempt.verifier, bound_to=f"connect_attempt:{state_hash}"
                    ),
                    canvas=attempt.person.canvas,
                    user_id=attempt.person.claimed_user_id,
                    return_to=attempt.return_to,
                    expires_at=expires_at,
                    used=False,
                    person=_PERSON.dump_json(attempt.person).decode(),
                )
            )

    def spend(self, state: str, now: datetime) -> ConnectAttempt | None:
        """The attempt of this state, for the first who asks within its time; None for everybody else."""
        state_hash = hashed(state)
        with self._database.begin() as session:
            spent = session.scalars(
                update(ConnectAttemptRow)
                .where(
                    ConnectAttemptRow.state_hash == state_hash,
                    ConnectAttemptRow.used.is_(False),
                    ConnectAttemptRow.expires_at > now,
                )
                .values(used=True)
                .returning(ConnectAttemptRow)
            ).one_or_none()
            if spent is None or spent.person is None:
                return None
            return ConnectAttempt(
                person=_PERSON.validate_json(spent.person),
                return_to=spent.return_to,
                verifier=self._box.open(spent.sealed_verifier, bound_to=f"connect_attempt:{state_hash}"),
                browser_hash=spent.browser_hash,
            )

    def give_back(self, state: str) -> None:
        """Let a spent attempt be spent again, within its time: what it was spent for did not take place."""
        with self._database.begin() as session:
            session.execute(
                update(ConnectAttemptRow)
                .where(ConnectAttemptRow.state_hash == hashed(state))
                .values(used=False)
            )


def moment(session: Session) -> datetime:
    """Now, by the one clock that all processes share: PostgreSQL's own, and with SQLite the host's."""
    if session.get_bind().dialect.name == "postgresql":
        found: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
        return found.astimezone(UTC)
    return datetime.now(UTC)


def _binding(row: TokenRow, column: str) -> str:
    return f"canvas_token:{row.canvas}:{row.user_id}:{column}"
