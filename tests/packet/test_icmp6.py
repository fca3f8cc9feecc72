"""The ICMPv6 header and its checksum, in frames too: against scapy."""

from ipaddress import IPv6Address
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.packet.scapy_layers6 import Dot1AD, Dot1Q, Ether, inet6, utils6
from vppdhc.interface import Vlan
from vppdhc.packet import frame, icmp6, ipv6
from vppdhc.packet.errors import DecodeError

A, B = IPv6Address("fe80::1"), IPv6Address("ff02::1")
MAC1, MAC2 = "02:00:00:00:00:01", "33:33:00:00:00:01"
ECHO = inet6.ICMPv6EchoRequest(id=1, seq=2, data=b"odd")
MESSAGE = bytes(inet6.IPv6(src=str(A), dst=str(B)) / ECHO)[40:]
TAGS = [
    ((), Ether(src=MAC1, dst=MAC2)),
    ((Vlan(0x8100, 7),), Ether(src=MAC1, dst=MAC2) / Dot1Q(vlan=7)),
    ((Vlan(0x88A8, 4094), Vlan(0x8100, 1)), Ether(src=MAC1, dst=MAC2) / Dot1AD(vlan=4094) / Dot1Q(vlan=1)),
]


@pytest.mark.parametrize(("vlans", "link"), TAGS)
def test_frames_against_scapy(vlans: tuple[Vlan, ...], link: Any) -> None:
    ours = frame.encode_icmp6(
        source_mac=bytes.fromhex(MAC1.replace(":", "")),
        destination_mac=bytes.fromhex(MAC2.replace(":", "")),
        vlans=vlans,
        source=int(A),
        destination=int(B),
        message_type=128,
        code=0,
        body=MESSAGE[4:],
    )
    assert ours == bytes(link / inet6.IPv6(src=str(A), dst=str(B), hlim=255) / ECHO)


def test_a_message_is_read_at_its_place() -> None:
    assert icmp6.decode(b"xx" + MESSAGE + b"yy", 2, 2 + len(MESSAGE), int(A), int(B)) == (128, 0)


@settings(deadline=None)
@given(st.integers(0, (1 << 128) - 1), st.integers(0, (1 << 128) - 1), st.integers(0, 255), st.binary(max_size=99))
def test_scapy_finds_every_checksum_right(source: int, destination: int, message_type: int, body: bytes) -> None:
    message = icmp6.encode(source, destination, message_type, 3, body)
    assert icmp6.decode(message, 0, len(message), source, destination) == (message_type, 3)
    ip = inet6.IPv6(src=str(IPv6Address(source)), dst=str(IPv6Address(destination)), nh=58)
    checksum: Any = inet6.in6_chksum
    # Zero and 0xffff are the same in ones' complement, and we send the latter.
    assert (checksum(58, ip, message[:2] + b"\0\0" + body) or 0xFFFF) == int.from_bytes(message[2:4], "big")


@settings(deadline=None)
@given(st.integers(0, len(MESSAGE) - 1), st.integers(1, 255))
def test_a_changed_byte_is_noticed(place: int, change: int) -> None:
    message = bytearray(MESSAGE)
    message[place] ^= change
    with pytest.raises(DecodeError) as caught:
        icmp6.decode(bytes(message), 0, len(message), int(A), int(B))
    assert (caught.value.kind, caught.value.offset) == ("icmpv6-checksum", 2)


def test_the_addresses_count() -> None:
    with pytest.raises(DecodeError):
        icmp6.decode(MESSAGE, 0, len(MESSAGE), int(A) + 1, int(B))


@pytest.mark.parametrize("length", range(4))
def test_a_header_that_is_cut(length: int) -> None:
    with pytest.raises(DecodeError) as caught:
        icmp6.decode(MESSAGE, 0, length, int(A), int(B))
    assert (caught.value.kind, caught.value.offset) == ("icmpv6-truncated", length)


@pytest.mark.parametrize(
    ("address", "group", "mac"),
    [
        ("fe80::5054:ff:fe12:3456", "ff02::1:ff12:3456", "33:33:ff:12:34:56"),
        ("2001:db8::1", "ff02::1:ff00:1", "33:33:ff:00:00:01"),
        ("::", "ff02::1:ff00:0", "33:33:ff:00:00:00"),
    ],
)
def test_solicited_node_addresses(address: str, group: str, mac: str) -> None:
    number = int(IPv6Address(address))
    assert ipv6.solicited_node(number) == int(IPv6Address(group))
    assert IPv6Address(group).packed == utils6.in6_getnsma(IPv6Address(address).packed)
    assert ipv6.multicast_mac(int(IPv6Address(group))).hex(":") == mac
    assert utils6.in6_getnsmac(IPv6Address(group).packed) == mac


@pytest.mark.parametrize(
    "address", ["::", "::1", "fe80::1", "febf::", "fec0::", "fe7f:ffff::", "ff02::1", "2001:db8::"]
)
def test_kinds_of_addresses(address: str) -> None:
    assert ipv6.is_multicast(int(IPv6Address(address))) == IPv6Address(address).is_multicast
    assert ipv6.is_link_local(int(IPv6Address(address))) == IPv6Address(address).is_link_local


def test_addresses_that_everybody_knows() -> None:
    assert str(IPv6Address(ipv6.ALL_NODES)) == "ff02::1"
    assert str(IPv6Address(ipv6.ALL_ROUTERS)) == "ff02::2"
    assert str(IPv6Address(ipv6.UNSPECIFIED)) == "::"
