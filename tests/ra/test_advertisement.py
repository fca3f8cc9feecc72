"""What advertisements say: whole packets against scapy, each option, defaults, and what needs several packets."""

from ipaddress import IPv6Address, IPv6Network
from typing import Any

import pytest

from tests.packet.scapy_layers6 import Ether, inet6
from tests.ra.world import ALL_NODES, DELEGATED, MAC, PART, ROUTER, Seen, World, given, lan
from vppdhc.packet.nd_options import INFINITY, Preference
from vppdhc.ra.config import UPSTREAM, InterfaceConfig, Pref64Config, PrefixConfig, RouteConfig

SLLA = inet6.ICMPv6NDOptSrcLLAddr(lladdr=MAC)
DNS = (IPv6Address("2001:db8::53"), IPv6Address("2001:db8::54"))


def first(*, delegated: Any = (), upstream: bool | None = None, interface: Any = None, **settings: Any) -> Seen:
    """The first advertisement with these settings."""
    world = World(interface or lan("2001:db8:1::1/64"), **settings)
    if delegated:
        world.delegate(*delegated)
    if upstream is not None:
        world.learn({}, {"wan0": upstream})
    return world.run(0).seen[0]


def expected(*options: Any, **fields: Any) -> bytes:
    """The frame as scapy writes it. fields: of the router advertisement."""
    usual = {"chlim": 64, "M": 1, "O": 1, "prf": 0, "routerlifetime": 1800, "reachabletime": 0, "retranstimer": 0}
    packet: Any = Ether(src=MAC, dst="33:33:00:00:00:01") / inet6.IPv6(src=ROUTER, dst=ALL_NODES, hlim=255)
    packet /= inet6.ICMPv6ND_RA(**{**usual, **fields})
    for option in options:
        packet /= option
    return bytes(packet)


def information(prefix: str, length: int = 64, **fields: Any) -> Any:
    usual = {"L": 1, "A": 1, "validlifetime": 2592000, "preferredlifetime": 604800}
    return inet6.ICMPv6NDOptPrefixInfo(prefix=prefix, prefixlen=length, **{**usual, **fields})


def static(prefix: str, **more: Any) -> PrefixConfig:
    return PrefixConfig(IPv6Network(prefix), **more)


# Header and options, each against scapy


def test_with_nothing_but_the_interface_m_and_o_are_set_and_no_prefix_is_there() -> None:
    assert first().frame == expected(SLLA)


@pytest.mark.parametrize(
    ("settings", "fields"),
    [
        ({"managed_flag": False}, {"M": 0}),
        ({"other_config_flag": False}, {"O": 0}),
        ({"cur_hop_limit": 255}, {"chlim": 255}),
        ({"cur_hop_limit": 0}, {"chlim": 0}),
        ({"reachable_time": 3_600_000}, {"reachabletime": 3_600_000}),
        ({"retrans_timer": 0xFFFFFFFF}, {"retranstimer": 0xFFFFFFFF}),
        ({"default_lifetime": 9000}, {"routerlifetime": 9000}),
        ({"default_lifetime": 65535}, {"routerlifetime": 65535}),
        ({"default_lifetime": 0}, {"routerlifetime": 0}),
        ({"max_rtr_adv_interval": 100}, {"routerlifetime": 300}),
        ({"max_rtr_adv_interval": 65535}, {"routerlifetime": 65535}),
        ({"router_preference": Preference.HIGH}, {"prf": 1}),
        ({"router_preference": Preference.LOW}, {"prf": 3}),
        ({"router_preference": Preference.HIGH, "default_lifetime": 0}, {"prf": 0, "routerlifetime": 0}),
    ],
)
def test_each_field(settings: dict[str, Any], fields: dict[str, Any]) -> None:
    assert first(**settings).frame == expected(SLLA, **fields)


def test_the_hardware_address_can_be_left_out() -> None:
    assert first(source_link_layer_address=False).frame == expected()


def test_mtu() -> None:
    assert first(link_mtu=1492).frame == expected(SLLA, inet6.ICMPv6NDOptMTU(mtu=1492))


@pytest.mark.parametrize(
    ("config", "fields"),
    [
        ({}, {}),
        ({"on_link_flag": False}, {"L": 0}),
        ({"autonomous_flag": False}, {"A": 0}),
        ({"valid_lifetime": 7200, "preferred_lifetime": 0}, {"validlifetime": 7200, "preferredlifetime": 0}),
        (
            {"valid_lifetime": INFINITY, "preferred_lifetime": INFINITY},
            {"validlifetime": INFINITY, "preferredlifetime": INFINITY},
        ),
    ],
)
def test_a_configured_prefix(config: dict[str, Any], fields: dict[str, Any]) -> None:
    seen = first(prefixes=(static("2001:db8:7::/64", **config),))
    assert seen.frame == expected(SLLA, information("2001:db8:7::", **fields))


def test_the_p_flag_is_that_of_all_prefixes_and_leaves_the_others_alone() -> None:
    prefixes = (static("2001:db8:7::/64", autonomous_flag=False), static("2001:db8:8::/64", on_link_flag=False))
    seen = first(dhcpv6_pd_preferred_flag=True, prefixes=prefixes)
    assert seen.frame == expected(
        SLLA, information("2001:db8:7::", A=0, res1=0x10), information("2001:db8:8::", L=0, res1=0x10)
    )


def test_prefixes_of_the_interface_are_advertised_where_that_is_wanted() -> None:
    interface = lan("2001:db8:1::1/64", "2001:db8:1::2/64", "2001:db8:2::1/48", "2001:db8:3::1/128", "fe80::7/64")
    seen = first(interface=interface, advertise_interface_prefixes=True)
    # Only in prefixes of length 64 can hosts make themselves addresses.
    assert seen.frame == expected(SLLA, information("2001:db8:1::"), information("2001:db8:2::", 48, A=0))


def test_hosts_make_themselves_addresses_in_those_by_choice() -> None:
    seen = first(advertise_interface_prefixes=True, interface_prefix_autonomous_flag=False)
    assert seen.frame == expected(SLLA, information("2001:db8:1::", A=0))


def test_what_clients_give_is_advertised_on_link_and_autonomous_with_a_route_to_the_whole() -> None:
    seen = first(delegated=[given(11_000.0, 12_000.0)])
    assert seen.frame == expected(
        SLLA,
        information(str(PART.network_address), preferredlifetime=1000, validlifetime=2000),
        inet6.ICMPv6NDOptRouteInfo(prefix=str(DELEGATED.network_address), plen=56, rtlifetime=2000, len=2),
    )


def test_a_part_that_hosts_make_no_addresses_in() -> None:
    seen = first(delegated=[given(11_000.0, 12_000.0, IPv6Network("2001:db8:100:10::/60"))])
    (option,) = seen.options(inet6.ICMPv6NDOptPrefixInfo)
    assert (option.L, option.A) == (1, 0)


def test_it_is_left_out_where_that_is_wanted() -> None:
    assert first(delegated=[given(11_000.0, 12_000.0)], advertise_delegated_prefixes=False).frame == expected(SLLA)


def test_a_delegation_that_the_lan_has_all_of_needs_no_route() -> None:
    assert first(delegated=[given(11_000.0, 12_000.0, PART, delegated=PART)]).routes == {}


def test_routes() -> None:
    routes = (
        RouteConfig(IPv6Network("::/0"), Preference.LOW, 1800),
        RouteConfig(IPv6Network("fd00::/8"), Preference.HIGH, INFINITY),
        RouteConfig(IPv6Network("2001:db8:0:0:8000::/65"), lifetime=0),
    )
    option = inet6.ICMPv6NDOptRouteInfo
    assert first(routes=routes).frame == expected(
        SLLA,
        option(plen=0, prf=3, rtlifetime=1800, len=1),
        option(prefix="fd00::", plen=8, prf=1, rtlifetime=INFINITY, len=2),
        option(prefix="2001:db8:0:0:8000::", plen=65, prf=0, rtlifetime=0, len=3),
    )


def test_a_route_is_told_once_and_as_it_is_configured() -> None:
    route = RouteConfig(DELEGATED, Preference.HIGH, 600)
    (option,) = first(routes=(route,), delegated=[given(20_000.0, 20_000.0)]).options(inet6.ICMPv6NDOptRouteInfo)
    assert (option.prf, option.rtlifetime) == (1, 600)


def test_no_more_than_seventeen_routes_unless_configured() -> None:
    wholes = [IPv6Network((int(DELEGATED.network_address) + (number << 80), 48)) for number in range(30)]
    delegated = [
        given(20_000.0, 20_000.0, IPv6Network((whole.network_address, 64)), delegated=whole) for whole in wholes
    ]
    world = World()
    world.delegate(*delegated)
    assert sum(len(seen.routes) for seen in world.run(0).seen) == 17


def test_dns_servers_and_domains_live_three_intervals_by_default() -> None:
    assert first(rdnss=DNS, dnssl=("example.com", "lab.example.com")).frame == expected(
        SLLA,
        inet6.ICMPv6NDOptRDNSS(res=0, lifetime=1800, dns=list(map(str, DNS))),
        inet6.ICMPv6NDOptDNSSL(res=0, lifetime=1800, searchlist=["example.com", "lab.example.com"]),
    )


def test_their_lifetimes_can_be_others() -> None:
    settings: dict[str, Any] = {"rdnss": DNS[:1], "dnssl": ("example.com",)}
    seen = first(**settings, rdnss_lifetime=INFINITY, dnssl_lifetime=0)
    assert seen.frame == expected(
        SLLA,
        inet6.ICMPv6NDOptRDNSS(res=0, lifetime=INFINITY, dns=[str(DNS[0])]),
        inet6.ICMPv6NDOptDNSSL(res=0, lifetime=0, searchlist=["example.com"]),
    )


def test_captive_portal() -> None:
    uri = "https://portal.example.com/api"
    assert first(captive_portal=uri).frame == expected(SLLA, inet6.ICMPv6NDOptCaptivePortal(URI=uri.encode()))


@pytest.mark.parametrize(("length", "code"), [(96, 0), (64, 1), (56, 2), (48, 3), (40, 4), (32, 5)])
def test_nat64_prefixes(length: int, code: int) -> None:
    seen = first(pref64=(Pref64Config(IPv6Network(f"2001:db8::/{length}"), 600),))
    assert seen.frame == expected(SLLA, inet6.ICMPv6NDOptPREF64(scaledlifetime=75, plc=code, prefix="2001:db8::"))


def test_a_router_does_not_outlive_its_nat64_prefixes() -> None:
    pref64 = (Pref64Config(IPv6Network("64:ff9b::/96"), 65528),)
    assert first(pref64=pref64, default_lifetime=65535).ra.routerlifetime == 65528


# Default lifetime without a way to the provider (RFC 7084)


@pytest.mark.parametrize(("upstream", "lifetime"), [(None, 0), (False, 0), (True, 1800)])
def test_a_router_without_upstream_is_no_default_router_by_choice(upstream: bool | None, lifetime: int) -> None:
    assert first(upstream=upstream, default_lifetime_follows_upstream=True).ra.routerlifetime == lifetime
    assert first(upstream=upstream).ra.routerlifetime == 1800


def test_upstream_that_goes_and_comes_is_announced_at_once() -> None:
    world = World(default_lifetime_follows_upstream=True)
    world.learn({}, {"wan0": True})
    world.run(100).fresh()
    for there in (False, True):
        world.learn({}, {"wan0": there})
        seen = world.run(5).last
        assert seen.ra.routerlifetime == 1800 * there
        assert len(world.seen) == 1
        world.fresh()


def test_it_is_the_upstream_of_the_interface_that_counts() -> None:
    world = World(default_lifetime_follows_upstream=True, upstream_interface="wan1")
    world.learn({}, {"wan0": True})
    assert world.run(0).last.ra.routerlifetime == 0
    world.learn({}, {"wan0": True, "wan1": True})
    assert world.run(5).last.ra.routerlifetime == 1800


def test_without_any_prefix_it_is_none_either() -> None:
    settings: dict[str, Any] = {"default_lifetime_follows_upstream": True}
    assert first(interface=lan(), upstream=True, **settings).ra.routerlifetime == 0
    delegated = [given(20_000.0, 20_000.0)]
    assert first(interface=lan(), upstream=True, delegated=delegated, **settings).ra.routerlifetime == 1800


def test_routes_into_the_delegation_are_told_without_upstream_too() -> None:
    seen = first(upstream=False, default_lifetime_follows_upstream=True, delegated=[given(20_000.0, 20_000.0)])
    assert seen.ra.routerlifetime == 0
    assert seen.routes == {str(DELEGATED): 5400}


# More than one packet


def test_too_much_for_one_packet_becomes_several_with_the_same_header() -> None:
    prefixes = tuple(static(f"2001:db8:{number:x}::/64") for number in range(100))
    servers = tuple(IPv6Address(f"2001:db8::{number:x}") for number in range(1, 101))
    domains = tuple(f"{'x' * 60}.{number}.example.com" for number in range(40))
    world = World(
        prefixes=prefixes, rdnss=servers, dnssl=domains, captive_portal="https://" + "a" * 1000, link_mtu=1500
    )
    world.run(0)
    assert len(world.seen) > 3
    assert all(len(seen.frame) <= 14 + 1280 for seen in world.seen)
    headers = {bytes(seen.ra)[4:16] for seen in world.seen}
    assert len(headers) == 1
    found: list[str] = []
    names: list[str] = []
    for seen in world.seen:
        found += [one.prefix for one in seen.options(inet6.ICMPv6NDOptPrefixInfo)]
        names += [name for one in seen.options(inet6.ICMPv6NDOptDNSSL) for name in one.searchlist]
    assert found == [str(one.prefix.network_address) for one in prefixes]
    assert [server for seen in world.seen for server in seen.servers] == list(map(str, servers))
    assert [name.rstrip(".") for name in names] == list(domains)
    for kind in (inet6.ICMPv6NDOptSrcLLAddr, inet6.ICMPv6NDOptMTU, inet6.ICMPv6NDOptCaptivePortal):
        assert sum(len(seen.options(kind)) for seen in world.seen) == 1
    assert world.counters.unsolicited == 1


def test_what_was_sent_last_is_known() -> None:
    world = World(prefixes=(static("2001:db8:7::/64"),), rdnss=DNS, dnssl=("example.com",))
    world.run(0)
    last = world.sender.last
    assert last is not None
    assert (last.at, str(last.source)) == (world.now, ROUTER)
    assert last.packets == (world.last.frame[54:],)
    assert [str(one.prefix) for one in last.advertisement.prefixes] == ["2001:db8:7::/64"]
    assert last.advertisement.rdnss == DNS
    assert last.advertisement.dnssl == ("example.com",)


# Settings of different levels


@pytest.mark.parametrize(
    ("longest", "said", "shortest"),
    [(600, None, 200), (9, None, 3), (8, None, 6), (4, None, 3), (100, 75, 75), (100, 76, 100 / 3), (600, 3, 3)],
)
def test_the_shortest_interval(longest: int, said: int | None, shortest: float) -> None:
    config = InterfaceConfig(max_rtr_adv_interval=longest, min_rtr_adv_interval=said)
    assert config.min_interval == pytest.approx(shortest)


@pytest.mark.parametrize(("said", "lifetime"), [(None, 300), (0, 0), (99, 300), (100, 100), (9000, 9000)])
def test_a_lifetime_that_ends_before_the_next_advertisement_gives_way(said: int | None, lifetime: int) -> None:
    config = InterfaceConfig(max_rtr_adv_interval=100, default_lifetime=said)
    assert config.lifetime == lifetime
    assert config.dns_lifetime(said) == lifetime


@pytest.mark.parametrize(
    "settings",
    [
        {"max_rtr_adv_interval": 3},
        {"max_rtr_adv_interval": 65536},
        {"dnssl": (".",)},
        {"dnssl": (UPSTREAM, "a" * 64)},
        {"captive_portal": "https://exämple.com"},
        {"pref64": (Pref64Config(IPv6Network("2001:db8::/50")),)},
    ],
)
def test_what_cannot_be_sent_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        InterfaceConfig(**settings)


@pytest.mark.parametrize(("preferred", "valid"), [(2, 1), (-1, 1), (1, INFINITY + 1)])
def test_lifetimes_that_cannot_be(preferred: int, valid: int) -> None:
    with pytest.raises(ValueError, match="preferred"):
        static("2001:db8::/64", preferred_lifetime=preferred, valid_lifetime=valid)
