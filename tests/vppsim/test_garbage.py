"""Whatever arrives, the simulator goes on: frames, punt datagrams and API messages from damaged to random."""

import random
from collections.abc import Iterator
from typing import Any

import pytest
from scapy.layers.inet6 import ICMPv6ND_RA, ICMPv6ND_RS, ICMPv6NDOptPrefixInfo, ICMPv6NDOptSrcLLAddr, IPv6
from scapy.layers.l2 import Dot1Q, Ether

from tests.vppsim.client import NO_INTERFACE, Api, NoReplyError, group_route, l4, listen_to_broadcasts, path
from tests.vppsim.frames import HOST, advertisement, arp, discover, offer, solicitation
from tests.vppsim.rig import LAN, SimulatorRig, Wire, mac_of

ROUTER = mac_of(LAN)
ROUNDS = 300


def samples() -> list[bytes]:
    """Return one good frame of each kind."""
    all_nodes = Ether(src=HOST, dst="33:33:00:00:00:01") / IPv6(src="fe80::aa", dst="ff02::1", hlim=255)
    frames = [
        arp(1, "10.0.0.5", "10.0.0.1"),
        discover(),
        discover("10.0.0.5", "10.0.0.1", ROUTER),
        offer("10.0.0.5", ROUTER),
        Ether(src=HOST, dst=ROUTER) / Dot1Q(vlan=20) / Dot1Q(vlan=7) / discover("10.2.0.5", "10.2.0.1").payload,
        solicitation("2001:db8::1"),
        advertisement("2001:db8::5"),
        all_nodes / ICMPv6ND_RA() / ICMPv6NDOptPrefixInfo() / ICMPv6NDOptSrcLLAddr(lladdr=HOST),
        all_nodes / ICMPv6ND_RS() / ICMPv6NDOptSrcLLAddr(lladdr=HOST),
    ]
    return [bytes(frame) for frame in frames]


def damaged(good: bytes, chance: random.Random) -> Iterator[bytes]:
    """Yield every beginning of some bytes, and many with a few of them changed."""
    yield from (good[:length] for length in range(len(good)))
    for _ in range(ROUNDS):
        octets = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            octets[chance.randrange(len(octets))] = chance.randrange(256)
        yield bytes(octets)


@pytest.fixture
def lan(simulator: SimulatorRig) -> tuple[int, Wire]:
    index, wire = simulator.interface(LAN, "10.0.0.1/24", "2001:db8::1/64")
    api = simulator.api()
    listen_to_broadcasts(api)
    api.call("ip_mroute_add_del", is_add=True, route=group_route("ff02::1:2"))
    api.call("dhcp_client_detect_enable_disable", sw_if_index=index, enable=True)
    simulator.ctl(f"create sub-interfaces {LAN} 20 dot1q 20 inner-dot1q 7 exact-match")
    simulator.ctl(f"set interface state {LAN}.20 up")
    simulator.ctl(f"set interface ip address {LAN}.20 10.2.0.1/24")
    simulator.ctl(f"simulate host create h interface {LAN} mac 02:00:00:00:00:05 address 10.0.0.5/24")
    return index, wire


@pytest.mark.parametrize("kind", range(len(samples())))
def test_damaged_frames(simulator: SimulatorRig, lan: tuple[int, Wire], kind: int) -> None:
    for frame in damaged(samples()[kind], random.Random(kind)):
        lan[1].send(frame)
    simulator.settled()
    assert simulator.ctl("simulate host h ping 10.0.0.1") == ""
    assert simulator.state()["hosts"]["h"]["received"]["echo reply"] >= 1


@pytest.mark.parametrize("action", [1, 2])
def test_damaged_packets_from_the_punt_socket(simulator: SimulatorRig, lan: tuple[int, Wire], action: int) -> None:
    good = samples()[2][14:] if action == 1 else samples()[5][14:]
    for packet in damaged(good, random.Random(action)):
        simulator.punt_to_router(lan[0], action, packet)
    assert simulator.ctl("show version")
    assert not simulator.died()


def requests(index: int) -> dict[str, dict[str, Any]]:
    """Return one good request of each kind that carries much."""
    hop = path(sw_if_index=index, nh={"address": {"ip4": "10.0.0.2"}})
    on_interface = {"sw_if_index": index}
    return {
        "sw_interface_dump": {"name_filter_valid": True, "name_filter": "lan"},
        "sw_interface_set_flags": on_interface | {"flags": 1},
        "sw_interface_add_del_address": on_interface | {"is_add": True, "prefix": "10.3.0.1/24"},
        "ip_address_dump": on_interface,
        "ip_route_add_del": {"is_add": True, "route": {"prefix": "10.9.0.0/16", "n_paths": 1, "paths": [hop]}},
        "ip_route_dump": {"table": {"table_id": 0, "is_ip6": False}},
        "ip_route_lookup": {"exact": True, "prefix": "10.0.0.0/24"},
        "ip_mroute_add_del": {"is_add": True, "route": group_route("ff02::1:2")},
        "ip_neighbor_dump": {"sw_if_index": NO_INTERFACE},
        "want_ip_neighbor_events_v2": on_interface | {"enable": True, "ip": "0.0.0.0"},
        "punt_socket_register": {"header_version": 1, "punt": l4(67), "pathname": "/nowhere"},
        "punt_socket_deregister": {"punt": l4(67)},
        "sw_interface_set_mtu": on_interface | {"mtu": [9000, 1500, 0, 0]},
        "npt66_binding_add_del": on_interface | {"is_add": True, "internal": "fd00::/48", "external": "2001:db8::/48"},
        "sw_interface_ip6nd_ra_config": on_interface | {"managed": 1, "max_interval": 30, "min_interval": 10},
        "ip6nd_send_router_solicitation": on_interface | {"irt": 1, "mrt": 1, "mrc": 1, "mrd": 1},
        "sw_interface_ip6_set_link_local_address": on_interface | {"ip": "fe80::7"},
        "cli_inband": {"cmd": "show interface"},
    }


@pytest.mark.parametrize("name", requests(0))
def test_damaged_requests(simulator: SimulatorRig, lan: tuple[int, Wire], name: str) -> None:
    api = simulator.api()
    head = {"_vl_msg_id": api.number(name), "client_index": api.index, "context": 7}
    good = bytes(api.messages[name].pack(head | requests(lan[0])[name]))
    for message in damaged(good[10:], random.Random(name)):
        api.write(good[:10] + message)
    other = simulator.api()
    for ip6 in (False, True):
        assert other.dump("ip_route_dump", table={"table_id": 0, "is_ip6": ip6})
        assert other.dump("ip_mroute_dump", table={"table_id": 0, "is_ip6": ip6})
        other.dump("ip_address_dump", sw_if_index=lan[0], is_ipv6=ip6)
    assert simulator.state()["interfaces"]


WORDS = ("set", "interface", "state", "up", "ip", "ip6", "address", "del", "all", "10.3.0.1/24", "2001:db8:3::1/64",
         "10.0.0.1/33", "table", "add", "9", "-1", "x", "route", "via", "drop", "10.0.0.2", "fe80::2", "preference",
         "show", "fib", "neighbors", "create", "sub-interfaces", "100", "dot1q", "5000", "inner-dot1q", "loopback",
         "bridge-domain", "l2", "bridge", "bvi", "enable", "disable", "clear", "errors", "weight", "host-lan0", "loop0",
         "mac", "host-interface", "name", "punt", "l4", "npt66")  # fmt: skip
COMMANDS = ("set interface state", "set interface ip address", "set interface ip table", "set interface l2 bridge",
            "set interface l3", "ip table", "ip6 table", "ip route", "show ip fib", "show ip6 fib", "show interface",
            "show ip neighbors", "create sub-interfaces", "create loopback interface", "create bridge-domain",
            "delete loopback interface", "delete sub-interface", "create sim-interface", "simulate drop",
            "simulate delay", "simulate refuse", "simulate latency", "simulate host create", "simulate host h",
            "create host-interface", "enable ip6 interface", "disable ip6 interface", "show nonsense")  # fmt: skip


def test_damaged_commands(simulator: SimulatorRig, lan: tuple[int, Wire]) -> None:
    chance = random.Random(3)
    for command in COMMANDS:
        for _ in range(ROUNDS // 10):
            words = chance.choices(WORDS, k=chance.randint(0, 6))
            simulator.ctl(" ".join([command, *words]))
    simulator.ctl("simulate clear")
    assert simulator.state()["interfaces"]
    assert simulator.api().dump("ip_route_dump", table={"table_id": 0, "is_ip6": False})


def test_a_message_that_claims_to_be_endless_ends_the_connection(simulator: SimulatorRig) -> None:
    api: Api = simulator.api()
    api.socket.sendall(bytes(8) + (1 << 31).to_bytes(4, "big") + bytes(4))
    with pytest.raises(NoReplyError, match="end of connection"):
        api.receive()
    assert simulator.api().retval("control_ping") == 0
