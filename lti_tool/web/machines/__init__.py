"""Addresses for machines: is the process alive, may it get requests, how does it stand.

``/health`` and ``/ready`` tell nothing but that; ``/metrics`` answers only whoever has the token of the
settings, and does not exist without one.
"""

from __future__ import annotations

import hmac
from typing import Protocol

from flask import Blueprint, Response, abort, jsonify, request

PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


class Ready(Protocol):
    """What ``/ready`` shows."""

    @property
    def parts(self) -> dict[str, bool]: ...
    @property
    def ready(self) -> bool: ...


class Machines(Protocol):
    """What these addresses are answered from (``lti_tool.services.vitals.Vitals``)."""

    def readiness(self) -> Ready: ...
    def metrics(self) -> bytes: ...


def machines_blueprint(vitals: Machines, metrics_token: str) -> Blueprint:
    """The addresses; an empty ``metrics_token`` switches ``/metrics`` off."""
    machines = Blueprint("machines", __name__)

    @machines.get("/health")
    def health() -> Response:
        """The process answers."""
        return jsonify(status="ok")

    @machines.get("/ready")
    def ready() -> Response:
        """Database and schema are as they should be; otherwise 503."""
        found = vitals.readiness()
        answer = jsonify(status="ok" if found.ready else "not ready", **found.parts)
        answer.status_code = 200 if found.ready else 503
        return answer

    @machines.get("/metrics")
    def metrics() -> Response:
        """For Prometheus, with the token as bearer."""
        if not metrics_token:
            abort(404)
        if not hmac.compare_digest(
            request.headers.get("Authorization", "").encode(), f"Bearer {metrics_token}".encode()
        ):
            abort(401)
        return Response(vitals.metrics(), content_type=PROMETHEUS)

    return machines
