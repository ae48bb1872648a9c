"""What one answer may cost: seconds to connect, of silence, and in all; bytes after decompression.

``read_body`` is the one place that reads a body, and ``BoundedAdapter`` puts it under any session of
requests, so that no caller can forget a bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
import urllib3

from lti_tool.outgoing.connections import GuardedAdapter
from lti_tool.outgoing.deadline import DeadlinePassed, within
from lti_tool.outgoing.reach import Reach

USER_AGENT = "peer-review-allocator"
"""Canvas requires a User-Agent; requests' own may be blocked by a firewall."""
ENCODINGS = "gzip, deflate"
"""Those that urllib3 takes apart piece by piece, whatever else is installed."""
CHUNK_BYTES = 64 * 1024
NO_COOKIES = DefaultCookiePolicy(allowed_domains=[])
"""A session cookie of the other side would be a second authority."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bounds of one exchange; seconds and bytes."""

    connect_s: float = 3.0
    read_s: float = 5.0
    """Longest silence of the server."""
    total_s: float = 8.0
    """Everything, from the look-up of the name to the last byte."""
    body_bytes: int = 256 * 1024
    """After decompression."""


class AnswerTooLarge(requests.RequestException):
    """The body is longer than the bounds allow."""


def read_body(answer: urllib3.BaseHTTPResponse, limit_bytes: int) -> bytes:
    """The whole body, decompressed piece by piece.

    Raises:
        AnswerTooLarge: it is longer than ``limit_bytes``; at most a piece more than that was decompressed.
        DeadlinePassed: from the connection, when the time of the exchange is over.
    """
    parts: list[bytes] = []
    size = 0
    while piece := answer.read1(CHUNK_BYTES, decode_content=True):
        size += len(piece)
        if size > limit_bytes:
            raise AnswerTooLarge(f"larger than {limit_bytes} bytes")
        parts.append(piece)
    return b"".join(parts)


class BoundedAdapter(GuardedAdapter):
    """requests' adapter whose answers are complete and within ``bounds`` when they arrive.

    What a caller says about timeouts and streaming counts for nothing.
    """

    def __init__(self, reach: Reach, bounds: Bounds) -> None:
        self._bounds = bounds
        super().__init__(reach)

    def send(self, request: Any, *_args: Any, **kwargs: Any) -> requests.Response:
        """Send, and read the answer to its end.

        Raises:
            requests.RequestException: no connection, no answer in time (Timeout), or too large.
        """
        bounds = self._bounds
        chosen = {name: kwargs[name] for name in ("verify", "cert") if name in kwargs}
        timeout = (min(bounds.connect_s, bounds.total_s), min(bounds.read_s, bounds.total_s))
        try:
            with within(bounds.total_s) as deadline:
                answer = super().send(request, stream=True, timeout=timeout, **chosen)
                with answer:
                    answer._content = read_body(answer.raw, bounds.body_bytes)
                    answer._content_consumed = True  # type: ignore[attr-defined]  # as requests itself does
                if deadline.passed:  # a body without a length, cut off, looks like a whole one
                    raise DeadlinePassed
        except DeadlinePassed as error:
            raise requests.Timeout(f"no complete answer within {bounds.total_s:g} s") from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            if isinstance(error, requests.RequestException):
                raise
            raise requests.ConnectionError(type(error).__name__) from error
        return answer


def bound(session: requests.Session, reach: Reach, bounds: Bounds) -> None:
    """Let this session speak within ``reach`` and ``bounds`` only.

    No redirect is followed (requests raises TooManyRedirects), no cookie kept, nothing of the environment
    used.
    """
    session.trust_env = False
    session.max_redirects = 0
    session.cookies.set_policy(NO_COOKIES)
    session.headers.update({"User-Agent": USER_AGENT, "Accept-Encoding": ENCODINGS})
    session.mount("https://", BoundedAdapter(reach, bounds))
    session.mount("http://", BoundedAdapter(reach, bounds))
