"""A sparse set of addresses that finds the next address not in it at once."""

from collections.abc import Iterator

_BITS = 8
_MASK = (1 << _BITS) - 1
_FULL = (1 << (1 << _BITS)) - 1
LEVELS4 = 4
"""Levels that IPv4 addresses need."""


class AddressSet:
    """A set of integers below 256**levels, as a bitmap in levels of 256 bits each: four for IPv4 addresses.

    The lowest level has a bit for each member; a bit of a level above says that the 256 bits below it are all
    set. Only bitmaps with a bit in them exist, so memory goes by members (a few bytes each where they are
    dense, about 150 where each is alone in its 256), whatever the size of the network. Every operation takes
    at most a step a level up and a step a level down, however full the set is.
    """

    __slots__ = ("_levels", "_size")

    def __init__(self, levels: int = LEVELS4) -> None:
        self._levels: tuple[dict[int, int], ...] = tuple({} for _ in range(levels))
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[int]:
        """Go through the members in increasing order.

        The set may change meanwhile: what comes or goes may be missed or not, all others are there once.
        """
        for chunk in sorted(self._levels[0]):
            yield from _members(self._levels[0].get(chunk, 0), chunk << _BITS)

    def __contains__(self, address: int) -> bool:
        return bool(self._levels[0].get(address >> _BITS, 0) >> (address & _MASK) & 1)

    def add(self, address: int) -> None:
        """Put an address in; nothing happens when it is in already."""
        for level in self._levels:
            chunk = address >> _BITS
            before = level.get(chunk, 0)
            after = before | 1 << (address & _MASK)
            if after == before:
                return
            level[chunk] = after
            if level is self._levels[0]:
                self._size += 1
            if after != _FULL:
                return
            address = chunk

    def discard(self, address: int) -> None:
        """Take an address out; nothing happens when it is not in."""
        for level in self._levels:
            chunk = address >> _BITS
            before = level.get(chunk, 0)
            after = before & ~(1 << (address & _MASK))
            if after == before:
                return
            if after:
                level[chunk] = after
            else:
                del level[chunk]
            if level is self._levels[0]:
                self._size -= 1
            if before != _FULL:
                return
            address = chunk

    def first_free(self, start: int, stop: int) -> int | None:
        """Return the lowest address from start on and below stop that is not in the set, if any."""
        found = self._next_clear(0, start)
        return found if found < stop else None

    def within(self, start: int, stop: int) -> Iterator[int]:
        """Go through the members from start up to and without stop, in no particular order.

        Takes time by the bitmaps of 256 in the range or in the set, whichever are fewer.
        """
        for chunk in self._chunks(start, stop):
            yield from _members(*self._cut(chunk, start, stop))

    def count(self, start: int, stop: int) -> int:
        """Count the members from start up to and without stop; takes time as within() does, but none by members."""
        return sum(self._cut(chunk, start, stop)[0].bit_count() for chunk in self._chunks(start, stop))

    def _cut(self, chunk: int, start: int, stop: int) -> tuple[int, int]:
        """Return the bits of a bitmap from start up to and without stop, and what the lowest of them stands for."""
        bits, base = self._levels[0].get(chunk, 0), chunk << _BITS
        if base < start:
            bits >>= start - base
            base = start
        if base + _FULL.bit_length() > stop:
            bits &= (1 << max(0, stop - base)) - 1
        return bits, base

    def _chunks(self, start: int, stop: int) -> list[int]:
        """Return the numbers of the bitmaps that have members from start up to and without stop, and maybe others."""
        leaves = self._levels[0]
        first, last = start >> _BITS, (stop - 1) >> _BITS
        if last - first < len(leaves):
            return [chunk for chunk in range(first, last + 1) if chunk in leaves]
        return [chunk for chunk in leaves if first <= chunk <= last]

    def _next_clear(self, level: int, index: int) -> int:
        """Return the first index from this one on whose bit is clear; past the end without one."""
        chunk = index >> _BITS
        clear = (self._levels[level].get(chunk, 0) ^ _FULL) >> (index & _MASK)
        if not clear:
            if level == len(self._levels) - 1:
                return (chunk + 1) << _BITS
            # Nothing left in this bitmap: the level above knows the next one that is not full, and that has a
            # clear bit, so there is no way back up from here.
            index = self._next_clear(level + 1, chunk + 1) << _BITS
            clear = self._levels[level].get(index >> _BITS, 0) ^ _FULL
        return index + (clear & -clear).bit_length() - 1


def _members(bits: int, base: int) -> Iterator[int]:
    """Go through the members in a bitmap as it is now, in increasing order; base: what its lowest bit stands for."""
    while bits:
        lowest = bits & -bits
        bits ^= lowest
        yield base + lowest.bit_length() - 1
