"""Which network addresses the tool may speak to.

Addresses come from registrations, and with dynamic registration from whoever opens the registration page.
A name that leads into the own network (a cloud's metadata service, a database's administration page) would
turn the tool into a door; so only public addresses are spoken to, and what an operator allows beyond them.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
"""RFC 6052: the last four bytes are the IPv4 address that is really meant."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Public addresses over TLS, and beyond them ``networks``.

    ``plain_loopback`` also lets plain http through, to loopback addresses only (demo and tests).
    """

    networks: tuple[Network, ...] = ()
    plain_loopback: bool = False

    @classmethod
    def of(cls, networks: Iterable[str], *, plain_loopback: bool) -> Reach:
        """From the form of the settings (``10.1.0.0/16``). Raises ValueError for what is no network."""
        return cls(tuple(ipaddress.ip_network(one) for one in networks), plain_loopback)

    def permits(self, address: str, *, tls: bool) -> bool:
        """Whether a connection may be opened to this numeric address."""
        found = _meant(ipaddress.ip_address(address.partition("%")[0]))
        if self.plain_loopback and found.is_loopback:
            return True
        return tls and (_public(found) or any(found in network for network in self.networks))


PUBLIC = Reach()
"""What an installation may reach whose operator allows nothing more."""
LOOPBACK = Reach(plain_loopback=True)
"""The same and this machine, also without TLS: demo and tests."""


def _public(address: Address) -> bool:
    return address.is_global and not (
        address.is_multicast
        or address.is_reserved
        or (isinstance(address, ipaddress.IPv6Address) and address.is_site_local)
    )


def _meant(address: Address) -> Address:
    """The address behind one of IPv6's ways to write an IPv4 address."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    inner = address.ipv4_mapped or address.sixtofour
    if address.teredo is not None:
        inner = address.teredo[1]
    return inner or address
