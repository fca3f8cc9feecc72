"""Router advertisements as VPP tells of them, and the solicitations that it sends for us.

VPP tells of the advertisements of all its interfaces, and of each the header and the prefixes: no other option. It
sends one solicitation whenever it is told to; when that is, is decided here, as VPP takes any advertisement for an
answer, also that of a router that does not want to be a default router.
"""

import math
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from ipaddress import IPv6Address, IPv6Network
from random import Random
from typing import Any, Final

import structlog

from vppdhc.clock import Clock
from vppdhc.interface import Interface
from vppdhc.packet.nd_options import Preference
from vppdhc.vpp.errors import VppCallError, VppMessageError, VppUnsupportedError
from vppdhc.vpp.interfaces import Calls, InterfaceTable

_MANAGED: Final = 0x80
_OTHER: Final = 0x40
_PREFERENCE_SHIFT: Final = 3
_RESERVED_PREFERENCE: Final = 0b10
_ON_LINK: Final = 0x80
_AUTONOMOUS: Final = 0x40

_DELAY_MOST: Final = 1.0
"""Seconds before the first solicitation (RFC 4861, 10, MAX_RTR_SOLICITATION_DELAY)."""
_WAIT_FIRST: Final = 4.0
_WAIT_MOST: Final = 3600.0
_JITTER: Final = 0.1
"""Seconds between two solicitations, doubled from the first to the last, and the share by which each is changed at
random; there is no last one until a router answers (RFC 7559, 2)."""
_EARLY: Final = 30.0
"""Seconds before the last router ends at which it is asked whether it is there still; half of its time if that is
less."""
_ROUTERS_MOST: Final = 16


@dataclass(frozen=True, slots=True)
class PrefixInformation:
    """A prefix of an advertisement (RFC 4861, 4.6.2).

    on_link, autonomous: the L and A flags. valid, preferred: lifetimes in seconds, 0xffffffff is for ever.
    """

    prefix: IPv6Network
    on_link: bool
    autonomous: bool
    valid: int
    preferred: int


@dataclass(frozen=True, slots=True)
class RouterAdvertisement:
    """A router advertisement that came in (RFC 4861, 4.2).

    router: its link-local address. hop_limit: that hosts shall use; 0 says nothing of it.
    managed, other: the M and O flags. preference: of the router (RFC 4191, 2.2); one with lifetime 0 has none.
    lifetime: of this router as default router, seconds.
    reachable_time, retrans_timer: milliseconds; 0 says nothing of them.
    """

    router: IPv6Address
    hop_limit: int
    managed: bool
    other: bool
    preference: Preference
    lifetime: int
    reachable_time: int
    retrans_timer: int
    prefixes: tuple[PrefixInformation, ...] = ()


Listener = Callable[[str, RouterAdvertisement], object]
"""Called with the name of an interface, and an advertisement that came in there."""


@dataclass(slots=True)
class _Search:
    """The search for routers on one interface.

    due: CLOCK_BOOTTIME of the next solicitation; infinity while none can be sent.
    wait: seconds that were waited behind the last one; 0 while nobody is waited for.
    routers: until when each router is one, by its address.
    """

    due: float = math.inf
    wait: float = 0.0
    routers: dict[IPv6Address, float] = field(default_factory=dict)


class RouterEvents:
    """Hears of routers, and looks for them on the interfaces that are watched."""

    def __init__(self, interfaces: InterfaceTable, clock: Clock, random: Random) -> None:
        """Hear of none at first."""
        self._interfaces = interfaces
        self._clock = clock
        self._random = random
        self._searches: dict[str, _Search] = {}
        self._listened: frozenset[str] = frozenset()
        self._listeners: list[Listener] = []
        self._subscribed = False
        self._told: set[str] = set()
        self._log = structlog.get_logger()
        interfaces.on_change(self._interface_changed)

    def on_advertisement(self, listener: Listener) -> None:
        """Have a listener told of each advertisement on an interface that is watched or listened to.

        It must not wait for anything.
        """
        self._listeners.append(listener)

    def watch(self, names: Iterable[str]) -> bool:
        """Say on which interfaces routers are looked for from now on; returns whether that is news.

        Where it is, place() is due.
        """
        wanted = frozenset(names)
        news = wanted != self._searches.keys()
        for name in self._searches.keys() - wanted:
            del self._searches[name]
        for name in wanted - self._searches.keys():
            search = self._searches[name] = _Search()
            if _able(self._interfaces.named(name)):
                self._begin(search)
        return news

    def listen(self, names: Iterable[str]) -> bool:
        """Say on which more interfaces advertisements are told of, though nobody is asked; returns as watch()."""
        wanted = frozenset(names)
        news = wanted != self._listened
        self._listened = wanted
        return news

    @property
    def due(self) -> float:
        """CLOCK_BOOTTIME at which place() has something to do; infinity for never."""
        return min((search.due for search in self._searches.values()), default=math.inf)

    def place(self, vpp: Calls) -> None:
        """Have VPP tell us of advertisements, and send the solicitations that are due.

        Raises VppError when VPP does not answer; a refusal is logged once and tried again.
        """
        if not self._subscribed and (self._searches or self._listened):
            self._subscribe(vpp)
        now = self._clock.boottime()
        for name, search in [(name, search) for name, search in self._searches.items() if search.due <= now]:
            interface = self._interfaces.named(name)
            if interface is not None:
                self._solicit(vpp, interface, search)

    def forget(self) -> None:
        """Note that VPP has gone and with it our subscription."""
        self._subscribed = False

    def remove(self, vpp: Calls) -> None:
        """Have VPP tell us nothing any more; raises VppError when it does not answer."""
        if self._subscribed:
            self._subscribed = False
            self._try(vpp, "want_ip6_ra_events", enable=False, pid=os.getpid())

    def take(self, event: Any) -> None:
        """Take an ip6_ra_event of VPP."""
        interface = self._interfaces.get(event.sw_if_index)
        if interface is None or not (interface.name in self._searches or interface.name in self._listened):
            return
        advertisement = _advertisement(event)
        if not advertisement.router.is_link_local:
            return
        search = self._searches.get(interface.name)
        if search is not None:
            self._heard(search, advertisement)
        for listener in self._listeners:
            listener(interface.name, advertisement)

    def _subscribe(self, vpp: Calls) -> None:
        self._subscribed = self._try(vpp, "want_ip6_ra_events", enable=True, pid=os.getpid())

    def _solicit(self, vpp: Calls, interface: Interface, search: _Search) -> None:
        """Send a solicitation, and wait longer for the answer than for that to the one before (RFC 7559, 2)."""
        share = self._random.uniform(-_JITTER, _JITTER)
        search.wait = search.wait * (2 + share) if search.wait else _WAIT_FIRST * (1 + share)
        if search.wait > _WAIT_MOST:
            search.wait = _WAIT_MOST * (1 + share)
        search.due = self._clock.boottime() + search.wait
        self._try(
            vpp,
            "ip6nd_send_router_solicitation",
            sw_if_index=interface.index,
            irt=int(_WAIT_FIRST),
            mrt=int(_WAIT_MOST),
            mrc=1,
        )

    def _try(self, vpp: Calls, name: str, **arguments: Any) -> bool:
        """Call VPP; returns whether it did not refuse. Raises VppError when it does not answer."""
        try:
            vpp.call(name, **arguments)
        except (VppCallError, VppUnsupportedError) as error:
            self._note(error)
            return False
        return True

    def _note(self, error: VppMessageError) -> None:
        """Log once what VPP refuses."""
        if str(error) not in self._told:
            self._told.add(str(error))
            self._log.warning("VPP does not look for routers", reason=str(error))

    def _heard(self, search: _Search, advertisement: RouterAdvertisement) -> None:
        """Put off the next solicitation until the last router ends, or begin where that has just ended."""
        now = self._clock.boottime()
        search.routers = {router: until for router, until in search.routers.items() if until > now}
        search.routers.pop(advertisement.router, None)
        if advertisement.lifetime and len(search.routers) < _ROUTERS_MOST:
            search.routers[advertisement.router] = now + advertisement.lifetime
        if search.routers:
            search.wait = 0.0
            until = max(search.routers.values())
            search.due = until - min(_EARLY, (until - now) / 2)
        elif not search.wait:
            search.due = min(search.due, self._soon())

    def _begin(self, search: _Search) -> None:
        search.wait = 0.0
        search.due = self._soon()

    def _soon(self) -> float:
        return self._clock.boottime() + self._random.uniform(0, _DELAY_MOST)

    def _interface_changed(self, old: Interface | None, new: Interface | None) -> None:
        """Ask anew whenever packets pass again (RFC 4861, 6.3.7)."""
        interface = new or old
        search = None if interface is None else self._searches.get(interface.name)
        if search is None:
            return
        if new is None or not _able(new):
            search.due = math.inf
        elif old is None or not _able(old) or old.index != new.index:
            self._begin(search)


def _able(interface: Interface | None) -> bool:
    """Tell whether a solicitation can be sent: it has the link-local address as its source."""
    return interface is not None and interface.up and interface.link_local is not None


def _advertisement(event: Any) -> RouterAdvertisement:
    """Return what an event tells. The reserved preference counts as medium (RFC 4191, 2.2)."""
    flags, lifetime = event.flags, event.router_lifetime_in_sec
    preference = flags >> _PREFERENCE_SHIFT & 3
    return RouterAdvertisement(
        router=IPv6Address(str(event.router_addr)),
        hop_limit=event.current_hop_limit,
        managed=bool(flags & _MANAGED),
        other=bool(flags & _OTHER),
        preference=(
            Preference.MEDIUM if preference == _RESERVED_PREFERENCE or not lifetime else Preference(preference)
        ),
        lifetime=lifetime,
        reachable_time=event.neighbor_reachable_time_in_msec,
        retrans_timer=event.time_in_msec_between_retransmitted_neighbor_solicitations,
        prefixes=tuple(
            PrefixInformation(
                IPv6Network(str(one.prefix), strict=False),
                bool(one.flags & _ON_LINK),
                bool(one.flags & _AUTONOMOUS),
                one.valid_time,
                one.preferred_time,
            )
            for one in event.prefixes
        ),
    )
