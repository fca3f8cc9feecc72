"""What a router advertisement says (RFC 4861, 6.2.3, and the documents that add options to it)."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv6Address, IPv6Network
from typing import Final

from vppdhc.packet import nd_options
from vppdhc.packet.nd import RouterAdvertisement
from vppdhc.packet.nd_options import (
    INFINITY,
    CaptivePortal,
    Mtu,
    Option,
    Pref64,
    PrefixInformation,
    SourceLinkLayerAddress,
)
from vppdhc.ra import dns
from vppdhc.ra.config import FromUpstream, InterfaceConfig
from vppdhc.ra.known import Known
from vppdhc.ra.memory import Believed, Key, Kind, Memory
from vppdhc.ra.prefixes import Prefix, Source, is_delegated, prefixes
from vppdhc.ra.routes import routes

_ROOM: Final = 1280 - 40 - 16
"""Bytes of options in a packet that every link takes (RFC 8200, 5), behind IPv6 header and what is always there."""
_LONGEST_PREF64: Final = 65528
"""Seconds that NAT64 prefixes live at most, and the router should with them (RFC 8781, 4)."""


@dataclass(frozen=True, slots=True)
class Advertisement:
    """What hosts are told: whole, in message, however many packets it takes.

    prefixes: those of its options. rdnss, dnssl: servers and domains, without those that are withdrawn.
    believed: what hosts believe in once they have heard it.
    """

    message: RouterAdvertisement
    prefixes: tuple[Prefix, ...]
    rdnss: tuple[IPv6Address, ...]
    dnssl: tuple[str, ...]
    believed: Mapping[Key, Believed]

    def packets(self) -> list[RouterAdvertisement]:
        """Return the messages to send: one, or several with a part of the options each (RFC 4861, 6.2.3)."""
        parts: list[list[Option]] = [[]]
        room = _ROOM
        for option in self.message.options:
            size = len(nd_options.encode([option]))
            if size > room:
                parts.append([])
                room = _ROOM
            parts[-1].append(option)
            room -= size
        return [replace(self.message, options=tuple(part)) for part in parts]


def advertise(known: Known, memory: Memory, now: float, *, final: bool = False) -> Advertisement:
    """Return what to tell now; memory: what hosts were told before.

    final: the router ceases to advertise itself: it is no default router any more (RFC 4861, 6.2.5), and no way to
    anywhere (RFC 4191, 4).
    """
    told = prefixes(known, memory, now)
    ways = [one._replace(lifetime=0) if final else one for one in routes(known, memory, now)]
    servers, domains = dns.servers(known, memory, now), dns.domains(known, memory, now)
    pref64 = _pref64(known, memory, now)
    options: list[Option] = [
        *_link(known),
        *(_information(one, known.config) for one in told),
        *(one.option() for one in ways),
        *dns.rdnss(servers),
        *dns.dnssl(domains),
        *_captive_portal(known),
        *(Pref64(int(one.network_address), one.prefixlen, lifetime) for one, lifetime in pref64.items()),
    ]
    lives = [
        *((Kind.ROUTE, one.prefix, one.lifetime) for one in ways),
        *((Kind.RDNSS, one.address, one.lifetime) for one in servers),
        *((Kind.DNSSL, one.name, one.lifetime) for one in domains),
        *((Kind.PREF64, prefix, lifetime) for prefix, lifetime in pref64.items()),
    ]
    return Advertisement(
        message=_message(known, 0 if final else _router_lifetime(known, told), options),
        prefixes=told,
        rdnss=tuple(one.address for one in servers if one.lifetime),
        dnssl=tuple(one.name for one in domains if one.lifetime),
        believed={
            **{(Kind.PREFIX, str(one.prefix)): _believed(known, one, now) for one in told if one.valid},
            **{(kind, str(what)): Believed(_until(lifetime, now)) for kind, what, lifetime in lives if lifetime},
        },
    )


def _message(known: Known, lifetime: int, options: Iterable[Option]) -> RouterAdvertisement:
    config = known.config
    return RouterAdvertisement(
        hop_limit=config.cur_hop_limit,
        managed=config.managed_flag,
        other=config.other_config_flag,
        lifetime=lifetime,
        reachable_time=config.reachable_time,
        retrans_timer=config.retrans_timer,
        preference=config.router_preference,
        options=tuple(options),
    )


def _router_lifetime(known: Known, told: Iterable[Prefix]) -> int:
    """Return how long hosts may use the router as a default router, in seconds."""
    config = known.config
    if config.default_lifetime_follows_upstream:
        addresses = known.interface.addresses6 or any(one.source is not Source.DEPRECATED for one in told)
        if not addresses or not known.upstream.reachable(config.upstream_interface):
            return 0  # RFC 7084, L-4 and G-4
    return min(config.lifetime, _LONGEST_PREF64) if config.pref64 else config.lifetime


def _link(known: Known) -> Iterator[Option]:
    if known.config.source_link_layer_address:
        yield SourceLinkLayerAddress(known.interface.mac)
    if known.config.link_mtu:
        yield Mtu(known.config.link_mtu)


def _information(one: Prefix, config: InterfaceConfig) -> PrefixInformation:
    return PrefixInformation(
        int(one.prefix.network_address),
        one.prefix.prefixlen,
        on_link=one.on_link,
        autonomous=one.autonomous,
        valid_lifetime=one.valid,
        preferred_lifetime=one.preferred,
        delegation=config.dhcpv6_pd_preferred_flag and one.source is not Source.DEPRECATED,
    )


def _captive_portal(known: Known) -> Iterator[CaptivePortal]:
    uri = known.config.captive_portal
    if isinstance(uri, FromUpstream):
        uri = known.upstream.captive_portal(known.config.upstream_interface)
    if uri is not None:
        yield CaptivePortal(uri)


def _pref64(known: Known, memory: Memory, now: float) -> dict[IPv6Network, int]:
    """Return the NAT64 prefixes and their lifetimes in seconds: the configured ones, and zero for those of before."""
    found = {one.prefix: one.lifetime for one in known.config.pref64}
    gone = memory.forgotten(Kind.PREF64, map(str, found), now)
    return found | dict.fromkeys(map(IPv6Network, gone), 0)


def _believed(known: Known, one: Prefix, now: float) -> Believed:
    return Believed(
        _until(one.valid, now),
        on_link=one.on_link,
        autonomous=one.autonomous,
        delegated=is_delegated(known, one.prefix),
    )


def _until(lifetime: int, now: float) -> float:
    return math.inf if lifetime == INFINITY else now + lifetime
