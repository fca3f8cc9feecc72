"""Which address a client gets, and whether it can have the one that it wants."""

from vppdhc.dhc4.book import LeaseBook
from vppdhc.dhc4.lease_maker import interface_of
from vppdhc.dhc4.request import Drop, RefusalError, Request
from vppdhc.dhc4.reservations import Reservation, Reservations
from vppdhc.dhc4.subnet import Subnet
from vppdhc.leases.lease import Lease, LeaseState
from vppdhc.servers.why import Why

__all__ = ["Allocation", "Choice", "Why", "in_force", "on_link", "own_lease"]

_ACTIVE = LeaseState.ACTIVE
_RELEASED = LeaseState.RELEASED


Choice = tuple[Subnet, int, Why]
"""The address that a client is to be offered, with its subnet, and why."""


class Allocation:
    """Chooses addresses by what the lease book and the reservations say; changes nothing.

    reservations: may be replaced at any time.
    """

    def __init__(self, book: LeaseBook, reservations: Reservations) -> None:
        self.reservations = reservations
        self._book = book

    def choose(self, request: Request) -> Choice:
        """Choose the address to offer, in the order of RFC 2131, 4.3.1, behind what is reserved for the client.

        Raises RefusalError when none is left.
        """
        if request.reservation is not None and (reserved := self.reserved(request)) is not None:
            return reserved
        if (known := self._known(request)) is not None:
            return known
        taken = self._book.taken(request.table)
        if request.requested is not None:
            # Addresses that other clients had, and may want again, are not given away on somebody's wish.
            subnet = request.subnet_of(request.requested)
            if subnet is not None and request.requested not in taken and subnet.pool_of(request.requested):
                return subnet, request.requested, Why.WISH
        hardware = request.message.chaddr or request.client
        for subnet in request.subnets:
            for part in subnet.pools:
                address = part.pool.candidate(hardware, taken)
                if address is not None:
                    return subnet, address, Why.HASH
        for subnet in request.subnets:
            ended = self._oldest_ended(subnet)
            if ended is not None:
                return subnet, ended.address, Why.OLDEST_ENDED
        raise RefusalError(Drop.NO_ADDRESS)

    def reserved(self, request: Request) -> Choice | None:
        """Return the address that is reserved for a client; None unless it can have it, here and now.

        It cannot where the address is in no network of its link or not for clients at all, is in probation, or while
        somebody else has a lease of it. Then the client is served as any other.
        """
        if request.reservation is None or request.reservation.address is None:
            return None
        address = request.reservation.address
        subnet = request.subnet_of(address)
        if subnet is None or not self.grantable(request, subnet, address):
            return None
        return subnet, address, Why.RESERVATION

    def grantable(self, request: Request, subnet: Subnet, address: int) -> bool:
        """Whether a client may have an address of a subnet: its reserved one, or one of the pool that nobody else has.

        One that is reserved for somebody else it may not have, not even when it has a lease of it.
        """
        holder = self.reservations.holder(request.table, address)
        if holder is None:
            if subnet.pool_of(address) is None:
                return False
            offer = self._book.offer_at(request.table, address)
            if offer is not None and offer.client != request.client and offer.expires > request.now:
                return False
        elif holder is not request.reservation or not subnet.is_for_clients(address):
            return False
        # An offer of a reserved address to somebody else was made before it was reserved, and will not be kept.
        lease = self._book.get(request.table, address)
        return (
            lease is None
            or lease.client == request.client
            or lease.state == _RELEASED
            or lease.expires <= request.now
            or (holder is not None and self._is_of_same_station(request, lease, holder))
        )

    def check_count(self, request: Request, subnet: Subnet) -> None:
        """Refuse a further lease to a hardware address that has as many as it can; a client keeps what it has.

        Raises RefusalError.
        """
        most = subnet.settings.max_leases_per_hardware_address
        if most is None or not request.hardware:
            return
        if any(in_force(lease, request.now) for lease in self.records(request)):
            return
        if self._book.held_by(request.hardware, interface_of(request, subnet)) >= most:
            raise RefusalError(Drop.TOO_MANY_LEASES)

    def why(self, request: Request, address: int, record: Lease | None) -> Why:
        """Tell why a client may have an address that it asks for; record: that of the address."""
        reservation = request.reservation
        if reservation is not None and reservation.address == address:
            return Why.RESERVATION
        if record is not None and record.client == request.client:
            return Why.LEASE if in_force(record, request.now) else Why.LAST_LEASE
        offer = self._book.offer_of(request.client)
        return Why.OFFER if offer is not None and offer.address == address else Why.WISH

    def records(self, request: Request) -> list[Lease]:
        """Return the client's records on its link, ended or not: the one in force, else the latest, first.

        There is more than one only where a network has come back to a link on which its clients had got other
        addresses meanwhile.
        """
        records = [lease for lease in self._book.of_client(request.client) if on_link(lease, request)]
        if len(records) > 1:
            records.sort(key=lambda lease: (in_force(lease, request.now), lease.renewed), reverse=True)
        return records

    def _oldest_ended(self, subnet: Subnet) -> Lease | None:
        """Return the lease that ended first of those in a subnet's pools that have ended."""
        addresses = [self._book.oldest_ended(part.pool) for part in subnet.pools if part.pool.size]
        leases = [self._book.get(subnet.table, address) for address in addresses if address is not None]
        return min((lease for lease in leases if lease is not None), key=_end, default=None)

    def _known(self, request: Request) -> Choice | None:
        """Choose the address that is the client's own, or that it was offered a moment ago."""
        for lease in self.records(request):
            subnet = request.subnet_of(lease.address)
            if subnet is not None and self.grantable(request, subnet, lease.address):
                why = Why.LEASE if in_force(lease, request.now) else Why.LAST_LEASE
                return subnet, lease.address, why
        offered = self._book.offer_of(request.client)
        if offered is not None and on_link(offered, request):
            subnet = request.subnet_of(offered.address)
            if subnet is not None and self.grantable(request, subnet, offered.address):
                return subnet, offered.address, Why.OFFER
        return None

    def _is_of_same_station(self, request: Request, lease: Lease, reservation: Reservation) -> bool:
        """Whether a lease is of a client that an address is reserved for, by another identifier.

        A boot loader and the operating system that it starts are two clients with one hardware address. Two behind one
        circuit of a relay agent are not one station.
        """
        found = self.reservations.of(lease.client, lease.hardware, lease.table, request.subnets)
        return lease.state == _ACTIVE and found is reservation


def _end(lease: Lease) -> float:
    return lease.expires


def on_link(lease: Lease, request: Request) -> bool:
    """Whether the address of a lease is in a network of the client's link."""
    return lease.table == request.table and request.subnet_of(lease.address) is not None


def in_force(lease: Lease, now: float) -> bool:
    """Whether a lease is in force."""
    return lease.state == _ACTIVE and lease.expires > now


def own_lease(request: Request, record: Lease | None) -> Lease | None:
    """Return the record of an address when it is a lease of the client, and in force."""
    if record is None or record.client != request.client:
        return None
    return record if in_force(record, request.now) else None
