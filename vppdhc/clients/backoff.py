"""How long a client waits before it begins anew, where beginning at once would only fail again."""

from typing import Final

_DELAY_MOST: Final = 1800.0
"""Seconds: doubled with each failure in a row, up to this."""
_DOUBLINGS_MOST: Final = 12
"""So many lead beyond that already; without a bound the number would not fit into a float some day."""


class Backoff:
    """Delays behind failures of one kind, in a row. failures: how many there were."""

    def __init__(self, first: float) -> None:
        """first: seconds behind the first failure."""
        self.failures = 0
        self._first = first

    def failed(self) -> float:
        """Count one more failure; returns the seconds to wait behind it."""
        delay = min(self._first * (1 << min(self.failures, _DOUBLINGS_MOST)), _DELAY_MOST)
        self.failures += 1
        return delay

    def succeeded(self) -> None:
        """Begin to count anew."""
        self.failures = 0
