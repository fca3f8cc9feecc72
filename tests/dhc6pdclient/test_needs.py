"""What delegated prefixes need in VPP, and what hosts hear of them."""

import math
from ipaddress import IPv6Address, IPv6Interface, IPv6Network

import pytest
from hypothesis import given

from tests.dhc6pdclient.delegated import INFINITY, delegation, delegations, networks
from vppdhc.dhc6pdclient.config import Lan
from vppdhc.dhc6pdclient.needs import AdvertisedPrefix, advertised, needs, rejected
from vppdhc.dhc6pdclient.nptv6 import NptError, translate
from vppdhc.dhc6pdclient.prefixes import Delegation
from vppdhc.dhc6pdclient.subprefixes import LanPrefix, divide
from vppdhc.vpp.items import InterfaceAddress, Item, NptBinding, Route

INTERNAL = IPv6Network("fd00::/48")


def discarded(items: list[Item], table: int = 0) -> list[IPv6Network]:
    """Prefixes of the routes to discard, of which there are no others."""
    routes = [item for item in items if isinstance(item, Route)]
    assert routes == [Route(table, one.prefix, None, "", 255, "unreachable") for one in routes]
    assert len({item.slot for item in items}) == len(items)
    return [route.prefix for route in routes if isinstance(route.prefix, IPv6Network)]


def lan_needs(delegated: Delegation, *lans: Lan, table: int = 0) -> list[Item]:
    return needs("wan0", table, [delegated], divide([delegated], lans).assignments, None)


def npt_needs(delegated: Delegation, internal: IPv6Network = INTERNAL) -> list[Item]:
    return needs("wan0", 0, [delegated], [], translate(internal, delegated))


def test_addresses_and_the_whole_prefix_to_discard() -> None:
    items = lan_needs(delegation("2001:db8::/56"), Lan("lan0"), Lan("lan1", interface_id=IPv6Address("::ff")))
    assert items[:2] == [
        InterfaceAddress("lan0", IPv6Interface("2001:db8::1/64")),
        InterfaceAddress("lan1", IPv6Interface("2001:db8:0:1::ff/64")),
    ]
    assert discarded(items) == networks("2001:db8::/56")
    assert len(items) == 3


def test_routes_are_in_the_table_of_the_provider() -> None:
    assert discarded(lan_needs(delegation("2001:db8::/56"), table=7), table=7) == networks("2001:db8::/56")


def test_a_lan_that_has_it_all_leaves_nothing_to_discard() -> None:
    assert lan_needs(delegation("2001:db8::/64"), Lan("lan0")) == [
        InterfaceAddress("lan0", IPv6Interface("2001:db8::1/64"))
    ]
    items = lan_needs(delegation("2001:db8::/63", excluded="2001:db8::/64"), Lan("lan0"))
    assert items == [InterfaceAddress("lan0", IPv6Interface("2001:db8:0:1::1/64"))]


def test_the_providers_link_is_not_discarded() -> None:
    items = lan_needs(delegation("2001:db8::/60", excluded="2001:db8::/64"), Lan("lan0", subnet_id=4))
    assert discarded(items) == networks(
        "2001:db8:0:1::/64", "2001:db8:0:2::/63", "2001:db8:0:4::/62", "2001:db8:0:8::/61"
    )


def test_a_delegation_that_nobody_uses_is_discarded() -> None:
    both = [delegation("2001:db8:1::/56", 1), delegation("2001:db8:2::/56", 2)]
    items = needs("wan0", 0, both, [], translate(INTERNAL, both[0]))
    assert discarded(items) == networks("2001:db8:2::/56")


@pytest.mark.parametrize(
    ("delegated", "internal", "external", "discard"),
    [
        ("2001:db8::/48", "fd00::/48", "2001:db8::/48", []),
        ("2001:db8::/56", "fd00::/56", "2001:db8::/56", []),
        ("2001:db8::/60", "fd00::/64", "2001:db8::/64",
         ["2001:db8:0:1::/64", "2001:db8:0:2::/63", "2001:db8:0:4::/62", "2001:db8:0:8::/61"]),
        ("2001:db8::/64", "fd00::/64", "2001:db8::/64", []),
        ("2001:db8::/46", "fd00::/48", "2001:db8::/48", ["2001:db8:1::/48", "2001:db8:2::/47"]),
    ],
)  # fmt: skip
def test_translation_and_what_it_leaves(delegated: str, internal: str, external: str, discard: list[str]) -> None:
    items = npt_needs(delegation(delegated))
    assert items[0] == NptBinding("wan0", IPv6Network(internal), IPv6Network(external))
    assert discarded(items) == networks(*discard)
    assert len(items) == 1 + len(discard)


def test_what_is_not_used_of_an_internal_prefix_is_answered_for() -> None:
    assert rejected(7, INTERNAL) == Route(7, INTERNAL, None, "", 255, "unreachable")


@given(delegations(longest=64))
def test_every_address_of_a_delegation_has_one_place(delegated: Delegation) -> None:
    """Translated, of the provider's link, or to discard: never two of them, and never none."""
    try:
        items = npt_needs(delegated)
    except NptError:
        return
    binding = items[0]
    assert isinstance(binding, NptBinding)
    link = [] if delegated.excluded is None else [delegated.excluded]
    places = [binding.external, *link, *discarded(items)]
    assert sum(place.num_addresses for place in places) == delegated.prefix.num_addresses
    assert not any(one.overlaps(other) for one in places for other in places if one is not other)


# --- what hosts hear


def heard(delegated: Delegation) -> AdvertisedPrefix:
    (only,) = advertised(divide([delegated], [Lan("lan0")]).assignments, [])["lan0"]
    return only


@pytest.mark.parametrize(
    ("now", "lifetimes"),
    [
        (1000, (3600, 7200)),
        (1000.1, (3599, 7199)),
        (4599.5, (0, 3600)),
        (4600, (0, 3600)),
        (8199, (0, 1)),
        (8200, (0, 0)),
        (9e9, (0, 0)),
    ],
)
def test_lifetimes_count_down_with_the_delegation(now: float, lifetimes: tuple[int, int]) -> None:
    assert heard(delegation("2001:db8::/56", at=1000)).lifetimes(now) == lifetimes


def endless(preferred_until: float, valid_until: float) -> AdvertisedPrefix:
    prefix, delegated = networks("2001:db8::/64", "2001:db8::/56")
    return AdvertisedPrefix(prefix, delegated, preferred_until, valid_until, stale=False)


def test_a_lifetime_of_for_ever() -> None:
    assert heard(delegation("2001:db8::/56", preferred=INFINITY)).lifetimes(0) == (7200, 7200), "never after its end"
    assert endless(math.inf, math.inf).lifetimes(10**9) == (INFINITY, INFINITY)
    assert endless(3600, math.inf).lifetimes(0) == (3600, INFINITY)


def test_a_long_lifetime_is_not_one_of_for_ever() -> None:
    assert endless(2.0**33, 2.0**33).lifetimes(0) == (INFINITY - 1, INFINITY - 1)


def test_what_was_lost_has_no_lifetime_and_comes_last() -> None:
    delegated, old = delegation("2001:db8:2::/56"), IPv6Network("2001:db8:1::/56")
    stale = [
        LanPrefix("lan0", 1, old, IPv6Network("2001:db8:1::/64"), 9999),
        LanPrefix("gone0", 1, old, IPv6Network("2001:db8:1:1::/64"), math.inf),
    ]
    found = advertised(divide([delegated], [Lan("lan0"), Lan("lan1")]).assignments, stale)
    assert [(str(one.prefix), str(one.delegated), one.lifetimes(1), one.stale) for one in found["lan0"]] == [
        ("2001:db8:2::/64", "2001:db8:2::/56", (3599, 7199), False),
        ("2001:db8:1::/64", "2001:db8:1::/56", (0, 0), True),
    ]
    assert [str(one.prefix) for one in found["lan1"]] == ["2001:db8:2:1::/64"]
    assert [one.lifetimes(1) for one in found["gone0"]] == [(0, 0)]
