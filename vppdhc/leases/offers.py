"""Addresses and prefixes that are held for clients to whom they were offered."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, Protocol, TypeVar


class Held(Protocol):
    """An offer, as far as it is needed here: since when, and until when."""

    @property
    def since(self) -> float:
        """CLOCK_BOOTTIME."""

    @property
    def expires(self) -> float:
        """CLOCK_BOOTTIME."""


HeldT = TypeVar("HeldT", bound=Held)


class Offers(Generic[HeldT]):
    """Offers by a key, such as the client that has but one, and at hand in the order in which they end.

    Offers that are held equally long end in the order in which they were made, so there is a queue for each holding
    time. Subnets have few different ones.
    """

    __slots__ = ("_offers", "_queues")

    def __init__(self) -> None:
        self._offers: dict[Hashable, HeldT] = {}
        self._queues: dict[int, OrderedDict[Hashable, HeldT]] = {}

    def __len__(self) -> int:
        return len(self._offers)

    def get(self, key: Hashable) -> HeldT | None:
        """Return the offer with a key."""
        return self._offers.get(key)

    def add(self, key: Hashable, offer: HeldT) -> None:
        """Keep an offer, made just now, with a key that has none."""
        self._offers[key] = offer
        self._queues.setdefault(_holding_time(offer), OrderedDict())[key] = offer

    def remove(self, key: Hashable) -> HeldT | None:
        """Forget the offer with a key, and return it."""
        offer = self._offers.pop(key, None)
        if offer is not None:
            holding_time = _holding_time(offer)
            queue = self._queues[holding_time]
            del queue[key]
            if not queue:
                del self._queues[holding_time]
        return offer

    def first(self) -> tuple[Hashable, HeldT] | None:
        """Return the offer that ends first, with its key."""
        return min((next(iter(queue.items())) for queue in self._queues.values()), key=_end, default=None)


def _end(held: tuple[Hashable, Held]) -> float:
    return held[1].expires


def _holding_time(offer: Held) -> int:
    """Return for how many seconds an offer is held: its settings have whole ones."""
    return round(offer.expires - offer.since)
