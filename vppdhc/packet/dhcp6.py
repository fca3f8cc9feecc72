"""DHCPv6 messages (RFC 8415, RFC 9915): those of clients and servers, and the relay messages around them."""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, NamedTuple, TypeAlias

from vppdhc.interface import Vlan
from vppdhc.packet import ethernet, ipv6, punt, udp
from vppdhc.packet.errors import DecodeError

CLIENT_PORT: Final = 546
SERVER_PORT: Final = 547
ALL_RELAY_AGENTS_AND_SERVERS: Final = 0xFF02_0000_0000_0000_0000_0000_0001_0002
"""ff02::1:2, on one link."""
ALL_SERVERS: Final = 0xFF05_0000_0000_0000_0000_0000_0001_0003
"""ff05::1:3, in a site."""
INFINITY: Final = 0xFFFFFFFF
"""The lifetime, T1 or T2 that never ends (RFC 8415, 7.7)."""
HOP_COUNT_LIMIT: Final = 8
"""A relay agent forwards no message that this many others have forwarded (RFC 8415, 7.6)."""

_INTERFACE_ID = 18
_RELAY_MESSAGE = 9
_OPTION_REQUEST = 6
_ECHO_REQUEST = 43
_RELAY_PORT = 135

_OPTION = struct.Struct(">HH")
_RELAY = struct.Struct(">BB16s16s")
_HEADER = 4  # type and transaction id
_LONGEST_OPTION = 0xFFFF


class MessageType(IntEnum):
    """What the first byte of a message says (RFC 8415, 7.3, and what the comments say)."""

    SOLICIT = 1
    ADVERTISE = 2
    REQUEST = 3
    CONFIRM = 4
    RENEW = 5
    REBIND = 6
    REPLY = 7
    RELEASE = 8
    DECLINE = 9
    RECONFIGURE = 10
    INFORMATION_REQUEST = 11
    RELAY_FORWARD = 12
    RELAY_REPLY = 13
    LEASEQUERY = 14  # RFC 5007
    LEASEQUERY_REPLY = 15
    LEASEQUERY_DONE = 16  # RFC 5460
    LEASEQUERY_DATA = 17
    RECONFIGURE_REQUEST = 18  # RFC 6977
    RECONFIGURE_REPLY = 19
    DHCPV4_QUERY = 20  # RFC 7341
    DHCPV4_RESPONSE = 21
    ACTIVELEASEQUERY = 22  # RFC 7653
    STARTTLS = 23
    ADDR_REG_INFORM = 36  # RFC 9686
    ADDR_REG_REPLY = 37


class StatusCode(IntEnum):
    """Option 13 (RFC 8415, 21.13; RFC 5007; RFC 7653)."""

    SUCCESS = 0
    UNSPEC_FAIL = 1
    NO_ADDRS_AVAIL = 2
    NO_BINDING = 3
    NOT_ON_LINK = 4
    USE_MULTICAST = 5  # RFC 9915 has dropped it
    NO_PREFIX_AVAIL = 6
    UNKNOWN_QUERY_TYPE = 7
    MALFORMED_QUERY = 8
    NOT_CONFIGURED = 9
    NOT_ALLOWED = 10
    QUERY_TERMINATED = 11
    DATA_MISSING = 12
    CATCH_UP_COMPLETE = 13
    NOT_SUPPORTED = 14
    TLS_CONNECTION_REFUSED = 15


Options: TypeAlias = list[tuple[int, bytes]]
"""Options in the order of the message, each its code and its bytes; the same code may come more than once."""


def find(options: Iterable[tuple[int, bytes]], code: int) -> bytes | None:
    """Return the bytes of the first option with this code, None without one."""
    for other, raw in options:
        if other == code:
            return raw
    return None


class Relay(NamedTuple):
    """A relay message without the message that it carries (RFC 8415, 9).

    type: RELAY_FORWARD or RELAY_REPLY.
    hop_count: relay agents that have relayed the message before this one.
    link_address, peer_address: integers; the link that the client is on, and from whom the message came.
    options: all but the relay message option.
    """

    type: int
    hop_count: int
    link_address: int
    peer_address: int
    options: Options

    def reply(self) -> "Relay":
        """Return the Relay-reply that answers this Relay-forward, for the agent that wrote it.

        Its interface id goes back (RFC 8415, 19.3), its relay port (RFC 8357, 5.2), and what its echo request option
        lists (RFC 4994, 2).
        """
        wanted = numbers(find(self.options, _ECHO_REQUEST))
        echoed = [(code, raw) for code, raw in self.options if code in (_INTERFACE_ID, _RELAY_PORT, *wanted)]
        return self._replace(type=MessageType.RELAY_REPLY, options=echoed)


@dataclass(slots=True)
class Message:
    """A message of a client or server, how it was relayed, and where a received one came from.

    Addresses are integers.
    type: a MessageType, or a number that is none.
    relays: the relay messages that it was in, the outermost, which is that of the nearest agent, first.
    interface: sw_if_index that it came in on, punt.NO_INTERFACE without.
    source_mac, destination_mac: of the frame. tags: its VLAN tags as bytes, see vlans.
    source, destination, source_port: of the datagram.
    """

    type: int
    transaction_id: int
    options: Options = field(default_factory=list)
    relays: tuple[Relay, ...] = ()
    interface: int = punt.NO_INTERFACE
    source_mac: bytes = b""
    destination_mac: bytes = b""
    tags: bytes = b""
    source: int = 0
    destination: int = 0
    source_port: int = 0

    def get(self, code: int) -> bytes | None:
        """Return the bytes of the first option with this code, None without one."""
        return find(self.options, code)

    def all(self, code: int) -> list[bytes]:
        """Return the bytes of every option with this code, in order."""
        return [raw for other, raw in self.options if other == code]

    @property
    def requested(self) -> tuple[int, ...]:
        """The codes of its option request option (RFC 8415, 21.7)."""
        return numbers(self.get(_OPTION_REQUEST))

    @property
    def vlans(self) -> tuple[Vlan, ...]:
        """VLAN tags of the frame it came in, outermost first."""
        return ethernet.vlans(self.tags)


def numbers(raw: bytes | None) -> tuple[int, ...]:
    """Return the 16-bit numbers that an option consists of; none without the option. An odd byte is ignored."""
    if not raw:
        return ()
    return struct.unpack_from(f">{len(raw) // 2}H", raw)


def split(data: bytes, start: int, end: int, *, padded: bool = False) -> Options:
    """Return the options that fill data[start:end] (RFC 8415, 21.1).

    padded: ignore zeros behind the last, fewer than another option would have.
    Raises DecodeError for one that goes on beyond the end.
    """
    options = []
    unpack = _OPTION.unpack_from
    while start < end:
        value = start + 4
        if value > end:
            if padded and not any(data[start:end]):
                break
            raise DecodeError("dhcp6-truncated", start, f"an option's header of {end - start} bytes")
        code, length = unpack(data, start)
        start = value + length
        if start > end:
            what = f"option {code} of {length} bytes, {end - value} are there"
            raise DecodeError("dhcp6-truncated", value - 4, what)
        options.append((code, data[value:start]))
    return options


def join(options: Iterable[tuple[int, bytes]]) -> bytes:
    """Return options as they are in a message. Raises ValueError for one that the format has no room for."""
    wire = []
    for code, raw in options:
        if not 0 <= code <= 0xFFFF or len(raw) > _LONGEST_OPTION:
            raise ValueError(f"option {code} of {len(raw)} bytes")
        wire.append(_OPTION.pack(code, len(raw)))
        wire.append(raw)
    return b"".join(wire)


def decode(payload: bytes) -> Message:
    """Read a message from the payload of a UDP datagram. What is said about its origin stays unset.

    Raises DecodeError when it is cut or senseless.
    """
    return _decode(payload, 0, len(payload))


def receive(datagram: bytes) -> Message:
    """Read a message from a datagram of the punt socket: punt header, Ethernet, IPv6, UDP, DHCP.

    The UDP checksum only has to be there (RFC 8200, 8.1); udp.decode() says why it is not verified.
    Raises DecodeError when one of them is cut or senseless, or the frame holds something else.
    """
    interface = punt.decode(datagram)
    ethertype, network = ethernet.decode(datagram, punt.HEADER)
    if ethertype != ethernet.IPV6:
        raise DecodeError("ethernet-type", network - 2, f"EtherType {ethertype:#06x} is not IPv6")
    protocol, _, source, destination, start, end = ipv6.decode(datagram, network)
    if protocol != udp.PROTOCOL:
        raise DecodeError("ipv6-protocol", start, f"protocol {protocol} is not UDP")
    source_port, _, start, end = udp.decode(datagram, start, end)
    if datagram[start - 2 : start] == b"\0\0":
        raise DecodeError("udp-malformed", start - 2, "no checksum, which IPv6 demands")
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
    """Read the message that is data[start:end], out of all the relay messages around it."""
    relays: list[Relay] = []
    while start < end and data[start] in (MessageType.RELAY_FORWARD, MessageType.RELAY_REPLY):
        if len(relays) > HOP_COUNT_LIMIT:
            raise DecodeError("dhcp6-malformed", start, f"relayed more often than {HOP_COUNT_LIMIT + 1} times")
        if relays and relays[0].type != data[start]:
            raise DecodeError("dhcp6-malformed", start, "a Relay-reply in a Relay-forward, or the other way round")
        relay, start, end = _relay(data, start, end)
        relays.append(relay)
    body = start + _HEADER
    if body > end:
        raise DecodeError("dhcp6-truncated", end, f"{end - start} bytes, the header has {_HEADER}")
    transaction_id = int.from_bytes(data[start + 1 : body], "big")
    # dhcpcd 9 leaves two zeros behind its options when it repeats an excluded prefix.
    options = split(data, body, end, padded=True)
    return Message(data[start], transaction_id, options, tuple(relays))


def _relay(data: bytes, start: int, end: int) -> tuple[Relay, int, int]:
    """Return the relay message that is data[start:end], and from where to where the message goes that it carries."""
    position = start + _RELAY.size
    if position > end:
        raise DecodeError("dhcp6-truncated", end, f"{end - start} bytes, a relay message's header has {_RELAY.size}")
    message_type, hop_count, link, peer = _RELAY.unpack_from(data, start)
    options = []
    carried: tuple[int, int] | None = None
    for code, raw in split(data, position, end):
        position += _OPTION.size
        if code != _RELAY_MESSAGE:
            options.append((code, raw))
        elif carried is None:
            carried = (position, position + len(raw))
        else:
            raise DecodeError("dhcp6-malformed", position, "a second message in a relay message")
        position += len(raw)
    if carried is None:
        raise DecodeError("dhcp6-malformed", start, "a relay message without a message in it")
    relay = Relay(message_type, hop_count, int.from_bytes(link, "big"), int.from_bytes(peer, "big"), options)
    return relay, *carried


def encode(message: Message) -> bytes:
    """Return the message, in its relay messages, as payload of a UDP datagram.

    Raises ValueError for values that the format has no room for.
    """
    return _enclose(encode_unrelayed(message), message.relays)


def encode_unrelayed(message: Message) -> bytes:
    """Return the message as client and server see it, without its relay messages.

    It is byte for byte what was decoded, but for zeros behind the options. RKAP's digest is of it (RFC 8415, 20.4.3).
    Raises ValueError for values that the format has no room for.
    """
    if not 0 <= message.type <= 0xFF or not 0 <= message.transaction_id <= 0xFFFFFF:
        raise ValueError(f"message type {message.type}, transaction id {message.transaction_id:#x}")
    return (message.type << 24 | message.transaction_id).to_bytes(4, "big") + join(message.options)


def _enclose(payload: bytes, relays: Sequence[Relay]) -> bytes:
    """Return a message in relay messages, those given outermost first; raises ValueError."""
    for relay in reversed(relays):
        try:
            addresses = relay.link_address.to_bytes(16, "big"), relay.peer_address.to_bytes(16, "big")
            header = _RELAY.pack(relay.type, relay.hop_count, *addresses)
        except (struct.error, OverflowError) as error:
            raise ValueError(f"a relay message's field is out of range: {error}") from error
        payload = header + join([*relay.options, (_RELAY_MESSAGE, payload)])
    return payload
