"""Finds out for whom a change makes a difference, so that nobody else is told to renew."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, TypeAlias

from vppdhc.dhc6.levels import Life
from vppdhc.dhc6.reservations import Reservations
from vppdhc.dhc6.subnet import Networks
from vppdhc.leases.lease6 import Lease6

_SLACK: Final = 2.0
"""Seconds by which a prefix may end earlier than was thought, without anybody being told."""

_Thing: TypeAlias = tuple[object, ...]


class Told(NamedTuple):
    """What the clients of an interface are told.

    around: what holds whatever they get.
    lives: how long each network and prefix lives that they may get something of.
    """

    around: object
    lives: Mapping[_Thing, Life]


Snapshot: TypeAlias = Mapping[str, Told]
"""By interface."""


def snapshot(networks: Networks) -> Snapshot:
    """Return what clients are told now, on the interfaces on which clients are told of changes.

    A network that only relay agents lead to is counted as one of each of them.
    """
    told = [served for served in networks if served.terms.settings.reconfigure]
    elsewhere = [subnet for subnet in networks.subnets() if not subnet.interface] if told else []
    found = {}
    for served in told:
        # Which addresses the router has in a network makes no difference.
        lives: dict[_Thing, Life] = {
            subnet.made_of._replace(own=()): subnet.life for subnet in (*served.subnets, *elsewhere)
        }
        for pool in served.pools:
            lives[pool.id, pool.prefix, pool.length, pool.settings] = pool.life
        found[served.name] = Told(served.terms.settings, lives)
    return found


def changed(before: Snapshot, after: Snapshot) -> frozenset[str]:
    """Return the interfaces whose clients would be told something else than before.

    That a prefix lives longer than was thought they learn in time when they renew.
    """
    return frozenset(
        name
        for name, told in after.items()
        if name in before
        and (
            told.around != before[name].around
            or told.lives.keys() != before[name].lives.keys()
            or any(_ends_earlier(before[name].lives[thing], life) for thing, life in told.lives.items())
        )
    )


def _ends_earlier(before: Life, after: Life) -> bool:
    return after.preferred_until < before.preferred_until - _SLACK or after.valid_until < before.valid_until - _SLACK


def on(interfaces: frozenset[str]) -> Callable[[Lease6], bool]:
    """Return what says whether a lease is on one of some interfaces."""
    return lambda lease: lease.interface in interfaces


def reserved_otherwise(before: Reservations, after: Reservations, networks: Networks) -> Callable[[Lease6], bool]:
    """Return what says whether something else is reserved for the client of a lease than before."""

    def concerns(lease: Lease6) -> bool:
        around = networks.find(lease.table, lease.network)
        subnets = networks.at(lease.interface) if around is None else (around,)
        client = lease.duid, lease.ia_id, [lease.hardware], lease.table, subnets
        return before.of(*client) != after.of(*client)

    return concerns
