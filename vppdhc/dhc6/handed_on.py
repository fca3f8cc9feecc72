"""Which prefixes routers have, or are about to get: nobody else is to have a part of them."""

from collections.abc import Iterator
from ipaddress import IPv6Network

from vppdhc.dhc6.book import LeaseBook6
from vppdhc.dhc6.delegation import DelegationPool
from vppdhc.dhc6.routing import DelegatedRoutes
from vppdhc.dhc6.subnet import Networks
from vppdhc.leases.lease import LeaseState
from vppdhc.leases.lease6 import LeaseKind, Place6


def handed_on(networks: Networks, book: LeaseBook6, routes: DelegatedRoutes, now: float) -> set[IPv6Network]:
    """Return the prefixes that are leased, on offer or reserved in a pool, and those that there are routes to.

    A lease outlives its pool, and its route goes with it and not before.
    now: CLOCK_BOOTTIME.
    """
    found = set(routes.prefixes())
    for pool in networks.pools():
        found.update(_in_use(pool, book, now))
    return found


def _in_use(pool: DelegationPool, book: LeaseBook6, now: float) -> Iterator[IPv6Network]:
    """Give what is in use in a pool; a lease that has ended keeps nobody from anything."""
    space = pool.pool.space
    if not pool.pool.size:
        return
    for number in book.taken(space).within(pool.pool.first, pool.pool.stop):
        network = space.network(number)
        lease = book.get(Place6(space.table, LeaseKind.PREFIX, space.length, network))
        ended = lease is not None and (lease.state is not LeaseState.ACTIVE or lease.expires <= now)
        if not ended:
            yield IPv6Network((network, space.length))
