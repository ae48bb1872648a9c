"""A stage on each database, shared by the tests of a module; `make crash` asks for all points."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from lti_tool.persistence import schema
from lti_tool.persistence.database import make_engine
from tests.crash.stage import Stage, stage_on
from tests.integration.databases.servers import running_postgres

ALL = os.environ.get("PEER_ALLOCATOR_CRASH") == "all"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave tests marked `crash` to `make crash`."""
    left = [item for item in items if item.get_closest_marker("crash") and not ALL]
    config.hook.pytest_deselected(items=left)
    items[:] = [item for item in items if item not in left]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Where workers die."""
    if request.param == "postgresql":
        url = running_postgres().database()
    else:
        url = f"sqlite:///{tmp_path_factory.mktemp('crash') / 'allocator.sqlite3'}"
        engine = make_engine(url)
        schema.upgrade(engine)
        engine.dispose()
    with stage_on(url) as made:
        yield made
