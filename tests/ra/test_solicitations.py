"""Router solicitations that come in: each check of RFC 4861, 6.1.1, and whatever else somebody sends."""

from ipaddress import IPv6Address
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import settings as how
from hypothesis import strategies as st

from tests.packet.scapy_layers6 import Dot1Q, Ether, inet6
from tests.ra.world import HOST, HOST_MAC, INDEX, solicitation
from vppdhc.packet import punt
from vppdhc.packet.errors import DecodeError
from vppdhc.ra.solicitations import Solicitation, receive

SLLA = inet6.ICMPv6NDOptSrcLLAddr(lladdr="52:54:00:00:00:01")
MAC = bytes.fromhex(HOST_MAC.replace(":", ""))
_chksum: Any = inet6.in6_chksum
SOURCE = int(IPv6Address(HOST))


def altered(raw: bytes, offset: int, value: int) -> bytes:
    """A datagram with another byte in its ICMPv6 part, whose checksum is wrong then."""
    start = punt.HEADER + 14 + 40 + offset
    return raw[:start] + bytes((value,)) + raw[start + 1 :]


def message(**fields: Any) -> bytes:
    """A solicitation with other fields than it should have. fields: of the message."""
    packet: Any = Ether(src=HOST_MAC, dst="33:33:00:00:00:02") / inet6.IPv6(src=HOST, dst="ff02::2", hlim=255)
    return punt.encode(INDEX, punt.L2, bytes(packet / inet6.ICMPv6ND_RS(**fields)))


def raw_options(raw: bytes) -> bytes:
    """A solicitation with these bytes for options, its checksum right."""
    packet: Any = Ether(src=HOST_MAC, dst="33:33:00:00:00:02") / inet6.IPv6(src=HOST, dst="ff02::2", hlim=255)
    return punt.encode(INDEX, punt.L2, bytes(packet / inet6.ICMPv6ND_RS() / raw))


@pytest.mark.parametrize(
    ("datagram", "expected"),
    [
        (solicitation(), Solicitation(INDEX, SOURCE, MAC)),
        (solicitation("::"), Solicitation(INDEX, 0, MAC)),
        (solicitation(HOST, SLLA), Solicitation(INDEX, SOURCE, bytes.fromhex("525400000001"))),
        (solicitation("2001:db8::5", dst="fe80::1"), Solicitation(INDEX, int(IPv6Address("2001:db8::5")), MAC)),
        # Options that are not known, reserved bits, and link-layer addresses of other links, are ignored.
        (solicitation(HOST, inet6.ICMPv6NDOptMTU()), Solicitation(INDEX, SOURCE, MAC)),
        (solicitation(HOST, inet6.ICMPv6NDOptUnknown(type=253, data=b"123456")), Solicitation(INDEX, SOURCE, MAC)),
        (message(res=0xFFFFFFFF), Solicitation(INDEX, SOURCE, MAC)),
        (raw_options(b"\x01\x02" + bytes(14)), Solicitation(INDEX, SOURCE, MAC)),
    ],
)
def test_valid_ones(datagram: bytes, expected: Solicitation) -> None:
    assert receive(datagram) == expected


def test_tags_are_no_part_of_it() -> None:
    packet: Any = Ether(src=HOST_MAC, dst="33:33:00:00:00:02") / Dot1Q(vlan=7)
    packet /= inet6.IPv6(src=HOST, dst="ff02::2", hlim=255) / inet6.ICMPv6ND_RS()
    assert receive(punt.encode(INDEX, punt.L2, bytes(packet))) == Solicitation(INDEX, SOURCE, MAC)


@pytest.mark.parametrize(
    ("datagram", "kind"),
    [
        (solicitation(hlim=254), "nd-hop-limit"),
        (altered(solicitation(), 2, 1), "icmpv6-checksum"),
        (message(code=1), "nd-code"),
        (message(type=134), "nd-truncated"),
        (message(type=200), "nd-type"),
        (solicitation("::", SLLA), "nd-source"),
        (solicitation("ff02::1"), "nd-source"),
        (solicitation("::1"), "nd-source"),
        (raw_options(b"\x01\x00" + bytes(6)), "nd-option"),
        (raw_options(b"\x01\x02" + bytes(6)), "nd-option"),
        (raw_options(b"\x01"), "nd-option"),
        (solicitation()[:-1], "ipv6-truncated"),
        (b"", "punt-truncated"),
    ],
)
def test_invalid_ones(datagram: bytes, kind: str) -> None:
    with pytest.raises(DecodeError) as caught:
        receive(datagram)
    assert caught.value.kind == kind


def test_one_that_is_shorter_than_eight_bytes() -> None:
    packet: Any = Ether(src=HOST_MAC, dst="33:33:00:00:00:02") / inet6.IPv6(src=HOST, dst="ff02::2", hlim=255, nh=58)
    body = b"\x85\x00\x00\x00\x00\x00\x00"
    checksum: int = _chksum(58, packet[inet6.IPv6], body)
    body = body[:2] + checksum.to_bytes(2, "big") + body[4:]
    with pytest.raises(DecodeError) as caught:
        receive(punt.encode(INDEX, punt.L2, bytes(packet / body)))
    assert caught.value.kind == "nd-truncated"


@given(st.binary(max_size=200))
@example(solicitation())
def test_whatever_comes_is_read_or_refused(datagram: bytes) -> None:
    try:
        found = receive(datagram)
    except DecodeError:
        return
    assert len(found.mac) == 6


@given(st.integers(0, len(solicitation(HOST, SLLA)) - 1), st.integers(0, 255), st.booleans())
@how(max_examples=300)
def test_whatever_is_altered_or_cut_is_read_or_refused(offset: int, value: int, cut: bool) -> None:
    whole = solicitation(HOST, SLLA)
    datagram = whole[:offset] if cut else whole[:offset] + bytes((value,)) + whole[offset + 1 :]
    try:
        found = receive(datagram)
    except DecodeError:
        return
    # The checksum covers addresses and message; what is before them says where it came from.
    assert (found.source, found.mac) == (SOURCE, bytes.fromhex("525400000001"))
    assert not cut


def _whole(raw: bytes) -> bool:
    """Whether bytes are options without anything behind them."""
    while len(raw) > 1 and raw[1] and raw[1] * 8 <= len(raw):
        raw = raw[raw[1] * 8 :]
    return not raw


@given(
    st.one_of(
        st.binary(max_size=64),
        st.lists(st.tuples(st.integers(0, 255), st.binary(min_size=6, max_size=6))).map(
            lambda options: b"".join(bytes((kind, 1)) + data for kind, data in options)
        ),
    )
)
def test_whatever_the_options_are(raw: bytes) -> None:
    try:
        found = receive(raw_options(raw))
    except DecodeError as error:
        refused = str(error.kind)
    else:
        refused = ""
        assert found.source == SOURCE
        assert not found.mac[0] & 1
    # They are whole when their lengths, none of them zero, add up to all there is.
    assert refused == ("" if _whole(raw) else "nd-option")
