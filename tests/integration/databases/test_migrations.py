"""Migrations lead to exactly the tables that the program works with, and back, on both databases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, inspect, text

from lti_tool.persistence import (
    follow_ups,
    housekeeping_rows,
    instance,
    launches,
    plans,
    registrations,
    run_journal,
    schedules,
    schema,
    tokens,
)
from lti_tool.persistence.base import Base
from lti_tool.persistence.database import make_engine

MODULES = (
    schedules,
    follow_ups,
    housekeeping_rows,
    instance,
    launches,
    plans,
    registrations,
    run_journal,
    tokens,
)
"""Importing them fills ``Base.metadata``."""


@pytest.fixture
def engine(empty_url: str) -> Iterator[Engine]:
    made = make_engine(empty_url)
    yield made
    made.dispose()


def differences(engine: Engine) -> list[object]:
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        return list(compare_metadata(context, Base.metadata))


def test_migrations_and_tables_agree(engine: Engine) -> None:
    assert len(differences(engine)) >= len(Base.metadata.tables), "an empty database differs"
    schema.upgrade(engine)
    assert differences(engine) == []


def test_a_missing_index_would_be_found(engine: Engine) -> None:
    schema.upgrade(engine)
    with engine.begin() as connection:
        connection.execute(text("DROP INDEX ix_run_state"))
    assert len(differences(engine)) == 1


def test_up_down_up(engine: Engine) -> None:
    schema.upgrade(engine)
    found, newest = schema.current(engine)
    assert found == newest is not None
    schema.downgrade(engine, "base")
    assert schema.current(engine)[0] is None
    assert inspect(engine).get_table_names() == ["alembic_version"]
    schema.upgrade(engine)
    assert schema.current(engine)[0] == newest


def test_the_index_of_active_runs_is_partial(engine: Engine) -> None:
    """An ordinary unique index would forbid the second run of an assignment for ever."""
    schema.upgrade(engine)
    (index,) = [found for found in inspect(engine).get_indexes("run") if found["name"] == "ux_run_active"]
    assert index["unique"]
    where = f"{engine.dialect.name}_where"
    assert "done_with_issues" in str(index["dialect_options"][where])
