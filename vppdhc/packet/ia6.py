"""What DHCPv6 is about: identity associations, addresses and prefixes in them, and status codes (RFC 8415, 21).

For clients and servers, by struct. options6 has the same for people.
"""

import struct
from collections.abc import Iterable
from typing import Final, NamedTuple

from vppdhc.packet.dhcp6 import Options, join, split
from vppdhc.packet.errors import DecodeError
from vppdhc.packet.kinds4 import text_of

_IA: Final = struct.Struct(">III")
_ADDRESS: Final = struct.Struct(">16sII")
_PREFIX: Final = struct.Struct(">IIB16s")
_LONGEST_PREFIX = 128


class Ia(NamedTuple):
    """An IA_NA or IA_PD (RFC 8415, 21.4 and 21.21).

    t1, t2: seconds.
    options: those in it: its addresses or prefixes, and a status code, in order.
    """

    iaid: int
    t1: int
    t2: int
    options: Options


class IaAddress(NamedTuple):
    """An address of an IA_NA (RFC 8415, 21.6); address: an integer, preferred and valid: lifetimes in seconds."""

    address: int
    preferred: int
    valid: int
    options: Options


class IaPrefix(NamedTuple):
    """A prefix of an IA_PD (RFC 8415, 21.22).

    prefix: an integer; bits behind its length are zero. preferred, valid: lifetimes in seconds.
    """

    prefix: int
    length: int
    preferred: int
    valid: int
    options: Options


class Status(NamedTuple):
    """A status code and the text that came with it (RFC 8415, 21.13)."""

    code: int
    message: str


def decode_ia(raw: bytes) -> Ia:
    """Read option 3 or 25. Raises DecodeError when it is cut, or an option in it."""
    iaid, t1, t2 = _IA.unpack_from(_at_least(raw, _IA.size))
    return Ia(iaid, t1, t2, split(raw, _IA.size, len(raw)))


def encode_ia(iaid: int, t1: int, t2: int, options: Iterable[tuple[int, bytes]]) -> bytes:
    """Return the bytes of option 3 or 25. Raises ValueError for numbers out of range."""
    return _packed(_IA, iaid, t1, t2) + join(options)


def decode_address(raw: bytes) -> IaAddress:
    """Read option 5. Raises DecodeError when it is cut, or an option in it."""
    address, preferred, valid = _ADDRESS.unpack_from(_at_least(raw, _ADDRESS.size))
    return IaAddress(int.from_bytes(address, "big"), preferred, valid, split(raw, _ADDRESS.size, len(raw)))


def encode_address(address: int, preferred: int, valid: int, options: Iterable[tuple[int, bytes]] = ()) -> bytes:
    """Return the bytes of option 5. Raises ValueError for numbers out of range."""
    return _packed(_ADDRESS, _octets(address), preferred, valid) + join(options)


def decode_prefix(raw: bytes) -> IaPrefix:
    """Read option 26. Raises DecodeError when it is cut, an option in it is, or the prefix length is beyond 128."""
    preferred, valid, length, prefix = _PREFIX.unpack_from(_at_least(raw, _PREFIX.size))
    if length > _LONGEST_PREFIX:
        raise DecodeError("dhcp6-option", 8, f"prefix length {length}")
    network = _cut(int.from_bytes(prefix, "big"), length)
    return IaPrefix(network, length, preferred, valid, split(raw, _PREFIX.size, len(raw)))


def encode_prefix(
    prefix: int, length: int, preferred: int, valid: int, options: Iterable[tuple[int, bytes]] = ()
) -> bytes:
    """Return the bytes of option 26; bits behind the prefix length become zero. Raises ValueError."""
    if not 0 <= length <= _LONGEST_PREFIX:
        raise ValueError(f"prefix length {length}")
    return _packed(_PREFIX, preferred, valid, length, _octets(_cut(prefix, length))) + join(options)


def decode_status(raw: bytes | None) -> Status:
    """Read option 13; without the option the status is success (RFC 8415, 21.13). Raises DecodeError when it is cut.

    The text is made so that it can be shown anywhere.
    """
    if raw is None:
        return Status(0, "")
    return Status(int.from_bytes(_at_least(raw, 2)[:2], "big"), text_of(raw[2:]))


def encode_status(code: int, message: str = "") -> bytes:
    """Return the bytes of option 13. Raises ValueError for a code out of range."""
    if not 0 <= code <= 0xFFFF:
        raise ValueError(f"status code {code}")
    return code.to_bytes(2, "big") + message.encode()


def decode_excluded(raw: bytes, prefix: int, length: int) -> tuple[int, int]:
    """Return prefix and length that option 67 excludes from a delegated prefix (RFC 6603, 4.2).

    The option holds the excluded prefix without the bits that it has in common with the delegated one.
    Raises DecodeError when it is no longer than the delegated one, or the option has another size than it takes.
    """
    excluded = raw[0] if raw else 0
    if not length < excluded <= _LONGEST_PREFIX:
        raise DecodeError("dhcp6-option", 0, f"a /{excluded} excluded from a /{length}")
    bits = excluded - length
    if len(raw) != 1 + (bits + 7) // 8:
        raise DecodeError("dhcp6-option", 0, f"{len(raw) - 1} bytes of subnet id for {bits} bits")
    subnet = int.from_bytes(raw[1:], "big") >> -bits % 8
    return _cut(prefix, length) | subnet << (_LONGEST_PREFIX - excluded), excluded


def encode_excluded(prefix: int, length: int, excluded: int, excluded_length: int) -> bytes:
    """Return the bytes of option 67: what is excluded from a delegated prefix. Raises ValueError if it is not in it."""
    if not 0 <= length < excluded_length <= _LONGEST_PREFIX or _cut(excluded, length) != _cut(prefix, length):
        raise ValueError(f"a /{excluded_length} that is not within the delegated /{length}")
    bits = excluded_length - length
    subnet = (excluded >> (_LONGEST_PREFIX - excluded_length)) & ((1 << bits) - 1)
    return bytes((excluded_length,)) + (subnet << -bits % 8).to_bytes((bits + 7) // 8, "big")


def _cut(prefix: int, length: int) -> int:
    """Return an address with the bits behind a prefix length zero."""
    rest = _LONGEST_PREFIX - length
    return prefix >> rest << rest


def _at_least(raw: bytes, size: int) -> bytes:
    if len(raw) < size:
        raise DecodeError("dhcp6-option", len(raw), f"{len(raw)} bytes instead of {size} at least")
    return raw


def _octets(address: int) -> bytes:
    if not 0 <= address < 1 << 128:
        raise ValueError(f"{address:#x} is not an IPv6 address")
    return address.to_bytes(16, "big")


def _packed(form: struct.Struct, *values: int | bytes) -> bytes:
    try:
        return form.pack(*values)
    except struct.error as error:
        raise ValueError(f"{values}: {error}") from error
