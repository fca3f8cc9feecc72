"""What the client says, what it hears, and how it waits."""

from collections.abc import Callable
from ipaddress import IPv4Address
from random import Random

from vppdhc.clients.journal import Counters
from vppdhc.clock import Clock
from vppdhc.dhc4client import messages
from vppdhc.dhc4client.drops import Drop, DropError
from vppdhc.dhc4client.exchange import Exchange
from vppdhc.dhc4client.identity import Identity
from vppdhc.dhc4client.ports import Link
from vppdhc.dhc4client.replies import Reply
from vppdhc.dhc4client.terms import Terms
from vppdhc.packet.dhcp4 import Message, MessageType


class Talk:
    """The voice of one client. identity: by what servers know it; set before anything is said."""

    def __init__(
        self, link: Link, clock: Clock, counters: Counters, random: Random, upkeep: Callable[[], float]
    ) -> None:
        """Say nothing yet. upkeep: is called while waiting, and returns when it is to be called again."""
        self.identity = Identity(b"", b"")
        self._link = link
        self._clock = clock
        self._counters = counters
        self._random = random
        self._upkeep = upkeep

    def exchange(
        self,
        expected: frozenset[MessageType],
        *,
        server: IPv4Address | None = None,
        rapid: bool = False,
        v6_only: bool = False,
    ) -> Exchange:
        """Return a new transaction, see Exchange."""
        xid = self._random.getrandbits(32)
        return Exchange(self.identity, xid, expected, self._clock.boottime(), server, rapid, v6_only)

    def hear(self, exchange: Exchange | None, until: float) -> Reply | None:
        """Wait for a reply until a CLOCK_BOOTTIME; None where there was none.

        exchange: the transaction that it has to belong to; without, whatever comes is counted and forgotten.
        Raises InterruptError, and what upkeep raises.
        """
        while True:
            again = self._upkeep()
            now = self._clock.boottime()
            if now >= until:
                return None
            datagram = self._link.receive(min(until, again) - now)
            reply = None if datagram is None else self._read(exchange, datagram)
            if reply is not None:
                return reply

    def pause(self, until: float) -> None:
        """Wait for nothing but the time; raises as hear() does."""
        self.hear(None, until)

    def broadcast(self, message: Message, source: IPv4Address = messages.NO_ADDRESS) -> None:
        """Send a message to all servers. source: our address, where we have one."""
        interface = self._link.interface
        if interface is not None:  # else the next wait finds out
            self._send(message, messages.broadcast(message, interface, source))

    def unicast(self, message: Message, terms: Terms) -> None:
        """Send a message from the address of a lease to its server."""
        interface = self._link.interface
        if interface is not None:
            frame = messages.unicast(message, interface, terms.address.ip, terms.server, terms.server_mac)
            self._send(message, frame)

    def decline(self, terms: Terms) -> None:
        """Tell all servers that somebody else uses an address; broadcast, as it is not ours (RFC 2131, 4.4.4)."""
        xid = self._random.getrandbits(32)
        self.broadcast(messages.decline(self.identity, xid, terms.address.ip, terms.server))

    def release(self, terms: Terms, client_id: bytes) -> None:
        """Give an address back to its server, by the client identifier that it was got with."""
        identity = Identity(self.identity.mac, client_id)
        xid = self._random.getrandbits(32)
        self.unicast(messages.release(identity, xid, terms.address.ip, terms.server), terms)

    def _send(self, message: Message, frame: bytes) -> None:
        self._link.send(frame)
        if message.type is not None:
            self._counters.messages[message.type.name.lower()] += 1

    def _read(self, exchange: Exchange | None, datagram: bytes) -> Reply | None:
        if exchange is None:
            self._counters.drops[Drop.UNEXPECTED] += 1
            return None
        try:
            reply = exchange.read(datagram)
        except DropError as error:
            self._counters.drops[error.reason] += 1
            return None
        self._counters.messages[reply.type.name.lower()] += 1
        return reply
