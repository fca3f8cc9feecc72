"""As much of DHCPv4 (RFC 2131) as simulated hosts need."""

import struct
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

_FIXED: Final = struct.Struct(">BBBBIHHIIII16s64s128s")
_COOKIE: Final = b"\x63\x82\x53\x63"
_BROADCAST_FLAG: Final = 0x8000
_SHORTEST: Final = 300

MASK, ROUTER, DNS, REQUESTED, LEASE_TIME, TYPE, SERVER = 1, 3, 6, 50, 51, 53, 54
PARAMETERS, T1, T2, CLIENT_ID = 55, 58, 59, 61


class Type(IntEnum):
    """Message types (RFC 2132 section 9.6)."""

    DISCOVER = 1
    OFFER = 2
    REQUEST = 3
    DECLINE = 4
    ACK = 5
    NAK = 6
    RELEASE = 7
    INFORM = 8


def name_of(kind: int) -> str:
    """Return the name of a message type, its number where it has none."""
    return next((known.name.lower() for known in Type if known == kind), str(kind))


@dataclass(slots=True)
class Message:
    """A DHCP message. Addresses are integers; options raw by code."""

    op: int
    xid: int
    hardware: bytes
    ciaddr: int = 0
    yiaddr: int = 0
    giaddr: int = 0
    broadcast: bool = False
    options: dict[int, bytes] = field(default_factory=dict)

    @property
    def type(self) -> int:
        """Return the message type, 0 where there is none."""
        return self.options.get(TYPE, b"\0")[0]

    def number(self, code: int) -> int | None:
        """Return an option of four bytes as a number."""
        raw = self.options.get(code)
        return int.from_bytes(raw[:4], "big") if raw is not None and len(raw) >= 4 else None

    def numbers(self, code: int) -> list[int]:
        """Return an option of four bytes each as numbers; without it there are none."""
        raw = self.options.get(code, b"")
        return [int.from_bytes(raw[place : place + 4], "big") for place in range(0, len(raw) - 3, 4)]

    def encode(self) -> bytes:
        """Return the UDP payload."""
        flags = _BROADCAST_FLAG if self.broadcast else 0
        addresses = (self.ciaddr, self.yiaddr, 0, self.giaddr)
        head = _FIXED.pack(self.op, 1, 6, 0, self.xid, 0, flags, *addresses, self.hardware, b"", b"")
        body = b"".join(bytes([code, len(raw)]) + raw for code, raw in self.options.items())
        return (head + _COOKIE + body + b"\xff").ljust(_SHORTEST, b"\0")

    @staticmethod
    def decode(payload: bytes) -> "Message | None":
        """Return the message of a UDP payload; None where it is none."""
        if len(payload) < _FIXED.size + 4 or payload[_FIXED.size : _FIXED.size + 4] != _COOKIE:
            return None
        op, _, _, _, xid, _, flags, ciaddr, yiaddr, _, giaddr, hardware, _, _ = _FIXED.unpack_from(payload)
        options = _options(payload[_FIXED.size + 4 :])
        return Message(op, xid, hardware[:6], ciaddr, yiaddr, giaddr, bool(flags & _BROADCAST_FLAG), options)


def _options(data: bytes) -> dict[int, bytes]:
    options: dict[int, bytes] = {}
    offset = 0
    while offset < len(data) and data[offset] != 255:
        if data[offset] == 0:
            offset += 1
        elif offset + 2 > len(data):
            break
        else:
            code, size = data[offset], data[offset + 1]
            options[code] = options.get(code, b"") + data[offset + 2 : offset + 2 + size]
            offset += 2 + size
    return options
