"""The DNS servers and search domains that hosts are told (RFC 8106)."""

from collections.abc import Callable, Iterable, Iterator
from ipaddress import IPv6Address, IPv6Network
from itertools import groupby
from typing import Final, NamedTuple, TypeVar

from vppdhc.packet.nd_options import Dnssl, Rdnss
from vppdhc.ra.config import FromUpstream
from vppdhc.ra.known import Known
from vppdhc.ra.memory import Kind, Memory
from vppdhc.ra.prefixes import bound, is_delegated

_LONGEST_LIST: Final = 512
"""Bytes of servers or domains in one option: what there is more becomes further options, which fit into packets."""

T = TypeVar("T")


class Server(NamedTuple):
    """A DNS server; lifetime: seconds, INFINITY is for ever."""

    address: IPv6Address
    lifetime: int


class Domain(NamedTuple):
    """A domain in which short names are looked up; lifetime: seconds, INFINITY is for ever."""

    name: str
    lifetime: int


def servers(known: Known, memory: Memory, now: float) -> list[Server]:
    """Return the DNS servers in their order, and behind them, with a lifetime of zero, those of before."""
    config = known.config
    lifetime = config.dns_lifetime(config.rdnss_lifetime)
    found: dict[IPv6Address, int] = {}
    for one in config.rdnss:
        if isinstance(one, FromUpstream):
            for address in known.upstream.servers(config.upstream_interface):
                found.setdefault(address, bound(known, lifetime, now))
        else:
            within = is_delegated(known, IPv6Network(one))
            found.setdefault(one, bound(known, lifetime, now) if within else lifetime)
    gone = memory.forgotten(Kind.RDNSS, map(str, found), now)
    found |= dict.fromkeys(map(IPv6Address, gone), 0)
    return [Server(address, seconds) for address, seconds in found.items()]


def domains(known: Known, memory: Memory, now: float) -> list[Domain]:
    """Return the search domains likewise."""
    config = known.config
    lifetime = config.dns_lifetime(config.dnssl_lifetime)
    found: dict[str, int] = {}
    for one in config.dnssl:
        if isinstance(one, FromUpstream):
            for name in known.upstream.domains(config.upstream_interface):
                found.setdefault(name, bound(known, lifetime, now))
        else:
            found.setdefault(one, lifetime)
    found |= dict.fromkeys(memory.forgotten(Kind.DNSSL, found, now), 0)
    return [Domain(name, seconds) for name, seconds in found.items()]


def rdnss(servers: Iterable[Server]) -> Iterator[Rdnss]:
    """Give the options that tell servers: the order stays, and each lifetime has options of its own."""
    for lifetime, group in groupby(servers, lambda server: server.lifetime):
        for part in _parts([int(server.address) for server in group], lambda _: 16):
            yield Rdnss(lifetime, tuple(part))


def dnssl(domains: Iterable[Domain]) -> Iterator[Dnssl]:
    """Give the options that tell domains likewise."""
    for lifetime, group in groupby(domains, lambda domain: domain.lifetime):
        for part in _parts([domain.name for domain in group], lambda name: len(name) + 2):
            yield Dnssl(lifetime, tuple(part))


def _parts(items: Iterable[T], size: Callable[[T], int]) -> Iterator[list[T]]:
    """Cut a list into parts that have room in an option; size: bytes of an item."""
    part: list[T] = []
    filled = 0
    for item in items:
        if part and filled + size(item) > _LONGEST_LIST:
            yield part
            part, filled = [], 0
        part.append(item)
        filled += size(item)
    if part:
        yield part
