"""Addresses that are held for clients which were sent an OFFER."""

from collections import OrderedDict

from vppdhc.leases.lease import Lease


class Offers:
    """Offers by client, one a client, and at hand in the order in which they end.

    Offers that are held equally long end in the order in which they were made, so there is a queue for each holding
    time. Subnets have few different ones.
    """

    __slots__ = ("_offers", "_queues")

    def __init__(self) -> None:
        self._offers: dict[bytes, Lease] = {}
        self._queues: dict[int, OrderedDict[bytes, Lease]] = {}

    def __len__(self) -> int:
        return len(self._offers)

    def get(self, client: bytes) -> Lease | None:
        """Return the offer that a client has."""
        return self._offers.get(client)

    def add(self, offer: Lease) -> None:
        """Keep an offer, made just now, to a client that has none."""
        self._offers[offer.client] = offer
        self._queues.setdefault(_holding_time(offer), OrderedDict())[offer.client] = offer

    def remove(self, client: bytes) -> Lease | None:
        """Forget the offer that a client has, and return it."""
        offer = self._offers.pop(client, None)
        if offer is not None:
            holding_time = _holding_time(offer)
            queue = self._queues[holding_time]
            del queue[client]
            if not queue:
                del self._queues[holding_time]
        return offer

    def first(self) -> Lease | None:
        """Return the offer that ends first."""
        return min((next(iter(queue.values())) for queue in self._queues.values()), key=_end, default=None)


def _end(offer: Lease) -> float:
    return offer.expires


def _holding_time(offer: Lease) -> int:
    """Return for how many seconds an offer is held: its settings have whole ones."""
    return round(offer.expires - offer.since)
