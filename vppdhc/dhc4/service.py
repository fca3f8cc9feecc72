"""The shell round the DHCPv4 server: datagrams in, replies out once their leases are durable, and the time."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Final, Protocol, TypeVar

import gevent
import structlog

from vppdhc.clock import Clock
from vppdhc.dhc4.book import LeaseBook
from vppdhc.dhc4.events import Event, EventKind, PoolEvent
from vppdhc.dhc4.parameters import MESSAGE_TYPE, SERVER_ID
from vppdhc.dhc4.reply import encode
from vppdhc.dhc4.server import Outcome, Server
from vppdhc.interface import Interface
from vppdhc.leases.committer import Work
from vppdhc.leases.lease import Change
from vppdhc.packet import ipv4, punt
from vppdhc.packet.dhcp4 import Message, MessageType, receive
from vppdhc.packet.errors import DecodeError
from vppdhc.packet.text import address_text, mac_text

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
_TYPE_NAMES: Final = {bytes((message_type,)): message_type.name.lower() for message_type in MessageType}
"""By option 53 as it is in a message, as enumeration members are slow to look up."""

_Told = TypeVar("_Told")


class Source(Protocol):
    """Where datagrams come from."""

    def receive(self) -> Sequence[bytes]:
        """Wait for datagrams and return all that are there."""


class Interfaces(Protocol):
    """The live interface table."""

    def get(self, index: int) -> Interface | None:
        """Return the interface that has an index now."""


class Queue(Protocol):
    """The committer."""

    def submit(self, work: Work) -> bool:
        """Queue a work; False when it was refused and its changes were taken back."""


@dataclass(slots=True)
class Counters:
    """What was counted.

    received: messages by type, such as "discover"; "bootp" for those without one, "other" for types that are not known.
    sent: replies by type.
    drops: what had no answer, by reason: of the core, of the decoder, or of this shell.
    conflicts: addresses that somebody else was found to use.
    """

    received: Counter[str] = field(default_factory=Counter)
    sent: Counter[str] = field(default_factory=Counter)
    drops: Counter[str] = field(default_factory=Counter)
    conflicts: int = 0


class Dhcp4Service:
    """Serves port 67, and counts."""

    def __init__(
        self,
        server: Server,
        book: LeaseBook,
        interfaces: Interfaces,
        send: Callable[[int, int, bytes], object],
        committer: Queue,
        clock: Clock,
        sleep: Callable[[float], object] = gevent.sleep,
        *,
        on_events: Callable[[Sequence[Event]], object] = lambda _: None,
        on_pool_events: Callable[[Sequence[PoolEvent]], object] = lambda _: None,
    ) -> None:
        """Nothing happens before serve().

        send: takes sw_if_index, punt action and packet.
        sleep: lets others run for so many seconds of the clock.
        on_events: is told what happened to leases once that is durable.
        on_pool_events: is told of pools that have become too full, or are so no longer.
        Neither may wait for anything.
        """
        self._server = server
        self._book = book
        self._interfaces = interfaces
        self._send = send
        self._committer = committer
        self._clock = clock
        self._sleep = sleep
        self._log = structlog.get_logger().bind()  # once, and not for every packet
        self._on_events = on_events
        self._on_pool_events = on_pool_events
        self._counters: dict[str, Counters] = {}
        self._elsewhere = Counters()

    @property
    def interfaces(self) -> Mapping[str, Counters]:
        """What was counted since the start, by the name of the interface that a message came in by."""
        return dict(self._counters)

    @property
    def received(self) -> Counter[str]:
        """Messages by type, in total."""
        return _total(counters.received for counters in self._all())

    @property
    def sent(self) -> Counter[str]:
        """Replies by type, in total."""
        return _total(counters.sent for counters in self._all())

    @property
    def drops(self) -> Counter[str]:
        """What had no answer by reason, in total: also what came in by no interface that there is."""
        return _total(counters.drops for counters in self._all())

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
                self._take(datagram)
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
            self.tell(expired.events)
            self._tell_pools(self._server.pool_events())
            work = Work(expired.changes, partial(self._tell_usable, expired.changes))
            if expired.changes and not self._committer.submit(work):
                left = _EXPIRY_LONGEST  # they are taken back, and would come up again at once
            self._sleep(min(_EXPIRY_LONGEST, left) if left > 0 else _YIELD)

    def tell(self, events: Sequence[Event], circumstances: Mapping[str, str] = MappingProxyType({})) -> None:
        """Log what happened to leases, and tell who wants to know; circumstances go into the log as well."""
        for event in events:
            lease = event.lease
            self._log.info(
                f"lease {event.kind}",
                address=address_text(lease.address),
                hardware=mac_text(lease.hardware[1:]),
                interface=lease.interface,
                table=lease.table,
                hostname=lease.hostname,
                lifetime=lease.granted,
                **circumstances,
            )
        if events:
            self._hand_on(self._on_events, events)

    def _take(self, datagram: bytes) -> None:
        """Answer one datagram; whatever is wrong with it is counted and ends with it."""
        counters = self._elsewhere
        try:
            message = receive(datagram)
            interface = self._interfaces.get(message.interface)
            if interface is None:
                counters.drops["unknown-interface"] += 1
                return
            counters = self._counters_of(interface)
            counters.received[_type_name(message)] += 1
            self._answer(message, interface, counters)
        except DecodeError as error:
            self._counters_by(datagram).drops[error.kind] += 1
        except Exception:
            # A packet that finds a mistake of ours must not end the reader, and the next one is served.
            counters.drops["internal-error"] += 1
            self._log.exception("message not handled", datagram=datagram.hex())

    def _answer(self, message: Message, interface: Interface, counters: Counters) -> None:
        outcome = self._server.handle(message, interface, self._clock.boottime())
        if outcome.drop is not None:
            counters.drops[outcome.drop] += 1
            self._log.debug("message dropped", reason=str(outcome.drop), interface=interface.name)
        if outcome.replies or outcome.changes:
            try:
                packets = [encode(reply, interface) for reply in outcome.replies]
            except Exception:
                self._book.take_back(outcome.changes[::-1])
                raise
            finish = partial(self._finish, message, interface, outcome, packets, counters)
            if not self._committer.submit(Work(outcome.changes, finish)):
                counters.drops["queue-full"] += 1

    def _finish(
        self,
        message: Message,
        interface: Interface,
        outcome: Outcome,
        packets: Sequence[tuple[int, bytes]],
        counters: Counters,
    ) -> None:
        """Send the replies to a message, whose leases are durable by now."""
        now = self._interfaces.get(interface.index)
        if now is not None and now.name == interface.name:
            for reply, (action, packet) in zip(outcome.replies, packets, strict=True):
                self._send(interface.index, action, packet)
                counters.sent[_TYPE_NAMES[reply.message.options[MESSAGE_TYPE]]] += 1
        elif packets:
            counters.drops["interface-gone"] += 1  # VPP may have given its index to another one by now
        if outcome.events:
            for kind, _ in outcome.events:
                if kind is _DECLINED:
                    counters.conflicts += 1
            self.tell(outcome.events, _circumstances(message))

    def _tell_pools(self, events: Sequence[PoolEvent]) -> None:
        for event in events:
            self._log.warning(
                "pool is nearly full" if event.usage.exceeded else "pool has room again",
                network=str(event.network),
                interface=event.interface,
                table=event.table,
                utilization=event.usage.utilization,
                threshold=event.usage.threshold,
            )
        if events:
            self._hand_on(self._on_pool_events, events)

    def _hand_on(self, hook: Callable[[Sequence[_Told]], object], events: Sequence[_Told]) -> None:
        """Tell somebody else, whose mistakes must not keep a client from its answer or a lease from its end."""
        try:
            hook(events)
        except Exception:
            self._log.exception("events not handled", count=len(events))

    def _counters_of(self, interface: Interface) -> Counters:
        counters = self._counters.get(interface.name)
        if counters is None:
            counters = self._counters[interface.name] = Counters()
        return counters

    def _counters_by(self, datagram: bytes) -> Counters:
        """Return the counters for a datagram that cannot be decoded: what VPP put before it may be whole."""
        try:
            interface = self._interfaces.get(punt.decode(datagram))
        except DecodeError:
            interface = None
        return self._elsewhere if interface is None else self._counters_of(interface)

    def _all(self) -> list[Counters]:
        return [self._elsewhere, *self._counters.values()]

    def _tell_usable(self, changes: Sequence[Change]) -> None:
        """Say of which addresses the probation is over."""
        for change in changes:
            if change.old is not None:
                self._log.info("probation over", address=address_text(change.old.address), table=change.old.table)


def _total(counts: Iterable[Counter[str]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return total


def _type_name(message: Message) -> str:
    """Name the type of a message, for counters."""
    message_type = message.options.get(MESSAGE_TYPE)
    return "bootp" if message_type is None else _TYPE_NAMES.get(message_type, "other")


def _circumstances(message: Message) -> dict[str, str]:
    """Say for the log in which state (RFC 2131, 4.3.2) a client asked for its lease, and through which relay agent."""
    said = {}
    if message.type == MessageType.REQUEST:
        if message.ciaddr:
            said["during"] = "rebinding" if message.destination == ipv4.BROADCAST else "renewing"
        else:
            said["during"] = "selecting" if SERVER_ID in message.options else "init-reboot"
    if message.giaddr:
        said["relay"] = address_text(message.giaddr)
    return said
