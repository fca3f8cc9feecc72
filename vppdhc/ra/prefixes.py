"""Which prefixes are advertised, and how: the configured ones, what clients give, the interface's, those of before."""

from collections.abc import Iterator
from enum import StrEnum
from ipaddress import IPv6Network
from typing import Final, NamedTuple

from vppdhc.interface import Interface
from vppdhc.packet.nd_options import INFINITY
from vppdhc.ra.config import InterfaceConfig, PrefixConfig
from vppdhc.ra.known import Known
from vppdhc.ra.memory import Kind, Memory
from vppdhc.ra.upstream import AdvertisedPrefix

ND_PREFERRED_LIMIT: Final = 2700
ND_VALID_LIMIT: Final = 5400
"""Seconds that hosts are told at most of what depends on a delegation (RFC 9096, 4)."""
_FOR_HOSTS: Final = 64
"""Length of a prefix in which hosts make themselves addresses (RFC 4291, 2.5.1)."""
_LONGEST_ON_LINK: Final = 127
"""Length of a prefix that is more than the router's own address (RFC 6164)."""


class Source(StrEnum):
    """Where a prefix comes from."""

    CONFIGURED = "configured"
    INTERFACE = "interface"
    DELEGATED = "delegated"
    DEPRECATED = "deprecated"
    """It is there no longer: hosts are told so (RFC 9096, 3.5)."""


class Prefix(NamedTuple):
    """A prefix as it is advertised. preferred, valid: seconds; INFINITY is for ever."""

    prefix: IPv6Network
    source: Source
    on_link: bool
    autonomous: bool
    preferred: int
    valid: int


def prefixes(known: Known, memory: Memory, now: float) -> tuple[Prefix, ...]:
    """Return the prefixes to advertise now.

    Where one has several sources, the first of these has it: the configuration, the clients, the interface. However it
    is advertised, it lives no longer than the delegation that it is a part of (RFC 9096, 3.3).
    memory: what hosts may believe in, and since when lifetimes count down.
    """
    config = known.config
    found: dict[IPv6Network, Prefix] = {}
    for one in config.prefixes:
        if one.advertise:
            found[one.prefix] = _within(known, _configured(one, memory, now), now)
    if config.advertise_delegated_prefixes:
        for given in known.current:
            found.setdefault(given.prefix, _delegated(given, now))
    if config.advertise_interface_prefixes:
        lost = set(_lost(known, memory))
        for network in _networks(known.interface):
            if network not in lost:
                found.setdefault(network, _within(known, _of_interface(network, config), now))
    stale = [one.prefix for one in known.delegated if one.stale]
    gone = [IPv6Network(network) for network in memory.forgotten(Kind.PREFIX, map(str, found), now)]
    for network in (*stale, *gone):
        found.setdefault(network, _deprecated(network, memory))
    silent = {one.prefix for one in config.prefixes if not one.advertise}
    return tuple(one for one in found.values() if one.prefix not in silent)


def bound(known: Known, lifetime: int, now: float) -> int:
    """Return the lifetime of something that depends on delegations: no longer than what is left of the longest one.

    See RFC 9096, 3.4. Lifetimes are in seconds.
    """
    left = [one.lifetimes(now)[1] for one in known.current]
    return min([lifetime, ND_VALID_LIMIT, max(left)] if left else [lifetime, ND_VALID_LIMIT])


def delegation_of(known: Known, network: IPv6Network, now: float) -> tuple[int, int] | None:
    """Return the lifetimes that a part of a delegation can have at most, preferred and valid; None for no such part."""
    left = [one.lifetimes(now) for one in known.current if network.subnet_of(one.delegated)]
    if not left:
        return None
    preferred, valid = max(left, key=lambda lifetimes: lifetimes[1])
    return min(preferred, ND_PREFERRED_LIMIT), min(valid, ND_VALID_LIMIT)


def is_delegated(known: Known, network: IPv6Network) -> bool:
    """Whether a prefix is a part of a delegation."""
    return any(network.subnet_of(one.delegated) for one in known.current)


def _configured(one: PrefixConfig, memory: Memory, now: float) -> Prefix:
    preferred, valid = one.preferred_lifetime, one.valid_lifetime
    if one.decrementing:
        passed = now - memory.counting_since(one, now)
        preferred, valid = _left(preferred, passed), _left(valid, passed)
    return Prefix(one.prefix, Source.CONFIGURED, one.on_link_flag, one.autonomous_flag, preferred, valid)


def _left(lifetime: int, passed: float) -> int:
    return INFINITY if lifetime == INFINITY else int(max(0.0, lifetime - passed))


def _delegated(given: AdvertisedPrefix, now: float) -> Prefix:
    preferred, valid = given.lifetimes(now)
    return Prefix(
        given.prefix,
        Source.DELEGATED,
        on_link=True,
        autonomous=given.prefix.prefixlen == _FOR_HOSTS,
        preferred=min(preferred, ND_PREFERRED_LIMIT),
        valid=min(valid, ND_VALID_LIMIT),
    )


def _of_interface(network: IPv6Network, config: InterfaceConfig) -> Prefix:
    usual = PrefixConfig(network)
    return Prefix(
        network,
        Source.INTERFACE,
        on_link=True,
        autonomous=config.interface_prefix_autonomous_flag and network.prefixlen == _FOR_HOSTS,
        preferred=usual.preferred_lifetime,
        valid=usual.valid_lifetime,
    )


def _deprecated(network: IPv6Network, memory: Memory) -> Prefix:
    """Both lifetimes are zero, and the flags as they were (RFC 9096, 3.5)."""
    on_link, autonomous = memory.flags(network) or (True, network.prefixlen == _FOR_HOSTS)
    return Prefix(network, Source.DEPRECATED, on_link, autonomous, preferred=0, valid=0)


def _within(known: Known, prefix: Prefix, now: float) -> Prefix:
    """Return a prefix with lifetimes that do not exceed those of the delegation that it is a part of."""
    most = delegation_of(known, prefix.prefix, now)
    if most is None:
        return prefix
    return prefix._replace(preferred=min(prefix.preferred, most[0]), valid=min(prefix.valid, most[1]))


def _lost(known: Known, memory: Memory) -> Iterator[IPv6Network]:
    """Go through what is no part of a delegation any more.

    The router's address in it may be on the interface a while longer. Advertised as a prefix of the interface, it would
    live longer than the delegation did.
    """
    yield from (one.prefix for one in known.delegated if one.stale)
    yield from (network for network in memory.delegated() if not is_delegated(known, network))


def _networks(interface: Interface) -> Iterator[IPv6Network]:
    """Go through the prefixes of an interface; the link-local one is not advertised (RFC 4861, 6.2.1)."""
    for address in interface.addresses6:
        if not address.is_link_local and address.network.prefixlen <= _LONGEST_ON_LINK:
            yield address.network
