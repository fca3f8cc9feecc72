"""The networks that are served, and where they are, as far as it is the same for addresses of both kinds."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

from vppdhc.leases.ranges import Range, Ranges, without
from vppdhc.servers.config import BaseSubnetConfig, NetworkT, OverridesT, SettingsT, SubnetConfigT_co


class Plan(NamedTuple, Generic[NetworkT, SettingsT, SubnetConfigT_co]):
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
    network: NetworkT
    own: tuple[int, ...]
    settings: SettingsT
    config: SubnetConfigT_co | None = None


class Relayed(NamedTuple):
    """The place of a configured subnet, by its id, that only relay agents lead to."""

    subnet: str


Place: TypeAlias = str | Relayed
"""Where something is served: on an interface, by its name, or behind relay agents."""

PlanT = TypeVar("PlanT", bound=Plan[Any, Any, Any])
PoolT = TypeVar("PoolT", bound=Ranges[Any])
TermsT = TypeVar("TermsT")


class SubnetPool(NamedTuple, Generic[PoolT, TermsT]):
    """A pool of a subnet, which is not empty.

    id: in the configuration; empty for the one that is made of the whole network.
    pool: its addresses.
    terms: what holds for them.
    """

    id: str
    pool: PoolT
    terms: TermsT


class BaseSubnet(Generic[PlanT, PoolT, TermsT]):
    """One network that is served, with what is derived from it for addresses of both kinds.

    made_of: what it was made of.
    id: in the configuration; empty for one that was made from its interface.
    interface: name of the interface; empty for a network that only relay agents lead to.
    table: routing table (VRF) id.
    first, last: its lowest and highest address.
    own: the router's addresses in it.
    terms: what holds for its addresses that are in no pool.
    pools: its pools, apart from each other.
    """

    __slots__ = ("_special", "first", "id", "interface", "last", "made_of", "own", "pools", "table", "terms")

    def __init__(self, plan: PlanT, terms: TermsT, pools: Iterable[SubnetPool[PoolT, TermsT]]) -> None:
        """Derive all that is needed.

        terms: what holds for its addresses.
        pools: its pools; one for which nothing else holds has just these terms.
        """
        self.made_of = plan
        self.id = "" if plan.config is None else plan.config.id
        self.interface = plan.interface
        self.table = plan.table
        self.first = int(plan.network.network_address)
        self.last = int(plan.network.broadcast_address)
        self.own = plan.own
        self.terms = terms
        self.pools = tuple(pools)
        self._special = tuple(pool for pool in self.pools if pool.terms is not terms)

    def __contains__(self, address: int) -> bool:
        return self.first <= address <= self.last

    def pool_of(self, address: int) -> SubnetPool[PoolT, TermsT] | None:
        """Return the pool that an address is in."""
        for pool in self.pools:
            if address in pool.pool:
                return pool
        return None

    def terms_of(self, address: int) -> TermsT:
        """Return what holds for an address: for its pool, else for the subnet."""
        for pool in self._special:
            if address in pool.pool:
                return pool.terms
        return self.terms

    def every_terms(self) -> list[TermsT]:
        """Return what holds in it, for its pools and else: each once."""
        return [self.terms, *(pool.terms for pool in self._special)]


class PoolPlan(NamedTuple, Generic[OverridesT]):
    """What a pool of a subnet is made of.

    id: see SubnetPool.
    overrides: what is different there; None for nothing.
    whole: the addresses that it is configured to have, as far as the network has them.
    ranges: those of them that it has, the lowest first.
    """

    id: str
    overrides: OverridesT | None
    whole: Range
    ranges: tuple[Range, ...]


def pool_plans(
    plan: Plan[NetworkT, SettingsT, BaseSubnetConfig[NetworkT, OverridesT]],
    around: Range,
    unconfigured: Range,
    holes: Iterable[Range] = (),
) -> Iterator[PoolPlan[OverridesT]]:
    """Say what the pools of a subnet are made of.

    around: the addresses of the network that configured pools can have.
    unconfigured: those that are the pool where none is configured.
    holes: what is in no pool, beside the router's addresses and what is excluded.
    """
    taken = [*((address, address + 1) for address in plan.own), *holes]
    config = plan.config
    if config is not None:
        taken += [(first, last + 1) for first, last in config.excluded]
    if config is None or not config.pools:
        yield PoolPlan("", None, unconfigured, tuple(without(unconfigured, taken)))
        return
    start, stop = around
    for pool in config.pools:
        whole = max(start, pool.first), min(stop, pool.last + 1)
        yield PoolPlan(pool.id, pool.overrides, whole, tuple(without(whole, taken)))
        taken.append((pool.first, pool.last + 1))  # so that they are apart, though that is not a valid configuration


SubnetT = TypeVar("SubnetT", bound=BaseSubnet[Any, Any, Any])
ServedT = TypeVar("ServedT")


class Changed(NamedTuple, Generic[SubnetT]):
    """Subnets that were served and are no longer, and those that are now."""

    gone: list[SubnetT]
    new: list[SubnetT]


class BaseNetworks(Generic[SubnetT, ServedT]):
    """All that is served, found by interface, and for relayed clients by an address in their networks.

    ServedT: what is known of an interface that is served.

    tables: routing tables in which addresses are served.
    """

    def __init__(self) -> None:
        self._served: dict[str, ServedT] = {}
        self._places: dict[Place, tuple[SubnetT, ...]] = {}
        self._by_host_bits: dict[int, dict[tuple[int, int], list[SubnetT]]] = {}
        self._by_relay: dict[tuple[int, int], list[SubnetT]] = {}
        self.tables: Counter[int] = Counter()

    def __iter__(self) -> Iterator[ServedT]:
        """Go through the interfaces that are served now; others may come and go meanwhile."""
        return iter(list(self._served.values()))

    def subnets(self) -> Iterator[SubnetT]:
        """Go through all subnets that are served now, those included that only relay agents lead to."""
        return iter([subnet for subnets in self._places.values() for subnet in subnets])

    def served(self, interface: str) -> ServedT | None:
        """Return a served interface by its name."""
        return self._served.get(interface)

    def find(self, table: int, address: int) -> SubnetT | None:
        """Return the subnet of a table that an address lies in; the smallest one, should there be several."""
        for host_bits, subnets in self._by_host_bits.items():
            found = subnets.get((table, address >> host_bits))
            if found is not None:
                return found[-1]
        return None

    def at(self, place: Place) -> tuple[SubnetT, ...]:
        """Return the subnets that are served at a place."""
        return self._places.get(place, ())

    def find_pool(self, table: int, pool: Ranges[Any]) -> tuple[SubnetT, SubnetPool[Any, Any]] | None:
        """Return the subnet of a table that a pool, which is not empty, is of, and what it is there."""
        subnet = self.find(table, pool.first)
        found = None if subnet is None else subnet.pool_of(pool.first)
        return None if subnet is None or found is None or found.pool is not pool else (subnet, found)

    def place(
        self,
        plans: Mapping[Place, Sequence[PlanT] | None],
        make: Callable[[PlanT, dict[Any, Any]], SubnetT],
    ) -> Changed[SubnetT]:
        """Have just these subnets served at some places; None where nobody is served there any more.

        A subnet stays where its plan does.

        make: makes a subnet of a plan, and of pools that are free to be used on, by their keys.
        """
        there = {place: {subnet.made_of: subnet for subnet in self.at(place)} for place in plans}
        gone = [
            subnet
            for place, wanted in plans.items()
            for plan, subnet in there[place].items()
            if wanted is None or plan not in wanted
        ]
        spare = {own.pool.key: own.pool for subnet in gone for own in subnet.pools}
        new: list[SubnetT] = []
        for place, wanted in plans.items():
            subnets = there[place]
            for plan in wanted or ():
                if plan not in subnets:
                    subnets[plan] = make(plan, spare)
                    new.append(subnets[plan])
            self._set(place, None if wanted is None else tuple(subnets[plan] for plan in wanted))
        return Changed(gone, new)

    def serve(self, name: str, served: ServedT | None) -> None:
        """Have the clients of an interface served, once its subnets are set; None for no longer."""
        self._served.pop(name, None)
        if served is not None:
            self._served[name] = served

    def _set(self, place: Place, subnets: tuple[SubnetT, ...] | None) -> None:
        """Have these subnets served at a place, and no others; None where nobody is served there any more."""
        before, now = self._places.pop(place, ()), subnets or ()
        for subnet in before:
            if not any(subnet is other for other in now):
                self._unlist(subnet)
        for subnet in now:
            if not any(subnet is other for other in before):
                self._list(subnet)
        if subnets is not None:
            self._places[place] = subnets

    def _list(self, subnet: SubnetT) -> None:
        host_bits = _host_bits(subnet)
        if host_bits not in self._by_host_bits:
            self._by_host_bits[host_bits] = {}
            self._by_host_bits = dict(sorted(self._by_host_bits.items()))
        # While an address moves from one interface to another, both may be seen to have it.
        self._by_host_bits[host_bits].setdefault(_key(subnet), []).append(subnet)
        for key in _relays(subnet):
            self._by_relay.setdefault(key, []).append(subnet)
        self.tables[subnet.table] += 1

    def _unlist(self, subnet: SubnetT) -> None:
        host_bits = _host_bits(subnet)
        _remove(self._by_host_bits[host_bits], _key(subnet), subnet)
        if not self._by_host_bits[host_bits]:
            del self._by_host_bits[host_bits]
        for key in _relays(subnet):
            _remove(self._by_relay, key, subnet)
        self.tables[subnet.table] -= 1
        if not self.tables[subnet.table]:
            del self.tables[subnet.table]


def _host_bits(subnet: BaseSubnet[Any, Any, Any]) -> int:
    """Return how many bits of an address tell the hosts of a subnet from each other."""
    network = subnet.made_of.network
    return int(network.max_prefixlen - network.prefixlen)


def _key(subnet: BaseSubnet[Any, Any, Any]) -> tuple[int, int]:
    return subnet.table, subnet.first >> _host_bits(subnet)


def _relays(subnet: BaseSubnet[Any, Any, Any]) -> Iterator[tuple[int, int]]:
    config = subnet.made_of.config
    return ((subnet.table, address) for address in (config.relay_addresses if config is not None else ()))


def _remove(index: dict[tuple[int, int], list[SubnetT]], key: tuple[int, int], subnet: SubnetT) -> None:
    index[key].remove(subnet)
    if not index[key]:
        del index[key]
