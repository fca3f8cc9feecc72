"""The shell round the DHCPv4 server: datagrams in, replies out once their leases are durable, and the time."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final, Protocol

import gevent
import structlog

from vppdhc.clock import Clock
from vppdhc.dhc4.book import LeaseBook
from vppdhc.dhc4.events import Event
from vppdhc.dhc4.parameters import SERVER_ID
from vppdhc.dhc4.reply import encode
from vppdhc.dhc4.server import Server
from vppdhc.interface import Interface
from vppdhc.leases.committer import Work
from vppdhc.leases.lease import Change
from vppdhc.packet import ipv4
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
_TYPE_NAMES: Final[Mapping[MessageType | None, str]] = {
    None: "other",
    **{message_type: message_type.name.lower() for message_type in MessageType},
}


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


class Dhcp4Service:
    """Serves port 67.

    received: messages by type, "other" for those of BOOTP and of types that are not known.
    drops: what had no answer, by reason: of the core, of the decoder, or of this shell.
    """

    def __init__(
        self,
        server: Server,
        book: LeaseBook,
        interfaces: Interfaces,
        send: Callable[[int, int, bytes], object],
        committer: Queue,
        clock: Clock,
        sleep: Callable[[float], object] = gevent.sleep,
    ) -> None:
        """Nothing happens before serve().

        send: takes sw_if_index, punt action and packet.
        sleep: lets others run for so many seconds of the clock.
        """
        self._server = server
        self._book = book
        self._interfaces = interfaces
        self._send = send
        self._committer = committer
        self._clock = clock
        self._sleep = sleep
        self._log = structlog.get_logger().bind()  # once, and not for every packet
        self.received: Counter[str] = Counter()
        self.drops: Counter[str] = Counter()

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
            self._tell(expired.events, {})
            work = Work(expired.changes, partial(self._tell_usable, expired.changes))
            if expired.changes and not self._committer.submit(work):
                left = _EXPIRY_LONGEST  # they are taken back, and would come up again at once
            self._sleep(min(_EXPIRY_LONGEST, left) if left > 0 else _YIELD)

    def _take(self, datagram: bytes) -> None:
        """Answer one datagram; whatever is wrong with it is counted and ends with it."""
        try:
            message = receive(datagram)
            interface = self._interfaces.get(message.interface)
            if interface is None:
                self.drops["unknown-interface"] += 1
                return
            self.received[_TYPE_NAMES[message.type]] += 1
            self._answer(message, interface)
        except DecodeError as error:
            self.drops[error.kind] += 1
        except Exception:
            # A packet that finds a mistake of ours must not end the reader, and the next one is served.
            self.drops["internal-error"] += 1
            self._log.exception("message not handled", datagram=datagram.hex())

    def _answer(self, message: Message, interface: Interface) -> None:
        outcome = self._server.handle(message, interface, self._clock.boottime())
        if outcome.drop is not None:
            self.drops[outcome.drop] += 1
            self._log.debug("message dropped", reason=str(outcome.drop), interface=interface.name)
        if outcome.replies or outcome.changes:
            try:
                packets = [encode(reply, interface) for reply in outcome.replies]
            except Exception:
                self._book.take_back(outcome.changes[::-1])
                raise
            finish = partial(self._finish, message, interface, packets, outcome.events)
            if not self._committer.submit(Work(outcome.changes, finish)):
                self.drops["queue-full"] += 1

    def _finish(
        self, message: Message, interface: Interface, packets: Sequence[tuple[int, bytes]], events: Sequence[Event]
    ) -> None:
        """Send the replies to a message, whose leases are durable by now."""
        now = self._interfaces.get(interface.index)
        if now is not None and now.name == interface.name:
            for action, packet in packets:
                self._send(interface.index, action, packet)
        elif packets:
            self.drops["interface-gone"] += 1  # VPP may have given its index to another one by now
        if events:
            self._tell(events, _circumstances(message))

    def _tell(self, events: Sequence[Event], circumstances: dict[str, str]) -> None:
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

    def _tell_usable(self, changes: Sequence[Change]) -> None:
        """Say of which addresses the probation is over."""
        for change in changes:
            if change.old is not None:
                self._log.info("probation over", address=address_text(change.old.address), table=change.old.table)


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
