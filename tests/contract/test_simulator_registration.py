"""The simulated Canvas registers tools as Canvas's documentation says: with a token, strictly, once."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from flask import Flask

from lti_tool.canvas.endpoints import ALL_SCOPES, GROUPS
from lti_tool.lti.developer_key import CANVAS_EXTENSION, TOOL_CONFIGURATION, tool_registration
from lti_tool.simulator.app import create_simulator
from lti_tool.simulator.courses import build_state
from lti_tool.simulator.habits import StandingClock
from lti_tool.simulator.pages.context import EXTENSION, Simulator
from lti_tool.simulator.registrations import CONFIGURATION_PATH, REGISTRATION_PATH
from lti_tool.simulator.scopes import SCOPES

BASE = "https://lms.example.edu"
TOOL = "https://reviews.example.edu"


@pytest.fixture
def app() -> Flask:
    return create_simulator(build_state(1, kinds=("small",)), base_url=BASE)


def parts(app: Flask) -> Simulator:
    found: Simulator = app.extensions[EXTENSION]
    return found


def begun(app: Flask) -> tuple[str, str]:
    """The registration token that a tool gets, and the id of the registration."""
    admin = next(user for user in parts(app).state.users.values() if user.site_admin)
    address, identity = parts(app).registrations.begin(f"{TOOL}/lti/register?invitation=c", admin)
    query = dict(parse_qsl(urlsplit(address).query))
    assert query["invitation"] == "c", "the address's own parameters stay"
    assert query["openid_configuration"] == BASE + CONFIGURATION_PATH
    return query["registration_token"], identity


def post(app: Flask, token: str, body: Any) -> Any:
    return app.test_client().post(REGISTRATION_PATH, json=body, headers={"Authorization": f"Bearer {token}"})


def test_a_tool_registers_once_and_is_off_until_reviewed(app: Flask) -> None:
    token, identity = begun(app)
    answer = post(app, token, tool_registration(TOOL))
    assert answer.status_code == 200
    key = parts(app).state.keys[answer.get_json()["client_id"]]
    assert parts(app).registrations.made(identity) is key
    assert (key.enabled, key.deployments, key.privacy_level) == (False, [], "name_only")
    assert post(app, token, tool_registration(TOOL)).status_code == 401
    parts(app).registrations.install(key)
    assert key.enabled
    assert len(key.deployments) == 1


@pytest.mark.parametrize("token", ["", "x", "eyJhbGciOiJub25lIn0.e30."])
def test_without_a_token_canvas_says_nothing(app: Flask, token: str) -> None:
    answer = app.test_client().get(CONFIGURATION_PATH, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401
    assert post(app, token, tool_registration(TOOL)).status_code == 401


def test_a_token_ends_after_an_hour() -> None:
    state = build_state(1, kinds=("small",))
    state.clock = StandingClock(state.now())
    app = create_simulator(state, base_url=BASE)
    token, _ = begun(app)
    state.clock.advance(3601)
    assert post(app, token, tool_registration(TOOL)).status_code == 401


def without(*path: str) -> Callable[[dict[str, Any]], None]:
    def change(body: dict[str, Any]) -> None:
        place = body
        for name in path[:-1]:
            place = place[name]
        del place[path[-1]]

    return change


def visible_to_nobody(body: dict[str, Any]) -> None:
    body[TOOL_CONFIGURATION]["messages"][0][f"{CANVAS_EXTENSION}visibility"] = "nobody"


@pytest.mark.parametrize(
    "change",
    [
        without("application_type"),
        without("grant_types"),
        without("redirect_uris"),
        without("scope"),
        without("jwks_uri"),
        without(TOOL_CONFIGURATION),
        without(TOOL_CONFIGURATION, "domain"),
        without(TOOL_CONFIGURATION, "claims"),
        without(TOOL_CONFIGURATION, "messages"),
        visible_to_nobody,
    ],
)
def test_what_canvas_demands_of_a_registration(app: Flask, change: Callable[[dict[str, Any]], None]) -> None:
    body = copy.deepcopy(tool_registration(TOOL))
    change(body)
    token, _ = begun(app)
    assert post(app, token, body).status_code == 422
    assert post(app, token, tool_registration(TOOL)).status_code == 200, "a mistake does not use the token up"


def test_each_scope_that_the_tool_needs_can_be_ticked_in_the_group_that_it_names() -> None:
    named = {group: {one.scope for one in endpoints} for group, endpoints in GROUPS.items()}
    assert set().union(*named.values()) == set(ALL_SCOPES), "each scope belongs into canvas.endpoints.GROUPS"
    assert all(scopes <= set(SCOPES[group]) for group, scopes in named.items())


def test_only_administrators_see_keys(app: Flask) -> None:
    client = app.test_client()
    for login, status in (("teacher", 403), ("admin", 200)):
        user = next(user for user in parts(app).state.users.values() if user.login == login)
        client.post("/act-as", data={"user_id": user.id})
        assert client.get("/accounts/self/developer_keys").status_code == status
