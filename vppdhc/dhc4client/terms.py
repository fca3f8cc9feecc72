"""What a server offers or grants: the content of an OFFER or an ACK, checked, with what is missing made up for.

What a lease depends on has to be right, or the message is not believed: address, mask, routers, routes, lease time,
server. An option that only tells something more, such as a list of DNS servers, is left aside alone when it cannot be
read: a provider's mistake there must not cut the router off.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from vppdhc.dhc4client.config import INFINITE, SHORTEST_LEASE
from vppdhc.dhc4client.drops import Drop, DropError
from vppdhc.packet.dhcp4 import Message
from vppdhc.packet.errors import DecodeError
from vppdhc.packet.options4 import Option, decode_value

_SHORTEST_MTU: Final = 576
"""Bytes of the shortest datagram that every host takes (RFC 791): a link with less is a mistake."""
_UNSPECIFIED: Final = IPv4Address(0)
_ABOUT_THE_LEASE: Final = frozenset((*range(50, 60), 61, 80, 82))
"""Options that client, relay agent and server exchange for themselves."""


class StaticRoute(NamedTuple):
    """A classless static route (RFC 3442); router 0.0.0.0 is on the link itself."""

    destination: IPv4Network
    router: IPv4Address


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of a lease.

    address: with the length of its network's prefix.
    server: its server identifier. server_mac: where its message came from. relay: the relay agent it came by, if any.
    lease_time, t1, t2: seconds; INFINITE is for ever. T1 < T2 < lease time, unless they are all for ever.
    routers: default routers, the most wanted first. routes: classless static ones; with any, routers do not count.
    mtu: of the link; None where not told.
    learned: every option that tells something about the network and can be read, as it was sent, by its code.
    options: all options as they were sent, by code.
    """

    address: IPv4Interface
    server: IPv4Address
    server_mac: bytes
    relay: IPv4Address | None
    lease_time: int
    t1: int
    t2: int
    routers: tuple[IPv4Address, ...]
    routes: tuple[StaticRoute, ...]
    mtu: int | None
    learned: Mapping[int, bytes]
    options: Mapping[int, bytes]


def read_terms(message: Message) -> Terms:
    """Return what an OFFER or ACK grants; raises DropError where that is not sound."""
    options = message.options
    lease_time = _lease_time(options)
    t1, t2 = sane_times(lease_time, _seconds(options, Option.DHCP_RENEWAL_TIME), _seconds(options, _T2))
    return Terms(
        address=_address(message),
        server=read_server(message),
        server_mac=message.source_mac,
        relay=IPv4Address(message.giaddr) if message.giaddr else None,
        lease_time=lease_time,
        t1=t1,
        t2=t2,
        routers=_routers(options),
        routes=_routes(options),
        mtu=_mtu(options),
        learned=MappingProxyType(dict(_readable(options))),
        options=MappingProxyType(dict(options)),
    )


_T2: Final = Option.DHCP_REBINDING_TIME


def read_server(message: Message) -> IPv4Address:
    """Return the server identifier, without which no reply counts (RFC 2131, table 3); raises DropError."""
    if Option.DHCP_SERVER_IDENTIFIER not in message.options:
        raise DropError(Drop.NO_SERVER)
    server = _value(message.options, Option.DHCP_SERVER_IDENTIFIER, Drop.BAD_SERVER)
    if not _is_host(server):
        raise DropError(Drop.BAD_SERVER)
    return IPv4Address(server)


def sane_times(lease_time: int, t1: int | None, t2: int | None) -> tuple[int, int]:
    """Return T1 and T2 in seconds such that T1 < T2 < lease time; what is missing or does not fit is made up.

    The defaults are 1/2 and 7/8 of the lease (RFC 2131, 4.4.5); of a lease without end there is no part, and it is not
    renewed unless its server says when.
    """
    if lease_time == INFINITE:
        return (t1, t2) if t1 and t2 and t1 < t2 < INFINITE else (INFINITE, INFINITE)
    if t2 is None or not 1 < t2 < lease_time:
        t2 = lease_time * 7 // 8
    if t1 is None or not 0 < t1 < t2:
        t1 = lease_time // 2 if lease_time // 2 < t2 else max(1, t2 * 4 // 7)
    return t1, t2


def v6_only_wait(message: Message) -> int | None:
    """Return the seconds for which the network asks to do without IPv4 (RFC 8925, 3.2), None where it does not.

    An option that does not have four bytes is to be ignored (RFC 8925, 3.1).
    """
    raw = message.options.get(Option.V6_ONLY_PREFERRED, b"")
    return int.from_bytes(raw, "big") if len(raw) == 4 else None


def _lease_time(options: Mapping[int, bytes]) -> int:
    if Option.DHCP_LEASE_TIME not in options:
        raise DropError(Drop.NO_LEASE_TIME)
    seconds = _seconds(options, Option.DHCP_LEASE_TIME)
    if seconds is None or seconds < SHORTEST_LEASE:
        raise DropError(Drop.BAD_LEASE_TIME)
    return seconds


def _seconds(options: Mapping[int, bytes], code: Option) -> int | None:
    raw = options.get(code, b"")
    return int.from_bytes(raw, "big") if len(raw) == 4 else None


def _address(message: Message) -> IPv4Interface:
    """Return the address with the length of its prefix: of the mask, else of its class (RFC 950, 2.1)."""
    address = IPv4Address(message.yiaddr)
    if not _is_host(address):
        raise DropError(Drop.BAD_ADDRESS)
    length = 8 if message.yiaddr < 0x80000000 else 16 if message.yiaddr < 0xC0000000 else 24
    if Option.SUBNET_MASK in message.options:
        length = _prefix_length(_value(message.options, Option.SUBNET_MASK, Drop.BAD_MASK))
    interface = IPv4Interface((address, length))
    network = interface.network
    if length < 31 and address in (network.network_address, network.broadcast_address):
        raise DropError(Drop.BAD_ADDRESS)
    return interface


def _prefix_length(mask: IPv4Address) -> int:
    """Return how many ones a mask begins with; it has to end in zeros only, and a network is not everything."""
    zeros = ~int(mask) & 0xFFFFFFFF
    if zeros & (zeros + 1) or not int(mask):
        raise DropError(Drop.BAD_MASK)
    return 32 - zeros.bit_length()


def _routers(options: Mapping[int, bytes]) -> tuple[IPv4Address, ...]:
    if Option.ROUTERS not in options:
        return ()
    routers = _value(options, Option.ROUTERS, Drop.BAD_ROUTER)
    if not all(_is_host(router) for router in routers):
        raise DropError(Drop.BAD_ROUTER)
    return tuple(dict.fromkeys(routers))


def _routes(options: Mapping[int, bytes]) -> tuple[StaticRoute, ...]:
    if Option.CLASSLESS_STATIC_ROUTE not in options:
        return ()
    routes = _value(options, Option.CLASSLESS_STATIC_ROUTE, Drop.BAD_ROUTE)
    found = [StaticRoute(route["destination"], route["router"]) for route in routes]
    for destination, router in found:
        start = destination.network_address
        if router != _UNSPECIFIED and not _is_host(router):
            raise DropError(Drop.BAD_ROUTE)
        if start.is_multicast or start.is_loopback or int(start) >= 0xF0000000:
            raise DropError(Drop.BAD_ROUTE)
    return tuple(dict.fromkeys(found))


def _mtu(options: Mapping[int, bytes]) -> int | None:
    raw = options.get(Option.INTERFACE_MTU, b"")
    mtu = int.from_bytes(raw, "big") if len(raw) == 2 else 0
    return mtu if mtu >= _SHORTEST_MTU else None


def _readable(options: Mapping[int, bytes]) -> Iterator[tuple[int, bytes]]:
    for code, raw in options.items():
        if code in _ABOUT_THE_LEASE:
            continue
        try:
            decode_value(code, raw)
        except DecodeError:
            continue
        yield code, raw


def _value(options: Mapping[int, bytes], code: Option, wrong: Drop) -> Any:
    """Return the value of an option that has to be right."""
    try:
        return decode_value(code, options[code])
    except DecodeError:
        raise DropError(wrong) from None


def _is_host(address: IPv4Address) -> bool:
    """Whether a host can have an address: none of 0/8, loopback, multicast, and 240/4 with the broadcast (RFC 6890)."""
    first = int(address) >> 24
    return first not in {0, 127} and first < 224
