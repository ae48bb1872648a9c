"""A tool made with PyLTI1p3 alone launches from the simulated Canvas: neither end checks its own work."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Flask, jsonify
from pylti1p3.contrib.flask.message_launch import FlaskMessageLaunch
from pylti1p3.contrib.flask.oidc_login import FlaskOIDCLogin
from pylti1p3.contrib.flask.request import FlaskRequest
from pylti1p3.exception import LtiException
from pylti1p3.tool_config.dict import ToolConfDict

from lti_tool.simulator.courses import build_state
from lti_tool.simulator.state import CanvasState, Deployment, DeveloperKey
from tests.contract.rest_server import course_called, person, students_of
from tests.contract.simulator_browser import ServedCanvas, serve_canvas

TOOL = "http://localhost"
CLIENT = "10000000000041"


@pytest.fixture
def state() -> CanvasState:
    state = build_state(1, kinds=("small",))
    state.add_key(
        DeveloperKey(
            client_id=CLIENT,
            secret="",
            name="Peer reviews",
            kind="lti",
            redirect_uris=[f"{TOOL}/launch"],
            oidc_initiation_url=f"{TOOL}/login",
            target_link_uri=f"{TOOL}/launch",
            deployments=[Deployment("41:account")],
        )
    )
    return state


@pytest.fixture
def canvas(state: CanvasState) -> Iterator[ServedCanvas]:
    with serve_canvas(state, issuer="https://canvas.example.edu") as served:
        yield served


def tool_for(canvas: ServedCanvas) -> Flask:
    """The smallest tool that the library's documentation describes."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    registration: Any = {
        "default": True,
        "client_id": CLIENT,
        "auth_login_url": canvas.platform.authorisation_url,
        "auth_token_url": canvas.platform.token_url,
        "key_set_url": canvas.platform.jwks_url,
        "deployment_ids": ["41:account"],
    }
    # The library's Flask classes carry no types.
    read_request: Any = FlaskRequest
    settings = ToolConfDict({"https://canvas.example.edu": [registration]})
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    settings.set_private_key("https://canvas.example.edu", pem.decode(), client_id=CLIENT)
    app = Flask("tool")
    app.secret_key = "tests"

    @app.post("/login")
    def login() -> Any:
        return FlaskOIDCLogin(read_request(), settings).redirect(f"{TOOL}/launch")

    @app.post("/launch")
    def launch() -> Any:
        message = FlaskMessageLaunch(read_request(), settings)
        try:
            claims = message.get_launch_data()
        except LtiException as refused:
            return jsonify(refused=str(refused)), 400
        return jsonify(
            sub=claims["sub"], teacher=message.check_teacher_access(), student=message.check_student_access()
        )

    return app


@pytest.mark.parametrize(("role", "teacher", "student"), [("teacher", True, False), ("student", False, True)])
def test_the_library_accepts_a_launch_and_reads_the_role(
    canvas: ServedCanvas, state: CanvasState, role: str, teacher: bool, student: bool
) -> None:
    course = course_called(state, "WRIT-101")
    user = person(state, "teacher") if role == "teacher" else students_of(state, course)[0]
    browser, tool = canvas.browser(user), tool_for(canvas).test_client()
    login = browser.get(f"/courses/{course.id}/external_tools/{CLIENT}").form("/login")

    redirect = tool.post("/login", data=login.fields)
    assert redirect.status_code == 302, redirect.text
    target = urlsplit(redirect.headers["Location"])
    answer = browser.get(f"{target.path}?{target.query}").form("/launch")
    assert dict(parse_qsl(target.query))["state"] == answer.fields["state"]

    launched = tool.post("/launch", data=answer.fields)
    assert launched.status_code == 200, launched.text
    assert launched.json == {"sub": user.lti_id, "teacher": teacher, "student": student}
