"""Reading a platform's key set: rotation, withdrawn keys, platforms that do not answer or that drip."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from lti_tool.lti.key_sets import BURST, FRESH_S, REFILL_S, USABLE_S, KeySets, KeysUnavailable, fetch_keys
from lti_tool.outgoing import LOOPBACK
from tests.integration.lti.scene import KeyServer, SigningKey, key_server

ONE, TWO, WEAK = SigningKey("one"), SigningKey("two"), SigningKey("weak", bits=1024)


class Clock:
    """Monotonic seconds that a test moves."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def served() -> Iterator[KeyServer]:
    with key_server(ONE) as server:
        yield server


def test_a_set_is_fetched_once(served: KeyServer) -> None:
    sets = KeySets(Clock(), reach=LOOPBACK)
    for _ in range(5):
        assert sets.find(f"{served.url}/good", "one") is not None
    assert served.fetches == ["good"]


def test_a_new_key_is_found_at_once(served: KeyServer) -> None:
    sets = KeySets(Clock(), reach=LOOPBACK)
    assert sets.find(f"{served.url}/good", "one") is not None
    served.keys = [TWO.jwk()]
    assert sets.find(f"{served.url}/good", "two") is not None
    assert sets.find(f"{served.url}/good", "one") is None, "what is published no more is forgotten"


def test_unknown_key_ids_do_not_make_the_tool_fetch_for_ever(served: KeyServer) -> None:
    clock = Clock()
    sets = KeySets(clock, reach=LOOPBACK)
    for number in range(20):
        assert sets.find(f"{served.url}/good", f"unknown-{number}") is None
    assert len(served.fetches) == BURST
    assert sets.find(f"{served.url}/good", "one") is not None, "known keys work all the while"
    clock.seconds += REFILL_S
    sets.find(f"{served.url}/good", "unknown")
    sets.find(f"{served.url}/good", "unknown")
    assert len(served.fetches) == BURST + 1


def test_one_address_does_not_use_up_the_others_fetches(served: KeyServer) -> None:
    sets = KeySets(Clock(), reach=LOOPBACK)
    for number in range(20):
        sets.find(f"{served.url}/good", f"unknown-{number}")
    assert sets.find(f"{served.url}/odd", "one") is not None


def test_a_withdrawn_key_stops_working_when_the_set_is_old(served: KeyServer) -> None:
    clock = Clock()
    sets = KeySets(clock, reach=LOOPBACK)
    assert sets.find(f"{served.url}/good", "one") is not None
    served.keys = [TWO.jwk()]
    clock.seconds += FRESH_S + 1
    assert sets.find(f"{served.url}/good", "one") is None
    assert sets.find(f"{served.url}/good", "two") is not None


def test_a_platform_that_does_not_answer_is_believed_for_a_day() -> None:
    clock = Clock()
    sets = KeySets(clock, reach=LOOPBACK)
    with key_server(ONE) as server:
        url = f"{server.url}/good"
        assert sets.find(url, "one") is not None
    clock.seconds += FRESH_S + 1
    assert sets.find(url, "one") is not None
    with pytest.raises(KeysUnavailable):
        sets.find(url, "two")
    clock.seconds += USABLE_S
    with pytest.raises(KeysUnavailable):
        sets.find(url, "one")


def test_a_platform_that_never_answered_is_not_said_to_lack_the_key() -> None:
    sets = KeySets(Clock(), reach=LOOPBACK)
    for _ in range(BURST + 3):
        with pytest.raises(KeysUnavailable):
            sets.find("http://127.0.0.1:9/none", "one")


def test_keys_too_short_to_trust_are_left_out(served: KeyServer) -> None:
    served.keys = [WEAK.jwk(), ONE.jwk()]
    assert set(fetch_keys(f"{served.url}/good", LOOPBACK)) == {"one"}


def test_private_parts_in_a_set_are_not_taken(served: KeyServer) -> None:
    served.keys = [{**ONE.jwk(), "d": "AQAB", "p": "AQAB"}]
    assert set(fetch_keys(f"{served.url}/good", LOOPBACK)) == {"one"}


def _drip(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    try:
        while not over.wait(0.02):
            connection.sendall(b"x")
    except OSError:
        pass  # hung up on, as it should be


def _drip_in_chunks(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    try:
        while not over.wait(0.02):
            connection.sendall(b"1\r\n \r\n")
    except OSError:
        pass


def _drip_the_handshake(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"\x16\x03\x03\x40\x00")  # a TLS record of 16 kB is to come
    try:
        while not over.wait(0.02):
            connection.sendall(b"\x00")
    except OSError:
        pass


def _say_nothing(connection: socket.socket, over: threading.Event) -> None:
    over.wait()


@pytest.mark.parametrize(
    ("scheme", "behave"),
    [
        ("http", _drip),
        ("http", _drip_in_chunks),
        ("http", _say_nothing),
        ("https", _drip_the_handshake),
        ("https", _say_nothing),
    ],
)
def test_a_server_that_drips_is_hung_up_on(
    scheme: str, behave: Callable[[socket.socket, threading.Event], None]
) -> None:
    """Each byte comes in time, the answer never: without a limit for the whole this would not end."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                behave(connection, over)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        with pytest.raises(KeysUnavailable):
            fetch_keys(f"{scheme}://127.0.0.1:{listener.getsockname()[1]}/jwks", LOOPBACK, total_s=0.3)
        over.set()
        thread.join()
