"""Reading the ``platforms`` part of config.json: every mistake at once, none passed over."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lti_tool.lti.registration import LtiConfigError, Registrations, origin_of

ISSUER = "https://canvas.instructure.com"


def entry(**changes: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "client_id": "1",
        "auth_login_url": "https://sso.canvaslms.com/api/lti/authorize_redirect",
        "auth_token_url": "https://canvas.example.edu/login/oauth2/token",
        "key_set_url": "https://sso.canvaslms.com/api/lti/security/jwks",
        "deployment_ids": ["1:one"],
        "canvas_origin": "https://canvas.example.edu",
    }
    return {name: value for name, value in (made | changes).items() if value is not ...}


def read(*entries: Any, http: bool = False) -> Registrations:
    return Registrations.from_config({ISSUER: list(entries)}, allow_http_loopback=http)


def mistakes(platforms: Any, *, http: bool = False) -> list[str]:
    with pytest.raises(LtiConfigError) as raised:
        Registrations.from_config(platforms, allow_http_loopback=http)
    return str(raised.value).splitlines()[1:]


def test_the_example_in_the_repository() -> None:
    example = json.loads(Path("config.json").read_text(encoding="utf-8"))
    (found,) = Registrations.from_config(example["platforms"], allow_http_loopback=False).all()
    assert found.canvas_origin == "https://canvas.example.edu"


def test_found_by_issuer_and_client() -> None:
    registrations = read(entry(), entry(client_id="2", canvas_origin="https://other.example.edu"))
    second = registrations.find(ISSUER, "2")
    assert second is not None
    assert second.canvas_origin == "https://other.example.edu"
    assert registrations.find(ISSUER, "3") is None
    assert registrations.find(ISSUER + "/", "1") is None
    assert registrations.find("https://elsewhere.example", "1") is None


def test_a_login_without_client_id() -> None:
    alone = read(entry())
    assert alone.find(ISSUER, None) is alone.find(ISSUER, "1")
    two = read(entry(), entry(client_id="2"))
    assert two.find(ISSUER, None) is None
    marked = read(entry(), entry(client_id="2", default=True))
    assert marked.find(ISSUER, None) is marked.find(ISSUER, "2")


def test_one_registration_may_stand_without_its_list() -> None:
    registrations = Registrations.from_config({ISSUER: entry()}, allow_http_loopback=False)
    assert registrations.find(ISSUER, "1") is not None


def test_comments_are_passed_over() -> None:
    registrations = Registrations.from_config(
        {"_note": "ours", ISSUER: [entry(_about="the test Canvas")]}, allow_http_loopback=False
    )
    assert len(registrations.all()) == 1


def test_every_mistake_is_reported_at_once() -> None:
    wrong = [
        entry(client_id=..., key_set_url="http://sso.canvaslms.com/jwks", canvas_orgin="x"),
        entry(client_id="2", deployment_ids=[], auth_token_url="nowhere"),
        "text",
        entry(client_id="3", key_set={"keys": []}),
        entry(),
        entry(),
    ]
    found = mistakes({ISSUER: wrong, "https://empty.example": []})
    starts = [
        "[0].client_id: Field required",
        "[0].key_set_url: Value error, must be https",
        "[0].canvas_orgin: Extra inputs are not permitted",
        "[1].deployment_ids: Value error, must name at least one deployment",
        "[1].auth_token_url: Value error, must be a web address",
        "[2]: must be an object",
        "[3].key_set: keys pasted here would end at the platform's next rotation",
    ]
    for start in starts:
        assert any(line.startswith(f"platforms.{ISSUER}{start}") for line in found), (start, found)
    assert f"platforms.{ISSUER}: client 1 stands 2 times" in found
    assert "platforms.https://empty.example: has no registration" in found
    assert len(found) == len(starts) + 2


@pytest.mark.parametrize("name", ["key_set", "private_key_file", "public_key_file"])
def test_keys_of_the_library_that_are_not_used_are_refused_with_the_reason(name: str) -> None:
    (line,) = mistakes({ISSUER: [entry(**{name: "x"})]})
    assert line.startswith(f"platforms.{ISSUER}[0].{name}: ")
    assert "leave this out" in line or "key_set_url" in line


@pytest.mark.parametrize("field", ["auth_login_url", "auth_token_url", "key_set_url", "canvas_origin"])
@pytest.mark.parametrize(
    "address",
    [
        "http://canvas.example.edu",
        "http://127.0.0.1",
        "ftp://canvas.example.edu",
        "canvas.example.edu",
        "https://",
        "https://user:word@canvas.example.edu",
        "https://@canvas.example.edu",
        "https://canvas.example.edu:port",
        "https://canvas.example.edu:99999",
        "https://[::1",
        "https://canvas .example.edu",
        "https://canvas.example.edu\\@elsewhere.example",
        "https://canvas.example.edu/#part",
        "",
    ],
)
def test_addresses_that_are_refused(field: str, address: str) -> None:
    (line,) = mistakes({ISSUER: [entry(**{field: address})]})
    assert line.startswith(f"platforms.{ISSUER}[0].{field}: ")


def test_plain_http_is_for_loopback_and_only_where_allowed() -> None:
    for host in ("localhost:3000", "lms.localhost:80", "127.0.0.1:1", "[::1]:5"):
        assert read(entry(canvas_origin=f"http://{host}"), http=True).all()
    for host in ("localhost.example.edu", "10.0.0.1", "127.0.0.1.example.edu"):
        assert mistakes({ISSUER: [entry(canvas_origin=f"http://{host}")]}, http=True)


def test_an_origin_is_written_one_way() -> None:
    (found,) = read(entry(canvas_origin="https://Canvas.Example.edu:443/")).all()
    assert found.canvas_origin == "https://canvas.example.edu"
    assert found.platform_origins == ("https://canvas.example.edu",)
    assert mistakes({ISSUER: [entry(canvas_origin="https://canvas.example.edu/courses")]})
    assert origin_of("https://[2001:db8::1]:8443/x") == "https://[2001:db8::1]:8443"


def test_numbers_are_not_taken_for_ids() -> None:
    found = mistakes({ISSUER: [entry(client_id=1, deployment_ids=[1])]})
    assert [line.partition(": ")[0].rpartition("]")[2] for line in found] == [
        ".client_id",
        ".deployment_ids.0",
    ]


def test_an_api_key_and_its_secret_belong_together() -> None:
    (line,) = mistakes({ISSUER: [entry(oauth_client_id="5")]})
    assert "belong together" in line


def test_one_canvas_has_one_api_key() -> None:
    first = entry(oauth_client_id="5", oauth_client_secret_env="A")
    second = entry(client_id="2", oauth_client_id="6", oauth_client_secret_env="B")
    (line,) = mistakes({ISSUER: [first, second]})
    assert line.startswith("https://canvas.example.edu: ")
    assert len(read(first, first | {"client_id": "2"}).all()) == 2


def test_one_default_at_most() -> None:
    (line,) = mistakes({ISSUER: [entry(default=True), entry(client_id="2", default=True)]})
    assert "marked default" in line
