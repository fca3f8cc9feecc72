"""Configured subnets: where they are, what is in their pools, who is served in them, and what follows a change."""

from dataclasses import replace
from ipaddress import IPv4Network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dhc4.clients import (
    TWO_LANS,
    Lan,
    dropped,
    interface,
    message,
    number,
    options,
    reboot,
    renew,
    reservation,
    text,
)
from vppdhc.dhc4.config import Overrides, PoolConfig, ServerConfig, Settings, SubnetConfig
from vppdhc.dhc4.events import PoolEvent
from vppdhc.dhc4.layout import overlaps
from vppdhc.dhc4.request import Drop
from vppdhc.dhc4.reservations import Reservations
from vppdhc.dhc4.subnet import Subnet
from vppdhc.interface import Interface
from vppdhc.leases.usage import PoolUsage

LAN = TWO_LANS[0]


def subnet(id_: str = "a", network: str = "192.168.1.0/24", *pools: PoolConfig, **more: Any) -> SubnetConfig:
    relays = tuple(number(address) for address in more.pop("relays", ()))
    excluded = tuple((number(first), number(last)) for first, last in more.pop("excluded", ()))
    return SubnetConfig(id_, IPv4Network(network), pools=pools, relay_addresses=relays, excluded=excluded, **more)


def pool(first: str, last: str, id_: str = "p", **overrides: Any) -> PoolConfig:
    return PoolConfig(id_, number(first), number(last), Overrides(**overrides))


def served_by(*subnets: SubnetConfig, on: tuple[Interface, ...] = (LAN,), **config: Any) -> Lan:
    return Lan(*on, config=ServerConfig(subnets=subnets, **config))


def at(lan: Lan, name: str = "tap0") -> tuple[Subnet, ...]:
    served = lan.server.networks.served(name)
    return () if served is None else served.subnets


def ranges(found: Subnet) -> dict[str, list[str]]:
    return {own.id: [f"{text(start)}-{text(stop - 1)}" for start, stop in own.pool.ranges] for own in found.pools}


# Pools


@pytest.mark.parametrize(
    ("configured", "expected"),
    [
        (subnet(), {"": ["192.168.1.25-192.168.1.254"]}),
        (subnet(overrides=Overrides(static_percentage=50)), {"": ["192.168.1.128-192.168.1.254"]}),
        (
            subnet(excluded=[("192.168.1.30", "192.168.1.39"), ("192.168.1.50", "192.168.1.50")]),
            {"": ["192.168.1.25-192.168.1.29", "192.168.1.40-192.168.1.49", "192.168.1.51-192.168.1.254"]},
        ),
        (
            subnet(
                "a", "192.168.1.0/24", pool("192.168.1.2", "192.168.1.9"), pool("192.168.1.20", "192.168.1.29", "q")
            ),
            {"p": ["192.168.1.2-192.168.1.9"], "q": ["192.168.1.20-192.168.1.29"]},
        ),
        (
            subnet("a", "192.168.1.0/24", pool("192.168.1.0", "192.168.1.255")),
            {"p": ["192.168.1.2-192.168.1.254"]},  # neither network, broadcast nor router's address
        ),
        (
            subnet(
                "a",
                "192.168.1.0/24",
                pool("192.168.1.2", "192.168.1.9"),
                pool("192.168.1.20", "192.168.1.29", "q"),
                excluded=[("192.168.1.1", "192.168.1.9"), ("192.168.1.25", "192.168.1.99")],
            ),
            {"q": ["192.168.1.20-192.168.1.24"]},
        ),
        # What no commit lets through does no harm either.
        (subnet("a", "192.168.1.0/24", pool("192.168.1.9", "192.168.1.2")), {}),
        (subnet("a", "192.168.1.0/24", pool("192.168.0.9", "192.168.1.5")), {"p": ["192.168.1.2-192.168.1.5"]}),
        (
            subnet("a", "192.168.1.0/24", pool("192.168.1.5", "192.168.1.9"), pool("192.168.1.2", "192.168.1.20", "q")),
            {"p": ["192.168.1.5-192.168.1.9"], "q": ["192.168.1.2-192.168.1.4", "192.168.1.10-192.168.1.20"]},
        ),
    ],
)
def test_addresses_for_clients(configured: SubnetConfig, expected: dict[str, list[str]]) -> None:
    (found,) = at(served_by(configured))
    assert ranges(found) == expected
    assert (found.id, found.interface, text(found.server_id)) == ("a", "tap0", "192.168.1.1")


RANGE = st.tuples(st.integers(0, 255), st.integers(0, 255)).map(sorted)


@given(st.lists(RANGE, max_size=4), st.lists(RANGE, max_size=4), st.integers(1, 254))
def test_pools_have_what_is_in_them_and_nothing_else(
    pools: list[list[int]], excluded: list[list[int]], router: int
) -> None:
    base = number("10.0.0.0")
    configured = SubnetConfig(
        "a",
        IPv4Network("10.0.0.0/24"),
        pools=tuple(PoolConfig(str(n), base + first, base + last) for n, (first, last) in enumerate(pools)),
        excluded=tuple((base + first, base + last) for first, last in excluded),
        overrides=Overrides(static_percentage=0),
    )
    (found,) = at(served_by(configured, on=(interface(f"{text(base + router)}/24"),)))
    wanted = set(range(1, 255))
    if pools:
        wanted &= {host for first, last in pools for host in range(first, last + 1)}
    wanted -= {host for first, last in excluded for host in range(first, last + 1)} | {router}
    every = [address - base for own in found.pools for start, stop in own.pool.ranges for address in range(start, stop)]
    assert len(every) == len(set(every)), "apart from each other"
    assert set(every) == wanted
    for host in range(256):
        own = found.pool_of(base + host)
        assert (own is not None) == (host in wanted)
    assert sum(own.pool.size for own in found.pools) == len(wanted)


def test_every_address_of_a_pool_with_holes_is_given_once() -> None:
    lan = served_by(
        subnet("a", "192.168.1.0/24", pool("192.168.1.10", "192.168.1.15"), excluded=[("192.168.1.12", "192.168.1.13")])
    )
    given = {lan.bind(station) for station in range(1, 5)}
    assert given == {"192.168.1.10", "192.168.1.11", "192.168.1.14", "192.168.1.15"}
    assert dropped(lan.hear(message("discover", 9)), Drop.NO_ADDRESS)
    assert lan.ask(reboot(9, "192.168.1.12")).type == "nak"


def test_pools_are_used_one_after_the_other_each_on_its_terms() -> None:
    lan = served_by(
        subnet(
            "a",
            "192.168.1.0/24",
            pool("192.168.1.10", "192.168.1.10", "q", lease_time=60),
            pool("192.168.1.20", "192.168.1.20", "p", lease_time=600, renewal_time=100),
        )
    )
    first = lan.bind(1)
    assert (first, lan.ask(renew(1, first)).options["lease_time"]) == ("192.168.1.10", 60)
    second = lan.bind(2)
    seen = lan.ask(renew(2, second))
    assert (second, seen.options["lease_time"], seen.options["renewal_time"]) == ("192.168.1.20", 600, 100)


def test_each_pool_is_counted_and_told_of_for_itself() -> None:
    lan = served_by(
        subnet(
            "a",
            "192.168.1.0/24",
            pool("192.168.1.10", "192.168.1.11", "few", max_address_utilization=40),
            pool("192.168.1.20", "192.168.1.29", "many"),
        )
    )
    lan.bind(1)
    assert lan.server.pool_events() == [
        PoolEvent(0, IPv4Network("192.168.1.0/24"), "tap0", PoolUsage(2, 1, 0, 0, 40, exceeded=True), "a", "few")
    ]
    few, many = at(lan)[0].pools
    assert [lan.book.usage(own.pool).active for own in (few, many)] == [1, 0]


# Places


def test_it_is_on_the_interface_that_has_an_address_in_it() -> None:
    lan = served_by(subnet("a", "192.168.2.0/24", overrides=Overrides(lease_time=60)), on=TWO_LANS)
    assert [found.id for found in at(lan, "tap0")] == [""]
    assert [found.id for found in at(lan, "tap1")] == ["a"]
    assert lan.ask(message("discover"), TWO_LANS[1]).options["lease_time"] == 60
    assert lan.ask(message("discover"), TWO_LANS[0]).options["lease_time"] == 3600


def test_settings_of_the_interface_lie_between_those_of_server_and_subnet() -> None:
    lan = served_by(
        subnet(overrides=Overrides(renewal_time=100)),
        settings=Settings(lease_time=1000, offer_hold=7),
        per_interface={"tap0": Overrides(lease_time=500, renewal_time=200)},
    )
    (found,) = at(lan)
    assert (found.settings.lease_time, found.settings.renewal_time, found.settings.offer_hold) == (500, 100, 7)


def test_several_networks_on_one_interface_are_used_one_after_the_other() -> None:
    lan = served_by(subnet("b", "10.0.0.0/24", interface="tap0"), on=(interface("192.168.1.1/30"),))
    assert [(found.id, text(found.server_id)) for found in at(lan)] == [("", "192.168.1.1"), ("b", "0.0.0.0")]
    assert lan.bind(1) == "192.168.1.2"
    offer = lan.ask(message("discover", 2))
    assert offer.bootp.yiaddr.startswith("10.0.0.")
    assert offer.options["server_id"] == "192.168.1.1"
    assert (offer.options["subnet_mask"], "router" in offer.options) == ("255.255.255.0", False)
    address = lan.bind(2)
    assert lan.ask(renew(2, address)).type == "ack"


def test_a_further_network_has_the_router_that_is_configured() -> None:
    configured = subnet(
        "b", "10.0.0.0/24", interface="tap0", overrides=Overrides(options=options(routers=["10.0.0.1"]))
    )
    lan = served_by(configured, on=(interface("192.168.1.1/30"),))
    lan.bind(1)
    assert lan.ask(message("discover", 2)).options["router"] == "10.0.0.1"


def test_a_network_that_names_another_interface_than_has_its_address() -> None:
    lan = served_by(subnet("a", "192.168.1.0/24", interface="tap1"), on=TWO_LANS)
    assert dropped(lan.hear(message("discover"), TWO_LANS[0]), Drop.NO_SUBNET)
    assert [found.id for found in at(lan, "tap1")] == ["", "a"]
    assert at(lan, "tap1")[1].pool_of(number("192.168.1.1")) is None, "the router's, wherever it is"


@pytest.mark.parametrize("where", ["another table", "no such interface", "not served"])
def test_where_its_interface_is_not_there_only_relay_agents_lead_to_it(where: str) -> None:
    table = 7 if where == "another table" else 0
    named = "tap9" if where == "no such interface" else "tap1"
    elsewhere = replace(TWO_LANS[1], table4=table)
    interfaces = ("tap0",) if where == "not served" else ()
    lan = served_by(subnet("a", "10.0.0.0/24", interface=named), on=(LAN, elsewhere), interfaces=interfaces)
    assert [found.id for found in at(lan, "tap1")] == ([] if where == "not served" else [""])
    assert [found.id for found in lan.server.networks.behind(0, number("10.0.0.9"))] == ["a"]
    assert lan.ask(message("discover", 1, giaddr="10.0.0.9")).bootp.yiaddr.startswith("10.0.0.")


def test_a_configured_network_goes_before_one_of_another_length() -> None:
    lan = served_by(subnet("a", "192.168.0.0/16"))
    (found,) = at(lan)
    assert (str(found.network), found.id) == ("192.168.0.0/16", "a")
    inside = served_by(subnet("a", "192.168.1.128/25"))
    assert at(inside) == (), "its interface has no address in it, and its own network is not apart from it"
    assert [found.id for found in inside.server.networks.subnets()] == ["a"]


def test_of_two_that_overlap_the_first_is_served() -> None:
    wide, narrow, apart = subnet("w", "10.0.0.0/16"), subnet("n", "10.0.5.0/24"), subnet("x", "10.1.0.0/24")
    assert overlaps([wide, narrow, apart]) == [(0, 1)]
    assert overlaps([narrow, wide, apart]) == [(0, 1)]
    assert overlaps([wide, replace(narrow, table=7)]) == []
    found = {one.id for one in served_by(wide, narrow, apart).server.networks.subnets()}
    assert found == {"", "w", "x"}


PREFIXES = st.builds(
    lambda address, length: IPv4Network((address << 24 & 0xFFFFFFFF, length), strict=False),
    st.integers(8, 11),
    st.integers(5, 10),
)


@given(st.lists(PREFIXES, max_size=6))
def test_what_is_left_overlaps_nothing_and_nothing_else_is_left_out(networks: list[IPv4Network]) -> None:
    subnets = [SubnetConfig(str(n), network) for n, network in enumerate(networks)]
    found = overlaps(subnets)
    refused = {later for _, later in found}
    kept = [network for n, network in enumerate(networks) if n not in refused]
    assert not any(one.overlaps(other) for n, one in enumerate(kept) for other in kept[:n])
    for earlier, later in found:
        assert earlier < later
        assert earlier not in refused
        assert networks[earlier].overlaps(networks[later])


# Relay agents


def test_a_network_behind_a_relay_agent_only() -> None:
    lan = served_by(subnet("far", "10.0.0.0/24", relays=["192.168.1.200"]))
    assert [found.id for found in at(lan)] == [""]
    for giaddr in ("10.0.0.9", "192.168.1.200"):
        offer = lan.ask(message("discover", 1, giaddr=giaddr))
        assert offer.bootp.yiaddr.startswith("10.0.0.")
        assert "router" not in offer.options
    assert lan.ask(message("discover", 2, giaddr="192.168.1.201")).bootp.yiaddr.startswith("192.168.1.")
    assert dropped(lan.hear(message("discover", 3, giaddr="172.16.0.1")), Drop.NO_SUBNET)


def test_several_networks_behind_one_relay_agent() -> None:
    lan = served_by(
        subnet("a", "10.0.0.0/24", pool("10.0.0.9", "10.0.0.9")), subnet("b", "10.0.1.0/24", relays=["10.0.0.1"])
    )
    behind = lan.server.networks.behind
    assert [found.id for found in behind(0, number("10.0.0.1"))] == ["b", "a"]
    assert [found.id for found in behind(0, number("10.0.0.2"))] == ["a"]
    assert behind(7, number("10.0.0.1")) == ()


def test_its_own_link_is_no_network_of_a_relay_agents_clients_where_it_is_configured_for_others() -> None:
    lan = served_by(subnet("far", "10.0.0.0/30", relays=["192.168.1.200"]))
    assert [found.id for found in lan.server.networks.behind(0, number("192.168.1.200"))] == ["far"]


# Change


def test_only_what_changes_is_made_anew() -> None:
    first = subnet(
        "a", "192.168.1.0/24", pool("192.168.1.10", "192.168.1.19"), pool("192.168.1.20", "192.168.1.29", "q")
    )
    other = subnet("b", "10.0.0.0/24")
    lan = served_by(first, other)
    addresses = [lan.bind(station) for station in range(1, 4)]
    before, relayed = at(lan)[0], lan.server.networks.find(0, number("10.0.0.1"))
    changed = replace(first, pools=(first.pools[0], pool("192.168.1.20", "192.168.1.39", "q", lease_time=60)))
    lan.server.configure(ServerConfig(subnets=(changed, other)))
    after = at(lan)[0]
    assert after.pools[0].pool is before.pools[0].pool
    assert after.pools[1].pool is not before.pools[1].pool
    assert lan.server.networks.find(0, number("10.0.0.1")) is relayed
    for station, address in enumerate(addresses, 1):
        assert lan.ask(renew(station, address)).type == "ack"
    lan.server.configure(ServerConfig(subnets=(replace(changed, overrides=Overrides(lease_time=90)), other)))
    assert [own.pool for own in at(lan)[0].pools] == [own.pool for own in after.pools]


def test_who_is_no_longer_in_a_pool_is_told_at_its_renewal() -> None:
    lan = served_by(subnet("a", "192.168.1.0/24", pool("192.168.1.10", "192.168.1.10")))
    address = lan.bind(1)
    moved = ServerConfig(subnets=(subnet("a", "192.168.1.0/24", pool("192.168.1.20", "192.168.1.20")),))
    lan.server.configure(moved)
    assert lan.book.get(0, number(address)) is not None
    assert lan.ask(renew(1, address)).type == "nak"
    assert lan.bind(1) == "192.168.1.20"


def test_a_subnet_that_is_configured_takes_over_the_leases_and_the_pool_of_its_interface() -> None:
    lan = Lan()
    address = lan.bind()
    before = at(lan)[0].pools[0].pool
    lan.server.configure(ServerConfig(subnets=(subnet("a"),)))
    assert lan.ask(renew(1, address)).type == "ack"
    assert at(lan)[0].pools[0].pool is before
    lan.server.configure(ServerConfig())
    assert lan.ask(renew(1, address)).type == "ack"


def test_it_follows_its_address_from_interface_to_interface() -> None:
    lan = served_by(subnet("a", "10.0.0.0/24"), on=TWO_LANS)
    both = [interface(f"192.168.{n + 1}.1/24", "10.0.0.1/24", name=f"tap{n}", index=n + 1) for n in (0, 1)]
    asked = message("discover", 1, giaddr="10.0.0.9")
    assert lan.ask(asked).options["server_id"] == "192.168.1.1"
    lan.server.interface_changed(TWO_LANS[0], both[0])
    assert [found.id for found in at(lan, "tap0")] == ["", "a"]
    assert lan.ask(asked).options["server_id"] == "10.0.0.1"
    lan.server.interface_changed(TWO_LANS[1], both[1])  # seen there before it is seen gone here
    lan.server.interface_changed(both[0], TWO_LANS[0])
    assert [found.id for found in at(lan, "tap0")] == [""]
    assert [found.id for found in at(lan, "tap1")] == ["", "a"]
    lan.server.interface_changed(both[1], None)
    assert [found.id for found in lan.server.networks.subnets()] == ["", "a"]
    assert lan.ask(asked).bootp.yiaddr.startswith("10.0.0.")


def test_two_interfaces_that_are_seen_with_one_network_have_a_pool_each() -> None:
    lan = served_by(subnet("a", "10.0.0.0/24", interface="tap1"), on=TWO_LANS)
    moved = interface("192.168.2.1/24", "192.168.1.1/24", "10.0.0.1/24", name="tap1", index=2)
    lan.server.interface_changed(TWO_LANS[1], moved)
    assert len(lan.book._table(0).pools) == 4
    assert at(lan, "tap1")[1].pools[0].pool is not at(lan, "tap0")[0].pools[0].pool
    lan.server.interface_changed(TWO_LANS[0], None)
    assert set(lan.book._table(0).pools) == {own.pool for found in at(lan, "tap1") for own in found.pools}


def test_a_named_interface_comes_and_goes() -> None:
    lan = served_by(subnet("a", "10.0.0.0/24", interface="tap1"))
    assert [found.interface for found in lan.server.networks.behind(0, number("10.0.0.9"))] == [""]
    lan.server.interface_changed(None, TWO_LANS[1])
    assert [found.interface for found in lan.server.networks.behind(0, number("10.0.0.9"))] == ["tap1"]
    lan.server.interface_changed(TWO_LANS[1], replace(TWO_LANS[1], name="tap2"))
    assert [found.interface for found in lan.server.networks.behind(0, number("10.0.0.9"))] == [""]


def test_a_server_that_is_switched_off_serves_no_relay_agent_either() -> None:
    lan = served_by(subnet("a", "10.0.0.0/24"))
    lan.server.configure(ServerConfig(subnets=(subnet("a", "10.0.0.0/24"),), enabled=False))
    assert list(lan.server.networks.subnets()) == []
    assert lan.book._table(0).pools == {}


# Reservations and tables


def test_what_is_reserved_everywhere_is_so_in_tables_that_come_later() -> None:
    lan = Lan(config=ServerConfig(reservations=Reservations([reservation(1, "192.168.1.200", table=None)])))
    blue = interface("192.168.1.1/24", name="blue", index=3, table=7)
    lan.server.interface_changed(None, blue)
    for onto in (LAN, blue):
        assert lan.ask(reboot(2, "192.168.1.200"), onto).type == "nak"
        assert lan.ask(message("discover", 1), onto).bootp.yiaddr == "192.168.1.200"
    lan.server.interface_changed(blue, None)
    reserved = {table: lan.book._table(table).reserved for table in (0, 7)}
    assert reserved == {0: {number("192.168.1.200")}, 7: frozenset()}


def test_what_a_subnet_reserves_counts_in_its_table_only() -> None:
    blue = interface("192.168.1.1/24", name="blue", index=3, table=7)
    config = ServerConfig(
        subnets=(subnet("a", table=7),),
        reservations=Reservations([reservation(1, "192.168.1.200", table=7, subnet="a")]),
    )
    lan = Lan(LAN, blue, config=config)
    assert lan.ask(message("discover", 1), blue).bootp.yiaddr == "192.168.1.200"
    assert lan.ask(message("discover", 1), LAN).bootp.yiaddr != "192.168.1.200"
    assert lan.ask(reboot(2, "192.168.1.200"), LAN).type == "ack"
    assert lan.ask(reboot(2, "192.168.1.200"), blue).type == "nak"
