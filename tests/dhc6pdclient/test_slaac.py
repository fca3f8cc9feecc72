"""Addresses of an interface's own: RFC 4862, 5.5.3, and RFC 7217."""

import math
from ipaddress import IPv6Address, IPv6Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vppdhc.dhc6pdclient.slaac import SECRET, Autonomous, Slaac, interface_id, next_end, renewed
from vppdhc.dhc6pdclient.subprefixes import is_reserved

INFINITY = 0xFFFFFFFF
HOUR = 3600
P = IPv6Network("2001:db8:1::/64")
Q = IPv6Network("2001:db8:2::/64")
KEY = bytes(range(SECRET))


def lifetimes(valid_left: float, preferred: int, valid: int) -> tuple[float, float] | None:
    """Preferred and valid lifetime behind an advertisement, of an address that is valid for so long still."""
    known = Autonomous(P, 1000.0, 1000.0 + valid_left)
    after = renewed(known, P, preferred, valid, 1000.0)
    return None if after is None else (after.preferred_until - 1000, after.valid_until - 1000)


def test_a_new_prefix() -> None:
    assert renewed(None, P, 10, 20, 100) == Autonomous(P, 110, 120)
    assert renewed(None, P, INFINITY, INFINITY, 100) == Autonomous(P, math.inf, math.inf)
    assert renewed(None, P, 0, 20, 100) == Autonomous(P, 100, 120)


@pytest.mark.parametrize(
    ("prefix", "preferred", "valid"),
    [
        ("2001:db8:1::/64", 0, 0),  # d): a valid lifetime that is not 0
        ("2001:db8:1::/64", 21, 20),  # c)
        ("2001:db8:1::/48", 10, 20),  # d): with an interface identifier it has 128 bits
        ("2001:db8:1::/96", 10, 20),
        ("fe80::/64", 10, 20),  # b)
        ("ff05::/64", 10, 20),
        ("::/64", 10, 20),
    ],
)
def test_what_no_address_is_made_of(prefix: str, preferred: int, valid: int) -> None:
    assert renewed(None, IPv6Network(prefix), preferred, valid, 100) is None


@pytest.mark.parametrize(
    ("left", "valid", "expected"),
    [
        (10 * HOUR, 20 * HOUR, 20 * HOUR),  # longer than what is left
        (10 * HOUR, 3 * HOUR, 3 * HOUR),  # more than two hours
        (10 * HOUR, 2 * HOUR, 2 * HOUR),
        (10 * HOUR, 60, 2 * HOUR),  # cut to two hours
        (10 * HOUR, 0, 2 * HOUR),
        (HOUR, 2 * HOUR, 2 * HOUR),  # longer than what is left
        (HOUR, HOUR + 1, HOUR + 1),
        (HOUR, 60, HOUR),  # not less than what is left
        (HOUR, 0, HOUR),
        (2 * HOUR, 0, 2 * HOUR),
        (math.inf, 0, 2 * HOUR),
        (math.inf, INFINITY, math.inf),
        (HOUR, INFINITY, math.inf),
    ],
)
def test_the_two_hour_rule(left: float, valid: int, expected: float) -> None:
    assert lifetimes(left, 0, valid) == (0, expected)


def test_the_preferred_lifetime_is_taken_as_it_is() -> None:
    assert lifetimes(10 * HOUR, 0, 20 * HOUR) == (0, 20 * HOUR), "RFC 9096 has a lost prefix deprecated at once"
    assert lifetimes(10 * HOUR, 7, 60) == (7, 2 * HOUR)
    assert lifetimes(10 * HOUR, 61, 60) == (0, 10 * HOUR), "a senseless option changes nothing"
    assert lifetimes(10, INFINITY, INFINITY) == (math.inf, math.inf)


def test_an_address_that_has_ended_is_none() -> None:
    assert renewed(Autonomous(P, 5, 10), P, 0, 0, 10) is None
    assert renewed(Autonomous(P, 5, 10), P, 1, 2, 10) == Autonomous(P, 11, 12)
    assert renewed(Autonomous(P, 5, 10), P, 61, 60, 10) is None


@given(
    st.floats(0, 10**6),
    st.lists(st.tuples(st.integers(0, 10**5), st.integers(0, INFINITY), st.integers(0, INFINITY)), max_size=20),
)
def test_no_advertisement_ends_an_address_within_two_hours(start: float, words: list[tuple[int, int, int]]) -> None:
    known, now = renewed(None, P, 100, 10 * HOUR, start), start
    for pause, preferred, valid in words:
        now += pause
        before = known
        known = renewed(known, P, preferred, valid, now)
        if before is not None and before.valid_until > now:
            assert known is not None
            assert known.valid_until >= min(before.valid_until, now + 2 * HOUR)
            assert known.preferred_until <= known.valid_until


def test_when_something_ends() -> None:
    prefixes = [Autonomous(P, 5, 10), Autonomous(Q, 7, math.inf)]
    assert [next_end(prefixes, now) for now in (0, 5, 7, 10)] == [5, 7, 10, math.inf]


# --- the lower half


def test_an_identifier_is_stable_and_opaque() -> None:
    one = interface_id(KEY, P, "wan0", 0)
    assert one == interface_id(KEY, P, "wan0", 0)
    others = {
        interface_id(KEY, Q, "wan0", 0),
        interface_id(KEY, P, "wan1", 0),
        interface_id(KEY, P, "wan0", 1),
        interface_id(bytes(SECRET), P, "wan0", 0),
    }
    assert one not in others
    assert len(others) == 4
    assert 0 <= max(one, *others) < 1 << 64


def test_identifiers_are_spread_evenly() -> None:
    """Each bit is set in about half of them: no part of prefix or counter shines through."""
    found = [interface_id(KEY, P, "wan0", counter) for counter in range(2000)]
    for bit in range(64):
        assert 850 < sum(one >> bit & 1 for one in found) < 1150


@pytest.mark.parametrize("number", [0, 0x02005EFFFE000001, 0xFDFFFFFFFFFFFF80])
def test_reserved_identifiers(number: int) -> None:
    assert is_reserved(number)
    assert not is_reserved(number ^ 1 << 40)


def test_an_address_for_each_prefix() -> None:
    slaac = Slaac("wan0", KEY)
    found = slaac.addresses([Autonomous(P, 5, 10), Autonomous(Q, 7, 20)])
    assert [one.address in prefix for one, prefix in zip(found, (P, Q), strict=True)] == [True, True]
    assert [(one.preferred_until, one.valid_until) for one in found] == [(5, 10), (7, 20)]
    assert Slaac("wan0", KEY).addresses([Autonomous(Q, 7, 20)]) == found[1:]


def test_others_are_made_where_somebody_has_one_three_times() -> None:
    """RFC 7217, 6 and 7."""
    slaac, seen = Slaac("wan0", KEY), list[IPv6Address]()
    for _ in range(4):
        (one,) = slaac.addresses([Autonomous(P, 5, 10)])
        seen.append(one.address)
        assert list(slaac.problems) == []
        slaac.taken([one.address])
    assert len(set(seen)) == 4
    assert slaac.addresses([Autonomous(P, 5, 10), Autonomous(Q, 5, 10)])[0].address in Q
    assert [problem.split(":")[0] for problem in slaac.problems] == ["no address in 2001"]
    slaac.addresses([])
    assert slaac.addresses([Autonomous(P, 5, 10)])[0].address == seen[0], "once it has gone, it begins anew"
    assert list(slaac.problems) == []
