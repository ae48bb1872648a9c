"""One Canvas under two addresses: its own domain, and the one that its vendor gave it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from lti_tool.cli.registration import registration as command
from lti_tool.lti.context import CLAIM
from lti_tool.lti.registration import LtiConfigError, Registrations
from lti_tool.planning.ids import CanvasOrigin
from lti_tool.services.registrations import RegistrationRefused
from lti_tool.simulator.courses import build_state
from lti_tool.simulator.state import DeveloperKey
from tests.contract.simulator_browser import serve_canvas
from tests.integration.lti.scene import (
    CANVAS,
    CLIENT,
    DEPLOYMENT,
    ISSUER,
    KeyServer,
    Stage,
    registration,
    stage,
    words,
)

VENDORS = "https://school.instructure.com"
STORED = "10000000000077"


@pytest.fixture(scope="module")
def tool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(tmp_path_factory.mktemp("two")) as made:
        assert made.application is not None
        made.application.registrations.add(
            registration(made.keys, STORED, DEPLOYMENT) | {"issuer": ISSUER}, by="test"
        )
        yield made


@pytest.fixture
def two(tool: Stage) -> Iterator[Stage]:
    assert tool.application is not None
    book = tool.application.registrations
    book.add_alias(ISSUER, STORED, VENDORS)
    yield tool
    if VENDORS in book.origins():
        book.remove_alias(ISSUER, STORED, VENDORS)


def launched(tool: Stage, address: str) -> Any:
    """A launch from a page of Canvas at this address."""
    visitor = tool.visitor()
    begun = visitor.login(client_id=STORED)
    course = tool.claims(begun)[CLAIM + "custom"]["canvas_course_id"]
    changes = {
        "custom": {"canvas_course_id": course, "canvas_api_base": address},
        "launch_presentation": {"return_url": f"{address}/courses/{course}"},
    }
    return visitor, visitor.post(state=begun.state, id_token=tool.token(begun, changes))


@pytest.mark.parametrize("address", [CANVAS, VENDORS])
def test_the_tool_opens_and_is_framed_at_the_address_in_the_browser(two: Stage, address: str) -> None:
    visitor, answer = launched(two, address)
    assert answer.status_code == 200, words(answer.text)
    assert answer.headers["Content-Security-Policy"].endswith(f"frame-ancestors {address}")
    said = visitor.session(answer.text).get_json()
    assert f"in={urlsplit(address).netloc}" in said["location"]
    document = visitor.ask("GET", said["location"])
    assert document.headers["Content-Security-Policy"].endswith(f"frame-ancestors {address}")
    page = visitor.ask("GET", said["location"], headers={"Authorization": f"Bearer {said['token']}"})
    assert page.status_code == 200
    assert page.headers["Content-Security-Policy"].endswith(f"frame-ancestors {address}")


def test_the_login_may_be_framed_at_both(two: Stage) -> None:
    answer = two.visitor().ask(
        "POST", "/lti/login", data={"iss": ISSUER, "client_id": STORED, "login_hint": "u"}
    )
    assert answer.headers["Content-Security-Policy"].endswith(f"frame-ancestors {CANVAS} {VENDORS}")
    parent = two.visitor().login(client_id=STORED, lti_storage_target="_parent")
    assert parent.attributes["platform"] == f"{CANVAS} {VENDORS}"


def test_without_the_other_address_a_launch_from_there_says_what_to_do(tool: Stage) -> None:
    _, answer = launched(tool, VENDORS)
    assert answer.status_code == 403
    assert "They can add a second address" in words(answer.text)
    assert STORED in words(answer.text)


def test_taking_the_address_away_ends_its_sessions_and_no_others(two: Stage) -> None:
    assert two.application is not None
    visitor, answer = launched(two, VENDORS)
    there = visitor.session(answer.text).get_json()
    other, answer = launched(two, CANVAS)
    here = other.session(answer.text).get_json()
    two.application.registrations.remove_alias(ISSUER, STORED, VENDORS)
    for one, said, status in ((visitor, there, 401), (other, here, 200)):
        bearer = {"Authorization": f"Bearer {said['token']}"}
        assert one.ask("GET", said["location"], headers=bearer).status_code == status


@pytest.mark.parametrize("address", ["", "school.example", "http://x.example", f"{VENDORS}/courses", "x"])
def test_what_is_no_address_is_not_stored(tool: Stage, address: str) -> None:
    assert tool.application is not None
    with pytest.raises(RegistrationRefused, match="Nothing was stored"):
        tool.application.registrations.add_alias(ISSUER, STORED, address)


def test_an_address_belongs_to_one_canvas(two: Stage) -> None:
    assert two.application is not None
    book = two.application.registrations
    other = registration(two.keys, "10000000000088", DEPLOYMENT)
    other |= {"issuer": ISSUER, "canvas_origin": "https://south.example.edu"}
    book.add(other, by="test")
    try:
        with pytest.raises(RegistrationRefused, match="already belongs"):
            book.add_alias(ISSUER, "10000000000088", VENDORS)
        with pytest.raises(RegistrationRefused, match="already belongs"):
            book.add_alias(ISSUER, "10000000000088", CANVAS)
    finally:
        book.remove(ISSUER, "10000000000088")


def test_a_registration_of_the_file_is_changed_in_the_file(tool: Stage) -> None:
    assert tool.application is not None
    with pytest.raises(RegistrationRefused, match="canvas_aliases"):
        tool.application.registrations.add_alias(ISSUER, CLIENT, VENDORS)


def test_the_file_takes_other_addresses_and_refuses_one_of_two_canvases(tmp_path: Path) -> None:
    keys = KeyServer([], url="https://keys.example.edu")
    one = registration(keys, "1", DEPLOYMENT) | {"canvas_aliases": [VENDORS]}
    two = registration(keys, "2", DEPLOYMENT) | {"canvas_origin": VENDORS}
    found = Registrations.from_config({ISSUER: [one]}, allow_http_loopback=False)
    assert found.all()[0].platform_origins == (CANVAS, VENDORS)
    with pytest.raises(LtiConfigError, match="belongs to two Canvases"):
        Registrations.from_config({ISSUER: [one, two]}, allow_http_loopback=False)


def test_the_command_adds_lists_and_removes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from click.testing import CliRunner

    from lti_tool.bootstrap import upgrade_database
    from lti_tool.settings import Settings

    monkeypatch.setenv("PEER_ALLOCATOR_INSTANCE", str(tmp_path))
    upgrade_database(Settings(instance=tmp_path, public_url="https://reviews.example.edu"))
    key = ["--issuer", ISSUER, "--client-id", "17"]

    def run(*words_: str) -> str:
        done = CliRunner().invoke(command, list(words_))
        assert done.exit_code == 0, done.output
        return done.output

    run("add", *key, "--canvas", CANVAS)
    run("alias", "add", *key, "--address", VENDORS)
    assert json.loads(run("list", "--format", "json"))[0]["canvas_aliases"] == [VENDORS]
    assert f"also known as {VENDORS}" in run("list")
    run("alias", "remove", *key, "--address", VENDORS)
    assert json.loads(run("list", "--format", "json"))[0]["canvas_aliases"] == []


def test_the_doctor_tells_the_same_canvas_from_another(tool: Stage) -> None:
    """The second address must know the API key; its secret is not sent there."""
    from lti_tool.bootstrap.pages import build_doctor

    assert tool.application is not None
    state, strangers = build_state(1, kinds=("small",)), build_state(2, kinds=("small",))
    back = "https://reviews.example.edu/connect/callback"
    state.add_key(DeveloperKey("10000000000055", "the-secret", "API", "api", [back]))
    with serve_canvas(state) as canvas, serve_canvas(strangers) as other:
        book = tool.application.registrations
        fields = registration(tool.keys, "10000000000066", DEPLOYMENT) | {"canvas_origin": canvas.base_url}
        same = f"http://localhost:{urlsplit(canvas.base_url).port}"
        added = book.add(fields | {"issuer": ISSUER, "canvas_aliases": [same, other.base_url]}, by="test")
        book.store_api_key(CanvasOrigin(canvas.base_url), "10000000000055", "the-secret")
        findings = build_doctor(tool.application).platform(added)
        found = {str(one.check).partition(",")[0]: one for one in findings}
        assert found[same].ok, str(found[same].words)
        assert not found[other.base_url].ok
        assert "remove it" in str(found[other.base_url].words)
        assert "the-secret" not in json.dumps([str(row) for row in strangers.received()])
        book.remove(ISSUER, "10000000000066")


# --- the administration page ---


def office(tool: Stage) -> dict[str, str]:
    """The bearer of a setup address."""
    assert tool.application is not None
    known = tool.application.registrations.find(ISSUER, STORED)
    assert known is not None
    return {"Authorization": f"Bearer {tool.application.invitations.to_administrate(known, 'test')}"}


def test_who_holds_a_setup_address_adds_and_removes_addresses(tool: Stage) -> None:
    visitor, bearer = tool.visitor(), office(tool)
    place = "/app/administration"
    wrong = visitor.ask("POST", f"{place}/addresses", headers=bearer, data={"address": "school"})
    assert wrong.status_code == 422
    assert "Nothing was stored" in words(wrong.text)
    added = visitor.ask("POST", f"{place}/addresses", headers=bearer, data={"address": f" {VENDORS} "})
    assert added.get_json()["location"].startswith(place)
    assert VENDORS in words(visitor.ask("GET", place, headers=bearer).text)
    removed = visitor.ask("POST", f"{place}/addresses/remove", headers=bearer, data={"address": VENDORS})
    assert removed.status_code == 200
    assert VENDORS not in words(visitor.ask("GET", place, headers=bearer).text)


def test_an_administrators_launch_sees_the_addresses_and_changes_none(two: Stage) -> None:
    """Canvas also calls those administrators who look after a single faculty."""
    visitor = two.visitor()
    begun = visitor.login(client_id=STORED)
    role = "http://purl.imsglobal.org/vocab/lis/v2/institution/person#Administrator"
    launch = visitor.post(state=begun.state, id_token=two.token(begun, {"roles": [role]}))
    token = visitor.session(launch.text).get_json()["token"]
    bearer = {"Authorization": f"Bearer {token}"}
    page = visitor.ask("GET", "/app/administration", headers=bearer)
    assert VENDORS in words(page.text)
    assert "Add address" not in page.text
    for path in ("addresses", "addresses/remove"):
        form = {"address": VENDORS}
        refused = visitor.ask("POST", f"/app/administration/{path}", headers=bearer, data=form)
        assert refused.status_code == 422
        said = "You need a setup address to change addresses. Ask the people who run this tool for one."
        assert said in words(refused.text)


def test_the_setup_page_counts_a_launch_and_not_a_deployment_that_was_named(tool: Stage) -> None:
    assert tool.application is not None
    fields = registration(tool.keys, "10000000000099", DEPLOYMENT) | {"issuer": ISSUER}
    known = tool.application.registrations.add(fields, by="test")
    code = tool.application.invitations.to_administrate(known, "test")
    visitor, bearer = tool.visitor(), {"Authorization": f"Bearer {code}"}
    step = "Open the tool in a course done"
    assert step not in words(visitor.ask("GET", "/app/administration", headers=bearer).text)
    begun = visitor.login(client_id="10000000000099")
    visitor.session(visitor.post(state=begun.state, id_token=tool.token(begun)).text)
    assert step in words(visitor.ask("GET", "/app/administration", headers=bearer).text)
    tool.application.registrations.remove(ISSUER, "10000000000099")


def test_who_acts_as_an_administrator_changes_nothing(tool: Stage) -> None:
    visitor = tool.visitor()
    begun = visitor.login(client_id=STORED)
    role = "http://purl.imsglobal.org/vocab/lis/v2/institution/person#Administrator"
    changes = {"roles": [role], "custom": {"canvas_masquerading_user_id": 77}}
    launch = visitor.post(state=begun.state, id_token=tool.token(begun, changes))
    token = visitor.session(launch.text).get_json()["token"]
    form = {"client_id": "1", "secret": "2"}
    bearer = {"Authorization": f"Bearer {token}"}
    refused = visitor.ask("POST", "/app/administration/api-key", headers=bearer, data=form)
    assert refused.status_code == 403
    assert "You are acting as another user" in words(refused.text)
