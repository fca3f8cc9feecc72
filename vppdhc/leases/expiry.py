"""When which address has to be looked at again."""

from heapq import heappop, heappush
from math import ceil, inf


class ExpiryQueue:
    """Addresses by the second in which their time is over.

    A second's addresses are a plain list, so a lease costs eight bytes here. Nothing is ever searched or
    removed: who takes an address out looks up whether its time is really over, and puts it back when it has
    been renewed. An address may be there more than once; len() counts each.
    """

    __slots__ = ("_heap", "_ready", "_seconds", "_size")

    def __init__(self) -> None:
        self._seconds: dict[int, list[int]] = {}
        self._heap: list[int] = []
        self._ready: list[int] = []
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def add(self, address: int, expires: float) -> None:
        """Have the address come up at the first full second that is not before a time, which is finite."""
        self._size += 1
        second = ceil(expires)
        waiting = self._seconds.get(second)
        if waiting is None:
            self._seconds[second] = [address]
            heappush(self._heap, second)
        else:
            waiting.append(address)

    def next(self) -> float:
        """Return the time at which pop() next has something: 0 when it has now, infinity when never."""
        if self._ready:
            return 0.0
        return self._heap[0] if self._heap else inf

    def pop(self, now: float, limit: int) -> list[int]:
        """Take out at most limit addresses whose second has come, one at a time of each second."""
        taken: list[int] = []
        while len(taken) < limit:
            if not self._ready:
                if not self._heap or self._heap[0] > now:
                    break
                due = self._seconds.pop(heappop(self._heap))
                # An address comes twice when its time was cut short and lengthened again: once is enough.
                self._ready = list(dict.fromkeys(due))
                self._size -= len(due) - len(self._ready)
            taken.append(self._ready.pop())
        self._size -= len(taken)
        return taken
