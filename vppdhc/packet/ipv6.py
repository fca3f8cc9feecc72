"""The IPv6 header and its extension headers (RFC 8200), and what addresses mean (RFC 4291)."""

import struct
from typing import Final, NamedTuple

from vppdhc.packet.errors import DecodeError

HEADER: Final = 40
UDP: Final = 17
ICMPV6: Final = 58

UNSPECIFIED: Final = 0
ALL_NODES: Final = 0xFF02_0000_0000_0000_0000_0000_0000_0001
ALL_ROUTERS: Final = 0xFF02_0000_0000_0000_0000_0000_0000_0002

_SOLICITED_NODE = 0xFF02_0000_0000_0000_0000_0001_FF00_0000
_HEADER = struct.Struct(">IHBB16s16s")
_HOP_BY_HOP = 0
_ROUTING = 43
_FRAGMENT = 44
_AUTHENTICATION = 51
_OPTIONS = frozenset((60, 135, 139, 140))  # destination options, mobility, HIP, Shim6


class Header(NamedTuple):
    """What an IPv6 header and its extension headers say.

    protocol: the upper-layer protocol.
    source, destination: addresses as integers.
    start, end: where the upper layer's bytes are.
    """

    protocol: int
    hop_limit: int
    source: int
    destination: int
    start: int
    end: int


def decode(data: bytes, start: int) -> Header:
    """Read the header that begins at data[start], and skip the extension headers.

    What follows the payload length is padding. A fragment header on a datagram that is whole is skipped
    (RFC 6946).
    Raises DecodeError when a header is cut or senseless, or the datagram is cut or a fragment.
    """
    available = len(data) - start
    if available < HEADER:
        raise DecodeError("ipv6-truncated", len(data), f"{available} bytes, the header has {HEADER}")
    first, length, protocol, hop_limit, source, destination = _HEADER.unpack_from(data, start)
    if first >> 28 != 6:
        raise DecodeError("ipv6-malformed", start, f"version {first >> 28}")
    if HEADER + length > available:
        raise DecodeError("ipv6-truncated", len(data), f"payload of {length} bytes, {available - HEADER} are there")
    body = start + HEADER
    end = body + length
    if protocol == _HOP_BY_HOP:
        protocol, body = _skip(data, protocol, body, end)
    while protocol in _OPTIONS or protocol in (_ROUTING, _FRAGMENT, _AUTHENTICATION):
        protocol, body = _skip(data, protocol, body, end)
    return Header(protocol, hop_limit, int.from_bytes(source, "big"), int.from_bytes(destination, "big"), body, end)


def _skip(data: bytes, header: int, start: int, end: int) -> tuple[int, int]:
    """Return the number and the offset of the header that follows the extension header at data[start]."""
    if start + 8 > end:
        raise DecodeError("ipv6-truncated", end, f"extension header {header} is cut")
    length = 8 + data[start + 1] * 8
    if header == _FRAGMENT:
        length = 8
        if data[start + 2] or data[start + 3] & 0xF9:  # offset or more fragments (RFC 8200, 4.5)
            raise DecodeError("ipv6-fragment", start + 2, "a fragment")
    elif header == _AUTHENTICATION:
        length = 8 + data[start + 1] * 4  # counted in units of four bytes, minus two (RFC 4302, 2.2)
    elif header == _ROUTING and data[start + 3]:
        raise DecodeError("ipv6-malformed", start + 3, f"{data[start + 3]} segments left: it is not there yet")
    if start + length > end:
        raise DecodeError("ipv6-truncated", end, f"extension header {header} of {length} bytes is cut")
    return data[start], start + length


def encode(source: int, destination: int, protocol: int, length: int, hop_limit: int) -> bytes:
    """Return a header without extension headers. length: bytes of the payload."""
    return _HEADER.pack(
        0x60000000, length, protocol, hop_limit, source.to_bytes(16, "big"), destination.to_bytes(16, "big")
    )


def is_multicast(address: int) -> bool:
    """Tell whether an address is in ff00::/8 (RFC 4291, 2.7)."""
    return address >> 120 == 0xFF


def is_link_local(address: int) -> bool:
    """Tell whether an address is in fe80::/10 (RFC 4291, 2.5.6)."""
    return address >> 118 == 0xFE80 >> 6


def solicited_node(address: int) -> int:
    """Return the multicast address on which the owner of an address is asked for (RFC 4291, 2.7.1)."""
    return _SOLICITED_NODE | address & 0xFFFFFF


def multicast_mac(address: int) -> bytes:
    """Return the Ethernet address to which packets for a multicast address go (RFC 2464, 7)."""
    return b"\x33\x33" + (address & 0xFFFFFFFF).to_bytes(4, "big")
