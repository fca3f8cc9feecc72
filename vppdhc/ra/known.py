"""What there is to tell on an interface."""

from dataclasses import dataclass

from vppdhc.interface import Interface
from vppdhc.ra.config import InterfaceConfig
from vppdhc.ra.upstream import NO_UPSTREAM, AdvertisedPrefix, Upstream


@dataclass(frozen=True, slots=True)
class Known:
    """All that an advertisement is made of.

    interface: up, with a link-local address.
    delegated: what clients give it, and what they gave it before. upstream: what they know of their providers.
    """

    config: InterfaceConfig
    interface: Interface
    delegated: tuple[AdvertisedPrefix, ...] = ()
    upstream: Upstream = NO_UPSTREAM

    @property
    def current(self) -> tuple[AdvertisedPrefix, ...]:
        """What clients give it now."""
        return tuple(one for one in self.delegated if not one.stale)
