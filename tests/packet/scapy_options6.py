"""DHCPv6 options as scapy has them, made from the values of the table of cases; and what both say of them."""

from collections.abc import Callable
from ipaddress import IPv6Network
from typing import Any

from tests.packet.scapy_layers6 import Packet, Raw, dhcp6

UNKNOWN_TO_SCAPY = {
    *(44, 45, 46, 47, 51, 52, 53, 54, 55, 57, 58, 60, 63, 64, 67, 74, *range(80, 103), *range(104, 112)),
    *(9, 36, 113, *range(135, 148), 65001),  # scapy takes option 9 apart: see the relay messages of test_dhcp6
}
"""Compared as bytes only; Kea's packets of test_recorded6 have many of them."""


def _fields(option: type[Packet]) -> list[str]:
    return [field.name for field in option.fields_desc if field.name not in ("optcode", "optlen", "len")]


def _text(value: Any) -> Any:
    if isinstance(value, list):
        return [_text(element) for element in value]
    return value if isinstance(value, int) else str(value)


def _plain(option: type[Packet]) -> Callable[[Any], Packet]:
    """Options whose fields are what the value is, or its members one after the other."""
    names = _fields(option)

    def build(value: Any) -> Packet:
        if value is True and not names:
            return option()
        values = list(value.values()) if isinstance(value, dict) else [value]
        return option(**dict(zip(names, [_text(each) for each in values], strict=True)))

    return build


def _with_options(option: type[Packet]) -> Callable[[Any], Packet]:
    """Options with a list of options as their last member."""

    def build(value: Any) -> Packet:
        *members, options = value.values()
        flat: list[Any] = []
        for member in members:
            flat += (
                [member.prefixlen, str(member.network_address)] if isinstance(member, IPv6Network) else [_text(member)]
            )
        return option(**dict(zip(_fields(option), [*flat, _options(options)], strict=True)))

    return build


def _options(options: list[dict[str, Any]]) -> list[Packet]:
    codes = {"iaaddr": 5, "iaprefix": 26, "status-code": 13, "erp-local-domain-name": 65}
    built = []
    for option in options:
        name, value = option["option"], option["value"]
        if name in codes:
            built.append(scapy_option(codes[name], value))
        elif name == "pd-exclude":
            # The first in an option, when scapy does not know it, is bytes; one behind another is an unknown option.
            built.append(Raw(bytes.fromhex(f"00430002{value['prefix-length']:02x}{value['subnet-id']}")))
        else:
            built.append(dhcp6.DHCP6OptUnknown(optcode=int(name), data=bytes.fromhex(value)))
    return built


def _octets(value: str) -> bytes:
    return bytes.fromhex(value.replace(":", ""))


def _duid(option: type[Packet]) -> Callable[[str], Packet]:
    def build(value: str) -> Packet:
        raw = _octets(value)
        duid = dhcp6.DUID_LLT(timeval=int.from_bytes(raw[4:8], "big"), lladdr=raw[8:].hex(":"))
        return option(duid=duid)

    return build


def _auth(value: Any) -> Packet:
    return dhcp6.DHCP6OptAuth(
        proto=value["protocol"],
        alg=value["algorithm"],
        rdm=value["rdm"],
        replay=_octets(value["replay-detection"]),
        authinfo=_octets(value["information"]),
    )


def _ntp(value: Any) -> Packet:
    kinds: dict[str, Callable[[Any], Packet]] = {
        "server-address": lambda said: dhcp6.DHCP6NTPSubOptSrvAddr(addr=str(said)),
        "multicast-address": lambda said: dhcp6.DHCP6NTPSubOptMCAddr(addr=str(said)),
        "server-name": lambda said: dhcp6.DHCP6NTPSubOptSrvFQDN(fqdn=said),
    }
    return dhcp6.DHCP6OptNTPServer(ntpserver=[kinds[option["option"]](option["value"]) for option in value])


def _fqdn(value: Any) -> Packet:
    flags = "".join(
        letter for letter, key in (("S", "server-updates"), ("O", "overridden"), ("N", "no-updates")) if value[key]
    )
    return dhcp6.DHCP6OptClientFQDN(flags=flags, fqdn=value["domain-name"])


def _vendor_options(value: Any) -> Packet:
    options = [
        dhcp6.VENDOR_SPECIFIC_OPTION(optcode=int(option["option"]), optdata=_octets(option["value"]))
        for option in value["options"]
    ]
    return dhcp6.DHCP6OptVendorSpecificInfo(enterprisenum=value["enterprise"], vso=options)


_SPECIAL: dict[int, Callable[[Any], Packet]] = {
    1: _duid(dhcp6.DHCP6OptClientId),
    2: _duid(dhcp6.DHCP6OptServerId),
    3: _with_options(dhcp6.DHCP6OptIA_NA),
    4: _with_options(dhcp6.DHCP6OptIA_TA),
    5: _with_options(dhcp6.DHCP6OptIAAddress),
    11: _auth,
    15: lambda value: dhcp6.DHCP6OptUserClass(userclassdata=[dhcp6.USER_CLASS_DATA(data=each) for each in value]),
    16: lambda value: dhcp6.DHCP6OptVendorClass(
        enterprisenum=value["enterprise"],
        vcdata=[dhcp6.VENDOR_CLASS_DATA(data=_octets(each)) for each in value["data"]],
    ),
    17: _vendor_options,
    18: lambda value: dhcp6.DHCP6OptIfaceId(ifaceid=_octets(value)),
    25: _with_options(dhcp6.DHCP6OptIA_PD),
    26: _with_options(dhcp6.DHCP6OptIAPrefix),
    37: lambda value: dhcp6.DHCP6OptRemoteID(enterprisenum=value["enterprise"], remoteid=_octets(value["remote-id"])),
    39: _fqdn,
    56: _ntp,
    65: lambda value: dhcp6.DHCP6OptERPDomain(erpdomain=[value]),
    66: lambda value: dhcp6.DHCP6OptRelaySuppliedOpt(relaysupplied=_options(value)),
    68: lambda value: dhcp6.DHCP6OptVSS(type=_octets(value)[0], data=_octets(value)[1:]),
}


def scapy_option(code: int, value: Any) -> Packet:
    """The option as scapy makes it of a value."""
    build = _SPECIAL.get(code) or _plain(getattr(dhcp6, dhcp6.dhcp6opts_by_code[code]))
    return build(value)


def said(packet: Any) -> Any:
    """What a packet of scapy says, without the lengths and the dots that only one way of making it sets."""
    if packet in (b"", "", []):
        return None
    if isinstance(packet, list):
        following = [element.payload for element in packet if isinstance(element, Packet) and element.payload]
        return [said(element) for element in packet + following]
    if isinstance(packet, Packet):
        names = [field.name for field in packet.fields_desc if field.name not in ("optlen", "len")]
        return {name: said(packet.getfieldval(name)) for name in names}
    if isinstance(packet, bytes):
        return packet.rstrip(b".")
    return said(packet.encode()) if isinstance(packet, str) else packet
