"""The last exchange with every client that was heard lately: why it got what it got."""

from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from typing import Any, Final, Generic, TypeVar

INTERFACES_MOST: Final = 4
"""Interfaces on which a client's last exchange is remembered; a client that wanders over more is seldom honest."""
_PORTION: Final = 1000
"""Exchanges that are looked at in one go."""

Key = tuple[int, bytes]
"""Routing table id, and what tells a client from others there."""


class Decision(StrEnum):
    """What the server made of a message."""

    ANSWERED = "answered"
    """The client got what it asked for."""
    REFUSED = "refused"
    """The client was told that it cannot have it."""
    DROPPED = "dropped"
    """The client got no answer."""
    PENDING = "pending"
    """The answer waits: for a probe, or for the disk."""


KnownT = TypeVar("KnownT", bound=tuple[Any, ...])
ExchangeT = TypeVar("ExchangeT")


class Memory(ABC, Generic[KnownT, ExchangeT]):
    """Remembers the last exchange with each of so many clients, of those that were heard last; costs next to nothing.

    A client that is on several interfaces has a last one on each of some. What is kept of each, a KnownT, begins with
    the name of the interface.
    """

    def __init__(self, most: int = 65_536) -> None:
        """Remember nothing. most: clients that are remembered."""
        self._most = most
        self._known: OrderedDict[Key, KnownT] = OrderedDict()
        self._elsewhere: dict[Key, list[KnownT]] = {}

    def __len__(self) -> int:
        """Count the clients that are remembered."""
        return len(self._known)

    def __iter__(self) -> Iterator[ExchangeT]:
        """Go through the last exchange of each client, the oldest one first; more may come meanwhile."""
        for key, known in list(self._known.items()):
            yield self._exchange(key, known)

    def of_client(self, table: int, client: bytes) -> Sequence[ExchangeT]:
        """Return the last exchange of a client on each interface, the latest one first."""
        key = table, client
        known = self._known.get(key)
        every = () if known is None else (known, *self._elsewhere.get(key, ()))
        return [self._exchange(key, one) for one in every]

    @abstractmethod
    def _exchange(self, key: Key, known: KnownT) -> ExchangeT:
        """Return an exchange as others see it."""

    def _look(self, pause: Callable[[], object]) -> Iterator[tuple[Key, KnownT]]:
        """Go through all that is remembered; pause is called now and then meanwhile, and may let others run."""
        for number, one in enumerate(list(self._known.items())):
            if not number % _PORTION:
                pause()
            yield one

    def _remember(self, key: Key, new: KnownT) -> None:
        known = self._known
        before = known.get(key)
        known[key] = new
        if before is not None:
            known.move_to_end(key)
            if before[0] != new[0]:
                self._moved(key, before, new[0])
        elif len(known) > self._most:
            forgotten, _ = known.popitem(last=False)
            self._elsewhere.pop(forgotten, None)

    def _moved(self, key: Key, before: KnownT, now: str) -> None:
        """Keep what a client did on the interface that it was on before, of so many of them."""
        others = [one for one in self._elsewhere.get(key, ()) if one[0] not in {now, before[0]}]
        self._elsewhere[key] = [before, *others[: INTERFACES_MOST - 2]]
