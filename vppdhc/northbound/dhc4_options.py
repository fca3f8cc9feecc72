"""Reading the DHCPv4 options of one level of the configuration, encoded."""

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from nc.xml import Element
from vppdhc.dhc4.options import (
    BOOT_FILE_NAME,
    CLASSLESS_ROUTES,
    DOMAIN_NAME,
    DOMAIN_NAME_SERVER,
    DOMAIN_SEARCH,
    NO_OPTIONS,
    NTP_SERVERS,
    ROUTER,
    V6_ONLY_PREFERRED,
    WPAD,
    FromUpstream,
    OptionSet,
    OptionValue,
)
from vppdhc.northbound.config import address, octets
from vppdhc.northbound.model import name
from vppdhc.northbound.option_leafs import FROM_UPSTREAM, Encode, OptionLeafs, around_learned, texts
from vppdhc.northbound.raw_options import OPTIONS4
from vppdhc.northbound.reading import Fault
from vppdhc.packet.options4 import encode_value

_Encode: TypeAlias = Encode[FromUpstream]


def read_options(parent: Element, faults: list[Fault]) -> OptionSet:
    """Read what a container or list entry says about options.

    faults: gets what is wrong; that option is left out.
    """
    said = _LEAFS.read(parent, faults)
    if said is None:
        return NO_OPTIONS
    return OptionSet(
        values=said.values,
        omitted=said.omitted,
        next_server=next((address(child.text or "") for child in said.others.get("next-server", ())), None),
        upstream_interface=said.upstream_interface,
    )


def _list(code: int, said: Sequence[Element]) -> bytes:
    return encode_value(code, texts(said))


def _text(code: int, said: Sequence[Element]) -> bytes:
    return encode_value(code, said[0].text or "")


def _number(code: int, said: Sequence[Element]) -> bytes:
    return encode_value(code, int(said[0].text or ""))


def _learned_list(code: int, said: Sequence[Element]) -> OptionValue:
    parts = around_learned(texts(said))
    if parts is None:
        return _list(code, said)
    return FromUpstream(*(encode_value(code, part) if part else b"" for part in parts))


def _learned_text(code: int, said: Sequence[Element]) -> OptionValue:
    return FromUpstream() if said[0].text == FROM_UPSTREAM else _text(code, said)


def _routes(code: int, said: Sequence[Element]) -> bytes:
    return encode_value(
        code,
        [
            {
                "destination": entry.findtext(name("destination-prefix")),
                "router": entry.findtext(name("next-hop-address")),
            }
            for entry in said
        ],
    )


def _vendor_options(_: int, said: Sequence[Element]) -> bytes:
    """RFC 3925, 4: the vendor, the length of its options, and these as it defines them."""
    wire = b""
    for entry in said:
        number, options = int(entry.findtext(name("enterprise-number")) or 0), octets(entry.findtext(name("hex")) or "")
        wire += number.to_bytes(4, "big") + bytes((len(options),)) + options
    return wire


_OPTIONS: Final[Mapping[str, tuple[int, _Encode]]] = {
    "time-offset": (2, _number),
    "router": (ROUTER, _list),
    "name-server": (DOMAIN_NAME_SERVER, _learned_list),
    "log-server": (7, _list),
    "domain-name": (DOMAIN_NAME, _learned_text),
    "root-path": (17, _text),
    "interface-mtu": (26, _number),
    "ntp-server": (NTP_SERVERS, _learned_list),
    "vendor-specific": (43, _text),
    "netbios-name-server": (44, _list),
    "vendor-class-identifier": (60, _text),
    "tftp-server-name": (66, _text),
    "boot-file-name": (BOOT_FILE_NAME, _text),
    "posix-timezone": (100, _text),
    "tzdb-timezone": (101, _text),
    "v6-only-wait": (V6_ONLY_PREFERRED, _number),
    "captive-portal": (114, _text),
    "domain-search": (DOMAIN_SEARCH, _learned_list),
    "sip-server": (120, _list),
    "route": (CLASSLESS_ROUTES, _routes),
    "vendor-option": (125, _vendor_options),
    "capwap-controller": (138, _list),
    "tftp-server-address": (150, _list),
    "wpad-url": (WPAD, _text),
}
"""The option that each leaf is, and how."""

_LEAFS: Final = OptionLeafs(_OPTIONS, OPTIONS4, ("next-server",))
