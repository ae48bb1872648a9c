"""Platforms' public keys: fetched with limits, cached by address, fetched again for an unknown key id.

Only asked for after the launch's own state was found good, so that strangers cannot make the tool fetch.
A fetch ends after ``TOTAL_S`` whatever the other side does: hang, trickle headers or body, or never stop.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK, PyJWTError

from lti_tool.outgoing import PUBLIC, DocumentUnavailable, Reach, exchange_json
from lti_tool.outgoing.documents import TOTAL_S

SMALLEST_KEY_BITS = 2048
BURST = 5
"""Fetches in a row, per address; then one every ``REFILL_S``."""
REFILL_S = 10.0
FRESH_S = 3600.0
"""A set older than this is read again, so that a key which the platform withdrew stops opening the tool."""
USABLE_S = 24 * 3600.0
"""While the platform does not answer, a set that it published is believed for this long."""


class KeysUnavailable(Exception):
    """The key set could not be fetched, or is none."""


@dataclass
class _Cached:
    keys: dict[str, PyJWK] = field(default_factory=dict)
    fetched_at: float | None = None
    allowance: float = BURST
    counted_at: float = 0.0


class KeySets:
    """Finds a platform's key by id. Safe for threads.

    Args:
        clock: monotonic seconds.
        reach: which addresses may be spoken to.
        total_s: how long one fetch may take altogether.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        *,
        reach: Reach = PUBLIC,
        total_s: float = TOTAL_S,
    ) -> None:
        self._clock = clock
        self._reach = reach
        self._total_s = total_s
        self._lock = threading.Lock()
        self._cached: dict[str, _Cached] = {}

    def find(self, url: str, kid: str) -> PyJWK | None:
        """The key with this id, or None when the platform does not publish it.

        Raises:
            KeysUnavailable: the set cannot be had.
        """
        with self._lock:
            cached = self._cached.setdefault(url, _Cached(counted_at=self._clock()))
            known = cached.keys.get(kid) if self._younger_than(cached, USABLE_S) else None
            if known is not None and self._younger_than(cached, FRESH_S):
                return known
            if not self._may_fetch(cached):
                if not self._younger_than(cached, USABLE_S):
                    raise KeysUnavailable(f"{url} was asked too often in vain; it is left alone for a moment")
                return known
        try:
            keys = fetch_keys(url, self._reach, total_s=self._total_s)
        except KeysUnavailable:
            if known is not None:
                return known
            raise
        with self._lock:
            cached.keys, cached.fetched_at = keys, self._clock()
        return keys.get(kid)

    def _younger_than(self, cached: _Cached, seconds: float) -> bool:
        return cached.fetched_at is not None and self._clock() - cached.fetched_at < seconds

    def _may_fetch(self, cached: _Cached) -> bool:
        now = self._clock()
        cached.allowance = min(BURST, cached.allowance + (now - cached.counted_at) / REFILL_S)
        cached.counted_at = now
        if cached.allowance < 1:
            return False
        cached.allowance -= 1
        return True


def fetch_keys(url: str, reach: Reach = PUBLIC, *, total_s: float = TOTAL_S) -> dict[str, PyJWK]:
    """The RSA signing keys of a key set, by id.

    Raises:
        KeysUnavailable: the address may not be spoken to, no answer in time, too large, not JSON, or no
            key set.
    """
    try:
        document = exchange_json(url, reach, total_s=total_s).content
    except DocumentUnavailable as error:
        raise KeysUnavailable(str(error)) from error
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise KeysUnavailable(f"{url} is no key set")
    found = (_public_key(entry) for entry in entries)
    return {key.key_id: key for key in found if key is not None and key.key_id}


def _public_key(entry: Any) -> PyJWK | None:
    """A usable RSA key, or None: one bad entry does not spoil the others."""
    if not isinstance(entry, dict) or entry.get("kty") != "RSA":
        return None
    public = {name: entry.get(name) for name in ("kty", "kid", "n", "e")}
    if not all(isinstance(value, str) for value in public.values()):
        return None
    try:
        key = PyJWK(public, algorithm="RS256")
    except (PyJWTError, ValueError):
        return None
    return key if isinstance(key.key, RSAPublicKey) and key.key.key_size >= SMALLEST_KEY_BITS else None
