"""The shell round the DHCPv6 server: port 547, questions whether somebody uses addresses, and Reconfigure messages."""

from collections.abc import Callable, Mapping, Sequence
from ipaddress import IPv6Address
from typing import Final

import gevent

from vppdhc.clock import Clock
from vppdhc.dhc6.book import LeaseBook6
from vppdhc.dhc6.counters import type_name, type_names
from vppdhc.dhc6.events import Event, EventKind
from vppdhc.dhc6.outcome import Outcome, ProbeWanted
from vppdhc.dhc6.prober import Prober
from vppdhc.dhc6.protocols import Dataplane
from vppdhc.dhc6.reconfigure import Notice
from vppdhc.dhc6.reply import Reply, encode
from vppdhc.dhc6.routing import DelegatedRoutes
from vppdhc.dhc6.server import Server
from vppdhc.dhc6.serving import CrossedPool
from vppdhc.dhc6.teller import Teller
from vppdhc.interface import Interface
from vppdhc.leases.lease6 import AnyChange
from vppdhc.packet.dhcp6 import Message, receive
from vppdhc.servers.counters import Counters
from vppdhc.servers.protocols import Heard, Queue
from vppdhc.servers.questions import Result
from vppdhc.servers.service import LONGEST, PORTION, YIELD, DhcpService, Packet

_CONFLICTS: Final = (EventKind.DECLINED, EventKind.CONFLICT)


class Dhcp6Service(DhcpService[Message, Outcome]):
    """Serves port 547, and counts. A relayed message counts as what the client sent, and as "relay-forward" as well.

    prober: asks whether somebody uses addresses, and has run() to be supervised.
    """

    _conflicts = _CONFLICTS
    _nothing = Outcome([], [], [], None)

    def __init__(
        self,
        server: Server,
        book: LeaseBook6,
        dataplane: Dataplane,
        committer: Queue,
        clock: Clock,
        sleep: Callable[[float], object] = gevent.sleep,
        *,
        routes: DelegatedRoutes,
        heard: Heard[Message, Outcome],
        teller: Teller,
    ) -> None:
        """Nothing happens before serve(); see DhcpService for what is not said here.

        routes: to delegated prefixes; they are changed once a lease is durable, and when it ends.
        """
        super().__init__(receive, server.handle, book, dataplane, committer, clock, sleep, heard=heard, teller=teller)
        self.prober = Prober(dataplane, clock, self._go_on, sleep=sleep)
        self._server = server
        self._named = dataplane.interfaces.named
        self._routes = routes

    def problem(self, name: str) -> str:
        """Say why clients on an interface that is configured are not served, or get no addresses; empty otherwise."""
        interface = self._named(name)
        if interface is None:
            return "VPP has no such interface"
        if interface.link_local is None:
            return "it has no link-local address"
        served = self._server.networks.served(name)
        return "" if served is not None and served.subnets else "it has no IPv6 address but its link-local one"

    def follow(self, outcome: Outcome) -> None:
        """Do what follows from changes that an operator made, and that are durable by now."""
        self._routes.follow(outcome.routes)
        self._teller.leases(outcome.events)

    def tell(self) -> None:
        """Tell bound clients of changes (RFC 8415, 18.3.11), for ever."""
        while True:
            now = self._clock.boottime()
            for notice in self._server.notices(now, PORTION):
                self._notify(notice)
            left = self._server.next_notice() - now
            self._sleep(min(LONGEST, left) if left > 0 else YIELD)

    def _notify(self, notice: Notice) -> None:
        """Send a Reconfigure; one that is lost is sent again anyway."""
        interface = self._named(notice.interface)
        if interface is None:
            return
        counters = self._counters[interface.name]
        try:
            self._give(self._send, interface, self._packet(notice.reply, interface, counters), counters)
        except Exception:
            counters.drops["internal-error"] += 1
            self._log.exception("client not told of a change", interface=notice.interface, duid=notice.duid.hex(":"))

    def _count(self, message: Message, counters: Counters) -> None:
        for name in type_names(message):
            counters.received[name] += 1

    def _packet(self, reply: Reply, interface: Interface, counters: Counters) -> Packet:
        action, packet = encode(reply, interface, counters.omitted)
        return action, packet, type_name(reply.message.type)

    def _ask(self, message: Message, interface: Interface, wanted: ProbeWanted) -> None:
        self.prober.ask(message, interface, wanted)

    def _go_on(
        self,
        message: Message,
        interface: Interface,
        wanted: ProbeWanted,
        result: Result,
        holders: Mapping[int, bytes],
    ) -> None:
        """Answer a message whose client waited to know whether somebody uses addresses."""

        def go_on(current: Interface, now: float) -> Outcome:
            if holders:
                return self._server.conflicted(message, current, now, wanted.addresses, holders)
            return self._server.probed(message, current, now, wanted.addresses)

        addresses = [str(IPv6Address(address)) for address in wanted.addresses]
        self._resume(message, interface, result, go_on, addresses=addresses, transaction_id=message.transaction_id)

    def _finish(
        self,
        message: Message,
        interface: Interface,
        outcome: Outcome,
        packets: list[Packet],
        counters: Counters,
    ) -> None:
        self._routes.follow(outcome.routes)
        super()._finish(message, interface, outcome, packets, counters)

    def _end(self, now: float) -> tuple[Sequence[AnyChange], Sequence[Event]]:
        outcome = self._server.expire(now, PORTION)
        self._routes.follow(outcome.routes)
        return outcome.changes, outcome.events

    def _crossed(self) -> Sequence[CrossedPool]:
        return self._server.crossed()

    def _circumstances(self, message: Message) -> dict[str, str]:
        """Say by which message a client brought it about, and through which relay agent."""
        said = {"during": type_name(message.type)}
        if message.relays:
            said["relay"] = str(IPv6Address(message.source))
        return said
