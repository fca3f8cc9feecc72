"""Types of DHCPv4 option values that have a structure of their own; see kinds4 for what a kind is."""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from typing import Final

from vppdhc.packet import names
from vppdhc.packet.errors import DecodeError
from vppdhc.packet.kinds4 import (
    ADDRESS,
    UINT8,
    UINT16,
    Kind,
    Value,
    addresses_of,
    addresses_to_bytes,
    as_address,
    as_integer,
    as_list,
    as_object,
    as_string,
    hex_of,
    hex_to_bytes,
    list_of,
    malformed,
    record,
    text_of,
    text_to_bytes,
)


def strings(raw: bytes, start: int = 0, length_size: int = 1) -> list[bytes]:
    """Return the byte strings, each behind its length, that fill raw from start on; raises DecodeError."""
    found = []
    while start < len(raw):
        value = start + length_size
        end = value + int.from_bytes(raw[start:value], "big")
        if value > len(raw) or end > len(raw):
            raise malformed("a string goes on beyond the end", start)
        found.append(raw[value:end])
        start = end
    return found


def with_length(value: bytes, length_size: int = 1) -> bytes:
    """Return a byte string behind its length; raises ValueError when that does not fit its size."""
    if len(value) >= 1 << (8 * length_size):
        raise ValueError(f"{len(value)} bytes are too many")
    return len(value).to_bytes(length_size, "big") + value


def suboptions(raw: bytes, start: int = 0) -> dict[int, bytes]:
    """Return the suboptions, code, length and value, that fill raw from start on.

    Raises DecodeError for one that is cut, and one that is there twice.
    """
    found: dict[int, bytes] = {}
    while start < len(raw):
        code = raw[start]
        if start + 2 > len(raw) or start + 2 + raw[start + 1] > len(raw):
            raise malformed(f"suboption {code} goes on beyond the end", start)
        if code in found:
            raise malformed(f"suboption {code} for the second time", start)
        end = start + 2 + raw[start + 1]
        found[code] = raw[start + 2 : end]
        start = end
    return found


def _decode_routes(raw: bytes) -> Value:
    """RFC 3442: prefix length, as much of the prefix as that takes, router."""
    routes: list[Value] = []
    start = 0
    while start < len(raw):
        length = raw[start]
        router = start + 1 + (length + 7) // 8
        if length > 32:
            raise malformed(f"prefix length {length}", start)
        if router + 4 > len(raw):
            raise malformed("a route goes on beyond the end", start)
        prefix = raw[start + 1 : router].ljust(4, b"\0")
        routes.append(
            {
                "destination": IPv4Network((prefix, length), strict=False),
                "router": IPv4Address(raw[router : router + 4]),
            }
        )
        start = router + 4
    if not routes:
        raise malformed("empty")
    return routes


def _encode_routes(value: object) -> bytes:
    wire = b""
    for route in as_list(value):
        destination, router = as_object(route, "destination", "router")
        if not isinstance(destination, IPv4Network | str):
            raise ValueError(f"{destination!r} is not an IPv4 prefix")
        network = IPv4Network(destination)
        significant = network.network_address.packed[: (network.prefixlen + 7) // 8]
        wire += bytes((network.prefixlen,)) + significant + as_address(router)
    return wire


def _decode_sip(raw: bytes) -> Value:
    """RFC 3361: encoding 0 is followed by domain names, 1 by addresses."""
    if raw[:1] == b"\1" and len(raw) > 1:
        return addresses_of(raw, 1)
    if raw[:1] == b"\0" and len(raw) > 1:
        return names.decode_list(raw[1:])
    raise malformed("neither domain names nor IPv4 addresses")


def _encode_sip(value: object) -> bytes:
    servers = as_list(value)
    if all(isinstance(server, str) and not _is_address(server) for server in servers):
        return b"\0" + names.encode_plain_list([as_string(server) for server in servers])
    return b"\1" + addresses_to_bytes(servers)


def _is_address(text: str) -> bool:
    try:
        IPv4Address(text)
    except ValueError:
        return False
    return True


_FQDN_KEYS = ("server-updates", "overridden", "encoded", "no-updates", "rcode1", "rcode2", "domain-name")


def _decode_fqdn(raw: bytes) -> Value:
    """RFC 4702, 2: flags S, O, E, N, two RCODEs, and the name: in wire format with E, else as text."""
    if len(raw) < 3:
        raise malformed(f"{len(raw)} bytes instead of 3 at least")
    flags = raw[0]
    name = names.decode_partial(raw, 3) if flags & 4 and len(raw) > 3 else text_of(raw[3:])
    members = (bool(flags & 1), bool(flags & 2), bool(flags & 4), bool(flags & 8), raw[1], raw[2], name)
    return dict(zip(_FQDN_KEYS, members, strict=True))


def _encode_fqdn(value: object) -> bytes:
    *flags, rcode1, rcode2, domain_name = as_object(value, *_FQDN_KEYS)
    if not all(isinstance(flag, bool) for flag in flags):
        raise ValueError(f"{flags} are not true or false")
    name = as_string(domain_name)
    wire = b""
    if name:
        wire = names.encode_partial(name) if flags[2] else text_to_bytes(name)
    bits = sum(1 << bit for bit, flag in enumerate(flags) if flag)
    return bytes((bits, as_integer(rcode1, 0, 255), as_integer(rcode2, 0, 255))) + wire


def _decode_user_class(raw: bytes) -> Value:
    """RFC 3004: strings with lengths. Some clients, iPXE among them, send one string without: taken as that."""
    if not raw:
        raise malformed("empty")
    try:
        classes = strings(raw)
    except DecodeError:
        return [text_of(raw)]
    return [text_of(user_class) for user_class in classes] if all(classes) else [text_of(raw)]


def _encode_user_class(value: object) -> bytes:
    return b"".join([with_length(text_to_bytes(user_class)) for user_class in as_list(value)])


def _enterprises(raw: bytes) -> list[tuple[int, bytes]]:
    """RFC 3925: enterprise numbers, each with data behind its length."""
    found = []
    start = 0
    while start < len(raw):
        data = start + 5
        if data > len(raw) or data + raw[data - 1] > len(raw):
            raise malformed("an enterprise's data go on beyond the end", start)
        end = data + raw[data - 1]
        found.append((int.from_bytes(raw[start : start + 4], "big"), raw[data:end]))
        start = end
    if not found:
        raise malformed("empty")
    return found


def _decode_vendor_class(raw: bytes) -> Value:
    return [{"enterprise": number, "data": hex_of(data)} for number, data in _enterprises(raw)]


def _encode_vendor_class(value: object) -> bytes:
    wire = b""
    for vendor in as_list(value):
        enterprise, data = as_object(vendor, "enterprise", "data")
        wire += as_integer(enterprise, 0, 0xFFFFFFFF).to_bytes(4, "big") + with_length(hex_to_bytes(data))
    return wire


def _decode_vendor_options(raw: bytes) -> Value:
    return [
        {
            "enterprise": number,
            "options": {str(code): hex_of(option) for code, option in suboptions(data).items()},
        }
        for number, data in _enterprises(raw)
    ]


def _encode_vendor_options(value: object) -> bytes:
    wire = b""
    for vendor in as_list(value):
        enterprise, options = as_object(vendor, "enterprise", "options")
        if not isinstance(options, Mapping):
            raise ValueError(f"{options!r} is not an object of suboptions")
        data = b"".join(
            [bytes((suboption_code(code),)) + with_length(hex_to_bytes(option)) for code, option in options.items()]
        )
        wire += as_integer(enterprise, 0, 0xFFFFFFFF).to_bytes(4, "big") + with_length(data)
    return wire


def suboption_code(key: object) -> int:
    """Return the code of a suboption that an object names by its number; raises ValueError."""
    text = as_string(key)
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= 255):
        raise ValueError(f"{text!r} is not the name or the number of a suboption")
    return int(text)


def _decode_6rd(raw: bytes) -> Value:
    """RFC 5969, 7.1.1."""
    if len(raw) < 22:
        raise malformed(f"{len(raw)} bytes instead of 22 at least")
    if raw[0] > 32 or raw[1] > 128:
        raise malformed(f"mask length {raw[0]}, prefix length {raw[1]}")
    return {
        "ipv4-mask-length": raw[0],
        "prefix": IPv6Network((raw[2:18], raw[1]), strict=False),
        "border-relays": addresses_of(raw, 18),
    }


def _encode_6rd(value: object) -> bytes:
    mask_length, prefix, relays = as_object(value, "ipv4-mask-length", "prefix", "border-relays")
    if not isinstance(prefix, IPv6Network | str):
        raise ValueError(f"{prefix!r} is not an IPv6 prefix")
    network = IPv6Network(prefix)
    lengths = bytes((as_integer(mask_length, 0, 32), network.prefixlen))
    return lengths + network.network_address.packed + addresses_to_bytes(as_list(relays))


def _mandatory(raw: bytes) -> bool:
    if raw[:1] not in (b"\0", b"\1"):
        raise malformed("does not begin with 0 or 1")
    return raw[0] == 1


def _as_mandatory(value: object) -> bytes:
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is neither true nor false")
    return bytes((value,))


def _decode_slp_agents(raw: bytes) -> Value:
    """RFC 2610, 3."""
    return {"mandatory": _mandatory(raw), "agents": addresses_of(raw, 1)}


def _encode_slp_agents(value: object) -> bytes:
    mandatory, agents = as_object(value, "mandatory", "agents")
    return _as_mandatory(mandatory) + addresses_to_bytes(as_list(agents))


def _decode_slp_scope(raw: bytes) -> Value:
    """RFC 2610, 4: without scopes the agent's own configuration counts."""
    return {"mandatory": _mandatory(raw), "scopes": text_of(raw[1:])}


def _encode_slp_scope(value: object) -> bytes:
    mandatory, scopes = as_object(value, "mandatory", "scopes")
    return _as_mandatory(mandatory) + (text_to_bytes(scopes) if scopes != "" else b"")


def _decode_rdnss_selection(raw: bytes) -> Value:
    """RFC 6731, 4.3."""
    if len(raw) < 9:
        raise malformed(f"{len(raw)} bytes instead of 9 at least")
    return {
        "preference": raw[0] & 3,
        "primary": IPv4Address(raw[1:5]),
        "secondary": IPv4Address(raw[5:9]),
        "domains": names.decode_list(raw, 9),
    }


def _encode_rdnss_selection(value: object) -> bytes:
    preference, primary, secondary, domains = as_object(value, "preference", "primary", "secondary", "domains")
    wire = bytes((as_integer(preference, 0, 3),)) + as_address(primary) + as_address(secondary)
    return wire + names.encode_plain_list([as_string(domain) for domain in as_list(domains)])


def _decode_status(raw: bytes) -> Value:
    """RFC 6926, 6.2.2."""
    if not raw:
        raise malformed("empty")
    return {"code": raw[0], "message": text_of(raw[1:])}


def _encode_status(value: object) -> bytes:
    code, message = as_object(value, "code", "message")
    return bytes((as_integer(code, 0, 255),)) + (text_to_bytes(message) if message != "" else b"")


def _decode_uris(raw: bytes) -> Value:
    """RFC 8572, 8.1: strings behind lengths of two bytes."""
    uris = strings(raw, length_size=2)
    if not uris:
        raise malformed("empty")
    return [text_of(uri) for uri in uris]


def _encode_uris(value: object) -> bytes:
    return b"".join([with_length(text_to_bytes(uri), 2) for uri in as_list(value)])


def _decode_pcp(raw: bytes) -> Value:
    """RFC 7291, 4: a list of addresses for each server, behind its length in bytes."""
    servers = strings(raw)
    if not servers:
        raise malformed("empty")
    return [addresses_of(server) for server in servers]


def _encode_pcp(value: object) -> bytes:
    return b"".join([with_length(addresses_to_bytes(as_list(server))) for server in as_list(value)])


ROUTES: Final = Kind("classless route list", _decode_routes, _encode_routes)
STATIC_ROUTES: Final = list_of(record("static route", destination=(ADDRESS, 4), router=(ADDRESS, 4)), 8)
FILTERS: Final = list_of(record("policy filter", address=(ADDRESS, 4), mask=(ADDRESS, 4)), 8)
SIP_SERVERS: Final = Kind("domain name list or IPv4 address list", _decode_sip, _encode_sip)
FQDN: Final = Kind("FQDN", _decode_fqdn, _encode_fqdn)
USER_CLASS: Final = Kind("text list", _decode_user_class, _encode_user_class)
VENDOR_CLASS: Final = Kind("vendor class list", _decode_vendor_class, _encode_vendor_class)
VENDOR_OPTIONS: Final = Kind("vendor option list", _decode_vendor_options, _encode_vendor_options)
SIXRD: Final = Kind("6rd domain", _decode_6rd, _encode_6rd)
SLP_AGENTS: Final = Kind("SLP directory agent list", _decode_slp_agents, _encode_slp_agents)
SLP_SCOPE: Final = Kind("SLP scope list", _decode_slp_scope, _encode_slp_scope)
RDNSS_SELECTION: Final = Kind("DNS server selection", _decode_rdnss_selection, _encode_rdnss_selection)
STATUS: Final = Kind("status", _decode_status, _encode_status)
URI_LIST: Final = Kind("URI list", _decode_uris, _encode_uris)
PCP_SERVERS: Final = Kind("list of IPv4 address lists", _decode_pcp, _encode_pcp)
NETWORK_INTERFACE: Final = record("network interface", type=(UINT8, 1), major=(UINT8, 1), minor=(UINT8, 1))
PORT_PARAMETERS: Final = record("port set", offset=(UINT8, 1), psid_length=(UINT8, 1), psid=(UINT16, 2))
