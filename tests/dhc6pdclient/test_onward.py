"""What routers behind this one can have of delegated prefixes, and what they have, which no LAN has."""

import math
from dataclasses import replace
from ipaddress import IPv6Network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dhc6pdclient.delegated import delegation, lease
from tests.dhc6pdclient.tenancy import LANS, NPT, Tenancy, has
from vppdhc.dhc6pdclient.config import ClientConfig, ConflictDetection, Lan
from vppdhc.dhc6pdclient.subprefixes import divide

HOME = "2001:db8:1::/48"


def networks(*texts: str) -> list[IPv6Network]:
    return [IPv6Network(text) for text in texts]


def shown(tenancy: Tenancy) -> dict[str, list[str]]:
    """What was told last: what is taken, by prefix."""
    return {str(one.prefix): sorted(map(str, one.taken)) for one in tenancy.onward[-1]}


def test_what_lans_have_is_taken(tmp_path: Path) -> None:
    tenancy = Tenancy(tmp_path, LANS)
    tenancy.tenant.adopt(has(lease(HOME, preferred=1800, valid=3600, granted_at=1000.0)))
    assert shown(tenancy) == {HOME: ["2001:db8:1:1::/64", "2001:db8:1::/64"]}
    (found,) = tenancy.onward[-1]
    assert (found.preferred_until, found.valid_until) == (2800.0, 4600.0)


def test_what_is_translated_is_taken(tmp_path: Path) -> None:
    tenancy = Tenancy(tmp_path, NPT)
    tenancy.tenant.adopt(has(HOME))
    assert shown(tenancy) == {HOME: [HOME]}


def test_the_providers_link_is_taken(tmp_path: Path) -> None:
    tenancy = Tenancy(tmp_path, ClientConfig())
    excluded = replace(lease(HOME), excluded=IPv6Network("2001:db8:1:ffff::/64"))
    tenancy.tenant.adopt(has(excluded))
    assert shown(tenancy) == {HOME: ["2001:db8:1:ffff::/64"]}


def test_it_is_told_once_and_when_it_has_gone(tmp_path: Path) -> None:
    tenancy = Tenancy(tmp_path, LANS)
    tenancy.tenant.adopt(has(HOME))
    tenancy.tenant.work()
    assert len(tenancy.onward) == 1
    tenancy.tenant.withdraw()
    assert tenancy.onward[1:] == [()]


def test_it_is_told_before_anybody_waits(tmp_path: Path) -> None:
    tenancy = Tenancy(tmp_path, replace(LANS, conflict_detection=ConflictDetection.PROBE))
    known: list[int] = []
    tenancy.duplicates.meanwhile = lambda: known.append(len(tenancy.onward))
    tenancy.tenant.adopt(has(HOME, addresses=["2001:db8:f::5/128"]))
    assert known == [1]


def test_a_lan_does_not_get_what_a_router_has(tmp_path: Path) -> None:
    tenancy = Tenancy(tmp_path, LANS)
    tenancy.handed_on = networks("2001:db8:1::/60", "2001:db8:ffff::/56")
    tenancy.tenant.adopt(has(HOME))
    assert (tenancy.addresses("lan0"), tenancy.addresses("lan1")) == (["2001:db8:1:10::1/64"], ["2001:db8:1:11::1/64"])


def test_a_lan_keeps_what_it_has_whatever_routers_get_beside_it(tmp_path: Path) -> None:
    tenancy = Tenancy(tmp_path, LANS)
    tenancy.tenant.adopt(has(HOME))
    tenancy.handed_on = networks("2001:db8:1:10::/60")
    tenancy.tenant.config = replace(LANS, lans=(*LANS.lans, Lan("lan2", prefix_length=60)))
    tenancy.tenant.work()
    assert tenancy.addresses("lan0") == ["2001:db8:1::1/64"]
    assert tenancy.addresses("lan2") == ["2001:db8:1:20::1/60"]


@pytest.mark.parametrize("given_on", ["2001:db8:1:70::/60", HOME, "2001:db8::/32"])
def test_a_configured_number_that_a_router_has_is_a_problem(given_on: str) -> None:
    division = divide([delegation(HOME)], [Lan("a", subnet_id=0x77)], (), networks(given_on))
    assert division.assignments == ()
    (problem,) = division.problems
    has_it = given_on if given_on == "2001:db8:1:70::/60" else HOME
    assert problem == (
        "a gets no prefix: 2001:db8:1:77::/64, with subnet-id 119, overlaps "
        f"{has_it} of a router that it is delegated to: give another one"
    )


PARTS = st.builds(
    lambda number, length: IPv6Network(((0x20010DB8_0001 << 80) + (number << (128 - length)), length)),
    st.integers(0, 15),
    st.sampled_from((52, 56, 60, 64)),
)
WISHES = st.lists(st.tuples(st.integers(0, 20) | st.none(), st.sampled_from((56, 60, 64))), max_size=5)


@given(st.lists(PARTS, max_size=6), WISHES)
def test_lans_and_routers_never_have_the_same(
    handed_on: list[IPv6Network], wishes: list[tuple[int | None, int]]
) -> None:
    lans = [Lan(f"lan{place}", subnet_id=number, prefix_length=size) for place, (number, size) in enumerate(wishes)]
    division = divide([delegation(HOME)], lans, (), handed_on)
    assert len(division.assignments) + len(division.problems) == len(lans)
    for one in division.assignments:
        assert not any(one.prefix.overlaps(other) for other in handed_on)


def test_what_lives_for_ever(tmp_path: Path) -> None:
    tenancy = Tenancy(tmp_path, ClientConfig())
    tenancy.tenant.adopt(has(lease(HOME, preferred=0xFFFFFFFF, valid=0xFFFFFFFF)))
    assert (tenancy.onward[-1][0].preferred_until, tenancy.onward[-1][0].valid_until) == (math.inf, math.inf)
