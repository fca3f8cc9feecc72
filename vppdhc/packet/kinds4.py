"""Types of DHCPv4 option values: numbers, addresses, text, and lists of them.

A kind turns the bytes of a value into what JSON and YANG can show, and back. Back it also takes addresses written as
text, as a configuration has them. Bytes that mean nothing to anybody else are text too, in the
form of YANG's hex-string: "01:52:54:00:12:34:56".
"""

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final, TypeAlias

from vppdhc.packet import names
from vppdhc.packet.errors import DecodeError

Value: TypeAlias = (
    "bool | int | str | IPv4Address | IPv4Network | IPv6Address | IPv6Network | Sequence[Value] | Mapping[str, Value]"
)


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of option values.

    name: for people, as "IPv4 address list".
    decode: bytes to value; raises DecodeError.
    encode: value to bytes; raises ValueError.
    """

    name: str
    decode: Callable[[bytes], Value]
    encode: Callable[[object], bytes]


def malformed(what: str, offset: int = 0) -> DecodeError:
    """Return the error for bytes that are not the value they should be."""
    return DecodeError("dhcp4-option", offset, what)


def as_integer(value: object, low: int, high: int) -> int:
    """Return value if it is a number from low to high, else raise ValueError."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ValueError(f"{value!r} is not a number from {low} to {high}")
    return value


def as_address(value: object) -> bytes:
    """Return the bytes of an IPv4 address, or of the text of one; else raise ValueError."""
    if not isinstance(value, IPv4Address | str):
        raise ValueError(f"{value!r} is not an IPv4 address")
    return IPv4Address(value).packed


def as_list(value: object) -> Sequence[object]:
    """Return value if it is a list that is not empty, else raise ValueError."""
    if not isinstance(value, list | tuple) or not value:
        raise ValueError(f"{value!r} is not a list of something")
    return value


def as_object(value: object, *keys: str) -> list[object]:
    """Return the values of an object that has exactly these keys, in this order; else raise ValueError."""
    if not isinstance(value, Mapping) or value.keys() != set(keys):
        raise ValueError(f"{value!r} is not an object with {', '.join(keys)}")
    return [value[key] for key in keys]


def as_string(value: object) -> str:
    """Return value if it is text, else raise ValueError."""
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not text")
    return value


def text_of(raw: bytes) -> str:
    r"""Return bytes that should be UTF-8 text so that they can be shown anywhere.

    NULs at the end are not part of it (RFC 2132, 2). What is not UTF-8, and what would move a terminal's cursor or
    hide in a log, shows as an escape like \x1b or \u202e.
    """
    text = raw.rstrip(b"\0").decode("utf-8", "backslashreplace")
    if text.isprintable():
        return text
    return "".join([c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text])


def text_to_bytes(value: object) -> bytes:
    """Return text as UTF-8; raises ValueError for other things, empty text, and characters that do not print."""
    text = as_string(value)
    if not text or not text.isprintable():
        raise ValueError(f"{text!r} is not printable text")
    return text.encode()


def hex_of(raw: bytes) -> str:
    """Return bytes as hexadecimal pairs with colons between them."""
    return raw.hex(":")


def hex_to_bytes(value: object) -> bytes:
    """Return the bytes of hexadecimal pairs, with or without colons; raises ValueError."""
    text = as_string(value)
    try:
        return bytes.fromhex(text.replace(":", ""))
    except ValueError:
        raise ValueError(f"{text!r} is not hexadecimal") from None


def addresses_of(raw: bytes, start: int = 0) -> list[IPv4Address]:
    """Return the addresses that fill raw from start on; raises DecodeError for a part of one."""
    if (len(raw) - start) % 4:
        raise malformed(f"{len(raw) - start} bytes are no whole number of IPv4 addresses", start)
    return [IPv4Address(address) for (address,) in struct.iter_unpack(">I", raw[start:])]


def addresses_to_bytes(values: Sequence[object]) -> bytes:
    """Return addresses one after the other; raises ValueError."""
    return b"".join([as_address(value) for value in values])


def exactly(raw: bytes, size: int) -> bytes:
    """Return raw if it has so many bytes, else raise DecodeError."""
    if len(raw) != size:
        raise malformed(f"{len(raw)} bytes instead of {size}")
    return raw


def _integer(name: str, size: int, *, signed: bool = False) -> Kind:
    high = (1 << (size * 8 - signed)) - 1
    low = -high - 1 if signed else 0

    def decode(raw: bytes) -> Value:
        return int.from_bytes(exactly(raw, size), "big", signed=signed)

    def encode(value: object) -> bytes:
        return as_integer(value, low, high).to_bytes(size, "big", signed=signed)

    return Kind(name, decode, encode)


def list_of(kind: Kind, size: int) -> Kind:
    """Return the kind of lists, not empty ones, of values of a kind that takes size bytes."""

    def decode(raw: bytes) -> Value:
        if not raw or len(raw) % size:
            raise malformed(f"{len(raw)} bytes instead of a multiple of {size}")
        return [kind.decode(raw[start : start + size]) for start in range(0, len(raw), size)]

    def encode(value: object) -> bytes:
        return b"".join([kind.encode(element) for element in as_list(value)])

    return Kind(f"{kind.name} list", decode, encode)


def record(name: str, **members: tuple[Kind, int]) -> Kind:
    """Return the kind of objects with members one after the other, each a kind and its size in bytes."""
    keys = [member.replace("_", "-") for member in members]
    parts = list(members.values())
    whole = sum(size for _, size in parts)

    def decode(raw: bytes) -> Value:
        exactly(raw, whole)
        value: dict[str, Value] = {}
        start = 0
        for key, (kind, size) in zip(keys, parts, strict=True):
            value[key] = kind.decode(raw[start : start + size])
            start += size
        return value

    def encode(value: object) -> bytes:
        values = as_object(value, *keys)
        return b"".join([kind.encode(member) for (kind, _), member in zip(parts, values, strict=True)])

    return Kind(name, decode, encode)


def _decode_flag(raw: bytes) -> Value:
    if raw not in (b"\0", b"\1"):
        raise malformed(f"{raw.hex() or 'nothing'} instead of 0 or 1")
    return raw == b"\1"


def _encode_flag(value: object) -> bytes:
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is neither true nor false")
    return bytes((value,))


def _decode_presence(raw: bytes) -> Value:
    exactly(raw, 0)
    return True


def _encode_presence(value: object) -> bytes:
    if value is not True:
        raise ValueError(f"{value!r} is not true, and an option that only is there says nothing else")
    return b""


def _decode_address(raw: bytes) -> Value:
    return IPv4Address(exactly(raw, 4))


def _decode_ipv6_address(raw: bytes) -> Value:
    return IPv6Address(exactly(raw, 16))


def _encode_ipv6_address(value: object) -> bytes:
    if not isinstance(value, IPv6Address | str):
        raise ValueError(f"{value!r} is not an IPv6 address")
    address = IPv6Address(value)
    if address.scope_id is not None:
        raise ValueError(f"{value!r}: an address in an option has no zone")
    return address.packed


def _encode_addresses_or_none(value: object) -> bytes:
    return addresses_to_bytes(as_list(value)) if value not in ([], ()) else b""


def _decode_text(raw: bytes) -> Value:
    if not raw:
        raise malformed("empty")
    return text_of(raw)


def _decode_hex(raw: bytes) -> Value:
    return hex_of(raw)


def _decode_name(raw: bytes) -> Value:
    found = names.decode_list(raw)
    if len(found) != 1:
        raise malformed(f"{len(found)} domain names instead of one")
    return found[0]


def _encode_name(value: object) -> bytes:
    return names.encode_plain(as_string(value))


def _decode_names(raw: bytes) -> Value:
    found = names.decode_list(raw)
    if not found:
        raise malformed("empty")
    return found


def _encode_names(value: object) -> bytes:
    return names.encode_list([as_string(name) for name in as_list(value)])


def _encode_plain_names(value: object) -> bytes:
    return names.encode_plain_list([as_string(name) for name in as_list(value)])


FLAG: Final = Kind("flag", _decode_flag, _encode_flag)
PRESENCE: Final = Kind("presence", _decode_presence, _encode_presence)
UINT8: Final = _integer("8-bit number", 1)
UINT16: Final = _integer("16-bit number", 2)
UINT32: Final = _integer("32-bit number", 4)
INT32: Final = _integer("signed 32-bit number", 4, signed=True)
UINT8_LIST: Final = list_of(UINT8, 1)
UINT16_LIST: Final = list_of(UINT16, 2)
ADDRESS: Final = Kind("IPv4 address", _decode_address, as_address)
ADDRESS_LIST: Final = list_of(ADDRESS, 4)
ADDRESS_LIST_OR_NONE: Final = Kind("IPv4 address list, may be empty", addresses_of, _encode_addresses_or_none)
IPV6_ADDRESS: Final = Kind("IPv6 address", _decode_ipv6_address, _encode_ipv6_address)
TEXT: Final = Kind("text", _decode_text, text_to_bytes)
HEX: Final = Kind("hexadecimal", _decode_hex, hex_to_bytes)
NAME: Final = Kind("domain name", _decode_name, _encode_name)
NAME_LIST: Final = Kind("domain name list", _decode_names, _encode_names)
PLAIN_NAME_LIST: Final = Kind("domain name list, not compressed", _decode_names, _encode_plain_names)
