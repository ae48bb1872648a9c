"""Puts one simulated Canvas together: state, REST, LTI platform, OAuth2 and pages behind one WSGI app."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from flask import Flask, render_template, request
from jinja2 import StrictUndefined
from werkzeug.wrappers import Response

from lti_tool.simulator.oauth import OAuthProvider
from lti_tool.simulator.pages import register_pages
from lti_tool.simulator.pages.context import EXTENSION, PageProblem, Simulator
from lti_tool.simulator.platform import LtiPlatform
from lti_tool.simulator.registrations import ToolRegistrations
from lti_tool.simulator.request_pipeline import register_throttle_and_log
from lti_tool.simulator.rest import register_rest
from lti_tool.simulator.state import CanvasState

CONTENT_SECURITY_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    # Tools live anywhere, and so do the addresses their launches are posted to.
    "frame-src": "*",
    "base-uri": "'none'",
}


def create_simulator(
    state: CanvasState, *, base_url: str, issuer: str | None = None, api_base_url: str | None = None
) -> Flask:
    """The WSGI app of one simulated Canvas.

    `base_url` is its public address without a trailing slash, such as `http://lms.localhost:8080`; every
    address that it hands out starts with it. `api_base_url` is where tools' servers reach it when that
    differs: browsers resolve names below localhost, Python mostly does not. `issuer` is what launches carry
    as `iss`; like Canvas's it need not be an address of this install. The tool is registered by putting
    developer keys into `state` (`CanvasState.add_key`), before or after.

    Raises:
        ValueError: `base_url` is not an http(s) origin.
    """
    scheme, separator, host = base_url.partition("://")
    if scheme not in ("http", "https") or not separator or not host or "/" in host:
        raise ValueError(f"base_url must be like http://lms.localhost:8080, not {base_url!r}")
    app = Flask(__name__, static_folder="static", static_url_path="/simulator/static")
    app.secret_key = secrets.token_bytes(32)
    app.jinja_env.undefined = StrictUndefined
    app.config.update(
        SESSION_COOKIE_NAME="simulated_canvas_session",
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_HTTPONLY=True,
    )
    platform = LtiPlatform(
        state=state,
        base_url=base_url,
        api_base_url=api_base_url or base_url,
        issuer=issuer or base_url,
    )
    app.extensions[EXTENSION] = Simulator(
        state=state,
        platform=platform,
        oauth=OAuthProvider(state),
        registrations=ToolRegistrations(platform),
    )
    register_throttle_and_log(app, state)
    register_rest(app, state)
    register_pages(app)
    app.register_error_handler(PageProblem, _problem_page)
    app.register_error_handler(404, _unknown_page)
    app.after_request(_secure_pages)
    return app


def platform_of(app: Flask) -> LtiPlatform:
    """The LTI platform inside an app of `create_simulator`: its addresses, its keys, `rotate`."""
    parts: Simulator = app.extensions[EXTENSION]
    return parts.platform


def _problem_page(problem: PageProblem) -> tuple[str, int]:
    return render_template("problem.html", problem=problem), problem.status


def _unknown_page(_: Exception) -> tuple[str, int]:
    return _problem_page(
        PageProblem(404, "There is no such page", "Go to the dashboard and look from there.")
    )


def _secure_pages(answer: Response) -> Response:
    """A strict policy on every page; API answers are left as Canvas sends them."""
    if answer.mimetype == "text/html" and not request.path.startswith("/api/v1"):
        policy: Mapping[str, str] = CONTENT_SECURITY_POLICY | {
            "frame-ancestors": "'none'" if answer.headers.get("X-Frame-Options") == "DENY" else "'self'"
        }
        answer.headers["Content-Security-Policy"] = "; ".join(
            f"{name} {value}" for name, value in policy.items()
        )
        answer.headers.setdefault("X-Content-Type-Options", "nosniff")
        answer.headers.setdefault("Cache-Control", "no-store")
        answer.headers.setdefault("Referrer-Policy", "strict-origin-when-cross-origin")
    return answer
