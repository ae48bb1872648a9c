"""What is wrong with the database, in words: one table for commands and pages.

Judged by the text of the driver's error, because SQLite has one class for nearly all of them; the texts are
those of sqlite3 (result codes, https://www.sqlite.org/rescode.html) and of PostgreSQL (errcodes appendix).
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoFreeConnection

from allocation.sentences import N_, Sentence, sentence
from lti_tool.applying.errors import JournalUnavailable

OUTAGES = (DBAPIError, NoFreeConnection, JournalUnavailable, CommandError)
"""Errors to ask ``outage_words`` about; those of them that are defects of ours have none."""


class Outage(StrEnum):
    """Why the database does not do what it is asked."""

    LOCKED = "locked"
    READ_ONLY = "read_only"
    FULL = "full"
    CANNOT_OPEN = "cannot_open"
    DAMAGED = "damaged"
    TOO_OLD = "too_old"
    TOO_NEW = "too_new"
    AWAY = "away"


OUTAGE_WORDS: dict[Outage, str] = {
    Outage.LOCKED: N_(
        "Another process keeps the database locked. Try again in a minute. If this keeps happening, close "
        "the programs that have the database file open."
    ),
    Outage.READ_ONLY: N_(
        "The database is read-only, so nothing can be stored. Make the database file and its folder writable "
        "for this program, then try again."
    ),
    Outage.FULL: N_("The disk of the database is full. Free some space, then try again."),
    Outage.CANNOT_OPEN: N_(
        "The database file can't be opened. Check that its folder exists and is writable for this program "
        "(setting database_url)."
    ),
    Outage.DAMAGED: N_(
        "The database file is damaged or isn't a database. Restore it from a backup, then run: "
        "peer-allocator db restored"
    ),
    Outage.TOO_OLD: N_(
        "The database is older than this version of the program. Stop the servers and workers of the older "
        "version, then run: peer-allocator db upgrade"
    ),
    Outage.TOO_NEW: N_(
        "A newer version of the program has upgraded the database. Install that version and try again."
    ),
    Outage.AWAY: N_(
        "The database doesn't answer. Check that it's running and that the setting database_url is right, "
        "then try again."
    ),
}

_SIGNS: tuple[tuple[str, Outage], ...] = (
    ("database is locked", Outage.LOCKED),
    ("database table is locked", Outage.LOCKED),
    ("database schema is locked", Outage.LOCKED),
    ("lock timeout", Outage.LOCKED),
    ("readonly database", Outage.READ_ONLY),
    ("read-only transaction", Outage.READ_ONLY),
    ("disk is full", Outage.FULL),
    ("no space left", Outage.FULL),
    ("disk i/o error", Outage.DAMAGED),
    ("unable to open database", Outage.CANNOT_OPEN),
    ("not a database", Outage.DAMAGED),
    ("malformed", Outage.DAMAGED),
    ("no such table", Outage.TOO_OLD),
    ("no such column", Outage.TOO_OLD),
    ("has no column named", Outage.TOO_OLD),
    ("can't locate revision", Outage.TOO_NEW),
)
_UNDEFINED = frozenset({"42P01", "42703"})
"""PostgreSQL's undefined_table and undefined_column."""


def outage_of(error: BaseException) -> Outage | None:
    """Which outage an error reports; none for what is no outage, such as a broken constraint."""
    for one in _causes(error):
        text = str(getattr(one, "orig", None) or one).lower()
        if isinstance(one, DBAPIError | CommandError):
            for sign, outage in _SIGNS:
                if sign in text:
                    return outage
        if isinstance(one, DBAPIError) and getattr(one.orig, "sqlstate", None) in _UNDEFINED:
            return Outage.TOO_OLD
        if isinstance(one, OperationalError | InterfaceError | NoFreeConnection):
            return Outage.AWAY
        if isinstance(one, DBAPIError) and one.connection_invalidated:
            return Outage.AWAY
    return Outage.AWAY if isinstance(error, JournalUnavailable) else None


def outage_words(error: BaseException) -> Sentence | None:
    """What happened and what to do about it, where ``error`` is an outage of the database."""
    found = outage_of(error)
    return None if found is None else sentence(OUTAGE_WORDS[found])


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it was raised from; its own kinds come before the driver's."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__
