"""How options lie in the three fields of a DHCPv4 message: joined, split, and moved over (RFC 3396, RFC 2131 4.1)."""

from collections.abc import Iterable, Mapping
from itertools import islice
from types import MappingProxyType
from typing import Final, NamedTuple

from vppdhc.packet.errors import DecodeError

PAD: Final = 0
OVERLOAD: Final = 52
RELAY_AGENT: Final = 82
END: Final = 255

SNAME: Final = 64
"""Bytes of the sname field."""
FILE: Final = 128
"""Bytes of the file field."""

MINIMUM_ROOM: Final = 60
"""Bytes that a message has for its options at least: BOOTP's vendor field (RFC 951) behind the magic cookie."""

_LONGEST = 255
_OVERLOAD_SIZE = 3
_FILE_BIT = 1  # of option 52 (RFC 2132, 9.3)
_SNAME_BIT = 2
_END = b"\xff"

# What is kept when room is short, because an answer without it is wrong or useless: message type, server identifier,
# lease time, T1 and T2, the mask (RFC 2132, 3.3: before the routers), and the echoes that are owed: client identifier
# (RFC 6842), rapid commit (RFC 4039), subnet selection (RFC 3011).
_FIRST = (53, 54, 51, 58, 59, 1, 61, 80, 118)
_NOT_IN_ORDER = frozenset((*_FIRST, RELAY_AGENT))


class Begun(NamedTuple):
    """The first options of many messages, which lie in each of them as in the others.

    options: by code, in their order; not to be changed.
    laid: how they lie.
    """

    options: Mapping[int, bytes]
    laid: bytes


NOT_BEGUN: Final = Begun(MappingProxyType({}), b"")


class Placement(NamedTuple):
    """Options as they lie in the message.

    options: the options field behind the magic cookie, END included.
    file, sname: what these fields hold instead of their own contents, END included; empty where not overloaded.
    dropped: codes of the options that found no room.
    """

    options: bytes
    file: bytes
    sname: bytes
    dropped: tuple[int, ...]


def collect(data: bytes, start: int, end: int, options: dict[int, bytes]) -> None:
    """Add the options that lie in data[start:end] to those given, joining parts of the same option (RFC 3396, 7).

    A field without END ends where it ends.
    Raises DecodeError for an option that goes on beyond the end.
    """
    while start < end:
        code = data[start]
        if code == PAD:
            start += 1
            continue
        if code == END:
            return
        value = start + 2
        if value > end:
            raise DecodeError("dhcp4-truncated", start, f"option {code} has no length")
        following = value + data[start + 1]
        if following > end:
            raise DecodeError(
                "dhcp4-truncated",
                start,
                f"option {code} of {data[start + 1]} bytes, {end - value} are there",
            )
        if code in options:
            options[code] += data[value:following]
        else:
            options[code] = data[value:following]
        start = following


def overloaded(overload: bytes, offset: int) -> tuple[bool, bool]:
    """Return whether the file and the sname field hold options too, as option 52 says (RFC 2132, 9.3).

    offset: of the options field, for the DecodeError that is raised when the option is not one byte.
    """
    if len(overload) != 1:
        raise DecodeError("dhcp4-malformed", offset, f"option overload of {len(overload)} bytes")
    return bool(overload[0] & _FILE_BIT), bool(overload[0] & _SNAME_BIT)


def begin(options: Mapping[int, bytes]) -> Begun:
    """Lay the options that many messages begin with."""
    return Begun(options, _lay(options.items()))


def place(options: Mapping[int, bytes], room: int, *, file: bool, sname: bool, begun: Begun = NOT_BEGUN) -> Placement:
    """Lay options into the options field, and into file and sname if they do not all fit there.

    options: by code. They are laid as given but for option 82, which comes last in the options field, where relay
        agents look for it (RFC 3046, 2.2). When there is not room for all, what an answer is worth nothing without
        goes before the rest.
    room: bytes of the options field; END takes one.
    file, sname: whether these fields may be used.
    begun: the first of the options, laid already; the same comes out without.

    An option that does not fit is left out whole. Option 82 never is: it takes room from the others down to
    MINIMUM_ROOM, then the field grows.
    Raises ValueError for codes that are no options: 0 and 255, and 52, which is decided here.
    """
    if PAD in options or END in options or OVERLOAD in options:
        raise ValueError(f"options {sorted({PAD, END, OVERLOAD} & options.keys())} are not set by hand")
    relay = b"".join(_parts(RELAY_AGENT, options[RELAY_AGENT])) if RELAY_AGENT in options else b""
    room = max(room - len(relay), MINIMUM_ROOM)
    laid = begun.laid + _lay(islice(options.items(), len(begun.options), None))
    if len(laid) < room:
        return Placement(laid + relay + _END, b"", b"", ())
    return _spread(
        [(code, _parts(code, options[code])) for code in _order(options)], relay, room, file=file, sname=sname
    )


def _lay(options: Iterable[tuple[int, bytes]]) -> bytes:
    """Lay options one behind the other, without option 82."""
    laid = bytearray()
    append = laid.append
    for code, value in options:
        length = len(value)
        if code == RELAY_AGENT:
            continue
        if length <= _LONGEST:
            append(code)
            append(length)
            laid += value
        else:
            laid += b"".join(_parts(code, value))
    return bytes(laid)


def _order(options: Mapping[int, bytes]) -> list[int]:
    """Return in which order options, without option 82, are given what room there is."""
    first = [code for code in _FIRST if code in options]
    return [*first, *(code for code in options if code not in _NOT_IN_ORDER)]


def _parts(code: int, value: bytes) -> list[bytes]:
    """Return an option as it is sent: several of the same code when it is longer than one can be (RFC 3396, 5)."""
    if len(value) <= _LONGEST:
        return [bytes((code, len(value))) + value]
    pieces = (value[start : start + _LONGEST] for start in range(0, len(value), _LONGEST))
    return [bytes((code, len(piece))) + piece for piece in pieces]


def _spread(
    options: Iterable[tuple[int, list[bytes]]], relay: bytes, room: int, *, file: bool, sname: bool
) -> Placement:
    """Lay options, in parts, into the first field that has room, and say which have none.

    The receiver joins parts in the order options, file, sname (RFC 3396, 5): a part never lies in a field before
    that of the part before it.
    """
    overload = _OVERLOAD_SIZE if file or sname else 0
    left = [room - overload - 1, FILE - 1 if file else 0, SNAME - 1 if sname else 0]
    fields = [bytearray(), bytearray(), bytearray()]
    dropped = []
    for code, parts in options:
        where = _fit(parts, left)
        if where is None:
            dropped.append(code)
            continue
        for part, field in zip(parts, where, strict=True):
            fields[field] += part
            left[field] -= len(part)
    used = (_FILE_BIT if fields[1] else 0) | (_SNAME_BIT if fields[2] else 0)
    if used:
        fields[0] += bytes((OVERLOAD, 1, used))
    in_file, in_sname = (bytes(field) + _END if field else b"" for field in fields[1:])
    return Placement(bytes(fields[0]) + relay + _END, in_file, in_sname, tuple(dropped))


def _fit(parts: list[bytes], left: list[int]) -> list[int] | None:
    """Return the field that each part goes into, None when they do not all find room. left: bytes free in each."""
    free = list(left)
    where = []
    field = 0
    for part in parts:
        while free[field] < len(part):
            field += 1
            if field == len(free):
                return None
        free[field] -= len(part)
        where.append(field)
    return where
