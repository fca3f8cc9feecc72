"""Router advertisements on all interfaces: solicitations in, advertisements out, and who wants to know of it."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from random import Random
from typing import Final, Protocol, TypeVar

import gevent
import structlog
from gevent.event import Event

from vppdhc.clock import Clock
from vppdhc.interface import Interface
from vppdhc.packet import punt
from vppdhc.packet.errors import DecodeError
from vppdhc.ra.config import InterfaceConfig, RaConfig
from vppdhc.ra.counters import Counters
from vppdhc.ra.events import Inconsistent
from vppdhc.ra.others import Heard
from vppdhc.ra.sender import Sender, World
from vppdhc.ra.solicitations import receive
from vppdhc.ra.store import MemoryStore
from vppdhc.ra.upstream import NO_UPSTREAM, AdvertisedPrefix, Learned, Upstream
from vppdhc.supervisor import Supervisor

_TURN: Final = 0.005
"""Seconds of work after which other greenlets get their turn."""
_YIELD: Final = 1e-6
"""Seconds to sleep for a turn of the event loop; sleep(0) would run only what is ready, and read no socket."""
_LOOK_EVERY: Final = 60.0
"""Seconds between two looks at CLOCK_BOOTTIME, which goes on while the machine is suspended; gevent's timers do not."""

T = TypeVar("T")


class Interfaces(Protocol):
    """The live interface table."""

    def get(self, index: int) -> Interface | None:
        """Return the interface that has an index now."""

    def named(self, name: str) -> Interface | None:
        """Return the interface of exactly that name."""


class Source(Protocol):
    """Where datagrams come from."""

    def receive(self) -> Sequence[bytes]:
        """Wait for datagrams and return all that are there."""


class RaService:
    """All interfaces that the router advertises itself on, each with a greenlet of its own.

    elsewhere: solicitations that came in by none of them, by reason.
    """

    def __init__(
        self,
        interfaces: Interfaces,
        send: Callable[[int, int, bytes], bool],
        clock: Clock,
        supervisor: Supervisor,
        random: Random,
        store: MemoryStore,
        on_event: Callable[[Inconsistent], object] = lambda _: None,
        on_ceased: Callable[[str], object] = lambda _: None,
        sleep: Callable[[float], object] = gevent.sleep,
    ) -> None:
        """Advertise nothing before configure().

        send: as PuntSender.send. sleep: lets others run for so many seconds.
        on_event: is told what others may want to know; must not wait. on_ceased: is told the name of an interface when
        the last advertisement has been sent there.
        """
        self.elsewhere: Counter[str] = Counter()
        self._interfaces = interfaces
        self._world = World(send, clock, random, store)
        self._clock = clock
        self._supervisor = supervisor
        self._on_event = on_event
        self._on_ceased = on_ceased
        self._sleep = sleep
        self._senders: dict[str, Sender] = {}
        self._statistics: dict[str, Counters] = {}
        self._delegated: Mapping[str, tuple[AdvertisedPrefix, ...]] = {}
        self._upstream = NO_UPSTREAM
        self._ended = Event()
        self._log = structlog.get_logger().bind()  # once, and not for every packet

    @property
    def senders(self) -> Mapping[str, Sender]:
        """The interfaces, by name, with those that are about to cease."""
        return dict(self._senders)

    @property
    def statistics(self) -> Mapping[str, Counters]:
        """What was counted since the start, by interface, also of those that have ceased."""
        return dict(self._statistics)

    def configure(self, config: RaConfig | None) -> None:
        """Advertise on these interfaces, and no others, from now on; does not wait."""
        wanted = {} if config is None else config.interfaces
        for name, sender in self._senders.items():
            if name in wanted:
                sender.configure(wanted[name])
            else:
                sender.cease()
        for name in wanted.keys() - self._senders.keys():
            self._start(name, wanted[name])

    def interface_changed(self, old: Interface | None, new: Interface | None) -> None:
        """Follow the interface table; None where there was or is none of that name."""
        changed = new or old
        sender = None if changed is None else self._senders.get(changed.name)
        if sender is not None:
            sender.interface_is(new)

    def set_delegated(self, delegated: Mapping[str, tuple[AdvertisedPrefix, ...]]) -> None:
        """Advertise what clients give interfaces from now on, and say what they gave before and do no more."""
        self._delegated = delegated
        for name, sender in self._senders.items():
            sender.set_delegated(delegated.get(name, ()))

    def set_upstream(self, learned: Learned) -> None:
        """Tell hosts what the router's own clients have learned: by interface, options as received by code."""
        self._follow(Upstream(learned, self._upstream.routers))

    def set_upstream_router(self, routers: Mapping[str, bool]) -> None:
        """Note, by the interfaces of the router's own clients, whether there is a way to the provider."""
        self._follow(Upstream(self._upstream.learned, routers))

    def other_router(self, name: str, heard: Heard) -> None:
        """Take note of an advertisement of another router on an interface (RFC 4861, 6.2.7)."""
        sender = self._senders.get(name)
        event = None if sender is None else sender.hear(heard)
        if event is not None:
            self._tell(self._on_event, event)

    def send_ra(self, names: Iterable[str] = ()) -> list[str]:
        """Have advertisements sent on interfaces, without any on all, as soon as the rate allows.

        Returns the interfaces on which none will be sent, as they do not advertise.
        """
        asked = list(names) or list(self._senders)
        return [name for name in asked if name not in self._senders or not self._senders[name].request()]

    def serve(self, source: Source) -> None:
        """Take solicitations in from a source, for ever; never waits for anything else."""
        worked = 0.0  # seconds, since others had their turn
        while True:
            datagrams = source.receive()  # which waits only when there are none
            before = self._clock.boottime()
            for datagram in datagrams:
                self._take(datagram)
                now = self._clock.boottime()
                worked += now - before
                before = now
                if worked > _TURN:
                    self._sleep(_YIELD)
                    worked = 0.0
                    before = self._clock.boottime()

    def stop(self, timeout: float) -> bool:
        """Say on all interfaces that there is no router any more; returns whether so many seconds were enough.

        It takes up to three, MIN_DELAY_BETWEEN_RAS, where something was sent just now (RFC 4861, 6.2.6).
        """
        for sender in self._senders.values():
            sender.cease(finals=1)
        return not self._senders or self._ended.wait(timeout)

    def _start(self, name: str, config: InterfaceConfig) -> None:
        bell = Event()
        counters = self._statistics.setdefault(name, Counters(self._clock.boottime()))
        sender = Sender(name, config, self._world, counters, bell.set)
        sender.set_delegated(self._delegated.get(name, ()))
        sender.set_upstream(self._upstream)
        sender.interface_is(self._interfaces.named(name))
        self._senders[name] = sender
        self._ended.clear()
        self._supervisor.start(f"ip6ndra {name}", partial(self._run, name, sender, bell))

    def _run(self, name: str, sender: Sender, bell: Event) -> None:
        """Do what is due on an interface until it has ceased. One that is wanted again meanwhile goes on."""
        while not sender.over:
            bell.clear()
            sender.run()
            left = sender.due - self._clock.boottime()
            if not sender.over:
                bell.wait(min(max(left, 0.0), _LOOK_EVERY))
        del self._senders[name]
        if not self._senders:
            self._ended.set()
        gevent.spawn(self._tell, self._on_ceased, name)  # once the supervisor has forgotten this one

    def _tell(self, hook: Callable[[T], object], what: T) -> None:
        """Tell somebody else, whose mistakes must not disturb what is sent."""
        try:
            hook(what)
        except Exception:
            self._log.exception("event not handled", told=what)

    def _follow(self, upstream: Upstream) -> None:
        self._upstream = upstream
        for sender in self._senders.values():
            sender.set_upstream(upstream)

    def _take(self, datagram: bytes) -> None:
        """Take in one datagram; whatever is wrong with it is counted and ends with it."""
        drops = self.elsewhere
        try:
            interface = self._interfaces.get(punt.decode(datagram))
            sender = None if interface is None else self._senders.get(interface.name)
            if sender is None:
                drops["unknown-interface" if interface is None else "not-advertising"] += 1
                return
            drops = sender.counters.drops
            sender.solicit(receive(datagram))
        except DecodeError as error:
            drops[error.kind] += 1
        except Exception:
            # A packet that finds a mistake of ours must not end the reader, and the next one is served.
            drops["internal-error"] += 1
            self._log.exception("solicitation not handled", datagram=datagram.hex())
