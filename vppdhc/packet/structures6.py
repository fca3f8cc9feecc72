"""Types of DHCPv6 option values that have a structure of their own; see kinds6 for what a structure is."""

from typing import Final

from vppdhc.packet import kinds4
from vppdhc.packet.kinds4 import HEX, TEXT, UINT8, UINT16, UINT32, Kind, Value
from vppdhc.packet.kinds6 import (
    ADDRESS,
    ADDRESS_LIST,
    OPTIONAL_TEXT,
    PREFIX,
    SHORT_PREFIX,
    Table,
    counted,
    fixed,
    option_list,
    or_none,
    repeated,
    rest,
    structure,
)

_BYTE: Final = fixed(UINT8, 1)
_SHORT: Final = fixed(UINT16, 2)
_LONG: Final = fixed(UINT32, 4)
_ADDRESS: Final = fixed(ADDRESS, 16)
_IPV4: Final = fixed(kinds4.ADDRESS, 4)
_HEX: Final = rest(HEX)


def _decode_preference(raw: bytes) -> Value:
    """The other six bits are reserved (RFC 6731, 4.2)."""
    return raw[0] & 3


def _encode_preference(value: object) -> bytes:
    return bytes((kinds4.as_integer(value, 0, 3),))


_PREFERENCE: Final = fixed(Kind("preference", _decode_preference, _encode_preference), 1)


def identity_association(options: Kind) -> Kind:
    """Return the kind of IA_NA, IA_PD and IA_LL with these options in it (RFC 8415, 21.4 and 21.21; RFC 8947, 11.1)."""
    return structure("identity association", iaid=_LONG, t1=_LONG, t2=_LONG, options=rest(options))


def temporary_association(options: Kind) -> Kind:
    """Return the kind of IA_TA with these options in it (RFC 8415, 21.5)."""
    return structure("identity association for temporary addresses", iaid=_LONG, options=rest(options))


def ia_address(options: Kind) -> Kind:
    """Return the kind of an address with its lifetimes in seconds (RFC 8415, 21.6)."""
    return structure(
        "IA address", address=_ADDRESS, preferred_lifetime=_LONG, valid_lifetime=_LONG, options=rest(options)
    )


def ia_prefix(options: Kind) -> Kind:
    """Return the kind of a prefix with its lifetimes in seconds (RFC 8415, 21.22)."""
    return structure("IA prefix", preferred_lifetime=_LONG, valid_lifetime=_LONG, prefix=PREFIX, options=rest(options))


def leasequery(options: Kind) -> Kind:
    """Return the kind of a query with these options in it (RFC 5007, 4.1.2.1)."""
    return structure("lease query", query_type=_BYTE, link_address=_ADDRESS, options=rest(options))


def mapping_rule(options: Kind) -> Kind:
    """Return the kind of a MAP rule; bit 0 of its flags: it is a forwarding rule too (RFC 7598, 4.1)."""
    return structure(
        "MAP rule",
        flags=_BYTE,
        ea_length=_BYTE,
        ipv4_prefix_length=_BYTE,
        ipv4_prefix=_IPV4,
        ipv6_prefix=SHORT_PREFIX,
        options=rest(options),
    )


def softwire_binding(options: Kind) -> Kind:
    """Return the kind of what a lightweight 4over6 client is bound to (RFC 7598, 4.4)."""
    return structure("IPv4 over IPv6 binding", ipv4_address=_IPV4, ipv6_prefix=SHORT_PREFIX, options=rest(options))


def address_selection(options: Kind) -> Kind:
    """Return the kind of a policy table; flags: 1 privacy preferred, 2 hosts may add rows (RFC 7078, 2)."""
    return structure("address selection", flags=_BYTE, options=rest(options))


class NtpOption(Table):
    """Suboptions of option 56 (RFC 5908, 4)."""

    SERVER_ADDRESS = 1, ADDRESS
    MULTICAST_ADDRESS = 2, ADDRESS
    SERVER_NAME = 3, kinds4.NAME


NTP_SERVERS: Final = option_list(lambda: {option.value: option for option in NtpOption})
VENDOR_OPTIONS: Final = structure("vendor options", enterprise=_LONG, options=rest(option_list(dict)))

AUTHENTICATION: Final = structure(
    "authentication",
    protocol=_BYTE,
    algorithm=_BYTE,
    rdm=_BYTE,
    replay_detection=fixed(HEX, 8),
    information=_HEX,
)
STATUS: Final = structure("status", code=_SHORT, message=rest(OPTIONAL_TEXT))
TEXT_LIST: Final = repeated("text list", counted(TEXT))
VENDOR_CLASS: Final = structure(
    "vendor class", enterprise=_LONG, data=rest(or_none(repeated("hexadecimal list", counted(HEX))))
)
REMOTE_ID: Final = structure("remote id", enterprise=_LONG, remote_id=_HEX)
RELAY_DATA: Final = structure("relay data", peer_address=_ADDRESS, message=_HEX)
LINK_LAYER_ADDRESS: Final = structure("link-layer address", hardware_type=_SHORT, address=_HEX)
LINK_LAYER_BLOCK: Final = structure(
    "block of link-layer addresses",
    hardware_type=_SHORT,
    first=counted(HEX),
    extra=_LONG,
    valid_lifetime=_LONG,
    options=rest(option_list(dict)),
)
NETWORK_INTERFACE: Final = structure("network interface", type=_BYTE, major=_BYTE, minor=_BYTE)
RDNSS_SELECTION: Final = structure(
    "DNS server selection", server=_ADDRESS, preference=_PREFERENCE, domains=rest(or_none(kinds4.PLAIN_NAME_LIST))
)
ADDRESS_POLICY: Final = structure("address selection policy", label=_BYTE, precedence=_BYTE, prefix=SHORT_PREFIX)
LEADING_PREFIX: Final = structure("IPv6 prefix", prefix=SHORT_PREFIX)
PORT_PARAMETERS: Final = structure("port set", offset=_BYTE, psid_length=_BYTE, psid=_SHORT)
ENCRYPTED_DNS: Final = structure(
    "encrypted DNS server",
    service_priority=_SHORT,
    authentication_domain_name=counted(kinds4.NAME),
    addresses=counted(ADDRESS_LIST),
    service_parameters=_HEX,
)
DISTRIBUTION_MANAGER: Final = structure("distribution manager", transports=_SHORT, server=rest(kinds4.NAME))
