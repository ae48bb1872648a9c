"""Huey by URL: SQLite by default, PostgreSQL or Redis where there are many hosts."""

from __future__ import annotations

from urllib.parse import urlsplit

from huey import Huey, PostgresHuey, RedisHuey, SqliteHuey

NAME = "peer-allocator"


def make_queue(url: str) -> Huey:
    """The queue behind ``url`` (``sqlite:///path``, ``postgresql://…``, ``redis://…``).

    Raises:
        ValueError: another kind of URL.
    """
    match urlsplit(url).scheme.partition("+")[0]:
        case "sqlite":
            return SqliteHuey(NAME, filename=url.removeprefix("sqlite:///"), results=False, fsync=False)
        case "postgresql":
            return PostgresHuey(NAME, dsn=url.replace("+psycopg", "", 1), results=False)
        case "redis" | "rediss":
            return RedisHuey(NAME, url=url, results=False)
        case other:
            raise ValueError(f"queue_url: {other!r} is no known queue; use sqlite, postgresql or redis")
