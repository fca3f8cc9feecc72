"""The shell round a server: datagrams in, replies out once their leases are durable, and the time."""

from abc import ABC, abstractmethod
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any, Final, Generic

import gevent
import structlog

from vppdhc.clock import Clock
from vppdhc.interface import Interface
from vppdhc.leases.committer import Work
from vppdhc.leases.lease6 import AnyChange
from vppdhc.packet import punt
from vppdhc.packet.errors import DecodeError
from vppdhc.servers.counters import Counters, total
from vppdhc.servers.protocols import Book, Dataplane, Heard, MessageT, OutcomeT, Queue, Send, Source
from vppdhc.servers.questions import Result
from vppdhc.servers.teller import Teller

_TURN: Final = 0.005
"""Seconds of work after which other greenlets get their turn."""
YIELD: Final = 1e-6
"""Seconds to sleep for a turn of the event loop; sleep(0) would run only what is ready, and read no socket."""
LONGEST: Final = 1.0
"""Seconds between two looks at what is to be done in time: leases come and go meanwhile. Also until what could not be
stored is tried again."""
PORTION: Final = 100
"""How many leases end in one go; with a line of the log for each, that is a few milliseconds."""

Packet = tuple[int, bytes, str]
"""Punt action, packet, and the type of the message in it, for counting."""


class DhcpService(ABC, Generic[MessageT, OutcomeT]):
    """Serves a port, and counts.

    A reply leaves once all that its message changed is durable, and at once where that is nothing, as with an offer. So
    one may overtake that to an earlier message of the same client, who takes each for what it is by its transaction id.
    """

    _conflicts: Collection[Any]
    """The kinds of events that say that somebody else uses an address."""
    _nothing: OutcomeT
    """The outcome of a message that has none."""

    def __init__(
        self,
        receive: Callable[[bytes], MessageT],
        handle: Callable[[MessageT, Interface, float], OutcomeT],
        book: Book,
        dataplane: Dataplane,
        committer: Queue,
        clock: Clock,
        sleep: Callable[[float], object] = gevent.sleep,
        *,
        heard: Heard[MessageT, OutcomeT],
        teller: Teller[Any, Any],
    ) -> None:
        """Nothing happens before serve().

        receive: reads the message in a datagram; raises DecodeError.
        handle: has the server answer a message that came in by an interface, at a time (CLOCK_BOOTTIME).
        sleep: lets others run for so many seconds of the clock.
        heard: takes note of every message and what it led to.
        teller: is told what happened to leases, once that is durable, and to pools.
        """
        self._receive = receive
        self._handle = handle
        self._book = book
        self._interfaces = dataplane.interfaces
        self._send = dataplane.send
        self._send_at_once = dataplane.send_at_once
        self._committer = committer
        self._clock = clock
        self._sleep = sleep
        self._heard = heard
        self._teller = teller
        self._log = structlog.get_logger().bind()  # once, and not for every packet
        self._counters: defaultdict[str, Counters] = defaultdict(Counters)
        self._elsewhere = Counters()

    @property
    def interfaces(self) -> Mapping[str, Counters]:
        """What was counted since the start, by the name of the interface that a message came in by."""
        return dict(self._counters)

    @property
    def received(self) -> Counter[str]:
        """Messages by type, in total."""
        return total(counters.received for counters in self._all())

    @property
    def sent(self) -> Counter[str]:
        """Replies by type, in total."""
        return total(counters.sent for counters in self._all())

    @property
    def drops(self) -> Counter[str]:
        """What had no answer by reason, in total: also what came in by no interface that there is."""
        return total(counters.drops for counters in self._all())

    @property
    def conflicts(self) -> int:
        """Addresses that somebody else was found to use, in total."""
        return sum(counters.conflicts for counters in self._all())

    def serve(self, source: Source) -> None:
        """Answer what comes from a source, for ever; never waits for anything else."""
        worked = 0.0  # seconds, since others had their turn
        while True:
            datagrams = source.receive()  # which waits only when there are none
            before = self._clock.boottime()
            for datagram in datagrams:
                self._take(datagram, before)
                now = self._clock.boottime()
                worked += now - before
                before = now
                if worked > _TURN:
                    self._sleep(YIELD)
                    worked = 0.0
                    before = self._clock.boottime()

    def expire(self) -> None:
        """End leases, offers and probations when their time is over, for ever."""
        while True:
            now = self._clock.boottime()
            changes, events = self._end(now)
            left = self._book.next_expiry() - now
            self._teller.leases(events)
            self._teller.pools(self._crossed())
            work = Work(changes, partial(self._teller.usable, changes))
            if changes and not self._committer.submit(work):
                left = LONGEST  # they are taken back, and would come up again at once
            self._sleep(min(LONGEST, left) if left > 0 else YIELD)

    # What differs

    @abstractmethod
    def _count(self, message: MessageT, counters: Counters) -> None:
        """Count a message that came."""

    @abstractmethod
    def _packet(self, reply: Any, interface: Interface, counters: Counters) -> Packet:
        """Encode a reply."""

    @abstractmethod
    def _ask(self, message: MessageT, interface: Interface, wanted: Any) -> None:
        """Ask what the server wants to know before it answers a message."""

    @abstractmethod
    def _circumstances(self, message: MessageT) -> dict[str, str]:
        """Say for the log how a client came by what happened to its leases."""

    @abstractmethod
    def _end(self, now: float) -> tuple[Sequence[AnyChange], Sequence[Any]]:
        """End what is over, PORTION of it; returns changes to be stored, and events."""

    @abstractmethod
    def _crossed(self) -> Sequence[Any]:
        """Return which pools have become too full, or are so no longer."""

    # What is alike

    def _take(self, datagram: bytes, now: float) -> None:
        """Answer one datagram; whatever is wrong with it is counted and ends with it. now: CLOCK_BOOTTIME."""
        counters = self._elsewhere
        try:
            message = self._receive(datagram)
            interface = self._interfaces.get(message.interface)
            if interface is None:
                counters.drops["unknown-interface"] += 1
                return
            counters = self._counters[interface.name]
            self._count(message, counters)
            self._follow(message, interface, self._handle(message, interface, now), now, counters)
        except DecodeError as error:
            self._counters_by(datagram).drops[error.kind] += 1
        except Exception:
            # A packet that finds a mistake of ours must not end the reader, and the next one is served.
            counters.drops["internal-error"] += 1
            self._log.exception("message not handled", datagram=datagram.hex())

    def _resume(
        self,
        message: MessageT,
        interface: Interface,
        result: Result,
        go_on: Callable[[Interface, float], OutcomeT],
        **about: object,
    ) -> None:
        """Answer a message whose client waited to know whether somebody uses an address.

        go_on: has the server answer it, on the interface as it is now, at a time. about: the question, for the log.
        """
        counters = self._counters[interface.name]
        counters.probes[result] += 1
        current = self._interfaces.get(interface.index)
        if current is None or current.name != interface.name:
            counters.drops["interface-gone"] += 1
            self._heard.settled(message, interface, self._nothing, "interface-gone")
            return
        now = self._clock.boottime()
        try:
            self._follow(message, current, go_on(current, now), now, counters)
        except Exception:
            counters.drops["internal-error"] += 1
            self._log.exception("message not handled", **about)

    def _follow(
        self, message: MessageT, interface: Interface, outcome: OutcomeT, now: float, counters: Counters
    ) -> None:
        """Do what the server made of a message."""
        self._heard.note(message, interface, outcome, now)
        if outcome.drop is not None:
            counters.drops[outcome.drop] += 1
            self._log.debug("message dropped", reason=str(outcome.drop), interface=interface.name)
        changes = outcome.changes
        try:
            packets = [self._packet(reply, interface, counters) for reply in outcome.replies]
        except Exception:
            self._book.take_back(changes[::-1])
            raise
        if not changes:
            packets = [packet for packet in packets if not self._give(self._send_at_once, interface, packet, counters)]
        if packets or changes:
            finish = partial(self._finish, message, interface, outcome, packets, counters)
            if not self._committer.submit(Work(changes, finish)):
                counters.drops["queue-full"] += 1
                self._heard.settled(message, interface, outcome, "queue-full")
        if outcome.probe is not None:
            self._ask(message, interface, outcome.probe)

    def _finish(
        self,
        message: MessageT,
        interface: Interface,
        outcome: OutcomeT,
        packets: list[Packet],
        counters: Counters,
    ) -> None:
        """Send the replies to a message, whose leases are durable by now."""
        now = self._interfaces.get(interface.index)
        lost = ""
        if now is not None and now.name == interface.name:
            for packet in packets:
                self._give(self._send, interface, packet, counters)
        elif packets:
            lost = "interface-gone"  # VPP may have given its index to another one by now
            counters.drops[lost] += 1
        if lost or (outcome.changes and outcome.probe is None):
            self._heard.settled(message, interface, outcome, lost)
        if outcome.events:
            for event in outcome.events:
                if event.kind in self._conflicts:
                    counters.conflicts += 1
            self._teller.leases(outcome.events, self._circumstances(message))

    def _give(self, send: Send, interface: Interface, packet: Packet, counters: Counters) -> bool:
        """Send a packet by one of the ways to VPP; returns whether VPP has it, and counts it then."""
        action, frame, kind = packet
        given = send(interface.index, action, frame)
        if given:
            counters.sent[kind] += 1
        return given

    def _counters_by(self, datagram: bytes) -> Counters:
        """Return the counters for a datagram that cannot be decoded: what VPP put before it may be whole."""
        try:
            interface = self._interfaces.get(punt.decode(datagram))
        except DecodeError:
            interface = None
        return self._elsewhere if interface is None else self._counters[interface.name]

    def _all(self) -> list[Counters]:
        return [self._elsewhere, *self._counters.values()]
