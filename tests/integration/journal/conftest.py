"""Journal tests run on SQLite and on PostgreSQL: what a third engine would have to pass."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.databases.servers import running_postgres
from tests.integration.journal.stage import OPENED, Stage, engine_of, sqlite_url

DATABASES = ("sqlite", "postgresql")


def _new_database(kind: str, folders: pytest.TempPathFactory) -> str:
    if kind == "postgresql":
        return running_postgres().database()
    return sqlite_url(folders.mktemp("journal") / "journal.db")


@pytest.fixture(autouse=True)
def closed_journals() -> Iterator[None]:
    """Whatever a test opens is closed with it."""
    before = len(OPENED)
    yield
    for engine in OPENED[before:]:
        engine.dispose()
    del OPENED[before:]


@pytest.fixture(params=DATABASES)
def journal_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database of the test's own."""
    return _new_database(request.param, tmp_path_factory)


@pytest.fixture(scope="module", params=DATABASES)
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The stage to come ``after``: tests of a module share a journal, each has its own assignment."""
    first = Stage(_new_database(request.param, tmp_path_factory), [])
    yield first
    engine_of(first.journal).dispose()
