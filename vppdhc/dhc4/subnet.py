"""The networks that are served, and where they are."""

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network

from vppdhc.dhc4.config import Settings, Times
from vppdhc.dhc4.parameters import Parameters, lifetimes
from vppdhc.dhc4.pool import Pool
from vppdhc.interface import Interface

_TWO_HOSTS = 31
"""The prefix length from which on a network has no address of its own and none for broadcasts (RFC 3021)."""

_MadeOf = tuple[str, int, IPv4Network, tuple[int, ...], Settings]


class Subnet:
    """One IPv4 network of a served interface, with all that is derived from it.

    interface: name of the interface.
    table: routing table (VRF) id.
    network: the network.
    first, last: its lowest and highest address.
    own: the router's addresses in it, in VPP's order.
    server_id: the first of them: our server identifier there, and its clients' router.
    encoded_server_id: the same as an option value.
    settings, pool, parameters: how its clients are served.
    made_of: what it was made of.

    Two are equal when they were made of the same things.
    """

    __slots__ = (
        "_lifetimes",
        "_times",
        "encoded_server_id",
        "first",
        "interface",
        "last",
        "made_of",
        "network",
        "own",
        "parameters",
        "pool",
        "server_id",
        "settings",
        "table",
    )

    def __init__(
        self,
        interface: str,
        table: int,
        network: IPv4Network,
        own: tuple[int, ...],
        settings: Settings,
        pool: Pool | None = None,
    ) -> None:
        """Derive all that is needed; pool: where there is one already for the same network, own and settings."""
        self.made_of: _MadeOf = (interface, table, network, own, settings)
        self.interface = interface
        self.table = table
        self.network = network
        self.first = int(network.network_address)
        self.last = int(network.broadcast_address)
        self.own = own
        self.server_id = own[0]
        self.encoded_server_id = self.server_id.to_bytes(4, "big")
        self.settings = settings
        self.pool = pool or Pool.of_network(table, network, own, settings.static_percentage)
        self.parameters = Parameters(network, self.server_id, settings)
        self._times = settings.times(None)
        self._lifetimes = lifetimes(self._times)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Subnet) and self.made_of == other.made_of

    def __hash__(self) -> int:
        return hash(self.made_of)

    def __contains__(self, address: int) -> bool:
        return self.first <= address <= self.last

    def is_for_clients(self, address: int) -> bool:
        """Whether an address of the network can be a client's, in the pool or not.

        Not the router's own, and neither the network's nor its broadcast address (RFC 1122, 3.2.1.3).
        """
        if address in self.own:
            return False
        return self.first < address < self.last or (self.network.prefixlen >= _TWO_HOSTS and address in self)

    def lifetimes(self, wish: int | None) -> tuple[Times, Mapping[int, bytes]]:
        """Return the lifetimes for a client that wishes so many seconds (None: no wish), and the options."""
        if wish is None or wish >= self._times.lease:
            return self._times, self._lifetimes
        times = self.settings.times(wish)
        return times, lifetimes(times)


class Served:
    """A served interface: its subnets, in VPP's order of their addresses."""

    __slots__ = ("name", "subnets", "table")

    def __init__(self, name: str, table: int, subnets: tuple[Subnet, ...]) -> None:
        self.name = name
        self.table = table
        self.subnets = subnets


class Networks:
    """All served interfaces, found by name, and for relayed clients by an address in their networks."""

    def __init__(self) -> None:
        self._served: dict[str, Served] = {}
        self._by_length: dict[int, dict[tuple[int, int], Subnet]] = {}

    def __iter__(self) -> Iterator[Served]:
        """Go through the interfaces that are served now; others may come and go meanwhile."""
        return iter(list(self._served.values()))

    def served(self, interface: str) -> Served | None:
        """Return a served interface by its name."""
        return self._served.get(interface)

    def find(self, table: int, address: int) -> Subnet | None:
        """Return the subnet of a table that an address lies in."""
        for length, subnets in self._by_length.items():
            found = subnets.get((table, address >> (32 - length)))
            if found is not None:
                return found
        return None

    def set(
        self, interface: Interface | str, settings: Settings | None
    ) -> tuple[tuple[Subnet, ...], tuple[Subnet, ...]]:
        """Serve an interface as it now is; with settings None not at all, given by its name when it is gone.

        Returns the subnets that are there no longer, and the new ones. One that has not changed is neither. One that
        has, but has the same addresses for its clients, has the pool that it had.
        """
        name = interface if isinstance(interface, str) else interface.name
        served = self._served.pop(name, None)
        before = served.subnets if served is not None else ()
        after: tuple[Subnet, ...] = ()
        if settings is not None and isinstance(interface, Interface):
            after = _subnets(interface, settings, before)
            self._served[name] = Served(name, interface.table4, after)
        gone = tuple(subnet for subnet in before if subnet not in after)
        new = tuple(subnet for subnet in after if subnet not in before)
        for subnet in gone:
            self._unlist(subnet)
        for subnet in new:
            length = subnet.network.prefixlen
            self._by_length.setdefault(length, {})[_key(subnet)] = subnet
        return gone, new

    def _unlist(self, subnet: Subnet) -> None:
        subnets = self._by_length[subnet.network.prefixlen]
        # While an address moves from one interface to another, both may be seen to have it.
        if subnets.get(_key(subnet)) is subnet:
            del subnets[_key(subnet)]
        if not subnets:
            del self._by_length[subnet.network.prefixlen]


def _key(subnet: Subnet) -> tuple[int, int]:
    return subnet.table, subnet.first >> (32 - subnet.network.prefixlen)


def _subnets(interface: Interface, settings: Settings, before: tuple[Subnet, ...]) -> tuple[Subnet, ...]:
    """Make the subnets of an interface; a network inside another one of the interface is part of that.

    before: subnets that it had, which are taken over where they are the same.
    """
    networks = dict.fromkeys(address.network for address in interface.addresses4)
    widest = [
        network for network in networks if not any(network != other and network.subnet_of(other) for other in networks)
    ]
    kept = {subnet.made_of: subnet for subnet in before}
    pools = {(subnet.table, subnet.network, subnet.own, subnet.settings.static_percentage): subnet for subnet in before}
    subnets = []
    for network in widest:
        own = tuple(int(address.ip) for address in interface.addresses4 if address.ip in network)
        made_of: _MadeOf = (interface.name, interface.table4, network, own, settings)
        like = pools.get((interface.table4, network, own, settings.static_percentage))
        subnets.append(kept.get(made_of) or Subnet(*made_of, pool=None if like is None else like.pool))
    return tuple(subnets)
