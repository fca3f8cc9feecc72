"""The UDP header (RFC 768)."""

import struct
from typing import Final

from vppdhc.packet.checksum import complement_sum, transport_checksum
from vppdhc.packet.errors import DecodeError

HEADER: Final = 8
PROTOCOL: Final = 17

_HEADER = struct.Struct(">HHHH")


def decode(data: bytes, start: int, end: int) -> tuple[int, int, int, int]:
    """Return source port, destination port, and from where to where in data the payload goes.

    start, end: where the IP datagram's payload is. A UDP length shorter than that leaves bytes that belong to nobody.
    The checksum is not looked at: VPP has checked it, and a host that leaves it to its hardware sends the sum
    of the pseudo-header alone, which is well over a virtual link.
    Raises DecodeError when the header is cut, or the length is senseless.
    """
    if start + HEADER > end:
        raise DecodeError("udp-truncated", end, f"{end - start} bytes, the header has {HEADER}")
    source, destination, length, _ = _HEADER.unpack_from(data, start)
    if length < HEADER:
        raise DecodeError("udp-malformed", start + 4, f"length {length}, the header alone has {HEADER}")
    if start + length > end:
        raise DecodeError("udp-truncated", end, f"length {length}, {end - start} bytes are there")
    return source, destination, start + HEADER, start + length


def encode(source: int, destination: int, source_port: int, destination_port: int, payload: bytes) -> bytes:
    """Return the header of a payload that goes from source to destination: addresses of either family."""
    length = HEADER + len(payload)
    segment_sum = source_port + destination_port + length + complement_sum(payload)
    checksum = transport_checksum(source, destination, PROTOCOL, length, segment_sum)
    return _HEADER.pack(source_port, destination_port, length, checksum)
