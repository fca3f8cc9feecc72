"""Whole packets with UDP or ICMPv6 in them: the layers put together and taken apart."""

from typing import NamedTuple

from vppdhc.interface import Vlan
from vppdhc.packet import ethernet, icmp6, ipv4, ipv6, udp
from vppdhc.packet.errors import DecodeError

_CHECKSUM = slice(6, 8)  # of a UDP header


class UdpPacket(NamedTuple):
    """A UDP datagram and the frame that it came in. IP addresses are integers."""

    source_mac: bytes
    destination_mac: bytes
    vlans: tuple[Vlan, ...]
    source: int
    destination: int
    source_port: int
    destination_port: int
    payload: bytes


def encode_udp4(
    *,
    source_mac: bytes,
    destination_mac: bytes,
    vlans: tuple[Vlan, ...],
    source: int,
    destination: int,
    source_port: int,
    destination_port: int,
    payload: bytes,
    ttl: int = 64,
) -> bytes:
    """Return an Ethernet frame with an IPv4 UDP datagram in it; vlans: its tags, outermost first."""
    return ethernet.encode(destination_mac, source_mac, vlans, ethernet.IPV4) + encode_ip4_udp(
        source=source,
        destination=destination,
        source_port=source_port,
        destination_port=destination_port,
        payload=payload,
        ttl=ttl,
    )


def encode_ip4_udp(
    *, source: int, destination: int, source_port: int, destination_port: int, payload: bytes, ttl: int = 64
) -> bytes:
    """Return an IPv4 UDP datagram, for VPP to route.

    It may be fragmented on its way to a relay agent. Its identification has to differ from that of other datagrams
    then (RFC 6864, 4.2), and without any state the UDP checksum does: it depends on the transaction id.
    """
    header = udp.encode(source, destination, source_port, destination_port, payload)
    identification = int.from_bytes(header[_CHECKSUM], "big")
    length = udp.HEADER + len(payload)
    return ipv4.encode(source, destination, udp.PROTOCOL, length, identification, ttl) + header + payload


def encode_udp6(
    *,
    source_mac: bytes,
    destination_mac: bytes,
    vlans: tuple[Vlan, ...],
    source: int,
    destination: int,
    source_port: int,
    destination_port: int,
    payload: bytes,
    hop_limit: int = 64,
) -> bytes:
    """Return an Ethernet frame with an IPv6 UDP datagram in it; vlans: its tags, outermost first."""
    return ethernet.encode(destination_mac, source_mac, vlans, ethernet.IPV6) + encode_ip6_udp(
        source=source,
        destination=destination,
        source_port=source_port,
        destination_port=destination_port,
        payload=payload,
        hop_limit=hop_limit,
    )


def encode_ip6_udp(
    *, source: int, destination: int, source_port: int, destination_port: int, payload: bytes, hop_limit: int = 64
) -> bytes:
    """Return an IPv6 UDP datagram, for VPP to route."""
    header = udp.encode(source, destination, source_port, destination_port, payload)
    length = udp.HEADER + len(payload)
    return ipv6.encode(source, destination, udp.PROTOCOL, length, hop_limit) + header + payload


def encode_icmp6(
    *,
    source_mac: bytes,
    destination_mac: bytes,
    vlans: tuple[Vlan, ...],
    source: int,
    destination: int,
    message_type: int,
    code: int,
    body: bytes,
    hop_limit: int = 255,
) -> bytes:
    """Return an Ethernet frame with an ICMPv6 message in it; vlans: its tags, outermost first.

    hop_limit: 255 is what neighbour discovery demands (RFC 4861, 4).
    """
    message = icmp6.encode(source, destination, message_type, code, body)
    link = ethernet.encode(destination_mac, source_mac, vlans, ethernet.IPV6)
    return link + ipv6.encode(source, destination, ipv6.ICMPV6, len(message), hop_limit) + message


def decode_udp4(frame: bytes, start: int = 0) -> UdpPacket:
    """Read the Ethernet frame that begins at frame[start]; punt.HEADER for a datagram of the punt socket.

    Raises DecodeError when it is no whole IPv4 UDP datagram.
    """
    ethertype, offset = ethernet.decode(frame, start)
    if ethertype != ethernet.IPV4:
        raise DecodeError("ethernet-type", offset - 2, f"EtherType {ethertype:#06x} is not IPv4")
    protocol, source, destination, begin, end = ipv4.decode(frame, offset)
    if protocol != udp.PROTOCOL:
        raise DecodeError("ipv4-protocol", offset + 9, f"protocol {protocol} is not UDP")
    source_port, destination_port, begin, end = udp.decode(frame, begin, end)
    return UdpPacket(*_link(frame, start, offset), source, destination, source_port, destination_port, frame[begin:end])


def decode_udp6(frame: bytes, start: int = 0) -> UdpPacket:
    """Read the Ethernet frame that begins at frame[start]; punt.HEADER for a datagram of the punt socket.

    Raises DecodeError when it is no whole IPv6 UDP datagram, or has no checksum (RFC 8200, 8.1).
    """
    offset, header = _decode_ipv6(frame, start)
    if header.protocol != udp.PROTOCOL:
        raise DecodeError("ipv6-protocol", header.start, f"protocol {header.protocol} is not UDP")
    source_port, destination_port, begin, end = udp.decode(frame, header.start, header.end)
    if frame[begin - 2 : begin] == b"\0\0":
        raise DecodeError("udp-malformed", begin - 2, "no checksum, which IPv6 demands")
    return UdpPacket(
        *_link(frame, start, offset),
        header.source,
        header.destination,
        source_port,
        destination_port,
        frame[begin:end],
    )


def _decode_ipv6(frame: bytes, start: int) -> tuple[int, ipv6.Header]:
    """Return the offset of the IPv6 header and what it says."""
    ethertype, offset = ethernet.decode(frame, start)
    if ethertype != ethernet.IPV6:
        raise DecodeError("ethernet-type", offset - 2, f"EtherType {ethertype:#06x} is not IPv6")
    return offset, ipv6.decode(frame, offset)


def _link(frame: bytes, start: int, offset: int) -> tuple[bytes, bytes, tuple[Vlan, ...]]:
    """Return source MAC, destination MAC and VLAN tags of the frame at start whose payload begins at offset."""
    tags = ethernet.vlans(frame[start + 12 : offset - 2])
    return frame[start + 6 : start + 12], frame[start : start + 6], tags
