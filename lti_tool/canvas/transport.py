"""One HTTP exchange with one Canvas: timeouts, limits, keep-alive. Knows no endpoint and judges no status.

What it guarantees to the layers above:

* The bearer token goes to the registered origin and nowhere else; redirects are not followed.
* Nothing is ever sent twice: urllib3's own retries are off. Who may ask again decides that above.
* A failure says whether bytes of the request can have left this machine, judged at the socket and not by
  the name of an exception. "Nothing left" is what makes a write provably not done.
* Bodies are bounded in size (after decompression) and in time, also against a server that trickles.

It speaks through urllib3 itself, requests' own engine: that takes less than half of the processor time, and
nothing in the environment (REQUESTS_CA_BUNDLE, proxies, a ``.netrc``) overrides our choice of certificates or
replaces the bearer.
"""

from __future__ import annotations

import os
import ssl
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urlencode, urlsplit

import certifi
import structlog
import urllib3
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.util import create_urllib3_context

from lti_tool.canvas.origin import origin_of
from lti_tool.metrics import CANVAS_CALLS, CANVAS_SECONDS, canvas_result
from lti_tool.outgoing import (
    PUBLIC,
    USER_AGENT,
    AnswerTooLarge,
    DeadlinePassed,
    GuardedAdapter,
    GuardedHTTPConnection,
    GuardedHTTPSConnection,
    Reach,
    read_body,
    reason_of,
    refusal_in,
    within,
)
from lti_tool.planning.ids import CanvasOrigin

ACCEPT = "application/json+canvas-string-ids, application/json;q=0.9"

log = structlog.get_logger(__name__)
Parameters = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one exchange; seconds and bytes."""

    connect_timeout_s: float = 5.0
    read_timeout_s: float = 60.0
    """Longest silence of the server."""
    total_timeout_s: float = 180.0
    """Longest time for everything, from the look-up of the name to the last byte, however steadily it
    trickles."""
    body_bytes: int = 20 * 1024 * 1024
    idle_connection_s: float = 20.0
    """Kept connections older than this are closed: a load balancer that closed one in the same moment
    would turn a write into an unknown outcome."""


@dataclass(frozen=True, slots=True)
class WireRequest:
    """One request. ``path`` starts with a slash; ``scope`` is Canvas's name for the route, for messages."""

    method: str
    path: str
    query: Parameters = ()
    form: Parameters = field(default=(), repr=False)
    scope: str = ""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class WireAnswer:
    """What came back, complete and unjudged. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    url: str = field(default="", repr=False)

    @property
    def request_id(self) -> str | None:
        """Canvas's own id of the request, for its administrators' logs."""
        return self.headers.get("x-request-context-id")

    @property
    def is_json(self) -> bool:
        """Whether the answer says that it is JSON; proxies and maintenance pages say HTML."""
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))

    @property
    def rate_limit_remaining(self) -> float | None:
        """X-Rate-Limit-Remaining: 600 minus the bucket, our own open requests (50 each) included."""
        return _number(self.headers.get("x-rate-limit-remaining"))

    @property
    def request_cost(self) -> float | None:
        """X-Request-Cost; missing on refused answers."""
        return _number(self.headers.get("x-request-cost"))


class SendFailed(Exception):
    """No complete answer. ``bytes_left`` tells whether Canvas can have received the request."""

    def __init__(self, message: str, *, bytes_left: bool) -> None:
        super().__init__(message)
        self.bytes_left = bytes_left


class OversizedBody(SendFailed):
    """The answer was longer, or took longer, than ``Limits`` allow."""


class Transport:
    """Exchanges with one Canvas origin. Safe for any number of threads; one line serves one at a time.

    Args:
        origin: as ``canonical_origin`` gives it; absolute URLs elsewhere are refused.
        verify: path of a CA bundle, or True for the certificates that requests brings.
        reach: which addresses may be spoken to, judged at each connection.
    """

    def __init__(
        self,
        origin: CanvasOrigin,
        *,
        limits: Limits | None = None,
        verify: bool | str = True,
        reach: Reach = PUBLIC,
    ) -> None:
        self.origin = origin
        self.reach = reach
        self.limits = limits or Limits()
        self.verify = verify
        self._headers = {
            "User-Agent": USER_AGENT,
            "Accept": ACCEPT,
            "Accept-Encoding": "gzip, deflate",
            "Connection": "keep-alive",
        }
        self._lock = threading.Lock()
        self._idle: deque[tuple[HTTPConnectionPool, float]] = deque()

    def send(
        self, request: WireRequest, *, token: str | None = None, limits: Limits | None = None
    ) -> WireAnswer:
        """Send once and return the complete answer, whatever its status.

        ``request.path`` may be an absolute URL (Canvas's Link headers are); another origin raises ValueError.

        Raises:
            SendFailed: no complete answer came; says whether bytes had left.
            ValueError: the address is not on this Canvas.
        """
        target = self._target(request)
        headers = dict(self._headers)
        if token:
            headers["Authorization"] = f"Bearer {token}"
        started = time.monotonic()
        with self._line() as line:
            answer = self._exchange(line, request, target, headers, limits or self.limits)
        seconds = time.monotonic() - started
        CANVAS_CALLS.labels(request.method, canvas_result(answer.status, is_json=answer.is_json)).inc()
        CANVAS_SECONDS.labels(request.method).observe(seconds)
        log.debug(
            "canvas_call",
            method=request.method,
            path=request.path.partition("?")[0],
            status=answer.status,
            milliseconds=round(seconds * 1000),
            request_id=answer.request_id,
            cost=answer.request_cost,
            remaining=answer.rate_limit_remaining,
        )
        return answer

    def close(self) -> None:
        """Close idle connections; the transport stays usable."""
        with self._lock:
            idle, self._idle = self._idle, deque()
        for line, _ in idle:
            line.close()

    def _target(self, request: WireRequest) -> str:
        """Path and query as they go out, after a look at whose address it is."""
        path = request.path
        if not path.startswith("/") or path.startswith("//"):
            if origin_of(path) != self.origin:
                raise ValueError("refused to send a request to another address than the registered Canvas")
            parts = urlsplit(path)
            path = parts.path + (f"?{parts.query}" if parts.query else "")
        if request.query:
            path += ("&" if "?" in path else "?") + urlencode(request.query)
        return path

    def _exchange(
        self,
        line: HTTPConnectionPool,
        request: WireRequest,
        target: str,
        headers: dict[str, str],
        limits: Limits,
    ) -> WireAnswer:
        body = None
        if request.form:
            body = urlencode(request.form)
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        _on_the_wire.bytes_left = False
        response: urllib3.BaseHTTPResponse | None = None
        try:
            with within(limits.total_timeout_s) as deadline:
                response = line.urlopen(
                    request.method,
                    target,
                    body=body,
                    headers=headers,
                    retries=False,
                    redirect=False,
                    preload_content=False,
                    timeout=urllib3.Timeout(connect=limits.connect_timeout_s, read=limits.read_timeout_s),
                )
                content = read_body(response, limits.body_bytes)
                if deadline.passed:  # a body without a length, cut off, looks like a whole one
                    raise DeadlinePassed
                response.release_conn()
        except AnswerTooLarge as error:
            raise _too_much(response, "the answer was longer than we accept") from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            if isinstance(error, DeadlinePassed) and response is not None:
                raise _too_much(response, "the answer took longer than we accept") from error
            raise _failed(request, error, response) from error
        return WireAnswer(
            status=response.status,
            headers={name.lower(): value for name, value in response.headers.items()},
            body=content,
            url=self.origin + target,
        )

    @contextmanager
    def _line(self) -> Iterator[HTTPConnectionPool]:
        """A line of one connection for the calling thread alone: the one used last, so that it is still warm.

        Threads come and go (a snapshot is read by short-lived ones), so lines are lent, not theirs.
        """
        line = self._warm_line() or self._new_line()
        try:
            yield line
        except BaseException:
            line.close()
            raise
        with self._lock:
            self._idle.append((line, time.monotonic()))

    def _warm_line(self) -> HTTPConnectionPool | None:
        with self._lock:
            if not self._idle:
                return None
            line, used = self._idle.pop()
        if time.monotonic() - used > self.limits.idle_connection_s:
            line.close()
            return None
        return line

    def _new_line(self) -> HTTPConnectionPool:
        tls = {"ssl_context": self._certificates} if self.origin.startswith("https:") else {}
        manager: urllib3.PoolManager = WatchedAdapter(self.reach).poolmanager
        return manager.connection_from_url(self.origin, tls)

    @cached_property
    def _certificates(self) -> ssl.SSLContext:
        """Read once; reading them takes longer than a call to Canvas."""
        context = create_urllib3_context()
        where = self.verify if isinstance(self.verify, str) else certifi.where()
        if os.path.isdir(where):
            context.load_verify_locations(capath=where)
        else:
            context.load_verify_locations(cafile=where)
        return context


def _too_much(response: urllib3.BaseHTTPResponse | None, words: str) -> OversizedBody:
    if response is not None:
        response.close()
    return OversizedBody(words, bytes_left=True)


def _failed(request: WireRequest, error: Exception, response: urllib3.BaseHTTPResponse | None) -> SendFailed:
    if response is not None:
        response.close()
    left = response is not None or bool(_on_the_wire.bytes_left)
    refused = refusal_in(error)
    CANVAS_CALLS.labels(request.method, "no answer" if left else "not reached").inc()
    log.warning(
        "canvas_call_failed",
        method=request.method,
        path=request.path.partition("?")[0],
        error=type(refused or error).__name__,
        bytes_left=left,
    )
    return SendFailed(reason_of(error), bytes_left=left and refused is None)


class _OnTheWire(threading.local):
    """Whether the request that this thread is sending has put bytes on an established connection."""

    bytes_left = False


_on_the_wire = _OnTheWire()


class _WatchedHTTPConnection(GuardedHTTPConnection):
    """Notes the moment from which a request can have been executed."""

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()  # may fail, and then nothing has left
        _on_the_wire.bytes_left = True
        super().send(data)


class _WatchedHTTPSConnection(GuardedHTTPSConnection):
    """The same over TLS: the handshake does not count, the request does."""

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        _on_the_wire.bytes_left = True
        super().send(data)


class WatchedAdapter(GuardedAdapter):
    """Guarded connections that know whether bytes have left."""

    plain = _WatchedHTTPConnection
    tls = _WatchedHTTPSConnection


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
