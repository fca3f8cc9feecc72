"""Which prefix a router on the LAN gets."""

from hashlib import blake2b
from ipaddress import IPv6Network
from math import inf
from typing import Any

import pytest

from tests.dhc6.allocating import CUSTOMERS, LAN, Advertised, Site, delegated, named, network, subnet
from tests.dhc6.clients import duid, interface, number
from vppdhc.dhc6.allocation import Choice, Why
from vppdhc.dhc6.config import Overrides, PrefixPoolConfig
from vppdhc.dhc6.levels import Life
from vppdhc.dhc6.reservations import Reservation
from vppdhc.interface import Interface
from vppdhc.leases.lease6 import Lease6, LeaseKind, Place6

FROM_WAN = PrefixPoolConfig("wan", 62, delegated_from="wan0")


def pool(length: int, prefix: str = "2001:db8:8000::/48", id_: str = "", **more: Any) -> PrefixPoolConfig:
    return PrefixPoolConfig(id_ or f"of {length}", length, network(prefix), **more)


def why(choice: Choice | None) -> Why | None:
    return None if choice is None else choice.why


def test_a_prefix_is_the_one_that_the_hash_of_duid_and_iaid_leads_to() -> None:
    site = Site(prefix_pools=(CUSTOMERS,))
    for station in range(1, 50):
        digest = blake2b(duid(station) + b"\0\0\0\1", digest_size=16).digest()
        choice = site.choose_prefix(station)
        assert named(choice) == str(list(network("2001:db8:8000::/48").subnets(new_prefix=56))[digest[-1]])
        assert choice is not None
        assert choice.place == Place6(0, LeaseKind.PREFIX, 56, choice.network)


def test_every_prefix_is_given_once_and_the_one_that_ended_first_makes_room() -> None:
    site = Site(prefix_pools=(pool(52),))
    leases = [site.take_prefix(station) for station in range(1, 17)]
    assert sorted(named(lease) for lease in leases) == sorted(
        map(str, network("2001:db8:8000::/48").subnets(new_prefix=52))
    )
    assert site.choose_prefix(17) is None
    assert named(site.choose_prefix(3)) == named(leases[2])
    site.end(leases[7])
    choice = site.choose_prefix(17)
    assert (named(choice), why(choice)) == (named(leases[7]), Why.OLDEST_ENDED)


def test_a_client_may_wish_a_prefix() -> None:
    site = Site(prefix_pools=(CUSTOMERS,))
    choice = site.choose_prefix(1, "2001:db8:8000:4200::/56")
    assert (named(choice), why(choice)) == ("2001:db8:8000:4200::/56", Why.WISH)
    site.grant(1, choice)
    for refused in ("2001:db8:8000:4200::/56", "2001:db8:8000:4200::/57", "2001:db8:8000::/48", "2001:db8:9::/56"):
        assert why(site.choose_prefix(2, refused)) is Why.HASH


@pytest.mark.parametrize(
    ("wish", "length"),
    [("::/56", 56), ("::/60", 60), ("::/64", 60), ("::/58", 56), ("::/50", 52), ("::/48", 52), ("::/0", 56)],
)
def test_the_length_that_a_client_wishes_or_the_next_larger_prefix(wish: str, length: int) -> None:
    """RFC 8168, 3.2. Of pools that are all smaller it is the largest; without a wish it is the first."""
    site = Site(prefix_pools=(pool(56), pool(60), pool(52)))
    choice = site.choose_prefix(1, wish)
    assert choice is not None
    assert choice.length == length


def test_a_wish_for_a_length_goes_before_what_the_client_had() -> None:
    site = Site(prefix_pools=(pool(56), pool(60, "2001:db8:9000::/48")))
    lease = site.take_prefix(1)
    assert lease.length == 56
    other = site.choose_prefix(1, "::/60")
    assert other is not None
    assert other.length == 60
    assert named(site.choose_prefix(1)) == named(lease)
    assert named(site.choose_prefix(1, "::/60", named(lease))) == named(lease)
    assert named(site.choose_prefix(1, "::/56")) == named(lease)


def test_prefixes_of_different_lengths_never_overlap() -> None:
    """Two pools share a prefix; when that is used up nobody gets anything."""
    site = Site(prefix_pools=(pool(58, "2001:db8:8000::/56"), pool(60, "2001:db8:8000::/56")))
    large = [site.take_prefix(station, "::/58") for station in (1, 2)]
    small: list[Lease6] = []
    while (choice := site.choose_prefix(10 + len(small), "::/60")) is not None and choice.length == 60:
        small.append(site.grant(10 + len(small), choice))
    assert len(small) == 8
    assert choice is None
    got = [IPv6Network((lease.network, lease.length)) for lease in (*large, *small)]
    assert not any(one.overlaps(other) for number_, one in enumerate(got) for other in got[:number_])


def test_prefixes_of_a_length_from_before_a_change_are_passed_by() -> None:
    site = Site(prefix_pools=(pool(64, "2001:db8:8000::/60"),))
    old = [site.take_prefix(station) for station in range(1, 6)]
    site.configure(prefix_pools=(pool(62, "2001:db8:8000::/60"),))
    taken = {lease.network >> 66 for lease in old}
    assert not site.allocation.grantable_prefix(
        site.asking(1, kind=LeaseKind.PREFIX), site.serving.networks.prefix_pools("tap0")[0], old[0].network, 64
    )
    new: list[Lease6] = []
    while (choice := site.choose_prefix(20 + len(new))) is not None:
        new.append(site.grant(20 + len(new), choice))
    assert sorted([lease.network >> 66 for lease in new] + sorted(taken)) == [
        (number("2001:db8:8000::") >> 66) + part for part in range(4)
    ]
    site.now += 7201
    site.expire()
    assert named(site.choose_prefix(40)) in {str(one) for one in network("2001:db8:8000::/60").subnets(new_prefix=62)}


def test_an_ended_prefix_that_was_divided_otherwise_makes_no_room() -> None:
    site = Site(prefix_pools=(pool(62, "2001:db8:8000::/62"),))
    site.end(site.take_prefix(1))
    site.configure(prefix_pools=(pool(63, "2001:db8:8000::/62"),))
    site.take_prefix(2)
    site.configure(prefix_pools=(pool(62, "2001:db8:8000::/62"),))
    assert site.choose_prefix(3) is None
    assert site.choose_prefix(1) is None
    site.now += 7201
    site.expire()
    assert named(site.choose_prefix(1)) == "2001:db8:8000::/62"


def test_networks_of_the_router_are_not_delegated() -> None:
    lan = interface("2001:db8:8000:1::1/64")
    other = interface("2001:db8:8000:24::1/62", name="tap1", index=2)
    elsewhere = interface("2001:db8:8000:30::1/64", name="tap2", index=3, table=7)
    site = Site(
        lan,
        other,
        elsewhere,
        prefix_pools=(pool(60, "2001:db8:8000::/58"),),
        subnets=(subnet("s", "2001:db8:8000:10::/63"),),
    )
    assert named(site.choose_prefix(1)) == named(site.choose_prefix(2)) == "2001:db8:8000:30::/60"
    site.become(lan, interface("2001:db8:9::1/64", name="tap1", index=2), elsewhere)
    got = {named(site.take_prefix(station)) for station in (1, 2)}
    assert got == {"2001:db8:8000:20::/60", "2001:db8:8000:30::/60"}


def test_parts_of_a_delegated_prefix_but_not_what_lans_have() -> None:
    site = Site(interface("2001:db8:0:80::1/64"), prefix_pools=(FROM_WAN,))
    assert site.choose_prefix(1) is None
    site.serving.set_delegations({"wan0": [delegated("2001:db8:0:80::/60", "2001:db8:0:8c::/64")], "wan1": []})
    site.serving.set_delegated({"tap9": [Advertised(network("2001:db8:0:84::/64"))]})
    lease = site.take_prefix(1)
    assert named(lease) == "2001:db8:0:88::/62"
    assert site.choose_prefix(2) is None
    site.serving.set_delegated({})
    assert named(site.choose_prefix(2)) == "2001:db8:0:84::/62"
    site.serving.set_delegations({})
    assert site.choose_prefix(1) is None
    site.serving.set_delegations({"wan0": [delegated("2001:db8:0:80::/63")]})
    assert site.serving.networks.prefix_pools("tap0") == ()


def test_lifetimes_end_with_the_delegation_and_a_deprecated_one_gives_nothing_new() -> None:
    site = Site(prefix_pools=(FROM_WAN,))
    old = delegated("2001:db8:0:80::/60", life=Life(site.now + 1000, site.now + 3000))
    site.serving.set_delegations({"wan0": [old]})
    lease = site.take_prefix(1)
    assert (lease.preferred, lease.valid, lease.expires) == (1000, 3000, site.now + 3000)
    site.now += 1000
    (first,) = site.serving.networks.prefix_pools("tap0")
    assert site.allocation.grantable_prefix(site.asking(1, kind=LeaseKind.PREFIX), first, lease.network, 62)
    assert not site.allocation.grantable_prefix(
        site.asking(2, kind=LeaseKind.PREFIX), first, lease.network + (4 << 64), 62
    )
    assert first.lifetimes(site.now) == (0, 2000)
    assert site.choose_prefix(2) is None
    site.serving.set_delegations({"wan0": [old, delegated("2001:db8:5:80::/60")]})
    for station in (1, 2):
        assert network(named(site.choose_prefix(station))).subnet_of(network("2001:db8:5:80::/60"))
    assert site.serving.networks.pool_around(0, lease.network, 62) is first


RESERVED = Reservation("r", duid=duid(1), prefix=network("2001:db8:8000:8000::/52"))


def test_a_reserved_prefix_of_any_length_within_what_is_delegated() -> None:
    site = Site(prefix_pools=(CUSTOMERS,))
    site.reserve(RESERVED)
    choice = site.choose_prefix(1)
    assert (named(choice), why(choice)) == ("2001:db8:8000:8000::/52", Why.RESERVATION)
    for station in range(2, 200):
        assert not network(named(site.take_prefix(station))).overlaps(network("2001:db8:8000:8000::/52"))
    assert why(site.choose_prefix(250, "2001:db8:8000:8100::/56")) is Why.HASH
    site.grant(1, choice)
    assert why(site.choose_prefix(1)) is Why.RESERVATION
    assert site.allocation.why(site.asking(1, kind=LeaseKind.PREFIX), RESERVED_PLACE) is Why.RESERVATION
    site.reserve(RESERVED._replace(prefix=network("2001:db8:9000::/56")))
    assert why(site.choose_prefix(1)) is Why.HASH


RESERVED_PLACE = Place6(0, LeaseKind.PREFIX, 52, number("2001:db8:8000:8000::"))


def test_a_reserved_prefix_waits_for_those_who_have_parts_of_it() -> None:
    site = Site(prefix_pools=(CUSTOMERS,))
    lease = site.take_prefix(2, "2001:db8:8000:8100::/56")
    site.reserve(RESERVED)
    assert why(site.choose_prefix(1)) is Why.HASH
    assert named(site.choose_prefix(2)) != named(lease)
    site.end(lease)
    assert named(site.choose_prefix(1)) == "2001:db8:8000:8000::/52"


def test_pools_of_the_same_length_share_nothing() -> None:
    site = Site(prefix_pools=(pool(52, "2001:db8:8000::/51", "first"), pool(52)))
    got = [site.take_prefix(station) for station in range(1, 17)]
    assert len({lease.network for lease in got}) == 16
    assert site.choose_prefix(17) is None
    sizes = [one.pool.size for one in site.serving.networks.prefix_pools("tap0")]
    assert sizes == [2, 14]


RELAY = number("2001:db8:77::1")
SERVED_BY = [
    ((), (), ["tap0", "tap1", "relay"]),
    (("tap1",), (), ["tap1"]),
    (("tap0",), (), ["tap0", "relay"]),
    ((), (RELAY,), ["relay"]),
    (("tap1",), (RELAY,), ["tap1", "relay"]),
    ((), (RELAY + 1,), []),
]


@pytest.mark.parametrize(("interfaces", "relays", "served"), SERVED_BY)
def test_whom_a_pool_serves(interfaces: tuple[str, ...], relays: tuple[int, ...], served: list[str]) -> None:
    site = Site(
        LAN, interface(name="tap1", index=2), prefix_pools=(pool(56, interfaces=interfaces, relay_addresses=relays),)
    )
    found = {
        "tap0": site.choose_prefix(1),
        "tap1": site.choose_prefix(1, name="tap1"),
        "relay": site.choose_prefix(1, link=RELAY),
    }
    assert [name for name, choice in found.items() if choice is not None] == served
    assert len({named(choice) for choice in found.values() if choice is not None}) <= 1
    assert site.choose_prefix(1, name="tap2") is None


def test_lifetimes_of_the_pool_the_interface_and_the_server() -> None:
    other = interface(name="tap1", index=2)
    site = Site(
        LAN,
        other,
        valid_lifetime=9000,
        per_interface={"tap1": Overrides(valid_lifetime=5000, preferred_lifetime=2000)},
        prefix_pools=(pool(56, overrides=Overrides(preferred_lifetime=2500)),),
    )
    here, there = site.choose_prefix(1), site.choose_prefix(1, name="tap1")
    assert here is not None
    assert there is not None
    assert here.lifetimes(site.now) == (2500, 9000)
    assert there.lifetimes(site.now) == (2500, 5000)
    assert named(here) == named(there)
    assert len({one.pool for one in site.serving.networks.pools()}) == 1


def test_a_pool_that_becomes_too_full_is_told_of_once() -> None:
    site = Site(LAN, interface(name="tap1", index=2), prefix_pools=(pool(51, max_utilization=50),))
    leases = [site.take_prefix(station) for station in range(1, 5)]
    assert site.serving.crossed() == []
    leases.append(site.take_prefix(5))
    (told,) = site.serving.crossed()
    assert (told.kind, told.pool_id, str(told.network), told.usage.exceeded) == (
        LeaseKind.PREFIX,
        "of 51",
        "2001:db8:8000::/48",
        True,
    )
    assert (told.usage.size, told.usage.allocated, told.usage.utilization) == (8, 5, 63)
    assert site.serving.crossed() == []
    for lease in leases[:2]:
        site.end(lease)
    (told,) = site.serving.crossed()
    assert not told.usage.exceeded


def test_pools_stay_when_nothing_of_them_changes() -> None:
    site = Site(prefix_pools=(CUSTOMERS,))
    (before,) = site.serving.networks.pools()
    site.serving.set_delegated({"tap0": [Advertised(network("2001:db8:1::/64"), 1.0, inf)]})
    site.become(interface("2001:db8:1::1/64", "2001:db8:2::1/64"))
    assert list(site.serving.networks.pools()) == [before]
    site.configure(prefix_pools=())
    assert list(site.serving.networks.pools()) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"prefix": None},
        {"delegated_from": "wan0"},
        {"length": 40},
        {"length": 129},
        {"max_utilization": 0},
    ],
)
def test_pools_that_cannot_be(wrong: dict[str, Any]) -> None:
    right: dict[str, Any] = {"id": "p", "length": 56, "prefix": network("2001:db8::/48")}
    with pytest.raises(ValueError, match="p"):
        PrefixPoolConfig(**{**right, **wrong})


def test_interfaces_that_are_not_served_have_no_pools() -> None:
    quiet: Interface = interface(name="tap1", index=2)
    site = Site(LAN, quiet, names=["tap0"], prefix_pools=(CUSTOMERS,))
    assert site.choose_prefix(1, name="tap1") is None
    assert site.choose_prefix(1) is not None
