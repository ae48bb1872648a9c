"""What stands in the log: JSON lines with ids, and no secret, whatever libraries and defects try to write."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import click
import pytest
import structlog
from pydantic import ValidationError
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from lti_tool.canvas.errors import CanvasError
from lti_tool.canvas.oauth import CanvasOAuth, OAuthKey
from lti_tool.canvas.records import UserRecord
from lti_tool.canvas.transport import Transport
from lti_tool.cli import main
from lti_tool.logs import blackened, configure_logs
from lti_tool.outgoing import LOOPBACK
from lti_tool.persistence.database import make_engine
from lti_tool.threads import ContextPool
from tests.integration.canvas.servers import Received, Stub, reply

SECRETS = [
    # what a library or a defect may write; the part in brackets must not be read again
    "Authorization: Bearer [7~abcdefghijklmnop]",
    "POST /login/oauth2/token body client_secret=[s3cr3t-value]&grant_type=x",
    "callback ?code=[0123456789abcdef]&state=[fedcba9876543210]",
    '{"access_token": "[abcdefgh12345]", "token_type": "Bearer"}',
    "{'refresh_token': '[abcdefgh12345]'}",
    "('client_id', '10'), ('code_verifier', '[vvvvvvvvvvvv]')",
    r"{\"id_token\": \"[abcdefgh12345]\"}",
    "invalid token [eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiI1In0.c2lnbmF0dXJl] was sent",
    "personal token [1234~AbCdEfGhIjKlMnOpQrStUvWx] refused",
    "GET /register?openid_configuration=https://c&registration_token=[abcdef12345]",
]


@pytest.mark.parametrize("line", SECRETS)
def test_what_looks_like_a_secret_is_blackened(line: str) -> None:
    written = blackened(line.replace("[", "").replace("]", ""))
    for secret in (part.partition("]")[0] for part in line.split("[")[1:]):
        assert secret not in written
    assert "[removed]" in written


@pytest.mark.parametrize(
    "line", ["state paused_auth", '"state": "done"', "status 404", "run 5f1c0a", "/api/v1/courses/7~12/x"]
)
def test_ordinary_words_stay(line: str) -> None:
    assert blackened(line) == line


@pytest.fixture
def levels() -> Iterator[None]:
    """Each logger has its level back afterwards."""
    loggers = [logging.getLogger(name) for name in logging.root.manager.loggerDict]
    before = [(logger, logger.level) for logger in loggers]
    yield
    for logger, level in before:
        logger.setLevel(level)
    structlog.contextvars.clear_contextvars()


def turn_everything_up() -> None:
    """The product's logs at DEBUG, and every library's by hand."""
    configure_logs("debug")
    for name in list(logging.root.manager.loggerDict):
        logging.getLogger(name).setLevel(logging.DEBUG)


def read(capsys: pytest.CaptureFixture[str]) -> tuple[str, list[dict[str, object]]]:
    written = capsys.readouterr().err
    return written, [json.loads(line) for line in written.splitlines()]


@pytest.mark.usefixtures("levels")
def test_every_line_is_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    turn_everything_up()
    structlog.contextvars.bind_contextvars(request="r-1")
    logging.getLogger("waitress").warning('a "quoted"\nword of %s', "somebody else")
    structlog.get_logger().info("own", run="x")
    _, (theirs, ours) = read(capsys)
    assert (theirs["event"], theirs["level"]) == ('a "quoted"\nword of somebody else', "warning")
    assert (theirs["logger"], theirs["request"], ours["request"]) == ("waitress", "r-1", "r-1")


@pytest.mark.usefixtures("levels")
def test_a_defect_is_logged_without_the_values_that_it_met(capsys: pytest.CaptureFixture[str]) -> None:
    turn_everything_up()

    def fails(student: str) -> None:
        token = "canary-of-a-local"  # noqa: F841 - a debugger would show it
        UserRecord.model_validate({"id": ["canary-of-an-input"], "name": student})

    for log in (structlog.get_logger().error, logging.getLogger("x").error):
        try:
            fails("Canary Adeyemi")
        except ValidationError as error:
            log("page failed", exc_info=error)
    written, found = read(capsys)
    assert len(found) == 2
    assert "test_log_lines.py" in written, "where it happened is there"
    assert "anary" not in written


@pytest.mark.usefixtures("levels")
def test_the_database_names_the_statement_and_nobody_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    engine = make_engine("sqlite://")
    turn_everything_up()
    insert = text("INSERT INTO person VALUES (:name, 'x')")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE person (name TEXT NOT NULL, id TEXT UNIQUE)"))
        connection.execute(insert, {"name": "Canary Adeyemi"})
        assert connection.execute(text("SELECT * FROM person")).one()
        with pytest.raises(IntegrityError) as caught:
            connection.execute(insert, {"name": "Canary Adeyemi"})
    engine.dispose()
    structlog.get_logger().error("failed", exc_info=caught.value)
    written, _ = read(capsys)
    assert "INSERT INTO person" in written
    assert "Canary" not in written
    assert "Canary" not in str(caught.value)


@pytest.mark.usefixtures("levels")
def test_no_secret_of_the_oauth_exchange_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    turn_everything_up()
    answers = [
        ({"access_token": "canary-access-1", "refresh_token": "canary-refresh", "user": {"id": 5}}, 200),
        ({"access_token": "canary-access-2"}, 200),
        ({"error": "invalid_grant", "error_description": "canary-description"}, 400),
        ({"error": "invalid_client"}, 401),
    ]

    def answer(_got: Received) -> object:
        return reply(*answers[len(stub.received) - 1])

    with Stub(answer) as stub:  # type: ignore[arg-type]  # gives a Reply
        key = OAuthKey("10", "canary-client-secret")
        oauth = CanvasOAuth(Transport(stub.origin, reach=LOOPBACK), key, "https://t.example/back")
        asked = oauth.consent_request()
        assert oauth.exchange("canary-code", asked.verifier).access_token == "canary-access-1"
        assert oauth.refresh("canary-refresh").access_token == "canary-access-2"
        for _ in range(2):
            with pytest.raises(CanvasError):
                oauth.exchange("canary-code", asked.verifier)
    written, found = read(capsys)
    assert any(str(line.get("logger")).startswith("urllib3") for line in found), "libraries were talking"
    for secret in ("canary", asked.state, asked.verifier):
        assert secret not in written


@pytest.mark.usefixtures("levels")
def test_a_pool_logs_on_behalf_of_whoever_gave_it_work(capsys: pytest.CaptureFixture[str]) -> None:
    turn_everything_up()
    with structlog.contextvars.bound_contextvars(run="run-1"), ContextPool(2) as pool:
        list(pool.map(lambda step: structlog.get_logger().info("sent", step=step), ["a", "b"]))
    _, found = read(capsys)
    assert {(line["run"], line["step"]) for line in found} == {("run-1", "a"), ("run-1", "b")}


def test_no_command_takes_a_secret_as_an_argument() -> None:
    """Arguments stand in the list of processes and in the shell's history."""

    def options(command: click.Command) -> Iterator[str]:
        if isinstance(command, click.Group):
            for inner in command.commands.values():
                yield from options(inner)
        for parameter in command.params:
            yield from parameter.opts

    found = set(options(main))
    assert "--token-env" in found
    for word in ("token", "secret", "password", "key"):
        assert {one for one in found if word in one and not one.endswith(("-env", "-file", "-url"))} == set()
