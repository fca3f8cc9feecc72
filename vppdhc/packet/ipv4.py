"""The IPv4 header (RFC 791)."""

import struct
from typing import Final

from vppdhc.packet.errors import DecodeError

HEADER: Final = 20
"""Bytes of a header without options."""
UDP: Final = 17

BROADCAST: Final = 0xFFFFFFFF
"""The limited broadcast address (RFC 919), which no router forwards."""

_HEADER = struct.Struct(">BBHHHBBHII")
_FRAGMENT = 0x3FFF  # more fragments, and the fragment offset: zero in a whole datagram


def decode(data: bytes, start: int) -> tuple[int, int, int, int, int]:
    """Return protocol, source, destination, and from where to where in data the payload goes.

    data, start: the header begins at data[start]. Options are skipped; what follows the datagram's total length
    is padding. The checksum is not looked at: VPP has checked it.
    Raises DecodeError when the header is cut or senseless, or the datagram is cut or a fragment.
    """
    available = len(data) - start
    if available < HEADER:
        raise DecodeError("ipv4-truncated", len(data), f"{available} bytes, the header has {HEADER}")
    first, _, total, _, fragment, _, protocol, _, source, destination = _HEADER.unpack_from(data, start)
    length = (first & 0x0F) * 4
    if first >> 4 != 4:
        raise DecodeError("ipv4-malformed", start, f"version {first >> 4}")
    if length < HEADER:
        raise DecodeError("ipv4-malformed", start, f"header length {length}")
    if total < length:
        raise DecodeError("ipv4-malformed", start + 2, f"total length {total} with a header of {length} bytes")
    if total > available:
        raise DecodeError("ipv4-truncated", len(data), f"total length {total}, {available} bytes are there")
    if fragment & _FRAGMENT:
        raise DecodeError("ipv4-fragment", start + 6, "a fragment")
    return protocol, source, destination, start + length, start + total


def encode(source: int, destination: int, protocol: int, length: int, identification: int, ttl: int) -> bytes:
    """Return a header without options.

    length: bytes of the payload.
    identification: tells fragments of different datagrams apart; routers on the way may fragment this one.
    """
    total = HEADER + length
    checksum = -(0x4500 + total + identification + (ttl << 8 | protocol) + source + destination) % 0xFFFF
    return _HEADER.pack(0x45, 0, total, identification, 0, ttl, protocol, checksum, source, destination)
