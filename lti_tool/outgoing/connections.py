"""Connections that look at the address they are about to use, and at no other.

The name is looked up once, its addresses are judged, and one of the judged addresses is connected to. Judging
a name first and connecting to it later would leave a moment in which the answer can change (DNS rebinding).
Certificates are still checked against the name.
"""

from __future__ import annotations

import socket
import threading
from concurrent.futures import Future
from typing import Any, ClassVar

import structlog
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError
from urllib3.util.connection import allowed_gai_family, create_connection

from lti_tool.outgoing.deadline import Deadline, DeadlinePassed, current
from lti_tool.outgoing.reach import PUBLIC, Reach

log = structlog.get_logger(__name__)


class AddressRefused(NewConnectionError):
    """The name leads to no address that may be spoken to, or to none at all; nothing was sent.

    The two read the same, and neither names an address: the text reaches people who may not learn what the
    names of this network stand for. The log has both.
    """

    def __init__(self, connection: HTTPConnection, addresses: tuple[str, ...]) -> None:
        self.host = connection.host
        self.explanation = (
            f"{self.host} has no public address that answers https, so nothing was sent. Check the name. If "
            "it is meant to be in your own network, add that network to the setting allowed_networks."
        )
        log.warning("address_refused", host=self.host, addresses=addresses)
        super().__init__(connection, self.explanation)


class _Guarded(HTTPConnection):
    """What both kinds do: the address is judged, and the exchange has an end (``deadline.within``)."""

    reach: ClassVar[Reach] = PUBLIC
    encrypted: ClassVar[bool] = False
    _watched_by: Deadline | None = None

    def _new_conn(self) -> socket.socket:
        deadline = _deadline()
        opened = _open(self, self.reach, deadline, tls=self.encrypted)
        try:
            deadline.watch(opened)
        except DeadlinePassed:
            opened.close()
            raise
        return opened

    def send(self, data: Any) -> None:
        """As http.client does it; a kept connection is watched for each exchange that it serves."""
        if self.sock is None:
            self.connect()
        deadline = _deadline()
        if deadline is not self._watched_by:
            deadline.watch(self.sock)
            self._watched_by = deadline
        super().send(data)


class GuardedHTTPConnection(_Guarded):
    """Plain http, which ``reach`` lets through to loopback addresses at the most."""


class GuardedHTTPSConnection(_Guarded, HTTPSConnection):
    """The same with TLS."""

    encrypted = True


def _deadline() -> Deadline:
    found = current()
    if found is None:
        raise RuntimeError("a request without a deadline: call outgoing.within")
    return found


class GuardedAdapter(HTTPAdapter):
    """requests' adapter over guarded connections, without any retry; subclasses may name other classes."""

    plain: ClassVar[type[GuardedHTTPConnection]] = GuardedHTTPConnection
    tls: ClassVar[type[GuardedHTTPSConnection]] = GuardedHTTPSConnection

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Let the pools make guarded connections. Pools take no arguments for connections, hence classes."""
        super().init_poolmanager(*args, **kwargs)
        within = {"reach": self._reach}
        plain = type(self.plain.__name__, (self.plain,), within)
        tls = type(self.tls.__name__, (self.tls,), within)
        self.poolmanager.pool_classes_by_scheme = {
            "http": type("GuardedPool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
            "https": type("GuardedTlsPool", (HTTPSConnectionPool,), {"ConnectionCls": tls}),
        }


def refusal_in(error: BaseException | None) -> AddressRefused | None:
    """The refusal that an error of requests was made of, if it was one."""
    while error is not None and not isinstance(error, AddressRefused):
        error = error.__cause__ or error.__context__
    return error


def _open(connection: HTTPConnection, reach: Reach, deadline: Deadline, *, tls: bool) -> socket.socket:
    """A connected socket, as urllib3 expects it, to one of the addresses that ``reach`` permits."""
    addresses = _look_up(connection, deadline)
    permitted = [address for address in addresses if reach.permits(address, tls=tls)]
    if not permitted:
        raise AddressRefused(connection, addresses)
    failure: Exception = DeadlinePassed()
    for address in permitted:
        try:
            return create_connection(
                (address, connection.port),
                _shorter(connection.timeout, deadline.left),
                source_address=connection.source_address,
                socket_options=connection.socket_options,
            )
        except TimeoutError as error:
            failure = ConnectTimeoutError(connection, f"{connection.host} did not answer in time")
            failure.__cause__ = error
        except OSError as error:
            failure = NewConnectionError(connection, f"no connection to {connection.host}: {error}")
            failure.__cause__ = error
    raise failure


def _shorter(timeout: Any, left: float) -> float:
    """Never 0, which would mean "do not wait at all" to a socket."""
    asked = timeout if isinstance(timeout, int | float) else left
    return max(0.001, min(asked, left))


def _look_up(connection: HTTPConnection, deadline: Deadline) -> tuple[str, ...]:
    """The addresses of the name; none where there is no such name.

    In a thread of its own, since nothing can interrupt a resolver; one that hangs ends by its own limits
    (resolv.conf: five seconds a try).
    """
    found: Future[tuple[str, ...]] = Future()

    def ask() -> None:
        try:
            host, port = connection._dns_host, connection.port
            rows = socket.getaddrinfo(host, port, allowed_gai_family(), socket.SOCK_STREAM)
            found.set_result(tuple(dict.fromkeys(str(where[0]) for *_, where in rows)))
        except (socket.gaierror, UnicodeError):  # the latter: a label that is empty or too long
            found.set_result(())
        except Exception as error:
            found.set_exception(error)

    threading.Thread(target=ask, name="name-look-up", daemon=True).start()
    try:
        return found.result(deadline.left)
    except TimeoutError as error:
        raise DeadlinePassed from error
