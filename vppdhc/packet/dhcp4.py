"""DHCPv4 messages (RFC 2131), and BOOTP ones (RFC 951)."""

import struct
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, NamedTuple

from vppdhc.interface import Vlan
from vppdhc.packet import ethernet, ipv4, punt, udp
from vppdhc.packet.errors import DecodeError
from vppdhc.packet.fields4 import FILE, NOT_BEGUN, OVERLOAD, SNAME, Begun, collect, overloaded, place

SERVER_PORT: Final = 67
CLIENT_PORT: Final = 68

BOOTREQUEST: Final = 1
BOOTREPLY: Final = 2

BROADCAST_FLAG: Final = 0x8000

MINIMUM_SIZE: Final = 300
"""Bytes of the shortest message that is sent: a BOOTP message with its 64 bytes of vendor field (RFC 951)."""
DEFAULT_MAX_SIZE: Final = 548
"""Bytes of the longest message that every client takes: 576 with the IP and UDP headers (RFC 2131, 2)."""

_HEADERS = ipv4.HEADER + udp.HEADER
_MINIMUM_DATAGRAM = 576
_MESSAGE_TYPE = 53
_MAX_MESSAGE_SIZE = 57
_CHADDR = 16

_HEADER = struct.Struct(">BBBBIHHIIII16s64s128s")
_COOKIE = b"\x63\x82\x53\x63"
_OPTIONS = _HEADER.size + len(_COOKIE)
_SNAME_AT = 44
_FILE_AT = _SNAME_AT + SNAME


class MessageType(IntEnum):
    """Option 53 (RFC 2132 9.6, RFC 3203, RFC 4388, RFC 6926, RFC 7724)."""

    DISCOVER = 1
    OFFER = 2
    REQUEST = 3
    DECLINE = 4
    ACK = 5
    NAK = 6
    RELEASE = 7
    INFORM = 8
    FORCERENEW = 9
    LEASEQUERY = 10
    LEASEUNASSIGNED = 11
    LEASEUNKNOWN = 12
    LEASEACTIVE = 13
    BULKLEASEQUERY = 14
    LEASEQUERYDONE = 15
    ACTIVELEASEQUERY = 16
    LEASEQUERYSTATUS = 17
    TLS = 18


_TYPES = {bytes((message_type,)): message_type for message_type in MessageType}


@dataclass(slots=True)
class Message:
    """A DHCPv4 message, by the names of RFC 2131, 2, and where a received one came from.

    Addresses are integers.
    chaddr: the client's hardware address, hlen bytes long.
    sname, file: without the NULs that end them; empty when they held options instead (option overload).
    options: values as they are on the wire, by code, parts joined (RFC 3396); without PAD, END and overload.
    cookie: whether it has the magic cookie of RFC 1497. A BOOTP message without it has no options.
    interface: sw_if_index that it came in on, punt.NO_INTERFACE without.
    source_mac, destination_mac: of the frame. tags: its VLAN tags as bytes, see vlans.
    source, destination, source_port: of the datagram.
    """

    op: int = BOOTREQUEST
    htype: int = 1
    hlen: int = 6
    hops: int = 0
    xid: int = 0
    secs: int = 0
    flags: int = 0
    ciaddr: int = 0
    yiaddr: int = 0
    siaddr: int = 0
    giaddr: int = 0
    chaddr: bytes = bytes(6)
    sname: bytes = b""
    file: bytes = b""
    options: dict[int, bytes] = field(default_factory=dict)
    cookie: bool = True
    interface: int = punt.NO_INTERFACE
    source_mac: bytes = b""
    destination_mac: bytes = b""
    tags: bytes = b""
    source: int = 0
    destination: int = 0
    source_port: int = 0

    @property
    def type(self) -> MessageType | None:
        """The message type; None for a BOOTP message, and for a type that is not known."""
        return _TYPES.get(self.options.get(_MESSAGE_TYPE, b""))

    @property
    def broadcast(self) -> bool:
        """Whether the client wants its answer broadcast (RFC 2131, 4.1)."""
        return self.flags & BROADCAST_FLAG != 0

    @property
    def vlans(self) -> tuple[Vlan, ...]:
        """VLAN tags of the frame it came in, outermost first."""
        return ethernet.vlans(self.tags)


class Packed(NamedTuple):
    """An encoded message.

    dropped: codes of the options that there was no room for.
    """

    payload: bytes
    dropped: tuple[int, ...]


def decode(payload: bytes) -> Message:
    """Read a message from the payload of a UDP datagram. What is said about its origin stays unset.

    Raises DecodeError when it is cut or senseless.
    """
    return _decode(payload, 0, len(payload))


def receive(datagram: bytes) -> Message:
    """Read a message from a datagram of the punt socket: punt header, Ethernet, IPv4, UDP, DHCP.

    Raises DecodeError when one of them is cut or senseless, or the frame holds something else.
    """
    interface = punt.decode(datagram)
    ethertype, network = ethernet.decode(datagram, punt.HEADER)
    if ethertype != ethernet.IPV4:
        raise DecodeError("ethernet-type", network - 2, f"EtherType {ethertype:#06x} is not IPv4")
    protocol, source, destination, start, end = ipv4.decode(datagram, network)
    if protocol != udp.PROTOCOL:
        raise DecodeError("ipv4-protocol", network + 9, f"protocol {protocol} is not UDP")
    source_port, _, start, end = udp.decode(datagram, start, end)
    message = _decode(datagram, start, end)
    message.interface = interface
    message.destination_mac = datagram[8:14]
    message.source_mac = datagram[14:20]
    message.tags = datagram[20 : network - 2]
    message.source = source
    message.destination = destination
    message.source_port = source_port
    return message


def _decode(data: bytes, start: int, end: int) -> Message:
    """Read the message that is data[start:end]."""
    if start + _HEADER.size > end:
        raise DecodeError("dhcp4-truncated", end, f"{end - start} bytes, the header has {_HEADER.size}")
    (op, htype, hlen, hops, xid, secs, flags, ciaddr, yiaddr, siaddr, giaddr, chaddr, sname, file) = (
        _HEADER.unpack_from(data, start)
    )
    if hlen > _CHADDR:
        raise DecodeError("dhcp4-malformed", start + 2, f"hardware address of {hlen} bytes")
    options: dict[int, bytes] = {}
    body = start + _OPTIONS
    cookie = body <= end and data[body - 4 : body] == _COOKIE
    if cookie:
        collect(data, body, end, options)
        if OVERLOAD in options:
            in_file, in_sname = overloaded(options[OVERLOAD], body)
            if in_file:
                collect(data, start + _FILE_AT, start + _FILE_AT + FILE, options)
                file = b""
            if in_sname:
                collect(data, start + _SNAME_AT, start + _SNAME_AT + SNAME, options)
                sname = b""
            del options[OVERLOAD]
    return Message(
        op,
        htype,
        hlen,
        hops,
        xid,
        secs,
        flags,
        ciaddr,
        yiaddr,
        siaddr,
        giaddr,
        chaddr[:hlen],
        sname.partition(b"\0")[0],
        file.partition(b"\0")[0],
        options,
        cookie,
    )


def size_limit(request: Message, mtu: int = 1500) -> int:
    """Return how long an answer to a client's message may be, in bytes of UDP payload.

    The client's option 57 counts IP and UDP headers, and says 576 at least (RFC 2132, 9.10); a shorter one, and none,
    means 576. Beyond the interface's mtu nothing is sent.
    """
    asked = request.options.get(_MAX_MESSAGE_SIZE)
    if asked is None:
        return DEFAULT_MAX_SIZE
    datagram = int.from_bytes(asked, "big") if len(asked) == 2 else _MINIMUM_DATAGRAM
    return max(min(datagram, mtu), _MINIMUM_DATAGRAM) - _HEADERS


def encode(message: Message, max_size: int = DEFAULT_MAX_SIZE) -> bytes:
    """Return the message as payload of a UDP datagram; like pack() for who need not know what found no room."""
    return pack(message, max_size).payload


def pack(message: Message, max_size: int = DEFAULT_MAX_SIZE, begun: Begun = NOT_BEGUN) -> Packed:
    """Return the message as payload of a UDP datagram, and which options found no room in it.

    max_size: bytes that it may have, see size_limit(); MINIMUM_SIZE, to which it is padded, at least.
    begun: the first of its options, laid already, see fields4.begin().
    Options longer than 255 bytes are split (RFC 3396). When they do not fit otherwise, an empty file and sname
    field take some (option overload). Then those last in order are left out, whole; fields4.place() says more
    about order and about option 82, for which alone the message may become longer than max_size.

    Raises ValueError for values that the format has no room for.
    """
    if max_size < MINIMUM_SIZE:
        raise ValueError(f"a message may always have {MINIMUM_SIZE} bytes, not {max_size}")
    if message.hlen > _CHADDR or len(message.chaddr) > _CHADDR:
        raise ValueError(f"hardware address of {max(message.hlen, len(message.chaddr))} bytes")
    file, sname = message.file, message.sname
    if len(file) > FILE or len(sname) > SNAME:
        raise ValueError(f"file of {len(file)} bytes, sname of {len(sname)} bytes")
    if message.cookie:
        placed = place(message.options, max_size - _OPTIONS, file=not file, sname=not sname, begun=begun)
        body, dropped = _COOKIE + placed.options, placed.dropped
        file = file or placed.file
        sname = sname or placed.sname
    elif message.options:
        raise ValueError("options without the magic cookie")
    else:
        body, dropped = b"", ()
    try:
        header = _HEADER.pack(
            message.op,
            message.htype,
            message.hlen,
            message.hops,
            message.xid,
            message.secs,
            message.flags,
            message.ciaddr,
            message.yiaddr,
            message.siaddr,
            message.giaddr,
            message.chaddr,
            sname,
            file,
        )
    except struct.error as error:
        raise ValueError(f"a header field is out of range: {error}") from error
    return Packed((header + body).ljust(MINIMUM_SIZE, b"\0"), dropped)
