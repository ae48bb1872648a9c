"""A stage on each database, shared by the tests of a module; `make crash` asks for all points."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lti_tool.persistence import schema
from lti_tool.persistence.database import make_engine
from tests.crash.stage import Stage, stage_on
from tests.integration.databases.servers import running_postgres

IN_MEMORY = Path("/dev/shm")
"""What a killed process has committed is in the kernel, on a disk or not; these tests kill no kernel."""
ALL = os.environ.get("PEER_ALLOCATOR_CRASH") == "all"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave tests marked `crash` to `make crash`."""
    left = [item for item in items if item.get_closest_marker("crash") and not ALL]
    config.hook.pytest_deselected(items=left)
    items[:] = [item for item in items if item not in left]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """Where workers die."""
    if request.param == "postgresql":
        with stage_on(running_postgres().database()) as made:
            yield made
        return
    with tempfile.TemporaryDirectory(dir=IN_MEMORY if IN_MEMORY.is_dir() else None) as folder:
        url = f"sqlite:///{folder}/allocator.sqlite3"
        engine = make_engine(url)
        schema.upgrade(engine)
        engine.dispose()
        with stage_on(url) as made:
            yield made
