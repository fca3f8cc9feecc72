"""What is programmed: interfaces, addresses, tables, neighbours, bindings, and the rules by which that changes."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random
from typing import Final

from tools.vppsim import addresses, fib
from tools.vppsim.addresses import NONE, Prefix
from tools.vppsim.fib import Entry, MulticastTable, Path, PathType, Source, Table
from tools.vppsim.interfaces import ADMIN_UP, LINK_UP, Interface, Interfaces, RouterAdvertisements, Vlans

OK: Final = 0
INVALID_INTERFACE: Final = -2
NO_SUCH_ENTRY: Final = -6
INVALID_ADDRESS: Final = -59
ADDRESS_NOT_FOUND: Final = -60
NOT_DELETABLE: Final = -61
IP6_NOT_ENABLED: Final = -62
VALUE_EXISTS: Final = -81
DUPLICATE_ADDRESS: Final = {4: -105, 6: -127}

ADDED, REMOVED = 1, 2

_DEEPEST: Final = 8
"""How many routes may lead to one another before one names an interface."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A neighbour that was learned. since: monotonic time in seconds."""

    sw_if_index: int
    af: int
    address: int
    mac: bytes
    since: float


class AddressInUseError(Exception):
    """An address overlaps one that is there already. retval: VPP's number for it."""

    def __init__(self, wanted: Prefix, present: Prefix, holder: Interface) -> None:
        super().__init__(f"{wanted} conflicts with {present} for interface {holder.name}")
        self.retval = DUPLICATE_ADDRESS[wanted.af]
        self.present = present
        self.holder = holder


class Router:
    """The router's state.

    clock: monotonic time in seconds. on_interface: called with an interface's index, its flags and whether it was
    deleted. on_neighbour: called with a neighbour and ADDED or REMOVED. ask: by family, how to ask an interface's
    link for an address, set by whoever composes the simulator.
    """

    def __init__(self, clock: Callable[[], float], random: Random) -> None:
        self.clock = clock
        self._random = random
        self.on_interface: list[Callable[[int, int, bool], None]] = []
        self.on_neighbour: list[Callable[[Neighbour, int], None]] = []
        self.ask: dict[int, Callable[[Interface, int], None]] = {}
        self.reset()

    def reset(self) -> None:
        """Forget everything, as VPP does when it starts."""
        self.interfaces = Interfaces()
        self.tables: dict[tuple[int, int], Table] = {}
        self.groups: dict[tuple[int, int], MulticastTable] = {}
        self.neighbours: dict[tuple[int, int, int], Neighbour] = {}
        self.bindings: dict[int, tuple[Prefix, Prefix]] = {}
        self.errors: Counter[tuple[str, str]] = Counter()
        for af in (4, 6):
            self.add_table(af, 0)

    def random_mac(self) -> bytes:
        """Return a MAC address as VPP makes them for host interfaces."""
        return b"\x02\xfe" + self._random.randbytes(4)

    def count(self, node: str, reason: str) -> None:
        """Add one to an error counter."""
        self.errors[node, reason] += 1

    # --- tables

    def add_table(self, af: int, table_id: int) -> None:
        """Make a table, unicast and multicast; one that is there stays."""
        self.tables.setdefault((af, table_id), Table(af, table_id))
        self.groups.setdefault((af, table_id), MulticastTable(af, table_id))

    def delete_table(self, af: int, table_id: int) -> None:
        """Forget a table, except the default one."""
        if table_id:
            self.tables.pop((af, table_id), None)
            self.groups.pop((af, table_id), None)

    def table_of(self, interface: Interface, af: int) -> Table:
        """Return the table that an interface's packets are looked up in."""
        return self.tables[af, interface.tables[af]]

    def groups_of(self, interface: Interface, af: int) -> MulticastTable:
        """Return the multicast table of an interface."""
        return self.groups[af, interface.tables[af]]

    def set_table(self, interface: Interface, af: int, table_id: int) -> None:
        """Put an interface without addresses into a table."""
        self._join(interface, af, joined=False)
        interface.tables[af] = table_id
        self._join(interface, af, joined=True)

    def change_route(
        self, table: Table, prefix: Prefix, source: Source, paths: list[Path], *, add: bool, multipath: bool
    ) -> int:
        """Add or remove paths of a prefix; VPP asks at once for a next hop that is new. Returns an index or NONE."""
        paths = [path.towards(prefix) for path in paths]
        known = {path.next_hop for entry in table.entries() for path in entry.paths} if add else set()
        index = table.change(prefix, source, paths, add=add, multipath=multipath)
        for path in paths if add else ():
            if path.type == PathType.NORMAL and path.next_hop and path.next_hop not in known:
                self._ask_for(table, path)
        return index

    def _ask_for(self, table: Table, path: Path) -> None:
        way = self._along(path, path.next_hop) or self.next_hop(table, path.next_hop)
        if way is not None and self.neighbour(way[0], table.af, way[1]) is None:
            self.ask[table.af](*way)

    def next_hop(self, table: Table, destination: int) -> tuple[Interface, int] | None:
        """Return the interface and the neighbour there that packets go to next; None where they go nowhere."""
        hop = destination
        for _ in range(_DEEPEST):
            path = self.best(table.lookup(hop))
            if path is None or path.type != PathType.NORMAL:
                return None
            hop = path.next_hop or hop
            if path.sw_if_index != NONE:
                return self._along(path, hop)
        return None

    def best(self, entry: Entry) -> Path | None:
        """Return the path that packets take: of those whose interface is up the first with the lowest preference."""
        return min(filter(self._is_usable, entry.paths), key=lambda path: path.preference, default=None)

    def _is_usable(self, path: Path) -> bool:
        interface = self.interfaces.get(path.sw_if_index)
        return path.sw_if_index == NONE or (interface is not None and interface.admin_up and not path.dead)

    def _along(self, path: Path, hop: int) -> tuple[Interface, int] | None:
        interface = self.interfaces.get(path.sw_if_index)
        return None if interface is None else (interface, hop)

    # --- interfaces

    def add_interface(self, name: str, kind: str, mac: bytes) -> Interface:
        """Make an interface of its own."""
        interface = self.interfaces.add(name, kind, mac)
        self._tell_interface(interface.index, 0, deleted=False)
        return interface

    def add_sub_interface(self, parent: Interface, sub_id: int, vlans: Vlans, *, exact: bool) -> Interface:
        """Make a sub-interface."""
        interface = self.interfaces.add(f"{parent.name}.{sub_id}", parent.kind, addresses.NO_MAC, parent.index)
        interface.sub_id, interface.vlans, interface.exact_match = sub_id, vlans, exact
        self._tell_interface(interface.index, 0, deleted=False)
        return interface

    def delete_interface(self, interface: Interface) -> None:
        """Take an interface away with its sub-interfaces, addresses and neighbours.

        Routes over it stay, as in VPP, but are dead. Its NPTv6 binding stays, too, and is that of the next interface
        with its index, whose packets are not translated before it is deleted and made anew.
        """
        subs = self.interfaces.subs(interface)
        self._clear(interface)
        self._tell_interface(interface.index, 0, deleted=True)
        for sub in subs:
            self.delete_interface(sub)
        self.interfaces.remove(interface)

    def _clear(self, interface: Interface) -> None:
        self.delete_all_addresses(interface)
        while interface.ip6_enabled:
            self._unlock_ip6(interface)
        self._join(interface, 4, joined=False)
        self._forget_neighbours(interface)
        for table in self.tables.values():
            table.bury(interface.index)

    def set_state(self, interface: Interface, *, up: bool) -> None:
        """Switch an interface on or off."""
        if interface.admin_up == up:
            return
        interface.admin_up = up
        for af in (4, 6):
            self._reconnect(af, interface.tables[af])
        if not up:
            self._forget_neighbours(interface)
        link = 0 if interface.is_sub else LINK_UP
        self._tell_interface(interface.index, ADMIN_UP | link if up else 0, deleted=False)

    def _tell_interface(self, index: int, flags: int, *, deleted: bool) -> None:
        for listener in self.on_interface:
            listener(index, flags, deleted)

    # --- addresses

    def add_address(self, interface: Interface, prefix: Prefix) -> int:
        """Give an interface an address. Returns VPP's return value; raises AddressInUseError."""
        if prefix.af == 6 and addresses.is_link_local(prefix.address):
            return self.set_link_local(interface, prefix.address) if prefix.length == 128 else INVALID_ADDRESS
        self._refuse_overlap(interface, prefix)
        first_ip4 = prefix.af == 4 and not interface.has_ip4
        interface.addresses.append(prefix)
        if prefix.af == 6:
            self._lock_ip6(interface)
        elif first_ip4:
            self.block_ip4(interface, block=False)
            self._join(interface, 4, joined=True)
        self._reconnect(prefix.af, interface.tables[prefix.af])
        return OK

    def _refuse_overlap(self, interface: Interface, wanted: Prefix) -> None:
        for other in self.interfaces:
            if other.tables[wanted.af] != interface.tables[wanted.af]:
                continue
            for present in other.addresses:
                if present.af != wanted.af or not present.overlaps(wanted):
                    continue
                shares = other is interface and present.network() == wanted.network()
                if not shares or present.address == wanted.address:
                    raise AddressInUseError(wanted, present, other)

    def delete_address(self, interface: Interface, prefix: Prefix) -> int:
        """Take an address away; its length is ignored. Returns VPP's return value."""
        for present in interface.addresses:
            if (present.af, present.address) == (prefix.af, prefix.address):
                interface.addresses.remove(present)
                self._after_removal(interface, prefix.af, 1)
                return OK
        return NOT_DELETABLE if prefix.address == interface.link_local else ADDRESS_NOT_FOUND

    def delete_all_addresses(self, interface: Interface) -> None:
        """Take all addresses away."""
        families = Counter(prefix.af for prefix in interface.addresses)
        interface.addresses.clear()
        for af, removed in families.items():
            self._after_removal(interface, af, removed)

    def _after_removal(self, interface: Interface, af: int, removed: int) -> None:
        self._reconnect(af, interface.tables[af])
        if af == 4 and not interface.has_ip4:
            self.block_ip4(interface, block=True)
            self._join(interface, 4, joined=False)
        elif af == 6:
            for _ in range(min(removed, interface.ip6_locks)):
                self._unlock_ip6(interface)
        uncovered = [
            neighbour
            for neighbour in self.neighbours.values()
            if (neighbour.sw_if_index, neighbour.af) == (interface.index, af)
            and not addresses.is_link_local(neighbour.address)
            and not any(p.af == af and p.holds(neighbour.address) for p in interface.addresses)
        ]
        self._drop_neighbours(uncovered)

    def _reconnect(self, af: int, table_id: int) -> None:
        """Make the routes of interfaces anew from their addresses; those of an interface that is down have none."""
        table = self.tables[af, table_id]
        wanted: dict[Prefix, Path] = {}
        for interface in self.interfaces:
            for prefix in interface.addresses if interface.admin_up else ():
                if prefix.af == af and interface.tables[af] == table_id:
                    for where, path in fib.connected(prefix, interface.index):
                        if path.type == PathType.LOCAL or where not in wanted:
                            wanted[where] = path
        for entry in table.entries():
            if Source.INTERFACE in entry.sources and entry.prefix not in wanted:
                table.put(entry.prefix, Source.INTERFACE, [])
        for where, path in wanted.items():
            table.put(where, Source.INTERFACE, [path])

    # --- IPv4 and IPv6 on an interface

    @staticmethod
    def block_ip4(interface: Interface, *, block: bool) -> None:
        """Count one more reason, or one less, to drop the IPv4 packets of an interface."""
        interface.ip4_blocks = max(0, interface.ip4_blocks + (1 if block else -1))

    def enable_ip6(self, interface: Interface, *, enable: bool) -> int:
        """Switch IPv6 on an interface on or off. Returns VPP's return value."""
        if enable:
            was_enabled = interface.ip6_enabled
            self._lock_ip6(interface)
            return VALUE_EXISTS if was_enabled else OK
        if not interface.ip6_enabled:
            return IP6_NOT_ENABLED
        self._unlock_ip6(interface)
        return OK

    def set_link_local(self, interface: Interface, address: int) -> int:
        """Set an interface's link-local address, which switches IPv6 on. Returns VPP's return value."""
        if not interface.ip6_enabled:
            self._lock_ip6(interface)
        interface.link_local = address
        return OK

    def _lock_ip6(self, interface: Interface) -> None:
        """Count one more reason for IPv6 on an interface: an address, or a request, even one that returned -81."""
        interface.ip6_locks += 1
        if interface.ip6_locks == 1:
            interface.link_local = addresses.link_local(self.interfaces.mac(interface))
            interface.advertisements = RouterAdvertisements()
            self._join(interface, 6, joined=True)

    def _unlock_ip6(self, interface: Interface) -> None:
        interface.ip6_locks -= 1
        if interface.ip6_locks == 0:
            interface.link_local = None
            interface.advertisements.send = False
            self._join(interface, 6, joined=False)

    def _join(self, interface: Interface, af: int, *, joined: bool) -> None:
        enabled = interface.has_ip4 if af == 4 else interface.ip6_enabled
        self.groups_of(interface, af).join(interface.index, joined=joined and enabled)

    # --- neighbours

    def learn(self, interface: Interface, af: int, address: int, mac: bytes) -> None:
        """Learn a neighbour, or learn it again: VPP tells of both."""
        neighbour = Neighbour(interface.index, af, address, mac, self.clock())
        self.neighbours[interface.index, af, address] = neighbour
        table = self.table_of(interface, af)
        host = Prefix(af, address, addresses.BITS[af])
        if table.lookup(address).is_connected:
            table.put(host, Source.ADJACENCY, [Path(PathType.NORMAL, interface.index, address)])
        self._tell_neighbour(neighbour, ADDED)

    def neighbour(self, interface: Interface, af: int, address: int) -> bytes | None:
        """Return a neighbour's MAC address, None where it is not known."""
        found = self.neighbours.get((interface.index, af, address))
        return found.mac if found else None

    def _forget_neighbours(self, interface: Interface) -> None:
        self._drop_neighbours([n for n in self.neighbours.values() if n.sw_if_index == interface.index])

    def _drop_neighbours(self, dropped: Iterable[Neighbour]) -> None:
        for neighbour in dropped:
            del self.neighbours[neighbour.sw_if_index, neighbour.af, neighbour.address]
            host = Prefix(neighbour.af, neighbour.address, addresses.BITS[neighbour.af])
            interface = self.interfaces.get(neighbour.sw_if_index)
            if interface is not None:
                self.table_of(interface, neighbour.af).put(host, Source.ADJACENCY, [])
            self._tell_neighbour(neighbour, REMOVED)

    def _tell_neighbour(self, neighbour: Neighbour, flags: int) -> None:
        for listener in self.on_neighbour:
            listener(neighbour, flags)
