"""How often somebody may ask for what is dear: launches, previews, imports, registrations.

A view is marked with ``limited``; the factory applies the limits that the settings give. Before there is a
session the count is by network address, which is the right one only behind as many proxies as the settings
say; afterwards it is by person, so that a class behind one address does not share a count.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, TypeVar

from flask import Flask, request
from flask_limiter import Limiter

from lti_tool.web.session import visit_if_any

MARK = "rate_limit_kind"
View = TypeVar("View", bound=Callable[..., Any])


class Kind(StrEnum):
    """What is counted."""

    LAUNCH = "launch"
    PREVIEW = "preview"
    IMPORT = "import"
    REGISTRATION = "registration"
    NONE = ""


def limited(kind: Kind) -> Callable[[View], View]:
    """Mark a view function; stands below the decorator that names its address."""

    def mark(view: View) -> View:
        setattr(view, MARK, kind)
        return view

    return mark


def limit(app: Flask, limits: Mapping[Kind, str], storage: str) -> None:
    """Apply ``limits`` to marked views: by kind, such as ``60 per minute``; other kinds are not limited.

    ``storage`` is ``memory://`` (one count for each process) or the URL of a Redis that all processes share.
    While that Redis is away each process counts for itself.
    """
    if not limits:
        return
    limiter = Limiter(
        _who_asks,
        app=app,
        storage_uri=storage,
        strategy="moving-window",
        headers_enabled=True,
        in_memory_fallback_enabled=True,
        key_prefix="peer-allocator",
    )
    for endpoint, view in list(app.view_functions.items()):
        rule = limits.get(getattr(view, MARK, Kind.NONE))
        if rule is not None:
            counted: Any = limiter.limit(rule)(view)
            app.view_functions[endpoint] = counted


def _who_asks() -> str:
    visit = visit_if_any()
    if visit is not None:
        return f"{visit.actor.canvas}#{visit.actor.user_id}"
    return request.remote_addr or "nobody"
