"""The files for an installation name settings and files that exist. They are built by their readers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lti_tool.settings import Settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
FILES = sorted(DEPLOY.iterdir())


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_settings_that_are_given_exist(file: Path) -> None:
    named = {name.lower() for name in re.findall(r"PEER_ALLOCATOR_([A-Z_]+)", file.read_text())}
    assert named <= {*Settings.model_fields, "config"}


def test_the_image_gets_what_the_package_needs() -> None:
    text = (DEPLOY / "Containerfile").read_text()
    copied = {
        word
        for line in text.splitlines()
        if line.startswith("COPY ") and "--from" not in line
        for word in line.split()[1:-1]
    }
    assert {"allocation", "lti_tool", "migrations", "app.py", "pyproject.toml", "README.md"} <= copied
    assert [name for name in copied if not (ROOT / name).exists()] == []


def test_nothing_runs_as_root_or_is_reachable_from_elsewhere_by_itself() -> None:
    assert re.search(r"^USER peer-allocator$", (DEPLOY / "Containerfile").read_text(), re.MULTILINE)
    compose = (DEPLOY / "compose.yaml").read_text()
    assert re.findall(r'- "([\d.:]+)"', compose) == ["127.0.0.1:8080:8080"]
