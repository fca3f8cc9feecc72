"""The provider's end of the link: DHCP servers, and what they hear."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv4Interface
from typing import Any, Protocol

from vppdhc.packet import punt
from vppdhc.packet.dhcp4 import Message, MessageType, encode
from vppdhc.packet.frame import UdpPacket, encode_udp4
from vppdhc.packet.options4 import Option, encode_value

SERVER_MAC = bytes.fromhex("020000000001")


class Network(Protocol):
    """Where servers are."""

    def after(self, seconds: float, do: Callable[[], None]) -> None:
        """Do something when so many seconds have passed."""

    def deliver(self, datagram: bytes) -> None:
        """Give the client a datagram."""


@dataclass
class Heard:
    """A message of the client as it was on the wire. at: when."""

    at: float
    packet: UdpPacket
    message: Message

    @property
    def type(self) -> str:
        assert self.message.type is not None
        return self.message.type.name.lower()

    @property
    def unicast(self) -> bool:
        return self.packet.destination != 0xFFFFFFFF

    def option(self, code: int) -> bytes | None:
        return self.message.options.get(code)


@dataclass
class Server:
    """A DHCP server of the provider. Its wishes may be changed while it runs.

    gives: the address for the client. silent: does not answer. naks: refuses every REQUEST.
    answers: types of the messages that it answers. delay: seconds until it does. raw: more options, as bytes.
    spoil: what becomes of an answer on its way.
    """

    world: Network
    address: str = "192.0.2.1"
    gives: str = "192.0.2.50/24"
    lease_time: int = 3600
    options: dict[Option, Any] = field(default_factory=lambda: {Option.ROUTERS: ["192.0.2.1"]})
    silent: bool = False
    naks: bool = False
    rapid: bool = False
    answers: set[str] = field(default_factory=lambda: {"discover", "request"})
    delay: float = 0.01
    mac: bytes = SERVER_MAC
    raw: dict[int, bytes] = field(default_factory=dict)
    spoil: Callable[[bytes], bytes] = lambda datagram: datagram
    heard: list[Heard] = field(default_factory=list)

    def hear(self, heard: Heard) -> None:
        """Take a message of the client, and answer it if it is for this server."""
        if heard.unicast and heard.packet.destination_mac != self.mac:
            return
        self.heard.append(heard)
        message = heard.message
        wanted = message.options.get(Option.DHCP_SERVER_IDENTIFIER, IPv4Address(self.address).packed)
        if self.silent or wanted != IPv4Address(self.address).packed or heard.type not in self.answers:
            return
        if heard.type == "discover":
            rapid = self.rapid and Option.RAPID_COMMIT in message.options
            self.answer(message, MessageType.ACK if rapid else MessageType.OFFER)
        elif heard.type == "request":
            self.answer(message, MessageType.NAK if self.naks or self.elsewhere(message) else MessageType.ACK)

    def elsewhere(self, message: Message) -> bool:
        """Whether the client asks, unasked, for an address of another network."""
        asked = message.options.get(Option.DHCP_REQUESTED_ADDRESS)
        return asked is not None and IPv4Address(asked) not in IPv4Interface(self.gives).network

    def answer(self, request: Message, message_type: MessageType, **changes: Any) -> None:
        """Send an answer."""
        self.world.after(
            self.delay, lambda: self.world.deliver(self.spoil(self.datagram(request, message_type, **changes)))
        )

    def datagram(self, request: Message, message_type: MessageType, **changes: Any) -> bytes:
        """Return an answer as VPP's punt socket gives it."""
        gives = IPv4Interface(self.gives)
        options: dict[int, bytes] = {
            Option.DHCP_MESSAGE_TYPE: bytes((message_type,)),
            Option.DHCP_SERVER_IDENTIFIER: IPv4Address(self.address).packed,
        }
        if message_type is not MessageType.NAK:
            options[Option.DHCP_LEASE_TIME] = self.lease_time.to_bytes(4, "big")
            options[Option.SUBNET_MASK] = gives.netmask.packed
            options |= {code: encode_value(code, value) for code, value in self.options.items()} | self.raw
        if message_type is MessageType.ACK and Option.RAPID_COMMIT in request.options:
            options[Option.RAPID_COMMIT] = b""
        reply = Message(
            op=2,
            xid=request.xid,
            yiaddr=0 if message_type is MessageType.NAK else int(gives.ip),
            chaddr=request.chaddr,
            options=options,
        )
        return punted(replace(reply, **changes), IPv4Address(self.address), self.mac)

    def types(self, since: float = 0.0) -> list[str]:
        """The types of what it heard."""
        return [heard.type for heard in self.heard if heard.at >= since]


def punted(reply: Message, source: IPv4Address, mac: bytes = SERVER_MAC) -> bytes:
    """Return a reply as VPP's punt socket gives it."""
    frame = encode_udp4(
        source_mac=mac,
        destination_mac=reply.chaddr,
        vlans=(),
        source=int(source),
        destination=reply.yiaddr or 0xFFFFFFFF,
        source_port=67,
        destination_port=68,
        payload=encode(reply, 1472),
    )
    return punt.encode(3, punt.L2, frame)
