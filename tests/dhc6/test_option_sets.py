"""Options of levels over one another, and what is learned from the provider."""

import pytest

from vppdhc.dhc6.options import NO_OPTIONS, FromUpstream, OptionSet
from vppdhc.packet import names

DNS, SEARCH, SNTP, NTP, PORTAL = 23, 24, 31, 56, 103


def address(*words: int) -> bytes:
    return b"".join(word.to_bytes(2, "big") for word in words).ljust(15, b"\0") + b"\x53"


PUBLIC, OTHER = address(0x2001, 0xDB8), address(0x2001, 0xDB8, 1)


def learned(code: int, *values: bytes, before: bytes = b"", after: bytes = b"") -> bytes | None:
    upstream = {f"wan{number}": {code: value} for number, value in enumerate(values)}
    return OptionSet({code: FromUpstream(before, after)}).resolved(upstream).get(code)


@pytest.mark.parametrize("code", [DNS, SNTP])
def test_addresses_are_joined_each_once(code: int) -> None:
    assert learned(code, PUBLIC, OTHER + PUBLIC, before=OTHER, after=address(0x2001, 2)) == OTHER + PUBLIC + address(
        0x2001, 2
    )
    assert learned(code) is None
    assert learned(code, PUBLIC[:15]) is None


@pytest.mark.parametrize(
    "useless", [bytes(16), bytes(15) + b"\1", address(0xFF02), address(0xFE80), bytes(10) + b"\xff\xff\1\2\3\4"]
)
def test_addresses_that_hosts_cannot_reach_are_left_out(useless: bytes) -> None:
    assert learned(DNS, useless + PUBLIC) == PUBLIC
    assert learned(DNS, before=useless) == useless


def test_names_are_joined_each_once_and_without_compression() -> None:
    theirs = names.encode_list(["example.net", "lan.example.net", "EXAMPLE.net"])
    assert learned(SEARCH, theirs, before=names.encode_plain("own.example")) == names.encode_plain_list(
        ["own.example", "example.net", "lan.example.net"]
    )


@pytest.mark.parametrize("name", [b"\4$(id\0", b"\5a b;c\0", b"\xff", b"\1a"])
def test_names_that_are_no_host_names_are_left_out(name: bytes) -> None:
    assert learned(SEARCH, name) is None


def test_time_servers() -> None:
    good = b"\0\1\0\x10" + PUBLIC + b"\0\3\0\5\3ntp\0"
    multicast = b"\0\2\0\x10" + address(0xFF0E)
    assert learned(NTP, good, multicast + good[:20]) == good
    assert learned(NTP, b"\0\1\0\x10cut", b"\0\3\0\3\1;\0", b"\0\1\0\1x") is None
    assert learned(NTP, before=multicast) == multicast


def test_the_first_portal_that_is_one() -> None:
    assert (
        learned(PORTAL, b"not a uri", b"https://example.net/api", b"https://example.org") == b"https://example.net/api"
    )
    assert learned(PORTAL, b"https://" + b"a" * 1020) is None


def test_no_more_than_so_many() -> None:
    many = b"".join(address(0x2001, number) for number in range(1, 100))
    found = learned(DNS, many)
    assert found == many[: 32 * 16]


def test_one_interface_or_all() -> None:
    upstream = {"wan0": {DNS: PUBLIC}, "wan1": {DNS: OTHER}}
    from_one = OptionSet({DNS: FromUpstream()}, upstream_interface="wan1")
    assert from_one.resolved(upstream) == {DNS: OTHER}
    assert OptionSet({DNS: FromUpstream()}).resolved(upstream) == {DNS: PUBLIC + OTHER}
    assert from_one.resolved({}) == {}


def test_levels() -> None:
    outer = OptionSet({DNS: b"outer", SEARCH: b"outer"}, frozenset({200}), "wan0")
    inner = OptionSet({DNS: b"inner", 200: b"inner"}, frozenset({SEARCH}))
    both = inner.over(outer)
    assert both.values == {DNS: b"inner", 200: b"inner"}
    assert (both.omitted, both.upstream_interface) == (frozenset({SEARCH}), "wan0")
    assert NO_OPTIONS.over(outer) is outer
    assert inner.over(NO_OPTIONS) is inner
    assert OptionSet({DNS: b"x"}, frozenset({DNS})).values == {}
    assert hash(OptionSet({1: b"a"})) == hash(OptionSet({1: b"a"}))
