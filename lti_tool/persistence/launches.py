"""Repositories of launches: one-time secrets, sessions, the tool's own keys."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import delete, func, select, text, update

from lti_tool.persistence.database import Database
from lti_tool.persistence.encryption import SealedTextError, SecretBox
from lti_tool.persistence.lti_rows import OneTimeSecretRow, SessionRow, ToolKeyRow


class OneTimeRows:
    """Things that can be taken out once: the row is deleted in the same statement that reads it."""

    def __init__(self, database: Database, box: SecretBox) -> None:
        self._database = database
        self._box = box

    def add(self, secret_hash: str, body: str, now: datetime, expires_at: datetime) -> None:
        """Remember ``body`` until it is spent or over; what others left unspent is erased meanwhile."""
        with self._database.begin() as session:
            session.execute(delete(OneTimeSecretRow).where(OneTimeSecretRow.expires_at <= now))
            sealed = self._box.seal(body, bound_to=f"one_time_secret:{secret_hash}")
            session.add(OneTimeSecretRow(secret_hash=secret_hash, body=sealed, expires_at=expires_at))

    def spend(self, secret_hash: str, now: datetime) -> str | None:
        """What was remembered, once; of two who ask at the same moment one gets it."""
        with self._database.begin() as session:
            sealed = session.scalar(
                delete(OneTimeSecretRow)
                .where(OneTimeSecretRow.secret_hash == secret_hash, OneTimeSecretRow.expires_at > now)
                .returning(OneTimeSecretRow.body)
            )
        return None if sealed is None else self._opened(secret_hash, sealed)

    def _opened(self, secret_hash: str, sealed: str) -> str | None:
        try:
            return self._box.open(sealed, bound_to=f"one_time_secret:{secret_hash}")
        except SealedTextError:  # its key is lost: the launch is begun anew
            return None


@dataclass(frozen=True, slots=True)
class StoredSession:
    """One living session with what its launch said (JSON)."""

    token_hash: str
    context: str = field(repr=False)
    opened_at: datetime
    seen_at: datetime


class SessionRows:
    """Sessions by the hash of their token. What a launch said (a name among it) is sealed."""

    def __init__(self, database: Database, box: SecretBox) -> None:
        self._database = database
        self._box = box

    def add(self, token_hash: str, context: str, now: datetime, expires_at: datetime) -> None:
        """A new session; those that are over are erased on this occasion."""
        with self._database.begin() as session:
            session.execute(delete(SessionRow).where(SessionRow.expires_at <= now))
            session.add(
                SessionRow(
                    token_hash=token_hash,
                    context=self._box.seal(context, bound_to=f"session:{token_hash}"),
                    created_at=now,
                    last_seen_at=now,
                    expires_at=expires_at,
                )
            )

    def touch(self, token_hash: str, now: datetime, idle_since: datetime) -> str | None:
        """The context of a living session; ``last_seen_at`` is moved at most once a minute."""
        with self._database.read() as session:
            row = session.get(SessionRow, token_hash)
        if row is None or row.expires_at <= now or row.last_seen_at <= idle_since:
            return None
        if (now - row.last_seen_at).total_seconds() > 60:
            with self._database.begin() as session:
                session.execute(
                    update(SessionRow).where(SessionRow.token_hash == token_hash).values(last_seen_at=now)
                )
        try:
            return self._box.open(row.context, bound_to=f"session:{token_hash}")
        except SealedTextError:  # its key is lost: the session has ended
            return None

    def living(self, now: datetime) -> tuple[StoredSession, ...]:
        """Every session that isn't over by its latest end, opened; those that don't open are left out."""
        with self._database.read() as session:
            rows = session.scalars(select(SessionRow).where(SessionRow.expires_at > now)).all()
        found = []
        for row in rows:
            try:
                context = self._box.open(row.context, bound_to=f"session:{row.token_hash}")
            except SealedTextError:
                continue
            found.append(StoredSession(row.token_hash, context, row.created_at, row.last_seen_at))
        return tuple(found)

    def revoke(self, token_hash: str) -> None:
        """End a session."""
        with self._database.begin() as session:
            session.execute(delete(SessionRow).where(SessionRow.token_hash == token_hash))


@dataclass(frozen=True, slots=True)
class StoredKey:
    """One of the tool's key pairs. The private half stays sealed until it is asked for."""

    kid: str
    public_jwk: str
    created_at: datetime
    retired_at: datetime | None
    _sealed: str = field(repr=False)
    _box: SecretBox = field(repr=False)

    @property
    def private_pem(self) -> str:
        """The private half. Raises SealedTextError when the key that sealed it is lost."""
        return self._box.open(self._sealed, bound_to=f"tool_key:{self.kid}")


class ToolKeyRows:
    """The tool's RSA keys; private halves sealed and bound to their row."""

    def __init__(self, database: Database, box: SecretBox) -> None:
        self._database = database
        self._box = box

    def all(self) -> tuple[StoredKey, ...]:
        """Every key, oldest first."""
        with self._database.read() as session:
            rows = session.scalars(select(ToolKeyRow).order_by(ToolKeyRow.created_at)).all()
        return tuple(
            StoredKey(row.kid, row.public_jwk, row.created_at, row.retired_at, row.private_pem, self._box)
            for row in rows
        )

    def erase_retired(self, before: datetime) -> int:
        """Erase keys that were retired before that moment; how many."""
        with self._database.begin() as session:
            gone = session.scalars(
                delete(ToolKeyRow).where(ToolKeyRow.retired_at < before).returning(ToolKeyRow.kid)
            ).all()
            return len(gone)

    def add_current(
        self, *, kid: str, private_pem: str, public_jwk: str, now: datetime, only_if_none: bool
    ) -> None:
        """Store a key as the current one; the others are retired. Nothing happens where there is one already
        and ``only_if_none`` is set (two processes that start at once)."""
        with self._database.begin() as session:
            if session.get_bind().dialect.name != "sqlite":  # there a writing transaction is alone anyway
                session.execute(text(f"LOCK TABLE {ToolKeyRow.__tablename__} IN SHARE ROW EXCLUSIVE MODE"))
            current = session.scalar(
                select(func.count()).select_from(ToolKeyRow).where(ToolKeyRow.retired_at.is_(None))
            )
            if current and only_if_none:
                return
            session.execute(update(ToolKeyRow).where(ToolKeyRow.retired_at.is_(None)).values(retired_at=now))
            session.add(
                ToolKeyRow(
                    kid=kid,
                    private_pem=self._box.seal(private_pem, bound_to=f"tool_key:{kid}"),
                    public_jwk=public_jwk,
                    created_at=now,
                    retired_at=None,
                )
            )
