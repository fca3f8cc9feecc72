"""A link with one advertising interface in virtual time: a fortnight of it takes as long as what happens in it."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from ipaddress import IPv6Address, IPv6Interface, IPv6Network
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from tests.dhc4client.world import VirtualClock
from tests.packet.scapy_layers6 import Ether, inet6
from vppdhc.dhc6pdclient.needs import AdvertisedPrefix
from vppdhc.interface import Interface
from vppdhc.packet import punt
from vppdhc.ra.config import InterfaceConfig
from vppdhc.ra.counters import Counters
from vppdhc.ra.memory import NO_MEMORY, Memory, read_memory
from vppdhc.ra.sender import Sender
from vppdhc.ra.sender import World as Shared
from vppdhc.ra.solicitations import receive
from vppdhc.ra.store import MemoryStore
from vppdhc.ra.upstream import Upstream

NAME = "lan0"
INDEX = 5
MAC = "02:fe:00:00:00:05"
ROUTER = "fe80::fe:ff:fe00:5"
ALL_NODES = "ff02::1"
ALL_MACS = bytes.fromhex("333300000001")
HOST = "fe80::5054:ff:fe12:3456"
HOST_MAC = "52:54:00:12:34:56"
DELEGATED = IPv6Network("2001:db8:100::/56")
PART = IPv6Network("2001:db8:100:1::/64")
OTHER_PART = IPv6Network("2001:db8:100:2::/64")
DAY = 86400.0


def lan(*addresses: str, **changes: Any) -> Interface:
    """An interface to hosts."""
    usual = Interface(
        NAME,
        INDEX,
        bytes.fromhex(MAC.replace(":", "")),
        admin_up=True,
        link_up=True,
        addresses6=tuple(map(IPv6Interface, addresses)),
        link_local=IPv6Address(ROUTER),
    )
    return replace(usual, **changes)


def given(
    preferred_until: float, valid_until: float, prefix: IPv6Network = PART, *, delegated: IPv6Network = DELEGATED
) -> AdvertisedPrefix:
    """What a client gives the interface."""
    return AdvertisedPrefix(prefix, delegated, preferred_until, valid_until, stale=False)


def stale(prefix: IPv6Network = PART) -> AdvertisedPrefix:
    """What a client gave it once."""
    return AdvertisedPrefix(prefix, DELEGATED, -math.inf, -math.inf, stale=True)


def solicitation(source: str = HOST, *options: Any, mac: str = HOST_MAC, index: int = INDEX, **fields: Any) -> bytes:
    """A datagram of VPP with a router solicitation in it, made by scapy. fields: of the IPv6 header."""
    packet: Any = Ether(src=mac, dst="33:33:00:00:00:02") / inet6.IPv6(
        src=source, dst=fields.pop("dst", "ff02::2"), hlim=fields.pop("hlim", 255), **fields
    )
    packet /= inet6.ICMPv6ND_RS()
    for option in options:
        packet /= option
    return punt.encode(index, punt.L2, bytes(packet))


class Seen(NamedTuple):
    """A frame that VPP was given. at: when. interface: sw_if_index."""

    at: float
    interface: int
    frame: bytes

    @property
    def packet(self) -> Any:
        """The frame as scapy reads it."""
        return Ether(self.frame)

    @property
    def destination(self) -> str:
        return str(self.packet[inet6.IPv6].dst)

    @property
    def ra(self) -> Any:
        return self.packet[inet6.ICMPv6ND_RA]

    def options(self, kind: Any) -> list[Any]:
        """All options of a kind."""
        return options(self.packet, kind)

    @property
    def prefixes(self) -> dict[str, tuple[int, int]]:
        """Preferred and valid lifetimes by prefix."""
        found = self.options(inet6.ICMPv6NDOptPrefixInfo)
        return {f"{one.prefix}/{one.prefixlen}": (one.preferredlifetime, one.validlifetime) for one in found}

    @property
    def routes(self) -> dict[str, int]:
        """Lifetimes of routes by prefix."""
        return {f"{one.prefix}/{one.plen}": one.rtlifetime for one in self.options(inet6.ICMPv6NDOptRouteInfo)}

    @property
    def servers(self) -> dict[str, int]:
        """Lifetimes of DNS servers."""
        return {server: one.lifetime for one in self.options(inet6.ICMPv6NDOptRDNSS) for server in one.dns}


def options(packet: Any, kind: Any) -> list[Any]:
    """All options of a kind in a packet."""
    found = []
    layer = packet.getlayer(kind)
    while layer is not None:
        found.append(layer)
        layer = layer.payload.getlayer(kind)
    return found


class Disk(MemoryStore):
    """What is on disk, as JSON, and how often it was written.

    full: whether writing fails. before: is called before each time.
    """

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(Path("/nonexistent"), clock)
        self.files: dict[str, str] = {}
        self.writes = 0
        self.full = False
        self.before: Callable[[], object] = lambda: None

    def load(self, interface: str) -> Memory:
        return read_memory(json.loads(self.files[interface])) if interface in self.files else NO_MEMORY

    def save(self, interface: str, memory: Memory) -> bool:
        self.before()
        self.writes += 1
        if not self.full:
            self.files[interface] = json.dumps(memory.to_json())
        return not self.full


class World:
    """The interface, its sender, and everything round them."""

    def __init__(self, interface: Interface | None = None, *, seed: int = 1, **settings: Any) -> None:
        """settings: of the interface."""
        self.clock = VirtualClock()
        self.disk = Disk(self.clock)
        self.seen: list[Seen] = []
        self.deaf = False
        self.rings = 0
        self.counters = Counters(self.clock.now)
        self.random = Random(seed)
        self.interface: Interface | None = interface or lan("2001:db8:1::1/64")
        self.config = InterfaceConfig(**settings)
        self.delegated: tuple[AdvertisedPrefix, ...] = ()
        self.restart()

    def restart(self, delegated: tuple[AdvertisedPrefix, ...] | None = None) -> None:
        """Begin as at the start of the daemon: of before, only what is stored is left."""
        shared = Shared(self._send, self.clock, self.random, self.disk)
        self.sender = Sender(NAME, self.config, shared, self.counters, self._ring)
        if delegated is not None:
            self.delegated = delegated
        self.sender.set_delegated(self.delegated)
        self.sender.interface_is(self.interface)

    @property
    def now(self) -> float:
        return self.clock.now

    def run(self, seconds: float) -> "World":
        """Let time pass."""
        until = self.now + seconds
        while not self.sender.over and self.sender.due <= until:
            self.clock.now = now = max(self.now, self.sender.due)
            self.sender.run()
            assert self.sender.over or self.sender.due > now, "something is still due that was to be done"
        self.clock.now = until
        return self

    def configure(self, **settings: Any) -> None:
        """Change settings, of those that there are."""
        self.config = replace(self.config, **settings)
        self.sender.configure(self.config)

    def delegate(self, *delegated: AdvertisedPrefix) -> None:
        self.delegated = delegated
        self.sender.set_delegated(delegated)

    def learn(self, learned: Mapping[str, Mapping[int, bytes]], routers: Mapping[str, bool] | None = None) -> None:
        self.sender.set_upstream(Upstream(learned, routers or {}))

    def become(self, interface: Interface | None) -> None:
        """Have another interface of that name, or none."""
        self.interface = interface
        self.sender.interface_is(interface)

    def solicit(self, source: str = HOST, *options: Any, mac: str = HOST_MAC) -> None:
        self.sender.solicit(receive(solicitation(source, *options, mac=mac)))

    @property
    def last(self) -> Seen:
        return self.seen[-1]

    def times(self, wanted: Callable[[Seen], bool] = lambda _: True) -> list[float]:
        """When frames were sent."""
        return [seen.at for seen in self.seen if wanted(seen)]

    def multicast(self) -> list[float]:
        """When all hosts were told."""
        return self.times(lambda seen: seen.frame.startswith(ALL_MACS))

    def fresh(self) -> "World":
        """Forget what was seen."""
        self.seen.clear()
        return self

    def _send(self, index: int, action: int, frame: bytes) -> bool:
        assert action == punt.L2
        if not self.deaf:
            self.seen.append(Seen(self.now, index, frame))
        return not self.deaf

    def _ring(self) -> None:
        self.rings += 1


def steady(interface: Interface | None = None, **settings: Any) -> World:
    """A world in which the first advertisements have been sent, and everything is settled."""
    return World(interface, **settings).run(100).fresh()


def gaps(times: list[float]) -> list[float]:
    """Seconds between instants."""
    return [later - earlier for earlier, later in pairwise(times)]
