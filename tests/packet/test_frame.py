"""Ethernet, IP, UDP, ARP and the punt header: against scapy, and what is wrong with packets."""

import struct
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.packet.recorded import ARP as RECORDED_ARP
from tests.packet.recorded import FRAMES
from tests.packet.scapy_layers import (
    AH,
    ARP,
    IP,
    UDP,
    Dot1AD,
    Dot1Q,
    Ether,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
    Raw,
)
from vppdhc.interface import Vlan
from vppdhc.packet import arp, checksum, ethernet, frame, punt
from vppdhc.packet.errors import KINDS, DecodeError

MAC1, MAC2 = "02:00:00:00:00:01", "02:00:00:00:00:02"
M1, M2 = bytes.fromhex("020000000001"), bytes.fromhex("020000000002")
A, B = IPv4Address("192.0.2.1"), IPv4Address("198.51.100.2")
A6, B6 = IPv6Address("fe80::1"), IPv6Address("ff02::1:2")
PAYLOADS = [b"", b"x", b"xy", bytes(range(256)) + b"odd", b"\xff\xff" * 150, bytes(300)]
TAGS = [
    ((), Ether(src=MAC1, dst=MAC2)),
    ((Vlan(0x8100, 7),), Ether(src=MAC1, dst=MAC2) / Dot1Q(vlan=7)),
    ((Vlan(0x88A8, 4094), Vlan(0x8100, 1)), Ether(src=MAC1, dst=MAC2) / Dot1AD(vlan=4094) / Dot1Q(vlan=1)),
    ((Vlan(0x8100, 5), Vlan(0x8100, 6)), Ether(src=MAC1, dst=MAC2) / Dot1Q(vlan=5) / Dot1Q(vlan=6)),
]
IP4 = {"source": int(A), "destination": int(B), "source_port": 67, "destination_port": 68}
IP6 = {"source": int(A6), "destination": int(B6), "source_port": 546, "destination_port": 547}


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize(("vlans", "link"), TAGS)
def test_udp4_against_scapy(payload: bytes, vlans: tuple[Vlan, ...], link: Any) -> None:
    ours = frame.encode_udp4(source_mac=M1, destination_mac=M2, vlans=vlans, **IP4, payload=payload, ttl=9)
    identification = Ether(ours)[UDP].chksum
    ip = IP(src=str(A), dst=str(B), ttl=9, id=identification)
    theirs = bytes(link / ip / UDP(sport=67, dport=68) / Raw(payload))
    assert ours == theirs
    assert frame.decode_udp4(theirs) == (M1, M2, vlans, int(A), int(B), 67, 68, payload)
    assert frame.decode_udp4(punt.encode(3, punt.L2, theirs), punt.HEADER) == frame.decode_udp4(theirs)
    datagram = frame.encode_ip4_udp(**IP4, payload=payload, ttl=9)
    assert ours.endswith(datagram)
    assert IP(datagram)[UDP].dport == 68


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize(("vlans", "link"), TAGS)
def test_udp6_against_scapy(payload: bytes, vlans: tuple[Vlan, ...], link: Any) -> None:
    ours = frame.encode_udp6(source_mac=M1, destination_mac=M2, vlans=vlans, **IP6, payload=payload, hop_limit=1)
    theirs = bytes(link / IPv6(src=str(A6), dst=str(B6), hlim=1) / UDP(sport=546, dport=547) / Raw(payload))
    assert ours == theirs
    assert frame.decode_udp6(theirs) == (M1, M2, vlans, int(A6), int(B6), 546, 547, payload)
    assert ours.endswith(frame.encode_ip6_udp(**IP6, payload=payload, hop_limit=1))


@settings(deadline=None)
@given(st.binary(max_size=1500), st.integers(0, 0xFFFFFFFF), st.integers(0, 0xFFFF))
def test_checksums_add_up(payload: bytes, source: int, port: int) -> None:
    for packet in (
        frame.encode_ip4_udp(source=source, destination=int(B), source_port=port, destination_port=68, payload=payload),
        frame.encode_ip6_udp(
            source=source, destination=int(B6), source_port=port, destination_port=68, payload=payload
        ),
    ):
        if packet[0] >> 4 == 4:
            assert sum(word for (word,) in struct.iter_unpack(">H", packet[:20])) % 0xFFFF == 0
            pseudo, segment = packet[12:20], packet[20:]
        else:
            pseudo, segment = packet[8:40], packet[40:]
        assert segment[6:8] != b"\0\0", "0 would say that there is no checksum"
        whole = pseudo + struct.pack(">HH", 17, len(segment)) + segment + bytes(len(segment) % 2)
        assert sum(word for (word,) in struct.iter_unpack(">H", whole)) % 0xFFFF == 0


def test_a_checksum_of_zero_is_sent_as_ffff() -> None:
    whole = frame.encode_ip4_udp(**IP4, payload=b"\0\0")
    payload = whole[26:28]  # its own checksum, which then sums up to zero
    assert frame.encode_ip4_udp(**IP4, payload=payload)[26:28] == b"\xff\xff"
    assert checksum.complement_sum(b"\x01") == 0x0100


@pytest.mark.parametrize("name", ["dhclient-release", "udhcpc-renew"])
def test_a_checksum_left_to_the_hardware_does_no_harm(name: str) -> None:
    packet = Ether(FRAMES[name])
    recorded = packet[UDP].chksum
    del packet[UDP].chksum
    assert Ether(bytes(packet))[UDP].chksum != recorded
    assert frame.decode_udp4(FRAMES[name]).destination_port == 67


def link4(**ip: Any) -> Any:
    return Ether(src=MAC1, dst=MAC2) / IP(src=str(A), dst=str(B), **ip)


def edited(packet: Any, *edits: tuple[int, bytes]) -> bytes:
    """A packet with bytes replaced: (offset, bytes)."""
    data = bytearray(bytes(packet))
    for offset, replacement in edits:
        data[offset : offset + len(replacement)] = replacement
    return bytes(data)


GOOD4 = bytes(link4() / UDP(sport=67, dport=68) / Raw(b"payload"))


@pytest.mark.parametrize(
    ("packet", "payload"),
    [
        (GOOD4 + bytes(20), b"payload"),
        (link4(options=b"\x94\x04\0\0" * 10) / UDP(sport=67, dport=68) / Raw(b"payload"), b"payload"),
        (link4(flags="DF") / UDP(sport=67, dport=68) / Raw(b"payload"), b"payload"),
        (edited(GOOD4, (38, b"\0\x0b")), b"pay"),
        (edited(GOOD4, (38, b"\0\x08")), b""),
        (edited(GOOD4, (40, b"\0\0")), b"payload"),
        (edited(GOOD4, (24, b"\0\0")), b"payload"),
    ],
    ids=["padding", "options", "do-not-fragment", "udp-shorter", "udp-empty", "no-checksum", "bad-ip-checksum"],
)
def test_udp4_that_is_read(packet: Any, payload: bytes) -> None:
    assert frame.decode_udp4(bytes(packet)).payload == payload


@pytest.mark.parametrize(
    ("packet", "kind", "offset"),
    [
        (b"", "ethernet-truncated", 0),
        (bytes(13), "ethernet-truncated", 13),
        (bytes(12) + b"\x81\0\0\1\x88\xa8\0\1\x08", "ethernet-truncated", 21),
        (FRAMES["arp-request"], "ethernet-type", 12),
        (GOOD4[:33], "ipv4-truncated", 33),
        (GOOD4[:-1], "ipv4-truncated", 48),
        (edited(GOOD4, (14, b"\x65")), "ipv4-malformed", 14),
        (edited(GOOD4, (14, b"\x44")), "ipv4-malformed", 14),
        (edited(GOOD4, (16, b"\0\x13")), "ipv4-malformed", 16),
        (edited(GOOD4, (14, b"\x4f")), "ipv4-malformed", 16),
        (edited(GOOD4, (20, b"\x20\0")), "ipv4-fragment", 20),
        (edited(GOOD4, (20, b"\0\1")), "ipv4-fragment", 20),
        (edited(GOOD4, (23, b"\x06")), "ipv4-protocol", 23),
        (edited(GOOD4, (16, b"\0\x1b")), "udp-truncated", 41),
        (edited(GOOD4, (38, b"\0\x07")), "udp-malformed", 38),
        (edited(GOOD4, (38, b"\0\0")), "udp-malformed", 38),
        (edited(GOOD4, (38, b"\0\x10")), "udp-truncated", 49),
    ],
)
def test_udp4_that_is_wrong(packet: Any, kind: str, offset: int) -> None:
    with pytest.raises(DecodeError) as caught:
        frame.decode_udp4(packet)
    assert (caught.value.kind, caught.value.offset) == (kind, offset)
    assert caught.value.layer == kind.partition("-")[0]
    assert f"at byte {offset}" in str(caught.value)
    with pytest.raises(DecodeError) as caught:
        frame.decode_udp4(bytes(8) + packet, 8)
    assert (caught.value.kind, caught.value.offset) == (kind, offset + 8)


def link6(**ip: Any) -> Any:
    return Ether(src=MAC1, dst=MAC2) / IPv6(src=str(A6), dst=str(B6), **ip)


UPPER = UDP(sport=546, dport=547) / Raw(b"payload")
GOOD6 = bytes(link6() / UPPER)


@pytest.mark.parametrize(
    "extensions",
    [
        IPv6ExtHdrHopByHop(),
        IPv6ExtHdrDestOpt(),
        IPv6ExtHdrRouting(segleft=0, addresses=["2001:db8::1"]),
        IPv6ExtHdrFragment(),
        IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() / IPv6ExtHdrRouting(segleft=0) / IPv6ExtHdrFragment(),
        AH(nh=17, payloadlen=4, spi=1, seq=1, icv=bytes(12)),
    ],
    ids=["hop-by-hop", "destination", "routing", "atomic-fragment", "four", "authentication"],
)
def test_extension_headers_are_skipped(extensions: Any) -> None:
    upper = Raw(GOOD6[54:]) if AH in extensions else UPPER  # scapy gives UDP no checksum behind AH
    packet = frame.decode_udp6(bytes(link6() / extensions / upper) + bytes(3))
    assert (packet.source_port, packet.payload) == (546, b"payload")


@pytest.mark.parametrize(
    ("packet", "kind"),
    [
        (GOOD4, "ethernet-type"),
        (GOOD6[:53], "ipv6-truncated"),
        (GOOD6[:-1], "ipv6-truncated"),
        (edited(GOOD6, (14, b"\x40")), "ipv6-malformed"),
        (edited(GOOD6, (20, b"\x06")), "ipv6-protocol"),
        (edited(GOOD6, (20, b"\x3b")), "ipv6-protocol"),
        (edited(GOOD6, (18, b"\0\x07")), "udp-truncated"),
        (edited(GOOD6, (58, b"\0\x07")), "udp-malformed"),
        (edited(GOOD6, (58, b"\0\x10")), "udp-truncated"),
        (edited(GOOD6, (60, b"\0\0")), "udp-malformed"),
        (bytes(link6() / IPv6ExtHdrFragment(m=1) / UPPER), "ipv6-fragment"),
        (bytes(link6() / IPv6ExtHdrFragment(offset=1) / UPPER), "ipv6-fragment"),
        (bytes(link6() / IPv6ExtHdrRouting(segleft=1, addresses=["2001:db8::1"]) / UPPER), "ipv6-malformed"),
        (bytes(link6() / IPv6ExtHdrDestOpt() / IPv6ExtHdrHopByHop() / UPPER), "ipv6-protocol"),
        (edited(GOOD6, (20, b"\x3c"), (54, b"\x11\xff")), "ipv6-truncated"),
        (edited(GOOD6, (20, b"\x3c"), (18, b"\0\x04")), "ipv6-truncated"),
    ],
)
def test_udp6_that_is_wrong(packet: Any, kind: str) -> None:
    with pytest.raises(DecodeError) as caught:
        frame.decode_udp6(packet)
    assert caught.value.kind == kind


@pytest.mark.parametrize(("vlans", "link"), TAGS)
def test_arp_against_scapy(vlans: tuple[Vlan, ...], link: Any) -> None:
    ask = ARP(op=1, hwsrc=MAC1, psrc=str(A), hwdst="00:00:00:00:00:00", pdst=str(B))
    link = link.copy()
    link.dst = "ff:ff:ff:ff:ff:ff"
    ours = arp.encode_request(sender_mac=M1, sender=int(A), target=int(B), vlans=vlans)
    theirs = bytes(link / ask)
    assert ours == theirs.ljust(60, b"\0")
    assert arp.decode(theirs) == (arp.REQUEST, M1, int(A), bytes(6), int(B), M1, ethernet.BROADCAST, vlans)
    link.dst = MAC2
    answer = ARP(op=2, hwsrc=MAC1, psrc=str(A), hwdst=MAC2, pdst=str(B))
    ours = arp.encode_reply(sender_mac=M1, sender=int(A), target_mac=M2, target=int(B), vlans=vlans)
    theirs = bytes(link / answer)
    assert ours == theirs.ljust(60, b"\0")
    assert arp.decode(punt.encode(1, punt.L2, ours), punt.HEADER) == arp.decode(theirs)
    assert arp.decode(theirs).operation == arp.REPLY


@pytest.mark.parametrize("name", RECORDED_ARP)
def test_recorded_arp(name: str) -> None:
    read = arp.decode(RECORDED_ARP[name])
    scapy = Ether(RECORDED_ARP[name])[ARP]
    assert read.operation == scapy.op
    assert (str(IPv4Address(read.sender)), str(IPv4Address(read.target))) == (scapy.psrc, scapy.pdst)
    assert (read.sender_mac.hex(":"), read.target_mac.hex(":")) == (scapy.hwsrc, scapy.hwdst)


@pytest.mark.parametrize(
    ("packet", "kind"),
    [
        (GOOD4, "ethernet-type"),
        (FRAMES["arp-request"][:41], "arp-truncated"),
        (edited(FRAMES["arp-request"], (14, b"\0\6")), "arp-malformed"),
        (edited(FRAMES["arp-request"], (16, b"\x86\xdd")), "arp-malformed"),
        (edited(FRAMES["arp-request"], (18, b"\x08\x04")), "arp-malformed"),
    ],
)
def test_arp_that_is_wrong(packet: Any, kind: str) -> None:
    with pytest.raises(DecodeError) as caught:
        arp.decode(packet)
    assert caught.value.kind == kind


def test_the_punt_header() -> None:
    assert punt.encode(0x01020304, punt.IP6, b"packet") == b"\4\3\2\1\2\0\0\0packet"
    assert punt.decode(b"\4\3\2\1\2\0\0\0packet") == 0x01020304
    assert punt.decode(bytes(8)) == 0
    with pytest.raises(DecodeError) as caught:
        punt.decode(bytes(7))
    assert (caught.value.kind, caught.value.layer, caught.value.offset) == ("punt-truncated", "punt", 7)


def test_every_kind_of_error_begins_with_its_layer() -> None:
    assert len(set(KINDS)) == len(KINDS)
    assert {kind.partition("-")[0] for kind in KINDS} == {
        "punt", "ethernet", "arp", "ipv4", "ipv6", "udp", "icmpv6", "nd", "dhcp4", "dhcp6",
    }  # fmt: skip
