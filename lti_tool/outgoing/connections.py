"""Connections that look at the address they are about to use, and at no other.

The name is looked up once, its addresses are judged, and one of the judged addresses is connected to. Judging
a name first and connecting to it later would leave a moment in which the answer can change (DNS rebinding).
Certificates are still checked against the name.
"""

from __future__ import annotations

import socket
from typing import Any, ClassVar

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.connection import allowed_gai_family, create_connection

from lti_tool.outgoing.reach import PUBLIC, Reach


class AddressRefused(NewConnectionError):
    """The name leads only to addresses that may not be spoken to; nothing was sent."""

    def __init__(self, connection: HTTPConnection, addresses: tuple[str, ...]) -> None:
        self.host = connection.host
        self.addresses = addresses
        self.explanation = (
            f"{self.host} is at {', '.join(addresses)}, and the tool speaks to public addresses over https "
            "only. If that address is meant, add its network to the setting allowed_networks."
        )
        super().__init__(connection, self.explanation)


class GuardedHTTPConnection(HTTPConnection):
    """Plain http, which ``reach`` lets through to loopback addresses at the most."""

    reach: ClassVar[Reach] = PUBLIC

    def _new_conn(self) -> socket.socket:
        return _open(self, self.reach, tls=False)


class GuardedHTTPSConnection(HTTPSConnection):
    """The same with TLS."""

    reach: ClassVar[Reach] = PUBLIC

    def _new_conn(self) -> socket.socket:
        return _open(self, self.reach, tls=True)


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


def _open(connection: HTTPConnection, reach: Reach, *, tls: bool) -> socket.socket:
    """A connected socket, as urllib3 expects it, to one of the addresses that ``reach`` permits."""
    try:
        found = socket.getaddrinfo(
            connection._dns_host, connection.port, allowed_gai_family(), socket.SOCK_STREAM
        )
    except socket.gaierror as error:
        raise NameResolutionError(connection.host, connection, error) from error
    except UnicodeError as error:  # a label that is empty or too long
        raise NewConnectionError(connection, f"{connection.host!r} is no host name") from error
    addresses = tuple(dict.fromkeys(str(where[0]) for *_, where in found))
    permitted = [address for address in addresses if reach.permits(address, tls=tls)]
    if not permitted:
        raise AddressRefused(connection, addresses)
    failure: NewConnectionError | ConnectTimeoutError | None = None
    for address in permitted:
        try:
            return create_connection(
                (address, connection.port),
                connection.timeout,
                source_address=connection.source_address,
                socket_options=connection.socket_options,
            )
        except TimeoutError as error:
            failure = ConnectTimeoutError(connection, f"{connection.host} did not answer in time")
            failure.__cause__ = error
        except OSError as error:
            failure = NewConnectionError(connection, f"no connection to {connection.host}: {error}")
            failure.__cause__ = error
    assert failure is not None, "at least one address was tried"
    raise failure
