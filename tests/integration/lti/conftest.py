"""Shared by the tests of launches."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.lti.scene import Stage, stage


@pytest.fixture(scope="module")
def tool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The tool and a platform, once a module: launches do not disturb each other."""
    with stage(tmp_path_factory.mktemp("tool")) as made:
        yield made
