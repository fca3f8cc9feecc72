"""The routers that advertise themselves on an interface to a provider, and what they advertise (RFC 4861, 6.3.4)."""

import math
from collections.abc import Callable, Sequence
from ipaddress import IPv6Address, IPv6Network
from typing import Final, NamedTuple, Protocol

from vppdhc.clock import Clock
from vppdhc.dhc6pdclient.demand import Flags
from vppdhc.dhc6pdclient.slaac import Autonomous, next_end, renewed
from vppdhc.interface import Interface
from vppdhc.packet.nd_options import Preference

MOST_ROUTERS: Final = 16
MOST_PREFIXES: Final = 16
"""Of an interface, at most: whoever sends more of them on the link must not fill the memory."""
_FLAGS_LAST: Final = 1800.0
"""Seconds for which the flags of a router count that is no default router: as long as those of one that says nothing
else of itself (RFC 4861, 6.2.1, AdvDefaultLifetime)."""
_PATIENCE: Final = 12.0
"""Seconds that a router has to answer when the link is back, where another one does: as long as hosts ask (RFC 4861,
10)."""
_RANKS: Final = {Preference.HIGH: 2, Preference.MEDIUM: 1, Preference.LOW: 0}


class Prefix(Protocol):
    """A prefix of an advertisement; lifetimes in seconds."""

    @property
    def prefix(self) -> IPv6Network:
        """The prefix."""

    @property
    def autonomous(self) -> bool:
        """Whether hosts make addresses of it: the A flag."""

    @property
    def preferred(self) -> int:
        """Preferred lifetime."""

    @property
    def valid(self) -> int:
        """Valid lifetime."""


class Advertisement(Protocol):
    """A router advertisement (RFC 4861, 4.2)."""

    @property
    def router(self) -> IPv6Address:
        """Link-local address of the router."""

    @property
    def managed(self) -> bool:
        """The M flag."""

    @property
    def other(self) -> bool:
        """The O flag."""

    @property
    def preference(self) -> Preference:
        """Of the router (RFC 4191)."""

    @property
    def lifetime(self) -> int:
        """Seconds for which it is a default router; 0 for not at all."""

    @property
    def prefixes(self) -> Sequence[Prefix]:
        """Its prefixes."""


class UpstreamRouter(NamedTuple):
    """A default router.

    address: link-local. managed, other: its flags.
    lifetime: as it was advertised, seconds. until: CLOCK_BOOTTIME of its end. heard: CLOCK_BOOTTIME of the last word.
    """

    address: IPv6Address
    managed: bool
    other: bool
    lifetime: int
    until: float
    preference: Preference
    heard: float


class Routers:
    """What is known of the routers of one interface; all times are CLOCK_BOOTTIME."""

    def __init__(self) -> None:
        """Know of none."""
        self._routers: dict[IPv6Address, UpstreamRouter] = {}
        self._flags: dict[IPv6Address, tuple[Flags, float]] = {}
        self._autonomous: dict[IPv6Network, Autonomous] = {}
        self._attached = -math.inf

    def heard(self, advertisement: Advertisement, now: float) -> None:
        """Take what a router says of itself and of the link; a lifetime of 0 ends it at once."""
        address = advertisement.router
        self._forget_ended(now)
        self._routers.pop(address, None)
        if advertisement.lifetime and len(self._routers) < MOST_ROUTERS:
            self._routers[address] = UpstreamRouter(
                address,
                advertisement.managed,
                advertisement.other,
                advertisement.lifetime,
                now + advertisement.lifetime,
                advertisement.preference,
                now,
            )
        if address in self._flags or len(self._flags) < MOST_ROUTERS:
            flags = Flags(advertisement.managed, advertisement.other)
            self._flags[address] = flags, now + (advertisement.lifetime or _FLAGS_LAST)
        for one in advertisement.prefixes:
            if one.autonomous:
                self._take_prefix(one, now)

    def attached(self, now: float) -> None:
        """Note that packets pass again, in another network perhaps.

        Routers of before count until another one is heard; then they have as long to answer as it takes.
        """
        self._attached = now

    def flags(self, now: float) -> Flags | None:
        """Return the flags in force: those that any router sets; None where none has been heard."""
        found = [flags for flags, until in self._flags.values() if until > now]
        if not found:
            return None
        return Flags(any(flags.managed for flags in found), any(flags.other for flags in found))

    def routers(self, now: float) -> tuple[UpstreamRouter, ...]:
        """Return the default routers, in the order of their addresses."""
        found = [router for router in self._routers.values() if router.until > now]
        answered = [router for router in found if router.heard >= self._attached]
        if answered and now >= self._attached + _PATIENCE:
            found = answered
        return tuple(sorted(found))

    def best(self, now: float) -> tuple[UpstreamRouter, ...]:
        """Return the default routers of the highest preference (RFC 4191, 3.2)."""
        found = self.routers(now)
        rank = max((_RANKS[router.preference] for router in found), default=0)
        return tuple(router for router in found if _RANKS[router.preference] == rank)

    def autonomous(self, now: float) -> tuple[Autonomous, ...]:
        """Return the prefixes of which hosts make addresses, in their order."""
        found = [one for one in self._autonomous.values() if one.valid_until > now]
        return tuple(sorted(found, key=lambda one: one.prefix))

    def next_change(self, now: float) -> float:
        """Return when time alone changes something next; infinity for never."""
        instants = [router.until for router in self._routers.values()]
        instants += [self._attached + _PATIENCE, next_end(self._autonomous.values(), now)]
        return min((instant for instant in instants if instant > now), default=math.inf)

    def _take_prefix(self, one: Prefix, now: float) -> None:
        known = self._autonomous.get(one.prefix)
        if known is None and len(self._autonomous) >= MOST_PREFIXES:
            return
        after = renewed(known, one.prefix, one.preferred, one.valid, now)
        if after is not None:
            self._autonomous[one.prefix] = after

    def _forget_ended(self, now: float) -> None:
        self._routers = {address: router for address, router in self._routers.items() if router.until > now}
        self._flags = {address: one for address, one in self._flags.items() if one[1] > now}
        self._autonomous = {prefix: one for prefix, one in self._autonomous.items() if one.valid_until > now}


class UpstreamRouters:
    """The routers of all interfaces to providers, by the name of the interface."""

    def __init__(self, clock: Clock, on_news: Callable[[str], object]) -> None:
        """Know of none. on_news: is told the interface whenever a router was heard; must not wait."""
        self._clock = clock
        self._on_news = on_news
        self._tables: dict[str, Routers] = {}

    def of(self, interface: str) -> Routers:
        """Return the routers of one interface."""
        return self._tables.setdefault(interface, Routers())

    def keep(self, interfaces: Sequence[str]) -> None:
        """Forget the routers of other interfaces than these."""
        self._tables = {name: table for name, table in self._tables.items() if name in interfaces}

    def heard(self, interface: str, advertisement: Advertisement) -> None:
        """Take an advertisement that came in on an interface."""
        self.of(interface).heard(advertisement, self._clock.boottime())
        self._on_news(interface)

    def flags(self, interface: str) -> Flags | None:
        """Return the flags in force on an interface; see Routers."""
        return self.of(interface).flags(self._clock.boottime())

    def interface_changed(self, old: Interface | None, new: Interface | None) -> None:
        """Take note that an interface has changed; packets that pass again may do so in another network."""
        if new is None or not new.up or new.name not in self._tables:
            return
        if old is None or not old.up or old.index != new.index:
            self._tables[new.name].attached(self._clock.boottime())
            self._on_news(new.name)
