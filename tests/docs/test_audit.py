"""The audit of what is locked never takes "not asked" for "nothing found"."""

from __future__ import annotations

import subprocess
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

AUDIT = Path(__file__).parents[2] / ".ci" / "audit"
GOOD = {"name": "flask", "version": "3.1.3", "vulns": []}
BAD = {"name": "waitress", "version": "1.0", "vulns": [{"id": "PYSEC-1"}, {"id": "GHSA-2"}]}
SKIPPED = {"name": "huey", "skip_reason": "not found"}


@pytest.fixture(scope="module")
def audit() -> ModuleType:
    loader = SourceFileLoader("ci_audit", str(AUDIT))
    spec = spec_from_loader("ci_audit", loader)
    assert spec is not None
    module = module_from_spec(spec)
    sys.modules["ci_audit"] = module
    loader.exec_module(module)
    return module


def outcome(audit: ModuleType, *reports: list[dict[str, Any]]) -> str:
    lines: list[str] = audit.told([audit.judged("some.lock", report) for report in reports])
    return lines[-1]


def test_the_three_outcomes_are_told_apart(audit: ModuleType) -> None:
    assert outcome(audit, [GOOD], [GOOD]) == "AUDITED: no known vulnerabilities"
    assert outcome(audit, [GOOD], [BAD]) == "VULNERABLE: 2 known vulnerabilities"
    unknowns: list[list[dict[str, Any]]] = [[SKIPPED], [GOOD, SKIPPED], []]
    for unknown in unknowns:
        said = outcome(audit, [GOOD], unknown)
        assert said.startswith("NOT AUDITED: whether these packages are vulnerable is unknown.")
        assert "no known" not in said
    both = outcome(audit, [BAD, SKIPPED])
    assert both.startswith("VULNERABLE: 2")
    assert "NOT AUDITED: some.lock: the service does not know 1 of 2 packages" in both


def test_a_service_out_of_reach_is_an_outcome(audit: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_args: object, **_named: object) -> object:
        raise subprocess.TimeoutExpired("pip-audit", 1)

    monkeypatch.setattr(audit.subprocess, "run", fails)
    lines = audit.told([audit.audit("requirements.lock")])
    assert lines[0] == "requirements.lock: 0 of ? packages looked up"
    assert "could not be asked" in lines[-1]
    assert lines[-1].startswith("NOT AUDITED")
