"""The addresses or prefixes that may be given to clients, and which of them a client gets."""

from bisect import bisect_right
from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import Final, NamedTuple, TypeAlias

from vppdhc.leases.address_set import AddressSet
from vppdhc.leases.lease6 import ADDRESS_LENGTH, Association, LeaseKind, Place6
from vppdhc.leases.ranges import Range, Ranges

LEVELS: Final = 16
"""Levels of an AddressSet that has room for any IPv6 address."""
_STEPS_MOST: Final = 100
"""Numbers in the way of which a candidate is looked for at most; see Pool.candidate()."""
_DIGEST_BYTES: Final = 16


class Space(NamedTuple):
    """The addresses of a routing table, or its prefixes of one length: each has a number in it.

    length: 128 for addresses.
    """

    table: int
    kind: LeaseKind
    length: int

    def number(self, network: int) -> int:
        """Return the number of the address or prefix that a network begins with."""
        return network >> (ADDRESS_LENGTH - self.length)

    def network(self, number: int) -> int:
        """Return the address or prefix with a number."""
        return number << (ADDRESS_LENGTH - self.length)


def space_of(place: Place6) -> Space:
    """Return the space that an address or prefix is in."""
    return Space(place.table, place.kind, place.length)


PoolKey: TypeAlias = tuple[Space, Range, tuple[Range, ...]]
"""All that a pool is."""


class Pool(Ranges[Space]):
    """Addresses of one network, or parts of one prefix, that may be given to clients, by their numbers.

    whole: the first number of what the ranges are parts of and one past its last: a hash leads to any in there.

    Reserved interface ids are in the ranges of addresses where a network has many of them; is_reserved says which they
    are. They are in no pool all the same.
    """

    __slots__ = ("whole",)

    def __init__(self, space: Space, whole: Range, ranges: Iterable[Range]) -> None:
        super().__init__(space, ranges)
        self.whole = whole

    @property
    def key(self) -> PoolKey:
        """What two pools have in common that are of the same addresses or prefixes."""
        return self.space, self.whole, self.ranges

    def candidate(
        self, association: Association, taken: AddressSet, in_the_way: Callable[[int], int | None]
    ) -> int | None:
        """Choose the number for an identity association that has none yet: the same one on every server.

        The bottom bits of a BLAKE2b of DUID and IAID say where to start, modulo the size of the whole, so that a host
        has the same interface id in every network of a size. When that number is not in the pool or taken, the next
        free one in increasing order is chosen, wrapping round at the end. That is linear probing in its effect, but no
        step is ever made: the set of taken numbers is itself the structure of free ranges, and leads to the next hole
        in the same few steps in an empty pool and in one with a single number left.

        taken: the numbers of the space that cannot be had.
        in_the_way: returns for a number one past the last of those that cannot be had for another reason than being
            taken; None where there is no such reason. There are few: prefixes of another length, from before the
            configuration was changed. A hundred are passed by at most, so that no packet is a long calculation.
        Returns None when no number is free.
        """
        if not self.size:
            return None
        base, end = self.whole
        wish = base + digest(association) % (end - base)
        chosen = bisect_right(self._starts, wish)
        ranges = [*self.ranges[chosen:], *self.ranges[:chosen]]
        if chosen and wish < self.ranges[chosen - 1][1]:
            ranges.insert(0, (wish, self.ranges[chosen - 1][1]))
        steps = _STEPS_MOST
        for start, stop in ranges:
            found = taken.first_free(start, stop)
            while found is not None:
                beyond = in_the_way(found)
                if beyond is None:
                    return found
                steps -= 1
                if not steps:
                    return None
                found = taken.first_free(beyond, stop)
        return None


def digest(association: Association) -> int:
    """Return the BLAKE2b of DUID and IAID as a number of 128 bits."""
    said = association.duid + association.ia_id.to_bytes(4, "big")
    return int.from_bytes(blake2b(said, digest_size=_DIGEST_BYTES).digest(), "big")
