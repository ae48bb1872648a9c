"""One id for each request: on every line that it logs, and in its answer, so that both can be found."""

from __future__ import annotations

import re
import secrets
import time

import structlog
from flask import Flask, Response, g, request

from lti_tool.metrics import ANSWER_SECONDS, ANSWERS

HEADER = "X-Request-ID"
_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
log = structlog.get_logger(__name__)


def trace(app: Flask, *, behind_proxy: bool) -> None:
    """Bind the id, and log each answer at INFO. Behind a proxy its id is taken over, if it sends one."""

    @app.before_request
    def begin() -> None:
        given = request.headers.get(HEADER, "") if behind_proxy else ""
        g.request_id = given if _ID.fullmatch(given) else secrets.token_hex(8)
        g.began_at = time.monotonic()
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request=g.request_id)

    @app.after_request
    def answered(response: Response) -> Response:
        response.headers[HEADER] = g.request_id
        seconds = time.monotonic() - g.began_at
        part = request.blueprint or ("static" if request.endpoint == "static" else "none")
        ANSWERS.labels(part, response.status_code).inc()
        ANSWER_SECONDS.labels(part).observe(seconds)
        log.info(
            "answered",
            method=request.method,
            route=str(request.url_rule) if request.url_rule else None,  # not the address: it can hold a code
            status=response.status_code,
            milliseconds=round(seconds * 1000),
        )
        return response

    @app.teardown_request
    def end(_error: BaseException | None) -> None:
        structlog.contextvars.clear_contextvars()
