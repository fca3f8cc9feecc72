"""What is known of routers: RFC 4861, 6.3.4, and RFC 4191."""

import math
from dataclasses import replace
from ipaddress import IPv6Address

from hypothesis import given
from hypothesis import strategies as st

from tests.dhc4client.world import VirtualClock
from tests.dhc6pdclient.tenancy import WAN, Advertisement, advertisement, prefix
from vppdhc.dhc6pdclient.demand import Flags
from vppdhc.dhc6pdclient.routers import MOST_PREFIXES, MOST_ROUTERS, Routers, UpstreamRouter, UpstreamRouters
from vppdhc.packet.nd_options import Preference


def heard(*said: Advertisement, now: float = 0.0) -> Routers:
    routers = Routers()
    for one in said:
        routers.heard(one, now)
    return routers


def names(routers: Routers, now: float = 0.0) -> list[str]:
    return [str(router.address) for router in routers.routers(now)]


def best(routers: Routers, now: float = 0.0) -> list[str]:
    return [str(router.address) for router in routers.best(now)]


def test_a_router_is_one_as_long_as_it_says() -> None:
    routers = heard(advertisement(managed=True, other=False, preference=Preference.HIGH), now=100)
    (router,) = routers.routers(100)
    assert router == UpstreamRouter(IPv6Address("fe80::a"), True, False, 1800, 1900, Preference.HIGH, 100)
    assert names(routers, 1899.9) == ["fe80::a"]
    assert names(routers, 1900) == []
    assert routers.next_change(100) == 1900
    assert routers.next_change(1900) == math.inf


def test_a_lifetime_of_zero_ends_it_at_once() -> None:
    routers = heard(advertisement(), advertisement("fe80::b"))
    routers.heard(advertisement(lifetime=0), 1)
    assert names(routers, 1) == ["fe80::b"]


def test_each_word_takes_the_place_of_the_one_before() -> None:
    routers = heard(advertisement(lifetime=9000))
    routers.heard(advertisement(lifetime=30, preference=Preference.LOW), 10)
    assert [(router.until, router.preference) for router in routers.routers(10)] == [(40, Preference.LOW)]


def test_the_default_routes_lead_to_the_routers_of_the_highest_preference() -> None:
    routers = heard(
        advertisement("fe80::c", preference=Preference.LOW),
        advertisement("fe80::b", lifetime=100),
        advertisement("fe80::a", lifetime=100),
    )
    assert names(routers) == ["fe80::a", "fe80::b", "fe80::c"]
    assert best(routers) == ["fe80::a", "fe80::b"]
    assert best(routers, 100) == ["fe80::c"]
    routers.heard(advertisement("fe80::d", 10, preference=Preference.HIGH), 0)
    assert best(routers) == ["fe80::d"]
    assert best(routers, 10) == ["fe80::a", "fe80::b"]
    assert best(routers, 9999) == []


def test_flags_are_those_that_any_router_sets() -> None:
    assert heard().flags(0) is None
    routers = heard(advertisement(managed=False, other=True), advertisement("fe80::b", managed=False, other=False))
    assert routers.flags(0) == Flags(managed=False, other=True)
    routers.heard(advertisement("fe80::b", 100, managed=True, other=False), 0)
    assert routers.flags(0) == Flags(managed=True, other=True)
    assert routers.flags(100) == Flags(managed=False, other=True)
    assert routers.flags(1800) is None


def test_flags_of_who_is_no_default_router_count() -> None:
    """RFC 4861, 4.2: its lifetime says nothing of what else is in its advertisement."""
    routers = heard(advertisement(lifetime=0, managed=False, other=True), now=10)
    assert names(routers, 10) == []
    assert routers.flags(1809) == Flags(managed=False, other=True)
    assert routers.flags(1810) is None


def test_only_prefixes_with_the_a_flag_are_for_addresses() -> None:
    routers = heard(
        advertisement("fe80::a", 1800, prefix("2001:db8:2::/64"), prefix("2001:db8:1::/64", autonomous=False)),
        advertisement("fe80::b", 1800, prefix("2001:db8:0::/64", valid=10, preferred=5)),
    )
    assert [str(one.prefix) for one in routers.autonomous(0)] == ["2001:db8::/64", "2001:db8:2::/64"]
    assert [routers.next_change(now) for now in (0, 5, 10, 1800, 14400, 86400)] == [
        *(5, 10, 1800, 14400, 86400),
        math.inf,
    ]
    assert [str(one.prefix) for one in routers.autonomous(10)] == ["2001:db8:2::/64"]


# --- the link comes back


def test_routers_of_before_count_until_another_one_is_there_instead() -> None:
    routers = heard(advertisement(), advertisement("fe80::b"))
    routers.attached(100)
    assert names(routers, 200) == ["fe80::a", "fe80::b"], "nobody has said anything"
    routers.heard(advertisement("fe80::c"), 101)
    assert names(routers, 101) == ["fe80::a", "fe80::b", "fe80::c"]
    routers.heard(advertisement("fe80::b"), 102)
    assert routers.next_change(102) == 112
    assert names(routers, 112) == ["fe80::b", "fe80::c"]
    routers.heard(advertisement(), 200)
    assert names(routers, 200) == ["fe80::a", "fe80::b", "fe80::c"], "only its answer was lost"


def test_routers_of_an_interface_that_comes_back() -> None:
    clock, news = VirtualClock(now=0.0), list[str]()
    tables = UpstreamRouters(clock, news.append)
    tables.heard("wan0", advertisement())
    assert news == ["wan0"]
    clock.now = 5
    tables.interface_changed(None, WAN)
    tables.heard("wan0", advertisement("fe80::b"))
    clock.now = 20
    assert names(tables.of("wan0"), 20) == ["fe80::b"]
    assert news == ["wan0"] * 3
    tables.interface_changed(WAN, None)
    tables.interface_changed(WAN, WAN)
    tables.interface_changed(None, replace(WAN, name="wan9"))
    assert news == ["wan0"] * 3
    assert tables.flags("wan0") == Flags(managed=True, other=True)
    tables.keep([])
    assert tables.flags("wan0") is None


# --- whatever anybody sends


def test_many_routers_and_prefixes_take_no_memory() -> None:
    many = [prefix(f"2001:db8:{number:x}::/64") for number in range(100)]
    routers = heard(*(advertisement(f"fe80::{number:x}", 1800, *many) for number in range(1, 1000)))
    assert len(routers.routers(0)) == MOST_ROUTERS
    assert len(routers.autonomous(0)) == MOST_PREFIXES
    routers.heard(advertisement("fe80::1", 9000), 1)
    assert routers.routers(1)[0].lifetime == 9000, "those that are known go on"
    routers.heard(advertisement("fe80::ffff", 9000, prefix("2001:db8:ffff::/64")), 86400)
    assert names(routers, 86400) == ["fe80::ffff"]
    assert [str(one.prefix) for one in routers.autonomous(86400)] == ["2001:db8:ffff::/64"]


said = st.builds(
    lambda number, lifetime, preference: advertisement(f"fe80::{number}", lifetime, preference=preference),
    st.integers(1, 4),
    st.sampled_from([0, 1, 10, 100]),
    st.sampled_from(list(Preference)),
)


@given(st.lists(st.tuples(said, st.integers(0, 50))))
def test_a_router_counts_exactly_as_long_as_its_last_word_lasts(words: list[tuple[Advertisement, int]]) -> None:
    routers, now, last = Routers(), 0, dict[IPv6Address, tuple[int, Preference]]()
    for word, pause in words:
        now += pause
        routers.heard(word, now)
        last[word.router] = now + word.lifetime, word.preference
        live = {address: preference for address, (until, preference) in last.items() if until > now}
        assert {router.address: router.preference for router in routers.routers(now)} == live
        chosen = {router.preference for router in routers.best(now)}
        order = [Preference.HIGH, Preference.MEDIUM, Preference.LOW]
        assert chosen == {next(one for one in order if one in live.values())} if live else not chosen
