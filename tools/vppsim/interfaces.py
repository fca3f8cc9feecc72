"""Interfaces: what they are, and the table that gives them their indexes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from tools.vppsim.addresses import NO_MAC, Prefix

ADMIN_UP: Final = 1
LINK_UP: Final = 2

MTU: Final = 9000
"""What a link carries."""

TAGGED: Final = 0x8100
SERVICE_TAGGED: Final = 0x88A8

Vlans = tuple[tuple[int, int], ...]
"""VLAN tags from the outside in, each an Ethernet type and a VLAN id."""

SendFrame = Callable[[bytes], None]


@dataclass(slots=True, eq=False)
class RouterAdvertisements:
    """What VPP's own router advertisements on an interface are set to. Intervals and lifetime in seconds."""

    send: bool = False
    managed: bool = False
    other: bool = False
    cease: bool = False
    unicast: bool = False
    link_layer: bool = True
    max_interval: float = 200.0
    min_interval: float = 150.0
    lifetime: int = 600
    sent: int = 0
    solicited: int = 0


@dataclass(slots=True)
class Traffic:
    """What went through an interface in one direction. octets: of whole frames."""

    packets: int = 0
    octets: int = 0

    def count(self, frame: bytes) -> None:
        """Count a frame."""
        self.packets += 1
        self.octets += len(frame)


@dataclass(slots=True, eq=False)
class Interface:
    """One interface.

    parent: index of the interface it is a part of, its own where it is none. vlans: tags of a sub-interface.
    transmit: sends a frame out of a device. tables: the number of its IPv4 and of its IPv6 table.
    ip4_blocks: how many reasons there are to drop IPv4 packets: that there is no address, and those that were asked
    for. ip6_locks: how many addresses and requests want IPv6 on. detect: how often DHCP client detection was
    switched on (VPP counts). bridge: the bridge domain it is in. mtu: of the link, IPv4, IPv6 and MPLS, 0 where it is
    that of the link, or of the parent. translates: packets go through the NPTv6 plugin.
    """

    index: int
    name: str
    kind: str
    mac: bytes
    parent: int
    sub_id: int = 0
    vlans: Vlans = ()
    exact_match: bool = False
    admin_up: bool = False
    transmit: SendFrame | None = None
    addresses: list[Prefix] = field(default_factory=list)
    tables: dict[int, int] = field(default_factory=lambda: {4: 0, 6: 0})
    ip4_blocks: int = 1
    ip6_locks: int = 0
    link_local: int | None = None
    detect: int = 0
    bridge: int | None = None
    is_bvi: bool = False
    mtu: list[int] = field(default_factory=lambda: [0, 0, 0, 0])
    translates: bool = False
    advertisements: RouterAdvertisements = field(default_factory=RouterAdvertisements)
    received: Traffic = field(default_factory=Traffic)
    sent: Traffic = field(default_factory=Traffic)

    @property
    def is_sub(self) -> bool:
        """It is a sub-interface."""
        return self.parent != self.index

    @property
    def ip6_enabled(self) -> bool:
        """IPv6 is switched on."""
        return self.ip6_locks > 0

    @property
    def accepts_ip4(self) -> bool:
        """IPv4 packets that come in are looked at."""
        return self.ip4_blocks == 0

    @property
    def has_ip4(self) -> bool:
        """It has an IPv4 address."""
        return self.first(4) is not None

    def first(self, af: int) -> int | None:
        """Return its first address of a family."""
        return next((prefix.address for prefix in self.addresses if prefix.af == af), None)

    def source_for(self, af: int, target: int) -> int | None:
        """Return its address in the network that a neighbour is in, else any."""
        near = (p.address for p in self.addresses if p.af == af and p.holds(target))
        return next(near, self.first(af))


class Interfaces:
    """All interfaces by index. An index that was given back is the next to be given out, the last one first."""

    def __init__(self) -> None:
        self._by_index: dict[int, Interface] = {}
        self._free: list[int] = []
        self.add("local0", "local", NO_MAC)

    def __iter__(self) -> Iterator[Interface]:
        return iter(sorted(self._by_index.values(), key=lambda interface: interface.index))

    def __contains__(self, index: int) -> bool:
        return index in self._by_index

    def get(self, index: int) -> Interface | None:
        """Return the interface with an index."""
        return self._by_index.get(index)

    def by_name(self, name: str) -> Interface | None:
        """Return the interface with a name."""
        return next((found for found in self._by_index.values() if found.name == name), None)

    def add(self, name: str, kind: str, mac: bytes, parent: int | None = None) -> Interface:
        """Make an interface."""
        index = self._free.pop() if self._free else len(self._by_index)
        interface = Interface(index, name, kind, mac, index if parent is None else parent)
        if parent is None and kind != "local":
            interface.mtu[0] = MTU
        self._by_index[index] = interface
        return interface

    def remove(self, interface: Interface) -> None:
        """Forget an interface; its index becomes free."""
        del self._by_index[interface.index]
        self._free.append(interface.index)

    def subs(self, interface: Interface) -> list[Interface]:
        """Return an interface's sub-interfaces."""
        return [i for i in self._by_index.values() if i.parent == interface.index and i.is_sub]

    def parent(self, interface: Interface) -> Interface:
        """Return the interface that frames of this one go through."""
        return self._by_index[interface.parent]

    def mac(self, interface: Interface) -> bytes:
        """Return the MAC address that an interface sends from."""
        return self._by_index[interface.parent].mac

    def flags(self, interface: Interface) -> int:
        """Return its status flags as `sw_interface_dump` shows them."""
        link = LINK_UP if interface.kind != "local" and self.parent(interface).admin_up else 0
        return (ADMIN_UP if interface.admin_up else 0) | link
