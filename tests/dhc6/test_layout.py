"""Which networks are served where, while interfaces and the configuration change."""

from dataclasses import replace
from ipaddress import IPv6Interface
from math import inf

import pytest

from tests.dhc6.allocating import LAN, SMALL, Advertised, Site, named, network, subnet
from tests.dhc6.clients import duid, interface, number
from vppdhc.dhc6.config import NO_OVERRIDES, Overrides, PoolConfig, Settings
from vppdhc.dhc6.layout import overlaps
from vppdhc.dhc6.levels import FOR_EVER
from vppdhc.dhc6.options import OptionSet
from vppdhc.dhc6.reservations import Reservation
from vppdhc.leases.lease6 import LeaseKind


def networks(site: Site, name: str = "tap0") -> list[str]:
    return [str(one.network) for one in site.subnets(name)]


def test_every_network_of_an_interface_in_its_order_each_once() -> None:
    addresses = ("2001:db8:2::1/64", "2001:db8:1::1/64", "2001:db8:2::2/64", "2001:db8:1:0:8000::1/65")
    site = Site(interface(*addresses))
    assert networks(site) == ["2001:db8:2::/64", "2001:db8:1::/64"]
    assert [one.own for one in site.subnets()] == [
        (number("2001:db8:2::1"), number("2001:db8:2::2")),
        (number("2001:db8:1::1"), number("2001:db8:1:0:8000::1")),
    ]


def test_an_interface_without_an_address_is_served_but_has_no_network() -> None:
    site = Site(interface())
    served = site.serving.networks.served("tap0")
    assert served is not None
    assert (served.subnets, served.pools, served.terms.settings) == ((), (), Settings())
    assert networks(Site(LAN, names=["tap9"])) == []
    assert Site(LAN, names=["tap9"]).serving.networks.served("tap0") is None
    assert Site(names=[]).serving.networks.served("tap0") is None


def test_networks_follow_the_interface_and_leases_stay() -> None:
    site = Site(LAN)
    lease = site.take(1)
    (before,) = site.subnets()
    site.become(interface("2001:db8:2::1/64", "2001:db8:1::1/64"))
    assert networks(site) == ["2001:db8:2::/64", "2001:db8:1::/64"]
    assert site.subnets()[1] is before
    site.become(interface("2001:db8:2::1/64"))
    assert networks(site) == ["2001:db8:2::/64"]
    assert site.serving.networks.find(0, lease.network) is None
    site.become(interface())
    site.become()
    assert site.serving.networks.served("tap0") is None
    site.become(LAN)
    assert named(site.choose(1)) == named(lease)
    assert list(site.book) == [lease]


def test_a_router_address_more_makes_a_hole_and_moves_nobody_else() -> None:
    site = Site(LAN)
    kept = {station: site.take(station) for station in range(1, 20)}
    site.become(interface("2001:db8:1::1/64", f"{named(kept[3])}/64"))
    for station, lease in kept.items():
        found = site.choose(station)
        assert (named(found) == named(lease)) is (station != 3)


def test_tables_are_apart() -> None:
    site = Site(SMALL, interface("2001:db8:1::1/125", name="tap1", index=2, table=7))
    here = site.take(1)
    found = site.allocation.choose(site.asking(2), site.subnets("tap1")[0], [here.network])
    assert found is not None
    assert (found.network, found.place.table) == (here.network, 7)
    assert site.serving.networks.tables == {0: 1, 7: 1}
    assert site.serving.networks.find(7, here.network) is site.subnets("tap1")[0]


def test_a_configured_subnet_goes_before_the_network_of_its_interface() -> None:
    config = subnet(
        "s",
        "2001:db8:1::/64",
        (0x10, 0x12),
        (0x20, 0x20),
        excluded=((0x11, 0x11),),
        overrides=Overrides(valid_lifetime=600),
    )
    site = Site(LAN, subnets=(config,))
    (served,) = site.subnets()
    assert (served.id, served.own, served.settings.valid_lifetime) == ("s", (number("2001:db8:1::1"),), 600)
    assert [(pool.id, pool.pool.size) for pool in served.pools] == [("0", 2), ("1", 1)]
    got = {named(site.take(station)) for station in (1, 2, 3)}
    assert got == {"2001:db8:1::10", "2001:db8:1::12", "2001:db8:1::20"}
    assert site.choose(4) is None


def test_settings_come_from_the_pool_the_subnet_the_interface_and_the_server() -> None:
    base = number("2001:db8:1::")
    config = subnet("s", "2001:db8:1::/64", overrides=Overrides(preferred_lifetime=300))
    pools = (
        PoolConfig("own", base + 16, base + 31, Overrides(preferred_lifetime=200)),
        PoolConfig("none", base + 32, base + 63),
    )
    site = Site(
        LAN,
        valid_lifetime=9000,
        per_interface={"tap0": Overrides(valid_lifetime=8000, preferred_lifetime=400, rapid_commit=True)},
        subnets=(replace(config, pools=pools),),
    )
    (served,) = site.subnets()
    assert served.lifetimes(base + 16, site.now) == (200, 8000)
    assert served.lifetimes(base + 32, site.now) == served.lifetimes(base + 99, site.now) == (300, 8000)
    assert served.terms_of(base + 32) is served.terms
    assert served.settings.rapid_commit
    told = site.serving.networks.served("tap0")
    assert told is not None
    assert told.terms.settings.lifetimes == (400, 8000)


def test_a_subnet_behind_relay_agents() -> None:
    relay = number("2001:db8:77::1")
    config = subnet("far", "2001:db8:50::/64", relay_addresses=(relay,))
    site = Site(LAN, subnets=(config, subnet("near", "2001:db8:51::/64")))
    found = site.serving.networks
    assert networks(site) == ["2001:db8:1::/64"]
    assert [one.id for one in found.behind(0, relay)] == ["far"]
    assert [one.id for one in found.behind(0, number("2001:db8:50::1"))] == ["far"]
    assert [one.id for one in found.behind(0, number("2001:db8:51::1"))] == ["near"]
    assert found.behind(7, relay) == found.behind(0, relay + 1) == ()
    assert found.behind(0, relay)[0].interface == ""
    assert found.behind(0, relay)[0].own == ()


def test_a_relay_agent_on_the_link_means_all_its_networks() -> None:
    site = Site(interface("2001:db8:1::1/64", "fd00::1/64"))
    for address in ("2001:db8:1::99", "fd00::99"):
        assert site.serving.networks.behind(0, number(address)) == site.subnets()


def test_a_configured_subnet_moves_with_the_router_address_in_it() -> None:
    config = subnet("s", "2001:db8:5::/64")
    site = Site(LAN, interface(name="tap1", index=2), subnets=(config,))
    assert [one.interface for one in site.serving.networks.behind(0, number("2001:db8:5::9"))] == [""]
    site.become(LAN, interface("2001:db8:5::1/64", name="tap1", index=2))
    assert networks(site, "tap1") == ["2001:db8:5::/64"]
    assert site.serving.networks.find(0, number("2001:db8:5::9")) is site.subnets("tap1")[0]
    site.configure(subnets=(subnet("s", "2001:db8:5::/64", interface="tap0"),))
    assert (networks(site), networks(site, "tap1")) == (["2001:db8:1::/64", "2001:db8:5::/64"], [])
    site.configure(subnets=())
    assert networks(site, "tap1") == ["2001:db8:5::/64"]


def test_a_subnet_that_overlaps_an_earlier_one_is_not_served() -> None:
    subnets = (subnet("a", "2001:db8:5::/64"), subnet("b", "2001:db8:5::/56"), subnet("c", "2001:db8:5::/60", table=7))
    assert overlaps(subnets) == [(0, 1)]
    site = Site(LAN, subnets=subnets)
    assert sorted(one.id for one in site.serving.networks.subnets()) == ["", "a", "c"]


def test_the_life_of_a_network_is_that_of_its_delegated_prefix() -> None:
    site = Site(interface("2001:db8:1::1/64", "fd00::1/64"))
    site.serving.set_delegated(
        {
            "tap0": [Advertised(network("2001:db8:1::/64"), 2000.0, 3000.0)],
            "tap1": [Advertised(network("fd00::/64"), 1.0, 2.0)],
        }
    )
    ending, lasting = site.subnets()
    assert (ending.life, lasting.life) == ((2000.0, 3000.0), FOR_EVER)
    site.become(interface("2001:db8:1::1/64", "2001:db8:1::2/64"))
    assert [one.life for one in site.subnets()] == [(2000.0, 3000.0)]
    both = [Advertised(network("2001:db8:1::/64"), -inf, -inf), Advertised(network("2001:db8:1::/64"), 5000.0, inf)]
    site.serving.set_delegated({"tap0": both})
    assert [one.life for one in site.subnets()] == [(5000.0, inf)]
    site.configure(settings=Settings(valid_lifetime=600))
    assert [one.life for one in site.subnets()] == [(5000.0, inf)]


def test_reservations_are_kept_from_others_where_something_is_served() -> None:
    site = Site(SMALL)
    table = site.book._table(site.subnets()[0].pools[0].pool.space)
    reserved = Reservation("r", duid=duid(1), address=number("2001:db8:1::4"), prefix=network("2001:db8::/56"))
    site.reserve(reserved)
    assert table.reserved == {number("2001:db8:1::4")}
    assert named(site.choose(2, number("2001:db8:1::4"))) != "2001:db8:1::4"
    site.become()
    assert table.reserved == set()
    site.become(SMALL)
    assert table.reserved == {number("2001:db8:1::4")}
    site.reserve()
    assert table.reserved == set()


def test_a_pool_of_addresses_that_becomes_too_full_is_told_of() -> None:
    site = Site(SMALL, subnets=(subnet("s", "2001:db8:1::/125", (2, 5)),), max_address_utilization=50)
    for station in (1, 2, 3):
        site.take(station)
    (told,) = site.serving.crossed()
    assert told[:4] == (0, LeaseKind.ADDRESS, network("2001:db8:1::/125"), "tap0")
    assert (told.subnet, told.pool_id, told.usage.utilization, told.usage.exceeded) == ("s", "0", 75, True)
    assert site.serving.crossed() == []


def test_learned_values_are_told_of_only_when_they_change_something() -> None:
    site = Site(LAN)
    assert not site.serving.set_upstream({"wan0": {23: bytes(15) + b"\1"}})
    from_upstream = Settings(options=OptionSet({23: b"\x20\1" + bytes(13) + b"\1"}))
    site.configure(settings=from_upstream)
    assert not site.serving.set_upstream({})


def test_a_reconfiguration_keeps_what_is_not_different() -> None:
    site = Site(LAN)
    (before,) = site.subnets()
    site.configure(server_duid=b"\0\4" + bytes(16))
    assert site.subnets() == (before,)
    site.configure(subnets=(subnet("far", "2001:db8:50::/64"),))
    assert site.subnets() == (before,)
    pool = before.pools[0].pool
    site.configure(settings=Settings(valid_lifetime=600))
    (after,) = site.subnets()
    assert after is not before
    assert after.pools[0].pool is pool


@pytest.mark.parametrize(("prefix", "size"), [("126", 2), ("127", 1), ("128", 0)])
def test_small_networks(prefix: str, size: int) -> None:
    """Of a /127 both addresses are for hosts (RFC 6164), one of them is the router's."""
    site = Site(interface(str(IPv6Interface(f"2001:db8:1::1/{prefix}"))))
    assert sum(pool.pool.size for pool in site.subnets()[0].pools) == size
    assert (site.choose(1) is None) is (size == 0)
    assert NO_OVERRIDES.over(Settings()) == Settings()
