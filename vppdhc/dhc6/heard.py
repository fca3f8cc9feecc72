"""The last exchange with every client that was heard lately: why it got what it got."""

from typing import Final, NamedTuple

from vppdhc.dhc6.counters import type_name
from vppdhc.dhc6.outcome import Finding, Outcome
from vppdhc.dhc6.relay import relay_information
from vppdhc.dhc6.request import hardware_addresses
from vppdhc.interface import Interface
from vppdhc.packet.dhcp6 import Message
from vppdhc.packet.errors import DecodeError
from vppdhc.packet.options6 import Option
from vppdhc.servers.memory import Decision, Key, Memory

_FINDINGS_MOST: Final = 8
"""Findings that are remembered of an exchange; whoever has more identity associations is seldom honest."""


class Exchange(NamedTuple):
    """A message of a client, and what the server made of it.

    table: routing table (VRF) id that the client is in.
    client: its DUID; empty where the message had none.
    interface: name of the interface that the message came in by.
    time: when it came, CLOCK_BOOTTIME.
    message_type, reply_type: of both, without relay messages around them. None without a reply.
    decision: what the server made of it.
    reason: why, in words that stay the same: see Outcome, or of the shell.
    findings: what was decided about each of its first identity associations.
    hardware: hardware type (one byte) and hardware address of the client; empty where they are not known.
    """

    table: int
    client: bytes
    interface: str
    time: float
    message_type: int
    reply_type: int | None
    decision: Decision
    reason: str
    findings: tuple[Finding, ...]
    hardware: bytes

    @property
    def message_name(self) -> str:
        """The type of the message in a word."""
        return type_name(self.message_type)

    @property
    def reply_name(self) -> str | None:
        """The type of the reply in a word, None without a reply."""
        return None if self.reply_type is None else type_name(self.reply_type)


_Known = tuple[str, float, int, int | None, Decision, str, tuple[Finding, ...], bytes, bytes]
"""An exchange without its table, and with the DUID last."""


class Heard(Memory[_Known, Exchange]):
    """The last exchange of each client on each interface, for so many clients as were heard last.

    A client without a DUID, which asks for information alone, is known by its hardware address.
    """

    def note(self, message: Message, interface: Interface, outcome: Outcome, now: float) -> None:
        """Take note of a message and what it led to.

        An answer with changes is pending until settled() is called: the client gets none that is not on disk.

        interface: that the message came in by. now: CLOCK_BOOTTIME.
        """
        hardware = _hardware(message)
        key = _key(message, interface, outcome, hardware)
        if not key[1]:
            return
        if outcome.drop is not None:
            decision = Decision.DROPPED
        elif outcome.probe is not None or outcome.changes:
            decision = Decision.PENDING
        else:
            decision = Decision.REFUSED if outcome.refused else Decision.ANSWERED
        known = (
            interface.name,
            now,
            message.type,
            outcome.replies[0].message.type if outcome.replies else None,
            decision,
            outcome.reason or outcome.drop or "",
            outcome.findings[:_FINDINGS_MOST],
            hardware,
            message.get(Option.CLIENTID) or b"",
        )
        self._remember(key, known)

    def settled(self, message: Message, interface: Interface, outcome: Outcome, lost: str = "") -> None:
        """Take note that what was pending has been done, or that it was not.

        message, interface, outcome: as they were noted.
        lost: why the client got no answer after all; empty where it did.
        """
        key = _key(message, interface, outcome, _hardware(message))
        known = self._known.get(key)
        if known is None:
            return  # others have taken its place
        name, time, message_type, reply_type, decision, reason, findings, hardware, duid = known
        if name != interface.name or message_type != message.type:
            return  # the client has sent something else since
        if lost:
            decision, reason = Decision.DROPPED, lost
        else:
            decision = Decision.REFUSED if outcome.refused else Decision.ANSWERED
        self._known[key] = name, time, message_type, reply_type, decision, reason, findings, hardware, duid

    def _exchange(self, key: Key, known: _Known) -> Exchange:
        return Exchange(key[0], known[-1], *known[:-1])


def _key(message: Message, interface: Interface, outcome: Outcome, hardware: bytes) -> Key:
    if outcome.client:
        return outcome.table, outcome.client
    return interface.table6, message.get(Option.CLIENTID) or hardware


def _hardware(message: Message) -> bytes:
    """Return the hardware address of a client as far as it can be known; empty where it cannot."""
    try:
        seen = relay_information(message).hardware
    except DecodeError:
        seen = b""
    return next(iter(hardware_addresses(message, seen, message.get(Option.CLIENTID) or b"")), b"")
