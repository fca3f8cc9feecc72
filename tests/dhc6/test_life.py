"""What the DHCPv6 server does while daemon, VPP and clients come and go, from end to end and without root."""

import json
from collections.abc import Callable, Iterator
from ipaddress import IPv6Address, IPv6Network
from pathlib import Path
from typing import Any

import pytest
from scapy.layers.dhcp6 import DHCP6OptReconfAccept

from tests.dhc6.clients import Agent, link_local, raw
from tests.dhc6.served import GLOBAL, LAN, Served
from tests.waiting import wait_for

Make = Callable[..., Served]

NETWORK = IPv6Network("2001:db8:1::/64")
POOL = {"pool-id": "customers", "pool-prefix": "2001:db8:8000::/48", "client-prefix-length": 56}
WISH = "2001:db8:1::200"
SQUATTER = "02:00:00:00:66:66"
RELAY = "2001:db8:1::ee"


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Make]:
    """Give a function that makes a router whose server serves; nothing in it may fail with a traceback."""
    routers: list[Served] = []

    def make(**settings: Any) -> Served:
        routers.append(Served(tmp_path, **settings))
        routers[0].daemon.start()
        routers[0].daemon.logged("serving DHCPv6", interface=LAN)
        return routers[0]

    try:
        yield make
        assert "Traceback" not in routers[0].daemon.said()
    finally:
        routers[0].close()


def test_an_address_by_four_messages(made: Make) -> None:
    router = made()
    offered = router.host.ask("solicit", na={1: []})
    assert offered.type == "advertise"
    (address,) = offered.na[1].live
    assert IPv6Address(address) in NETWORK
    assert router.host.asked.count(address) == 2, "it was asked whether somebody has it"
    assert router.daemon.lines("lease granted") == []
    reply = router.host.ask("request", na={1: [address]})
    assert (reply.type, reply.na[1].live) == ("reply", [address])
    granted = router.daemon.logged("lease granted")
    assert (granted["address"], granted["interface"], granted["during"]) == (address, LAN, "request")
    assert router.host.ask("renew", na={1: [address]}).na[1].live == [address]
    assert router.host.ask("confirm", na={1: [address]}).status == 0
    assert router.host.ask("release", na={1: [address]}).status == 0
    router.daemon.logged("lease released", address=address)


def test_an_address_by_two_messages(made: Make) -> None:
    router = made(rapid_commit=True)
    reply = router.host.ask("solicit", 1, raw(14), na={1: [WISH]})
    assert (reply.type, reply.na[1].live, reply.get(14)) == ("reply", [WISH], b"")
    assert router.daemon.logged("lease granted", address=WISH)["during"] == "solicit"


def test_options_alone(made: Make) -> None:
    router = made(dns=["2001:4860:4860::8888"])
    reply = router.host.ask("information-request")
    assert reply.get(23) == IPv6Address("2001:4860:4860::8888").packed


def test_a_client_behind_a_relay_agent_is_answered_by_routing(made: Make) -> None:
    router = made()
    router.host.neighbours[RELAY] = "02:00:00:00:00:ee"
    behind: dict[str, Any] = {"relays": [Agent(link="2001:db8:1::1", options=(raw(18, b"port 7"),))], "source": RELAY}
    reply = router.host.bind(1, na={1: []}, **behind)
    assert IPv6Address(reply.na[1].live[0]) in NETWORK
    assert (reply.destination, reply.source, reply.ports) == (RELAY, GLOBAL.removesuffix("/64"), (547, 547))
    (relay,) = reply.relays
    assert (relay.peeraddr, relay.linkaddr) == ("fe80::ff:fe00:1", "2001:db8:1::1")
    assert router.daemon.logged("lease granted")["relay"] == RELAY


def test_relay_agents_that_send_to_all_servers_of_the_site_are_heard(made: Make) -> None:
    router = made()
    router.host.neighbours[RELAY] = "02:00:00:00:00:ee"
    behind: dict[str, Any] = {"relays": [Agent(link="2001:db8:1::1")], "source": RELAY, "destination": "ff05::1:3"}
    assert router.host.ask("solicit", na={1: []}, **behind).type == "advertise"


def test_a_delegated_prefix_has_a_route_as_long_as_its_lease(made: Make) -> None:
    router = made(prefix_pool=[POOL])
    reply = router.host.bind(1, pd={1: []})
    (prefix,) = reply.pd[1].live
    assert IPv6Network(prefix).subnet_of(IPv6Network("2001:db8:8000::/48"))
    router.has_routes((prefix, link_local(1)))
    router.host.bind(2, pd={1: []})
    wait_for(lambda: len(router.routes()) == 2, "both are there")
    router.host.ask("release", 1, pd={1: [prefix]})
    wait_for(lambda: prefix not in dict(router.routes()), "the route has gone with its lease")
    assert len(router.routes()) == 1


def test_a_route_ends_with_the_time_of_its_lease(made: Make) -> None:
    router = made(prefix_pool=[POOL | {"valid-lifetime": 3, "preferred-lifetime": 2}])
    (prefix,) = router.host.bind(1, pd={1: []}).pd[1].live
    router.has_routes((prefix, link_local(1)))
    router.daemon.logged("lease expired", prefix=prefix)
    router.has_routes()


def test_a_prefix_behind_a_relay_agent_is_reached_by_the_way_to_that(made: Make) -> None:
    router = made(prefix_pool=[POOL])
    router.host.neighbours[RELAY] = "02:00:00:00:00:ee"
    behind: dict[str, Any] = {"relays": [Agent(link="2001:db8:1::1")], "source": RELAY}
    (prefix,) = router.host.bind(1, pd={1: []}, **behind).pd[1].live
    router.has_routes((prefix, RELAY))


def test_an_address_that_somebody_uses_is_given_to_nobody(made: Make) -> None:
    router = made()
    router.host.neighbours[WISH] = SQUATTER
    (address,) = router.host.bind(1, na={1: [WISH]}).na[1].live
    assert address != WISH
    conflict = router.daemon.logged("address is used by somebody else and given to nobody for a while")
    assert (conflict["address"], conflict["holder"]) == (WISH, SQUATTER)
    del router.host.neighbours[WISH]
    assert router.host.bind(2, na={1: [WISH]}).na[1].live != [WISH], "for a day"


# The daemon goes and comes


def test_nothing_is_lost_by_a_kill(made: Make) -> None:
    router = made(prefix_pool=[POOL])
    bound = router.host.bind(1, na={1: []}, pd={1: []})
    (address,), (prefix,) = bound.na[1].live, bound.pd[1].live
    router.has_routes((prefix, link_local(1)))
    router.daemon.kill()
    router.daemon.start()
    assert router.host.server == router.host.ask("information-request").get(2), "it has the same DUID"
    renewed = router.host.ask("renew", na={1: [address]}, pd={1: [prefix]})
    assert (renewed.na[1].live, renewed.pd[1].live) == ([address], [prefix])
    assert router.host.bind(2, na={1: [address]}).na[1].live != [address]
    router.has_routes((prefix, link_local(1)))


def test_routes_stay_behind_a_stop_and_go_with_the_server(made: Make) -> None:
    router = made(prefix_pool=[POOL])
    (prefix,) = router.host.bind(1, pd={1: []}).pd[1].live
    router.has_routes((prefix, link_local(1)))
    assert router.daemon.stop() == 0
    assert router.routes() == [(prefix, link_local(1))]
    assert router.rig.state()["multicast-routes"] == []
    router.daemon.start()
    router.has_routes((prefix, link_local(1)))
    groups = [one["group"] for one in router.rig.state()["multicast-routes"]]
    assert sorted(groups) == ["ff02::1:2/128", "ff05::1:3/128"]
    router.without_server()
    router.has_routes()
    assert router.rig.state()["multicast-routes"] == []


def test_a_lease_that_ended_while_nobody_looked_has_no_route_any_more(made: Make) -> None:
    router = made(prefix_pool=[POOL | {"valid-lifetime": 3, "preferred-lifetime": 2}])
    (prefix,) = router.host.bind(1, pd={1: []}).pd[1].live
    router.has_routes((prefix, link_local(1)))
    router.daemon.kill()
    assert router.routes() == [(prefix, link_local(1))]
    router.daemon.start()
    router.has_routes()


# VPP goes and comes


def test_a_vpp_that_was_restarted_gets_everything_again(made: Make) -> None:
    router = made(prefix_pool=[POOL])
    bound = router.host.bind(1, na={1: []}, pd={1: []})
    (address,), (prefix,) = bound.na[1].live, bound.pd[1].live
    router.has_routes((prefix, link_local(1)))
    router.rig.restart()
    router.daemon.logged("VPP lost")
    router.plug_in()
    router.has_routes((prefix, link_local(1)))
    assert router.host.ask("renew", na={1: [address]}, pd={1: [prefix]}).na[1].live == [address]


# Operators


def test_bound_clients_hear_of_a_change_at_once(made: Make) -> None:
    router = made(reconfigure=True)
    asks = DHCP6OptReconfAccept()
    router.host.ask("request", 1, asks, na={1: [WISH]}, server_id=router.host.ask("information-request").get(2))
    router.configure(dns=["2001:db8::53"], valid_lifetime=3600)
    told = router.host.hear(lambda seen: seen.type == "reconfigure")
    assert told is not None
    assert (told.trid, told.destination) == (0, link_local(1))
    renewed = router.host.ask("renew", 1, asks, na={1: [WISH]})
    assert renewed.get(23) == IPv6Address("2001:db8::53").packed


def test_another_duid(made: Make) -> None:
    router = made()
    before = router.host.ask("information-request").get(2)
    content = json.loads(router.daemon.config.read_text())
    content["system"] = {"duid": {"value": "00:02:00:00:00:09:aa:bb"}}
    router.daemon.config.write_text(json.dumps(content))
    router.reload()
    assert router.host.ask("information-request").get(2) == bytes.fromhex("000200000009aabb") != before
