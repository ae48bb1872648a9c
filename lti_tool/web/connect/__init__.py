"""Connect to Canvas: the page in the frame, and the top-level window that goes to Canvas and back.

The frame has the session and no cookies; the window has cookies and no session. A one-time ticket carries
the person across, and a cookie of the window alone (Lax, HttpOnly, /connect only), named after the attempt,
binds the way back to it.
"""

from __future__ import annotations

import hashlib
from typing import Protocol
from urllib.parse import parse_qsl, urlsplit

from flask import Blueprint, Response, jsonify, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as WsgiResponse

from lti_tool.services.actor import Actor
from lti_tool.services.use_cases import ConnectingCases
from lti_tool.web.answers import go_to
from lti_tool.web.session import bearer, visit

WINDOW_COOKIE = "connect-window"
WINDOW_SECONDS = 600


class SessionEnds(Protocol):
    """Ends sessions: this one, or all of a person."""

    def this(self, token: str) -> None: ...
    def all_of(self, actor: Actor) -> None: ...


def connect_blueprint(connecting: ConnectingCases, ends: SessionEnds) -> Blueprint:
    """The page in the frame."""
    pages = Blueprint("connect", __name__)

    @pages.get("/connect")
    def connect(course_id: str) -> str:
        return render_template(
            "connect.html",
            course_id=visit().launched.course_id or course_id,
            connected=connecting.connected(visit().actor),
            scopes=connecting.scopes(),
            return_to=_back(request.args.get("next", ""), course_id),
        )

    @pages.post("/connect/ticket")
    def ticket(course_id: str) -> Response:
        back = _back(request.form.get("next", ""), course_id)
        one_time = connecting.ticket(visit().person, back)
        return jsonify(window=url_for("connect_window.start", ticket=one_time))

    @pages.get("/connect/status")
    def status(course_id: str) -> Response:
        back = _back(request.args.get("next", ""), course_id)
        return jsonify(connected=connecting.connected(visit().actor), location=back)

    @pages.post("/disconnect")
    def disconnect(course_id: str) -> Response:
        """End the access to Canvas. With ``next`` they connect again at once, and the session stays."""
        actor, following = visit().actor, request.form.get("next", "")
        connecting.disconnect(actor)
        if following:
            back = _inside(following, course_id)
            return go_to(url_for("course.connect.connect", course_id=course_id, next=back))
        ends.all_of(actor)
        return make_response(
            render_template(
                "ended.html",
                title=_("You're disconnected"),
                happened=_(
                    "The tool can no longer read or change Canvas in your name, and you're logged out."
                ),
            )
        )

    @pages.post("/log-out")
    def end_session(course_id: str) -> str:  # noqa: ARG001 - the address has it
        ends.this(bearer() or "")
        return render_template(
            "ended.html",
            title=_("You're logged out"),
            happened=_("Updates that are under way go on, and so does what you automated."),
        )

    return pages


def connect_window_blueprint(connecting: ConnectingCases, *, secure_cookie: bool) -> Blueprint:
    """The top-level window; it is told who asks by the ticket and shows nothing private."""
    window = Blueprint("connect_window", __name__, url_prefix="/connect")

    @window.get("/opening")
    def opening() -> str:
        return render_template("opening.html")

    @window.get("/start")
    def start() -> WsgiResponse:
        consent_page, secret = connecting.start(request.args.get("ticket", ""))
        answer = redirect(consent_page, 303)
        state = dict(parse_qsl(urlsplit(consent_page).query)).get("state", "")
        answer.set_cookie(
            window_cookie(state),
            secret,
            max_age=WINDOW_SECONDS,
            path="/connect",
            secure=secure_cookie,
            httponly=True,
            samesite="Lax",
        )
        return answer

    @window.get("/callback")
    def callback() -> Response:
        name = window_cookie(request.args.get("state", ""))
        connecting.finish(request.args.to_dict(), request.cookies.get(name, ""))
        answer = make_response(render_template("connected.html"))
        answer.delete_cookie(name, path="/connect")
        return answer

    return window


def window_cookie(state: str) -> str:
    """The cookie's name in one attempt, so that two windows of a browser don't overwrite each other's."""
    return f"{WINDOW_COOKIE}-{hashlib.sha256(state.encode()).hexdigest()[:12]}"


def _back(path: str, course_id: str) -> str:
    """As ``_inside``, with the course's number where it became known by connecting."""
    inside, known = _inside(path, course_id), visit().launched.course_id or course_id
    old, new = (url_for("course.home.home", course_id=one) for one in (course_id, known))
    return new + inside.removeprefix(old)


def _inside(path: str, course_id: str) -> str:
    """The path if it is a page of this course, else the course's home: never an open redirect."""
    home = url_for("course.home.home", course_id=course_id)
    return path if path.startswith(home + "/") and "//" not in path and "\\" not in path else home
