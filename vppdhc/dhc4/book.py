"""Every DHCPv4 lease there is, in memory: by address, by client, by when it ends."""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from vppdhc.dhc4.events import Event, EventKind
from vppdhc.leases.book import Book
from vppdhc.leases.lease import Change, Lease, LeaseState
from vppdhc.leases.ranges import Ranges

_ACTIVE = LeaseState.ACTIVE
_NO_HOLDINGS: Mapping[bytes, int] = MappingProxyType({})


class Expired(NamedTuple):
    """What LeaseBook.expire() did.

    changes: to be made durable: declined addresses whose probation is over are forgotten. That a lease has
        expired is in its own times and changes nothing that is stored.
    events: leases that have expired.
    """

    changes: list[Change]
    events: list[Event]


class LeaseBook(Book[Lease, int]):
    """The leases of all routing tables, offers included; see Book for what it keeps and how long things take.

    Beside what Book says, count_by_hardware() takes longer the more leases there are.

    offers_most: offers that are held at most, one for each client; beyond that the oldest one goes.
    """

    def __init__(self, offers_most: int = 65_536) -> None:
        super().__init__(offers_most)
        self._holdings: dict[str, dict[bytes, int]] | None = None

    def get(self, table: int, address: int) -> Lease | None:
        """Return the record of an address, ended or not."""
        return self._record(table, address)

    def of_client(self, client: bytes) -> Sequence[Lease]:
        """Return all records of a client, ended or not."""
        return self._of(client)

    def offer_at(self, table: int, address: int) -> Lease | None:
        """Return the offer that holds an address."""
        return self._offer_at(table, address)

    def offer_of(self, client: bytes) -> Lease | None:
        """Return the offer that a client has; it has one at most."""
        return self._offers.get(client)

    def oldest_ended(self, pool: Ranges[int]) -> int | None:
        """Return the address in a pool, one that was added, whose lease ended first; None where none has."""
        lease = self._oldest_ended(pool)
        return None if lease is None else lease.address

    def held_by(self, hardware: bytes, interface: str) -> int:
        """Return how many leases in force a hardware address has on an interface, whatever its client identifiers.

        Takes long where count_by_hardware() has not had them counted before.
        """
        return self.count_by_hardware().get(interface, _NO_HOLDINGS).get(hardware, 0)

    def count_by_hardware(self) -> Mapping[str, Mapping[bytes, int]]:
        """Count the leases of each hardware address by interface, and keep that up to date from now on.

        Most do without, and would pay for it with 80 MB for a million leases. Beginning goes through all leases, half a
        second for as many; going on takes no time.
        """
        if self._holdings is None:
            self._holdings = {}
            for table in self._tables.values():
                for address, lease in table.leases.items():
                    if lease.state == _ACTIVE and address not in table.ended:
                        self._count_holding(self._holdings, lease, 1)
        return self._holdings

    def reserve(self, table: int, addresses: frozenset[int]) -> None:
        """Keep these addresses of a table, and no others, for the clients that they are reserved for."""
        self.reserve_in(table, addresses)

    def offer(self, offer: Lease) -> None:
        """Hold an address, free or its client's own, for a client until the offer's expiry.

        An earlier offer to the client is withdrawn.

        offer: made now; since says when that is.
        """
        self.withdraw(offer.client)
        self._hold(offer.client, offer)

    def withdraw(self, client: bytes) -> None:
        """Drop the offer that a client has, if any."""
        self._withdraw(client)

    def apply(self, change: Change) -> None:
        """Replace a record. Changes are of records only, never of offers."""
        self._replace(change.old, change.new)

    def take_back(self, changes: Iterable[Change]) -> None:
        """Undo changes that could not be made durable.

        A lease that had ended before it was replaced ends again, with an event, in the next expire().

        changes: the newest first. One whose lease has been replaced since, by a change that is not taken
            back, is left alone.
        """
        for change in changes:
            self._take_back(change.old, change.new)

    def expire(self, now: float, limit: int = 500) -> Expired:
        """End what is over: leases (at most a second late), offers, and the probation of addresses.

        now: CLOCK_BOOTTIME.
        limit: how much to look at in one go; there is more while next_expiry() is not after now.
        """
        forgotten, expired = self._expire(now, limit)
        return Expired(
            [Change(lease, None) for lease in forgotten], [Event(EventKind.EXPIRED, lease) for lease in expired]
        )

    def _space(self, record: Lease) -> int:
        return record.table

    def _number(self, record: Lease) -> int:
        return record.address

    def _client(self, record: Lease) -> bytes:
        return record.client

    def _count(self, lease: Lease, step: int) -> None:
        super()._count(lease, step)
        if lease.state == _ACTIVE and self._holdings is not None:
            self._count_holding(self._holdings, lease, step)

    @staticmethod
    def _count_holding(holdings: dict[str, dict[bytes, int]], lease: Lease, step: int) -> None:
        held = holdings.setdefault(lease.interface, {})
        count = held.get(lease.hardware, 0) + step
        if count:
            held[lease.hardware] = count
        else:
            del held[lease.hardware]
