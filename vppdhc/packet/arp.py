"""ARP for IPv4 over Ethernet (RFC 826, RFC 5227)."""

import struct
from typing import Final, NamedTuple

from vppdhc.interface import Vlan
from vppdhc.packet import ethernet
from vppdhc.packet.errors import DecodeError

REQUEST: Final = 1
REPLY: Final = 2

_BODY = struct.Struct(">HHBBH6sI6sI")
_FIXED = (1, ethernet.IPV4, 6, 4)  # hardware type Ethernet, protocol IPv4, and the lengths of their addresses
_MINIMUM_FRAME = 60


class Arp(NamedTuple):
    """An ARP packet and the frame that it came in.

    operation: REQUEST or REPLY; others are kept as they are.
    sender, target: IPv4 addresses as integers.
    source_mac, destination_mac: of the frame.
    """

    operation: int
    sender_mac: bytes
    sender: int
    target_mac: bytes
    target: int
    source_mac: bytes
    destination_mac: bytes
    vlans: tuple[Vlan, ...]


def decode(frame: bytes, start: int = 0) -> Arp:
    """Read the Ethernet frame that begins at frame[start].

    Raises DecodeError when it is cut, no ARP, or not about IPv4 over Ethernet.
    """
    ethertype, body = ethernet.decode(frame, start)
    if ethertype != ethernet.ARP:
        raise DecodeError("ethernet-type", body - 2, f"EtherType {ethertype:#06x} is not ARP")
    if body + _BODY.size > len(frame):
        raise DecodeError("arp-truncated", len(frame), f"{len(frame) - body} bytes of {_BODY.size}")
    *fixed, operation, sender_mac, sender, target_mac, target = _BODY.unpack_from(frame, body)
    if tuple(fixed) != _FIXED:
        raise DecodeError("arp-malformed", body, f"not IPv4 over Ethernet: {fixed}")
    return Arp(
        operation,
        sender_mac,
        sender,
        target_mac,
        target,
        frame[start + 6 : start + 12],
        frame[start : start + 6],
        ethernet.vlans(frame[start + 12 : body - 2]),
    )


def encode_request(*, sender_mac: bytes, sender: int, target: int, vlans: tuple[Vlan, ...] = ()) -> bytes:
    """Return a broadcast frame that asks who has target; sender 0 makes it a probe (RFC 5227, 2.1.1)."""
    header = ethernet.encode(ethernet.BROADCAST, sender_mac, vlans, ethernet.ARP)
    body = _BODY.pack(*_FIXED, REQUEST, sender_mac, sender, bytes(6), target)
    return (header + body).ljust(_MINIMUM_FRAME, b"\0")


def encode_reply(
    *, sender_mac: bytes, sender: int, target_mac: bytes, target: int, vlans: tuple[Vlan, ...] = ()
) -> bytes:
    """Return a frame that tells target, at target_mac, that sender_mac has sender."""
    header = ethernet.encode(target_mac, sender_mac, vlans, ethernet.ARP)
    body = _BODY.pack(*_FIXED, REPLY, sender_mac, sender, target_mac, target)
    return (header + body).ljust(_MINIMUM_FRAME, b"\0")
