"""Platforms registered by hand while the tool runs: found at once, kept sealed, gone at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from lti_tool.bootstrap import Application, build_application, build_web, upgrade_database
from lti_tool.cli import main
from lti_tool.lti.grades import GRADE_CLAIM
from lti_tool.planning.ids import CanvasOrigin
from lti_tool.services.registrations import RegistrationRefused
from lti_tool.settings import Settings
from tests.integration.lti.scene import (
    CANVAS,
    CLIENT,
    DEPLOYMENT,
    ISSUER,
    MISSING,
    TOOL,
    KeyServer,
    SigningKey,
    Stage,
    key_server,
    words,
)

SECRET = "api-secret-that-nobody-may-read"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    found = Settings(instance=tmp_path, public_url=TOOL, allow_http_loopback=True)
    upgrade_database(found)
    return found


@pytest.fixture
def application(settings: Settings) -> Iterator[Application]:
    """A process that has been running all the while."""
    running = build_application(settings)
    yield running
    running.close()


@pytest.fixture(scope="module")
def key() -> SigningKey:
    return SigningKey("key-one")


@pytest.fixture(scope="module")
def keys(key: SigningKey) -> Iterator[KeyServer]:
    with key_server(key) as served:
        yield served


def run(settings: Settings, *words: str, secret: str | None = None) -> Result:
    environment = {
        "PEER_ALLOCATOR_INSTANCE": str(settings.instance),
        "PEER_ALLOCATOR_PUBLIC_URL": TOOL,
        "PEER_ALLOCATOR_ALLOW_HTTP_LOOPBACK": "true",
        "API_SECRET": SECRET,
    }
    runner = CliRunner()
    return runner.invoke(
        main, ["registration", *words], env=environment, input=secret, catch_exceptions=False
    )


def add(settings: Settings, *more: str, client_id: str = CLIENT, **options: Any) -> Result:
    given = ("--issuer", ISSUER, "--client-id", client_id, "--canvas", CANVAS)
    return run(settings, "add", *given, *more, **options)


def listed(settings: Settings) -> list[dict[str, Any]]:
    result = run(settings, "list", "--format", "json")
    assert result.exit_code == 0, result.output
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


def launched(stage: Stage, **claims: Any) -> tuple[int, str]:
    answer = stage.visitor().launch(**claims)
    return answer.status_code, words(answer.text)


def test_a_running_tool_lets_a_new_platform_in_and_a_removed_one_not(
    settings: Settings, application: Application, key: SigningKey, keys: KeyServer
) -> None:
    stage = Stage(build_web(application), key, keys, settings.instance / "allocator.sqlite3")
    visitor = stage.visitor()
    refused = visitor.ask("POST", "/lti/login", data={"iss": ISSUER, "login_hint": "x", "client_id": CLIENT})
    assert refused.status_code == 403
    assert "don't know each other yet" in words(refused.text)

    assert add(settings, "--deployment-id", DEPLOYMENT, "--jwks-url", f"{keys.url}/good").exit_code == 0
    launch = visitor.launch()
    said = visitor.session(launch.text).get_json()
    bearer = {"Authorization": f"Bearer {said['token']}"}
    assert visitor.ask("GET", said["location"], headers=bearer).status_code == 200
    assert launched(stage, deployment_id="1:another")[0] == 403

    assert run(settings, "remove", "--yes", "--issuer", ISSUER, "--client-id", CLIENT).exit_code == 0
    assert visitor.ask("GET", said["location"], headers=bearer).status_code == 401, "its sessions end"
    assert listed(settings) == []


def test_a_deployment_is_adopted_at_its_first_good_launch(
    settings: Settings, application: Application, key: SigningKey, keys: KeyServer
) -> None:
    add(settings, "--jwks-url", f"{keys.url}/good")
    stage = Stage(build_web(application), key, keys, settings.instance / "allocator.sqlite3")
    silent = {"launch_presentation": MISSING, GRADE_CLAIM: MISSING}  # what custom says does not count
    status, said = launched(stage, deployment_id="1:quiet", **silent)
    assert (status, "this deployment" in said) == (403, True), "it must say which Canvas it comes from"
    assert launched(stage, deployment_id=MISSING)[0] == 403
    assert launched(stage, deployment_id="d" * 256)[0] == 403
    assert launched(stage, exp=1, deployment_id="1:late")[0] == 403
    assert listed(settings)[0]["deployment_ids"] == []
    for _ in range(2):
        assert launched(stage, deployment_id="1:new")[0] == 200
    assert listed(settings)[0]["deployment_ids"] == ["1:new"]
    assert launched(stage, deployment_id="1:new", **silent)[0] == 200, "known by now"


def test_the_addresses_of_each_hosted_environment_are_known(settings: Settings) -> None:
    for environment, sign_in in (
        ("", "https://sso.canvaslms.com"),
        ("beta.", "https://sso.beta.canvaslms.com"),
        ("test.", "https://sso.test.canvaslms.com"),
    ):
        issuer, canvas = (
            f"https://canvas.{environment}instructure.com",
            f"https://school.{environment}instructure.com",
        )
        result = run(settings, "add", "--issuer", issuer, "--client-id", CLIENT, "--canvas", canvas)
        assert result.exit_code == 0, result.output
        found = next(row for row in listed(settings) if row["issuer"] == issuer)
        assert found["auth_login_url"] == f"{sign_in}/api/lti/authorize_redirect"
        assert found["key_set_url"] == f"{sign_in}/api/lti/security/jwks"
        assert found["auth_token_url"] == f"{canvas}/login/oauth2/token"


@pytest.mark.parametrize("given", ["environment", "standard input"])
def test_the_api_key_is_stored_sealed(settings: Settings, application: Application, given: str) -> None:
    if given == "environment":
        result = add(settings, "--oauth-client-id", "170000000000009", "--oauth-secret-env", "API_SECRET")
    else:
        result = add(settings, "--oauth-client-id", "170000000000009", secret=f"{SECRET}\n")
    assert result.exit_code == 0, result.output
    found = application.registrations.api_key(CanvasOrigin(CANVAS))
    assert found is not None
    assert (found.client_id, found.client_secret) == ("170000000000009", SECRET)
    assert listed(settings)[0]["oauth_client_id"] == "170000000000009"
    stored = b"".join(path.read_bytes() for path in settings.instance.glob("allocator.sqlite3*"))
    assert SECRET.encode() not in stored
    run(settings, "remove", "--yes", "--issuer", ISSUER, "--client-id", CLIENT)
    assert application.registrations.api_key(CanvasOrigin(CANVAS)) is None, (
        "it goes with the last registration"
    )


def test_institutions_on_one_issuer_do_not_disturb_each_other(
    settings: Settings, application: Application
) -> None:
    add(settings)
    other = ("--issuer", ISSUER, "--client-id", "2", "--canvas", "https://other.example.edu")
    assert (
        run(settings, "add", *other, "--oauth-client-id", "3", "--oauth-secret-env", "API_SECRET").exit_code
        == 0
    )
    first, second = (
        application.registrations.find(ISSUER, CLIENT),
        application.registrations.find(ISSUER, "2"),
    )
    assert first is not None
    assert second is not None
    assert (first.canvas, second.canvas) == (CANVAS, "https://other.example.edu")
    assert application.registrations.find(ISSUER, None) is None, "a login without client id names neither"
    assert application.registrations.api_key(first.canvas) is None
    assert application.registrations.api_key(second.canvas) is not None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--issuer", "https://moodle.example", "--client-id", "1", "--canvas", CANVAS), "--jwks-url"),
        (("--issuer", ISSUER, "--client-id", "1", "--canvas", "http://canvas.example.edu"), "https"),
        (("--issuer", ISSUER, "--client-id", "1", "--canvas", f"{CANVAS}/courses/1"), "without a path"),
        (("--issuer", ISSUER, "--client-id", "x" * 256, "--canvas", CANVAS), "too long"),
        (("--issuer", ISSUER, "--client-id", CLIENT, "--canvas", CANVAS), "registered already"),
        (
            ("--issuer", ISSUER, "--client-id", "1", "--canvas", CANVAS, "--oauth-client-id", "2"),
            "standard input is empty",
        ),
    ],
)
def test_what_cannot_be_registered(settings: Settings, words: tuple[str, ...], said: str) -> None:
    add(settings)
    result = run(settings, "add", *words)
    assert result.exit_code == 2
    assert said in result.stderr
    assert len(listed(settings)) == 1


def test_a_registration_of_the_file_is_listed_and_left_alone(tmp_path: Path) -> None:
    example = json.loads(Path("config.json").read_text(encoding="utf-8"))["platforms"]
    settings = Settings(instance=tmp_path, platforms=example)
    upgrade_database(settings)
    application = build_application(settings, environment={"PEER_ALLOCATOR_EXAMPLE_API_SECRET": SECRET})
    (found,) = application.registrations.all()
    assert application.registrations.is_configured(found)
    key = application.registrations.api_key(found.canvas)
    assert key is not None
    assert key.client_secret == SECRET
    with pytest.raises(RegistrationRefused, match=r"config\.json"):
        application.registrations.remove(found.issuer, found.client_id)
    with pytest.raises(RegistrationRefused, match=r"config\.json"):
        application.registrations.store_api_key(found.canvas, "1", "2")
    application.close()
