"""What every answer tells the browser about itself: content policy, framing, caching.

The policy starts at nothing and opens what the pages use: our own modules, style and pictures. There is no
inline script or style anywhere. Only registered platforms may frame the tool, error pages included.
A blueprint that needs another policy (the launch's form posts to the platform) sets the header itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from flask import Flask, Response, request

LARGEST_FORM = 1_000_000
"""Bytes; the largest form is the list of people who take no part."""

NO_POWERS = (
    "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), "
    "microphone=(), midi=(), payment=(), usb=()"
)


def content_policy(ancestors: Sequence[str]) -> str:
    """The Content-Security-Policy for pages that only ``ancestors`` (origins) may frame."""
    for origin in ancestors:
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


def protect(app: Flask, *, ancestors: Sequence[str], https: bool) -> None:
    """Put the headers on every answer of the application and limit what it reads."""
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_FORM
    app.config["MAX_FORM_PARTS"] = 10_000
    policy = content_policy(ancestors)
    top_level_policy = content_policy(())

    @app.after_request
    def add_headers(response: Response) -> Response:
        top_level = request.path.startswith("/connect/")
        headers = response.headers
        headers.setdefault("Content-Security-Policy", top_level_policy if top_level else policy)
        headers["X-Content-Type-Options"] = "nosniff"
        headers["Referrer-Policy"] = "no-referrer"
        headers["Permissions-Policy"] = NO_POWERS
        headers["X-Robots-Tag"] = "noindex"
        if https:
            headers["Strict-Transport-Security"] = "max-age=31536000"
        if request.endpoint != "static" and not (request.endpoint or "").endswith(".static"):
            headers.setdefault("Cache-Control", "no-store")
            headers.add("Vary", "Authorization")
        return response
