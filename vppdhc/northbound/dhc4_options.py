"""Reading the DHCPv4 options of one level of the configuration, encoded."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from nc.xml import Element, elements
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
from vppdhc.packet.errors import DecodeError
from vppdhc.packet.options4 import by_code, decode_value, encode_value

FROM_UPSTREAM: Final = "from-upstream"
"""The value of an option that is learned from the provider."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What the schema lets through, and cannot be.

    element: where it is.
    message: what is wrong and what to do.
    app_tag: a word for programs.
    """

    element: Element
    message: str
    app_tag: str


_Encode: TypeAlias = Callable[[int, Sequence[Element]], OptionValue]
"""Makes the value of an option of the elements that say it; raises ValueError."""


def read_options(parent: Element, faults: list[Fault]) -> OptionSet:
    """Read what a container or list entry says about options.

    faults: gets what is wrong; that option is left out.
    """
    said: dict[str, list[Element]] = {}
    for child in elements(parent):
        if child.tag in _TAGS:
            said.setdefault(_TAGS[child.tag], []).append(child)
    if not said:
        return NO_OPTIONS
    values: dict[int, OptionValue] = {}
    for local, (code, encode) in _LEAFS.items():
        if local in said:
            try:
                values[code] = encode(code, said[local])
            except ValueError as error:
                faults.append(Fault(said[local][0], f"this cannot be sent: {error}", "invalid-option"))
    for entry in said.get("option", ()):
        try:
            code, raw = _raw(entry)
        except ValueError as error:
            faults.append(Fault(entry, str(error), "invalid-option"))
        else:
            values[code] = raw
    return OptionSet(
        values=values,
        omitted=frozenset(int(child.text or 0) for child in said.get("omit-option", ())),
        next_server=next((address(child.text or "") for child in said.get("next-server", ())), None),
        upstream_interface=next((child.text for child in said.get("upstream-interface", ())), None),
    )


def _raw(entry: Element) -> tuple[int, bytes]:
    """Return code and content of an option that is given as it is; raises ValueError where its type is another one."""
    code = int(entry.findtext(name("code")) or 0)
    hexadecimal, text = entry.findtext(name("hex")), entry.findtext(name("text"))
    if hexadecimal is not None:
        raw = octets(hexadecimal)
    elif text is not None:
        raw = text.encode()
    else:
        raw = b"".join(address(child.text or "").to_bytes(4, "big") for child in entry.iterchildren(name("address")))
    try:
        decode_value(code, raw)
    except DecodeError as error:
        known = by_code(code)
        kind = "" if known is None else f"; its type is {known.kind.name}"
        raise ValueError(f"clients cannot read this as option {code}: {error.what}{kind}") from None
    return code, raw


def _texts(said: Sequence[Element]) -> list[str]:
    return [child.text or "" for child in said]


def _list(code: int, said: Sequence[Element]) -> bytes:
    return encode_value(code, _texts(said))


def _text(code: int, said: Sequence[Element]) -> bytes:
    return encode_value(code, said[0].text or "")


def _number(code: int, said: Sequence[Element]) -> bytes:
    return encode_value(code, int(said[0].text or ""))


def _learned_list(code: int, said: Sequence[Element]) -> OptionValue:
    values = _texts(said)
    if FROM_UPSTREAM not in values:
        return encode_value(code, values)
    place = values.index(FROM_UPSTREAM)
    parts = values[:place], values[place + 1 :]
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


_LEAFS: Final[Mapping[str, tuple[int, _Encode]]] = {
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

_TAGS: Final = {name(local): local for local in (*_LEAFS, "option", "omit-option", "next-server", "upstream-interface")}
