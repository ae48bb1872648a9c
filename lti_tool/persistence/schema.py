"""Brings a database to the newest schema, and says whether it is there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, func, select

import migrations

_UPGRADE = 0x70656572
"""The advisory lock of whoever changes the schema."""


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("path_separator", "os")
    return config


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Run all migrations up to ``revision``."""
    _with_connection(engine, lambda config: command.upgrade(config, revision))


def downgrade(engine: Engine, revision: str) -> None:
    """Take migrations back down to ``revision``."""
    _with_connection(engine, lambda config: command.downgrade(config, revision))


def serves(revision: str | None) -> bool:
    """Whether this program works with a database at ``revision``: the newest that it knows, or one that it
    does not know, because a later version made it.

    While an update goes on, processes of both versions work on one database. So a migration only adds what
    the version before can do without; what nobody uses any more is dropped by the version after that
    (CONTRIBUTING.md, "Changes to the database").
    """
    scripts = ScriptDirectory.from_config(_config())
    known = {script.revision for script in scripts.walk_revisions()}
    return revision is not None and (revision == scripts.get_current_head() or revision not in known)


def _with_connection(engine: Engine, act: Callable[[Config], None]) -> None:
    config = _config()
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            # The engine ends a statement that takes longer than a lease; an index on a large table may, and
            # so does waiting for another process that upgrades: the second one finds everything done.
            for limit in ("statement_timeout", "idle_in_transaction_session_timeout"):
                connection.exec_driver_sql(f"SET LOCAL {limit} = 0")
            connection.execute(select(func.pg_advisory_xact_lock(_UPGRADE)))
        config.attributes["connection"] = connection
        act(config)


def current(engine: Engine) -> tuple[str | None, str | None]:
    """(revision of the database, newest revision known to this program)."""
    with engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    return found, ScriptDirectory.from_config(_config()).get_current_head()
