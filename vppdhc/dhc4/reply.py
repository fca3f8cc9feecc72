"""The server's answers: what is in them (RFC 2131, table 3) and where they go (4.1)."""

from collections.abc import Mapping
from typing import NamedTuple

from vppdhc.dhc4.parameters import (
    CLIENT_ID,
    MESSAGE_TEXT,
    MESSAGE_TYPE,
    RELAY_AGENT,
    SERVER_ID,
)
from vppdhc.dhc4.request import Request
from vppdhc.dhc4.subnet import Subnet
from vppdhc.interface import Interface, Vlan
from vppdhc.packet import dhcp4, ethernet, frame, ipv4, punt
from vppdhc.packet.dhcp4 import BOOTREPLY, BROADCAST_FLAG, CLIENT_PORT, SERVER_PORT, Message

_OFFER, _ACK, _NAK = b"\2", b"\5", b"\6"
_ETHERNET = 1


class Reply(NamedTuple):
    """A message to be sent from port 67 and where to, which is not yet how.

    message: the BOOTREPLY.
    action: punt.L2 for a frame out of the interface, punt.IP4 for a packet that VPP routes in the interface's
        table.
    destination_mac, vlans: of the frame; empty for a routed packet.
    source, destination: IPv4 addresses.
    destination_port: 68 for a client, 67 for a relay agent.
    max_size: octets that the DHCP message may have.
    """

    message: Message
    action: int
    destination_mac: bytes
    vlans: tuple[Vlan, ...]
    source: int
    destination: int
    destination_port: int
    max_size: int


def encode(reply: Reply, interface: Interface) -> tuple[int, bytes]:
    """Encode a reply for the interface that the client's message came in by.

    Returns the punt action and the packet: an Ethernet frame, or an IPv4 packet.
    """
    payload = dhcp4.encode(reply.message, reply.max_size)
    if reply.action == punt.IP4:
        return punt.IP4, frame.encode_ip4_udp(
            source=reply.source,
            destination=reply.destination,
            source_port=SERVER_PORT,
            destination_port=reply.destination_port,
            payload=payload,
        )
    return punt.L2, frame.encode_udp4(
        source_mac=interface.mac,
        destination_mac=reply.destination_mac,
        vlans=reply.vlans,
        source=reply.source,
        destination=reply.destination,
        source_port=SERVER_PORT,
        destination_port=reply.destination_port,
        payload=payload,
    )


def offer(request: Request, subnet: Subnet, address: int, lifetimes: Mapping[int, bytes]) -> Reply:
    """Offer an address."""
    options = _options(_OFFER, subnet, lifetimes, subnet.parameters.answer(request.parameters, request.given_name))
    return _to_client(request, _message(request, options, yiaddr=address), subnet.server_id)


def lease_ack(request: Request, subnet: Subnet, address: int, lifetimes: Mapping[int, bytes]) -> Reply:
    """Acknowledge a lease."""
    options = _options(_ACK, subnet, lifetimes, subnet.parameters.answer(request.parameters, request.given_name))
    message = _message(request, options, ciaddr=request.message.ciaddr, yiaddr=address)
    return _to_client(request, message, subnet.server_id)


def inform_ack(request: Request, subnet: Subnet, address: int) -> Reply:
    """Tell a client with an address of its own the rest: no address, no lifetimes, straight to it (4.3.5).

    A relayed one that leaves out ciaddr can be reached by its relay agent only.
    """
    options = _options(_ACK, subnet, {}, subnet.parameters.answer(request.parameters, request.given_name))
    asked = request.message
    message = _message(request, options, ciaddr=asked.ciaddr)
    if not asked.giaddr:
        return _framed(request, message, subnet.server_id, asked.source_mac, address)
    if not asked.ciaddr:
        return _routed(request, message, subnet.server_id, asked.giaddr, SERVER_PORT)
    return _routed(request, message, subnet.server_id, address, CLIENT_PORT)


def nak(request: Request, text: str) -> Reply:
    """Refuse what a client asks for.

    It goes to everybody, as the client may be unable to receive anything else where it is; a relay agent is
    told by the broadcast flag to do the same (4.3.2).
    """
    subnet = request.subnets[0]
    options = _options(_NAK, subnet, {MESSAGE_TEXT: text.encode("ascii")}, {})
    message = _message(request, options)
    if request.message.giaddr:
        message.flags |= BROADCAST_FLAG
        return _routed(request, message, subnet.server_id, request.message.giaddr, SERVER_PORT)
    return _framed(request, message, subnet.server_id, ethernet.BROADCAST, ipv4.BROADCAST)


def _options(
    message_type: bytes, subnet: Subnet, first: Mapping[int, bytes], second: Mapping[int, bytes]
) -> dict[int, bytes]:
    return {MESSAGE_TYPE: message_type, SERVER_ID: subnet.encoded_server_id, **first, **second}


def _message(request: Request, options: dict[int, bytes], *, ciaddr: int = 0, yiaddr: int = 0) -> Message:
    """Build the reply that these options are for, with what it takes over from the request."""
    asked = request.message
    for code in (CLIENT_ID, RELAY_AGENT):  # RFC 6842; RFC 3046, 2.2: the last of all options
        value = asked.options.get(code)
        if value is not None:
            options[code] = value
    return Message(
        op=BOOTREPLY,
        htype=asked.htype,
        hlen=asked.hlen,
        hops=0,
        xid=asked.xid,
        secs=0,
        flags=asked.flags,
        ciaddr=ciaddr,
        yiaddr=yiaddr,
        siaddr=0,
        giaddr=asked.giaddr,
        chaddr=asked.chaddr,
        options=options,
    )


def _to_client(request: Request, message: Message, source: int) -> Reply:
    """Address an OFFER or ACK (4.1)."""
    asked = request.message
    if asked.giaddr:
        return _routed(request, message, source, asked.giaddr, SERVER_PORT)
    if asked.ciaddr:
        # Its own hardware address or, behind something that answers for it, the one that reaches it.
        return _framed(request, message, source, asked.source_mac, asked.ciaddr)
    if asked.broadcast or asked.htype != _ETHERNET or not asked.chaddr:
        # Without an Ethernet address there is nowhere else to send it to (RFC 4390 has such clients set the
        # flag).
        return _framed(request, message, source, ethernet.BROADCAST, ipv4.BROADCAST)
    return _framed(request, message, source, asked.chaddr, message.yiaddr)


def _framed(request: Request, message: Message, source: int, mac: bytes, destination: int) -> Reply:
    vlans = request.interface.vlans
    if not vlans and request.message.tags:
        vlans = request.message.vlans  # a sub-interface that takes any tag has none of its own
    return Reply(message, punt.L2, mac, vlans, source, destination, CLIENT_PORT, dhcp4.size_limit(request.message))


def _routed(request: Request, message: Message, source: int, destination: int, port: int) -> Reply:
    return Reply(message, punt.IP4, b"", (), source, destination, port, dhcp4.size_limit(request.message))
