"""The networks that are served, and where they are."""

from collections import Counter
from collections.abc import Iterator
from ipaddress import IPv4Network
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from vppdhc.dhc4.config import NO_OVERRIDES, Overrides, Settings, SubnetConfig
from vppdhc.dhc4.levels import Terms
from vppdhc.dhc4.options import Upstream
from vppdhc.dhc4.pool import Pool, PoolKey, Range, whole_of, without

_TWO_HOSTS = 31
"""The prefix length from which on a network has no address of its own and none for broadcasts (RFC 3021)."""
NOTHING_LEARNED: Upstream = MappingProxyType({})


class Plan(NamedTuple):
    """What a subnet is made of. Equal plans make equal subnets.

    interface: name of the interface that it is on; empty for one that only relay agents lead to.
    table: routing table (VRF) id.
    network: the network.
    own: the router's addresses in it: those of the interface first, in VPP's order.
    settings: of all levels down to this one.
    config: what is configured for it; None where the interface is all that it is made of.
    """

    interface: str
    table: int
    network: IPv4Network
    own: tuple[int, ...]
    settings: Settings
    config: SubnetConfig | None = None


class Relayed(NamedTuple):
    """The place of a configured subnet, by its id, that only relay agents lead to."""

    subnet: str


Place: TypeAlias = str | Relayed
"""Where something is served: on an interface, by its name, or behind relay agents."""


class SubnetPool(NamedTuple):
    """A pool of a subnet, which is not empty.

    id: in the configuration; empty for the one that is made of the whole network.
    pool: its addresses.
    terms: what holds for them.
    """

    id: str
    pool: Pool
    terms: Terms


class Subnet:
    """One IPv4 network that is served, with all that is derived from it.

    made_of: what it was made of.
    id: in the configuration; empty for one that was made from its interface.
    interface: name of the interface; empty for a network that only relay agents lead to.
    table: routing table (VRF) id.
    network: the network.
    first, last: its lowest and highest address.
    own: the router's addresses in it.
    server_id: the first of them: our server identifier there, and its clients' router. 0 where there is none: an
        address of the interface that a message comes in by is the server identifier then, and clients are told no
        router unless one is configured.
    encoded_server_id: the same as an option value.
    settings: how its clients are served.
    terms: what holds for its addresses that are in no pool.
    pools: its pools, apart from each other.
    """

    __slots__ = (
        "_special",
        "encoded_server_id",
        "first",
        "id",
        "interface",
        "last",
        "made_of",
        "network",
        "own",
        "pools",
        "server_id",
        "settings",
        "table",
        "terms",
    )

    def __init__(self, plan: Plan, spare: dict[PoolKey, Pool], upstream: Upstream) -> None:
        """Derive all that is needed.

        spare: pools that are in no subnet any more; those with the same addresses are taken out of there and used on.
        upstream: see Parameters.
        """
        self.made_of = plan
        self.interface, self.table, self.network, self.own, self.settings, config = plan
        self.id = "" if config is None else config.id
        self.first = int(self.network.network_address)
        self.last = int(self.network.broadcast_address)
        self.server_id = self.own[0] if self.own else 0
        self.encoded_server_id = self.server_id.to_bytes(4, "big")
        self.terms = Terms(self.settings, self.network, self.server_id, upstream)
        made = []
        for id_, overrides, pool in _pools(plan):
            if pool.size:
                terms = self.terms
                if overrides != NO_OVERRIDES:
                    terms = Terms(overrides.over(self.settings), self.network, self.server_id, upstream)
                made.append(SubnetPool(id_, spare.pop(pool.key, pool), terms))
        self.pools = tuple(made)
        self._special = tuple(pool for pool in made if pool.terms is not self.terms)

    def __contains__(self, address: int) -> bool:
        return self.first <= address <= self.last

    def is_for_clients(self, address: int) -> bool:
        """Whether an address of the network can be a client's, in a pool or not.

        Not the router's own, and neither the network's nor its broadcast address (RFC 1122, 3.2.1.3).
        """
        if address in self.own:
            return False
        return self.first < address < self.last or (self.network.prefixlen >= _TWO_HOSTS and address in self)

    def pool_of(self, address: int) -> SubnetPool | None:
        """Return the pool that an address is in."""
        for pool in self.pools:
            if address in pool.pool:
                return pool
        return None

    def terms_of(self, address: int) -> Terms:
        """Return what holds for an address: for its pool, else for the subnet."""
        for pool in self._special:
            if address in pool.pool:
                return pool.terms
        return self.terms

    def learn(self, upstream: Upstream) -> None:
        """Tell clients from now on other values of the provider."""
        for terms in {self.terms, *(pool.terms for pool in self._special)}:
            terms.parameters.learn(upstream)


def _pools(plan: Plan) -> Iterator[tuple[str, Overrides, Pool]]:
    """Make the pools of a subnet: id, what is different there, addresses."""
    holes: list[Range] = [(address, address + 1) for address in plan.own]
    if plan.config is not None:
        holes += [(first, last + 1) for first, last in plan.config.excluded]
    if plan.config is None or not plan.config.pools:
        whole = whole_of(plan.network, plan.settings.static_percentage)
        yield "", NO_OVERRIDES, Pool(plan.table, without(whole, holes))
        return
    start, stop = whole_of(plan.network, 0)
    for pool in plan.config.pools:
        whole = max(start, pool.first), min(stop, pool.last + 1)
        yield pool.id, pool.overrides, Pool(plan.table, without(whole, holes))
        holes.append((pool.first, pool.last + 1))  # so that they are apart, though that is not a valid configuration


class Served(NamedTuple):
    """A served interface: its subnets, those with an address of the router first, in VPP's order of these."""

    name: str
    table: int
    subnets: tuple[Subnet, ...]


class Networks:
    """All that is served, found by interface, and for relayed clients by an address in their networks.

    tables: routing tables in which something is served.
    """

    def __init__(self) -> None:
        self._served: dict[str, Served] = {}
        self._places: dict[Place, tuple[Subnet, ...]] = {}
        self._by_length: dict[int, dict[tuple[int, int], list[Subnet]]] = {}
        self._by_relay: dict[tuple[int, int], list[Subnet]] = {}
        self.tables: Counter[int] = Counter()

    def __iter__(self) -> Iterator[Served]:
        """Go through the interfaces that are served now; others may come and go meanwhile."""
        return iter(list(self._served.values()))

    def subnets(self) -> Iterator[Subnet]:
        """Go through all subnets that are served now, those included that only relay agents lead to."""
        return iter([subnet for subnets in self._places.values() for subnet in subnets])

    def served(self, interface: str) -> Served | None:
        """Return a served interface by its name."""
        return self._served.get(interface)

    def find(self, table: int, address: int) -> Subnet | None:
        """Return the subnet of a table that an address lies in; the smallest one, should there be several."""
        for length, subnets in self._by_length.items():
            found = subnets.get((table, address >> (32 - length)))
            if found is not None:
                return found[-1]
        return None

    def behind(self, table: int, relay_address: int) -> tuple[Subnet, ...]:
        """Return the subnets whose clients a relay agent brings, or that a link or subnet selection means.

        These are those that it is configured for, and the configured one that it has an address in; where it is
        configured for none, any one that it has an address in. So several networks can be on the link behind a relay
        agent, and one that calls itself by its address on the way to us does not bring its clients into that network.
        """
        subnets = tuple(self._by_relay.get((table, relay_address), ()))
        around = self.find(table, relay_address)
        if around is None or around in subnets or (subnets and not around.id):
            return subnets
        return (*subnets, around)

    def at(self, place: Place) -> tuple[Subnet, ...]:
        """Return the subnets that are served at a place."""
        return self._places.get(place, ())

    def set(self, place: Place, table: int, subnets: tuple[Subnet, ...] | None) -> None:
        """Have these subnets served at a place, and no others; None where nobody is served there any more.

        table: routing table of the place.
        """
        before, now = self._places.pop(place, ()), subnets or ()
        for subnet in before:
            if not any(subnet is other for other in now):
                self._unlist(subnet)
        for subnet in now:
            if not any(subnet is other for other in before):
                self._list(subnet)
        if subnets is not None:
            self._places[place] = subnets
        if isinstance(place, str):
            self._served.pop(place, None)
            if subnets is not None:
                self._served[place] = Served(place, table, subnets)

    def _list(self, subnet: Subnet) -> None:
        length = subnet.network.prefixlen
        if length not in self._by_length:
            self._by_length[length] = {}
            self._by_length = dict(sorted(self._by_length.items(), reverse=True))
        # While an address moves from one interface to another, both may be seen to have it.
        self._by_length[length].setdefault(_key(subnet), []).append(subnet)
        for key in _relays(subnet):
            self._by_relay.setdefault(key, []).append(subnet)
        self.tables[subnet.table] += 1

    def _unlist(self, subnet: Subnet) -> None:
        length = subnet.network.prefixlen
        _remove(self._by_length[length], _key(subnet), subnet)
        if not self._by_length[length]:
            del self._by_length[length]
        for key in _relays(subnet):
            _remove(self._by_relay, key, subnet)
        self.tables[subnet.table] -= 1
        if not self.tables[subnet.table]:
            del self.tables[subnet.table]


def _key(subnet: Subnet) -> tuple[int, int]:
    return subnet.table, subnet.first >> (32 - subnet.network.prefixlen)


def _relays(subnet: Subnet) -> Iterator[tuple[int, int]]:
    config = subnet.made_of.config
    return ((subnet.table, address) for address in (config.relay_addresses if config is not None else ()))


def _remove(index: dict[tuple[int, int], list[Subnet]], key: tuple[int, int], subnet: Subnet) -> None:
    index[key].remove(subnet)
    if not index[key]:
        del index[key]
