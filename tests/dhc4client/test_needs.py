"""What a lease needs in VPP."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from types import MappingProxyType

import pytest

from tests.dhc4client.world import wan
from vppdhc.dhc4client.config import ClientConfig
from vppdhc.dhc4client.needs import needs
from vppdhc.dhc4client.terms import StaticRoute, Terms
from vppdhc.vpp.items import InterfaceAddress, InterfaceMtu, Route


def terms(
    address: str = "192.0.2.50/24",
    routers: tuple[str, ...] = ("192.0.2.1",),
    routes: tuple[tuple[str, str], ...] = (),
    mtu: int | None = None,
) -> Terms:
    return Terms(
        address=IPv4Interface(address),
        server=IPv4Address("192.0.2.1"),
        server_mac=bytes(6),
        relay=None,
        lease_time=3600,
        t1=1800,
        t2=3150,
        routers=tuple(IPv4Address(router) for router in routers),
        routes=tuple(StaticRoute(IPv4Network(to), IPv4Address(router)) for to, router in routes),
        mtu=mtu,
        learned=MappingProxyType({}),
        options=MappingProxyType({}),
    )


def routes(of: Terms, config: ClientConfig | None = None, table4: int = 0) -> list[tuple[int, str, str, int]]:
    """Table, prefix, next hop and preference of all routes."""
    items = needs(of, config or ClientConfig(), replace(wan(), table4=table4))
    assert items[0] == InterfaceAddress("wan0", of.address)
    assert len({item.slot for item in items}) == len(items)
    found = [item for item in items if isinstance(item, Route)]
    assert all(route.interface == "wan0" and route.kind == "unicast" for route in found)
    return [(route.table, str(route.prefix), str(route.next_hop or "link"), route.preference) for route in found]


def test_default_router() -> None:
    assert routes(terms()) == [(0, "0.0.0.0/0", "192.0.2.1", 10)]


def test_the_first_of_several_default_routers() -> None:
    assert routes(terms(routers=("192.0.2.9", "192.0.2.1"))) == [(0, "0.0.0.0/0", "192.0.2.9", 10)]


def test_no_router() -> None:
    assert routes(terms(routers=())) == []


def test_classless_routes_take_the_place_of_the_router() -> None:
    assert routes(terms(routes=(("10.0.0.0/8", "192.0.2.2"),))) == [(0, "10.0.0.0/8", "192.0.2.2", 10)]


def test_classless_default_route() -> None:
    of = terms(routes=(("10.0.0.0/8", "192.0.2.2"), ("0.0.0.0/0", "192.0.2.3")))
    assert routes(of) == [(0, "10.0.0.0/8", "192.0.2.2", 10), (0, "0.0.0.0/0", "192.0.2.3", 10)]
    assert routes(of, ClientConfig(default_route=False)) == [(0, "10.0.0.0/8", "192.0.2.2", 10)]


def test_without_default_route() -> None:
    assert routes(terms(), ClientConfig(default_route=False)) == []


def test_preference_and_table() -> None:
    assert routes(terms(), ClientConfig(route_preference=200, route_table=9)) == [(9, "0.0.0.0/0", "192.0.2.1", 200)]
    assert routes(terms(), table4=5) == [(5, "0.0.0.0/0", "192.0.2.1", 10)]


def test_route_on_the_link() -> None:
    assert routes(terms(routes=(("198.51.100.0/24", "0.0.0.0"),))) == [(0, "198.51.100.0/24", "link", 10)]


def test_route_that_comes_with_the_address() -> None:
    assert routes(terms(routes=(("192.0.2.0/24", "0.0.0.0"), ("0.0.0.0/0", "192.0.2.1")))) == [
        (0, "0.0.0.0/0", "192.0.2.1", 10)
    ]


@pytest.mark.parametrize("prefix", [32, 24])
def test_router_off_the_link_gets_a_host_route(prefix: int) -> None:
    assert routes(terms(address=f"203.0.113.7/{prefix}", routers=("198.51.100.1",))) == [
        (0, "198.51.100.1/32", "link", 10),
        (0, "0.0.0.0/0", "198.51.100.1", 10),
    ]


def test_router_that_classless_routes_show_on_the_link() -> None:
    of = terms(address="203.0.113.7/32", routes=(("198.51.100.1/32", "0.0.0.0"), ("0.0.0.0/0", "198.51.100.1")))
    assert routes(of) == [(0, "198.51.100.1/32", "link", 10), (0, "0.0.0.0/0", "198.51.100.1", 10)]
    assert routes(of, ClientConfig(route_table=4)) == [
        (0, "198.51.100.1/32", "link", 10),
        (4, "198.51.100.1/32", "link", 10),
        (4, "0.0.0.0/0", "198.51.100.1", 10),
    ]


def test_router_off_the_link_is_found_by_the_interfaces_own_table() -> None:
    assert routes(terms(address="203.0.113.7/32"), ClientConfig(route_table=4), table4=2) == [
        (2, "192.0.2.1/32", "link", 10),
        (4, "0.0.0.0/0", "192.0.2.1", 10),
    ]


def test_router_that_is_the_client_itself() -> None:
    assert routes(terms(routers=("192.0.2.50",))) == [(0, "0.0.0.0/0", "link", 10)]


def test_mtu_only_when_wanted() -> None:
    assert InterfaceMtu("wan0", 1400) in needs(terms(mtu=1400), ClientConfig(use_mtu=True), wan())
    assert InterfaceMtu("wan0", 1400) not in needs(terms(mtu=1400), ClientConfig(), wan())
    assert len(needs(terms(), ClientConfig(use_mtu=True), wan())) == 2
