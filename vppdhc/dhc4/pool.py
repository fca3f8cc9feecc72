"""The addresses of a network that may be given to clients, and which of them a client gets."""

from bisect import bisect_right
from collections.abc import Iterable
from hashlib import blake2b
from ipaddress import IPv4Network

from vppdhc.dhc4.address_set import AddressSet

_SMALLEST_PREFIX = 30
"""A /31 (RFC 3021) has no address left beside the two ends of its link, and a /32 has only the router's."""


class Pool:
    """Ranges of addresses in one network, in increasing order.

    table: routing table (VRF) id of the network.
    ranges: (first, one past the last) of each range, in increasing order and apart from each other.
    size: how many addresses there are.
    first, stop: the lowest address and one past the highest; equal in an empty pool.

    It knows nothing of leases: the caller brings the set of addresses that have one.
    """

    __slots__ = ("_starts", "first", "ranges", "size", "stop", "table")

    def __init__(self, table: int, ranges: Iterable[tuple[int, int]]) -> None:
        self.table = table
        self.ranges = tuple(ranges)
        self._starts = [start for start, _ in self.ranges]
        self.size = sum(stop - start for start, stop in self.ranges)
        self.first = self.ranges[0][0] if self.ranges else 0
        self.stop = self.ranges[-1][1] if self.ranges else 0

    @classmethod
    def of_network(cls, table: int, network: IPv4Network, own: Iterable[int], static_percentage: int) -> "Pool":
        """Build the pool of a network that has no ranges configured.

        own: the router's addresses in it.
        static_percentage: how much of the network, counted from its start and rounded down to whole
            addresses, is never given out, 0 to 100.

        The network's own and its broadcast address (RFC 1122, 3.2.1.3) and the router's are left out.
        Networks longer than /30 have no pool.
        """
        if network.prefixlen > _SMALLEST_PREFIX:
            return cls(table, ())
        base, end = int(network.network_address), int(network.broadcast_address)
        start = base + max(1, network.num_addresses * static_percentage // 100)
        ranges = []
        for address in sorted({address for address in own if start <= address < end}):
            if start < address:
                ranges.append((start, address))
            start = address + 1
        if start < end:
            ranges.append((start, end))
        return cls(table, ranges)

    def __contains__(self, address: int) -> bool:
        if not self.first <= address < self.stop:
            return False
        return len(self.ranges) == 1 or address < self.ranges[bisect_right(self._starts, address) - 1][1]

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
        # A pool has a range more than the router has addresses in it: this loop is short.
        for start, stop in self.ranges[chosen + 1 :] + self.ranges[: chosen + 1]:
            if found is not None:
                break
            found = taken.first_free(start, stop)
        return found

    def _at(self, offset: int) -> tuple[int, int]:
        """Return the number of the range and the address that lie so many addresses into the pool."""
        number = 0
        start, stop = self.ranges[0]
        while offset >= stop - start:
            offset -= stop - start
            number += 1
            start, stop = self.ranges[number]
        return number, start + offset
