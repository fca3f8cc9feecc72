"""Options of neighbour discovery: one table of cases for both directions, against scapy; and what is wrong."""

from ipaddress import IPv6Address
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.packet.scapy_layers6 import inet6 as scapy
from vppdhc.packet import nd_options
from vppdhc.packet.errors import DecodeError
from vppdhc.packet.nd_options import (
    CaptivePortal,
    Dnssl,
    Mtu,
    Nonce,
    Option,
    OptionType,
    Pref64,
    Preference,
    PrefixInformation,
    Rdnss,
    RouteInformation,
    SourceLinkLayerAddress,
    TargetLinkLayerAddress,
    Unknown,
)

MAC = bytes.fromhex("525400123456")


def number(address: str) -> int:
    return int(IPv6Address(address))


def prefix(**flags: Any) -> Any:
    return scapy.ICMPv6NDOptPrefixInfo(
        prefixlen=64, **flags, validlifetime=7200, preferredlifetime=3600, prefix="2001:db8:1::"
    )


P = number("2001:db8:1::")
CASES: list[tuple[Option, Any]] = [
    (SourceLinkLayerAddress(MAC), scapy.ICMPv6NDOptSrcLLAddr(lladdr="52:54:00:12:34:56")),
    (TargetLinkLayerAddress(MAC), scapy.ICMPv6NDOptDstLLAddr(lladdr="52:54:00:12:34:56")),
    (PrefixInformation(P, 64, True, True, 7200, 3600), prefix(L=1, A=1)),
    (PrefixInformation(P, 64, False, False, 7200, 3600), prefix(L=0, A=0)),
    (PrefixInformation(P, 64, True, False, 7200, 3600, delegation=True), prefix(L=1, A=0, res1=0b10000)),
    (
        PrefixInformation(P + 1, 64, True, False, 0xFFFFFFFF, 0xFFFFFFFF, router_address=True),
        scapy.ICMPv6NDOptPrefixInfo(prefixlen=64, L=1, A=0, R=1, prefix="2001:db8:1::1"),
    ),
    (Mtu(1480), scapy.ICMPv6NDOptMTU(mtu=1480)),
    (Nonce(b"nonce!"), scapy.ICMPv6NDOptUnknown(type=14, data=b"nonce!")),
    (RouteInformation(0, 0, Preference.MEDIUM, 1800), scapy.ICMPv6NDOptRouteInfo(plen=0, rtlifetime=1800, len=1)),
    (
        RouteInformation(number("2001:db8::"), 32, Preference.HIGH, 0),
        scapy.ICMPv6NDOptRouteInfo(plen=32, prf=1, rtlifetime=0, prefix="2001:db8::", len=2),
    ),
    (
        RouteInformation(number("2001:db8:9::"), 64, Preference.LOW, 1),
        scapy.ICMPv6NDOptRouteInfo(plen=64, prf=3, rtlifetime=1, prefix="2001:db8:9::", len=2),
    ),
    (
        RouteInformation(number("2001:db8:9:0:8000::"), 65, Preference.LOW, 1),
        scapy.ICMPv6NDOptRouteInfo(plen=65, prf=3, rtlifetime=1, prefix="2001:db8:9:0:8000::", len=3),
    ),
    (Rdnss(1200, (number("2001:db8::53"),)), scapy.ICMPv6NDOptRDNSS(res=0, lifetime=1200, dns=["2001:db8::53"])),
    (
        Rdnss(0, (number("2001:db8::53"), number("fe80::1"))),
        scapy.ICMPv6NDOptRDNSS(res=0, lifetime=0, dns=["2001:db8::53", "fe80::1"]),
    ),
    (Dnssl(1200, ("example.com",)), scapy.ICMPv6NDOptDNSSL(res=0, lifetime=1200, searchlist=["example.com"])),
    (
        Dnssl(0xFFFFFFFF, ("example.com", "lab.example.com", "ab")),
        scapy.ICMPv6NDOptDNSSL(res=0, searchlist=["example.com", "lab.example.com", "ab"]),
    ),
    (Dnssl(0, ("abcde.f",)), scapy.ICMPv6NDOptDNSSL(res=0, lifetime=0, searchlist=["abcde.f"])),
    (CaptivePortal("https://example.com/api"), scapy.ICMPv6NDOptCaptivePortal(URI=b"https://example.com/api")),
    (CaptivePortal("https://example.org/12"), scapy.ICMPv6NDOptCaptivePortal(URI=b"https://example.org/12")),
    *(
        (
            Pref64(number("2001:db8::"), length, 600),
            scapy.ICMPv6NDOptPREF64(scaledlifetime=75, plc=code, prefix="2001:db8::"),
        )
        for code, length in enumerate((96, 64, 56, 48, 40, 32))
    ),
    (Pref64(number("64:ff9b::"), 96, 65528), scapy.ICMPv6NDOptPREF64(scaledlifetime=8191, plc=0, prefix="64:ff9b::")),
    (Unknown(26, bytes(6)), scapy.ICMPv6NDOptEFA()),
    (Unknown(253, b"experimental 2"), scapy.ICMPv6NDOptUnknown(type=253, data=b"experimental 2")),
]


@pytest.mark.parametrize(("option", "theirs"), CASES)
def test_both_directions_against_scapy(option: Option, theirs: Any) -> None:
    raw = bytes(theirs)
    assert len(raw) % 8 == 0
    assert nd_options.encode([option]) == raw
    assert nd_options.decode(raw, 0, len(raw)) == (option,)


def test_every_type_has_a_case() -> None:
    assert {bytes(theirs)[0] for _, theirs in CASES} - {26, 253} == set(OptionType)


def test_many_options_keep_their_order() -> None:
    options = tuple(option for option, _ in CASES)
    raw = nd_options.encode(options)
    assert raw == b"".join([bytes(theirs) for _, theirs in CASES])
    assert nd_options.decode(b"xx" + raw + b"yy", 2, 2 + len(raw)) == options


@pytest.mark.parametrize(
    ("lifetime", "sent"), [(0, 0), (1, 8), (7, 8), (8, 8), (9, 16), (65527, 65528), (65529, 65528), (1 << 40, 65528)]
)
def test_the_lifetime_of_nat64_is_sent_in_units_of_eight(lifetime: int, sent: int) -> None:
    raw = nd_options.encode([Pref64(0, 96, lifetime)])
    assert scapy.ICMPv6NDOptPREF64(raw).scaledlifetime * 8 == sent
    assert nd_options.decode(raw, 0, 16) == (Pref64(0, 96, sent),)


def test_bits_behind_a_prefix_are_nothing() -> None:
    one = number("2001:db8:1::1")
    assert nd_options.encode([PrefixInformation(one, 64, True, True, 1, 1)]) == nd_options.encode(
        [PrefixInformation(P, 64, True, True, 1, 1)]
    )
    raw = bytes(scapy.ICMPv6NDOptPrefixInfo(prefixlen=64, validlifetime=1, preferredlifetime=1, prefix="2001:db8:1::1"))
    assert nd_options.decode(raw, 0, len(raw)) == (PrefixInformation(P, 64, True, True, 1, 1),)


@pytest.mark.parametrize("digits", ["00", "0100", "01", "02", "010252540012345600", "18045254001234560000"])
def test_an_option_that_does_not_end_in_the_message(digits: str) -> None:
    raw = bytes.fromhex(digits)
    with pytest.raises(DecodeError) as caught:
        nd_options.decode(raw, 0, len(raw))
    assert (caught.value.kind, caught.value.offset) == ("nd-option", 0)


@pytest.mark.parametrize(
    "digits",
    [
        "0301" + "40c0" + "00" * 4,  # a prefix of 8 bytes
        "0304" + "81c0" + "00" * 28,  # of length 129
        "0502" + "00" * 14,  # an MTU of 16 bytes
        "1801" + "0100" + "00000001",  # a route's prefix without its bytes
        "1802" + "4100" + "00000001" + "00" * 8,
        "1802" + "4010" + "00000001" + "00" * 8,  # the reserved preference (RFC 4191, 2.3)
        "1804" + "4000" + "00000001" + "00" * 24,
        "1901" + "0000" + "00000001",  # no servers
        "1902" + "0000" + "00000001" + "00" * 8,  # half a server
        "1f01" + "0000" + "00000001",  # no domains
        "1f02" + "0000" + "00000001" + "00" * 8,
        "1f02" + "0000" + "00000001" + "03636f6d" + "40000000",
        "2501" + "00" * 6,  # no URI
        "2501" + "00ff00000000",
        "2501" + "0a0a0a0a0a0a",
        "2601" + "00" * 6,
        "2602" + "0007" + "00" * 12,  # a prefix length code that is not defined (RFC 8781, 4)
        "2603" + "0000" + "00" * 20,
    ],
)
def test_content_that_its_type_does_not_have_is_ignored(digits: str) -> None:
    raw = bytes.fromhex(digits)
    mac = bytes(scapy.ICMPv6NDOptSrcLLAddr(lladdr="52:54:00:12:34:56"))
    options = nd_options.decode(raw + mac, 0, len(raw) + len(mac))
    assert options == (Unknown(raw[0], raw[2:]), SourceLinkLayerAddress(MAC))
    assert nd_options.encode(options) == raw + mac


@pytest.mark.parametrize(
    "option",
    [
        PrefixInformation(P, 129, True, True, 1, 1),
        PrefixInformation(P, -1, True, True, 1, 1),
        PrefixInformation(1 << 128, 128, True, True, 1, 1),
        PrefixInformation(P, 64, True, True, 1 << 32, 1),
        PrefixInformation(P, 64, True, True, 1, -1),
        Mtu(1 << 32),
        Mtu(-1),
        RouteInformation(P, 129, Preference.LOW, 1),
        RouteInformation(P, 64, Preference.LOW, 1 << 32),
        RouteInformation(-1, 64, Preference.LOW, 1),
        Rdnss(1, ()),
        Rdnss(1, (1 << 128,)),
        Rdnss(1 << 32, (P,)),
        Rdnss(1, tuple(range(128))),
        Dnssl(1, ()),
        Dnssl(1, (".",)),
        Dnssl(1, ("a..b",)),
        Dnssl(1 << 32, ("a",)),
        Dnssl(1, ("a" * 63,) * 32),
        CaptivePortal(""),
        CaptivePortal("https://bücher.example"),
        CaptivePortal("https://a\n"),
        CaptivePortal("https://" + "a" * 2040),
        Pref64(P, 95, 1),
        Pref64(P, 64, -1),
        Pref64(1 << 128, 64, 1),
        Unknown(256, b""),
        SourceLinkLayerAddress(bytes(2100)),
    ],
)
def test_values_that_an_option_cannot_have(option: Option) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        nd_options.encode([option])


@settings(deadline=None, max_examples=400)
@given(st.sampled_from([bytes(theirs) for _, theirs in CASES]), st.data())
def test_what_is_read_is_written_and_read_the_same(raw: bytes, data: st.DataObject) -> None:
    changed = bytearray(raw)
    for _ in range(data.draw(st.integers(0, 4))):
        changed[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        options = nd_options.decode(bytes(changed), 0, len(changed))
    except DecodeError:
        return
    written = nd_options.encode(options)
    assert nd_options.decode(written, 0, len(written)) == options
