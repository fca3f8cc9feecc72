"""The last exchange with every client that was heard lately: why it got what it got."""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from vppdhc.dhc4.options import HOST_NAME
from vppdhc.dhc4.outcome import Outcome
from vppdhc.dhc4.parameters import MESSAGE_TYPE
from vppdhc.dhc4.request import RefusalError, client_key
from vppdhc.interface import Interface
from vppdhc.packet.dhcp4 import Message, MessageType
from vppdhc.servers.memory import Decision, Key, Memory

__all__ = ["Decision", "Exchange", "Heard"]

_NAK: Final = b"\6"
_BOOTP: Final = b""
_TYPES: Final = {bytes((message_type,)): message_type.name.lower() for message_type in MessageType} | {_BOOTP: "bootp"}
_NAME_LONGEST: Final = 64
"""Octets of a name that are remembered: as long as one label of a domain name, and one more."""
_ADDRESS, _HARDWARE = 6, 9
"""Where they are in a _Known."""
_ANSWERED, _REFUSED = Decision.ANSWERED, Decision.REFUSED  # here, as looking up a member takes its time
_DROPPED, _PENDING = Decision.DROPPED, Decision.PENDING


class Exchange(NamedTuple):
    """A message of a client, and what the server made of it.

    table: routing table (VRF) id that the client is in.
    client: its key, see request.client_key().
    interface: name of the interface that the message came in by.
    time: when it came, CLOCK_BOOTTIME.
    message_type, reply_type: option 53 of both, as it is in a message; empty for BOOTP messages. None without a reply.
    decision: what the server made of it.
    reason: why, in words that stay the same: of allocation.Why, of reply.Nak, of request.Drop or of the shell.
    address: the one that it is about; 0 where there is none.
    host_name: option 12 as it was sent, or the beginning of it; empty without.
    hardware_type, hardware: hardware address; empty without.
    """

    table: int
    client: bytes
    interface: str
    time: float
    message_type: bytes
    reply_type: bytes | None
    decision: Decision
    reason: str
    address: int
    host_name: bytes
    hardware_type: int
    hardware: bytes

    @property
    def message_name(self) -> str:
        """The type of the message in a word."""
        return _type_name(self.message_type)

    @property
    def reply_name(self) -> str | None:
        """The type of the reply in a word, None without a reply."""
        return None if self.reply_type is None else _type_name(self.reply_type)


_Known = tuple[str, float, bytes, bytes | None, Decision, str, int, bytes, int, bytes]
"""An exchange without the two members that make its key."""


class Heard(Memory[_Known, Exchange]):
    """The last exchange of each client on each interface, for so many clients as were heard last.

    It is asked for seldom and told for every message, so telling it takes about a microsecond, and finding an exchange
    by anything but its client goes through all of them. Each client takes about 350 bytes.
    """

    def find(
        self, pause: Callable[[], object], *, hardware: bytes = b"", address: int = 0, client: bytes = b""
    ) -> Iterator[Exchange]:
        """Go through the last exchanges of all clients with which everything given agrees.

        This looks at all that are remembered, some milliseconds in all.

        pause: is called now and then meanwhile, and may let others run.
        hardware: hardware address. address: the one that the exchange is about. client: key of the client.
        """
        for key, known in self._look(pause):
            if (
                (not hardware or known[_HARDWARE] == hardware)
                and (not address or known[_ADDRESS] == address)
                and (not client or key[1] == client)
            ):
                yield self._exchange(key, known)

    def note(self, message: Message, interface: Interface, outcome: Outcome, now: float) -> None:
        """Take note of a message and what it led to.

        An answer with changes is pending until settled() is called: the client gets none that is not on disk.

        interface: that the message came in by. now: CLOCK_BOOTTIME.
        """
        replies, changes, _, drop, client, table, address, reason, probe = outcome
        key = (table, client) if client else _key(message, interface)
        if key is None:
            return
        options = message.options
        reply_type: bytes | None = None
        if drop is not None:
            decision = _DROPPED
        elif probe is not None:
            decision = _PENDING
        else:
            if replies:
                reply_type = replies[0].message.options.get(MESSAGE_TYPE, _BOOTP)
            decision = _PENDING if changes else _REFUSED if reply_type == _NAK else _ANSWERED
        known = (
            interface.name,
            now,
            options.get(MESSAGE_TYPE, _BOOTP),
            reply_type,
            decision,
            reason or drop or "",
            address,
            options.get(HOST_NAME, b"")[:_NAME_LONGEST],
            message.htype,
            message.chaddr,
        )
        self._remember(key, known)

    def settled(self, message: Message, interface: Interface, outcome: Outcome, lost: str = "") -> None:
        """Take note that what was pending has been done, or that it was not.

        message, interface, outcome: as they were noted.
        lost: why the client got no answer after all; empty where it did.
        """
        key = (outcome.table, outcome.client) if outcome.client else _key(message, interface)
        known = None if key is None else self._known.get(key)
        if key is None or known is None:
            return  # others have taken its place
        name, time, message_type, reply_type, decision, reason, address, host_name, hardware_type, hardware = known
        if name != interface.name or message_type != message.options.get(MESSAGE_TYPE, _BOOTP):
            return  # the client has sent something else since
        if lost:
            decision, reason = _DROPPED, lost
        else:
            decision = _REFUSED if reply_type == _NAK else _ANSWERED
        self._known[key] = (
            name,
            time,
            message_type,
            reply_type,
            decision,
            reason,
            address,
            host_name,
            hardware_type,
            hardware,
        )

    def _exchange(self, key: Key, known: _Known) -> Exchange:
        table, client = key
        return Exchange(table, client, *known)


def _key(message: Message, interface: Interface) -> Key | None:
    """Return table and key of a client of whom the server says neither; None for one that has no key."""
    try:
        return interface.table4, client_key(message)
    except RefusalError:
        return None


def _type_name(message_type: bytes) -> str:
    return _TYPES.get(message_type, "other")
