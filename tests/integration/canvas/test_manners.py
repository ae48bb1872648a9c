"""How the client behaves as one person: tokens, headers, connections, pace, log."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

import pytest
import structlog
from structlog.testing import capture_logs

from lti_tool.applying.answers import Outcome, Why
from lti_tool.canvas.calls import Calls
from lti_tool.canvas.client import CanvasClient
from lti_tool.canvas.errors import (
    AccessLost,
    CanvasError,
    NotPermitted,
)
from lti_tool.canvas.pacing import Pace
from tests.integration.canvas.asking import COURSE, REVIEW, create, in_turn, throttled
from tests.integration.canvas.conftest import TOKEN, UNPACED, Connect, OneToken
from tests.integration.canvas.servers import SMALL, Received, Reply, reply, transport_to


def only(token: str, document: object) -> Callable[[Received], Reply]:
    """Answer this token, challenge all others."""

    def answer(got: Received) -> Reply:
        if got.headers["Authorization"] == f"Bearer {token}":
            return reply(document)
        return reply(
            {"errors": [{"message": "Invalid access token."}]}, status=401, WWW_Authenticate="Bearer"
        )

    return answer


def test_a_dead_token_is_renewed_once_and_the_call_repeated(stubbed: Connect) -> None:
    with stubbed(only("new", REVIEW), "old", "new") as made:
        assert create(made.client).outcome is Outcome.OK
        assert made.tokens.renewals == 1
        assert len(made.stub.received) == 2


def test_a_second_refusal_is_final(stubbed: Connect) -> None:
    with stubbed(only("nobody's", REVIEW), "old", "new", "newer") as made:
        said = create(made.client)
        assert (said.outcome, said.why) == (Outcome.NOT_DONE, Why.ACCESS_LOST)
        assert made.tokens.renewals == 1
        assert len(made.stub.received) == 2


def test_a_token_that_cannot_be_renewed_stops_reads_and_writes(stubbed: Connect) -> None:
    with stubbed(only("nobody's", REVIEW)) as made:
        said = create(made.client)
        assert (said.outcome, said.why) == (Outcome.NOT_DONE, Why.ACCESS_LOST)
        with pytest.raises(AccessLost, match="Connect to Canvas again"):
            made.client.sections(COURSE)
        assert len(made.stub.received) == 2


def test_a_missing_scope_or_right_is_no_reason_to_renew(stubbed: Connect) -> None:
    scope = reply({"errors": [{"message": "Insufficient scopes on access token."}]}, status=401)
    with stubbed(lambda _got: scope) as made:
        with pytest.raises(CanvasError, match=r"url:GET\|/api/v1/courses/:course_id/sections"):
            made.client.sections(COURSE)
        assert create(made.client).why is Why.SCOPE_MISSING
        assert made.tokens.renewals == 0


# --- manners ---------------------------------------------------------------------------------------------


def test_every_request_says_who_asks_and_wants_string_ids(stubbed: Connect) -> None:
    with stubbed(lambda _got: reply([])) as made:
        made.client.sections(COURSE)
        headers = made.stub.received[0].headers
    assert headers["User-Agent"] == "peer-review-allocator"
    assert headers["Accept"].startswith("application/json+canvas-string-ids")
    assert headers["Authorization"] == f"Bearer {TOKEN}"


def test_no_cookie_and_no_environment_reaches_canvas(
    stubbed: Connect, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A cookie would be a second authority, a .netrc would replace the bearer, a proxy would see it."""
    netrc = tmp_path_factory.mktemp("home") / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with stubbed(lambda _got: reply([], Set_Cookie="canvas_session=x; Path=/")) as made:
        made.client.sections(COURSE)
        made.client.sections(COURSE)
        assert all("Cookie" not in got.headers for got in made.stub.received)
        assert all(got.headers["Authorization"] == f"Bearer {TOKEN}" for got in made.stub.received)


def test_one_connection_serves_many_calls(stubbed: Connect) -> None:
    with stubbed(lambda _got: reply([])) as made:
        for _ in range(5):
            made.client.sections(COURSE)
        assert len({got.peer for got in made.stub.received}) == 1


def test_a_connection_that_lay_idle_is_not_trusted_with_a_write(stubbed: Connect) -> None:
    """A load balancer may close it in the very moment; then nobody would know whether the write was done."""
    with stubbed(lambda _got: reply(REVIEW)) as made:
        limits = replace(SMALL, idle_connection_s=0.0)
        with transport_to(made.stub.origin, limits) as transport:
            client = CanvasClient(Calls(transport, OneToken(), Pace(UNPACED)))
            create(client)
            create(client)
        assert len({got.peer for got in made.stub.received}) == 2


def test_what_canvas_says_about_its_bucket_reaches_the_pace(stubbed: Connect) -> None:
    answers = in_turn(
        reply(REVIEW, X_Rate_Limit_Remaining="600"),
        reply(REVIEW, X_Rate_Limit_Remaining="150"),
        throttled(),
    )
    with stubbed(answers) as made:
        pace = made.client.calls.pace
        pace.window.size, sizes = 1.0, []  # all of it in use, or a good answer would not open it
        for _ in range(3):
            create(made.client)
            sizes.append(pace.window.size)
            pace.window._shrunk_at = float("-inf")
        assert sizes == pytest.approx([2.0, 2.0 * 0.85, 1.0])
        assert pace.window.refusals_in_a_row == 1


def test_logs_name_the_request_and_hold_no_token_name_or_body(stubbed: Connect) -> None:
    structlog.reset_defaults()
    answer = reply(
        {"errors": [{"message": "Ada Lovelace"}], "status": "unauthorized"},
        status=403,
        X_Request_Context_Id="ctx-77",
    )
    with capture_logs() as logs, stubbed(lambda _got: answer) as made:
        logging.getLogger().setLevel(logging.DEBUG)
        create(made.client)
        with pytest.raises(NotPermitted):
            made.client.sections(COURSE)
    text = repr(logs)
    assert "ctx-77" in text
    assert "/api/v1/courses/1/sections" in text
    assert "Ada" not in text
    assert TOKEN not in text
