"""What the router's DHCPv6 client does to VPP while daemon, VPP, provider and links come and go."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.dhc6pdclient.provided import (
    DEFAULT,
    FIRST,
    LAN_ADDRESS,
    OTHER,
    OTHER_LAN_ADDRESS,
    OTHER_POOL,
    POOL,
    TRANSLATED,
    WAN,
    WITH_LAN,
    Provided,
    discarded,
)
from tests.northbound.managed import text, texts

Make = Callable[..., Provided]

FIRST_BINDING = ("fd00::/56", FIRST)
REJECTED = ("fd00::/48", "unreachable")


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Make]:
    """Give a function that makes a router whose client has a lease; nothing in it may fail with a traceback."""
    routers: list[Provided] = []

    def make(**settings: Any) -> Provided:
        routers.append(Provided(tmp_path, **settings))
        routers[0].daemon.start()
        routers[0].state_is("bound")
        return routers[0]

    try:
        yield make
        assert "Traceback" not in routers[0].daemon.said()
    finally:
        routers[0].close()


def has_no_ip6(wan: Provided) -> bool:
    (found,) = (one for one in wan.rig.state()["interfaces"] if one["name"] == WAN)
    return found["link-local"] is None


def with_lan(on_stop: str) -> list[dict[str, Any]]:
    return [WITH_LAN | {"on-stop": on_stop}]


def test_a_delegated_prefix_reaches_the_lan(made: Make) -> None:
    wan = made()
    wan.has()
    assert wan.heard() == ["solicit", "request"]
    shown = wan.client_state()
    assert text(shown, ".//v:delegated-prefix/v:prefix") == FIRST
    assert text(shown, ".//v:lan-prefix/v:programmed") == "true"
    assert text(shown, ".//v:upstream-router/v:default-route") == "true"
    assert texts(shown, ".//v:problem") == []


def test_a_delegated_prefix_is_translated_to(made: Make) -> None:
    wan = made(dhc6pdclient=[TRANSLATED])
    wan.eventually(lambda: wan.bindings() == [FIRST_BINDING], "VPP translates")
    wan.eventually(lambda: wan.routes() == [DEFAULT, REJECTED], "VPP has routes")
    wan.isp(f"dhcp6-server {OTHER_POOL}")
    wan.act("renew")
    wan.eventually(lambda: wan.bindings() == [("fd00::/56", OTHER)], "VPP translates to the other prefix")
    assert wan.routes() == [DEFAULT, REJECTED]
    assert wan.daemon.stop() == 0
    wan.has_nothing()


# The daemon ends and starts


def test_a_stopped_daemon_takes_the_lease_away_and_asks_for_it_again(made: Make) -> None:
    wan = made()
    wan.has()
    assert wan.daemon.stop() == 0
    wan.has_nothing()
    assert has_no_ip6(wan)
    wan.daemon.start()
    wan.state_is("bound")
    wan.has()
    assert wan.heard() == ["solicit", "request", "rebind"]


def test_a_stopped_daemon_leaves_the_lease_where_that_is_wanted(made: Make) -> None:
    wan = made(dhc6pdclient=with_lan("keep"))
    wan.has()
    entry = wan.entry(FIRST)
    wan.isp("router silent")
    assert wan.daemon.stop() == 0
    assert not has_no_ip6(wan), "the default route leads to a link-local address"
    assert (wan.addresses("tap1"), wan.routes()) == ([LAN_ADDRESS], [discarded(FIRST), DEFAULT])
    wan.daemon.start()
    wan.state_is("bound")
    assert wan.routes() == [discarded(FIRST), DEFAULT], "the router has time until it is heard"
    wan.isp("router managed other interval 3")
    wan.has()
    assert wan.entry(FIRST) == entry, "it was not away for a moment"
    assert wan.heard() == ["solicit", "request", "rebind"]


def test_a_stopped_daemon_gives_the_lease_back_where_that_is_wanted(made: Make) -> None:
    wan = made(dhc6pdclient=with_lan("release"))
    wan.has()
    assert wan.daemon.stop() == 0
    wan.has_nothing()
    assert wan.heard() == ["solicit", "request", "release"]
    wan.daemon.start()
    wan.state_is("bound")
    wan.has()
    assert wan.heard()[3:] == ["solicit", "request"]


def test_behind_a_kill_nothing_is_away_for_a_moment_and_nothing_too_much_stays(made: Make) -> None:
    both = WITH_LAN | {"lan-interface": [{"name": "tap1"}, {"name": "tap2"}]}
    wan = made(dhc6pdclient=[both])
    wan.plug("tap2")
    wan.eventually(lambda: wan.addresses("tap2") == ["2001:db8:100:1::1/64"], "the second LAN has its prefix")
    wan.has()
    entry = wan.entry(FIRST)
    wan.daemon.kill()
    settings = json.loads(wan.daemon.config.read_text())
    settings["dhc6pdclient"] = [WITH_LAN]
    wan.daemon.config.write_text(json.dumps(settings))
    wan.isp("router silent")
    wan.daemon.start()
    wan.state_is("bound")
    assert wan.routes() == [discarded(FIRST), DEFAULT], "the router has time until it is heard"
    wan.isp("router managed other interval 3")
    wan.eventually(lambda: wan.addresses("tap2") == [], "what is not wanted any more has gone")
    wan.has()
    assert wan.entry(FIRST) == entry
    assert wan.daemon.lines("put back what somebody took away from VPP") == []


def test_behind_a_kill_nothing_is_left_of_a_client_that_is_not_configured_any_more(made: Make) -> None:
    wan = made()
    wan.has()
    wan.daemon.kill()
    settings = json.loads(wan.daemon.config.read_text())
    del settings["dhc6pdclient"]
    wan.daemon.config.write_text(json.dumps(settings))
    wan.daemon.start()
    wan.eventually(lambda: (wan.addresses("tap1"), wan.routes()) == ([], []), "nothing is left")


def test_behind_a_kill_lans_keep_what_they_have_although_the_provider_is_away(made: Make) -> None:
    wan = made()
    wan.has()
    wan.rig.ctl(f"set interface state {WAN} down")
    wan.state_is("link-down")
    wan.daemon.kill()
    wan.daemon.start()
    wan.state_is("link-down")
    wan.has(LAN_ADDRESS, discarded(FIRST))
    shown = wan.client_state()
    assert text(shown, ".//v:lan-prefix/v:programmed") == "true"
    wan.rig.ctl(f"set interface state {WAN} up")
    wan.state_is("bound")
    wan.has()


def test_behind_a_kill_another_prefix_replaces_the_one_of_before(made: Make) -> None:
    wan = made()
    wan.has()
    wan.daemon.kill()
    wan.isp(f"dhcp6-server {OTHER_POOL}")
    wan.daemon.start()
    wan.has(OTHER_LAN_ADDRESS, DEFAULT, discarded(OTHER))


# VPP goes and comes


def test_a_vpp_that_was_restarted_gets_everything_again(made: Make) -> None:
    wan = made()
    wan.has()
    wan.rig.restart()
    wan.daemon.logged("VPP lost")
    wan.state_is("link-down")
    for interface in ("tap1", WAN):
        wan.plug(interface)
    wan.isp("router managed other interval 3")
    wan.state_is("bound")
    wan.has()
    assert wan.heard() == ["solicit", "request", "rebind"]


def test_what_somebody_takes_away_is_put_back(made: Make) -> None:
    wan = made()
    wan.has()
    wan.rig.ctl(f"set interface ip address del tap1 {LAN_ADDRESS}")
    wan.daemon.logged("put back what somebody took away from VPP")
    wan.has()


def test_an_interface_that_comes_back(made: Make) -> None:
    wan = made()
    wan.has()
    wan.rig.ctl(f"set interface state {WAN} down")
    wan.state_is("link-down")
    wan.rig.ctl(f"set interface state {WAN} up")
    wan.state_is("bound")
    wan.has()
    assert wan.heard() == ["solicit", "request", "rebind"]


# Operators and the provider


def test_operators(made: Make) -> None:
    wan = made()
    wan.has()
    wan.act("renew")
    wan.eventually(lambda: wan.heard() == ["solicit", "request", "renew"], "it renews")
    wan.state_is("bound")
    wan.act("rebind")
    wan.eventually(lambda: wan.heard()[3:] == ["rebind"], "it rebinds")
    wan.state_is("bound")
    wan.act("release")
    wan.state_is("released")
    assert wan.heard()[4:] == ["release"]
    assert (wan.addresses("tap1"), wan.routes()) == ([], [DEFAULT])
    wan.act("renew")
    wan.state_is("bound")
    wan.has()


def test_a_removed_client_leaves_nothing(made: Make) -> None:
    wan = made()
    wan.has()
    wan.edit(f"<dhc6pdclient nc:operation='delete'><interface>{WAN}</interface></dhc6pdclient>")
    wan.eventually(lambda: (wan.addresses("tap1"), wan.routes()) == ([], []), "nothing is left")
    wan.eventually(lambda: has_no_ip6(wan), "IPv6 is off again")


def test_a_network_that_is_renumbered(made: Make) -> None:
    wan = made()
    wan.has()
    wan.isp(f"dhcp6-server {OTHER_POOL}")
    wan.act("renew")
    wan.has(OTHER_LAN_ADDRESS, DEFAULT, discarded(OTHER))


def test_a_router_that_does_not_want_to_be_one_any_more(made: Make) -> None:
    wan = made()
    wan.has()
    wan.isp("router lifetime 0 managed other interval 3")
    wan.has(LAN_ADDRESS, discarded(FIRST))
    wan.isp("router managed other interval 3")
    wan.has()


def test_an_address_that_somebody_has_is_declined(made: Make) -> None:
    one = WITH_LAN | {"ia-na": [{"ia-id": 1}]}
    wan = made(dhc6pdclient=[one], terms=f"{POOL} na 2001:db8:1::/64")
    wan.eventually(lambda: wan.addresses(WAN) == ["2001:db8:1::1/128"], "it has an address")
    wan.act("release")
    wan.state_is("released")
    wan.rig.ctl(f"simulate host create squatter interface {WAN} mac 02:00:00:00:99:09")
    wan.isp("ip6 address 2001:db8:1::1", "squatter")
    wan.act("renew")
    wan.eventually(lambda: "decline" in wan.heard(), "it declines")
    wan.eventually(lambda: wan.addresses(WAN) == ["2001:db8:1::2/128"], "it has another one")
    wan.has()


def test_what_vpp_refuses_is_a_problem_until_it_does_not(made: Make) -> None:
    wan = made()
    wan.has()
    wan.set("<route-table-id>7</route-table-id>")
    wan.eventually(lambda: any("7" in one for one in texts(wan.client_state(), ".//v:problem")), "it is said")
    wan.rig.ctl("ip6 table add 7")
    wan.eventually(lambda: texts(wan.client_state(), ".//v:problem") == [], "it is well")


def test_both_families_on_one_interface(made: Make) -> None:
    """What an earlier run left of either goes once both have begun, and not before."""
    mine = {"interface": WAN, "conflict-detection": "none"}
    wan = made(dhc4client=[mine])
    wan.isp("address 198.51.100.1/24")
    wan.isp("dhcp-server pool 198.51.100.10 198.51.100.20 router 198.51.100.1")
    wan.eventually(lambda: ipv4(wan) == ["198.51.100.10/24"], "IPv4 is there")
    wan.has()
    wan.daemon.kill()
    settings = json.loads(wan.daemon.config.read_text())
    del settings["dhc4client"]
    wan.daemon.config.write_text(json.dumps(settings))
    wan.isp("router silent")
    wan.daemon.start()
    wan.state_is("bound")
    assert ipv4(wan) == ["198.51.100.10/24"], "DHCPv4 has begun, DHCPv6 has not"
    assert wan.routes() == [discarded(FIRST), DEFAULT]
    wan.isp("router managed other interval 3")
    wan.eventually(lambda: ipv4(wan) == [], "nothing is left of the other")
    wan.has()


def ipv4(wan: Provided) -> list[str]:
    (found,) = (one for one in wan.rig.state()["interfaces"] if one["name"] == WAN)
    return [address for address in found["addresses"] if ":" not in address]
