"""Platforms' public keys: fetched with limits, cached by address, fetched again for an unknown key id.

Only asked for after the launch's own state was found good, so that strangers cannot make the tool fetch.
A fetch ends after ``TOTAL_S`` whatever the other side does: hang, trickle headers or body, or never stop.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import requests
import urllib3
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK, PyJWTError
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

CONNECT_S, READ_S = 3.0, 5.0
TOTAL_S = 8.0
LIMIT_BYTES = 256 * 1024
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
        total_s: how long one fetch may take altogether.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, *, total_s: float = TOTAL_S) -> None:
        self._clock = clock
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
            keys = fetch_keys(url, total_s=self._total_s)
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


def fetch_keys(url: str, *, total_s: float = TOTAL_S) -> dict[str, PyJWK]:
    """The RSA signing keys of a key set, by id.

    Raises:
        KeysUnavailable: no answer in time, too large, not JSON, or no key set.
    """
    document = _fetch_json(url, total_s)
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


def _fetch_json(url: str, total_s: float) -> Any:
    try:
        with _cut_after(total_s), requests.Session() as session:
            session.trust_env = False
            session.mount("https://", _CuttableAdapter())
            session.mount("http://", _CuttableAdapter())
            with session.get(
                url,
                timeout=(min(CONNECT_S, total_s), min(READ_S, total_s)),
                stream=True,
                allow_redirects=False,
                headers={"Accept": "application/json", "User-Agent": "peer-review-allocator"},
            ) as answer:
                if answer.status_code != requests.codes.ok:
                    raise KeysUnavailable(f"{url} answered {answer.status_code}")
                return json.loads(_body(url, answer))
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        raise KeysUnavailable(f"{url} cannot be read ({type(error).__name__})") from error
    except (ValueError, RecursionError) as error:
        raise KeysUnavailable(f"{url} is not JSON ({type(error).__name__})") from error


def _body(url: str, answer: requests.Response) -> bytes:
    body = bytearray()
    while piece := answer.raw.read1(8192, decode_content=True):
        body += piece
        if len(body) > LIMIT_BYTES:
            raise KeysUnavailable(f"{url} is larger than {LIMIT_BYTES} bytes")
    return bytes(body)


# Timeouts of requests count from one byte to the next, so that a server that sends a byte now and then holds
# its caller for ever. Here a timer shuts the connection down instead, wherever it stands.

_opened = threading.local()


@contextlib.contextmanager
def _cut_after(seconds: float) -> Iterator[None]:
    lock = threading.Lock()
    sockets: list[socket.socket] = []
    _opened.sockets = sockets

    def cut() -> None:
        with lock:
            for opened in sockets:
                with contextlib.suppress(OSError):  # closed by the other side meanwhile
                    opened.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        with lock:
            for opened in sockets:
                opened.close()
            sockets.clear()


def _remember(opened: socket.socket) -> socket.socket:
    # A duplicate, because TLS takes the first one over; shutting either down ends the connection.
    _opened.sockets.append(opened.dup())
    return opened


class _CuttableHTTP(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _remember(super()._new_conn())


class _CuttableHTTPS(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _remember(super()._new_conn())


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _CuttableHTTP


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _CuttableHTTPS


class _CuttableAdapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Let the pools make connections that the timer knows."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}
