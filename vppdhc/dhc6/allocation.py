"""Which address or prefix a client gets, and whether it can have the one that it wants."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from vppdhc.dhc6.book import LeaseBook6
from vppdhc.dhc6.config import Lifetimes, Settings
from vppdhc.dhc6.delegation import DelegationPool
from vppdhc.dhc6.pool import Pool, Space
from vppdhc.dhc6.reservations import Reservation, Reservations
from vppdhc.dhc6.subnet import Subnet
from vppdhc.leases.lease import LeaseState
from vppdhc.leases.lease6 import ADDRESS_LENGTH, Association, Lease6, LeaseKind, Place6
from vppdhc.servers.why import Why

__all__ = ["Allocation", "Asking", "Choice", "Why", "in_force"]

_ACTIVE = LeaseState.ACTIVE
_RELEASED = LeaseState.RELEASED


class Asking(NamedTuple):
    """Who asks, for which of its identity associations.

    reservation: of the client, see Reservations.of(); None without.
    now: CLOCK_BOOTTIME.
    """

    association: Association
    reservation: Reservation | None
    now: float


class Choice(NamedTuple):
    """What a client is to be offered or given.

    network, length: the address as an integer and 128, or the prefix.
    source: the subnet or the pool of prefixes that it is of.
    why: why this.
    """

    network: int
    length: int
    source: Subnet | DelegationPool
    why: Why

    @property
    def place(self) -> Place6:
        """The address or prefix in its routing table."""
        kind = LeaseKind.ADDRESS if isinstance(self.source, Subnet) else LeaseKind.PREFIX
        return Place6(self.source.table, kind, self.length, self.network)

    @property
    def settings(self) -> Settings:
        """What holds for it: the settings of all levels."""
        return self.source.terms_of(self.network).settings if isinstance(self.source, Subnet) else self.source.settings

    def lifetimes(self, now: float) -> Lifetimes:
        """Return the lifetimes of a lease of it that is made or extended now."""
        if isinstance(self.source, Subnet):
            return self.source.lifetimes(self.network, now)
        return self.source.lifetimes(now)


class Allocation:
    """Chooses addresses and prefixes by what the lease book and the reservations say; changes nothing.

    reservations: may be replaced at any time.
    """

    def __init__(self, book: LeaseBook6, reservations: Reservations) -> None:
        self.reservations = reservations
        self._book = book

    # Addresses

    def choose(self, asking: Asking, subnet: Subnet, hints: Iterable[int] = ()) -> Choice | None:
        """Choose the address that an IA_NA gets in a network, behind what is reserved for the client; None for none.

        In a deprecated network a client keeps what it has, and gets nothing else.

        hints: addresses that it asks for, those of other networks included.
        """
        if not subnet.gives(asking.now):
            return self._own(asking, subnet)
        reserved = self.reserved(asking, subnet)
        if reserved is not None:
            return reserved
        known = self._known(asking, subnet)
        if known is not None:
            return known
        pools = [own.pool for own in subnet.pools]
        if pools and not self._book.full:
            taken = self._book.taken(pools[0].space)
            for hint in hints:
                # What other clients had, and may want again, is not given away on somebody's wish.
                if hint not in taken and subnet.pool_of(hint):
                    return Choice(hint, ADDRESS_LENGTH, subnet, Why.WISH)
            for pool in pools:
                address = pool.candidate(asking.association, taken, subnet.reserved_until)
                if address is not None:
                    return Choice(address, ADDRESS_LENGTH, subnet, Why.HASH)
        ended = self._oldest_ended(pools)
        return None if ended is None else Choice(ended.network, ADDRESS_LENGTH, subnet, Why.OLDEST_ENDED)

    def reserved(self, asking: Asking, subnet: Subnet) -> Choice | None:
        """Return the address that is reserved for a client; None unless it can have it, here and now.

        It cannot where the address is not in the network or not for clients at all, is in probation, or while somebody
        else, or another IA_NA of the client, has a lease of it. Then the client is served as any other.
        """
        address = None if asking.reservation is None else asking.reservation.address
        if address is None or not self.grantable(asking, subnet, address):
            return None
        return Choice(address, ADDRESS_LENGTH, subnet, Why.RESERVATION)

    def grantable(self, asking: Asking, subnet: Subnet, address: int) -> bool:
        """Whether a client may have an address of a network: its reserved one, or of the pool one that nobody else has.

        One that is reserved for somebody else it may not have, not even when it has a lease of it. In a deprecated
        network it may have what it has.
        """
        place = Place6(subnet.table, LeaseKind.ADDRESS, ADDRESS_LENGTH, address)
        holder = self.reservations.holder(place)
        if holder is None:
            if subnet.pool_of(address) is None:
                return False
        elif holder is not asking.reservation or not subnet.is_for_clients(address):
            return False
        return self._is_free(asking, place, holder) and (subnet.gives(asking.now) or self._has(asking, place))

    # Prefixes

    def choose_prefix(
        self, asking: Asking, pools: Sequence[DelegationPool], wishes: Sequence[tuple[int, int]] = ()
    ) -> Choice | None:
        """Choose the prefix that an IA_PD gets, behind what is reserved for the client; None for none.

        A prefix of a length that the client wishes goes before one that it had, and where there is none of this length
        the next larger one does (RFC 8168, 3.2). Pools of deprecated prefixes are left out.

        pools: those that serve the client, in the order in which they are used.
        wishes: prefixes and lengths that it asks for; one of zeros is a wish for its length alone (RFC 8168, 3.1).
        """
        reserved = self.reserved_prefix(asking, pools)
        if reserved is not None:
            return reserved
        giving = [pool for pool in pools if pool.gives(asking.now)]
        length = next((length for network, length in wishes if length and not network), None)
        if length is None:
            found = self._prefix_of(asking, giving, wishes)
        else:
            wanted = length
            giving.sort(key=lambda pool: (pool.length > wanted, abs(pool.length - wanted)))
            found = self._wished(asking, giving, wishes)
            for pool in giving:
                found = found or self._prefix_of(asking, [pool], ())
        return found or self._oldest_prefix(giving)

    def reserved_prefix(self, asking: Asking, pools: Iterable[DelegationPool]) -> Choice | None:
        """Return the prefix that is reserved for a client; None unless it can have it, here and now: see reserved().

        It has to be a part of what one of the pools is made from, whatever its length. The lifetimes and the routing
        table are those of that pool.
        """
        prefix = None if asking.reservation is None else asking.reservation.prefix
        if prefix is None:
            return None
        network, length = int(prefix.network_address), prefix.prefixlen
        pool = next((pool for pool in pools if pool.has(network, length)), None)
        if pool is None or not self.grantable_prefix(asking, pool, network, length):
            return None
        return Choice(network, length, pool, Why.RESERVATION)

    def grantable_prefix(self, asking: Asking, pool: DelegationPool, network: int, length: int) -> bool:
        """Whether a client may have a part of what a pool is made from: see grantable().

        It must not overlap anything else that is in use or reserved, whatever the length of that.
        """
        place = Place6(pool.table, LeaseKind.PREFIX, length, network)
        holder = self.reservations.holder(place)
        if holder is None:
            if not pool.gives_part(network, length):
                return False
        elif holder is not asking.reservation or not pool.has(network, length):
            return False
        if self._book.overlapping(place) is not None:
            return False
        return self._is_free(asking, place, holder) and (pool.gives(asking.now) or self._has(asking, place))

    # Both

    def why(self, asking: Asking, place: Place6) -> Why:
        """Tell why a client may have what it asks for, before it gets it."""
        if asking.reservation is not None and self.reservations.holder(place) is asking.reservation:
            return Why.RESERVATION
        record = self._book.get(place)
        if record is not None and record.association == asking.association:
            return Why.LEASE if in_force(record, asking.now) else Why.LAST_LEASE
        offer = self._book.offer_at(place)
        return Why.OFFER if offer is not None and offer.association == asking.association else Why.WISH

    def records(self, asking: Asking) -> list[Lease6]:
        """Return the records of an identity association, ended or not: those in force first, then the latest ones."""
        records = list(self._book.of_association(asking.association))
        if len(records) > 1:
            records.sort(key=lambda lease: (in_force(lease, asking.now), lease.renewed), reverse=True)
        return records

    def _is_free(self, asking: Asking, place: Place6, holder: Reservation | None) -> bool:
        """Whether nobody else has something, or was offered it a moment ago; holder: its reservation.

        An offer to somebody else of what is reserved was made before it was reserved, and will not be kept. But one to
        another identity association of the client is: what is reserved is for one of them.
        """
        offer = self._book.offer_at(place)
        kept = offer is not None and (holder is None or offer.duid == asking.association.duid)
        if offer is not None and kept and offer.association != asking.association and offer.expires > asking.now:
            return False
        lease = self._book.get(place)
        return (
            lease is None
            or lease.association == asking.association
            or lease.state == _RELEASED
            or lease.expires <= asking.now
            or (holder is not None and self._is_of_same_station(asking, lease, holder))
        )

    def _is_of_same_station(self, asking: Asking, lease: Lease6, holder: Reservation) -> bool:
        """Whether a lease is of the client that something is reserved for by its hardware address, with another DUID.

        A boot loader and the operating system that it starts are two clients with one hardware address. The identity
        associations of one client are not: the first that gets it has it.
        """
        return lease.state == _ACTIVE and lease.duid != asking.association.duid and lease.hardware == holder.hardware

    def _has(self, asking: Asking, place: Place6) -> bool:
        """Whether the client has a lease in force of something."""
        record = self._book.get(place)
        return record is not None and record.association == asking.association and in_force(record, asking.now)

    def _own(self, asking: Asking, subnet: Subnet) -> Choice | None:
        """Choose the address that the client has in a deprecated network."""
        for lease in self.records(asking):
            if lease.table == subnet.table and self.grantable(asking, subnet, lease.network):
                return Choice(lease.network, lease.length, subnet, Why.LEASE)
        return None

    def _known(self, asking: Asking, subnet: Subnet) -> Choice | None:
        """Choose the address that is the client's own, or that it was offered a moment ago."""
        for lease, why in self._candidates(asking):
            if lease.table == subnet.table and self.grantable(asking, subnet, lease.network):
                return Choice(lease.network, lease.length, subnet, why)
        return None

    def _candidates(self, asking: Asking) -> Iterator[tuple[Lease6, Why]]:
        """Go through the leases that an association has or had, and what it was offered."""
        for lease in self.records(asking):
            yield lease, Why.LEASE if in_force(lease, asking.now) else Why.LAST_LEASE
        for offer in self._book.offers_of(asking.association):
            yield offer, Why.OFFER

    def _prefix_of(
        self, asking: Asking, pools: Sequence[DelegationPool], wishes: Iterable[tuple[int, int]]
    ) -> Choice | None:
        """Choose a prefix of some pools: the client's own, else the one that it wishes, else that of its hash."""
        for lease, why in self._candidates(asking):
            for pool in pools:
                if lease.table == pool.table and self.grantable_prefix(asking, pool, lease.network, lease.length):
                    return Choice(lease.network, lease.length, pool, why)
        wished = self._wished(asking, pools, wishes)
        if wished is not None or self._book.full:
            return wished
        for own in pools:
            space = own.pool.space
            number = own.pool.candidate(asking.association, self._book.taken(space), self._in_the_way(space))
            if number is not None:
                return Choice(space.network(number), space.length, own, Why.HASH)
        return None

    def _wished(
        self, asking: Asking, pools: Iterable[DelegationPool], wishes: Iterable[tuple[int, int]]
    ) -> Choice | None:
        """Choose the prefix that the client wishes, where it is its own or was never anybody else's."""
        exact = [wish for wish in wishes if wish[0]]
        for pool in pools:
            for network, length in exact:
                if self.grantable_prefix(asking, pool, network, length):
                    choice = Choice(network, length, pool, Why.WISH)
                    why = self.why(asking, choice.place)
                    if why is not Why.WISH:
                        return choice._replace(why=why)
                    if pool.pool.space.number(network) not in self._book.taken(pool.pool.space) and not self._book.full:
                        return choice
        return None

    def _in_the_way(self, space: Space) -> Callable[[int], int | None]:
        """Return what says for a number of a space how far it is overlapped by what is in use."""

        def beyond(number: int) -> int | None:
            place = Place6(space.table, space.kind, space.length, space.network(number))
            end = self._book.overlapping(place)
            return None if end is None else space.number(end - 1) + 1

        return beyond

    def _oldest_ended(self, pools: Iterable[Pool]) -> Lease6 | None:
        """Return the lease that ended first of those in some pools that have ended."""
        ended = [lease for pool in pools if (lease := self._book.oldest_ended(pool)) is not None]
        return min(ended, key=_end, default=None)

    def _oldest_prefix(self, pools: Iterable[DelegationPool]) -> Choice | None:
        """Choose the prefix whose lease ended first, unless it was divided otherwise meanwhile."""
        for pool in pools:
            ended = self._oldest_ended([pool.pool])
            if ended is not None and self._book.overlapping(ended.place) is None:
                return Choice(ended.network, ended.length, pool, Why.OLDEST_ENDED)
        return None


def in_force(lease: Lease6, now: float) -> bool:
    """Whether a lease is in force."""
    return lease.state == _ACTIVE and lease.expires > now


def _end(lease: Lease6) -> float:
    return lease.expires
