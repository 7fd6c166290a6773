"""Which addresses of the network may be called. Pure: a name was resolved before, nobody is asked here.

A name that points inside is how a server is made to call its own neighbors (server-side request forgery). So what
counts is the address that is connected to, also where it hides inside another one (IPv4 in IPv6, NAT64, 6to4, Teredo).
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

Address = IPv4Address | IPv6Address

# Where clouds tell a machine its keys. Never called, whatever is declared.
_METADATA: Final = frozenset(
    ip_address(text)
    for text in (
        "169.254.169.254",
        "169.254.170.2",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "fd00:ec2::254",
    )
)
_NAT64: Final = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"))
_TRANSLATED: Final = ip_network("::/96")  # IPv4-compatible, long deprecated


def is_outside(text: str) -> bool:
    """An address of the public network, in every reading of it."""
    return all(each.is_global and not _is_nowhere(each) for each in _readings(ip_address(text)))


def is_inside(text: str) -> bool:
    """Loopback or a private network: called only for a destination that was declared to be there."""
    return all(
        (each.is_private or each.is_loopback or each.is_global) and not _is_nowhere(each)
        for each in _readings(ip_address(text))
    )


def _is_nowhere(address: Address) -> bool:
    return (
        address in _METADATA
        or address.is_link_local
        or address.is_multicast
        or address.is_unspecified
        or (address.is_reserved and not _is_wrapped(address))
        or (isinstance(address, IPv6Address) and address.is_site_local)
        or str(address) == "255.255.255.255"
    )


def _is_wrapped(address: Address) -> bool:
    return address.version == 6 and any(address in net for net in (*_NAT64, _TRANSLATED))


def _readings(address: Address) -> Iterator[Address]:
    """The address, and what lies inside it. A wrapped one counts as the one inside."""
    if isinstance(address, IPv4Address):
        yield address
        return
    inner = list(_inside(address))
    if not inner:
        yield address
    yield from inner


def _inside(address: IPv6Address) -> Iterator[IPv4Address]:
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
    if any(address in net for net in _NAT64):
        yield IPv4Address(int(address) & 0xFFFFFFFF)
    if address in _TRANSLATED and int(address) > 1:
        yield IPv4Address(int(address) & 0xFFFFFFFF)
