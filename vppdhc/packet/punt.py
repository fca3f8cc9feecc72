"""The header of datagrams on VPP's punt sockets: sw_if_index and action, little-endian, then the packet."""

import struct
from typing import Final

from vppdhc.packet.errors import DecodeError

L2: Final = 0
"""Action: the packet is a whole Ethernet frame for that very interface, VLAN tags included."""
IP4: Final = 1
"""Action: the packet is an IPv4 datagram that VPP routes in the interface's table."""
IP6: Final = 2
"""Action: the packet is an IPv6 datagram that VPP routes in the interface's table."""

HEADER: Final = 8
"""Bytes of the header: the frame of a received datagram starts here."""

NO_INTERFACE: Final = 0xFFFFFFFF
"""The sw_if_index that is none. Never sent: VPP dies of it."""

_HEADER = struct.Struct("<II")


def encode(sw_if_index: int, action: int, packet: bytes) -> bytes:
    """Return the datagram that makes VPP send the packet.

    sw_if_index: of an interface that is in the live interface table now.
    action: L2, IP4 or IP6.
    packet: Ethernet frame for L2, else IP datagram.
    """
    return _HEADER.pack(sw_if_index, action) + packet


def decode(datagram: bytes) -> int:
    """Return the sw_if_index that a received datagram's frame came in on.

    Raises DecodeError when the datagram is shorter than the header.
    """
    if len(datagram) < HEADER:
        raise DecodeError("punt-truncated", len(datagram), f"{len(datagram)} bytes, the header has {HEADER}")
    return int.from_bytes(datagram[:4], "little")
