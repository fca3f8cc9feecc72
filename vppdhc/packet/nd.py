"""Neighbour discovery messages (RFC 4861, 4): router and neighbour solicitations and advertisements."""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias, TypeVar

from vppdhc.interface import Vlan
from vppdhc.packet import ethernet, frame, icmp6, ipv6, nd_options, punt
from vppdhc.packet.errors import DecodeError
from vppdhc.packet.nd_options import Nonce, Option, Preference, SourceLinkLayerAddress

HOP_LIMIT: Final = 255
"""Of every message: one with less came through a router (RFC 4861, 6.1)."""

_OptionT = TypeVar("_OptionT")


@dataclass(frozen=True, slots=True)
class RouterSolicitation:
    """A host asks for router advertisements (RFC 4861, 4.1)."""

    options: tuple[Option, ...] = ()


@dataclass(frozen=True, slots=True)
class RouterAdvertisement:
    """What a router says of itself and the link (RFC 4861, 4.2).

    hop_limit: that hosts shall use; 0 says nothing of it. managed, other: the M and O flags.
    home_agent: the H flag (RFC 6275, 7.1). preference: of this router (RFC 4191, 2.2); one with lifetime 0 has none.
    proxy: the flag of RFC 4389, 4.1.3.3.
    lifetime: of this router as default router, seconds.
    reachable_time, retrans_timer: milliseconds; 0 says nothing of them.
    """

    hop_limit: int
    managed: bool
    other: bool
    lifetime: int
    reachable_time: int
    retrans_timer: int
    preference: Preference = Preference.MEDIUM
    home_agent: bool = False
    proxy: bool = False
    options: tuple[Option, ...] = ()


@dataclass(frozen=True, slots=True)
class NeighbourSolicitation:
    """Somebody asks who has an address (RFC 4861, 4.3); target: an integer."""

    target: int
    options: tuple[Option, ...] = ()


@dataclass(frozen=True, slots=True)
class NeighbourAdvertisement:
    """Somebody has an address (RFC 4861, 4.4); target: an integer."""

    target: int
    router: bool
    solicited: bool
    override: bool
    options: tuple[Option, ...] = ()


Message: TypeAlias = RouterSolicitation | RouterAdvertisement | NeighbourSolicitation | NeighbourAdvertisement


@dataclass(frozen=True, slots=True)
class Packet:
    """A message and where it came from. Addresses are integers.

    interface: sw_if_index that it came in on.
    source_mac, destination_mac: of the frame. tags: its VLAN tags as bytes, see vlans.
    """

    message: Message
    interface: int
    source_mac: bytes
    destination_mac: bytes
    tags: bytes
    source: int
    destination: int

    @property
    def vlans(self) -> tuple[Vlan, ...]:
        """VLAN tags of the frame, outermost first."""
        return ethernet.vlans(self.tags)


_ADVERTISEMENT = struct.Struct(">BBHII")
_MANAGED = 0x80
_OTHER = 0x40
_HOME_AGENT = 0x20
_PROXY = 0x04
_RESERVED_PREFERENCE = 0b10
_NEIGHBOUR = struct.Struct(">I16s")
_RESERVED = bytes(4)
_ROUTER = 1 << 31
_SOLICITED = 1 << 30
_OVERRIDE = 1 << 29


def receive(datagram: bytes) -> Packet:
    """Read a message from a datagram of the punt socket: punt header, Ethernet, IPv6, ICMPv6, message.

    Raises DecodeError for one that receivers have to discard silently (RFC 4861, 6.1.1, 6.1.2, 7.1.1 and 7.1.2), when
    a layer below is cut or senseless, and when the frame holds something else.
    """
    interface = punt.decode(datagram)
    ethertype, network = ethernet.decode(datagram, punt.HEADER)
    if ethertype != ethernet.IPV6:
        raise DecodeError("ethernet-type", network - 2, f"EtherType {ethertype:#06x} is not IPv6")
    header = ipv6.decode(datagram, network)
    if header.protocol != ipv6.ICMPV6:
        raise DecodeError("ipv6-protocol", header.start, f"protocol {header.protocol} is not ICMPv6")
    if header.hop_limit != HOP_LIMIT:
        raise DecodeError("nd-hop-limit", network + 7, f"hop limit {header.hop_limit}: it came through a router")
    message_type, code = icmp6.decode(datagram, header.start, header.end, header.source, header.destination)
    decoder = _DECODERS.get(message_type)
    if decoder is None:
        raise DecodeError("nd-type", header.start, f"ICMPv6 type {message_type}")
    if code != 0:
        raise DecodeError("nd-code", header.start + 1, f"code {code}")
    return Packet(
        decoder(datagram, header),
        interface,
        datagram[14:20],
        datagram[8:14],
        datagram[20 : network - 2],
        header.source,
        header.destination,
    )


def find(message: Message, kind: type[_OptionT]) -> _OptionT | None:
    """Return the first option of a kind, None without one."""
    return next((option for option in message.options if isinstance(option, kind)), None)


def encode(
    message: Message,
    *,
    source_mac: bytes,
    destination_mac: bytes,
    source: int,
    destination: int,
    vlans: tuple[Vlan, ...] = (),
) -> bytes:
    """Return the Ethernet frame of a message; vlans: its tags, outermost first.

    Raises ValueError for values that the format has no room for.
    """
    message_type, body = _written(message)
    return frame.encode_icmp6(
        source_mac=source_mac,
        destination_mac=destination_mac,
        vlans=vlans,
        source=source,
        destination=destination,
        message_type=message_type,
        code=0,
        body=body + nd_options.encode(message.options),
        hop_limit=HOP_LIMIT,
    )


def encode_question(
    *, source_mac: bytes, source: int, target: int, nonce: bytes = b"", vlans: tuple[Vlan, ...] = ()
) -> bytes:
    """Return the frame of a neighbour solicitation that asks all who may have an address whether they do.

    source: ipv6.UNSPECIFIED makes it duplicate address detection (RFC 4862, 5.4.2), which says no link-layer address.
    nonce: six random bytes by which the sender knows its own question when it comes back (RFC 7527); empty for none.
    """
    options: list[Option] = []
    if source != ipv6.UNSPECIFIED:
        options.append(SourceLinkLayerAddress(source_mac))
    if nonce:
        options.append(Nonce(nonce))
    group = ipv6.solicited_node(target)
    return encode(
        NeighbourSolicitation(target, tuple(options)),
        source_mac=source_mac,
        destination_mac=ipv6.multicast_mac(group),
        source=source,
        destination=group,
        vlans=vlans,
    )


def _body(header: ipv6.Header, size: int) -> int:
    """Return where a message's body begins; raises DecodeError when it has fewer than size bytes."""
    start = header.start + icmp6.HEADER
    if start + size > header.end:
        what = f"{header.end - header.start} bytes instead of {icmp6.HEADER + size} at least"
        raise DecodeError("nd-truncated", header.end, what)
    return start


def _decode_router_solicitation(data: bytes, header: ipv6.Header) -> Message:
    """RFC 4861, 6.1.1."""
    start = _body(header, len(_RESERVED))
    message = RouterSolicitation(nd_options.decode(data, start + len(_RESERVED), header.end))
    _no_address_of_nobody(message, header)
    return message


def _decode_router_advertisement(data: bytes, header: ipv6.Header) -> Message:
    """RFC 4861, 6.1.2. The reserved preference counts as medium (RFC 4191, 2.2)."""
    if not ipv6.is_link_local(header.source):
        raise DecodeError("nd-source", header.start, "a router advertisement from another than a link-local address")
    start = _body(header, _ADVERTISEMENT.size)
    hop_limit, flags, lifetime, reachable_time, retrans_timer = _ADVERTISEMENT.unpack_from(data, start)
    preference = flags >> 3 & 3
    return RouterAdvertisement(
        hop_limit,
        bool(flags & _MANAGED),
        bool(flags & _OTHER),
        lifetime,
        reachable_time,
        retrans_timer,
        Preference.MEDIUM if preference == _RESERVED_PREFERENCE or not lifetime else Preference(preference),
        bool(flags & _HOME_AGENT),
        bool(flags & _PROXY),
        nd_options.decode(data, start + _ADVERTISEMENT.size, header.end),
    )


def _decode_neighbour_solicitation(data: bytes, header: ipv6.Header) -> Message:
    """RFC 4861, 7.1.1."""
    start = _body(header, _NEIGHBOUR.size)
    message = NeighbourSolicitation(_target(data, start), nd_options.decode(data, start + _NEIGHBOUR.size, header.end))
    _no_address_of_nobody(message, header)
    if header.source == ipv6.UNSPECIFIED and header.destination != ipv6.solicited_node(header.destination):
        raise DecodeError(
            "nd-destination", header.start, "duplicate address detection, not to a solicited-node address"
        )
    return message


def _decode_neighbour_advertisement(data: bytes, header: ipv6.Header) -> Message:
    """RFC 4861, 7.1.2."""
    start = _body(header, _NEIGHBOUR.size)
    flags = int.from_bytes(data[start : start + 4], "big")
    if flags & _SOLICITED and ipv6.is_multicast(header.destination):
        raise DecodeError("nd-destination", start, "a solicited advertisement to a multicast address")
    return NeighbourAdvertisement(
        _target(data, start),
        bool(flags & _ROUTER),
        bool(flags & _SOLICITED),
        bool(flags & _OVERRIDE),
        nd_options.decode(data, start + _NEIGHBOUR.size, header.end),
    )


def _target(data: bytes, start: int) -> int:
    _, octets = _NEIGHBOUR.unpack_from(data, start)
    target = int.from_bytes(octets, "big")
    if ipv6.is_multicast(target):
        raise DecodeError("nd-target", start + 4, "a multicast address as target")
    return target


def _no_address_of_nobody(message: Message, header: ipv6.Header) -> None:
    """Raise DecodeError for a source link-layer address from the unspecified address."""
    if header.source == ipv6.UNSPECIFIED and find(message, SourceLinkLayerAddress) is not None:
        raise DecodeError("nd-source", header.start, "a link-layer address of the unspecified address")


def _written(message: Message) -> tuple[int, bytes]:
    """Return the type of a message and its body up to the options."""
    match message:
        case RouterSolicitation():
            return icmp6.ROUTER_SOLICITATION, _RESERVED
        case RouterAdvertisement():
            return icmp6.ROUTER_ADVERTISEMENT, _write_advertisement(message)
        case NeighbourSolicitation():
            return icmp6.NEIGHBOUR_SOLICITATION, _write_neighbour(0, message.target)
        case NeighbourAdvertisement():
            flags = message.router * _ROUTER | message.solicited * _SOLICITED | message.override * _OVERRIDE
            return icmp6.NEIGHBOUR_ADVERTISEMENT, _write_neighbour(flags, message.target)


def _write_advertisement(message: RouterAdvertisement) -> bytes:
    preference = message.preference if message.lifetime else Preference.MEDIUM  # RFC 4191, 2.2
    flags = (
        message.managed * _MANAGED
        | message.other * _OTHER
        | message.home_agent * _HOME_AGENT
        | preference << 3
        | message.proxy * _PROXY
    )
    try:
        return _ADVERTISEMENT.pack(
            message.hop_limit, flags, message.lifetime, message.reachable_time, message.retrans_timer
        )
    except struct.error as error:
        raise ValueError(f"a field of the router advertisement is out of range: {error}") from error


def _write_neighbour(flags: int, target: int) -> bytes:
    if not 0 <= target < 1 << 128:
        raise ValueError(f"{target:#x} is not an IPv6 address")
    return _NEIGHBOUR.pack(flags, target.to_bytes(16, "big"))


_DECODERS: Final[Mapping[int, Callable[[bytes, ipv6.Header], Message]]] = {
    icmp6.ROUTER_SOLICITATION: _decode_router_solicitation,
    icmp6.ROUTER_ADVERTISEMENT: _decode_router_advertisement,
    icmp6.NEIGHBOUR_SOLICITATION: _decode_neighbour_solicitation,
    icmp6.NEIGHBOUR_ADVERTISEMENT: _decode_neighbour_advertisement,
}
