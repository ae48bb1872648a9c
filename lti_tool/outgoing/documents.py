"""One small JSON document from elsewhere, bounded in size and in time whatever the other side does.

Timeouts of requests count from one byte to the next, so that a server that sends a byte now and then holds
its caller for ever. Here a timer shuts the connection down instead, wherever it stands.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
import urllib3

from lti_tool.outgoing.connections import (
    GuardedAdapter,
    GuardedHTTPConnection,
    GuardedHTTPSConnection,
    refusal_in,
)
from lti_tool.outgoing.reach import Reach

CONNECT_S, READ_S = 3.0, 5.0
TOTAL_S = 8.0
LIMIT_BYTES = 256 * 1024


class DocumentUnavailable(Exception):
    """No usable answer; the text says for which address and why, without anything of the answer."""


@dataclass(frozen=True, slots=True)
class Document:
    """A JSON answer. ``headers`` have lower-case names."""

    status: int
    content: Any = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)


def exchange_json(
    url: str,
    reach: Reach,
    *,
    method: str = "GET",
    body: Any = None,
    headers: Mapping[str, str] | None = None,
    total_s: float = TOTAL_S,
    limit_bytes: int = LIMIT_BYTES,
    any_status: bool = False,
) -> Document:
    """Send one request, with ``body`` as JSON if there is one, and read the JSON that comes back.

    Args:
        total_s: seconds for everything, from the look-up of the name to the last byte.
        any_status: also give back answers that are no success, for callers that read their reason.

    Raises:
        DocumentUnavailable: the address may not be spoken to, no answer in time, a redirect, a failure, too
            large, or not JSON.
    """
    shown = url.partition("?")[0]  # what follows may hold a token
    try:
        with _cut_after(total_s), requests.Session() as session:
            session.trust_env = False
            session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
            session.mount("https://", _CuttableAdapter(reach))
            session.mount("http://", _CuttableAdapter(reach))
            with session.request(
                method,
                url,
                json=body,
                timeout=(min(CONNECT_S, total_s), min(READ_S, total_s)),
                stream=True,
                allow_redirects=False,
                headers={
                    "Accept": "application/json",
                    "User-Agent": "peer-review-allocator",
                    **(headers or {}),
                },
            ) as answer:
                if not (answer.ok and not answer.is_redirect) and not any_status:
                    raise DocumentUnavailable(f"{shown} answered {answer.status_code}")
                content = json.loads(_body(shown, answer, limit_bytes))
                return Document(
                    answer.status_code,
                    content,
                    {name.lower(): value for name, value in answer.headers.items()},
                )
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        refused = refusal_in(error)
        because = refused.explanation if refused else f"it cannot be read ({type(error).__name__})"
        raise DocumentUnavailable(f"{shown}: {because}") from error
    except (ValueError, RecursionError) as error:
        raise DocumentUnavailable(f"{shown} is not JSON ({type(error).__name__})") from error


def _body(url: str, answer: requests.Response, limit_bytes: int) -> bytes:
    body = bytearray()
    while piece := answer.raw.read1(8192, decode_content=True):
        body += piece
        if len(body) > limit_bytes:
            raise DocumentUnavailable(f"{url} is larger than {limit_bytes} bytes")
    return bytes(body)


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


class _CuttableHTTP(GuardedHTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _remember(super()._new_conn())


class _CuttableHTTPS(GuardedHTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _remember(super()._new_conn())


class _CuttableAdapter(GuardedAdapter):
    plain = _CuttableHTTP
    tls = _CuttableHTTPS
