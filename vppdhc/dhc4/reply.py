"""The server's answers: what is in them (RFC 2131, table 3) and where they go (4.1)."""

from collections import Counter
from dataclasses import replace
from enum import StrEnum
from typing import NamedTuple

from vppdhc.dhc4.fqdn import CLIENT_FQDN, agreed_name, server_fqdn
from vppdhc.dhc4.levels import Terms
from vppdhc.dhc4.options import BOOT_FILE_NAME, DOMAIN_NAME
from vppdhc.dhc4.parameters import CLIENT_ID, MESSAGE_TEXT, MESSAGE_TYPE, RELAY_AGENT, SERVER_ID, Answer, Lifetimes
from vppdhc.dhc4.relay import SUBNET_SELECTION
from vppdhc.dhc4.request import Request
from vppdhc.dhc4.subnet import Subnet
from vppdhc.interface import Interface, Vlan
from vppdhc.packet import dhcp4, ethernet, frame, ipv4, punt
from vppdhc.packet.dhcp4 import BOOTREPLY, BROADCAST_FLAG, CLIENT_PORT, SERVER_PORT, Message
from vppdhc.packet.fields4 import NOT_BEGUN, Begun

_DISCOVER, _OFFER, _ACK, _NAK = b"\1", b"\2", b"\5", b"\6"
_RAPID_COMMIT = 80
_ETHERNET = 1
_ECHOED = (CLIENT_ID, SUBNET_SELECTION, RELAY_AGENT)
"""What the client gets back as it was, in this order: RFC 6842; RFC 3011, 2; RFC 3046, 2.2: the last of all options."""
_ECHOED_ALWAYS = (CLIENT_ID, RELAY_AGENT)


class Nak(StrEnum):
    """Why a client is refused an address; it is told so (option 56)."""

    WRONG_NETWORK = "wrong network"
    """It is not in a network of the client's link."""
    RESERVED = "another address is reserved for you"
    OTHER_ADDRESS = "another address is yours"
    """The client has a lease, or had the last one, of another address."""
    NOT_AVAILABLE = "address not available"
    """Somebody else has it, it is in no pool, or nobody may have it now."""


class Reply(NamedTuple):
    """A message to be sent from port 67 and where to, which is not yet how.

    message: the BOOTREPLY.
    action: punt.L2 for a frame out of the interface, punt.IP4 for a packet that VPP routes in the interface's
        table.
    destination_mac, vlans: of the frame; empty for a routed packet.
    source, destination: IPv4 addresses.
    destination_port: 68 for a client, 67 for a relay agent, unless that wants another one.
    max_size: octets that the DHCP message may have.
    begun: the first of the message's options, laid already, see fields4.begin().
    """

    message: Message
    action: int
    destination_mac: bytes
    vlans: tuple[Vlan, ...]
    source: int
    destination: int
    destination_port: int
    max_size: int
    begun: Begun = NOT_BEGUN


def encode(reply: Reply, interface: Interface, omitted: Counter[int] | None = None) -> tuple[int, bytes]:
    """Encode a reply for the interface that the client's message came in by.

    omitted: counts the options that there was no room for, by code.
    Returns the punt action and the packet: an Ethernet frame, or an IPv4 packet.
    """
    payload, dropped = _packed(reply)
    if dropped and omitted is not None:
        omitted.update(dropped)
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


def _packed(reply: Reply) -> dhcp4.Packed:
    """Pack the message of a reply; where room is short, without the boot file in a field if option 67 names it too.

    The field then takes options (option overload), which is what option 67 is for (RFC 2132, 9.5).
    """
    packed = dhcp4.pack(reply.message, reply.max_size, reply.begun)
    if packed.dropped and reply.message.file and BOOT_FILE_NAME in reply.message.options:
        without = dhcp4.pack(replace(reply.message, file=b""), reply.max_size)
        if BOOT_FILE_NAME not in without.dropped and len(without.dropped) < len(packed.dropped):
            return without
    return packed


def offer(request: Request, subnet: Subnet, address: int, terms: Terms, lifetimes: Lifetimes) -> Reply:
    """Offer an address; 0 tells a client that it needs none (RFC 8925, 3.3)."""
    answer = answer_of(request, terms)
    begun = answer.begin(_OFFER, _server_id(request, subnet), lifetimes)
    options = dict(begun.options)
    if request.fqdn is not None:
        options[CLIENT_FQDN] = server_fqdn(request.fqdn, name_of(request, terms))
    message = _message(request, options, answer, 0, address)
    return to_client(request, message, request.own_address(subnet), begun)


def lease_ack(request: Request, subnet: Subnet, address: int, terms: Terms, lifetimes: Lifetimes, name: str) -> Reply:
    """Acknowledge a lease, to a REQUEST or to a DISCOVER (RFC 4039, 3.2).

    name: the full name that the client has now, see name_of().
    """
    answer = answer_of(request, terms)
    begun = answer.begin(_ACK, _server_id(request, subnet), lifetimes)
    asked = request.message
    options = dict(begun.options)
    if request.fqdn is not None:
        options[CLIENT_FQDN] = server_fqdn(request.fqdn, name)
    if asked.options[MESSAGE_TYPE] == _DISCOVER:
        options[_RAPID_COMMIT] = b""
    message = _message(request, options, answer, asked.ciaddr, address)
    return to_client(request, message, request.own_address(subnet), begun)


def inform_ack(request: Request, subnet: Subnet, address: int) -> Reply:
    """Tell a client with an address of its own the rest: no address, no lifetimes, straight to it (4.3.5).

    A relayed one that leaves out ciaddr can be reached by its relay agent only.
    """
    answer = answer_of(request, subnet.terms_of(address))
    begun = answer.begin(_ACK, _server_id(request, subnet), ())
    source = request.own_address(subnet)
    asked = request.message
    message = _message(request, dict(begun.options), answer, asked.ciaddr, 0)
    if not asked.giaddr:
        return _framed(request, message, source, asked.source_mac, address, begun)
    if not asked.ciaddr:
        return _to_relay_agent(request, message, source, begun)
    return routed(request, message, source, address, CLIENT_PORT, begun)


def nak(request: Request, why: Nak) -> Reply:
    """Refuse what a client asks for.

    It goes to everybody, as the client may be unable to receive anything else where it is; a relay agent is
    told by the broadcast flag to do the same (4.3.2).
    """
    subnet = request.subnets[0]
    source = request.own_address(subnet)
    options = {MESSAGE_TYPE: _NAK, SERVER_ID: _server_id(request, subnet), MESSAGE_TEXT: why.encode("ascii")}
    message = _message(request, options, _NOTHING, 0, 0)
    if request.message.giaddr:
        message.flags |= BROADCAST_FLAG
        return _to_relay_agent(request, message, source)
    return _framed(request, message, source, ethernet.BROADCAST, ipv4.BROADCAST)


def answer_of(request: Request, terms: Terms) -> Answer:
    """Return what a client is told about its network."""
    return terms.parameters.answer(request.parameters, extra=request.extra, host_name=request.given_name)


def name_of(request: Request, terms: Terms) -> str:
    """Return the full name of a client that has sent option 81, see fqdn.agreed_name(); empty for others."""
    if request.fqdn is None:
        return ""
    domain = terms.parameters.answer(None, extra=request.extra).options.get(DOMAIN_NAME, b"")
    return agreed_name(request.fqdn, request.given_name.decode("ascii"), domain.decode("ascii", "ignore"))


_NOTHING = Answer({}, 0, b"")


def _server_id(request: Request, subnet: Subnet) -> bytes:
    """Return our server identifier, as an option value; the relay agent may have us called otherwise (RFC 5107)."""
    if request.relay.server_id:
        return request.relay.server_id.to_bytes(4, "big")
    return subnet.encoded_server_id if subnet.server_id else request.own_address(subnet).to_bytes(4, "big")


def _message(request: Request, options: dict[int, bytes], answer: Answer, ciaddr: int, yiaddr: int) -> Message:
    """Build the reply that these options are for, with what it takes over from the request.

    The field file names the boot file whether option 67 does so too or not, as old boot loaders read the field alone.
    """
    asked = request.message
    for code in _ECHOED if request.selected else _ECHOED_ALWAYS:
        value = asked.options.get(code)
        if value is not None:
            options[code] = value
    return Message(
        op=BOOTREPLY,
        htype=asked.htype,
        hlen=asked.hlen,
        xid=asked.xid,
        flags=asked.flags,
        ciaddr=ciaddr,
        yiaddr=yiaddr,
        siaddr=answer.next_server,
        giaddr=asked.giaddr,
        chaddr=asked.chaddr,
        file=answer.file,
        options=options,
    )


def to_client(request: Request, message: Message, source: int, begun: Begun = NOT_BEGUN) -> Reply:
    """Address a message with an address for the client (4.1); source: our own address."""
    asked = request.message
    if asked.giaddr:
        return _to_relay_agent(request, message, source, begun)
    if asked.ciaddr:
        # Its own hardware address or, behind something that answers for it, the one that reaches it.
        return _framed(request, message, source, asked.source_mac, asked.ciaddr, begun)
    if asked.broadcast or asked.htype != _ETHERNET or not asked.chaddr or not message.yiaddr:
        # Without an Ethernet address there is nowhere else to send it to (RFC 4390 has such clients set the
        # flag), and the same without an address.
        return _framed(request, message, source, ethernet.BROADCAST, ipv4.BROADCAST, begun)
    return _framed(request, message, source, asked.chaddr, message.yiaddr, begun)


def _to_relay_agent(request: Request, message: Message, source: int, begun: Begun = NOT_BEGUN) -> Reply:
    """Address a message to the relay agent, at the port that it wants it at (RFC 8357, 5.1)."""
    asked = request.message
    port = asked.source_port if request.relay.source_port and asked.source_port else SERVER_PORT
    return routed(request, message, source, asked.giaddr, port, begun)


def _framed(
    request: Request, message: Message, source: int, mac: bytes, destination: int, begun: Begun = NOT_BEGUN
) -> Reply:
    vlans = request.interface.vlans
    if not vlans and request.message.tags:
        vlans = request.message.vlans  # a sub-interface that takes any tag has none of its own
    size = dhcp4.size_limit(request.message)
    return Reply(message, punt.L2, mac, vlans, source, destination, CLIENT_PORT, size, begun)


def routed(
    request: Request, message: Message, source: int, destination: int, port: int, begun: Begun = NOT_BEGUN
) -> Reply:
    """Address a message to somebody who is not on the link."""
    size = dhcp4.size_limit(request.message)
    return Reply(message, punt.IP4, b"", (), source, destination, port, size, begun)
