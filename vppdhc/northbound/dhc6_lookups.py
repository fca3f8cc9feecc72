"""What is asked of the DHCPv6 server, its leases and exchanges by all that tells of them."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from nc.pace import Pace
from nc.xml import Element
from vppdhc.dhc6.book import LeaseBook6
from vppdhc.dhc6.delegation import DelegationPool
from vppdhc.dhc6.explanation import explain
from vppdhc.dhc6.heard import Exchange
from vppdhc.dhc6.reservations import Reservation
from vppdhc.dhc6.server import Server
from vppdhc.dhc6.subnet import Subnet
from vppdhc.leases.lease6 import Lease6, LeaseKind
from vppdhc.northbound.model import BUILD
from vppdhc.northbound.server_state import shown
from vppdhc.northbound.sources import Instants
from vppdhc.servers.memory import Decision

_ON_DISK: Final = (
    "The answer waits until the leases are on disk. If it does for more than a moment, 'system/lease-store' says why."
)
_PROBE: Final = "The answer waits until it is known whether somebody uses the addresses."


def source_of(server: Server, lease: Lease6) -> Subnet | DelegationPool | None:
    """Return the network or the pool of prefixes that a lease is of; None where it is no longer served."""
    if lease.kind is LeaseKind.PREFIX:
        return server.networks.pool_around(lease.table, lease.network, lease.length)
    return server.networks.find(lease.table, lease.network)


def reservation_of(server: Server, lease: Lease6) -> Reservation | None:
    """Return what is reserved for the client of a lease."""
    served, link = server.networks.served(lease.interface), lease.details.link_address
    table = lease.table if served is None else served.table
    subnets = server.networks.behind(table, link) if link else () if served is None else served.subnets
    hardware = (lease.hardware,) if lease.hardware else ()
    return server.reservations.of(lease.duid, lease.ia_id, hardware, table, subnets)


def all_leases(book: LeaseBook6, now: float) -> Iterator[Lease6]:
    """Go through all leases and offers, one of each address and prefix. Whoever does lets others run meanwhile."""
    return shown(book, book.offers(), lambda one: book.get(one.place), lambda one: book.offer_at(one.place), now)


def leases_of(book: LeaseBook6, duids: Collection[bytes], now: float) -> Mapping[bytes, Sequence[Lease6]]:
    """Return the leases and offers that clients have or had, by DUID. Goes through all leases; others run meanwhile."""
    found: defaultdict[bytes, list[Lease6]] = defaultdict(list)
    pace = Pace()
    for lease in all_leases(book, now) if duids else ():
        pace.step()
        if lease.duid in duids:
            found[lease.duid].append(lease)
    return found


def explanation(exchange: Exchange) -> str:
    """Say why an exchange ended as it did, and what to do about it."""
    said = explain(exchange.reason, exchange.findings, exchange.interface)
    if exchange.decision is not Decision.PENDING:
        return said
    return f"{said} {_PROBE if exchange.reply_name is None else _ON_DISK}"


def exchange_leafs(exchange: Exchange, instants: Instants) -> list[Element]:
    """Make the leafs of an exchange, as the model's grouping has them."""
    return BUILD.leafs(
        interface=exchange.interface,
        message_type=exchange.message_name,
        time=instants.text(exchange.time),
        decision=str(exchange.decision),
        reply_type=exchange.reply_name,
        reason=exchange.reason.replace(" ", "-") or None,
        explanation=explanation(exchange),
    )


def pool_id(source: Subnet | DelegationPool | None, network: int) -> str | None:
    """Return the id of the configured pool that an address or prefix is in; None without."""
    if isinstance(source, Subnet):
        pool = source.pool_of(network)
        return None if pool is None else pool.id or None
    return None if source is None else source.id
