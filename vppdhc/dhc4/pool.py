"""The addresses of a network that may be given to clients, and which of them a client gets."""

from bisect import bisect_right
from collections.abc import Iterable
from hashlib import blake2b
from ipaddress import IPv4Network
from itertools import accumulate
from typing import TypeAlias

from vppdhc.leases.address_set import AddressSet
from vppdhc.leases.ranges import Range, Ranges, without

_SMALLEST_PREFIX = 30
"""A /31 (RFC 3021) has no address left beside the two ends of its link, and a /32 has only the router's."""

PoolKey: TypeAlias = tuple[int, tuple[Range, ...]]
"""Table and ranges of a pool: all that it is."""


class Pool(Ranges[int]):
    """Ranges of addresses in one network, in increasing order; space: id of its routing table (VRF).

    It knows nothing of leases: the caller brings the set of addresses that have one.
    """

    __slots__ = ("_offsets",)

    def __init__(self, table: int, ranges: Iterable[Range]) -> None:
        super().__init__(table, ranges)
        self._offsets = list(accumulate((stop - start for start, stop in self.ranges), initial=0))

    @classmethod
    def of_network(cls, table: int, network: IPv4Network, own: Iterable[int], static_percentage: int) -> "Pool":
        """Build the pool of a network that has no ranges configured.

        own: the router's addresses in it.
        static_percentage: how much of the network, counted from its start and rounded down to whole
            addresses, is never given out, 0 to 100.

        The network's own and its broadcast address (RFC 1122, 3.2.1.3) and the router's are left out.
        Networks longer than /30 have no pool.
        """
        return cls(table, without(whole_of(network, static_percentage), [(address, address + 1) for address in own]))

    @property
    def key(self) -> PoolKey:
        """What two pools have in common that are of the same addresses."""
        return self.space, self.ranges

    def candidate(self, hardware: bytes, taken: AddressSet) -> int | None:
        """Choose the address of a client that has none yet: the same one on every server with the same pool.

        The bottom bits of a BLAKE2b of the hardware address say where to start, modulo the size of the pool;
        when that address is taken, the next free one in increasing order is, wrapping round at the end. That
        is linear probing in its effect, but no step is ever made: the set of taken addresses is itself the
        structure of free ranges and leads to the next hole in the same few steps in an empty pool and in one
        with a single address left. So there is no bound on probing to choose, and no second structure to
        keep.

        hardware: hardware address, or what else names the client where it has none.
        Returns None when no address is free.
        """
        if not self.size:
            return None
        offset = int.from_bytes(blake2b(hardware, digest_size=8).digest(), "big") % self.size
        chosen, wish = self._at(offset)
        found = taken.first_free(wish, self.ranges[chosen][1])
        # There is a range more than addresses of the router and excluded ranges: this loop is short.
        for start, stop in self.ranges[chosen + 1 :] + self.ranges[: chosen + 1]:
            if found is not None:
                break
            found = taken.first_free(start, stop)
        return found

    def _at(self, offset: int) -> tuple[int, int]:
        """Return the number of the range and the address that lie so many addresses into the pool."""
        number = bisect_right(self._offsets, offset) - 1
        return number, self._starts[number] + offset - self._offsets[number]


def whole_of(network: IPv4Network, static_percentage: int) -> Range:
    """Return the addresses of a network that hosts can have, but a part of it, in percent, from its start."""
    base, end = int(network.network_address), int(network.broadcast_address)
    if network.prefixlen > _SMALLEST_PREFIX:
        return base, base
    return base + max(1, network.num_addresses * static_percentage // 100), end
