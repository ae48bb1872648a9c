"""The engine and its sessions, on SQLite (default) and PostgreSQL.

SQLite runs in WAL mode with ``synchronous=FULL`` (a lost `sent` mark would be a second mail to a
student) and takes the write lock when a transaction begins, so that two writers wait instead of failing.

PostgreSQL ends what waits or idles too long: a worker that was frozen in the middle of a transaction would
otherwise keep its share lock on a run, and nobody could take the run over.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, func, make_url, select
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.orm import Session, sessionmaker

from lti_tool.defects import Defect
from lti_tool.private_files import make_private_database

BUSY_TIMEOUT_S = 10
PATIENCE_MS = 15_000
"""Longest statement, and longest silence inside a transaction, on PostgreSQL; less than a run's lease."""
CONNECTIONS = 32
"""Of one process on PostgreSQL. More threads than this queue for one, for the milliseconds of a commit."""
BEGIN_WITH = "sqlite_begin_with"


def make_engine(url: str) -> Engine:
    """An engine for ``url``; raises ``sqlalchemy.exc.ArgumentError`` when it is no database URL."""
    if make_url(url).get_backend_name() == "postgresql":
        return _postgresql_engine(make_url(url))
    file = make_url(url).database
    if file and file != ":memory:" and not file.startswith("file:"):
        make_private_database(Path(file))
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_S}, hide_parameters=True)
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "begin", _begin)
    return engine


def _postgresql_engine(url: URL) -> Engine:
    limits = ("statement_timeout", "idle_in_transaction_session_timeout")
    return create_engine(
        url.set(drivername="postgresql+psycopg") if url.drivername == "postgresql" else url,
        pool_pre_ping=True,
        hide_parameters=True,  # errors and logs name the statement, not the people in it
        pool_size=CONNECTIONS // 2,
        max_overflow=CONNECTIONS // 2,
        connect_args={
            "connect_timeout": 5,
            "options": " ".join(f"-c {limit}={PATIENCE_MS}" for limit in limits),
        },
    )


def _configure_sqlite(connection: DBAPIConnection, _record: Any) -> None:
    if not isinstance(connection, sqlite3.Connection):
        raise Defect("only SQLite's own driver takes these settings")
    connection.isolation_level = None  # SQLAlchemy's begin event says BEGIN; sqlite3 must not add its own
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get(BEGIN_WITH, "BEGIN IMMEDIATE"))


def one_at_a_time(session: Session, what: str) -> None:
    """Until this transaction ends, others that say the same ``what`` wait here; for look-then-insert.

    On SQLite a transaction that may write is alone from its beginning.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(what, 0))))


class Database:
    """Hands out sessions, each one transaction: ``begin`` to write, ``read`` to look."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._sessions = sessionmaker(engine, expire_on_commit=False)
        self._readers = sessionmaker(
            engine.execution_options(**{BEGIN_WITH: "BEGIN"}), expire_on_commit=False
        )

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """A transaction that may write: committed at the end, rolled back when the block raises."""
        with self._sessions.begin() as session:
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A transaction that only looks, and on SQLite never waits for a writer."""
        with self._readers() as session:
            yield session

    def dispose(self) -> None:
        """Close all pooled connections."""
        self.engine.dispose()
