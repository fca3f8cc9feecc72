"""Other routers that advertise themselves on a link, and what they say otherwise (RFC 4861, 6.2.7)."""

from collections.abc import Iterator, Sequence
from ipaddress import IPv6Address, IPv6Network
from typing import Final, NamedTuple, Protocol

from vppdhc.packet.nd_options import INFINITY
from vppdhc.ra.advertisement import Advertisement
from vppdhc.ra.prefixes import Prefix

_SKEW: Final = 10
"""Seconds by which lifetimes of two routers may differ, as they count down and messages take time."""
_MOST: Final = 16
"""Routers of a link that are remembered."""
_FORGET: Final = 3600.0
"""Seconds after which a router that is not heard any more gives its place to another one."""


class HeardPrefix(Protocol):
    """A prefix in an advertisement of another router; valid, preferred: seconds."""

    @property
    def prefix(self) -> IPv6Network:
        """The prefix."""

    @property
    def valid(self) -> int:
        """Valid lifetime."""

    @property
    def preferred(self) -> int:
        """Preferred lifetime."""


class Heard(Protocol):
    """An advertisement of another router, as VPP tells of it; see packet.nd.RouterAdvertisement."""

    @property
    def router(self) -> IPv6Address:
        """Link-local address of the router."""

    @property
    def hop_limit(self) -> int:
        """Cur Hop Limit; 0 says nothing of it."""

    @property
    def managed(self) -> bool:
        """The M flag."""

    @property
    def other(self) -> bool:
        """The O flag."""

    @property
    def reachable_time(self) -> int:
        """Milliseconds; 0 says nothing of it."""

    @property
    def retrans_timer(self) -> int:
        """Milliseconds; 0 says nothing of it."""

    @property
    def prefixes(self) -> Sequence[HeardPrefix]:
        """Its prefixes."""


class OtherRouter(NamedTuple):
    """A router of the link. heard: CLOCK_BOOTTIME of its last advertisement."""

    address: IPv6Address
    heard: float
    inconsistencies: tuple[str, ...]


class Difference(NamedTuple):
    """Something that is said otherwise. what: which thing. how: the values, which change while lifetimes count down."""

    what: str
    how: str

    def __str__(self) -> str:
        return f"{self.what} {self.how}"


class Others:
    """The other routers of one link.

    routers: by address, those heard last at the end; of a flood of made-up ones, only the first are kept.
    """

    def __init__(self) -> None:
        self.routers: dict[IPv6Address, OtherRouter] = {}
        self._differing: dict[IPv6Address, frozenset[str]] = {}

    def hear(self, heard: Heard, ours: Advertisement, now: float) -> tuple[OtherRouter, bool]:
        """Compare an advertisement with ours; returns its router, and whether it says otherwise than it did before."""
        differences = list(_differences(heard, ours))
        router = OtherRouter(heard.router, now, tuple(map(str, differences)))
        if self.routers.pop(heard.router, None) is None and not self._room(now):
            return router, False
        self.routers[heard.router] = router
        before = self._differing.get(heard.router, frozenset())
        self._differing[heard.router] = frozenset(one.what for one in differences)
        return router, self._differing[heard.router] != before

    def _room(self, now: float) -> bool:
        """Make room for one more; returns whether there is."""
        if len(self.routers) >= _MOST:
            oldest = next(iter(self.routers.values()))
            if now - oldest.heard < _FORGET:
                return False
            del self.routers[oldest.address], self._differing[oldest.address]
        return True


def _differences(heard: Heard, ours: Advertisement) -> Iterator[Difference]:
    """Say what is different; a value that one of the two leaves open is not."""
    message = ours.message
    values = (
        ("hop limit", heard.hop_limit, message.hop_limit, ""),
        ("reachable time", heard.reachable_time, message.reachable_time, " ms"),
        ("retransmission timer", heard.retrans_timer, message.retrans_timer, " ms"),
    )
    for what, theirs, own, unit in values:
        if theirs and own and theirs != own:
            yield Difference(what, f"{theirs}{unit}, ours is {own}{unit}")
    for what, theirs, own in (("managed", heard.managed, message.managed), ("other", heard.other, message.other)):
        if theirs != own:
            yield Difference(f"{what} flag", f"{_flag(theirs)}, ours is {_flag(own)}")
    ours_by_prefix = {one.prefix: one for one in ours.prefixes}
    for one in heard.prefixes:
        prefix = ours_by_prefix.get(one.prefix)
        if prefix is not None:
            yield from _lifetimes(one, prefix)


def _lifetimes(heard: HeardPrefix, ours: Prefix) -> Iterator[Difference]:
    for what, theirs, own in (("valid", heard.valid, ours.valid), ("preferred", heard.preferred, ours.preferred)):
        if abs(theirs - own) > _SKEW:
            yield Difference(f"{what} lifetime of {ours.prefix}", f"{_seconds(theirs)}, ours is {_seconds(own)}")


def _seconds(lifetime: int) -> str:
    return "for ever" if lifetime == INFINITY else f"{lifetime} s"


def _flag(value: bool) -> str:
    return "set" if value else "not set"
