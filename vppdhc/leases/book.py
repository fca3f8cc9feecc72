"""Every lease of a server in memory: by address, by client, by when it ends."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from math import inf
from typing import Any, Generic, NamedTuple

from vppdhc.leases.address_set import LEVELS4, AddressSet
from vppdhc.leases.lease import LeaseState
from vppdhc.leases.offers import Offers
from vppdhc.leases.ranges import Ranges, SpaceT
from vppdhc.leases.table import RecordT, Table
from vppdhc.leases.usage import OFFERED, PoolUsage

_ACTIVE = LeaseState.ACTIVE
_RELEASED = LeaseState.RELEASED
_DECLINED = LeaseState.DECLINED


class Over(NamedTuple, Generic[RecordT]):
    """What was over: records that were forgotten, and leases that have expired."""

    forgotten: list[RecordT]
    expired: list[RecordT]


class Book(ABC, Generic[RecordT, SpaceT]):
    """The leases of all routing tables, offers included; what both versions of DHCP have in common.

    A record stays when its lease has expired or was released, so that its client gets the address again; it
    goes when another client needs the address. It also stays when the network of its address is taken off its
    interface, and is served again when the network comes back: only pools come and go with networks.

    Nothing here takes longer the more leases there are, except load() and expiry, by the leases that they return, and
    add_pool() and remove_pool(), by the ended leases of that pool and a little by its networks.

    Addresses are numbers in a space: the addresses of a routing table, or its prefixes of one length.

    active: leases in force by interface name; only expiry ends them, so they may be late by what it is.
    """

    def __init__(self, offers_most: int, *, levels: int = LEVELS4, remembered: float = inf) -> None:
        """Start without leases.

        offers_most: offers that are held at most; beyond that the oldest one goes. Nothing is lost with an offer
            but the certainty that the address is still free when the client asks for it.
        levels, remembered: see Table.
        """
        self._tables: dict[SpaceT, Table[RecordT, SpaceT]] = {}
        self._clients: dict[Hashable, RecordT | list[RecordT]] = {}
        self._offers: Offers[RecordT] = Offers()
        self._offers_most = offers_most
        self._levels = levels
        self._remembered = remembered
        self._size = 0
        self.active: dict[str, int] = {}

    def __len__(self) -> int:
        """Count the records, ended ones included, offers not."""
        return self._size

    def __iter__(self) -> Iterator[RecordT]:
        """Go through all records by space and address, ended ones included, offers not.

        No more is done between two of them than to look through the few that a /24 network has, so whoever goes through
        many can stop anywhere, and let the book change: a record that comes or goes meanwhile may be missed or not,
        all others are there once, as they are when they come up.
        """
        for _, table in sorted(self._tables.items(), key=_space_of):
            yield from table.in_order()

    def offers(self) -> Iterator[RecordT]:
        """Go through the offers by space and address, also while they change.

        Left out are those to a client that has a lease in force of the same address.
        """
        for _, table in sorted(self._tables.items(), key=_space_of):
            for address in sorted(table.offers):
                offer = table.offers.get(address)
                if offer is not None and table.use(address) == OFFERED:
                    yield offer

    def load(self, leases: Iterable[RecordT], now: float) -> None:
        """Take in the stored leases, before anything else; those over by now have ended without an event."""
        ended = []
        for lease in leases:
            if lease.state == _RELEASED or (lease.state == _ACTIVE and lease.expires <= now):
                ended.append(lease)
            else:
                self._put(self._space(lease), self._number(lease), lease)
        for lease in sorted(ended, key=_end):
            self._put(self._space(lease), self._number(lease), lease, ended=True)

    def taken(self, space: SpaceT) -> AddressSet:
        """Return the addresses of a space with a record, an offer or a reservation; not to be changed."""
        return self._table(space).taken

    def usage(self, pool: Ranges[SpaceT]) -> PoolUsage:
        """Return how full a pool is that was added; its state is kept, not counted."""
        return self._table(pool.space).pools[pool].usage

    def set_threshold(self, pool: Ranges[SpaceT], percent: int) -> None:
        """Set how much of a pool may be in use before crossed() tells; all of it when nothing is set."""
        self._table(pool.space).set_threshold(pool, percent)

    def crossed(self) -> list[tuple[Ranges[SpaceT], PoolUsage]]:
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

    def reserve_in(self, space: SpaceT, addresses: Collection[int]) -> None:
        """Keep these addresses of a space, and no others, out of what taken() lets anybody have.

        A lease that somebody has of one of them stays. When it has ended already, or ends, the address does not wait
        for others to need it. One that is no longer reserved does, behind those that wait already.
        """
        self._table(space).reserve(frozenset(addresses))

    def add_pool(self, pool: Ranges[SpaceT]) -> None:
        """Take note of a pool that is not empty.

        Pools of a space do not overlap, but for a moment: each of these has the leases that ended where the
        other is not only once that one is removed.
        """
        self._table(pool.space).add_pool(pool)

    def remove_pool(self, pool: Ranges[SpaceT]) -> None:
        """Forget a pool that was added; its leases stay."""
        self._table(pool.space).remove_pool(pool)

    def next_expiry(self) -> float:
        """Return the CLOCK_BOOTTIME at which there is next something that is over; infinity without anything."""
        times = [table.due.next() for table in self._tables.values()]
        first = self._offers.first()
        if first is not None:
            times.append(first[1].expires)
        return min(times, default=inf)

    # What an address is of, and whose

    @abstractmethod
    def _space(self, record: RecordT) -> SpaceT:
        """Return the space that a record is in."""

    @abstractmethod
    def _number(self, record: RecordT) -> int:
        """Return the number of its address in there."""

    @abstractmethod
    def _client(self, record: RecordT) -> Hashable:
        """Return whose it is; something false for nobody's."""

    # What the versions of DHCP give names of their own

    def _record(self, space: SpaceT, address: int) -> RecordT | None:
        """Return the record of an address, ended or not."""
        found = self._tables.get(space)
        return None if found is None else found.leases.get(address)

    def _offer_at(self, space: SpaceT, address: int) -> RecordT | None:
        """Return the offer that holds an address."""
        found = self._tables.get(space)
        return None if found is None else found.offers.get(address)

    def _of(self, client: Hashable) -> Sequence[RecordT]:
        """Return all records of a client, ended or not."""
        held = self._clients.get(client)
        if held is None:
            return ()
        return held if isinstance(held, list) else (held,)

    def _oldest_ended(self, pool: Ranges[SpaceT]) -> RecordT | None:
        """Return the lease in a pool, one that was added, that ended first of those that have; None where none has."""
        table = self._table(pool.space)
        address = next(iter(table.pools[pool].ended), None)
        return None if address is None else table.leases[address]

    def _hold(self, key: Hashable, offer: RecordT) -> None:
        """Hold an address for a client until the offer's expiry; key: that no other offer has now."""
        self._offers.add(key, offer)
        self._table(self._space(offer)).offer(self._number(offer), offer)
        while len(self._offers) > self._offers_most and (first := self._offers.first()) is not None:
            self._withdraw(first[0])

    def _withdraw(self, key: Hashable) -> RecordT | None:
        """Drop the offer with a key, and return it, if there is one."""
        offer = self._offers.remove(key)
        if offer is not None:
            self._tables[self._space(offer)].withdraw(self._number(offer), offer)
        return offer

    def _replace(self, old: RecordT | None, new: RecordT | None) -> None:
        """Make new the record of its address; None to forget old."""
        lease = old if new is None else new
        assert lease is not None
        self._put(self._space(lease), self._number(lease), new)

    def _take_back(self, old: RecordT | None, new: RecordT | None) -> None:
        """Undo a change that could not be made durable.

        A lease that had ended before it was replaced ends again, with an event, when what is over is next looked for.
        A change whose lease has been replaced since, by one that is not taken back, is left alone.
        """
        lease = old if new is None else new
        assert lease is not None
        space, address = self._space(lease), self._number(lease)
        if self._record(space, address) is new:
            self._put(space, address, old)

    def _expire(self, now: float, limit: int) -> Over[RecordT]:
        """End what is over: leases (at most a second late), offers, and the probation of addresses.

        now: CLOCK_BOOTTIME.
        limit: how much to look at in one go; there is more while next_expiry() is not after now.
        """
        over: Over[RecordT] = Over([], [])
        left = self._expire_offers(now, limit)
        for space, table in self._tables.items():
            addresses = table.due.pop(now, left)
            left -= len(addresses)
            for address in addresses:
                self._expire_record(space, table, address, now, over)
        return over

    def _expire_offers(self, now: float, limit: int) -> int:
        """Drop offers that are over; returns how many more may be looked at."""
        while limit and (first := self._offers.first()) is not None and first[1].expires <= now:
            self._withdraw(first[0])
            limit -= 1
        return limit

    def _expire_record(
        self, space: SpaceT, table: Table[RecordT, SpaceT], address: int, now: float, over: Over[RecordT]
    ) -> None:
        lease = table.leases.get(address)
        if lease is None or (due := table.comes_up(address)) == inf:
            return  # what was due here has been replaced by something that has no end to wait for
        if due > now:
            table.due.add(address, due)
        elif lease.state == _DECLINED or address in table.ended:
            over.forgotten.append(lease)
            self._put(space, address, None)
        else:
            self._count(lease, -1)
            table.expire(address)
            over.expired.append(lease)
            if (due := table.comes_up(address)) != inf:
                table.due.add(address, due)

    def _table(self, space: SpaceT) -> Table[RecordT, SpaceT]:
        found = self._tables.get(space)
        if found is None:
            found = self._tables[space] = Table(self._levels, self._remembered)
        return found

    def _count(self, lease: RecordT, step: int) -> None:
        if lease.state == _ACTIVE:
            self.active[lease.interface] = self.active.get(lease.interface, 0) + step

    def _put(self, space: SpaceT, address: int, new: RecordT | None, *, ended: bool = False) -> None:
        """Make this the record of an address, whatever was there before; ended: its lease is over."""
        table = self._table(space)
        over = ended or (new is not None and new.state == _RELEASED)
        old, running = table.put(address, new, over=over)
        self._index(old, new)
        self._size += (new is not None) - (old is not None)
        due = inf  # when the address comes up already
        if old is not None and running:
            due = old.expires
            self._count(old, -1)
        if new is not None:
            if not over:
                self._count(new, 1)
            # A renewed lease is put off when it comes up, instead of being in the queue once for each
            # renewal.
            comes_up = table.comes_up(address)
            if comes_up < due:
                table.end_at(address, comes_up)

    def _index(self, old: RecordT | None, new: RecordT | None) -> None:
        """Replace a client's record, in place where it can be: a large dict pays for deletions."""
        before = None if old is None else self._client(old)
        now = None if new is None else self._client(new)
        if old is not None and new is not None and before == now:
            held = self._clients.get(before)
            if held is old:
                self._clients[before] = new
            elif isinstance(held, list):
                held[:] = [new if other is old else other for other in held]
            return
        if before:
            rest = [lease for lease in self._of(before) if lease is not old]
            if not rest:
                del self._clients[before]
            else:
                self._clients[before] = rest if len(rest) > 1 else rest[0]
        if new is not None and now:
            held = self._clients.get(now)
            self._clients[now] = new if held is None else [*self._of(now), new]


def _space_of(item: tuple[Any, object]) -> Any:
    return item[0]


def _end(lease: RecordT) -> float:
    return lease.expires
