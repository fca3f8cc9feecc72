"""What holds for an address or prefix: the settings of all levels from the server down, and its prefix's life."""

from math import inf
from typing import Final, NamedTuple

from vppdhc.dhc6.config import Lifetimes, Settings
from vppdhc.dhc6.options import Upstream
from vppdhc.dhc6.parameters import Parameters
from vppdhc.packet.dhcp6 import INFINITY


class Life(NamedTuple):
    """How long a prefix lives that was delegated to us; nothing in it lives longer (RFC 9096, 3.3).

    preferred_until, valid_until: CLOCK_BOOTTIME, infinity for never; minus infinity once it is lost.
    """

    preferred_until: float
    valid_until: float

    def limit(self, lifetimes: Lifetimes, now: float) -> Lifetimes:
        """Return lifetimes as far as the prefix has them."""
        if self is FOR_EVER:
            return lifetimes
        valid = min(lifetimes.valid, _left(self.valid_until, now))
        return Lifetimes(min(lifetimes.preferred, _left(self.preferred_until, now), valid), valid)

    def is_preferred(self, now: float) -> bool:
        """Whether new leases are made in it; they are not in one that is deprecated, or ends this second."""
        return self is FOR_EVER or _left(min(self.preferred_until, self.valid_until), now) > 0


FOR_EVER: Final = Life(inf, inf)
"""That of a prefix that is configured."""


class Terms:
    """On which terms a client has an address or prefix.

    settings: of all levels together.
    parameters: what the client is told about its network.
    """

    __slots__ = ("parameters", "settings")

    def __init__(self, settings: Settings, upstream: Upstream) -> None:
        """Derive them; see Parameters for what upstream is."""
        self.settings = settings
        self.parameters = Parameters(settings.options, upstream)


def _left(until: float, now: float) -> int:
    """Return the whole seconds that are left; INFINITY for ever."""
    if until == inf:
        return INFINITY
    return int(max(0.0, min(until - now, INFINITY - 1)))
