"""The registration address: what an administrator sees when Canvas opens it, and the JSON to paste by hand.

These pages stand inside a Canvas that nobody knows yet, so anybody may frame them; what they can do needs two
secrets of the address (our code, Canvas's token), which whoever frames them would have to hold anyway.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from flask import Blueprint, Response, jsonify, render_template, request

from lti_tool.lti.developer_key import LABEL
from lti_tool.services.registering import Offer, Registered, RegistrationRequest
from lti_tool.web.limits import Kind, limited
from lti_tool.web.security import ANYBODY, frame_in


class RegisteringCases(Protocol):
    """``lti_tool.services.registering.Registering``."""

    def look(self, request: RegistrationRequest) -> Offer: ...
    def register(self, request: RegistrationRequest) -> Registered: ...
    def developer_key(self) -> dict[str, object]: ...


def register_blueprint(registering: RegisteringCases) -> Blueprint:
    """``/lti/register``, ``/lti/config.json`` and the door of the administration, ``/setup``."""
    pages = Blueprint("register", __name__, template_folder="templates")

    @pages.before_request
    def anybody_may_frame() -> None:
        if request.path == "/lti/register":
            frame_in(ANYBODY)

    @pages.get("/lti/register")
    @limited(Kind.REGISTRATION)
    def look() -> str:
        asked = _request(request.args)
        return render_template(
            "register/confirm.html", offer=registering.look(asked), asked=asked, label=LABEL
        )

    @pages.post("/lti/register")
    @limited(Kind.REGISTRATION)
    def register() -> str:
        made = registering.register(_request(request.form))
        return render_template("register/registered.html", made=made)

    @pages.get("/lti/config.json")
    def developer_key() -> Response:
        """For *Paste JSON* or *Enter URL* of a developer key."""
        return jsonify(registering.developer_key())

    @pages.get("/setup")
    def setup() -> str:
        """Takes the code out of the address, keeps it for this tab, and opens the administration."""
        return render_template("register/setup.html")

    return pages


def _request(values: Mapping[str, str]) -> RegistrationRequest:
    return RegistrationRequest(
        code=values.get("invitation", ""),
        configuration_url=values.get("openid_configuration", ""),
        token=values.get("registration_token", ""),
    )
