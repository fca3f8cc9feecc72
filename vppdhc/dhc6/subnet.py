"""The networks that are served, and where they are."""

from collections.abc import Iterator
from ipaddress import IPv6Network
from typing import NamedTuple, TypeAlias

from vppdhc.dhc6.config import NO_OVERRIDES, Lifetimes, Settings, SubnetConfig
from vppdhc.dhc6.delegation import DelegationPool
from vppdhc.dhc6.identifiers import ReservedIds
from vppdhc.dhc6.levels import FOR_EVER, Terms
from vppdhc.dhc6.options import Upstream
from vppdhc.dhc6.pool import Pool, PoolKey, Space
from vppdhc.leases.lease6 import ADDRESS_LENGTH, LeaseKind
from vppdhc.servers import subnet as shared
from vppdhc.servers.subnet import BaseNetworks, BaseSubnet, Place, Relayed, pool_plans

__all__ = ["Networks", "Place", "Plan", "Relayed", "Served", "Subnet", "SubnetPool"]

Plan: TypeAlias = shared.Plan[IPv6Network, Settings, SubnetConfig]
SubnetPool: TypeAlias = shared.SubnetPool[Pool, Terms]


class Subnet(BaseSubnet[Plan, Pool, Terms]):
    """One IPv6 network that is served, with all that is derived from it.

    network: the network.
    settings: how its clients are served.
    life: how long the prefix that it is in lives. Changes while the subnet stays.
    """

    __slots__ = ("_reserved", "life", "network", "settings")

    def __init__(self, plan: Plan, spare: dict[PoolKey, Pool], upstream: Upstream) -> None:
        """Derive all that is needed.

        spare: pools that are in no subnet any more; those with the same addresses are taken out of there and used on.
        upstream: see Parameters.
        """
        self.network = plan.network
        self.settings = plan.settings
        self.life = FOR_EVER
        self._reserved = ReservedIds(self.network)
        terms = Terms(self.settings, upstream)
        super().__init__(plan, terms, self._pools(plan, terms, spare, upstream))

    def _pools(self, plan: Plan, terms: Terms, spare: dict[PoolKey, Pool], upstream: Upstream) -> Iterator[SubnetPool]:
        """Make the pools; terms: of the subnet."""
        space = Space(plan.table, LeaseKind.ADDRESS, ADDRESS_LENGTH)
        around = int(self.network.network_address), int(self.network.broadcast_address) + 1
        for id_, overrides, whole, ranges in pool_plans(plan, around, around, self._reserved.holes()):
            pool = Pool(space, whole, ranges)
            if pool.size:
                own = terms
                if overrides is not None and overrides != NO_OVERRIDES:
                    own = Terms(overrides.over(self.settings), upstream)
                yield SubnetPool(id_, spare.pop(pool.key, pool), own)

    def is_for_clients(self, address: int) -> bool:
        """Whether an address of the network can be a client's, in a pool or not.

        Not the router's own, and none with a reserved interface id (RFC 5453).
        """
        return address in self and address not in self.own and self.reserved_until(address) is None

    def reserved_until(self, address: int) -> int | None:
        """Return one past the last of the reserved addresses that one is among; None where it is not reserved."""
        return self._reserved.until(address)

    def pool_of(self, address: int) -> SubnetPool | None:
        """Return the pool that an address is in."""
        return super().pool_of(address) if self.reserved_until(address) is None else None

    def lifetimes(self, address: int, now: float) -> Lifetimes:
        """Return the lifetimes of a lease of an address, made or extended now: never more than its prefix has."""
        return self.life.limit(self.terms_of(address).settings.lifetimes, now)

    def gives(self, now: float) -> bool:
        """Whether addresses are given to those who have none of it: not in a deprecated prefix."""
        return self.life.is_preferred(now)

    def learn(self, upstream: Upstream) -> bool:
        """Tell clients from now on other values of the provider; returns whether any of them hears anything else."""
        changed = [terms.parameters.learn(upstream) for terms in self.every_terms()]
        return any(changed)


class Served(NamedTuple):
    """A served interface: its subnets, those with an address of the router first, in VPP's order of these.

    It may have none: then its clients get no addresses, but what else there is.

    terms: what holds for clients of the interface, in a subnet or not.
    pools: the pools of prefixes for its clients and those that relay agents bring there.
    """

    name: str
    table: int
    subnets: tuple[Subnet, ...]
    terms: Terms
    pools: tuple[DelegationPool, ...]


class Networks(BaseNetworks[Subnet, Served]):
    """All that is served, found by interface, and for relayed clients by an address in their networks."""

    def behind(self, table: int, link_address: int) -> tuple[Subnet, ...]:
        """Return the subnets on the link that a relay agent names by an address (RFC 8415, 13.1).

        These are those that it is configured for, and the configured one that the address is in; where it is
        configured for none, any one that the address is in, and the others on the interface of that. So several
        networks can be on the link behind a relay agent.
        """
        subnets = tuple(self._by_relay.get((table, link_address), ()))
        around = self.find(table, link_address)
        if around is None or around in subnets or (subnets and not around.id):
            return subnets
        if not subnets and around.interface:
            return self.at(around.interface)
        return (*subnets, around)

    def pools(self) -> Iterator[DelegationPool]:
        """Go through all pools of prefixes that are served now, by interface."""
        return iter([pool for served in self._served.values() for pool in served.pools])

    def prefix_pools(self, interface: str, link_address: int = 0) -> tuple[DelegationPool, ...]:
        """Return the pools of prefixes for clients on an interface (0), or of the link that a relay agent names."""
        served = self._served.get(interface)
        return () if served is None else tuple(pool for pool in served.pools if pool.serves(link_address))

    def pool_around(self, table: int, network: int, length: int) -> DelegationPool | None:
        """Return a pool of a table that a prefix is a part of, whatever its length."""
        return next((pool for pool in self.pools() if pool.table == table and pool.has(network, length)), None)
