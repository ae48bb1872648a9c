"""What an administrator copies out of docs/lti.md is what the program uses."""

from __future__ import annotations

import json
import re
from pathlib import Path

from lti_tool.canvas.endpoints import ALL_SCOPES
from lti_tool.lti.developer_key import developer_key
from lti_tool.lti.registration import NOT_SUPPORTED

DOCUMENT = Path("docs/lti.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", DOCUMENT, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_scopes_to_tick() -> None:
    assert [line.strip() for line in block("text").splitlines() if line.strip()] == list(ALL_SCOPES)


def test_the_developer_key_to_paste() -> None:
    assert json.loads(block("json")) == developer_key("https://reviews.example.edu")


def test_each_refused_key_is_named() -> None:
    for name in NOT_SUPPORTED:
        assert f"`{name}`" in DOCUMENT
