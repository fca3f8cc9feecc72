"""The shell round the DHCPv4 server: port 67, and the questions whether somebody uses an address."""

from collections.abc import Callable, Sequence
from typing import Final

import gevent

from vppdhc.clock import Clock
from vppdhc.dhc4.book import LeaseBook
from vppdhc.dhc4.counters import TYPE_NAMES, type_name
from vppdhc.dhc4.events import Event, EventKind, PoolEvent
from vppdhc.dhc4.outcome import Outcome, ProbeWanted
from vppdhc.dhc4.parameters import MESSAGE_TYPE, SERVER_ID
from vppdhc.dhc4.probe import Prober
from vppdhc.dhc4.protocols import Dataplane
from vppdhc.dhc4.reply import Reply, encode
from vppdhc.dhc4.server import Server
from vppdhc.dhc4.teller import Teller
from vppdhc.interface import Interface
from vppdhc.leases.lease6 import AnyChange
from vppdhc.packet import ipv4
from vppdhc.packet.dhcp4 import Message, MessageType, receive
from vppdhc.packet.text import address_text
from vppdhc.servers.counters import Counters
from vppdhc.servers.protocols import Heard, Queue
from vppdhc.servers.questions import Result
from vppdhc.servers.service import PORTION, DhcpService, Packet

_CONFLICTS: Final = (EventKind.DECLINED, EventKind.CONFLICT)


class Dhcp4Service(DhcpService[Message, Outcome]):
    """Serves port 67, and counts; messages of BOOTP clients, and replies to them, as "bootp".

    prober: asks whether somebody uses an address, and has run() and run_arping() to be supervised.
    """

    _conflicts = _CONFLICTS
    _nothing = Outcome([], [], [], None)

    def __init__(
        self,
        server: Server,
        book: LeaseBook,
        dataplane: Dataplane,
        committer: Queue,
        clock: Clock,
        sleep: Callable[[float], object] = gevent.sleep,
        *,
        heard: Heard[Message, Outcome],
        teller: Teller,
    ) -> None:
        """Nothing happens before serve(); see DhcpService for what is not said here."""
        super().__init__(
            receive,
            server.handle,
            book,
            dataplane,
            committer,
            clock,
            sleep,
            heard=heard,
            teller=teller,
        )
        self.prober = Prober(dataplane, clock, self._go_on, sleep=sleep)
        self._server = server
        self._leases = book

    def _count(self, message: Message, counters: Counters) -> None:
        counters.received[type_name(message)] += 1

    def _packet(self, reply: Reply, interface: Interface, counters: Counters) -> Packet:
        action, packet = encode(reply, interface, counters.omitted)
        return action, packet, TYPE_NAMES.get(reply.message.options.get(MESSAGE_TYPE, b""), "bootp")

    def _ask(self, message: Message, interface: Interface, wanted: ProbeWanted) -> None:
        self.prober.ask(message, interface, wanted)

    def _go_on(
        self, message: Message, interface: Interface, wanted: ProbeWanted, result: Result, holder: bytes
    ) -> None:
        """Answer a message whose client waited to know whether somebody uses an address."""

        def go_on(current: Interface, now: float) -> Outcome:
            if holder:
                return self._server.conflicted(message, current, now, wanted.address, holder)
            return self._server.probed(message, current, now, wanted.address)

        self._resume(message, interface, result, go_on, address=address_text(wanted.address), xid=message.xid)

    def _end(self, now: float) -> tuple[Sequence[AnyChange], Sequence[Event]]:
        expired = self._leases.expire(now, PORTION)
        return expired.changes, expired.events

    def _crossed(self) -> Sequence[PoolEvent]:
        return self._server.pool_events()

    def _circumstances(self, message: Message) -> dict[str, str]:
        """Say in which state (RFC 2131, 4.3.2) a client asked for its lease, and through which relay agent."""
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
