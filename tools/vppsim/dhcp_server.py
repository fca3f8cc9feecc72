"""A DHCPv4 server on a simulated host: enough of RFC 2131, section 4.3, to be the provider of a router."""

from collections import deque
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from tools.vppsim import dhcp
from tools.vppsim.addresses import Prefix, mac_text, mask, text
from tools.vppsim.dhcp import Message, Type

_EVERYBODY: Final = 0xFFFFFFFF
_REPLY: Final = 2
_REMEMBERED: Final = 100
"""Messages of clients that are shown."""


class Conduct(Enum):
    """What it does with what it hears."""

    ANSWER = "answer"
    NAK = "nak"
    """Refuses every REQUEST."""
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Terms:
    """What it grants.

    first, last: addresses of the pool. options: the further ones, raw by code, each of 255 bytes at most.
    relay: relay agent that its messages say they came by, 0 for none.
    """

    first: int
    last: int
    lease_time: int = 3600
    relay: int = 0
    options: dict[int, bytes] = field(default_factory=dict)


class DhcpServer:
    """The server. An address stays its client's until it is given back or declined, or is not in the pool any more."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.conduct = Conduct.ANSWER
        self._addresses: dict[bytes, int] = {}
        self._macs: dict[bytes, bytes] = {}
        self._declined: set[int] = set()
        self._heard: deque[Message] = deque(maxlen=_REMEMBERED)

    def answer(self, message: Message, own: Prefix) -> Message | None:
        """Return the reply to a message of a client, None for none. own: the server's address."""
        if message.op == _REPLY:
            return None
        self._heard.append(message)
        client = message.options.get(dhcp.CLIENT_ID, message.hardware)
        self._macs[client] = message.hardware
        kind = message.type
        if kind == Type.RELEASE:
            self._addresses.pop(client, None)
        elif kind == Type.DECLINE:
            self._declined.add(self._addresses.pop(client, 0))
        elif self.conduct is not Conduct.SILENT:
            if kind == Type.DISCOVER:
                return self._offer(client, message, own)
            if kind == Type.REQUEST:
                return self._grant(client, message, own)
        return None

    def show(self) -> dict[str, Any]:
        """Return what it does, who has what, and what it heard, the newest last."""
        return {
            "conduct": self.conduct.value,
            "addresses": {mac_text(self._macs[client]): text(4, a) for client, a in self._addresses.items()},
            "heard": [
                {
                    "type": dhcp.name_of(message.type),
                    "mac": mac_text(message.hardware),
                    "ciaddr": text(4, message.ciaddr),
                    "options": {code: raw.hex() for code, raw in message.options.items()},
                }
                for message in self._heard
            ],
        }

    def _offer(self, client: bytes, message: Message, own: Prefix) -> Message | None:
        """Offer the address that the client has, else the one that it wishes, else the first that is free."""
        candidates = (self._addresses.get(client), message.number(dhcp.REQUESTED), self._free(own))
        address = next((one for one in candidates if one and self._is_for(client, one, own)), None)
        if address is None:
            return None
        self._addresses[client] = address
        return self._reply(Type.OFFER, message, own, address)

    def _grant(self, client: bytes, message: Message, own: Prefix) -> Message | None:
        """Grant what was offered or is had, refuse anything else (RFC 2131, 4.3.2)."""
        server = message.number(dhcp.SERVER)
        if server not in (None, own.address):
            return None
        address = message.ciaddr or message.number(dhcp.REQUESTED)
        theirs = address == self._addresses.get(client) and self._is_for(client, address or 0, own)
        if not address or not theirs or self.conduct is Conduct.NAK:
            return self._reply(Type.NAK, message, own, 0)
        return self._reply(Type.ACK, message, own, address)

    def _free(self, own: Prefix) -> int | None:
        pool = range(self.terms.first, self.terms.last + 1)
        taken = {*self._addresses.values(), *self._declined, own.address}
        return next((address for address in pool if address not in taken), None)

    def _is_for(self, client: bytes, address: int, own: Prefix) -> bool:
        others = {other for known, other in self._addresses.items() if known != client}
        in_pool = self.terms.first <= address <= self.terms.last
        return in_pool and address not in others | self._declined | {own.address}

    def _reply(self, kind: Type, asked: Message, own: Prefix, address: int) -> Message:
        options = {dhcp.TYPE: bytes([kind]), dhcp.SERVER: own.address.to_bytes(4, "big")}
        if kind != Type.NAK:
            options[dhcp.LEASE_TIME] = self.terms.lease_time.to_bytes(4, "big")
            options[dhcp.MASK] = mask(4, 0xFFFFFFFF, own.length).to_bytes(4, "big")
            options |= self.terms.options
        return Message(
            _REPLY,
            asked.xid,
            asked.hardware,
            ciaddr=asked.ciaddr if kind == Type.ACK else 0,
            yiaddr=address,
            giaddr=self.terms.relay,
            broadcast=asked.broadcast,
            options=options,
        )


def destination(reply: Message) -> int:
    """Return the address that a reply is sent to (RFC 2131, 4.1)."""
    if reply.broadcast or reply.type == Type.NAK:
        return _EVERYBODY
    return reply.ciaddr or reply.yiaddr
