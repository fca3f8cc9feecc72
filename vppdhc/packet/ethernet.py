"""Ethernet II frames with any number of VLAN tags: 802.1Q, 802.1ad (QinQ) and stacked 0x8100."""

import struct
from typing import Final

from vppdhc.interface import Vlan
from vppdhc.packet.errors import DecodeError

IPV4: Final = 0x0800
ARP: Final = 0x0806
IPV6: Final = 0x86DD

BROADCAST: Final = b"\xff" * 6
HEADER: Final = 14
"""Bytes of a header without VLAN tags."""

_TAG_PROTOCOLS = frozenset((0x8100, 0x88A8, 0x9100))
_TAG = struct.Struct(">HH")


def decode(data: bytes, start: int) -> tuple[int, int]:
    """Return the EtherType behind the VLAN tags and the offset of what it carries.

    data, start: the frame begins at data[start]. Its MAC addresses are data[start : start + 12], destination
    first; its tags are what lies between byte start + 12 and two bytes before the offset returned, see vlans().
    Raises DecodeError when the frame ends before its EtherType.
    """
    offset = start + HEADER
    size = len(data)
    while offset <= size:
        ethertype = data[offset - 2] << 8 | data[offset - 1]
        if ethertype not in _TAG_PROTOCOLS:
            return ethertype, offset
        offset += _TAG.size
    raise DecodeError("ethernet-truncated", size, "the frame ends before its EtherType")


def vlans(tags: bytes) -> tuple[Vlan, ...]:
    """Return the tags, outermost first. tags: four bytes each, TPID and TCI (IEEE 802.1Q, 9.4)."""
    return tuple(Vlan(tpid, tci & 0xFFF) for tpid, tci in _TAG.iter_unpack(tags))


def encode(destination: bytes, source: bytes, tags: tuple[Vlan, ...], ethertype: int) -> bytes:
    """Return a header with the tags given, outermost first, at priority 0; addresses are six bytes each."""
    tagged = b"".join([_TAG.pack(tag.tpid, tag.vid) for tag in tags])
    return destination + source + tagged + ethertype.to_bytes(2, "big")
