"""Who is asking: the bearer token of the frame becomes a ``Visit``, or the request ends here.

Course and role come from the launch alone. An address that names another course is refused before any
page function runs, and so is everybody who does not teach.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import structlog
from flask import Response, g, make_response, render_template, request

from lti_tool.planning.ids import CanvasOrigin, CourseId, UserId
from lti_tool.services.actor import Actor


class Colours(Protocol):
    """Colours of the Canvas as ``#rrggbb``, or empty; ``lti_tool.lti.brand.Brand`` has them."""

    @property
    def link(self) -> str: ...
    @property
    def button(self) -> str: ...
    @property
    def button_text(self) -> str: ...


class Launched(Protocol):
    """What the pages need of a launch; ``lti_tool.lti.launching.LaunchContext`` has all of it."""

    @property
    def canvas_origin(self) -> str: ...
    @property
    def course_id(self) -> str: ...
    @property
    def course_name(self) -> str: ...
    @property
    def user_id(self) -> str: ...
    @property
    def user_name(self) -> str: ...
    @property
    def is_instructor(self) -> bool: ...
    @property
    def locale(self) -> str: ...
    @property
    def time_zone(self) -> str: ...
    @property
    def high_contrast(self) -> bool: ...
    @property
    def brand(self) -> Colours: ...
    @property
    def post_message_token(self) -> str: ...
    @property
    def platform_origin(self) -> str: ...
    @property
    def launch_id(self) -> str: ...


Authenticate = Callable[[str], Launched | None]
"""Gives the launch that a session token belongs to; None when the token is unknown or has expired."""


class NoSession(Exception):
    """The request carries no token that is still good."""


class NotATeacher(Exception):
    """The launch gave no teaching role in this course."""


class OtherCourse(Exception):
    """The address names another course than the launch did."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One authenticated request."""

    launched: Launched
    actor: Actor


def visit() -> Visit:
    """The visit of this request; only for functions behind ``guard``."""
    found = visit_if_any()
    assert found is not None, "a page function ran without the guard"
    return found


def visit_if_any() -> Visit | None:
    """The visit of this request, if a good token came with it."""
    found = g.get("visit")
    return found if isinstance(found, Visit) else None


def guard(authenticate: Authenticate) -> Callable[[], Response | None]:
    """A ``before_request`` function that lets only teachers of the addressed course through."""

    def check() -> Response | None:
        token = bearer()
        if token is None:
            if request.method in ("GET", "HEAD"):
                return make_response(render_template("shell.html"))
            raise NoSession
        launched = authenticate(token)
        if launched is None:
            raise NoSession
        g.visit = Visit(launched, _actor(launched))
        structlog.contextvars.bind_contextvars(launch=launched.launch_id)
        if not launched.is_instructor:
            raise NotATeacher
        asked_for = (request.view_args or {}).get("course_id")
        if not launched.course_id or asked_for != launched.course_id:
            raise OtherCourse
        return None

    return check


def bearer() -> str | None:
    """The token that this request shows."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def _actor(launched: Launched) -> Actor:
    return Actor(
        canvas=CanvasOrigin(launched.canvas_origin),
        course_id=CourseId(launched.course_id),
        user_id=UserId(launched.user_id),
        name=launched.user_name,
    )
