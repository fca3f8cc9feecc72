"""Forwarding tables: prefixes, who programmed them, and the longest match."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final, NamedTuple

from tools.vppsim.addresses import BITS, NONE, Prefix, mask, pack, unpack

NO_TABLE: Final = -3
NO_SUCH_INTERFACE: Final = -54
NO_PATHS: Final = -52
INVALID_PREFIX_LENGTH: Final = -171


class PathType(IntEnum):
    """What a path does with a packet; the numbers are those of the API."""

    NORMAL = 0
    LOCAL = 1
    DROP = 2
    ICMP_UNREACH = 5


class Source(IntEnum):
    """Who programmed a prefix. The lowest number wins, the others lie underneath."""

    INTERFACE = 1
    API = 2
    CLI = 3
    ADJACENCY = 4
    DEFAULT = 5


Way = tuple[int, int, int, int]


class Path(NamedTuple):
    """One way for packets of a prefix.

    next_hop: 0 where the network is on the link. dead: its interface was deleted; another one with that index does
    not make it live again.
    """

    type: int = PathType.NORMAL
    sw_if_index: int = NONE
    next_hop: int = 0
    weight: int = 1
    preference: int = 0
    table_id: int = 0
    flags: int = 0
    rpf_id: int = 0
    dead: bool = False

    @staticmethod
    def from_api(af: int, value: dict[str, Any]) -> "Path":
        """Return the path of an API message; an interface counts only where a path of its type has one."""
        sort = value["type"]
        return Path(
            sort,
            value["sw_if_index"] if sort in (PathType.NORMAL, PathType.LOCAL) else NONE,
            unpack(af, value["nh"]["address"]),
            value["weight"] or 1,
            value["preference"],
            value["table_id"],
            value["flags"],
            value["rpf_id"],
        )

    def to_api(self, af: int) -> dict[str, Any]:
        """Return the path as a value of an API message."""
        return {
            **self._asdict(),
            "proto": 0 if af == 4 else 1,
            "nh": {"address": pack(af, self.next_hop)},
        }

    def towards(self, prefix: Prefix) -> "Path":
        """Return the path as VPP keeps it for a prefix: a single host on the link is its own next hop."""
        on_link = self.type == PathType.NORMAL and self.sw_if_index != NONE and not self.next_hop
        return self._replace(next_hop=prefix.address) if on_link and prefix == prefix.host() else self

    @property
    def needs_table(self) -> bool:
        """It leads to a next hop that is looked up in a table."""
        return self.type == PathType.NORMAL and self.sw_if_index == NONE

    @property
    def way(self) -> Way:
        """What makes two paths the same, whatever their weight and preference."""
        return self.type, self.sw_if_index, self.next_hop, self.table_id


@dataclass(slots=True)
class Entry:
    """A prefix and what each source wants for it."""

    prefix: Prefix
    sources: dict[Source, list[Path]]
    index: int

    @property
    def source(self) -> Source:
        """The source that counts."""
        return min(self.sources)

    @property
    def paths(self) -> list[Path]:
        """The paths that count."""
        return self.sources[self.source]

    @property
    def path(self) -> Path:
        """The path that packets take: the first of those with the lowest preference."""
        return min(self.paths, key=lambda path: path.preference)

    @property
    def is_local(self) -> bool:
        """Packets are for the router itself."""
        return self.path.type == PathType.LOCAL

    @property
    def is_connected(self) -> bool:
        """The prefix is the network of an interface."""
        path = self.path
        return path.type == PathType.NORMAL and path.next_hop == 0 and path.sw_if_index != NONE


class Table:
    """One IPv4 or IPv6 forwarding table."""

    def __init__(self, af: int, table_id: int) -> None:
        self.af = af
        self.table_id = table_id
        self.name = f"ipv{af}-VRF:{table_id}"
        self._by_length: dict[int, dict[int, Entry]] = {}
        self._lengths: list[int] = []
        self._next_index = 1
        drop = Path(PathType.DROP)
        for prefix, path in _specials(af, drop):
            self.put(prefix, Source.DEFAULT, [path])

    def entries(self) -> list[Entry]:
        """Return everything, short prefixes first."""
        return [entry for length in sorted(self._by_length) for entry in self._by_length[length].values()]

    def get(self, prefix: Prefix) -> Entry | None:
        """Return exactly this prefix."""
        return self._by_length.get(prefix.length, {}).get(prefix.network().address)

    def lookup(self, address: int) -> Entry:
        """Return the longest match."""
        af = self.af
        for length in self._lengths:
            entry = self._by_length[length].get(mask(af, address, length))
            if entry is not None:
                return entry
        raise AssertionError("every table has a default route")

    def put(self, prefix: Prefix, source: Source, paths: list[Path]) -> int:
        """Replace what a source wants for a prefix; without paths it wants nothing. Returns the entry's index."""
        prefix = prefix.network()
        entry = self.get(prefix)
        if entry is None:
            if not paths:
                return NONE
            entry = Entry(prefix, {}, self._next_index)
            self._next_index += 1
            self._by_length.setdefault(prefix.length, {})[prefix.address] = entry
            self._sort()
        if paths:
            entry.sources[source] = paths
            return entry.index
        entry.sources.pop(source, None)
        if not entry.sources:
            del self._by_length[prefix.length][prefix.address]
            self._sort()
        return NONE

    def change(self, prefix: Prefix, source: Source, paths: list[Path], *, add: bool, multipath: bool) -> int:
        """Add or remove paths of a source, as `ip_route_add_del` does: always idempotent. Returns an index or NONE.

        With `multipath` a path that is there already stays as it is, whatever weight and preference are asked for.
        """
        entry = self.get(prefix)
        present = list(entry.sources.get(source, ())) if entry else []
        ways = {path.way for path in paths}
        if not multipath:
            return self.put(prefix, source, self._shared(paths) if add else [])
        if not add:
            return self.put(prefix, source, [old for old in present if old.way not in ways])
        known = {old.way for old in present}
        return self.put(prefix, source, self._shared(present + [path for path in paths if path.way not in known]))

    def _shared(self, paths: list[Path]) -> list[Path]:
        """Return the paths, dead where others use the same ones and these are: VPP keeps equal lists once."""
        ways = {path.way for path in paths}
        for entry in self.entries():
            for others in entry.sources.values():
                if {other.way for other in others} == ways:
                    dead = {other.way for other in others if other.dead}
                    return [path._replace(dead=path.way in dead) for path in paths]
        return paths

    def bury(self, sw_if_index: int) -> None:
        """Note that an interface was deleted: what is programmed over it stays, and leads nowhere."""
        for entry in self.entries():
            for source in (Source.API, Source.CLI):
                if source in entry.sources:
                    entry.sources[source] = [
                        path._replace(dead=path.dead or path.sw_if_index == sw_if_index)
                        for path in entry.sources[source]
                    ]

    def _sort(self) -> None:
        self._lengths = sorted((length for length, found in self._by_length.items() if found), reverse=True)


def _specials(af: int, drop: Path) -> list[tuple[Prefix, Path]]:
    if af == 6:
        return [(Prefix(6, 0, 0), drop), (Prefix(6, 0xFE80 << 112, 10), Path())]
    return [
        (Prefix(4, 0, 0), drop),
        (Prefix(4, 240 << 24, 4), drop),
        (Prefix(4, 224 << 24, 4), drop),
        (Prefix(4, 0, 32), drop),
        (Prefix(4, 0xFFFFFFFF, 32), drop),
    ]


def connected(prefix: Prefix, sw_if_index: int) -> list[tuple[Prefix, Path]]:
    """Return the routes that an interface's address brings: itself, its network, and what must not be used in it."""
    af, bits = prefix.af, BITS[prefix.af]
    host = prefix.host()
    routes = [(host, Path(PathType.LOCAL, sw_if_index, prefix.address))]
    if prefix.length == bits:
        return routes
    network = prefix.network()
    routes.insert(0, (network, Path(PathType.NORMAL, sw_if_index)))
    if af == 4 and prefix.length == 31:
        other = prefix.address ^ 1
        routes.append((Prefix(4, other, 32), Path(PathType.NORMAL, sw_if_index, other)))
    elif af == 4:
        last = network.address | (1 << bits - prefix.length) - 1
        routes += [(Prefix(4, edge, 32), Path(PathType.DROP)) for edge in (network.address, last)]
    return routes


ACCEPT: Final = 2
ACCEPT_ALL: Final = 8


@dataclass(slots=True)
class Group:
    """A multicast route. paths: of the API, each with its interface flags. built_in: not from the API."""

    prefix: Prefix
    entry_flags: int
    paths: list[tuple[int, Path]]
    built_in: bool


class MulticastTable:
    """Multicast routes of one table. The groups that VPP itself listens to are there from the beginning."""

    def __init__(self, af: int, table_id: int) -> None:
        self.af = af
        self.table_id = table_id
        self.groups: dict[Prefix, Group] = {}
        local = Path(PathType.LOCAL)
        self.groups[Prefix(af, 0, 0)] = Group(Prefix(af, 0, 0), 0, [], built_in=True)
        for prefix in _own_groups(af):
            self.groups[prefix] = Group(prefix, 0, [(0, local)], built_in=True)

    def join(self, sw_if_index: int, *, joined: bool) -> None:
        """Accept packets of the built-in groups from an interface, or stop doing so."""
        for group in self.groups.values():
            if group.built_in and group.prefix.length:
                group.paths = [(flags, path) for flags, path in group.paths if path.sw_if_index != sw_if_index]
                if joined:
                    group.paths.append((ACCEPT, Path(sw_if_index=sw_if_index)))

    def accepts(self, address: int, sw_if_index: int) -> bool:
        """Tell whether packets to a group that come in there are for the router itself."""
        best = max((g for g in self.groups.values() if g.prefix.holds(address)), key=lambda g: g.prefix.length)
        local = any(path.type == PathType.LOCAL for _, path in best.paths)
        from_there = any(flags & ACCEPT and path.sw_if_index == sw_if_index for flags, path in best.paths)
        return local and (from_there or bool(best.entry_flags & ACCEPT_ALL))

    def change(self, prefix: Prefix, flags: int, paths: list[tuple[int, Path]], *, add: bool, multipath: bool) -> None:
        """Add or remove paths, as `ip_mroute_add_del` does: an entry goes when it has neither paths nor flags.

        A request without paths sets the flags, whatever else it says.
        """
        group = self.groups.get(prefix)
        if group is None:
            if not add and paths:
                return
            group = self.groups[prefix] = Group(prefix, flags, [], built_in=False)
        ways = {path.way for _, path in paths}
        others = [old for old in group.paths if old[1].way not in ways]
        if not paths:
            group.entry_flags = flags
        elif add:
            group.entry_flags |= flags
            group.paths = (others if multipath or group.built_in else []) + paths
        else:
            group.paths = others
        if not group.built_in and not group.paths and not group.entry_flags:
            del self.groups[prefix]


def _own_groups(af: int) -> list[Prefix]:
    if af == 4:
        return [Prefix(4, 0xE0000001, 32), Prefix(4, 0xE0000002, 32)]
    base = 0xFF02 << 112
    return [Prefix(6, base | group, 128) for group in (1, 2, 0x16)] + [Prefix(6, base | 0x1FF000000, 104)]
