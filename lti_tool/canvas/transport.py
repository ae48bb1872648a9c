"""One HTTP exchange with one Canvas: timeouts, limits, keep-alive. Knows no endpoint and judges no status.

What it guarantees to the layers above:

* The bearer token goes to the registered origin and nowhere else; redirects are not followed.
* Nothing is ever sent twice: urllib3's own retries are off. Who may ask again decides that above.
* A failure says whether bytes of the request can have left this machine, judged at the socket and not by
  the name of an exception. "Nothing left" is what makes a write provably not done.
* Bodies are bounded in size (after decompression) and in time, also against a server that trickles.

``trust_env`` is off: with it, requests would let REQUESTS_CA_BUNDLE override our choice of certificates,
read proxies from the environment, and replace the bearer by what a ``.netrc`` says. Proxy and CA bundle are
arguments instead.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
import structlog
import urllib3

from lti_tool.canvas.origin import origin_of
from lti_tool.outgoing import (
    PUBLIC,
    GuardedAdapter,
    GuardedHTTPConnection,
    GuardedHTTPSConnection,
    Reach,
    refusal_in,
)
from lti_tool.planning.ids import CanvasOrigin

USER_AGENT = "peer-review-allocator"
"""Canvas requires a User-Agent; requests' own may be blocked by a firewall."""
ACCEPT = "application/json+canvas-string-ids, application/json;q=0.9"
CHUNK_BYTES = 64 * 1024
NO_COOKIES = DefaultCookiePolicy(allowed_domains=[])
"""The bearer is our only authority; a session cookie of Canvas would be a second one."""

log = structlog.get_logger(__name__)
Parameters = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one exchange; seconds and bytes."""

    connect_timeout_s: float = 5.0
    read_timeout_s: float = 60.0
    """Longest silence of the server."""
    total_timeout_s: float = 180.0
    """Longest time for the whole body, however steadily it trickles."""
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
    """Exchanges with one Canvas origin. Safe for any number of threads; one session serves one at a time.

    Args:
        origin: as ``canonical_origin`` gives it; absolute URLs elsewhere are refused.
        verify: path of a CA bundle, or True for the certificates that requests brings.
        proxy: address of a proxy for this origin, or None for none; then the proxy decides what is reached.
        reach: which addresses may be spoken to, judged at each connection.
    """

    def __init__(
        self,
        origin: CanvasOrigin,
        *,
        limits: Limits | None = None,
        verify: bool | str = True,
        proxy: str | None = None,
        reach: Reach = PUBLIC,
    ) -> None:
        self.origin = origin
        self.reach = reach
        self.limits = limits or Limits()
        self.verify = verify
        self.proxies = {"http": proxy, "https": proxy} if proxy else {}
        self._lock = threading.Lock()
        self._idle: deque[tuple[requests.Session, float]] = deque()

    def send(
        self, request: WireRequest, *, token: str | None = None, limits: Limits | None = None
    ) -> WireAnswer:
        """Send once and return the complete answer, whatever its status.

        ``request.path`` may be an absolute URL (Canvas's Link headers are); another origin raises ValueError.

        Raises:
            SendFailed: no complete answer came; says whether bytes had left.
            ValueError: the address is not on this Canvas.
        """
        url = self.origin + request.path if request.path.startswith("/") else request.path
        if origin_of(url) != self.origin:
            raise ValueError("refused to send a request to another address than the registered Canvas")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        started = time.monotonic()
        with self._session() as session:
            answer = self._exchange(session, request, url, headers, limits or self.limits)
        log.debug(
            "canvas_call",
            method=request.method,
            path=request.path.partition("?")[0],
            status=answer.status,
            milliseconds=round((time.monotonic() - started) * 1000),
            request_id=answer.request_id,
            cost=answer.request_cost,
            remaining=answer.rate_limit_remaining,
        )
        return answer

    def close(self) -> None:
        """Close idle connections; the transport stays usable."""
        with self._lock:
            idle, self._idle = self._idle, deque()
        for session, _ in idle:
            session.close()

    def _exchange(
        self,
        session: requests.Session,
        request: WireRequest,
        url: str,
        headers: dict[str, str],
        limits: Limits,
    ) -> WireAnswer:
        _on_the_wire.bytes_left = False
        response: requests.Response | None = None
        try:
            response = session.request(
                request.method,
                url,
                params=list(request.query) or None,
                data=list(request.form) or None,
                headers=headers,
                timeout=(limits.connect_timeout_s, limits.read_timeout_s),
                allow_redirects=False,
                stream=True,
            )
            body = _body(response, limits)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise self._failed(request, error, session, response) from error
        except OversizedBody:
            if response is not None:
                response.close()
            session.close()
            raise
        return WireAnswer(
            status=response.status_code,
            headers={name.lower(): value for name, value in response.headers.items()},
            body=body,
            url=response.url,
        )

    def _failed(
        self,
        request: WireRequest,
        error: Exception,
        session: requests.Session,
        response: requests.Response | None,
    ) -> SendFailed:
        if response is not None:
            response.close()
        session.close()
        left = response is not None or bool(_on_the_wire.bytes_left)
        refused = refusal_in(error)
        log.warning(
            "canvas_call_failed",
            method=request.method,
            path=request.path.partition("?")[0],
            error=type(refused or error).__name__,
            bytes_left=left,
        )
        if refused is not None:
            return SendFailed(refused.explanation, bytes_left=False)
        if left:
            return SendFailed(f"no complete answer ({type(error).__name__})", bytes_left=True)
        return SendFailed(f"no connection ({type(error).__name__})", bytes_left=False)

    @contextmanager
    def _session(self) -> Iterator[requests.Session]:
        """A session for the calling thread alone: the one used last, so that its connection is still warm.

        Threads come and go (a snapshot is read by short-lived ones), so sessions are lent, not theirs.
        """
        session = self._warm_session() or self._new_session()
        try:
            yield session
        finally:
            with self._lock:
                self._idle.append((session, time.monotonic()))

    def _warm_session(self) -> requests.Session | None:
        with self._lock:
            if not self._idle:
                return None
            session, used = self._idle.pop()
        if time.monotonic() - used > self.limits.idle_connection_s:
            session.close()  # drops the connections only; the session itself goes on
        return session

    def _new_session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        session.cookies.set_policy(NO_COOKIES)
        session.verify = self.verify
        session.proxies = dict(self.proxies)
        session.headers.update({"User-Agent": USER_AGENT, "Accept": ACCEPT})
        adapter = WatchedAdapter(self.reach)
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        return session


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


def _body(response: requests.Response, limits: Limits) -> bytes:
    """The whole body, decompressed, within the limits."""
    started = time.monotonic()
    parts: list[bytes] = []
    size = 0
    while chunk := response.raw.read1(CHUNK_BYTES, decode_content=True):
        size += len(chunk)
        if size > limits.body_bytes:
            raise OversizedBody("the answer was longer than we accept", bytes_left=True)
        if time.monotonic() - started > limits.total_timeout_s:
            raise OversizedBody("the answer took longer than we accept", bytes_left=True)
        parts.append(chunk)
    response.raw.release_conn()
    return b"".join(parts)


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
