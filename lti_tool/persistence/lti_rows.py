"""Tables of launches: one-time secrets, sessions, the tool's own keys.

Secrets only as hashes; what is remembered is sealed.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from lti_tool.persistence.base import Base, UTCDateTime


class OneTimeSecretRow(Base):
    """Something remembered under the hash of a secret until it is spent or over."""

    __tablename__ = "one_time_secret"

    secret_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    body: Mapped[str] = mapped_column(Text())
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime(), index=True)


class SessionRow(Base):
    """One session of the frame."""

    __tablename__ = "session"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    context: Mapped[str] = mapped_column(Text())
    created_at: Mapped[datetime] = mapped_column(UTCDateTime())
    last_seen_at: Mapped[datetime] = mapped_column(UTCDateTime())
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime(), index=True)


class ToolKeyRow(Base):
    """One of the tool's RSA keys; the private half is sealed."""

    __tablename__ = "tool_key"

    kid: Mapped[str] = mapped_column(String(64), primary_key=True)
    private_pem: Mapped[str] = mapped_column(Text())
    public_jwk: Mapped[str] = mapped_column(Text())
    created_at: Mapped[datetime] = mapped_column(UTCDateTime())
    retired_at: Mapped[datetime | None] = mapped_column(UTCDateTime())
