"""Which address a Canvas may have. A token never leaves the origin that is decided here."""

from __future__ import annotations

import ipaddress
from urllib.parse import SplitResult, urlsplit

from lti_tool.planning.ids import CanvasOrigin

DEFAULT_PORTS = {"https": 443, "http": 80}


def canonical_origin(address: str, *, allow_plain_loopback: bool = False) -> CanvasOrigin:
    """Scheme, lower-case host and port (default port left out) of a Canvas.

    Args:
        address: what an administrator wrote, such as ``https://Canvas.example.edu/``.
        allow_plain_loopback: accept ``http`` for loopback addresses, as demo and tests do.

    Raises:
        ValueError: no web address, plain http to anything but loopback, a path, or user and password in it.
    """
    parts = _split(address.strip())
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError(f"the address of a Canvas has no path: {address!r}")
    if parts.scheme == "http" and not (allow_plain_loopback and is_loopback(parts.hostname or "")):
        raise ValueError(
            f"{address!r} is not encrypted; use https "
            "(http is accepted for loopback addresses only, and only where the settings allow it)"
        )
    return CanvasOrigin(_origin(parts))


def origin_of(url: str) -> str:
    """The canonical origin of an absolute http(s) URL, to compare with a registered one.

    Raises:
        ValueError: not an absolute http(s) URL, or one that carries user and password.
    """
    return _origin(_split(url))


def is_loopback(host: str) -> bool:
    """Whether ``host`` is this machine by its very name: localhost, ``*.localhost`` or a loopback address."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _split(url: str) -> SplitResult:
    parts = urlsplit(url)
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        raise ValueError(f"not a web address: {url!r}")
    if parts.username is not None or parts.password is not None or "\\" in parts.netloc:
        raise ValueError("an address with user and password in it is not accepted")
    return parts


def _origin(parts: SplitResult) -> str:
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    port = parts.port
    suffix = "" if port is None or port == DEFAULT_PORTS[parts.scheme] else f":{port}"
    return f"{parts.scheme}://{host}{suffix}"
