"""Packets: reading and writing the headers that the simulator itself has to understand."""

import struct
from collections.abc import Iterable
from typing import Final, NamedTuple

from tools.vppsim.interfaces import SERVICE_TAGGED, TAGGED, Vlans

ETHERTYPE_IP4: Final = 0x0800
ETHERTYPE_ARP: Final = 0x0806
ETHERTYPE_IP6: Final = 0x86DD
ICMP, UDP, ICMP6 = 1, 17, 58

ROUTER_SOLICITATION, ROUTER_ADVERTISEMENT, NEIGHBOUR_SOLICITATION, NEIGHBOUR_ADVERTISEMENT = 133, 134, 135, 136

ALL_NODES: Final = 0xFF02 << 112 | 1
ALL_ROUTERS: Final = 0xFF02 << 112 | 2
PREFIX_OPTION: Final = 3
ADVERTISEMENT_OPTIONS: Final = 16
"""Offset of the options in a router advertisement."""

_IP4: Final = struct.Struct(">BBHHHBBHII")
_UDP: Final = struct.Struct(">HHHH")
_ARP: Final = struct.Struct(">HHBBH6sI6sI")
_PREFIX: Final = struct.Struct(">BBII")
_PREFIX_SIZE: Final = 30
_TAGS: Final = (b"\x81\x00", b"\x88\xa8")

_LAST_VLAN: Final = 4095

ARP_REQUEST, ARP_REPLY = 1, 2


class Arp(NamedTuple):
    """An ARP packet for IPv4 over Ethernet."""

    operation: int
    sender_mac: bytes
    sender: int
    target_mac: bytes
    target: int

    def encode(self) -> bytes:
        """Return the packet without Ethernet header."""
        return _ARP.pack(1, ETHERTYPE_IP4, 6, 4, *self)

    @staticmethod
    def decode(frame: bytes, offset: int) -> "Arp | None":
        """Return the packet at an offset; None where it is cut short or of another kind."""
        if len(frame) < offset + _ARP.size:
            return None
        hardware, protocol, _, _, *rest = _ARP.unpack_from(frame, offset)
        return Arp(*rest) if (hardware, protocol) == (1, ETHERTYPE_IP4) else None


class Ip4(NamedTuple):
    """What counts of an IPv4 header. start and payload: offsets of header and payload; end: behind the packet."""

    start: int
    payload: int
    end: int
    ttl: int
    protocol: int
    source: int
    destination: int
    fragment: bool

    @staticmethod
    def decode(data: bytes, offset: int) -> "Ip4 | None":
        """Return the header at an offset; None where something is wrong with it, its checksum included."""
        if len(data) < offset + 20:
            return None
        first, _, length, _, fragment, ttl, protocol, _, source, destination = _IP4.unpack_from(data, offset)
        payload = offset + (first & 15) * 4
        if first >> 4 != 4 or payload < offset + 20 or payload > offset + length or offset + length > len(data):
            return None
        if not sums_up(data[offset:payload]):
            return None
        more = bool(fragment & 0x3FFF)
        return Ip4(offset, payload, offset + length, ttl, protocol, source, destination, more)


class Ip6(NamedTuple):
    """What counts of an IPv6 header."""

    payload: int
    end: int
    next_header: int
    hop_limit: int
    source: int
    destination: int

    @staticmethod
    def decode(data: bytes, offset: int) -> "Ip6 | None":
        """Return the header at an offset; None where something is wrong with it."""
        if len(data) < offset + 40 or data[offset] >> 4 != 6:
            return None
        length, next_header, hop_limit = struct.unpack_from(">HBB", data, offset + 4)
        payload = offset + 40
        if payload + length > len(data):
            return None
        source = int.from_bytes(data[offset + 8 : offset + 24], "big")
        destination = int.from_bytes(data[offset + 24 : payload], "big")
        return Ip6(payload, payload + length, next_header, hop_limit, source, destination)


class AdvertisedPrefix(NamedTuple):
    """A prefix of a router advertisement. flags: L and A as received; times in seconds."""

    address: int
    length: int
    flags: int
    valid: int
    preferred: int


def advertised_prefixes(message: bytes) -> list[AdvertisedPrefix]:
    """Return the prefixes of a router advertisement (RFC 4861 section 4.6.2)."""
    found = []
    for kind, body in options(message, ADVERTISEMENT_OPTIONS):
        if kind == PREFIX_OPTION and len(body) >= _PREFIX_SIZE:
            length, flags, valid, preferred = _PREFIX.unpack_from(body)
            found.append(AdvertisedPrefix(int.from_bytes(body[14:30], "big"), length, flags, valid, preferred))
    return found


def sums_up(*parts: bytes) -> bool:
    """Tell whether the Internet checksum (RFC 1071) of parts of even length, the last excepted, is right."""
    total = 0
    for part in parts:
        total += int.from_bytes(part if len(part) % 2 == 0 else part + b"\0", "big")
    return total % 0xFFFF == 0 and total != 0


def checksum(*parts: bytes) -> int:
    """Return the Internet checksum (RFC 1071) of parts of even length, the last excepted."""
    total = 0
    for part in parts:
        total += int.from_bytes(part if len(part) % 2 == 0 else part + b"\0", "big")
    return 0xFFFF - total % 0xFFFF


def pseudo4(source: int, destination: int, protocol: int, length: int) -> bytes:
    """Return the pseudo-header of IPv4 (RFC 768)."""
    return struct.pack(">IIBBH", source, destination, 0, protocol, length)


def pseudo6(source: int, destination: int, protocol: int, length: int) -> bytes:
    """Return the pseudo-header of IPv6 (RFC 8200 section 8.1)."""
    return source.to_bytes(16, "big") + destination.to_bytes(16, "big") + struct.pack(">II", length, protocol)


def tags(vlans: Vlans) -> bytes:
    """Return VLAN tags as they stand behind the addresses of a frame."""
    return b"".join(struct.pack(">HH", kind, vlan) for kind, vlan in vlans)


def ethernet(destination: bytes, source: bytes, vlans: Vlans, kind: int, payload: bytes) -> bytes:
    """Return an Ethernet frame."""
    return destination + source + tags(vlans) + kind.to_bytes(2, "big") + payload


def untagged(frame: bytes) -> tuple[Vlans, int, int]:
    """Return a frame's VLAN tags, the type behind them, and the offset of the payload."""
    found: list[tuple[int, int]] = []
    offset = 12
    while frame[offset : offset + 2] in _TAGS and len(frame) >= offset + 6:
        kind, tag = struct.unpack_from(">HH", frame, offset)
        found.append((kind, tag & 0xFFF))
        offset += 4
    return tuple(found), int.from_bytes(frame[offset : offset + 2], "big"), offset + 2


def ip4(source: int, destination: int, protocol: int, payload: bytes, ttl: int = 64) -> bytes:
    """Return an IPv4 packet."""
    head = _IP4.pack(0x45, 0, 20 + len(payload), 0, 0, ttl, protocol, 0, source, destination)
    return head[:10] + checksum(head).to_bytes(2, "big") + head[12:] + payload


def udp4(source: int, destination: int, source_port: int, destination_port: int, payload: bytes) -> bytes:
    """Return an IPv4 packet with UDP in it."""
    length = 8 + len(payload)
    head = _UDP.pack(source_port, destination_port, length, 0)
    total = checksum(pseudo4(source, destination, UDP, length), head, payload) or 0xFFFF
    return ip4(source, destination, UDP, head[:6] + total.to_bytes(2, "big") + payload)


def ip6(source: int, destination: int, protocol: int, payload: bytes, hop_limit: int = 64) -> bytes:
    """Return an IPv6 packet."""
    head = struct.pack(">IHBB", 6 << 28, len(payload), protocol, hop_limit)
    return head + source.to_bytes(16, "big") + destination.to_bytes(16, "big") + payload


def udp6(source: int, destination: int, source_port: int, destination_port: int, payload: bytes) -> bytes:
    """Return an IPv6 packet with UDP in it."""
    length = 8 + len(payload)
    head = _UDP.pack(source_port, destination_port, length, 0)
    total = checksum(pseudo6(source, destination, UDP, length), head, payload) or 0xFFFF
    return ip6(source, destination, UDP, head[:6] + total.to_bytes(2, "big") + payload)


def icmp6(source: int, destination: int, message: bytes, hop_limit: int = 255) -> bytes:
    """Return an IPv6 packet with an ICMPv6 message, whose checksum is filled in."""
    blank = message[:2] + b"\0\0" + message[4:]
    total = checksum(pseudo6(source, destination, ICMP6, len(blank)), blank)
    return ip6(source, destination, ICMP6, blank[:2] + total.to_bytes(2, "big") + blank[4:], hop_limit)


def link_layer_option(kind: int, mac: bytes) -> bytes:
    """Return a source (1) or target (2) link-layer address option (RFC 4861 section 4.6.1)."""
    return bytes([kind, 1]) + mac


def find_option(message: bytes, offset: int, kind: int) -> bytes | None:
    """Return the body of the first neighbour discovery option of a kind."""
    return next((body for found, body in options(message, offset) if found == kind), None)


def options(message: bytes, offset: int) -> Iterable[tuple[int, bytes]]:
    """Yield type and body of the neighbour discovery options from an offset on."""
    while offset + 2 <= len(message):
        size = message[offset + 1] * 8
        if size == 0 or offset + size > len(message):
            return
        yield message[offset], message[offset + 2 : offset + size]
        offset += size


def solicited_node(address: int) -> int:
    """Return the multicast group that an IPv6 address is asked for in (RFC 4291 section 2.7.1)."""
    return 0xFF02 << 112 | 0x1FF << 24 | address & 0xFFFFFF


def multicast_mac(group: int) -> bytes:
    """Return the MAC address of an IPv6 multicast group (RFC 2464 section 7)."""
    return b"\x33\x33" + (group & 0xFFFFFFFF).to_bytes(4, "big")


def vlan_tags(outer: int, inner: int | None, *, service: bool = False) -> Vlans:
    """Return the tags of a sub-interface. Raises ValueError for an id that does not fit a tag."""
    if max(outer, inner or 0) > _LAST_VLAN:
        raise ValueError(f"a VLAN id is at most {_LAST_VLAN}")
    first = (SERVICE_TAGGED if service else TAGGED, outer)
    return (first,) if inner is None else (first, (TAGGED, inner))
