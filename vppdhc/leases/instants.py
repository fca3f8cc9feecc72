"""Instants that many leases have in common."""

from math import ceil, floor

_MOST = 1 << 16
"""Instants that are remembered: as many as leases end in, where the lease time is up to a day."""


class Instants:
    """Gives equal instants as one object.

    A lease has three of them, of 32 bytes each, which is a fifth of its memory. Leases made in the same second share
    them when they are whole seconds, which is as exact as leases need to be.
    """

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[float, float] = {}

    def before(self, seconds: float) -> float:
        """Return the last whole second."""
        return self.shared(float(floor(seconds)))

    def after(self, seconds: float) -> float:
        """Return the next whole second: a lease must not end for the server before it ends for its client."""
        return self.shared(float(ceil(seconds)))

    def shared(self, instant: float) -> float:
        """Return an instant, of a lease that was read from somewhere, as the object that others have too."""
        if len(self._known) >= _MOST:
            self._known.clear()
        return self._known.setdefault(instant, instant)
