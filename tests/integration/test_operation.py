"""What an operator meets: settings, keys, database upgrade, doctor."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lti_tool.cli import main
from lti_tool.cli.demonstration import API_SECRET_VARIABLE, demo_settings
from lti_tool.persistence.encryption import SealedTextError, SecretBox, new_key
from lti_tool.settings import SettingsError, load_settings
from tests.simulated import SimulatedCanvas, simulated_canvas


@pytest.fixture
def canvas() -> Iterator[SimulatedCanvas]:
    with simulated_canvas("small") as running:
        yield running


def configured(tmp_path: Path, canvas_url: str, **changes: object) -> dict[str, str]:
    settings = demo_settings(tmp_path / "instance", canvas_url, "http://127.0.0.1:9")
    content = {
        "instance": str(tmp_path / "instance"),
        "public_url": "http://127.0.0.1:9",
        "allow_http_loopback": True,
        "platforms": settings.platforms,
        **changes,
    }
    path = tmp_path / "config.json"
    path.write_text(json.dumps(content))
    return {"PEER_ALLOCATOR_CONFIG": str(path), API_SECRET_VARIABLE: "secret"}


def run(environment: dict[str, str], *words: str) -> Result:
    return CliRunner().invoke(main, list(words), env=environment, catch_exceptions=False)


def test_doctor_asks_for_an_upgrade(canvas: SimulatedCanvas, tmp_path: Path) -> None:
    environment = configured(tmp_path, canvas.url)
    (tmp_path / "instance").mkdir()
    assert "FAIL  schema" in run(environment, "doctor").output
    assert run(environment, "db", "upgrade").exit_code == 0
    assert "ok    schema" in run(environment, "doctor").output


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({"platforms": {}}, "registration invite"),
        ({"database_url": "sqlite:////no/such/folder/a.sqlite3"}, "database"),
        ({"secret_keys": "short"}, "32 random bytes"),
        ({"public_url": "http://127.0.0.1:9", "allow_http_loopback": False}, "https"),
    ],
)
def test_doctor_says_what_to_do(
    canvas: SimulatedCanvas, tmp_path: Path, broken: dict[str, object], said: str
) -> None:
    environment = configured(tmp_path, canvas.url, **broken)
    (tmp_path / "instance").mkdir()
    result = run(environment, "doctor", "--format", "json")
    assert result.exit_code == 1
    failed = [item for item in json.loads(result.stdout) if not item["ok"]]
    assert any(said in item["words"] for item in failed), failed


def test_doctor_notices_a_canvas_that_is_away(tmp_path: Path) -> None:
    with simulated_canvas("small") as gone:
        environment = configured(tmp_path, gone.url)
    (tmp_path / "instance").mkdir()
    result = run(environment, "doctor", "--format", "json")
    words = " ".join(item["words"] for item in json.loads(result.stdout) if not item["ok"])
    assert "no server answers at this address" in words


def test_doctor_misses_the_secret_of_the_api_key(canvas: SimulatedCanvas, tmp_path: Path) -> None:
    environment = configured(tmp_path, canvas.url) | {API_SECRET_VARIABLE: ""}
    (tmp_path / "instance").mkdir()
    assert f"put the secret into {API_SECRET_VARIABLE}" in run(environment, "doctor").output


def test_all_mistakes_of_a_configuration_are_said_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"listen_prot": 1, "listen_port": 99999, "public_url": "ftp://x"}))
    monkeypatch.setenv("PEER_ALLOCATOR_CONFIG", str(path))
    with pytest.raises(SettingsError) as caught:
        load_settings()
    for name in ("listen_prot", "listen_port", "public_url"):
        assert name in str(caught.value)


@pytest.mark.parametrize("content", ["not json", "[]"])
def test_a_configuration_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(content)
    monkeypatch.setenv("PEER_ALLOCATOR_CONFIG", str(path))
    with pytest.raises(SettingsError, match=r"config\.json"):
        load_settings()


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "config.json"
    path.write_text('{"worker_threads": 2, "_note": "a comment"}')
    monkeypatch.setenv("PEER_ALLOCATOR_CONFIG", str(path))
    assert load_settings().worker_threads == 2
    monkeypatch.setenv("PEER_ALLOCATOR_WORKER_THREADS", "3")
    assert load_settings().worker_threads == 3


def test_the_key_file_is_made_once_and_for_its_owner_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PEER_ALLOCATOR_CONFIG", raising=False)
    sealed = load_settings(instance=tmp_path).secret_box.seal("token", bound_to="row 1")
    assert (tmp_path / "secret.key").stat().st_mode & 0o777 == 0o600
    box = load_settings(instance=tmp_path).secret_box
    assert box.open(sealed, bound_to="row 1") == "token"
    with pytest.raises(SealedTextError):
        box.open(sealed, bound_to="row 2")


def test_rotated_keys_open_what_the_older_one_sealed() -> None:
    old, new = new_key(), new_key()
    sealed = SecretBox([old]).seal("token", bound_to="row")
    assert SecretBox([new, old]).open(sealed, bound_to="row") == "token"
    with pytest.raises(SealedTextError):
        SecretBox([new]).open(sealed, bound_to="row")


@pytest.mark.parametrize("keys", [[], [""], ["A" * 43 + "="], ["changeme"]])
def test_default_and_empty_keys_are_refused(keys: list[str]) -> None:
    with pytest.raises(ValueError, match="key"):
        SecretBox(keys)


def test_a_program_that_is_newer_than_the_database_asks_for_an_upgrade(
    canvas: SimulatedCanvas, tmp_path: Path
) -> None:
    from lti_tool.persistence import schema
    from lti_tool.persistence.database import make_engine

    environment = configured(tmp_path, canvas.url)
    (tmp_path / "instance").mkdir()
    run(environment, "db", "upgrade")
    engine = make_engine(f"sqlite:///{tmp_path / 'instance' / 'allocator.sqlite3'}")
    schema.downgrade(engine, "base")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE leftover (id INTEGER)")
    engine.dispose()
    result = run(environment, "runs", "show", "x")
    assert result.exit_code == 2
    assert "peer-allocator db upgrade" in result.stderr


def test_any_wsgi_server_can_start_the_tool_on_an_empty_folder(tmp_path: Path) -> None:
    program = "import app; print(app.create_app().test_client().get('/lti/jwks.json').json)"
    environment = {**os.environ, "PEER_ALLOCATOR_INSTANCE": str(tmp_path)}
    environment.pop("PEER_ALLOCATOR_CONFIG", None)
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[2],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "'kty': 'RSA'" in done.stdout
    assert done.stderr == ""


def test_secrets_are_rotated_from_the_command_line(tmp_path: Path) -> None:
    environment = configured(tmp_path, "http://localhost:9")
    key_file = tmp_path / "instance" / "secret.key"
    assert run(environment, "db", "upgrade").exit_code == 0
    assert run(environment, "keys", "rotate").exit_code == 0, "there is something sealed now"
    (before,) = key_file.read_text().split()
    result = run(environment, "secrets", "rotate", "--format", "json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["resealed"] == 1
    after = key_file.read_text().split()
    assert after[1:] == [before]
    assert before not in result.output
    assert after[0] not in result.output

    given = new_key()
    from_environment = {**environment, "PEER_ALLOCATOR_SECRET_KEYS": ",".join([given, *after])}
    assert json.loads(run(from_environment, "secrets", "rotate", "--format", "json").stdout)["resealed"] == 1
    only = {**environment, "PEER_ALLOCATOR_SECRET_KEYS": new_key()}
    lost = run(only, "secrets", "rotate")
    assert lost.exit_code == 1
    assert "their key is lost" in lost.stderr


@pytest.mark.parametrize("content", ["", "\n", "changeme\n", "A" * 43 + "=\n"])
def test_nothing_starts_with_an_empty_or_default_key_file(tmp_path: Path, content: str) -> None:
    environment = configured(tmp_path, "http://localhost:9")
    (tmp_path / "instance").mkdir()
    (tmp_path / "instance" / "secret.key").write_text(content)
    for command in (["serve"], ["worker"], ["secrets", "rotate"]):
        result = run(environment, *command)
        assert result.exit_code == 2
        assert "secret.key" in result.stderr
