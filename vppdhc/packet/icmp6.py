"""The header of ICMPv6 messages, and their checksum (RFC 4443, 2)."""

from typing import Final

from vppdhc.packet.checksum import complement_sum, transport_checksum
from vppdhc.packet.errors import DecodeError
from vppdhc.packet.ipv6 import ICMPV6

ROUTER_SOLICITATION: Final = 133
ROUTER_ADVERTISEMENT: Final = 134
NEIGHBOUR_SOLICITATION: Final = 135
NEIGHBOUR_ADVERTISEMENT: Final = 136

HEADER: Final = 4
"""Bytes of type, code and checksum."""


def encode(source: int, destination: int, message_type: int, code: int, body: bytes) -> bytes:
    """Return a message that goes from source to destination, which its checksum covers.

    body: what follows type, code and checksum.
    """
    first = message_type << 8 | code
    length = HEADER + len(body)
    checksum = transport_checksum(source, destination, ICMPV6, length, first + complement_sum(body))
    return first.to_bytes(2, "big") + checksum.to_bytes(2, "big") + body


def decode(data: bytes, start: int, end: int, source: int, destination: int) -> tuple[int, int]:
    """Return type and code of the message that is data[start:end]; its body begins HEADER bytes behind start.

    source, destination: of the IPv6 header, which the checksum covers.
    Raises DecodeError when the header is cut or the checksum is wrong. Hosts do not leave this one to their hardware
    as they do that of UDP.
    """
    length = end - start
    if length < HEADER:
        raise DecodeError("icmpv6-truncated", end, f"{length} bytes, the header has {HEADER}")
    if (source + destination + ICMPV6 + length + complement_sum(data[start:end])) % 0xFFFF:
        raise DecodeError("icmpv6-checksum", start + 2, "the checksum is wrong")
    return data[start], data[start + 1]
