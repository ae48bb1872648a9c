"""Nothing secret and nobody's name is in the logs of a launch, whatever the level."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("level", "libraries"),
    [("warning", ""), ("debug", ""), ("debug", "DEBUG")],
    ids=lambda word: word or "own",
)
def test_no_secret_of_a_launch_is_logged(tmp_path: Path, level: str, libraries: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.integration.lti.logged_launches", str(tmp_path), level, libraries],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    secrets = json.loads(done.stdout)
    assert len(secrets) > 20
    assert "launch_refused" in done.stderr, "something is logged, so the search means something"
    if libraries:
        assert "/good HTTP/1.1" in done.stderr, "the libraries were talking"
    for secret in secrets:
        assert secret not in done.stderr
