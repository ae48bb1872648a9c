"""Developer keys of the account: the list, an API key's form, and the registration of a tool in a frame.

As in Canvas a new key is off until somebody switches it on, its secret is shown on demand, and only account
administrators see any of it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec

from flask import Blueprint, flash, jsonify, redirect, render_template, request
from werkzeug.wrappers import Response

from lti_tool.simulator.access import DeveloperKey
from lti_tool.simulator.pages.context import PageProblem, simulator
from lti_tool.simulator.pages.visitor import require_person, signed_in
from lti_tool.simulator.registrations import (
    CONFIGURATION_PATH,
    REGISTRATION_PATH,
    BadRegistration,
    BadToken,
)
from lti_tool.simulator.scopes import SCOPES

blueprint = Blueprint("developer_keys", __name__)
KEYS = "/accounts/self/developer_keys"

P = ParamSpec("P")


def administrators_only(view: Callable[P, Any]) -> Callable[P, Any]:
    """For views of the account: others get a page that says so."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> Any:
        if not require_person().site_admin:
            raise PageProblem(403, "Only for administrators", "Act as the administrator of the account.")
        return view(*args, **kwargs)

    return signed_in(guarded)


@blueprint.get(KEYS)
@administrators_only
def keys() -> str:
    return render_template("developer_keys.html", keys=list(simulator().state.keys.values()), shown=None)


@blueprint.post(f"{KEYS}/<client_id>/show")
@administrators_only
def show(client_id: str) -> str:
    """Show Key: the secret, in this answer only."""
    key = _key(client_id)
    return render_template("developer_keys.html", keys=list(simulator().state.keys.values()), shown=key)


@blueprint.post(f"{KEYS}/<client_id>/state")
@administrators_only
def switch(client_id: str) -> Response:
    key = _key(client_id)
    key.enabled = request.form.get("state") == "on"
    flash(f"{key.name} is {'on' if key.enabled else 'off'}.")
    return redirect(KEYS, code=303)


@blueprint.get(f"{KEYS}/new")
@administrators_only
def new() -> str:
    return render_template("api_key.html", groups=SCOPES)


@blueprint.post(f"{KEYS}/new")
@administrators_only
def create() -> Response:
    """A new API key, off like every new key."""
    state, form = simulator().state, request.form
    known = {scope for group in SCOPES.values() for scope in group}
    with state.lock:
        state.add_key(
            DeveloperKey(
                client_id=state.mint("developer_key"),
                secret=state.mint_secret(),
                name=form.get("name", "").strip() or "Unnamed Tool",
                kind="api",
                enabled=False,
                redirect_uris=form.get("redirect_uris", "").split(),
                require_scopes="require_scopes" in form,
                scopes=[scope for scope in form.getlist("scopes") if scope in known],
                allow_includes="allow_includes" in form,
            )
        )
    flash("The key was saved. It is off until you switch it on.")
    return redirect(KEYS, code=303)


@blueprint.get(f"{KEYS}/lti_registration")
@administrators_only
def ask_for_address() -> str:
    return render_template("lti_registration.html", frame=None, review=None)


@blueprint.post(f"{KEYS}/lti_registration")
@administrators_only
def open_tool() -> str:
    """The frame in which the tool registers itself; it closes when the tool says so."""
    address = request.form.get("url", "").strip()
    if not address.startswith(("https://", "http://")):
        raise PageProblem(400, "That is no address", "Enter the tool's registration address.")
    frame, identity = simulator().registrations.begin(address, require_person())
    return render_template("lti_registration.html", frame=frame, review=f"{KEYS}/review/{identity}")


@blueprint.get(f"{KEYS}/review/<identity>")
@administrators_only
def review(identity: str) -> str:
    """What the tool has registered, before it may be used."""
    key = simulator().registrations.made(identity)
    if key is None:
        raise PageProblem(404, "The tool has not registered itself", "Begin again with its address.")
    return render_template("lti_review.html", key=key, identity=identity)


@blueprint.post(f"{KEYS}/review/<identity>")
@administrators_only
def enable(identity: str) -> Response:
    key = simulator().registrations.made(identity)
    if key is None:
        raise PageProblem(404, "The tool has not registered itself", "Begin again with its address.")
    simulator().registrations.install(key)
    flash(f"{key.name} is on and installed in the whole account.")
    return redirect(KEYS, code=303)


@blueprint.get(CONFIGURATION_PATH)
def configuration() -> tuple[Response, int]:
    try:
        return jsonify(simulator().registrations.configuration(_bearer())), 200
    except BadToken as bad:
        return jsonify(error=str(bad)), 401


@blueprint.post(REGISTRATION_PATH)
def register() -> tuple[Response, int]:
    try:
        return jsonify(simulator().registrations.register(_bearer(), request.get_json(silent=True))), 200
    except BadToken as bad:
        return jsonify(error=str(bad)), 401
    except BadRegistration as bad:
        return jsonify(errors=list(bad.args)), 422


def _key(client_id: str) -> DeveloperKey:
    key = simulator().state.keys.get(client_id)
    if key is None:
        raise PageProblem(404, "There is no such key", "Go back to the list of keys.")
    return key


def _bearer() -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
