"""What is served: the configuration on the interfaces as they are now, and its pools and reservations in the book."""

from collections.abc import Iterable
from dataclasses import replace

from vppdhc.dhc4.book import LeaseBook
from vppdhc.dhc4.config import ServerConfig
from vppdhc.dhc4.events import PoolEvent
from vppdhc.dhc4.layout import Layout
from vppdhc.dhc4.options import Upstream
from vppdhc.dhc4.subnet import Networks, Place, Served, Subnet
from vppdhc.interface import Interface
from vppdhc.servers.option_set import NOTHING_LEARNED
from vppdhc.servers.pools import replace_pools

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
        self._serve(self._layout.change(old, new))
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
            found = self.networks.find_pool(pool.space, pool)
            if found is not None:
                subnet, own = found
                events.append(PoolEvent(pool.space, subnet.network, subnet.interface, usage, subnet.id, own.id))
        return events

    def _serve(self, places: Iterable[Place]) -> None:
        """Have what is served at some places be what the layout says, and its pools in the book."""
        plans = {place: self._layout.plans(place) for place in places}
        gone, new = self.networks.place(plans, lambda plan, spare: Subnet(plan, spare, self._upstream))
        for place, wanted in plans.items():
            if isinstance(place, str):
                at = self.networks.at(place)
                self.networks.serve(place, None if wanted is None else Served(place, self._layout.table(place), at))
        replace_pools(
            self._book,
            {own.pool for subnet in gone for own in subnet.pools},
            {own.pool: own.terms.settings.max_address_utilization for subnet in new for own in subnet.pools},
        )
        if any(subnet.settings.max_leases_per_hardware_address is not None for subnet in self.networks.subnets()):
            self._book.count_by_hardware()  # now, as no packet has the time for it

    def _reserve(self) -> None:
        """Have in the book what is reserved in each table in which something is served."""
        for table in {*self.networks.tables, *self._reserved}:
            wanted = self.config.reservations.addresses(table) if table in self.networks.tables else _NONE
            if wanted is not self._reserved.get(table):
                self._book.reserve(table, wanted)
                self._reserved[table] = wanted
            if not wanted:
                del self._reserved[table]
