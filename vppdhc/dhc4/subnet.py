"""The networks that are served, and where they are."""

from collections.abc import Iterator
from ipaddress import IPv4Network
from typing import NamedTuple, TypeAlias

from vppdhc.dhc4.config import NO_OVERRIDES, Settings, SubnetConfig
from vppdhc.dhc4.levels import Terms
from vppdhc.dhc4.options import Upstream
from vppdhc.dhc4.pool import Pool, PoolKey, whole_of
from vppdhc.servers import subnet as shared
from vppdhc.servers.subnet import BaseNetworks, BaseSubnet, Place, Relayed, pool_plans

__all__ = ["Networks", "Place", "Plan", "Relayed", "Served", "Subnet", "SubnetPool"]

_TWO_HOSTS = 31
"""The prefix length from which on a network has no address of its own and none for broadcasts (RFC 3021)."""

Plan: TypeAlias = shared.Plan[IPv4Network, Settings, SubnetConfig]
SubnetPool: TypeAlias = shared.SubnetPool[Pool, Terms]


class Subnet(BaseSubnet[Plan, Pool, Terms]):
    """One IPv4 network that is served, with all that is derived from it.

    network: the network.
    server_id: the first of the router's addresses in it: our server identifier there, and its clients' router. 0 where
        there is none: an address of the interface that a message comes in by is the server identifier then, and clients
        are told no router unless one is configured.
    encoded_server_id: the same as an option value.
    settings: how its clients are served.
    """

    __slots__ = ("encoded_server_id", "network", "server_id", "settings")

    def __init__(self, plan: Plan, spare: dict[PoolKey, Pool], upstream: Upstream) -> None:
        """Derive all that is needed.

        spare: pools that are in no subnet any more; those with the same addresses are taken out of there and used on.
        upstream: see Parameters.
        """
        self.network = plan.network
        self.settings = plan.settings
        self.server_id = plan.own[0] if plan.own else 0
        self.encoded_server_id = self.server_id.to_bytes(4, "big")
        terms = Terms(self.settings, self.network, self.server_id, upstream)
        super().__init__(plan, terms, self._pools(plan, terms, spare, upstream))

    def _pools(self, plan: Plan, terms: Terms, spare: dict[PoolKey, Pool], upstream: Upstream) -> Iterator[SubnetPool]:
        """Make the pools; terms: of the subnet."""
        network = self.network
        unconfigured = whole_of(network, self.settings.static_percentage)
        for id_, overrides, _, ranges in pool_plans(plan, whole_of(network, 0), unconfigured):
            pool = Pool(plan.table, ranges)
            if pool.size:
                own = terms
                if overrides is not None and overrides != NO_OVERRIDES:
                    own = Terms(overrides.over(self.settings), network, self.server_id, upstream)
                yield SubnetPool(id_, spare.pop(pool.key, pool), own)

    def is_for_clients(self, address: int) -> bool:
        """Whether an address of the network can be a client's, in a pool or not.

        Not the router's own, and neither the network's nor its broadcast address (RFC 1122, 3.2.1.3).
        """
        if address in self.own:
            return False
        return self.first < address < self.last or (self.network.prefixlen >= _TWO_HOSTS and address in self)

    def learn(self, upstream: Upstream) -> None:
        """Tell clients from now on other values of the provider."""
        for terms in self.every_terms():
            terms.parameters.learn(upstream)


class Served(NamedTuple):
    """A served interface: its subnets, those with an address of the router first, in VPP's order of these."""

    name: str
    table: int
    subnets: tuple[Subnet, ...]


class Networks(BaseNetworks[Subnet, Served]):
    """All that is served, found by interface, and for relayed clients by an address in their networks."""

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
