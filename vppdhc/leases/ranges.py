"""Ranges of addresses or prefixes that may be given to clients."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Generic, TypeAlias, TypeVar

Range: TypeAlias = tuple[int, int]
"""The first number, and one past the last."""

SpaceT = TypeVar("SpaceT")


class Ranges(Generic[SpaceT]):
    """Ranges of numbers, in increasing order, each of which is an address or prefix.

    space: what the numbers count: the addresses of a routing table, or its prefixes of a length.
    ranges: (first, one past the last) of each range, in increasing order and apart from each other.
    size: how many numbers there are.
    first, stop: the lowest one and one past the highest; equal where there is none.

    They know nothing of leases.
    """

    __slots__ = ("_starts", "first", "ranges", "size", "space", "stop")

    def __init__(self, space: SpaceT, ranges: Iterable[Range]) -> None:
        self.space = space
        self.ranges = tuple(ranges)
        self.size = sum(stop - start for start, stop in self.ranges)
        self.first = self.ranges[0][0] if self.ranges else 0
        self.stop = self.ranges[-1][1] if self.ranges else 0
        self._starts = [start for start, _ in self.ranges]

    def __contains__(self, number: int) -> bool:
        if not self.first <= number < self.stop:
            return False
        return len(self.ranges) == 1 or number < self.ranges[bisect_right(self._starts, number) - 1][1]


def without(whole: Range, holes: Iterable[Range]) -> Sequence[Range]:
    """Return what is left of a range without others, in increasing order."""
    start, stop = whole
    left = []
    for first, beyond in sorted(holes):
        if start < min(first, stop):
            left.append((start, min(first, stop)))
        start = max(start, beyond)
    if start < stop:
        left.append((start, stop))
    return left
