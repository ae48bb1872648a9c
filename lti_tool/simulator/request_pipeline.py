"""What every API request passes through: throttle, planted faults, waiting, response headers, the log.

A WSGI wrapper around the whole application, so that it sees the token endpoint as well as the REST API.
Pages for people pass untouched: cookie sessions get no cost headers in Canvas either.
"""

from __future__ import annotations

import hashlib
import io
import json
import random
import socket
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, cast

import jwt
from flask import Flask
from werkzeug.wrappers import Request, Response

from lti_tool.simulator.access import ReceivedRequest
from lti_tool.simulator.faults import Fault, FaultKind
from lti_tool.simulator.state import CanvasState
from lti_tool.simulator.throttle import Throttle

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

TOKEN_PATH = "/login/oauth2/token"
SERVICE_PATH = "/api/lti/courses/"
"""LTI services: in the bucket of the tool's client id, whoever of its users they concern."""
_SECRET_FIELDS = frozenset({"client_secret", "refresh_token", "code", "access_token", "client_assertion"})
_REFUSAL_COST = 0.005
_FROM_A_PROXY = frozenset({FaultKind.HTML_200, FaultKind.HTML_502, FaultKind.HTML_503})


def register_throttle_and_log(app: Flask, state: CanvasState) -> Throttle:
    """Wrap the application; returns the throttle, so that a test can look into or empty the buckets."""
    throttle = Throttle(state.clock, state.habits)
    pipeline = _Pipeline(app.wsgi_app, state, throttle)
    app.wsgi_app = pipeline  # type: ignore[method-assign]  # Flask's documented way to add middleware
    return throttle


@dataclass(frozen=True, slots=True)
class _Arrival:
    """A request as it came in."""

    request: Request
    at: datetime
    request_id: str
    client: str
    user_id: str | None
    client_id: str | None
    form: tuple[tuple[str, str], ...]


class _Pipeline:
    def __init__(self, inner: WSGIApplication, state: CanvasState, throttle: Throttle) -> None:
        self._inner = inner
        self._state = state
        self._throttle = throttle
        self._random = random.Random(state.seed)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if not path.startswith(("/api/v1/", SERVICE_PATH)) and path != TOKEN_PATH:
            return self._inner(environ, start_response)
        answer = self._handle(self._arrive(environ))
        return answer(environ, start_response)

    def _arrive(self, environ: WSGIEnvironment) -> _Arrival:
        request = Request(environ)
        body = request.get_data(cache=True, parse_form_data=False)
        form = _form_of(request, body)
        token = _token(request)
        grant = self._state.find_grant(token) if token else None
        key_id = (
            grant.client_id if grant else request.form.get("client_id") or _service_client(request, token)
        )
        environ["wsgi.input"] = io.BytesIO(body)
        return _Arrival(
            request=request,
            at=self._state.now(),
            request_id=str(uuid.uuid4()),
            client=_bucket_name(request, token),
            user_id=grant.user_id if grant else None,
            client_id=key_id,
            form=form,
        )

    def _handle(self, arrival: _Arrival) -> Response:
        if not self._throttle.admit(arrival.client):
            return self._refuse(arrival, None)
        fault = self._state.faults.due(arrival.request.method, arrival.request.path)
        if fault is not None and fault.kind is FaultKind.THROTTLED:
            self._throttle.settle(arrival.client, _REFUSAL_COST)
            return self._refuse(arrival, fault)
        shortest, longest = self._state.habits.latency
        duration = self._random.uniform(shortest, longest)
        share = duration or self._random.uniform(0.02, 0.2)
        cost = self._state.habits.cost_share * share
        if arrival.request.path == TOKEN_PATH and arrival.request.method == "POST":
            cost += self._state.habits.token_cost
        _wait(duration / 2)
        answer, dropped = self._run(arrival, fault)
        _wait(duration / 2)
        remaining = self._throttle.settle(arrival.client, cost)
        if fault is None or fault.kind not in _FROM_A_PROXY:
            # What a proxy in front of Canvas says has none of Canvas's headers.
            answer.headers["X-Request-Context-Id"] = arrival.request_id
            answer.headers["X-Request-Cost"] = f"{cost:.6f}"
            answer.headers["X-Rate-Limit-Remaining"] = f"{remaining:.6f}"
        status = None if dropped else answer.status_code
        self._record(arrival, status, cost=cost, remaining=remaining, fault=fault)
        if dropped:
            _cut_connection(arrival.request)
        return answer

    def _run(self, arrival: _Arrival, fault: Fault | None) -> tuple[Response, bool]:
        """Execute the request, or not, as the fault says; the flag means: cut the connection instead."""
        if fault is None:
            return Response.from_app(self._inner, arrival.request.environ, buffered=True), False
        if fault.kind in (FaultKind.STALL_BEFORE, FaultKind.EXECUTE_LATE):
            _wait(fault.seconds)
        if fault.kind is FaultKind.SLOW:
            _wait(fault.seconds / 2)
        if not fault.executes:
            return _unexecuted(fault), fault.kind in (FaultKind.STALL_BEFORE, FaultKind.DROP_BEFORE)
        answer = Response.from_app(self._inner, arrival.request.environ, buffered=True)
        if fault.kind is FaultKind.STALL_AFTER:
            _wait(fault.seconds)
        if fault.kind is FaultKind.SLOW:
            _wait(fault.seconds / 2)
        _spoil(answer, fault, arrival.request)
        return answer, fault.kind is FaultKind.DROP_AFTER

    def _refuse(self, arrival: _Arrival, fault: Fault | None) -> Response:
        """Plain text, no Retry-After, no X-Request-Cost; the remaining quota may be positive all the same."""
        habits = self._state.habits
        name = "403 Forbidden" if habits.throttle_status == 403 else "429 Too Many Requests"
        answer = Response(f"{name} (Rate Limit Exceeded)\n", habits.throttle_status, mimetype="text/plain")
        remaining = (
            self._throttle.remaining(arrival.client) if habits.throttle_refusal_shows_remaining else 0.0
        )
        answer.headers["X-Request-Context-Id"] = arrival.request_id
        answer.headers["X-Rate-Limit-Remaining"] = f"{remaining:.6f}"
        self._record(arrival, answer.status_code, remaining=remaining, fault=fault, throttled=True)
        return answer

    def _record(
        self,
        arrival: _Arrival,
        status: int | None,
        *,
        remaining: float,
        fault: Fault | None,
        cost: float | None = None,
        throttled: bool = False,
    ) -> None:
        request = arrival.request
        self._state.record(
            ReceivedRequest(
                request_id=arrival.request_id,
                at=arrival.at,
                method=request.method,
                path=request.path,
                query=_without_token(request),
                status=status,
                user_id=arrival.user_id,
                client_id=arrival.client_id,
                cost=cost,
                remaining=remaining,
                throttled=throttled,
                executed=not throttled and (fault is None or fault.executes),
                fault=fault.kind.value if fault else None,
                form=arrival.form,
            )
        )


def _token(request: Request) -> str | None:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else request.args.get("access_token")


def _bucket_name(request: Request, token: str | None) -> str:
    """The client identifier: hash of the access token, else the address, as for token endpoint calls."""
    if client := _service_client(request, token):
        return f"lti {client}"
    if token and request.path != TOKEN_PATH:
        return "token " + hashlib.sha256(token.encode()).hexdigest()[:16]
    return f"ip {request.remote_addr}"


def _service_client(request: Request, token: str | None) -> str | None:
    """The client id in a service token, which is a JWT (request_throttle.rb reads it like this too)."""
    if not token or not request.path.startswith(SERVICE_PATH):
        return None
    try:
        return str(jwt.decode(token, options={"verify_signature": False}).get("sub") or "") or None
    except jwt.InvalidTokenError:
        return None


def _without_token(request: Request) -> str:
    return "&".join(
        part for part in request.query_string.decode().split("&") if not part.startswith("access_token=")
    )


def _form_of(request: Request, body: bytes) -> tuple[tuple[str, str], ...]:
    """Fields of a write, for the log; secrets blanked."""
    if request.is_json:
        try:
            fields = json.loads(body)
        except ValueError:
            return ()
        pairs = (
            [(name, json.dumps(value)) for name, value in fields.items()] if isinstance(fields, dict) else []
        )
    else:
        pairs = list(request.form.items(multi=True))
    return tuple((name, "…" if name in _SECRET_FIELDS else value) for name, value in pairs)


def _wait(seconds: float) -> None:
    if seconds > 0:
        time.sleep(seconds)


def _unexecuted(fault: Fault) -> Response:
    """What the caller gets when Canvas never saw the request."""
    match fault.kind:
        case FaultKind.HTML_200:
            return Response("<!doctype html><title>Sign in to the network</title>", 200, mimetype="text/html")
        case FaultKind.HTML_502:
            return Response("<html><h1>502 Bad Gateway</h1></html>", 502, mimetype="text/html")
        case FaultKind.HTML_503:
            page = "<html><h1>Canvas is down for maintenance</h1></html>"
            return Response(page, 503, mimetype="text/html")
        case FaultKind.EXPIRED:
            body = {"errors": [{"message": "Invalid access token."}]}
            answer = _json_response(body, 401)
            answer.headers["WWW-Authenticate"] = 'Bearer realm="canvas-lms"'
            return answer
        case _:
            return _server_error()


def _server_error() -> Response:
    error = {"message": "An error occurred.", "error_code": "internal_server_error"}
    return _json_response({"errors": [error], "error_report_id": 5_551_213}, 500)


def _json_response(body: object, status: int) -> Response:
    return Response(json.dumps(body), status, content_type="application/json; charset=utf-8")


def _spoil(answer: Response, fault: Fault, request: Request) -> None:
    """Change the answer of an executed request in place."""
    match fault.kind:
        case FaultKind.TRUNCATED:
            text = answer.get_data()
            answer.set_data(text[: len(text) // 2])
        case FaultKind.ERROR_500_AFTER:
            error = _server_error()
            answer.status_code = 500
            answer.headers.clear()
            answer.headers["Content-Type"] = error.headers["Content-Type"]
            answer.set_data(error.get_data())
        case FaultKind.WRONG_IDS:
            answer.set_data(json.dumps(_with_wrong_ids(json.loads(answer.get_data()))))
        case FaultKind.LINK_LOOP:
            answer.headers["Link"] = f'<{request.url}>; rel="current",<{request.url}>; rel="next"'
        case FaultKind.LINK_FOREIGN:
            foreign = f"https://elsewhere.invalid{request.full_path}"
            answer.headers["Link"] = f'<{request.url}>; rel="current",<{foreign}>; rel="next"'
        case FaultKind.NO_LINK:
            answer.headers.pop("Link", None)
        case FaultKind.EMPTY_LIST | FaultKind.CUT_LIST:
            rows = json.loads(answer.get_data())
            answer.set_data(json.dumps(rows[: len(rows) // 2] if fault.kind is FaultKind.CUT_LIST else []))
            if "Link" in answer.headers:
                answer.headers["Link"] = f'<{request.url}>; rel="current",<{request.url}>; rel="first"'
        case FaultKind.EMPTY_PAGE:
            # The same page again under another address, so that nothing is lost for those who follow links.
            query = request.query_string.decode()
            here = f"{request.base_url}?{query + '&' if query else ''}again=1"
            answer.headers["Link"] = f'<{request.url}>; rel="current",<{here}>; rel="next"'
            answer.set_data("[]")
        case _:
            pass


def _with_wrong_ids(value: object) -> object:
    """Another submission and another author than asked for."""
    if isinstance(value, list):
        return [_with_wrong_ids(item) for item in value]
    if not isinstance(value, dict):
        return value
    changed = dict(value)
    for name in ("asset_id", "user_id"):
        if name in changed:
            changed[name] = type(changed[name])(int(changed[name]) + 1)
    return changed


def _cut_connection(request: Request) -> None:
    """Close the socket under the server, without an answer.

    Werkzeug's server names its socket in the environment; waitress is reached through the channel behind its
    disconnect check. Raises RuntimeError under any other server, since nothing would be dropped there.
    """
    connection = request.environ.get("werkzeug.socket")
    if connection is None:
        check = request.environ.get("waitress.client_disconnected")
        connection = getattr(getattr(check, "__self__", None), "socket", None)
    if connection is None:
        raise RuntimeError("cannot drop a connection here: serve the simulator with waitress or werkzeug")
    cast("socket.socket", connection).shutdown(socket.SHUT_RDWR)
