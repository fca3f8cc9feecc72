"""Options of neighbour discovery messages (RFC 4861, 4.6), those that routers send and hosts ask for addresses with.

Addresses and prefixes are integers, lifetimes and times are in the unit that each names.
"""

import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, TypeAlias

from vppdhc.packet import names
from vppdhc.packet.errors import DecodeError

INFINITY: Final = 0xFFFFFFFF
"""The lifetime in seconds that never ends."""

_UNIT = 8  # option lengths count these
_LONGEST = 255 * _UNIT
_LONGEST_PREFIX = 128


class OptionType(IntEnum):
    """The first byte of an option (RFC 4861, 4.6, and what the comments say)."""

    SOURCE_LINK_LAYER_ADDRESS = 1
    TARGET_LINK_LAYER_ADDRESS = 2
    PREFIX_INFORMATION = 3
    MTU = 5
    NONCE = 14  # RFC 3971
    ROUTE_INFORMATION = 24  # RFC 4191
    RDNSS = 25  # RFC 8106
    DNSSL = 31  # RFC 8106
    CAPTIVE_PORTAL = 37  # RFC 8910
    PREF64 = 38  # RFC 8781


class Preference(IntEnum):
    """Of a router or route (RFC 4191, 2.1), as the two bits that stand for it."""

    HIGH = 0b01
    MEDIUM = 0b00
    LOW = 0b11


@dataclass(frozen=True, slots=True)
class SourceLinkLayerAddress:
    """The sender's link-layer address (RFC 4861, 4.6.1); six bytes on Ethernet."""

    address: bytes


@dataclass(frozen=True, slots=True)
class TargetLinkLayerAddress:
    """The target's link-layer address (RFC 4861, 4.6.1); six bytes on Ethernet."""

    address: bytes


@dataclass(frozen=True, slots=True)
class PrefixInformation:
    """A prefix of the link, or one for addresses on it (RFC 4861, 4.6.2).

    valid_lifetime, preferred_lifetime: seconds.
    router_address: whether prefix is a whole address, the router's own (RFC 6275, 7.2); else bits behind its length
    are zero. delegation: the P flag, whether hosts should ask for prefixes of their own by DHCPv6 (RFC 9762, 4).
    """

    prefix: int
    length: int
    on_link: bool
    autonomous: bool
    valid_lifetime: int
    preferred_lifetime: int
    router_address: bool = False
    delegation: bool = False


@dataclass(frozen=True, slots=True)
class Mtu:
    """The MTU that all on the link shall use, in bytes (RFC 4861, 4.6.4)."""

    mtu: int


@dataclass(frozen=True, slots=True)
class Nonce:
    """What tells our own solicitation from another's (RFC 7527, 4.1): six random bytes."""

    value: bytes


@dataclass(frozen=True, slots=True)
class RouteInformation:
    """A route that this router has (RFC 4191, 2.3); lifetime: seconds."""

    prefix: int
    length: int
    preference: Preference
    lifetime: int


@dataclass(frozen=True, slots=True)
class Rdnss:
    """Recursive DNS servers (RFC 8106, 5.1); lifetime: seconds."""

    lifetime: int
    servers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Dnssl:
    """Domains in which short names are looked up (RFC 8106, 5.2), as text; lifetime: seconds."""

    lifetime: int
    domains: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CaptivePortal:
    """The URI of the captive portal's API (RFC 8910, 2.3)."""

    uri: str


@dataclass(frozen=True, slots=True)
class Pref64:
    """A prefix of NAT64 (RFC 8781, 4), of length 32, 40, 48, 56, 64 or 96.

    lifetime: seconds. It is sent in units of eight: rounded up, and 65,528 at most.
    """

    prefix: int
    length: int
    lifetime: int


@dataclass(frozen=True, slots=True)
class Unknown:
    """An option of another type, or whose content is not what its type says: receivers ignore it (RFC 4861, 4.6).

    data: what follows type and length.
    """

    type: int
    data: bytes


RouterOption: TypeAlias = PrefixInformation | Mtu | RouteInformation | Rdnss | Dnssl | CaptivePortal | Pref64
"""Those that only routers send."""
Option: TypeAlias = SourceLinkLayerAddress | TargetLinkLayerAddress | Nonce | RouterOption | Unknown

_PREFIX_INFORMATION = struct.Struct(">BBIII16s")
_ON_LINK = 0x80
_AUTONOMOUS = 0x40
_ROUTER_ADDRESS = 0x20
_DELEGATION = 0x10
_MTU = struct.Struct(">2xI")
_ROUTE = struct.Struct(">BBI")
_LIFETIME = struct.Struct(">2xI")
_PREF64_LENGTHS = (96, 64, 56, 48, 40, 32)  # by prefix length code
_PREF64_LONGEST = 8191 * 8


def decode(data: bytes, start: int, end: int) -> tuple[Option, ...]:
    """Return the options that fill data[start:end].

    Raises DecodeError for one without length, or that goes on beyond the end: the whole message is invalid then.
    """
    options = []
    while start < end:
        following = start + data[start + 1] * _UNIT if start + 1 < end else start
        if following == start or following > end:
            raise DecodeError("nd-option", start, f"option {data[start]} does not end within the message")
        options.append(_decode(data[start], data[start + 2 : following]))
        start = following
    return tuple(options)


def _decode(kind: int, data: bytes) -> Option:
    decoder = _DECODERS.get(kind)
    try:
        return Unknown(kind, data) if decoder is None else decoder(data)
    except (ValueError, struct.error):
        return Unknown(kind, data)


def encode(options: Iterable[Option]) -> bytes:
    """Return options as they are in a message. Raises ValueError for values that an option cannot have."""
    return b"".join([_encode(option) for option in options])


def _encode(option: Option) -> bytes:
    kind, data = _written(option)
    size = -(-(len(data) + 2) // _UNIT)
    if size * _UNIT > _LONGEST:
        raise ValueError(f"option {kind} of {len(data)} bytes, {_LONGEST - 2} at most")
    return bytes((kind, size)) + data.ljust(size * _UNIT - 2, b"\0")


def _written(option: Option) -> tuple[int, bytes]:
    """Return type and content of an option, the content without padding."""
    match option:
        case SourceLinkLayerAddress(address):
            return OptionType.SOURCE_LINK_LAYER_ADDRESS, address
        case TargetLinkLayerAddress(address):
            return OptionType.TARGET_LINK_LAYER_ADDRESS, address
        case Nonce(value):
            return OptionType.NONCE, value
        case Unknown(kind, data):
            return kind, data
        case _:
            return _written_by_router(option)


def _written_by_router(option: RouterOption) -> tuple[int, bytes]:
    match option:
        case PrefixInformation():
            return OptionType.PREFIX_INFORMATION, _write_prefix(option)
        case Mtu(mtu):
            return OptionType.MTU, _packed(_MTU, mtu)
        case RouteInformation():
            return OptionType.ROUTE_INFORMATION, _write_route(option)
        case Rdnss(lifetime, servers):
            return OptionType.RDNSS, _packed(_LIFETIME, lifetime) + _write_servers(servers)
        case Dnssl(lifetime, domains):
            return OptionType.DNSSL, _packed(_LIFETIME, lifetime) + _write_domains(domains)
        case CaptivePortal(uri):
            return OptionType.CAPTIVE_PORTAL, _write_uri(uri)
        case Pref64():
            return OptionType.PREF64, _write_pref64(option)


def _packed(form: struct.Struct, *values: int | bytes) -> bytes:
    try:
        return form.pack(*values)
    except struct.error as error:
        raise ValueError(f"{values}: {error}") from error


def _octets(address: int) -> bytes:
    if not 0 <= address < 1 << 128:
        raise ValueError(f"{address:#x} is not an IPv6 address")
    return address.to_bytes(16, "big")


def _cut(prefix: int, length: int) -> int:
    """Return a prefix with the bits behind its length zero; raises ValueError for a length that there is not."""
    if not 0 <= length <= _LONGEST_PREFIX:
        raise ValueError(f"prefix length {length}")
    rest = _LONGEST_PREFIX - length
    return prefix >> rest << rest


def _read_prefix(data: bytes) -> Option:
    length, flags, valid, preferred, _, address = _PREFIX_INFORMATION.unpack(data)
    prefix = int.from_bytes(address, "big")
    router_address = bool(flags & _ROUTER_ADDRESS)
    cut = _cut(prefix, length)
    return PrefixInformation(
        prefix if router_address else cut,
        length,
        bool(flags & _ON_LINK),
        bool(flags & _AUTONOMOUS),
        valid,
        preferred,
        router_address,
        bool(flags & _DELEGATION),
    )


def _write_prefix(option: PrefixInformation) -> bytes:
    flags = (
        option.on_link * _ON_LINK
        | option.autonomous * _AUTONOMOUS
        | option.router_address * _ROUTER_ADDRESS
        | option.delegation * _DELEGATION
    )
    cut = _cut(option.prefix, option.length)
    prefix = _octets(option.prefix if option.router_address else cut)
    lifetimes = option.valid_lifetime, option.preferred_lifetime
    return _packed(_PREFIX_INFORMATION, option.length, flags, *lifetimes, 0, prefix)


def _read_mtu(data: bytes) -> Option:
    return Mtu(*_MTU.unpack(data))


def _read_route(data: bytes) -> Option:
    """RFC 4191, 2.3: the prefix has 0, 8 or 16 bytes; the reserved preference makes the option ignored."""
    length, flags, lifetime = _ROUTE.unpack_from(data)
    if length > (len(data) - _ROUTE.size) * 8 or len(data) - _ROUTE.size > 16:
        raise ValueError(f"prefix length {length} in {len(data)} bytes")
    prefix = int.from_bytes(data[_ROUTE.size :].ljust(16, b"\0"), "big")
    return RouteInformation(_cut(prefix, length), length, Preference(flags >> 3 & 3), lifetime)


def _write_route(option: RouteInformation) -> bytes:
    prefix = _octets(_cut(option.prefix, option.length))
    fixed = _packed(_ROUTE, option.length, option.preference << 3, option.lifetime)
    return fixed + prefix[: -(-option.length // 64) * 8]


def _read_rdnss(data: bytes) -> Option:
    addresses = data[_LIFETIME.size :]
    (lifetime,) = _LIFETIME.unpack_from(data)
    if not addresses or len(addresses) % 16:
        raise ValueError(f"{len(addresses)} bytes of addresses")
    starts = range(0, len(addresses), 16)
    return Rdnss(lifetime, tuple(int.from_bytes(addresses[start : start + 16], "big") for start in starts))


def _write_servers(servers: tuple[int, ...]) -> bytes:
    if not servers:
        raise ValueError("a list of DNS servers without any")
    return b"".join([_octets(server) for server in servers])


def _read_dnssl(data: bytes) -> Option:
    """RFC 8106, 5.2: what looks like names of the root is padding."""
    (lifetime,) = _LIFETIME.unpack_from(data)
    domains = tuple(name for name in names.decode_list(data, _LIFETIME.size) if name != ".")
    if not domains:
        raise ValueError("no domain")
    return Dnssl(lifetime, domains)


def _write_domains(domains: tuple[str, ...]) -> bytes:
    if not domains or "." in domains:
        raise ValueError(f"{domains!r}: a search list has domains, and not the root")
    return names.encode_plain_list(domains)


def _read_uri(data: bytes) -> Option:
    uri = data.rstrip(b"\0").decode("ascii")
    if not uri.isprintable() or not uri:
        raise ValueError("no URI")
    return CaptivePortal(uri)


def _write_uri(uri: str) -> bytes:
    if not uri or not uri.isascii() or not uri.isprintable():
        raise ValueError(f"{uri!r} is not a URI")
    return uri.encode("ascii")


def _read_pref64(data: bytes) -> Option:
    if len(data) != 14 or data[1] & 7 >= len(_PREF64_LENGTHS):
        raise ValueError(f"{len(data)} bytes, or an unknown prefix length code")
    length = _PREF64_LENGTHS[data[1] & 7]
    prefix = _cut(int.from_bytes(data[2:], "big") << 32, length)
    return Pref64(prefix, length, int.from_bytes(data[:2], "big") & ~7)


def _write_pref64(option: Pref64) -> bytes:
    if option.length not in _PREF64_LENGTHS or option.lifetime < 0:
        raise ValueError(f"a NAT64 prefix of length {option.length}, lifetime {option.lifetime}")
    scaled = min(-(-option.lifetime // 8) * 8, _PREF64_LONGEST)
    first = scaled | _PREF64_LENGTHS.index(option.length)
    return first.to_bytes(2, "big") + _octets(_cut(option.prefix, option.length))[:12]


_DECODERS: Final[Mapping[int, Callable[[bytes], Option]]] = {
    OptionType.SOURCE_LINK_LAYER_ADDRESS: SourceLinkLayerAddress,
    OptionType.TARGET_LINK_LAYER_ADDRESS: TargetLinkLayerAddress,
    OptionType.PREFIX_INFORMATION: _read_prefix,
    OptionType.MTU: _read_mtu,
    OptionType.NONCE: Nonce,
    OptionType.ROUTE_INFORMATION: _read_route,
    OptionType.RDNSS: _read_rdnss,
    OptionType.DNSSL: _read_dnssl,
    OptionType.CAPTIVE_PORTAL: _read_uri,
    OptionType.PREF64: _read_pref64,
}
