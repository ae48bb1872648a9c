"""Who is asking: the bearer token of the frame becomes a ``Visit``, or the request ends here.

Course and role come from what Canvas signed in the launch, the person from what Canvas's API confirmed. An
address that names another course is refused before any page function runs, and so is everybody who does not
teach. Until Canvas has confirmed person and course only the pages that lead to the connection are open.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import structlog
from flask import Response, g, make_response, render_template, request

from allocation.sentences import N_
from lti_tool.defects import present
from lti_tool.planning.ids import CanvasOrigin, CourseId, UserId
from lti_tool.planning.signed_person import SignedPerson
from lti_tool.services.actor import Actor
from lti_tool.services.errors import NotConnected

CONNECT_PAGES = "course.connect."
LOG_OUT = "course.connect.end_session"
HOME_PAGE = "course.home.home"


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
    def issuer(self) -> str: ...
    @property
    def client_id(self) -> str: ...
    @property
    def canvas_origin(self) -> str: ...
    @property
    def context_id(self) -> str: ...
    @property
    def lti_user_id(self) -> str: ...
    @property
    def legacy_user_id(self) -> str: ...
    @property
    def claimed_user_id(self) -> str: ...
    @property
    def masquerader(self) -> str: ...
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


class ActingAsAnother(Exception):
    """An administrator acts as this person in Canvas, and asked for a change."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One authenticated request. Person and course of ``actor`` are empty until Canvas confirmed both."""

    launched: Launched
    actor: Actor

    @property
    def person(self) -> SignedPerson:
        """Who asks, as Canvas signed them."""
        launched = self.launched
        return SignedPerson(
            issuer=launched.issuer,
            client_id=launched.client_id,
            canvas=CanvasOrigin(launched.canvas_origin),
            subject=launched.lti_user_id,
            context_id=launched.context_id,
            course_id=launched.course_id,
            legacy_subject=launched.legacy_user_id,
            claimed_user_id=launched.claimed_user_id,
            opened_at=launched.platform_origin,
        )


def visit() -> Visit:
    """The visit of this request; only for functions behind ``guard``."""
    return present(visit_if_any(), "only functions behind the guard ask")


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
        connecting = (request.endpoint or "").startswith(CONNECT_PAGES)
        identified = bool(launched.user_id and launched.course_id)
        own = {launched.course_id or launched.context_id}
        if connecting:  # its address was made before the course had its number
            own.add(launched.context_id)
        asked_for = (request.view_args or {}).get("course_id")
        if not asked_for or asked_for not in own:
            raise OtherCourse
        changes = request.method not in ("GET", "HEAD") and request.endpoint != LOG_OUT
        if launched.masquerader and changes:
            raise ActingAsAnother
        if not identified and not connecting and request.endpoint != HOME_PAGE:
            raise NotConnected(N_("Canvas has not confirmed yet who you are."))
        return None

    return check


def bearer() -> str | None:
    """The token that this request shows."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def _actor(launched: Launched) -> Actor:
    identified = bool(launched.user_id and launched.course_id)
    return Actor(
        canvas=CanvasOrigin(launched.canvas_origin),
        course_id=CourseId(launched.course_id if identified else ""),
        user_id=UserId(launched.user_id if identified else ""),
        name=launched.user_name,
    )
