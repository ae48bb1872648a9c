"""Registrations that came into being while the tool ran: platforms, their deployments, API keys, invitations.

Those of config.json are not here; ``lti_tool.services.registrations`` puts both together. An API key belongs
to a Canvas, not to a registration: all registrations of one Canvas share it. Its secret is sealed and bound
to its row. Codes of invitations are kept as hashes only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import ForeignKeyConstraint, String, Text, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from lti_tool.persistence.base import Base, UTCDateTime
from lti_tool.persistence.database import Database, one_at_a_time
from lti_tool.persistence.encryption import SecretBox
from lti_tool.persistence.identities import CourseRow, PersonRow
from lti_tool.planning.ids import CanvasOrigin

LAUNCH_SEEN_EVERY = timedelta(hours=1)


class RegistrationRow(Base):
    """One registered platform: one LTI key of one issuer."""

    __tablename__ = "registration"

    issuer: Mapped[str] = mapped_column(String(255), primary_key=True)
    client_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    auth_login_url: Mapped[str] = mapped_column(Text)
    auth_token_url: Mapped[str] = mapped_column(Text)
    key_set_url: Mapped[str] = mapped_column(Text)
    canvas_origin: Mapped[str] = mapped_column(String(255), index=True)
    account_name: Mapped[str] = mapped_column(Text)
    adopts_deployments: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    created_by: Mapped[str] = mapped_column(Text)


class DeploymentRow(Base):
    """One deployment whose launches are accepted."""

    __tablename__ = "deployment"
    __table_args__ = (
        ForeignKeyConstraint(
            ["issuer", "client_id"], ["registration.issuer", "registration.client_id"], ondelete="CASCADE"
        ),
    )

    issuer: Mapped[str] = mapped_column(String(255), primary_key=True)
    client_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    deployment_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    first_seen_at: Mapped[datetime] = mapped_column(UTCDateTime)


class AliasRow(Base):
    """Another address of a registration's Canvas."""

    __tablename__ = "canvas_alias"
    __table_args__ = (
        ForeignKeyConstraint(
            ["issuer", "client_id"], ["registration.issuer", "registration.client_id"], ondelete="CASCADE"
        ),
    )

    issuer: Mapped[str] = mapped_column(String(255), primary_key=True)
    client_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    origin: Mapped[str] = mapped_column(String(255), primary_key=True)


class LaunchSeenRow(Base):
    """When a key launched last from a course; of registrations in config.json too."""

    __tablename__ = "launch_seen"

    issuer: Mapped[str] = mapped_column(String(255), primary_key=True)
    client_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    last_at: Mapped[datetime] = mapped_column(UTCDateTime)


class ApiKeyRow(Base):
    """The API developer key of one Canvas."""

    __tablename__ = "canvas_api_key"

    canvas: Mapped[str] = mapped_column(String(255), primary_key=True)
    client_id: Mapped[str] = mapped_column(String(255))
    sealed_secret: Mapped[str] = mapped_column(Text)
    stored_at: Mapped[datetime] = mapped_column(UTCDateTime)


class InvitationRow(Base):
    """A code from the operator: to register a platform, or, with issuer and client id, to look after one."""

    __tablename__ = "invitation"

    code_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    note: Mapped[str] = mapped_column(Text)
    issuer: Mapped[str | None] = mapped_column(String(255))
    client_id: Mapped[str | None] = mapped_column(String(255))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)


@dataclass(frozen=True, slots=True)
class StoredRegistration:
    """A row with its deployments, oldest first."""

    issuer: str
    client_id: str
    auth_login_url: str
    auth_token_url: str
    key_set_url: str
    canvas_origin: str
    account_name: str
    adopts_deployments: bool
    deployment_ids: tuple[str, ...]
    created_at: datetime
    created_by: str
    canvas_aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredApiKey:
    """An API key, opened."""

    client_id: str
    secret: str = field(repr=False)
    stored_at: datetime


@dataclass(frozen=True, slots=True)
class Invitation:
    """What a code is good for."""

    note: str
    issuer: str | None
    client_id: str | None
    created_at: datetime
    expires_at: datetime


class AlreadyRegistered(Exception):
    """There is a registration of this issuer and client id."""


class RegistrationRows:
    """Platforms, their deployments and API keys."""

    def __init__(self, database: Database, box: SecretBox) -> None:
        self._database = database
        self._box = box

    def add(self, stored: StoredRegistration) -> None:
        """Store a new registration. Raises AlreadyRegistered."""
        fields = {column.name: getattr(stored, column.name) for column in RegistrationRow.__table__.columns}
        try:
            with self._database.begin() as session:
                session.add(RegistrationRow(**fields))
                session.flush()
                for deployment_id in stored.deployment_ids:
                    _add_deployment(
                        session, stored.issuer, stored.client_id, deployment_id, stored.created_at
                    )
                for origin in stored.canvas_aliases:
                    session.add(AliasRow(issuer=stored.issuer, client_id=stored.client_id, origin=origin))
        except IntegrityError:
            raise AlreadyRegistered(f"{stored.issuer}, {stored.client_id}") from None

    def find(self, issuer: str, client_id: str) -> StoredRegistration | None:
        """One registration."""
        found = self._select(RegistrationRow.issuer == issuer, RegistrationRow.client_id == client_id)
        return found[0] if found else None

    def of_issuer(self, issuer: str) -> tuple[StoredRegistration, ...]:
        """All registrations of an issuer, oldest first."""
        return self._select(RegistrationRow.issuer == issuer)

    def all(self) -> tuple[StoredRegistration, ...]:
        """Every registration, oldest first."""
        return self._select()

    def origins(self) -> tuple[str, ...]:
        """The Canvases of all registrations under all their addresses, each once."""
        with self._database.read() as session:
            own = session.scalars(
                select(RegistrationRow.canvas_origin).distinct().order_by(RegistrationRow.canvas_origin)
            ).all()
            aliases = session.scalars(select(AliasRow.origin).distinct().order_by(AliasRow.origin)).all()
            return tuple(dict.fromkeys((*own, *aliases)))

    def add_alias(self, issuer: str, client_id: str, origin: str) -> None:
        """Remember another address; nothing happens where it is known."""
        with self._database.begin() as session:
            session.merge(AliasRow(issuer=issuer, client_id=client_id, origin=origin))

    def remove_alias(self, issuer: str, client_id: str, origin: str) -> bool:
        """Forget another address; False where there is none."""
        with self._database.begin() as session:
            row = session.get(AliasRow, (issuer, client_id, origin))
            if row is None:
                return False
            session.delete(row)
        return True

    def launched(self, issuer: str, client_id: str, now: datetime) -> None:
        """Remember a launch; written at most once an hour."""
        if (last := self.launched_at(issuer, client_id)) is not None and now - last < LAUNCH_SEEN_EVERY:
            return
        with self._database.begin() as session:
            one_at_a_time(session, f"launch_seen {issuer} {client_id}")
            session.merge(LaunchSeenRow(issuer=issuer, client_id=client_id, last_at=now))

    def launched_at(self, issuer: str, client_id: str) -> datetime | None:
        """When the last launch came in, to the hour."""
        with self._database.read() as session:
            row = session.get(LaunchSeenRow, (issuer, client_id))
        return None if row is None else row.last_at

    def remove(self, issuer: str, client_id: str) -> bool:
        """Forget a registration with all that hangs on it; False where there is none.

        The API key goes with the last registration of its Canvas. Sessions end by themselves: each request
        asks for its registration.
        """
        with self._database.begin() as session:
            row = session.get(RegistrationRow, (issuer, client_id))
            if row is None:
                return False
            of_both = (InvitationRow.issuer == issuer, InvitationRow.client_id == client_id)
            session.execute(delete(InvitationRow).where(*of_both))
            seen = (LaunchSeenRow.issuer == issuer, LaunchSeenRow.client_id == client_id)
            session.execute(delete(LaunchSeenRow).where(*seen))
            for table in (PersonRow, CourseRow):
                session.execute(delete(table).where(table.issuer == issuer, table.client_id == client_id))
            others = select(func.count()).where(RegistrationRow.canvas_origin == row.canvas_origin)
            if session.scalar(others) == 1:
                session.execute(delete(ApiKeyRow).where(ApiKeyRow.canvas == row.canvas_origin))
            session.delete(row)
        return True

    def adopt(self, issuer: str, client_id: str, deployment_id: str, now: datetime) -> None:
        """Remember a deployment; nothing happens where it is known, or its registration is gone."""
        with self._database.begin() as session:
            if session.get(RegistrationRow, (issuer, client_id)) is not None:
                _add_deployment(session, issuer, client_id, deployment_id, now)

    def _select(self, *where: object) -> tuple[StoredRegistration, ...]:
        with self._database.read() as session:
            rows = session.scalars(
                select(RegistrationRow)
                .where(*where)  # type: ignore[arg-type]  # column comparisons, which mypy takes for bool
                .order_by(RegistrationRow.created_at, RegistrationRow.client_id)
            ).all()
            return tuple(_opened(session, row) for row in rows)

    def put_api_key(self, canvas: CanvasOrigin, client_id: str, secret: str, now: datetime) -> None:
        """Store the API key of a Canvas in the place of an earlier one."""
        fields = {
            "client_id": client_id,
            "sealed_secret": self._box.seal(secret, bound_to=_bound_to(canvas)),
            "stored_at": now,
        }
        with self._database.begin() as session:
            if session.get(ApiKeyRow, canvas) is None:
                session.add(ApiKeyRow(canvas=canvas, **fields))
            else:
                session.execute(update(ApiKeyRow).where(ApiKeyRow.canvas == canvas).values(**fields))

    def api_key(self, canvas: CanvasOrigin) -> StoredApiKey | None:
        """The API key of a Canvas. Raises SealedTextError when the key that sealed it is lost."""
        with self._database.read() as session:
            row = session.get(ApiKeyRow, canvas)
        if row is None:
            return None
        return StoredApiKey(
            row.client_id, self._box.open(row.sealed_secret, bound_to=_bound_to(canvas)), row.stored_at
        )


class InvitationRows:
    """Codes, known here by their hash."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, code_hash: str, invitation: Invitation) -> None:
        """Remember an invitation; those that are over are erased on this occasion."""
        with self._database.begin() as session:
            session.execute(delete(InvitationRow).where(InvitationRow.expires_at <= invitation.created_at))
            session.add(
                InvitationRow(
                    code_hash=code_hash,
                    note=invitation.note,
                    issuer=invitation.issuer,
                    client_id=invitation.client_id,
                    created_at=invitation.created_at,
                    expires_at=invitation.expires_at,
                )
            )

    def living(self, now: datetime) -> tuple[tuple[str, Invitation], ...]:
        """The hashes of all codes that are still good, with what they are good for; the newest first."""
        query = (
            select(InvitationRow)
            .where(InvitationRow.expires_at > now)
            .order_by(InvitationRow.created_at.desc(), InvitationRow.code_hash)
        )
        with self._database.read() as session:
            return tuple((row.code_hash, _invitation(row)) for row in session.scalars(query))

    def find(self, code_hash: str, now: datetime) -> Invitation | None:
        """What a code is good for now."""
        with self._database.read() as session:
            row = session.get(InvitationRow, code_hash)
        return None if row is None or row.expires_at <= now else _invitation(row)

    def spend(self, code_hash: str, now: datetime) -> Invitation | None:
        """Take a code out; of two who try at the same moment one gets it."""
        with self._database.begin() as session:
            row = session.scalar(
                delete(InvitationRow)
                .where(InvitationRow.code_hash == code_hash, InvitationRow.expires_at > now)
                .returning(InvitationRow)
            )
            return None if row is None else _invitation(row)


def _bound_to(canvas: str) -> str:
    return f"canvas_api_key:{canvas}"


def _add_deployment(session: Session, issuer: str, client_id: str, deployment_id: str, now: datetime) -> None:
    insert = insert_postgresql if session.get_bind().dialect.name == "postgresql" else insert_sqlite
    session.execute(
        insert(DeploymentRow)
        .values(issuer=issuer, client_id=client_id, deployment_id=deployment_id, first_seen_at=now)
        .on_conflict_do_nothing()
    )


def _opened(session: Session, row: RegistrationRow) -> StoredRegistration:
    deployments: Sequence[str] = session.scalars(
        select(DeploymentRow.deployment_id)
        .where(DeploymentRow.issuer == row.issuer, DeploymentRow.client_id == row.client_id)
        .order_by(DeploymentRow.first_seen_at, DeploymentRow.deployment_id)
    ).all()
    fields = {column.name: getattr(row, column.name) for column in RegistrationRow.__table__.columns}
    aliases = session.scalars(
        select(AliasRow.origin)
        .where(AliasRow.issuer == row.issuer, AliasRow.client_id == row.client_id)
        .order_by(AliasRow.origin)
    ).all()
    return StoredRegistration(**fields, deployment_ids=tuple(deployments), canvas_aliases=tuple(aliases))


def _invitation(row: InvitationRow) -> Invitation:
    return Invitation(row.note, row.issuer, row.client_id, row.created_at, row.expires_at)
