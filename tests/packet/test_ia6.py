"""Identity associations, addresses, prefixes, status codes and excluded prefixes: against scapy and options6."""

from ipaddress import IPv6Address, IPv6Network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.packet.scapy_layers6 import dhcp6 as scapy
from vppdhc.packet import ia6
from vppdhc.packet.errors import DecodeError
from vppdhc.packet.options6 import Option, decode_value

A = IPv6Address("2001:db8::1")
P = IPv6Network("2001:db8:100::/56")
STATUS = (13, ia6.encode_status(2, "none left"))


def body(option: Any) -> bytes:
    """An option's bytes as scapy writes them, without code and length."""
    return bytes(option)[4:]


def test_ia_na() -> None:
    address = ia6.encode_address(int(A), 3000, 4000, [STATUS])
    ours = ia6.encode_ia(0x12345678, 1000, 2000, [(5, address), (5, address), STATUS])
    status = scapy.DHCP6OptStatusCode(statuscode=2, statusmsg="none left")
    inner = scapy.DHCP6OptIAAddress(addr=str(A), preflft=3000, validlft=4000, iaaddropts=[status])
    theirs = scapy.DHCP6OptIA_NA(iaid=0x12345678, T1=1000, T2=2000, ianaopts=[inner, inner, status])
    assert ours == body(theirs)
    ia = ia6.decode_ia(body(theirs))
    assert ia == (0x12345678, 1000, 2000, [(5, address), (5, address), STATUS])
    assert ia6.decode_address(ia.options[0][1]) == (int(A), 3000, 4000, [STATUS])
    assert ia6.decode_status(ia.options[2][1]) == (2, "none left")


def test_ia_pd() -> None:
    prefix = ia6.encode_prefix(int(P.network_address), 56, 3000, 0xFFFFFFFF)
    ours = ia6.encode_ia(7, 0, 0, [(26, prefix)])
    inner = scapy.DHCP6OptIAPrefix(prefix="2001:db8:100::", plen=56, preflft=3000, validlft=0xFFFFFFFF)
    theirs = scapy.DHCP6OptIA_PD(iaid=7, T1=0, T2=0, iapdopt=[inner])
    assert ours == body(theirs)
    assert ia6.decode_prefix(ia6.decode_ia(ours).options[0][1]) == (int(P.network_address), 56, 3000, 0xFFFFFFFF, [])


def test_bits_behind_a_prefix_are_nothing() -> None:
    raw = body(scapy.DHCP6OptIAPrefix(prefix="2001:db8:100:ff::1", plen=56, preflft=1, validlft=2))
    assert ia6.decode_prefix(raw)[:2] == (int(P.network_address), 56)
    assert ia6.encode_prefix(int(IPv6Address("2001:db8:100:ff::1")), 56, 1, 2) == ia6.encode_prefix(
        int(P.network_address), 56, 1, 2
    )


def test_no_status_is_success() -> None:
    assert ia6.decode_status(None) == (0, "")
    assert ia6.decode_status(b"\0\x03No \x1b[2Jbinding\0") == (3, "No \\x1b[2Jbinding")
    assert ia6.encode_status(3, "gone") == body(scapy.DHCP6OptStatusCode(statuscode=3, statusmsg="gone"))


# The prefix, the excluded prefix and the option's bytes: the examples of RFC 6603, 4.2, and the ends of the range.
EXCLUDED = [
    ("2001:db8:dead:bee0::/59", "2001:db8:dead:beef::/64", "4078"),
    ("2001:db8:dead::/48", "2001:db8:dead:beef::/64", "40beef"),
    ("2001:db8:dead::/48", "2001:db8:dead:8000::/49", "3180"),
    ("2001:db8:100::/56", "2001:db8:100:ff::/64", "40ff"),
    ("::/0", "2001:db8::1/128", "8020010db8000000000000000000000001"),
    ("2001:db8::/127", "2001:db8::1/128", "8080"),
]


@pytest.mark.parametrize(("delegated", "excluded", "digits"), EXCLUDED)
def test_an_excluded_prefix_is_written_relative_to_the_delegated_one(
    delegated: str, excluded: str, digits: str
) -> None:
    outer, inner = IPv6Network(delegated), IPv6Network(excluded)
    raw = bytes.fromhex(digits)
    pair = int(inner.network_address), inner.prefixlen
    assert ia6.encode_excluded(int(outer.network_address), outer.prefixlen, *pair) == raw
    assert ia6.decode_excluded(raw, int(outer.network_address), outer.prefixlen) == pair


@given(st.integers(0, (1 << 128) - 1), st.integers(0, 127), st.data())
def test_any_excluded_prefix_comes_back(address: int, length: int, data: st.DataObject) -> None:
    longer = data.draw(st.integers(length + 1, 128))
    outer = IPv6Network((address, length), strict=False)
    inner = IPv6Network((address, longer), strict=False)
    assert inner.subnet_of(outer)
    raw = ia6.encode_excluded(int(outer.network_address), length, int(inner.network_address), longer)
    assert ia6.decode_excluded(raw, int(outer.network_address), length) == (int(inner.network_address), longer)
    assert decode_value(Option.PD_EXCLUDE, raw) == {"prefix-length": longer, "subnet-id": raw[1:].hex(":")}


@pytest.mark.parametrize("raw", [b"", b"\x40", b"\x38\xff", b"\x30\xff", b"\x81\xff", b"\x40\xff\xff", b"\x41\xff"])
def test_excluded_prefixes_that_are_wrong(raw: bytes) -> None:
    with pytest.raises(DecodeError) as caught:
        ia6.decode_excluded(raw, int(P.network_address), 56)
    assert caught.value.kind == "dhcp6-option"


@pytest.mark.parametrize(
    ("decode", "whole", "without_options"),
    [
        (ia6.decode_ia, ia6.encode_ia(1, 2, 3, [(5, ia6.encode_address(1, 2, 3, [STATUS]))]), 12),
        (ia6.decode_address, ia6.encode_address(1, 2, 3, [STATUS]), 24),
        (ia6.decode_prefix, ia6.encode_prefix(1, 128, 2, 3, [STATUS]), 25),
        (ia6.decode_status, STATUS[1][:2], None),
    ],
)
def test_every_truncation(decode: Any, whole: bytes, without_options: int | None) -> None:
    decode(whole)
    for length in range(len(whole)):
        if length == without_options:
            assert decode(whole[:length])
            continue
        with pytest.raises(DecodeError) as caught:
            decode(whole[:length])
        assert caught.value.layer == "dhcp6"
        assert 0 <= caught.value.offset <= length


def test_a_prefix_length_beyond_128() -> None:
    with pytest.raises(DecodeError):
        ia6.decode_prefix(bytes(8) + b"\x81" + bytes(16))


@pytest.mark.parametrize(
    ("write", "values"),
    [
        (ia6.encode_ia, (1 << 32, 0, 0, [])),
        (ia6.encode_ia, (0, -1, 0, [])),
        (ia6.encode_address, (1 << 128, 0, 0)),
        (ia6.encode_address, (-1, 0, 0)),
        (ia6.encode_address, (1, 1 << 32, 0)),
        (ia6.encode_prefix, (0, 129, 0, 0)),
        (ia6.encode_prefix, (0, -1, 0, 0)),
        (ia6.encode_prefix, (1 << 128, 128, 0, 0)),
        (ia6.encode_status, (65536,)),
        (ia6.encode_excluded, (int(P.network_address), 56, int(P.network_address), 56)),
        (ia6.encode_excluded, (int(P.network_address), 56, int(A), 64)),
        (ia6.encode_excluded, (int(P.network_address), 56, int(P.network_address), 129)),
    ],
)
def test_values_that_do_not_fit(write: Any, values: tuple[Any, ...]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        write(*values)


@given(*[st.integers(0, 0xFFFFFFFF)] * 3, st.integers(0, (1 << 128) - 1))
def test_people_read_the_same(iaid: int, t1: int, t2: int, address: int) -> None:
    inner = ia6.encode_address(address, t1, t2)
    value = decode_value(Option.IA_NA, ia6.encode_ia(iaid, t1, t2, [(5, inner)]))
    lifetimes = {"preferred-lifetime": t1, "valid-lifetime": t2}
    said = {"option": "iaaddr", "value": {"address": IPv6Address(address), **lifetimes, "options": []}}
    assert value == {"iaid": iaid, "t1": t1, "t2": t2, "options": [said]}
