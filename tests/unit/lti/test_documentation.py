"""What an administrator copies out of docs/lti.md is what the program uses."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from lti_tool.canvas.endpoints import SCOPES
from lti_tool.cli.demonstration import CUSTOM_FIELDS
from lti_tool.lti.registration import NOT_SUPPORTED

DOCUMENT = Path("docs/lti.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", DOCUMENT, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_scopes_to_tick() -> None:
    assert [line.strip() for line in block("text").splitlines() if line.strip()] == list(SCOPES)


def test_the_developer_key_to_paste() -> None:
    key: dict[str, Any] = json.loads(block("json"))
    assert key["custom_fields"] == CUSTOM_FIELDS
    assert key["oidc_initiation_url"].endswith("/lti/login")
    assert key["target_link_uri"].endswith("/lti/launch")
    assert key["public_jwk_url"].endswith("/lti/jwks.json")
    (placement,) = key["extensions"][0]["settings"]["placements"]
    assert placement["placement"] == "course_navigation"


def test_each_refused_key_is_named() -> None:
    for name in NOT_SUPPORTED:
        assert f"`{name}`" in DOCUMENT
