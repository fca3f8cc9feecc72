"""As much of DHCPv6 (RFC 8415) as a simulated delegating router needs."""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, NamedTuple

from tools.vppsim.addresses import Prefix

CLIENT_ID, SERVER_ID, IA_NA, IA_ADDRESS, ELAPSED, AUTH, STATUS, RAPID_COMMIT = 1, 2, 3, 5, 8, 11, 13, 14
PREFERENCE, RECONFIGURE_MESSAGE, RECONFIGURE_ACCEPT, DNS, IA_PD, IA_PREFIX = 7, 19, 20, 23, 25, 26

_OPTION: Final = struct.Struct(">HH")
_IA: Final = struct.Struct(">III")
_ADDRESS: Final = struct.Struct(">16sII")
_PREFIX: Final = struct.Struct(">IIB16s")


class Type(IntEnum):
    """Message types (RFC 8415 section 7.3)."""

    SOLICIT = 1
    ADVERTISE = 2
    REQUEST = 3
    CONFIRM = 4
    RENEW = 5
    REBIND = 6
    REPLY = 7
    RELEASE = 8
    DECLINE = 9
    RECONFIGURE = 10
    INFORMATION_REQUEST = 11


class Status(IntEnum):
    """Status codes (RFC 8415 section 21.13)."""

    SUCCESS = 0
    UNSPEC_FAIL = 1
    NO_ADDRS_AVAIL = 2
    NO_BINDING = 3
    NOT_ON_LINK = 4
    USE_MULTICAST = 5
    NO_PREFIX_AVAIL = 6


def name_of(code: int) -> str:
    """Return the name of a message type, its number where it has none."""
    return word(next((known for known in Type if known == code), None)) or str(code)


def word(code: IntEnum | None) -> str:
    """Return the name of a message type or status as it is written on the command line; of None an empty string."""
    return "" if code is None else code.name.lower().replace("_", "-")


class Lease(NamedTuple):
    """An address (of length 128) or a prefix, with its lifetimes in seconds."""

    network: Prefix
    preferred: int
    valid: int


@dataclass(slots=True)
class Ia:
    """An identity association. kind: IA_NA or IA_PD. status: the code in it, None without."""

    kind: int
    ia_id: int
    t1: int = 0
    t2: int = 0
    leases: list[Lease] = field(default_factory=list)
    status: int | None = None

    def encode(self) -> tuple[int, bytes]:
        """Return the option, as code and value."""
        inner = [_encode_lease(self.kind, lease) for lease in self.leases]
        if self.status is not None:
            inner.append(status_option(self.status))
        return self.kind, _IA.pack(self.ia_id, self.t1, self.t2) + encode_options(inner)

    @staticmethod
    def decode(kind: int, raw: bytes) -> "Ia | None":
        """Return the identity association of an option's value; None where it is cut short."""
        if len(raw) < _IA.size:
            return None
        ia = Ia(kind, *_IA.unpack_from(raw))
        for code, value in decode_options(raw[_IA.size :]):
            if code == STATUS and len(value) >= 2:
                ia.status = int.from_bytes(value[:2], "big")
            elif code == IA_ADDRESS and len(value) >= _ADDRESS.size:
                address, preferred, valid = _ADDRESS.unpack_from(value)
                ia.leases.append(Lease(Prefix(6, int.from_bytes(address, "big"), 128), preferred, valid))
            elif code == IA_PREFIX and len(value) >= _PREFIX.size:
                preferred, valid, length, address = _PREFIX.unpack_from(value)
                ia.leases.append(Lease(Prefix(6, int.from_bytes(address, "big"), length), preferred, valid))
        return ia


@dataclass(slots=True)
class Message:
    """A message between client and server. options: code and value, in their order."""

    type: int
    xid: int
    options: list[tuple[int, bytes]] = field(default_factory=list)

    def first(self, code: int) -> bytes | None:
        """Return the value of the first option of a code, None without."""
        return next((raw for known, raw in self.options if known == code), None)

    def ias(self) -> list[Ia]:
        """Return its identity associations."""
        found = (Ia.decode(code, raw) for code, raw in self.options if code in (IA_NA, IA_PD))
        return [ia for ia in found if ia is not None]

    def encode(self) -> bytes:
        """Return the UDP payload."""
        return (self.type << 24 | self.xid).to_bytes(4, "big") + encode_options(self.options)

    @staticmethod
    def decode(payload: bytes) -> "Message | None":
        """Return the message of a UDP payload; None where it is too short for one."""
        if len(payload) < 4:
            return None
        return Message(payload[0], int.from_bytes(payload[1:4], "big"), list(decode_options(payload[4:])))


def status_option(code: int) -> tuple[int, bytes]:
    """Return a status option, as code and value."""
    return STATUS, code.to_bytes(2, "big")


def encode_options(options: Iterable[tuple[int, bytes]]) -> bytes:
    """Return options as they stand in a message."""
    return b"".join(_OPTION.pack(code, len(raw)) + raw for code, raw in options)


def decode_options(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield code and value of each option, up to one that is cut short."""
    offset = 0
    while offset + _OPTION.size <= len(data):
        code, size = _OPTION.unpack_from(data, offset)
        offset += _OPTION.size
        if offset + size > len(data):
            return
        yield code, data[offset : offset + size]
        offset += size


def _encode_lease(kind: int, lease: Lease) -> tuple[int, bytes]:
    address = lease.network.address.to_bytes(16, "big")
    if kind == IA_NA:
        return IA_ADDRESS, _ADDRESS.pack(address, lease.preferred, lease.valid)
    return IA_PREFIX, _PREFIX.pack(lease.preferred, lease.valid, lease.network.length, address)
