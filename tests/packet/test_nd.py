"""Neighbour discovery messages in frames: against scapy, and each check that RFC 4861 demands of receivers."""

from ipaddress import IPv6Address
from typing import Any

import pytest

from tests.packet.recorded import punted
from tests.packet.recorded6 import ND
from tests.packet.scapy_layers6 import UDP, Dot1AD, Dot1Q, Ether, Raw
from tests.packet.scapy_layers6 import inet6 as scapy
from vppdhc.interface import Vlan
from vppdhc.packet import nd, punt
from vppdhc.packet.errors import DecodeError
from vppdhc.packet.nd import (
    Message,
    NeighbourAdvertisement,
    NeighbourSolicitation,
    RouterAdvertisement,
    RouterSolicitation,
)
from vppdhc.packet.nd_options import (
    CaptivePortal,
    Dnssl,
    Mtu,
    Nonce,
    Pref64,
    Preference,
    PrefixInformation,
    Rdnss,
    RouteInformation,
    SourceLinkLayerAddress,
    TargetLinkLayerAddress,
    Unknown,
)

MAC = "52:54:00:12:34:56"
MAC_BYTES = bytes.fromhex(MAC.replace(":", ""))
HOST, ROUTER, TARGET = "fe80::5054:ff:fe12:3456", "fe80::1", "2001:db8::5"
SLLA = scapy.ICMPv6NDOptSrcLLAddr(lladdr=MAC)


def number(address: str) -> int:
    return int(IPv6Address(address))


def ip(source: str, destination: str, **fields: Any) -> Any:
    return scapy.IPv6(src=source, dst=destination, hlim=fields.pop("hlim", 255), **fields)


CASES: list[tuple[Message, Any]] = [
    (RouterSolicitation(), ip("::", "ff02::2") / scapy.ICMPv6ND_RS()),
    (
        RouterSolicitation((SourceLinkLayerAddress(MAC_BYTES),)),
        ip(HOST, "ff02::2") / scapy.ICMPv6ND_RS() / SLLA,
    ),
    (
        RouterAdvertisement(64, True, True, 1800, 30000, 1000, Preference.HIGH),
        ip(ROUTER, "ff02::1")
        / scapy.ICMPv6ND_RA(chlim=64, M=1, O=1, prf=1, routerlifetime=1800, reachabletime=30000, retranstimer=1000),
    ),
    (
        RouterAdvertisement(0, False, False, 0, 0, 0),
        ip(ROUTER, HOST) / scapy.ICMPv6ND_RA(chlim=0, prf=0, routerlifetime=0),
    ),
    (
        RouterAdvertisement(255, False, True, 9000, 3600000, 4294967295, Preference.LOW, home_agent=True, proxy=True),
        ip(ROUTER, "ff02::1")
        / scapy.ICMPv6ND_RA(
            chlim=255, O=1, H=1, P=1, prf=3, routerlifetime=9000, reachabletime=3600000, retranstimer=4294967295
        ),
    ),
    (
        RouterAdvertisement(
            64,
            False,
            False,
            1800,
            0,
            0,
            options=(
                SourceLinkLayerAddress(MAC_BYTES),
                Mtu(1500),
                PrefixInformation(number("2001:db8:1::"), 64, True, True, 7200, 3600, delegation=True),
                RouteInformation(number("2001:db8::"), 48, Preference.LOW, 600),
                Rdnss(1200, (number("2001:db8::53"),)),
                Dnssl(1200, ("lan.example",)),
                Pref64(number("64:ff9b::"), 96, 1800),
                CaptivePortal("https://example.org/api"),
                Unknown(26, bytes(6)),
            ),
        ),
        ip(ROUTER, "ff02::1")
        / scapy.ICMPv6ND_RA(chlim=64, prf=0, routerlifetime=1800)
        / SLLA
        / scapy.ICMPv6NDOptMTU(mtu=1500)
        / scapy.ICMPv6NDOptPrefixInfo(
            prefixlen=64, L=1, A=1, res1=0b10000, validlifetime=7200, preferredlifetime=3600, prefix="2001:db8:1::"
        )
        / scapy.ICMPv6NDOptRouteInfo(plen=48, prf=3, rtlifetime=600, prefix="2001:db8::", len=2)
        / scapy.ICMPv6NDOptRDNSS(res=0, lifetime=1200, dns=["2001:db8::53"])
        / scapy.ICMPv6NDOptDNSSL(res=0, lifetime=1200, searchlist=["lan.example"])
        / scapy.ICMPv6NDOptPREF64(scaledlifetime=225, plc=0, prefix="64:ff9b::")
        / scapy.ICMPv6NDOptCaptivePortal(URI=b"https://example.org/api")
        / scapy.ICMPv6NDOptEFA(),
    ),
    (
        NeighbourSolicitation(number(TARGET), (SourceLinkLayerAddress(MAC_BYTES),)),
        ip(HOST, "ff02::1:ff00:5") / scapy.ICMPv6ND_NS(tgt=TARGET) / SLLA,
    ),
    (NeighbourSolicitation(number(TARGET)), ip("::", "ff02::1:ff00:5") / scapy.ICMPv6ND_NS(tgt=TARGET)),
    (
        NeighbourAdvertisement(number(TARGET), True, True, True, (TargetLinkLayerAddress(MAC_BYTES),)),
        ip(TARGET, HOST) / scapy.ICMPv6ND_NA(tgt=TARGET, R=1, S=1, O=1) / scapy.ICMPv6NDOptDstLLAddr(lladdr=MAC),
    ),
    (
        NeighbourAdvertisement(number(TARGET), False, False, False),
        ip(TARGET, "ff02::1") / scapy.ICMPv6ND_NA(tgt=TARGET, R=0, S=0, O=0),
    ),
    (
        NeighbourAdvertisement(number(TARGET), False, False, True),
        ip(TARGET, "ff02::1") / scapy.ICMPv6ND_NA(tgt=TARGET, R=0, S=0, O=1),
    ),
]
TAGS = [
    ((), Ether(src=MAC, dst="33:33:00:00:00:01")),
    (
        (Vlan(0x88A8, 4094), Vlan(0x8100, 1)),
        Ether(src=MAC, dst="33:33:00:00:00:01") / Dot1AD(vlan=4094) / Dot1Q(vlan=1),
    ),
]


@pytest.mark.parametrize(("message", "packet"), CASES)
@pytest.mark.parametrize(("vlans", "link"), TAGS)
def test_both_directions_against_scapy(message: Message, packet: Any, vlans: tuple[Vlan, ...], link: Any) -> None:
    theirs = bytes(link / packet)
    source, destination = number(packet.src), number(packet.dst)
    read = nd.receive(punt.encode(7, punt.L2, theirs))
    assert read.message == message
    assert (read.interface, read.vlans, read.source, read.destination) == (7, vlans, source, destination)
    assert (read.source_mac, read.destination_mac.hex(":")) == (MAC_BYTES, "33:33:00:00:00:01")
    ours = nd.encode(
        message,
        source_mac=MAC_BYTES,
        destination_mac=bytes.fromhex("333300000001"),
        source=source,
        destination=destination,
        vlans=vlans,
    )
    assert ours == theirs


def test_duplicate_address_detection_asks_from_nobody() -> None:
    ours = nd.encode_question(source_mac=MAC_BYTES, source=0, target=number(TARGET), nonce=b"nonce!")
    link = Ether(src=MAC, dst="33:33:ff:00:00:05")
    nonce = scapy.ICMPv6NDOptUnknown(type=14, data=b"nonce!")
    assert ours == bytes(link / ip("::", "ff02::1:ff00:5") / scapy.ICMPv6ND_NS(tgt=TARGET) / nonce)
    read = nd.receive(punted(ours)).message
    assert nd.find(read, Nonce) == Nonce(b"nonce!")
    assert nd.find(read, Mtu) is None


def test_a_question_from_an_address_says_whose_it_is() -> None:
    vlans = (Vlan(0x8100, 5),)
    ours = nd.encode_question(source_mac=MAC_BYTES, source=number(HOST), target=number(TARGET), vlans=vlans)
    link = Ether(src=MAC, dst="33:33:ff:00:00:05") / Dot1Q(vlan=5)
    assert ours == bytes(link / ip(HOST, "ff02::1:ff00:5") / scapy.ICMPv6ND_NS(tgt=TARGET) / SLLA)


RS, RA = scapy.ICMPv6ND_RS, scapy.ICMPv6ND_RA
NS, NA = scapy.ICMPv6ND_NS, scapy.ICMPv6ND_NA
SHORT = Raw(bytes(15))
NO_LENGTH = Raw(b"\x01\0" + MAC_BYTES)
TOO_LONG = Raw(b"\x01\x02" + MAC_BYTES)


def short(packet: Any, size: int) -> Any:
    """A packet whose ICMPv6 message ends after size bytes, with the checksum that it has then."""
    base = bytes(packet)
    message_type = base[40]
    ipv6 = scapy.IPv6(base[:40])
    del ipv6.plen
    body = bytes((message_type, 0, 0, 0)) + base[44 : 40 + size]
    checksum: Any = scapy.in6_chksum
    value = checksum(58, ipv6, body)
    return ipv6 / Raw(body[:2] + value.to_bytes(2, "big") + body[4:])


@pytest.mark.parametrize(
    ("packet", "kind"),
    [
        # RFC 4861, 6.1.1
        (ip(HOST, "ff02::2", hlim=254) / RS(), "nd-hop-limit"),
        (ip(HOST, "ff02::2") / RS(cksum=0x1234), "icmpv6-checksum"),
        (ip(HOST, "ff02::2") / RS(code=1), "nd-code"),
        (short(ip(HOST, "ff02::2") / RS(), 7), "nd-truncated"),
        (short(ip(HOST, "ff02::2") / RS(), 4), "nd-truncated"),
        (ip(HOST, "ff02::2") / RS() / NO_LENGTH, "nd-option"),
        (ip(HOST, "ff02::2") / RS() / TOO_LONG, "nd-option"),
        (ip(HOST, "ff02::2") / RS() / SLLA / Raw(b"\x01"), "nd-option"),
        (ip("::", "ff02::2") / RS() / SLLA, "nd-source"),
        # 6.1.2
        (ip(ROUTER, "ff02::1", hlim=64) / RA(), "nd-hop-limit"),
        (ip("2001:db8::1", "ff02::1") / RA(), "nd-source"),
        (ip("::", "ff02::1") / RA(), "nd-source"),
        (ip(ROUTER, "ff02::1") / RA(cksum=1), "icmpv6-checksum"),
        (ip(ROUTER, "ff02::1") / RA(code=1), "nd-code"),
        (short(ip(ROUTER, "ff02::1") / RA(), 15), "nd-truncated"),
        (ip(ROUTER, "ff02::1") / RA() / NO_LENGTH, "nd-option"),
        # 7.1.1
        (ip(HOST, "ff02::1:ff00:5", hlim=1) / NS(tgt=TARGET), "nd-hop-limit"),
        (ip(HOST, "ff02::1:ff00:5") / NS(tgt=TARGET, code=9), "nd-code"),
        (short(ip(HOST, "ff02::1:ff00:5") / NS(tgt=TARGET), 23), "nd-truncated"),
        (ip(HOST, "ff02::1:ff00:5") / NS(tgt="ff02::1"), "nd-target"),
        (ip(HOST, "ff02::1:ff00:5") / NS(tgt=TARGET) / NO_LENGTH, "nd-option"),
        (ip("::", "ff02::1:ff00:5") / NS(tgt=TARGET) / SLLA, "nd-source"),
        (ip("::", "ff02::1") / NS(tgt=TARGET), "nd-destination"),
        (ip("::", TARGET) / NS(tgt=TARGET), "nd-destination"),
        # 7.1.2
        (ip(HOST, ROUTER, hlim=0) / NA(tgt=TARGET), "nd-hop-limit"),
        (ip(HOST, ROUTER) / NA(tgt=TARGET, code=1), "nd-code"),
        (short(ip(HOST, ROUTER) / NA(tgt=TARGET), 23), "nd-truncated"),
        (ip(HOST, ROUTER) / NA(tgt="ff05::2"), "nd-target"),
        (ip(HOST, "ff02::1") / NA(tgt=TARGET, S=1), "nd-destination"),
        (ip(HOST, ROUTER) / NA(tgt=TARGET) / TOO_LONG, "nd-option"),
        # none of them
        (ip(HOST, ROUTER) / scapy.ICMPv6EchoRequest(), "nd-type"),
        (ip(HOST, ROUTER) / scapy.ICMPv6ND_Redirect(), "nd-type"),
        (ip(HOST, ROUTER) / UDP(), "ipv6-protocol"),
        (short(ip(HOST, ROUTER) / RS(), 3), "icmpv6-truncated"),
        (ip(HOST, ROUTER) / scapy.IPv6ExtHdrFragment(m=1) / RS(), "ipv6-fragment"),
    ],
)
def test_messages_that_are_discarded(packet: Any, kind: str) -> None:
    datagram = punted(bytes(Ether(src=MAC, dst="33:33:00:00:00:02") / packet))
    if kind == "icmpv6-truncated":
        datagram = datagram[:26] + b"\0\x03" + datagram[28:]  # the payload length
    with pytest.raises(DecodeError) as caught:
        nd.receive(datagram)
    assert caught.value.kind == kind
    assert 0 <= caught.value.offset <= len(datagram)


def test_another_ethertype() -> None:
    with pytest.raises(DecodeError) as caught:
        nd.receive(punted(bytes(Ether(src=MAC, dst=MAC, type=0x0800) / ip(HOST, ROUTER) / RS())))
    assert caught.value.kind == "ethernet-type"


def test_a_reserved_preference_counts_as_medium() -> None:
    for preference, lifetime, counts in ((2, 9, Preference.MEDIUM), (3, 0, Preference.MEDIUM), (3, 9, Preference.LOW)):
        packet = ip(ROUTER, "ff02::1") / RA(prf=preference, routerlifetime=lifetime)
        message = nd.receive(punted(bytes(Ether(src=MAC, dst="33:33:00:00:00:01") / packet))).message
        assert isinstance(message, RouterAdvertisement)
        assert message.preference == counts


def written(message: Message) -> bytes:
    return nd.encode(message, source_mac=bytes(6), destination_mac=bytes(6), source=number(ROUTER), destination=1)


def test_no_router_has_no_preference() -> None:
    message = RouterAdvertisement(64, False, False, 0, 0, 0, Preference.HIGH)
    assert Ether(written(message))[RA].prf == 0


@pytest.mark.parametrize(
    "message",
    [
        RouterAdvertisement(256, False, False, 0, 0, 0),
        RouterAdvertisement(0, False, False, 65536, 0, 0),
        RouterAdvertisement(0, False, False, 0, -1, 0),
        RouterAdvertisement(0, False, False, 0, 0, 1 << 32),
        NeighbourSolicitation(1 << 128),
        NeighbourAdvertisement(-1, True, True, True),
    ],
)
def test_values_that_a_message_cannot_have(message: Message) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        written(message)


@pytest.mark.parametrize("name", ND)
def test_recorded_messages_are_written_as_they_were(name: str) -> None:
    frame = ND[name]
    read = nd.receive(punted(frame))
    ours = nd.encode(
        read.message,
        source_mac=read.source_mac,
        destination_mac=read.destination_mac,
        source=read.source,
        destination=read.destination,
        vlans=read.vlans,
    )
    assert nd.receive(punted(ours)) == read
    if not name.startswith("nd-radvd"):  # which writes routes and search lists longer than they have to be
        assert ours == frame[:15] + bytes((frame[15] & 0xF0, 0, 0)) + frame[18:]


def test_what_radvd_was_configured_to_say() -> None:
    message = nd.receive(punted(ND["nd-radvd-advertisement"])).message
    assert message == RouterAdvertisement(
        64,
        True,
        True,
        1800,
        30000,
        1000,
        Preference.HIGH,
        options=(
            PrefixInformation(number("2001:db8:1::"), 64, True, True, 7200, 3600),
            PrefixInformation(number("2001:db8:5::"), 64, True, False, 0xFFFFFFFF, 0xFFFFFFFF, router_address=True),
            RouteInformation(number("2001:db8:9::"), 48, Preference.LOW, 900),
            RouteInformation(0, 0, Preference.HIGH, 900),
            Rdnss(1200, (number("2001:db8::53"), number("2001:db8::54"))),
            Dnssl(1200, ("example.com", "lab.example.com")),
            Mtu(1480),
            SourceLinkLayerAddress(bytes.fromhex("525400aabb01")),
        ),
    )
    last = nd.receive(punted(ND["nd-radvd-last-advertisement"])).message
    assert isinstance(last, RouterAdvertisement)
    assert last.lifetime == 0


def test_what_linux_asks_before_it_takes_an_address() -> None:
    read = nd.receive(punted(ND["nd-linux-duplicate-detection"]))
    target = number("2001:db8:1:0:5054:ff:fe12:3456")
    assert read.source == 0
    assert read.message == NeighbourSolicitation(target, (Nonce(bytes.fromhex("cf52e12ce95b")),))
    assert (
        nd.encode_question(source_mac=read.source_mac, source=0, target=target, nonce=bytes.fromhex("cf52e12ce95b"))
        == ND["nd-linux-duplicate-detection"]
    )
