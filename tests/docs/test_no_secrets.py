"""No tracked file holds a secret: keys, tokens, passwords in addresses. Run by the gate on each change."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PATTERNS = {
    "a private key": re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s+[A-Za-z0-9+/=]{16}"),
    "a token of Canvas": re.compile(r"\b\d{1,6}~[A-Za-z0-9]{40,}\b"),
    "a JSON Web Token": re.compile(r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20,}"),
    "a key of this tool": re.compile(r"(?i)secret_keys?[\"']?\s*[=:]\s*[\"']?[A-Za-z0-9_-]{43}="),
    "a password in an address": re.compile(
        r"\b[a-z]+://[^\s:/@\"'{}<>]+:(?!secret@|x@|password@|PASSWORD@)[^\s:/@\"'{}<>]{6,}@[\w.-]+"
    ),
    "a key of a cloud": re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bAIza[\w-]{35}\b"),
    "a token of a forge": re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|glpat-[\w-]{20,}|github_pat_\w{50,})"),
    "a token of a chat or registry": re.compile(
        r"\bxox[abprs]-[\w-]{20,}|\bpypi-AgE[\w-]{50,}|\bnpm_[A-Za-z0-9]{36}\b"
    ),
}
PLANTED = {
    "a private key": "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA",
    "a token of Canvas": "1234~" + "aB3" * 20,
    "a JSON Web Token": "eyJ" + "hbGciOiJSUzI1NiJ9.eyJ" + "zdWIiOiIxMjM0NTY3ODkwIn0." + "c" * 43,
    "a key of this tool": "PEER_ALLOCATOR_SECRET_KEYS=" + "k" * 43 + "=",
    "a password in an address": "postgresql://allocator:" + "hunter2hunter2" + "@db.example.edu/x",
    "a key of a cloud": "AKIA" + "ABCDEFGHIJKLMNOP",
    "a token of a forge": "ghp_" + "a1" * 18,
    "a token of a chat or registry": "xoxb-" + "1" * 24,
}
FORBIDDEN_NAMES = re.compile(r"(^|/)(secret\.key|\.env|id_rsa|id_ed25519|.*\.(pem|p12|pfx|sqlite3|dump))$")


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:  # an unpacked archive: everything that could have been packed
        return [path for path in ROOT.rglob("*") if path.is_file() and ".venv" not in path.parts]
    return [ROOT / name for name in listed.stdout.decode().split("\0") if name]


def test_no_tracked_file_holds_a_secret() -> None:
    files = tracked()
    assert len(files) > 300
    found = []
    for path in files:
        assert not FORBIDDEN_NAMES.search(path.relative_to(ROOT).as_posix()), path
        if path.suffix in (".png", ".lock", ".mo") or not path.exists():
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        found += [f"{path.relative_to(ROOT)}: {what}" for what, one in PATTERNS.items() if one.search(text)]
    assert found == []


@pytest.mark.parametrize("what", PATTERNS)
def test_the_scan_would_find_one(what: str) -> None:
    assert PATTERNS[what].search(PLANTED[what])
