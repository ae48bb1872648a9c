"""Databases at the newest schema, one of each kind that the tool runs on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lti_tool.persistence import schema
from lti_tool.persistence.database import Database, make_engine
from tests.integration.databases.servers import running_postgres

KINDS = ("sqlite", "postgresql")


@pytest.fixture(params=KINDS)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without any table."""
    if request.param == "postgresql":
        return running_postgres().database(empty=True)
    return f"sqlite:///{tmp_path / 'allocator.sqlite3'}"


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database at the newest schema."""
    if request.param == "postgresql":
        return running_postgres().database()
    url = f"sqlite:///{tmp_path / 'allocator.sqlite3'}"
    engine = make_engine(url)
    schema.upgrade(engine)
    engine.dispose()
    return url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """The same, opened."""
    opened = Database(make_engine(database_url))
    yield opened
    opened.dispose()
