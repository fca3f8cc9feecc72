"""One interface that the router advertises itself on (RFC 4861, 6.2)."""

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from ipaddress import IPv6Address
from random import Random
from typing import Final, NamedTuple

import structlog

from vppdhc.clock import Clock
from vppdhc.interface import Interface
from vppdhc.packet import ipv6, punt
from vppdhc.ra.advertisement import Advertisement, advertise
from vppdhc.ra.config import InterfaceConfig
from vppdhc.ra.counters import Counters
from vppdhc.ra.events import Inconsistent
from vppdhc.ra.known import Known
from vppdhc.ra.memory import Key
from vppdhc.ra.others import Heard, OtherRouter, Others
from vppdhc.ra.schedule import MAX_FINAL_RTR_ADVERTISEMENTS, MAX_RA_DELAY_TIME, Schedule
from vppdhc.ra.solicitations import Solicitation
from vppdhc.ra.store import MemoryStore
from vppdhc.ra.transmit import Outgoing, outgoing
from vppdhc.ra.upstream import NO_UPSTREAM, AdvertisedPrefix, Upstream

_ANSWERS_MOST: Final = 16
"""Hosts that wait for an answer of their own. Where there are more, one to all hosts answers the rest."""
_SETTLING: Final = 30.0
"""Seconds after the interface came up before what hosts were told earlier, and is not there, counts as gone: clients
need a while to have their prefixes again, and VPP its addresses."""
_FAREWELLS: Final = 3
"""Advertisements from an earlier link-local address (RFC 4861, 6.2.8: a few)."""
_STORE_AGAIN: Final = 60.0
"""Seconds after which storing is tried again, when it failed."""


class Sent(NamedTuple):
    """An advertisement that was sent.

    at: CLOCK_BOOTTIME. source: link-local address. packets: each from its ICMPv6 header on.
    """

    at: float
    source: IPv6Address
    advertisement: Advertisement
    packets: tuple[bytes, ...]


class Answer(NamedTuple):
    """An advertisement for one host. due: CLOCK_BOOTTIME. address: an integer."""

    due: float
    address: int
    mac: bytes


@dataclass(frozen=True, slots=True)
class World:
    """What all senders share. send: as PuntSender.send."""

    send: Callable[[int, int, bytes], bool]
    clock: Clock
    random: Random
    store: MemoryStore


class Sender:
    """What is sent on one interface, and when: run() does what is due, and has to be called again at due.

    config: as it is now. problem: why nothing is advertised; empty where all is well.
    last: what was sent last; None for nothing yet. over: whether it has ceased, and sent its final advertisements.
    """

    def __init__(
        self, name: str, config: InterfaceConfig, world: World, counters: Counters, ring: Callable[[], object]
    ) -> None:
        """Advertise nothing before interface_is(). ring: is called when due may be earlier than before."""
        self.config = config
        self.counters = counters
        self.problem = ""
        self.last: Sent | None = None
        self.over = False
        self._name = name
        self._world = world
        self._ring = ring
        self._schedule = Schedule(world.random)
        self._others = Others()
        self._known: Known | None = None
        self._delegated: tuple[AdvertisedPrefix, ...] = ()
        self._upstream = NO_UPSTREAM
        self._answers: dict[int, Answer] = {}
        self._finals = 0
        self._former: IPv6Address | None = None
        self._farewells = 0
        self._settled = math.inf
        self._store_after = -math.inf
        self._stored = world.store.load(name)
        self._memory = self._stored.counting(config.prefixes, self._now())
        self._log = structlog.get_logger().bind(interface=name)
        self.interface_is(None)

    @property
    def next_time(self) -> float:
        """CLOCK_BOOTTIME of the next advertisement to all hosts; infinity while there is none to come."""
        return self._schedule.next

    @property
    def due(self) -> float:
        """CLOCK_BOOTTIME at which run() has something to do."""
        store = self._store_after if self._uncounted else math.inf
        return min([self._schedule.next, self._settled, store, *(one.due for one in self._answers.values())])

    @property
    def others(self) -> tuple[OtherRouter, ...]:
        """The other routers of the link."""
        return tuple(self._others.routers.values())

    def configure(self, config: InterfaceConfig) -> None:
        """Advertise as configured from now on, also where it was about to cease."""
        self.config = config
        self._memory = self._memory.counting(config.prefixes, self._now())
        if self._finals:
            self._finals = 0
            self.over = False
            if self._known is not None:
                self._schedule.announce(self._now())
        self._update()

    def set_delegated(self, delegated: tuple[AdvertisedPrefix, ...]) -> None:
        """Advertise what clients give the interface from now on."""
        self._delegated = delegated
        self._update()

    def set_upstream(self, upstream: Upstream) -> None:
        """Tell what clients know of their providers from now on."""
        self._upstream = upstream
        self._update()

    def interface_is(self, interface: Interface | None) -> None:
        """Note how the interface is now; None where VPP has none of that name."""
        self.problem = _problem(interface)
        before = self._known
        if interface is None or self.problem:
            self._known = None
            self._answers.clear()
            self._settled = math.inf
            self._schedule.rest()
            self.over = self._finals > 0
        elif before is not None and _seat(before.interface) == _seat(interface):
            self._update(interface)
            return
        else:
            self._begin(interface)
        self._ring()

    def solicit(self, solicitation: Solicitation) -> None:
        """Have a solicitation answered (RFC 4861, 6.2.6); does not wait."""
        if self._known is None or self._finals:
            self.counters.drops["not-advertising"] += 1
            return
        self.counters.solicitations += 1
        alone = self.config.unicast_solicited_advertisements and solicitation.source != ipv6.UNSPECIFIED
        if alone and (solicitation.source in self._answers or len(self._answers) < _ANSWERS_MOST):
            own = self._answer_alone(solicitation)
        else:
            own = self._schedule.solicit(self._now())
        if own:
            self._ring()
        else:
            self.counters.rate_limited += 1

    def hear(self, heard: Heard) -> Inconsistent | None:
        """Take note of another router's advertisement; returns what is new about it that others should be told."""
        if self._known is None:
            return None
        now = self._now()
        self.counters.other_advertisements += 1
        router, changed = self._others.hear(heard, advertise(self._known, self._memory, now), now)
        if not router.inconsistencies:
            return None
        self.counters.inconsistent += 1
        if not changed:
            return None
        said = router.inconsistencies
        self._log.warning("another router advertises otherwise", router=str(router.address), inconsistencies=said)
        return Inconsistent(self._name, router.address, said)

    def request(self) -> bool:
        """Have an advertisement sent as soon as the rate allows; returns whether the interface advertises."""
        if self._known is None or self._finals:
            return False
        self._schedule.request(self._now())
        self._ring()
        return True

    def cease(self, finals: int = MAX_FINAL_RTR_ADVERTISEMENTS) -> None:
        """Advertise no more but so many final times that the router is none (RFC 4861, 6.2.5)."""
        self._finals = min(self._finals or finals, finals)
        self._answers.clear()
        self._settled = math.inf
        if self._known is None:
            self.over = True
        else:
            self._schedule.request(self._now())
        self._ring()

    def run(self) -> None:
        """Do what is due; may wait for the disk and for VPP."""
        now = self._now()
        if self._uncounted and now >= self._store_after:
            self._store((), now)
        if now >= self._settled:
            self._settle(now)
        for answer in [one for one in self._answers.values() if one.due <= now]:
            self._answers.pop(answer.address, None)
            self._send_alone(answer, now)
        if now >= self._schedule.next:
            self._send_to_all(now)

    @property
    def _uncounted(self) -> bool:
        """Whether it is not stored yet since when lifetimes count down."""
        return self._memory.countdowns != self._stored.countdowns

    def _now(self) -> float:
        return self._world.clock.boottime()

    def _begin(self, interface: Interface) -> None:
        """Become an advertising interface (RFC 4861, 6.2.2), or another one (6.2.8)."""
        now = self._now()
        if self.last is not None and self.last.source != interface.link_local:
            self._former, self._farewells = self.last.source, _FAREWELLS
        self._known = Known(self.config, interface, self._delegated, self._upstream)
        self._settled = now + _SETTLING
        self._memory = replace(self._memory, settled=self._settled)
        self._schedule.announce(now)

    def _update(self, interface: Interface | None = None) -> None:
        """Announce what has changed, if anything has (RFC 4861, 6.2.4)."""
        if self._known is not None:
            now = self._now()
            before = advertise(self._known, self._memory, now)
            self._known = Known(self.config, interface or self._known.interface, self._delegated, self._upstream)
            if _different(before, advertise(self._known, self._memory, now)):
                self._schedule.announce(now)
        self._ring()

    def _settle(self, now: float) -> None:
        """From now on, what was advertised before and is not there has gone: say so, if there is something."""
        self._settled = math.inf
        if self._known is not None:
            before = advertise(self._known, replace(self._memory, settled=math.inf), now)
            if _different(before, advertise(self._known, self._memory, now)):
                self._schedule.announce(now)

    def _answer_alone(self, solicitation: Solicitation) -> bool:
        """Have a host answered alone; returns whether it is: not where that, or one to all hosts, is due anyway."""
        due = self._now() + self._world.random.uniform(0, MAX_RA_DELAY_TIME)
        if solicitation.source in self._answers or due >= self._schedule.next:
            return False
        self._answers[solicitation.source] = Answer(due, solicitation.source, solicitation.mac)
        return True

    def _send_alone(self, answer: Answer, now: float) -> None:
        known = self._known
        if known is None:
            return
        advertisement = advertise(known, self._memory, now)
        self._remember(advertisement, now)
        packets = outgoing(advertisement, known.interface, answer.address, answer.mac)
        if self._send(known.interface, advertisement, packets):
            self._count(solicited=True)

    def _send_to_all(self, now: float) -> None:
        known = self._known
        if known is None:
            return
        final = self._finals > 0
        answering = self._schedule.answering
        advertisement = advertise(known, self._memory, now, final=final)
        # The timer is set before anything can wait: what changes meanwhile is announced afterwards.
        self._schedule.sent(now, known.config)
        self._remember(advertisement, now)
        self._bid_farewell(known, now)
        taken = self._send(known.interface, advertisement, outgoing(advertisement, known.interface))
        if self._known is None:
            self._schedule.rest()  # the interface has gone meanwhile
        elif taken:
            self._schedule.taken(self._now())
            self._count(solicited=answering and not final)
        else:
            self._schedule.not_sent(self._now())
        if final and self._finals:
            self._count_final()

    def _count(self, *, solicited: bool) -> None:
        if solicited:
            self.counters.solicited += 1
        else:
            self.counters.unsolicited += 1

    def _count_final(self) -> None:
        self._finals -= 1
        if self._finals:
            self._schedule.request(self._now())
        else:
            self.over = True
            self._schedule.rest()

    def _bid_farewell(self, known: Known, now: float) -> None:
        """Say from an earlier link-local address that there is no router any more (RFC 4861, 6.2.8)."""
        if self._farewells:
            self._farewells -= 1
            former = replace(known, interface=replace(known.interface, link_local=self._former))
            for packet in outgoing(advertise(former, self._memory, now, final=True), former.interface):
                self._give(former.interface, packet)

    def _remember(self, advertisement: Advertisement, now: float) -> None:
        """Remember what hosts are about to believe in, durably before they do."""
        self._memory = self._memory.told(advertisement.believed, now)
        if now >= self._store_after and not self._stored.covers(self._memory):
            self._store(advertisement.believed, now)

    def _store(self, advertised: Collection[Key], now: float) -> None:
        """Store the memory; where that fails, not again for a while."""
        stored = self._memory.with_margin(advertised, now)
        if self._world.store.save(self._name, stored):
            self._stored = stored
        else:
            self._store_after = now + _STORE_AGAIN

    def _send(self, interface: Interface, advertisement: Advertisement, packets: list[Outgoing]) -> bool:
        """Send an advertisement; returns whether VPP has all of it."""
        assert interface.link_local is not None
        if not all(self._give(interface, packet) for packet in packets):
            self.problem = self.problem or "VPP does not take what is to be sent"
            return False
        self.problem = ""
        messages = tuple(packet.message for packet in packets)
        self.last = Sent(self._now(), interface.link_local, advertisement, messages)
        return True

    def _give(self, interface: Interface, packet: Outgoing) -> bool:
        """Give VPP a packet; returns whether it has it."""
        if self._known is None or self._known.interface.index != interface.index:
            return False  # it has gone while something waited, and its index may be that of another one
        return self._world.send(interface.index, punt.L2, packet.frame)


def _problem(interface: Interface | None) -> str:
    """Say why nothing can be advertised on an interface; nothing where it can (RFC 4861, 6.2.2)."""
    if interface is None:
        return "VPP has no interface of this name"
    if not interface.up:
        return "the interface is down"
    return "" if interface.link_local is not None else "the interface has no link-local address"


def _seat(interface: Interface) -> tuple[object, ...]:
    """Return what makes an interface another one for hosts."""
    return interface.index, interface.mac, interface.vlans, interface.link_local


def _different(one: Advertisement, other: Advertisement) -> bool:
    """Whether hosts are told something else."""
    return one.message != other.message
