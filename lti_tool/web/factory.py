"""Builds the web application: everything that it needs comes in as an argument, nothing is looked up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from flask import Blueprint, Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from lti_tool.services.actor import Actor
from lti_tool.services.audit import Audit
from lti_tool.services.use_cases import UseCases
from lti_tool.web import words
from lti_tool.web.administration import AdministrationCases, administration_blueprint
from lti_tool.web.after.board import board_blueprint
from lti_tool.web.after.credit import credit_blueprint
from lti_tool.web.after.filling import filling_blueprint
from lti_tool.web.after.reminders import reminders_blueprint
from lti_tool.web.after.schedule import schedule_blueprint
from lti_tool.web.colours import brand_address, colours_blueprint
from lti_tool.web.connect import SessionEnds, connect_blueprint, connect_window_blueprint
from lti_tool.web.editing import editing_blueprint
from lti_tool.web.errors import show_errors
from lti_tool.web.home import home_blueprint
from lti_tool.web.levels import levels_blueprint
from lti_tool.web.limits import Kind, limit
from lti_tool.web.locale import speak
from lti_tool.web.making import making_blueprint
from lti_tool.web.many_people import many_people_blueprint
from lti_tool.web.pairs import pairs_blueprint
from lti_tool.web.participants import participants_blueprint
from lti_tool.web.preview import preview_blueprint
from lti_tool.web.reading import read_first, reading_blueprint
from lti_tool.web.rule_sets import rule_sets_blueprint
from lti_tool.web.rules import rules_blueprint
from lti_tool.web.runs import runs_blueprint
from lti_tool.web.security import frame_in_named, protect
from lti_tool.web.session import Authenticate, guard, visit_if_any
from lti_tool.web.tracing import trace
from lti_tool.web.trail import keep_trail
from lti_tool.web.voice import teach

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


@dataclass(frozen=True, slots=True)
class WebSettings:
    """What an installation chooses: its own address, the origins that may frame it (asked each time), the
    proxies before it."""

    public_url: str
    platform_origins: Callable[[], Sequence[str]]
    trusted_proxies: int = 0
    rate_limits: Mapping[Kind, str] = field(default_factory=dict)
    rate_limit_storage: str = "memory://"
    page_scope: Callable[[], AbstractContextManager[None]] = nullcontext
    """Entered for each request: what it takes of shared things is given back at its end."""


def create_web(
    services: UseCases,
    authenticate: Authenticate,
    launch_blueprints: Sequence[Blueprint],
    settings: WebSettings,
    administration: AdministrationCases | None = None,
    ends: SessionEnds | None = None,
    audit: Audit | None = None,
) -> Flask:
    """The WSGI application.

    ``authenticate`` gives the launch of a session token, or None. ``launch_blueprints`` are the LTI
    endpoints (``lti_tool.web.launch``). ``ends`` logs people out.
    """
    app = Flask("lti_tool.web")
    https = settings.public_url.startswith("https://")
    trace(app, behind_proxy=settings.trusted_proxies > 0)
    if audit is not None:
        keep_trail(app, audit)
    speak(app)
    teach(app)
    protect(app, https=https)
    show_errors(app)
    app.context_processor(_page_values)
    for blueprint in launch_blueprints:
        app.register_blueprint(blueprint)
    app.register_blueprint(colours_blueprint())
    app.register_blueprint(connect_window_blueprint(services.connecting, secure_cookie=https))
    if administration is not None:
        app.register_blueprint(administration_blueprint(administration, settings.platform_origins))
    app.register_blueprint(
        _course_pages(services, authenticate, settings.platform_origins, ends or _NoSessions())
    )
    limit(app, settings.rate_limits, settings.rate_limit_storage)
    app.wsgi_app = _within(settings.page_scope, app.wsgi_app)  # type: ignore[assignment,method-assign]  # as Flask has it
    if settings.trusted_proxies:
        # Only so many entries of X-Forwarded-For count, from the right: the rest is what a visitor wrote.
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]  # as Flask's documentation has it
            app.wsgi_app, x_for=settings.trusted_proxies, x_proto=settings.trusted_proxies, x_host=0
        )
    return app


def _within(scope: Callable[[], AbstractContextManager[None]], inner: WSGIApplication) -> WSGIApplication:
    """The application in a scope of its own for each request; no page is made while it is sent."""

    def serve(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        with scope():
            return inner(environ, start_response)

    return serve


class _NoSessions:
    """Where sessions are kept elsewhere, as in tests of single pages."""

    def this(self, token: str) -> None:
        """Nothing to end."""

    def all_of(self, actor: Actor) -> None:
        """Nothing to end."""


def _page_values() -> dict[str, object]:
    """What every template may use."""
    found = visit_if_any()
    brand = found.launched.brand if found is not None else None
    colours = (brand.link, brand.button, brand.button_text) if brand is not None else ("", "", "")
    return {"words": words, "visit": found, "brand_sheet": brand_address(colours)}


def _course_pages(
    services: UseCases,
    authenticate: Authenticate,
    platform_origins: Callable[[], Sequence[str]],
    ends: SessionEnds,
) -> Blueprint:
    """Everything under one course; the guard runs before each of its pages."""
    pages = Blueprint("course", __name__, url_prefix="/app/courses/<course_id>")
    pages.before_request(frame_in_named(platform_origins))
    pages.before_request(guard(authenticate))
    participants, rules = participants_blueprint(services), rules_blueprint(services)
    pairs, rule_sets = pairs_blueprint(services), rule_sets_blueprint(services)
    many_people, levels = many_people_blueprint(services), levels_blueprint(services)
    filling = filling_blueprint(services)
    for blueprint in (participants, many_people, rules, pairs, levels, rule_sets, filling):
        blueprint.before_request(read_first(services))
    for blueprint in (
        home_blueprint(services),
        connect_blueprint(services.connecting, ends),
        reading_blueprint(services),
        making_blueprint(services),
        participants,
        rules,
        preview_blueprint(services),
        editing_blueprint(services),
        many_people,
        pairs,
        levels,
        rule_sets,
        runs_blueprint(services),
        board_blueprint(services),
        reminders_blueprint(services),
        filling,
        credit_blueprint(services),
        schedule_blueprint(services),
    ):
        pages.register_blueprint(blueprint)
    return pages
