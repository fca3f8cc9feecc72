"""Every DHCPv6 lease there is, in memory: by address or prefix, by identity association, by when it ends."""

from collections.abc import Hashable, Iterable, Sequence
from typing import Final, NamedTuple

from vppdhc.dhc6.pool import LEVELS, Pool, Space, space_of
from vppdhc.leases.book import Book
from vppdhc.leases.lease6 import ADDRESS_LENGTH, Association, Change6, Lease6, LeaseKind, Place6
from vppdhc.leases.table import Table
from vppdhc.leases.usage import FREE

REMEMBERED: Final = 7 * 86_400
"""Seconds that a lease is remembered which has ended, so that its client gets the same again. A network of 64 bits is
never full, and one that a provider takes back does not return: without this they would gather for ever."""
LEASES_MOST: Final = 1_000_000
"""Leases and offers at once; beyond that nobody gets a new one, as if the pools were full."""


class Expired(NamedTuple):
    """What LeaseBook6.expire() did.

    changes: to be made durable: records that are forgotten. That a lease has expired is in its own times and changes
        nothing that is stored.
    leases: those that have expired.
    """

    changes: list[Change6]
    leases: list[Lease6]


class LeaseBook6(Book[Lease6, Space]):
    """The leases of all routing tables, offers included; see Book for what it keeps and how long things take.

    A record stays for a week when its lease has expired or was released, so that its client gets the same again; it
    goes earlier when another client needs the address or prefix.

    offers_most: offers that are held at most; beyond that the oldest one goes.
    leases_most: see full.
    """

    def __init__(self, offers_most: int = 65_536, leases_most: int = LEASES_MOST) -> None:
        super().__init__(offers_most, levels=LEVELS, remembered=REMEMBERED)
        self._leases_most = leases_most
        self._held: dict[Association, list[Lease6]] = {}
        self._lengths: dict[int, list[Space]] = {}

    @property
    def full(self) -> bool:
        """Whether there are as many leases as can be; then ended ones have to make room for new ones."""
        return len(self) + len(self._offers) >= self._leases_most

    def get(self, place: Place6) -> Lease6 | None:
        """Return the record of an address or prefix, ended or not."""
        space = space_of(place)
        return self._record(space, space.number(place.network))

    def find(self, table: int, address: int) -> Lease6 | None:
        """Return the record of an address, ended or not."""
        return self._record(Space(table, LeaseKind.ADDRESS, ADDRESS_LENGTH), address)

    def of_association(self, association: Association) -> Sequence[Lease6]:
        """Return all records of an identity association, ended or not."""
        return self._of(association)

    def offer_at(self, place: Place6) -> Lease6 | None:
        """Return the offer that holds an address or prefix."""
        space = space_of(place)
        return self._offer_at(space, space.number(place.network))

    def oldest_ended(self, pool: Pool) -> Lease6 | None:
        """Return the lease in a pool, one that was added, that ended first of those that have; None where none has."""
        return self._oldest_ended(pool)

    def offers_of(self, association: Association) -> Sequence[Lease6]:
        """Return the offers that an identity association has: one of each network, or of a prefix."""
        return tuple(self._held.get(association, ()))

    def hold(self, offer: Lease6) -> None:
        """Hold an address or prefix, free or its client's own, until the offer's expiry; another offer of it goes.

        offer: made now; since says when that is.
        """
        self.release(offer.place)
        self._held.setdefault(offer.association, []).append(offer)
        self._hold(offer.place, offer)

    def withdraw(self, association: Association) -> None:
        """Drop all offers that an identity association has, if any."""
        for offer in self.offers_of(association):
            self.release(offer.place)

    def release(self, place: Place6) -> None:
        """Hold an address or prefix for nobody any longer."""
        self._withdraw(place)

    def overlapping(self, place: Place6) -> int | None:
        """Return one past the end of a prefix of another length that overlaps a prefix and is in use or reserved.

        Such there are only where the length was changed in the configuration, or reserved prefixes have others.
        Returns an address; None where there is none.
        """
        found = (self._in_the_way(space, place) for space in self._lengths.get(place.table, ()))
        return max((beyond for beyond in found if beyond is not None), default=None)

    def reserve(self, places: Iterable[Place6]) -> None:
        """Keep these addresses and prefixes, and no others, for the clients that they are reserved for.

        See Book.reserve_in().
        """
        wanted: dict[Space, set[int]] = {space: set() for space in self._tables}
        for place in places:
            space = space_of(place)
            wanted.setdefault(space, set()).add(space.number(place.network))
        for space, numbers in wanted.items():
            self.reserve_in(space, numbers)

    def expire(self, now: float, limit: int = 500) -> Expired:
        """End what is over: leases (at most a second late), offers, and the probation of addresses.

        now: CLOCK_BOOTTIME.
        limit: how much to look at in one go; there is more while next_expiry() is not after now.
        """
        forgotten, expired = self._expire(now, limit)
        return Expired([Change6(lease, None) for lease in forgotten], expired)

    def apply(self, change: Change6) -> None:
        """Replace a record. Changes are of records only, never of offers."""
        self._replace(change.old, change.new)

    def take_back(self, changes: Iterable[Change6]) -> None:
        """Undo changes that could not be made durable, the newest first, see Book."""
        for old, new in changes:
            self._take_back(old, new)

    def _table(self, space: Space) -> Table[Lease6, Space]:
        if space not in self._tables and space.kind is LeaseKind.PREFIX:
            self._lengths.setdefault(space.table, []).append(space)
        return super()._table(space)

    def _in_the_way(self, space: Space, place: Place6) -> int | None:
        """Return one past the end of a prefix of a space that overlaps one of another length; None without."""
        if space.length == place.length:
            return None
        first = space.number(place.network)
        table = self._tables[space]
        numbers: Iterable[int] = (first,)
        if space.length > place.length:
            numbers = table.taken.within(first, first + (1 << (space.length - place.length)))
        taken = (number for number in numbers if number in table.reserved or table.use(number) != FREE)
        return next((space.network(number + 1) for number in taken), None)

    def _withdraw(self, key: Hashable) -> Lease6 | None:
        offer = super()._withdraw(key)
        if offer is not None:
            held = self._held[offer.association]
            held.remove(offer)
            if not held:
                del self._held[offer.association]
        return offer

    def _space(self, record: Lease6) -> Space:
        return Space(record.table, record.kind, record.length)

    def _number(self, record: Lease6) -> int:
        return record.network >> (ADDRESS_LENGTH - record.length)

    def _client(self, record: Lease6) -> Association | None:
        return record.association if record.duid else None
