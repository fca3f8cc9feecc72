"""Every lease there is, in memory: by address, by client, by when it ends."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import inf
from types import MappingProxyType
from typing import NamedTuple

from vppdhc.dhc4.address_set import AddressSet
from vppdhc.dhc4.events import Event, EventKind
from vppdhc.dhc4.offers import Offers
from vppdhc.dhc4.pool import Pool
from vppdhc.dhc4.table import Table
from vppdhc.dhc4.usage import OFFERED, PoolUsage
from vppdhc.leases.lease import Change, Lease, LeaseState

_ACTIVE = LeaseState.ACTIVE
_RELEASED = LeaseState.RELEASED
_DECLINED = LeaseState.DECLINED
_NO_HOLDINGS: Mapping[bytes, int] = MappingProxyType({})


class Expired(NamedTuple):
    """What LeaseBook.expire() did.

    changes: to be made durable: declined addresses whose probation is over are forgotten. That a lease has
        expired is in its own times and changes nothing that is stored.
    events: leases that have expired.
    """

    changes: list[Change]
    events: list[Event]


class LeaseBook:
    """The leases of all routing tables, offers included.

    A record stays when its lease has expired or was released, so that its client gets the address again; it
    goes when another client needs the address. It also stays when the network of its address is taken off its
    interface, and is served again when the network comes back: only pools come and go with networks.

    Nothing here takes longer the more leases there are, except count_by_hardware(), load() and expire(), by the leases
    that they return, and add_pool() and remove_pool(), by the ended leases of that pool and a little by its networks.

    offers_most: offers that are held at most; beyond that the oldest one goes. Nothing is lost with an offer
        but the certainty that the address is still free when the client asks for it.
    active: leases in force by interface name; only expire() ends them, so they may be late by what it is.
    """

    def __init__(self, offers_most: int = 65_536) -> None:
        self._tables: dict[int, Table] = {}
        self._clients: dict[bytes, Lease | list[Lease]] = {}
        self._offers = Offers()
        self._offers_most = offers_most
        self._size = 0
        self.active: dict[str, int] = {}
        self._holdings: dict[str, dict[bytes, int]] | None = None

    def __len__(self) -> int:
        """Count the records, ended ones included, offers not."""
        return self._size

    def __iter__(self) -> Iterator[Lease]:
        """Go through all records by table and address, ended ones included, offers not.

        No more is done between two of them than to look through the few that a /24 network has, so whoever goes through
        many can stop anywhere, and let the book change: a record that comes or goes meanwhile may be missed or not,
        all others are there once, as they are when they come up.
        """
        for _, table in sorted(self._tables.items()):
            yield from table.in_order()

    def offers(self) -> Iterator[Lease]:
        """Go through the offers by table and address, also while they change.

        Left out are those to a client that has a lease in force of the same address.
        """
        for _, table in sorted(self._tables.items()):
            for address in sorted(table.offers):
                offer = table.offers.get(address)
                if offer is not None and table.use(address) == OFFERED:
                    yield offer

    def load(self, leases: Iterable[Lease], now: float) -> None:
        """Take in the stored leases, before anything else; those over by now have ended without an event."""
        ended = []
        for lease in leases:
            if lease.state == _RELEASED or (lease.state == _ACTIVE and lease.expires <= now):
                ended.append(lease)
            else:
                self._put(lease.table, lease.address, lease)
        for lease in sorted(ended, key=lambda lease: lease.expires):
            self._put(lease.table, lease.address, lease, ended=True)

    def get(self, table: int, address: int) -> Lease | None:
        """Return the record of an address, ended or not."""
        found = self._tables.get(table)
        return None if found is None else found.leases.get(address)

    def of_client(self, client: bytes) -> Sequence[Lease]:
        """Return all records of a client, ended or not."""
        held = self._clients.get(client)
        if held is None:
            return ()
        return (held,) if isinstance(held, Lease) else held

    def offer_at(self, table: int, address: int) -> Lease | None:
        """Return the offer that holds an address."""
        found = self._tables.get(table)
        return None if found is None else found.offers.get(address)

    def offer_of(self, client: bytes) -> Lease | None:
        """Return the offer that a client has; it has one at most."""
        return self._offers.get(client)

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

    def taken(self, table: int) -> AddressSet:
        """Return the addresses of a table with a record, an offer or a reservation; not to be changed."""
        return self._table(table).taken

    def oldest_ended(self, pool: Pool) -> int | None:
        """Return the address in a pool, one that was added, whose lease ended first; None where none has."""
        return next(iter(self._table(pool.table).pools[pool].ended), None)

    def usage(self, pool: Pool) -> PoolUsage:
        """Return how full a pool is that was added; its state is kept, not counted."""
        return self._table(pool.table).pools[pool].usage

    def set_threshold(self, pool: Pool, percent: int) -> None:
        """Set how much of a pool may be in use before crossed() tells; all of it when nothing is set."""
        self._table(pool.table).set_threshold(pool, percent)

    def crossed(self) -> list[tuple[Pool, PoolUsage]]:
        """Return the pools that have become too full, or are no longer, since this was last called.

        Nothing is told of one that is by now as it was then.
        """
        crossed = []
        for table in self._tables.values():
            for pool, state in table.untold.items():
                usage = state.usage
                state.told = usage.exceeded
                crossed.append((pool, usage))
            table.untold.clear()
        return crossed

    def reserve(self, table: int, addresses: frozenset[int]) -> None:
        """Keep these addresses of a table, and no others, out of what taken() lets anybody have.

        A lease that somebody has of one of them stays. When it has ended already, or ends, the address does not wait
        for others to need it. One that is no longer reserved does, behind those that wait already.
        """
        self._table(table).reserve(addresses)

    def add_pool(self, pool: Pool) -> None:
        """Take note of a pool that is not empty.

        Pools of a table do not overlap, but for a moment: each of these has the leases that ended where the
        other is not only once that one is removed.
        """
        self._table(pool.table).add_pool(pool)

    def remove_pool(self, pool: Pool) -> None:
        """Forget a pool that was added; its leases stay."""
        self._table(pool.table).remove_pool(pool)

    def offer(self, offer: Lease) -> None:
        """Hold an address, free or its client's own, for a client until the offer's expiry.

        An earlier offer to the client is withdrawn.

        offer: made now; since says when that is.
        """
        self.withdraw(offer.client)
        self._offers.add(offer)
        self._table(offer.table).offer(offer)
        while len(self._offers) > self._offers_most and (first := self._offers.first()) is not None:
            self.withdraw(first.client)

    def withdraw(self, client: bytes) -> None:
        """Drop the offer that a client has, if any."""
        offer = self._offers.remove(client)
        if offer is not None:
            self._tables[offer.table].withdraw(offer)

    def apply(self, change: Change) -> None:
        """Replace a record. Changes are of records only, never of offers."""
        lease = change.old if change.new is None else change.new
        assert lease is not None
        self._put(lease.table, lease.address, change.new)

    def take_back(self, changes: Iterable[Change]) -> None:
        """Undo changes that could not be made durable.

        A lease that had ended before it was replaced ends again, with an event, in the next expire().

        changes: the newest first. One whose lease has been replaced since, by a change that is not taken
            back, is left alone.
        """
        for change in changes:
            lease = change.old if change.new is None else change.new
            assert lease is not None
            if self.get(lease.table, lease.address) is change.new:
                self._put(lease.table, lease.address, change.old)

    def next_expiry(self) -> float:
        """Return the CLOCK_BOOTTIME at which expire() next has something to do; infinity without anything."""
        times = [table.due.next() for table in self._tables.values()]
        first = self._offers.first()
        if first is not None:
            times.append(first.expires)
        return min(times, default=inf)

    def expire(self, now: float, limit: int = 500) -> Expired:
        """End what is over: leases (at most a second late), offers, and the probation of addresses.

        now: CLOCK_BOOTTIME.
        limit: how much to look at in one go; there is more while next_expiry() is not after now.
        """
        expired = Expired([], [])
        left = self._expire_offers(now, limit)
        for table_id, table in self._tables.items():
            addresses = table.due.pop(now, left)
            left -= len(addresses)
            for address in addresses:
                self._expire_record(table_id, table, address, now, expired)
        return expired

    def _expire_offers(self, now: float, limit: int) -> int:
        """Drop offers that are over; returns how many more may be looked at."""
        while limit and (offer := self._offers.first()) is not None and offer.expires <= now:
            self.withdraw(offer.client)
            limit -= 1
        return limit

    def _expire_record(self, table_id: int, table: Table, address: int, now: float, expired: Expired) -> None:
        lease = table.leases.get(address)
        if lease is None or lease.expires == inf or address in table.ended:
            return  # what was due here has been replaced by something that has no end to wait for
        if lease.expires > now:
            table.due.add(address, lease.expires)
        elif lease.state == _DECLINED:
            expired.changes.append(Change(lease, None))
            self._put(table_id, address, None)
        else:
            self._count(lease, -1)
            table.expire(address)
            expired.events.append(Event(EventKind.EXPIRED, lease))

    def _table(self, table: int) -> Table:
        found = self._tables.get(table)
        if found is None:
            found = self._tables[table] = Table()
        return found

    def _count(self, lease: Lease, step: int) -> None:
        if lease.state == _ACTIVE:
            self.active[lease.interface] = self.active.get(lease.interface, 0) + step
            if self._holdings is not None:
                self._count_holding(self._holdings, lease, step)

    @staticmethod
    def _count_holding(holdings: dict[str, dict[bytes, int]], lease: Lease, step: int) -> None:
        held = holdings.setdefault(lease.interface, {})
        count = held.get(lease.hardware, 0) + step
        if count:
            held[lease.hardware] = count
        else:
            del held[lease.hardware]

    def _put(self, table_id: int, address: int, new: Lease | None, *, ended: bool = False) -> None:
        """Make this the record of an address, whatever was there before; ended: its lease is over."""
        table = self._table(table_id)
        over = ended or (new is not None and new.state == _RELEASED)
        old, running = table.put(address, new, over=over)
        self._index(old, new)
        self._size += (new is not None) - (old is not None)
        due = inf  # when the address comes up already
        if old is not None and running:
            due = old.expires
            self._count(old, -1)
        if new is not None and not over:
            self._count(new, 1)
            # A renewed lease is put off when it comes up, instead of being in the queue once for each
            # renewal.
            if new.expires < due:
                table.end_at(address, new.expires)

    def _index(self, old: Lease | None, new: Lease | None) -> None:
        """Replace a client's record, in place where it can be: a large dict pays for deletions."""
        if old is not None and new is not None and old.client == new.client:
            held = self._clients.get(old.client)
            if held is old:
                self._clients[old.client] = new
            elif isinstance(held, list):
                held[:] = [new if other is old else other for other in held]
            return
        if old is not None and old.client:
            rest = [lease for lease in self.of_client(old.client) if lease is not old]
            if not rest:
                del self._clients[old.client]
            else:
                self._clients[old.client] = rest if len(rest) > 1 else rest[0]
        if new is not None and new.client:
            held = self._clients.get(new.client)
            self._clients[new.client] = new if held is None else [*self.of_client(new.client), new]
