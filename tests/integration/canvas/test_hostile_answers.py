"""The client against servers that hang, lie, loop and break off: nothing is cut short, doubled or leaked."""

from __future__ import annotations

import gzip
import json
import logging
import socket
import struct
from collections.abc import Callable
from dataclasses import replace

import pytest
import structlog
from structlog.testing import capture_logs

from lti_tool.applying.answers import Answer, Outcome, Why
from lti_tool.canvas.calls import Calls
from lti_tool.canvas.client import CanvasClient, InCourse
from lti_tool.canvas.errors import (
    AccessLost,
    BrokenAnswer,
    CanvasError,
    CanvasUnavailable,
    IncompleteList,
    NotPermitted,
    Throttled,
)
from lti_tool.canvas.pacing import Pace
from lti_tool.canvas.transport import WireRequest
from lti_tool.planning.ids import AssignmentId, CanvasOrigin, CourseId, SubmissionId, UserId
from tests.integration.canvas.conftest import TOKEN, UNPACED, Connect, OneToken
from tests.integration.canvas.servers import JSON, SMALL, Received, Reply, Stub, reply, transport_to

COURSE, ASSIGNMENT = CourseId("1"), AssignmentId("2")
HTML = {"Content-Type": "text/html"}
REVIEW = {
    "id": "9",
    "asset_id": "30",
    "asset_type": "Submission",
    "user_id": "4",
    "assessor_id": "5",
    "workflow_state": "assigned",
}


def create(client: CanvasClient) -> Answer:
    return client.create_peer_review(
        InCourse(COURSE), ASSIGNMENT, SubmissionId("30"), author=UserId("4"), reviewer=UserId("5")
    )


def section(number: int) -> dict[str, object]:
    return {"id": number, "name": f"Section {number}"}


def void(_value: object) -> None:
    """For actions whose result nobody needs."""


def throttled(status: int = 403) -> Reply:
    return Reply(status, {"Content-Type": "text/plain"}, b"403 Forbidden (Rate Limit Exceeded)\n")


def in_turn(*replies: Reply) -> Callable[[Received], Reply]:
    """These answers one after the other; the last one for ever."""
    left = list(replies)
    return lambda _got: left.pop(0) if len(left) > 1 else left[0]


def hang_up(connection: socket.socket) -> None:
    """Reset the connection."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def say_then_close(data: bytes) -> Callable[[socket.socket], None]:
    def act(connection: socket.socket) -> None:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_RDWR)

    return act


# --- lists -----------------------------------------------------------------------------------------------


def test_pages_are_followed_by_link_alone(stubbed: Connect) -> None:
    """Opaque addresses, short and empty pages in the middle, rows that come twice, no ``last``."""
    pages = {
        "": ([section(1), section(2)], "bookmark:aaa"),
        "bookmark:aaa": ([], "bookmark:bbb"),
        "bookmark:bbb": ([section(2), section(3)], None),
    }

    def answer(got: Received) -> Reply:
        rows, following = pages[got.query.get("page", "")]
        link = f'<http://{got.headers["Host"]}{got.path}?page={following}>; rel="next"'
        return reply(rows, Link=link) if following else reply(rows)

    with stubbed(answer) as made:
        assert [row.id for row in made.client.sections(COURSE)] == ["1", "2", "3"]
        assert len(made.stub.received) == 3


@pytest.mark.parametrize(
    "following",
    [
        "http://127.0.0.1:1/api/v1/x?page=2",
        "https://{host}/api/v1/x?page=2",
        "http://evil.example/api/v1/x",
        "http://{host}@evil.example/api/v1/x",
        "//evil.example/api/v1/x",
        "http://169.254.169.254/latest",
        "file:///etc/passwd",
        "http://[::1/x",
    ],
)
def test_a_link_that_leaves_the_host_fails_the_list(stubbed: Connect, following: str) -> None:
    def answer(got: Received) -> Reply:
        return reply([section(1)], Link=f'<{following.format(host=got.headers["Host"])}>; rel="next"')

    with stubbed(answer) as made:
        with pytest.raises(IncompleteList, match="another address"):
            made.client.sections(COURSE)
        assert len(made.stub.received) == 1


def test_the_token_reaches_no_other_server(stubbed: Connect) -> None:
    with Stub(lambda _got: reply([section(2)])) as elsewhere:

        def answer(_got: Received) -> Reply:
            return reply([section(1)], Link=f'<{elsewhere.origin}/api/v1/x>; rel="next"')

        with stubbed(answer) as made, pytest.raises(IncompleteList):
            made.client.sections(COURSE)
        redirect = Reply(302, {"Location": f"{elsewhere.origin}/x", "Content-Type": "text/html"}, b"")
        with stubbed(lambda _got: redirect) as made:
            with pytest.raises(BrokenAnswer):
                made.client.sections(COURSE)
            assert len(made.stub.received) == 1
            assert create(made.client).outcome is Outcome.UNKNOWN
            with pytest.raises(ValueError, match="another address"):
                made.client.calls.transport.send(WireRequest("GET", f"{elsewhere.origin}/x"), token=TOKEN)
        assert elsewhere.received == []


@pytest.mark.parametrize("circle", [["a"], ["a", "b"], ["a", "b", "c", "a"]])
def test_a_circle_of_pages_fails_the_list(stubbed: Connect, circle: list[str]) -> None:
    names = iter(circle * 100)

    def answer(got: Received) -> Reply:
        link = f'<http://{got.headers["Host"]}{got.path}?page={next(names)}>; rel="next"'
        return reply([section(len(made.stub.received))], Link=link)

    with stubbed(answer) as made:
        with pytest.raises(IncompleteList, match="circle"):
            made.client.sections(COURSE)
        assert len(made.stub.received) <= len(circle) + 1


def test_endless_pages_with_nothing_new_fail_the_list(stubbed: Connect) -> None:
    def answer(got: Received) -> Reply:
        number = len(made.stub.received)
        return reply([section(1)], Link=f'<http://{got.headers["Host"]}/x?page={number}>; rel="next"')

    with stubbed(answer) as made:
        with pytest.raises(IncompleteList, match="repeat themselves"):
            made.client.sections(COURSE)
        assert len(made.stub.received) < 10


def test_a_list_without_end_fails(stubbed: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lti_tool.canvas.paging.PAGE_CAP", 7)

    def answer(got: Received) -> Reply:
        number = len(made.stub.received)
        link = f'<http://{got.headers["Host"]}/x?page={number}>; rel="next"'
        return reply([section(number)], Link=link)

    with stubbed(answer) as made:
        with pytest.raises(IncompleteList, match="more than 7 pages"):
            made.client.sections(COURSE)
        assert len(made.stub.received) == 7


def test_a_list_that_changes_while_it_is_read_is_read_again_and_then_fails(stubbed: Connect) -> None:
    def moving(got: Received) -> Reply:
        if got.query.get("page") == "2":
            return reply([section(1) | {"name": "Renamed"}])
        return reply([section(1)], Link=f'<http://{got.headers["Host"]}/x?page=2>; rel="next"')

    with stubbed(moving) as made:
        with pytest.raises(IncompleteList, match="changed twice"):
            made.client.sections(COURSE)
        assert len(made.stub.received) == 4


def test_one_broken_page_fails_the_whole_list(stubbed: Connect) -> None:
    def answer(got: Received) -> Reply:
        if got.query.get("page") == "2":
            return reply([section(2), {"id": None, "name": "Ada Lovelace"}])
        return reply([section(1)], Link=f'<http://{got.headers["Host"]}/x?page=2>; rel="next"')

    with stubbed(answer) as made, pytest.raises(BrokenAnswer, match=r"sections .*1\.id") as caught:
        made.client.sections(COURSE)
    assert "Ada" not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("document", [{}, "text", None, 7, [7], [[]], {"errors": []}])
def test_a_list_of_another_shape_is_refused(stubbed: Connect, document: object) -> None:
    with stubbed(lambda _got: reply(document)) as made, pytest.raises(BrokenAnswer):
        made.client.sections(COURSE)


# --- patience --------------------------------------------------------------------------------------------


def test_a_read_outlasts_throttling_and_short_outages(stubbed: Connect) -> None:
    answers = in_turn(
        throttled(403),
        throttled(429),
        throttled(403),
        Reply(502, HTML, b"<h1>Bad gateway</h1>"),
        Reply(200, HTML, b"<h1>Maintenance</h1>"),
        reply([section(1)]),
    )
    with stubbed(answers) as made:
        assert [row.id for row in made.client.sections(COURSE)] == ["1"]
        assert made.waits == [1, 2, 4, 8, 16]


def test_patience_has_an_end(stubbed: Connect) -> None:
    with stubbed(lambda _got: throttled()) as made:
        with pytest.raises(Throttled):
            made.client.sections(COURSE)
        assert len(made.stub.received) == 6
    with stubbed(lambda _got: Reply(503, HTML, b"")) as made:
        with pytest.raises(CanvasUnavailable):
            made.client.sections(COURSE)
        assert len(made.stub.received) == 3


def test_what_cannot_get_better_is_asked_once(stubbed: Connect) -> None:
    refusal = reply({"status": "unauthorized", "errors": [{"message": "no"}]}, status=403)
    with stubbed(lambda _got: refusal) as made:
        with pytest.raises(NotPermitted):
            made.client.sections(COURSE)
        assert len(made.stub.received) == 1
        assert made.waits == []


# --- writes ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "outcome", "why"),
    [
        (Reply(act=hang_up), Outcome.UNKNOWN, Why.NO_ANSWER),
        (Reply(act=say_then_close(b"")), Outcome.UNKNOWN, Why.NO_ANSWER),
        (Reply(act=say_then_close(b"HTTP/1.1 200")), Outcome.UNKNOWN, None),
        (
            Reply(
                act=say_then_close(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{"
                )
            ),
            Outcome.UNKNOWN,
            Why.NO_ANSWER,
        ),
        (
            Reply(
                act=say_then_close(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                    b"Transfer-Encoding: chunked\r\n\r\n20\r\n{"
                )
            ),
            Outcome.UNKNOWN,
            Why.NO_ANSWER,
        ),
        (Reply(act=say_then_close(b"garbage\r\n\r\n")), Outcome.UNKNOWN, Why.NO_ANSWER),
        (reply([REVIEW] * 4_000), Outcome.UNKNOWN, Why.BROKEN_ANSWER),
        (
            Reply(200, JSON | {"Content-Encoding": "gzip"}, gzip.compress(b" " * 50_000_000)),
            Outcome.UNKNOWN,
            Why.BROKEN_ANSWER,
        ),
        (Reply(200, JSON | {"Content-Encoding": "gzip"}, b"no gzip"), Outcome.UNKNOWN, Why.NO_ANSWER),
        (throttled(), Outcome.NOT_DONE, Why.THROTTLED),
        (reply(REVIEW), Outcome.OK, Why.NONE),
        (
            Reply(200, JSON | {"Content-Encoding": "gzip"}, gzip.compress(json.dumps(REVIEW).encode())),
            Outcome.OK,
            Why.NONE,
        ),
    ],
    ids=[
        "reset",
        "closed without a word",
        "closed in the status line",
        "body cut off",
        "chunk cut off",
        "no HTTP",
        "too long",
        "gzip bomb",
        "broken gzip",
        "throttled",
        "fine",
        "fine and compressed",
    ],
)
def test_a_write_is_sent_once_and_never_raises(
    stubbed: Connect, answer: Reply, outcome: Outcome, why: Why | None
) -> None:
    with stubbed(lambda _got: answer) as made:
        said = create(made.client)
        assert said.outcome is outcome
        assert why is None or said.why is why
        assert len(made.stub.received) == 1
        assert made.waits == []


def test_a_server_that_says_nothing_leaves_the_outcome_open(stubbed: Connect) -> None:
    silence = Reply(act=lambda _connection: void(made.stub.finished.wait(10)))
    with stubbed(lambda _got: silence, limits=replace(SMALL, read_timeout_s=0.2)) as made:
        said = create(made.client)
    assert (said.outcome, said.why) == (Outcome.UNKNOWN, Why.NO_ANSWER)


def test_a_server_that_trickles_is_not_waited_for_without_end(stubbed: Connect) -> None:
    def trickle(connection: socket.socket) -> None:
        connection.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n"
        )
        try:
            while not made.stub.finished.wait(0.05):
                connection.sendall(b" ")
        except OSError:
            return

    with stubbed(lambda _got: Reply(act=trickle), limits=replace(SMALL, total_timeout_s=0.5)) as made:
        assert create(made.client).why is Why.BROKEN_ANSWER


def test_nothing_left_when_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with transport_to(CanvasOrigin(f"http://127.0.0.1:{port}")) as transport:
        said = create(CanvasClient(Calls(transport, OneToken(), Pace(UNPACED))))
    assert (said.outcome, said.why) == (Outcome.NOT_DONE, Why.UNREACHABLE)


def test_nothing_left_when_tls_fails(stubbed: Connect) -> None:
    """The stub speaks no TLS: the handshake fails, and the request itself was never sent."""
    with stubbed(lambda _got: reply(REVIEW)) as made:
        secure = CanvasOrigin(made.stub.origin.replace("http:", "https:"))
        with transport_to(secure) as transport:
            said = create(CanvasClient(Calls(transport, OneToken(), Pace(UNPACED))))
        assert (said.outcome, said.why) == (Outcome.NOT_DONE, Why.UNREACHABLE)
        assert made.stub.received == []


def test_nothing_left_when_the_name_does_not_exist() -> None:
    with transport_to(CanvasOrigin("https://no-such-canvas.invalid")) as transport:
        said = create(CanvasClient(Calls(transport, OneToken(), Pace(UNPACED))))
    assert (said.outcome, said.why) == (Outcome.NOT_DONE, Why.UNREACHABLE)


# --- tokens ----------------------------------------------------------------------------------------------


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
        reply(REVIEW, X_Rate_Limit_Remaining="590.1"),
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
