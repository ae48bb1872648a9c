"""The administration: one page for whoever looks after one registration, by launch or by code.

It lies beside the courses' pages and shares their frame module; the token that it is fetched with is either
an administrator's session or the code of a setup address.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from flask import Blueprint, Response, g, jsonify, make_response, render_template, request, url_for

from lti_tool.planning.ids import CanvasOrigin, CourseId, UserId
from lti_tool.services.actor import Actor
from lti_tool.services.administration import AdministrationView, Administrator, AuditPage, KeyRefused
from lti_tool.services.audit import Event
from lti_tool.services.doctor import Finding
from lti_tool.services.registrations import RegistrationRefused
from lti_tool.web.answers import go_to
from lti_tool.web.limits import Kind, limited
from lti_tool.web.security import frame_in_named
from lti_tool.web.session import ActingAsAnother, NoSession, Visit, bearer


class AdministrationCases(Protocol):
    """``lti_tool.services.administration.Administration``."""

    def administrator(self, token: str) -> Administrator | None: ...
    def view(self, who: Administrator) -> AdministrationView: ...
    def findings(self, who: Administrator) -> Sequence[Finding]: ...
    def events(self, who: Administrator, *, event: str, user: str, course: str) -> AuditPage: ...
    def end_sessions(self, who: Administrator, *, id_: str = "", user: str = "") -> int: ...
    def revoke_invitation(self, who: Administrator, id_: str) -> bool: ...
    def store_api_key(self, who: Administrator, client_id: str, secret: str) -> object: ...
    def add_alias(self, who: Administrator, address: str) -> None: ...
    def remove_alias(self, who: Administrator, address: str) -> None: ...


class NotAnAdministrator(Exception):
    """The launch gave no administrator's role in the account."""


def administration_blueprint(
    administration: AdministrationCases, platform_origins: Callable[[], Sequence[str]]
) -> Blueprint:
    """``/app/administration`` and what belongs to it."""
    pages = Blueprint(
        "administration", __name__, url_prefix="/app/administration", template_folder="templates"
    )
    pages.before_request(frame_in_named(platform_origins))

    @pages.before_request
    def only_administrators() -> Response | None:
        token = bearer()
        if token is None:
            if request.method in ("GET", "HEAD"):
                return make_response(render_template("shell.html"))
            raise NoSession
        g.administrator = administration.administrator(token)
        if g.administrator is None:
            raise NotAnAdministrator
        launched = g.administrator.launched
        if launched is not None:
            actor = Actor(
                CanvasOrigin(launched.canvas_origin),
                CourseId(launched.course_id),
                UserId(launched.user_id),
                launched.user_name,
            )
            g.visit = Visit(launched, actor)
            if launched.masquerader and request.method not in ("GET", "HEAD"):
                raise ActingAsAnother
        return None

    @pages.get("")
    def overview() -> str:
        return _page(administration.view(g.administrator), {}, "")

    @pages.get("/findings")
    def findings() -> Response:
        found = administration.findings(g.administrator)
        return jsonify(html=render_template("administration/_findings.html", findings=found))

    @pages.post("/api-key")
    @limited(Kind.REGISTRATION)
    def api_key() -> Response | tuple[str, int]:
        client_id, secret = request.form.get("client_id", ""), request.form.get("secret", "")
        try:
            administration.store_api_key(g.administrator, client_id, secret)
        except (KeyRefused, RegistrationRefused) as error:
            return _page(administration.view(g.administrator), {"client_id": error.words}, client_id), 422
        return go_to(url_for("administration.overview"))

    @pages.post("/addresses")
    @limited(Kind.REGISTRATION)
    def add_address() -> Response | tuple[str, int]:
        address = request.form.get("address", "")
        try:
            administration.add_alias(g.administrator, address)
        except (KeyRefused, RegistrationRefused) as error:
            page = _page(administration.view(g.administrator), {"address": error.words}, "", address)
            return page, 422
        return go_to(url_for("administration.overview"))

    @pages.post("/addresses/remove")
    @limited(Kind.REGISTRATION)
    def remove_address() -> Response | tuple[str, int]:
        try:
            administration.remove_alias(g.administrator, request.form.get("address", ""))
        except (KeyRefused, RegistrationRefused) as error:
            return _page(administration.view(g.administrator), {"address": error.words}, ""), 422
        return go_to(url_for("administration.overview"))

    @pages.get("/events")
    def events() -> str:
        given = {name: request.args.get(name, "").strip() for name in ("event", "user", "course")}
        found = administration.events(g.administrator, **given)
        return render_template("administration/events.html", found=found, events=list(Event))

    @pages.post("/sessions/end")
    def end_sessions() -> Response:
        id_, user = request.form.get("id", ""), request.form.get("user", "")
        administration.end_sessions(g.administrator, id_=id_, user=user)
        return go_to(url_for("administration.overview"))

    @pages.post("/addresses/<id_>/end")
    def revoke_invitation(id_: str) -> Response:
        administration.revoke_invitation(g.administrator, id_)
        return go_to(url_for("administration.overview"))

    return pages


def _page(view: AdministrationView, errors: dict[str, object], client_id: str, address: str = "") -> str:
    return render_template(
        "administration/overview.html", view=view, errors=errors, client_id=client_id, address=address
    )
