"""What every answer tells the browser about itself: content policy, framing, caching.

The policy starts at nothing and opens what the pages use: our own modules, style and pictures. There is no
inline script or style anywhere. A page may be framed by the one Canvas that it belongs to: that of its
session, of the launch, or for a document that is loaded before its session is shown, the registered one that
its address names (``?in=``). Everything else refuses to be framed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from flask import Flask, Response, g, request

from lti_tool.web.session import visit_if_any

LARGEST_FORM = 1_000_000
"""Bytes; the largest form is the list of people who take no part."""
LARGEST_FIELD = 500_000
"""Bytes of one text field in a multipart form."""

ANYBODY = ("*",)
"""For pages without controls and without anything private that must be readable in a Canvas nobody registered
yet: a refused launch, every error of an address that Canvas opens, and the registration itself, whose address
holds two secrets."""
IN_CANVAS = "in"
"""Parameter of an address: host of the Canvas around the frame."""

SPEAK_TO_THEIR_OPENER = ("/app/", "/lti/", "/connect/")
"""Windows that have to know who opened them, or be known to it, across origins.

Canvas opens the tool in a tab of its own on some links, and then its storage and its messages are at
``window.opener``; a registration window tells its opener to close it; the window that goes to Canvas for the
consent is steered by the frame that opened it. Any policy but ``unsafe-none`` cuts them off. Such a window
has nothing private in it before its session is shown, and no session in its address.
"""

NO_POWERS = (
    "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), "
    "microphone=(), midi=(), payment=(), usb=()"
)


def content_policy(ancestors: Sequence[str]) -> str:
    """The Content-Security-Policy for pages that only ``ancestors`` (origins) may frame."""
    for origin in ancestors if ancestors != ANYBODY else ():
        parts = urlsplit(origin)
        if parts.scheme not in ("http", "https") or origin != f"{parts.scheme}://{parts.netloc}":
            raise ValueError(f"{origin!r} is not an origin such as https://canvas.example.edu")
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self'",
            "connect-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors " + (" ".join(ancestors) or "'none'"),
        )
    )


def frame_in(origins: Sequence[str]) -> None:
    """Let the answer to this request be framed by these origins."""
    g.framed_by = tuple(origins)


def framed() -> bool:
    """Whether somebody may frame the answer to this request, as far as it is known yet."""
    return bool(g.get("framed_by"))


def frame_in_named(registered: Callable[[], Sequence[str]]) -> Callable[[], None]:
    """A ``before_request`` function: the registered Canvas that the address names may frame the answer."""

    def look() -> None:
        named = request.args.get(IN_CANVAS)
        if named:
            frame_in([origin for origin in registered() if urlsplit(origin).netloc == named])

    return look


def _ancestors() -> Sequence[str]:
    visiting = visit_if_any()
    if visiting is not None:
        return (visiting.launched.platform_origin,)
    found: Sequence[str] = g.get("framed_by", ())
    return found


def protect(app: Flask, *, https: bool) -> None:
    """Put the headers on every answer of the application and limit what it reads."""
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_FORM
    app.config["MAX_FORM_MEMORY_SIZE"] = LARGEST_FIELD
    app.config["MAX_FORM_PARTS"] = 10_000

    @app.after_request
    def add_headers(response: Response) -> Response:
        headers = response.headers
        headers.setdefault("Content-Security-Policy", content_policy(_ancestors()))
        headers["X-Content-Type-Options"] = "nosniff"
        headers["Referrer-Policy"] = "no-referrer"
        headers["Permissions-Policy"] = NO_POWERS
        headers["Cross-Origin-Resource-Policy"] = "same-origin"
        with_opener = request.path.startswith(SPEAK_TO_THEIR_OPENER)
        headers["Cross-Origin-Opener-Policy"] = "unsafe-none" if with_opener else "same-origin"
        headers["X-Robots-Tag"] = "noindex"
        if https:
            headers["Strict-Transport-Security"] = "max-age=31536000"
        if response.status_code >= 400 or (request.endpoint or "").rpartition(".")[2] != "static":
            headers.setdefault("Cache-Control", "no-store")
            headers.add("Vary", "Authorization")
        return response
