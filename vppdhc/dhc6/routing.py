"""Keeps the routes to delegated prefixes in VPP: they come and go with the leases."""

from collections.abc import Callable, Iterable
from ipaddress import IPv6Address, IPv6Network
from typing import Final

import gevent
from gevent.event import Event

from vppdhc.dhc6.protocols import Programmer
from vppdhc.dhc6.routes import DelegatedRoute, RouteChange
from vppdhc.vpp.items import Item, Route

OWNER: Final = "dhc6server"
_GATHER: Final = 0.05
"""Seconds in which more changes are waited for, as VPP is told of all at once."""
_PREFERENCE: Final = 0


class DelegatedRoutes:
    """The routes that leases want, and VPP has.

    They stay in VPP when the daemon ends, as the leases do; the next start finds out which of them are still wanted.
    """

    def __init__(
        self,
        programmer: Programmer,
        routes: Iterable[DelegatedRoute],
        settled: Callable[[], object],
        sleep: Callable[[float], object] = gevent.sleep,
    ) -> None:
        """Have nothing in VPP before run().

        routes: of the leases that were read.
        settled: is called once, when VPP has been told of these, or would have been if it were there.
        """
        self._programmer = programmer
        self._routes = set(routes)
        self._settled = settled
        self._sleep = sleep
        self._wanted = False
        self._wake = Event()

    def __len__(self) -> int:
        """Count the routes that leases want."""
        return len(self._routes)

    def prefixes(self) -> list[IPv6Network]:
        """Return the prefixes that there are routes to."""
        return [IPv6Network((route.network, route.length)) for route in self._routes]

    def have(self, *, wanted: bool) -> None:
        """Say whether there are to be routes at all: not while nobody is served."""
        if wanted != self._wanted:
            self._wanted = wanted
            self._wake.set()

    def follow(self, changes: Iterable[RouteChange]) -> None:
        """Follow changes of leases that are durable; never waits."""
        for old, new in changes:
            if old is not None:
                self._routes.discard(old)
            if new is not None:
                self._routes.add(new)
            self._wake.set()

    def run(self) -> None:
        """Tell VPP, for ever."""
        self.tell()
        self._settled()
        while True:
            self._wake.wait()
            self._sleep(_GATHER)
            self.tell()

    def tell(self) -> None:
        """Tell VPP of all that is wanted now, and wait until it has it."""
        self._wake.clear()
        self._programmer.want(OWNER, [_item(route) for route in sorted(self._routes)] if self._wanted else [])

    @property
    def problem(self) -> str:
        """What VPP has not, in words; empty where it has everything."""
        refused = self._programmer.problems(OWNER)
        return "; ".join(f"{item}: {reason}" for item, reason in refused.items())


def _item(route: DelegatedRoute) -> Item:
    """Return what VPP is to have.

    A next hop that is no link-local address is one of a relay agent, which may be beyond other routers: VPP finds the
    way to it in the table.
    """
    prefix = IPv6Network((route.network, route.length))
    return Route(route.table, prefix, IPv6Address(route.next_hop), route.interface, _PREFERENCE)
