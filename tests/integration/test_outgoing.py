"""Where requests of the tool may go: judged at the connection, for everything that the tool fetches."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from lti_tool.canvas.errors import CanvasUnavailable
from lti_tool.canvas.oauth import CanvasOAuth, OAuthKey
from lti_tool.canvas.transport import SendFailed, Transport, WireRequest
from lti_tool.lti.key_sets import KeySets, KeysUnavailable
from lti_tool.outgoing import LOOPBACK, PUBLIC, DocumentUnavailable, Reach, exchange_json
from lti_tool.planning.ids import CanvasOrigin
from lti_tool.settings import SettingsError, load_settings
from tests.integration.canvas.servers import Received, Reply, Stub, reply

NAME = "canvas.example.edu"
PUBLIC_ADDRESS = "8.8.8.8"

ADDRESSES = {
    # address: may an installation that allows nothing more speak to it?
    "8.8.8.8": True,
    "2606:4700:4700::1111": True,
    "64:ff9b::8.8.8.8": True,  # NAT64 of a public address
    "127.0.0.1": False,
    "127.8.8.8": False,
    "0.0.0.0": False,
    "10.0.0.1": False,
    "172.16.0.1": False,
    "192.168.1.1": False,
    "100.64.0.1": False,  # carrier-grade NAT
    "169.254.169.254": False,  # a cloud's metadata
    "192.0.2.1": False,  # documentation
    "198.18.0.1": False,  # benchmarks
    "224.0.0.1": False,  # multicast
    "240.0.0.1": False,
    "255.255.255.255": False,
    "::1": False,
    "::": False,
    "fe80::1": False,
    "fe80::1%eth0": False,
    "fc00::1": False,
    "fd00:ec2::254": False,  # a cloud's metadata
    "fec0::1": False,
    "ff02::1": False,
    "::ffff:127.0.0.1": False,  # IPv4 in IPv6's clothes
    "::ffff:169.254.169.254": False,
    "64:ff9b::169.254.169.254": False,
    "2002:7f00:1::": False,  # 6to4 of 127.0.0.1
    "2001:0:4136:e378:8000:63bf:80ff:fffe": False,  # Teredo of 127.0.0.1
}


@pytest.mark.parametrize(("address", "permitted"), ADDRESSES.items())
def test_only_public_addresses_are_spoken_to(address: str, permitted: bool) -> None:
    assert PUBLIC.permits(address, tls=True) is permitted
    assert not PUBLIC.permits(address, tls=False), "never without TLS"


def test_an_operator_allows_a_network_and_no_more() -> None:
    reach = Reach.of(["10.1.0.0/16", "fd12::/32"], plain_loopback=False)
    assert reach.permits("10.1.2.3", tls=True)
    assert reach.permits("::ffff:10.1.2.3", tls=True)
    assert reach.permits("fd12::1", tls=True)
    assert not reach.permits("10.2.0.1", tls=True)
    assert not reach.permits("10.1.2.3", tls=False)
    assert LOOPBACK.permits("127.0.0.1", tls=False)
    assert not LOOPBACK.permits("10.1.2.3", tls=True)
    assert not LOOPBACK.permits(PUBLIC_ADDRESS, tls=False)


def test_networks_are_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PEER_ALLOCATOR_ALLOWED_NETWORKS", "10.1.0.0/16, 192.168.0.0/24")
    assert load_settings().reach.permits("192.168.0.9", tls=True)
    monkeypatch.setenv("PEER_ALLOCATOR_ALLOWED_NETWORKS", "10.1.2.3/16")
    with pytest.raises(SettingsError, match="allowed_networks"):
        load_settings()


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the name resolves to, one answer after the other; the last stays."""
    addresses: list[str] = []
    real = socket.getaddrinfo

    def resolve(host: str, port: int, *more: Any, **named: Any) -> Any:
        if host != NAME:
            return real(host, port, *more, **named)
        address = addresses.pop(0) if len(addresses) > 1 else addresses[0]
        return real(address, port, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return addresses


@pytest.fixture
def inside() -> Iterator[Stub]:
    """A server of the own network that nothing from outside should make the tool speak to."""
    with Stub(lambda _got: reply({"keys": [], "access_token": "x"})) as stub:
        yield stub


def ask_for_keys(url: str, reach: Reach) -> None:
    KeySets(reach=reach).find(f"{url}/jwks", "kid")


def ask_canvas(url: str, reach: Reach) -> None:
    Transport(CanvasOrigin(url), reach=reach).send(WireRequest("GET", "/api/v1/courses/1"), token="secret")


def exchange_a_code(url: str, reach: Reach) -> None:
    transport = Transport(CanvasOrigin(url), reach=reach)
    CanvasOAuth(transport, OAuthKey("10", "secret"), "https://t.example/back").exchange("code", "v" * 43)


def fetch_a_document(url: str, reach: Reach) -> None:
    exchange_json(f"{url}/.well-known/openid-configuration", reach)


def post_a_document(url: str, reach: Reach) -> None:
    exchange_json(f"{url}/register", reach, method="POST", body={"x": 1})


FETCHES = [ask_for_keys, ask_canvas, exchange_a_code, fetch_a_document, post_a_document]
REFUSED = (KeysUnavailable, SendFailed, CanvasUnavailable, DocumentUnavailable)
Fetch = Callable[[str, Reach], None]


@pytest.mark.parametrize("fetch", FETCHES)
@pytest.mark.parametrize("host", [NAME, "127.0.0.1", "localhost", "[::ffff:127.0.0.1]"])
def test_nothing_is_fetched_from_the_own_network(
    fetch: Fetch, host: str, inside: Stub, answers: list[str]
) -> None:
    answers[:] = ["127.0.0.1"]
    port = inside.origin.rpartition(":")[2]
    for scheme in ("https", "http"):
        with pytest.raises(REFUSED):
            fetch(f"{scheme}://{host}:{port}", PUBLIC)
    assert inside.received == []


@pytest.mark.parametrize("fetch", FETCHES)
def test_a_name_that_moves_inside_after_it_was_judged_gains_nothing(
    fetch: Fetch, inside: Stub, answers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: the connection goes to the address that was judged, not to the name once more."""
    answers[:] = [PUBLIC_ADDRESS, "127.0.0.1"]
    tried: list[str] = []

    def connect(where: tuple[str, int], *_more: Any, **_named: Any) -> socket.socket:
        tried.append(where[0])
        raise ConnectionRefusedError

    monkeypatch.setattr("lti_tool.outgoing.connections.create_connection", connect)
    with pytest.raises(REFUSED):
        fetch(f"https://{NAME}:{inside.origin.rpartition(':')[2]}", PUBLIC)
    assert tried == [PUBLIC_ADDRESS]
    assert inside.received == []


@pytest.mark.parametrize("fetch", FETCHES)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(fetch: Fetch, status: int, inside: Stub) -> None:
    away = Reply(status, {"Location": f"{inside.origin}/latest/meta-data"}, b"")
    with Stub(lambda _got: away) as outside:
        if fetch is ask_canvas:
            fetch(outside.origin, LOOPBACK)  # the answer itself; whoever reads it sees no success
        else:
            with pytest.raises(Exception, match=r"answered|redirect"):
                fetch(outside.origin, LOOPBACK)
        assert len(outside.received) == 1
    assert inside.received == []


def test_the_refusal_says_what_to_do(inside: Stub, answers: list[str]) -> None:
    answers[:] = ["127.0.0.1"]
    with pytest.raises(DocumentUnavailable, match=rf"{NAME} has no public address.*allowed_networks"):
        fetch_a_document(f"https://{NAME}", PUBLIC)
    with pytest.raises(SendFailed, match="allowed_networks") as caught:
        ask_canvas(f"https://{NAME}", PUBLIC)
    assert not caught.value.bytes_left


@pytest.mark.parametrize("fetch", FETCHES)
def test_a_refusal_tells_nobody_what_a_name_of_the_own_network_stands_for(
    fetch: Fetch, answers: list[str]
) -> None:
    """A name that leads inside and a name that doesn't exist read the same; the log has the addresses."""
    said = []
    for address in ("10.20.30.40", "no such name", "fd00:ec2::254"):
        answers[:] = [address]
        with pytest.raises(REFUSED) as caught, capture_logs() as logs:
            fetch(f"https://{NAME}", PUBLIC)
        said.append(str(caught.value))
        (entry,) = [one for one in logs if one["event"] == "address_refused"]
        assert entry["addresses"] == (() if " " in address else (address,))
    assert len(set(said)) == 1
    assert "10.20" not in said[0]


def test_no_part_of_an_address_that_can_hold_a_token_is_in_the_message() -> None:
    with (
        Stub(lambda _got: Reply(404, {}, b"")) as stub,
        pytest.raises(DocumentUnavailable) as caught,
    ):
        exchange_json(f"{stub.origin}/conf?registration_token=canary", LOOPBACK)
    assert "canary" not in str(caught.value)


def test_a_registration_is_sent_and_its_answer_read() -> None:
    def answer(got: Received) -> Reply:
        return reply({"client_id": "7", "got": got.headers["Content-Type"]}, 201)

    with Stub(answer) as stub:
        document = exchange_json(
            f"{stub.origin}/r", LOOPBACK, method="POST", body={"a": 1}, headers={"Authorization": "Bearer x"}
        )
        assert stub.received[0].headers["Authorization"] == "Bearer x"
    assert (document.status, document.content["client_id"]) == (201, "7")


def test_a_refusal_with_a_reason_can_be_read() -> None:
    with Stub(lambda _got: reply({"error": "no"}, 401)) as stub:
        assert exchange_json(f"{stub.origin}/r", LOOPBACK, any_status=True).content == {"error": "no"}
