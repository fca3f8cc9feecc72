"""What is served: the configuration on the interfaces as they are now, and its pools and reservations in the book."""

from collections.abc import Iterable
from dataclasses import replace
from ipaddress import IPv6Network
from typing import NamedTuple

from vppdhc.dhc6.book import LeaseBook6
from vppdhc.dhc6.config import ServerConfig
from vppdhc.dhc6.delegation import DelegationPool
from vppdhc.dhc6.layout import AdvertisedPrefixes, Delegations, Layout
from vppdhc.dhc6.levels import Terms
from vppdhc.dhc6.options import NOTHING_LEARNED, Upstream
from vppdhc.dhc6.pool import Pool, PoolKey
from vppdhc.dhc6.reservations import Reservations
from vppdhc.dhc6.subnet import Networks, Place, Served, Subnet
from vppdhc.interface import Interface
from vppdhc.leases.lease6 import LeaseKind
from vppdhc.leases.usage import PoolUsage
from vppdhc.servers.pools import replace_pools

_NO_RESERVATIONS = Reservations()


class CrossedPool(NamedTuple):
    """A pool has become too full, or is so no longer; usage.exceeded says which of the two.

    table, kind: routing table (VRF) id, and what is in the pool.
    network: what the pool is of.
    interface: where; of a pool of prefixes the first interface that has it.
    subnet, pool_id: the subnet and pool in the configuration; empty where they are made from the interface.
    """

    table: int
    kind: LeaseKind
    network: IPv6Network
    interface: str
    usage: PoolUsage
    subnet: str
    pool_id: str


class Serving:
    """The networks that are served now.

    config: the configuration that holds now.
    networks: what is made of it on the interfaces as they are.
    """

    def __init__(self, config: ServerConfig, book: LeaseBook6) -> None:
        """Start without interfaces: interface_changed() brings them."""
        self.config = config
        self.networks = Networks()
        self._book = book
        self._layout = Layout(config)
        self._upstream: Upstream = NOTHING_LEARNED
        self._reserved: tuple[Reservations, frozenset[int]] = _NO_RESERVATIONS, frozenset()
        self._refresh(self._layout.places())

    def configure(self, config: ServerConfig) -> None:
        """Go on with another configuration; leases stay.

        Pools stay unless other addresses are in them, and so do networks unless their settings change.
        """
        before, self.config = self.config, config
        if replace(config, reservations=before.reservations, server_duid=before.server_duid) != before:
            old = self._layout
            self._layout = Layout(config, old.interfaces.values())
            self._layout.advertised, self._layout.delegations = old.advertised, old.delegations
            self._refresh([*old.places(), *self._layout.places()])
        self._reserve()

    def interface_changed(self, old: Interface | None, new: Interface | None) -> None:
        """Take note of a new, changed or vanished interface; either may be None.

        Pools are made anew only for networks that are not as they were. No lease is touched.
        """
        self._refresh(self._layout.change(old, new))

    def set_delegated(self, advertised: AdvertisedPrefixes) -> None:
        """Take note of what hosts of each LAN now hear of delegated prefixes, all of it: how long those live."""
        self._layout.advertised = advertised
        self._refresh(())

    def set_delegations(self, delegations: Delegations) -> None:
        """Take note of the prefixes that our own clients now have, all of them: what can be delegated on."""
        self._layout.delegations = delegations
        self._refresh(())

    def set_upstream(self, upstream: Upstream) -> bool:
        """Tell clients from now on what the router's own clients have learned from their providers.

        upstream: by interface, values as received by option code; what is there no longer is forgotten.
        Returns whether any client hears anything else now.
        """
        self._upstream = upstream
        changed = [subnet.learn(upstream) for subnet in self.networks.subnets()]
        changed += [served.terms.parameters.learn(upstream) for served in self.networks]
        return any(changed)

    def crossed(self) -> list[CrossedPool]:
        """Return which pools have become too full, or are so no longer, since this was last called.

        Seldom is there one, and finding that out takes no time. Of a pool that is too full again before anybody asked
        nothing is told, nor of what was taken back.
        """
        told = []
        for pool, usage in self._book.crossed():
            table, kind, _ = pool.space
            if kind is LeaseKind.PREFIX:
                source = next((one for one in self.networks.pools() if one.pool is pool), None)
                if source is not None:
                    told.append(CrossedPool(table, kind, source.prefix, source.interface, usage, "", source.id))
                continue
            found = self.networks.find_pool(table, pool)
            if found is not None:
                subnet, own = found
                told.append(CrossedPool(table, kind, subnet.network, subnet.interface, usage, subnet.id, own.id))
        return told

    def _refresh(self, places: Iterable[Place]) -> None:
        """Have everything be what the layout says: subnets at some places, and how long they live, and prefixes."""
        self._place(places)
        for subnet in self.networks.subnets():
            subnet.life = self._layout.life(subnet.made_of)
        self._delegate()
        self._reserve()

    def _place(self, places: Iterable[Place]) -> None:
        """Have the subnets at some places be what the layout says, and their pools in the book."""
        plans = {place: self._layout.plans(place) for place in places}
        gone, new = self.networks.place(plans, lambda plan, spare: Subnet(plan, spare, self._upstream))
        replace_pools(
            self._book,
            {own.pool for subnet in gone for own in subnet.pools},
            {own.pool: own.terms.settings.max_address_utilization for subnet in new for own in subnet.pools},
        )

    def _delegate(self) -> None:
        """Have the pools of prefixes of each interface be what the layout says, and in the book."""
        before = {pool.made_of: pool for pool in self.networks.pools()}
        known: dict[PoolKey, Pool] = {pool.pool.key: pool.pool for pool in before.values()}
        names = {*self._layout.interfaces, *(served.name for served in self.networks)}
        for name in names:
            pools = []
            for plan, life in self._layout.prefix_plans(name):
                pool = before.get(plan) or DelegationPool(plan, known)
                pool.life = life
                pools.append(pool)
            self.networks.serve(name, self._served(name, tuple(pools)))
        replace_pools(
            self._book,
            {pool.pool for pool in before.values()},
            {pool.pool: pool.made_of.config.max_utilization for pool in self.networks.pools()},
        )

    def _served(self, name: str, pools: tuple[DelegationPool, ...]) -> Served | None:
        """Return what is served on an interface, None where nobody is."""
        settings = self._layout.settings(name)
        if settings is None:
            return None
        known = self.networks.served(name)
        same = known is not None and known.terms.settings == settings
        terms = known.terms if known is not None and same else Terms(settings, self._upstream)
        return Served(name, self._layout.table(name), self.networks.at(name), terms, pools)

    def _reserve(self) -> None:
        """Have in the book what is reserved in each table in which something is served."""
        tables = frozenset([*self.networks.tables, *(pool.table for pool in self.networks.pools())])
        if self._reserved == (self.config.reservations, tables):
            return
        self._reserved = self.config.reservations, tables
        self._book.reserve(place for table in tables for place in self.config.reservations.places(table))
