"""Brings a database to the newest schema, and says whether it is there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

import migrations


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


def _with_connection(engine: Engine, act: Callable[[Config], None]) -> None:
    config = _config()
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            # The engine ends a statement that takes longer than a lease; an index on a large table may.
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        config.attributes["connection"] = connection
        act(config)


def current(engine: Engine) -> tuple[str | None, str | None]:
    """(revision of the database, newest revision known to this program)."""
    with engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    return found, ScriptDirectory.from_config(_config()).get_current_head()
