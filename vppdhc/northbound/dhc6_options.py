"""Reading the DHCPv6 options of one level of the configuration, encoded."""

from collections.abc import Mapping, Sequence
from ipaddress import AddressValueError, IPv6Address
from typing import Final

from nc.xml import Element
from vppdhc.dhc6.options import NO_OPTIONS, FromUpstream, OptionSet, OptionValue
from vppdhc.northbound.model import name
from vppdhc.northbound.option_leafs import FROM_UPSTREAM, Encode, OptionLeafs, around_learned, texts
from vppdhc.northbound.raw_options import OPTIONS6
from vppdhc.northbound.reading import Fault
from vppdhc.packet.options6 import Option, encode_value


def read_options(parent: Element, faults: list[Fault]) -> OptionSet:
    """Read what a container or list entry says about options.

    faults: gets what is wrong; that option is left out.
    """
    said = _LEAFS.read(parent, faults)
    if said is None:
        return NO_OPTIONS
    for entry in parent.iterchildren(name("option")):
        code = int(entry.findtext(name("code")) or 0)
        raw = said.values.get(code)
        if code in _LIMITS and isinstance(raw, bytes) and int.from_bytes(raw) not in _LIMIT_RANGE:
            faults.append(Fault(entry, f"option {code} has to be 60 to 86400 seconds", "invalid-option"))
            del said.values[code]
    return OptionSet(said.values, said.omitted, said.upstream_interface)


def _encode_list(code: int, values: Sequence[str]) -> bytes:
    return encode_value(code, [_time_source(value) for value in values] if code == Option.NTP_SERVER else values)


def _time_source(value: str) -> Mapping[str, str]:
    """Return the suboption of an NTP server (RFC 5908, 4.1 and 4.3), by address or by name."""
    try:
        IPv6Address(value)
    except AddressValueError:
        return {"option": "server-name", "value": value}
    return {"option": "server-address", "value": value}


def _list(code: int, said: Sequence[Element]) -> OptionValue:
    values = texts(said)
    parts = around_learned(values)
    if parts is None:
        return _encode_list(code, values)
    return FromUpstream(*(_encode_list(code, part) if part else b"" for part in parts))


def _text(code: int, said: Sequence[Element]) -> OptionValue:
    value = said[0].text or ""
    return FromUpstream() if value == FROM_UPSTREAM else encode_value(code, value)


def _number(code: int, said: Sequence[Element]) -> OptionValue:
    return encode_value(code, int(said[0].text or ""))


_OPTIONS: Final[Mapping[str, tuple[int, Encode[FromUpstream]]]] = {
    "dns": (Option.DNS_SERVERS, _list),
    "domain-search": (Option.DOMAIN_SEARCH, _list),
    "ntp-server": (Option.NTP_SERVER, _list),
    "sntp-server": (Option.SNTP_SERVERS, _list),
    "captive-portal": (Option.V6_CAPTIVE_PORTAL, _text),
    "info-refresh-time": (Option.INFORMATION_REFRESH_TIME, _number),
}
"""The option that each leaf is, and how."""

_LIMITS: Final = (Option.SOLMAX_RT, Option.INF_MAX_RT)
_LIMIT_RANGE: Final = range(60, 86401)
"""Seconds that they may set (RFC 8415, 21.24 and 21.25)."""

_LEAFS: Final = OptionLeafs(_OPTIONS, OPTIONS6)
