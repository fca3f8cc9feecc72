"""Types of DHCPv6 option values; see kinds4 for what a kind is, and for those that both versions have.

Most options are members one after the other: a structure says which, and is read and written by that.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv6Network
from typing import Final

from vppdhc.packet import dhcp6, duid6, errors, kinds4, names, table
from vppdhc.packet.kinds4 import Kind, Value, as_list, as_object, as_string, exactly, malformed


class Table(table.Table):
    """Options of DHCPv6 by name."""

    @property
    def fault(self) -> errors.Kind:
        """The kind of the DecodeError for bytes that are not its value."""
        return "dhcp6-option"


@dataclass(frozen=True, slots=True)
class Part:
    """A member of a structure.

    read: from bytes and where it begins, its value and where it ends; raises DecodeError.
    write: value to bytes; raises ValueError.
    """

    read: Callable[[bytes, int], tuple[Value, int]]
    write: Callable[[object], bytes]


def fixed(kind: Kind, size: int) -> Part:
    """Return the part that takes size bytes."""

    def read(raw: bytes, start: int) -> tuple[Value, int]:
        end = start + size
        if end > len(raw):
            raise malformed(f"{len(raw)} bytes instead of {end} at least", len(raw))
        return kind.decode(raw[start:end]), end

    def write(value: object) -> bytes:
        wire = kind.encode(value)
        if len(wire) != size:
            raise ValueError(f"{len(wire)} bytes instead of {size}")
        return wire

    return Part(read, write)


def rest(kind: Kind) -> Part:
    """Return the part that takes all bytes that are left."""
    return Part(lambda raw, start: (kind.decode(raw[start:]), len(raw)), kind.encode)


def counted(kind: Kind, length_size: int = 2) -> Part:
    """Return the part that stands behind its length in bytes, a number of length_size bytes."""

    def read(raw: bytes, start: int) -> tuple[Value, int]:
        begin = start + length_size
        end = begin + int.from_bytes(raw[start:begin], "big")
        if begin > len(raw) or end > len(raw):
            raise malformed("a member goes on beyond the end", start)
        return kind.decode(raw[begin:end]), end

    def write(value: object) -> bytes:
        wire = kind.encode(value)
        if len(wire) >= 1 << (8 * length_size):
            raise ValueError(f"{len(wire)} bytes are too many")
        return len(wire).to_bytes(length_size, "big") + wire

    return Part(read, write)


def structure(name: str, **members: Part) -> Kind:
    """Return the kind of objects with these members, one after the other, and nothing behind the last."""
    keys = [member.replace("_", "-") for member in members]
    parts = list(members.values())

    def decode(raw: bytes) -> Value:
        value: dict[str, Value] = {}
        position = 0
        for key, part in zip(keys, parts, strict=True):
            value[key], position = part.read(raw, position)
        exactly(raw, position)
        return value

    def encode(value: object) -> bytes:
        values = as_object(value, *keys)
        return b"".join([part.write(member) for part, member in zip(parts, values, strict=True)])

    return Kind(name, decode, encode)


def repeated(name: str, part: Part) -> Kind:
    """Return the kind of lists, not empty ones, of what a part reads and writes."""

    def decode(raw: bytes) -> Value:
        values = []
        position = 0
        while position < len(raw):
            value, position = part.read(raw, position)
            values.append(value)
        if not values:
            raise malformed("empty")
        return values

    def encode(value: object) -> bytes:
        return b"".join([part.write(element) for element in as_list(value)])

    return Kind(name, decode, encode)


def or_none(kind: Kind) -> Kind:
    """Return the kind of lists that is the one given, or an empty one."""

    def decode(raw: bytes) -> Value:
        return kind.decode(raw) if raw else []

    def encode(value: object) -> bytes:
        return b"" if value in ([], ()) else kind.encode(value)

    return Kind(f"{kind.name}, may be empty", decode, encode)


def option_list(known: Callable[[], Mapping[int, Table]]) -> Kind:
    """Return the kind of options in an option: a list of objects with option, its name, and value.

    known: those that have a name and a type in there. Others go by number, in hexadecimal. It is a function since a
    table's options can have others of the same table in them; for whatever comes in to have a bottom, none may have
    itself in it, however far down.
    """

    def decode(raw: bytes) -> Value:
        table = known()
        options: list[Value] = []
        for code, inner in dhcp6.split(raw, 0, len(raw)):
            option = table.get(code)
            if option is None:
                options.append({"option": str(code), "value": inner.hex(":")})
            else:
                options.append({"option": option.label, "value": option.decode(inner)})
        return options

    def encode(value: object) -> bytes:
        table = {option.label: option for option in known().values()}
        options = []
        for entry in as_list(value) if value not in ([], ()) else ():
            name, inner = as_object(entry, "option", "value")
            option = table.get(as_string(name))
            if option is None:
                options.append((_number(as_string(name)), kinds4.hex_to_bytes(inner)))
            else:
                options.append((option.value, option.encode(inner)))
        return dhcp6.join(options)

    return Kind("option list", decode, encode)


def _number(name: str) -> int:
    """Return the code of an option that is named by its number; raises ValueError."""
    if not (name.isascii() and name.isdigit() and len(name) <= 5 and 0 < int(name) <= 0xFFFF):
        raise ValueError(f"{name!r} is not the name or the number of an option that belongs in here")
    return int(name)


def as_prefix(value: object) -> IPv6Network:
    """Return value if it is an IPv6 prefix, or the text of one; else raise ValueError."""
    if not isinstance(value, IPv6Network | str):
        raise ValueError(f"{value!r} is not an IPv6 prefix")
    network = IPv6Network(value)
    if network.network_address.scope_id is not None:
        raise ValueError(f"{value!r}: a prefix in an option has no zone")
    return network


def prefix_of(address: bytes, length: int) -> IPv6Network:
    """Return a prefix; bits behind its length are ignored, and need not be there. Raises DecodeError."""
    if length > 128:
        raise malformed(f"prefix length {length}")
    return IPv6Network((address.ljust(16, b"\0"), length), strict=False)


def _read_prefix(raw: bytes, start: int) -> tuple[Value, int]:
    """Read a prefix length of one byte and all 16 of the prefix (RFC 8415, 21.22)."""
    end = start + 17
    if end > len(raw):
        raise malformed(f"{len(raw)} bytes instead of {end} at least", len(raw))
    return prefix_of(raw[start + 1 : end], raw[start]), end


def _write_prefix(value: object) -> bytes:
    network = as_prefix(value)
    return bytes((network.prefixlen,)) + network.network_address.packed


def _read_short_prefix(raw: bytes, start: int) -> tuple[Value, int]:
    """Read a prefix length of one byte and as many of the prefix as that takes (RFC 7598, 4.1)."""
    length = raw[start] if start < len(raw) else 0
    end = start + 1 + (length + 7) // 8
    if end > len(raw):
        raise malformed("a prefix goes on beyond the end", len(raw))
    return prefix_of(raw[start + 1 : end], length), end


def _write_short_prefix(value: object) -> bytes:
    network = as_prefix(value)
    return bytes((network.prefixlen,)) + network.network_address.packed[: (network.prefixlen + 7) // 8]


def _decode_optional_text(raw: bytes) -> Value:
    return kinds4.text_of(raw)


def _encode_optional_text(value: object) -> bytes:
    return b"" if value == "" else kinds4.text_to_bytes(value)


def _decode_duid(raw: bytes) -> Value:
    if not duid6.SHORTEST <= len(raw) <= duid6.LONGEST:
        raise malformed(f"a DUID of {len(raw)} bytes")
    return raw.hex(":")


def _encode_duid(value: object) -> bytes:
    duid = kinds4.hex_to_bytes(value)
    if not duid6.SHORTEST <= len(duid) <= duid6.LONGEST:
        raise ValueError(f"a DUID has {duid6.SHORTEST} to {duid6.LONGEST} bytes, not {len(duid)}")
    return duid


_FQDN_KEYS = ("server-updates", "overridden", "no-updates", "domain-name")


def _decode_fqdn(raw: bytes) -> Value:
    """RFC 4704, 4: flags S, O and N, and a name that may be a partial one."""
    if not raw:
        raise malformed("empty")
    name = names.decode_partial(raw, 1) if len(raw) > 1 else ""
    members = (bool(raw[0] & 1), bool(raw[0] & 2), bool(raw[0] & 4), name)
    return dict(zip(_FQDN_KEYS, members, strict=True))


def _encode_fqdn(value: object) -> bytes:
    *flags, domain_name = as_object(value, *_FQDN_KEYS)
    if not all(isinstance(flag, bool) for flag in flags):
        raise ValueError(f"{flags} are not true or false")
    name = as_string(domain_name)
    bits = sum(1 << bit for bit, flag in enumerate(flags) if flag)
    return bytes((bits,)) + (names.encode_partial(name) if name else b"")


def _decode_excluded(raw: bytes) -> Value:
    """RFC 6603, 4.2. What the subnet id is relative to, only the option around this one says."""
    if not 2 <= len(raw) <= 17 or raw[0] > 128:
        raise malformed(f"{len(raw)} bytes, prefix length {raw[0] if raw else 'missing'}")
    return {"prefix-length": raw[0], "subnet-id": raw[1:].hex(":")}


def _encode_excluded(value: object) -> bytes:
    length, subnet = as_object(value, "prefix-length", "subnet-id")
    subnet_id = kinds4.hex_to_bytes(subnet)
    if not 1 <= len(subnet_id) <= 16:
        raise ValueError(f"a subnet id of {len(subnet_id)} bytes")
    return bytes((kinds4.as_integer(length, 0, 128),)) + subnet_id


ADDRESS: Final = kinds4.IPV6_ADDRESS
ADDRESS_LIST: Final = kinds4.list_of(ADDRESS, 16)
DUID: Final = Kind("DUID", _decode_duid, _encode_duid)
EXCLUDED: Final = Kind("excluded prefix", _decode_excluded, _encode_excluded)
FQDN: Final = Kind("FQDN", _decode_fqdn, _encode_fqdn)
OPTIONAL_TEXT: Final = Kind("text, may be empty", _decode_optional_text, _encode_optional_text)
PREFIX: Final = Part(_read_prefix, _write_prefix)
SHORT_PREFIX: Final = Part(_read_short_prefix, _write_short_prefix)
