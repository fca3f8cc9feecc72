"""What the router's DHCPv4 client does to VPP and to the LAN while things come and go."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nc.schema import Schema
from tests.northbound.client_wan import WAN
from tests.northbound.dhc4client_wan import DEFAULT, FIRST, ISP, POOL, QUICK, SECOND, SECOND_ONLY, Provided
from tests.northbound.managed import rpc, subtree, text, texts

Make = Callable[..., Provided]

UPSTREAM = {"lease-time": 3600, "interfaces": ["tap1"], "name-server": ["192.168.1.1", "from-upstream"]}


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Make]:
    """Give a function that makes a router whose client has a lease; nothing in it may fail with a traceback."""
    routers: list[Provided] = []

    def make(*routes: tuple[str, str, int], address: str = FIRST, **settings: Any) -> Provided:
        routers.append(Provided(tmp_path, **settings))
        routers[0].daemon.start()
        routers[0].is_bound(address, *routes)
        return routers[0]

    try:
        yield make
        assert "Traceback" not in routers[0].daemon.said()
    finally:
        routers[0].close()


def client(**settings: Any) -> list[dict[str, Any]]:
    return [QUICK | {name.replace("_", "-"): value for name, value in settings.items()}]


def kinds(wan: Provided) -> list[str]:
    return [heard["type"] for heard in wan.heard()]


# The daemon ends and starts


def test_a_stopped_daemon_takes_the_lease_away_and_asks_for_it_again(made: Make) -> None:
    wan = made()
    assert wan.daemon.stop() == 0
    assert (wan.addresses(), wan.routes()) == ([], [])
    wan.daemon.start()
    wan.is_bound()
    assert kinds(wan) == ["discover", "request", "request"], "INIT-REBOOT"
    assert wan.heard()[-1]["options"].keys() >= {"50"}
    assert not wan.heard()[-1]["options"].keys() & {"54"}


def test_a_stopped_daemon_leaves_the_lease_where_that_is_wanted(made: Make) -> None:
    wan = made(dhc4client=client(on_stop="keep"))
    assert wan.daemon.stop() == 0
    assert (wan.addresses(), wan.routes()) == ([FIRST], [DEFAULT])
    wan.daemon.start()
    wan.is_bound()
    assert kinds(wan) == ["discover", "request", "request"]


def test_a_stopped_daemon_gives_the_lease_back_where_that_is_wanted(made: Make) -> None:
    wan = made(dhc4client=client(on_stop="release"))
    assert wan.daemon.stop() == 0
    assert (wan.addresses(), wan.routes()) == ([], [])
    assert kinds(wan) == ["discover", "request", "release"]
    wan.daemon.start()
    wan.is_bound()
    assert kinds(wan)[3:] == ["discover", "request"]
    assert wan.heard()[3]["options"]["50"] == "c633640a", "it wishes the address that it had"


def test_a_daemon_that_is_stopped_while_it_looks_for_a_conflict_leaves_nothing(made: Make) -> None:
    wan = made()
    wan.isp(SECOND_ONLY)
    wan.set("<conflict-detection>probe</conflict-detection>")
    wan.has(SECOND)
    assert wan.daemon.stop() == 0
    assert (wan.addresses(), wan.routes()) == ([], [])


def test_behind_a_kill_nothing_is_there_twice(made: Make) -> None:
    wan = made()
    wan.daemon.kill()
    wan.daemon.start()
    wan.hears("request", more_than=1)
    wan.is_bound()
    wan.daemon.logged("ready", more_than=1)
    assert (wan.addresses(), wan.routes()) == ([FIRST], [DEFAULT])
    assert wan.daemon.lines("put back what somebody took away from VPP") == []


def test_behind_a_kill_nothing_is_left_of_a_client_that_is_not_configured_any_more(made: Make) -> None:
    wan = made()
    wan.rig.ctl(f"ip route add 203.0.113.0/24 via 198.51.100.7 {WAN}")
    wan.daemon.kill()
    settings = json.loads(wan.daemon.config.read_text())
    del settings["dhc4client"]
    wan.daemon.config.write_text(json.dumps(settings))
    wan.daemon.start()
    wan.has(routes=(("203.0.113.0/24", "198.51.100.7", 0),))


def test_behind_a_kill_another_lease_replaces_the_one_of_before(made: Make) -> None:
    wan = made()
    wan.daemon.kill()
    wan.isp("pool 198.51.100.30 198.51.100.30 router 198.51.100.2")
    wan.daemon.start()
    wan.is_bound("198.51.100.30/24", ("0.0.0.0/0", "198.51.100.2", 10))


# VPP goes and comes


def test_a_vpp_that_was_restarted_gets_everything_again(made: Make) -> None:
    wan = made()
    wan.rig.restart()
    wan.daemon.logged("VPP lost")
    wan.state_is("link-down")
    for interface in ("tap1", WAN):
        wan.plug(interface)
    wan.rig.ctl("set interface ip address tap1 192.168.1.1/24")
    wan.is_bound()
    assert kinds(wan) == ["discover", "request", "request"]


def test_what_somebody_takes_away_is_put_back(made: Make) -> None:
    wan = made()
    wan.rig.ctl(f"set interface ip address del {WAN} {FIRST}")
    wan.daemon.logged("put back what somebody took away from VPP")
    wan.is_bound()


def test_an_interface_that_comes_back_gets_its_address_again(made: Make) -> None:
    wan = made()
    wan.rig.ctl(f"set interface state {WAN} down")
    wan.state_is("link-down")
    wan.rig.ctl(f"set interface state {WAN} up")
    wan.is_bound()
    assert kinds(wan) == ["discover", "request", "request"], "it asks at once"


def test_a_router_outside_the_network_is_reached_by_a_route_of_its_own(made: Make) -> None:
    routes = ("0.0.0.0/0", "192.0.2.1", 10), ("192.0.2.1/32", "192.0.2.1", 10)
    terms = "pool 198.51.100.10 198.51.100.20 router 192.0.2.1 option 1 ffffffff"
    wan = made(*routes, address="198.51.100.10/32", terms=terms)
    wan.daemon.stop()
    assert (wan.addresses(), wan.routes()) == ([], [])
    wan.daemon.start()
    wan.is_bound("198.51.100.10/32", *routes)
    before = entry(wan, "192.0.2.1/32")
    with wan.client() as other:
        other.dispatch(rpc("<reconcile/>"))
    assert entry(wan, "192.0.2.1/32") == before, "a route that is there stays as it is"


def entry(wan: Provided, prefix: str) -> str:
    """Return what VPP calls the entry of a prefix; it gets another index when it is removed and made anew."""
    return wan.rig.ctl(f"show ip fib {prefix}").splitlines()[1]


# Trouble


def test_a_network_that_the_lan_has_is_said_and_not_used_by_half(made: Make, schema: Schema) -> None:
    wan = made()
    wan.rig.ctl("simulate host isp address 192.168.1.254/24")
    wan.isp("pool 192.168.1.200 192.168.1.200 router 192.168.1.254")
    wan.act("release")
    wan.state_is("released")
    with wan.subscribed(schema, "client-problem") as following:
        wan.act("renew")
        told = following()
    assert (told["client"], told["interface"]) == ("dhc4client", WAN)
    assert "192.168.1.200/24" in told["text"]
    assert "tap1" in told["text"]
    assert wan.problem() == told["text"]
    wan.has()
    shown = wan.client_state()
    assert text(shown, ".//v:leased-address") == "192.168.1.200", "the lease is kept"
    assert text(shown, ".//v:programmed") == "false"
    with wan.client() as other:
        component = "<system><component><name>dhc4client</name></component></system>"
        status = other.get(filter=subtree(component)).data_ele
    assert text(status, ".//v:status") == "failed"
    wan.rig.ctl("set interface ip address del tap1 192.168.1.1/24")
    wan.is_bound("192.168.1.200/24", ("0.0.0.0/0", "192.168.1.254", 10))
    assert texts(wan.client_state(), ".//v:problem") == []


def test_an_address_that_somebody_has_is_declined(made: Make, schema: Schema) -> None:
    wan = made()
    wan.rig.ctl(f"simulate host create squatter interface {WAN} mac 02:00:00:00:99:09 address 198.51.100.30/24")
    wan.isp("pool 198.51.100.30 198.51.100.31 router 198.51.100.1")
    wan.set("<conflict-detection>probe</conflict-detection>")
    with wan.subscribed(schema, "address-conflict") as following:
        assert following() == {"client": "dhc4client", "interface": WAN, "address": "198.51.100.30"}
    assert wan.hears("decline")["options"]["50"] == "c633641e"
    wan.state_is("declined")
    assert "another host uses 198.51.100.30" in wan.problem()
    wan.has()
    assert wan.counted("decline") == 1
    wan.is_bound("198.51.100.31/24")
    assert texts(wan.client_state(), ".//v:problem") == []


def test_a_table_that_vpp_has_not_is_said(made: Make) -> None:
    wan = made()
    wan.set("<route-table-id>7</route-table-id>")
    assert "VPP has no IPv4 table 7: make it" in wan.problem()
    wan.has(FIRST)
    wan.rig.ctl("ip table add 7")
    wan.eventually(lambda: wan.routes(7) == [DEFAULT], "the route is there once the table is")


# The LAN


def told(wan: Provided, host: str) -> list[str]:
    """Return the DNS servers that a host on the LAN was told last."""
    servers: list[str] = wan.hosts()[host].get("name-servers", [])
    return servers


def test_the_lan_is_told_the_providers_name_servers_as_they_are(made: Make) -> None:
    wan = made(terms=f"{POOL} dns 192.0.2.53", dhc4server=UPSTREAM)
    host = wan.host(1)
    wan.address(host)
    assert told(wan, host) == ["192.168.1.1", "192.0.2.53"]

    def renewed(*servers: str) -> None:
        wan.rig.ctl(f"simulate host {host} dhcp renew")
        wan.eventually(lambda: told(wan, host) == ["192.168.1.1", *servers], f"it is told {servers}")

    wan.isp(f"{POOL} dns 192.0.2.99,192.0.2.100")
    wan.act("renew")
    wan.daemon.logged("dhcpv4 client: told otherwise by 198.51.100.1")
    renewed("192.0.2.99", "192.0.2.100")
    wan.act("release")
    wan.state_is("released")
    renewed()


def test_the_name_servers_of_one_provider_can_be_chosen(made: Make) -> None:
    server = UPSTREAM | {"upstream-interface": WAN, "name-server": ["from-upstream"]}
    wan = made(terms=f"{POOL} dns 192.0.2.53", dhc4server=server)
    wan.plug("wan1")
    wan.rig.ctl("simulate host create other interface wan1 mac 02:00:00:00:99:02 address 203.0.113.1/24")
    wan.isp("pool 203.0.113.10 203.0.113.10 dns 203.0.113.53", "other")
    wan.knows("wan1")
    wan.edit("<dhc4client><interface>wan1</interface><conflict-detection>none</conflict-detection></dhc4client>")
    wan.eventually(lambda: wan.addresses("wan1") == ["203.0.113.10/24"], "the other client has a lease")
    host = wan.host(1)
    wan.address(host)
    assert told(wan, host) == ["192.0.2.53"]
    wan.edit("<dhc4server><upstream-interface>wan1</upstream-interface></dhc4server>")
    wan.rig.ctl(f"simulate host {host} dhcp renew")
    wan.eventually(lambda: told(wan, host) == ["203.0.113.53"], "those of the other provider")
    wan.edit("<dhc4server><upstream-interface nc:operation='delete'/></dhc4server>")
    wan.rig.ctl(f"simulate host {host} dhcp renew")
    wan.eventually(lambda: set(told(wan, host)) == {"192.0.2.53", "203.0.113.53"}, "those of both")


def served(wan: Provided) -> list[str]:
    with wan.client() as client:
        shown = client.get(filter=subtree("<dhc4server><served-interface/></dhc4server>")).data_ele
        return texts(shown, ".//v:served-interface/v:name")


def test_the_provider_is_served_only_where_that_is_said(made: Make) -> None:
    wan = made()
    shown = f"<vpp><interface><name>{WAN}</name></interface></vpp>"
    with wan.client() as other:
        wan.eventually(lambda: texts(other.get(filter=subtree(shown)).data_ele, ".//v:ip"), "the address is known")
    assert served(wan) == ["tap1"]
    wan.edit(f"<dhc4server><interfaces>{WAN}</interfaces></dhc4server>")
    wan.eventually(lambda: served(wan) == [WAN], "it is served by name")
    warning = wan.daemon.logged("committed", path=f"/vppdhc:dhc4client[vppdhc:interface='{WAN}']")
    assert "offered the provider's addresses" in warning["reason"]
    wan.edit(f"<dhc4server><interfaces nc:operation='delete'>{WAN}</interfaces></dhc4server>")
    wan.eventually(lambda: served(wan) == ["tap1"], "and not without")
    wan.rig.ctl(f"set interface ip address {WAN} 10.9.9.1/24")
    wan.edit(f"<dhc4client nc:operation='delete'><interface>{WAN}</interface></dhc4client>")
    wan.eventually(lambda: served(wan) == ["tap1", WAN], "without a client it is a LAN as any other")
    assert wan.addresses() == ["10.9.9.1/24"], "an address of somebody else stays"


def test_the_provider_silent_at_the_start_is_asked_again(made: Make) -> None:
    wan = made()
    wan.act("release")
    wan.state_is("released")
    wan.isp("silent")
    wan.act("renew")
    wan.state_is("selecting")
    wan.hears("discover", more_than=2)
    wan.isp("answer")
    wan.is_bound(FIRST, ("0.0.0.0/0", ISP, 10))
