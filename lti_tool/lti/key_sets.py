"""Platforms' public keys: fetched with limits, cached by address, fetched again for an unknown key id.

Only asked for after the launch's own state was found good, so that strangers cannot make the tool fetch.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import requests
from jwt import PyJWK
from jwt.exceptions import PyJWKError

TIMEOUT_S = (3.0, 5.0)
TOTAL_S = 8.0
LIMIT_BYTES = 256 * 1024
BURST = 5
"""Fetches in a row for unknown key ids, per address; then one every ``REFILL_S``."""
REFILL_S = 10.0


class KeysUnavailable(Exception):
    """The key set could not be fetched, or is none."""


@dataclass
class _Cached:
    keys: dict[str, PyJWK] = field(default_factory=dict)
    allowance: float = BURST
    counted_at: float = 0.0


class KeySets:
    """Finds a platform's key by id. Safe for threads.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._cached: dict[str, _Cached] = {}

    def find(self, url: str, kid: str) -> PyJWK | None:
        """The key with this id, or None when the platform does not publish it.

        Raises:
            KeysUnavailable: the set cannot be had.
        """
        with self._lock:
            cached = self._cached.setdefault(url, _Cached(counted_at=self._clock()))
            if kid in cached.keys:
                return cached.keys[kid]
            if not self._may_fetch(cached):
                return None
        keys = fetch_keys(url)
        with self._lock:
            cached.keys = keys
        return keys.get(kid)

    def _may_fetch(self, cached: _Cached) -> bool:
        now = self._clock()
        cached.allowance = min(BURST, cached.allowance + (now - cached.counted_at) / REFILL_S)
        cached.counted_at = now
        if cached.allowance < 1:
            return False
        cached.allowance -= 1
        return True


def fetch_keys(url: str) -> dict[str, PyJWK]:
    """The RSA signing keys of a key set, by id.

    Raises:
        KeysUnavailable: no answer in time, too large, not JSON, or no key set.
    """
    document = _fetch_json(url)
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise KeysUnavailable(f"{url} is no key set")
    keys = {}
    for entry in entries:
        if not isinstance(entry, dict) or entry.get("kty") != "RSA" or not isinstance(entry.get("kid"), str):
            continue
        try:
            keys[entry["kid"]] = PyJWK(entry, algorithm="RS256")
        except PyJWKError:
            continue  # one bad key does not spoil the others
    return keys


def _fetch_json(url: str) -> Any:
    until = time.monotonic() + TOTAL_S
    body = b""
    try:
        with requests.get(
            url,
            timeout=TIMEOUT_S,
            stream=True,
            allow_redirects=False,
            headers={"Accept": "application/json", "User-Agent": "peer-review-allocator"},
        ) as answer:
            if answer.status_code != requests.codes.ok:
                raise KeysUnavailable(f"{url} answered {answer.status_code}")
            for piece in answer.iter_content(8192):
                body += piece
                if len(body) > LIMIT_BYTES or time.monotonic() > until:
                    raise KeysUnavailable(f"{url} is too large or too slow")
        return json.loads(body)
    except (requests.RequestException, ValueError) as error:
        raise KeysUnavailable(f"{url} cannot be read ({type(error).__name__})") from error
