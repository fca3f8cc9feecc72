"""The leases of one space, such as the addresses of a routing table, and what of it others can have."""

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator
from math import inf
from typing import Generic, Protocol, TypeVar

from vppdhc.leases.address_set import LEVELS4, AddressSet
from vppdhc.leases.expiry import ExpiryQueue
from vppdhc.leases.lease import LeaseState
from vppdhc.leases.ranges import Ranges, SpaceT
from vppdhc.leases.usage import ACTIVE, DECLINED, FREE, OFFERED, PoolState

_SPARE = 1024
"""Times that may be in the expiry queue for nothing, beside one for each lease."""

_DECLINED_LEASE = LeaseState.DECLINED


class Record(Protocol):
    """A lease or an offer, as far as it is needed here; see vppdhc.leases.lease."""

    @property
    def state(self) -> LeaseState:
        """Where it stands."""

    @property
    def interface(self) -> str:
        """Name of the interface it was given out on."""

    @property
    def since(self) -> float:
        """CLOCK_BOOTTIME at which it was made."""

    @property
    def expires(self) -> float:
        """CLOCK_BOOTTIME at which it ends."""


RecordT = TypeVar("RecordT", bound=Record)


class Table(Generic[RecordT, SpaceT]):
    """The leases of one space: of the addresses of a routing table, or of its prefixes of one length by their numbers.

    leases: the record of each address that has or had a lease.
    offers: addresses held for a client that was sent an OFFER; there may be a record under it.
    reserved: addresses that only the client gets which they are reserved for.
    taken: addresses with a record, an offer or a reservation.
    remembered: seconds for which an ended lease is kept.
    due: when records end, and when those that have ended are forgotten.
    ended: addresses whose lease has expired or was released, each with the queue it waits in for somebody
        else to need it; None while it is held by an offer, is reserved, or in no pool.
    unpooled: ended addresses that are in no pool, and neither on offer nor reserved.
    declined: addresses in probation.
    pools: by their first address.
    untold: pools of which there is something to tell: see PoolState.
    """

    __slots__ = (
        "_firsts",
        "_states",
        "declined",
        "due",
        "ended",
        "leases",
        "offers",
        "pools",
        "remembered",
        "reserved",
        "taken",
        "unpooled",
        "untold",
    )

    def __init__(self, levels: int = LEVELS4, remembered: float = inf) -> None:
        """Start without leases.

        levels: of an AddressSet of them.
        remembered: seconds for which an ended lease is kept, unless its address is needed; infinity for ever.
        """
        self.leases: dict[int, RecordT] = {}
        self.offers: dict[int, RecordT] = {}
        self.reserved: frozenset[int] = frozenset()
        self.remembered = remembered
        self.taken = AddressSet(levels)
        self.due = ExpiryQueue()
        self.ended: dict[int, OrderedDict[int, None] | None] = {}
        self.unpooled = AddressSet()
        self.declined: set[int] = set()
        self.pools: dict[Ranges[SpaceT], PoolState[SpaceT]] = {}
        self.untold: dict[Ranges[SpaceT], PoolState[SpaceT]] = {}
        self._firsts: list[int] = []
        self._states: list[PoolState[SpaceT]] = []

    # Records

    def put(self, address: int, new: RecordT | None, *, over: bool) -> tuple[RecordT | None, bool]:
        """Make this the record of an address, None for no record; over: its lease has ended already.

        Returns the record that was there before, and whether that was in force or in probation.
        """
        old = self.leases.get(address)
        running = old is not None and not self.unend(address)
        before = _use(old) if old is not None and running else self._idle(address)
        after = _use(new) if new is not None and not over else self._idle(address)
        if new is not None:
            self.leases[address] = new
            if old is None:
                self.taken.add(address)
            if over:
                self.end(address)
        elif old is not None:
            del self.leases[address]
            self._free(address)
        if before != after:
            self._move(address, before, after)
        return old, running

    def expire(self, address: int) -> None:
        """Note that the time of a lease in force is over."""
        self.end(address)
        self._move(address, ACTIVE, self.use(address))

    def use(self, address: int) -> int:
        """Return what an address is used for: see usage.FREE and the others."""
        lease = self.leases.get(address)
        return self._idle(address) if lease is None or address in self.ended else _use(lease)

    def end(self, address: int) -> None:
        """Have the address of a lease that has ended wait to be used again, behind all that wait already."""
        if address in self.offers or address in self.reserved:
            self.ended[address] = None
            return
        state = self._state_at(address)
        if state is not None:
            state.ended[address] = None
            self.ended[address] = state.ended
        else:
            self.unpooled.add(address)
            self.ended[address] = None

    def unend(self, address: int) -> bool:
        """Note that the record of an address is replaced, or held for somebody; returns whether it had ended."""
        if address not in self.ended:
            return False
        queue = self.ended.pop(address)
        if queue is None:
            self.unpooled.discard(address)
        else:
            del queue[address]
        return True

    def comes_up(self, address: int) -> float:
        """Return when the record of an address is to be looked at: when it ends or is forgotten; infinity for never."""
        lease = self.leases[address]
        return lease.expires + self.remembered if address in self.ended else lease.expires

    def end_at(self, address: int, expires: float) -> None:
        """Have a lease come up when it ends or is forgotten.

        A client that gives its address back and takes it again, over and over, leaves times in the queue that nobody
        waits for any more. So that they cannot fill the memory, the queue is made anew before they are most of it.
        """
        if len(self.due) > 2 * len(self.leases) + _SPARE:
            self.due = ExpiryQueue()
            for other in self.leases:
                if (due := self.comes_up(other)) != inf:
                    self.due.add(other, due)
        else:
            self.due.add(address, expires)

    def in_order(self) -> Iterator[RecordT]:
        """Go through the records by address; the table may change meanwhile."""
        for address in self.taken:
            lease = self.leases.get(address)
            if lease is not None:
                yield lease

    # Offers and reservations

    def offer(self, address: int, offer: RecordT) -> None:
        """Hold an address for a client."""
        if address in self.leases:
            before = self.use(address)
            if self.unend(address):
                self.ended[address] = None
        elif address in self.offers:
            before = OFFERED
        else:
            before = FREE
            self.taken.add(address)
        self.offers[address] = offer
        if before == FREE:
            self._move(address, FREE, OFFERED)

    def withdraw(self, address: int, offer: RecordT) -> None:
        """Hold an address no longer, unless it is by now held for another client."""
        if self.offers.get(address) is not offer:
            return
        del self.offers[address]
        if address in self.ended:
            self.end(address)
        elif address in self.leases:
            return
        else:
            self._free(address)
        self._move(address, OFFERED, FREE)

    def reserve(self, addresses: frozenset[int]) -> None:
        """Keep these addresses, and no others, from everybody but the clients that they are reserved for.

        Takes time by what is different from before, but for finding that out.
        """
        before, self.reserved = self.reserved, addresses
        for address in addresses - before:
            self.taken.add(address)
            if self.unend(address):
                self.ended[address] = None
        for address in before - addresses:
            if address in self.ended:
                self.end(address)
            elif address not in self.leases:
                self._free(address)

    def _idle(self, address: int) -> int:
        """Return what an address is used for that has no lease in force and is not in probation."""
        return OFFERED if address in self.offers else FREE

    def _free(self, address: int) -> None:
        """Let others have an address that has no record, unless something else keeps it."""
        if address not in self.offers and address not in self.reserved:
            self.taken.discard(address)

    # Pools

    def add_pool(self, pool: Ranges[SpaceT]) -> None:
        """Queue the ended addresses of a pool for being used again, the one that ended first at the front."""
        number = bisect_right(self._firsts, pool.first)
        state = self.pools[pool] = PoolState(pool)
        self._firsts.insert(number, pool.first)
        self._states.insert(number, state)
        for address in self._by_end(self.unpooled.within(pool.first, pool.stop)):
            self.unpooled.discard(address)
            self.end(address)
        self._count(state)

    def remove_pool(self, pool: Ranges[SpaceT]) -> None:
        """Forget a pool, not its leases."""
        state = self.pools.pop(pool)
        self.untold.pop(pool, None)
        number = self._states.index(state)
        del self._firsts[number], self._states[number]
        for address in state.ended:
            # While a network moves from one interface to another, its pool is there twice for a moment.
            self.end(address)
        for other in self._states:
            if other.pool.first < pool.stop and pool.first < other.pool.stop:
                self._count(other)

    def set_threshold(self, pool: Ranges[SpaceT], percent: int) -> None:
        """Set how much of a pool may be in use."""
        state = self.pools[pool]
        state.set_threshold(percent)
        self._check(state)

    def _state_at(self, address: int) -> PoolState[SpaceT] | None:
        number = bisect_right(self._firsts, address)
        if number:
            state = self._states[number - 1]
            if address in state.pool:
                return state
        return None

    def _move(self, address: int, before: int, after: int) -> None:
        """Count that an address is used for something else than before."""
        if after == DECLINED:
            self.declined.add(address)
        elif before == DECLINED:
            self.declined.discard(address)
        state = self._state_at(address)
        if state is not None and state.move(before, after):
            self._check(state)

    def _count(self, state: PoolState[SpaceT]) -> None:
        """Count what the addresses of a pool are used for: all that are taken, without what is known to be otherwise.

        Only pools that are new or have overlapped another need this. It takes time by the /24 networks of the pool, the
        addresses in it that have ended, and the offers, reservations and probations in it, but none by its leases.
        """
        pool = state.pool
        taken = sum(self.taken.count(start, stop) for start, stop in pool.ranges)
        offered = sum(1 for address in _within(pool, self.offers) if self.use(address) == OFFERED)
        reserved = sum(
            1 for address in _within(pool, self.reserved) if address not in self.ended and self.use(address) == FREE
        )
        ended = sum(1 for address in _within(pool, self.ended) if address not in self.offers)
        declined = sum(1 for _ in _within(pool, self.declined))
        active = taken - offered - reserved - ended - declined
        state.set_counts(offered=offered, active=active, declined=declined)
        self._check(state)

    def _check(self, state: PoolState[SpaceT]) -> None:
        """Find out whether a pool is too full, and whether that is to be told."""
        state.check()
        if state.exceeded is not state.told:
            self.untold[state.pool] = state
        else:
            self.untold.pop(state.pool, None)

    def _by_end(self, addresses: Iterable[int]) -> list[int]:
        return sorted(addresses, key=lambda address: self.leases[address].expires)


def _use(lease: Record) -> int:
    """Return what the address of a lease is used for that has not ended."""
    return DECLINED if lease.state == _DECLINED_LEASE else ACTIVE


def _within(pool: Ranges[SpaceT], addresses: Collection[int]) -> Iterator[int]:
    """Go through those of some addresses that are in a pool, in a time that goes by the fewer of the two."""
    if pool.size < len(addresses):
        return (address for start, stop in pool.ranges for address in range(start, stop) if address in addresses)
    return (address for address in addresses if address in pool)
