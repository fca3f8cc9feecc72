"""How full a pool is, counted as its addresses come and go."""

from collections import OrderedDict
from typing import Generic, NamedTuple

from vppdhc.leases.ranges import Ranges, SpaceT

FREE, OFFERED, ACTIVE, DECLINED = range(4)
"""What an address is used for: nothing, though it may be reserved or have a lease that has ended; an offer to somebody
who has no lease of it; a lease in force; or it is in probation."""

_HYSTERESIS = 5
"""Points of utilisation that a pool has to fall below its threshold, so that one client more or less, over and over,
does not make an event each time."""


class PoolUsage(NamedTuple):
    """How full a pool is.

    size: how many addresses there are.
    active, offered, declined: how many of them are leased, only offered, and in probation.
    threshold: percent of the pool that may be in use.
    exceeded: whether it has become more, and not yet 5 points less than the threshold again.
    """

    size: int
    active: int
    offered: int
    declined: int
    threshold: int
    exceeded: bool

    @property
    def allocated(self) -> int:
        """How many addresses are leased or offered."""
        return self.active + self.offered

    @property
    def utilization(self) -> int:
        """How much of the pool cannot be given to anybody now: percent, rounded up."""
        return -(-100 * (self.allocated + self.declined) // self.size)


class PoolState(Generic[SpaceT]):
    """What the book keeps of a pool.

    pool: the pool, which is not empty.
    ended: addresses in it whose lease has ended, the one that ended first at the front.
    exceeded: see PoolUsage.
    told: the last value of exceeded that somebody was told of.
    """

    __slots__ = ("_counts", "_enough", "_scarce", "_threshold", "ended", "exceeded", "pool", "told")

    def __init__(self, pool: Ranges[SpaceT]) -> None:
        self.pool = pool
        self.ended: OrderedDict[int, None] = OrderedDict()
        self.exceeded = False
        self.told = False
        self._counts = [pool.size, 0, 0, 0]
        self.set_threshold(100)

    @property
    def usage(self) -> PoolUsage:
        """How full it is now."""
        _, offered, active, declined = self._counts
        return PoolUsage(self.pool.size, active, offered, declined, self._threshold, self.exceeded)

    def set_threshold(self, percent: int) -> None:
        """Set how much may be in use; check() is due then."""
        size = self.pool.size
        self._threshold = percent
        # The pool is exceeded with fewer free addresses than this, and no longer with more than that.
        self._scarce = size - size * percent // 100
        self._enough = min(size - 1, size * (100 - percent + _HYSTERESIS) // 100)

    def set_counts(self, *, offered: int, active: int, declined: int) -> None:
        """Set how many addresses are in use; check() is due then."""
        self._counts = [self.pool.size - offered - active - declined, offered, active, declined]

    def move(self, before: int, after: int) -> bool:
        """Count that an address is used for something else than before; returns whether check() is due then."""
        counts = self._counts
        counts[before] -= 1
        counts[after] += 1
        return counts[FREE] > self._enough if self.exceeded else counts[FREE] < self._scarce

    def check(self) -> None:
        """Find out whether the pool is too full."""
        free = self._counts[FREE]
        self.exceeded = free <= self._enough if self.exceeded else free < self._scarce
