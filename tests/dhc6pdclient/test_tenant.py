"""What a client has, in VPP and on the LANs, at every moment: in virtual time."""

from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv6Address, IPv6Interface, IPv6Network
from pathlib import Path

import gevent
import pytest
from structlog.testing import capture_logs

from tests.dhc6pdclient.delegated import lease
from tests.dhc6pdclient.tenancy import (
    INTERNAL,
    LANS,
    NEW,
    NPT,
    OLD,
    SERVER,
    WAN,
    Tenancy,
    advertisement,
    has,
    own,
    prefix,
)
from vppdhc.dhc6pdclient.bindings import NOTHING
from vppdhc.dhc6pdclient.config import ClientConfig, ConflictDetection, DefaultRoute, Lan
from vppdhc.packet.nd_options import Preference
from vppdhc.vpp.items import InterfaceAddress, NptBinding, Route

SLAAC = ClientConfig(slaac=True)
PLAIN = ClientConfig()
ADDRESS = "2001:db8::50/128"

Make = Callable[..., Tenancy]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Give a function that makes a tenancy."""
    return lambda config=PLAIN: Tenancy(tmp_path, config)


# --- prefixes


def test_everything_of_a_lease_is_wanted_at_once(make: Make) -> None:
    made = make(replace(LANS, default_route=DefaultRoute.SERVER, conflict_detection=ConflictDetection.NONE))
    outcome = made.tenant.adopt(has(OLD, addresses=[ADDRESS], now=made.now))
    assert outcome == (frozenset(), "")
    assert made.programmer.history == [
        [
            InterfaceAddress("wan0", IPv6Interface(ADDRESS)),
            InterfaceAddress("lan0", IPv6Interface("2001:db8:1::1/64")),
            InterfaceAddress("lan1", IPv6Interface("2001:db8:1:1::1/64")),
            Route(5, IPv6Network(OLD), None, "", 255, "unreachable"),
            Route(5, IPv6Network("::/0"), SERVER, "wan0", 10),
        ]
    ]
    assert made.hosts() == {"2001:db8:1::/64": (3600, 7200)}
    assert made.hosts("lan1") == {"2001:db8:1:1::/64": (3600, 7200)}


def test_a_renumbering_is_one_step(make: Make) -> None:
    made = make(NPT)
    made.tenant.adopt(has(OLD, now=made.now))
    made.tenant.adopt(has(NEW, now=made.now))
    assert [[str(item.external) for item in items if isinstance(item, NptBinding)] for items in (
        made.programmer.history
    )] == [[OLD], [NEW]]  # fmt: skip
    assert made.tenant.layout.translation is not None


def test_a_renumbering_does_not_wait_for_an_address(make: Make) -> None:
    """The prefix of before has gone: whoever sends by it sends in vain."""
    made = make(NPT)
    made.tenant.adopt(has(OLD, addresses=[ADDRESS], now=made.now))
    seen: list[list[str]] = []
    made.duplicates.meanwhile = lambda: seen.append([*made.bindings(), *made.addresses()])
    made.tenant.adopt(has(NEW, addresses=[ADDRESS, "2001:db8::51/128"], now=made.now))
    assert seen == [[NEW, ADDRESS]]
    assert made.addresses() == [ADDRESS, "2001:db8::51/128"]


def test_the_internal_prefix_is_not_sent_to_the_provider(make: Make) -> None:
    """RFC 4193, 4.3; with and without a lease, as it is no provider's business."""
    reject = Route(5, INTERNAL, None, "", 255, "unreachable")
    made = make(NPT)
    made.tenant.work()
    assert made.programmer.present == [reject]
    made.tenant.adopt(has(OLD, now=made.now))
    assert reject in made.programmer.present
    made.tenant.adopt(NOTHING)
    assert made.programmer.present == [reject]
    made.tenant.withdraw()
    assert made.programmer.present == []
    assert reject not in make(LANS).programmer.present


def test_hosts_hear_of_a_prefix_that_has_gone_over_a_restart(make: Make) -> None:
    made = make(LANS)
    made.tenant.adopt(has(OLD, now=made.now))
    made.restart()
    made.clock.now += 100
    made.tenant.adopt(has(NEW, now=made.now))
    assert made.hosts() == {"2001:db8:2::/64": (3600, 7200), "2001:db8:1::/64": (0, 0)}
    made.run(7100)
    assert made.hosts() == {"2001:db8:2::/64": (0, 100)}, "nobody believes in the old one any more"


def test_lans_keep_their_numbers_over_a_restart(make: Make) -> None:
    made = make(replace(LANS, lans=(Lan("lan0"), Lan("lan1"))))
    made.tenant.adopt(has(OLD, now=made.now))
    made.tenant.config = replace(LANS, lans=(Lan("lan1"), Lan("lan0")))
    made.restart()
    made.tenant.adopt(has(OLD, now=made.now))
    assert made.addresses("lan0") == ["2001:db8:1::1/64"]


def test_before_the_first_lease_nothing_is_said_to_have_gone(make: Make) -> None:
    """The lease of before may be confirmed yet."""
    made = make(LANS)
    made.tenant.adopt(has(OLD, now=made.now))
    made.told.clear()
    made.restart()
    made.run(100)
    assert made.told == []


def test_time_ends_a_prefix(make: Make) -> None:
    made = make(NPT)
    old = lease(OLD, preferred=100, valid=200, granted_at=made.now)
    made.tenant.adopt(has(old))
    made.tenant.adopt(has(old, NEW, now=made.now))
    assert made.bindings() == [OLD]
    made.run(150)
    assert made.bindings() == [NEW], "deprecated"


def test_time_ends_an_address(make: Make) -> None:
    made = make()
    made.tenant.adopt(has(addresses=[lease(ADDRESS, valid=200, granted_at=made.now)]))
    assert made.addresses() == [ADDRESS]
    made.run(200)
    assert made.addresses() == []


def test_a_renewal_asks_vpp_again_and_changes_nothing(make: Make) -> None:
    made = make(NPT)
    made.tenant.adopt(has(OLD, addresses=[ADDRESS], now=made.now))
    made.clock.now += 1000
    made.tenant.adopt(has(OLD, addresses=[ADDRESS], now=made.now))
    assert made.programmer.history[-1] == made.programmer.history[-2]
    assert made.duplicates.asked == [["2001:db8::50"]], "it was asked for already"


def test_hosts_are_told_only_of_what_is_new(make: Make) -> None:
    made = make(LANS)
    made.tenant.adopt(has(OLD, now=1000))
    made.tenant.adopt(has(OLD, now=1000))
    made.run(100)
    assert len(made.told) == 1


def test_what_is_withdrawn_is_told_to_hosts_and_comes_back(make: Make) -> None:
    made = make(replace(LANS, slaac=True, conflict_detection=ConflictDetection.NONE))
    made.hear(advertisement("fe80::a", 9000, prefix()))
    made.tenant.adopt(has(OLD, now=made.now))
    made.tenant.withdraw()
    assert made.programmer.present == []
    assert made.hosts() == {"2001:db8:1::/64": (0, 0)}
    assert (made.tenant.slaac, made.tenant.routes, made.tenant.layout.items) == ((), (), ())
    made.hear(advertisement("fe80::b", 9000))
    made.run(100)
    assert made.programmer.present == [], "routers do not bring it back"
    made.restart()
    made.tenant.adopt(has(OLD, now=made.now))
    assert made.hosts() == {"2001:db8:1::/64": (3600, 7200)}
    assert made.addresses("lan0") == ["2001:db8:1::1/64"]


def test_a_wan_that_is_away_ends_nothing_on_the_lans(make: Make) -> None:
    made = make(LANS)
    made.tenant.adopt(has(OLD, now=made.now))
    made.interface = None
    made.tenant.adopt(has(OLD, NEW, now=made.now))
    assert made.hosts() == {"2001:db8:1::/64": (3600, 7200), "2001:db8:2::/64": (3600, 7200)}
    made.run(7200)
    assert made.addresses("lan0") == []


def test_an_interface_that_was_never_there_has_nothing(make: Make) -> None:
    made = make(LANS)
    made.interface = None
    assert made.tenant.adopt(has(OLD, now=made.now)) == (frozenset(), "")
    assert made.programmer.history == []
    made.interface = WAN
    made.tenant.work()
    assert made.addresses("lan0") == ["2001:db8:1::1/64"]


# --- duplicates


def test_an_address_that_others_use_is_told_and_not_used(make: Make) -> None:
    made = make()
    made.duplicates.users = {IPv6Address("2001:db8::50")}
    both = has(addresses=[ADDRESS, "2001:db8::51/128"], now=made.now)
    with capture_logs() as logs:
        assert made.tenant.adopt(both).duplicates == {IPv6Address("2001:db8::50")}
    assert logs[0]["address"] == "2001:db8::50"
    assert all(InterfaceAddress("wan0", IPv6Interface(ADDRESS)) not in items for items in made.programmer.history)
    assert made.addresses() == ["2001:db8::51/128"]
    made.run(1000)
    assert len(made.duplicates.asked) == 1, "nobody is asked again and again"
    made.duplicates.users = set()
    assert made.tenant.adopt(both).duplicates == frozenset(), "but it is when it is given again"
    assert made.addresses() == [ADDRESS, "2001:db8::51/128"]


def test_an_address_is_asked_for_before_it_is_used(make: Make) -> None:
    made = make()
    seen: list[list[str]] = []
    made.duplicates.meanwhile = lambda: seen.append(made.addresses())
    made.tenant.adopt(has(addresses=[ADDRESS], now=made.now))
    assert (seen, made.addresses()) == ([[]], [ADDRESS])


def test_without_conflict_detection_nobody_is_asked(make: Make) -> None:
    made = make(replace(SLAAC, conflict_detection=ConflictDetection.NONE))
    made.hear(advertisement("fe80::a", 1800, prefix()))
    made.tenant.adopt(has(addresses=[ADDRESS], now=made.now))
    assert len(made.addresses()) == 2
    assert made.duplicates.asked == []


def test_an_address_is_not_used_unasked_because_the_link_is_down(make: Make) -> None:
    made = make()
    made.interface = replace(WAN, link_up=False)
    bindings = has(addresses=[ADDRESS], now=made.now)
    made.tenant.adopt(bindings)
    made.run(60)
    assert (made.addresses(), made.duplicates.asked) == ([], [])
    made.interface = WAN
    made.run(60)
    assert made.addresses() == [], "only who adopts can tell of a duplicate"
    made.tenant.adopt(bindings)
    assert made.addresses() == [ADDRESS]


# --- addresses of its own


def test_an_address_of_each_prefix_that_is_advertised(make: Make) -> None:
    made = make(SLAAC)
    made.hear(advertisement("fe80::a", 1800, prefix(), prefix("2001:db8:e::/64", autonomous=False)))
    (address,) = own(made)
    assert address.ip in IPv6Network("2001:db8:f::/64")
    assert made.addresses() == [str(address)]
    assert made.duplicates.asked == [[str(address.ip)]]
    made.run(86398)
    assert made.addresses() == [str(address)], "whatever becomes of the router"
    made.run(1)
    assert made.addresses() == []


def test_it_is_the_same_each_time(make: Make) -> None:
    made = make(SLAAC)
    made.hear(advertisement("fe80::a", 1800, prefix()))
    before = own(made)
    made.restart()
    made.tenant.work()
    assert own(made) == before
    (made.directory / "lans" / "wan0.json").unlink()
    made.restart()
    made.tenant.work()
    assert own(made) != before, "the secret has gone"


def test_without_slaac_there_is_none(make: Make) -> None:
    made = make(PLAIN)
    made.hear(advertisement("fe80::a", 1800, prefix()))
    assert made.addresses() == []
    made.tenant.config = SLAAC
    made.tenant.work()
    assert len(made.addresses()) == 1
    made.tenant.config = PLAIN
    made.tenant.work()
    assert (made.addresses(), made.tenant.slaac) == ([], ())


def test_where_others_have_it_another_one_is_made(make: Make) -> None:
    made = make(SLAAC)
    made.hear(advertisement("fe80::a", 1800, prefix()))
    (first,) = own(made)
    made.restart()
    made.duplicates.users = {first.ip}
    assert made.tenant.adopt(NOTHING).duplicates == frozenset(), "it is nobody's to decline"
    (second,) = own(made)
    assert second != first
    assert made.addresses() == [str(second)]


def test_who_answers_for_everything_is_not_asked_for_ever(make: Make) -> None:
    made = make(SLAAC)
    made.duplicates.everybody = True
    made.hear(advertisement("fe80::a", 1800, prefix()))
    made.run(80000)
    assert len(made.duplicates.asked) == 4
    assert "others use each one that was tried" in made.tenant.problem


def test_prefixes_do_not_wait_for_an_address_of_its_own(make: Make) -> None:
    made = make(replace(NPT, slaac=True))
    made.hear(advertisement("fe80::a", 1800, prefix()))
    made.tenant.adopt(has(OLD, now=made.now))
    assert made.bindings() == [OLD]
    assert len(made.addresses()) == 1


def test_no_address_is_made_in_the_network_behind_the_router(make: Make) -> None:
    made = make(replace(NPT, slaac=True))
    made.hear(advertisement("fe80::a", 1800, prefix("fd00:0:0:1::/64"), prefix()))
    assert [one.ip in IPv6Network("2001:db8:f::/64") for one in own(made)] == [True]


# --- the default route


def test_routes_to_all_routers_of_the_highest_preference(make: Make) -> None:
    made = make()
    made.hear(advertisement("fe80::b", 1800))
    made.hear(advertisement("fe80::a", 100))
    assert made.hops() == ["fe80::a", "fe80::b"]
    made.hear(advertisement("fe80::c", 50, preference=Preference.HIGH))
    assert made.hops() == ["fe80::c"]
    made.run(50)
    assert made.hops() == ["fe80::a", "fe80::b"]
    made.run(50)
    assert made.hops() == ["fe80::b"]
    made.hear(advertisement("fe80::b", 0))
    assert made.hops() == []


def test_table_and_preference_of_the_default_route(make: Make) -> None:
    made = make(ClientConfig(route_preference=7, route_table=9))
    made.hear(advertisement())
    assert made.tenant.routes == (Route(9, IPv6Network("::/0"), IPv6Address("fe80::a"), "wan0", 7),)


def test_no_default_route(make: Make) -> None:
    made = make(ClientConfig(default_route=DefaultRoute.NONE))
    made.hear(advertisement())
    made.tenant.adopt(has(OLD, now=made.now))
    assert made.hops() == []


def test_the_default_route_leads_to_the_server(make: Make) -> None:
    made = make(replace(LANS, default_route=DefaultRoute.SERVER))
    made.hear(advertisement())
    assert made.hops() == []
    made.tenant.adopt(has(OLD, now=made.now))
    assert made.hops() == [str(SERVER)]
    outcome = made.tenant.adopt(has(OLD, now=made.now, server=IPv6Address("2001:db8::547")))
    assert made.hops() == []
    assert "no link-local address: choose another default-route" in outcome.problem
    made.tenant.adopt(NOTHING)
    assert made.tenant.problem == ""


@pytest.mark.parametrize("default_route", [DefaultRoute.ROUTER_ADVERTISEMENT, DefaultRoute.NONE])
def test_whether_there_is_a_way_to_the_provider_is_told_whenever_it_changes(
    make: Make, default_route: DefaultRoute
) -> None:
    """RFC 7084, G-4. Where somebody else makes the route, it is enough that a router is there."""
    made = make(ClientConfig(default_route=default_route))
    made.hear(advertisement())
    made.hear(advertisement("fe80::b"))
    assert made.ways == [True]
    made.run(1800)
    assert made.ways == [True, False]
    made.hear(advertisement())
    made.tenant.withdraw()
    assert made.ways == [True, False, True, False]


# --- what is wrong, and what goes on


def test_what_vpp_refuses_is_said(make: Make) -> None:
    made = make(LANS)
    item = InterfaceAddress("lan1", IPv6Interface("2001:db8:1:1::1/64"))
    made.programmer.refusals[item] = "VPP has no interface lan1"
    outcome = made.tenant.adopt(has(OLD, now=made.now))
    assert outcome.problem == f"VPP refuses what the lease needs: {item}: VPP has no interface lan1"
    made.programmer.refusals.clear()
    assert made.tenant.problem == "", "it was tried again meanwhile"


def test_what_cannot_be_stored_is_used_and_said(make: Make) -> None:
    made = make(LANS)
    (made.directory / "lans").write_text("in the way")
    outcome = made.tenant.adopt(has(OLD, now=made.now))
    assert "it cannot be stored what LANs have" in outcome.problem
    assert made.addresses("lan0") == ["2001:db8:1::1/64"]
    (made.directory / "lans").unlink()
    assert made.tenant.adopt(has(OLD, now=made.now)).problem == ""


def test_a_file_that_is_damaged_is_moved_aside(make: Make) -> None:
    made = make(LANS)
    made.tenant.adopt(has(OLD, now=made.now))
    path = made.directory / "lans" / "wan0.json"
    for damage in ("{", path.read_text().replace('"secret": ""', '"secret": "00"')):
        path.write_text(damage)
        made.restart()
        with capture_logs() as logs:
            assert made.tenant.adopt(has(OLD, now=made.now)).problem == ""
        assert logs[0]["moved_to"] == f"{path}.damaged"


def test_time_and_routers_wake_it_up(make: Make) -> None:
    """With the greenlet that is there for it."""
    made = make(replace(SLAAC, conflict_detection=ConflictDetection.NONE))
    running = gevent.spawn(made.tenant.run)
    gevent.sleep(0)
    gevent.sleep(0)
    assert made.hops() == []
    made.routers.heard("wan0", advertisement())
    with gevent.Timeout(10):
        while not made.hops():
            gevent.sleep(0)
    made.tenant.config = replace(made.tenant.config, default_route=DefaultRoute.NONE)
    with gevent.Timeout(10):
        while made.hops():
            gevent.sleep(0)
    running.kill()


def test_nothing_is_laid_out_twice_at_once(make: Make) -> None:
    """A lease that comes while it is waited for an answer is adopted behind that."""
    made = make(SLAAC)
    order: list[str] = []

    def meanwhile() -> None:
        order.append("asked")
        gevent.sleep(0)
        order.append("answered")

    made.duplicates.meanwhile = meanwhile
    made.routers.heard("wan0", advertisement("fe80::a", 1800, prefix()))
    first = gevent.spawn(made.tenant.work)
    gevent.sleep(0)
    second = gevent.spawn(made.tenant.adopt, has(addresses=[ADDRESS], now=made.now))
    gevent.joinall([first, second], raise_error=True, timeout=10)
    assert order == ["asked", "answered"] * 2
    assert len(made.addresses()) == 2
