"""Seals every stored secret anew with the newest key: what the rotation of keys ends with.

A few rows at a time, so that nobody waits long for a lock; rows that the newest key sealed already are left
alone. ``SEALED`` lists every sealed column of the database; a test compares it with what is stored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, not_, select
from sqlalchemy.orm import InstrumentedAttribute

from lti_tool.persistence.base import Base
from lti_tool.persistence.database import Database
from lti_tool.persistence.encryption import KEY_ID_LENGTH, SealedTextError, SecretBox
from lti_tool.persistence.lti_rows import OneTimeSecretRow, SessionRow, ToolKeyRow
from lti_tool.persistence.registrations import ApiKeyRow
from lti_tool.persistence.tokens import ConnectAttemptRow, TokenRow

BATCH = 100


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """A column that holds sealed texts. ``binding`` names the row as whoever seals it does."""

    table: type[Base]
    column: InstrumentedAttribute[Any]
    binding: Callable[[Any], str]


SEALED: tuple[SealedColumn, ...] = (
    SealedColumn(
        TokenRow, TokenRow.sealed_access, lambda row: f"canvas_token:{row.canvas}:{row.user_id}:access"
    ),
    SealedColumn(
        TokenRow, TokenRow.sealed_refresh, lambda row: f"canvas_token:{row.canvas}:{row.user_id}:refresh"
    ),
    SealedColumn(
        ConnectAttemptRow,
        ConnectAttemptRow.sealed_verifier,
        lambda row: f"connect_attempt:{row.state_hash}",
    ),
    SealedColumn(ApiKeyRow, ApiKeyRow.sealed_secret, lambda row: f"canvas_api_key:{row.canvas}"),
    SealedColumn(ToolKeyRow, ToolKeyRow.private_pem, lambda row: f"tool_key:{row.kid}"),
    SealedColumn(SessionRow, SessionRow.context, lambda row: f"session:{row.token_hash}"),
    SealedColumn(OneTimeSecretRow, OneTimeSecretRow.body, lambda row: f"one_time_secret:{row.secret_hash}"),
)


@dataclass(frozen=True, slots=True)
class Resealed:
    """How many texts were sealed anew, and how many could not be opened (their key is lost)."""

    done: int
    unreadable: int


def reseal(database: Database, box: SecretBox) -> Resealed:
    """Seal everything with the box's newest key. Safe while others read and write; may be run again."""
    done = unreadable = 0
    for sealed in SEALED:
        seen: tuple[Any, ...] | None = None
        while True:
            with database.begin() as session:
                keys = sealed.table.__mapper__.primary_key
                wanted = select(sealed.table).where(
                    sealed.column.is_not(None), not_(sealed.column.startswith(f"{box.newest_key_id}."))
                )
                if seen is not None:
                    wanted = wanted.where(_after(keys, seen))
                rows = session.scalars(wanted.order_by(*keys).limit(BATCH).with_for_update()).all()
                for row in rows:
                    seen = tuple(getattr(row, key.name) for key in keys)
                    try:
                        text = box.open(getattr(row, sealed.column.key), bound_to=sealed.binding(row))
                    except SealedTextError:
                        unreadable += 1
                        continue
                    setattr(row, sealed.column.key, box.seal(text, bound_to=sealed.binding(row)))
                    done += 1
            if len(rows) < BATCH:
                break
    return Resealed(done, unreadable)


def keys_in_use(database: Database) -> Counter[str]:
    """How many stored texts each key sealed, by the key's id."""
    found: Counter[str] = Counter()
    with database.read() as session:
        for sealed in SEALED:
            key_id = func.substr(sealed.column, 1, KEY_ID_LENGTH)
            counted = select(key_id, func.count()).where(sealed.column.is_not(None)).group_by(key_id)
            for found_id, number in session.execute(counted):
                found[found_id] += number
    return found


def _after(keys: tuple[Any, ...], seen: tuple[Any, ...]) -> Any:
    """Rows whose primary key comes after ``seen``."""
    clause: Any = None
    for key, value in reversed(list(zip(keys, seen, strict=True))):
        clause = key > value if clause is None else (key > value) | ((key == value) & clause)
    return clause
