"""A journal that the tests of one module share; each test has its own assignment in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.journal.stage import Stage, engine_of


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The stage to come ``after``."""
    first = Stage(tmp_path_factory.mktemp("journal") / "journal.db", [])
    yield first
    engine_of(first.journal).dispose()
