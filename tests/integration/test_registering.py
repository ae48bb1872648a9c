"""Registering from inside Canvas: who may, what a platform must say of itself, and what becomes of it."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from werkzeug.serving import make_server
from werkzeug.test import Client, TestResponse
from werkzeug.wrappers import Request, Response

from lti_tool.bootstrap import (
    Application,
    build_application,
    build_doctor,
    build_web,
    now,
    upgrade_database,
)
from lti_tool.canvas.endpoints import ALL_SCOPES
from lti_tool.lti.dynamic_registration import (
    PLATFORM_CONFIGURATION,
    PlatformConfiguration,
    PlatformRefused,
    canvas_of,
)
from lti_tool.planning.ids import CanvasOrigin
from lti_tool.services.administration import Administration, KeyRefused
from lti_tool.settings import Settings
from tests.integration.lti.scene import TOOL, words
from tests.integration.lti.test_sessions import CONTEXT

CONFIGURATION = "/openid-configuration"
CANVAS_DOMAIN = "https://canvas.instructure.com/lti/account_domain"


@dataclass
class Platform:
    """A platform that says of itself what a test wants; ``asked`` is what arrived there."""

    url: str = ""
    changes: dict[str, Any] = field(default_factory=dict)
    answer: Any = None
    status: int = 201
    asked: list[tuple[str, str, Any]] = field(default_factory=list)

    def configuration(self) -> dict[str, Any]:
        made = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorise",
            "registration_endpoint": f"{self.url}/registrations",
            "jwks_uri": f"{self.url}/jwks",
            "token_endpoint": f"{self.url}/token",
            PLATFORM_CONFIGURATION: {
                "product_family_code": "canvas",
                "https://canvas.instructure.com/lti/account_name": "Académie <b>",
            },
        }
        return {name: value for name, value in (made | self.changes).items() if value is not ...}

    def __call__(self, environ: dict[str, Any], start: Any) -> Any:
        request = Request(environ)
        self.asked.append(
            (request.path, request.headers.get("Authorization", ""), request.get_json(silent=True))
        )
        if request.path == CONFIGURATION:
            body, status = self.configuration(), 200
        else:
            sent = request.get_json(silent=True) or {}
            body, status = ({**sent, "client_id": "17"} if self.answer is None else self.answer), self.status
        return Response(json.dumps(body), status, mimetype="application/json")(environ, start)


@pytest.fixture
def platform() -> Iterator[Platform]:
    made = Platform()
    server = make_server("127.0.0.1", 0, made, threaded=True)
    made.url = f"http://127.0.0.1:{server.port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass
class Tool:
    application: Application
    client: Client

    def invited(self) -> str:
        return self.application.invitations.to_register("Académie")

    def open(
        self, method: str, code: str, configuration: str, token: str = "token.of.canvas"
    ) -> TestResponse:
        fields = {
            "invitation": code,
            "openid_configuration": configuration,
            "registration_token": token,
        }
        sent = {"query_string": fields} if method == "GET" else {"data": fields}
        return self.client.open("/lti/register", method=method, base_url=TOOL, **sent)  # type: ignore[arg-type]  # one of the two

    def page(self, token: str, path: str = "/app/administration", **form: str) -> TestResponse:
        return self.client.open(
            path,
            method="POST" if form else "GET",
            data=form or None,
            base_url=TOOL,
            headers={"Authorization": f"Bearer {token}"},
        )

    @property
    def known(self) -> list[tuple[str, str, str]]:
        return [
            (one.issuer, one.client_id, one.canvas_origin) for one in self.application.registrations.all()
        ]


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made once, copied for each test: migrations take longer than a test."""
    folder = tmp_path_factory.mktemp("empty")
    upgrade_database(Settings(instance=folder))
    return folder / "allocator.sqlite3"


@pytest.fixture
def tool(tmp_path: Path, empty_database: Path) -> Iterator[Tool]:
    shutil.copy(empty_database, tmp_path)
    settings = Settings(instance=tmp_path, public_url=TOOL, allow_http_loopback=True)
    application = build_application(settings)
    yield Tool(application, Client(build_web(application)))
    application.close()


def test_the_whole_exchange(tool: Tool, platform: Platform) -> None:
    code = tool.invited()
    confirm = tool.open("GET", code, platform.url + CONFIGURATION)
    assert confirm.status_code == 200
    assert "Académie &lt;b&gt;" in confirm.text, "what the platform says is no markup"
    assert platform.url in confirm.text
    assert confirm.headers["Content-Security-Policy"].endswith("frame-ancestors *")
    assert tool.known == [], "looking stores nothing"
    done = tool.open("POST", code, platform.url + CONFIGURATION)
    assert done.status_code == 200
    assert tool.known == [(platform.url, "17", platform.url)]
    (_, first, _), (_, again, _), (path, bearer, sent) = platform.asked
    assert first == again == bearer == "Bearer token.of.canvas"
    assert path == "/registrations"
    tool_configuration = sent["https://purl.imsglobal.org/spec/lti-tool-configuration"]
    assert tool_configuration["custom_parameters"]["canvas_course_id"] == "$Canvas.course.id"
    assert tool_configuration["messages"][0]["placements"] == ["course_navigation"]
    for secret in (code, "token.of.canvas"):
        assert secret not in done.text


def test_a_code_is_good_once_and_only_to_register(tool: Tool, platform: Platform) -> None:
    code = tool.invited()
    done = tool.open("POST", code, platform.url + CONFIGURATION)
    assert tool.open("POST", code, platform.url + CONFIGURATION).status_code == 403
    assert tool.open("GET", code, platform.url + CONFIGURATION).status_code == 403
    assert tool.page(code).status_code == 403, "it has been in addresses, hence in logs"
    setup = done.text.partition("/setup#")[2].partition('"')[0]
    assert tool.page(setup).status_code == 200
    assert tool.open("POST", setup, platform.url + CONFIGURATION).status_code == 403
    assert len(tool.known) == 1


@pytest.mark.parametrize("code", ["", "x", "x" * 32, "\ud800", "a" * 10_000])
def test_a_stranger_cannot_make_the_tool_fetch(tool: Tool, platform: Platform, code: str) -> None:
    for method in ("GET", "POST"):
        shown = code.encode(errors="replace").decode()
        answer = tool.open(method, shown, platform.url + CONFIGURATION)
        assert answer.status_code == 403
        assert "one-time code" in words(answer.text)
    assert platform.asked == []


def test_an_address_opened_by_hand_says_where_it_belongs(tool: Tool) -> None:
    code = tool.invited()
    answer = tool.open("GET", code, "")
    assert answer.status_code == 422
    assert "paste it there" in words(answer.text)
    assert tool.application.invitations.find(code) is not None


BAD: list[tuple[str, dict[str, Any]]] = [
    ("no issuer", {"issuer": ...}),
    ("long issuer", {"issuer": "https://" + "x" * 300}),
    ("no registration address", {"registration_endpoint": ...}),
    ("plain http", {"jwks_uri": "http://canvas.example.edu/jwks"}),
    ("script", {"authorization_endpoint": "javascript:alert(1)"}),
    ("password in an address", {"token_endpoint": "https://user:pass@canvas.example.edu/token"}),
    (
        "registration elsewhere",
        {"registration_endpoint": "https://school.instructure.com/api/lti/registrations"},
    ),
    (
        "an issuer that is another's",
        {"issuer": "https://canvas.instructure.com", "registration_endpoint": "https://x.example/r"},
    ),
]


@pytest.mark.parametrize("changes", [row[1] for row in BAD], ids=[row[0] for row in BAD])
def test_configurations_that_are_refused(tool: Tool, platform: Platform, changes: dict[str, Any]) -> None:
    platform.changes = changes
    code = tool.invited()
    for method in ("GET", "POST"):
        assert tool.open(method, code, platform.url + CONFIGURATION).status_code == 422
    assert tool.known == []
    assert {path for path, _, _ in platform.asked} == {CONFIGURATION}, "nothing is posted anywhere"
    assert tool.application.invitations.find(code) is not None, "the address stays good"


@pytest.mark.parametrize(
    "address",
    [
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.1/openid-configuration",
        "http://canvas.example.edu/openid-configuration",
        "file:///etc/passwd",
        "https://user:pass@canvas.example.edu/x",
    ],
)
def test_addresses_that_are_not_asked(tool: Tool, address: str) -> None:
    answer = tool.open("GET", tool.invited(), address)
    assert answer.status_code == 422


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (422, {"errors": ["no"]}),
        (500, {}),
        (201, {}),
        (201, []),
        (201, {"client_id": ""}),
        (201, {"client_id": "x" * 300}),
    ],
)
def test_a_platform_that_does_not_take_the_tool(
    tool: Tool, platform: Platform, status: int, answer: Any
) -> None:
    platform.status, platform.answer = status, answer
    code = tool.invited()
    assert tool.open("POST", code, platform.url + CONFIGURATION).status_code == 422
    assert tool.known == []
    platform.status, platform.answer = 201, None
    assert tool.open("POST", code, platform.url + CONFIGURATION).status_code == 200, "it can be tried again"


def test_a_key_that_is_known_is_not_registered_twice(tool: Tool, platform: Platform) -> None:
    tool.open("POST", tool.invited(), platform.url + CONFIGURATION)
    again = tool.open("POST", tool.invited(), platform.url + CONFIGURATION)
    assert again.status_code == 422
    assert "registered already" in words(again.text)


# --- which Canvas a configuration may speak for ---


def configuration(**changes: Any) -> PlatformConfiguration:
    school = "https://school.instructure.com"
    details = changes.pop("details", {})
    made = {
        "issuer": "https://canvas.instructure.com",
        "authorization_endpoint": "https://sso.canvaslms.com/api/lti/authorize_redirect",
        "registration_endpoint": f"{school}/api/lti/registrations",
        "jwks_uri": "https://sso.canvaslms.com/api/lti/security/jwks",
        "token_endpoint": "https://sso.canvaslms.com/login/oauth2/token",
        PLATFORM_CONFIGURATION: details,
    }
    return PlatformConfiguration.model_validate(made | changes, context={"allow_http_loopback": False})


SSO = "https://sso.canvaslms.com/api/lti/security/openid-configuration"


@pytest.mark.parametrize(
    ("url", "changes", "canvas"),
    [
        (SSO, {}, "https://school.instructure.com"),
        ("https://canvas.instructure.com/o", {}, "https://school.instructure.com"),
        (SSO, {"details": {CANVAS_DOMAIN: "canvas.school.edu"}}, "https://canvas.school.edu"),
        (
            SSO,
            {
                "registration_endpoint": "https://sso.canvaslms.com/r",
                "details": {CANVAS_DOMAIN: "canvas.school.edu"},
            },
            "https://canvas.school.edu",
        ),
        (
            "https://own.example/o",
            {"issuer": "https://canvas.instructure.com", "registration_endpoint": "https://own.example/r"},
            "https://own.example",
        ),
        (
            "https://sso.beta.canvaslms.com/o",
            {
                "issuer": "https://canvas.beta.instructure.com",
                "registration_endpoint": "https://s.beta.instructure.com/r",
            },
            "https://s.beta.instructure.com",
        ),
    ],
)
def test_the_canvas_of_a_configuration(url: str, changes: dict[str, Any], canvas: str) -> None:
    assert canvas_of(configuration(**changes), url) == canvas


@pytest.mark.parametrize(
    ("url", "changes"),
    [
        ("https://evil.example/o", {}),
        ("https://evil.example/o", {"details": {CANVAS_DOMAIN: "school.instructure.com"}}),
        ("https://sso.beta.canvaslms.com/o", {}),
        ("https://school.instructure.com.evil.example/o", {}),
        (SSO, {"registration_endpoint": "https://canvas.instructure.com/r"}),
        (SSO, {"registration_endpoint": "https://sso.canvaslms.com/r", "details": {CANVAS_DOMAIN: "a/b@c"}}),
    ],
)
def test_a_configuration_that_may_not_speak_for_a_canvas(url: str, changes: dict[str, Any]) -> None:
    with pytest.raises(PlatformRefused):
        canvas_of(configuration(**changes), url)


def test_what_an_own_canvas_says_of_another_domain_counts_for_nothing() -> None:
    said = configuration(
        issuer="https://canvas.instructure.com",
        registration_endpoint="https://own.example/r",
        details={CANVAS_DOMAIN: "school.instructure.com"},
    )
    assert canvas_of(said, "https://own.example/o") == "https://own.example"


# --- the JSON to paste ---

URL = {"type": "string", "pattern": "^https://"}
KEY_SCHEMA = {
    "type": "object",
    "required": ["title", "description", "oidc_initiation_url", "target_link_uri", "extensions", "scopes"],
    "anyOf": [{"required": ["public_jwk"]}, {"required": ["public_jwk_url"]}],
    "additionalProperties": False,
    "properties": {
        "title": {"type": "string", "minLength": 1},
        "description": {"type": "string", "minLength": 1},
        "oidc_initiation_url": URL,
        "target_link_uri": URL,
        "public_jwk_url": URL,
        "scopes": {"type": "array", "items": {"type": "string"}},
        "custom_fields": {"type": "object", "additionalProperties": {"type": "string"}},
        "extensions": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["platform", "privacy_level", "settings"],
                "additionalProperties": False,
                "properties": {
                    "platform": {"const": "canvas.instructure.com"},
                    "domain": {"type": "string"},
                    "tool_id": {"type": "string"},
                    "privacy_level": {"enum": ["anonymous", "public", "name_only", "email_only"]},
                    "settings": {
                        "type": "object",
                        "required": ["placements"],
                        "properties": {
                            "text": {"type": "string"},
                            "placements": {
                                "type": "array",
                                "items": {
                                    "type": "object",
                                    "required": ["placement", "message_type"],
                                    "additionalProperties": False,
                                    "properties": {
                                        "placement": {"const": "course_navigation"},
                                        "enabled": {"type": "boolean"},
                                        "text": {"type": "string"},
                                        "message_type": {"const": "LtiResourceLinkRequest"},
                                        "target_link_uri": URL,
                                        "visibility": {"enum": ["public", "members", "admins"]},
                                    },
                                },
                            },
                        },
                    },
                },
            },
        },
    },
}
"""A developer key as doc/api/lti_dev_key_config.md of canvas-lms describes it."""


def test_the_json_to_paste_is_what_canvas_takes(tool: Tool) -> None:
    answer = tool.client.get("/lti/config.json", base_url=TOOL)
    jsonschema.validate(answer.get_json(), KEY_SCHEMA)
    assert answer.get_json()["oidc_initiation_url"] == f"{TOOL}/lti/login"


# --- the administration ---


def register(tool: Tool, platform: Platform) -> str:
    """A new registration; gives the code of its setup address."""
    done = tool.open("POST", tool.invited(), platform.url + CONFIGURATION)
    return done.text.partition("/setup#")[2].partition('"')[0]


def test_the_setup_page_names_all_that_canvas_asks_for(tool: Tool, platform: Platform) -> None:
    page = tool.page(register(tool, platform))
    shown = words(page.text)
    for wanted in (*ALL_SCOPES, f"{TOOL}/connect/callback", "Allow Include Parameters"):
        assert wanted in shown


def test_a_key_that_canvas_could_not_judge_is_not_stored(tool: Tool, platform: Platform) -> None:
    code = register(tool, platform)
    platform.status = 500
    for client_id, secret in (("1", "s"), ("", "s"), ("1", ""), ("1 2", "s"), ("1", "é")):
        answer = tool.page(code, "/app/administration/api-key", client_id=client_id, secret=secret)
        assert answer.status_code == 422
        assert 'role="alert"' in answer.text
    assert tool.application.registrations.api_key(CanvasOrigin(platform.url)) is None


@pytest.mark.parametrize("token", ["", "nobody", "x" * 40])
def test_nobody_else_gets_in(tool: Tool, platform: Platform, token: str) -> None:
    register(tool, platform)
    for path in ("/app/administration", "/app/administration/findings"):
        answer = tool.page(token, path)
        assert answer.status_code in (200, 403)
        assert platform.url not in answer.text, "without a token there is only the shell"
    assert tool.page(token, "/app/administration/api-key", client_id="1", secret="2").status_code in (
        401,
        403,
    )


def test_a_code_ends_with_its_registration(tool: Tool, platform: Platform) -> None:
    code = register(tool, platform)
    tool.application.registrations.remove(platform.url, "17")
    assert tool.page(code).status_code == 403


def test_replacing_a_key_takes_a_setup_address(tool: Tool, platform: Platform) -> None:
    code = register(tool, platform)
    registration = tool.application.registrations.find(platform.url, "17")
    assert registration is not None
    launched = replace(CONTEXT, issuer=platform.url, client_id="17", is_administrator=True)
    administration = Administration(
        tool.application.settings,
        tool.application.database,
        tool.application.registrations,
        tool.application.invitations,
        build_doctor(tool.application),
        lambda token: launched if token == "session" else None,
        tool.application.transports.of,
        now,
        tool.application.sessions,
        tool.application.audit,
    )

    def stored() -> str | None:
        found = tool.application.registrations.api_key(registration.canvas)
        return found.client_id if found else None

    by_launch, by_code = administration.administrator("session"), administration.administrator(code)
    assert by_launch is not None
    assert by_code is not None
    administration.store_api_key(by_launch, "1", "first")
    assert stored() == "1"
    with pytest.raises(KeyRefused):
        administration.store_api_key(by_launch, "2", "second")
    assert stored() == "1"
    administration.store_api_key(by_code, "3", "third")
    assert stored() == "3"
