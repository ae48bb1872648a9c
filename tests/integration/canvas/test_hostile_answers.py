"""The client against servers that hang, lie, loop and break off: nothing is cut short, doubled or leaked."""

from __future__ import annotations

import gzip
import json
import socket
import struct
from collections.abc import Callable
from dataclasses import replace

import pytest

from lti_tool.applying.answers import Outcome, Why
from lti_tool.canvas.calls import Calls
from lti_tool.canvas.client import CanvasClient
from lti_tool.canvas.errors import (
    BrokenAnswer,
    CanvasUnavailable,
    IncompleteList,
    NotPermitted,
    Throttled,
)
from lti_tool.canvas.pacing import Pace
from lti_tool.canvas.transport import WireRequest
from lti_tool.planning.ids import CanvasOrigin
from tests.integration.canvas.asking import COURSE, REVIEW, create, in_turn, section, throttled
from tests.integration.canvas.conftest import TOKEN, UNPACED, Connect, OneToken
from tests.integration.canvas.servers import JSON, SMALL, Received, Reply, Stub, reply, transport_to

HTML = {"Content-Type": "text/html"}


def void(_value: object) -> None:
    """For actions whose result nobody needs."""


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
