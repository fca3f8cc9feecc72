"""How often clients are answered."""

from collections import OrderedDict

_MOST = 65_536
"""Clients that are remembered. One that is forgotten may ask at once as often as in a whole second."""


class ClientRates:
    """Counts the messages of clients: so many a second, and as many at once after a second without any.

    Of each client it keeps the time at which all that it sent would be paid for at its rate (the generic cell rate
    algorithm, which is a token bucket with one number). Clients that were heard longest ago are forgotten first.
    """

    __slots__ = ("_most", "_paid")

    def __init__(self, most: int = _MOST) -> None:
        self._paid: OrderedDict[tuple[int, bytes], float] = OrderedDict()
        self._most = most

    def __len__(self) -> int:
        """Count the clients that are remembered."""
        return len(self._paid)

    def allow(self, table: int, client: bytes, rate: int, now: float) -> bool:
        """Tell whether a message may be answered, and count it if so.

        table, client: whose message it is. rate: messages a second. now: seconds; never goes back.
        """
        key = table, client
        paid = max(self._paid.get(key, now), now) + 1 / rate
        allowed = paid <= now + 1.000_001  # a second's worth, whatever the sum of fractions comes to
        if allowed:
            self._paid[key] = paid
            self._paid.move_to_end(key)
            if len(self._paid) > self._most:
                self._paid.popitem(last=False)
        return allowed
