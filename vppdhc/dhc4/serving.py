"""What is served: the configuration on the interfaces as they are now, and its pools and reservations in the book."""

from collections.abc import Iterable
from dataclasses import replace

from vppdhc.dhc4.book import LeaseBook
from vppdhc.dhc4.config import ServerConfig
from vppdhc.dhc4.events import PoolEvent
from vppdhc.dhc4.layout import Layout
from vppdhc.dhc4.options import Upstream
from vppdhc.dhc4.subnet import NOTHING_LEARNED, Networks, Place, Subnet
from vppdhc.interface import Interface

_NONE: frozenset[int] = frozenset()


class Serving:
    """The networks that are served now.

    config: the configuration that holds now.
    networks: what is made of it on the interfaces as they are.
    """

    def __init__(self, config: ServerConfig, book: LeaseBook) -> None:
        """Start without interfaces: interface_changed() brings them."""
        self.config = config
        self.networks = Networks()
        self._book = book
        self._layout = Layout(config)
        self._upstream: Upstream = NOTHING_LEARNED
        self._reserved: dict[int, frozenset[int]] = {}
        self._serve(self._layout.places())

    def configure(self, config: ServerConfig) -> None:
        """Go on with another configuration; leases stay.

        What takes time is what changes: pools stay unless other addresses are in them, and so do networks unless
        their settings change.
        """
        before, self.config = self.config, config
        if replace(config, reservations=before.reservations, classes=before.classes) != before:
            places = self._layout.places()
            self._layout = Layout(config, self._layout.interfaces.values())
            self._serve([*places, *self._layout.places()])
        self._reserve()

    def interface_changed(self, old: Interface | None, new: Interface | None) -> None:
        """Take note of a new, changed or vanished interface; either may be None.

        Pools are made anew only for networks that are not as they were. No lease is touched.
        """
        places: list[Place] = []
        if old is not None and (new is None or new.name != old.name):
            places += self._layout.put(old.name, None)
        if new is not None:
            places += self._layout.put(new.name, new)
        self._serve(places)
        self._reserve()

    def set_upstream(self, upstream: Upstream) -> None:
        """Tell clients from now on what the router's own clients have learned from their providers.

        upstream: by interface, values as received by option code; what is there no longer is forgotten.
        """
        self._upstream = upstream
        for subnet in self.networks.subnets():
            subnet.learn(upstream)

    def pool_events(self) -> list[PoolEvent]:
        """Return which pools have become too full, or are so no longer, since this was last called.

        Seldom is there one, and finding that out takes no time. Of a pool that is too full again before anybody asked
        nothing is told, nor of what was taken back.
        """
        events = []
        for pool, usage in self._book.crossed():
            subnet = self.networks.find(pool.table, pool.first)
            found = None if subnet is None else subnet.pool_of(pool.first)
            if subnet is not None and found is not None and found.pool is pool:
                events.append(PoolEvent(pool.table, subnet.network, subnet.interface, usage, subnet.id, found.id))
        return events

    def _serve(self, places: Iterable[Place]) -> None:
        """Have what is served at some places be what the layout says, and its pools in the book."""
        plans = {place: self._layout.plans(place) for place in places}
        there = {place: {subnet.made_of: subnet for subnet in self.networks.at(place)} for place in plans}
        gone = [
            subnet
            for place, wanted in plans.items()
            for plan, subnet in there[place].items()
            if wanted is None or plan not in wanted
        ]
        spare = {own.pool.key: own.pool for subnet in gone for own in subnet.pools}
        new: list[Subnet] = []
        for place, wanted in plans.items():
            subnets = there[place]
            for plan in wanted or ():
                if plan not in subnets:
                    subnets[plan] = Subnet(plan, spare, self._upstream)
                    new.append(subnets[plan])
            served = None if wanted is None else tuple(subnets[plan] for plan in wanted)
            self.networks.set(place, self._layout.table(place), served)
        self._replace_pools(gone, new)
        if any(subnet.settings.max_leases_per_hardware_address is not None for subnet in self.networks.subnets()):
            self._book.count_by_hardware()  # now, as no packet has the time for it

    def _replace_pools(self, gone: Iterable[Subnet], new: Iterable[Subnet]) -> None:
        before = {own.pool for subnet in gone for own in subnet.pools}
        after = {own.pool for subnet in new for own in subnet.pools}
        for pool in before - after:
            self._book.remove_pool(pool)
        for pool in after - before:
            self._book.add_pool(pool)
        for subnet in new:
            for own in subnet.pools:
                self._book.set_threshold(own.pool, own.terms.settings.max_address_utilization)

    def _reserve(self) -> None:
        """Have in the book what is reserved in each table in which something is served."""
        for table in {*self.networks.tables, *self._reserved}:
            wanted = self.config.reservations.addresses(table) if table in self.networks.tables else _NONE
            if wanted is not self._reserved.get(table):
                self._book.reserve(table, wanted)
                self._reserved[table] = wanted
            if not wanted:
                del self._reserved[table]
