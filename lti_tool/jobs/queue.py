"""Huey by URL: SQLite by default, PostgreSQL or Redis where there are many hosts."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from huey import Huey, PostgresHuey, RedisHuey, SqliteHuey

from lti_tool.private_files import make_private_database

NAME = "peer-allocator"
HUEY_TABLES = 3


def make_queue(url: str) -> Huey:
    """The queue behind ``url`` (``sqlite:///path``, ``postgresql://…``, ``redis://…``).

    Raises:
        ValueError: another kind of URL.
    """
    match urlsplit(url).scheme.partition("+")[0]:
        case "sqlite":
            file = url.removeprefix("sqlite:///")
            make_private_database(Path(file))
            return SqliteHuey(NAME, filename=file, results=False, fsync=False)
        case "postgresql":
            return _postgres_queue(url.replace("+psycopg", "", 1))
        case "redis" | "rediss":
            return RedisHuey(NAME, url=url, results=False)
        case other:
            raise ValueError(f"queue_url: {other!r} is no known queue; use sqlite, postgresql or redis")


def _postgres_queue(dsn: str) -> Huey:
    """Huey makes its tables when it starts; of processes that start at once all but one are refused there.

    "create table if not exists" can fail with either error while another connection creates the table, once
    for each table.
    """
    import psycopg

    for _ in range(HUEY_TABLES):
        with suppress(psycopg.errors.UniqueViolation, psycopg.errors.DuplicateTable):
            return PostgresHuey(NAME, dsn=dsn, results=False)
    return PostgresHuey(NAME, dsn=dsn, results=False)


def queue_errors() -> tuple[type[Exception], ...]:
    """What a queue raises while its file or server is out of reach."""
    known: list[type[Exception]] = [sqlite3.Error, OSError]
    with suppress(ImportError):
        import psycopg

        known.append(psycopg.Error)
    with suppress(ImportError):
        import redis

        known.append(redis.RedisError)
    return tuple(known)
