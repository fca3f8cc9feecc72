"""The routes to delegated prefixes (RFC 8415, 6.3): they follow from the leases, and from nothing else."""

from collections.abc import Iterable
from typing import NamedTuple

from vppdhc.leases.lease import LeaseState
from vppdhc.leases.lease6 import Change6, Lease6, LeaseKind
from vppdhc.packet import ipv6


class DelegatedRoute(NamedTuple):
    """A route that VPP is to have while a prefix is leased.

    table: routing table (VRF) id.
    network, length: the prefix.
    next_hop: address of the client, or of the relay agent that it is behind.
    interface: name of the one that a link-local next hop is on; empty for another one, which is found in the table.
    """

    table: int
    network: int
    length: int
    next_hop: int
    interface: str


class RouteChange(NamedTuple):
    """A route replaced by another: old is None for a new one, new is None for one that is to go."""

    old: DelegatedRoute | None
    new: DelegatedRoute | None


def route_of(lease: Lease6 | None, now: float) -> DelegatedRoute | None:
    """Return the route that a lease wants; None where it wants none. now: CLOCK_BOOTTIME."""
    if lease is None or lease.kind is not LeaseKind.PREFIX or not lease.next_hop:
        return None
    if lease.state is not LeaseState.ACTIVE or lease.expires <= now:
        return None
    interface = lease.interface if ipv6.is_link_local(lease.next_hop) else ""
    return DelegatedRoute(lease.table, lease.network, lease.length, lease.next_hop, interface)


def routes_of(leases: Iterable[Lease6], now: float) -> set[DelegatedRoute]:
    """Return the routes that leases want, as after a restart."""
    return {route for lease in leases if (route := route_of(lease, now)) is not None}


def route_changes(changes: Iterable[Change6], now: float) -> tuple[RouteChange, ...]:
    """Return what changes of leases mean for routes.

    The route of a lease that has expired went with its event. Here it may go a second time, and comes back with a lease
    that its client gets again.
    """
    found = []
    for old, new in changes:
        before = None if old is None else route_of(old._replace(expires=max(old.expires, now + 1)), now)
        after = route_of(new, now)
        if before != after or (old is not None and after is not None and old.expires <= now):
            found.append(RouteChange(before, after))
    return tuple(found)
