"""The shell round the DHCPv4 server: datagrams in, replies out once their leases are durable, and the time."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

import gevent
import structlog

from vppdhc.clock import Clock
from vppdhc.dhc4.book import LeaseBook
from vppdhc.dhc4.counters import TYPE_NAMES, Counters, total, type_name
from vppdhc.dhc4.events import EventKind
from vppdhc.dhc4.outcome import Outcome, ProbeWanted
from vppdhc.dhc4.parameters import MESSAGE_TYPE, SERVER_ID
from vppdhc.dhc4.probe import Prober, Result
from vppdhc.dhc4.protocols import Dataplane, Heard, Queue, Source
from vppdhc.dhc4.reply import Reply, encode
from vppdhc.dhc4.server import Server
from vppdhc.dhc4.teller import Teller
from vppdhc.interface import Interface
from vppdhc.leases.committer import Work
from vppdhc.packet import ipv4, punt
from vppdhc.packet.dhcp4 import Message, MessageType, receive
from vppdhc.packet.errors import DecodeError
from vppdhc.packet.text import address_text

_TURN: Final = 0.005
"""Seconds of work after which other greenlets get their turn."""
_YIELD: Final = 1e-6
"""Seconds to sleep for a turn of the event loop; sleep(0) would run only what is ready, and read no socket."""
_EXPIRY_LONGEST: Final = 1.0
"""Seconds between two looks at what expires: leases come and go meanwhile. Also until what could not be stored is tried
again."""
_EXPIRY_PORTION: Final = 100
"""How many leases end in one go; with a line of the log for each, that is a few milliseconds."""
_DECLINED: Final = EventKind.DECLINED
_CONFLICT: Final = EventKind.CONFLICT
_NOTHING: Final = Outcome([], [], [], None)


_Packet = tuple[int, bytes, str]
"""Punt action, packet, and the type of the message in it, for counting."""


class Dhcp4Service:
    """Serves port 67, and counts.

    A reply leaves once all that its message changed is durable, and at once where that is nothing, as with an OFFER. So
    one may overtake that to an earlier message of the same client, who takes each for what it is by its transaction id.

    prober: asks whether somebody uses an address, and has run() and run_arping() to be supervised.
    """

    def __init__(
        self,
        server: Server,
        book: LeaseBook,
        dataplane: Dataplane,
        committer: Queue,
        clock: Clock,
        sleep: Callable[[float], object] = gevent.sleep,
        *,
        heard: Heard,
        teller: Teller,
    ) -> None:
        """Nothing happens before serve().

        sleep: lets others run for so many seconds of the clock.
        heard: takes note of every message and what it led to.
        teller: is told what happened to leases, once that is durable, and to pools.
        """
        self.prober = Prober(dataplane, clock, self._go_on, sleep=sleep)
        self._server = server
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
                    self._sleep(_YIELD)
                    worked = 0.0
                    before = self._clock.boottime()

    def expire(self) -> None:
        """End leases, offers and probations when their time is over, for ever."""
        while True:
            now = self._clock.boottime()
            expired = self._book.expire(now, _EXPIRY_PORTION)
            left = self._book.next_expiry() - now
            self._teller.leases(expired.events)
            self._teller.pools(self._server.pool_events())
            work = Work(expired.changes, partial(self._teller.usable, expired.changes))
            if expired.changes and not self._committer.submit(work):
                left = _EXPIRY_LONGEST  # they are taken back, and would come up again at once
            self._sleep(min(_EXPIRY_LONGEST, left) if left > 0 else _YIELD)

    def _take(self, datagram: bytes, now: float) -> None:
        """Answer one datagram; whatever is wrong with it is counted and ends with it. now: CLOCK_BOOTTIME."""
        counters = self._elsewhere
        try:
            message = receive(datagram)
            interface = self._interfaces.get(message.interface)
            if interface is None:
                counters.drops["unknown-interface"] += 1
                return
            counters = self._counters[interface.name]
            counters.received[type_name(message)] += 1
            self._follow(message, interface, self._server.handle(message, interface, now), now, counters)
        except DecodeError as error:
            self._counters_by(datagram).drops[error.kind] += 1
        except Exception:
            # A packet that finds a mistake of ours must not end the reader, and the next one is served.
            counters.drops["internal-error"] += 1
            self._log.exception("message not handled", datagram=datagram.hex())

    def _go_on(
        self, message: Message, interface: Interface, wanted: ProbeWanted, result: Result, holder: bytes
    ) -> None:
        """Answer a message whose client waited to know whether somebody uses an address."""
        counters = self._counters[interface.name]
        counters.probes[result] += 1
        current = self._interfaces.get(interface.index)
        if current is None or current.name != interface.name:
            counters.drops["interface-gone"] += 1
            self._heard.settled(message, interface, _NOTHING, "interface-gone")
            return
        now = self._clock.boottime()
        try:
            if holder:
                outcome = self._server.conflicted(message, current, now, wanted.address, holder)
            else:
                outcome = self._server.probed(message, current, now, wanted.address)
            self._follow(message, current, outcome, now, counters)
        except Exception:
            counters.drops["internal-error"] += 1
            self._log.exception("message not handled", address=address_text(wanted.address), xid=message.xid)

    def _follow(self, message: Message, interface: Interface, outcome: Outcome, now: float, counters: Counters) -> None:
        """Do what the server made of a message."""
        self._heard.note(message, interface, outcome, now)
        if outcome.drop is not None:
            counters.drops[outcome.drop] += 1
            self._log.debug("message dropped", reason=str(outcome.drop), interface=interface.name)
        changes = outcome.changes
        try:
            packets = [_packet(reply, interface, counters) for reply in outcome.replies]
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
            self.prober.ask(message, interface, outcome.probe)

    def _finish(
        self,
        message: Message,
        interface: Interface,
        outcome: Outcome,
        packets: list[_Packet],
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
                if event.kind is _DECLINED or event.kind is _CONFLICT:
                    counters.conflicts += 1
            self._teller.leases(outcome.events, _circumstances(message))

    def _give(
        self, send: Callable[[int, int, bytes], bool], interface: Interface, packet: _Packet, counters: Counters
    ) -> bool:
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


def _packet(reply: Reply, interface: Interface, counters: Counters) -> _Packet:
    """Encode a reply."""
    action, packet = encode(reply, interface, counters.omitted)
    return action, packet, TYPE_NAMES.get(reply.message.options.get(MESSAGE_TYPE, b""), "bootp")


def _circumstances(message: Message) -> dict[str, str]:
    """Say for the log in which state (RFC 2131, 4.3.2) a client asked for its lease, and through which relay agent."""
    said = {}
    if message.type == MessageType.REQUEST:
        if message.ciaddr:
            # A relay agent has a part in rebinding only, and passes the client's broadcast on as unicast.
            everybody = message.giaddr or message.destination == ipv4.BROADCAST
            said["during"] = "rebinding" if everybody else "renewing"
        else:
            said["during"] = "selecting" if SERVER_ID in message.options else "init-reboot"
    if message.giaddr:
        said["relay"] = address_text(message.giaddr)
    return said
