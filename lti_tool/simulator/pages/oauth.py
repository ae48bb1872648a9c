"""Routes of OAuth2: the authorisation address, the consent page, the token endpoint.

The answers of `oauth.OAuthProvider` become HTTP here. The pages refuse every frame, so a tool must open
them in a window of their own.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, jsonify, redirect, render_template, request, session
from werkzeug.wrappers import Response

from lti_tool.simulator.oauth import (
    AuthorisationRequest,
    OAuthRefused,
    RedirectedError,
    scope_in_words,
)
from lti_tool.simulator.pages.context import simulator
from lti_tool.simulator.pages.visitor import (
    JUST_SIGNED_IN,
    current_person,
    login_address,
    real_person,
    require_person,
    signed_in,
)
from lti_tool.simulator.records import User
from lti_tool.simulator.service_tokens import grant_service_token

blueprint = Blueprint("oauth", __name__)


@blueprint.after_request
def refuse_framing(answer: Response) -> Response:
    answer.headers["X-Frame-Options"] = "DENY"
    answer.headers["Cache-Control"] = "no-store"
    return answer


@blueprint.errorhandler(OAuthRefused)
def refused(error: OAuthRefused) -> tuple[Response, int]:
    answer = jsonify(error=error.error, error_description=error.description)
    if error.status == 401:
        answer.headers["WWW-Authenticate"] = "Canvas OAuth 2.0"
    return answer, error.status


@blueprint.get("/login/oauth2/auth")
def authorise() -> Response | str:
    provider = simulator().oauth
    # Of a repeated parameter Rails keeps the last, Werkzeug the first.
    query = {name: values[-1] for name, values in request.args.lists()}
    asked = provider.read_request(query)
    try:
        provider.check(asked)
        person = current_person()
        if asked.prompt == "none":
            return redirect(_without_asking(asked, person))
    except RedirectedError as error:
        return redirect(asked.redirect(error=error.error, error_description=error.description))
    if person is None or (asked.force_login and session.pop(JUST_SIGNED_IN, "") != request.full_path):
        return redirect(login_address())
    return render_template(
        "consent.html",
        asked=asked,
        question=provider.ask(asked, person),
        words=list(dict.fromkeys(scope_in_words(scope) for scope in asked.scopes)),
        enforced=asked.key.require_scopes,
    )


def _without_asking(asked: AuthorisationRequest, person: User | None) -> str:
    """The redirect of prompt=none: a code when nothing needs to be asked, otherwise what is missing."""
    if person is None:
        raise RedirectedError("login_required", "prompt=none but there is no current session")
    if not simulator().oauth.granted_before(asked, person):
        raise RedirectedError("interaction_required", "prompt=none but expected user interaction")
    return simulator().oauth.issue_code(asked, person, real_person())


@blueprint.post("/login/oauth2/confirm")
@signed_in
def confirm() -> Response:
    """The answer of the consent page."""
    provider, person = simulator().oauth, require_person()
    asked = provider.answered(request.form.get("question", ""), person)
    if request.form.get("answer") != "authorize":
        refusal = asked.redirect(
            error="access_denied",
            error_description="The resource owner or authorization server denied the request",
        )
        return redirect(refusal, code=303)
    return redirect(provider.issue_code(asked, person, real_person()), code=303)


@blueprint.post("/login/oauth2/token")
def token() -> Response:
    """Code exchange, refresh, client credentials. Costs 200 of the rate bucket, whatever the outcome."""
    parts, form = simulator(), request.values.to_dict()
    kind = form.get("grant_type") or ("authorization_code" if form.get("code") else "")
    if kind == "client_credentials":
        return jsonify(grant_service_token(parts.platform, form))
    basic = request.authorization
    if basic is not None and basic.type == "basic":
        client_id, secret = basic.username or "", basic.password or ""
    else:
        client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
    key = parts.oauth.authenticate_client(client_id, secret)
    answers: dict[str, Any] = {
        "authorization_code": parts.oauth.exchange_code,
        "refresh_token": parts.oauth.refresh,
    }
    if kind not in answers:
        raise OAuthRefused(
            400, "unsupported_grant_type", "The grant_type you requested is not currently supported"
        )
    return jsonify(answers[kind](key, form))


@blueprint.delete("/login/oauth2/token")
def revoke() -> tuple[Response, int]:
    scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
    given = bearer.strip() if scheme.lower() == "bearer" else request.values.get("access_token", "")
    if not given or not simulator().oauth.revoke(given):
        return jsonify(message="can't delete OAuth access token when not using an OAuth access token"), 400
    return jsonify({}), 200
